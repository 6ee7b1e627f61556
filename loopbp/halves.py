"""Epochs by halves: each of two threads has all weights, and half of each batch.

A layer of 64 x 64 with 64 examples is over in 3 microseconds.  A team of threads that shares out
the rows of every w^l (`loopbp.tiled_training`) hands on all activations and all weights in a step,
a layer at a time; here all that moves is a half's part of the gradient, one vector in one stream:

    dJ/dtheta = p_0 + p_1,    p_s = (1 / m) sum_{t in half s} dC^t/dtheta

    forward     layer after layer: w^l and b^l take the step before, by the sum of its parts, and
                w^l goes to its panels; then a^l of the half's examples
    outputs     losses and delta^L
    backward    delta^{l-1}, and the sums p_s over the half's examples
    meet        the only one of a step (`loopbp.team`)

w^l is updated late, when the next step needs it: then it is in the cache for what comes next.  Both
threads do so for all weights, with the same parts in the same order, and so theirs stay equal.
With plain SGD the parts carry -eta already, and adding them is all.

A thread keeps its part for its own update and hands on a copy.  There are two copies, which change
hands: a thread writes its part over the one that it has just read, so that each line moves once a
step.  Where each had one of its own, the other's cache had to give up every line before it could be
written again: 64 x 12 with 64 examples took 87 us, and takes 82.

There are two halves however many threads there are, so a seed gives the same bits.  `suits` says
for which networks.
"""

from typing import Any

import numpy as np

from loopbp._jit import inline_jit, inner_jit, jit, plain
from loopbp.activations import SOFTMAX
from loopbp.lanes import ALIGNMENT, fma, in_lines, item_bytes, load_part, splat, store_part, width
from loopbp.optimizers import RULE_SGD, state_rows, update_part
from loopbp.parameters import Architecture, biases_of, layer_count, layer_of, weights_of
from loopbp.passes import add_penalty_gradient
from loopbp.rng import order_examples
from loopbp.shares import (
    EVEN,
    STATE,
    THETA,
    SharesWorkspace,
    batch_of,
    give,
    network_of,
    of_row,
    shares_workspace,
    take,
    workspace_of,
)
from loopbp.subnormals import flush_subnormals, restore_subnormals
from loopbp.team import meet, run_team
from loopbp.tiled import TILE_ROWS, add_two, bias_sums, copy, pack, pack_transposed, weight_sums
from loopbp.tiled_training import (
    in_order,
    input_pace,
    layer_backward,
    layer_forward,
    outputs,
    penalties,
)
from loopbp.tiled_workspace import (
    ROW_BLOCK,
    UNIT_WEIGHTS,
    forward_panels,
    own_at,
    pack_own,
    panels_at,
    reads_panels,
)
from loopbp.views import borrow, flat, matrix, rows

Array = np.ndarray[Any, Any]

HALVES = 2
# Multiply-adds of a step and examples from which, and bytes of weights and optimizer's state up to
# which it pays to have halves (two cores, omp; times against the other way).  One thread:
# 20-20-20-2 with 64, 0.83, 32-32-32-32-32-10 with 64, 0.76, with Adam 0.81 and 0.88; but in epochs
# of one step, 20-20-20-2 with 200, 1.0.  An output of softmax counts as OUTPUT_WORK: 1-211 with 69,
# 0.76, with 40 0.82, 1-100 with 69, 0.77; 4-32-3 with 64, 1.01.  A team: 64 x 12 with 64, 0.78,
# with 32 0.86, with 512 and more 0.8, with Adam and 64, 550 KB, 0.86; 200-200-200-200-10 with 64,
# 490 KB, 0.88, but in float64 with 100 1.06 and with Adam 1.15; 240-240-240-240-10, 700 KB, 1.06,
# with 200 1.01.  With MANY examples both update more bytes than one thread alone would, and it
# still pays: that one with 256 0.97, with 606 0.91; 200-200-200-200-10 in float64 with 256, 980 KB,
# 0.89, 150-150-150-150-10 with Adam, 830 KB, 0.92, 215-181-913-2-206, 820 KB, 0.96; but
# 300-300-300-300-10, 1.1 MB, 1.0.
LEAST_WORK, LEAST_BATCH, MOST_BYTES = 5e4, 32, 600_000
OUTPUT_WORK = 10
MANY, MOST_BYTES_OF_MANY = 256, 1_000_000
# Weights for each number of what `loopbp.split` lets two threads read, x, or hand on, z^2.  Of x a
# quarter counts.  64-32-10 with 128 examples, 0.7, takes 0.87 of its time, 784-30-10 with 128, 0.9,
# 1.06, with 256, 0.45, 0.72; 100-20-100 with 128, 0.26, 0.64; 5-95-1 with 314, 0.9, 1.10.
MOST_WEIGHTS = 0.7
# Of a row of the workspace: the part that a half keeps, and one of the two copies.
KEPT, COPY = EVEN, EVEN + 1
# What each half adds up of the losses is on a line of its own.
_LINE = ALIGNMENT // 8


def suits(
    architecture: Architecture, settings: Any, batch_size: int, itemsize: int, is_cut: bool
) -> bool:
    """Whether a training is for `epoch` of this module.

    `is_cut`: the other way would be `loopbp.split`, and not one thread or a team.
    """
    n = [int(size) for size in architecture.sizes]
    weights = int((architecture.sizes[1:] * architecture.sizes[:-1]).sum())
    work = 3 * weights * batch_size
    if architecture.activation[-1] == SOFTMAX:
        work += OUTPUT_WORK * n[-1] * batch_size
    few = weights <= MOST_WEIGHTS * batch_size * (n[0] / 4 + n[min(2, len(n) - 1)])
    # Nobody else reads what a thread of a team has of a large w^1: 784-64-64-64-10 with 64, 1.12,
    # 784-100, 1.17; but with more examples than inputs: 120-140-140-140-10 with 128, 0.77.
    moves = is_cut or (n[0] * n[1] >= UNIT_WEIGHTS and n[0] >= batch_size)
    vectors = 1 + plain(state_rows)(settings)
    most = MOST_BYTES_OF_MANY if batch_size >= MANY else MOST_BYTES
    return (
        settings.clip_norm == 0.0
        and not architecture.dropout.any()
        and batch_size >= LEAST_BATCH
        and work >= LEAST_WORK
        and vectors * weights * itemsize <= most
        and (few or not moves)
    )


def halves_workspace(
    make_workspace: Any, theta: Array, architecture: Architecture, examples: int, batch_size: int,
    threads: int,
) -> SharesWorkspace:  # fmt: skip
    """The workspace for up to `threads` threads; `make_workspace` tells what each half needs."""
    batch = -(-min(batch_size, examples) // HALVES)
    made = make_workspace(theta, architecture, examples, batch)
    blocks = [[[0, 0, theta.size]]] * HALVES
    return shares_workspace(
        theta, [architecture] * HALVES, [made] * HALVES, blocks, batch, threads, own=theta.size,
        part=theta.size, state=2 * plain(in_lines)(theta.size, theta),
    )  # fmt: skip


@inner_jit
def add_parts(theta, keep, part_0, part_1, start, stop):
    """theta_k = keep theta_k + (p_0k + p_1k), k = start .. stop-1."""
    W, kept = width(item_bytes(theta)), splat(keep)
    for k in range(start, stop, W):
        n = stop - k
        part = load_part(part_0, k, n) + load_part(part_1, k, n)
        store_part(theta, k, fma(kept, load_part(theta, k, n), part), n)


@inline_jit
def layer_step(theta, net, l, settings, learning_rate, step, state, part_0, part_1, workspace):
    """w^l and b^l take their step, and w^l goes to its panels, a few rows at a time."""
    n, K, one = net.sizes[l], net.sizes[l - 1], theta.dtype.type(1.0)
    keep = theta.dtype.type(1.0 - learning_rate * net.l2)
    is_sgd, gradient = settings.rule == RULE_SGD, workspace.gradient
    at, b = net.w_start[l], net.b_start[l]
    w, panels = weights_of(theta, net, l), forward_panels(l, 0, workspace)
    packed = reads_panels(l, net, False, workspace)
    for i in range(0, n, ROW_BLOCK):
        end = min(n, i + ROW_BLOCK)
        start, stop = at + i * K, at + end * K
        if is_sgd:
            add_parts(theta, keep, part_0, part_1, start, stop)
        else:
            add_two(part_0, part_1, start, stop, gradient)
            if net.l2 > 0.0:
                dw = weights_of(gradient, net, l)
                add_penalty_gradient(rows(w, i, end), net.l2, rows(dw, i, end))
            update_part(settings, learning_rate, step, theta, gradient, state, start, stop, True)
        if packed:
            pack_transposed(flat(w), K, 1, n, K, i, end, 0, K, panels)
    if workspace.backward_start[l] >= 0:
        pack(w, 0, n, panels_at(workspace, workspace.backward_start[l]))
    if is_sgd:
        add_parts(theta, one, part_0, part_1, b, b + n)
    else:
        add_two(part_0, part_1, b, b + n, gradient)
        update_part(settings, learning_rate, step, theta, gradient, state, b, b + n, False)


@inline_jit
def soon_of(net, l, m, itemsize):
    """What the tiles of layer l ask for while they are summed: where, and how much at a time.

    The other half's part of the next layer, a line with each number of an example at most.
    """
    if l == layer_count(net):
        return 0, 0
    pace = net.sizes[l + 1] * net.sizes[l] // max(1, m * net.sizes[l - 1])
    pace = min(pace, width(itemsize) // TILE_ROWS)
    # a tile asks for what is its own height ahead
    return net.w_start[l + 1] - TILE_ROWS * net.sizes[l - 1] * pace, pace


@inline_jit
def forward_half(
    theta, net, x, m, settings, learning_rate, step, state, part_0, part_1, other, workspace
):
    """a^1 .. a^L of a half's m examples; before, the weights take the step that is pending.

    `step` is its number, 0 where there is none.
    """
    a_prev = x
    for l in range(1, layer_count(net) + 1):
        soon, at, pace = flat(a_prev), 0, input_pace(l)
        if step > 0:
            layer_step(
                theta, net, l, settings, learning_rate, step, state, part_0, part_1, workspace
            )
            soon = other
            at, pace = soon_of(net, l, m, item_bytes(theta))
        if m > 0:
            layer_forward(
                theta, net, l, a_prev, m, 0, m, 0, net.sizes[l], 0, False, soon, at, pace, workspace
            )
        a_prev = layer_of(workspace.a, net, l, m)


@inline_jit
def others_part(halves, s, turn, hands_on):
    """What half s reads after a step of parity `turn`, and in the next one writes its copy over.

    Where one thread does both halves, and nothing is handed on, what the other keeps.
    """
    if hands_on:
        return of_row(halves, (1 - s + turn) & 1, COPY)
    return of_row(halves, 1 - s, KEPT)


@inline_jit
def backward_half(theta, net, x, m, alpha, out_part, out_copy, hands_on, workspace):
    """delta^{L-1} .. delta^1 of a half's m examples, and its part, alpha times their sums.

    It goes to `out_copy` as well, a layer at a time while it is in the cache, if it is handed on.
    """
    scratch, zero = own_at(workspace, 0, 0), theta.dtype.type(0.0)
    if m == 0:  # of a batch of one example
        out_part[:] = zero
        if hands_on:
            out_copy[:] = zero
        return
    for l in range(layer_count(net), 0, -1):
        n, K = net.sizes[l], net.sizes[l - 1]
        a_prev = x
        if l > 1:
            layer_backward(theta, net, l, m, 0, m, 0, K, 0, False, 0, False, -1, workspace)
            a_prev = layer_of(workspace.a, net, l - 1, m)
        delta = layer_of(workspace.delta, net, l, m)
        dw, db = flat(weights_of(out_part, net, l)), biases_of(out_part, net, l)
        weight_sums(delta, a_prev, 0, n, 0, K, alpha, zero, dw, K, 1, scratch, False, dw)
        bias_sums(delta, 0, n, alpha, zero, db)
        if hands_on:  # the biases lie behind the weights
            copy(out_part, net.w_start[l], out_copy, net.w_start[l], n * K + n)


@inner_jit
def work(
    theta, architecture, X, Y, weight, settings, learning_rate, state, step, batch_size, shuffled,
    halves, out_totals, worker, workers,
):  # fmt: skip
    """All steps of an epoch for the halves of one thread; the sums of J over their examples.

    The penalties are summed with the first half.
    """
    mode = flush_subnormals()
    theta, state, X, Y, weight = borrow(theta), borrow(state), borrow(X), borrow(Y), borrow(weight)
    examples, last = X.shape[0], layer_count(architecture)
    first, end, hands_on = HALVES * worker // workers, HALVES * (worker + 1) // workers, workers > 1
    # who does both halves has one network for them
    net = borrow(network_of(architecture, halves, first))
    own = borrow(workspace_of(architecture, halves, first, first))
    mine = of_row(halves, first, THETA)
    kept = matrix(of_row(halves, first, STATE), 0, state.shape[0], mine.shape[0])
    take(theta, state, architecture, False, halves, first)
    pack_own(mine, net, 0, own)
    scale = -learning_rate if settings.rule == RULE_SGD else 1.0
    turn, pending = 0, 0
    for at in range(0, examples, batch_size):
        m = min(batch_size, examples - at)
        before, turn = turn, 1 - turn
        alpha = theta.dtype.type(scale / m)
        for s in range(first, end):
            start = at + m * s // HALVES
            count = at + m * (s + 1) // HALVES - start
            x, y = batch_of(X, Y, weight, start, count, shuffled, own)
            part, other = of_row(halves, s, KEPT), others_part(halves, s, before, hands_on)
            part_0, part_1 = (part, other) if s == 0 else (other, part)
            forward_half(
                mine, net, x, count, settings, learning_rate, pending, kept, part_0, part_1, other,
                own,
            )  # fmt: skip
            pending = 0
            outputs(net, y, count, 0, count, own)
            backward_half(mine, net, x, count, alpha, part, other, hands_on, own)
            if s == 0 and architecture.l2 > 0.0:
                out_totals[0] += m * penalties(mine, net, last, False, own)
            for t in range(count):
                out_totals[s * _LINE] += own.losses[t]
        step += 1
        pending = step
        meet(halves.words, worker, workers)
    if first == 0:
        part_0, part_1 = of_row(halves, 0, KEPT), others_part(halves, 0, turn, hands_on)
        for l in range(1, last + 1):
            layer_step(mine, net, l, settings, learning_rate, step, kept, part_0, part_1, own)
        give(theta, state, architecture, False, halves, 0)
    restore_subnormals(mode)


@jit
def epoch(
    theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed, number,
    batch_size, shuffled, halves,
):  # fmt: skip
    """`loopbp.passes.epoch`, by two threads or by one."""
    order_examples(halves.order, shuffled, seed, number)
    totals = np.zeros(HALVES * _LINE, np.float64)
    architecture, halves = borrow(architecture), borrow(halves)
    arguments = (
        theta, architecture, X, Y, weight, settings, learning_rate, state, step, batch_size,
        shuffled, halves, totals,
    )  # fmt: skip
    run_team(work, halves.words, halves.workers, arguments)
    return in_order(totals) / X.shape[0]
