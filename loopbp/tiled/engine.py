"""The tiled engine: its kernels bound to the ways through an epoch."""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any

from loopbp import parameters, passes
from loopbp.activations import SOFTMAX
from loopbp.binding import Engine, bind, kernels_of
from loopbp.jit.decorators import inline_jit, inner_jit, jit, threads_jit
from loopbp.jit.sources import plain
from loopbp.jit.specialise import makes_kernels, specialise
from loopbp.losses import CROSS_ENTROPY
from loopbp.machine import memory, team
from loopbp.machine.threads import usable_threads
from loopbp.tiled import kernels as tiled
from loopbp.tiled import layers
from loopbp.tiled import panels as tiled_panels
from loopbp.tiled import sums as tiled_sums
from loopbp.tiled import update as tiled_update
from loopbp.tiled import workspace as tiled_workspace
from loopbp.tiled.epochs import by_first_units as split
from loopbp.tiled.epochs import by_team, share_memory
from loopbp.tiled.epochs import in_registers as small


@cache
def small_engine(batch_size: int) -> Engine:
    """The tiled engine with epochs in registers, for the networks that these suit."""
    return replace(tiled_engine(False), epoch=small.epoch_of(batch_size))


@cache
def workspace_makers() -> SimpleNamespace:
    """What makes workspaces, uncompiled: a second saved for what runs once a training."""
    sources = [
        memory.width, memory.in_lines, memory.aligned, tiled_panels.panel_width,
        tiled_panels.panel_row, tiled_panels.panels_size, tiled_sums.strip_row,
        tiled_sums.scratch_size, tiled_panels.far, tiled_sums.by_dots,
        tiled_sums.panels_wait, parameters.layer_count, parameters.unit_count,
        team.team_words, tiled_workspace.by_units, tiled_workspace.delta_by_units,
        tiled_workspace.turns_panels, tiled_workspace.team_workspace,
        tiled_workspace.make_workspace, share_memory.with_state,
    ]  # fmt: skip
    return specialise(sources, "plain", {}, plain)


@makes_kernels
def split_engine(with_softmax: bool = False) -> Engine:
    """The tiled engine with epochs by first units, for the networks that these suit."""
    name, inner = _outputs(with_softmax)
    works = specialise([split.work], name, vars(inner), inner_jit)
    bound = specialise([split.epoch], name, vars(works), threads_jit)
    return replace(tiled_engine(False), make_workspace=split_workspace, epoch=bound.epoch)


@makes_kernels
def _outputs(with_softmax: bool) -> tuple[str, SimpleNamespace]:
    """What goes through the output layer, any or that of softmax with cross_entropy alone.

    The other losses take 1.5 s of 15 to compile.
    """
    name = "softmax" if with_softmax else "any_output"
    layer = {"output_layer": layers.softmax_output_layer} if with_softmax else {}
    return name, specialise([layers.outputs], name, layer, inline_jit)


def is_softmax(architecture: Any) -> bool:
    """Whether the output is softmax with cross_entropy."""
    pair = int(architecture.activation[-1]), int(architecture.loss)
    return pair == (SOFTMAX, CROSS_ENTROPY)


def split_workspace(theta: Any, architecture: Any, examples: int, batch_size: int) -> Any:
    makers = workspace_makers()
    return split.split_workspace(
        makers, theta, architecture, examples, batch_size, usable_threads()
    )


def own_workspace(theta: Any, architecture: Any, examples: int, batch_size: int) -> Any:
    return workspace_makers().make_workspace(theta, architecture, examples, batch_size)


def team_workspace(
    theta: Any, architecture: Any, examples: int, batch_size: int, threads: int | None = None
) -> Any:
    make = workspace_makers()
    threads = threads or usable_threads()
    own_x = make.by_units(architecture, 1, min(batch_size, examples))
    return make.team_workspace(theta, architecture, examples, batch_size, threads, own_x)


_ALONE = {
    **dict.fromkeys(("by_units", "delta_by_units"), by_team.no_layer),
    **dict.fromkeys(
        ("meet", "units_forward", "units_backward"),
        by_team.nothing,
    ),
}
# Only `loopbp.tiled.epochs.by_first_units` has the optimizer's state in panels.
_STATE_AS_IT_IS = {"input_state_pass": by_team.nothing}


@makes_kernels
def tiled_passes() -> SimpleNamespace:
    sources = [getattr(passes, p) for p in ("make_state", "forward", "cost", "backward")]
    return specialise(sources, "tiled", kernels_of(tiled), jit)


@makes_kernels
def tiled_engine(parallel: bool, with_softmax: bool = False) -> Engine:
    """The tiled sums; the step of `loopbp.tiled.layers` with threads or without.

    ``with_softmax``: its epoch is for softmax with cross_entropy alone.
    """
    name, inner = _outputs(with_softmax)
    bound = SimpleNamespace(**vars(tiled_passes()))
    update = specialise([tiled_update.parameters_pass], name, _STATE_AS_IT_IS, inline_jit)
    inner = SimpleNamespace(**vars(inner), **vars(update))
    if parallel:
        work = specialise([by_team.work], name, vars(inner), inner_jit)
        bound.epoch = specialise([by_team.epoch], name, vars(work), threads_jit).epoch
        bound.make_workspace = team_workspace
    else:
        name = f"alone_{name}"
        both = [by_team.forward_pass, by_team.backward_pass]
        bindings = vars(inner) | vars(specialise(both, name, _ALONE, inline_jit)) | _ALONE
        work = specialise([by_team.work], name, bindings, inner_jit)
        bound.epoch = specialise([by_team.epoch_alone], name, vars(work), jit).epoch_alone
        bound.make_workspace = own_workspace
    return bind("tiled", kernels_of(tiled), bound)
