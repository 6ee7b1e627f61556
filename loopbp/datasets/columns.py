"""Columns of a table as numbers or as words, in one pass over its rows."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from loopbp.datasets.cells import EXACT, TRUTH, number, numbers, unlike_a_word
from loopbp.datasets.text import Row

_KEPT = 3  # missing cells that a message names


class Rows(Protocol):
    """What can be gone through row by row: a CSV file, a sheet."""

    path: Any
    kind: str

    def __iter__(self) -> Iterator[Row]: ...

    def sample(self) -> list[list[str]]:
        """The first rows."""
        ...


@dataclass
class Column:
    """One column: its numbers, NaN where missing, or its words, None where missing."""

    name: str
    numbers: NDArray[np.float64] | None = None
    words: list[str | None] | None = None
    truth: bool = False
    """whether True and False stood for 1 and 0"""
    missing: list[str] = field(default_factory=list)
    """the first cells that are missing, with their places"""

    @property
    def is_missing(self) -> NDArray[np.bool_]:
        """(m,), True where the cell is missing."""
        if self.numbers is not None:
            return np.isnan(self.numbers)
        return np.array([word is None for word in self.words or ()], dtype=bool)


@dataclass
class Scan:
    """What a pass found."""

    columns: dict[str, Column]
    cells: dict[str, list[str]]
    """of the columns that were asked for as they are"""
    lines: Sequence[int]
    """on which each row begins"""
    table: NDArray[np.float64] | None = None
    """the columns of numbers side by side, where they were read so"""

    def place(self, row: int) -> str:
        """A row for a message, counted from 1 below the header."""
        return place(row, self.lines[row])


def place(row: int, line: int) -> str:
    """A row, from 0, for a message."""
    return f"row {row + 1} (line {line})"


@dataclass
class Layout:
    """How the rows are read."""

    names: Sequence[str]
    header: bool
    decimal: str
    na: frozenset[str]

    def body(self, rows: Rows) -> Iterator[Row]:
        """The rows below the header, each as long as it."""
        width = len(self.names)
        source = iter(rows)
        if self.header:
            next(source)
        for row, (line, cells) in enumerate(source):
            if len(cells) != width:
                above = "the header" if self.header else "the first row"
                hint = ""
                if len(cells) == width + 1 and self.header and row == 0:
                    hint = "; --names gives a name to each column"
                elif len(cells) > width:
                    hint = "; a cell that holds the separator stands in double quotes"
                raise ValueError(
                    f"{rows.path}: {place(row, line)} has {len(cells)} columns, "
                    f"{above} has {width}{hint}"
                )
            yield line, cells


def scan(
    rows: Rows,
    layout: Layout,
    numeric: Sequence[str],
    text: Sequence[str] = (),
    words: Sequence[str] = (),
    blank: int | None = None,
) -> Scan:
    """Read columns.

    Parameters
    ----------
    rows, layout
        The table and how it is read.
    numeric
        Columns of numbers; of words where no cell is a number.
    text
        Columns whose cells are wanted as they are.
    words
        Columns of words, whatever they look like.
    blank
        The number of a column without a name, which must be empty.

    Raises
    ------
    ValueError
        If a row is ragged, or numbers and words stand in one column: row and column are named.
    """
    at = {name: k for k, name in enumerate(layout.names)}
    wanted = [at[name] for name in numeric]
    take = _getter(wanted)
    kept: dict[str, list[str]] = {name: [] for name in (*text, *words)}
    seen: dict[str, str] = {}  # one object for equal cells
    values, lines = array("d"), array("q")
    state = _Classes(layout, numeric)
    for line, cells in layout.body(rows):
        for name, column in kept.items():
            cell = cells[at[name]].strip()
            column.append(seen.setdefault(cell, cell))
        if blank is not None and cells[blank].strip():
            raise ValueError(
                f"{rows.path}: column {blank + 1} has no name in the header line and is not empty; "
                "--names gives them"
            )
        if numeric:
            picked = take(cells)
            found = numbers(picked, layout.decimal)
            values.extend(state.slowly(picked, len(lines), line) if found is None else found)
        lines.append(line)
    if not lines:
        raise ValueError(f"{rows.path}: no rows" + (" below the header" if layout.header else ""))
    table = np.empty((len(lines), 0))
    if numeric:
        table = np.frombuffer(values, np.float64).reshape(len(lines), len(numeric))
    state.check(rows.path, table, layout.decimal, lines)
    late = [numeric[j] for j in state.words]
    again: dict[str, list[str]] = {name: [] for name in late}
    if late:
        for _, cells in layout.body(rows):
            for name, column in again.items():
                cell = cells[at[name]].strip()
                column.append(seen.setdefault(cell, cell))
    columns = {}
    for j, name in enumerate(numeric):
        if name in again:
            columns[name] = _word_column(rows.path, layout, name, again[name], lines, True)
        else:
            columns[name] = Column(
                name, table[:, j], truth=j in state.truth, missing=state.missing.get(j, [])
            )
    for name in words:
        columns[name] = _word_column(rows.path, layout, name, kept.pop(name), lines, False)
    return Scan(columns, kept, lines, None if words or late else table)


def _getter(wanted: Sequence[int]) -> Any:
    if len(wanted) == 1:
        k = wanted[0]
        return lambda cells: (cells[k],)
    return itemgetter(*wanted) if wanted else None


class _Classes:
    """Which columns hold words, missing cells and truth values, found cell by cell."""

    def __init__(self, layout: Layout, names: Sequence[str]) -> None:
        self.layout, self.names = layout, names
        self.words: dict[int, tuple[int, int, str]] = {}  # the first: row, line, cell
        self.count: dict[int, int] = {}
        self.truth: dict[int, str] = {}
        self.missing: dict[int, list[str]] = {}

    def slowly(self, cells: Sequence[str], row: int, line: int) -> list[float]:
        """A row in which not every cell is a number; NaN for what is none."""
        return [self._cell(j, cell.strip(), row, line) for j, cell in enumerate(cells)]

    def _cell(self, j: int, cell: str, row: int, line: int) -> float:
        value = number(cell, self.layout.decimal)
        if value is not None:
            return value
        if cell in self.layout.na:
            known = self.missing.setdefault(j, [])
            if len(known) < _KEPT:
                shown = repr(cell) if cell else "an empty cell"
                known.append(f"{place(row, line)}, column {self.names[j]!r}: {shown}")
            return np.nan
        if cell in TRUTH:
            self.truth.setdefault(j, cell)
            return TRUTH[cell]
        self.words.setdefault(j, (row, line, cell))
        self.count[j] = self.count.get(j, 0) + 1
        return np.nan

    def check(
        self, path: Any, table: NDArray[np.float64], decimal: str, lines: Sequence[int]
    ) -> None:
        """Refuse columns that hold numbers and words, and numbers that do not fit."""
        for j, (row, line, cell) in self.words.items():
            held = int((~np.isnan(table[:, j])).sum())
            if j in self.truth and not (np.nan_to_num(table[:, j]) > 1).any():
                continue  # decided where the cells are seen again
            if held:
                why = unlike_a_word(cell, decimal)
                advice = f" ({why})" if why else ""
                name = self.names[j]
                others = "1 other cell is one" if held == 1 else f"{held:,} other cells are"
                raise ValueError(
                    f"{path}: {place(row, line)}, column {name!r}: expected a finite number, "
                    f"got {cell!r}{advice}; {others}: --words '{name}' takes all "
                    f"as words, --na-value '{cell}' such cells as missing, --drop '{name}' leaves "
                    "the column out"
                )
        beyond = np.isinf(table)
        if beyond.any():
            row, j = (int(k) for k in np.argwhere(beyond)[0])
            raise ValueError(
                f"{path}: {place(row, lines[row])}, column {self.names[j]!r}: expected a finite "
                "number, got one beyond 1.8e308"
            )


def _word_column(
    path: Any, layout: Layout, name: str, cells: list[str], lines: Sequence[int], guessed: bool
) -> Column:
    """Cells as words, None for the missing ones."""
    missing: list[str] = []
    refused: dict[str, str | None] = {}
    words: list[str | None] = []
    for row, cell in enumerate(cells):
        if cell in layout.na:
            if len(missing) < _KEPT:
                shown = repr(cell) if cell else "an empty cell"
                missing.append(f"{place(row, lines[row])}, column {name!r}: {shown}")
            words.append(None)
            continue
        if cell not in refused:
            refused[cell] = _no_word(cell, layout.decimal, guessed)
        if refused[cell]:
            raise ValueError(
                f"{path}: {place(row, lines[row])}, column {name!r}: expected a number or a word, "
                f"got {cell!r} ({refused[cell]}); --words '{name}' takes the column as words, "
                f"--drop '{name}' leaves it out"
            )
        words.append(cell)
    return Column(name, words=words, missing=missing)


def _no_word(cell: str, decimal: str, guessed: bool) -> str | None:
    if "\n" in cell or "\r" in cell:
        return "it goes over several lines: is a quote not closed?"
    if guessed and number(cell, decimal) is not None:
        return "numbers among words"
    return unlike_a_word(cell, decimal) if guessed else None


def whole_beyond(values: NDArray[np.float64]) -> bool:
    """Whether whole numbers are so large that float64 holds them without their last digits."""
    return bool(np.abs(np.nan_to_num(values)).max(initial=0.0) > EXACT)
