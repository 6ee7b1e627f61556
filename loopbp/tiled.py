"""The tiled engine: the sums of `loopbp.loops`, reordered for registers and cache.

Function for function the twins of loops.py, under the same names.  Three ideas, each on its own
page: a tile of sums is held in registers while the innermost loop runs along the sum
(`loopbp.tile_template`); a matrix is copied once into panels, so that the tile reads it in order
(`pack`); and loops over exp and tanh are written so that they vectorise (`loopbp.vector_math`).
`loopbp.tiled_training` fuses these functions into a training step.

Arrays are C-ordered and must not overlap.  Everything here is serial: threads are given rows.
"""

from typing import Any

import numpy as np
from numba.extending import overload

from loopbp import tiles
from loopbp._jit import call_address, inline_jit, jit
from loopbp.activations import (
    ELU,
    GELU,
    IDENTITY,
    LEAKY_RELU,
    LEAKY_SLOPE,
    RELU,
    SIGMOID,
    SILU,
    SOFTMAX,
    SOFTPLUS,
    TANH,
    gelu,
    gelu_prime,
)
from loopbp.lanes import (
    REGISTER_BYTES,
    fma,
    load,
    load_part,
    plus,
    splat,
    store,
    store_part,
    times,
    width,
)  # fmt: skip
from loopbp.losses import (
    BINARY_CROSS_ENTROPY,
    CROSS_ENTROPY,
    delta_row,
    loss_row,
    times_loss_prime_row,
)
from loopbp.vector_math import exp, expm1, log_of_sum, sigmoid, softplus, tanh
from loopbp.views import flat

# 16 registers (AVX2) or 32 (AVX-512, NEON): which tiles fit, and how many vectors wide they are.
_SHORT = REGISTER_BYTES == 32
_sums = tiles.sums_short if _SHORT else tiles.sums_tall
_dots = tiles.dots_short if _SHORT else tiles.dots_tall
PANEL_VECTORS = 2 if _SHORT else 4

# For so few examples a dot product along each row of w beats copying w into panels: on two cores
# with AVX-512, 10 x 784 x 30 took 3.8 us against 3.5 + 2.8 for the copy, 32 x 784 x 30 the reverse.
DOT_ROWS = 16
# Row lengths in bytes from which reading down a column block of a weight matrix wants panels: rows
# a page apart share one set of the first-level cache (79 GF/s at 4096 bytes, 162 with panels; at
# 2048 bytes 165 and 172, less than the panels cost to write).
FAR_WEIGHTS_BYTES = 4096
# The same for activations and deltas, which region 2 of a step copies a panel at a time: from how
# many bytes a row, and for how many rows.  STRIP rows of delta are transposed at once (512 examples
# by 1024 units: 87 GF/s without, for the lines of delta fell on one another).
FAR_ROWS_BYTES, PACK_ROWS, STRIP = 1024, 64, 96
# Examples that a copy holds at most: 96 rows of w then stay in the second-level cache (1024 x 1024,
# 512 examples: 137 GF/s at once, 170 in four).
SLICE = 128


def _transpose(w, w0, w_row, rows, columns, out, out0, out_row):
    """out[c, r] = w[r, c] for a block of at most W rows and columns."""
    block = [w[w0 + r * w_row : w0 + r * w_row + columns] for r in range(rows)]
    for c in range(columns):
        out[out0 + c * out_row : out0 + c * out_row + rows] = [row[c] for row in block]


@overload(_transpose)
def _transpose_overload(w, w0, w_row, rows, columns, out, out0, out_row):
    transpose: Any = getattr(tiles, f"transpose_{REGISTER_BYTES // (w.dtype.bitwidth // 8)}")
    return lambda w, w0, w_row, rows, columns, out, out0, out_row: transpose(
        w, w0, w_row, rows, columns, out, out0, out_row
    )


@inline_jit
def panel_width(itemsize):
    """Columns of a panel."""
    return PANEL_VECTORS * width(itemsize)


@inline_jit
def panels_size(columns, rows, itemsize):
    """Numbers that a matrix of (rows, columns) takes as panels, the last one filled up."""
    wide = panel_width(itemsize)
    return (columns + wide - 1) // wide * wide * rows


@jit
def pack_transposed(w, start, stop, out):
    """Rows start .. stop-1 of w (n, K) as columns of panels: out[p][k, i - p] = w[i, k].

    `start` is a multiple of W.  Then `weighted_input` reads the w_ij of 64 neighbouring i in one
    stream, j after j.
    """
    K = w.shape[1]
    W = width(w.itemsize)
    wide = panel_width(w.itemsize)
    w1 = flat(w)
    for i in range(start, stop, W):
        panel = i // wide * wide
        for k in range(0, K, W):
            _transpose(
                w1, i * K + k, K, min(W, stop - i), min(W, K - k),
                out, (panel * K) + k * wide + i - panel, wide,
            )  # fmt: skip


@jit
def pack(b, start, stop, out, out_rows):
    """Rows start .. stop-1 of b (K, n) as rows of panels: out[p][k, j - p] = b[k, j]."""
    n = b.shape[1]
    W = width(b.itemsize)
    wide = panel_width(b.itemsize)
    b1 = flat(b)
    for p in range(0, n, wide):
        count = min(wide, n - p)
        for k in range(start, stop):
            source, target = k * n + p, p * out_rows + k * wide
            for j in range(0, count, W):
                if count - j >= W:
                    store(out, target + j, load(b1, source + j))
                else:
                    store_part(out, target + j, load_part(b1, source + j, count - j), count - j)


@jit
def weighted_input_packed(panels, b, a_prev, out_z):
    """`weighted_input` with w already in the panels of `pack_transposed`."""
    m, n_l = out_z.shape
    K = a_prev.shape[1]
    one = b.dtype.type(1.0)
    wide = panel_width(b.itemsize)
    _sums(
        flat(a_prev), 0, K, 1, panels, 0, wide, K, m, n_l, K, one, one, b, 0, 0,
        flat(out_z), 0, n_l,
    )  # fmt: skip


@jit
def weighted_input_dots(w, b, a_prev, out_z):
    """`weighted_input` as dot products along the rows of w and a_prev, for few examples."""
    m, n_l = out_z.shape
    K = w.shape[1]
    _dots(flat(a_prev), 0, K, flat(w), 0, K, m, n_l, K, b, flat(out_z), 0, n_l)


@jit
def weighted_input(w, b, a_prev, out_z):
    """z^l_i = sum_j w^l_ij a^{l-1}_j + b^l_i  (twin: `loopbp.loops.weighted_input`).

    Reordering: a tile of z, 6 t by 64 i, stays in registers while j runs outside it, over w in
    panels; for few examples 5 t by 5 i, each register a sum over every 16th j.

    Loops: i in panels, t in tiles, j.  Race-free: threads are given rows t.
    """
    if out_z.shape[0] <= DOT_ROWS:
        weighted_input_dots(w, b, a_prev, out_z)
    else:
        panels = np.empty(panels_size(w.shape[0], w.shape[1], w.itemsize), w.dtype)
        pack_transposed(w, 0, w.shape[0], panels)
        weighted_input_packed(panels, b, a_prev, out_z)


@jit
def activation(code, address, z, out_a):
    """a^l_i = sigma(z^l_i)  (twin: `loopbp.loops.activation`).

    Reordering: t and i are one loop over all of z, whose body has no branch and no call, so that
    it runs in vector registers; gelu (erf) and a user's own call a function for each number.

    Loops: t and i as one; softmax t, i.  Race-free: threads are given rows t.
    """
    zs, out = flat(z), flat(out_a)
    zero, one = z.dtype.type(0.0), z.dtype.type(1.0)
    slope = z.dtype.type(LEAKY_SLOPE)
    if code == IDENTITY:
        for k in range(zs.shape[0]):
            out[k] = zs[k]
    elif code == SIGMOID:
        for k in range(zs.shape[0]):
            out[k] = sigmoid(zs[k])
    elif code == TANH:
        for k in range(zs.shape[0]):
            out[k] = tanh(zs[k])
    elif code == RELU:
        for k in range(zs.shape[0]):
            out[k] = zero if zs[k] <= zero else zs[k]
    elif code == LEAKY_RELU:
        for k in range(zs.shape[0]):
            out[k] = zs[k] * (one if zs[k] > zero else slope)
    elif code == ELU:
        for k in range(zs.shape[0]):
            below = expm1(zero if zs[k] > zero else zs[k])
            out[k] = zs[k] if zs[k] > zero else below
    elif code == SOFTPLUS:
        for k in range(zs.shape[0]):
            out[k] = softplus(zs[k])
    elif code == GELU:
        for k in range(zs.shape[0]):
            out[k] = gelu(zs[k])
    elif code == SILU:
        for k in range(zs.shape[0]):
            out[k] = zs[k] * sigmoid(zs[k])
    elif code == SOFTMAX:
        _softmax(z, out_a)
    else:
        for k in range(zs.shape[0]):
            out[k] = call_address(address, zs[k])


@jit
def _softmax(z, out_a):
    """Rows of exp(z_i - max) over their sum; the exp as one loop over all of them."""
    m, n = z.shape
    out = flat(out_a)
    for t in range(m):
        top = z[t, 0]
        for i in range(1, n):
            top = z[t, i] if z[t, i] > top else top
        for i in range(n):
            out_a[t, i] = z[t, i] - top
    for k in range(out.shape[0]):
        out[k] = exp(out[k])
    for t in range(m):
        total = out_a[t, 0]
        for i in range(1, n):
            total += out_a[t, i]
        scale = z.dtype.type(1.0) / total
        for i in range(n):
            out_a[t, i] *= scale


@jit
def softmax_cross_entropy(z, y, weight, out_a, out_c):
    """`activation` and `example_losses` of softmax with cross_entropy in one: the exp only once.

    For sum_i y_i = 1, as the pair demands: C^t = log sum_k exp(z_k - top) - sum_i y_i (z_i - top).
    """
    m, n = z.shape
    out = flat(out_a)
    for t in range(m):
        top = z[t, 0]
        for i in range(1, n):
            top = z[t, i] if z[t, i] > top else top
        hit = z.dtype.type(0.0)
        for i in range(n):
            shifted = z[t, i] - top
            out_a[t, i] = shifted
            hit += y[t, i] * shifted
        out_c[t] = -hit
    for k in range(out.shape[0]):
        out[k] = exp(out[k])
    for t in range(m):
        total = out_a[t, 0]
        for i in range(1, n):
            total += out_a[t, i]
        out_c[t] = weight[t] * (out_c[t] + log_of_sum(np.float64(total)))
        scale = z.dtype.type(1.0) / total
        for i in range(n):
            out_a[t, i] *= scale


@jit
def example_losses(loss, output, z, a, y, weight, out_c):
    """s_t C^t  (twin: `loopbp.loops.example_losses`).

    Reordering: none but that sigmoid with binary_cross_entropy takes log(1 + exp z) from
    `loopbp.vector_math`.

    Loops: t, i.  Race-free: threads are given rows t.
    """
    m, n = z.shape
    if loss == BINARY_CROSS_ENTROPY and output == SIGMOID:
        for t in range(m):
            total = 0.0
            for i in range(n):
                total += softplus(z[t, i]) - y[t, i] * z[t, i]
            out_c[t] = weight[t] * total
    else:
        for t in range(m):
            out_c[t] = weight[t] * loss_row(loss, output, z[t], a[t], y[t])


@jit
def output_delta(loss, output, address, z, a, y, weight, out_delta):
    """delta^L_i = s_t sigma'(z^L_i) dC^t/da_i  (twin: `loopbp.loops.output_delta`).

    Reordering: sigma' from a, in one loop over all of it, instead of from z.

    Loops: t, i.  Race-free: threads are given rows t.
    """
    m, n = z.shape
    if (loss == BINARY_CROSS_ENTROPY and output == SIGMOID) or (
        loss == CROSS_ENTROPY and output == SOFTMAX
    ):
        for t in range(m):
            for i in range(n):
                out_delta[t, i] = weight[t] * (a[t, i] - y[t, i])
    elif output == SOFTMAX:
        for t in range(m):
            delta_row(loss, output, address, z[t], a[t], y[t], out_delta[t])
            for i in range(n):
                out_delta[t, i] *= weight[t]
    else:
        for t in range(m):
            for i in range(n):
                out_delta[t, i] = weight[t]
            times_loss_prime_row(loss, a[t], y[t], out_delta[t])
        times_sigma_prime(output, address, z, a, out_delta)


@jit
def times_sigma_prime(code, address, z, a, delta):
    """delta^l_i = delta^l_i * sigma'(z^l_i), sigma' from a = sigma(z) where that is cheaper.

    Loops: t and i as one.  Race-free: threads are given rows t.
    """
    zs, activations, out = flat(z), flat(a), flat(delta)
    zero, one = z.dtype.type(0.0), z.dtype.type(1.0)
    slope = z.dtype.type(LEAKY_SLOPE)
    if code == SIGMOID:
        for k in range(out.shape[0]):
            out[k] *= activations[k] * (one - activations[k])
    elif code == TANH:
        for k in range(out.shape[0]):
            out[k] *= one - activations[k] * activations[k]
    elif code == RELU:
        for k in range(out.shape[0]):
            out[k] *= one if activations[k] > zero else zero
    elif code == LEAKY_RELU:
        for k in range(out.shape[0]):
            out[k] *= one if zs[k] > zero else slope
    elif code == ELU:
        for k in range(out.shape[0]):
            out[k] *= one if zs[k] > zero else activations[k] + one
    elif code == SOFTPLUS:
        for k in range(out.shape[0]):
            out[k] *= sigmoid(zs[k])
    elif code == GELU:
        for k in range(out.shape[0]):
            out[k] *= gelu_prime(zs[k])
    elif code == SILU:
        for k in range(out.shape[0]):
            s = sigmoid(zs[k])
            out[k] *= s * (one + zs[k] * (one - s))
    elif code != IDENTITY:
        for k in range(out.shape[0]):
            out[k] *= call_address(address, zs[k])


@jit
def activation_gradient_packed(panels, delta_next, out_da):
    """`activation_gradient` with w_next already in the panels of `pack`."""
    m, n_l = out_da.shape
    K = delta_next.shape[1]
    one, zero = out_da.dtype.type(1.0), out_da.dtype.type(0.0)
    out = flat(out_da)
    wide = panel_width(out_da.itemsize)
    _sums(
        flat(delta_next), 0, K, 1, panels, 0, wide, K, m, n_l, K, one, zero, out, 0, n_l,
        out, 0, n_l,
    )  # fmt: skip


@jit
def activation_gradient_plain(w_next, delta_next, out_da):
    """`activation_gradient` straight from w_next, whose rows are near each other."""
    m, n_l = out_da.shape
    K = delta_next.shape[1]
    one, zero = out_da.dtype.type(1.0), out_da.dtype.type(0.0)
    out = flat(out_da)
    _sums(
        flat(delta_next), 0, K, 1, flat(w_next), 0, n_l, 1, m, n_l, K, one, zero, out, 0, n_l,
        out, 0, n_l,
    )  # fmt: skip


@jit
def activation_gradient(w_next, delta_next, out_da):
    """dC^t/da^l_i = sum_n w^{l+1}_ni delta^{l+1}_n  (twin: `loopbp.loops.activation_gradient`).

    Reordering: a tile of 6 t by 64 i stays in registers while n runs outside it; row n of w is
    read along i, not down its column.

    Loops: i in panels, t in tiles, n.  Race-free: threads are given rows t.
    """
    if far(w_next) and out_da.shape[0] >= PACK_ROWS:
        panels = np.empty(
            panels_size(w_next.shape[1], w_next.shape[0], w_next.itemsize), w_next.dtype
        )
        pack(w_next, 0, w_next.shape[0], panels, w_next.shape[0])
        activation_gradient_packed(panels, delta_next, out_da)
    else:
        activation_gradient_plain(w_next, delta_next, out_da)


@inline_jit
def far(w):
    """Whether the rows of a weight matrix are too far apart to be read down a block of columns."""
    return w.shape[1] * w.itemsize >= FAR_WEIGHTS_BYTES


@jit
def delta_from_da(code, address, z, da, out_delta):
    """delta^l_i = dC^t/da^l_i * sigma'(z^l_i)  (twin: `loopbp.loops.delta_from_da`).

    Reordering: t and i as one loop; sigma' from sigma(z), which is computed here once more.

    Loops: t and i as one.  Race-free: threads are given rows t.
    """
    a = np.empty_like(z)
    if code <= ELU:  # the others take sigma' from z
        activation(code, address, z, a)
    delta, source = flat(out_delta), flat(da)
    for k in range(delta.shape[0]):
        delta[k] = source[k]
    times_sigma_prime(code, address, z, a, out_delta)


@jit
def hidden_delta(w_next, delta_next, code, address, z, out_delta):
    """delta^l_i = sigma'(z^l_i) sum_n w^{l+1}_ni delta^{l+1}_n (twin: `loopbp.loops.hidden_delta`).

    Reordering: `activation_gradient`, then sigma' while the rows are in the cache.

    Loops: i in panels, t in tiles, n; then t and i as one.  Race-free: threads are given rows t.
    """
    activation_gradient(w_next, delta_next, out_delta)
    a = np.empty_like(z)
    if code <= ELU:  # the others take sigma' from z
        activation(code, address, z, a)
    times_sigma_prime(code, address, z, a, out_delta)


@inline_jit
def scratch_size(m, itemsize):
    """Numbers that `weight_sums` needs as scratch for m examples: a panel and a strip."""
    return min(m, SLICE) * panel_width(itemsize) + SLICE * STRIP


@jit
def pack_panel(a, at, row, m, columns, out):
    """m rows of `columns` numbers, `row` apart from a[at] on, as one panel, zeros behind them."""
    W = width(a.itemsize)
    wide = panel_width(a.itemsize)
    for t in range(m):
        for j in range(0, columns, W):
            source = at + t * row + j
            if columns - j >= W:
                store(out, t * wide + j, load(a, source))
            else:
                store(out, t * wide + j, load_part(a, source, columns - j))


@jit
def weight_sums(delta, a_prev, start, stop, alpha, beta, out_w, scratch):
    """out_ij = beta out_ij + alpha sum_t delta_ti a_tj for the rows i = start .. stop-1.

    With alpha = 1/m and beta = 0 the gradient; with alpha = -eta/m and beta = 1 the step of SGD
    itself: no gradient is stored.  `scratch` holds `scratch_size` numbers: where rows are far
    apart, the columns of a_prev that a tile wants are copied into a panel, and those of delta
    into a strip, example after example.
    """
    m, n_l = delta.shape
    n_prev = a_prev.shape[1]
    d, a, w = flat(delta), flat(a_prev), flat(out_w)
    W = width(a_prev.itemsize)
    wide = panel_width(a_prev.itemsize)
    many = m >= PACK_ROWS and stop - start >= PACK_ROWS // 4
    panels = many and n_prev * a_prev.itemsize >= FAR_ROWS_BYTES
    strips = many and n_l * delta.itemsize >= FAR_ROWS_BYTES
    if not panels:
        at = start * n_prev
        _sums(
            d, start, 1, n_l, a, 0, n_prev, 1, stop - start, n_prev, m, alpha, beta,
            w, at, n_prev, w, at, n_prev,
        )  # fmt: skip
        return
    strip = min(m, SLICE) * wide  # where it begins in scratch
    one = w.dtype.type(1.0)
    for i in range(start, stop, STRIP):
        rows = min(STRIP, stop - i)
        for first in range(0, m, SLICE):
            count = min(SLICE, m - first)
            keep = beta if first == 0 else one
            if strips:
                for t in range(0, count, W):
                    for u in range(0, rows, W):
                        _transpose(
                            d, (first + t) * n_l + i + u, n_l, min(W, count - t),
                            min(W, rows - u), scratch, strip + u * SLICE + t, SLICE,
                        )  # fmt: skip
            for p in range(0, n_prev, wide):
                columns = min(wide, n_prev - p)
                pack_panel(a, first * n_prev + p, n_prev, count, columns, scratch)
                at = i * n_prev + p
                if strips:
                    _sums(
                        scratch, strip, SLICE, 1, scratch, 0, wide, 1, rows, columns, count,
                        alpha, keep, w, at, n_prev, w, at, n_prev,
                    )  # fmt: skip
                else:
                    _sums(
                        d, first * n_l + i, 1, n_l, scratch, 0, wide, 1, rows, columns, count,
                        alpha, keep, w, at, n_prev, w, at, n_prev,
                    )  # fmt: skip


@jit
def weight_gradient(delta, a_prev, out_dw):
    """dJ/dw^l_ij = (1/m) sum_t delta^l_i a^{l-1}_j  (twin: `loopbp.loops.weight_gradient`).

    Reordering: a tile of 6 i by 64 j stays in registers while t runs outside it.

    Loops: j in panels, i in tiles, t.  Race-free: threads are given rows i.
    """
    m, n_l = delta.shape
    scratch = np.empty(scratch_size(m, delta.itemsize), delta.dtype)
    mean, zero = delta.dtype.type(1.0 / m), delta.dtype.type(0.0)
    weight_sums(delta, a_prev, 0, n_l, mean, zero, out_dw, scratch)


@jit
def bias_sums(delta, start, stop, alpha, beta, out_b):
    """out_i = beta out_i + alpha sum_t delta_ti for i = start .. stop-1, one W of i at a time."""
    m, n_l = delta.shape
    d = flat(delta)
    W = width(delta.itemsize)
    for i in range(start, stop, W):
        count = min(W, stop - i)
        total = load_part(d, i, count)
        for t in range(1, m):
            total = plus(total, load_part(d, t * n_l + i, count))
        if beta == 0:
            store_part(out_b, i, times(total, splat(alpha)), count)
        else:
            held = times(load_part(out_b, i, count), splat(beta))
            store_part(out_b, i, fma(total, splat(alpha), held), count)


@jit
def bias_gradient(delta, out_db):
    """dJ/db^l_i = (1/m) sum_t delta^l_i  (twin: `loopbp.loops.bias_gradient`).

    Reordering: W neighbouring i in one register, t outside.

    Loops: i by W, t.  Race-free: threads are given i.
    """
    m, n_l = delta.shape
    mean, zero = delta.dtype.type(1.0 / m), delta.dtype.type(0.0)
    bias_sums(delta, 0, n_l, mean, zero, out_db)
