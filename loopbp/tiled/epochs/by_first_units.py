"""Epochs of a network cut into shares between its first hidden units: one for each thread.

What one core writes and another reads is dear.  On a network such as 64-32-10 a step is over in
5 microseconds, and its 2,410 weights are 150 lines of memory; z^2 of 32 examples is only 20.  So
each share of the units j of layer 1 has their weights to itself, rows of w^1 and columns of w^2,
and all that moves is its part of one sum:

    z^2_i = b^2_i + sum_{j in group 0} w^2_ij a^1_j + sum_{j in group 1} w^2_ij a^1_j

    begin     x -> z^1, a^1 of the share's units, its part of z^2
    meet      the only one of a step (`loopbp.machine.team`)
    top       z^2 -> the losses and back to delta^2: small, so that each thread computes all of it
    finish    delta^1 of the share's units, sums over the examples, update

A share is a network of its own, of the sizes n_0, its part of n_1, n_2, ..., n_L, so every function
of `loopbp.tiled.layers` serves it as it is.  Of the layers above the second each thread has a
copy, and the copies stay equal, for all compute the same.  What a thread may still read while
another goes on, the parts of z^2, exists twice, for even and odd steps.

A share is one group of units, or, for fewer threads, two or four: all that a thread has is one
network.  The number of groups depends on the network and the batch, never on the number of threads,
and their sums are added in one order: a seed gives the same bits however many threads share them
out.  `suits` says for which networks.
"""

from itertools import pairwise
from typing import Any

import numpy as np

from loopbp.activations import SOFTMAX
from loopbp.jit.decorators import inline_jit, inner_jit, jit
from loopbp.jit.sources import plain
from loopbp.machine.borrow import borrow
from loopbp.machine.memory import ALIGNMENT, in_lines, item_bytes, width
from loopbp.machine.pieces import share
from loopbp.machine.subnormals import flush_subnormals, restore_subnormals
from loopbp.machine.team import meet, run_team
from loopbp.machine.views import flat, matrix
from loopbp.optimizers import RULE_SGD
from loopbp.parameters import Architecture, biases_of, layer_count, layer_of, weights_of
from loopbp.random.streams import order_examples
from loopbp.tiled.batch import batch_of
from loopbp.tiled.epochs.by_team import in_order
from loopbp.tiled.epochs.share_memory import (
    EVEN,
    NO_BIAS,
    STATE,
    THETA,
    SharesWorkspace,
    give,
    network_of,
    of_row,
    part_of,
    shares_workspace,
    take,
    workspace_of,
)
from loopbp.tiled.kernels import activation_rows
from loopbp.tiled.layers import input_pace, layer_backward, layer_forward, outputs
from loopbp.tiled.panels import add_two, copy
from loopbp.tiled.sums import DOT_ROWS, weighted_input_addends, weighted_input_dots
from loopbp.tiled.update import parameters_pass, penalties
from loopbp.tiled.workspace import forward_panels, pack_own, reads_panels, z_of

Array = np.ndarray[Any, Any]

# Groups, and from how many multiply-adds of a step on.
FEW_GROUPS, MANY_GROUPS, MUCH_WORK = 2, 4, 8e6
# Multiply-adds of a step below which nothing is gained: 4-32-3 with 16 examples, 9e3, 1.56 us and
# 1.61 by one thread; 64-32-10 with 8, 40e3, 1.66 and 2.05; with 32, 3.66 and 5.13.
LEAST_WORK = 3e4
# How many of them, above layer 2, all threads may compute for each that is shared out, and how many
# must be shared out for each number of z^2, which all threads add up and apply sigma to.  A team of
# `tiled_training` shares out all, but moves more: 784-128-128-128-10 with 64, 0.2 and 1,960, 233 us
# against 216; 128-128-128-10, 0.05 and 640, 82 against 142; 215-181-913-2 with 100, 0.01 and 630,
# 727 against 664; 60-128-500-2 with 300, 410, 909 against 717.
MOST_BY_EACH, LEAST_SHARED = 0.15, 640
# The same, where the other way is one thread: 100-20-100 with 32, 100, 11.9 us and 15.4.
MOST_BY_EACH_ALONE, LEAST_SHARED_ALONE = 1.0, 60
# Bytes of weights from which a team is no slower, for its threads take pieces from a slower one,
# and a share's weights are copied twice in an epoch (two cores, others on the host): float64,
# 784-1024-10 with 128 examples, 6.5 MB, 0.97, with 32 0.92; float32, 784-1536-10, 4.9 MB, 0.92 and
# 0.96; 1448-1033-28-255-38-48-313 with 17, 6.3 MB, 0.89, in epochs of 8 steps 0.83; but
# 784-1024-10, 3.3 MB, 1.0, 784-512-512-10, 2.7 MB, 1.0, with 32 1.08.
HEAVY = 4_000_000


def suits(
    architecture: Architecture, settings: Any, batch_size: int, itemsize: int, alone: bool
) -> bool:
    """Whether a training is for `epoch` of this module.

    `alone`: the other way would be `tiled_training.epoch_alone`, and not its team of threads.
    """
    n = [int(size) for size in architecture.sizes]
    if len(n) < 3 or settings.clip_norm > 0.0 or architecture.dropout.any():
        return False
    weights, first = sum(a * b for a, b in pairwise(n)), n[0] * n[1]
    shared = 2 * first + 3 * n[1] * n[2]
    by_each = 3 * sum(a * b for a, b in pairwise(n[2:]))
    most, least = MOST_BY_EACH, LEAST_SHARED
    if alone:
        most, least = MOST_BY_EACH_ALONE, LEAST_SHARED_ALONE
    return (
        group_count(architecture, batch_size, itemsize) > 1
        and shared * batch_size >= LEAST_WORK
        and shared >= least * n[2]
        and by_each <= most * shared
        and weights * itemsize < HEAVY
    )


def group_count(architecture: Architecture, batch_size: int, itemsize: int) -> int:
    """How many groups the first units are in: powers of two; 1 where a group would be empty."""
    sizes = architecture.sizes
    work = 3 * batch_size * int((sizes[1:] * sizes[:-1]).sum())
    registers = -(-int(sizes[1]) // plain(width)(itemsize))
    if registers >= MANY_GROUPS and work >= MUCH_WORK:
        return MANY_GROUPS
    return min(FEW_GROUPS, registers)


def share_count(architecture: Architecture, batch: int, groups: int, threads: int) -> int:
    """How many shares there are: as few as keep the threads busy, for a share has costs of its own.

    784-128-10 with 128 examples in two shares instead of four, two threads: 0.95 of the time,
    float64 0.88.  But a group has a share to itself where a wider one would compute in another
    order: by dot products (`by_dots`, `panels_wait` of `loopbp.tiled.sums`), or the penalty of
    weights that lie otherwise.
    """
    if batch <= DOT_ROWS or architecture.l2 > 0.0:
        return groups
    return min(groups, 1 << threads.bit_length() - 1)


def cut(
    architecture: Architecture, s: int, shares: int, groups: int, itemsize: int
) -> Architecture:
    """The network of share s, out of shares of so many groups."""
    sizes = architecture.sizes.copy()
    first, W = sizes[1], plain(width)(itemsize)
    bounds = [plain(share)(first, W, k * groups, shares * groups) for k in range(shares + 1)]
    units = np.diff(bounds)
    sizes[1] = units[s]
    weights = sizes[1:] * sizes[:-1]
    begin = np.concatenate([[0, 0], np.cumsum(weights + sizes[1:])[:-1]])
    return architecture._replace(
        sizes=sizes,
        w_start=begin,
        b_start=begin + np.concatenate([[0], weights]),
        # from layer 2 on in the same place in all shares, for deltas that a thread keeps once
        unit_start=np.concatenate([[0, 0], units.max() + np.cumsum([0, *sizes[2:-1]])]),
    )


def blocks_of(architecture: Architecture, net: Architecture, before: int) -> list[list[int]]:
    """`SharesWorkspace.blocks` of a share, `net`, with `before` units of layer 1 before its own."""
    n_0, n_1, n_2 = architecture.sizes[:3]
    n = net.sizes[1]
    w, b = architecture.w_start, architecture.b_start
    return [
        [w[1] + before * n_0, net.w_start[1], n * n_0],
        [b[1] + before, net.b_start[1], n],
        *([w[2] + i * n_1 + before, net.w_start[2] + i * n, n] for i in range(n_2)),
        [b[2], net.b_start[2], b[-1] + architecture.sizes[-1] - b[2]],
    ]


def split_workspace(
    makers: Any, theta: Array, architecture: Architecture, examples: int, batch_size: int,
    threads: int,
) -> SharesWorkspace:  # fmt: skip
    """The workspace for up to `threads` threads; `makers` tell what each share needs."""
    batch = min(batch_size, examples)
    groups = group_count(architecture, batch, theta.itemsize)
    shares = share_count(architecture, batch, groups, threads)
    each = groups // shares
    nets = [cut(architecture, s, shares, each, theta.itemsize) for s in range(shares)]
    thetas = [np.zeros(int(net.b_start[-1] + net.sizes[-1]), theta.dtype) for net in nets]
    made = [
        makers.with_state(makers.make_workspace(t, net, examples, batch), net, theta)
        for t, net in zip(thetas, nets, strict=True)
    ]
    before = np.cumsum([0, *(net.sizes[1] for net in nets)])
    blocks = [
        blocks_of(architecture, net, b) for net, b in zip(nets, before.tolist(), strict=False)
    ]
    own, n_2 = max(t.size for t in thetas), int(architecture.sizes[2])
    return shares_workspace(
        theta, nets, made, blocks, batch, threads, own=own, part=batch * n_2,
        state=2 * plain(in_lines)(own, theta), no_bias=n_2, groups=each,
    )  # fmt: skip


@inline_jit
def claim_lines(memory, size):
    """Begin to take lines that others have read, by writing to them, long before it matters.

    A hint does not do it.  Digits between distant cores: 4.65 us without, 4.2 with.
    """
    for k in range(0, size, ALIGNMENT // item_bytes(memory)):
        memory[k] = 0


@inline_jit
def begin_sum(theta, architecture, net, m, s, resident, split, workspace, out_part):
    """Share s's part of z^2, with b^2 or zeros: its groups' sums, in pairs, and pairs of pairs."""
    a, n = layer_of(workspace.a, net, 1, m), net.sizes[2]
    zeros = of_row(split, s, NO_BIAS)
    b = biases_of(theta, net, 2) if s == 0 else zeros
    if not reads_panels(2, net, resident, workspace):  # then there is one group
        weighted_input_dots(weights_of(theta, net, 2), b, a, out_part, 0, m, 0, n)
        return
    panels, spare = forward_panels(2, 0, workspace), layer_of(workspace.delta, net, 2, m)
    units, W = architecture.sizes[1], width(item_bytes(a))
    groups = split.groups * split.memory.shape[0]
    before = share(units, W, s * split.groups, groups)
    for k in range(split.groups):
        first = share(units, W, s * split.groups + k, groups) - before
        end = share(units, W, s * split.groups + k + 1, groups) - before
        if k < 2:
            weighted_input_addends(panels, b, a, out_part, first, end, k == 1)
        else:
            weighted_input_addends(panels, zeros, a, spare, first, end, k == 3)
    if split.groups == MANY_GROUPS:
        whole = flat(out_part)
        add_two(whole, flat(spare), 0, whole.size, whole)


@inline_jit
def add_own(split, turn, first, end, size):
    """Add the parts of shares first .. end-1, a power of two of them, in pairs, pairs of pairs."""
    step = 1
    while first + step < end:
        for s in range(first, end, 2 * step):
            x, y = part_of(split, turn, s, size), part_of(split, turn, s + step, size)
            add_two(x, y, 0, size, x)
        step *= 2


@inline_jit
def add_all(split, turn, workers, size, out_z, spare):
    """z^2 from what `add_own` left to each of 1, 2 or 4 workers, in the same pairs."""
    apart = split.memory.shape[0] // workers
    if workers == 1:
        copy(part_of(split, turn, 0, size), 0, out_z, 0, size)
        return
    add_two(part_of(split, turn, 0, size), part_of(split, turn, apart, size), 0, size, out_z)
    if workers == MANY_GROUPS:
        add_two(part_of(split, turn, 2, size), part_of(split, turn, 3, size), 0, size, spare)
        add_two(out_z, spare, 0, size, out_z)


@inner_jit
def work(
    theta, architecture, X, Y, weight, settings, learning_rate, state, step, batch_size, shuffled,
    split, out_totals, worker, workers,
):  # fmt: skip
    """All steps of an epoch for the shares of one thread; the sum of J over the examples by share.

    All but the penalty of its weights is summed by the first share.
    """
    mode = flush_subnormals()
    theta, state, X, Y, weight = borrow(theta), borrow(state), borrow(X), borrow(Y), borrow(weight)
    examples, n_2, last = X.shape[0], architecture.sizes[2], layer_count(architecture)
    resident = settings.rule == RULE_SGD
    code, address = architecture.activation[2], architecture.sigma[2]
    shares = split.memory.shape[0]
    first, end = shares * worker // workers, shares * (worker + 1) // workers
    for s in range(first, end):
        take(theta, state, architecture, resident, split, s)
    for at in range(0, examples, batch_size):
        m = min(batch_size, examples - at)
        turn = at // batch_size % 2
        step += 1
        top = borrow(network_of(architecture, split, first))
        own = borrow(workspace_of(architecture, split, first, first))
        x, y = batch_of(X, Y, weight, at, m, shuffled, own)
        claim_lines(of_row(split, first, EVEN + turn), m * n_2)
        # forward: layers 1 and 2 share by share, the others once in each thread
        for l in range(1, last + 1):
            for s in range(first, end if l <= 2 else first + 1):
                part, net = of_row(split, s, THETA), borrow(network_of(architecture, split, s))
                workspace = borrow(workspace_of(architecture, split, s, first))
                if l != 2:
                    a_prev = x if l == 1 else layer_of(workspace.a, net, l - 1, m)
                    layer_forward(
                        part, net, l, a_prev, m, 0, m, 0, net.sizes[l], 0, resident, flat(a_prev),
                        0, input_pace(l), workspace,
                    )  # fmt: skip
                    continue
                pack_own(part, net, 0, workspace)
                out = matrix(of_row(split, s, EVEN + turn), 0, m, n_2)
                begin_sum(part, architecture, net, m, s, resident, split, workspace, out)
            if l == 2:
                z, a = flat(z_of(own, top, 2, m)), flat(layer_of(own.a, top, 2, m))
                spare = flat(layer_of(own.delta, top, 2, m))
                add_own(split, turn, first, end, m * n_2)
                meet(split.words, worker, workers)
                add_all(split, turn, workers, m * n_2, z, spare)
                if code != SOFTMAX:
                    activation_rows(code, address, z, a, 0, 1, m * n_2, 0, last > 2)
        outputs(top, y, m, 0, m, own)
        # back, and the update: what is above layer 2 with the first share
        for s in range(first, end):
            part, net = of_row(split, s, THETA), borrow(network_of(architecture, split, s))
            workspace = borrow(workspace_of(architecture, split, s, first))
            upto = last if s == first else 2
            if architecture.l2 > 0.0:
                weights = last if s == 0 else 2
                out_totals[s] += m * penalties(part, net, weights, resident, workspace)
            for l in range(upto, 1, -1):
                n = net.sizes[l - 1]
                layer_backward(part, net, l, m, 0, m, 0, n, 0, False, 0, resident, -1, workspace)
            kept = matrix(of_row(split, s, STATE), 0, state.shape[0], part.shape[0])
            parameters_pass(
                part, net, upto, x, m, 0, 1, settings, learning_rate, step, kept, resident,
                workspace,
            )  # fmt: skip
        if first == 0:
            for t in range(m):
                out_totals[0] += own.losses[t]
    for s in range(first, end):
        give(theta, state, architecture, resident, split, s)
    restore_subnormals(mode)


@jit
def epoch(
    theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed, number,
    batch_size, shuffled, split,
):  # fmt: skip
    """`loopbp.passes.epoch`, by as many threads as there are shares, or by one."""
    order_examples(split.order, shuffled, seed, number)
    totals = np.zeros(split.memory.shape[0], np.float64)
    architecture, split = borrow(architecture), borrow(split)
    arguments = (
        theta, architecture, X, Y, weight, settings, learning_rate, state, step, batch_size,
        shuffled, split, totals,
    )  # fmt: skip
    run_team(work, split.words, split.workers, arguments)
    return in_order(totals) / X.shape[0]
