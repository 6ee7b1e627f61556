"""Softmax, and softmax with cross_entropy, losses and delta^L in one."""

import numpy as np

from loopbp.jit.decorators import inline_jit, inner_jit
from loopbp.machine.arithmetic import choose, count_of, fma
from loopbp.machine.folds import highest, total
from loopbp.machine.memory import item_bytes, width
from loopbp.machine.registers import load_part, load_part_or, splat, store_part
from loopbp.machine.vector_math import exp, log1p_of_sum
from loopbp.machine.views import flat

# Registers of a row from which softmax goes row by row.
LONG_ROWS = 4


@inline_jit
def highest_of_row(zs, at, n, lowest):
    """max_i z_i of a row."""
    top = lowest
    for i in range(0, n, width(item_bytes(zs))):
        z_t = load_part_or(zs, at + i, n - i, lowest)
        top = choose(z_t > top, z_t, top)
    return highest(top)


@inner_jit
def softmax_rows(z, out_a):
    """Rows of exp(z_i - max) over their sum, in registers."""
    m, n = z.shape
    zs, out = flat(z), flat(out_a)
    W = width(item_bytes(z))
    zero, one = z.dtype.type(0.0), z.dtype.type(1.0)
    lowest = splat(z.dtype.type(-np.inf))
    for t in range(m):
        at, end = t * n, (t + 1) * n
        top_t = highest_of_row(zs, at, n, lowest)
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
        top = highest_of_row(zs, at, n, lowest)
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
        top = highest_of_row(zs, at, n, lowest)
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
