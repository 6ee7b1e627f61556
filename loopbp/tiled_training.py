"""The training step of the tiled engine: what each of a team of threads does in an epoch.

    forward      z^l and a^l layer after layer (`forward_pass`)
    outputs      softmax, losses and delta^L
    backward     delta^l (`backward_pass`)
    parameters   the sums over all examples for its own rows of w^l, their update while they are
                 in the cache, and the copies that the next step reads (`parameters_pass`)

A layer is shared out by examples, or, where it has many weights, by units (`by_units`).
Between them the threads meet (`loopbp.team`).  Each owns what it writes, and begins with the same
units and rows in every step, so that it reads mostly what it has written itself; who is done takes
pieces from a slower one.  Of lines that two cores take turns at, one takes 5 to 18 ns (Xeons), or 1
to 2 to read and 7 to write (EPYC, 33 where the cores are far apart); 64 bytes are 0.2 ns of
multiply-adds.
Shares do not change how a number is computed, so a seed gives the same bits for any number of
threads.

With plain SGD, w^1 and what is shared out by units live in the panels that the forward pass reads,
and are written back to theta at the end of the epoch: no delta is taken back through w^1, and of
the others the backward pass transposes what it reads.  Where the workspace has room for the
optimizer's state in panels (`loopbp.split`), w^1 does so with any.
"""

from typing import Any

import numpy as np

from loopbp._jit import inline_jit, inner_jit, jit
from loopbp.activations import SOFTMAX
from loopbp.lanes import item_bytes
from loopbp.losses import CROSS_ENTROPY, penalty
from loopbp.optimizers import RULE_ADAMW, RULE_SGD, clip_by_norm, update_part
from loopbp.parameters import biases_of, layer_count, layer_of, weights_of
from loopbp.passes import add_penalty_gradient
from loopbp.rng import DROPOUT, dropout, order_examples, stream_key
from loopbp.subnormals import flush_subnormals, restore_subnormals
from loopbp.team import (
    WHOLE,
    meet,
    next_part,
    panel_part,
    part,
    run_team,
    share,
)
from loopbp.tiled import (
    TILE_ROWS,
    activation,
    activation_gradient_block,
    activation_rows,
    bias_sums,
    copy,
    example_losses,
    output_delta,
    panel_row,
    panel_width,
    panels_size,
    softmax_cross_entropy,
    times_kept_prime_rows,
    unpack_transposed,
    weight_sums,
    weighted_input_dots,
    weighted_input_packed,
)
from loopbp.tiled_workspace import (
    BACKWARD,
    FORWARD,
    PARAMETERS,
    ROW_BLOCK,
    STATE_ROWS,
    by_units,
    delta_by_units,
    forward_panels,
    in_forward_panels,
    is_resident,
    own_at,
    pack_own,
    pack_rows,
    panels_at,
    reads_panels,
    row_share,
    unpack_rows,
    z_of,
)
from loopbp.views import borrow, flat, matrix, rows, vector

Array = np.ndarray[Any, Any]

# Numbers of z up to which a layer is one block; else a block is a panel of units by BLOCK_ROWS
# examples, which are in the first-level cache when sigma is applied, and the examples of a
# sweep over all panels have about HIGH_BYTES of a^{l-1}.  They come from the third-level cache, in
# order, which costs less than another sweep (float64, 1024 inputs, 512 examples, half of 1024
# units: 7.1 ms in one sweep, 7.4 in three of what the second level holds).
BLOCK_NUMBERS, BLOCK_ROWS, HIGH_BYTES = 4_096, 96, 1 << 22
# Multiply-adds that a thread begins at a time at least: of units, and of sums over examples, where
# each beginning copies a^{l-1} into panels anew.  Two cores of a Xeon that others used, against
# parts whose bounds followed the speed of each core from step to step: 1024 x 5 with 512 examples,
# 0.92 to 0.99 of the time, in float64 0.86 to 0.91; 784-512-512-10 with 128, 0.98 to 1.01; parts
# that nobody takes from, 1.01 to 1.04.
UNITS_PIECE, SUMS_PIECE = 5e5, 5e6


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
    """How many numbers of a^{l-1} layer l asks for with each that it reads: x is new in each step.

    64 units of 784 inputs, 128 examples, take 127 us without it, 89 with it.
    """
    return 1 if l == 1 else 0


@inline_jit
def layer_forward(
    theta, architecture, l, a_prev, m, start, stop, first, end, worker, resident, soon, soon_at,
    pace, workspace,
):  # fmt: skip
    """z^l and, but for softmax, a^l of the units first .. end-1 for the examples start .. stop-1.

    Of a hidden layer z^l becomes sigma'(z^l), as `activation_rows` says.

    In blocks that are still in the cache when sigma is applied to them.  Meanwhile the tiles of the
    first units ask for numbers of `soon`, as `sums_tall` says, with `soon_at` for the example 0.
    """
    n_l = architecture.sizes[l]
    b = biases_of(theta, architecture, l)
    z_l = z_of(workspace, architecture, l, m)
    z, a = flat(z_l), flat(layer_of(workspace.a, architecture, l, m))
    code, address = architecture.activation[l], architecture.sigma[l]
    keeps = l < layer_count(architecture)
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
                    weighted_input_packed(
                        panels, b, a_prev, z_l, t, t + count, p, p + columns, ahead, soon, at, asks
                    )
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
def phase_of(kind, l, architecture):
    """The number of the FORWARD, BACKWARD or PARAMETERS phase of layer l."""
    return kind * (layer_count(architecture) + 1) + l


@inline_jit
def least_part(piece, work):
    """What `piece` multiply-adds are of so much work, of WHOLE."""
    return max(1, min(WHOLE, int(WHOLE * (piece / work))))


@inline_jit
def panel_of_part(m, n, p, itemsize, begin, end):
    """For which examples a part has the units of the panel at p, and where that ends."""
    wide = panel_width(itemsize)
    start = panel_part(m, n, p, wide, ROW_BLOCK, begin)
    stop = panel_part(m, n, p, wide, ROW_BLOCK, end)
    return start, stop, min(n, p + wide)


@inner_jit
def units_forward(theta, architecture, l, a_prev, m, step, worker, workers, resident, workspace):
    """z^l and a^l of units, as long as there are any that nobody has begun."""
    n, phase = architecture.sizes[l], phase_of(FORWARD, l, architecture)
    least = least_part(UNITS_PIECE, m * n * a_prev.shape[1])
    begin, end = next_part(workspace.words, phase, step, least, 0, worker, workers)
    while begin < end:
        p = 0
        while p < n:
            start, stop, p_end = panel_of_part(m, n, p, item_bytes(theta), begin, end)
            if start < stop:
                layer_forward(
                    theta, architecture, l, a_prev, m, start, stop, p, p_end, worker, resident,
                    flat(a_prev), 0, input_pace(l), workspace,
                )  # fmt: skip
            p = p_end
        begin, end = next_part(workspace.words, phase, step, least, end, worker, workers)


@inner_jit
def units_backward(
    theta, architecture, l, m, step, key, drops, worker, workers, resident, workspace
):
    """delta^{l-1} of units, as `units_forward`."""
    n, phase = architecture.sizes[l - 1], phase_of(BACKWARD, l, architecture)
    least = least_part(UNITS_PIECE, m * n * architecture.sizes[l])
    begin, end = next_part(workspace.words, phase, step, least, 0, worker, workers)
    turned = -1
    while begin < end:
        p = 0
        while p < n:
            start, stop, p_end = panel_of_part(m, n, p, item_bytes(theta), begin, end)
            if start < stop:
                turned = layer_backward(
                    theta, architecture, l, m, start, stop, p, p_end, key, drops, worker, resident,
                    turned, workspace,
                )  # fmt: skip
            p = p_end
        begin, end = next_part(workspace.words, phase, step, least, end, worker, workers)


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
def forward_pass(
    theta, architecture, x, m, most, start, stop, step, key, drops, worker, workers, resident,
    workspace,
):  # fmt: skip
    """a^1 .. a^L of a batch of m, in a training with batches of `most`.

    A thread computes its own units, or its own examples start .. stop-1.
    """
    a_prev, seen = x, True  # whether every thread sees all of a_prev
    for l in range(1, layer_count(architecture) + 1):
        a_l = layer_of(workspace.a, architecture, l, m)
        if by_units(architecture, l, most):
            if not seen:
                meet(workspace.words, worker, workers)
            units_forward(
                theta, architecture, l, a_prev, m, step, worker, workers, resident, workspace
            )
            meet(workspace.words, worker, workers)
            seen = True
        else:
            if start < stop:
                layer_forward(
                    theta, architecture, l, a_prev, m, start, stop, 0, architecture.sizes[l],
                    worker, resident, flat(a_prev), 0, input_pace(l), workspace,
                )  # fmt: skip
                if drops and architecture.dropout[l] > 0.0:
                    rate = architecture.dropout[l]
                    dropout(rows(a_l, start, stop), stream_key(key, DROPOUT, l), rate, start)
            seen = False
        a_prev = a_l


@inline_jit
def backward_pass(
    theta, architecture, m, most, start, stop, step, key, drops, worker, workers, resident,
    workspace,
):  # fmt: skip
    """delta^{L-1} .. delta^1 from delta^L, as `forward_pass`; at its end every thread sees them."""
    seen = False
    for l in range(layer_count(architecture), 1, -1):
        if delta_by_units(architecture, l, most):
            if not seen:
                meet(workspace.words, worker, workers)
            units_backward(
                theta, architecture, l, m, step, key, drops, worker, workers, resident, workspace
            )
            meet(workspace.words, worker, workers)
            seen = True
        else:
            if start < stop:
                n = architecture.sizes[l - 1]
                layer_backward(
                    theta, architecture, l, m, start, stop, 0, n, key, drops, worker, resident, -1,
                    workspace,
                )  # fmt: skip
            seen = False
    if not seen:
        meet(workspace.words, worker, workers)


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


@inline_jit
def panel_weights_pass(a_prev, delta, m, begin_at, end_at, alpha, keep, w, b, scratch):
    """SGD for one thread's part of w^l in the forward panels `w`, and of b^l."""
    K, n = a_prev.shape[1], delta.shape[1]
    wide, row = panel_width(item_bytes(delta)), panel_row(n, item_bytes(delta))
    one = delta.dtype.type(1.0)
    p = 0
    while p < n:
        start = panel_part(K, n, p, wide, ROW_BLOCK, begin_at)
        stop = panel_part(K, n, p, wide, ROW_BLOCK, end_at)
        end = min(n, p + wide)
        whole = start == 0 and stop == K
        # panels that are all its own go together
        while whole and end < n and panel_part(K, n, end, wide, ROW_BLOCK, end_at) == K:
            end = min(n, end + wide)
        if start < stop:
            weight_sums(
                a_prev, delta, start, stop, p, end, alpha, keep, w, row, K, scratch, False, w
            )
            if start == 0:
                bias_sums(delta, p, end, alpha, one, b)
        p = end


@inline_jit
def input_state_pass(
    theta, architecture, x, delta, settings, learning_rate, step, state, w, scratch, workspace
):  # fmt: skip
    """Any optimizer's step for w^1 and its state in panels, and for b^1, by one thread.

    The gradient of STATE_ROWS rows of a panel at a time is there, and gone with the next.  x is
    read number by number and not by registers, so it need not lie on cache lines, as a user's does
    not (32 units of 784 inputs, 128 examples: 53 us for the sums of w^1 as it is, 41 so).
    """
    m, K = x.shape
    n = delta.shape[1]
    mean, zero = theta.dtype.type(1.0 / m), theta.dtype.type(0.0)
    wide, row = panel_width(item_bytes(theta)), panel_row(n, item_bytes(theta))
    size, start = panels_size(n, K, item_bytes(theta)), workspace.state_start
    kept = matrix(workspace.panels, start, state.shape[0], size)
    for p in range(0, n, wide):
        end = min(n, p + wide)
        for k in range(0, K, STATE_ROWS):
            at, count = p * K + k * row, min(STATE_ROWS, K - k) * row
            # so placed that the same index is good for all
            gradient = vector(workspace.panels, start + 2 * size - at, at + count)
            if end - p < row:
                for q in range(at, at + count):  # what fills up the panel stays zero
                    gradient[q] = zero
            weight_sums(
                x, delta, k, min(K, k + STATE_ROWS), p, end, mean, zero, gradient, row, K, scratch,
                False, gradient,
            )  # fmt: skip
            if architecture.l2 > 0.0:
                add_penalty_gradient(
                    matrix(w, at, 1, count), architecture.l2, matrix(gradient, at, 1, count)
                )
            update_part(settings, learning_rate, step, w, gradient, kept, at, at + count, True)
    db, b = biases_of(workspace.gradient, architecture, 1), architecture.b_start[1]
    bias_sums(delta, 0, n, mean, zero, db)
    update_part(settings, learning_rate, step, theta, workspace.gradient, state, b, b + n, False)


@inline_jit
def parameters_pass(
    theta, architecture, upto, x, m, worker, workers, settings, learning_rate, step, state,
    resident, workspace,
):  # fmt: skip
    """Gradient, update and panels of rows of w^l and b^l, l = 1 .. upto, as `units_forward`.

    Plain SGD without clipping keeps no gradient: the sums are added to the weights themselves.
    """
    a_prev = x
    for l in range(1, upto + 1):
        n, K = architecture.sizes[l], architecture.sizes[l - 1]
        phase = phase_of(PARAMETERS, l, architecture)
        # Nobody waits before the last layer.
        least = WHOLE if l < upto else least_part(SUMS_PIECE, m * n * K)
        begin, end = next_part(workspace.words, phase, step, least, 0, worker, workers)
        while begin < end:
            layer_parameters(
                theta, architecture, l, a_prev, m, begin, end, worker, settings, learning_rate,
                step, state, resident, workspace,
            )  # fmt: skip
            begin, end = next_part(workspace.words, phase, step, least, end, worker, workers)
        a_prev = layer_of(workspace.a, architecture, l, m)


@inline_jit
def layer_parameters(
    theta, architecture, l, a_prev, m, begin, end, worker, settings, learning_rate, step, state,
    resident, workspace,
):  # fmt: skip
    """`parameters_pass` for the part begin .. end, of WHOLE, of layer l."""
    n, K = architecture.sizes[l], architecture.sizes[l - 1]
    scratch = own_at(workspace, worker, 0)
    wide = panel_width(item_bytes(theta))
    one, zero = theta.dtype.type(1.0), theta.dtype.type(0.0)
    alpha = theta.dtype.type(-learning_rate / m)
    keep = theta.dtype.type(1.0 - learning_rate * architecture.l2)
    delta = layer_of(workspace.delta, architecture, l, m)
    w, b = weights_of(theta, architecture, l), biases_of(theta, architecture, l)
    if in_forward_panels(l, architecture, resident, workspace):
        panels = panels_at(workspace, workspace.forward_start[l])
        if resident:
            panel_weights_pass(a_prev, delta, m, begin, end, alpha, keep, panels, b, scratch)
        else:
            input_state_pass(
                theta, architecture, a_prev, delta, settings, learning_rate, step, state,
                panels, scratch, workspace,
            )  # fmt: skip
        return
    start, stop = part(n, ROW_BLOCK, begin), part(n, ROW_BLOCK, end)
    if start == stop:
        return
    if resident:
        home, w_row, w_panel = flat(w), K, 1
        if workspace.backward_start[l] >= 0:
            home = panels_at(workspace, workspace.backward_start[l])
            w_row, w_panel = wide, n
        copies = workspace.forward_start[l] >= 0 and not workspace.is_own[l]
        weight_sums(
            delta, a_prev, start, stop, 0, K, alpha, keep, home, w_row, w_panel, scratch,
            copies, forward_panels(l, worker, workspace),
        )  # fmt: skip
        bias_sums(delta, start, stop, alpha, one, b)
        return
    dw = weights_of(workspace.gradient, architecture, l)
    db = biases_of(workspace.gradient, architecture, l)
    mean = theta.dtype.type(1.0 / m)
    weight_sums(
        delta, a_prev, start, stop, 0, K, mean, zero, flat(dw), K, 1, scratch, False, flat(dw)
    )
    bias_sums(delta, start, stop, mean, zero, db)
    if architecture.l2 > 0.0:
        add_penalty_gradient(rows(w, start, stop), architecture.l2, rows(dw, start, stop))
    if settings.clip_norm <= 0.0:
        update_rows(
            theta, architecture, l, start, stop, workspace, settings, learning_rate, step, state
        )


@inline_jit
def update_rows(
    theta, architecture, l, first, end, workspace, settings, learning_rate, step, state
):
    """The optimizer's rule and the panels for the rows first .. end-1 of layer l."""
    n, n_prev = architecture.sizes[l], architecture.sizes[l - 1]
    w, b = architecture.w_start[l], architecture.b_start[l]
    start, stop = w + first * n_prev, w + end * n_prev
    if end - first == n and settings.rule != RULE_ADAMW:  # the biases lie behind the weights
        stop = b + n
    else:
        update_part(
            settings, learning_rate, step, theta, workspace.gradient, state, b + first, b + end,
            False,
        )  # fmt: skip
    update_part(settings, learning_rate, step, theta, workspace.gradient, state, start, stop, True)
    pack_rows(theta, architecture, l, first, end, False, workspace)


@inner_jit
def penalties(theta, architecture, upto, resident, workspace):
    """(lambda / 2) sum w**2 over the layers 1 .. upto, of the weights where they are."""
    total = 0.0
    for l in range(1, upto + 1):
        n, K = architecture.sizes[l], architecture.sizes[l - 1]
        w = weights_of(theta, architecture, l)
        if is_resident(l, architecture, resident, workspace):
            # what fills up the last panel is zero
            start, size = workspace.backward_start[l], panels_size(K, n, item_bytes(theta))
            if in_forward_panels(l, architecture, resident, workspace):
                start, size = workspace.forward_start[l], panels_size(n, K, item_bytes(theta))
            w = matrix(workspace.panels, start, 1, size)
        total += penalty(w, architecture.l2)
    return total


@inner_jit
def work(
    theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed, batch_size,
    shuffled, workspace, out_totals, worker, workers,
):  # fmt: skip
    """All steps of an epoch for one of a team of threads.

    The first gets the sum of J over the examples into `out_totals`.
    """
    mode = flush_subnormals()
    theta, state = borrow(theta), borrow(state)
    X, Y, weight = borrow(X), borrow(Y), borrow(weight)
    examples, n_0 = X.shape
    last = layer_count(architecture)
    words = workspace.words
    resident = settings.rule == RULE_SGD and settings.clip_norm == 0.0
    drops = False
    for l in range(1, last):
        drops = drops or architecture.dropout[l] > 0.0
    most = min(batch_size, examples)
    own_x = by_units(architecture, 1, most)  # every thread reads all of x
    for l in range(1, last + 1):
        start, stop = row_share(architecture.sizes[l], worker, workers)
        pack_rows(theta, architecture, l, start, stop, resident, workspace)
    meet(words, worker, workers)
    total = 0.0
    for at in range(0, examples, batch_size):
        m = min(batch_size, examples - at)
        step += 1
        key = stream_key(seed, DROPOUT, step)
        if architecture.l2 > 0.0 and worker == 0:
            total += m * penalties(theta, architecture, last, resident, workspace)
        start, stop = share(m, 1, worker, workers), share(m, 1, worker + 1, workers)
        x, y = rows(X, at, at + m), rows(Y, at, at + m)
        if shuffled:
            x, y = rows(workspace.x, 0, m), rows(workspace.y, 0, m)
            first, end = start, stop
            if own_x:  # a copy costs less than sharing one
                x = matrix(own_at(workspace, worker, workspace.own_start[1]), 0, m, n_0)
                first, end = 0, m
            gather_rows(X, workspace.order, at, first, end, x)
            gather_rows(Y, workspace.order, at, start, stop, y)
        for t in range(start, stop):
            workspace.weight[t] = weight[workspace.order[at + t]]
        if start < stop:
            pack_own(theta, architecture, worker, workspace)
        forward_pass(
            theta, architecture, x, m, most, start, stop, step, key, drops, worker, workers,
            resident, workspace,
        )  # fmt: skip
        if start < stop:
            outputs(architecture, y, m, start, stop, workspace)
        backward_pass(
            theta, architecture, m, most, start, stop, step, key, drops, worker, workers, resident,
            workspace,
        )  # fmt: skip
        if worker == 0:
            for t in range(m):
                total += workspace.losses[t]
        parameters_pass(
            theta, architecture, last, x, m, worker, workers, settings, learning_rate, step,
            state, resident, workspace,
        )  # fmt: skip
        if settings.clip_norm > 0.0:
            meet(words, worker, workers)
            if worker == 0:
                clip_by_norm(workspace.gradient, settings.clip_norm)
            meet(words, worker, workers)
            for l in range(1, last + 1):
                first, end = row_share(architecture.sizes[l], worker, workers)
                update_rows(
                    theta, architecture, l, first, end, workspace, settings, learning_rate, step,
                    state,
                )  # fmt: skip
        meet(words, worker, workers)
    for l in range(1, last + 1):
        if is_resident(l, architecture, resident, workspace):
            n = architecture.sizes[l]
            start, stop = row_share(n, worker, workers)
            unpack_rows(theta, architecture, l, start, stop, resident, workspace)
    out_totals[worker] = total
    restore_subnormals(mode)


@inner_jit
def gather_rows(source, order, at, start, stop, out):
    """out_t = source_k for k = order[at + t], t = start .. stop-1."""
    columns = source.shape[1]
    s, o = flat(source), flat(out)
    for t in range(start, stop):
        copy(s, order[at + t] * columns, o, t * columns, columns)


@inline_jit
def in_order(totals):
    """The sum, one after the other."""
    total = 0.0
    for k in range(totals.shape[0]):
        total += totals[k]
    return total


@jit
def epoch(
    theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed, number,
    batch_size, shuffled, workspace,
):  # fmt: skip
    """`loopbp.passes.epoch`, by as many threads as the workspace is for."""
    order_examples(workspace.order, shuffled, seed, number)
    threads = workspace.own.shape[0]
    totals = np.zeros(threads, np.float64)
    architecture, workspace = borrow(architecture), borrow(workspace)
    arguments = (
        theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed, batch_size,
        shuffled, workspace, totals,
    )  # fmt: skip
    run_team(work, workspace.words, threads, arguments)
    return in_order(totals) / X.shape[0]


@jit
def epoch_alone(
    theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed, number,
    batch_size, shuffled, workspace,
):  # fmt: skip
    """`loopbp.passes.epoch`, by one thread."""
    order_examples(workspace.order, shuffled, seed, number)
    totals = np.zeros(1, np.float64)
    architecture, workspace = borrow(architecture), borrow(workspace)
    work(
        theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed,
        batch_size, shuffled, workspace, totals, 0, 1,
    )  # fmt: skip
    return totals[0] / X.shape[0]


@inline_jit
def no_layer(architecture, l, m):
    """`by_units` where there is nobody to share with: that code need not be compiled."""
    return False


@inline_jit
def nothing(*arguments):
    """In place of what is done with, or for, other threads."""
