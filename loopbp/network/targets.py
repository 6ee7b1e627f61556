"""From what people call y to the target matrix Y of shape (m, n_L), and what kind of task it is."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loopbp.catalogue import LOSSES
from loopbp.validate import as_array, as_finite

CLASSIFICATION, MULTILABEL, REGRESSION = "classification", "multilabel", "regression"


class Targets(NamedTuple):
    """Encoded targets."""

    Y: NDArray[Any]
    """(m, n_L), of the network's dtype"""
    task: str
    """``classification``, ``multilabel`` or ``regression``"""
    classes: NDArray[Any] | None
    """the label of each class, or None for regression"""


def encode(
    name: str,
    y: Any,
    count: int,
    n_outputs: int,
    output: str,
    loss: str,
    dtype: np.dtype[Any],
    classes: NDArray[Any] | None = None,
) -> Targets:
    """Targets as the loss takes them.

    Parameters
    ----------
    name
        Of the argument, for messages.
    y
        One of: integer labels, which are class numbers 0..n_L-1 (0 and 1 for one output); string
        labels; one-hot or probability rows (m, n_L); 0/1 rows for several labels at once (sigmoid
        outputs); numbers for regression, (m,) for one output or (m, n_L).
    count
        m.
    n_outputs, output, loss
        Of the network.
    classes
        The labels known from an earlier fit or the preprocessing; None: string labels are sorted
        to make them, whole numbers are class numbers.

    Raises
    ------
    TypeError, ValueError
        If y does not fit the network; the message names the row.
    """
    array = as_array(name, y)
    if array.ndim not in (1, 2) or array.shape[0] != count:
        raise ValueError(
            f"{name}: expected {count} targets, one for each row of X, got shape {array.shape}"
        )
    if array.dtype.kind == "O":
        array = _plain_objects(name, array)
    as_labels = takes_labels(output, loss) and (
        LOSSES[loss].labels or n_outputs > 1 or array.dtype.kind in "iubUS"
    )
    if array.ndim == 2 and array.shape[1] == 1 and (n_outputs == 1 or as_labels):
        array = array[:, 0]  # a column of labels or values, as a table gives it
    if array.ndim == 1 and as_labels:
        return _labels(name, array, n_outputs, dtype, classes)
    if array.dtype.kind in "US" and as_labels:
        raise ValueError(
            f"{name}: expected one label for each example, shape ({count},), got strings of shape "
            f"{array.shape}; choose one column, as in y[:, 0]"
        )
    if array.dtype.kind in "US":
        raise TypeError(
            f"{name}: expected numbers for output {output!r} with loss {loss!r}, got strings; "
            "for labels use output='softmax', or 'sigmoid' for two classes"
        )
    if array.ndim == 1 and n_outputs > 1:
        raise ValueError(
            f"{name}: expected shape ({count}, {n_outputs}) for {n_outputs} outputs, "
            f"got {array.shape}"
        )
    rows = as_finite(name, array, dtype).reshape(count, -1)
    if rows.shape[1] != n_outputs:
        raise ValueError(
            f"{name}: expected {n_outputs} columns, got {rows.shape[1]}: the network has "
            f"{n_outputs} output{'s' * (n_outputs > 1)}, the last of its sizes"
        )
    return _rows(name, rows, n_outputs, output, loss, classes)


def takes_labels(output: str, loss: str) -> bool:
    """Whether the targets of a network may be labels."""
    return LOSSES[loss].labels or output in ("softmax", "sigmoid")


def _plain_objects(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Objects (of a data frame, a mixed list) as strings or numbers."""
    flat = array.ravel().tolist()
    if all(isinstance(v, str) for v in flat):
        return array.astype(str)
    if any(isinstance(v, str) for v in flat):
        row = next(k for k, v in enumerate(flat) if not isinstance(v, str))
        raise TypeError(f"{name}: expected labels of one kind, got {flat[row]!r} among strings")
    if all(isinstance(v, int) and not isinstance(v, bool) for v in flat):
        try:  # float64 would make one label of two large ones
            return np.array(flat, np.int64).reshape(array.shape)
        except OverflowError:
            return array.astype(str)
    try:
        return np.array(flat).reshape(array.shape).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: expected labels or numbers, got {flat[0]!r}") from error


def _labels(
    name: str,
    array: NDArray[Any],
    n_outputs: int,
    dtype: np.dtype[Any],
    classes: NDArray[Any] | None,
) -> Targets:
    n_classes = max(n_outputs, 2)
    if array.dtype.kind in "US":
        array = array.astype(str)
        if classes is None:
            classes = np.unique(array)
            if len(classes) != n_classes:
                raise ValueError(
                    f"{name}: expected {n_classes} different labels for {n_outputs} outputs, "
                    f"got {len(classes)}: {', '.join(classes[:6])}"
                )
        number = _places(name, array, classes)
    elif classes is None or np.array_equal(classes, np.arange(n_classes)):
        values = as_finite(name, array, np.dtype(np.float64))
        if n_outputs == 1 and array.dtype.kind == "f" and ((values >= 0) & (values <= 1)).all():
            # one probability each; 0 and 1 are the two labels
            return Targets(values.astype(dtype)[:, None], CLASSIFICATION, np.arange(2))
        wrong = (values < 0) | (values >= n_classes) | (values != np.floor(values))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(
                f"{name}: expected class numbers 0 to {n_classes - 1}, got {array[row]} "
                f"at row {row}{_other_numbering(values, n_classes)}"
            )
        number = values.astype(np.int64)
        classes = np.arange(n_classes)
    else:
        number = _places(name, array, classes)
    if n_outputs == 1:
        return Targets(number.astype(dtype)[:, None], CLASSIFICATION, classes)
    Y = np.zeros((len(number), n_outputs), dtype)
    Y[np.arange(len(number)), number] = 1
    return Targets(Y, CLASSIFICATION, classes)


def _places(name: str, array: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.int64]:
    """Which of the known classes each label is; 2 and "2" are the same label."""
    if array.dtype.kind == "f":
        whole = as_finite(name, array, np.dtype(np.float64))
        if (whole != np.floor(whole)).any():
            row = int(np.argmax(whole != np.floor(whole)))
            raise ValueError(f"{name}: expected a label, got {array[row]} at row {row}")
        array = whole.astype(np.int64)
    if array.dtype.kind == "b" and not np.isin(classes.astype(str), ("True", "False")).all():
        array = array.astype(np.int64)
    if array.dtype.kind != "U" or classes.dtype.kind != "U":
        array, known = array.astype(str), classes.astype(str)
    else:
        known = classes
    order = np.argsort(known)
    number = order[np.minimum(np.searchsorted(known[order], array), len(known) - 1)]
    unseen = known[number] != array
    if unseen.any():
        row = int(np.argmax(unseen))
        raise ValueError(
            f"{name}: expected one of the labels {', '.join(known[:12])}, "
            f"got {str(array[row])!r} at row {row}"
        )
    return number


def _other_numbering(values: NDArray[Any], n_classes: int) -> str:
    """How labels that are numbered in another way become class numbers from 0."""
    known = np.unique(values)
    if n_classes == 2 and np.array_equal(known, [-1, 1]):
        return "; for labels -1 and 1 pass (y > 0).astype(int)"
    if np.array_equal(known, np.arange(1, n_classes + 1)):
        return f"; for labels from 1 to {n_classes} pass y - 1"
    if len(known) == n_classes:
        return "; other labels may be passed as strings: y.astype(str)"
    return ""


def _rows(
    name: str,
    rows: NDArray[Any],
    n_outputs: int,
    output: str,
    loss: str,
    classes: NDArray[Any] | None,
) -> Targets:
    low, high = LOSSES[loss].targets
    if high < np.inf:
        wrong = ((rows < low) | (rows > high)).any(axis=1)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(
                f"{name}: expected values in [{low:g}, {high:g}] for {loss}, got {rows[row]} "
                f"at row {row}"
            )
    if output == "softmax" and loss == "cross_entropy":
        # delta^L = p - y holds only for rows that sum to 1
        wrong = np.abs(rows.sum(axis=1) - 1) > 1e-4
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(
                f"{name}: expected rows that sum to 1 for softmax with cross_entropy, "
                f"got the sum {rows[row].sum():.6g} at row {row}"
            )
    if (rows < low).any():
        row = int(np.argmax((rows < low).any(axis=1)))
        raise ValueError(f"{name}: expected counts of at least {low:g} for {loss}, got "
                         f"{rows[row]} at row {row}")  # fmt: skip
    if output == "softmax":
        known = classes if classes is not None else np.arange(n_outputs)
        return Targets(rows, CLASSIFICATION, known)
    if output == "sigmoid" and LOSSES[loss].labels:
        return Targets(rows, MULTILABEL, np.arange(n_outputs))
    return Targets(rows, REGRESSION, None)


def decode(a: NDArray[Any], task: str, classes: NDArray[Any] | None) -> NDArray[Any]:
    """Predictions from output activations (m, n_L): labels, 0/1 rows, or values."""
    if task == CLASSIFICATION and classes is not None:
        number = (a[:, 0] > 0.5).astype(np.int64) if a.shape[1] == 1 else a.argmax(axis=1)
        return classes[number]
    if task == MULTILABEL:
        return (a > 0.5).astype(np.int64)
    return a[:, 0] if a.shape[1] == 1 else a


def score(a: NDArray[Any], Y: NDArray[Any], task: str) -> float:
    """Accuracy for classification, share of rows all right for several labels, else R**2.

    R**2 is averaged over outputs, each 1 - sum (y - a)**2 / sum (y - mean y)**2; an output whose
    targets are constant counts 1 if it is met exactly and 0 if not.  All sums are in float64.
    """
    if task == CLASSIFICATION:
        if a.shape[1] == 1:
            return float(np.mean((a[:, 0] > 0.5) == (Y[:, 0] > 0.5)))
        return float(np.mean(a.argmax(axis=1) == Y.argmax(axis=1)))
    if task == MULTILABEL:
        return float(np.mean(((a > 0.5) == (Y > 0.5)).all(axis=1)))
    error, spread = np.zeros((2, Y.shape[1]))
    constant = (Y[0] == Y).all(axis=0)
    # In units of the largest number there is, so that no square overflows or vanishes.
    unit = np.array([_largest(column) for column in (*Y.T, *a.T)]).reshape(2, -1).max(axis=0)
    unit = np.where(unit > 0, unit, 1.0)
    centre = sum(np.sum(y / unit, axis=0) for y in _in_float64(Y)) / len(Y)
    for y, found in zip(_in_float64(Y), _in_float64(a), strict=True):
        error += np.sum((y / unit - found / unit) ** 2, axis=0)
        spread += np.sum((y / unit - centre) ** 2, axis=0)
    spread = np.where(constant, 0.0, spread)
    ratio = error / np.where(constant, 1.0, spread)
    return float(np.mean(np.where(constant, np.where(error == 0, 1.0, 0.0), 1.0 - ratio)))


_SCORE_ROWS = 1 << 16  # bounds the memory of the float64 copies


def _in_float64(rows: NDArray[Any]) -> Iterator[NDArray[np.float64]]:
    """The rows in float64, block by block."""
    for start in range(0, len(rows), _SCORE_ROWS):
        yield rows[start : start + _SCORE_ROWS].astype(np.float64)


def _largest(column: NDArray[Any]) -> float:
    return float(max(abs(column.min()), abs(column.max())))
