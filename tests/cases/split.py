"""The epoch by the first units: engines with so many groups and threads, and their bits."""

import hashlib
from dataclasses import replace
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np

from loopbp.binding import Engine
from loopbp.jit.decorators import inline_jit, jit
from loopbp.jit.specialise import specialise
from loopbp.machine import threads as machine_threads
from loopbp.machine.memory import REGISTER_BYTES
from loopbp.tiled import choice
from loopbp.tiled import engine as engine_module
from loopbp.tiled.engine import first_units_engine
from loopbp.tiled.epochs import by_first_units as split
from loopbp.tiled.epochs import skeleton

from . import helpers
from .helpers import BOUNDSCHECK, JIT
from .training import OPTIMIZERS, SGD, TOLERANCE, regression, train


@inline_jit
def run_alone(work, words, threads, arguments):
    """In place of `run_team`, which would swallow an index out of bounds."""
    work(*arguments, 0, 1)


def _serial_epoch() -> Any:
    hooks = {name: getattr(split, name) for name in engine_module.HOOKS}
    sources = [skeleton.work, skeleton.epoch]
    return specialise(sources, "serial_test", {**hooks, "run_team": run_alone}, jit).epoch


SERIAL = replace(
    first_units_engine(),
    epoch=_serial_epoch(),
)
GROUPS = (choice.FEW_GROUPS, choice.MANY_GROUPS)


def with_groups(groups: int, threads: int = 2, engine: Engine | None = None) -> Engine:
    """The engine with so many groups, whatever the work, for so many threads."""
    made = engine or (first_units_engine() if JIT and not BOUNDSCHECK else SERIAL)

    def make_workspace(theta: Any, architecture: Any, examples: int, batch_size: int) -> Any:
        makers = SimpleNamespace(**vars(engine_module.workspace_makers()) | {"group_count": count})
        return split.make_workspace(makers, theta, architecture, examples, batch_size, threads)

    def count(architecture: Any, batch_size: int, itemsize: int) -> int:
        registers = -(-int(architecture.sizes[1]) * itemsize // REGISTER_BYTES)
        assert registers >= groups, "a group would be empty"
        return groups

    return replace(made, make_workspace=make_workspace)


def bits(threads: int | None = None) -> str:
    """Losses and weights of several trainings by so many threads, as one number."""
    text = hashlib.sha256()
    X, Y = regression(100, 9, 3)
    for dtype, groups, rule, l2, batch_size in product(
        TOLERANCE, GROUPS, (SGD, OPTIMIZERS[4]), (0.0, 0.02), (20, 32)
    ):
        net = helpers.network([9, 460, 24, 3], dtype=dtype, l2=l2)
        engine = with_groups(groups, threads or machine_threads.usable_threads())
        losses, theta = train(engine, net, X, Y, batch_size, rule)
        text.update(theta.tobytes() + np.array(losses).tobytes())
    return text.hexdigest()
