"""The training step of the tiled engine: two parallel regions, whatever the depth.

    region 1, over chunks of examples: gather, forward through all layers, losses, and every
              delta^l backward.  Examples do not meet, so a chunk runs through the network alone.
    region 2, over parts of theta: the sum over all examples for its rows of w^l, the update of
              these rows while they are in the cache, and their copy into panels for the next step.

Each thread owns what it writes.  Chunks and parts depend on the shapes alone, never on how many
threads there are, so a seed gives the same bits for any number.  `epoch` is compiled twice by
`loopbp.engines`: with threads, and without, where there is one chunk and one part.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import prange

from loopbp._jit import inline_jit, jit
from loopbp.activations import GELU, SOFTMAX
from loopbp.losses import CROSS_ENTROPY, penalty
from loopbp.optimizers import RULE_SGD, clip_by_norm, update_part
from loopbp.parameters import biases_of, layer_count, layer_of, unit_count, weights_of
from loopbp.passes import add_penalty_gradient, gather
from loopbp.rng import DROPOUT, SHUFFLE, dropout, shuffle, stream_key
from loopbp.tiled import (
    DOT_ROWS,
    activation,
    activation_gradient_packed,
    activation_gradient_plain,
    bias_sums,
    example_losses,
    far,
    output_delta,
    pack,
    pack_transposed,
    panels_size,
    scratch_size,
    softmax_cross_entropy,
    times_sigma_prime,
    weight_sums,
    weighted_input_dots,
    weighted_input_packed,
)
from loopbp.views import flat, rows, vector

Array = np.ndarray[Any, Any]

ROW_BLOCK = 16  # rows of w that stay together: a multiple of W in both dtypes
# Of theta: at most, and multiply-adds that one should have.  More parts serve more threads; fewer
# read the activations less often (784-128-10, batch 64, two threads: 4 parts beat 9 by a fifth).
MOST_PARTS, PART_WORK = 16, 1.5e6
ALIGNMENT = 64  # bytes of a cache line: a register that straddles two is loaded twice


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
    """where the transposed panels of w^l begin in `panels`, -1 where dot products are used"""
    backward_start: Array
    """where the panels of w^l begin in `panels`, -1 where w^l is read as it is"""
    panels: Array
    scratch: Array
    """for each part what `loopbp.tiled.weight_sums` needs, (parts, size)"""
    part_first: Array
    """the first block of each part, and behind them the number of blocks, (parts + 1,)"""
    block_layer: Array
    block_row: Array


@jit
def aligned(count, like):
    """`count` uninitialised numbers of the dtype of `like`, on a cache line."""
    spare = ALIGNMENT // like.itemsize
    buffer = np.empty(count + spare, like.dtype)
    skip = (-buffer.ctypes.data) % ALIGNMENT // like.itemsize
    return buffer[skip : skip + count]


@jit
def part_count(work):
    """Into how many parts region 2 cuts a theta with `work` multiply-adds a step: 2, 4, 8 or 16."""
    parts = 2
    while parts < MOST_PARTS and work > parts * PART_WORK:
        parts *= 2
    return parts


@jit
def one_part(work):
    """The `part_count` of the serial engine."""
    return 1


@jit
def make_workspace(theta, architecture, examples, batch_size):
    """A `TiledWorkspace` for batches of at most `batch_size` out of `examples`."""
    count = min(batch_size, examples)
    last = layer_count(architecture)
    n_0, n_L = architecture.sizes[0], architecture.sizes[last]
    forward_start = np.full(last + 1, -1, np.int64)
    backward_start = np.full(last + 1, -1, np.int64)
    size = 0
    blocks = 0
    for l in range(1, last + 1):
        w = weights_of(theta, architecture, l)
        if count > DOT_ROWS:
            forward_start[l] = size
            size += panels_size(w.shape[0], w.shape[1], theta.itemsize)
        if l > 1 and far(w):
            backward_start[l] = size
            size += panels_size(w.shape[1], w.shape[0], theta.itemsize)
        size = (size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
        blocks += (w.shape[0] + ROW_BLOCK - 1) // ROW_BLOCK
    block_layer, block_row = np.empty(blocks, np.int64), np.empty(blocks, np.int64)
    work = np.empty(blocks + 1, np.float64)  # of all blocks before
    k = 0
    work[0] = 0.0
    for l in range(1, last + 1):
        n_l, n_prev = architecture.sizes[l], architecture.sizes[l - 1]
        for i in range(0, n_l, ROW_BLOCK):
            block_layer[k], block_row[k] = l, i
            work[k + 1] = work[k] + min(ROW_BLOCK, n_l - i) * float(n_prev)
            k += 1
    parts = min(part_count(work[blocks] * count), blocks)
    part_first = np.empty(parts + 1, np.int64)
    k = 0
    for part in range(parts):
        while k < blocks and work[k] + work[k + 1] < 2.0 * work[blocks] * part / parts:
            k += 1
        part_first[part] = k
    part_first[parts] = blocks
    total = count * unit_count(architecture)
    scratch = scratch_size(count, theta.itemsize)
    scratch = (scratch + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
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
        aligned(size, theta),
        aligned(parts * scratch, theta).reshape((parts, scratch)),
        part_first,
        block_layer,
        block_row,
    )


@jit
def chunk_count(m, parameters, itemsize):
    """Into how many chunks region 1 cuts a batch.

    Each chunk reads all weights; where they stay in the second-level cache, smaller chunks serve
    more threads, and where they do not, a chunk should use them for many rows.
    """
    if m < 32:
        return 1
    if parameters * itemsize > 1 << 20:
        return max(2, (m + 255) // 256)
    return 2 if m < 128 else max(4, (m + 127) // 128)


@jit
def one_chunk(m, parameters, itemsize):
    """The `chunk_count` of the serial engine."""
    return 1


@inline_jit
def panels_at(workspace, start):
    """The panels from `start` on."""
    return vector(workspace.panels, start, workspace.panels.shape[0] - start)


@jit
def pack_rows(theta, architecture, l, start, stop, workspace):
    """Copy the rows start .. stop-1 of w^l into the panels that region 1 will read."""
    w = weights_of(theta, architecture, l)
    if workspace.forward_start[l] >= 0:
        pack_transposed(w, start, stop, panels_at(workspace, workspace.forward_start[l]))
    if workspace.backward_start[l] >= 0:
        pack(w, start, stop, panels_at(workspace, workspace.backward_start[l]), w.shape[0])


@jit
def rows_pass(theta, architecture, X, Y, weight, start, m, first, stop, workspace, key, drops):
    """Region 1 for the rows first .. stop-1 of the batch of m that begins at `start` in the order.

    Gathers them, then writes their z^l, a^l, losses and delta^l.
    """
    x, y = rows(workspace.x, first, stop), rows(workspace.y, first, stop)
    count = stop - first
    s, losses = vector(workspace.weight, first, count), vector(workspace.losses, first, count)
    gather(X, Y, weight, workspace.order, start + first, count, x, y, s)
    last = layer_count(architecture)
    loss, output = architecture.loss, architecture.activation[last]
    fused = loss == CROSS_ENTROPY and output == SOFTMAX
    a_prev = x
    for l in range(1, last + 1):
        b = biases_of(theta, architecture, l)
        z_l = rows(layer_of(workspace.z, architecture, l, m), first, stop)
        a_l = rows(layer_of(workspace.a, architecture, l, m), first, stop)
        at = workspace.forward_start[l]
        if at >= 0:
            weighted_input_packed(panels_at(workspace, at), b, a_prev, z_l)
        else:
            weighted_input_dots(weights_of(theta, architecture, l), b, a_prev, z_l)
        if l == last and fused:
            softmax_cross_entropy(z_l, y, s, a_l, losses)
        else:
            activation(architecture.activation[l], architecture.sigma[l], z_l, a_l)
        if drops and architecture.dropout[l] > 0.0:
            dropout(a_l, stream_key(key, DROPOUT, l), architecture.dropout[l], first)
        a_prev = a_l
    z_l = rows(layer_of(workspace.z, architecture, last, m), first, stop)
    delta_l = rows(layer_of(workspace.delta, architecture, last, m), first, stop)
    if not fused:
        example_losses(loss, output, z_l, a_prev, y, s, losses)
    output_delta(loss, output, architecture.sigma_prime[last], z_l, a_prev, y, s, delta_l)
    for l in range(last, 1, -1):
        delta_prev = rows(layer_of(workspace.delta, architecture, l - 1, m), first, stop)
        at = workspace.backward_start[l]
        if at >= 0:
            activation_gradient_packed(panels_at(workspace, at), delta_l, delta_prev)
        else:
            activation_gradient_plain(weights_of(theta, architecture, l), delta_l, delta_prev)
        z_prev = rows(layer_of(workspace.z, architecture, l - 1, m), first, stop)
        a_prev = rows(layer_of(workspace.a, architecture, l - 1, m), first, stop)
        code, address = architecture.activation[l - 1], architecture.sigma_prime[l - 1]
        if drops and architecture.dropout[l - 1] > 0.0:
            # a has been thinned out: sigma' needs it as it was
            whole = np.empty_like(z_prev)
            if code < GELU:
                activation(code, address, z_prev, whole)
            times_sigma_prime(code, address, z_prev, whole, delta_prev)
            rate = architecture.dropout[l - 1]
            dropout(delta_prev, stream_key(key, DROPOUT, l - 1), rate, first)
        else:
            times_sigma_prime(code, address, z_prev, a_prev, delta_prev)
        delta_l = delta_prev


@jit
def parameters_pass(theta, architecture, m, part, workspace, settings, learning_rate, step, state):
    """Region 2 for one part of theta: gradient, update and panels of its rows."""
    clips = settings.clip_norm > 0.0
    fused = settings.rule == RULE_SGD and not clips
    block, stop = workspace.part_first[part], workspace.part_first[part + 1]
    while block < stop:
        l, first = workspace.block_layer[block], workspace.block_row[block]
        while block < stop and workspace.block_layer[block] == l:
            end = min(workspace.block_row[block] + ROW_BLOCK, architecture.sizes[l])
            block += 1
        delta = layer_of(workspace.delta, architecture, l, m)
        a_prev = rows(workspace.x, 0, m)
        if l > 1:
            a_prev = layer_of(workspace.a, architecture, l - 1, m)
        w, b = weights_of(theta, architecture, l), biases_of(theta, architecture, l)
        size = workspace.scratch.shape[1]
        scratch = vector(flat(workspace.scratch), part * size, size)
        if fused:
            alpha = theta.dtype.type(-learning_rate / m)
            one = theta.dtype.type(1.0)
            keep = theta.dtype.type(1.0 - learning_rate * architecture.l2)
            weight_sums(delta, a_prev, first, end, alpha, keep, w, scratch)
            bias_sums(delta, first, end, alpha, one, b)
            pack_rows(theta, architecture, l, first, end, workspace)
        else:
            dw = weights_of(workspace.gradient, architecture, l)
            db = biases_of(workspace.gradient, architecture, l)
            mean, zero = theta.dtype.type(1.0 / m), theta.dtype.type(0.0)
            weight_sums(delta, a_prev, first, end, mean, zero, dw, scratch)
            bias_sums(delta, first, end, mean, zero, db)
            if architecture.l2 > 0.0:
                add_penalty_gradient(rows(w, first, end), architecture.l2, rows(dw, first, end))
            if not clips:
                update_rows(
                    theta, architecture, l, first, end, workspace, settings, learning_rate, step,
                    state,
                )  # fmt: skip


@jit
def update_rows(
    theta, architecture, l, first, end, workspace, settings, learning_rate, step, state
):
    """The optimizer's rule and the panels for the rows first .. end-1 of layer l."""
    n_prev = architecture.sizes[l - 1]
    w, b = architecture.w_start[l], architecture.b_start[l]
    g = workspace.gradient
    update_part(
        settings, learning_rate, step, theta, g, state, w + first * n_prev, w + end * n_prev, True
    )
    update_part(settings, learning_rate, step, theta, g, state, b + first, b + end, False)
    pack_rows(theta, architecture, l, first, end, workspace)


@jit
def epoch(
    theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed, number,
    batch_size, shuffled, workspace,
):  # fmt: skip
    """`loopbp.passes.epoch`, each step as the two regions above."""
    examples = X.shape[0]
    last = layer_count(architecture)
    if shuffled:
        shuffle(workspace.order, stream_key(seed, SHUFFLE, number))
    else:
        for k in range(examples):
            workspace.order[k] = k
    drops = False
    for l in range(1, last):
        drops = drops or architecture.dropout[l] > 0.0
    for l in range(1, last + 1):
        pack_rows(theta, architecture, l, 0, architecture.sizes[l], workspace)
    parts = workspace.part_first.shape[0] - 1
    total = 0.0
    for start in range(0, examples, batch_size):
        m = min(batch_size, examples - start)
        step += 1
        key = stream_key(seed, DROPOUT, step)
        if architecture.l2 > 0.0:
            for l in range(1, last + 1):
                total += m * penalty(weights_of(theta, architecture, l), architecture.l2)
        chunks = chunk_count(m, theta.shape[0], theta.itemsize)
        for c in prange(chunks):
            rows_pass(
                theta, architecture, X, Y, weight, start, m, m * c // chunks,
                m * (c + 1) // chunks, workspace, key, drops,
            )  # fmt: skip
        for t in range(m):
            total += workspace.losses[t]
        for part in prange(parts):
            parameters_pass(
                theta, architecture, m, part, workspace, settings, learning_rate, step, state
            )
        if settings.clip_norm > 0.0:
            clip_by_norm(workspace.gradient, settings.clip_norm)
            for l in range(1, last + 1):
                update_rows(
                    theta, architecture, l, 0, architecture.sizes[l], workspace, settings,
                    learning_rate, step, state,
                )  # fmt: skip
    return total / examples
