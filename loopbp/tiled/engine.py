"""The tiled engine: its kernels bound to the ways through an epoch."""

from functools import cache
from types import SimpleNamespace
from typing import Any

from loopbp import parameters, passes
from loopbp.activations import SOFTMAX
from loopbp.binding import Engine, bind, kernels_of, one_of
from loopbp.jit.decorators import inline_jit, inner_jit, jit, threads_jit
from loopbp.jit.settings import threading_layer
from loopbp.jit.sources import plain
from loopbp.jit.specialise import makes_kernels, specialise
from loopbp.losses import CROSS_ENTROPY
from loopbp.machine import memory, team
from loopbp.machine.threads import usable_threads
from loopbp.tiled import choice, layers
from loopbp.tiled import kernels as tiled
from loopbp.tiled import panels as tiled_panels
from loopbp.tiled import sums as tiled_sums
from loopbp.tiled import update as tiled_update
from loopbp.tiled import workspace as tiled_workspace
from loopbp.tiled.epochs import (
    by_first_units,
    by_one_thread,
    by_team,
    in_registers,
    share_memory,
    skeleton,
)


@cache
def workspace_makers() -> SimpleNamespace:
    """What makes workspaces and chooses ways, uncompiled: a second saved for what runs once."""
    sources = [
        memory.width, memory.in_lines, memory.aligned, tiled_panels.panel_width,
        tiled_panels.panel_row, tiled_panels.panels_size, tiled_sums.strip_row,
        tiled_sums.scratch_size, tiled_panels.far, tiled_sums.by_dots,
        tiled_sums.panels_wait, parameters.layer_count, parameters.unit_count,
        team.team_words, tiled_workspace.by_units, tiled_workspace.delta_by_units,
        tiled_workspace.turns_panels, tiled_workspace.team_workspace,
        tiled_workspace.make_workspace, share_memory.with_state,
        choice.drops_out, choice.weight_count, choice.parameter_count, choice.suits_registers,
        choice.group_count, choice.unit_groups,
    ]  # fmt: skip
    return specialise(sources, "plain", {}, plain)


def is_softmax(architecture: Any) -> bool:
    """Whether the output is softmax with cross_entropy."""
    pair = int(architecture.activation[-1]), int(architecture.loss)
    return pair == (SOFTMAX, CROSS_ENTROPY)


@makes_kernels
def tiled_passes() -> SimpleNamespace:
    """The passes but for epochs, of the kernels of `loopbp.tiled.kernels`."""
    sources = [getattr(passes, p) for p in ("make_state", "forward", "cost", "backward")]
    return specialise(sources, "tiled", kernels_of(tiled), jit)


@makes_kernels
def _outputs(with_softmax: bool) -> tuple[str, SimpleNamespace]:
    """What goes through the output layer: any, or that of softmax with cross_entropy alone.

    The other losses take long to compile.
    """
    name = "softmax" if with_softmax else "any_output"
    layer = {"output_layer": layers.softmax_output_layer} if with_softmax else {}
    return name, specialise([layers.outputs], name, layer, inline_jit)


# -- the ways through an epoch --------------------------------------------------------------------


def _engine(make_workspace: Any, epoch: Any, name: str, decorator: Any, way: str) -> Engine:
    """The tiled engine with one way through an epoch."""
    bound = SimpleNamespace(**vars(tiled_passes()), make_workspace=make_workspace)
    bound.epochs = specialise([passes.epochs], name, {"epoch": epoch}, decorator).epochs
    bound.epoch = one_of(bound.epochs)
    return bind("tiled", kernels_of(tiled), bound, way)


@makes_kernels
def registers_engine(lanes: int) -> Engine:
    """The tiled engine with epochs in registers of so many lanes."""
    epoch = in_registers.epoch_of(lanes)
    return _engine(own_workspace, epoch, f"in_registers_{lanes}", jit, "in registers")


# What a way through an epoch binds in `skeleton`.
HOOKS = ("threads_of", "begin_epoch", "one_step", "end_epoch")


def _bound(way: Any, name: str, bindings: dict[str, Any]) -> SimpleNamespace:
    """`skeleton` with the functions of a way: a module that has all `HOOKS`."""
    hooks = specialise([getattr(way, hook) for hook in HOOKS], name, bindings, inline_jit)
    sources = [skeleton.work, skeleton.epoch, skeleton.epoch_alone]
    return specialise(sources, name, vars(hooks), inner_jit)


@makes_kernels
def first_units_engine(with_softmax: bool = False) -> Engine:
    """The tiled engine with epochs by first units."""
    name, inner = _outputs(with_softmax)
    name = f"by_first_units_{name}"
    epoch = _bound(by_first_units, name, vars(inner)).epoch
    return _engine(shares_workspace, epoch, name, threads_jit, "by first units")


# Only `by_first_units` has the optimizer's state in panels.
_STATE_AS_IT_IS = {"input_state_pass": by_team.nothing}
_ALONE = {
    **dict.fromkeys(("by_units", "delta_by_units"), by_team.no_layer),
    **dict.fromkeys(("meet", "units_forward", "units_backward"), by_team.nothing),
}


@makes_kernels
def _in_one_group() -> dict[str, Any]:
    """For networks that `unit_groups` leaves in one, as most are: groups are not compiled."""
    forward = {"packed_block": layers.in_one}
    made = specialise([layers.layer_forward], "in_one", forward, inline_jit)
    return {"unit_groups": by_team.one_group, "layer_forward": made.layer_forward}


def _of_team(
    with_softmax: bool, name: str, alone: dict[str, Any], grouped: bool = True
) -> SimpleNamespace:
    """Epochs by a team, or, with other functions for what it does with others, by one thread."""
    output, inner = _outputs(with_softmax)
    if not grouped:
        name, alone = f"{name}_in_one", alone | _in_one_group()
    update = specialise([tiled_update.parameters_pass], output, _STATE_AS_IT_IS, inline_jit)
    bindings = vars(inner) | vars(update) | alone
    if alone:
        sources = [by_team.forward_pass, by_team.backward_pass, by_team.batch_for]
        bindings |= vars(specialise(sources, name, bindings, inline_jit))
    return _bound(by_team, f"{name}_{output}", bindings)


@makes_kernels
def team_engine(with_softmax: bool = False) -> Engine:
    """The tiled engine with epochs by a team of threads."""
    epoch = _of_team(with_softmax, "by_team", {}).epoch
    name = f"by_team_{_outputs(with_softmax)[0]}"
    return _engine(team_workspace, epoch, name, threads_jit, "by a team")


@makes_kernels
def epoch_alone(with_softmax: bool = False, grouped: bool = True) -> Any:
    """An epoch by one thread, for compiled callers: what is done with others is left out."""
    return _of_team(with_softmax, "alone", _ALONE, grouped).epoch_alone


@makes_kernels
def alone_engine(with_softmax: bool = False, grouped: bool = True) -> Engine:
    """The tiled engine with epochs by one thread."""
    name = "alone_softmax" if with_softmax else "alone_any_output"
    name = name if grouped else f"{name}_in_one"
    epoch = epoch_alone(with_softmax, grouped)
    return _engine(own_workspace, epoch, name, jit, "by one thread")


@makes_kernels
def epoch_by_one_thread() -> Any:
    """An epoch of any network by one thread, for compiled callers."""
    ways = {
        "epoch_in_registers": in_registers.epoch_of(in_registers.LANES[-1]),
        "epoch_alone": epoch_alone(),
    }
    return specialise([by_one_thread.epoch], "any", ways, inner_jit).epoch


def tiled_engine(parallel: bool, with_softmax: bool = False, grouped: bool = True) -> Engine:
    """The tiled engine with epochs by a team, or by one thread.

    ``with_softmax``: its epoch is for softmax with cross_entropy alone.  Not ``grouped``: that by
    one thread is for networks alone of which `unit_groups` makes one group.
    """
    return team_engine(with_softmax) if parallel else alone_engine(with_softmax, grouped)


def engine_for(architecture: Any, settings: Any, batch_size: int, itemsize: int) -> Engine:
    """The tiled engine with the way through an epoch that is fastest for a training.

    Parameters
    ----------
    architecture, settings, batch_size
        What is trained, by which optimizer's settings, by how many examples at most.
    itemsize
        Bytes of a number.
    """
    chosen, layer = workspace_makers(), threading_layer()
    if chosen.suits_registers(architecture, settings, batch_size):
        return registers_engine(in_registers.lanes_for(batch_size))
    with_softmax = is_softmax(architecture)
    groups = chosen.unit_groups(architecture, settings, batch_size, itemsize)
    if usable_threads() == 1:
        return alone_engine(with_softmax, groups > 1)
    if groups > 1 and layer != "workqueue":
        return first_units_engine(with_softmax)
    work = 3 * chosen.parameter_count(architecture) * batch_size
    return tiled_engine(work > choice.PARALLEL_WORK[layer], with_softmax, groups > 1)


# -- their workspaces -----------------------------------------------------------------------------


def own_workspace(theta: Any, architecture: Any, examples: int, batch_size: int) -> Any:
    """For one thread."""
    return workspace_makers().make_workspace(theta, architecture, examples, batch_size)


def team_workspace(
    theta: Any, architecture: Any, examples: int, batch_size: int, threads: int | None = None
) -> Any:
    """For as many threads as may be used, or for so many."""
    make = workspace_makers()
    threads = threads or usable_threads()
    own_x = make.by_units(architecture, 1, min(batch_size, examples))
    return make.team_workspace(theta, architecture, examples, batch_size, threads, own_x)


def shares_workspace(theta: Any, architecture: Any, examples: int, batch_size: int) -> Any:
    """For threads that have some of the first units each."""
    makers, threads = workspace_makers(), usable_threads()
    return by_first_units.make_workspace(makers, theta, architecture, examples, batch_size, threads)
