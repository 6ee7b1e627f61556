"""The cost J of a network as a function of theta, in float64, for the checker.

Real theta goes through the reference engine.  Complex theta goes through the formulas below,
which are those of `loopbp.activations` and `loopbp.losses` written so that they are analytic:
no ``abs``, and shifts by real numbers only.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp import activations, losses
from loopbp.binding import numpy_engine
from loopbp.gradcheck.differences import Evaluation
from loopbp.jit.sources import plain
from loopbp.parameters import Architecture, biases_of, layer_of, weights_of

Array = NDArray[Any]

_KINKED = (activations.RELU, activations.LEAKY_RELU, activations.ELU)
_ANALYTIC = {
    activations.CODES[name] for name in activations.SMOOTH if name != "gelu"
}  # no complex erf in NumPy
_CANONICAL = {
    (losses.BINARY_CROSS_ENTROPY, activations.SIGMOID),
    (losses.CROSS_ENTROPY, activations.SOFTMAX),
}
_LOGARITHMIC = (losses.BINARY_CROSS_ENTROPY, losses.CROSS_ENTROPY, losses.POISSON)


def _sigmoid(z: Array) -> Array:
    right = np.real(z) >= 0
    e = np.exp(np.where(right, -z, z))
    return np.where(right, 1.0, e) / (1.0 + e)


def _softplus(z: Array) -> Array:
    right = np.real(z) >= 0
    e = np.exp(np.where(right, -z, z))
    # log(1 + e): NumPy's complex log1p loses the digits of a small e
    return np.where(right, z, 0.0) + 2.0 * np.arctanh(e / (2.0 + e))


def _softmax(z: Array) -> Array:
    e = np.exp(z - np.real(z).max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


_SIGMA = {
    activations.IDENTITY: lambda z: z,
    activations.SIGMOID: _sigmoid,
    activations.TANH: np.tanh,
    activations.SOFTPLUS: _softplus,
    activations.SILU: lambda z: z * _sigmoid(z),
    activations.SOFTMAX: _softmax,
}


def _log_held(a: Array) -> Array:
    return np.log(np.where(np.real(a) < losses.TINY, losses.TINY, a))


class NetworkCost:
    """J(theta) of one batch, in float64.

    Parameters
    ----------
    theta : array of shape (P,)
    architecture
        Of the network.
    X, Y, weight : arrays of shape (m, n_0), (m, n_L), (m,)
        The batch, as the kernels take it; kept as float64.
    """

    def __init__(
        self, theta: Array, architecture: Architecture, X: Array, Y: Array, weight: Array
    ) -> None:
        self.theta = theta.astype(np.float64)
        self.architecture = architecture
        self.X, self.Y, self.weight = (np.asarray(v, np.float64) for v in (X, Y, weight))
        self.m, self.last = len(X), len(architecture.sizes) - 1
        units = self.m * int(np.sum(architecture.sizes[1:]))
        self._z, self._a, self._losses = np.empty(units), np.empty(units), np.empty(self.m)

    @property
    def _output(self) -> int:
        return int(self.architecture.activation[self.last])

    @property
    def analytic(self) -> bool:
        """Whether the complex step is valid: every activation and the loss are analytic."""
        return all(
            int(code) in _ANALYTIC for code in self.architecture.activation[1:]
        ) and self.architecture.loss not in (losses.MAE, losses.HUBER)

    @property
    def canonical(self) -> bool:
        """Whether sigma' of the output cancels in delta^L."""
        return (self.architecture.loss, self._output) in _CANONICAL

    def saturated(self, eps: float) -> int:
        """How many outputs are so near 0 or 1 that the loss's logarithm has lost its digits.

        Parameters
        ----------
        eps
            Of the dtype in which the loss is computed.
        """
        loss = self.architecture.loss
        if loss not in _LOGARITHMIC or self.canonical:
            return 0
        a = self.forward(self.theta)[1][-1]
        lost = a < 1e3 * losses.TINY
        if loss == losses.BINARY_CROSS_ENTROPY:
            lost |= 1.0 - a < 1e4 * eps
        return int(np.sum(lost))

    def forward(self, theta: Array) -> tuple[list[Array], list[Array]]:
        """z^l at [l - 1] and a^l at [l]: views that the next call overwrites."""
        numpy_engine().forward(theta, self.architecture, self.X, self._z, self._a, 0, False)
        view = plain(layer_of)
        z, a = (
            [view(buffer, self.architecture, l, self.m) for l in range(1, self.last + 1)]
            for buffer in (self._z, self._a)
        )
        return z, [self.X, *a]

    def value(self, theta: Array) -> float:
        """J at real theta."""
        return self.evaluate(theta)[0]

    def evaluate(self, theta: Array) -> Evaluation:
        """J at real theta, and the side of every kink that each unit and error is on."""
        with np.errstate(over="ignore", invalid="ignore"):  # the caller sees what is not finite
            z, a = self.forward(theta)
            J = numpy_engine().cost(
                theta, self.architecture, self.Y, self.weight, self._z, self._a, self._losses
            )
        return float(J), self._sides(z, a[-1])

    def _sides(self, z: list[Array], a: Array) -> Array:
        codes = self.architecture.activation[1:]
        sides = [z_l > 0 for z_l, code in zip(z, codes, strict=True) if code in _KINKED]
        loss = self.architecture.loss
        error = a - self.Y
        if loss == losses.MAE:
            sides.append(np.sign(error))
        elif loss == losses.HUBER:
            sides.append(np.trunc(np.clip(error, -1.0, 1.0)))
        elif loss in _LOGARITHMIC and not self.canonical:
            sides += [a < losses.TINY, 1.0 - a < losses.TINY]
        return np.concatenate([np.zeros(0), *(s.ravel().astype(np.float64) for s in sides)])

    def complex_value(self, theta: Array) -> complex:
        """J at complex theta, for a network that is `analytic`."""
        a, z = self.X.astype(np.complex128), self.X.astype(np.complex128)
        total = 0j
        for l in range(1, self.last + 1):
            w = plain(weights_of)(theta, self.architecture, l)
            z = a @ w.T + plain(biases_of)(theta, self.architecture, l)
            a = _SIGMA[int(self.architecture.activation[l])](z)
            total += 0.5 * self.architecture.l2 * complex(np.sum(w * w))
        return total + complex(np.sum(self.weight * self._complex_losses(z, a))) / self.m

    def _complex_losses(self, z: Array, a: Array) -> Array:
        loss, y, n = self.architecture.loss, self.Y, self.Y.shape[1]
        if (loss, self._output) == (losses.BINARY_CROSS_ENTROPY, activations.SIGMOID):
            return np.sum(_softplus(z) - y * z, axis=1)
        if (loss, self._output) == (losses.CROSS_ENTROPY, activations.SOFTMAX):
            shifted = z - np.real(z).max(axis=1, keepdims=True)
            total = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
            return np.sum(y * (total - shifted), axis=1)
        if loss in (losses.HALF_MSE, losses.QUADRATIC):
            halves = 2 * n if loss == losses.HALF_MSE else 2
            return np.sum((a - y) ** 2, axis=1) / halves
        if loss == losses.BINARY_CROSS_ENTROPY:
            return -np.sum(y * _log_held(a) + (1 - y) * _log_held(1 - a), axis=1)
        if loss == losses.CROSS_ENTROPY:
            return -np.sum(y * _log_held(a), axis=1)
        return np.sum(a - y * _log_held(a), axis=1) / n
