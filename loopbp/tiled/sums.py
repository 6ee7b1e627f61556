"""The sums of the derivation in tiles: over inputs, over units, over examples."""

from loopbp.jit.decorators import inline_jit, inner_jit
from loopbp.machine.folds import combine
from loopbp.machine.memory import ALIGNMENT, item_bytes, width
from loopbp.machine.pieces import share
from loopbp.machine.registers import load, load_part, store_part
from loopbp.machine.views import flat, vector
from loopbp.tiled import tiles
from loopbp.tiled.panels import (
    _SHORT,
    AHEAD_ROWS,
    PANEL_VECTORS,
    add_two,
    pack_panel,
    pack_transposed,
    panel_row,
    panel_width,
    transpose_block,
)

tile_sums = tiles.sums_short if _SHORT else tiles.sums_tall
tile_dots = tiles.dots_short if _SHORT else tiles.dots_tall

# For so few examples, and rows of w so many times as long as there are examples, dot products along
# the rows of w beat copying w into panels; with more examples, or shorter rows, the ends of the dot
# products cost more than the copy.
DOT_ROWS, DOT_LENGTH = 16, 28
# Registers of sums below which a tile of panels that are there already only waits for itself.
FEW_SUMS = 4
# When `weight_sums` copies what it reads: see `collides` and `is_scattered`.  How many lines each
# set of the first-level cache may be asked to hold, of a page's 64 sets, and bytes of a matrix that
# are too many pages.
PAGE, FULL_SETS = 4096, 8
SCATTERED_BYTES = 1 << 19
# Columns from which a strip pays, which each of them reads: blocks of 4 or 8 numbers, as with AVX2,
# make it slowly.
STRIP_COLUMNS = 256 if _SHORT else 1
# Rows of the largest tile.  For no more a copy would be read only once.
TILE_ROWS = 6
# What `weight_sums` copies at once, of SLICE examples: a panel of the right matrix, for the
# first-level cache, and a strip of STRIP_ROWS rows of the left one, for the second-level cache
# beside a block of w, even where others use half of that.  So all of w is read once for each slice,
# in order, which costs less than larger strips.
SLICE, STRIP_ROWS = 128, 512


@inline_jit
def by_dots(m, K):
    """Whether dot products beat panels that must be made first, for m examples and K inputs."""
    return m <= DOT_ROWS and m * DOT_LENGTH <= K


@inline_jit
def panels_wait(m, n, K, itemsize):
    """Whether dot products beat panels that are there already: w^1 of n units and K inputs."""
    sums = m * min(PANEL_VECTORS, (n + width(itemsize) - 1) // width(itemsize))
    return by_dots(m, K) and sums < FEW_SUMS


@inner_jit
def weighted_input_packed(
    panels, b, a_prev, out_z, start, stop, first, end, ahead, soon, soon_at, pace
):
    """`weighted_input` of the units first .. end-1 for the examples start .. stop-1.

    w is in the panels of `pack_transposed`, `first` where one of them begins; of the panel behind
    `end`, `ahead` rows are fetched with each tile, and of `soon` what `sums_tall` says.
    """
    n_l = out_z.shape[1]
    K = a_prev.shape[1]
    one = b.dtype.type(1.0)
    row = panel_row(n_l, item_bytes(b))
    tile_sums(
        flat(a_prev), start * K, K, 1, panels, first * K, row, K, stop - start, end - first, K,
        one, one, b, first, 0, flat(out_z), start * n_l + first, n_l, panels, end * K, row, ahead,
        soon, soon_at, pace,
    )  # fmt: skip


@inner_jit
def weighted_input_by_groups(
    panels, b, a_prev, out_z, spare, start, stop, first, end, units, s, each, groups
):
    """`weighted_input_packed` of inputs that are added up in groups: in pairs, and pairs of pairs.

    a_prev are groups s each .. s each + each - 1 of the `groups` in which all `units` are; only the
    first of all adds b.  `spare` is another array like out_z, for four groups.
    """
    n_l, K = out_z.shape[1], a_prev.shape[1]
    one, zero = b.dtype.type(1.0), b.dtype.type(0.0)
    W, row = width(item_bytes(b)), panel_row(n_l, item_bytes(b))
    out, other, a = flat(out_z), flat(spare), flat(a_prev)
    at = start * n_l + first
    before = share(units, W, s * each, groups)
    for k in range(each):
        begin = share(units, W, s * each + k, groups) - before
        after = share(units, W, s * each + k + 1, groups) - before
        target = out if k < 2 else other
        addend, addend_at, addend_row = b, first, 0
        if k % 2 == 1:
            addend, addend_at, addend_row = target, at, n_l
        beta = zero if k % 2 == 0 and (k > 0 or s > 0) else one
        tile_sums(
            a, start * K + begin, K, 1, panels, first * K + begin * row, row, K, stop - start,
            end - first, after - begin, one, beta, addend, addend_at, addend_row, target, at, n_l,
            panels, 0, row, 0, panels, 0, 0,
        )  # fmt: skip
    if each == 4:
        for t in range(start, stop):
            add_two(out, other, t * n_l + first, t * n_l + end, out)


@inner_jit
def weighted_input_dots(w, b, a_prev, out_z, start, stop, first, end):
    """`weighted_input` as dot products along the rows of w and a_prev, for few examples.

    Of the units first .. end-1 for the examples start .. stop-1.
    """
    n_l = out_z.shape[1]
    K = w.shape[1]
    tile_dots(
        flat(a_prev), start * K, K, flat(w), first * K, K, stop - start, end - first, K,
        vector(b, first, end - first), flat(out_z), start * n_l + first, n_l,
    )  # fmt: skip


@inner_jit
def activation_gradient_block(
    w, w_row, w_panel, delta_next, out_da, start, stop, first, end, ahead
):
    """`activation_gradient` of the units first .. end-1 for the examples start .. stop-1.

    w_ni is w[p w_panel + n w_row + i - p], where p is the first unit of the panel of i: w_row is
    the length of a row and w_panel 1 where w is as it is; `wide` and the number of rows where it
    is in the panels of `pack`.  Of the panel behind `end`, `ahead` rows are fetched with each tile.
    """
    n_l = out_da.shape[1]
    K = delta_next.shape[1]
    one, zero = out_da.dtype.type(1.0), out_da.dtype.type(0.0)
    out, at = flat(out_da), start * n_l + first
    tile_sums(
        flat(delta_next), start * K, K, 1, w, first * w_panel, w_row, w_panel, stop - start,
        end - first, K, one, zero, out, at, n_l, out, at, n_l, w, end * w_panel, w_row, ahead,
        out, at, 0,
    )  # fmt: skip


@inline_jit
def strip_row(m, itemsize):
    """Numbers from row to row of a strip: an odd number of lines, so that no two rows collide.

    With 512 numbers the six rows of a tile would share one set of the first-level cache.
    """
    line = ALIGNMENT // itemsize
    return (min(m, SLICE) + line - 1) // line * line | line


@inline_jit
def scratch_size(m, itemsize):
    """Numbers that `weight_sums` needs as scratch for m examples: a panel and a strip."""
    return min(m, SLICE) * panel_width(itemsize) + STRIP_ROWS * strip_row(m, itemsize)


@inline_jit
def is_scattered(m, columns, itemsize):
    """Whether m rows of `columns` numbers take more pages than the core keeps addresses of."""
    return m * columns * itemsize >= SCATTERED_BYTES


@inline_jit
def collides(m, columns, itemsize):
    """Whether a block of columns out of m rows falls on too few lines of the first-level cache.

    The cache has 64 sets of lines, which a page of 4096 bytes fills; a power of two in the length
    of a row leaves only some of them.
    """
    length = columns * itemsize
    return m * min(length & -length, PAGE) > FULL_SETS * PAGE


@inner_jit
def weight_sums(
    left, right, start, stop, first, end, alpha, beta, out, out_row, out_panel, scratch, copies,
    transposed,
):  # fmt: skip
    """out_rc = beta out_rc + alpha sum_t left_tr right_tc; r from start, c from first.

    For w^l as it is, left is delta^l and right a^{l-1}; for the panels of `pack_transposed`, which
    hold w^l_ij at row j and column i, left is a^{l-1} and right delta^l.  out_rc is
    out[p out_panel + r out_row + c - p], as w in `pack_transposed`; `first` begins a panel.

    With alpha = 1/m and beta = 0 the gradient; with alpha = -eta/m and beta = 1 the step of SGD
    itself: no gradient is stored.  If `copies`, `pack_transposed` takes over what is new in out
    while that is in the cache.

    `scratch` holds `scratch_size` numbers: where rows collide in the cache, the columns of `right`
    that a tile wants are copied into a panel, and those of `left` into a strip, example after
    example.
    """
    m, n_left = left.shape
    n_right = right.shape[1]
    a, b = flat(left), flat(right)
    W = width(item_bytes(right))
    wide = panel_width(item_bytes(right))
    one = out.dtype.type(1.0)
    strips = end - first >= STRIP_COLUMNS and is_scattered(m, n_left, item_bytes(left))
    packs = stop - start > TILE_ROWS and (
        collides(m, n_right, item_bytes(right)) or is_scattered(m, n_right, item_bytes(right))
    )
    strip, high = min(m, SLICE) * wide, strip_row(m, item_bytes(left))  # where in scratch
    for t in range(0, m, SLICE):
        count = min(SLICE, m - t)
        keep = beta if t == 0 else one
        for i in range(start, stop, STRIP_ROWS):
            rows = min(STRIP_ROWS, stop - i)
            a_from, a_at, a_row, a_t = a, t * n_left + i, 1, n_left
            if strips:
                for s in range(0, count, W):
                    for u in range(0, rows, W):
                        transpose_block(
                            a, a_at + s * n_left + u, n_left, min(W, count - s), min(W, rows - u),
                            scratch, strip + u * high + s, high,
                        )  # fmt: skip
                a_from, a_at, a_row, a_t = scratch, strip, high, 1
            for p in range(first, end, wide):
                columns = min(wide, end - p)
                at = p * out_panel + i * out_row
                b_from, b_at, b_row = b, t * n_right + p, n_right
                next_at = b_at + wide
                if packs:
                    pack_panel(b, b_at, n_right, count, columns, scratch)
                    b_from, b_at, b_row = scratch, 0, wide
                tile_sums(
                    a_from, a_at, a_row, a_t, b_from, b_at, b_row, 1, rows, columns, count, alpha,
                    keep, out, at, out_row, out, at, out_row, b, next_at, n_right,
                    AHEAD_ROWS if packs else 0, b, b_at, 0,
                )  # fmt: skip
                if copies and t + count == m:
                    pack_transposed(
                        out, out_row, out_panel, n_left, n_right, i, i + rows, p, p + columns,
                        transposed,
                    )  # fmt: skip


@inner_jit
def bias_sums(delta, start, stop, alpha, beta, out_b):
    """out_i = beta out_i + alpha sum_t delta_ti for i = start .. stop-1.

    Of SLICE examples at a time: one sum over a million rows would lose a hundredth in float32.
    """
    m = delta.shape[0]
    for t in range(0, m, SLICE):
        _bias_sums_of(delta, t, min(m, t + SLICE), start, stop, alpha, beta, out_b)
        beta = delta.dtype.type(1.0)


@inline_jit
def _bias_sums_of(delta, first, end, start, stop, alpha, beta, out_b):
    """`bias_sums` over the examples first .. end-1.

    Four registers of i at a time, so that the sums do not wait for each other, nor rows that are
    far apart for one line each.
    """
    n_l = delta.shape[1]
    d = flat(delta)
    top = first * n_l
    W = width(item_bytes(delta))
    i = start
    while stop - i >= 4 * W:
        at = top + i
        s0, s1, s2, s3 = load(d, at), load(d, at + W), load(d, at + 2 * W), load(d, at + 3 * W)
        for t in range(first + 1, end):
            at = t * n_l + i
            s0 = s0 + load(d, at)
            s1 = s1 + load(d, at + W)
            s2 = s2 + load(d, at + 2 * W)
            s3 = s3 + load(d, at + 3 * W)
        _add_sums(s0, alpha, beta, out_b, i, W)
        _add_sums(s1, alpha, beta, out_b, i + W, W)
        _add_sums(s2, alpha, beta, out_b, i + 2 * W, W)
        _add_sums(s3, alpha, beta, out_b, i + 3 * W, W)
        i += 4 * W
    while i < stop:
        count = min(W, stop - i)
        s0 = load_part(d, top + i, count)
        for t in range(first + 1, end):
            s0 = s0 + load_part(d, t * n_l + i, count)
        _add_sums(s0, alpha, beta, out_b, i, count)
        i += W


@inline_jit
def _add_sums(sums, alpha, beta, out_b, i, count):
    """out_i = beta out_i + alpha sum_i of one register."""
    sums = alpha * sums if beta == 0 else combine(sums, alpha, beta, out_b, i, count)
    store_part(out_b, i, sums, count)
