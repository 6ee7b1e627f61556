"""The tiled engine: the sums of `loopbp.loops`, reordered for registers and cache.

Function for function the twins of loops.py, under the same names.  Three ideas, each on its own
page: a tile of sums is held in registers while the innermost loop runs along the sum
(`tile_template`); a matrix is copied once into panels, so that the tile reads it in order
(`panels`); and loops over exp and tanh are written so that they vectorise (`activations`).
`loopbp.tiled.layers` fuses these functions into a training step.

Arrays are C-ordered and must not overlap.  Everything here is serial: threads are given rows.
"""

import numpy as np

from loopbp.catalogue import (
    BINARY_CROSS_ENTROPY,
    CROSS_ENTROPY,
    ELEMENTWISE,
    IDENTITY,
    LEAKY_RELU,
    PRIME_BY_SIGN,
    RELU,
    SIGMOID,
    SOFTMAX,
    USER,
)
from loopbp.jit.c_function import call_address
from loopbp.jit.decorators import inline_jit, inner_jit, jit
from loopbp.losses import delta_row, is_logarithmic, loss_row, times_loss_prime_row
from loopbp.machine.arithmetic import choose, magnitude
from loopbp.machine.memory import item_bytes, width
from loopbp.machine.registers import load, load_part, store, store_part
from loopbp.machine.vector_math import exp, log1p_of_unit
from loopbp.machine.views import flat
from loopbp.tiled.activations import leaky_relu_prime, relu, relu_prime, sigma, sigma_prime
from loopbp.tiled.panels import PACK_ROWS, far, pack, pack_transposed, panel_width, panels_size
from loopbp.tiled.softmax import softmax_rows
from loopbp.tiled.sums import (
    activation_gradient_block,
    bias_sums,
    by_dots,
    scratch_size,
    weight_sums,
    weighted_input_dots,
    weighted_input_packed,
)


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
        softmax_rows(z, out_a)
    else:
        activation_rows(code, address, flat(z), flat(out_a), 0, 1, z.size, z.size, False)


@inline_jit
def prime_from_a(code):
    """Whether sigma' can be had from a as well as from z: from their signs."""
    return code in PRIME_BY_SIGN


@inner_jit
def activation_rows(code, address, z, out_a, start, rows, columns, apart, keeps):
    """`activation` of a block of numbers: `rows` times `columns`, `apart` from row to row.

    If `keeps`, sigma'(z) is left in z, but for a user's own and where `prime_from_a`: what both
    need, as exp(-|z|), is computed once, and from a alone sigma' would lose its digits.

    For relu the choice between the activations and the masks of parts of registers cost more than
    itself: it goes without.
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
        elif code in ELEMENTWISE:
            for k in range(at, end, W):
                z_k = load_part(z, k, end - k)
                store_part(out_a, k, sigma(code, z_k), end - k)
                if keeps:
                    store_part(z, k, sigma_prime(code, z_k), end - k)
        elif code == USER:
            for k in range(at, end):
                out_a[k] = call_address(address, z[k])
        else:  # NaN, for no code is a guess
            for k in range(at, end):
                out_a[k] = np.nan


@inner_jit
def example_losses(loss, output, z, a, y, weight, out_c):
    """s_t C^t  (twin: `loopbp.loops.example_losses`).

    Reordering: none but that sigmoid with binary_cross_entropy takes log(1 + exp(-|z|)) from
    `loopbp.machine.vector_math`.

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
    if code not in ELEMENTWISE or prime_from_a(code):
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
        elif code in ELEMENTWISE:
            for k in range(at, end, W):
                left = end - k
                prime = load_part(z, k, left)
                if code == LEAKY_RELU:
                    prime = leaky_relu_prime(prime)
                store_part(delta, k, load_part(delta, k, left) * prime, left)
        elif code == USER:
            for k in range(at, end):
                delta[k] *= call_address(address, z[k])
        else:
            for k in range(at, end):
                delta[k] = np.nan


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


@jit
def bias_gradient(delta, out_db):
    """dJ/db^l_i = (1/m) sum_t delta^l_i  (twin: `loopbp.loops.bias_gradient`).

    Reordering: 4 W neighbouring i in four registers, t outside.

    Loops: i by 4 W, t.  Race-free: threads are given i.
    """
    m, n_l = delta.shape
    mean, zero = delta.dtype.type(1.0 / m), delta.dtype.type(0.0)
    bias_sums(delta, 0, n_l, mean, zero, out_db)
