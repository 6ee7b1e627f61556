"""Matrices cut into panels and back, whole and in the parts that threads have."""

from collections.abc import Callable
from typing import Any

import numpy as np
from cases.helpers import each_dtype, relative_difference
from cases.tiles import (
    BOUND,
    PANEL_SHAPES,
    SHAPES,
    Guarded,
    Panels,
    matrix_of,
    pack_transposed_is_right,
    panel_places,
    panel_size,
    panels_of,
    parts_of,
    transposed_size,
)

from loopbp.machine import memory, pieces
from loopbp.tiled import panels as tiled_panels
from loopbp.tiled import sums as tiled_sums


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


def groups_are_right(by_groups: Callable[..., Any], dtype: str) -> bool:
    """The inputs in one share or in several, added up in groups; nothing beside them is written."""
    for m, n, units in [*SHAPES[:20], (5, 17, 130)]:
        for groups, shares in ((2, 1), (2, 2), (4, 1), (4, 2), (4, 4)):
            each, W = groups // shares, int(memory.width(np.dtype(dtype).itemsize))
            w, a, b = (
                matrix_of(n, units, dtype),
                matrix_of(m, units, dtype),
                matrix_of(1, n, dtype)[0],
            )
            expected = b + a.astype(np.float64) @ w.T.astype(np.float64)
            total = np.zeros((m, n))
            for s in range(shares):
                first = int(pieces.share(units, W, s * each, groups))
                end = int(pieces.share(units, W, s * each + each, groups))
                part_w, part_a = w[:, first:end].copy(), a[:, first:end].copy()
                panels = np.zeros(transposed_size(n, max(1, end - first), dtype), dtype)
                size = n, end - first
                if end > first:
                    tiled_panels.pack_transposed(
                        part_w.ravel(), size[1], 1, *size, 0, n, 0, size[1], panels
                    )
                out, spare = Guarded(np.full((m, n), np.nan, dtype)), np.zeros((m, n), dtype)
                by_groups(panels, b, part_a, out.inside, spare, 0, m, 0, n, units, s, each, groups)
                if not out.outside_is_untouched():
                    return False
                total += out.inside
            if relative_difference(total, expected) > BOUND[dtype]:
                return False
    return True


@each_dtype
def test_weighted_input_adds_up_from_groups_of_its_inputs(dtype):
    by_groups: Any = tiled_sums.weighted_input_by_groups

    def always_with_b(panels, b, a, z, *rest):
        by_groups(panels, b, a, z, *rest)
        z += b * (rest[-3] > 0)

    def of_the_first_share(*arguments):
        *others, _, each, groups = arguments
        by_groups(*others, 0, each, groups)

    assert groups_are_right(by_groups, dtype)
    assert not groups_are_right(always_with_b, dtype)
    assert not groups_are_right(of_the_first_share, dtype)


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
