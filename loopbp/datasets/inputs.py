"""What a model that is there needs of a file: the columns that it was trained on, by name."""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray

from loopbp.datasets.columns import Column, Rows, Scan
from loopbp.datasets.dataset import REGRESSION
from loopbp.datasets.embedded import EMBEDDED
from loopbp.datasets.frames import Sheet, frame_kind, frame_scan, read_frame
from loopbp.datasets.header import position
from loopbp.datasets.idx import read_idx
from loopbp.datasets.labels import Rules, decode, join
from loopbp.datasets.npz import npz_inputs
from loopbp.datasets.options import Options, Reading
from loopbp.datasets.table import Found, listed, look, matrix
from loopbp.datasets.text import PathLike, TextTable, is_csv


class Inputs(NamedTuple):
    """Inputs, targets where the file holds them all, and how they were read."""

    X: NDArray[Any]
    y: NDArray[Any] | None
    facts: Reading
    """``facts.facts`` is what `Dataset.reading` is, ``facts.notes`` the sentences"""


def is_table(path: PathLike) -> bool:
    """Whether a file has columns with names: CSV, Parquet, Feather or Excel, by its ending."""
    return is_csv(path) or frame_kind(path) is not None


def read_inputs(
    source: PathLike,
    features: Sequence[str] | int,
    words: Sequence[str] = (),
    targets: Sequence[str] = (),
    *,
    task: str | None = None,
    header: bool | None = None,
    names: str | Sequence[str] | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    missing: str | None = "keep",
    na_values: str | Sequence[str] | None = None,
    arrays: str | Sequence[str] | None = None,
    sheet: str | None = None,
) -> Inputs:
    """Read what a model predicts from.

    Parameters
    ----------
    source
        A table, an ``.npz``, a folder of IDX files or an embedded name.  Of data with a test part
        that part is taken.
    features
        The columns of a table that the model takes, in its order; others are left out with a note.
        A number: of a model without names, the first so many columns.
    words
        Those of them that hold words: numbers in them stay as they are written.
    targets
        The columns to score against, where all of them are there.
    task
        Of the model, by which targets are read.
    header, names, separator, decimal, encoding, na_values, arrays, sheet
        As in `loopbp.datasets.load`.
    missing
        None: a missing cell is refused; else it comes as NaN, or as None among words.

    Returns
    -------
    X : array (m, n)
        As in `Dataset.X`.
    y : array or None
        None where a target column or a target is missing.
    facts : Reading

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError, ValueError
        If a column is missing (the nearest is named), or as in `read_csv`.
    """
    name = os.fspath(source)
    options = Options(
        header=header, names=names, separator=separator, decimal=decimal, na_values=na_values,
        words=words, sheet=sheet, task=task,
    )  # fmt: skip
    reading = Reading()
    if not is_table(source):
        if name.lower().endswith(".npz"):
            X, y = npz_inputs(source, arrays, reading, missing)
            return Inputs(X, y, reading)
        if name in EMBEDDED:
            data = EMBEDDED[name]()
        else:
            data = read_idx(name, None if arrays is None else str(arrays))
        reading = Reading(dict(data.reading), list(data.notes))
        if data.X_test is not None:
            return Inputs(data.X_test, data.y_test, reading)
        return Inputs(data.X, data.y, reading)
    if is_csv(source) or frame_kind(source) == "Excel":
        rows: Rows = (
            Sheet(source, sheet, reading)
            if frame_kind(source)
            else TextTable(source, separator, encoding or "utf-8")
        )
        known = [] if isinstance(features, int) else list(features)
        found = look(rows, options, reading, known)
        features, targets = _columns(source, found.positions, features, targets, reading)
        result = _scan(rows, found, features, words, targets)
        decimal = found.layout.decimal
    else:
        frame, reading, positions = read_frame(source)
        features, targets = _columns(source, positions, features, targets, reading)
        result = frame_scan(source, frame, features, targets, words, options.na)
        decimal = "."
    inputs = [result.columns[feature] for feature in features]
    _check(source, inputs, words, missing)
    rules = Rules(task, decimal, options.na, na_values is not None)
    table = result.table if not any(c.missing for c in inputs) else None
    reading.facts["rows"] = len(result.lines)
    return Inputs(matrix(inputs, table), _targets(source, result, targets, rules, reading), reading)


def _columns(
    path: Any,
    positions: dict[str, int],
    features: Sequence[str] | int,
    targets: Sequence[str],
    reading: Reading,
) -> tuple[list[str], list[str]]:
    """The columns to read: inputs, and targets if all are there."""
    names = list(positions)
    if isinstance(features, int):
        extra = [name for name in names if name not in targets]
        if len(extra) - features not in (0, 1):
            raise ValueError(f"{path}: {len(names)} columns, the model takes {features}")
        features = extra[:features]
        reading.say(f"the model names no columns: the first {len(features)} are taken")
    else:
        for name in features:
            position(path, positions, name, "the model takes it: ")
    taken = list(targets) if all(name in positions for name in targets) else []
    if {*taken} & {*features}:
        taken = []
    known = {*features, *taken}
    extra = [name for name in names if name not in known]
    reading.facts["columns_ignored"] = extra
    if extra:
        reading.say(f"columns that the model does not take are left out: {listed(extra)}")
    return list(features), taken


def _scan(
    rows: Rows, found: Found, features: Sequence[str], words: Sequence[str], targets: Sequence[str]
) -> Scan:
    known = {*words}
    numeric = [name for name in features if name not in known]
    return found.scan(rows, numeric, targets, [name for name in features if name in known])


def _check(path: Any, inputs: Sequence[Column], words: Sequence[str], missing: str | None) -> None:
    """Words where the model takes numbers, and missing cells that it cannot fill."""
    for column in inputs:
        if missing is None and column.missing:
            raise ValueError(
                f"{path}: {column.missing[0]} is missing, and the model was trained without "
                "missing cells (--missing mean or median)"
            )
        if column.words is None or column.name in words:
            continue
        word = next((word for word in column.words if word is not None), None)
        if word is not None:
            row = column.words.index(word)
            raise ValueError(
                f"{path}: row {row + 1}, column {column.name!r}: expected a number as in the "
                f"training, got {word!r}"
            )


def _targets(
    path: Any, result: Scan, targets: Sequence[str], rules: Rules, reading: Reading
) -> NDArray[Any] | None:
    if not targets:
        return None
    if any(cell == "" for name in targets for cell in result.cells[name]):
        reading.say("targets are missing, so there is no score")
        return None
    if len(targets) > 1 and rules.task is None:
        rules = Rules(REGRESSION, rules.decimal, rules.na, rules.na_given)
    try:
        columns = [decode(path, name, result.cells[name], rules, result.place) for name in targets]
        return join(path, columns, rules.task)
    except ValueError as error:
        reading.say(f"no score: {error}")
        return None
