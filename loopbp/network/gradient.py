"""`Gradient`, and the gradient by the very steps that train.

A step of plain SGD takes eta times the gradient from theta.  So one step with a large eta, a power
of two, tells the gradient of whichever way through an epoch `fit` would choose, whatever this way
fuses or leaves out: dJ/dtheta = (theta - theta') / eta.  Beside eta dJ/dtheta theta itself is lost
in the last place of the dtype, and not the other way round.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loopbp import engines
from loopbp.binding import Engine
from loopbp.jit.sources import plain
from loopbp.messages.calls import suggests
from loopbp.network.evaluation import forward, layers_of
from loopbp.optimizers import RULE_MOMENTUM, RULE_SGD, SGD, OptimizerSettings, state_rows
from loopbp.parameters import Architecture, biases_of, layer_views, unit_count, weights_of
from loopbp.training import Data, blocks

Array = NDArray[Any]

ETA = 2.0**60
PLAIN = SGD().settings
_NO_DROPOUT = 1e-300  # a rate by which nothing is dropped, and nothing scaled, on the way of one
_NUMBERS, _LEAST_ROWS = 1 << 21, 128  # of z^l of a step: bounds the memory of many rows


class Passes(NamedTuple):
    """What the forward and the backward pass of an engine leave."""

    deltas: list[Array]
    activations: list[Array]
    weighted_inputs: list[Array]


@suggests
@dataclass(frozen=True)
class Gradient:
    """A gradient and what it was computed from.

    By the tiled engine `theta`, `weights`, `biases` and `loss` come from a step of training, the
    lists of layers from a forward and a backward pass of their own, when they are first asked for.
    By the others all come from the same passes.
    """

    theta: NDArray[Any]
    """dJ/dtheta, shape (P,), laid out as ``net.theta``"""
    weights: list[NDArray[Any]]
    """dJ/dw^l at [l - 1], shape (n_l, n_{l-1}): views into `theta`"""
    biases: list[NDArray[Any]]
    """dJ/db^l at [l - 1], shape (n_l,): views into `theta`"""
    loss: float
    """J, the penalty included"""
    _run: Callable[[], Passes] = field(repr=False, compare=False)

    @cached_property
    def _passes(self) -> Passes:
        return self._run()

    @property
    def deltas(self) -> list[NDArray[Any]]:
        """delta^l at [l - 1], shape (m, n_l): per example, without 1/m."""
        return self._passes.deltas

    @property
    def activations(self) -> list[NDArray[Any]]:
        """a^l at [l], a^0 = X: so this list has L + 1 entries."""
        return self._passes.activations

    @property
    def weighted_inputs(self) -> list[NDArray[Any]]:
        """z^l at [l - 1], shape (m, n_l)."""
        return self._passes.weighted_inputs


def gradient(name: str, theta: Array, architecture: Architecture, data: Data) -> Gradient:
    """dJ/dtheta over some data as one batch, by the engine of a name."""
    if name in ("auto", "tiled"):
        found = by_steps(name, theta, architecture, data)
        run = partial(_lists, theta.copy(), architecture, data)
        return _gradient(found.gradient, architecture, found.loss, run)
    engine = engines.pick(name, theta.size, len(data.X))
    J, g, passes = _by_passes(engine, theta, architecture, data)
    made = _gradient(g, architecture, J, partial(_lists, theta.copy(), architecture, data))
    vars(made)["_passes"] = passes
    return made


def _gradient(
    g: Array, architecture: Architecture, J: float, run: Callable[[], Passes]
) -> Gradient:
    parts = layer_views(weights_of, g, architecture), layer_views(biases_of, g, architecture)
    return Gradient(g, *parts, J, run)


def _by_passes(
    engine: Engine, theta: Array, architecture: Architecture, data: Data
) -> tuple[float, Array, Passes]:
    m = len(data.X)
    J, z, a = forward(engine, theta, architecture, data)
    delta, g = np.empty_like(z), np.empty_like(theta)
    engine.backward(theta, architecture, data.X, data.Y, data.weight, z, a, delta, g, 0, False)
    deltas, activations, weighted_inputs = (
        layers_of(buffer, architecture, m) for buffer in (delta, a, z)
    )
    return J, g, Passes(deltas, [data.X, *activations], weighted_inputs)


def _lists(theta: Array, architecture: Architecture, data: Data) -> Passes:
    engine = engines.pick("tiled", theta.size, len(data.X))
    return _by_passes(engine, theta, architecture, data)[2]


class Steps(NamedTuple):
    """A gradient by steps of training."""

    gradient: Array
    """(P,)"""
    loss: float
    """J"""
    way: str
    """through an epoch"""


def by_steps(
    name: str,
    theta: Array,
    architecture: Architecture,
    data: Data,
    *,
    settings: OptimizerSettings = PLAIN,
    batch_size: int | None = None,
) -> Steps:
    """dJ/dtheta over some data by the steps that `fit` would make.

    Parameters
    ----------
    name
        Of the engine.
    theta, architecture, data
        Checked; theta is not changed.
    settings
        Of the optimizer whose way through an epoch is taken.
    batch_size
        Of the batches whose way is taken, one after the other from the same theta.  None: all of
        the data at once, or, of many rows, as many as bound the memory.
    """
    m = len(data.X)
    if batch_size is None:
        batch_size = max(_LEAST_ROWS, _NUMBERS // plain(unit_count)(architecture))
    batch_size = min(m, batch_size)
    engine = engines.pick_training(name, theta, architecture, settings, batch_size)
    if m <= batch_size:
        J, g = one_step(engine, theta, architecture, data, settings)
        return Steps(g, J, engine.way)
    total, loss = np.zeros(theta.size), 0.0
    for part in blocks(m, batch_size):
        few = Data(data.X[part], data.Y[part], data.weight[part])
        J, g = one_step(engine, theta, architecture, few, settings)
        total += g * (len(few.X) / m)
        loss += J * (len(few.X) / m)
    return Steps(total.astype(theta.dtype), loss, engine.way)


def one_step(
    engine: Engine, theta: Array, architecture: Architecture, data: Data, settings: Any
) -> tuple[float, Array]:
    """J and dJ/dtheta from one step of an engine's epoch, without dropout.

    Optimizers other than plain SGD are replaced by momentum that remembers nothing, and a limit of
    the norm by none: what an epoch does is the same for all of them until theta is updated.  With
    dropout it goes the same way, and drops nothing.
    """
    m = len(data.X)
    plain_sgd = settings.rule == RULE_SGD
    settings = settings._replace(
        rule=RULE_SGD if plain_sgd else RULE_MOMENTUM,
        learning_rate=ETA,
        first=0.0,
        weight_decay=0.0,
        clip_norm=np.inf if settings.clip_norm > 0.0 else 0.0,
    )
    rates = np.where(architecture.dropout > 0.0, _NO_DROPOUT, 0.0)
    architecture = architecture._replace(dropout=rates)
    moved = theta.copy()
    state = np.zeros((plain(state_rows)(settings), theta.size), theta.dtype)
    workspace = engine.make_workspace(theta, architecture, m, m)
    with np.errstate(all="ignore"):  # who asks sees what is not finite
        J = engine.epoch(
            moved, architecture, data.X, data.Y, data.weight, settings, ETA, state, 0, 0, 0, m,
            False, workspace,
        )  # fmt: skip
        g = (theta - moved) / theta.dtype.type(ETA)
    return float(J), g
