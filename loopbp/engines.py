"""The engines: the same functions, bound to the same passes, under one name each.

==========  =====================================================================================
numpy       `loopbp.reference`: vectorised, uncompiled, the truth that the others are held against
loops       `loopbp.loops`: the literal loops
tiled       `loopbp.tiled`: the same sums in tiles and panels, and `loopbp.tiled_training`: what
            `fit` uses
==========  =====================================================================================

A compiled engine exists twice, serial and parallel, from the same source.  `pick` chooses by the
work of one step alone, never by the number of threads, so that a seed gives the same bits for any.

The tiled engine has four ways through an epoch, and `pick_training` chooses by shape and optimizer:

==================================  ==============================================================
`loopbp.small`                      a register for each unit: some ten units, at most 16 examples
`loopbp.split`                      shares of the first hidden units: most of the work in the
                                    first two layers
`loopbp.tiled_training.epoch`       a team of threads shares out examples, units and rows
`tiled_training.epoch_alone`        one thread: little work, or shapes that `split` does not suit
==================================  ==============================================================
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from types import ModuleType, SimpleNamespace
from typing import Any

from numba import get_num_threads

from loopbp import (
    lanes,
    loops,
    optimizers,
    parameters,
    passes,
    reference,
    rng,
    shares,
    small,
    split,
    team,
    tiled,
    tiled_training,
    tiled_workspace,
)  # fmt: skip
from loopbp._jit import (
    config,
    inline_jit,
    inner_jit,
    jit,
    plain,
    specialise,
    sum_jit,
    threading_layer,
    threads_jit,
)
from loopbp.activations import SOFTMAX
from loopbp.cores import usable_cores
from loopbp.losses import CROSS_ENTROPY

# The functions that every engine defines, in the order of their first use.
KERNELS = (
    "weighted_input", "activation", "example_losses", "output_delta", "hidden_delta",
    "activation_gradient", "delta_from_da", "weight_gradient", "bias_gradient",
)  # fmt: skip
_PASSES = ("make_workspace", "make_state", "forward", "cost", "backward", "epoch")


@dataclass(frozen=True)
class Engine:
    """One engine: its kernels and the passes bound to them."""

    name: str
    kernels: SimpleNamespace
    make_workspace: Callable[..., Any]
    make_state: Callable[..., Any]
    forward: Callable[..., Any]
    cost: Callable[..., Any]
    backward: Callable[..., Any]
    epoch: Callable[..., Any]


def _kernels(module: ModuleType) -> dict[str, Any]:
    return {name: getattr(module, name) for name in KERNELS}


def _engine(name: str, kernels: dict[str, Any], bound: SimpleNamespace) -> Engine:
    return Engine(name, SimpleNamespace(**kernels), **{p: getattr(bound, p) for p in _PASSES})


@cache
def numpy_engine() -> Engine:
    """The reference, uncompiled."""
    twins = {
        name: getattr(reference, name)
        for name in (
            *KERNELS, "penalty", "add_penalty_gradient", "gather", "sgd", "momentum", "rmsprop",
            "adam", "decay", "clip_by_norm", "shuffle", "dropout",
        )
    }  # fmt: skip
    sources = [
        rng.mix, rng.random_bits, rng.stream_key, rng.order_examples, parameters.layer_count,
        parameters.unit_count,
        parameters.weights_of, parameters.biases_of, parameters.layer_of, optimizers.state_rows,
        optimizers.state_part,
        optimizers.update_part,
        optimizers.update, *(getattr(passes, name) for name in _PASSES),
    ]  # fmt: skip
    return _engine("numpy", _kernels(reference), specialise(sources, "numpy", twins, plain))


@cache
def loops_engine(parallel: bool) -> Engine:
    """The literal loops, their `prange` over threads or not."""
    name = "parallel" if parallel else "serial"
    kernels = _kernels(loops)
    if not parallel:
        kernels = vars(specialise(kernels.values(), name, {}, sum_jit))
    sources = [getattr(passes, p) for p in _PASSES]
    bound = specialise(sources, f"loops_{name}", kernels, threads_jit if parallel else jit)
    return _engine("loops", kernels, bound)


def all_engines() -> list[Engine]:
    """Every engine there is; making them compiles nothing."""
    both = (False, True)
    for count in small.LANES:
        small_engine(count)
    for parallel, with_softmax in product(both, both):
        split_engine(with_softmax)
        tiled_engine(parallel, with_softmax)
    return [numpy_engine(), *map(loops_engine, both), *map(tiled_engine, both)]


@cache
def small_engine(batch_size: int) -> Engine:
    """The tiled engine with the epoch of `loopbp.small`, for the networks that it `suits`."""
    return replace(tiled_engine(False), epoch=small.epoch_of(batch_size))


@cache
def _workspace_makers() -> SimpleNamespace:
    """What makes workspaces, uncompiled: a second saved for what runs once a training."""
    sources = [
        lanes.width, lanes.in_lines, lanes.aligned, tiled.panel_width, tiled.panel_row,
        tiled.panels_size, tiled.strip_row, tiled.scratch_size, tiled.far,
        tiled.by_dots, tiled.panels_wait, parameters.layer_count, parameters.unit_count,
        team.team_words, tiled_workspace.by_units, tiled_workspace.delta_by_units,
        tiled_workspace.turns_panels, tiled_workspace.team_workspace,
        tiled_workspace.make_workspace, shares.with_state,
    ]  # fmt: skip
    return specialise(sources, "plain", {}, plain)


def split_engine(with_softmax: bool = False) -> Engine:
    """The tiled engine with the epoch of `loopbp.split`, for the networks that it `suits`."""
    return _split_engine(with_softmax)


@cache
def _split_engine(with_softmax: bool) -> Engine:
    name, inner = _outputs(with_softmax)
    works = specialise([split.work], name, vars(inner), inner_jit)
    bound = specialise([split.epoch], name, vars(works), threads_jit)
    return replace(tiled_engine(False), make_workspace=_split_workspace, epoch=bound.epoch)


@cache
def _outputs(with_softmax: bool) -> tuple[str, SimpleNamespace]:
    """What goes through the output layer, any or that of softmax with cross_entropy alone.

    The other losses take 1.5 s of 15 to compile.
    """
    name = "softmax" if with_softmax else "any_output"
    layer = {"output_layer": tiled_training.softmax_output_layer} if with_softmax else {}
    return name, specialise([tiled_training.outputs], name, layer, inline_jit)


def is_softmax(architecture: Any) -> bool:
    """Whether the output is softmax with cross_entropy."""
    pair = int(architecture.activation[-1]), int(architecture.loss)
    return pair == (SOFTMAX, CROSS_ENTROPY)


def _threads() -> int:
    """How many threads an epoch may start: no more than there are CPUs for, who would only wait.

    One in a child of a process that has started some: GNU's OpenMP ends such a child when it
    starts threads.  The bits are the same.
    """
    if config.DISABLE_JIT or _FORKED["after threads"]:
        return 1
    threads = min(get_num_threads(), usable_cores())
    _FORKED["has threads"] |= threads > 1
    return threads


_FORKED = {"has threads": False, "after threads": False}


def _note_fork() -> None:
    _FORKED["after threads"] = _FORKED["has threads"] and threading_layer() == "omp"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def _split_workspace(theta: Any, architecture: Any, examples: int, batch_size: int) -> Any:
    makers = _workspace_makers()
    return split.split_workspace(makers, theta, architecture, examples, batch_size, _threads())


def _own_workspace(theta: Any, architecture: Any, examples: int, batch_size: int) -> Any:
    return _workspace_makers().make_workspace(theta, architecture, examples, batch_size)


def _team_workspace(
    theta: Any, architecture: Any, examples: int, batch_size: int, threads: int | None = None
) -> Any:
    make = _workspace_makers()
    threads = threads or _threads()
    own_x = make.by_units(architecture, 1, min(batch_size, examples))
    return make.team_workspace(theta, architecture, examples, batch_size, threads, own_x)


_ALONE = {
    **dict.fromkeys(("by_units", "delta_by_units"), tiled_training.no_layer),
    **dict.fromkeys(
        ("meet", "units_forward", "units_backward"),
        tiled_training.nothing,
    ),
}
# Only `loopbp.split` has the optimizer's state in panels.
_STATE_AS_IT_IS = {"input_state_pass": tiled_training.nothing}


@cache
def _tiled_passes() -> SimpleNamespace:
    sources = [getattr(passes, p) for p in ("make_state", "forward", "cost", "backward")]
    return specialise(sources, "tiled", _kernels(tiled), jit)


def tiled_engine(parallel: bool, with_softmax: bool = False) -> Engine:
    """The tiled sums; the step of `loopbp.tiled_training` with threads or without.

    ``with_softmax``: its epoch is for softmax with cross_entropy alone.
    """
    return _tiled_engine(parallel, with_softmax)


@cache
def _tiled_engine(parallel: bool, with_softmax: bool) -> Engine:
    name, inner = _outputs(with_softmax)
    bound = SimpleNamespace(**vars(_tiled_passes()))
    update = specialise([tiled_training.parameters_pass], name, _STATE_AS_IT_IS, inline_jit)
    inner = SimpleNamespace(**vars(inner), **vars(update))
    if parallel:
        work = specialise([tiled_training.work], name, vars(inner), inner_jit)
        bound.epoch = specialise([tiled_training.epoch], name, vars(work), threads_jit).epoch
        bound.make_workspace = _team_workspace
    else:
        name = f"alone_{name}"
        both = [tiled_training.forward_pass, tiled_training.backward_pass]
        bindings = vars(inner) | vars(specialise(both, name, _ALONE, inline_jit)) | _ALONE
        work = specialise([tiled_training.work], name, bindings, inner_jit)
        bound.epoch = specialise([tiled_training.epoch_alone], name, vars(work), jit).epoch_alone
        bound.make_workspace = _own_workspace
    return _engine("tiled", _kernels(tiled), bound)


ENGINES = ("auto", "numpy", "loops", "tiled")
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
        Out of ``ENGINES``; auto is tiled.
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
        Out of ``ENGINES``.
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
