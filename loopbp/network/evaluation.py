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
_FINITE_ROWS = 4096


def outputs(theta: Array, architecture: Architecture, X: Array) -> tuple[Array, bool]:
    """a^L of the rows of X by the engine that trains, and whether X is finite."""
    if _tiled("auto"):
        return tiled.outputs(theta, architecture, X)
    return _by_blocks("auto", theta, architecture, X, 1)[0], _finite(X)


def activations(theta: Array, architecture: Architecture, X: Array) -> tuple[list[Array], bool]:
    """a^l at [l - 1], and whether X is finite, likewise."""
    m, count = len(X), len(architecture.sizes) - 1
    if not _tiled("auto"):
        return _by_blocks("auto", theta, architecture, X, count), _finite(X)
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
    if _tiled(name):
        return tiled.losses(
            theta, architecture, data.X, data.Y, data.weight, wants_outputs=wants_outputs
        )
    m, most = len(data.X), _block_rows(architecture)
    engine = pick(name, theta.size, min(m, most))
    kept, total = [np.empty((0, architecture.sizes[-1]), theta.dtype)], 0.0
    if not _finite(data.X):
        return np.nan, kept[0], False
    for part in blocks(m, most):
        few = Data(data.X[part], data.Y[part], data.weight[part])
        J, _, a = forward(engine, theta, architecture, few)
        if wants_outputs:
            kept.append(layers_of(a, architecture, len(few.X))[-1])
        if m <= most:
            total = J
        else:  # each J has the whole penalty
            total += J * (len(few.X) / m)
    return total, np.concatenate(kept), True


def _tiled(name: str) -> bool:
    return name in ("auto", "tiled") and not is_plain()


def _block_rows(architecture: Architecture) -> int:
    return max(_LEAST_ROWS, _NUMBERS // plain(unit_count)(architecture))


def _finite(X: Array) -> bool:
    return all(np.isfinite(X[part]).all() for part in blocks(len(X), _FINITE_ROWS))


def _by_blocks(
    name: str, theta: Array, architecture: Architecture, X: Array, last: int
) -> list[Array]:
    """a^l of the last so many layers."""
    m, most = len(X), _block_rows(architecture)
    engine = pick(name, theta.size, min(m, most))
    found = [np.empty((m, n), theta.dtype) for n in architecture.sizes[-last:]]
    for part in blocks(m, most):
        x = X[part]
        z, a = (np.empty(len(x) * plain(unit_count)(architecture), theta.dtype) for _ in range(2))
        with np.errstate(all="ignore"):  # the caller sees what is not finite
            engine.forward(theta, architecture, x, z, a, 0, False)
        for out, a_l in zip(found, layers_of(a, architecture, len(x))[-last:], strict=True):
            out[part] = a_l
    return found


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
