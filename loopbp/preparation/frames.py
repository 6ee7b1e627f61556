"""Data frames, arrays and lists of rows, as columns with or without names."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.messages.suggestions import hint, listed
from loopbp.validate import as_array


def is_frame(value: Any) -> bool:
    """Whether something is a data frame: of pandas, polars or their like."""
    return hasattr(value, "columns") and hasattr(value, "__getitem__") and hasattr(value, "shape")


def frame_names(value: Any) -> tuple[str, ...] | None:
    """The column names of a data frame; None where it has none, or is no data frame.

    Numbers as names are pandas' way to say that there are no names.

    Raises
    ------
    ValueError
        If two columns have one name.
    """
    if not is_frame(value):
        return None
    names = list(value.columns)
    if not names or not all(isinstance(name, str) for name in names):
        return None
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"X: two columns are called {name!r}; rename one of them")
        seen.add(name)
    return tuple(names)


def pick_columns(argument: str, value: Any, names: Sequence[str | None]) -> list[NDArray[Any]]:
    """The columns of a table: of a data frame by name, of anything else by position.

    Parameters
    ----------
    argument
        Of the public function, for messages.
    value
        A data frame, an array of shape (m, n) or a list of rows.
    names
        Of the n columns that are wanted; None where a column has no name.

    Returns
    -------
    list of n arrays of shape (m,)

    Raises
    ------
    TypeError, ValueError
        If a column is missing, or the table has another width or rank.
    """
    found = frame_names(value)
    if found is not None and None not in names:
        known = set(found)
        for name in names:
            if name not in known:
                raise ValueError(
                    f"{argument}: no column {name!r}{hint(str(name), found)}; "
                    f"the columns are {listed(found)}"
                )
        return [np.asarray(value[name]) for name in names]
    if is_frame(value):
        if len(value.columns) != len(names):
            raise ValueError(
                f"{argument}: expected {len(names)} columns, got {len(value.columns)}: "
                f"{listed(map(str, value.columns))}"
            )
        if found is None and None not in names:
            raise ValueError(
                f"{argument}: expected the columns {listed(map(str, names))}, got a "
                "data frame without column names; pass X.to_numpy() to take them by position"
            )
        return [np.asarray(value[name]) for name in value.columns]
    array = as_array(argument, _with_mixed_rows(value))
    width = len(names)
    if array.ndim != 2:
        one = "; for one example pass [X]" if array.ndim == 1 else ""
        raise ValueError(
            f"{argument}: expected shape (examples, {width}), got shape {array.shape}{one}"
        )
    if array.shape[1] != width:
        raise ValueError(f"{argument}: expected shape (examples, {width}), got {array.shape}")
    return list(array.T)


def table_names(value: Any, names: Sequence[str] | None) -> tuple[str | None, ...]:
    """A name for each column of a table: those given, the frame's own, or None each.

    Raises
    ------
    TypeError, ValueError
        If there is no table of two dimensions, or the names do not fit it.
    """
    own = frame_names(value)
    if is_frame(value):
        width = len(value.columns)
    else:
        array = as_array("X", _with_mixed_rows(value))
        if array.ndim != 2:
            raise ValueError(f"X: expected shape (examples, inputs), got shape {array.shape}")
        width = array.shape[1]
    if names is None:
        return own or (None,) * width
    chosen = tuple(str(name) for name in names)
    if own is not None:
        return chosen  # looked up by name, so a part of the columns will do
    if len(chosen) != width:
        raise ValueError(f"names: expected {width}, one a column of X, got {len(chosen)}")
    if len(set(chosen)) != len(chosen):
        raise ValueError(f"names: expected different names, got {listed(chosen)}")
    return chosen


def as_table(value: Any) -> Any:
    """A table as it is, or rows of mixed kinds as an object array.

    NumPy would make strings of the numbers that stand beside strings in a list.
    """
    return value if is_frame(value) else _with_mixed_rows(value)


def _with_mixed_rows(value: Any) -> Any:
    if isinstance(value, np.ndarray) or not isinstance(value, Sequence) or isinstance(value, str):
        return value
    rows = [row for row in value if isinstance(row, Sequence) and not isinstance(row, str)]
    if any(cell is None or isinstance(cell, str) for row in rows for cell in row):
        if len({len(row) for row in rows}) > 1 or len(rows) != len(value):
            raise ValueError("X: expected rows of equal length, got a ragged sequence")
        mixed = np.empty((len(rows), len(rows[0])), object)
        for k, row in enumerate(rows):
            mixed[k] = row
        return mixed
    return value
