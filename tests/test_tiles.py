"""Tiles of sums: the generated file, and every product over odd shapes and places."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import BOUNDSCHECK, JIT, each_dtype, needs_jit, relative_difference, run_python

from loopbp import lanes, tile_template, tiled, tiles

ODD = (1, 2, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 130)
MANY = JIT and not BOUNDSCHECK
FEW_SHAPES = [(7, 17, 2), (17, 33, 1), (1, 130, 3), (9, 65, 2), (33, 7, 2)]
# Every seventh of the cube: each pair of sizes is among them.
SHAPES = list(itertools.product(ODD, repeat=3))[::7] if MANY else FEW_SHAPES
GUARD = 5  # numbers around an array that must neither be read nor written
BOUND = {"float32": 2e-5, "float64": 2e-13}
SUMS = {"tall": (tiles.sums_tall, 4), "short": (tiles.sums_short, 2)}
DOTS = {"tall": tiles.dots_tall, "short": tiles.dots_short}
each_table = pytest.mark.parametrize("table", SUMS)


# -- the generated file ---------------------------------------------------------------------------


def test_tiles_are_what_the_template_writes():
    assert Path(tiles.__file__).read_text("utf-8") == tile_template.render()


def test_command_writes_the_file(tmp_path):
    target = tmp_path / "tiles.py"
    tile_template.main(target)
    assert target.read_text("utf-8") == tile_template.render()


@pytest.mark.parametrize(
    ("table", "registers"), [(tile_template.TALL, 32), (tile_template.SHORT, 16)]
)
def test_every_tile_fits_the_registers(table, registers):
    for V, heights in table.items():
        assert heights[-1] == 1, "any number of rows can be covered"
        assert list(heights) == sorted(heights, reverse=True)
        assert all(registers >= R * V + V + 1 for R in heights)


# -- arrays with guards ---------------------------------------------------------------------------


class Guarded:
    """A matrix in the middle of a buffer of NaN; rows may lie further apart than they are long."""

    def __init__(self, numbers: Any, gap: int = 0) -> None:
        rows, columns = numbers.shape
        self.row = columns + gap
        self.buffer = np.full(2 * GUARD + rows * self.row, np.nan, numbers.dtype)
        self.start = GUARD
        self.inside = self.buffer[GUARD : GUARD + rows * self.row].reshape(rows, self.row)
        self.inside = self.inside[:, :columns]
        self.inside[...] = numbers

    def outside_is_untouched(self) -> bool:
        held = self.inside.copy()
        self.inside[...] = np.nan
        untouched = bool(np.isnan(self.buffer).all())
        self.inside[...] = held
        return untouched


def panels_of(b: Any, wide: int) -> Any:
    """b (K, n) cut into panels of `wide` columns, one after the other, NaN behind the last."""
    K, n = b.shape
    count = -(-n // wide)
    filled = np.full((K, count * wide), np.nan, b.dtype)
    filled[:, :n] = b
    return np.ascontiguousarray(filled.reshape(K, count, wide).swapaxes(0, 1)).ravel()


def sums_cases(dtype: str, vectors: int) -> Iterator[Any]:
    """Arguments of `sums_*` but its output, that output, and what must come out."""
    wide = vectors * int(lanes.width(np.dtype(dtype).itemsize))
    number = np.dtype(dtype).type
    for k, (M, N, K) in enumerate(SHAPES):
        rng = np.random.default_rng([M, N, K])
        a, b = rng.standard_normal((M, K)).astype(dtype), rng.standard_normal((K, N)).astype(dtype)
        transposed = k // 2 % 2 == 1  # a by columns, as delta is in the gradient
        left = Guarded(a.T if transposed else a, gap=k % 3)
        a_row, a_k = (1, left.row) if transposed else (left.row, 1)
        right = Guarded(b, gap=2)
        panels = panels_of(b, wide)
        in_rows = (right.buffer, right.start, right.row, 1)
        in_panels = (panels, 0, wide, K)
        alpha, beta = [(1.0, 0.0), (1.0, 1.0), (-0.5, 0.75)][k % 3]
        for place in (in_rows, in_panels):
            old = rng.standard_normal((M, N)).astype(dtype)
            out = Guarded(old if beta else np.full_like(old, np.nan), gap=k % 2)
            d: tuple[Any, int, int] = (out.buffer, out.start, out.row)
            added = old
            if k % 5 == 0:  # a row that is added to all, as the bias is
                bias = Guarded(rng.standard_normal((1, N)).astype(dtype))
                d, added = (bias.buffer, bias.start, 0), bias.inside
            product = number(alpha) * (a @ b)
            expected = product + number(beta) * added if beta else product
            b_array, b0, b_k, b_panel = place
            yield (
                (
                    left.buffer, left.start, a_row, a_k, b_array, b0, b_k, b_panel, M, N, K,
                    number(alpha), number(beta), *d,
                ),
                out, expected,
            )  # fmt: skip


def sums_difference(sums: Callable[..., Any], vectors: int, dtype: str) -> float:
    """The worst difference from NumPy; infinite where anything outside is written."""
    worst = 0.0
    for arguments, out, expected in sums_cases(dtype, vectors):
        sums(*arguments, out.buffer, out.start, out.row)
        if not out.outside_is_untouched():
            return np.inf
        worst = max(worst, relative_difference(out.inside, expected))
    return worst


def dots_difference(dots: Callable[..., Any], dtype: str) -> float:
    worst = 0.0
    for k, (M, N, K) in enumerate(SHAPES):
        rng = np.random.default_rng([M, N, K])
        a, w, b = (
            Guarded(rng.standard_normal(shape).astype(dtype), gap=gap)
            for shape, gap in (((M, K), k % 2), ((N, K), k % 3), ((1, N), 0))
        )
        out = Guarded(np.full((M, N), np.nan, dtype), gap=k % 2)
        bias = b.inside[0]
        dots(
            a.buffer, a.start, a.row, w.buffer, w.start, w.row, M, N, K, bias,
            out.buffer, out.start, out.row,
        )  # fmt: skip
        if not out.outside_is_untouched():
            return np.inf
        worst = max(worst, relative_difference(out.inside, a.inside @ w.inside.T + bias))
    return worst


@each_table
@each_dtype
def test_sums_equal_numpy(table, dtype):
    sums, vectors = SUMS[table]
    assert sums_difference(sums, vectors, dtype) <= BOUND[dtype]


@each_table
@each_dtype
def test_dots_equal_numpy(table, dtype):
    assert dots_difference(DOTS[table], dtype) <= BOUND[dtype]


# -- transposes -----------------------------------------------------------------------------------


def transpose_is_right(transpose: Callable[..., Any], W: int, dtype: str) -> bool:
    """out[c, r] = w[r, c] for all parts of a W x W block; rows of out are whole registers."""
    for rows, columns in itertools.product(range(1, W + 1), repeat=2):
        w = np.random.default_rng([rows, columns]).standard_normal((rows, columns)).astype(dtype)
        source = Guarded(w, gap=3)
        out = Guarded(np.full((columns, W), 7.0, dtype), gap=2)
        transpose(
            source.buffer, source.start, source.row, rows, columns,
            out.buffer, out.start, out.row,
        )  # fmt: skip
        if not (out.outside_is_untouched() and (out.inside[:, :rows] == w.T).all()):
            return False
    return True


@each_dtype
def test_transpose_of_a_register_equals_numpy(dtype):
    W = int(lanes.width(np.dtype(dtype).itemsize))
    assert transpose_is_right(getattr(tiles, f"transpose_{W}"), W, dtype)


@pytest.mark.skipif(JIT, reason="compiled, a register is that of this processor")
@pytest.mark.parametrize("W", tile_template.WIDTHS)
def test_transpose_of_another_processor_equals_numpy(monkeypatch, W):
    monkeypatch.setattr(lanes, "REGISTER_BYTES", 8 * W)
    assert transpose_is_right(getattr(tiles, f"transpose_{W}"), W, "float64")


@each_dtype
def test_plain_transpose_equals_numpy(dtype):
    W = int(lanes.width(np.dtype(dtype).itemsize))
    assert transpose_is_right(tiled._transpose, W, dtype)


@each_dtype
@pytest.mark.parametrize("shape", [(1, 1), (3, 70), (17, 33), (64, 16), (65, 130)])
def test_both_ways_into_panels_equal_numpy(shape, dtype):
    w = np.random.default_rng(shape).standard_normal(shape).astype(dtype)
    wide, itemsize = int(tiled.panel_width(w.itemsize)), w.itemsize
    for function, b in ((tiled.pack_transposed, w.T), (tiled.pack, w)):
        expected = panels_of(np.ascontiguousarray(b), wide)
        K, n = b.shape
        assert tiled.panels_size(n, K, itemsize) == expected.size
        out = np.full(expected.size, 7.0, dtype)
        middle = shape[0] // 2 // 16 * 16  # in two calls, as the threads do it
        for start, stop in ((0, middle), (middle, shape[0])):
            function(w, start, stop, out, *((K,) if function is tiled.pack else ()))
        there = ~np.isnan(expected)
        assert np.array_equal(out[there], expected[there])


# -- registers of another size --------------------------------------------------------------------

_OTHER_PROCESSOR = """
import sys
sys.path.insert(0, {tests!r})
import test_tiles as t
for dtype in t.BOUND:
    W = t.lanes.REGISTER_BYTES // t.np.dtype(dtype).itemsize
    assert t.transpose_is_right(getattr(t.tiles, f"transpose_{{W}}"), W, dtype)
    t.SHAPES = t.SHAPES[::5]
    assert t.sums_difference(*t.SUMS["short"], dtype) <= t.BOUND[dtype]
print(t.lanes.REGISTER_BYTES)
"""


@needs_jit
@pytest.mark.skipif(lanes.REGISTER_BYTES != 64, reason="only AVX-512 can stand in for AVX2")
def test_compiled_for_registers_of_32_bytes():
    code = _OTHER_PROCESSOR.format(tests=str(Path(__file__).parent))
    assert run_python(code, NUMBA_CPU_NAME="haswell", NUMBA_CPU_FEATURES="+avx2,+fma") == "32"


# -- wrong versions -------------------------------------------------------------------------------


def _sums_with(change: Callable[[list[Any]], Any]) -> Callable[..., Any]:
    def wrong(*arguments):
        changed = list(arguments)
        change(changed)
        tiles.sums_tall(*changed)

    return wrong


def _last_k_is_left_out(arguments):
    arguments[10] -= 1


def _one_column_too_many(arguments):
    arguments[9] += 1


def _one_row_too_few(arguments):
    arguments[8] -= 1


def _alpha_is_left_out(arguments):
    arguments[11] = arguments[11].dtype.type(1)


def _out_is_always_read(arguments):
    arguments[12] = arguments[12] or arguments[12].dtype.type(1e-30)


def _panels_lie_together(arguments):
    arguments[7] = 1


@pytest.mark.parametrize(
    "change",
    [
        _last_k_is_left_out, _one_column_too_many, _one_row_too_few, _alpha_is_left_out,
        _out_is_always_read, _panels_lie_together,
    ],
    ids=lambda change: change.__name__.strip("_"),
)  # fmt: skip
def test_wrong_sums_are_rejected(change):
    assert not sums_difference(_sums_with(change), 4, "float64") <= 1e-3


def _dots_without_bias(a, a0, a_row, w, w0, w_row, M, N, K, b, *out):
    tiles.dots_tall(a, a0, a_row, w, w0, w_row, M, N, K, np.zeros_like(b), *out)


def _dots_without_the_last_k(a, a0, a_row, w, w0, w_row, M, N, K, b, *out):
    tiles.dots_tall(a, a0, a_row, w, w0, w_row, M, N, K - 1, b, *out)


@pytest.mark.parametrize("wrong", [_dots_without_bias, _dots_without_the_last_k])
def test_wrong_dots_are_rejected(wrong):
    assert not dots_difference(wrong, "float64") <= 1e-3


def test_a_wrong_transpose_is_rejected():
    def copy(w, w0, w_row, rows, columns, out, out0, out_row):
        for r in range(min(rows, columns)):
            out[out0 + r * out_row : out0 + r * out_row + columns] = w[
                w0 + r * w_row : w0 + r * w_row + columns
            ]

    assert not transpose_is_right(copy, 8, "float64")
