"""From layer sizes to one flat vector theta, and back: offsets, views, initialisers.

theta holds layer after layer, w^l row by row, then b^l.  Layers are numbered 1..L as in the
equations, so the arrays of an `Architecture` have L + 1 entries and entry 0 belongs to the input.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loopbp import own_activation
from loopbp.catalogue import ACTIVATIONS, LOSSES, USER
from loopbp.jit.decorators import inline_jit
from loopbp.jit.sources import plain
from loopbp.machine.views import matrix, vector
from loopbp.validate import as_real


class Architecture(NamedTuple):
    """What a kernel needs to know of a network: arrays and codes, no Python objects.

    Passes into nopython code as it is.  Made by `Network`; ``net.architecture``.
    """

    sizes: NDArray[np.int64]
    """n_l for l = 0..L, shape (L + 1,)"""
    w_start: NDArray[np.int64]
    """where w^l begins in theta; entry 0 unused"""
    b_start: NDArray[np.int64]
    """where b^l begins in theta; entry 0 unused"""
    unit_start: NDArray[np.int64]
    """n_1 + ... + n_{l-1}: where layer l begins in a buffer over all units"""
    activation: NDArray[np.int64]
    """code of the activation of layer l; entry 0 unused"""
    sigma: NDArray[np.int64]
    """address of the user's sigma of layer l, 0 for a built-in one"""
    sigma_prime: NDArray[np.int64]
    """address of the user's sigma' of layer l, 0 for a built-in one"""
    dropout: NDArray[np.float64]
    """rate at which activations of layer l are zeroed in training"""
    loss: int
    """code of the loss"""
    l2: float
    """lambda of the penalty (lambda/2) sum w**2 that is added to J"""
    by_weight: bool = False
    """whether an epoch divides by the sum of a batch's weights, and the penalty with the rest:
    J = (sum_t s_t C^t + (lambda/2) sum w**2) / sum_t s_t, where lambda is scikit-learn's alpha"""


def make_architecture(
    sizes: Iterable[int],
    hidden: Iterable[Any],
    output: Any,
    loss: str,
    dropout: Iterable[float],
    l2: float,
    by_weight: bool = False,
) -> Architecture:
    """An `Architecture` from names that have been checked.

    Parameters
    ----------
    sizes
        n_0 .. n_L.
    hidden, output
        Names of built-in activations or `Activation` objects; one per hidden layer.
    loss
        Name of a loss.
    dropout
        One rate per hidden layer.
    l2
        Weight of the penalty.
    by_weight
        See `Architecture`.
    """
    n = np.array(list(sizes), dtype=np.int64)
    count = len(n)  # L + 1
    w_start, b_start, unit_start = (np.zeros(count, np.int64) for _ in range(3))
    position = units = 0
    for layer in range(1, count):
        w_start[layer] = position
        b_start[layer] = position + n[layer] * n[layer - 1]
        position = b_start[layer] + n[layer]
        unit_start[layer] = units
        units += n[layer]
    code, sigma, sigma_prime = (np.zeros(count, np.int64) for _ in range(3))
    for layer, which in enumerate([*hidden, output], start=1):
        if isinstance(which, own_activation.Activation):
            code[layer] = USER
            sigma[layer], sigma_prime[layer] = which.addresses
        else:
            code[layer] = ACTIVATIONS[which].code
    rates = np.array([0.0, *dropout, 0.0], dtype=np.float64)
    return Architecture(
        n, w_start, b_start, unit_start, code, sigma, sigma_prime, rates,
        LOSSES[loss].code, float(l2), by_weight,
    )  # fmt: skip


class LayerViews(list[NDArray[Any]]):
    """Views into theta, layer by layer: ``net.weights[0] = w`` writes w into theta.

    An ordinary list would take w and forget it.
    """

    def __setitem__(self, layer: Any, value: Any) -> None:
        of_many = isinstance(layer, slice)
        pairs = zip(self[layer], value, strict=True) if of_many else [(self[layer], value)]
        for view, numbers in pairs:
            view[...] = as_real(f"layer {layer}", numbers, view.shape)


def layer_views(view: Any, theta: NDArray[Any], architecture: Architecture) -> LayerViews:
    """`weights_of` or `biases_of` of each layer, l at [l - 1]."""
    layers = range(1, len(architecture.sizes))
    return LayerViews(plain(view)(theta, architecture, l) for l in layers)


@inline_jit
def weight_of_batch(architecture, weight, order, start, m):
    """What J of the batch order[start : start + m] is divided by: m, or the sum of its weights."""
    if not architecture.by_weight:
        return np.float64(m)
    total = 0.0
    for t in range(start, start + m):
        total += weight[order[t]]
    return total


@inline_jit
def for_batch(architecture, total):
    """The architecture for a batch whose J is divided by `total`: its penalty is l2 / total.

    The weights of its m examples must be multiplied by m / total.
    """
    l2 = architecture.l2
    if architecture.by_weight:
        l2 = l2 / total
    return Architecture(
        architecture.sizes, architecture.w_start, architecture.b_start, architecture.unit_start,
        architecture.activation, architecture.sigma, architecture.sigma_prime,
        architecture.dropout, architecture.loss, l2, architecture.by_weight,
    )  # fmt: skip


@inline_jit
def layer_count(architecture):
    """L, the number of weight layers."""
    return architecture.sizes.shape[0] - 1


@inline_jit
def unit_count(architecture):
    """n_1 + ... + n_L, the units that have a z and a delta."""
    last = architecture.sizes.shape[0] - 1
    return architecture.unit_start[last] + architecture.sizes[last]


@inline_jit
def weights_of(theta, architecture, l):
    """w^l as a view into theta, shape (n_l, n_{l-1})."""
    n_l, n_prev = architecture.sizes[l], architecture.sizes[l - 1]
    start = architecture.w_start[l]
    return matrix(theta, start, n_l, n_prev)


@inline_jit
def biases_of(theta, architecture, l):
    """b^l as a view into theta, shape (n_l,)."""
    start = architecture.b_start[l]
    return vector(theta, start, architecture.sizes[l])


@inline_jit
def layer_of(buffer, architecture, l, m):
    """Layer l of a buffer of m examples over all units, shape (m, n_l)."""
    n_l = architecture.sizes[l]
    return matrix(buffer, m * architecture.unit_start[l], m, n_l)
