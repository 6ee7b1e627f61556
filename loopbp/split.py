"""Epochs of a network cut into shares between its first hidden units: one for each thread.

What one core writes and another reads is dear.  On a network such as 64-32-10 a step is over in
5 microseconds, and its 2,410 weights are 150 lines of memory; z^2 of 32 examples is only 20.  So
each share of the units j of layer 1 has their weights to itself, rows of w^1 and columns of w^2,
and all that moves is its part of one sum:

    z^2_i = b^2_i + sum_{j in share 0} w^2_ij a^1_j + sum_{j in share 1} w^2_ij a^1_j

    begin     x -> z^1, a^1 of the share's units, its part of z^2
    meet      the only one of a step (`loopbp.team`)
    top       z^2 -> the losses and back to delta^2: small, so that each thread computes all of it
    finish    delta^1 of the share's units, sums over the examples, update

A share is a network of its own, of the sizes n_0, its part of n_1, n_2, ..., n_L, so every function
of `loopbp.tiled_training` serves it as it is.  Of the layers above the second each thread has a
copy, and the copies stay equal, for all compute the same.  What a thread may still read while
another goes on, the parts of z^2, exists twice, for even and odd steps.

The number of shares depends on the network and the batch, never on the number of threads, and the
parts are added in one order: a seed gives the same bits however many threads share them out.
`suits` says for which networks.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from loopbp._jit import inline_jit, inner_jit, jit, plain
from loopbp.activations import SOFTMAX
from loopbp.lanes import (
    ALIGNMENT,
    aligned,
    in_lines,
    item_bytes,
    load_part,
    store_part,
    width,
)  # fmt: skip
from loopbp.optimizers import RULE_SGD
from loopbp.parameters import Architecture, biases_of, layer_count, layer_of, weights_of
from loopbp.rng import order_examples
from loopbp.team import meet, run_team, share, team_words
from loopbp.tiled import (
    activation_rows,
    copy,
    pack_transposed,
    panel_row,
    panels_size,
    unpack_transposed,
    weighted_input_dots,
    weighted_input_packed,
)
from loopbp.tiled_training import (
    gather_rows,
    in_order,
    layer_backward,
    layer_forward,
    outputs,
    parameters_pass,
    penalties,
)
from loopbp.tiled_workspace import (
    STATE_ROWS,
    TiledWorkspace,
    forward_panels,
    is_resident,
    pack_own,
    pack_rows,
    panels_at,
    reads_panels,
    unpack_rows,
    z_of,
)
from loopbp.views import borrow, flat, matrix, rows, vector

Array = np.ndarray[Any, Any]

# Shares, and from how many multiply-adds of a step on.
# With 4 shares two threads lose 3 to 6 % (784-128-10, 64 examples: 131 us against 125).
FEW_SHARES, MANY_SHARES, MUCH_WORK = 2, 4, 8e6
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


class SplitWorkspace(NamedTuple):
    """What training overwrites, in few arrays: each costs compile time wherever it is handed on."""

    memory: Array
    """a row for each share: its `PARTS_OF_A_ROW`, each on a cache line"""
    starts: Array
    """where they begin in a row, and where the last one ends"""
    places: Array
    """a row for each share: integers of its `Architecture` and `TiledWorkspace`"""
    blocks: Array
    """of theta: begin, begin in the share's own theta, count; the last is everybody's"""
    losses: Array
    order: Array
    words: Array
    """where the threads meet"""
    workers: int
    batch: int


# no_bias: zeros, for b^2 of all shares but the first; even and odd: a part of z^2.
PARTS_OF_A_ROW = (
    "theta", "state", "x", "y", "weight", "z", "a", "delta", "gradient", "panels", "own", "no_bias",
    "even", "odd",
)  # fmt: skip
THETA, STATE, X_, Y_, WEIGHT, Z, A, DELTA, GRADIENT, PANELS, OWN, NO_BIAS, EVEN, _ = range(14)
# L + 1 integers each, but for the last two, of 2 and 1.
_OF_NETWORK = ("sizes", "w_start", "b_start", "unit_start")
_OF_WORKSPACE = ("forward_start", "backward_start", "is_own", "own_start", "state_start")


def suits(
    architecture: Architecture, settings: Any, batch_size: int, itemsize: int, alone: bool
) -> bool:
    """Whether a training is for `epoch` of this module.

    `alone`: the other way would be `tiled_training.epoch_alone`, and not its team of threads.
    """
    n = [int(size) for size in architecture.sizes]
    if len(n) < 3 or settings.clip_norm > 0.0 or architecture.dropout.any():
        return False
    shared = 2 * n[0] * n[1] + 3 * n[1] * n[2]
    by_each = 3 * sum(a * b for a, b in pairwise(n[2:]))
    most, least = MOST_BY_EACH, LEAST_SHARED
    if alone:
        most, least = MOST_BY_EACH_ALONE, LEAST_SHARED_ALONE
    return (
        share_count(architecture, batch_size, itemsize) > 1
        and shared * batch_size >= LEAST_WORK
        and shared >= least * n[2]
        and by_each <= most * shared
    )


def share_count(architecture: Architecture, batch_size: int, itemsize: int) -> int:
    """How many shares a network is cut into: powers of two; 1 where a share would be empty."""
    sizes = architecture.sizes
    work = 3 * batch_size * int((sizes[1:] * sizes[:-1]).sum())
    registers = -(-int(sizes[1]) // plain(width)(itemsize))
    if registers >= MANY_SHARES and work >= MUCH_WORK:
        return MANY_SHARES
    return min(FEW_SHARES, registers)


def cut(architecture: Architecture, s: int, shares: int, itemsize: int) -> Architecture:
    """The network of share s."""
    sizes = architecture.sizes.copy()
    first, end = (plain(share)(sizes[1], plain(width)(itemsize), k, shares) for k in (s, s + 1))
    sizes[1] = end - first
    weights = sizes[1:] * sizes[:-1]
    begin = np.concatenate([[0, 0], np.cumsum(weights + sizes[1:])[:-1]])
    return architecture._replace(
        sizes=sizes,
        w_start=begin,
        b_start=begin + np.concatenate([[0], weights]),
        unit_start=np.concatenate([[0, 0], np.cumsum(sizes[1:-1])]),
    )


def blocks_of(architecture: Architecture, net: Architecture, before: int) -> list[list[int]]:
    """`SplitWorkspace.blocks` of a share, `net`, with `before` units of layer 1 before its own."""
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
    make_workspace: Any, theta: Array, architecture: Architecture, examples: int, batch_size: int,
    threads: int,
) -> SplitWorkspace:  # fmt: skip
    """The workspace for up to `threads` threads; `make_workspace` tells what each share needs."""
    batch = min(batch_size, examples)
    shares = share_count(architecture, batch, theta.itemsize)
    nets = [cut(architecture, s, shares, theta.itemsize) for s in range(shares)]
    thetas = [np.zeros(int(net.b_start[-1] + net.sizes[-1]), theta.dtype) for net in nets]
    made = [make_workspace(t, net, examples, batch) for t, net in zip(thetas, nets, strict=True)]
    made = [_with_state(w, net, theta) for w, net in zip(made, nets, strict=True)]
    sizes = {n: max(getattr(w, n).size for w in made) for n in PARTS_OF_A_ROW[X_:NO_BIAS]}
    sizes |= {"theta": max(t.size for t in thetas), "no_bias": int(architecture.sizes[2])}
    sizes |= dict.fromkeys(("even", "odd"), batch * sizes["no_bias"])
    sizes = {name: plain(in_lines)(size, theta) for name, size in sizes.items()}
    sizes["state"] = 2 * sizes["theta"]
    starts = np.cumsum([0, *(sizes[name] for name in PARTS_OF_A_ROW)])
    before = np.cumsum([0, *(net.sizes[1] for net in nets)])
    return SplitWorkspace(
        plain(aligned)(shares * starts[-1], theta).reshape((shares, starts[-1])),
        starts,
        np.array([
            np.concatenate([
                *(getattr(net, name) for name in _OF_NETWORK),
                *(np.atleast_1d(getattr(workspace, name)) for name in _OF_WORKSPACE),
            ])
            for net, workspace in zip(nets, made, strict=True)
        ]),
        np.array([blocks_of(architecture, net, b) for net, b in zip(nets, before, strict=False)]),
        np.zeros((shares, batch), np.float64),
        made[0].order,
        np.zeros(plain(team_words)(threads), np.int64),
        1 << min(shares, threads).bit_length() - 1,
        batch,
    )  # fmt: skip


def _with_state(workspace: TiledWorkspace, net: Architecture, theta: Array) -> TiledWorkspace:
    """With room behind the panels for the optimizer's state of w^1, if that is in panels."""
    if workspace.forward_start[1] < 0:
        return workspace
    n, K, size = int(net.sizes[1]), int(net.sizes[0]), theta.itemsize
    # two vectors of state at most, and a part of the gradient
    spare = 2 * plain(panels_size)(n, K, size) + STATE_ROWS * plain(panel_row)(n, size)
    start = workspace.panels.size
    return workspace._replace(panels=np.empty(start + spare, theta.dtype), state_start=start)


@inline_jit
def of_row(split, s, k):
    """The k-th of `PARTS_OF_A_ROW` of share s."""
    start = split.starts[k]
    at = s * split.memory.shape[1] + start
    return vector(flat(split.memory), at, split.starts[k + 1] - start)


@inline_jit
def place(split, s, k, count):
    """The k-th of `count` integers each of share s."""
    return vector(flat(split.places), s * split.places.shape[1] + k * count, count)


@inline_jit
def network_of(architecture, split, s):
    """The network of share s."""
    n = architecture.sizes.shape[0]
    return Architecture(
        place(split, s, 0, n), place(split, s, 1, n), place(split, s, 2, n), place(split, s, 3, n),
        architecture.activation, architecture.sigma, architecture.sigma_prime, architecture.dropout,
        architecture.loss, architecture.l2,
    )  # fmt: skip


@inline_jit
def workspace_of(architecture, split, s):
    """The workspace of share s, for one thread."""
    n, n_0 = architecture.sizes.shape[0], architecture.sizes[0]
    own = of_row(split, s, OWN)
    losses = vector(flat(split.losses), s * split.batch, split.batch)
    return TiledWorkspace(
        matrix(of_row(split, s, X_), 0, split.batch, n_0),
        matrix(of_row(split, s, Y_), 0, split.batch, architecture.sizes[n - 1]),
        of_row(split, s, WEIGHT), of_row(split, s, Z), of_row(split, s, A), of_row(split, s, DELTA),
        losses, of_row(split, s, GRADIENT), split.order, place(split, s, 4, n),
        place(split, s, 5, n), place(split, s, 6, n), of_row(split, s, PANELS),
        matrix(own, 0, 1, own.shape[0]),
        vector(flat(split.places), s * split.places.shape[1] + 7 * n, 2), split.words,
        split.places[s, 7 * n + 2],
    )  # fmt: skip


@inline_jit
def state_panels(workspace, r, n, K):
    """Where row r of the optimizer's state of w^1 is in panels."""
    size = panels_size(n, K, item_bytes(workspace.panels))
    return panels_at(workspace, workspace.state_start + r * size)


@inner_jit
def take(theta, state, architecture, resident, split, s):
    """Copy what share s has of the parameters and of the optimizer's state, and make its panels."""
    own, whole, kept = of_row(split, s, THETA), flat(state), of_row(split, s, STATE)
    for k in range(split.blocks.shape[1]):
        at, to, count = split.blocks[s, k, 0], split.blocks[s, k, 1], split.blocks[s, k, 2]
        copy(theta, at, own, to, count)
        for r in range(state.shape[0]):
            copy(whole, r * theta.shape[0] + at, kept, r * own.shape[0] + to, count)
    net, workspace = network_of(architecture, split, s), workspace_of(architecture, split, s)
    for l in range(1, layer_count(architecture) + 1):
        pack_rows(own, net, l, 0, net.sizes[l], resident, workspace)
    if workspace.state_start >= 0:
        n, K = net.sizes[1], net.sizes[0]
        for r in range(state.shape[0]):
            w = vector(kept, r * own.shape[0] + net.w_start[1], n * K)
            pack_transposed(w, K, 1, n, K, 0, n, 0, K, state_panels(workspace, r, n, K))


@inner_jit
def give(theta, state, architecture, resident, split, s):
    """Copy it back; what is everybody's from the first share."""
    own, whole, kept = of_row(split, s, THETA), flat(state), of_row(split, s, STATE)
    net, workspace = network_of(architecture, split, s), workspace_of(architecture, split, s)
    for l in range(1, layer_count(architecture) + 1):
        if is_resident(l, resident, workspace):
            unpack_rows(own, net, l, 0, net.sizes[l], workspace)
    if workspace.state_start >= 0:
        n, K = net.sizes[1], net.sizes[0]
        for r in range(state.shape[0]):
            w = matrix(kept, r * own.shape[0] + net.w_start[1], n, K)
            unpack_transposed(state_panels(workspace, r, n, K), 0, n, w)
    for k in range(split.blocks.shape[1] - (s > 0)):
        at, to, count = split.blocks[s, k, 0], split.blocks[s, k, 1], split.blocks[s, k, 2]
        copy(own, to, theta, at, count)
        for r in range(state.shape[0]):
            copy(kept, r * own.shape[0] + to, whole, r * theta.shape[0] + at, count)


@inline_jit
def part_of(split, turn, s, size):
    """The part of share s of z^2."""
    return vector(of_row(split, s, EVEN + turn), 0, size)


@inline_jit
def claim_lines(memory, size):
    """Begin to take lines that others have read, by writing to them, long before it matters.

    A hint does not do it.  Digits between distant cores: 4.65 us without, 4.2 with.
    """
    for k in range(0, size, ALIGNMENT // item_bytes(memory)):
        memory[k] = 0


@inline_jit
def begin_sum(theta, net, m, b, resident, workspace, out_part):
    """A share's part of z^2, with b^2 or zeros."""
    a, n = layer_of(workspace.a, net, 1, m), net.sizes[2]
    if reads_panels(2, net, resident, workspace):
        panels = forward_panels(2, 0, workspace)
        weighted_input_packed(panels, b, a, out_part, 0, m, 0, n, 0, False)
    else:
        weighted_input_dots(weights_of(theta, net, 2), b, a, out_part, 0, m, 0, n)


@inner_jit
def add_two(x, y, out):
    """out = x + y; out may be x."""
    W, size = width(item_bytes(out)), out.size
    for k in range(0, size, W):
        store_part(out, k, load_part(x, k, size - k) + load_part(y, k, size - k), size - k)


@inline_jit
def add_own(split, turn, first, end, size):
    """Add the parts first .. end-1, a power of two of them, in pairs, and pairs of pairs."""
    step = 1
    while first + step < end:
        for s in range(first, end, 2 * step):
            x, y = part_of(split, turn, s, size), part_of(split, turn, s + step, size)
            add_two(x, y, x)
        step *= 2


@inline_jit
def add_all(split, turn, workers, size, out_z, spare):
    """z^2 from what `add_own` left to each of 1, 2 or 4 workers, in the same pairs."""
    apart = split.memory.shape[0] // workers
    if workers == 1:
        copy(part_of(split, turn, 0, size), 0, out_z, 0, size)
        return
    add_two(part_of(split, turn, 0, size), part_of(split, turn, apart, size), out_z)
    if workers == MANY_SHARES:
        add_two(part_of(split, turn, 2, size), part_of(split, turn, 3, size), spare)
        add_two(out_z, spare, out_z)


@inner_jit
def work(
    theta, architecture, X, Y, weight, settings, learning_rate, state, step, batch_size, shuffled,
    split, out_totals, worker, workers,
):  # fmt: skip
    """All steps of an epoch for the shares of one thread; the sum of J over the examples by share.

    All but the penalty of its weights is summed by the first share.
    """
    theta, state, split = borrow(theta), borrow(state), borrow(split)
    X, Y, weight, architecture = borrow(X), borrow(Y), borrow(weight), borrow(architecture)
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
        top, own = network_of(architecture, split, first), workspace_of(architecture, split, first)
        x, y = rows(X, at, at + m), rows(Y, at, at + m)
        if shuffled:
            x, y = rows(own.x, 0, m), rows(own.y, 0, m)
            gather_rows(X, split.order, at, 0, m, x)
            gather_rows(Y, split.order, at, 0, m, y)
        for t in range(m):
            own.weight[t] = weight[split.order[at + t]]
        claim_lines(of_row(split, first, EVEN + turn), m * n_2)
        # forward: layers 1 and 2 share by share, the others once in each thread
        for l in range(1, last + 1):
            for s in range(first, end if l <= 2 else first + 1):
                part, net = of_row(split, s, THETA), network_of(architecture, split, s)
                workspace = workspace_of(architecture, split, s)
                if l != 2:
                    a_prev = x if l == 1 else layer_of(workspace.a, net, l - 1, m)
                    layer_forward(
                        part, net, l, a_prev, m, 0, m, 0, net.sizes[l], 0, resident, workspace
                    )
                    continue
                pack_own(part, net, 0, workspace)
                b = biases_of(part, net, 2) if s == 0 else of_row(split, s, NO_BIAS)
                out = matrix(of_row(split, s, EVEN + turn), 0, m, n_2)
                begin_sum(part, net, m, b, resident, workspace, out)
            if l == 2:
                z, a = flat(z_of(own, top, 2, m)), flat(layer_of(own.a, top, 2, m))
                spare = flat(layer_of(own.delta, top, 2, m))
                add_own(split, turn, first, end, m * n_2)
                meet(split.words, worker, workers)
                add_all(split, turn, workers, m * n_2, z, spare)
                if code != SOFTMAX:
                    activation_rows(code, address, z, a, 0, 1, m * n_2, 0)
        outputs(top, y, m, 0, m, own)
        # back, and the update: what is above layer 2 with the first share
        for s in range(first, end):
            part, net = of_row(split, s, THETA), network_of(architecture, split, s)
            workspace = workspace_of(architecture, split, s)
            upto = last
            if s > first:
                upto = 2
                delta = flat(layer_of(own.delta, top, 2, m))
                copy(delta, 0, flat(layer_of(workspace.delta, net, 2, m)), 0, m * n_2)
            if architecture.l2 > 0.0:
                weights = last if s == 0 else 2
                out_totals[s] += m * penalties(part, net, weights, resident, workspace)
            for l in range(upto, 1, -1):
                n = net.sizes[l - 1]
                layer_backward(part, net, l, m, 0, m, 0, n, 0, False, workspace)
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


@jit
def epoch(
    theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed, number,
    batch_size, shuffled, split,
):  # fmt: skip
    """`loopbp.passes.epoch`, by as many threads as there are shares, or fewer."""
    order_examples(split.order, shuffled, seed, number)
    totals = np.zeros(split.memory.shape[0], np.float64)
    arguments = (
        theta, architecture, X, Y, weight, settings, learning_rate, state, step, batch_size,
        shuffled, split, totals,
    )  # fmt: skip
    run_team(work, split.words, split.workers, arguments)
    return in_order(totals) / X.shape[0]
