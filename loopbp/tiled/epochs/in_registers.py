"""Whole epochs of very small networks: one serial function, examples side by side in registers.

On a network such as 2-2-1 the sums are over before a tile, a call or a view has begun.  Here a
register holds one number of each example: z^l_i for all t.  The loops over i and j are those of
`loopbp.loops`; the loop over t is the register.  No array is made and nothing is called.

    forward   z_i  = b_i + sum_j w_ij a_j            each a_j one register
    backward  d_i  = sigma'(z_i) sum_n w_ni d_n
    update    w_ij = w_ij - (eta/m) sum_t d_i a_j    the sum over the lanes of one register

A step waits for the one before it, but not for its own data: those of `CHUNK` steps are laid side
by side before the first of them.  (A load of what was just stored in parts waits until all before
it is done.)

`loopbp.tiled.choice` says for which networks: few units, plain SGD, one register of examples.
"""

import numpy as np

from loopbp.catalogue import BINARY_CROSS_ENTROPY, HALF_MSE, QUADRATIC, SOFTMAX
from loopbp.jit.decorators import inline_jit, inner_jit
from loopbp.jit.specialise import makes_kernels, specialise
from loopbp.machine.arithmetic import choose, fma, magnitude
from loopbp.machine.borrow import borrow
from loopbp.machine.folds import total
from loopbp.machine.of_width import lanes_of
from loopbp.machine.registers import item, store
from loopbp.machine.subnormals import flush_subnormals, restore_subnormals
from loopbp.machine.vector_math import exp, float64, log1p_of_sum, log1p_of_unit
from loopbp.machine.views import flat, vector
from loopbp.parameters import layer_count, unit_count
from loopbp.random.streams import order_examples
from loopbp.tiled.activations import sigma, sigma_prime

# Lanes of a register, and steps whose data are gathered.
LANES, CHUNK = (4, 8, 16), 16
load, splat, row_starts, gather, lane_count = lanes_of(LANES[-1]).values()  # `epoch_of` sets others


@inline_jit
def gather_batch(X, Y, weight, order, start, m, lanes, x, y, s):
    """x_j, y_i and s of the examples order[start : start + m], example beside example."""
    n_0, n_L = X.shape[1], Y.shape[1]
    xs, ys = flat(X), flat(Y)
    starts = row_starts(order, start, m, n_0)
    for j in range(n_0):
        store(x, j * lanes, gather(xs, starts, j, m))
    starts = row_starts(order, start, m, n_L)
    for i in range(n_L):
        store(y, i * lanes, gather(ys, starts, i, m))
    store(s, 0, gather(weight, row_starts(order, start, m, 1), 0, m))


@inline_jit
def weighted_inputs(theta, w_at, b_at, i, n_prev, a_prev, prev_at, lanes):
    """z_i = b_i + sum_j w_ij a_j of one unit."""
    z_i = splat(item(theta, b_at + i))
    for j in range(n_prev):
        w_ij = splat(item(theta, w_at + i * n_prev + j))
        z_i = fma(w_ij, load(a_prev, prev_at + j * lanes), z_i)
    return z_i


@inline_jit
def softmax_output(a, y, s, delta, losses, at, n_L, lanes):
    """softmax with cross_entropy: `a` holds z^L at `at`; delta^L_i = s (a_i - y_i)."""
    one, weight = splat(s.dtype.type(1.0)), load(s, 0)
    top = load(a, at)
    for i in range(1, n_L):
        z_i = load(a, at + i * lanes)
        top = choose(z_i > top, z_i, top)
    zero = one - one
    hit = rest = zero
    ones = -one
    for i in range(n_L):
        shifted = load(a, at + i * lanes) - top
        hit = fma(load(y, i * lanes), shifted, hit)
        e = exp(shifted)
        # apart from what is 1, the rest keeps its digits
        rest = rest + choose(e == one, zero, e)
        ones = ones + choose(e == one, one, zero)
        store(a, at + i * lanes, e)
    rest = rest + ones
    scale = one / (one + rest)
    for i in range(n_L):
        error = scale * load(a, at + i * lanes) - load(y, i * lanes)
        store(delta, at + i * lanes, weight * error)
    C = log1p_of_sum(float64(rest)) - float64(hit)
    store(losses, 0, fma(float64(weight), C, load(losses, 0)))


@inline_jit
def sigmoid_output(a, y, s, delta, losses, at, n_L, lanes):
    """sigmoid with binary_cross_entropy: one exp for a and for C."""
    zero, one = splat(s.dtype.type(0.0)), splat(s.dtype.type(1.0))
    weight = load(s, 0)
    for i in range(n_L):
        z_i, y_i = load(a, at + i * lanes), load(y, i * lanes)
        e = exp(-magnitude(z_i))
        a_i = choose(z_i < zero, e, one) / (one + e)
        store(delta, at + i * lanes, weight * (a_i - y_i))
        C_i = choose(z_i < zero, -y_i, one - y_i) * z_i + log1p_of_unit(e)
        store(losses, 0, fma(float64(weight), float64(C_i), load(losses, 0)))


@inline_jit
def squares_output(output, mean, a, y, s, delta, losses, at, n_L, lanes):
    """half_mse (mean = 1 / n_L) and quadratic (mean = 1): C = mean sum_i (a_i - y_i)**2 / 2."""
    weight = load(s, 0)
    for i in range(n_L):
        z_i = load(a, at + i * lanes)
        error = sigma(output, z_i) - load(y, i * lanes)
        store(delta, at + i * lanes, mean * weight * error * sigma_prime(output, z_i))
        C_i = float64(error) * float64(error)  # the square may leave float32
        half = float64(weight) * (0.5 * float64(mean))
        store(losses, 0, fma(half, C_i, load(losses, 0)))


@inner_jit
def epoch(
    theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed, number,
    batch_size, shuffled, workspace,
):  # fmt: skip
    """`loopbp.passes.epoch` for the networks that suit."""
    examples = X.shape[0]
    last = layer_count(architecture)
    order = workspace.order
    order_examples(order, shuffled, seed, number)
    lanes = lane_count()
    ends = architecture.sizes[0] + architecture.sizes[last] + 1
    memory = np.zeros((CHUNK * ends + 2 * unit_count(architecture)) * lanes, theta.dtype)
    losses = np.zeros(lanes, np.float64)
    mode = flush_subnormals()
    J = steps(
        theta, architecture, X, Y, weight, learning_rate, batch_size, order, lanes, memory, losses
    )
    restore_subnormals(mode)
    return J / examples


@inner_jit
def steps(
    theta, architecture, X, Y, weight, learning_rate, batch_size, order, lanes, memory, losses
):
    """All steps of an epoch; the sum of J over the examples.

    `memory` holds unit after unit, one register each.  Lanes beyond the batch carry the weight 0,
    so their delta is 0.  It and `losses` come as zeros.
    """
    theta, architecture = borrow(theta), borrow(architecture)
    X, Y, weight, order = borrow(X), borrow(Y), borrow(weight), borrow(order)
    memory, losses = borrow(memory), borrow(losses)
    examples = X.shape[0]
    sizes, last = architecture.sizes, layer_count(architecture)
    n_0, n_L = sizes[0], sizes[last]
    size = unit_count(architecture) * lanes
    a, delta = vector(memory, 0, size), vector(memory, size, size)
    ends = (n_0 + n_L + 1) * lanes  # of a batch: x, y, s
    loss, output = architecture.loss, architecture.activation[last]
    one = theta.dtype.type(1.0)
    mean = one / theta.dtype.type(n_L) if loss == HALF_MSE else one
    J = 0.0
    for start in range(0, examples, batch_size):
        m = min(batch_size, examples - start)
        turn = start // batch_size % CHUNK
        if turn == 0:
            for c in range(CHUNK):
                first, at = start + c * batch_size, 2 * size + c * ends
                if first < examples:
                    gather_batch(
                        X, Y, weight, order, first, min(batch_size, examples - first), lanes,
                        vector(memory, at, n_0 * lanes),
                        vector(memory, at + n_0 * lanes, n_L * lanes),
                        vector(memory, at + (n_0 + n_L) * lanes, lanes),
                    )  # fmt: skip
        at = 2 * size + turn * ends
        x = vector(memory, at, n_0 * lanes)
        y = vector(memory, at + n_0 * lanes, n_L * lanes)
        s = vector(memory, at + (n_0 + n_L) * lanes, lanes)
        # forward; z^L stays z, and sigma' waits where delta will be
        a_prev, prev_at = x, 0
        for l in range(1, last + 1):
            n_l, n_prev = sizes[l], sizes[l - 1]
            w_at, b_at = architecture.w_start[l], architecture.b_start[l]
            at, code = architecture.unit_start[l] * lanes, architecture.activation[l]
            for i in range(n_l):
                z_i = weighted_inputs(theta, w_at, b_at, i, n_prev, a_prev, prev_at, lanes)
                if l == last:
                    store(a, at + i * lanes, z_i)
                else:
                    store(a, at + i * lanes, sigma(code, z_i))
                    store(delta, at + i * lanes, sigma_prime(code, z_i))
            a_prev, prev_at = a, at
        at = architecture.unit_start[last] * lanes
        if output == SOFTMAX:
            softmax_output(a, y, s, delta, losses, at, n_L, lanes)
        elif loss == BINARY_CROSS_ENTROPY:
            sigmoid_output(a, y, s, delta, losses, at, n_L, lanes)
        elif loss in (HALF_MSE, QUADRATIC):
            squares_output(output, mean, a, y, s, delta, losses, at, n_L, lanes)
        # delta backward
        for l in range(last - 1, 0, -1):
            n_l, n_next = sizes[l], sizes[l + 1]
            w_at, at = architecture.w_start[l + 1], architecture.unit_start[l] * lanes
            next_at = architecture.unit_start[l + 1] * lanes
            for i in range(n_l):
                d_i = splat(theta.dtype.type(0.0))
                for n in range(n_next):
                    w_ni = splat(item(theta, w_at + n * n_l + i))
                    d_i = fma(w_ni, load(delta, next_at + n * lanes), d_i)
                d_i = d_i * load(delta, at + i * lanes)
                store(delta, at + i * lanes, d_i)
        # update
        rate = theta.dtype.type(-learning_rate / m)
        keep = theta.dtype.type(1.0 - learning_rate * architecture.l2)
        if architecture.l2 > 0.0:
            for l in range(1, last + 1):
                for p in range(architecture.w_start[l], architecture.b_start[l]):
                    J += 0.5 * architecture.l2 * m * np.float64(theta[p]) * theta[p]
        a_prev, prev_at = x, 0
        for l in range(1, last + 1):
            n_l, n_prev = sizes[l], sizes[l - 1]
            w_at, b_at = architecture.w_start[l], architecture.b_start[l]
            at = architecture.unit_start[l] * lanes
            for i in range(n_l):
                d_i = load(delta, at + i * lanes)
                for j in range(n_prev):
                    p = w_at + i * n_prev + j
                    sum_t = total(d_i * load(a_prev, prev_at + j * lanes))
                    theta[p] = fma(rate, sum_t, keep * item(theta, p))
                theta[b_at + i] = fma(rate, total(d_i), item(theta, b_at + i))
            a_prev, prev_at = a, at
    for k in range(lanes):
        J += losses[k]
    return J


def lanes_for(batch_size):
    """The narrowest registers that hold a batch: for the 4 examples of xor, 4 lanes."""
    return next(count for count in LANES if batch_size <= count)


@makes_kernels
def epoch_of(lanes):
    """`epoch` in registers of so many lanes; more lanes than examples find the same bits."""
    few = lanes_of(lanes)
    parts = [gather_batch, weighted_inputs, softmax_output, sigmoid_output, squares_output]
    inner = specialise(parts, f"of_{lanes}", few, inline_jit)
    loop = specialise([steps], f"of_{lanes}", {**few, **vars(inner)}, inner_jit)
    return specialise([epoch], f"of_{lanes}", {**few, **vars(loop)}, inner_jit).epoch
