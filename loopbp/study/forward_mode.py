"""Forward mode (seed 002, Hint 1): the derivative by one parameter, pushed forward through the net.

A tangent is a derivative by the one parameter theta_p that moves, dz^l_i/dtheta_p or
da^l_i/dtheta_p.  It starts at the layer of the parameter, as what the parameter multiplies
(seed 002, First Term), and goes through each later layer by equations (2) and (1) of seed 001,
differentiated.  One pass gives one number of the gradient, so P passes give all of it;
backpropagation gives all of it in one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loopbp import reference
from loopbp.activations import sigma_prime_row
from loopbp.catalogue import SOFTMAX
from loopbp.jit.decorators import jit, sum_jit
from loopbp.jit.sources import plain
from loopbp.losses import delta_row
from loopbp.messages.calls import suggests
from loopbp.network.network import Network
from loopbp.parameters import biases_of, layer_count, layer_of, unit_count, weights_of
from loopbp.study.batch import Batch
from loopbp.validate import check_choice


@sum_jit
def weighted_input_tangent(w, a_tangent, out_z_tangent):
    """dz^l_i = sum_j w^l_ij da^{l-1}_j  (seed 001, equation 5, differentiated).

    Parameters
    ----------
    w : (n_l, n_{l-1}), a_tangent : (m, n_{l-1}), out_z_tangent : (m, n_l), overwritten
    """
    m, n_l = out_z_tangent.shape
    for t in range(m):
        for i in range(n_l):
            total = w[i, 0] * a_tangent[t, 0]
            for j in range(1, w.shape[1]):
                total += w[i, j] * a_tangent[t, j]
            out_z_tangent[t, i] = total


@jit
def activation_tangent(code, address, z, z_tangent, out_a_tangent):
    """da^l_i = sigma'(z^l_i) dz^l_i  (seed 001, equation 1, differentiated); not for softmax.

    Parameters
    ----------
    code, address : which sigma, and where its sigma' stands if it is the user's
    z, z_tangent : (m, n_l), out_a_tangent : (m, n_l), overwritten
    """
    for t in range(z.shape[0]):
        sigma_prime_row(code, address, z[t], out_a_tangent[t])
        for i in range(z.shape[1]):
            out_a_tangent[t, i] = out_a_tangent[t, i] * z_tangent[t, i]


@sum_jit
def cost_tangent(slope, z_tangent):
    """dJ = (1/m) sum_t sum_i dC^t/dz^L_i dz^L_i  (seed 001, equation 3, differentiated).

    The slopes dC^t/dz^L_i of the last step come from `loopbp.losses.delta_row`, which loses no
    digits where an output saturates.

    Parameters
    ----------
    slope, z_tangent : (m, n_L)
    """
    total = 0.0
    for t in range(slope.shape[0]):
        for i in range(slope.shape[1]):
            total += slope[t, i] * z_tangent[t, i]
    return total / slope.shape[0]


@jit
def start_tangent(a_prev, i, j, out_z_tangent):
    """dz^l_i/dw^l_ij = a^{l-1}_j at unit i and 0 at all others; 1 for a bias, where j is -1.

    Parameters
    ----------
    a_prev : (m, n_{l-1}), out_z_tangent : (m, n_l), overwritten
    """
    for t in range(out_z_tangent.shape[0]):
        for k in range(out_z_tangent.shape[1]):
            out_z_tangent[t, k] = 0.0
        out_z_tangent[t, i] = 1.0 if j < 0 else a_prev[t, j]


@jit
def forward_mode_pass(theta, architecture, x, z, a, slope, l, i, j, z_tangent, a_tangent):
    """dJ by w^l_ij, or by b^l_i where j is -1: one pass from layer l to the cost.

    Parameters
    ----------
    theta : (P,), architecture : Architecture, x : (m, n_0)
    z, a : what `loopbp.passes.forward` wrote
    slope : (m, n_L), dC^t/dz^L_i
    l, i, j : the parameter
    z_tangent, a_tangent : (m * units,), overwritten from layer l on
    """
    m = x.shape[0]
    a_prev = x
    if l > 1:
        a_prev = layer_of(a, architecture, l - 1, m)
    start_tangent(a_prev, i, j, layer_of(z_tangent, architecture, l, m))
    last = layer_count(architecture)
    for k in range(l, last):
        activation_tangent(
            architecture.activation[k], architecture.sigma_prime[k],
            layer_of(z, architecture, k, m), layer_of(z_tangent, architecture, k, m),
            layer_of(a_tangent, architecture, k, m),
        )  # fmt: skip
        weighted_input_tangent(
            weights_of(theta, architecture, k + 1), layer_of(a_tangent, architecture, k, m),
            layer_of(z_tangent, architecture, k + 1, m),
        )  # fmt: skip
    return cost_tangent(slope, layer_of(z_tangent, architecture, last, m))


@jit
def forward_mode(theta, architecture, x, y, weight, z, a, out_gradient):
    """dJ/dtheta without the penalty, one pass for each parameter.

    Parameters
    ----------
    theta : (P,), architecture : Architecture
    x : (m, n_0), y : (m, n_L), weight : (m,)
    z, a : what `loopbp.passes.forward` wrote
    out_gradient : (P,), overwritten
    """
    m = x.shape[0]
    last = layer_count(architecture)
    slope = np.empty((m, architecture.sizes[last]), theta.dtype)
    z_L, a_L = layer_of(z, architecture, last, m), layer_of(a, architecture, last, m)
    for t in range(m):
        delta_row(
            architecture.loss, architecture.activation[last], architecture.sigma_prime[last],
            z_L[t], a_L[t], y[t], slope[t],
        )  # fmt: skip
        for i in range(slope.shape[1]):
            slope[t, i] = slope[t, i] * weight[t]
    z_tangent = np.empty(m * unit_count(architecture), theta.dtype)
    a_tangent = np.empty(m * unit_count(architecture), theta.dtype)
    for l in range(1, last + 1):
        dw = weights_of(out_gradient, architecture, l)
        db = biases_of(out_gradient, architecture, l)
        for i in range(dw.shape[0]):
            for j in range(dw.shape[1]):
                dw[i, j] = forward_mode_pass(
                    theta, architecture, x, z, a, slope, l, i, j, z_tangent, a_tangent
                )
            db[i] = forward_mode_pass(
                theta, architecture, x, z, a, slope, l, i, -1, z_tangent, a_tangent
            )


def forward_mode_reference(batch: Batch) -> NDArray[np.float64]:
    """The same, vectorised: the Jacobian of each z^l times the direction of one parameter.

    Parameters
    ----------
    batch
        Of a network and examples.

    Returns
    -------
    array of shape (P,)
        dJ/dtheta without the penalty.
    """
    architecture, values, last = batch.architecture, batch.numpy, batch.L
    gradient = np.empty_like(batch.theta)
    primes = [np.empty(0)]
    for l in range(1, last + 1):
        primes.append(np.empty_like(values.z[l]))
        code = architecture.activation[l]
        if code != SOFTMAX:
            reference.delta_from_da(
                code, int(architecture.sigma_prime[l]), values.z[l], np.ones_like(values.z[l]),
                primes[l],
            )  # fmt: skip
    slope = np.empty_like(values.z[last])
    reference.output_delta(
        architecture.loss, architecture.activation[last], int(architecture.sigma_prime[last]),
        values.z[last], values.a[last], batch.Y, batch.s, slope,
    )  # fmt: skip
    for l in range(1, last + 1):
        dw, db = (plain(view)(gradient, architecture, l) for view in (weights_of, biases_of))
        for i in range(batch.sizes[l]):
            tangents = np.zeros((batch.sizes[l - 1] + 1, batch.m, batch.sizes[l]))
            tangents[:-1, :, i] = values.a[l - 1].T
            tangents[-1, :, i] = 1.0
            for k in range(l, last):
                tangents = (tangents * primes[k]) @ batch.w[k + 1].T
            derivatives = np.einsum("ti,pti->p", slope, tangents) / batch.m
            dw[i], db[i] = derivatives[:-1], derivatives[-1]
    return gradient


@suggests
def forward_mode_gradient(
    net: Network,
    X: ArrayLike,
    y: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    engine: str = "loops",
) -> NDArray[Any]:
    """dJ/dtheta in forward mode: tangents pushed through the network, one pass per parameter.

    Equals ``net.gradient(X, y).theta``, at the cost of P forward passes instead of one backward
    pass: the reason why backpropagation goes backward (seed 002, Hint 1).

    Parameters
    ----------
    net
        Taken as it is; not changed.
    X : array_like of shape (m, n_0)
    y
        As in `Network.fit`.
    sample_weight : array_like of shape (m,), optional
        As in `Network.fit`.
    engine
        ``loops``, or ``numpy`` for the vectorised twin.

    Returns
    -------
    float64 array of shape (P,)
        dJ/dtheta, the penalty included, computed in float64 and laid out as ``net.theta``.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit, or the network is not finite.

    Examples
    --------
    >>> import loopbp
    >>> net = loopbp.Network([2, 3, 1], hidden="tanh", seed=0)
    >>> X, y = [[0.0, 1.0], [1.0, 1.0]], [1, 0]
    >>> g = loopbp.forward_mode_gradient(net, X, y, engine="numpy")
    >>> bool(abs(g - net.gradient(X, y, engine="numpy").theta).max() < 1e-12)
    True
    """
    check_choice("engine", engine, ("loops", "numpy"))
    batch = Batch(net, X, y, sample_weight)
    if engine == "numpy":
        gradient = forward_mode_reference(batch)
    else:
        gradient = np.empty_like(batch.theta)
        z, a = (
            np.concatenate([layer.ravel() for layer in layers[1:]])
            for layers in (batch.numpy.z, batch.numpy.a)
        )
        forward_mode(batch.theta, batch.architecture, batch.X, batch.Y, batch.s, z, a, gradient)
    for l in range(1, batch.L + 1):
        plain(weights_of)(gradient, batch.architecture, l)[...] += net.l2 * batch.w[l]
    return gradient
