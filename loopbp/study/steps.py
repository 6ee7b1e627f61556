"""The steps of a pass over a small network as single numbers, any of which may be replaced.

A key names one number: ``("z", l, t, i)``, and so ``a``, ``da`` and ``delta``; ``("dw", l, i, j)``
and ``("db", l, i)``; all counted as in arrays.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from loopbp import reference
from loopbp.catalogue import IDENTITY, SOFTMAX
from loopbp.jit.sources import plain
from loopbp.network.network import Network
from loopbp.parameters import biases_of, weights_of

Array = NDArray[Any]
Key: TypeAlias = tuple[str | int, ...]
Layers: TypeAlias = list[Array]

SOURCES = {
    "z": "5", "a": "1", "delta": "task2", "da": "BP3", "dw": "BP1", "db": "BP2",
}  # fmt: skip
"""The equation of `loopbp.notation` behind each kind of number; task1 for delta^L."""


@dataclass(frozen=True)
class Problem:
    """A network and a batch."""

    net: Network
    X: Array
    Y: Array

    @property
    def m(self) -> int:
        """Examples."""
        return len(self.X)

    @property
    def L(self) -> int:  # noqa: N802
        """Weight layers."""
        return len(self.net.sizes) - 1

    def code(self, l: int) -> int:
        """Of the activation of layer l."""
        return int(self.net.architecture.activation[l])

    def prime(self, l: int, z: Array) -> Array:
        """sigma'(z) in layer l."""
        out = np.empty_like(z)
        reference.delta_from_da(self.code(l), 0, z, np.ones_like(z), out)
        return out

    def loss_gradient(self, z: Array, a: Array) -> Array:
        """dC/da of the outputs."""
        return self._output_delta(IDENTITY, z, a)

    def output_delta(self, z: Array, a: Array) -> Array:
        """delta^L."""
        return self._output_delta(self.code(self.L), z, a)

    def _output_delta(self, code: int, z: Array, a: Array) -> Array:
        out = np.empty_like(z)
        loss = self.net.architecture.loss
        reference.output_delta(loss, code, 0, z, a, self.Y, np.ones(self.m), out)
        return out

    @property
    def softmax(self) -> bool:
        """Whether the output is softmax."""
        return self.code(self.L) == SOFTMAX


@dataclass(frozen=True)
class State:
    """All numbers of a pass; lists by layer, empty where there is nothing."""

    z: Layers = field(default_factory=list)
    a: Layers = field(default_factory=list)
    da: Layers = field(default_factory=list)
    delta: Layers = field(default_factory=list)
    dw: Layers = field(default_factory=list)
    db: Layers = field(default_factory=list)

    def __getitem__(self, key: Key) -> float:
        kind, l, *index = key
        return float(getattr(self, str(kind))[l][tuple(index)])

    def theta(self, problem: Problem) -> Array:
        """dJ/dtheta, flat."""
        gradient = np.empty(problem.net.theta.size)
        for l in range(1, problem.L + 1):
            plain(weights_of)(gradient, problem.net.architecture, l)[...] = self.dw[l]
            plain(biases_of)(gradient, problem.net.architecture, l)[...] = self.db[l]
        return gradient


def solve(problem: Problem, given: Mapping[Key, float] | None = None) -> State:
    """Every number of a pass, each from those before it.

    Parameters
    ----------
    problem
        Network and batch.
    given
        Numbers that replace what would be computed; what comes after follows from them.
    """
    held = given or {}
    net, L = problem.net, problem.L
    found = State(*([np.empty(0)] * (L + 1) for _ in range(6)))
    found.a[0] = problem.X

    def keep(kind: str, l: int, values: Array) -> None:
        for key, value in held.items():
            if key[:2] == (kind, l):
                values[tuple(int(k) for k in key[2:])] = value
        getattr(found, kind)[l] = values

    for l in range(1, L + 1):
        keep("z", l, found.a[l - 1] @ net.weights[l - 1].T + net.biases[l - 1])
        a = np.empty_like(found.z[l])
        reference.activation(problem.code(l), 0, found.z[l], a)
        keep("a", l, a)
    keep("delta", L, problem.output_delta(found.z[L], found.a[L]))
    for l in range(L - 1, 0, -1):
        keep("da", l, found.delta[l + 1] @ net.weights[l])
        keep("delta", l, found.da[l] * problem.prime(l, found.z[l]))
    for l in range(1, L + 1):
        keep("dw", l, found.delta[l].T @ found.a[l - 1] / problem.m)
        keep("db", l, found.delta[l].mean(axis=0))
    return found


def label(key: Key, problem: Problem) -> str:
    """Markup of the name of a number."""
    kind, l, *index = key
    if kind == "dw":
        return rf"\frac{{\partial J}}{{\partial \omega^{l}_{{{index[0]},{index[1]}}}}}"
    if kind == "db":
        return rf"\frac{{\partial J}}{{\partial b^{l}_{index[0]}}}"
    t, i = index
    example = rf" \text{{ of example {t}}}" if problem.m > 1 else ""
    if kind == "da":
        return rf"\frac{{\partial C^t}}{{\partial a^{l}_{i}}}{example}"
    symbol = r"\delta" if kind == "delta" else kind
    return rf"{symbol}^{l}_{i}{example}"


def source(key: Key, problem: Problem) -> str:
    """The key of the equation behind a number."""
    kind, l = key[:2]
    if kind == "delta" and l == problem.L:
        return "task1"
    return SOURCES[str(kind)]
