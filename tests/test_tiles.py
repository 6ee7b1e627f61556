"""Tiles of sums: the generated file, and every product over odd shapes and places."""

import itertools
import platform
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.helpers import (
    BOUNDSCHECK,
    JIT,
    REFERENCE,
    each_dtype,
    needs_jit,
    relative_difference,
    run_python,
    targets_for,
)  # fmt: skip

from loopbp import activations, losses
from loopbp.jit.sources import plain
from loopbp.jit.specialise import specialise
from loopbp.machine import memory
from loopbp.tiled import kernels, softmax, tile_template, tiles
from loopbp.tiled import panels as tiled_panels
from loopbp.tiled import sums as tiled_sums

ODD = (1, 2, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 130)
MANY = JIT and not BOUNDSCHECK
FEW_SHAPES = [
    (7, 17, 2), (17, 33, 1), (1, 130, 3), (9, 65, 2), (33, 7, 2), (2, 130, 3), (11, 7, 18),
    (2, 7, 18), (1, 7, 18),
]  # fmt: skip
# Every seventh of the cube: each pair of sizes is among them.
SHAPES = list(itertools.product(ODD, repeat=3))[::7] if MANY else FEW_SHAPES
GUARD = 5  # numbers around an array that must neither be read nor written
BOUND = {"float32": 2e-5, "float64": 2e-13}
SUMS: dict[str, tuple[Callable[..., Any], int]] = {
    "tall": (tiles.sums_tall, 4),
    "short": (tiles.sums_short, 2),
}
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
    wide = vectors * int(memory.width(np.dtype(dtype).itemsize))
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
        sums(*arguments, out.buffer, out.start, out.row, *[out.buffer, 0, 0, 0], out.buffer, 0, 0)
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


@each_table
@each_dtype
def test_what_is_asked_for_next_changes_no_bit(table, dtype):
    sums, vectors = SUMS[table]
    for arguments, out, _ in itertools.islice(sums_cases(dtype, vectors), 0, None, 3):
        before, results = out.buffer.copy(), []
        other = np.full(50, 7.0, dtype)
        rows = ((0, 0, 0), (0, 9, 2), (45, 16, 2), (10**6, 10**5, 2), (-(10**6), -3, 2))
        evenly = ((0, 0), (0, 1), (10**6, 2), (-(10**6), 9))
        for hint in itertools.product(rows, evenly):
            out.buffer[:] = before
            sums(*arguments, out.buffer, out.start, out.row, other, *hint[0], other, *hint[1])
            results.append(out.buffer.tobytes())
        assert set(results) == {results[0]}
        assert (other == 7).all()


def asked(
    M: int, N: int, K: int, pace: int, change: dict[str, Any] | None = None
) -> list[set[int]]:
    """What each tile of `sums_tall` asks for of an array, uncompiled, as numbers of it."""
    tiles_asked: list[set[int]] = []
    soon = np.zeros(0)

    def prefetch_in_turn(a, i):
        if a is soon:
            tiles_asked[-1].add(i)

    def counted(tile):
        def call(*arguments):
            tiles_asked.append(set())
            plain(tile)(*arguments)

        return call

    def each(R: int, V: int) -> Any:
        name = f"tile_{R}x{V}"
        return counted(getattr(specialise([getattr(tiles, name)], "asks", bound, plain), name))

    bound = {"prefetch_in_turn": prefetch_in_turn, **(change or {})}
    shapes = {f"tile_{R}x{V}": each(R, V) for V, Rs in tile_template.TALL.items() for R in Rs}
    sums = specialise([tiles.sums_tall], "asks", shapes, plain).sums_tall
    a, b, out = np.ones(M * K), np.ones(K * 64), np.zeros(M * N)
    sums(
        a, 0, K, 1, b, 0, 64, 1, M, N, K, 1.0, 0.0, out, 0, N, out, 0, N, b, 0, 0, 0, soon, 0, pace
    )
    return tiles_asked


def test_a_tile_asks_for_the_rows_of_the_next_one():
    W, K = int(memory.width(8)), 5
    # 6 + 6 rows by 4 registers, a number of each row with each k; then 4 + 4, for there are 8 left
    for rows, begin in ([6, 6], [6, 12]), ([6, 6, 4, 4], [6, 12, 16, 20]):
        found = asked(sum(rows), 4 * W, K, 1)
        expected = [set(range(at * K, (at + R) * K, R)) for R, at in zip(rows, begin, strict=True)]
        assert found == expected
    # twice as many, for what is twice as long
    assert asked(6, 4 * W, K, 2) == [set(range(6 * 2 * K, 12 * 2 * K, 12))]
    assert asked(6, 4 * W - 1, K, 0) == [{0}]
    assert asked(6, 4 * W, K, 0) == [], "the full tile has no request"


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
    W = int(memory.width(np.dtype(dtype).itemsize))
    assert transpose_is_right(getattr(tiles, f"transpose_{W}"), W, dtype)


@pytest.mark.skipif(JIT, reason="compiled, a register is that of this processor")
@pytest.mark.parametrize("W", tile_template.WIDTHS)
def test_transpose_of_another_processor_equals_numpy(monkeypatch, W):
    monkeypatch.setattr(memory, "REGISTER_BYTES", 8 * W)
    assert transpose_is_right(getattr(tiles, f"transpose_{W}"), W, "float64")


@each_dtype
def test_plain_transpose_equals_numpy(dtype):
    W = int(memory.width(np.dtype(dtype).itemsize))
    assert transpose_is_right(tiled_panels.transpose_block, W, dtype)


# -- panels ---------------------------------------------------------------------------------------


def transposed_places(n: int, K: int, itemsize: int) -> Any:
    """Where `pack_transposed` puts w_ik, for all of w (n, K)."""
    wide, W = int(tiled_panels.panel_width(itemsize)), int(memory.width(itemsize))
    row = min(wide, -(-n // W) * W)
    i, k = np.indices((n, K))
    p = i // wide * wide
    return p * K + k * row + i - p


def panel_places(K: int, n: int, itemsize: int) -> Any:
    """Where `pack` puts b_kj, for all of b (K, n)."""
    wide = int(tiled_panels.panel_width(itemsize))
    k, j = np.indices((K, n))
    p = j // wide * wide
    return p * K + k * wide + j - p


def transposed_size(n: int, K: int, dtype: str) -> int:
    return int(tiled_panels.panels_size(n, K, np.dtype(dtype).itemsize))


def panel_size(K: int, n: int, dtype: str) -> int:
    """Panels of `pack` are always of full width."""
    itemsize = np.dtype(dtype).itemsize
    return max(transposed_size(n, K, dtype), int(tiled_panels.panel_width(itemsize)) * K)


class Panels:
    """Panels between guards; `expected` is the same memory as it shall be in the end."""

    def __init__(self, size: int, dtype: str) -> None:
        self.buffer = np.full(size + 2 * GUARD, np.nan, dtype)
        self.panels = self.buffer[GUARD : GUARD + size]
        self.expected = self.buffer.copy()

    def expect(self, places: Any, numbers: Any) -> None:
        assert len(np.unique(places)) == places.size
        assert places.size == 0 or places.max() < self.panels.size
        self.expected[GUARD + places] = numbers

    def are_right(self, bound: float = 0.0) -> bool:
        if bound:
            return relative_difference(self.buffer, self.expected) <= bound
        return bool(np.array_equal(self.buffer, self.expected, equal_nan=True))


def parts_of(n: int, dtype: str) -> list[tuple[int, int]]:
    """0 .. n in three parts that begin at multiples of W, as the threads have them."""
    W = int(memory.width(np.dtype(dtype).itemsize))
    a, b = n // 3 // W * W, n * 2 // 3 // W * W
    return [(0, a), (a, b), (b, n)]


def matrix_of(rows: int, columns: int, dtype: str) -> Any:
    return np.random.default_rng([rows, columns]).standard_normal((rows, columns)).astype(dtype)


PANEL_SHAPES = list(itertools.product(ODD, repeat=2))
PANEL_SHAPES = PANEL_SHAPES if JIT else PANEL_SHAPES[::4]
if JIT:
    PANEL_SHAPES += [(190, 190)]  # more than LEAD_BYTES
    assert tiled_panels.LEAD_BYTES <= 4 * 190 * 190


def pack_transposed_is_right(pack: Callable[..., Any], dtype: str) -> bool:
    """Part for part, from a plain matrix and from panels of `pack`: only what belongs there."""
    itemsize = np.dtype(dtype).itemsize
    for n, K in PANEL_SHAPES:
        w = matrix_of(n, K, dtype)
        plain = Guarded(w)
        in_panels = Panels(panel_size(n, K, dtype), dtype)
        in_panels.panels[panel_places(n, K, itemsize)] = w
        wide = int(tiled_panels.panel_width(itemsize))
        sources = (plain.inside.reshape(-1), K, 1), (in_panels.panels, wide, n)
        places = transposed_places(n, K, itemsize)
        for source in sources:
            out = Panels(transposed_size(n, K, dtype), dtype)
            for start, stop in parts_of(n, dtype):
                for first, end in parts_of(K, dtype):
                    pack(*source, n, K, start, stop, first, end, out.panels)
                    part = (slice(start, stop), slice(first, end))
                    out.expect(places[part], w[part])
                    if not out.are_right():
                        return False
    return True


@each_dtype
def test_pack_transposed_equals_numpy(dtype):
    assert pack_transposed_is_right(tiled_panels.pack_transposed, dtype)


@each_dtype
def test_pack_equals_numpy(dtype):
    itemsize = np.dtype(dtype).itemsize
    for K, n in PANEL_SHAPES:
        b = Guarded(matrix_of(K, n, dtype))
        out = Panels(panel_size(K, n, dtype), dtype)
        places = panel_places(K, n, itemsize)
        for start, stop in ((0, K // 3), (K // 3, K)):
            tiled_panels.pack(b.inside, start, stop, out.panels)
            out.expect(places[start:stop], b.inside[start:stop])
            assert out.are_right(), (K, n, start)


def addends_are_right(addends: Callable[..., Any], dtype: str) -> bool:
    """Part for part of the inputs: z so far, and nothing beside it."""
    for m, n, K in [*SHAPES, (5, 17, 50)]:  # 50: three parts
        w, a, b = matrix_of(n, K, dtype), matrix_of(m, K, dtype), matrix_of(1, n, dtype)[0]
        panels = np.zeros(transposed_size(n, K, dtype), dtype)
        tiled_panels.pack_transposed(w.ravel(), K, 1, n, K, 0, n, 0, K, panels)
        out = Guarded(np.full((m, n), np.nan, dtype))
        expected = b.astype(np.float64)
        parts = [part for part in parts_of(K, dtype) if part[0] < part[1]]
        for first, end in parts:
            addends(panels, b, a, out.inside, first, end, first > 0)
            wide = a[:, first:end].astype(np.float64) @ w[:, first:end].T.astype(np.float64)
            expected = expected + wide
            if relative_difference(out.inside, expected) > BOUND[dtype]:
                return False
        if not out.outside_is_untouched():
            return False
    return True


@each_dtype
def test_weighted_input_adds_up_from_parts_of_its_inputs(dtype):
    def always_with_b(panels, b, a, z, first, end, adds):
        tiled_sums.weighted_input_addends(panels, b, a, z, first, end, False)

    def of_the_first_inputs(panels, b, a, z, first, end, adds):
        tiled_sums.weighted_input_addends(panels, b, a, z, 0, end - first, adds)

    assert addends_are_right(tiled_sums.weighted_input_addends, dtype)
    assert not addends_are_right(always_with_b, dtype)
    assert not addends_are_right(of_the_first_inputs, dtype)


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


@each_dtype
def test_panels_hold_the_columns_beside_each_other(dtype):
    """Both ways of packing against the panels that the tests of sums read."""
    for n, K in ((65, 7), (130, 33), (200, 3)):
        w = matrix_of(n, K, dtype)
        wide = int(tiled_panels.panel_width(w.itemsize))
        expected = panels_of(np.ascontiguousarray(w.T), wide)
        assert tiled_panels.panels_size(n, K, w.itemsize) == expected.size
        transposed, plain = np.full((2, expected.size), np.nan, dtype)
        tiled_panels.pack_transposed(w.ravel(), K, 1, n, K, 0, n, 0, K, transposed)
        tiled_panels.pack(np.ascontiguousarray(w.T), 0, K, plain)
        for out in (transposed, plain):
            assert np.array_equal(out, expected, equal_nan=True)


@each_dtype
def test_round_trip_through_panels_is_exact(dtype):
    for n, K in PANEL_SHAPES:
        w = matrix_of(n, K, dtype)
        panels, back = Panels(panel_size(n, K, dtype), dtype), Guarded(np.full_like(w, np.nan))
        tiled_panels.pack(w, 0, n, panels.panels)
        expected = np.full_like(w, np.nan)
        for start, stop in ((0, n // 3), (n // 3, n)):
            tiled_panels.unpack(panels.panels, start, stop, back.inside)
            expected[start:stop] = w[start:stop]
            assert back.outside_is_untouched()
            assert np.array_equal(back.inside, expected, equal_nan=True), (n, K, start)


@each_dtype
def test_round_trip_through_transposed_panels_is_exact(dtype):
    wide = int(tiled_panels.panel_width(np.dtype(dtype).itemsize))
    for n, K in PANEL_SHAPES:
        w = matrix_of(n, K, dtype)
        panels = Panels(transposed_size(n, K, dtype), dtype)
        tiled_panels.pack_transposed(w.reshape(-1), K, 1, n, K, 0, n, 0, K, panels.panels)
        back, expected = Guarded(np.full_like(w, np.nan)), np.full_like(w, np.nan)
        for start, stop in parts_of(n, dtype):
            out = back.inside.reshape(-1)
            tiled_panels.unpack_transposed(panels.panels, n, K, start, stop, 0, K, out, 0, K)
            expected[start:stop] = w[start:stop]
            assert back.outside_is_untouched()
            assert np.array_equal(back.inside, expected, equal_nan=True), (n, K, start)
        # some columns, as the backward pass wants them
        for first in range(0, K, wide):
            end = min(K, first + wide)
            part = Guarded(np.full((n, wide), np.nan, dtype))
            out = part.inside.reshape(-1)
            tiled_panels.unpack_transposed(panels.panels, n, K, 0, n, first, end, out, 0, wide)
            assert part.outside_is_untouched()
            assert np.isnan(part.inside[:, end - first :]).all()
            assert np.array_equal(part.inside[:, : end - first], w[:, first:end]), (n, K, first)


# -- weight sums ----------------------------------------------------------------------------------

# Examples, columns of left, columns of right; which of them is copied first is tested below.
WEIGHT_SHAPES = [
    (1, 1, 1), (2, 7, 17), (33, 130, 65), (64, 20, 256), (130, 17, 130), (300, 33, 70),
    (520, 530, 70), (520, 9, 260), (520, 270, 260), (256, 530, 260),
]  # fmt: skip
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


def weight_sums_error(weight_sums: Callable[..., Any], shapes: Any, dtype: str) -> float:
    """The worst difference from NumPy for every place of out; infinite for writes elsewhere."""
    worst = 0.0
    number, itemsize = np.dtype(dtype).type, np.dtype(dtype).itemsize
    wide = int(tiled_panels.panel_width(itemsize))
    for which, (m, n_left, n_right) in enumerate(shapes):
        rng = np.random.default_rng([m, n_left, n_right])
        left, right, old = (
            Guarded(rng.standard_normal(shape).astype(dtype))
            for shape in ((m, n_left), (m, n_right), (n_left, n_right))
        )
        alpha, beta = [(1 / m, 0.0), (-0.5, 1.0), (2.0, 0.75)][which % 3]
        expected = number(alpha) * (left.inside.T @ right.inside)
        if beta:
            expected += number(beta) * old.inside
        row = int(tiled_panels.panel_row(n_right, itemsize))
        swapped = transposed_places(n_right, n_left, itemsize).T
        rows = np.arange(n_left * n_right).reshape(n_left, n_right)
        places = {  # where out_rc is, the size of that, out_row and out_panel
            "rows": (rows, n_left * n_right, n_right, 1),
            "pack": (
                panel_places(n_left, n_right, itemsize), panel_size(n_left, n_right, dtype),
                wide, n_left,
            ),
            "pack_transposed": (swapped, transposed_size(n_right, n_left, dtype), row, n_left),
        }  # fmt: skip
        for at, size, out_row, out_panel in places.values():
            out, copied = (
                Panels(size, dtype),
                Panels(transposed_size(n_left, n_right, dtype), dtype),
            )
            scratch = Panels(int(tiled_sums.scratch_size(m, itemsize)), dtype)
            if beta:
                out.panels[at] = old.inside
                out.expect(at, old.inside)
            middle = n_right // 2 // wide * wide
            for first, end in ((0, middle), (middle, n_right)):
                for start, stop in parts_of(n_left, dtype):
                    weight_sums(
                        left.inside, right.inside, start, stop, first, end, number(alpha),
                        number(beta), out.panels, out_row, out_panel, scratch.panels, True,
                        copied.panels,
                    )  # fmt: skip
                    part = (slice(start, stop), slice(first, end))
                    out.expect(at[part], expected[part])
                    worst = max(worst, relative_difference(out.buffer, out.expected))
            copied.expect(transposed_places(n_left, n_right, itemsize), out.panels[at])
            around = [left.outside_is_untouched(), right.outside_is_untouched()]
            around += [np.isnan(scratch.buffer[part]).all() for part in (EDGE, LAST_EDGE)]
            if not (copied.are_right() and all(around)):
                return np.inf
            whole = Panels(size, dtype)
            if beta:
                whole.panels[at] = old.inside
            weight_sums(
                left.inside, right.inside, 0, n_left, 0, n_right, number(alpha), number(beta),
                whole.panels, out_row, out_panel, scratch.panels, False, copied.panels,
            )  # fmt: skip
            if whole.panels[at].tobytes() != out.panels[at].tobytes() or not copied.are_right():
                return np.inf
    return worst


EDGE, LAST_EDGE = slice(0, GUARD), slice(-GUARD, None)


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
    t.PANEL_SHAPES = t.PANEL_SHAPES[::4]
    assert t.pack_transposed_is_right(t.tiled.pack_transposed, dtype)
    assert t.weight_sums_error(t.tiled.weight_sums, t.WEIGHT_SHAPES, dtype) <= t.BOUND[dtype]
print(t.lanes.REGISTER_BYTES)
"""


@needs_jit
@pytest.mark.skipif(memory.REGISTER_BYTES != 64, reason="only AVX-512 can stand in for AVX2")
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


@each_dtype
def test_wrong_panels_are_rejected(dtype):
    def one_row_too_many(w, w_row, w_panel, n, K, start, stop, *others):
        tiled_panels.pack_transposed(w, w_row, w_panel, n, K, start, min(stop + 1, n), *others)

    def always_from_rows(w, w_row, w_panel, n, K, *others):
        tiled_panels.pack_transposed(w, w_row, 1, n, K, *others)

    def all_columns(w, w_row, w_panel, n, K, start, stop, first, end, out):
        tiled_panels.pack_transposed(w, w_row, w_panel, n, K, start, stop, 0, K, out)

    for wrong in (one_row_too_many, always_from_rows, all_columns):
        assert not pack_transposed_is_right(wrong, dtype), wrong


def test_a_wrong_transpose_is_rejected():
    def copy(w, w0, w_row, rows, columns, out, out0, out_row):
        for r in range(min(rows, columns)):
            out[out0 + r * out_row : out0 + r * out_row + columns] = w[
                w0 + r * w_row : w0 + r * w_row + columns
            ]

    assert not transpose_is_right(copy, 8, "float64")


# -- machine code ---------------------------------------------------------------------------------

_ASSEMBLY = """
from numba import types
from loopbp.tiled import tiles
a, i, x = types.Array(types.{dtype}, 1, "C"), types.intp, types.{dtype}
sums = tiles.sums_{name}
sums.compile((a, i, i, i, a, i, i, i, i, i, i, x, x, a, i, i, a, i, i, a, i, i, i, a, i, i))
(result,) = sums.overloads.values()
print(result.library.get_asm_str())
"""


def loops_of_sums(assembly: str) -> dict[str, str]:
    """The loops of at least 8 multiply-adds, by their labels, up to the jump back."""
    loops = {}
    for block in re.split(r"\n(?=\.?LBB\d+_\d+:)", assembly):
        label = block.split(":")[0].strip()
        back = re.search(rf"\bj\w+\s+{re.escape(label)}\b", block)
        if back and block.count("vfmadd") >= 8:
            loops[label] = block[: back.end()]
    return loops


_SPILL = r"\(%rsp\).*%[xyz]mm|%[xyz]mm\d+,.*\(%rsp\)"


def spilt_loops(assembly: str) -> tuple[int, list[str]]:
    """How many loops of multiply-adds there are, and those that keep a vector on the stack."""
    loops = loops_of_sums(assembly)
    return len(loops), [label for label, inside in loops.items() if re.search(_SPILL, inside)]


def instructions(text: str) -> list[str]:
    """Their names, one after the other."""
    return re.findall(r"^\t([a-z]\w*)", text, re.MULTILINE)


def full_tiles(assembly: str, sums: int) -> list[str]:
    """The loops of so many multiply-adds that have no mask and ask for nothing."""
    other = re.compile(rf"mask|%k\d|prefetch|{_SPILL}")
    loops = [text for text in loops_of_sums(assembly).values() if not other.search(text)]
    return [text for text in loops if text.count("vfmadd") == sums]


@needs_jit
@each_dtype
@pytest.mark.skipif(memory.REGISTER_BYTES != 64, reason="the tall tiles need 32 registers")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="reads the assembly of x86")
def test_no_sum_leaves_its_register(dtype):
    assembly = run_python(_ASSEMBLY.format(dtype=dtype, name="tall"), LOOPBP_CACHE="0")
    loops, spilt = spilt_loops(assembly)
    assert loops >= 4, "the search finds what it looks for"
    assert spilt == []


AVX2 = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma"}
AVX512 = {
    "NUMBA_CPU_NAME": "skylake-avx512",
    "NUMBA_CPU_FEATURES": "+avx2,+fma,+avx512f,+avx512vl,+avx512dq,+avx512bw",
}


@needs_jit
@each_dtype
@pytest.mark.parametrize(
    ("name", "processor", "most"),
    # 12 multiply-adds, 2 loads, 6 splats, the loop; 24, 4, 6, the loop
    [("short", AVX2, 26), ("tall", AVX512, 38)],
)
@pytest.mark.skipif(platform.machine() != "x86_64", reason="reads the assembly of x86")
def test_the_full_tiles_have_no_more_instructions_than_they_need(dtype, name, processor, most):
    code = _ASSEMBLY.format(dtype=dtype, name=name)
    assembly = run_python(code, LOOPBP_CACHE="0", **processor)
    R, V = tile_template.FULL[name]
    (full,) = full_tiles(assembly, R * V)
    assert len(instructions(full)) <= most


def test_a_full_tile_is_found():
    body = "\tvfmadd231ps\t%ymm1, %ymm2, %ymm3\n" * 12
    end = "\tdecq\t%rax\n\tjne\t.LBB0_1\n"
    (full,) = full_tiles(f"\n.LBB0_1:\n{body}{end}", 12)
    assert len(instructions(full)) == 14
    mask, ask = "\tvmaskmovps\t(%rax), %ymm1, %ymm2\n", "\tprefetcht1\t(%rax)\n"
    for other in mask, ask, "\tvmovups\t64(%rsp), %ymm3\n", body:
        assert full_tiles(f"\n.LBB0_1:\n{body}{other}{end}", 12) == []


def test_a_spilt_sum_is_found():
    body = "\tvfmadd231ps\t%zmm1, %zmm2, %zmm3\n" * 8
    end = "\tjne\t.LBB0_1\n"
    spill = "\tvmovups\t%zmm3, 64(%rsp)\n"
    assert spilt_loops(f"\n.LBB0_1:\n{body}{end}") == (1, [])
    assert spilt_loops(f"\n.LBB0_1:\n{body}{end}{spill}") == (1, []), "behind the loop"
    assert spilt_loops(f"\n.LBB0_1:\n{body}{spill}{end}") == (1, [".LBB0_1"])
    load = "\tvmovups\t64(%rsp), %zmm3\n"
    assert spilt_loops(f"\n.LBB0_1:\n{load}{body}{end}") == (1, [".LBB0_1"])
