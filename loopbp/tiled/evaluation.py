"""`loopbp.tiled.forward` called: outputs, activations and losses of checked arrays, on all threads.

Nothing here depends on the number of threads but the time: each row is computed in the same order
by whoever has it.
"""

from functools import cache
from threading import local
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp import parameters
from loopbp.jit.decorators import inner_jit, threads_jit
from loopbp.jit.settings import threading_layer
from loopbp.jit.sources import plain
from loopbp.jit.specialise import makes_kernels, specialise
from loopbp.machine import memory, team
from loopbp.machine.threads import usable_threads
from loopbp.parameters import Architecture
from loopbp.tiled import forward, panels, sums
from loopbp.tiled.engine import is_softmax

Array = NDArray[Any]

# Multiply-adds from which starting threads pays.
_WORK_OF_THREADS = {"omp": 5e5, "tbb": 5e5, "workqueue": 1e7}


@cache
def _workspaces() -> SimpleNamespace:
    """What makes workspaces, uncompiled: a second saved for what runs once a call."""
    sources = [
        memory.width, memory.in_lines, memory.aligned, panels.panel_width, panels.panel_row,
        panels.panels_size, sums.by_dots, parameters.layer_count, team.team_words,
        forward.block_rows, forward.forward_workspace,
    ]  # fmt: skip
    return specialise(sources, "plain", {}, plain)


@makes_kernels
def losses_of_softmax() -> Any:
    """`loopbp.tiled.forward.losses` for softmax with cross_entropy alone, as training compiles it.

    The other losses need not be compiled then.
    """
    block = {"block_losses": forward.block_losses_of_softmax}
    work = specialise([forward.losses_work], "softmax", block, inner_jit)
    return specialise([forward.losses], "softmax", vars(work), threads_jit).losses


class _Kept(local):
    """The last workspace for few rows of each Python thread: half the time of one row else."""

    architecture: Any = None
    facts: Any = None
    workspace: Any = None


_KEPT, _FEW_ROWS = _Kept(), 8


def _workspace(theta: Array, architecture: Architecture, m: int) -> tuple[Any, int, int]:
    """A workspace, how many blocks it makes of m rows, and for how many threads it is."""
    makers = _workspaces()
    block = makers.block_rows(architecture, m, theta.itemsize)
    blocks = -(-m // block)
    if theta.size * m >= _WORK_OF_THREADS[threading_layer()]:
        threads = min(usable_threads(), blocks)
        return makers.forward_workspace(theta, architecture, m, threads), blocks, threads
    if m > _FEW_ROWS:
        return makers.forward_workspace(theta, architecture, m, 1), blocks, 1
    if _KEPT.architecture is not architecture or _KEPT.facts != (m, theta.dtype):
        _KEPT.workspace = makers.forward_workspace(theta, architecture, m, 1)
        _KEPT.architecture, _KEPT.facts = architecture, (m, theta.dtype)
    _KEPT.workspace.words[:] = 0
    return _KEPT.workspace, blocks, 1


def outputs(
    theta: Array, architecture: Architecture, X: Array, every: Array | None = None
) -> tuple[Array, bool]:
    """a^L of the rows of X, and whether all numbers of X are finite.

    Parameters
    ----------
    theta, architecture, X
        C-ordered, of one dtype.
    every
        Overwritten by a^l of the hidden layers; see `loopbp.tiled.forward.outputs`.
    """
    m = len(X)
    workspace, blocks, threads = _workspace(theta, architecture, m)
    out = np.empty((m, architecture.sizes[-1]), theta.dtype)
    finite = np.empty(blocks, np.bool_)
    every = np.empty(0, theta.dtype) if every is None else every
    with np.errstate(all="ignore"):  # the caller sees what is not finite
        forward.outputs(theta, architecture, X, workspace, every, out, finite, threads)
    return out, bool(finite.all())


def losses(
    theta: Array, architecture: Architecture, X: Array, Y: Array, weight: Array, wants_outputs: bool
) -> tuple[float, Array, bool]:
    """J over the rows of X, a^L (or no rows of it), and whether all numbers of X are finite."""
    m = len(X)
    workspace, blocks, threads = _workspace(theta, architecture, m)
    out = np.empty((m if wants_outputs else 0, architecture.sizes[-1]), theta.dtype)
    finite, block_sums = np.empty(blocks, np.bool_), np.empty(blocks, np.float64)
    compiled = losses_of_softmax() if is_softmax(architecture) else forward.losses
    with np.errstate(all="ignore"):
        J = compiled(theta, architecture, X, Y, weight, workspace, out, finite, block_sums, threads)
    return float(J), out, bool(finite.all())
