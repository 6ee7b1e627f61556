"""Checks of what people pass in, and their messages: the argument, what came, what was expected.

Compiled loops have no bounds checks, so everything is checked here, before any kernel runs.
"""

import math
import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.messages.suggestions import hint, listed


def check_number(
    name: str,
    value: Any,
    *,
    at_least: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> float:
    """A finite real number within bounds, as a float.

    Raises
    ------
    TypeError
        If it is not a number (True and False are not).
    ValueError
        If it is not finite or out of bounds.
    """
    bounds = [
        *([f"at least {at_least:g}"] if at_least is not None else []),
        *([f"above {above:g}"] if above is not None else []),
        *([f"below {below:g}"] if below is not None else []),
    ]
    expected = " ".join(["a number", " and ".join(bounds)]).strip()
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real | np.number):
        raise TypeError(f"{name}: expected {expected}, got {value!r}")
    number = float(value)
    if (
        not math.isfinite(number)
        or (at_least is not None and number < at_least)
        or (above is not None and number <= above)
        or (below is not None and number >= below)
    ):
        raise ValueError(f"{name}: expected {expected}, got {value!r}")
    return number


def check_count(name: str, value: Any, at_least: int = 1) -> int:
    """A whole number of at least `at_least`, as an int.

    Raises
    ------
    TypeError
        If it is not a whole number.
    ValueError
        If it is too small.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}: expected a whole number of at least {at_least}, got {value!r}")
    if value < at_least:
        raise ValueError(f"{name}: expected a whole number of at least {at_least}, got {value!r}")
    return int(value)


def check_choice(name: str, value: Any, choices: Iterable[str]) -> str:
    """One of the names in `choices`.

    Raises
    ------
    TypeError
        If it is not a string.
    ValueError
        If it is no such name; the nearest one is suggested.
    """
    known = list(choices)
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected one of {listed(known)}, got {value!r}")
    if value not in known:
        raise ValueError(
            f"{name}: expected one of {listed(known)}, got {value!r}{hint(value, known)}"
        )
    return value


def as_array(name: str, value: Any) -> NDArray[Any]:
    """What NumPy makes of lists, data frames and arrays.

    Raises
    ------
    ValueError
        If it is ragged.
    TypeError
        If NumPy cannot make an array of it.
    """
    if hasattr(value, "toarray") and not isinstance(value, np.ndarray):
        raise TypeError(f"{name}: expected a dense array, got a sparse one; call .toarray() on it")
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name}: expected rows of equal length, got a ragged sequence") from error


def check_matrix(name: str, value: Any, width: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Finite numbers of shape (examples, width) as a C-ordered, writable array of `dtype`.

    Lists, data frames, integers, float16, read-only, Fortran-ordered, strided and memory-mapped
    arrays are converted; what already fits is not copied.

    Raises
    ------
    TypeError
        If it does not hold real numbers.
    ValueError
        If it has another rank or width, no rows, or a NaN or infinity, which is located.
    """
    return as_finite(name, _matrix(name, value, width), dtype)


def as_matrix(name: str, value: Any, width: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """`check_matrix` for a caller who looks himself whether all is finite, in passing."""
    return _converted(name, _matrix(name, value, width), dtype)


def _matrix(name: str, value: Any, width: int) -> NDArray[Any]:
    array = as_array(name, value)
    if array.ndim != 2:
        hint = "; for one example pass X.reshape(1, -1)" if array.ndim == 1 else ""
        raise ValueError(
            f"{name}: expected shape (examples, {width}), got shape {array.shape}{hint}"
        )
    if array.shape[0] == 0:
        raise ValueError(f"{name}: expected at least one example, got none")
    if array.shape[1] != width:
        raise ValueError(f"{name}: expected shape (examples, {width}), got {array.shape}")
    return array


def as_finite(name: str, array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array of real numbers as C-ordered, writable and finite in `dtype`; see `check_matrix`."""
    converted = _converted(name, array, dtype)
    for start in range(0, len(converted), _FINITE_ROWS):
        finite = np.isfinite(converted[start : start + _FINITE_ROWS])
        if not finite.all():
            first, *rest = (int(k) for k in np.argwhere(~finite)[0])
            where = (start + first, *rest)
            raise ValueError(
                f"{name}: expected finite {dtype} numbers, got {array[where]} "
                f"at row {where[0]}" + (f", column {where[1]}" if len(where) > 1 else "")
            )
    return converted


_FINITE_ROWS = 4096  # rows that are looked at together: bounds the memory


def _converted(name: str, array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if array.dtype.kind == "O":
        for where, cell in np.ndenumerate(array):
            if isinstance(cell, str):  # NumPy would read "1_0" as 10
                raise TypeError(
                    f"{name}: expected real numbers, got {cell!r} at row {where[0]}"
                    + (f", column {where[1]}" if len(where) > 1 else "")
                    + "; for columns of words pass Network(..., preprocessing=...)"
                )
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{name}: expected real numbers, got {error}") from error
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: expected real numbers, got dtype {array.dtype}")
    with np.errstate(over="ignore"):
        return np.require(array, dtype, ["C", "A", "W"])


def as_real(name: str, value: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """Real numbers of one shape, of whatever dtype.

    Raises
    ------
    TypeError
        If they are not real numbers.
    ValueError
        If they have another shape.
    """
    array = as_array(name, value)
    if array.shape != shape:
        raise ValueError(f"{name}: expected shape {shape}, got {array.shape}")
    if array.dtype.kind == "O":
        try:
            return array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{name}: expected real numbers, got {error}") from error
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: expected real numbers, got dtype {array.dtype}")
    return array


def check_weight(name: str, value: Any, count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Weights of examples, scaled to a mean of 1; all 1 for None.

    Only ratios count, so weights may be of any size; one that is smaller than the mean by more
    than `dtype` holds (1e-38 in float32) counts as 0.

    Raises
    ------
    TypeError, ValueError
        If they are not `count` finite numbers of at least 0 with a positive sum.
    """
    if value is None:
        return np.ones(count, dtype)
    array = as_array(name, value)
    if array.shape != (count,):
        raise ValueError(f"{name}: expected one weight for each of {count} examples, "
                         f"got shape {array.shape}")  # fmt: skip
    weight = as_finite(name, array, np.dtype(np.float64))
    if (weight < 0).any():
        row = int(np.argmax(weight < 0))
        raise ValueError(f"{name}: expected weights of at least 0, got {weight[row]} at row {row}")
    largest = float(weight.max())
    if largest == 0.0:
        raise ValueError(f"{name}: expected a positive sum, got all zeros")
    weight = weight / largest  # their sum may be more than a number holds
    with np.errstate(under="ignore"):
        return (weight / weight.mean()).astype(dtype)
