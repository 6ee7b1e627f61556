"""The arrays that training by the tiled engine overwrites, and where each w^l lies in them.

A w^l may be in up to three places.  In theta; in the panels of `pack_transposed`, which the forward
pass reads (`forward_start`); in those of `pack`, which the backward pass reads where the rows of
theta are too far apart (`backward_start`).  Small panels each thread has for itself (`is_own`).
During an epoch of plain SGD some w^l are in panels alone (`is_resident`), most of them in those of
the forward pass (`in_forward_panels`), and are written back to theta at its end.
"""

from typing import Any, NamedTuple

import numpy as np

from loopbp.jit.decorators import inline_jit, inner_jit, jit
from loopbp.machine.memory import aligned, in_lines, item_bytes
from loopbp.machine.pieces import share
from loopbp.machine.team import team_words
from loopbp.machine.views import flat, vector
from loopbp.parameters import layer_count, layer_of, unit_count, weights_of
from loopbp.tiled.kernels import prime_from_a
from loopbp.tiled.panels import (
    far,
    pack,
    pack_transposed,
    panel_width,
    panels_size,
    unpack,
    unpack_transposed,
)
from loopbp.tiled.sums import by_dots, panels_wait, scratch_size

Array = np.ndarray[Any, Any]

ROW_BLOCK = 16  # rows of w, of w^1 columns, that stay together: a multiple of W in both dtypes
STATE_ROWS = 48  # rows of w^1 in panels whose gradient is there at a time (24 and 96: the same)
FORWARD, BACKWARD, PARAMETERS, PHASES = range(4)  # what a team does for each layer in a step
UNIT_WEIGHTS = 16_384  # from how many on a layer may be shared out by units


class TiledWorkspace(NamedTuple):
    """The arrays that training overwrites; the first nine as in `loopbp.passes.Workspace`."""

    x: Array
    y: Array
    weight: Array
    z: Array
    a: Array
    delta: Array
    losses: Array
    gradient: Array
    order: Array
    forward_start: Array
    """where the transposed panels of w^l begin, -1 where dot products are used, (L + 1,)"""
    backward_start: Array
    """where the panels of w^l begin in `panels`, -1 where w^l is read as it is, (L + 1,)"""
    is_own: Array
    """1 where each thread has transposed panels of w^l of its own, in `own`, (L + 1,)"""
    panels: Array
    """of weights, read by all threads; behind them, in `by_first_units`, the optimizer's state"""
    own: Array
    """for each thread what `weight_sums` and the backward pass need as scratch, its own panels, and
    its own x, (threads, size)"""
    own_start: Array
    """where panels and x begin in a row of `own`, (2,)"""
    words: Array
    """where the threads meet"""
    state_start: int
    """where in `panels` the optimizer's state of w^1 begins, -1 where it is in `state` alone"""
    groups: Array
    """in how many groups layer 2 adds up its inputs, (1,); each epoch sets it"""


@inline_jit
def by_units(architecture, l, m):
    """Whether layer l is shared out by units, and not by examples.

    Sharing by examples makes every thread read all weights, of which another has just written a
    part; sharing by units makes it read all activations.  What is smaller moves.
    """
    n_l, n_prev = architecture.sizes[l], architecture.sizes[l - 1]
    return (
        l < layer_count(architecture)
        and architecture.dropout[l] == 0.0
        and n_prev >= m
        and n_l * n_prev >= UNIT_WEIGHTS
    )


@inline_jit
def delta_by_units(architecture, l, m):
    """Whether delta^{l-1} is shared out by units: where layer l - 1 is, or l, so that w^l stays."""
    return architecture.dropout[l - 1] == 0.0 and (
        by_units(architecture, l, m) or by_units(architecture, l - 1, m)
    )


@inline_jit
def turns_panels(architecture, l, m):
    """Whether plain SGD has w^l, l > 1, in one place: see `in_forward_panels`."""
    return by_units(architecture, l, m) and delta_by_units(architecture, l, m)


@jit
def team_workspace(theta, architecture, examples, batch_size, threads, own_x):
    """A `TiledWorkspace` for `threads` threads and batches of at most `batch_size`.

    With `own_x` each has a copy of the batch.
    """
    count = min(batch_size, examples)
    last = layer_count(architecture)
    n_0, n_L = architecture.sizes[0], architecture.sizes[last]
    forward_start = np.full(last + 1, -1, np.int64)
    backward_start = np.full(last + 1, -1, np.int64)
    is_own = np.zeros(last + 1, np.int64)
    scratch = in_lines(scratch_size(count, item_bytes(theta)), theta)
    size, own = 0, 0
    for l in range(1, last + 1):
        n, K = architecture.sizes[l], architecture.sizes[l - 1]
        if l > 1 and turns_panels(architecture, l, count):
            scratch = max(scratch, in_lines(n * panel_width(item_bytes(theta)), theta))
        if l > 1 and not by_dots(count, K) and far(K, item_bytes(theta)):
            backward_start[l] = size
            size += in_lines(panels_size(K, n, item_bytes(theta)), theta)
        dots = by_dots(count, K) if l > 1 else panels_wait(count, n, K, item_bytes(theta))
        if not dots:
            needed = in_lines(panels_size(n, K, item_bytes(theta)), theta)
            is_own[l] = l > 1 and backward_start[l] < 0 and n * K < UNIT_WEIGHTS
            forward_start[l] = own if is_own[l] else size
            if is_own[l]:
                own += needed
            else:
                size += needed
    total = count * unit_count(architecture)
    own_start = np.array([scratch, scratch + own])
    own += scratch
    if own_x:
        own += in_lines(count * n_0, theta)
    return TiledWorkspace(
        aligned(count * n_0, theta).reshape((count, n_0)),
        aligned(count * n_L, theta).reshape((count, n_L)),
        aligned(count, theta),
        aligned(total, theta),
        aligned(total, theta),
        aligned(total, theta),
        np.empty(count, np.float64),
        aligned(theta.shape[0], theta),
        np.empty(examples, np.int64),
        forward_start,
        backward_start,
        is_own,
        aligned(size, theta),
        aligned(threads * own, theta).reshape((threads, own)),
        own_start,
        np.zeros(team_words(threads, PHASES * (last + 1)), np.int64),
        -1,
        np.ones(1, np.int64),
    )


@jit
def make_workspace(theta, architecture, examples, batch_size):
    """`team_workspace` for `epoch_alone`."""
    return team_workspace(theta, architecture, examples, batch_size, 1, False)


@inline_jit
def panels_at(workspace, start):
    """The panels that all threads read, from `start` on."""
    return vector(workspace.panels, start, workspace.panels.shape[0] - start)


@inline_jit
def own_at(workspace, worker, start):
    """What belongs to one thread, from `start` on."""
    size = workspace.own.shape[1]
    return vector(flat(workspace.own), worker * size + start, size - start)


@inline_jit
def forward_panels(l, worker, workspace):
    """The transposed panels of w^l, if it has any."""
    start = max(0, workspace.forward_start[l])
    if workspace.is_own[l]:
        return own_at(workspace, worker, workspace.own_start[0] + start)
    return panels_at(workspace, start)


@inline_jit
def row_share(n, worker, workers):
    """The rows of a w^l with n rows that a worker begins with."""
    return share(n, ROW_BLOCK, worker, workers), share(n, ROW_BLOCK, worker + 1, workers)


@inline_jit
def in_forward_panels(l, architecture, resident, workspace):
    """Whether w^l is, during the epoch, in the panels that the forward pass reads, and only there.

    The first, and those shared out by units.  The backward pass transposes a panel of these at a
    time, which costs less than to write, and read, each weight in two places.
    """
    if l == 1:
        return workspace.forward_start[1] >= 0 and (resident or workspace.state_start >= 0)
    return (
        resident
        and workspace.forward_start[l] >= 0
        and turns_panels(architecture, l, workspace.x.shape[0])
    )


@inline_jit
def reads_panels(l, architecture, resident, workspace):
    """Whether the forward pass takes w^l from panels, and not by dot products.

    By first units w^1 is always in panels, and so it is where other ways find the same bits.
    """
    makes = l > 1 or not in_forward_panels(1, architecture, resident, workspace)  # in each step
    dots = (
        makes
        and (l > 1 or workspace.groups[0] == 1)
        and by_dots(workspace.x.shape[0], architecture.sizes[l - 1])
    )
    return workspace.forward_start[l] >= 0 and not dots


@inline_jit
def is_resident(l, architecture, resident, workspace):
    """Whether w^l is in panels alone during the epoch: of one kind, or, with far rows, of both."""
    if in_forward_panels(l, architecture, resident, workspace):
        return True
    return resident and l > 1 and workspace.backward_start[l] >= 0


@inner_jit
def pack_rows(theta, architecture, l, start, stop, resident, workspace):
    """Copy the rows start .. stop-1 of w^l into the panels that all threads read."""
    w = weights_of(theta, architecture, l)
    n, K = w.shape
    single = in_forward_panels(l, architecture, resident, workspace)
    if workspace.backward_start[l] >= 0 and not single:
        pack(w, start, stop, panels_at(workspace, workspace.backward_start[l]))
    if reads_panels(l, architecture, resident, workspace) and not workspace.is_own[l]:
        panels = panels_at(workspace, workspace.forward_start[l])
        pack_transposed(flat(w), K, 1, n, K, start, stop, 0, K, panels)


@inline_jit
def pack_own(theta, architecture, worker, workspace):
    """Copy every small w^l into the panels of one thread.

    It reads the w^l that others have updated anyway, backward: so each line moves once.
    """
    for l in range(1, layer_count(architecture) + 1):
        if workspace.is_own[l]:
            w = weights_of(theta, architecture, l)
            n, K = w.shape
            panels = forward_panels(l, worker, workspace)
            pack_transposed(flat(w), K, 1, n, K, 0, n, 0, K, panels)


@inner_jit
def unpack_rows(theta, architecture, l, start, stop, resident, workspace):
    """Copy the rows start .. stop-1 of a w^l that is in panels alone back to theta."""
    w = weights_of(theta, architecture, l)
    if in_forward_panels(l, architecture, resident, workspace):
        panels = panels_at(workspace, workspace.forward_start[l])
        n, K = w.shape
        unpack_transposed(panels, n, K, start, stop, 0, K, flat(w), 0, K)
    else:
        unpack(panels_at(workspace, workspace.backward_start[l]), start, stop, w)


@inline_jit
def z_of(workspace, architecture, l, m):
    """z^l, and sigma'(z^l) after the forward pass; in the array of a^l where sigma' needs neither.

    A burst of writes to lines that another core has read waits; sums come a tile at a time, and
    take the lines of a^l in passing.
    """
    if (
        l < layer_count(architecture)
        and prime_from_a(architecture.activation[l])
        and architecture.dropout[l] == 0.0
    ):
        return layer_of(workspace.a, architecture, l, m)
    return layer_of(workspace.z, architecture, l, m)
