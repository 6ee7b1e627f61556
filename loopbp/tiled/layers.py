"""The training step of the tiled engine: what each of a team of threads does in an epoch.

    forward      z^l and a^l layer after layer (`forward_pass`)
    outputs      softmax, losses and delta^L
    backward     delta^l (`backward_pass`)
    parameters   the sums over all examples for its own rows of w^l, their update while they are
                 in the cache, and the copies that the next step reads (`parameters_pass`)

A layer is shared out by examples, or, where it has many weights, by units (`by_units`).
Between them the threads meet (`loopbp.machine.team`).  Each owns what it writes, and begins with
the same units and rows in every step, so that it reads mostly what it has written itself; who is
done takes pieces from a slower one: a line of memory that two cores take turns at costs as much as
dozens of multiply-adds.  Shares do not change how a number is computed, so a seed gives the same
bits for any number of threads.

With plain SGD, w^1 and what is shared out by units live in the panels that the forward pass reads,
and are written back to theta at the end of the epoch: no delta is taken back through w^1, and of
the others the backward pass transposes what it reads.  Where the workspace has room for the
optimizer's state in panels (`loopbp.tiled.epochs.by_first_units`), w^1 does so with any.
"""

from typing import Any

import numpy as np

from loopbp.activations import SOFTMAX
from loopbp.jit.decorators import inline_jit
from loopbp.losses import CROSS_ENTROPY
from loopbp.machine.memory import item_bytes
from loopbp.machine.views import flat, rows, vector
from loopbp.parameters import biases_of, layer_count, layer_of, weights_of
from loopbp.random.streams import DROPOUT, dropout, stream_key
from loopbp.tiled.kernels import (
    activation,
    activation_rows,
    example_losses,
    output_delta,
    times_kept_prime_rows,
)
from loopbp.tiled.panels import panel_width, unpack_transposed
from loopbp.tiled.softmax import softmax_cross_entropy
from loopbp.tiled.sums import (
    TILE_ROWS,
    activation_gradient_block,
    weighted_input_by_groups,
    weighted_input_dots,
    weighted_input_packed,
)
from loopbp.tiled.workspace import (
    forward_panels,
    in_forward_panels,
    own_at,
    panels_at,
    reads_panels,
    z_of,
)

Array = np.ndarray[Any, Any]

# Numbers of z up to which a layer is one block; else a block is a panel of units by BLOCK_ROWS
# examples, which are in the first-level cache when sigma is applied, and the examples of a
# sweep over all panels have about HIGH_BYTES of a^{l-1}.  They come from the third-level cache, in
# order, which costs less than another sweep.
BLOCK_NUMBERS, BLOCK_ROWS, HIGH_BYTES = 4_096, 96, 1 << 22


@inline_jit
def block(K, examples, itemsize):
    """Of a large layer: units and examples of a block, and examples before the next units.

    It reads `K` numbers of each of so many examples.
    """
    sweeps = max(1, (examples * K * itemsize + HIGH_BYTES - 1) // HIGH_BYTES)
    return panel_width(itemsize), BLOCK_ROWS, (examples + sweeps - 1) // sweeps


@inline_jit
def rows_ahead(K, examples):
    """Rows of the next panel to fetch with each tile, so that all K are there in time."""
    return (K * TILE_ROWS + examples - 1) // examples


@inline_jit
def input_pace(l):
    """How many numbers of a^{l-1} layer l asks for with each that it reads: x is always new."""
    return 1 if l == 1 else 0


@inline_jit
def keeps_prime(architecture, l):
    """Whether the backward pass will want sigma'(z^l)."""
    return l < layer_count(architecture)


@inline_jit
def packed_block(
    panels, b, a_prev, z_l, start, stop, first, end, ahead, soon, soon_at, pace, architecture, l, m,
    workspace,
):  # fmt: skip
    """`weighted_input_packed` of a block; of layer 2 in groups of its inputs, if there are some."""
    if l == 2 and workspace.groups[0] > 1:
        groups, spare = workspace.groups[0], layer_of(workspace.delta, architecture, l, m)
        weighted_input_by_groups(
            panels, b, a_prev, z_l, spare, start, stop, first, end, a_prev.shape[1], 0, groups,
            groups,
        )  # fmt: skip
    else:
        weighted_input_packed(
            panels, b, a_prev, z_l, start, stop, first, end, ahead, soon, soon_at, pace
        )


@inline_jit
def in_one(
    panels, b, a_prev, z_l, start, stop, first, end, ahead, soon, soon_at, pace, architecture, l, m,
    workspace,
):  # fmt: skip
    """`packed_block` where there are no groups."""
    weighted_input_packed(
        panels, b, a_prev, z_l, start, stop, first, end, ahead, soon, soon_at, pace
    )


@inline_jit
def layer_forward(
    theta, architecture, l, a_prev, m, start, stop, first, end, worker, resident, soon, soon_at,
    pace, workspace,
):  # fmt: skip
    """z^l and, but for softmax, a^l of the units first .. end-1 for the examples start .. stop-1.

    Of a layer that `keeps_prime` z^l becomes sigma'(z^l), as `activation_rows` says.

    In blocks that are still in the cache when sigma is applied to them.  Meanwhile the tiles of the
    first units ask for numbers of `soon`, as `sums_tall` says, with `soon_at` for the example 0.
    """
    n_l = architecture.sizes[l]
    b = biases_of(theta, architecture, l)
    z_l = z_of(workspace, architecture, l, m)
    z, a = flat(z_l), flat(layer_of(workspace.a, architecture, l, m))
    code, address = architecture.activation[l], architecture.sigma[l]
    keeps = keeps_prime(architecture, l)
    packed = reads_panels(l, architecture, resident, workspace)
    panels = forward_panels(l, worker, workspace)
    K = a_prev.shape[1]
    wide, tall, high, ahead = end - first, stop - start, stop - start, 0
    if packed and wide * tall > BLOCK_NUMBERS:
        wide, tall, high = block(K, stop - start, item_bytes(theta))
        ahead = rows_ahead(K, high)
    for t_high in range(start, stop, high):
        t_stop = min(stop, t_high + high)
        for p in range(first, end, wide):
            columns = min(wide, end - p)
            for t in range(t_high, t_stop, tall):
                count = min(tall, t_stop - t)
                if packed:
                    asks = pace if p == first else 0
                    at = soon_at + t * K * pace
                    packed_block(
                        panels, b, a_prev, z_l, t, t + count, p, p + columns, ahead, soon, at, asks,
                        architecture, l, m, workspace,
                    )  # fmt: skip
                else:
                    w = weights_of(theta, architecture, l)
                    weighted_input_dots(w, b, a_prev, z_l, t, t + count, p, p + columns)
                if code == SOFTMAX:
                    continue
                if columns == n_l:
                    activation_rows(code, address, z, a, t * n_l, 1, count * n_l, 0, keeps)
                else:
                    activation_rows(code, address, z, a, t * n_l + p, count, columns, n_l, keeps)


@inline_jit
def layer_backward(
    theta, architecture, l, m, start, stop, first, end, key, drops, worker, resident, turned,
    workspace,
):  # fmt: skip
    """delta^{l-1} from delta^l: units first .. end-1, examples start .. stop-1 of a batch of m.

    Where w^l is in the panels of the forward pass alone, those columns of it that a panel of units
    reads are transposed into scratch; `turned` is the panel that is there already, -1 for none.
    Returned is which one is there now.
    """
    n_l, n = architecture.sizes[l], architecture.sizes[l - 1]
    delta_next = layer_of(workspace.delta, architecture, l, m)
    out = layer_of(workspace.delta, architecture, l - 1, m)
    delta = flat(out)
    z = flat(z_of(workspace, architecture, l - 1, m))
    code, address = architecture.activation[l - 1], architecture.sigma_prime[l - 1]
    rate = architecture.dropout[l - 1]
    thinned = drops and rate > 0.0
    w, w_row, w_panel = flat(weights_of(theta, architecture, l)), n, 1
    wide, tall = end - first, stop - start
    if workspace.backward_start[l] >= 0:
        w = panels_at(workspace, workspace.backward_start[l])
        w_row, w_panel = panel_width(item_bytes(theta)), n_l
    high, ahead = tall, 0
    turns = in_forward_panels(l, architecture, resident, workspace)
    if turns or wide * tall > BLOCK_NUMBERS:
        wide, tall, high = block(n_l, stop - start, item_bytes(theta))
        ahead = rows_ahead(n_l, high)
    if turns:
        w, w_row, w_panel, ahead = own_at(workspace, worker, 0), wide, 0, 0
    for t_high in range(start, stop, high):
        t_stop = min(stop, t_high + high)
        for p in range(first, end, wide):
            columns = min(wide, end - p)
            if turns and p != turned:
                unpack_transposed(
                    forward_panels(l, worker, workspace), n_l, n, 0, n_l, p, p + columns, w, 0, wide
                )
                turned = p
            for t in range(t_high, t_stop, tall):
                count = min(tall, t_stop - t)
                activation_gradient_block(
                    w, w_row, w_panel, delta_next, out, t, t + count, p, p + columns, ahead
                )
                if columns == n:
                    times_kept_prime_rows(code, address, z, delta, t * n, 1, count * n, 0)
                else:
                    times_kept_prime_rows(code, address, z, delta, t * n + p, count, columns, n)
    if thinned:
        dropout(rows(out, start, stop), stream_key(key, DROPOUT, l - 1), rate, start)
    return turned


@inline_jit
def outputs(architecture, y, m, start, stop, workspace):
    """`output_layer` in blocks that stay in the first-level cache."""
    tall = max(1, BLOCK_NUMBERS // architecture.sizes[layer_count(architecture)])
    for t in range(start, stop, tall):
        output_layer(architecture, y, m, t, min(stop, t + tall), workspace)


@inline_jit
def output_layer(architecture, y, m, start, stop, workspace):
    """Softmax, losses and delta^L of the examples start .. stop-1."""
    last = layer_count(architecture)
    loss, output = architecture.loss, architecture.activation[last]
    if loss == CROSS_ENTROPY and output == SOFTMAX:
        softmax_output_layer(architecture, y, m, start, stop, workspace)
        return
    z = rows(layer_of(workspace.z, architecture, last, m), start, stop)
    a = rows(layer_of(workspace.a, architecture, last, m), start, stop)
    delta = rows(layer_of(workspace.delta, architecture, last, m), start, stop)
    y_part, s = rows(y, start, stop), vector(workspace.weight, start, stop - start)
    losses = vector(workspace.losses, start, stop - start)
    if output == SOFTMAX:
        activation(output, 0, z, a)
    example_losses(loss, output, z, a, y_part, s, losses)
    output_delta(loss, output, architecture.sigma_prime[last], z, a, y_part, s, delta)


@inline_jit
def softmax_output_layer(architecture, y, m, start, stop, workspace):
    """`output_layer` of softmax with cross_entropy, all that most networks need compiled."""
    last = layer_count(architecture)
    softmax_cross_entropy(
        rows(layer_of(workspace.z, architecture, last, m), start, stop), rows(y, start, stop),
        vector(workspace.weight, start, stop - start),
        rows(layer_of(workspace.a, architecture, last, m), start, stop),
        rows(layer_of(workspace.delta, architecture, last, m), start, stop),
        vector(workspace.losses, start, stop - start),
    )  # fmt: skip
