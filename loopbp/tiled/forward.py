"""The forward pass without a backward pass: outputs, activations and losses of many rows.

    pack       w^l into panels that all threads read, each its share of the rows
    block      of rows X, who is free takes the next: is it finite, z^l and a^l layer after layer in
               the scratch of one thread, then what is asked for: a^L, every a^l, or the losses

The layers are those of training, `loopbp.tiled.layers.layer_forward`, bound to a workspace in which
a^l takes the place of a^{l-2}: so the memory does not grow with the number of rows, nor with that
of layers.  How many rows a block has depends on the network and the number of rows, never on the
number of threads; the losses of a block are added up in order, and the sums of the blocks, too.
"""

from typing import Any, NamedTuple

import numpy as np

from loopbp.activations import SOFTMAX
from loopbp.jit.decorators import inline_jit, inner_jit, jit, threads_jit
from loopbp.jit.specialise import specialise
from loopbp.losses import penalty
from loopbp.machine.borrow import borrow
from loopbp.machine.folds import total
from loopbp.machine.memory import aligned, in_lines, item_bytes, width
from loopbp.machine.pieces import LINE
from loopbp.machine.registers import load_part, splat
from loopbp.machine.team import meet, run_team, team_words
from loopbp.machine.views import flat, matrix, rows, vector
from loopbp.machine.words import add
from loopbp.parameters import layer_count, weights_of
from loopbp.tiled.kernels import activation, example_losses
from loopbp.tiled.layers import in_one
from loopbp.tiled.layers import layer_forward as layer_forward_of_training
from loopbp.tiled.panels import copy, pack_transposed, panels_size
from loopbp.tiled.softmax import softmax_cross_entropy
from loopbp.tiled.sums import by_dots
from loopbp.tiled.workspace import row_share

Array = np.ndarray[Any, Any]

# Bytes of the widest layer of a block, which stay in the second-level cache beside a panel; rows of
# a block at least, so that a panel that comes from memory is worth it; and into how many blocks a
# few rows are cut, for threads.
BLOCK_BYTES, LEAST_ROWS, BLOCKS = 1 << 19, 48, 8


class ForwardWorkspace(NamedTuple):
    """What all threads have, and the scratch of each."""

    scratch: Array
    """a row for each thread: a^l of even and of odd l, z^L, delta^L and s_t"""
    starts: Array
    """where these begin in a row, and where they end, (5,)"""
    losses: Array
    """s_t C^t of a block, (threads, block)"""
    forward_start: Array
    """where the transposed panels of w^l begin, -1 where dot products are used, (L + 1,)"""
    panels: Array
    words: Array
    """where the threads meet, and the number of the next block"""
    block: int
    """rows of a block"""


class Scratch(NamedTuple):
    """What a thread works in; `a`, `forward_start` and `panels` are what `layer_forward` uses."""

    a: Array
    z: Array
    delta: Array
    losses: Array
    forward_start: Array
    panels: Array


@inline_jit
def block_rows(architecture, m, itemsize):
    """How many of m rows make a block."""
    widest = 1
    for l in range(layer_count(architecture) + 1):
        widest = max(widest, architecture.sizes[l])
    most = max(1, BLOCK_BYTES // (widest * itemsize * LEAST_ROWS))
    wanted = (m + BLOCKS * LEAST_ROWS - 1) // (BLOCKS * LEAST_ROWS)
    return min(most, wanted) * LEAST_ROWS


@jit
def forward_workspace(theta, architecture, m, threads):
    """A `ForwardWorkspace` for m rows and so many threads."""
    last, itemsize = layer_count(architecture), item_bytes(theta)
    block = block_rows(architecture, m, itemsize)
    held = min(block, m)
    forward_start = np.full(last + 1, -1, np.int64)
    size, widest = 0, 1
    for l in range(1, last + 1):
        n, K = architecture.sizes[l], architecture.sizes[l - 1]
        widest = max(widest, n)
        if not by_dots(m, K):
            forward_start[l] = size
            size += in_lines(panels_size(n, K, itemsize), theta)
    starts = np.zeros(4, np.int64)
    starts[1] = 2 * in_lines(held * widest, theta)
    for k in range(2, 4):
        starts[k] = starts[k - 1] + in_lines(held * architecture.sizes[last], theta)
    return ForwardWorkspace(
        aligned(threads * starts[3], theta).reshape((threads, starts[3])),
        starts,
        np.zeros((threads, held), np.float64),
        forward_start,
        aligned(size, theta),
        np.zeros(team_words(threads, 0) + LINE, np.int64),
        block,
    )


@inline_jit
def scratch_of(workspace, worker):
    """The scratch of one thread."""
    size, starts = workspace.scratch.shape[1], workspace.starts
    own = vector(flat(workspace.scratch), worker * size, size)
    held = workspace.losses.shape[1]
    return Scratch(
        vector(own, 0, starts[1]),
        vector(own, starts[1], starts[2] - starts[1]),
        vector(own, starts[2], starts[3] - starts[2]),
        vector(flat(workspace.losses), worker * held, held),
        workspace.forward_start,
        workspace.panels,
    )


@inline_jit
def in_turn(buffer, architecture, l, m):
    """`layer_of` where a^l takes the place of a^{l-2}."""
    return matrix(buffer, l % 2 * (buffer.shape[0] // 2), m, architecture.sizes[l])


@inline_jit
def z_in_turn(scratch, architecture, l, m):
    """`z_of`: sigma is applied in place, but for the last layer, whose z^L the losses want."""
    if l == layer_count(architecture):
        return matrix(scratch.z, 0, m, architecture.sizes[l])
    return in_turn(scratch.a, architecture, l, m)


@inline_jit
def never(architecture, l):
    """`keeps_prime` where nothing goes backward."""
    return False


@inline_jit
def has_panels(l, architecture, resident, scratch):
    """`reads_panels`: whether w^l is in panels."""
    return scratch.forward_start[l] >= 0


@inline_jit
def shared_panels(l, worker, scratch):
    """`forward_panels`, which all threads read."""
    start = max(0, scratch.forward_start[l])
    return vector(scratch.panels, start, scratch.panels.shape[0] - start)


# What `layer_forward` calls, for a `Scratch` in place of the workspace of training.
layer_forward = specialise(
    [layer_forward_of_training], "forward_only",
    {
        "layer_of": in_turn, "z_of": z_in_turn, "keeps_prime": never, "reads_panels": has_panels,
        "forward_panels": shared_panels, "packed_block": in_one,
    },
    inline_jit,
).layer_forward  # fmt: skip


@inline_jit
def pack_share(theta, architecture, worker, workers, workspace):
    """Copy a thread's rows of every w^l into the panels that all read."""
    for l in range(1, layer_count(architecture) + 1):
        if workspace.forward_start[l] >= 0:
            w = weights_of(theta, architecture, l)
            n, K = w.shape
            start, stop = row_share(n, worker, workers)
            panels = shared_panels(l, worker, workspace)
            pack_transposed(flat(w), K, 1, n, K, start, stop, 0, K, panels)


@inner_jit
def are_finite(x):
    """Whether no number of x is a NaN or infinite: x - x is 0, or NaN for these."""
    numbers = flat(x)
    W = width(item_bytes(x))
    bad = splat(x.dtype.type(0.0))
    for k in range(0, numbers.shape[0], W):
        x_k = load_part(numbers, k, numbers.shape[0] - k)
        bad = bad + (x_k - x_k)
    return total(bad) == 0


@inner_jit
def forward_block(theta, architecture, x, every, start, examples, scratch):
    """z^L of a block in `scratch`, and, but for softmax, a^L in its turn; is x finite?

    `every` has room for all a^l of `examples` rows, where the block begins with `start`; or none.
    """
    m, a_prev = x.shape[0], x
    finite = are_finite(x)
    for l in range(1, layer_count(architecture) + 1):
        n = architecture.sizes[l]
        layer_forward(
            theta, architecture, l, a_prev, m, 0, m, 0, n, 0, False, flat(a_prev), 0, 0, scratch
        )
        a_prev = in_turn(scratch.a, architecture, l, m)
        if every.shape[0] > 0 and l < layer_count(architecture):
            at = examples * architecture.unit_start[l] + start * n
            copy(flat(a_prev), 0, every, at, m * n)
    return finite


@inline_jit
def next_block(workspace):
    """The number of a block that nobody has begun."""
    return add(workspace.words, workspace.words.shape[0] - LINE, 1)


@inner_jit
def outputs_work(
    theta, architecture, X, workspace, every, out, out_finite, worker, workers
):  # fmt: skip
    """`outputs` for one of a team of threads."""
    theta, X, every, out = borrow(theta), borrow(X), borrow(every), borrow(out)
    examples, last = X.shape[0], layer_count(architecture)
    n, block = architecture.sizes[last], workspace.block
    pack_share(theta, architecture, worker, workers, workspace)
    meet(workspace.words, worker, workers)
    scratch = scratch_of(workspace, worker)
    k = next_block(workspace)
    while k * block < examples:
        start, stop = k * block, min(examples, (k + 1) * block)
        m = stop - start
        out_finite[k] = forward_block(
            theta, architecture, rows(X, start, stop), every, start, examples, scratch
        )
        if architecture.activation[last] == SOFTMAX:
            activation(SOFTMAX, 0, matrix(scratch.z, 0, m, n), rows(out, start, stop))
        else:
            a = flat(in_turn(scratch.a, architecture, last, m))
            copy(a, 0, flat(out), start * n, m * n)
        k = next_block(workspace)


@threads_jit
def outputs(theta, architecture, X, workspace, every, out, out_finite, threads):
    """a^L of all rows, and where `every` has room for it a^l of all layers.

    Parameters
    ----------
    theta : (P,), architecture : Architecture, X : (examples, n_0)
    workspace : ForwardWorkspace, overwritten
        Of as many rows and threads.
    every : (examples * units,), overwritten, or (0,)
        `layer_of` gives layer l of it, for l < L.
    out : (examples, n_L), overwritten
    out_finite : (blocks,), overwritten
        Whether X is finite there.
    threads : int
    """
    architecture, workspace = borrow(architecture), borrow(workspace)
    arguments = theta, architecture, X, workspace, every, out, out_finite
    run_team(outputs_work, workspace.words, threads, arguments)


@inline_jit
def block_losses(architecture, y, weight, scratch):
    """s_t C^t and a^L of a block after `forward_block`, of any loss and output."""
    last, m = layer_count(architecture), y.shape[0]
    output = architecture.activation[last]
    z = matrix(scratch.z, 0, m, architecture.sizes[last])
    a = in_turn(scratch.a, architecture, last, m)
    if output == SOFTMAX:
        activation(SOFTMAX, 0, z, a)
    losses = vector(scratch.losses, 0, m)
    example_losses(architecture.loss, output, z, a, y, weight, losses)


@inline_jit
def block_losses_of_softmax(architecture, y, weight, scratch):
    """`block_losses` of softmax with cross_entropy, by what training has compiled."""
    last, m = layer_count(architecture), y.shape[0]
    n = architecture.sizes[last]
    softmax_cross_entropy(
        matrix(scratch.z, 0, m, n), y, weight, in_turn(scratch.a, architecture, last, m),
        matrix(scratch.delta, 0, m, n), vector(scratch.losses, 0, m),
    )  # fmt: skip


@inner_jit
def losses_work(
    theta, architecture, X, Y, weight, workspace, out, out_finite, out_sums, worker, workers
):  # fmt: skip
    """`losses` for one of a team of threads."""
    theta, X, Y, weight, out = borrow(theta), borrow(X), borrow(Y), borrow(weight), borrow(out)
    examples, last = X.shape[0], layer_count(architecture)
    n, block = architecture.sizes[last], workspace.block
    pack_share(theta, architecture, worker, workers, workspace)
    meet(workspace.words, worker, workers)
    scratch = scratch_of(workspace, worker)
    nothing = vector(theta, 0, 0)
    k = next_block(workspace)
    while k * block < examples:
        start, stop = k * block, min(examples, (k + 1) * block)
        m = stop - start
        out_finite[k] = forward_block(
            theta, architecture, rows(X, start, stop), nothing, start, examples, scratch
        )
        block_losses(architecture, rows(Y, start, stop), vector(weight, start, m), scratch)
        sum_k = 0.0
        for t in range(m):
            sum_k += scratch.losses[t]
        out_sums[k] = sum_k
        if out.shape[0] > 0:
            copy(flat(in_turn(scratch.a, architecture, last, m)), 0, flat(out), start * n, m * n)
        k = next_block(workspace)


@threads_jit
def losses(theta, architecture, X, Y, weight, workspace, out, out_finite, out_sums, threads):
    """J of all rows, and where `out` has room for it a^L.

    Parameters
    ----------
    theta, architecture, X, workspace, out, out_finite, threads
        As in `outputs`; `out` may be (0, n_L).
    Y : (examples, n_L), weight : (examples,)
    out_sums : (blocks,) float64, overwritten
        The sum of s_t C^t over a block.

    Returns
    -------
    float
        (1/m) sum_t s_t C^t + (lambda/2) sum w**2.
    """
    architecture, workspace = borrow(architecture), borrow(workspace)
    arguments = theta, architecture, X, Y, weight, workspace, out, out_finite, out_sums
    run_team(losses_work, workspace.words, threads, arguments)
    J = 0.0
    for k in range(out_sums.shape[0]):
        J += out_sums[k]
    J = J / X.shape[0]
    if architecture.l2 > 0.0:
        for l in range(1, layer_count(architecture) + 1):
            J += penalty(weights_of(theta, architecture, l), architecture.l2)
    return J
