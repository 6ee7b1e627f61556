"""`Definition`: what a network is, and what it takes as X and y."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loopbp.network import arguments, targets
from loopbp.own_activation import Activation
from loopbp.parameters import Architecture, biases_of, layer_views, weights_of
from loopbp.preparation import Preprocessing
from loopbp.training import Data
from loopbp.validate import as_matrix, as_real, check_matrix, check_weight


class Definition:
    """Layers, parameters and task of a network; `loopbp.Network` makes and uses it."""

    sizes: tuple[int, ...]
    loss_name: str
    l2: float
    dtype: np.dtype[Any]
    architecture: Architecture
    task: str | None
    classes: NDArray[Any] | None
    preprocessing: Preprocessing | None
    _hidden: list[str | Activation]
    _output: str | Activation
    _theta: NDArray[Any]

    @property
    def hidden(self) -> tuple[str, ...]:
        """Names of the activations of the hidden layers."""
        return tuple(arguments.name_of(which) for which in self._hidden)

    @property
    def output(self) -> str:
        """Name of the activation of the output layer."""
        return arguments.name_of(self._output)

    @property
    def theta(self) -> NDArray[Any]:
        """All parameters, shape (P,): layer after layer, w^l row by row, then b^l.  Writable."""
        return self._theta

    @theta.setter
    def theta(self, value: ArrayLike) -> None:
        self._theta[:] = as_real("theta", value, self._theta.shape)

    @property
    def weights(self) -> list[NDArray[Any]]:
        """w^l at [l - 1], shape (n_l, n_{l-1}): views into `theta`, to write to or to assign."""
        return layer_views(weights_of, self._theta, self.architecture)

    @property
    def biases(self) -> list[NDArray[Any]]:
        """b^l at [l - 1], shape (n_l,): views into `theta`, to write to or to assign."""
        return layer_views(biases_of, self._theta, self.architecture)

    @property
    def input_names(self) -> tuple[str, ...] | None:
        """Names of the inputs, n_0 of them; None where they have none.

        A column of words that is one-hot encoded gives an input for each word, ``colour=red``.
        """
        prepared = self.preprocessing
        return None if prepared is None or None in prepared.names else prepared.input_names

    def __repr__(self) -> str:
        hidden = self.hidden[0] if len(set(self.hidden)) == 1 else list(self.hidden)
        return (
            f"Network({list(self.sizes)}, hidden={hidden!r}, output={self.output!r}, "
            f"loss={self.loss_name!r})"
        )

    def _task(self) -> tuple[str, NDArray[Any] | None]:
        if self.task is not None:
            return self.task, self.classes
        return arguments.guess_task(self.output, self.loss_name, self.sizes[-1])

    def _inputs(
        self, X: Any, name: str = "X", prepared: Preprocessing | None = None, finite: bool = True
    ) -> NDArray[Any]:
        """X behind the preprocessing: (m, n_0), of the network's dtype.

        With ``finite`` False the caller sees in passing whether it is, and if not calls again.
        """
        prepared = prepared or self.preprocessing
        if prepared is None:
            check = check_matrix if finite else as_matrix
            return check(name, X, self.sizes[0], self.dtype)
        return prepared.inputs(name, X, self.dtype)

    def _check_data(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        classes: NDArray[Any] | None = None,
        prefix: str = "",
        prepared: Preprocessing | None = None,
        finite: bool = True,
    ) -> tuple[Data, str, NDArray[Any] | None]:
        x = self._inputs(X, f"{prefix}X", prepared, finite)
        known = self.classes if classes is None else classes
        if self.preprocessing is not None:
            y = self.preprocessing.targets(y)
        encoded = targets.encode(
            f"{prefix}y", y, len(x), self.sizes[-1], self.output, self.loss_name, self.dtype, known
        )
        weight = check_weight(f"{prefix}sample_weight", sample_weight, len(x), self.dtype)
        return Data(x, encoded.Y, weight), encoded.task, encoded.classes
