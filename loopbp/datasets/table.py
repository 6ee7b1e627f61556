"""From a table's rows to a `Dataset`, with a word on all that was guessed."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.datasets.cells import MAX_WORDS, MISSING_TEXT, find_decimal
from loopbp.datasets.columns import Column, Layout, Rows, Scan, scan, whole_beyond
from loopbp.datasets.dataset import REGRESSION, Dataset, guess_task
from loopbp.datasets.header import (
    check_names,
    chosen,
    has_header,
    lacks_index,
    one_line,
    position,
    unnamed_index,
)
from loopbp.datasets.labels import Rules, decode, join, missing_targets, same_number, taken_as
from loopbp.datasets.options import Options, Reading
from loopbp.datasets.text import SEPARATORS, PathLike, TextTable

_LISTED = 6  # names in a note
_BY_CHANCE = 10  # fewer rows than this may count, or differ, by chance


def listed(names: Sequence[Any], quote: bool = True) -> str:
    """Names for a sentence, the first few of them."""
    shown = ", ".join(repr(str(n)) if quote else str(n) for n in names[:_LISTED])
    return one_line(shown) + (", ..." if len(names) > _LISTED else "")


@dataclass
class Found:
    """A table whose columns are known."""

    positions: dict[str, int]
    """of the columns that can be chosen"""
    layout: Layout
    blank: int | None = None
    """the number of a last column that has no name and is empty"""

    def scan(
        self, rows: Rows, numeric: Sequence[str], text: Sequence[str], words: Sequence[str]
    ) -> Scan:
        """Read columns by name."""
        return scan(rows, self.layout, numeric, text, words, self.blank)


def look(rows: Rows, options: Options, reading: Reading, known: Sequence[str] = ()) -> Found:
    """Header, names and decimal sign of a table of cells.

    Parameters
    ----------
    rows
        The table.
    options
        What was said about it.
    reading
        Where is put down what was found.
    known
        Columns that are expected: a first row that holds them all is a header.

    Raises
    ------
    ValueError
        If two readings are plausible, or names are missing or there twice.
    """
    path, sample = rows.path, rows.sample()
    decimal = options.decimal
    if decimal is None:
        decimal = find_decimal(path, (cell for row in (sample[1:] or sample) for cell in row))
    header = options.header
    if header is None:
        header = bool(known) and {*known} <= {*sample[0]}
    if header is False and options.header is None:
        try:
            header = has_header(path, sample, decimal, options.na)
        except ValueError:
            if not (known and all(name.startswith("column_") for name in known)):
                raise  # else a model of a table without a header is given another one
    said = "given" if options.header is not None else "found" if header else "absent"
    reading.facts |= {"kind": rows.kind, "header": header, "header_from": said}
    if isinstance(rows, TextTable):
        sign = SEPARATORS.get(rows.separator, repr(rows.separator))
        reading.facts |= {"separator": rows.separator, "separator_from": rows.found, "quote": '"'}
        where = f", separated by {sign}"
    else:
        where = ""
    reading.facts |= {
        "decimal": decimal, "decimal_from": "found" if options.decimal is None else "given",
    }  # fmt: skip
    if decimal == ",":
        where += ", decimal commas"
    given = options.given_names
    if header and lacks_index(sample, given):
        sample[0].insert(0, given[0] if given else "")
    names = list(sample[0]) if header else [f"column_{k + 1}" for k in range(len(sample[0]))]
    if header:
        shown = listed([repr(n) if "," in n else n for n in names if n], quote=False)
        line = f"{rows.kind}: the first row holds the names ({shown}){where}"
    else:
        line = f"{rows.kind}: no header, the first row is data{where}"
    reading.facts["names"] = "header" if header else "numbered"
    layout = Layout(names, header, decimal, options.na)
    if given is not None:
        if len(given) != len(names):
            raise ValueError(f"{path}: --names gives {len(given)} names to {len(names)} columns")
        layout.names, reading.facts["names"] = given, "given"
        line += "; names as given"
    elif not header:
        line += f"; columns are called column_1 to column_{len(names)}"
    reading.say(line)
    return _positions(rows, sample, layout, reading, given is not None)


def _positions(
    rows: Rows, sample: list[list[str]], layout: Layout, reading: Reading, given: bool
) -> Found:
    """The named columns, without an index and an empty last one."""
    names, blank = list(layout.names), None
    if not given and len(names) > 2 and not names[-1] and all(names[1:-1]):
        blank = len(names) - 1  # each line ends in a separator
        names[blank] = "\0blank"
    reading.facts["index_column"] = None
    index = not given and layout.header and unnamed_index(names, sample[1:])
    if index:
        what = "without a name" if not names[0] else f"{names[0]!r}, which counts the rows"
        reading.say(
            f"the first column, {what}, is taken as an index and left out",
            index_column=names[0],
        )
        names[0] = names[0] or "\0index"
    positions = check_names(rows.path, names, given)
    layout.names = names
    if index:
        del positions[names[0]]
    if blank is not None:
        del positions[names[blank]]
        reading.say("the last column, without a name and empty, is left out")
    return Found(positions, layout, blank)


def dataset(rows: Rows, options: Options, reading: Reading | None = None) -> Dataset:
    """A table of cells as examples and targets."""
    reading = reading or Reading()
    found = look(rows, options, reading)
    roles = Roles.of(rows.path, found.positions, options)
    weights = [roles.weight] if roles.weight else []
    words = {*roles.words}
    numeric = [name for name in (*roles.features, *weights) if name not in words]
    result = found.scan(rows, numeric, roles.targets, roles.words)
    return assemble(rows.path, result, roles, options, reading, found.layout.decimal)


@dataclass(frozen=True)
class Roles:
    """Which column is what."""

    features: list[str]
    targets: list[str]
    words: list[str]
    weight: str | None
    dropped: list[str]

    @classmethod
    def of(cls, path: Any, positions: dict[str, int], options: Options) -> "Roles":
        """Sort the columns by what was said of them."""
        targets = chosen(path, positions, options.target, "target") or [list(positions)[-1]]
        drop = chosen(path, positions, options.drop, "drop")
        words = chosen(path, positions, options.words, "words")
        if options.weight:
            position(path, positions, options.weight, "weight: ")
        dropped = {*drop}
        for name in targets:
            if name in dropped or name == options.weight:
                other = "drop" if name in dropped else "weight"
                raise ValueError(f"{path}: column {name!r} is named as target and as {other}")
        out = {*targets, *drop, *([options.weight] if options.weight else [])}
        features = [name for name in positions if name not in out]
        if not features:
            hint = ""
            if len(positions) == 1 and " " in next(iter(positions)):
                hint = "; --separator space reads columns separated by spaces"
            raise ValueError(f"{path}: no column is left for the inputs{hint}")
        for name in words:
            if name in out:
                raise ValueError(f"{path}: words: column {name!r} is no input")
        return cls(features, targets, words, options.weight, drop)


def assemble(
    path: PathLike, result: Scan, roles: Roles, options: Options, reading: Reading, decimal: str
) -> Dataset:
    """Columns as a `Dataset`: missing cells, words, targets."""
    rules = Rules(options.task, decimal, options.na, options.na_values is not None, options.missing)
    if len(roles.targets) > 1 and options.task is None:
        rules = Rules(REGRESSION, decimal, options.na, rules.na_given, options.missing)
    inputs = [result.columns[name] for name in roles.features]
    weights = result.columns[roles.weight] if roles.weight else None
    lost = np.zeros(len(result.lines), bool)
    for name in roles.targets:
        lost |= missing_targets(path, name, result.cells[name], rules, result.place)
    lost = _missing(path, inputs, weights, lost, options, reading)
    keep = ~lost
    kept = np.flatnonzero(keep)
    if len(kept) == 0:
        raise ValueError(f"{path}: no row is left without a missing cell")
    dropped = len(lost) - len(kept)
    if dropped:
        for column in inputs:
            _thin(column, keep, kept)

    def place(row: int) -> str:
        return result.place(int(kept[row]))

    columns = []
    for name in roles.targets:
        cells = result.cells[name]
        columns.append(
            decode(path, name, [cells[k] for k in kept] if dropped else cells, rules, place)
        )
    y = join(path, columns, options.task)
    words = _words(path, inputs, options, reading)
    weight = None
    if weights is not None:
        weight = _weight(path, weights, place, keep)
    task = options.task or guess_task(y)
    _say_what(path, inputs, roles, y, task, options, reading)
    reading.facts |= {
        "rows": len(result.lines), "rows_dropped": dropped, "inputs": len(inputs),
        "columns_dropped": roles.dropped, "weight": roles.weight,
    }  # fmt: skip
    return Dataset(
        X=matrix(inputs, result.table),
        y=y,
        weight=weight,
        name=Path(path).name.split(".")[0],
        source=os.fspath(path),
        task=task,
        feature_names=tuple(roles.features),
        target_names=tuple(roles.targets),
        words=tuple(words),
        missing=options.missing,
        categorical=options.categorical or ("onehot" if words else None),
        reading=reading.facts,
        notes=tuple(reading.notes),
    )


def _missing(
    path: Any,
    inputs: list[Column],
    weights: Column | None,
    lost: NDArray[np.bool_],
    options: Options,
    reading: Reading,
) -> NDArray[np.bool_]:
    """The rows to leave out; missing cells are counted, or refused."""
    counts: dict[str, int] = {}
    first: list[str] = []
    gaps = np.zeros(len(lost), bool)
    for column in inputs:
        if not column.missing:
            continue
        gone = column.is_missing
        counts[column.name] = int(gone.sum())
        if counts[column.name] == len(gone):
            raise ValueError(
                f"{path}: column {column.name!r} holds missing cells only; "
                f"--drop '{column.name}' leaves it out"
            )
        gaps |= gone
        first = first or column.missing
    if weights is not None and weights.missing:
        if options.missing != "drop":
            raise ValueError(f"{path}: {weights.missing[0]} is no weight")
        gaps |= weights.is_missing
    total = sum(counts.values())
    if total and options.missing is None:
        cells = "1 cell counts" if total == 1 else f"{total:,} cells count"
        rows = "that row" if gaps.sum() == 1 else f"the {int(gaps.sum()):,} rows"
        raise ValueError(
            f"{path}: {cells} as missing, first {first[0]}; --missing drop leaves out {rows}, "
            f"--missing mean or median fills the cells of numbers "
            f"(missing are: {MISSING_TEXT}; --na-value says otherwise)"
        )
    reading.facts["missing"] = {
        "cells": counts,
        "count_as_missing": sorted(options.na),
        "done": options.missing if total or lost.any() else None,
        "targets": int(lost.sum()),
    }
    if options.missing == "drop":
        lost = lost | gaps
        if lost.any():
            where = f" (inputs {listed(list(counts))})" if counts else ""
            reading.say(f"{int(lost.sum()):,} of {len(lost):,} rows left out: missing cells{where}")
    elif total:
        each = ", ".join(f"{name!r} {n:,}" for name, n in list(counts.items())[:_LISTED])
        more = ", ..." if len(counts) > _LISTED else ""
        reading.say(
            f"missing cells: {each}{more}; filled with the {options.missing} of the training part"
        )
    return lost


def _thin(column: Column, keep: NDArray[np.bool_], kept: NDArray[np.int64]) -> None:
    if column.numbers is not None:
        column.numbers = column.numbers[keep]
    if column.words is not None:
        column.words = [column.words[k] for k in kept]


def _words(path: Any, inputs: list[Column], options: Options, reading: Reading) -> list[str]:
    """The names of the columns of words; one of too many words is refused."""
    counts: dict[str, int] = {}
    for column in inputs:
        if column.words is None:
            continue
        distinct = {*column.words} - {None}
        counts[column.name] = len(distinct)
        if len(distinct) > MAX_WORDS and options.categorical is None:
            raise ValueError(
                f"{path}: column {column.name!r} holds {len(distinct):,} different words, such as "
                f"{listed(sorted(map(str, distinct))[:2])}; up to {MAX_WORDS} are taken without a "
                f"word: --drop '{column.name}' leaves it out, --categorical onehot or ordinal "
                "takes it"
            )
        if len(distinct) == len(column.words) >= _BY_CHANCE:
            reading.say(
                f"column {column.name!r} holds another word in every row and is taken as an input; "
                f"--drop '{column.name}' leaves it out"
            )
    reading.facts["words"] = counts
    if counts:
        each = ", ".join(f"{name!r} {n}" for name, n in list(counts.items())[:_LISTED])
        more = ", ..." if len(counts) > _LISTED else ""
        kind = options.categorical or "onehot"
        how = {"onehot": "an input for each word", "ordinal": "numbered in sorted order"}[kind]
        reading.say(f"columns of words: {each}{more} ({kind}: {how})")
    return list(counts)


def _weight(path: Any, column: Column, place: Any, keep: NDArray[np.bool_]) -> NDArray[Any]:
    if column.numbers is None:
        raise ValueError(f"{path}: column {column.name!r}: expected weights, got words")
    weight = column.numbers[keep]
    if (weight < 0).any():
        row = int(np.argmax(weight < 0))
        raise ValueError(f"{path}: {place(row)}, column {column.name!r}: a weight below 0")
    return weight


def _say_what(
    path: Any,
    inputs: list[Column],
    roles: Roles,
    y: NDArray[Any],
    task: str,
    options: Options,
    reading: Reading,
) -> None:
    """Targets, truth values, and inputs that are hardly meant as such."""
    kind, why = taken_as(y, task, options.task)
    count = len(np.unique(y)) if kind == "labels" else None
    by = "" if options.target else " (the last column)"
    what = f"{count:,} label{'s' if count > 1 else ''}" if count else kind
    noun = "target" if len(roles.targets) == 1 else "targets"
    reading.say(
        f"{noun} {listed(roles.targets)}{by}: {what} ({why})",
        targets={"names": roles.targets, "taken_as": kind, "why": why, "labels": count,
                 "from": "given" if options.target else "the last column"},
    )  # fmt: skip
    same = same_number(y) if kind == "labels" else []
    if same:
        reading.say(f"labels {same[0]!r} and {same[1]!r} are two, as they are written")
    truth = [column.name for column in inputs if column.truth]
    reading.facts["booleans"] = truth
    if truth:
        reading.say(f"True and False are 1 and 0 in {listed(truth)}")
    numbers = [column for column in inputs if column.numbers is not None]
    beyond = [c.name for c in numbers if c.numbers is not None and whole_beyond(c.numbers)]
    if beyond:
        reading.say(f"numbers beyond 2**53 lose digits in float64: {listed(beyond)}")
    counting = [c.name for c in numbers if c.numbers is not None and _counts_rows(c.numbers)]
    reading.facts["counting_columns"] = counting
    if counting:
        reading.say(
            f"column {counting[0]!r} counts the rows and is taken as an input; "
            f"--drop '{counting[0]}' leaves it out"
        )


def _counts_rows(values: NDArray[np.float64]) -> bool:
    return len(values) >= _BY_CHANCE and values[0] in (0, 1) and bool((np.diff(values) == 1).all())


def matrix(inputs: Sequence[Column], table: NDArray[np.float64] | None = None) -> NDArray[Any]:
    """Columns side by side: float64, or objects where there are words or missing cells."""
    columns = [c.numbers for c in inputs if c.numbers is not None]
    if len(columns) == len(inputs) and not any(c.missing and c.is_missing.any() for c in inputs):
        if table is not None and len(table) == len(columns[0]):
            return table[:, : len(inputs)]  # they stand side by side already
        return np.column_stack(columns).astype(np.float64, copy=False)
    rows = len(columns[0]) if columns else len(inputs[0].words or ())
    X = np.empty((rows, len(inputs)), dtype=object)
    for j, column in enumerate(inputs):
        X[:, j] = column.words if column.numbers is None else column.numbers.tolist()
    return X


def read_csv(
    path: PathLike,
    target: str | Sequence[str] | None = None,
    *,
    drop: str | Sequence[str] = (),
    task: str | None = None,
    weight: str | None = None,
    header: bool | None = None,
    names: str | Sequence[str] | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    missing: str | None = None,
    na_values: str | Sequence[str] | None = None,
    categorical: str | None = None,
    words: str | Sequence[str] = (),
    encoding: str = "utf-8",
) -> Dataset:
    """Read a CSV file.  Where two readings are plausible, it is refused.

    Cells are taken without the spaces around them.

    Parameters
    ----------
    path
        ``.csv``, ``.tsv`` or ``.data``, also with ``.gz``.
    target
        Name of the column to be predicted, or several names; None: the last column.  Words and
        whole numbers are class labels as they are written, other numbers are values.
    drop
        Names of columns to leave out.  A name with commas that no column has is split at them.
    task
        ``classification``, ``multilabel`` or ``regression`` where the targets do not say it
        themselves, such as whole numbers that are values.
    weight
        Name of the column of sample weights, at least 0.
    header
        Whether the first row holds the names; None: where that is plain.
    names
        Of all columns, in place of the header's; one string is split at commas outside of quotes.
    encoding
        Of the text: ``utf-8``, ``cp1252`` (older files of Excel), ``utf-16``, ...
    separator
        One sign, ``tab`` or ``space``; None: comma, semicolon, tab or bar, as the file has it.
    decimal
        ``.`` or ``,``; None: as the file has it.
    missing
        What to do with missing cells: ``drop`` their rows, or note ``mean`` or ``median`` in the
        data set, by which the training part fills them.  None: they are refused.
    na_values
        The cells that count as missing besides the empty one; None: `cells.MISSING`.
    categorical
        Note ``onehot`` or ``ordinal`` for columns of words; None: onehot, up to `cells.MAX_WORDS`
        words a column.
    words
        Names of columns that hold words, although they look like numbers.

    Returns
    -------
    Dataset
        With ``reading`` and ``notes`` on all that was found.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError, ValueError
        If an argument is out of its range; the file is empty, damaged, ragged, or can be read in
        more than one way: the message names row and column and the option that helps.

    Examples
    --------
    >>> from loopbp import datasets
    >>> data = datasets.read_csv("iris.data", header=False)  # doctest: +SKIP
    >>> data.feature_names  # doctest: +SKIP
    ('column_1', 'column_2', 'column_3', 'column_4')
    """
    options = Options(
        target, drop, task, weight, header, names, separator, decimal, missing, na_values,
        categorical, words,
    )  # fmt: skip
    return dataset(TextTable(path, separator, encoding), options)
