"""Shifting and scaling columns, in a form that is saved with a network."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.validate import check_choice

KINDS = ("none", "standard", "minmax")


@dataclass(frozen=True)
class Scaling:
    """``(x - shift) / unit`` for each column."""

    kind: str
    shift: tuple[float, ...] = ()
    unit: tuple[float, ...] = ()

    @classmethod
    def fitted(cls, kind: str, X: NDArray[Any]) -> "Scaling":
        """The scaling of some examples.

        Parameters
        ----------
        kind
            ``standard``: mean 0, standard deviation 1; ``minmax``: from 0 to 1; ``none``.
        X : array of shape (m, n)
            The training examples only, or the test part leaks into the model.

        Returns
        -------
        Scaling
            Constant columns are shifted to 0 and not scaled.

        Raises
        ------
        ValueError
            If there is no such kind.
        """
        if check_choice("scale", kind, KINDS) == "none":
            return cls("none")
        X = np.asarray(X, dtype=np.float64)
        if kind == "standard":
            shift, unit = X.mean(axis=0), X.std(axis=0)
        else:
            shift = X.min(axis=0)
            unit = X.max(axis=0) - shift
        # The standard deviation of a constant column is rounding, not 0.
        constant = unit <= 1e-12 * np.maximum(np.abs(shift), 1e-300)
        return cls(kind, tuple(shift.tolist()), tuple(np.where(constant, 1.0, unit).tolist()))

    def apply(self, X: NDArray[Any]) -> NDArray[Any]:
        """Examples in the scaled form; those of kind ``none`` as they are."""
        if self.kind == "none":
            return X
        return (X - np.array(self.shift)) / np.array(self.unit)

    def undo(self, X: NDArray[Any]) -> NDArray[Any]:
        """The inverse of `apply`."""
        if self.kind == "none":
            return X
        return X * np.array(self.unit) + np.array(self.shift)

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold; ``Scaling(**d)`` is its inverse."""
        return {"kind": self.kind, "shift": list(self.shift), "unit": list(self.unit)}
