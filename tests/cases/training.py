"""Whole epochs of an engine against those of the reference, and what they are made of."""

import math
from typing import Any

import numpy as np

import loopbp
from loopbp import parameters
from loopbp.binding import Engine
from loopbp.machine import pieces as machine_pieces
from loopbp.random import streams
from loopbp.tiled import batch, choice, layers, sums, update
from loopbp.tiled import panels as tiled_panels
from loopbp.tiled import workspace as tiled_workspace
from loopbp.tiled.epochs import by_team, skeleton

from .helpers import JIT, REFERENCE, relative_difference

TOLERANCE = {"float64": 1e-12, "float32": 1e-4}
EPOCHS = 3 if JIT else 1
SGD = loopbp.SGD(0.05)
OPTIMIZERS = [
    SGD,
    loopbp.SGD(0.05, momentum=0.9),
    loopbp.SGD(0.05, momentum=0.9, nesterov=True),
    loopbp.RMSprop(0.01, epsilon=1e-2),
    loopbp.Adam(0.01, epsilon=1e-2),
    loopbp.AdamW(0.01, epsilon=1e-2, weight_decay=0.1),
    loopbp.Adagrad(0.05, epsilon=1e-2),
]


def train(
    engine: Engine,
    net: loopbp.Network,
    X: Any,
    Y: Any,
    batch_size: int,
    optimizer: Any = SGD,
    weight: Any = None,
    epochs: int = EPOCHS,
    shuffled: bool = True,
) -> tuple[list[float], Any]:
    """The losses and the weights after some epochs by an engine's own functions."""
    settings, theta = optimizer.settings, net.theta.copy()
    s = np.ones(len(X), net.dtype) if weight is None else weight.astype(net.dtype)
    X, Y = X.astype(net.dtype), Y.astype(net.dtype)
    workspace = engine.make_workspace(theta, net.architecture, len(X), batch_size)
    state = engine.make_state(theta, settings)
    steps = -(-len(X) // batch_size)
    losses = [
        engine.epoch(
            theta, net.architecture, X, Y, s, settings, optimizer.learning_rate, state,
            number * steps, net.seed, number, batch_size, shuffled, workspace,
        )
        for number in range(epochs)
    ]  # fmt: skip
    return losses, theta


def difference(engine: Engine, net: loopbp.Network, *data: Any, **options: Any) -> float:
    """The worse of the relative differences of losses and weights from the reference's."""
    with np.errstate(all="ignore"):
        found, expected = (train(e, net, *data, **options) for e in (engine, REFERENCE))
    return max(map(relative_difference, found, expected))


def regression(m: int, inputs: int, outputs: int) -> tuple[Any, Any]:
    rng = np.random.default_rng([m, inputs])
    X = rng.standard_normal((m, inputs))
    return X, np.tanh(X @ rng.standard_normal((inputs, outputs)) / math.sqrt(inputs))


def named(value: Any) -> str:
    return f"{type(value).__name__}{'-nesterov' if getattr(value, 'nesterov', False) else ''}"


def unsigned_key(*numbers):
    """A key as compiled functions take it when they are called from Python."""
    if not JIT:
        return streams.stream_key(*numbers)
    return np.uint64(streams.stream_key(*map(np.uint64, numbers)))


# In the order of their calls.
_NAMES = [
    "layer_count", "unit_count", "weights_of", "biases_of", "layer_of",
    "panel_width", "panel_row", "panels_size", "by_dots",
    "part", "panel_part", "claim_part", "next_part",
    "by_units", "delta_by_units", "turns_panels",
    "panels_at", "own_at", "forward_panels", "row_share", "in_forward_panels", "reads_panels",
    "is_resident", "drops_out", "weight_count", "parameter_count", "group_count", "unit_groups",
    "pack_rows", "pack_own", "unpack_rows", "block", "rows_ahead", "z_of", "input_pace",
    "packed_block", "layer_forward", "phase_of", "least_part",
    "panel_of_part", "units_forward", "layer_backward", "units_backward",
    "forward_pass", "backward_pass", "softmax_output_layer", "output_layer",
    "outputs", "panel_weights_pass", "input_state_pass", "update_rows",
    "layer_parameters", "parameters_pass",
    "penalties", "gather_rows", "threads_of", "begin_epoch", "batch_for", "one_step", "end_epoch",
    "work",
]  # fmt: skip
_PLACES = (
    parameters,
    tiled_panels,
    sums,
    machine_pieces,
    tiled_workspace,
    layers,
    choice,
    batch,
    update,
    by_team,
    skeleton,
)


def source_of(name: str) -> Any:
    """The function of a name, from the module that defines it."""
    found = {id(vars(m)[name]): vars(m)[name] for m in _PLACES if name in vars(m)}
    (function,) = found.values()
    return function


SOURCES = [source_of(name) for name in _NAMES]
