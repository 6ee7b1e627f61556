"""Targets from the cells of their columns: labels as they are written, or values."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.datasets.cells import has_fraction, has_groups, is_whole, number
from loopbp.datasets.dataset import CLASSIFICATION, MULTILABEL, REGRESSION

_INT64 = range(-(2**63), 2**63)
Place = Callable[[int], str]


@dataclass(frozen=True)
class Rules:
    """How target cells are read."""

    task: str | None = None
    decimal: str = "."
    na: frozenset[str] = frozenset({""})
    na_given: bool = False
    """whether somebody said which cells count as missing"""
    missing: str | None = None


def row_place(row: int) -> str:
    """A row for a message where its line is not known."""
    return f"row {row + 1}"


def missing_targets(
    path: Any, name: str, cells: Sequence[str], rules: Rules, place: Place = row_place
) -> NDArray[np.bool_]:
    """(m,), True where a target is missing.

    Raises
    ------
    ValueError
        If one is missing and such rows are not to be left out, or a cell may be a label as well.
    """
    distinct = {*cells}
    listed = sorted(distinct & rules.na - {""})
    others = distinct - rules.na
    if listed and not rules.na_given and distinct - {""} == {"+", "-"}:
        listed = []  # the labels of a yes or no
    words = any(number(cell, rules.decimal) is None for cell in others)
    if listed and words and not rules.na_given and rules.missing is None:
        row = next(k for k, cell in enumerate(cells) if cell == listed[0])
        raise ValueError(
            f"{path}: {place(row)}, column {name!r}: is {listed[0]!r} a label or a missing target? "
            "--missing drop leaves such rows out, --na-value '' takes it as a label"
        )
    lost = {*listed, ""} & rules.na
    if not distinct & lost:
        return np.zeros(len(cells), bool)
    mask = np.array([cell in lost for cell in cells], dtype=bool)
    if rules.missing != "drop":
        row = int(mask.argmax())
        what = repr(cells[row]) if cells[row] else "empty"
        raise ValueError(
            f"{path}: {place(row)}, column {name!r}: the target is {what}, which counts as missing "
            f"({int(mask.sum())} in all); --missing drop leaves such rows out"
        )
    return mask


def decode(
    path: Any, name: str, cells: Sequence[str], rules: Rules, place: Place = row_place
) -> NDArray[Any]:
    """One target column: int64 labels, strings, or float64 values.

    Whole numbers are labels unless values are asked for, and stay strings where they would be
    printed otherwise than they are written: ``007``, or more than 64 bits.

    Raises
    ------
    ValueError
        If a cell is not a number where it must be one: row and column are named.
    """
    task = rules.task

    def refuse(cell: str, why: str) -> ValueError:
        return ValueError(f"{path}: {place(cells.index(cell))}, column {name!r}: {why}")

    known = {cell: number(cell, rules.decimal) for cell in dict.fromkeys(cells)}
    wrong = [cell for cell, n in known.items() if n is None or not math.isfinite(n)]
    for cell in known:
        if "\n" in cell or "\r" in cell:
            raise refuse(cell, f"{cell!r} goes over several lines: is a quote not closed?")
    other = "," if rules.decimal == "." else "."
    odd = [c for c in wrong if has_groups(c, rules.decimal) or number(c, other) is not None]
    if odd and len(odd) == len(wrong) and task != CLASSIFICATION:
        raise refuse(
            odd[0],
            f"expected a finite number, got {odd[0]!r}; digits in groups are not read, "
            f"--decimal '{other}' reads decimal signs, --task classification takes it as a label",
        )
    fractions = any(has_fraction(c, rules.decimal) for c in known)
    if wrong and (task in (REGRESSION, MULTILABEL) or (task is None and fractions)):
        raise refuse(
            wrong[0],
            f"expected a finite number, got {wrong[0]!r}"
            + ("" if task else "; --task classification takes the cells as labels"),
        )
    values = task == MULTILABEL and not all(is_whole(c) for c in known)
    if task == REGRESSION or values or (task is None and not wrong and fractions):
        return np.array([known[cell] for cell in cells], dtype=np.float64)
    if all(is_whole(c) and int(c) in _INT64 for c in known):
        return np.array([int(cell) for cell in cells], dtype=np.int64)
    return np.array(cells, dtype=str)


def join(path: Any, columns: Sequence[NDArray[Any]], task: str | None) -> NDArray[Any]:
    """Several target columns as one array of rows: int64 where all hold 0 and 1.

    Raises
    ------
    ValueError
        If classes are asked for and other numbers are there.
    """
    if len(columns) == 1:
        return columns[0]
    y = np.column_stack(columns)
    if task != REGRESSION and np.isin(y, (0, 1)).all():
        single = y.sum(axis=1) == 1
        if task == CLASSIFICATION and not single.all():
            raise ValueError(
                f"{path}: row {int(single.argmin()) + 1}: the target columns hold "
                f"{int(y[single.argmin()].sum())} times 1; a class is a single 1, --task "
                "multilabel takes several"
            )
        return y.astype(np.int64)
    if task in (CLASSIFICATION, MULTILABEL):
        raise ValueError(f"{path}: {task} by several target columns needs them to hold 0 and 1")
    return y


def taken_as(y: NDArray[Any], task: str, named: str | None) -> tuple[str, str]:
    """What targets were taken as, and why."""
    why = f"--task {named}" if named else ""
    if task == REGRESSION:
        return "values", why or "numbers with a decimal sign or an exponent"
    if y.ndim == 2:
        if task == CLASSIFICATION:
            return "one-hot rows", why or "each row holds a single 1"
        return "several labels at once", why or "rows of 0 and 1"
    if y.dtype.kind in "iu":
        return "labels", why or "whole numbers; --task regression takes them as values"
    return "labels", why or "as they are written"


def same_number(y: NDArray[Any]) -> list[str]:
    """Two labels that are one number written differently, such as 7 and 007."""
    if y.dtype.kind != "U":
        return []
    first: dict[float, str] = {}
    for label in np.unique(y).tolist():
        value = number(label)
        if value is not None and math.isfinite(value):
            if value in first and not (is_whole(first[value]) and is_whole(label)):
                return [first[value], label]
            first.setdefault(value, label)
    return []
