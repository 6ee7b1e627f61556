"""Epochs by a team of threads that share out examples, units and rows; or by one thread alone."""

from loopbp.jit.decorators import inline_jit, inner_jit
from loopbp.machine.memory import item_bytes
from loopbp.machine.pieces import next_part, panel_part, share
from loopbp.machine.team import meet
from loopbp.machine.views import flat, matrix, rows
from loopbp.optimizers import clip_by_norm
from loopbp.parameters import layer_count, layer_of
from loopbp.random.streams import DROPOUT, dropout, stream_key
from loopbp.tiled.batch import gather_rows
from loopbp.tiled.choice import unit_groups
from loopbp.tiled.layers import input_pace, layer_backward, layer_forward, outputs
from loopbp.tiled.panels import panel_width
from loopbp.tiled.update import (
    UNITS_PIECE,
    least_part,
    parameters_pass,
    penalties,
    phase_of,
    update_rows,
)
from loopbp.tiled.workspace import (
    BACKWARD,
    FORWARD,
    ROW_BLOCK,
    by_units,
    delta_by_units,
    is_resident,
    own_at,
    pack_own,
    pack_rows,
    row_share,
    unpack_rows,
)


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
def begin_epoch(theta, state, architecture, resident, workspace, worker, workers):
    """Weights go to panels, each thread's own rows."""
    for l in range(1, layer_count(architecture) + 1):
        start, stop = row_share(architecture.sizes[l], worker, workers)
        pack_rows(theta, architecture, l, start, stop, resident, workspace)
    meet(workspace.words, worker, workers)


@inline_jit
def batch_for(X, Y, weight, architecture, at, m, most, scale, shuffled, workspace, worker, workers):
    """x and y of a batch; what is gathered, each thread gathers for its own examples."""
    start, stop = share(m, 1, worker, workers), share(m, 1, worker + 1, workers)
    x, y = rows(X, at, at + m), rows(Y, at, at + m)
    if shuffled:
        x, y = rows(workspace.x, 0, m), rows(workspace.y, 0, m)
        first, end = start, stop
        if by_units(architecture, 1, most):  # every thread reads all of x: a copy costs less
            x = matrix(own_at(workspace, worker, workspace.own_start[1]), 0, m, X.shape[1])
            first, end = 0, m
        gather_rows(X, workspace.order, at, first, end, x)
        gather_rows(Y, workspace.order, at, start, stop, y)
    for t in range(start, stop):
        workspace.weight[t] = scale * weight[workspace.order[at + t]]
    return x, y


@inline_jit
def one_step(
    theta, architecture, X, Y, weight, settings, learning_rate, state, step, key, at, m, most,
    scale, shuffled, drops, resident, workspace, out_totals, worker, workers,
):  # fmt: skip
    """Gather, forward, outputs, backward, update, meet; the first thread adds up J."""
    last, words = layer_count(architecture), workspace.words
    start, stop = share(m, 1, worker, workers), share(m, 1, worker + 1, workers)
    if architecture.l2 > 0.0 and worker == 0:
        out_totals[0] += m * penalties(theta, architecture, last, resident, workspace)
    x, y = batch_for(
        X, Y, weight, architecture, at, m, most, scale, shuffled, workspace, worker, workers
    )
    if start < stop:
        pack_own(theta, architecture, worker, workspace)
    forward_pass(
        theta, architecture, x, m, most, start, stop, step, key, drops, worker, workers, resident,
        workspace,
    )  # fmt: skip
    if start < stop:
        outputs(architecture, y, m, start, stop, workspace)
    backward_pass(
        theta, architecture, m, most, start, stop, step, key, drops, worker, workers, resident,
        workspace,
    )  # fmt: skip
    if worker == 0:
        for t in range(m):
            out_totals[0] += workspace.losses[t]
    parameters_pass(
        theta, architecture, last, x, m, worker, workers, settings, learning_rate, step, state,
        resident, workspace,
    )  # fmt: skip
    if settings.clip_norm > 0.0:
        meet(words, worker, workers)
        if worker == 0:
            clip_by_norm(workspace.gradient, settings.clip_norm)
        meet(words, worker, workers)
        for l in range(1, last + 1):
            first, end = row_share(architecture.sizes[l], worker, workers)
            update_rows(
                theta, architecture, l, first, end, workspace, settings, learning_rate, step, state
            )
    meet(words, worker, workers)


@inline_jit
def end_epoch(theta, state, architecture, resident, workspace, worker, workers):
    """What is in panels alone goes back to theta."""
    for l in range(1, layer_count(architecture) + 1):
        if is_resident(l, architecture, resident, workspace):
            start, stop = row_share(architecture.sizes[l], worker, workers)
            unpack_rows(theta, architecture, l, start, stop, resident, workspace)


@inline_jit
def threads_of(architecture, X, settings, batch_size, workspace):
    """How many threads there are, and in how many numbers they add up J."""
    most = min(batch_size, X.shape[0])
    workspace.groups[0] = unit_groups(architecture, settings, most, item_bytes(X))
    threads = workspace.own.shape[0]
    return threads, threads


@inline_jit
def no_layer(architecture, l, m):
    """`by_units` where there is nobody to share with: that code need not be compiled."""
    return False


@inline_jit
def nothing(*arguments):
    """In place of what is done with, or for, other threads."""


@inline_jit
def one_group(architecture, settings, batch_size, itemsize):
    """`unit_groups` where it is known to be 1."""
    return 1
