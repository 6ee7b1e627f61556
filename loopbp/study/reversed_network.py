"""The reversed network of seed 002: backpropagation as a network that runs the other way.

"Such formula can be regarded as a new type of neuron": its inputs are delta^{l+1}, its weights
w^{l+1}_ni, its activation function multiplies by the constant sigma'(z^l_i), its output is
delta^l_i.  Here those neurons are run by the loop that runs the forward pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loopbp.binding import loops_engine
from loopbp.messages.calls import suggests
from loopbp.network.network import Network
from loopbp.study.batch import Batch
from loopbp.validate import check_matrix

Array = NDArray[Any]


@dataclass(frozen=True)
class ReversedLayer:
    """One layer of the reversed network: n_{l+1} inputs, n_l units, no bias."""

    l: int
    """The layer whose delta it gives."""
    weights: Array
    """(n_l, n_{l+1}): at [i, n] the w^{l+1}_ni, a copy"""
    gain: Array
    """(m, n_l): sigma'(z^l_i), a constant for each example"""

    def __call__(self, delta_next: Array) -> Array:
        """delta^l from delta^{l+1}: `loopbp.loops.weighted_input`, then the gain."""
        out = np.empty_like(self.gain)
        kernels = loops_engine(False).kernels
        kernels.weighted_input(self.weights, np.zeros(len(self.weights)), delta_next, out)
        return out * self.gain


@suggests
class ReversedNetwork:
    """A network whose input is delta^L and whose activations are all other deltas.

    Parameters
    ----------
    net
        Taken as it is now; not changed.
    X : array_like of shape (m, n_0)
        The batch: it fixes the gains sigma'(z).
    y
        As in `Network.fit`; fixes delta^L.
    sample_weight : array_like of shape (m,), optional
        As in `Network.fit`.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit, or the network is not finite.

    Examples
    --------
    >>> import loopbp
    >>> from loopbp.study import ReversedNetwork
    >>> net = loopbp.Network([2, 3, 1], hidden="tanh", seed=0)
    >>> ReversedNetwork(net, [[0.0, 1.0]], [1]).sizes
    (1, 3)
    """

    def __init__(
        self,
        net: Network,
        X: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        batch = Batch(net, X, y, sample_weight)
        self.output_delta: Array = batch.loops.delta[batch.L].copy()
        """delta^L of the batch, (m, n_L)"""
        self.layers: tuple[ReversedLayer, ...] = tuple(
            ReversedLayer(
                l,
                np.ascontiguousarray(batch.w[l + 1].T),
                np.vstack([batch.prime(l, t)[1] for t in range(batch.m)]),
            )
            for l in range(batch.L - 1, 0, -1)
        )
        """In the order in which they run: l = L - 1 first, l = 1 last."""
        self.sizes: tuple[int, ...] = net.sizes[:0:-1]
        """n_L, ..., n_1"""

    def __call__(self, delta: ArrayLike | None = None) -> list[Array]:
        """Run it.

        Parameters
        ----------
        delta : array_like of shape (m, n_L), optional
            What goes in; None: `output_delta`.

        Returns
        -------
        list of arrays
            delta^L first, delta^1 last; delta^l of shape (m, n_l).

        Raises
        ------
        TypeError, ValueError
            If delta has another shape.
        """
        given = self.output_delta if delta is None else delta
        found = [check_matrix("delta", given, self.sizes[0], np.dtype(np.float64))]
        if len(found[0]) != len(self.output_delta):
            raise ValueError(
                f"delta: expected a row for each of {len(self.output_delta)} examples, "
                f"got {len(found[0])}"
            )
        for layer in self.layers:
            found.append(layer(found[-1]))
        return found
