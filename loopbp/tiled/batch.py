"""The examples of a batch, side by side."""

from loopbp.jit.decorators import inline_jit, inner_jit
from loopbp.machine.views import flat, rows
from loopbp.tiled.panels import copy


@inner_jit
def gather_rows(source, order, at, start, stop, out):
    """out_t = source_k for k = order[at + t], t = start .. stop-1."""
    columns = source.shape[1]
    s, o = flat(source), flat(out)
    for t in range(start, stop):
        copy(s, order[at + t] * columns, o, t * columns, columns)


@inline_jit
def batch_of(X, Y, weight, start, count, scale, shuffled, workspace):
    """x and y of `count` examples, from `start` on in the epoch's order, and their weights.

    The weights, times `scale`, go to the workspace, and x and y if the order is not that of X.
    """
    x, y, order = rows(X, start, start + count), rows(Y, start, start + count), workspace.order
    if shuffled:
        x, y = rows(workspace.x, 0, count), rows(workspace.y, 0, count)
        gather_rows(X, order, start, 0, count, x)
        gather_rows(Y, order, start, 0, count, y)
    for t in range(count):
        workspace.weight[t] = scale * weight[order[start + t]]
    return x, y
