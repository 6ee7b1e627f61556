"""Every activation and loss with its derivative: the formula, and the same with numbers put in.

Formulas name their argument ``z``, ``a`` and ``y``; `loopbp.activations` and `loopbp.losses`
hold the functions themselves.
"""

from collections.abc import Callable
from typing import NamedTuple

from loopbp.activations import LEAKY_SLOPE

Number = Callable[[float], str]
"""Markup of a number; parentheses around a negative one."""


class ActivationFormula(NamedTuple):
    """sigma and sigma' of one activation."""

    sigma: str
    prime: str
    sigma_numbers: Callable[[Number, float], str]
    """From z"""
    prime_numbers: Callable[[Number, float, float], str]
    """From z and a"""
    function: str
    """The function of `loopbp.activations` that computes sigma'"""


class LossFormula(NamedTuple):
    """C and dC/da of one loss, the derivative by one output."""

    loss: str
    prime: str
    prime_numbers: Callable[[Number, float, float, int], str]
    """From a, y and n_L"""
    function: str
    """The function of `loopbp.losses` that computes the derivative"""
    numpy: str
    """The derivative over whole arrays"""


_S = r"1 / (1 + \exp(-z))"


def _sigmoid(n: Number, z: float) -> str:
    return rf"1 / (1 + \exp(-{n(z)}))"


def _gelu_prime(n: Number, z: float, a: float) -> str:
    return (
        rf"0.5 \cdot (1 + \erf({n(z)} / \num{{1.41421356}})) "
        rf"+ {n(z)} \cdot \exp(-0.5 \cdot {n(z)}^2) / \num{{2.50662827}}"
    )


def _silu_prime(n: Number, z: float, a: float) -> str:
    s = f"({_sigmoid(n, z)})"
    return rf"{s} \cdot (1 + {n(z)} \cdot (1 - {s}))"


def _slope(n: Number, z: float) -> str:
    return "1" if z > 0 else n(LEAKY_SLOPE)


ACTIVATIONS = {
    "identity": ActivationFormula(
        "z", "1", lambda n, z: n(z), lambda n, z, a: "1", "sigma_prime_row"
    ),
    "sigmoid": ActivationFormula(
        _S, r"a \cdot (1 - a)", _sigmoid, lambda n, z, a: rf"{n(a)} \cdot (1 - {n(a)})",
        "sigmoid_prime",
    ),
    "tanh": ActivationFormula(
        r"\tanh(z)", "1 - a^2", lambda n, z: rf"\tanh({n(z)})",
        lambda n, z, a: f"1 - {n(a)}^2", "tanh_prime",
    ),
    "relu": ActivationFormula(
        r"\max(z, 0)", r"1 \text{ if } z > 0 \text{ else } 0",
        lambda n, z: rf"\max({n(z)}, 0)", lambda n, z, a: "1" if z > 0 else "0", "relu_prime",
    ),
    "leaky_relu": ActivationFormula(
        r"z \text{ if } z > 0 \text{ else } 0.01 z", r"1 \text{ if } z > 0 \text{ else } 0.01",
        lambda n, z: rf"{_slope(n, z)} \cdot {n(z)}", lambda n, z, a: _slope(n, z),
        "leaky_relu_prime",
    ),
    "elu": ActivationFormula(
        r"z \text{ if } z > 0 \text{ else } \exp(z) - 1",
        r"1 \text{ if } z > 0 \text{ else } \exp(z)",
        lambda n, z: n(z) if z > 0 else rf"\exp({n(z)}) - 1",
        lambda n, z, a: "1" if z > 0 else rf"\exp({n(z)})", "elu_prime",
    ),
    "softplus": ActivationFormula(
        r"\log(1 + \exp(z))", _S, lambda n, z: rf"\log(1 + \exp({n(z)}))",
        lambda n, z, a: _sigmoid(n, z), "sigmoid",
    ),
    "gelu": ActivationFormula(
        r"z \cdot \Phi(z)", r"\Phi(z) + z \cdot \varphi(z)",
        lambda n, z: rf"0.5 \cdot {n(z)} \cdot (1 + \erf({n(z)} / \num{{1.41421356}}))",
        _gelu_prime, "gelu_prime",
    ),
    "silu": ActivationFormula(
        "z / (1 + \\exp(-z))", r"s \cdot (1 + z \cdot (1 - s)),\ s = " + _S,
        lambda n, z: rf"{n(z)} / (1 + \exp(-{n(z)}))", _silu_prime, "silu_prime",
    ),
}  # fmt: skip
"""By name; softmax, whose sigma' is a Jacobian, and a user's own have none."""


def _error(n: Number, a: float, y: float) -> str:
    return f"({n(a)} - {n(y)})"


LOSSES = {
    "half_mse": LossFormula(
        r"\frac{1}{2 n_L} \sum_i (a_i - y_i)^2", "(a_i - y_i) / n_L",
        lambda n, a, y, k: f"{_error(n, a, y)} / {k}", "squared_prime",
        "da_L = (a_L - y) / n_L",
    ),
    "quadratic": LossFormula(
        r"\frac{1}{2} \sum_i (a_i - y_i)^2", "a_i - y_i",
        lambda n, a, y, k: f"{n(a)} - {n(y)}", "squared_prime",
        "da_L = a_L - y",
    ),
    "mae": LossFormula(
        r"\frac{1}{n_L} \sum_i \mid a_i - y_i \mid", r"\sign(a_i - y_i) / n_L",
        lambda n, a, y, k: rf"\sign({n(a)} - {n(y)}) / {k}", "absolute_prime",
        "da_L = np.sign(a_L - y) / n_L",
    ),
    "huber": LossFormula(
        r"\frac{1}{n_L} \sum_i h(a_i - y_i)", r"\clip(a_i - y_i, -1, 1) / n_L",
        lambda n, a, y, k: rf"\clip({n(a)} - {n(y)}, -1, 1) / {k}", "huber_prime",
        "da_L = np.clip(a_L - y, -1, 1) / n_L",
    ),
    "binary_cross_entropy": LossFormula(
        r"-\sum_i (y_i \log a_i + (1 - y_i) \log(1 - a_i))",
        "-(y_i / a_i - (1 - y_i) / (1 - a_i))",
        lambda n, a, y, k: f"-({n(y)} / {n(a)} - (1 - {n(y)}) / (1 - {n(a)}))",
        "binary_cross_entropy_prime",
        "da_L = -(y / a_L - (1 - y) / (1 - a_L))",
    ),
    "cross_entropy": LossFormula(
        r"-\sum_i y_i \log a_i", "-y_i / a_i",
        lambda n, a, y, k: f"-{n(y)} / {n(a)}", "cross_entropy_prime",
        "da_L = -y / a_L",
    ),
    "poisson": LossFormula(
        r"\frac{1}{n_L} \sum_i (a_i - y_i \log a_i)", "(1 - y_i / a_i) / n_L",
        lambda n, a, y, k: f"(1 - {n(y)} / {n(a)}) / {k}", "poisson_prime",
        "da_L = (1 - y / a_L) / n_L",
    ),
}  # fmt: skip
"""By name."""
