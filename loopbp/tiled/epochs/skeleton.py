"""The skeleton of an epoch: what every way through it by tiles has in common.

    begin_epoch    weights, and the optimizer's state, go where they are during the epoch
    one_step       gather, forward, outputs, backward, update, meet
    end_epoch      they come back

A way binds its own functions to these names (`loopbp.tiled.engine`), and to `threads_of`; here
stand those of a team.
"""

import numpy as np

from loopbp.catalogue import RULE_SGD
from loopbp.jit.decorators import inline_jit, inner_jit
from loopbp.machine.borrow import borrow
from loopbp.machine.subnormals import flush_subnormals, restore_subnormals
from loopbp.machine.team import run_team
from loopbp.parameters import for_batch, weight_of_batch
from loopbp.random.streams import DROPOUT, order_examples, stream_key
from loopbp.tiled.choice import drops_out
from loopbp.tiled.epochs.by_team import begin_epoch, end_epoch, one_step, threads_of


@inner_jit
def work(
    theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed, batch_size,
    shuffled, workspace, out_totals, worker, workers,
):  # fmt: skip
    """All steps of an epoch for one of a team of threads; J is added up in `out_totals`."""
    mode = flush_subnormals()
    theta, state, X, Y, weight = borrow(theta), borrow(state), borrow(X), borrow(Y), borrow(weight)
    out_totals = borrow(out_totals)
    resident = settings.rule == RULE_SGD and settings.clip_norm == 0.0
    drops, order = drops_out(architecture), workspace.order
    most = min(batch_size, X.shape[0])
    begin_epoch(theta, state, architecture, resident, workspace, worker, workers)
    for at in range(0, X.shape[0], batch_size):
        m = min(batch_size, X.shape[0] - at)
        step += 1
        key = stream_key(seed, DROPOUT, step)
        divisor = weight_of_batch(architecture, weight, order, at, m)
        net, scale = borrow(for_batch(architecture, divisor)), theta.dtype.type(m / divisor)
        one_step(
            theta, net, X, Y, weight, settings, learning_rate, state, step, key, at, m, most, scale,
            shuffled, drops, resident, workspace, out_totals, worker, workers,
        )  # fmt: skip
    end_epoch(theta, state, architecture, resident, workspace, worker, workers)
    restore_subnormals(mode)


@inline_jit
def in_order(totals):
    """The sum, one after the other."""
    total = 0.0
    for k in range(totals.shape[0]):
        total += totals[k]
    return total


@inner_jit
def epoch(
    theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed, number,
    batch_size, shuffled, workspace,
):  # fmt: skip
    """`loopbp.passes.epoch`, by as many threads as the workspace is for."""
    order_examples(workspace.order, shuffled, seed, number)
    threads, count = threads_of(architecture, X, settings, batch_size, workspace)
    totals = np.zeros(count, np.float64)
    architecture, workspace = borrow(architecture), borrow(workspace)
    arguments = (
        theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed, batch_size,
        shuffled, workspace, totals,
    )  # fmt: skip
    run_team(work, workspace.words, threads, arguments)
    return in_order(totals) / X.shape[0]


@inner_jit
def epoch_alone(
    theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed, number,
    batch_size, shuffled, workspace,
):  # fmt: skip
    """`epoch` by one thread: nothing that starts others need be compiled."""
    order_examples(workspace.order, shuffled, seed, number)
    threads_of(architecture, X, settings, batch_size, workspace)
    totals = np.zeros(1, np.float64)
    architecture, workspace = borrow(architecture), borrow(workspace)
    work(
        theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed, batch_size,
        shuffled, workspace, totals, 0, 1,
    )  # fmt: skip
    return totals[0] / X.shape[0]
