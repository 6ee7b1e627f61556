"""The cost J of a network as a function of theta, in float64, for the checker.

Real theta goes through the reference engine.  Complex theta goes through the formulas of
`loopbp.catalogue` with the functions below, which are analytic: no ``abs``, and shifts by real
numbers only.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.binding import numpy_engine
from loopbp.catalogue import (
    ACTIVATIONS,
    BINARY_CROSS_ENTROPY,
    CANONICAL,
    CROSS_ENTROPY,
    EXP,
    LOSSES,
    SIGMOID,
    SOFTMAX,
    TINY,
)
from loopbp.formulas import evaluate, functions_of
from loopbp.gradcheck.differences import Evaluation
from loopbp.jit.sources import plain
from loopbp.parameters import Architecture, biases_of, layer_of, weights_of

Array = NDArray[Any]

_CORNERED = {row.code for row in ACTIVATIONS.values() if row.corner}
_LOSSES = {row.code: row for row in LOSSES.values()}
# exp(710) is infinite, and infinity less infinity no number; 1 / exp(700) is 0 for every sum.
_EXP_END = 700.0


def _exp(z: Array) -> Array:
    return np.exp(np.where(np.real(z) > _EXP_END, _EXP_END + 1j * np.imag(z), z))


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


def _log_held(a: Array) -> Array:
    return np.log(np.where(np.real(a) < TINY, TINY, a))


# NumPy has no complex erf: gelu is not among what can be evaluated.
_FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "exp": _exp, "log": _log_held, "tanh": np.tanh, "cosh": np.cosh, "sigmoid": _sigmoid,
    "softplus": _softplus,
}  # fmt: skip


def _is_analytic(formula: str, corner: str) -> bool:
    return not corner and functions_of(formula) <= set(_FUNCTIONS)


_ANALYTIC = {row.code for row in ACTIVATIONS.values() if _is_analytic(row.sigma or "0", row.corner)}
_ANALYTIC_LOSSES = {row.code for row in LOSSES.values() if _is_analytic(row.term, row.corner)}
_SIGMA = {row.code: row.sigma for row in ACTIVATIONS.values() if row.elementwise}


def _sigma(code: int, z: Array) -> Array:
    return _softmax(z) if code == SOFTMAX else evaluate(_SIGMA[code], _FUNCTIONS, {"z": z})


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
        return (
            all(int(code) in _ANALYTIC for code in self.architecture.activation[1:])
            and self.architecture.loss in _ANALYTIC_LOSSES
        )

    @property
    def canonical(self) -> bool:
        """Whether sigma' of the output cancels in delta^L."""
        return (self.architecture.loss, self._output) in CANONICAL

    def saturated(self, eps: float) -> int:
        """How many outputs are so near 0 or 1 that the loss's logarithm has lost its digits.

        Parameters
        ----------
        eps
            Of the dtype in which the loss is computed.
        """
        loss = self.architecture.loss
        if not _LOSSES[loss].logarithmic or self.canonical:
            return 0
        a = self.forward(self.theta)[1][-1]
        lost = a < 1e3 * TINY
        if loss == BINARY_CROSS_ENTROPY:
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
        sides = [z_l > 0 for z_l, code in zip(z, codes, strict=True) if code in _CORNERED]
        loss = _LOSSES[self.architecture.loss]
        sides += [np.sign(a - self.Y - corner) for corner in loss.corners]
        if loss.logarithmic and not self.canonical:
            sides += [a < TINY, 1.0 - a < TINY]
        return np.concatenate([np.zeros(0), *(s.ravel().astype(np.float64) for s in sides)])

    def complex_value(self, theta: Array) -> complex:
        """J at complex theta, for a network that is `analytic`."""
        a, z = self.X.astype(np.complex128), self.X.astype(np.complex128)
        total = 0j
        for l in range(1, self.last + 1):
            w = plain(weights_of)(theta, self.architecture, l)
            z = a @ w.T + plain(biases_of)(theta, self.architecture, l)
            a = _sigma(int(self.architecture.activation[l]), z)
            total += 0.5 * self.architecture.l2 * complex(np.sum(w * w))
        return total + complex(np.sum(self.weight * self._complex_losses(z, a))) / self.m

    def _complex_losses(self, z: Array, a: Array) -> Array:
        loss, y = _LOSSES[self.architecture.loss], self.Y
        if (loss.code, self._output) == (BINARY_CROSS_ENTROPY, SIGMOID):
            return np.sum(_softplus(z) - y * z, axis=1)
        if (loss.code, self._output) == (CROSS_ENTROPY, SOFTMAX):
            shifted = z - np.real(z).max(axis=1, keepdims=True)
            total = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
            return np.sum(y * (total - shifted), axis=1)
        values = {"a": a, "y": y}
        if loss.logarithmic and self._output == EXP:  # log a is z, however small a is
            terms = evaluate(loss.term.replace("log(a)", "z"), _FUNCTIONS, {**values, "z": z})
            return np.sum(terms, axis=1) / (y.shape[1] if loss.mean else 1)
        terms = evaluate(loss.term, _FUNCTIONS, {"a": a, "y": y})
        return np.sum(terms, axis=1) / (y.shape[1] if loss.mean else 1)
