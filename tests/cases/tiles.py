"""Arrays with guards around them, panels, and the checks of sums and transposes in tiles."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from loopbp.machine import memory
from loopbp.tiled import panels as tiled_panels
from loopbp.tiled import sums as tiled_sums
from loopbp.tiled import tiles

from .helpers import BOUNDSCHECK, JIT, relative_difference

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


# Examples, columns of left, columns of right; which of them is copied first is tested below.
WEIGHT_SHAPES = [
    (1, 1, 1), (2, 7, 17), (33, 130, 65), (64, 20, 256), (130, 17, 130), (300, 33, 70),
    (520, 530, 70), (520, 9, 260), (520, 270, 260), (256, 530, 260),
]  # fmt: skip


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
