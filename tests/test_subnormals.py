"""Subnormal numbers count as zero in an epoch of the tiled engine, and nowhere else."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import helpers
from cases.helpers import BOUNDSCHECK, needs_jit
from cases.training import SGD, TOLERANCE, train
from numba import prange

from loopbp.binding import Engine, loops_engine
from loopbp.jit.decorators import inner_jit, inner_parallel_jit, jit
from loopbp.machine.subnormals import flush_subnormals, restore_subnormals
from loopbp.tiled.engine import first_units_engine, registers_engine, tiled_engine

pytestmark = [
    needs_jit,
    pytest.mark.skipif(BOUNDSCHECK, reason="that pass is for serial code"),
]
each_dtype = pytest.mark.parametrize("dtype", TOLERANCE)


def subnormal(dtype: str) -> Any:
    return np.finfo(dtype).smallest_normal * np.dtype(dtype).type(0.01)


@inner_jit
def _halve(x, out):
    for k in range(x.shape[0]):
        out[k] = x[k] * x.dtype.type(0.5)


@jit
def _halve_three_times(x, before, between, after):
    _halve(x, before)
    mode = flush_subnormals()
    _halve(x, between)
    restore_subnormals(mode)
    _halve(x, after)


@inner_parallel_jit
def _halve_in_threads(x, out):
    for k in prange(x.shape[0]):
        out[k] = x[k] * x.dtype.type(0.5)


@each_dtype
def test_they_count_as_zero_between_the_two_calls(dtype):
    normal = np.finfo(dtype).smallest_normal
    x = np.array([subnormal(dtype), -subnormal(dtype), normal, 4 * normal, np.nan, np.inf], dtype)
    before, between, after = (np.ones_like(x) for _ in range(3))
    _halve_three_times(x, before, between, after)
    assert before.tobytes() == after.tobytes() == (x * np.dtype(dtype).type(0.5)).tobytes()
    assert before[:3].all()
    assert (between[:3] == 0).all()
    assert between[3:].tobytes() == before[3:].tobytes()


ENGINES: dict[str, tuple[Callable[[], Engine], list[int]]] = {
    "small": (lambda: registers_engine(8), [2, 4, 1]),
    "split": (first_units_engine, [2, 40, 1]),
    "team": (lambda: tiled_engine(True), [2, 40, 1]),
    "alone": (lambda: tiled_engine(False), [2, 40, 1]),
    "loops": (lambda: loops_engine(False), [2, 40, 1]),
}


def weights_after_an_epoch(name: str, dtype: str) -> Any:
    """w^1 that was subnormal, with inputs that are zero, so that nothing is added to it."""
    engine, sizes = ENGINES[name]
    net = helpers.network(sizes, dtype=dtype)
    w = slice(0, sizes[0] * sizes[1])
    net.theta[w] = subnormal(dtype)
    X, Y = np.zeros((40, sizes[0])), np.ones((40, 1))
    return train(engine(), net, X, Y, 8, SGD, epochs=1)[1][w]


@each_dtype
@pytest.mark.parametrize("name", [name for name in ENGINES if name != "loops"])
def test_every_way_through_an_epoch_takes_them_for_zero(name, dtype):
    assert (weights_after_an_epoch(name, dtype) == 0).all()
    x = np.full(1000, subnormal(dtype), dtype)
    here, in_threads = np.zeros_like(x), np.zeros_like(x)
    _halve(x, here)
    _halve_in_threads(x, in_threads)
    assert here.all(), "the mode of this thread is as it was"
    assert in_threads.all(), "and that of the others"


@each_dtype
def test_literal_loops_do_not(dtype):
    assert (weights_after_an_epoch("loops", dtype) == subnormal(dtype)).all()
