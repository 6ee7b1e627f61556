"""What every source of data comes as."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.messages.calls import suggests

CLASSIFICATION, MULTILABEL, REGRESSION = "classification", "multilabel", "regression"
TASKS = (CLASSIFICATION, MULTILABEL, REGRESSION)


@suggests
@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples and their targets.

    ``X_test`` and ``y_test`` are there where the source itself holds some examples out.
    """

    X: NDArray[Any]
    """(m, n_0) numbers; where a column holds words or a cell is missing, objects: a float in a
    column of numbers (NaN where missing), a string in a column of words (None where missing)"""
    y: NDArray[Any]
    """(m,) labels or values, or (m, n_L)"""
    name: str
    """short: ``digits``, or the file's name without its ending"""
    source: str
    """where it comes from"""
    task: str
    """``classification``, ``multilabel`` or ``regression``: what the targets look like"""
    licence: str | None = None
    feature_names: tuple[str, ...] = ()
    """of the columns of X; empty where the source does not name them"""
    target_names: tuple[str, ...] = ("target",)
    """one name, or one for each column of y"""
    X_test: NDArray[Any] | None = None
    y_test: NDArray[Any] | None = None
    weight: NDArray[Any] | None = None
    """(m,) sample weights, where a column was asked for"""
    words: tuple[str, ...] = ()
    """names of the columns of X that hold words"""
    missing: str | None = None
    """what to do with missing cells: ``mean`` or ``median`` of the training part, or ``drop``,
    which is done"""
    categorical: str | None = None
    """how columns of words become numbers: ``onehot`` or ``ordinal``"""
    reading: dict[str, Any] = field(default_factory=dict)
    """what was found in a file, and what it was taken as, in types that JSON has"""
    notes: tuple[str, ...] = ()
    """the same in sentences"""

    def __repr__(self) -> str:
        test = "" if self.X_test is None else f", {len(self.X_test)} more held out"
        return f"Dataset({self.name!r}: {self.task}, X {self.X.shape}, y {self.y.shape}{test})"


def guess_task(y: NDArray[Any]) -> str:
    """What targets look like.

    Strings, booleans and integers are class labels, floats are values.  Rows of 0 and 1, integers
    or not, are one-hot classes where each holds a single 1, else several labels at once.
    """
    if y.ndim == 1:
        return REGRESSION if y.dtype.kind == "f" else CLASSIFICATION
    several = y.dtype.kind in "iub" or (y.dtype.kind == "f" and y.shape[1] > 1)
    if several and np.isin(y, (0, 1)).all():
        return CLASSIFICATION if (y.sum(axis=1) == 1).all() else MULTILABEL
    return REGRESSION
