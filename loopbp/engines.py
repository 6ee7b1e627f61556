"""The engines: the same functions, bound to the same passes, under one name each.

==========  =====================================================================================
numpy       `loopbp.reference`: vectorised, uncompiled, the truth that the others are held against
loops       `loopbp.loops`: the literal loops
tiled       `loopbp.tiled`: the same sums in tiles and panels; what `fit` uses
==========  =====================================================================================

A compiled engine exists twice, serial and parallel, from the same source.  `pick` chooses by the
work of one step alone, never by the number of threads, so that a seed gives the same bits for any.

The tiled engine has four ways through an epoch (`loopbp.tiled.epochs`), and `pick_training` chooses
by shape and optimizer.
"""

from typing import Any

from loopbp.binding import Engine, loops_engine, numpy_engine
from loopbp.jit.settings import threading_layer
from loopbp.tiled.engine import is_softmax, small_engine, split_engine, tiled_engine
from loopbp.tiled.epochs import by_first_units as split
from loopbp.tiled.epochs import in_registers as small

# Multiply-adds of one step from which threads pay.  The loops start them for each equation and
# layer: 1 to 2 microseconds with omp and tbb, 110 with workqueue.  The tiled engine starts them
# once an epoch, and then a step costs what moves between the cores (two cores, omp: 256-128-10 with
# 16 examples, 1.6e6, 18.3 us serial and 17.5 parallel; with 32 35.3 and 26.4; 784-30-10 with 10,
# 0.7e6, 10.6 and 22.2; workqueue: 64 x 6 with 64, 4e6, 59 and 66, 784-128-10 with 20, 61 and 65).
_PARALLEL_WORK = {
    "loops": {"omp": 1e6, "tbb": 1e6, "workqueue": 5e7},
    "tiled": {"omp": 2.5e6, "tbb": 2.5e6, "workqueue": 1e7},
}


def pick(name: str, parameters: int, batch_size: int) -> Engine:
    """The engine of a name, serial or parallel by the work of one step.

    Parameters
    ----------
    name
        Out of `loopbp.catalogue.ENGINES`; auto is tiled.
    parameters, batch_size
        Their product is the multiply-adds of a forward pass, a third of a step.

    Notes
    -----
    The choice must not depend on the number of threads: a serial and a parallel compile of the
    same loop may differ in the last bit.
    """
    if name == "numpy":
        return numpy_engine()
    if name == "loops":
        return loops_engine(_threads_pay(name, parameters, batch_size))
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
    if name in ("auto", "tiled"):
        if small.suits(architecture, settings, batch_size):
            return small_engine(batch_size)
        alone = not _threads_pay("tiled", theta.size, batch_size)
        if threading_layer() != "workqueue" and split.suits(
            architecture, settings, batch_size, theta.itemsize, alone
        ):
            return split_engine(is_softmax(architecture))
        return tiled_engine(not alone, is_softmax(architecture))
    return pick(name, theta.size, batch_size)
