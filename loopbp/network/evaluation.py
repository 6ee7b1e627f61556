"""Outputs, activations and losses of checked data, by any engine, in blocks of bounded memory."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.binding import Engine
from loopbp.engines import pick
from loopbp.jit.mode import is_plain
from loopbp.jit.sources import plain
from loopbp.parameters import Architecture, layer_of, unit_count
from loopbp.tiled import evaluation as tiled
from loopbp.training import Data, blocks

Array = NDArray[Any]

_NUMBERS, _LEAST_ROWS = 1 << 20, 64  # of z^l of a block of the engines that are not made for speed


def outputs(theta: Array, architecture: Architecture, X: Array) -> tuple[Array, bool]:
    """a^L of the rows of X by the tiled engine, and whether X is finite."""
    if is_plain():
        layers, finite = activations(theta, architecture, X)
        return layers[-1], finite
    return tiled.outputs(theta, architecture, X)


def activations(theta: Array, architecture: Architecture, X: Array) -> tuple[list[Array], bool]:
    """a^l at [l - 1], and whether X is finite, likewise."""
    m = len(X)
    if is_plain():
        return _activations_by_loops(theta, architecture, X)
    every = np.empty(m * plain(unit_count)(architecture), theta.dtype)
    out, finite = tiled.outputs(theta, architecture, X, every)
    layers = layers_of(every, architecture, m)
    layers[-1] = out
    return layers, finite


def losses(
    name: str, theta: Array, architecture: Architecture, data: Data, wants_outputs: bool = False
) -> tuple[float, Array, bool]:
    """J over the rows of some data, a^L if it is wanted, and whether X is finite.

    Parameters
    ----------
    name
        Of the engine.
    theta, architecture, data
        C-ordered, of one dtype.
    wants_outputs
        False: a^L has no rows.
    """
    if name in ("auto", "tiled") and not is_plain():
        return tiled.losses(
            theta, architecture, data.X, data.Y, data.weight, wants_outputs=wants_outputs
        )
    m, units = len(data.X), plain(unit_count)(architecture)
    most = max(_LEAST_ROWS, _NUMBERS // units)
    engine = pick(name, theta.size, min(m, most))
    kept, total = [np.empty((0, architecture.sizes[-1]), theta.dtype)], 0.0
    for part in blocks(m, most):
        few = Data(data.X[part], data.Y[part], data.weight[part])
        if not np.isfinite(few.X).all():
            return np.nan, kept[0], False
        J, _, a = forward(engine, theta, architecture, few)
        if wants_outputs:
            kept.append(layers_of(a, architecture, len(few.X))[-1])
        if m <= most:
            total = J
        else:  # each J has the whole penalty
            total += J * (len(few.X) / m)
    return total, np.concatenate(kept), True


def _activations_by_loops(
    theta: Array, architecture: Architecture, X: Array
) -> tuple[list[Array], bool]:
    m = len(X)
    layers = [np.empty((m, n), theta.dtype) for n in architecture.sizes[1:]]
    if not np.isfinite(X).all():
        return layers, False
    most = max(_LEAST_ROWS, _NUMBERS // plain(unit_count)(architecture))
    engine = pick("loops", theta.size, min(m, most))
    for part in blocks(m, most):
        count = part.stop - part.start
        z, a = np.empty((2, count * plain(unit_count)(architecture)), theta.dtype)
        engine.forward(theta, architecture, X[part], z, a, 0, False)
        for layer, some in zip(layers, layers_of(a, architecture, count), strict=True):
            layer[part] = some
    return layers, True


def forward(
    engine: Engine, theta: Array, architecture: Architecture, data: Data
) -> tuple[float, Array, Array]:
    """J, and z^l and a^l of all layers, by the passes of an engine."""
    m = len(data.X)
    z, a = (np.empty(m * plain(unit_count)(architecture), theta.dtype) for _ in range(2))
    engine.forward(theta, architecture, data.X, z, a, 0, False)
    J = engine.cost(theta, architecture, data.Y, data.weight, z, a, np.empty(m))
    return float(J), z, a


def layers_of(buffer: Array, architecture: Architecture, m: int) -> list[Array]:
    """Layer l of a buffer of m examples over all units at [l - 1]."""
    view = plain(layer_of)
    return [view(buffer, architecture, l, m) for l in range(1, len(architecture.sizes))]
