"""Columns of a CSV file by name, as `loopbp predict` asks for them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.datasets.header import position
from loopbp.datasets.labels import Rules, decode, join
from loopbp.datasets.npz import npz_inputs
from loopbp.datasets.options import Options, Reading
from loopbp.datasets.table import look
from loopbp.datasets.text import PathLike, TextTable, is_csv

__all__ = ["csv_columns", "csv_header", "is_csv", "npz_inputs", "targets_from_text"]


def csv_header(path: PathLike) -> list[str]:
    """The column names of a CSV file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty, or its first line is no header.
    """
    return list(look(TextTable(path), Options(), Reading()).positions)


def csv_columns(
    path: PathLike, numeric: Sequence[str], text: Sequence[str] = ()
) -> tuple[NDArray[np.float64], list[list[str]]]:
    """Columns of a CSV file by name: finite numbers (rows, len(numeric)), and cells as they are.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a column is missing, a row is ragged, or a cell is not a finite number.
    """
    rows = TextTable(path)
    found = look(rows, Options(), Reading(), [*numeric, *text])
    for name in (*numeric, *text):
        position(path, found.positions, name)
    result = found.scan(rows, numeric, text, ())
    for name in numeric:
        column = result.columns[name]
        if column.missing:
            raise ValueError(f"{path}: {column.missing[0]}; expected a finite number")
        if column.words is not None:
            raise ValueError(
                f"{path}: row 1, column {name!r}: expected a finite number, got {column.words[0]!r}"
            )
    assert result.table is not None
    return result.table, [result.cells[name] for name in text]


def targets_from_text(
    path: PathLike, names: Sequence[str], columns: Sequence[Sequence[str]], task: str | None = None
) -> NDArray[Any]:
    """Targets from the cells of their columns: labels, or numbers.

    Raises
    ------
    ValueError
        If a cell is not a number where it must be one.
    """
    rules = Rules(task)
    return join(
        path, [decode(path, n, c, rules) for n, c in zip(names, columns, strict=True)], task
    )
