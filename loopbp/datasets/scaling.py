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
            If there is no such kind, or a column runs over more than float64 holds.
        """
        if check_choice("scale", kind, KINDS) == "none":
            return cls("none")
        X = np.asarray(X, dtype=np.float64)
        shift, unit = _moments(X) if kind == "standard" else _ends(X)
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


def _moments(X: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Mean and standard deviation of each column, in units of its largest number.

    So the square of a number of 1e200 does not overflow, nor that of 1e-200 vanish.
    """
    size = _sizes(X)
    mean = np.mean(X / size, axis=0)
    rest = X / size - mean
    spread = _sizes(rest)
    return mean * size, np.sqrt(np.mean((rest / spread) ** 2, axis=0)) * spread * size


def _ends(X: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The smallest number of each column, and how far the largest is from it."""
    low, high = X.min(axis=0), X.max(axis=0)
    with np.errstate(over="ignore"):
        unit = high - low
    if not np.isfinite(unit).all():
        column = int(np.argmin(np.isfinite(unit)))
        raise ValueError(
            f"X: expected columns whose largest number less the smallest is finite, got "
            f"{low[column]:g} to {high[column]:g} in column {column}; divide that column first"
        )
    return low, unit


def _sizes(X: NDArray[Any]) -> NDArray[Any]:
    """The largest magnitude of each column; 1 where all are 0."""
    size = np.maximum(X.max(axis=0), -X.min(axis=0))
    return np.where(size > 0, size, 1.0)
