"""What each share of a training has to itself: a network, its weights and a workspace.

Where an epoch is cut into shares of the first hidden units (`by_first_units`), each has all that it
works with in one row of memory, and a thread, which does one share or several, writes nothing that
another reads before the next meeting.  Its part of a sum exists twice: for even and odd steps.  How
sums are added up does not depend on the number of threads.
"""

from typing import Any, NamedTuple

import numpy as np

from loopbp.jit.decorators import inline_jit, inner_jit
from loopbp.jit.sources import plain
from loopbp.machine.borrow import borrow
from loopbp.machine.memory import aligned, in_lines, item_bytes
from loopbp.machine.team import team_words
from loopbp.machine.views import flat, matrix, vector
from loopbp.parameters import Architecture, layer_count
from loopbp.tiled.panels import copy, pack_transposed, panel_row, panels_size, unpack_transposed
from loopbp.tiled.workspace import (
    STATE_ROWS,
    TiledWorkspace,
    is_resident,
    pack_rows,
    panels_at,
    unpack_rows,
)

Array = np.ndarray[Any, Any]


class SharesWorkspace(NamedTuple):
    """What training overwrites; `workspace_of` makes the workspace of a share of it."""

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
    groups: int
    """of units in each share, which have a sum each"""


# even and odd: its part of sums.
PARTS_OF_A_ROW = (
    "theta", "state", "x", "y", "weight", "z", "a", "delta", "gradient", "panels", "own", "even",
    "odd",
)  # fmt: skip
THETA, STATE, X_, Y_, WEIGHT, Z, A, DELTA, GRADIENT, PANELS, OWN, EVEN, _ = range(13)
# L + 1 integers each, but for the last three, of 2, 1 and 1.
_OF_NETWORK = ("sizes", "w_start", "b_start", "unit_start")
_OF_WORKSPACE = ("forward_start", "backward_start", "is_own", "own_start", "state_start", "groups")


def shares_workspace(
    theta: Array, nets: list[Architecture], made: list[TiledWorkspace], blocks: list[Any],
    batch: int, threads: int, own: int, part: int, state: int, groups: int,
) -> SharesWorkspace:  # fmt: skip
    """The workspace of shares for up to `threads` threads.

    Parameters
    ----------
    theta
        For its dtype.
    nets, made, blocks
        Of each share the network, a workspace such as it needs, and `SharesWorkspace.blocks`.
    batch
        The most examples of a share in a step.
    threads
        How many there may be.
    own, part, state
        How many numbers each has: its weights, its part of a sum, the optimizer's state.
    groups
        Of units, in each share.
    """
    count = {n: max(getattr(w, n).size for w in made) for n in PARTS_OF_A_ROW[X_:EVEN]}
    count |= {"theta": own, "state": state, "even": part, "odd": part}
    count = {name: plain(in_lines)(size, theta) for name, size in count.items()}
    starts = np.cumsum([0, *(count[name] for name in PARTS_OF_A_ROW)])
    return SharesWorkspace(
        plain(aligned)(len(nets) * starts[-1], theta).reshape((len(nets), starts[-1])),
        starts,
        np.array([
            np.concatenate([
                *(getattr(net, name) for name in _OF_NETWORK),
                *(np.atleast_1d(getattr(workspace, name)) for name in _OF_WORKSPACE),
            ])
            for net, workspace in zip(nets, made, strict=True)
        ]),
        np.array(blocks),
        np.zeros((len(nets), batch), np.float64),
        made[0].order,
        np.zeros(plain(team_words)(threads, 0), np.int64),
        1 << min(len(nets), threads).bit_length() - 1,
        batch,
        groups,
    )  # fmt: skip


def with_state(workspace: TiledWorkspace, net: Architecture, theta: Array) -> TiledWorkspace:
    """With room behind the panels for the optimizer's state of w^1, if that is in panels.

    As `loopbp.engines` has it, uncompiled with all that it calls.
    """
    if workspace.forward_start[1] < 0:
        return workspace
    n, K, size = int(net.sizes[1]), int(net.sizes[0]), theta.itemsize
    # two vectors of state at most, and a part of the gradient
    spare = 2 * panels_size(n, K, size) + STATE_ROWS * panel_row(n, size)
    start = workspace.panels.size
    return workspace._replace(panels=np.empty(start + spare, theta.dtype), state_start=start)


@inline_jit
def of_row(shares, s, k):
    """The k-th of `PARTS_OF_A_ROW` of share s."""
    start = shares.starts[k]
    at = s * shares.memory.shape[1] + start
    return vector(flat(shares.memory), at, shares.starts[k + 1] - start)


@inline_jit
def place(shares, s, k, count):
    """The k-th of `count` integers each of share s."""
    return vector(flat(shares.places), s * shares.places.shape[1] + k * count, count)


@inline_jit
def network_of(architecture, shares, s):
    """The network of share s."""
    n = architecture.sizes.shape[0]
    return Architecture(
        place(shares, s, 0, n), place(shares, s, 1, n), place(shares, s, 2, n),
        place(shares, s, 3, n), architecture.activation, architecture.sigma,
        architecture.sigma_prime, architecture.dropout, architecture.loss, architecture.l2,
        architecture.by_weight,
    )  # fmt: skip


@inline_jit
def workspace_of(architecture, shares, s, first):
    """The workspace of share s, for one thread, whose first share lends its array of deltas."""
    n, n_0 = architecture.sizes.shape[0], architecture.sizes[0]
    own = of_row(shares, s, OWN)
    losses = vector(flat(shares.losses), s * shares.batch, shares.batch)
    return TiledWorkspace(
        matrix(of_row(shares, s, X_), 0, shares.batch, n_0),
        matrix(of_row(shares, s, Y_), 0, shares.batch, architecture.sizes[n - 1]),
        of_row(shares, s, WEIGHT), of_row(shares, s, Z), of_row(shares, s, A),
        of_row(shares, first, DELTA), losses, of_row(shares, s, GRADIENT), shares.order,
        place(shares, s, 4, n), place(shares, s, 5, n), place(shares, s, 6, n),
        of_row(shares, s, PANELS),
        matrix(own, 0, 1, own.shape[0]),
        vector(flat(shares.places), s * shares.places.shape[1] + 7 * n, 2), shares.words,
        shares.places[s, 7 * n + 2],
        vector(flat(shares.places), s * shares.places.shape[1] + 7 * n + 3, 1),
    )  # fmt: skip


@inline_jit
def state_panels(workspace, r, n, K):
    """Where row r of the optimizer's state of w^1 is in panels."""
    size = panels_size(n, K, item_bytes(workspace.panels))
    return panels_at(workspace, workspace.state_start + r * size)


@inner_jit
def take(theta, state, architecture, resident, shares, s):
    """Copy what share s has of the parameters and of the optimizer's state, and make its panels."""
    own, whole, kept = of_row(shares, s, THETA), flat(state), of_row(shares, s, STATE)
    for k in range(shares.blocks.shape[1]):
        at, to, count = shares.blocks[s, k, 0], shares.blocks[s, k, 1], shares.blocks[s, k, 2]
        copy(theta, at, own, to, count)
        for r in range(state.shape[0]):
            copy(whole, r * theta.shape[0] + at, kept, r * own.shape[0] + to, count)
    net = borrow(network_of(architecture, shares, s))
    workspace = borrow(workspace_of(architecture, shares, s, s))
    for l in range(1, layer_count(architecture) + 1):
        pack_rows(own, net, l, 0, net.sizes[l], resident, workspace)
    if workspace.state_start >= 0:
        n, K = net.sizes[1], net.sizes[0]
        for r in range(state.shape[0]):
            w = vector(kept, r * own.shape[0] + net.w_start[1], n * K)
            pack_transposed(w, K, 1, n, K, 0, n, 0, K, state_panels(workspace, r, n, K))


@inner_jit
def give(theta, state, architecture, resident, shares, s):
    """Copy it back; what is everybody's from the first share."""
    own, whole, kept = of_row(shares, s, THETA), flat(state), of_row(shares, s, STATE)
    net = borrow(network_of(architecture, shares, s))
    workspace = borrow(workspace_of(architecture, shares, s, s))
    for l in range(1, layer_count(architecture) + 1):
        if is_resident(l, net, resident, workspace):
            unpack_rows(own, net, l, 0, net.sizes[l], resident, workspace)
    if workspace.state_start >= 0:
        n, K = net.sizes[1], net.sizes[0]
        for r in range(state.shape[0]):
            at = r * own.shape[0] + net.w_start[1]
            unpack_transposed(state_panels(workspace, r, n, K), n, K, 0, n, 0, K, kept, at, K)
    for k in range(shares.blocks.shape[1] - (s > 0)):
        at, to, count = shares.blocks[s, k, 0], shares.blocks[s, k, 1], shares.blocks[s, k, 2]
        copy(own, to, theta, at, count)
        for r in range(state.shape[0]):
            copy(kept, r * own.shape[0] + to, whole, r * theta.shape[0] + at, count)


@inline_jit
def part_of(shares, turn, s, size):
    """The part of share s of z^2."""
    return vector(of_row(shares, s, EVEN + turn), 0, size)
