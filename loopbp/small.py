"""Whole epochs of very small networks: one serial function, examples side by side in registers.

On a network such as 2-2-1 the sums are over before a tile, a call or a view has begun.  Here a
register holds one number of W examples: z^l_i for t = 0..W-1.  The loops over i and j are those of
`loopbp.loops`; the loop over t is the register.  No array is made and nothing is called.

    forward   z_i  = b_i + sum_j w_ij a_j            each a_j one register
    backward  d_i  = sigma'(z_i) sum_n w_ni d_n
    update    w_ij = w_ij - (eta/m) sum_t d_i a_j    the sum over the lanes of one register

`suits` says for which networks: few units, plain SGD, batches of a few registers.
"""

from functools import cache

import numpy as np

from loopbp._jit import inline_jit, inner_jit, jit, specialise
from loopbp.activations import IDENTITY, LEAKY_RELU, LEAKY_SLOPE, RELU, SIGMOID, SOFTMAX, TANH
from loopbp.lanes import fma, item, lanes_of, load, plus, splat, store, times, total, width
from loopbp.losses import BINARY_CROSS_ENTROPY, CROSS_ENTROPY, HALF_MSE, QUADRATIC
from loopbp.optimizers import RULE_SGD
from loopbp.parameters import layer_count, unit_count
from loopbp.rng import SHUFFLE, shuffle, stream_key
from loopbp.vector_math import exp, log1p_of_unit, log_of_sum, sigmoid, tanh
from loopbp.views import borrow, vector

# Weights and examples up to which this beats tiles, and registers of examples in a batch.
MOST_WEIGHTS, MOST_EXAMPLES = 128, 16
_HIDDEN = (IDENTITY, SIGMOID, TANH, RELU, LEAKY_RELU)
_PAIRS = {
    (SIGMOID, BINARY_CROSS_ENTROPY), (SOFTMAX, CROSS_ENTROPY), (IDENTITY, HALF_MSE),
    (IDENTITY, QUADRATIC), (SIGMOID, QUADRATIC), (SIGMOID, HALF_MSE), (TANH, QUADRATIC),
    (TANH, HALF_MSE),
}  # fmt: skip


def suits(architecture, settings, batch_size):
    """Whether a network, an optimizer and a batch size are for `epoch` of this module."""
    sizes = architecture.sizes
    weights = int((sizes[1:] * sizes[:-1]).sum())
    pair = int(architecture.activation[-1]), int(architecture.loss)
    return (
        weights <= MOST_WEIGHTS
        and batch_size <= MOST_EXAMPLES
        and settings.rule == RULE_SGD
        and settings.clip_norm == 0.0
        and not architecture.dropout.any()
        and all(code in _HIDDEN for code in architecture.activation[1:-1])
        and pair in _PAIRS
    )


@inline_jit
def activate(code, z, a):
    """a = sigma(z) for the examples of one register, softmax aside."""
    zero, one = z.dtype.type(0.0), z.dtype.type(1.0)
    slope = z.dtype.type(LEAKY_SLOPE)
    if code == SIGMOID:
        for k in range(width(z.itemsize)):
            a[k] = sigmoid(z[k])
    elif code == TANH:
        for k in range(width(z.itemsize)):
            a[k] = tanh(z[k])
    elif code == RELU:
        for k in range(width(z.itemsize)):
            a[k] = zero if z[k] <= zero else z[k]
    elif code == LEAKY_RELU:
        for k in range(width(z.itemsize)):
            a[k] = z[k] * (one if z[k] > zero else slope)
    else:
        for k in range(width(z.itemsize)):
            a[k] = z[k]


@inline_jit
def times_prime(code, z, a, delta):
    """delta = delta * sigma'(z) for the examples of one register, sigma' from a."""
    zero, one = z.dtype.type(0.0), z.dtype.type(1.0)
    slope = z.dtype.type(LEAKY_SLOPE)
    if code == SIGMOID:
        for k in range(width(z.itemsize)):
            delta[k] *= a[k] * (one - a[k])
    elif code == TANH:
        for k in range(width(z.itemsize)):
            delta[k] *= one - a[k] * a[k]
    elif code == RELU:
        for k in range(width(z.itemsize)):
            delta[k] *= one if a[k] > zero else zero
    elif code == LEAKY_RELU:
        for k in range(width(z.itemsize)):
            delta[k] *= one if z[k] > zero else slope


@inline_jit
def add_squares(mean, a, y, s, losses):
    """losses_t += s_t C^t of one output, a squared error."""
    for k in range(width(a.itemsize)):
        error = a[k] - y[k]
        losses[k] += s[k] * (mean * error * error) / 2


@inline_jit
def add_sigmoid_losses(z, a, y, s, losses):
    """a = sigmoid(z) of one output, and losses_t += s_t C^t of cross-entropy, with one exp."""
    zero, one = z.dtype.type(0.0), z.dtype.type(1.0)
    for k in range(width(z.itemsize)):
        e = exp(-abs(z[k]))
        a[k] = (e if z[k] < zero else one) / (one + e)
        above = zero if z[k] < zero else z[k]
        losses[k] += s[k] * (above + log1p_of_unit(e) - y[k] * z[k])


@inline_jit
def add_softmax_losses(z, a, y, s, losses, top, mass, n_L, z_at, y_at, unit):
    """a = softmax(z) over the outputs, and losses_t += s_t C^t of cross_entropy."""
    W = width(z.itemsize)
    store(top, 0, load(z, z_at))
    for i in range(1, n_L):
        z_i = vector(z, z_at + i * unit, W)
        for k in range(W):
            top[k] = z_i[k] if z_i[k] > top[k] else top[k]
    for k in range(W):
        mass[k] = z.dtype.type(0.0)
    for i in range(n_L):
        z_i, a_i = vector(z, z_at + i * unit, W), vector(a, z_at + i * unit, W)
        for k in range(W):
            a_i[k] = exp(z_i[k] - top[k])
            mass[k] += a_i[k]
    for k in range(W):
        losses[k] += s[k] * log_of_sum(np.float64(mass[k]))
    for i in range(n_L):
        z_i, a_i = vector(z, z_at + i * unit, W), vector(a, z_at + i * unit, W)
        y_i = vector(y, y_at + i * unit, W)
        for k in range(W):
            a_i[k] = a_i[k] / mass[k]
            losses[k] -= s[k] * (y_i[k] * (z_i[k] - top[k]))


@jit
def epoch(
    theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed, number,
    batch_size, shuffled, workspace,
):  # fmt: skip
    """`loopbp.passes.epoch` for the networks that `suits` lets through."""
    W = width(theta.itemsize)
    examples = X.shape[0]
    last = layer_count(architecture)
    order = workspace.order
    if shuffled:
        shuffle(order, stream_key(seed, SHUFFLE, number))
    else:
        for k in range(examples):
            order[k] = k
    unit = (min(batch_size, examples) + W - 1) // W * W
    ends = architecture.sizes[0] + architecture.sizes[last]
    memory = np.zeros((ends + 3 * unit_count(architecture) + 1) * unit + 2 * W, theta.dtype)
    losses = np.zeros(unit, np.float64)
    J = steps(
        theta, architecture, X, Y, weight, learning_rate, batch_size, order, unit, memory, losses
    )
    return J / examples


@inner_jit
def steps(
    theta, architecture, X, Y, weight, learning_rate, batch_size, order, unit, memory, losses
):
    """All steps of an epoch; the sum of J over the examples.

    `memory` holds unit after unit, `unit` numbers each: C registers of W examples.  Lanes beyond
    the batch carry the weight 0, so their delta is 0.  It and `losses` come as zeros.
    """
    theta, architecture = borrow(theta), borrow(architecture)
    X, Y, weight, order = borrow(X), borrow(Y), borrow(weight), borrow(order)
    memory, losses = borrow(memory), borrow(losses)
    W = width(theta.itemsize)
    examples = X.shape[0]
    sizes, last = architecture.sizes, layer_count(architecture)
    n_0, n_L = sizes[0], sizes[last]
    size = unit_count(architecture) * unit
    x, y = vector(memory, 0, n_0 * unit), vector(memory, n_0 * unit, n_L * unit)
    start = (n_0 + n_L) * unit
    s, z = vector(memory, start, unit), vector(memory, start + unit, size)
    a, delta = (
        vector(memory, start + unit + size, size),
        vector(memory, start + unit + 2 * size, size),
    )
    top = vector(memory, start + unit + 3 * size, W)
    mass = vector(memory, start + unit + 3 * size + W, W)
    zero, one = theta.dtype.type(0.0), theta.dtype.type(1.0)
    nothing = splat(zero)
    loss, output = architecture.loss, architecture.activation[last]
    z_L = architecture.unit_start[last] * unit
    mean = one / theta.dtype.type(n_L) if loss == HALF_MSE else one
    cross_entropy = loss in (BINARY_CROSS_ENTROPY, CROSS_ENTROPY)
    penalties = 0.0
    for start in range(0, examples, batch_size):
        m = min(batch_size, examples - start)
        # gather, examples side by side
        for t in range(m):
            k = order[start + t]
            for j in range(n_0):
                x[j * unit + t] = X[k, j]
            for i in range(n_L):
                y[i * unit + t] = Y[k, i]
            s[t] = weight[k]
        for t in range(m, unit):
            s[t] = zero
        # forward
        a_prev, prev_at = x, 0
        for l in range(1, last + 1):
            n_l, n_prev = sizes[l], sizes[l - 1]
            w_at, b_at = architecture.w_start[l], architecture.b_start[l]
            at = architecture.unit_start[l] * unit
            for i in range(n_l):
                for c in range(0, unit, W):
                    sum_z = splat(item(theta, b_at + i))
                    for j in range(n_prev):
                        w_ij = splat(item(theta, w_at + i * n_prev + j))
                        sum_z = fma(w_ij, load(a_prev, prev_at + j * unit + c), sum_z)
                    store(z, at + i * unit + c, sum_z)
            if l < last or not cross_entropy:
                for c in range(at, at + n_l * unit, W):
                    activate(architecture.activation[l], vector(z, c, W), vector(a, c, W))
            a_prev, prev_at = a, at
        # loss and delta of the output
        if output == SOFTMAX:
            for c in range(0, unit, W):
                add_softmax_losses(
                    z, a, y, vector(s, c, W), vector(losses, c, W), top, mass, n_L, z_L + c, c, unit
                )
        for i in range(n_L):
            for c in range(0, unit, W):
                at, y_at = z_L + i * unit + c, i * unit + c
                z_i, a_i, d_i = vector(z, at, W), vector(a, at, W), vector(delta, at, W)
                y_i, s_c, losses_c = vector(y, y_at, W), vector(s, c, W), vector(losses, c, W)
                if not cross_entropy:
                    add_squares(mean, a_i, y_i, s_c, losses_c)
                elif output == SIGMOID:
                    add_sigmoid_losses(z_i, a_i, y_i, s_c, losses_c)
                for k in range(W):
                    d_i[k] = mean * s_c[k] * (a_i[k] - y_i[k])
                if not cross_entropy:
                    times_prime(output, z_i, a_i, d_i)
        # delta backward
        for l in range(last - 1, 0, -1):
            n_l, n_next = sizes[l], sizes[l + 1]
            w_at, at = architecture.w_start[l + 1], architecture.unit_start[l] * unit
            next_at = architecture.unit_start[l + 1] * unit
            for i in range(n_l):
                for c in range(0, unit, W):
                    sum_d = nothing
                    for n in range(n_next):
                        w_ni = splat(item(theta, w_at + n * n_l + i))
                        sum_d = fma(w_ni, load(delta, next_at + n * unit + c), sum_d)
                    row = at + i * unit + c
                    store(delta, row, sum_d)
                    times_prime(
                        architecture.activation[l], vector(z, row, W), vector(a, row, W),
                        vector(delta, row, W),
                    )  # fmt: skip
        # update
        rate = theta.dtype.type(-learning_rate / m)
        keep = theta.dtype.type(1.0 - learning_rate * architecture.l2)
        if architecture.l2 > 0.0:
            for l in range(1, last + 1):
                for p in range(architecture.w_start[l], architecture.b_start[l]):
                    penalties += 0.5 * architecture.l2 * m * np.float64(theta[p]) * theta[p]
        for l in range(1, last + 1):
            n_l, n_prev = sizes[l], sizes[l - 1]
            w_at, b_at = architecture.w_start[l], architecture.b_start[l]
            at = architecture.unit_start[l] * unit
            a_prev, prev_at = x, 0
            if l > 1:
                a_prev, prev_at = a, architecture.unit_start[l - 1] * unit
            for i in range(n_l):
                row = at + i * unit
                for j in range(n_prev):
                    column = prev_at + j * unit
                    sum_t = times(load(delta, row), load(a_prev, column))
                    for c in range(W, unit, W):
                        sum_t = fma(load(delta, row + c), load(a_prev, column + c), sum_t)
                    p = w_at + i * n_prev + j
                    theta[p] = keep * theta[p] + rate * total(sum_t)
                sum_t = load(delta, row)
                for c in range(W, unit, W):
                    sum_t = plus(sum_t, load(delta, row + c))
                theta[b_at + i] += rate * total(sum_t)
    J = penalties
    for k in range(unit):
        J += losses[k]
    return J


@cache
def epoch_of(count):
    """`epoch` with registers of `count` numbers, 4 or 8, for batches of no more."""
    few = lanes_of(count)
    parts = [activate, times_prime, add_squares, add_sigmoid_losses, add_softmax_losses]
    inner = specialise(parts, f"of_{count}", few, inline_jit)
    return specialise([steps, epoch], f"of_{count}", {**few, **vars(inner)}, jit).epoch
