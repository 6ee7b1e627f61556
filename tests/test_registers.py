"""Registers: the same in compiled code as in plain Python, and as in NumPy."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases.helpers import each_dtype, needs_jit
from numba import njit

import loopbp
from loopbp.jit import by_symbol, settings
from loopbp.machine import memory, of_width
from loopbp.machine.arithmetic import choose, fma, like, magnitude
from loopbp.machine.folds import combine, highest, store_total, total, zip_high, zip_low
from loopbp.machine.hints import prefetch, prefetch_first
from loopbp.machine.registers import (
    item,
    load,
    load_part,
    load_part_or,
    splat,
    splat_row,
    store,
    store_part,
)

# Operators on registers are known to this package's own compilations.
with_registers = njit(pipeline_class=by_symbol.OurCompiler)

# Each driver reads registers of x, y and s, and writes what it finds from out[1] on.


def _load(x, y, s, out, count):
    store(out, 1, load(x, 2))


def _load_part(x, y, s, out, count):
    store(out, 1, load_part(x, 2, count))


def _load_part_or(x, y, s, out, count):
    store(out, 1, load_part_or(x, 2, count, load(y, 0)))


def _store_part(x, y, s, out, count):
    store_part(out, 1, load(x, 2), count)


def _splat(x, y, s, out, count):
    store(out, 1, splat(x[2]))


def _item(x, y, s, out, count):
    out[1] = item(x, 3)


def _fma(x, y, s, out, count):
    store(out, 1, fma(load(x, 0), load(y, 0), load(s, 0)))


def _fma_of_numbers(x, y, s, out, count):
    out[1] = fma(x[0], y[0], s[0])


def _fma_with_a_number(x, y, s, out, count):
    store(out, 1, fma(load(x, 0), y[0], load(s, 0)))


def _times(x, y, s, out, count):
    store(out, 1, load(x, 0) * load(y, 0))


def _plus(x, y, s, out, count):
    store(out, 1, load(x, 0) + load(y, 0))


def _minus(x, y, s, out, count):
    store(out, 1, load(x, 0) - load(y, 0))


def _number_minus(x, y, s, out, count):
    store(out, 1, s[0] - load(x, 0))


def _over(x, y, s, out, count):
    store(out, 1, load(x, 0) / load(y, 0))


def _negative(x, y, s, out, count):
    store(out, 1, -load(x, 0))


def _magnitude(x, y, s, out, count):
    store(out, 1, magnitude(load(x, 0)))


def _magnitude_of_a_number(x, y, s, out, count):
    out[1] = magnitude(x[0])


def _greater(x, y, s, out, count):
    store(out, 1, choose(load(x, 0) > load(y, 0), load(x, 0), load(y, 0)))


def _greater_turned(x, y, s, out, count):
    store(out, 1, choose(load(y, 0) > load(x, 0), load(y, 0), load(x, 0)))


def _less(x, y, s, out, count):
    store(out, 1, choose(load(x, 0) < s[0], load(x, 0), load(y, 0)))


def _less_or_equal(x, y, s, out, count):
    store(out, 1, choose(load(x, 0) <= x[2], load(x, 0), load(y, 0)))


def _equal(x, y, s, out, count):
    store(out, 1, choose(load(x, 0) == x[2], load(s, 0), load(y, 0)))


def _choice_of_numbers(x, y, s, out, count):
    out[1] = choose(x[2] < y[2], s[0], s[1])


def _choice_with_a_number(x, y, s, out, count):
    store(out, 1, choose(load(x, 0) < load(y, 0), s[0], load(y, 0)))


def _like(x, y, s, out, count):
    store(out, 1, like(load(x, 0), y[0]))


def _splat_row(x, y, s, out, count):
    store(out, 1, splat_row(x, 1, 2, 1))


def _combine(x, y, s, out, count):
    store(out, 1, combine(load(x, 0), y[0], s[0], s, 1, count))


def _store_total(x, y, s, out, count):
    store_total(out, 1, load(y, 0), s, 1)


def _highest(x, y, s, out, count):
    out[1] = highest(load(y, 0))


def _prefetch(x, y, s, out, count):
    for k in range(-3, 4):
        prefetch(x, k * 1000)
        prefetch_first(out, k)


def _total(x, y, s, out, count):
    out[1] = total(load(y, 0))


def _zip_low(x, y, s, out, count):
    store(out, 1, zip_low(load(x, 0), load(y, 0)))


def _zip_high(x, y, s, out, count):
    store(out, 1, zip_high(load(x, 0), load(y, 0)))


def _halves(x: Any, combine: Callable[[Any, Any], Any] = np.add) -> Any:
    return x if len(x) == 1 else _halves(combine(*np.split(x, 2)), combine)


def _larger(x: Any, y: Any) -> Any:
    return np.array([a if a > b else b for a, b in zip(x, y, strict=True)])


# By NumPy: x, y, s of W + 2 numbers, W, count.
EXPECTED: dict[Callable[..., None], Callable[..., Any]] = {
    _load: lambda x, y, s, W, count: x[2:],
    _load_part: lambda x, y, s, W, count: np.where(np.arange(W) < count, x[2:], 0),
    _load_part_or: lambda x, y, s, W, count: np.where(np.arange(W) < count, x[2:], y[:W]),
    _store_part: lambda x, y, s, W, count: x[2 : 2 + count],
    _splat: lambda x, y, s, W, count: np.repeat(x[2], W),
    _item: lambda x, y, s, W, count: x[3:4],
    _fma: lambda x, y, s, W, count: s[:W] + x[:W] * y[:W],
    _fma_of_numbers: lambda x, y, s, W, count: s[:1] + x[:1] * y[:1],
    _fma_with_a_number: lambda x, y, s, W, count: s[:W] + x[:W] * y[0],
    _times: lambda x, y, s, W, count: x[:W] * y[:W],
    _plus: lambda x, y, s, W, count: x[:W] + y[:W],
    _minus: lambda x, y, s, W, count: x[:W] - y[:W],
    _number_minus: lambda x, y, s, W, count: s[0] - x[:W],
    _over: lambda x, y, s, W, count: x[:W] / y[:W],
    _negative: lambda x, y, s, W, count: -x[:W],
    _magnitude: lambda x, y, s, W, count: np.abs(x[:W]),
    _magnitude_of_a_number: lambda x, y, s, W, count: np.abs(x[:1]),
    _greater: lambda x, y, s, W, count: _larger(x[:W], y[:W]),
    _less: lambda x, y, s, W, count: np.where(x[:W] < s[0], x[:W], y[:W]),
    _less_or_equal: lambda x, y, s, W, count: np.where(x[:W] <= x[2], x[:W], y[:W]),
    _equal: lambda x, y, s, W, count: np.where(x[:W] == x[2], s[:W], y[:W]),
    _choice_of_numbers: lambda x, y, s, W, count: s[:1] if x[2] < y[2] else s[1:2],
    _choice_with_a_number: lambda x, y, s, W, count: np.where(x[:W] < y[:W], s[0], y[:W]),
    _like: lambda x, y, s, W, count: np.repeat(y[0], W),
    _splat_row: lambda x, y, s, W, count: np.repeat(x[3], W),
    _combine: lambda x, y, s, W, count: (
        y[0] * x[:W] + s[0] * np.where(np.arange(W) < count, s[1 : W + 1], 0)
    ),
    _store_total: lambda x, y, s, W, count: s[1:2] + _halves(y[:W]),
    _highest: lambda x, y, s, W, count: _halves(y[:W], _larger),
    _prefetch: lambda x, y, s, W, count: x[:0],
    _total: lambda x, y, s, W, count: _halves(y[:W]),
    _zip_low: lambda x, y, s, W, count: np.column_stack([x[:W], y[:W]]).ravel()[:W],
    _zip_high: lambda x, y, s, W, count: np.column_stack([x[:W], y[:W]]).ravel()[W:],
}
PARTIAL = (_load_part, _load_part_or, _store_part, _combine)
each_lane = pytest.mark.parametrize("lane", EXPECTED, ids=lambda lane: lane.__name__.strip("_"))


def lane_is_right(function: Callable[..., Any], lane: Callable[..., None], dtype: str) -> bool:
    """Against NumPy for every count; what lies around the target must stay."""
    W = int(memory.width(np.dtype(dtype).itemsize))
    rng = np.random.default_rng(W)
    # Of few digits, so that a product is exact and one rounding is as good as two.
    x, y, s = (rng.integers(-99, 99, W + 2).astype(dtype) / 8 for _ in range(3))
    x[0], x[5 % W] = -0.0, np.inf
    counts = [*range(W + 3), 5 * W, 1 << 40] if lane in PARTIAL else [W]
    for with_nan, count in itertools.product((False, True), counts):
        if with_nan:
            x[1], y[W // 2] = np.nan, np.nan
        with np.errstate(invalid="ignore", divide="ignore"):
            numbers = EXPECTED[lane](x, y, s, W, count)
        expected = np.full(W + 2, 7, dtype)
        expected[1 : 1 + len(numbers)] = numbers
        out = np.full(W + 2, 7, dtype)
        function(x, y, s, out, count)
        if out.tobytes() != expected.tobytes():
            return False
    return True


@each_dtype
@each_lane
def test_lane_in_plain_python(lane, dtype):
    assert lane_is_right(lane, lane, dtype)


@needs_jit
@each_dtype
@each_lane
def test_lane_in_compiled_code(lane, dtype):
    assert lane_is_right(with_registers(lane), lane, dtype)


@pytest.mark.parametrize(
    ("wrong", "lane"),
    [
        (_load, _load_part), (_load, _store_part), (_zip_high, _zip_low),
        (_times, _fma), (_plus, _times), (_item, _total), (_load_part, _load_part_or),
        (_plus, _minus), (_greater_turned, _greater), (_less, _less_or_equal),
        (_minus, _number_minus),
        (_fma_with_a_number, _combine), (_negative, _magnitude),
        (_total, _store_total),
        (_equal, _less_or_equal), (_total, _highest), (_load, _prefetch),
    ],
)  # fmt: skip
def test_a_wrong_lane_is_rejected(wrong, lane):
    assert not lane_is_right(wrong, lane, "float64")


ORDER = np.array([9, 3, 0, 2, 5, 1, 4, 3, 0, 1, 2, 5, 4, 3, 2, 1, 0, 5])
COLUMNS = 3


def _shorter(count: int) -> Callable[..., Any]:
    """A driver like those above for registers of `count` numbers."""
    few = of_width.lanes_of(count)
    load_few, splat_few, lane_count = few["load"], few["splat"], few["lane_count"]
    row_starts, gather = few["row_starts"], few["gather"]

    def driver(x, y, s, order, m, out):
        a, b, c = load_few(x, 1), load_few(y, 2), splat_few(s[0])
        store(out, 1, fma(a, b, c))
        store(out, count + 1, a * b + c)
        store(out, 2 * count + 1, gather(x, row_starts(order, 1, m, COLUMNS), 2, m))
        out[3 * count + 1] = total(b)
        out[3 * count + 2] = highest(choose(a > b, a, b))
        return lane_count()

    return driver


def shorter_is_right(function: Callable[..., Any], count: int, dtype: str) -> bool:
    rng = np.random.default_rng(count)
    x, y, s = (rng.integers(-99, 99, count + 20).astype(dtype) / 8 for _ in range(3))
    a, b = x[1 : count + 1], y[2 : count + 2]
    sums = a * b + s[0]
    for m in range(1, count + 1):
        gathered = np.zeros(count, dtype)
        gathered[:m] = x[COLUMNS * ORDER[1 : m + 1] + 2]
        numbers = [*sums, *sums, *gathered, b.sum(), max(a.max(), b.max())]
        expected = np.array([7, *numbers, 7], dtype)
        out = np.full_like(expected, 7)
        if function(x, y, s, ORDER, m, out) != count or out.tobytes() != expected.tobytes():
            return False
    return True


@each_dtype
@pytest.mark.parametrize("count", [4, 8, 16])
def test_shorter_registers_in_plain_python(count, dtype):
    assert shorter_is_right(_shorter(count), count, dtype)


@needs_jit
@each_dtype
@pytest.mark.parametrize("count", [4, 8, 16])
def test_shorter_registers_in_compiled_code(count, dtype):
    assert shorter_is_right(with_registers(_shorter(count)), count, dtype)


def test_registers_of_another_length_are_rejected():
    assert not shorter_is_right(_shorter(4), 8, "float64")


@needs_jit
@each_dtype
def test_compiled_fma_rounds_once(dtype):
    x = np.full(64, 1 + 2 * np.finfo(dtype).eps, dtype)
    out = np.empty(66, dtype)
    with_registers(_fma)(x, x, -(x * x), out, 0)
    assert out[1] != 0, "the rounding error of the product is what is left"


@each_dtype
def test_arrays_begin_on_a_cache_line(dtype):
    for count in (1, 5, 1000):
        made = memory.aligned(count, np.empty(1, dtype))
        assert (made.size, made.dtype, made.any()) == (count, dtype, False)
        assert made.ctypes.data % memory.ALIGNMENT == 0
    for k in range(1, 12):
        net = loopbp.Network([k, 3, 1], dtype=dtype)
        assert net.theta.ctypes.data % memory.ALIGNMENT == 0


def test_width_is_that_of_a_register():
    assert memory.REGISTER_BYTES in (16, 32, 64)
    assert [memory.width(size) for size in (4, 8)] == [
        memory.REGISTER_BYTES // 4, memory.REGISTER_BYTES // 8,
    ]  # fmt: skip


@njit
def _bytes_of_an_item(array):
    return memory.item_bytes(array)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_bytes_of_an_item(dtype):
    array = np.zeros(3, dtype)
    assert _bytes_of_an_item(array) == memory.item_bytes(array) == array.itemsize


@pytest.mark.parametrize(
    ("features", "size"),
    [("+avx2,+avx512f,+sse2", 64), ("+avx2,-avx512f", 32), ("+sse2", 16), ("", 16)],
)
def test_register_follows_the_features_that_numba_compiles_for(monkeypatch, features, size):
    monkeypatch.setattr(settings.config, "CPU_FEATURES", features)
    assert memory._register_bytes() == size
