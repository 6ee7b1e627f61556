"""Initial parameters."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.jit.sources import plain
from loopbp.machine.memory import aligned
from loopbp.parameters import Architecture, biases_of, weights_of
from loopbp.random.arrays import normals, stream_key, uniforms
from loopbp.random.streams import INITIAL

INITIALIZERS = {
    "glorot_uniform": "U(-r, r), r = sqrt(6 / (n_in + n_out)) (Glorot and Bengio 2010)",
    "glorot_normal": "N(0, 2 / (n_in + n_out))",
    "he_uniform": "U(-r, r), r = sqrt(6 / n_in) (He et al. 2015)",
    "he_normal": "N(0, 2 / n_in)",
    "lecun_uniform": "U(-r, r), r = sqrt(3 / n_in) (LeCun et al. 1998)",
    "lecun_normal": "N(0, 1 / n_in)",
    "normal": "N(0, 1), biases too: the large initial weights of Nielsen's book",
    "scaled_normal": "N(0, 1 / n_in), biases N(0, 1): the default of Nielsen's network2",
    "zeros": "0",
}


def default_initializer(activation: str) -> str:
    """He for the rectifier family, Glorot for all others."""
    rectifiers = {"relu", "leaky_relu", "elu", "softplus", "gelu", "silu"}
    return "he_uniform" if activation in rectifiers else "glorot_uniform"


def initial_theta(
    architecture: Architecture, initializers: Iterable[str], seed: int, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """A new theta: weights by the initialiser of their layer, biases 0 unless it says otherwise.

    Parameters
    ----------
    architecture
        The layout.
    initializers
        A name out of ``INITIALIZERS`` for each layer 1..L.
    seed
        Stream `INITIAL` of this seed; layer l draws from number l of it.
    dtype
        Drawn in float64, then rounded.
    """
    # On a cache line: 64 x 12 with 64 examples took 101.5 us of a step else, and 97.5 with it.
    size = int(architecture.b_start[-1] + architecture.sizes[-1])
    theta = plain(aligned)(size, np.empty(0, dtype))
    for layer, name in enumerate(initializers, start=1):
        n_in, n_out = (int(architecture.sizes[layer - k]) for k in (1, 0))
        key = stream_key(seed, INITIAL, layer)
        w = plain(weights_of)(theta, architecture, layer)
        if name.endswith("uniform"):
            mean_n, gain = {
                "glorot_uniform": ((n_in + n_out) / 2, 3.0),
                "he_uniform": (n_in, 6.0),
                "lecun_uniform": (n_in, 3.0),
            }[name]
            w.flat = (2.0 * uniforms(key, 0, w.size) - 1.0) * math.sqrt(gain / mean_n)
        elif name != "zeros":
            variance = {
                "glorot_normal": 2.0 / (n_in + n_out),
                "he_normal": 2.0 / n_in,
                "lecun_normal": 1.0 / n_in,
                "normal": 1.0,
                "scaled_normal": 1.0 / n_in,
            }[name]
            w.flat = normals(key, 0, w.size) * math.sqrt(variance)
            if name in ("normal", "scaled_normal"):
                b = plain(biases_of)(theta, architecture, layer)
                b[:] = normals(key, 2 * w.size, b.size)
    return theta
