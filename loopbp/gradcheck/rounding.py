"""How much rounding alone may change the gradient of a network.

A sum such as the mean of a - y over a batch may cancel to almost nothing while its terms do not;
its rounding error is that of its terms.  So each step of seed 001's equations is followed with
absolute values: a running error analysis to first order (Higham 2002, section 3.3).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp import reference
from loopbp.catalogue import IDENTITY, MAE, SOFTMAX
from loopbp.gradcheck.cost import NetworkCost
from loopbp.jit.sources import plain
from loopbp.parameters import biases_of, weights_of

Array = NDArray[Any]
_LONG_SUMS = 4.0  # rounding errors of many terms add up beyond one eps, though not to n eps


def gradient_rounding(cost: NetworkCost, eps: float) -> Array:
    """An estimate of the rounding error of dJ/dtheta, one per parameter.

    Parameters
    ----------
    cost
        The network and the batch.
    eps
        Of the dtype in which the gradient is computed.

    Returns
    -------
    float64 array of shape (P,)
    """
    architecture, theta = cost.architecture, cost.theta
    z, a = cost.forward(theta)
    w, b = (
        [np.abs(plain(view)(theta, architecture, l)) for l in range(1, cost.last + 1)]
        for view in (weights_of, biases_of)
    )
    of_z: list[Array] = []
    of_a, primes = [np.zeros_like(a[0])], []
    for l in range(1, cost.last + 1):
        of_z.append(of_a[-1] @ w[l - 1].T + eps * (np.abs(a[l - 1]) @ w[l - 1].T + b[l - 1]))
        code, address = architecture.activation[l], int(architecture.sigma_prime[l])
        if code == SOFTMAX:
            primes.append(a[l])
            spread = of_z[-1] + np.sum(a[l] * of_z[-1], axis=1, keepdims=True)
        else:
            primes.append(np.empty_like(a[l]))
            reference.delta_from_da(code, address, z[l - 1], np.ones_like(a[l]), primes[-1])
            spread = of_z[-1]
        of_a.append(np.abs(primes[-1]) * spread + eps * np.abs(a[l]))

    last = cost.last
    output = int(architecture.activation[last])
    delta, da = np.empty_like(a[-1]), np.empty_like(a[-1])
    for code, out in ((output, delta), (IDENTITY, da)):
        reference.output_delta(
            architecture.loss, code, int(architecture.sigma_prime[last]), z[-1], a[-1], cost.Y,
            cost.weight, out,
        )  # fmt: skip
    of_delta = eps * np.abs(delta)
    if architecture.loss != MAE:
        # delta is about proportional to a - y
        distance = np.maximum(np.abs(a[-1] - cost.Y), of_a[-1])
        moved = np.divide(of_a[-1], distance, out=np.ones_like(distance), where=distance > 0)
        of_delta += np.abs(delta) * moved
    if output not in (IDENTITY, SOFTMAX) and not cost.canonical:
        # sigma' is 1 - a**2 or a (1 - a) where a saturates
        of_prime = 2 * np.abs(primes[-1]) * of_z[-1] + eps * np.minimum(a[-1] ** 2, 1.0)
        of_delta += np.abs(da) * of_prime

    rounding = np.zeros_like(theta)
    for l in range(last, 0, -1):
        size, before = np.abs(delta), np.abs(a[l - 1])
        plain(weights_of)(rounding, architecture, l)[:] = (
            of_delta.T @ before + size.T @ of_a[l - 1] + eps * size.T @ before
        ) / cost.m + eps * architecture.l2 * w[l - 1]
        plain(biases_of)(rounding, architecture, l)[:] = np.mean(of_delta + eps * size, axis=0)
        if l > 1:
            da = delta @ plain(weights_of)(theta, architecture, l)
            of_da = of_delta @ w[l - 1] + eps * size @ w[l - 1]
            prime = primes[l - 2]
            # abs(sigma'') is at most about 1, but that of exp, which is sigma'
            bend = np.maximum(np.abs(prime), 1.0)
            of_delta = np.abs(da) * bend * (of_z[l - 2] + eps) + np.abs(prime) * of_da
            delta = da * prime
    return _LONG_SUMS * rounding
