"""Weights in panels: W columns, or rows, side by side as the tiles read them."""

from loopbp.jit.decorators import inline_jit, inner_jit
from loopbp.jit.instruction import call_of, instruction
from loopbp.machine.hints import prefetch_first
from loopbp.machine.memory import REGISTER_BYTES, item_bytes, width
from loopbp.machine.registers import load, load_part, store, store_part
from loopbp.machine.views import flat
from loopbp.tiled import tiles

# 16 registers (AVX2) or 32 (AVX-512, NEON): which tiles fit, and how many vectors wide they are.
_SHORT = REGISTER_BYTES == 32
PANEL_VECTORS = 2 if _SHORT else 4
# Row lengths in bytes from which reading down a column block of a weight matrix wants panels: rows
# a page apart share one set of the first-level cache; with AVX2, where a block is one line of each
# row, half a page is too far.
FAR_WEIGHTS_BYTES = 2048 if _SHORT else 4096
PACK_ROWS = 64  # and from how many examples on, where the panels are for one pass only
# What is asked for before it is needed: rows of the next panel with each tile, and registers of
# rows ahead in `pack_transposed`, of panels with so many bytes: smaller ones are in the cache.
AHEAD_ROWS, PACK_LEAD, LEAD_BYTES = 2, 2, 1 << 17


def transpose_block(w, w0, w_row, rows, columns, out, out0, out_row):
    """out[c, r] = w[r, c] for a block of at most W rows and columns."""
    block = [w[w0 + r * w_row : w0 + r * w_row + columns] for r in range(rows)]
    for c in range(columns):
        out[out0 + c * out_row : out0 + c * out_row + rows] = [row[c] for row in block]


@instruction(transpose_block)
def _transpose_of_width(typing_context, w, w0, w_row, rows, columns, out, out0, out_row):
    W = REGISTER_BYTES // (w.dtype.bitwidth // 8)
    kinds = (w, w0, w_row, rows, columns, out, out0, out_row)
    return call_of(getattr(tiles, f"transpose_{W}"), typing_context, kinds)


@inline_jit
def panel_width(itemsize):
    """Columns of a panel."""
    return PANEL_VECTORS * width(itemsize)


@inline_jit
def panel_row(columns, itemsize):
    """Numbers from row to row of a panel of a matrix that has so many columns."""
    W = width(itemsize)
    return min(panel_width(itemsize), (columns + W - 1) // W * W)


@inline_jit
def panels_size(columns, rows, itemsize):
    """Numbers that a matrix of (rows, columns) takes as panels, the last one filled up."""
    wide = panel_row(columns, itemsize)
    return (columns + wide - 1) // wide * wide * rows


@inner_jit
def pack_transposed(w, w_row, w_panel, n, K, start, stop, first, end, out):
    """Rows start .. stop-1 of a w (n, K) as columns of panels: out[p K + k row + i - p] = w_ik.

    For the columns k = first .. end-1.  w_ik is w[q w_panel + i w_row + k - q], where q is the
    first column of the panel of k: w_row = K and w_panel = 1 for rows one after the other.
    `start` and `first` are multiples of W.  Then `weighted_input` reads the w_ij of 64 neighbouring
    i in one stream, j after j.
    """
    W = width(item_bytes(w))
    wide, row = panel_width(item_bytes(w)), panel_row(n, item_bytes(w))
    leads = n * K * item_bytes(w) >= LEAD_BYTES
    for i in range(start, stop, W):
        p = i // wide * wide
        for k in range(first, end, W):
            q = k // wide * wide
            soon = i + PACK_LEAD * W
            soon_at = soon // wide * wide * (K - 1) + k * row + soon
            for r in range(min(W, end - k) if leads and soon < stop else 0):
                prefetch_first(out, soon_at + r * row)
            transpose_block(
                w, q * w_panel + i * w_row + k - q, w_row, min(W, stop - i), min(W, end - k),
                out, p * K + k * row + i - p, row,
            )  # fmt: skip


@inner_jit
def unpack_transposed(panels, n, K, start, stop, first, end, out, out_at, out_row):
    """Rows start .. stop-1 of a w (n, K) back from the panels of `pack_transposed`.

    Of the columns k = first .. end-1: out[out_at + i out_row + k - first] = w_ik.  `start` is a
    multiple of W.
    """
    W = width(item_bytes(out))
    wide, row = panel_width(item_bytes(out)), panel_row(n, item_bytes(out))
    for i in range(start, stop, W):
        p = i // wide * wide
        for k in range(first, end, W):
            transpose_block(
                panels, p * K + k * row + i - p, row, min(W, end - k), min(W, stop - i),
                out, out_at + i * out_row + k - first, out_row,
            )  # fmt: skip


@inline_jit
def copy(source, at, out, out_at, count):
    """`count` numbers, by registers."""
    W = width(item_bytes(source))
    for j in range(0, count, W):
        if count - j >= W:
            store(out, out_at + j, load(source, at + j))
        else:
            part = load_part(source, at + j, count - j)
            store_part(out, out_at + j, part, count - j)


@inner_jit
def add_two(x, y, start, stop, out):
    """out_k = x_k + y_k, k = start .. stop-1; out may be x or y."""
    W = width(item_bytes(out))
    for k in range(start, stop, W):
        n = stop - k
        store_part(out, k, load_part(x, k, n) + load_part(y, k, n), n)


@inner_jit
def pack(b, start, stop, out):
    """Rows start .. stop-1 of b (K, n) as rows of panels: out[p K + k wide + j - p] = b_kj.

    For rows of at least a panel's width: for shorter ones `panels_size` leaves too little memory.
    """
    K, n = b.shape
    wide = panel_width(item_bytes(b))
    b1 = flat(b)
    for p in range(0, n, wide):
        for k in range(start, stop):
            copy(b1, k * n + p, out, p * K + k * wide, min(wide, n - p))


@inner_jit
def unpack(panels, start, stop, out_b):
    """Rows start .. stop-1 of out_b back from the panels of `pack`."""
    K, n = out_b.shape
    wide = panel_width(item_bytes(out_b))
    b1 = flat(out_b)
    for p in range(0, n, wide):
        for k in range(start, stop):
            copy(panels, p * K + k * wide, b1, k * n + p, min(wide, n - p))


@inline_jit
def far(columns, itemsize):
    """Whether the rows of a weight matrix are too far apart to be read down a block of columns."""
    return columns * itemsize >= FAR_WEIGHTS_BYTES


@inner_jit
def pack_panel(a, at, row, m, columns, out):
    """m rows of `columns` numbers, `row` apart from a[at] on, as one panel."""
    wide = panel_width(item_bytes(a))
    for t in range(m):
        copy(a, at + t * row, out, t * wide, columns)
