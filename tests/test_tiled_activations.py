"""Activations over blocks of the tiled engine: relu, and softmax with cross_entropy."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases.helpers import REFERENCE, each_dtype, relative_difference, targets_for
from cases.tiles import BOUND, GUARD, Guarded

from loopbp import activations, losses
from loopbp.machine import memory
from loopbp.tiled import kernels, softmax

# -- relu -----------------------------------------------------------------------------------------

# Rows shorter than a register, of whole ones, and of some and a rest; some apart from each other.
RELU_BLOCKS = [(3, 1, 4), (1, 130, 130), (2, 16, 40), (5, 35, 35), (2, 70, 90), (3, 0, 7)]


def relu_rows_are_right(activate: Any, times_prime: Any, dtype: str) -> bool:
    """Blocks against the reference to the bit, and nothing beside them."""
    rng = np.random.default_rng(0)
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-30, -1e-30], dtype)
    for rows, columns, apart in RELU_BLOCKS:
        z = rng.standard_normal(GUARD + rows * apart + GUARD).astype(dtype)
        z[::3] = np.resize(special, z[::3].size)
        inside = np.zeros(z.size, bool)
        for r in range(rows):
            inside[GUARD + r * apart : GUARD + r * apart + columns] = True
        a, delta = np.full_like(z, -7), rng.standard_normal(z.size).astype(dtype)
        expected = np.where(inside, np.where(z <= 0, a.dtype.type(0), z), a)
        slope = np.where(expected > 0, a.dtype.type(1), a.dtype.type(0))
        scaled = np.where(inside, delta * slope, delta)
        activate(activations.RELU, 0, z, a, GUARD, rows, columns, apart, True)
        times_prime(activations.RELU, 0, a, delta, GUARD, rows, columns, apart)
        if a.tobytes() != expected.tobytes() or delta.tobytes() != scaled.tobytes():
            return False
    return True


@each_dtype
def test_relu_and_its_derivative_of_blocks(dtype):
    rows, prime_rows = kernels.activation_rows, kernels.times_kept_prime_rows
    W = int(memory.width(np.dtype(dtype).itemsize))

    def without_the_rest(code, address, z, out, start, count, columns, apart, keeps):
        rows(code, address, z, out, start, count, columns // W * W, apart, keeps)

    def as_one_row(code, address, z, out, start, count, columns, apart, keeps):
        rows(code, address, z, out, start, 1, count * columns, apart, keeps)

    def prime_left_out(code, address, z, delta, *block):
        pass

    def prime_beyond_the_rest(code, address, z, delta, start, count, columns, apart):
        columns = min(apart, -(-columns // W) * W)
        prime_rows(code, address, z, delta, start, count, columns, apart)

    assert relu_rows_are_right(rows, prime_rows, dtype)
    assert not relu_rows_are_right(without_the_rest, prime_rows, dtype)
    assert not relu_rows_are_right(as_one_row, prime_rows, dtype)
    assert not relu_rows_are_right(rows, prime_left_out, dtype)
    assert not relu_rows_are_right(rows, prime_beyond_the_rest, dtype)


# -- softmax with cross_entropy -------------------------------------------------------------------

SOFTMAX_UNITS = (2, 3, 10, 17, 33, 130)
PAIR = (losses.CODES["cross_entropy"], activations.CODES["softmax"])


def softmax_results(function: Callable[..., Any], z: Any, y: Any, weight: Any) -> Any:
    """a, delta and c of the fused function; None where it writes beside them."""
    held = [Guarded(array) for array in (z, y, *np.full((2, *z.shape), np.nan, z.dtype))]
    c = Guarded(np.full((1, len(z)), np.nan))
    s = Guarded(weight[None])
    function(
        *(h.inside for h in held[:2]), s.inside[0], held[2].inside, held[3].inside, c.inside[0]
    )
    same = np.array_equal(held[1].inside, y) and np.array_equal(s.inside[0], weight)
    if not (same and all(h.outside_is_untouched() for h in (*held, c, s))):
        return None
    return held[2].inside, held[3].inside, c.inside[0]


def reference_softmax(z: Any, y: Any, weight: Any) -> Any:
    a, delta, c = np.empty_like(z), np.empty_like(z), np.empty(len(z))
    with np.errstate(invalid="ignore"):
        REFERENCE.kernels.activation(PAIR[1], 0, z, a)
        REFERENCE.kernels.example_losses(*PAIR, z, a, y, weight, c)
        REFERENCE.kernels.output_delta(*PAIR, 0, z, a, y, weight, delta)
    return a, delta, c


def softmax_error(function: Callable[..., Any], dtype: str) -> float:
    worst = 0.0
    for m, n in itertools.product((1, 2, 7, 33), SOFTMAX_UNITS):
        rng = np.random.default_rng([m, n])
        z = (4 * rng.standard_normal((m, n))).astype(dtype)
        y = targets_for("softmax", "cross_entropy", m, n, dtype)
        weight = (0.5 + rng.random(m)).astype(dtype)
        found = softmax_results(function, z, y, weight)
        if found is None:
            return np.inf
        expected = reference_softmax(z, y, weight)
        pairs = zip(found, expected, strict=True)
        worst = max(worst, *(relative_difference(*pair) for pair in pairs))
    return worst


@each_dtype
def test_softmax_cross_entropy_equals_the_reference(dtype):
    assert softmax_error(softmax.softmax_cross_entropy, dtype) <= BOUND[dtype]


@each_dtype
@pytest.mark.parametrize("n", SOFTMAX_UNITS)
def test_softmax_of_rows_that_are_not_finite(n, dtype):
    rng = np.random.default_rng(n)
    z = (4 * rng.standard_normal((12, n))).astype(dtype)
    for t, value in ((1, np.nan), (3, np.inf), (5, -np.inf)):
        z[t, 0] = z[t + 6, n - 1] = value
    z[2] = -np.inf
    z[4] *= 300
    y = targets_for("softmax", "cross_entropy", len(z), n, dtype)
    weight = np.ones(len(z), dtype)
    expected = reference_softmax(z, y, weight)
    assert np.isnan(expected[0][[1, 2, 3, 7, 9]]).all()
    with np.errstate(invalid="ignore"):  # uncompiled, it is NumPy
        found = softmax_results(softmax.softmax_cross_entropy, z, y, weight)
    assert found is not None
    for one, other in zip(found, expected, strict=True):
        finite = np.isfinite(other)
        assert np.array_equal(np.isnan(one), np.isnan(other))
        assert np.array_equal(one[~finite], other[~finite], equal_nan=True)
        assert relative_difference(one[finite], other[finite]) <= BOUND[dtype]


@each_dtype
def test_wrong_softmax_is_rejected(dtype):
    fused = softmax.softmax_cross_entropy

    def without_weight_in_delta(z, y, weight, a, delta, c):
        fused(z, y, weight, a, delta, c)
        delta[:] = a - y

    def without_weight_in_c(z, y, weight, a, delta, c):
        fused(z, y, weight, a, delta, c)
        c /= weight

    def with_the_other_sign(z, y, weight, a, delta, c):
        fused(z, y, weight, a, delta, c)
        delta *= -1

    def with_the_last_a_forgotten(z, y, weight, a, delta, c):
        fused(z, y, weight, a, delta, c)
        a[-1, -1] = 0

    for wrong in (
        without_weight_in_delta, without_weight_in_c, with_the_other_sign,
        with_the_last_a_forgotten,
    ):  # fmt: skip
        assert not softmax_error(wrong, dtype) <= 1e-3, wrong
