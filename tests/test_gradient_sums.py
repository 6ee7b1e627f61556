"""Sums over the examples, of weights and of biases, for any part of the units."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases.helpers import JIT, each_dtype, relative_difference
from cases.tiles import BOUND, ODD, WEIGHT_SHAPES, Guarded, weight_sums_error

from loopbp.tiled import sums as tiled_sums

# -- weight sums ----------------------------------------------------------------------------------

LEAST_WEIGHT_SHAPES = [(1, 1, 1), (7, 3, 17), (9, 37, 66), (17, 33, 7), (17, 5, 64)]


@pytest.fixture
def weight_shapes(monkeypatch):
    """Shapes which between them take every branch; uncompiled, smaller limits for smaller ones."""
    if JIT:
        return WEIGHT_SHAPES
    for name, value in {
        "SCATTERED_BYTES": 2200, "FULL_SETS": 1, "SLICE": 4, "STRIP_ROWS": 16, "STRIP_COLUMNS": 7,
    }.items():  # fmt: skip
        monkeypatch.setattr(tiled_sums, name, value)
    return LEAST_WEIGHT_SHAPES


@each_dtype
def test_weight_sums_equal_numpy_whatever_the_parts(weight_shapes, dtype):
    assert weight_sums_error(tiled_sums.weight_sums, weight_shapes, dtype) <= BOUND[dtype]


@each_dtype
def test_weight_sums_take_every_branch(weight_shapes, dtype):
    itemsize = np.dtype(dtype).itemsize
    taken = set()
    for m, n_left, n_right in weight_shapes:
        many = n_right >= tiled_sums.STRIP_COLUMNS
        strips = bool(tiled_sums.is_scattered(m, n_left, itemsize)) and many
        taken |= {
            ("strips", strips),
            ("collides", bool(tiled_sums.collides(m, n_right, itemsize))),
            ("scattered", bool(tiled_sums.is_scattered(m, n_right, itemsize))),
            ("slices", m > tiled_sums.SLICE),
            ("more than a strip", strips and n_left > tiled_sums.STRIP_ROWS),
        }
    assert len(taken) == 10


@each_dtype
def test_wrong_weight_sums_are_rejected(weight_shapes, dtype):
    weight_sums: Callable[..., Any] = tiled_sums.weight_sums

    def without_the_last_example(left, right, *others):
        weight_sums(left[:-1], right[:-1], *others)

    def with_alpha_one(left, right, start, stop, first, end, alpha, *others):
        weight_sums(left, right, start, stop, first, end, alpha.dtype.type(1), *others)

    def without_copies(*arguments):
        weight_sums(*arguments[:-2], False, arguments[-1])

    def with_a_row_too_many(left, right, start, stop, *others):
        weight_sums(left, right, start, min(stop + 1, left.shape[1]), *others)

    def with_beta_in_each_slice(left, right, *others):
        for t in range(0, len(left), tiled_sums.SLICE):
            weight_sums(left[t : t + tiled_sums.SLICE], right[t : t + tiled_sums.SLICE], *others)

    for wrong in (without_the_last_example, with_alpha_one, without_copies, with_a_row_too_many):
        assert not weight_sums_error(wrong, weight_shapes[1:3], dtype) <= 1e-3, wrong
    many = [shape for shape in weight_shapes if shape[0] > tiled_sums.SLICE][:1]
    assert not weight_sums_error(with_beta_in_each_slice, many, dtype) <= 1e-3


# -- bias sums ------------------------------------------------------------------------------------


def bias_sums_error(bias_sums: Callable[..., Any], dtype: str) -> float:
    """The worst difference from NumPy for every range of units; infinite for writes elsewhere."""
    worst, number = 0.0, np.dtype(dtype).type
    for m, n in itertools.product((1, 2, 33), ODD):
        rng = np.random.default_rng([m, n])
        delta, old = rng.standard_normal((m, n)).astype(dtype), rng.standard_normal(n).astype(dtype)
        for alpha, beta in ((1 / m, 0.0), (-0.5, 1.0)):
            expected = number(alpha) * delta.sum(axis=0) + number(beta) * old
            before = old if beta else np.full_like(old, np.nan)
            for start, stop in ((0, n), (n // 3, n), (0, n - n // 4)):
                left, out = Guarded(delta), Guarded(before[None])
                bias_sums(left.inside, start, stop, number(alpha), number(beta), out.inside[0])
                kept = np.ones(n, bool)
                kept[start:stop] = False
                found = out.inside[0].copy()
                if not np.array_equal(found[kept], before[kept], equal_nan=True):
                    return np.inf
                if not (out.outside_is_untouched() and left.outside_is_untouched()):
                    return np.inf
                if start < stop:
                    parts = found[start:stop], expected[start:stop]
                    worst = max(worst, relative_difference(*parts))
    return worst


@each_dtype
def test_bias_sums_equal_numpy_for_any_units(dtype):
    assert bias_sums_error(tiled_sums.bias_sums, dtype) <= BOUND[dtype]


@each_dtype
def test_wrong_bias_sums_are_rejected(dtype):
    bias_sums: Callable[..., Any] = tiled_sums.bias_sums

    def without_the_first_example(delta, *others):
        bias_sums(delta[1:] if len(delta) > 1 else delta, *others)

    def with_a_unit_too_many(delta, start, stop, *others):
        bias_sums(delta, start, min(stop + 1, delta.shape[1]), *others)

    for wrong in (without_the_first_example, with_a_unit_too_many):
        assert not bias_sums_error(wrong, dtype) <= 1e-3, wrong
