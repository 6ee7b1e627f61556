"""The tiled engine: the sums of `loopbp.loops`, reordered for registers and cache.

Function for function the twins of loops.py, under the same names.  Three ideas, each on its own
page: a tile of sums is held in registers while the innermost loop runs along the sum
(`loopbp.tile_template`); a matrix is copied once into panels, so that the tile reads it in order
(`pack`); and loops over exp and tanh are written so that they vectorise (`loopbp.vector_math`).
`loopbp.tiled_training` fuses these functions into a training step.

Arrays are C-ordered and must not overlap.  Everything here is serial: threads are given rows.
"""

import numpy as np
from numba import types

from loopbp import tiles
from loopbp._jit import call_address, inline_jit, inner_jit, instruction, jit
from loopbp.activations import IDENTITY, LEAKY_RELU, RELU, SIGMOID, SILU, SOFTMAX
from loopbp.lanes import (
    ALIGNMENT,
    REGISTER_BYTES,
    choose,
    combine,
    count_of,
    fma,
    highest,
    item_bytes,
    load,
    load_part,
    load_part_or,
    magnitude,
    prefetch_first,
    splat,
    store,
    store_part,
    total,
    width,
)  # fmt: skip
from loopbp.losses import (
    BINARY_CROSS_ENTROPY,
    CROSS_ENTROPY,
    delta_row,
    is_logarithmic,
    loss_row,
    times_loss_prime_row,
)
from loopbp.vector_activations import leaky_relu_prime, relu, relu_prime, sigma, sigma_prime
from loopbp.vector_math import exp, log1p_of_sum, log1p_of_unit
from loopbp.views import flat, vector

# 16 registers (AVX2) or 32 (AVX-512, NEON): which tiles fit, and how many vectors wide they are.
_SHORT = REGISTER_BYTES == 32
_sums = tiles.sums_short if _SHORT else tiles.sums_tall
_dots = tiles.dots_short if _SHORT else tiles.dots_tall
PANEL_VECTORS = 2 if _SHORT else 4

# For so few examples, and rows of w so many times as long as there are examples, dot products along
# the rows of w beat copying w into panels: the copy takes 0.4 cycles a number, the end of a dot
# product 12 (10 x 784 x 30: 3.8 us against 3.5 + 2.8 for the copy; 32 x 784 x 30 the reverse; a
# step of 8-136-4-982-14 with 2 examples: 28 us, most of it ends of 982 x 2 products of 4 numbers).
DOT_ROWS, DOT_LENGTH = 16, 28
# Registers of sums below which a tile of panels that are there already only waits for itself.
FEW_SUMS = 4
# Row lengths in bytes from which reading down a column block of a weight matrix wants panels: rows
# a page apart share one set of the first-level cache (79 GF/s at 4096 bytes, 162 with panels; at
# 2048 bytes 165 and 172, less than the panels cost to write; where a block is one line of each row,
# with AVX2, 64 GF/s at 2048 bytes, 52 with 1024 rows, of 85).
FAR_WEIGHTS_BYTES = 2048 if _SHORT else 4096
PACK_ROWS = 64  # and from how many examples on, where the panels are for one pass only
# Registers of a row from which softmax goes row by row (211 outputs: 11.4 us against 9).
LONG_ROWS = 4
# When `weight_sums` copies what it reads: see `collides` and `is_scattered`.  How many lines each
# set of the first-level cache may be asked to hold, of a page's 64 sets (64 examples by 256 units:
# 146 GF/s, 154 with copies; by 784 units 164 and 146), and bytes of a matrix that are too many
# pages (512 by 1024 examples: 119 and 157).
PAGE, FULL_SETS = 4096, 8
SCATTERED_BYTES = 1 << 19
# Columns from which a strip pays, which each of them reads: blocks of 4 or 8 numbers make it slowly
# (AVX2, float64, two threads: 784-128-10 with 128 examples and Adam 0.65 of the time without it,
# 784-256-10 0.61; 784-512-512-10, 1.06, 1024 x 5 with 512, 1.18).
STRIP_COLUMNS = 256 if _SHORT else 1
# Rows of the largest tile.  For no more a copy would be read only once (1-192-1-255-42-893-1 with
# 334 examples: 926 us with it, 870 without).
TILE_ROWS = 6
# What `weight_sums` copies at once, of SLICE examples: a panel of the right matrix, for the
# first-level cache, and a strip of STRIP_ROWS rows of the left one, for the second-level cache
# beside a block of w, even where others use half of that.  So all of w is read once for each slice,
# in order, which costs less than larger strips (half of 1024 x 1024 with 512 examples and the
# copies, one core of a Xeon, against a product in MKL at the same time: strips of 512 examples by
# 256 rows 0.89, of 256 by 256 0.93, of 128 by 512 0.98; float64 0.77, 0.83, 0.90; slices of 96,
# 0.98 and 0.90, but 0.86 where 0.88 of 128 for 654 x 553).
SLICE, STRIP_ROWS = 128, 512
# What is asked for before it is needed: rows of the next panel with each tile (26.7 ms instead of
# 30.5 for four such layers), and registers of rows ahead in `pack_transposed` (a further 5 %), of
# panels with so many bytes (64 x 64 are in the cache: 0.6 us with it, 0.4 without).
AHEAD_ROWS, PACK_LEAD, LEAD_BYTES = 2, 2, 1 << 17


def _transpose(w, w0, w_row, rows, columns, out, out0, out_row):
    """out[c, r] = w[r, c] for a block of at most W rows and columns."""
    block = [w[w0 + r * w_row : w0 + r * w_row + columns] for r in range(rows)]
    for c in range(columns):
        out[out0 + c * out_row : out0 + c * out_row + rows] = [row[c] for row in block]


@instruction(_transpose)
def _transpose_of_width(typing_context, w, w0, w_row, rows, columns, out, out0, out_row):
    W = REGISTER_BYTES // (w.dtype.bitwidth // 8)
    function = types.Dispatcher(getattr(tiles, f"transpose_{W}"))
    arguments = [types.unliteral(kind) for kind in (w0, w_row, rows, columns, out, out0, out_row)]
    signature = function.get_call_type(typing_context, (w, *arguments), {})

    def codegen(context, builder, _, values):
        return context.get_function(function, signature)(builder, values)

    return signature, codegen


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
            _transpose(
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
            _transpose(
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
    _sums(
        flat(a_prev), start * K, K, 1, panels, first * K, row, K, stop - start, end - first, K,
        one, one, b, first, 0, flat(out_z), start * n_l + first, n_l, panels, end * K, row, ahead,
        soon, soon_at, pace,
    )  # fmt: skip


@inner_jit
def weighted_input_addends(panels, b, a_prev, out_z, first, end, adds):
    """What the inputs first .. end-1 add to `weighted_input`, of all units and examples.

    With b, or to what is in out_z if `adds`; w is in the panels of `pack_transposed`.
    """
    m, n_l = out_z.shape
    K = a_prev.shape[1]
    one, row, out = b.dtype.type(1.0), panel_row(n_l, item_bytes(b)), flat(out_z)
    before, before_row = (out, n_l) if adds else (b, 0)
    _sums(
        flat(a_prev), first, K, 1, panels, first * row, row, K, m, n_l, end - first, one, one,
        before, 0, before_row, out, 0, n_l, panels, 0, row, 0, panels, 0, 0,
    )  # fmt: skip


@inner_jit
def weighted_input_dots(w, b, a_prev, out_z, start, stop, first, end):
    """`weighted_input` as dot products along the rows of w and a_prev, for few examples.

    Of the units first .. end-1 for the examples start .. stop-1.
    """
    n_l = out_z.shape[1]
    K = w.shape[1]
    _dots(
        flat(a_prev), start * K, K, flat(w), first * K, K, stop - start, end - first, K,
        vector(b, first, end - first), flat(out_z), start * n_l + first, n_l,
    )  # fmt: skip


@jit
def weighted_input(w, b, a_prev, out_z):
    """z^l_i = sum_j w^l_ij a^{l-1}_j + b^l_i  (twin: `loopbp.loops.weighted_input`).

    Reordering: a tile of z, 6 t by 64 i, stays in registers while j runs outside it, over w in
    panels; for few examples 5 t by 5 i, each register a sum over every 16th j.

    Loops: i in panels, t in tiles, j.  Race-free: threads are given rows t.
    """
    if by_dots(out_z.shape[0], w.shape[1]):
        weighted_input_dots(w, b, a_prev, out_z, 0, out_z.shape[0], 0, w.shape[0])
    else:
        n, K = w.shape
        panels = np.empty(panels_size(n, K, item_bytes(w)), w.dtype)
        pack_transposed(flat(w), K, 1, n, K, 0, n, 0, K, panels)
        weighted_input_packed(panels, b, a_prev, out_z, 0, out_z.shape[0], 0, n, 0, panels, 0, 0)


@inner_jit
def activation(code, address, z, out_a):
    """a^l_i = sigma(z^l_i)  (twin: `loopbp.loops.activation`).

    Reordering: t and i are one loop over all of z, whose body has no branch and no call, so that
    it runs in vector registers; a user's own calls a function for each number.

    Loops: t and i as one; softmax t, i.  Race-free: threads are given rows t.
    """
    if code == SOFTMAX:
        _softmax(z, out_a)
    else:
        activation_rows(code, address, flat(z), flat(out_a), 0, 1, z.size, z.size, False)


@inline_jit
def prime_from_a(code):
    """Whether sigma' can be had from a as well as from z: from their signs."""
    return code == IDENTITY or RELU <= code <= LEAKY_RELU


@inner_jit
def activation_rows(code, address, z, out_a, start, rows, columns, apart, keeps):
    """`activation` of a block of numbers: `rows` times `columns`, `apart` from row to row.

    If `keeps`, sigma'(z) is left in z, but for a user's own and where `prime_from_a`: what both
    need, as exp(-|z|), is computed once, and from a alone sigma' would lose its digits.

    For relu the choice between the activations and the masks of parts of registers cost more than
    itself: it goes without (2,048 numbers: 0.26 us with them, 0.10).
    """
    W = width(item_bytes(z))
    for r in range(rows):
        at, end = start + r * apart, start + r * apart + columns
        if code == RELU:
            full = at + columns // W * W
            for k in range(at, full, W):
                store(out_a, k, relu(load(z, k)))
            store_part(out_a, full, relu(load_part(z, full, end - full)), end - full)
        elif prime_from_a(code):
            for k in range(at, end, W):
                store_part(out_a, k, sigma(code, load_part(z, k, end - k)), end - k)
        elif code <= SILU:
            for k in range(at, end, W):
                z_k = load_part(z, k, end - k)
                store_part(out_a, k, sigma(code, z_k), end - k)
                if keeps:
                    store_part(z, k, sigma_prime(code, z_k), end - k)
        else:
            for k in range(at, end):
                out_a[k] = call_address(address, z[k])


@inline_jit
def _highest_of_row(zs, at, n, lowest):
    """max_i z_i of a row."""
    top = lowest
    for i in range(0, n, width(item_bytes(zs))):
        z_t = load_part_or(zs, at + i, n - i, lowest)
        top = choose(z_t > top, z_t, top)
    return highest(top)


@inner_jit
def _softmax(z, out_a):
    """Rows of exp(z_i - max) over their sum, in registers."""
    m, n = z.shape
    zs, out = flat(z), flat(out_a)
    W = width(item_bytes(z))
    zero, one = z.dtype.type(0.0), z.dtype.type(1.0)
    lowest = splat(z.dtype.type(-np.inf))
    for t in range(m):
        at, end = t * n, (t + 1) * n
        top_t = _highest_of_row(zs, at, n, lowest)
        mass = splat(zero)
        for k in range(at, end, W):
            e = exp(load_part_or(zs, k, end - k, lowest) - top_t)
            mass = mass + e
            store_part(out, k, e, end - k)
        scale = one / total(mass)
        for k in range(at, end, W):
            store_part(out, k, scale * load_part(out, k, end - k), end - k)


@inner_jit
def softmax_cross_entropy(z, y, weight, out_a, out_delta, out_c):
    """`activation`, `example_losses` and `output_delta` of softmax with cross_entropy in one.

    For sum_i y_i = 1, as the pair demands: C^t = log sum_k exp(z_k - top) - sum_i y_i (z_i - top).
    The terms of the sum that are 1 are counted, and the rest of it kept apart, so that the
    logarithm has its digits where the rest is small beside 1.  z is overwritten.

    Loops: t, i.  Race-free: threads are given rows t.
    """
    m, n = z.shape
    if n >= LONG_ROWS * width(item_bytes(z)):
        _softmax_of_long_rows(z, y, weight, out_a, out_delta, out_c)
    else:
        _softmax_of_short_rows(z, y, weight, out_a, out_delta, out_c)
    rests = flat(z)  # sum_k exp(z_k - top) - 1 of row t, in row t / n
    for t in range(m):
        out_c[t] = weight[t] * (out_c[t] + log1p_of_sum(np.float64(rests[t])))


@inline_jit
def _below_one(e, one):
    """The lanes of e that are not 1, and 0 for those that are."""
    return choose(e == one, one - one, e)


@inline_jit
def _scale_row(e, at, n, scale, y, s_t, out_a, out_delta):
    """a_i = scale e_i and delta^L_i = s_t (a_i - y_i) of a row."""
    for i in range(0, n, width(item_bytes(e))):
        a_t = scale * load_part(e, at + i, n - i)
        store_part(out_a, at + i, a_t, n - i)
        error = a_t - load_part(y, at + i, n - i)
        store_part(out_delta, at + i, s_t * error, n - i)


@inner_jit
def _softmax_of_long_rows(z, y, weight, out_a, out_delta, out_c):
    """Row by row, exp where z is read."""
    m, n = z.shape
    zs, ys, out, delta = flat(z), flat(y), flat(out_a), flat(out_delta)
    W = width(item_bytes(z))
    zero, one = z.dtype.type(0.0), z.dtype.type(1.0)
    lowest = splat(z.dtype.type(-np.inf))
    for t in range(m):
        at = t * n
        top = _highest_of_row(zs, at, n, lowest)
        hit, rest, ones = splat(zero), splat(zero), 0
        for i in range(0, n, W):
            e = exp(load_part_or(zs, at + i, n - i, lowest) - top)
            rest = rest + _below_one(e, splat(one))
            ones += count_of(e == splat(one))
            shifted = load_part(zs, at + i, n - i) - top
            hit = fma(load_part(ys, at + i, n - i), shifted, hit)
            store_part(out, at + i, e, n - i)
        rest_t = total(rest) + z.dtype.type(ones - 1)
        _scale_row(out, at, n, one / (one + rest_t), ys, weight[t], out, delta)
        out_c[t] = -total(hit)
        zs[t] = rest_t  # in row t / n, which has been read


@inner_jit
def _softmax_of_short_rows(z, y, weight, out_a, out_delta, out_c):
    """All rows at each stage, so that exp, which is most of it, is of full registers."""
    m, n = z.shape
    zs, ys, out, delta = flat(z), flat(y), flat(out_a), flat(out_delta)
    W = width(item_bytes(z))
    zero, one = z.dtype.type(0.0), z.dtype.type(1.0)
    lowest = splat(z.dtype.type(-np.inf))
    for t in range(m):
        at = t * n
        top = _highest_of_row(zs, at, n, lowest)
        hit = splat(zero)
        for i in range(0, n, W):
            shifted = load_part(zs, at + i, n - i) - top
            hit = fma(load_part(ys, at + i, n - i), shifted, hit)
            store_part(out, at + i, shifted, n - i)
        out_c[t] = -total(hit)
    # Back and forth: a load that overlaps a store of the row before it would wait for it.
    for k in range(0, m * n, W):
        store_part(zs, k, exp(load_part(out, k, m * n - k)), m * n - k)
    for t in range(m):
        at = t * n
        rest, ones = splat(zero), 0
        for i in range(0, n, W):
            e = load_part(zs, at + i, n - i)
            rest = rest + _below_one(e, splat(one))
            ones += count_of(e == splat(one))
        rest_t = total(rest) + z.dtype.type(ones - 1)
        _scale_row(zs, at, n, one / (one + rest_t), ys, weight[t], out, delta)
        zs[t] = rest_t  # in row t / n, which has been read


@inner_jit
def example_losses(loss, output, z, a, y, weight, out_c):
    """s_t C^t  (twin: `loopbp.loops.example_losses`).

    Reordering: none but that sigmoid with binary_cross_entropy takes log(1 + exp(-|z|)) from
    `loopbp.vector_math`.

    Loops: t, i.  Race-free: threads are given rows t.
    """
    m, n = z.shape
    if loss == BINARY_CROSS_ENTROPY and output == SIGMOID:
        zero, one = z.dtype.type(0.0), z.dtype.type(1.0)
        for t in range(m):
            total = 0.0
            for i in range(n):
                z_i, y_i = z[t, i], y[t, i]
                total += log1p_of_unit(exp(-magnitude(z_i)))
                total += choose(z_i < zero, -y_i, one - y_i) * z_i
            out_c[t] = weight[t] * total
    else:
        for t in range(m):
            out_c[t] = weight[t] * loss_row(loss, output, z[t], a[t], y[t])


@inner_jit
def output_delta(loss, output, address, z, a, y, weight, out_delta):
    """delta^L_i = s_t sigma'(z^L_i) dC^t/da_i  (twin: `loopbp.loops.output_delta`).

    Reordering: sigma' in one loop over all of z, but for pairs whose logarithms come from z.

    Loops: t, i.  Race-free: threads are given rows t.
    """
    m, n = z.shape
    if (loss == BINARY_CROSS_ENTROPY and output == SIGMOID) or (
        loss == CROSS_ENTROPY and output == SOFTMAX
    ):
        for t in range(m):
            for i in range(n):
                out_delta[t, i] = weight[t] * (a[t, i] - y[t, i])
    elif is_logarithmic(loss, output):
        for t in range(m):
            delta_row(loss, output, address, z[t], a[t], y[t], out_delta[t])
            for i in range(n):
                out_delta[t, i] = out_delta[t, i] * weight[t]
    elif output == SOFTMAX:
        for t in range(m):
            for i in range(n):
                out_delta[t, i] = weight[t]
            times_loss_prime_row(loss, a[t], y[t], out_delta[t])
            dot = out_delta.dtype.type(0.0)
            for k in range(n):
                dot += a[t, k] * out_delta[t, k]
            for i in range(n):
                out_delta[t, i] = a[t, i] * (out_delta[t, i] - dot)
    else:
        for t in range(m):
            for i in range(n):
                out_delta[t, i] = weight[t]
            times_loss_prime_row(loss, a[t], y[t], out_delta[t])
        times_sigma_prime(output, address, z, out_delta)


@inner_jit
def times_sigma_prime(code, address, z, delta):
    """delta^l_i = delta^l_i * sigma'(z^l_i).

    Loops: t and i as one.  Race-free: threads are given rows t.
    """
    if code > SILU or prime_from_a(code):
        size = delta.size
        times_kept_prime_rows(code, address, flat(z), flat(delta), 0, 1, size, size)
        return
    z1, delta1 = flat(z), flat(delta)
    for k in range(0, delta.size, width(item_bytes(z))):
        left = delta.size - k
        prime = sigma_prime(code, load_part(z1, k, left))
        store_part(delta1, k, load_part(delta1, k, left) * prime, left)


@inner_jit
def times_kept_prime_rows(code, address, z, delta, start, rows, columns, apart):
    """delta^l_i = delta^l_i * sigma'(z^l_i) of a block, where `activation_rows` left sigma' in z.

    Of `rows` times `columns` numbers, rows `apart`.  z is z^l still for a user's own, and z^l or
    a^l where `prime_from_a`.
    """
    W = width(item_bytes(z))
    if code == IDENTITY:
        return
    for r in range(rows):
        at, end = start + r * apart, start + r * apart + columns
        if code == RELU:
            full, left = at + columns // W * W, columns % W
            for k in range(at, full, W):
                store(delta, k, load(delta, k) * relu_prime(load(z, k)))
            prime = relu_prime(load_part(z, full, left))
            store_part(delta, full, load_part(delta, full, left) * prime, left)
        elif code <= SILU:
            for k in range(at, end, W):
                left = end - k
                prime = load_part(z, k, left)
                if code == LEAKY_RELU:
                    prime = leaky_relu_prime(prime)
                store_part(delta, k, load_part(delta, k, left) * prime, left)
        else:
            for k in range(at, end):
                delta[k] *= call_address(address, z[k])


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
    _sums(
        flat(delta_next), start * K, K, 1, w, first * w_panel, w_row, w_panel, stop - start,
        end - first, K, one, zero, out, at, n_l, out, at, n_l, w, end * w_panel, w_row, ahead,
        out, at, 0,
    )  # fmt: skip


@jit
def activation_gradient(w_next, delta_next, out_da):
    """dC^t/da^l_i = sum_n w^{l+1}_ni delta^{l+1}_n  (twin: `loopbp.loops.activation_gradient`).

    Reordering: a tile of 6 t by 64 i stays in registers while n runs outside it; row n of w is
    read along i, not down its column.

    Loops: i in panels, t in tiles, n.  Race-free: threads are given rows t.
    """
    K, n_l = w_next.shape
    m = out_da.shape[0]
    if far(n_l, item_bytes(w_next)) and m >= PACK_ROWS:
        panels = np.empty(panels_size(n_l, K, item_bytes(w_next)), w_next.dtype)
        pack(w_next, 0, K, panels)
        wide = panel_width(item_bytes(w_next))
        activation_gradient_block(panels, wide, K, delta_next, out_da, 0, m, 0, n_l, 0)
    else:
        activation_gradient_block(flat(w_next), n_l, 1, delta_next, out_da, 0, m, 0, n_l, 0)


@inline_jit
def far(columns, itemsize):
    """Whether the rows of a weight matrix are too far apart to be read down a block of columns."""
    return columns * itemsize >= FAR_WEIGHTS_BYTES


@jit
def delta_from_da(code, address, z, da, out_delta):
    """delta^l_i = dC^t/da^l_i * sigma'(z^l_i)  (twin: `loopbp.loops.delta_from_da`).

    Reordering: t and i as one loop, in registers.

    Loops: t and i as one.  Race-free: threads are given rows t.
    """
    delta, source = flat(out_delta), flat(da)
    for k in range(delta.shape[0]):
        delta[k] = source[k]
    times_sigma_prime(code, address, z, out_delta)


@jit
def hidden_delta(w_next, delta_next, code, address, z, out_delta):
    """delta^l_i = sigma'(z^l_i) sum_n w^{l+1}_ni delta^{l+1}_n (twin: `loopbp.loops.hidden_delta`).

    Reordering: `activation_gradient`, then sigma' while the rows are in the cache.

    Loops: i in panels, t in tiles, n; then t and i as one.  Race-free: threads are given rows t.
    """
    activation_gradient(w_next, delta_next, out_delta)
    times_sigma_prime(code, address, z, out_delta)


@inline_jit
def strip_row(m, itemsize):
    """Numbers from row to row of a strip: an odd number of lines, so that no two rows collide.

    With 512 numbers the six rows of a tile shared one set of the first-level cache, with 128 they
    share a few (float64, half of 1024 x 1024: 8.5 ms with 512, and 8.0 with a line more).
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
def pack_panel(a, at, row, m, columns, out):
    """m rows of `columns` numbers, `row` apart from a[at] on, as one panel."""
    wide = panel_width(item_bytes(a))
    for t in range(m):
        copy(a, at + t * row, out, t * wide, columns)


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
                        _transpose(
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
                _sums(
                    a_from, a_at, a_row, a_t, b_from, b_at, b_row, 1, rows, columns, count, alpha,
                    keep, out, at, out_row, out, at, out_row, b, next_at, n_right,
                    AHEAD_ROWS if packs else 0, b, b_at, 0,
                )  # fmt: skip
                if copies and t + count == m:
                    pack_transposed(
                        out, out_row, out_panel, n_left, n_right, i, i + rows, p, p + columns,
                        transposed,
                    )  # fmt: skip


@jit
def weight_gradient(delta, a_prev, out_dw):
    """dJ/dw^l_ij = (1/m) sum_t delta^l_i a^{l-1}_j  (twin: `loopbp.loops.weight_gradient`).

    Reordering: a tile of 6 i by 64 j stays in registers while t runs outside it.

    Loops: j in panels, i in tiles, t.  Race-free: threads are given rows i.
    """
    m, n_l = delta.shape
    n_prev = a_prev.shape[1]
    scratch = np.empty(scratch_size(m, item_bytes(delta)), delta.dtype)
    mean, zero = delta.dtype.type(1.0 / m), delta.dtype.type(0.0)
    out = flat(out_dw)
    weight_sums(delta, a_prev, 0, n_l, 0, n_prev, mean, zero, out, n_prev, 1, scratch, False, out)


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
    far apart for one line each (128 x 512: 7.5 us one by one, 2.3).
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


@jit
def bias_gradient(delta, out_db):
    """dJ/db^l_i = (1/m) sum_t delta^l_i  (twin: `loopbp.loops.bias_gradient`).

    Reordering: 4 W neighbouring i in four registers, t outside.

    Loops: i by 4 W, t.  Race-free: threads are given i.
    """
    m, n_l = delta.shape
    mean, zero = delta.dtype.type(1.0 / m), delta.dtype.type(0.0)
    bias_sums(delta, 0, n_l, mean, zero, out_db)
