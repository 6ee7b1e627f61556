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
        steps = steps_of(name, theta, architecture, len(data.X))
        J, g = by_steps(steps, theta, architecture, data)
        return _gradient(g, architecture, J, partial(_lists, theta.copy(), architecture, data))
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
    engine = engines.pick("auto", theta.size, len(data.X))
    return _by_passes(engine, theta, architecture, data)[2]


class Steps(NamedTuple):
    """The steps that `fit` would make, whose gradients are asked for."""

    engine: Engine
    settings: OptimizerSettings
    batch_size: int


def steps_of(
    name: str,
    theta: Array,
    architecture: Architecture,
    examples: int,
    settings: OptimizerSettings = PLAIN,
    batch_size: int | None = None,
) -> Steps:
    """The steps that `fit` would make with so many examples.

    Parameters
    ----------
    name
        Of the engine.
    theta, architecture, examples
        What is trained, on how many.
    settings
        Of the optimizer.
    batch_size
        None: all examples at once, or, of very many, as many as bound the memory.
    """
    if batch_size is None:
        units = plain(unit_count)(architecture)
        batch_size = min(examples, max(_LEAST_ROWS, _NUMBERS // units))
    engine = engines.pick_training(name, theta, architecture, settings, batch_size)
    return Steps(engine, settings, batch_size)


def by_steps(
    steps: Steps, theta: Array, architecture: Architecture, data: Data
) -> tuple[float, Array]:
    """J and dJ/dtheta over some data, batch after batch from the same theta, not changed."""
    m = len(data.X)
    if m <= steps.batch_size:
        return one_step(steps, theta, architecture, data)
    loss, total = 0.0, np.zeros(theta.size)
    for part in blocks(m, steps.batch_size):
        few = Data(data.X[part], data.Y[part], data.weight[part])
        J, g = one_step(steps, theta, architecture, few)
        loss += J * (len(few.X) / m)
        total += g * (len(few.X) / m)
    return loss, total.astype(theta.dtype)


def repeated(data: Data, batch_size: int | None) -> Data:
    """Some data over and over, until they fill a batch; J and its gradient stay what they are."""
    m = len(data.X)
    if batch_size is None or m >= batch_size:
        return data
    rows = np.arange(batch_size) % m
    share = batch_size / (m * np.bincount(rows))
    weight = (data.weight * share).astype(data.weight.dtype)
    return Data(data.X[rows], data.Y[rows], weight[rows])


def one_step(
    steps: Steps, theta: Array, architecture: Architecture, data: Data
) -> tuple[float, Array]:
    """J and dJ/dtheta from one step of an epoch, without dropout.

    Optimizers other than plain SGD are replaced by momentum that remembers nothing, and a limit of
    the norm by none: what an epoch does is the same for all of them until theta is updated.  With
    dropout it goes the same way, and drops nothing.
    """
    m, engine = len(data.X), steps.engine
    settings = steps.settings._replace(
        rule=RULE_SGD if steps.settings.rule == RULE_SGD else RULE_MOMENTUM,
        learning_rate=ETA,
        first=0.0,
        weight_decay=0.0,
        clip_norm=np.inf if steps.settings.clip_norm > 0.0 else 0.0,
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
