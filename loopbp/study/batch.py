"""All numbers of one forward and backward pass, by each engine, in float64."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp import reference
from loopbp.catalogue import IDENTITY
from loopbp.engines import pick
from loopbp.jit.sources import plain
from loopbp.network.network import Network
from loopbp.parameters import biases_of, layer_of, weights_of

Array = NDArray[Any]


@dataclass(frozen=True)
class Passes:
    """What one engine computes; lists by layer number, with an empty array where there is none."""

    z: list[Array]
    a: list[Array]
    delta: list[Array]
    dw: list[Array]
    db: list[Array]
    J: float


class Batch:
    """A network, a batch, and every number of its passes.

    Parameters
    ----------
    net
        Taken as it is now, in float64; not changed.
    X, y, sample_weight
        As in `Network.gradient`.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit, or the network or its outputs are not finite.
    """

    def __init__(self, net: Network, X: Any, y: Any, sample_weight: Any = None) -> None:
        if not isinstance(net, Network):
            raise TypeError(f"net: expected a Network, got {type(net).__name__}")
        data, _, _ = net._check_data(X, y, sample_weight)
        self.net, self.architecture = net, net.architecture
        self.sizes, self.L, self.m = net.sizes, len(net.sizes) - 1, len(data.X)
        self.weighted = sample_weight is not None
        self.theta = net.theta.astype(np.float64)
        self.X, self.Y, self.s = (
            np.ascontiguousarray(v, np.float64) for v in (data.X, data.Y, data.weight)
        )
        self.names = ("", *net.hidden, net.output)
        none = [np.empty(0)]
        self.w = none + [self._view(weights_of, self.theta, l) for l in range(1, self.L + 1)]
        self.b = none + [self._view(biases_of, self.theta, l) for l in range(1, self.L + 1)]
        for l in range(1, self.L + 1):
            for name, array in (("weights", self.w[l]), ("biases", self.b[l])):
                if not np.isfinite(array).all():
                    where = tuple(int(k) for k in np.argwhere(~np.isfinite(array))[0])
                    raise ValueError(
                        f"net: expected finite parameters, got {array[where]} in the {name} of "
                        f"layer {l} at {list(where)}"
                    )
        with np.errstate(over="ignore", invalid="ignore"):
            self.numpy = self._run("numpy")
        for l in range(1, self.L + 1):
            numbers = (getattr(self.numpy, name)[l] for name in ("z", "a", "delta", "dw", "db"))
            if not all(np.isfinite(array).all() for array in numbers):
                raise ValueError(
                    f"net: its numbers overflow in layer {l}: there is nothing to explain; make "
                    "its weights or the inputs smaller"
                )

    def _view(self, view: Any, theta: Array, l: int) -> Array:
        return plain(view)(theta, self.architecture, l)

    def _run(self, name: str) -> Passes:
        engine = pick(name, self.theta.size, self.m)
        units = self.m * sum(self.sizes[1:])
        z, a, delta = (np.empty(units) for _ in range(3))
        gradient, losses = np.empty_like(self.theta), np.empty(self.m)
        engine.forward(self.theta, self.architecture, self.X, z, a, 0, False)
        J = engine.cost(self.theta, self.architecture, self.Y, self.s, z, a, losses)
        engine.backward(
            self.theta, self.architecture, self.X, self.Y, self.s, z, a, delta, gradient, 0, False
        )
        layers = range(1, self.L + 1)
        none = [np.empty(0)]

        def split(buffer: Array) -> list[Array]:
            return none + [plain(layer_of)(buffer, self.architecture, l, self.m) for l in layers]

        return Passes(
            split(z),
            [self.X, *split(a)[1:]],
            split(delta),
            none + [self._view(weights_of, gradient, l) for l in layers],
            none + [self._view(biases_of, gradient, l) for l in layers],
            float(J),
        )

    @cached_property
    def loops(self) -> Passes:
        """What the literal loops compute."""
        return self._run("loops")

    def prime(self, l: int, t: int) -> tuple[Array, Array]:
        """sigma'(z^l) of example t by the reference and by the loops, each (n_l,)."""
        kernels = pick("loops", self.theta.size, self.m).kernels
        code, address = self.architecture.activation[l], self.architecture.sigma_prime[l]
        z = np.ascontiguousarray(self.numpy.z[l][t : t + 1])
        expected, found = np.empty_like(z), np.empty_like(z)
        reference.delta_from_da(code, int(address), z, np.ones_like(z), expected)
        kernels.delta_from_da(code, address, z, np.ones_like(z), found)
        return expected[0], found[0]

    def loss_gradient(self, t: int) -> tuple[Array, Array]:
        """dC^t/da^L of example t by the reference and by the loops, each (n_L,)."""
        kernels = pick("loops", self.theta.size, self.m).kernels
        z, a = (np.ascontiguousarray(v[self.L][t : t + 1]) for v in (self.numpy.z, self.numpy.a))
        y, one = np.ascontiguousarray(self.Y[t : t + 1]), np.ones(1)
        found = []
        for function in (reference.output_delta, kernels.output_delta):
            out = np.empty_like(z)
            # With the identity as output, delta is dC/da.
            function(self.architecture.loss, IDENTITY, 0, z, a, y, one, out)
            found.append(out[0])
        return found[0], found[1]

    def softmax_jacobian(self, t: int) -> Array:
        """da_k/dz_i of example t at [k, i], (n_L, n_L)."""
        a = self.numpy.a[self.L][t]
        return np.diag(a) - np.outer(a, a)

    def index(self, l: int, i: int, j: int | None) -> int:
        """Where a parameter stands in theta."""
        if j is None:
            return int(self.architecture.b_start[l]) + i
        return int(self.architecture.w_start[l]) + i * self.sizes[l - 1] + j
