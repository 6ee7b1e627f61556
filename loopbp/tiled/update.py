"""The sums over all examples, and the update of what they are for while it is in the cache."""

from loopbp.catalogue import WEIGHTS_APART
from loopbp.jit.decorators import inline_jit, inner_jit
from loopbp.losses import penalty
from loopbp.machine.memory import item_bytes
from loopbp.machine.pieces import WHOLE, next_part, panel_part, part
from loopbp.machine.views import flat, matrix, rows, vector
from loopbp.optimizers import update_part
from loopbp.parameters import biases_of, layer_count, layer_of, weights_of
from loopbp.passes import add_penalty_gradient
from loopbp.tiled.panels import panel_row, panel_width, panels_size
from loopbp.tiled.sums import bias_sums, weight_sums
from loopbp.tiled.workspace import (
    PARAMETERS,
    ROW_BLOCK,
    STATE_ROWS,
    forward_panels,
    in_forward_panels,
    is_resident,
    own_at,
    pack_rows,
    panels_at,
)

# Multiply-adds that a thread begins at a time at least: of units, and of sums over examples, where
# each beginning copies a^{l-1} into panels anew.
UNITS_PIECE, SUMS_PIECE = 5e5, 5e6


@inline_jit
def phase_of(kind, l, architecture):
    """The number of the FORWARD, BACKWARD or PARAMETERS phase of layer l."""
    return kind * (layer_count(architecture) + 1) + l


@inline_jit
def least_part(piece, work):
    """What `piece` multiply-adds are of so much work, of WHOLE."""
    return max(1, min(WHOLE, int(WHOLE * (piece / work))))


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
    not.
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
    if end - first == n and settings.rule not in WEIGHTS_APART:  # the biases lie behind the weights
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
