"""Epochs of a network cut into shares between its first hidden units: one for each thread.

What one core writes and another reads is dear.  The 2,410 weights of a network such as 64-32-10 are
150 lines of memory; z^2 of 32 examples is only 20.  So each share of the units j of layer 1 has
their weights to itself, rows of w^1 and columns of w^2, and all that moves is its part of one sum:

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
out.  `loopbp.tiled.choice` says for which networks.
"""

from typing import Any

import numpy as np

from loopbp.activations import SOFTMAX
from loopbp.jit.decorators import inline_jit
from loopbp.jit.sources import plain
from loopbp.machine.borrow import borrow
from loopbp.machine.memory import ALIGNMENT, in_lines, item_bytes, width
from loopbp.machine.pieces import share
from loopbp.machine.team import meet
from loopbp.machine.views import flat, matrix
from loopbp.parameters import Architecture, biases_of, layer_count, layer_of
from loopbp.tiled.batch import batch_of
from loopbp.tiled.choice import MANY_GROUPS
from loopbp.tiled.epochs.share_memory import (
    EVEN,
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
from loopbp.tiled.sums import weighted_input_by_groups
from loopbp.tiled.update import parameters_pass, penalties
from loopbp.tiled.workspace import forward_panels, pack_own, z_of

Array = np.ndarray[Any, Any]


def share_count(architecture: Architecture, groups: int, threads: int) -> int:
    """How many shares there are: as few as keep the threads busy, for a share has costs of its own.

    But with a penalty a group has a share to itself, for the order in which J adds up weights.
    """
    if architecture.l2 > 0.0:
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


def make_workspace(
    makers: Any, theta: Array, architecture: Architecture, examples: int, batch_size: int,
    threads: int,
) -> SharesWorkspace:  # fmt: skip
    """The workspace for up to `threads` threads; `makers` tell what each share needs."""
    batch = min(batch_size, examples)
    groups = int(makers.group_count(architecture, batch, theta.itemsize))
    shares = share_count(architecture, groups, threads)
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
        state=2 * plain(in_lines)(own, theta), groups=each,
    )  # fmt: skip


@inline_jit
def claim_lines(memory, size):
    """Begin to take lines that others have read, by writing to them, long before it matters.

    A hint does not do it.
    """
    for k in range(0, size, ALIGNMENT // item_bytes(memory)):
        memory[k] = 0


@inline_jit
def begin_sum(theta, architecture, net, m, s, split, workspace, out_part):
    """Share s's part of z^2: its groups' sums, b^2 with those of the first share."""
    a, n = layer_of(workspace.a, net, 1, m), net.sizes[2]
    spare = layer_of(workspace.delta, net, 2, m)
    groups = split.groups * split.memory.shape[0]
    weighted_input_by_groups(
        forward_panels(2, 0, workspace), biases_of(theta, net, 2), a, out_part, spare, 0, m, 0, n,
        architecture.sizes[1], s, split.groups, groups,
    )  # fmt: skip


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


@inline_jit
def own_shares(split, worker, workers):
    """The shares of one thread, first .. end-1."""
    shares = split.memory.shape[0]
    return shares * worker // workers, shares * (worker + 1) // workers


@inline_jit
def begin_epoch(theta, state, architecture, resident, split, worker, workers):
    """Each thread takes its shares of the parameters and of the optimizer's state."""
    first, end = own_shares(split, worker, workers)
    for s in range(first, end):
        take(theta, state, architecture, resident, split, s)


@inline_jit
def end_epoch(theta, state, architecture, resident, split, worker, workers):
    """And gives them back."""
    first, end = own_shares(split, worker, workers)
    for s in range(first, end):
        give(theta, state, architecture, resident, split, s)


@inline_jit
def forward_shares(architecture, x, m, turn, first, end, resident, split, worker, workers):
    """Layers 1 and 2 share by share, with the only meeting of a step; the others once a thread."""
    n_2, last = architecture.sizes[2], layer_count(architecture)
    code, address = architecture.activation[2], architecture.sigma[2]
    top = borrow(network_of(architecture, split, first))
    own = borrow(workspace_of(architecture, split, first, first))
    claim_lines(of_row(split, first, EVEN + turn), m * n_2)
    for l in range(1, last + 1):
        for s in range(first, end if l <= 2 else first + 1):
            part, net = of_row(split, s, THETA), borrow(network_of(architecture, split, s))
            workspace = borrow(workspace_of(architecture, split, s, first))
            if l != 2:
                a_prev = x if l == 1 else layer_of(workspace.a, net, l - 1, m)
                layer_forward(
                    part, net, l, a_prev, m, 0, m, 0, net.sizes[l], 0, resident, flat(a_prev), 0,
                    input_pace(l), workspace,
                )  # fmt: skip
                continue
            pack_own(part, net, 0, workspace)
            out = matrix(of_row(split, s, EVEN + turn), 0, m, n_2)
            begin_sum(part, architecture, net, m, s, split, workspace, out)
        if l == 2:
            z, a = flat(z_of(own, top, 2, m)), flat(layer_of(own.a, top, 2, m))
            spare = flat(layer_of(own.delta, top, 2, m))
            add_own(split, turn, first, end, m * n_2)
            meet(split.words, worker, workers)
            add_all(split, turn, workers, m * n_2, z, spare)
            if code != SOFTMAX:
                activation_rows(code, address, z, a, 0, 1, m * n_2, 0, last > 2)


@inline_jit
def one_step(
    theta, architecture, X, Y, weight, settings, learning_rate, state, step, key, at, m, most,
    scale, shuffled, drops, resident, split, out_totals, worker, workers,
):  # fmt: skip
    """Gather, forward with the meeting, outputs, and backward and update share by share.

    J is added up by share; all but the penalty of its weights by the first.
    """
    last, turn = layer_count(architecture), (step & 1)
    first, end = own_shares(split, worker, workers)
    top = borrow(network_of(architecture, split, first))
    own = borrow(workspace_of(architecture, split, first, first))
    x, y = batch_of(X, Y, weight, at, m, scale, shuffled, own)
    forward_shares(architecture, x, m, turn, first, end, resident, split, worker, workers)
    outputs(top, y, m, 0, m, own)
    for s in range(first, end):  # what is above layer 2 with the first share
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
            part, net, upto, x, m, 0, 1, settings, learning_rate, step, kept, resident, workspace
        )
    if first == 0:
        for t in range(m):
            out_totals[0] += own.losses[t]


@inline_jit
def threads_of(architecture, X, settings, batch_size, split):
    """As many threads as there are shares, or fewer; each share adds up its part of J."""
    return split.workers, split.memory.shape[0]
