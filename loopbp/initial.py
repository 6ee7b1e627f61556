"""Initial parameters."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.catalogue import ACTIVATIONS, INITIALIZERS
from loopbp.jit.sources import plain
from loopbp.machine.memory import aligned
from loopbp.parameters import Architecture, biases_of, weights_of
from loopbp.random.arrays import normals, stream_key, uniforms
from loopbp.random.streams import INITIAL


def default_initializer(activation: str) -> str:
    """He for the rectifier family, Glorot for all others and a user's own."""
    row = ACTIVATIONS.get(activation)
    return "glorot_uniform" if row is None else row.initializer


def initial_theta(
    architecture: Architecture, initializers: Iterable[str], seed: int, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """A new theta: weights by the initialiser of their layer, biases 0 unless it says otherwise.

    Parameters
    ----------
    architecture
        The layout.
    initializers
        A name out of `loopbp.catalogue.INITIALIZERS` for each layer 1..L.
    seed
        Stream `INITIAL` of this seed; layer l draws from number l of it.
    dtype
        Drawn in float64, then rounded.
    """
    # On a cache line, for registers that straddle two are loaded twice.
    size = int(architecture.b_start[-1] + architecture.sizes[-1])
    theta = plain(aligned)(size, np.empty(0, dtype))
    for layer, name in enumerate(initializers, start=1):
        n_in, n_out = (int(architecture.sizes[layer - k]) for k in (1, 0))
        key = stream_key(seed, INITIAL, layer)
        w = plain(weights_of)(theta, architecture, layer)
        row = INITIALIZERS[name]
        n = {"in": n_in, "mean": (n_in + n_out) / 2, "": 1.0}[row.of]
        if row.draws == "uniform":
            w.flat = (2.0 * uniforms(key, 0, w.size) - 1.0) * math.sqrt(row.gain / n)
        elif row.draws == "normal":
            w.flat = normals(key, 0, w.size) * math.sqrt(row.gain / n)
        if row.biases:
            b = plain(biases_of)(theta, architecture, layer)
            b[:] = normals(key, 2 * w.size, b.size)
    return theta
