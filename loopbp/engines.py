"""The engines: the same functions, bound to the same passes, under one name each.

==========  =====================================================================================
numpy       `loopbp.reference`: vectorised, uncompiled, the truth that the others are held against
loops       `loopbp.loops`: the literal loops
tiled       `loopbp.tiled`: the same sums in tiles and panels; what `fit` uses
==========  =====================================================================================

A compiled engine exists twice, serial and parallel, from the same source.  `pick` chooses by the
work of one step alone, never by the number of threads, so that a seed gives the same bits for any.

The tiled engine has four ways through an epoch (`loopbp.tiled.epochs`); `loopbp.tiled.choice` says
which is taken.
"""

from typing import Any

from loopbp.binding import Engine, loops_engine, numpy_engine
from loopbp.jit.mode import is_plain
from loopbp.jit.settings import threading_layer
from loopbp.tiled.choice import PARALLEL_WORK
from loopbp.tiled.engine import engine_for, tiled_engine

# Multiply-adds of one step from which threads pay.  The loops start them for each equation and
# layer, which workqueue does slowly.
_PARALLEL_WORK = {
    "loops": {"omp": 1e6, "tbb": 1e6, "workqueue": 5e7},
    "tiled": PARALLEL_WORK,
}


def pick(name: str, parameters: int, batch_size: int) -> Engine:
    """The engine of a name, serial or parallel by the work of one step.

    Parameters
    ----------
    name
        Out of `loopbp.catalogue.ENGINES`: auto is tiled, and tiled is loops in the plain mode
        of `loopbp.jit`.
    parameters, batch_size
        Their product is the multiply-adds of a forward pass, a third of a step.

    Notes
    -----
    The choice must not depend on the number of threads: a serial and a parallel compile of the
    same loop may differ in the last bit.
    """
    if name == "numpy":
        return numpy_engine()
    if name == "loops" or is_plain():
        return loops_engine(_threads_pay("loops", parameters, batch_size))
    return tiled_engine(_threads_pay("tiled", parameters, batch_size))


def _threads_pay(kind: str, parameters: int, batch_size: int) -> bool:
    return 3 * parameters * batch_size > _PARALLEL_WORK[kind][threading_layer()]


def pick_training(
    name: str, theta: Any, architecture: Any, settings: Any, batch_size: int
) -> Engine:
    """The engine of a name for whole epochs: `pick`, or another epoch of tiled that is faster.

    Parameters
    ----------
    name
        Out of `loopbp.catalogue.ENGINES`.
    theta, architecture, settings, batch_size
        What is trained, by which optimizer's settings.
    """
    if name in ("auto", "tiled") and not is_plain():
        return engine_for(architecture, settings, batch_size, theta.itemsize)
    return pick(name, theta.size, batch_size)
