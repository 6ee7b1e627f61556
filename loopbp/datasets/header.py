"""Whether a table's first row holds names, and which column is an index that nobody named."""

import csv
import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from loopbp.datasets.cells import TRUTH, number

_COUNTED = 4  # so many names 0, 1, 2, ... are no row of data
_SHOWN = 10


def has_header(
    path: Any, sample: Sequence[Sequence[str]], decimal: str, na: frozenset[str]
) -> bool:
    """Whether the first row of a sample is a header.

    Raises
    ------
    ValueError
        If it may be one or a row of data.
    """
    first, *body = sample
    over, numbered = [], []  # words over numbers; numbers
    recurring = False
    for k, cell in enumerate(first):
        column = {row[k] for row in body if k < len(row)} - na
        numeric = bool(column) and all(c in TRUTH or number(c, decimal) is not None for c in column)
        if cell in TRUTH or number(cell, decimal) is not None:
            numbered.append((cell, numeric))
        elif cell not in na:
            if numeric:
                over.append(cell)
            recurring |= cell in column
    cells = [cell for cell, _ in numbered]
    whole = all(cell.isdecimal() for cell in cells)
    distinct = len({*cells}) == len(cells)
    if over and whole and distinct:
        return True
    if not cells and not recurring and not over and len({*first}) == len(first):
        return True
    if not cells and over:
        return True
    count = [str(k) for k in range(len(first))]
    if cells == count[: len(cells)]:
        index = first[0] == "" and len(cells) == len(first) - 1 and _counts(r[0] for r in body)
        if index or len(cells) >= _COUNTED:
            return True
    if not over and any(
        not c.isdecimal() and c not in TRUTH and numeric for c, numeric in numbered
    ):
        return False
    shown = one_line(",".join(first[:6])) + (",..." if len(first) > 6 else "")
    raise ValueError(
        f"{path}: the first row, {shown}, may be a header or data: say --no-header "
        "(header=False) where it is data, --header (header=True) where it holds the names"
    )


def _counts(cells: Iterable[str]) -> bool:
    """Whether cells count 0, 1, 2, ... or 1, 2, 3, ..."""
    column = list(cells)
    return bool(column) and column[0] in ("0", "1") and column == [
        str(k) for k in range(int(column[0]), int(column[0]) + len(column))
    ]  # fmt: skip


def one_line(text: str) -> str:
    """A text for a message, without line breaks."""
    return " ".join(text.split())


def split_names(text: str) -> list[str]:
    """Names separated by commas; one that holds a comma stands in double quotes."""
    return [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])]


def check_names(path: Any, names: Sequence[str], given: bool) -> dict[str, int]:
    """Where each column stands.

    Raises
    ------
    ValueError
        If a name is missing or there twice.
    """
    positions: dict[str, int] = {}
    for k, name in enumerate(names):
        if not name:
            raise ValueError(
                f"{path}: column {k + 1} has no name"
                + (" in --names" if given else " in the header line; --names gives them")
            )
        if name in positions:
            raise ValueError(
                f"{path}: two columns are called {name!r} ({positions[name] + 1} and {k + 1})"
                + ("" if given else "; --names gives them other names")
            )
        positions[name] = k
    return positions


def unnamed_index(names: Sequence[str], sample: Sequence[Sequence[str]]) -> bool:
    """Whether the first column is an index that a program wrote: unnamed, or named so."""
    if not names[0]:
        return len(names) > 1 and all(names[1:])
    return names[0] == "Unnamed: 0" and len(names) > 1 and _counts(row[0] for row in sample)


def lacks_index(sample: Sequence[Sequence[str]], given: Sequence[str] | None) -> bool:
    """Whether every row is one cell longer than the header, as R writes names of rows.

    The first column must look like that, or the names be given: a comma within numbers makes rows
    longer as well.
    """
    first, *body = sample
    if not body or any(len(row) != len(first) + 1 for row in body):
        return False
    if given is not None:
        return len(given) == len(first) + 1
    names = [row[0] for row in body]
    words = all(number(cell) is None for cell in names) and len({*names}) == len(names)
    return len(names) >= 3 and (words or _counts(names))


def position(path: Any, positions: dict[str, int], name: str, what: str = "") -> int:
    """Where a column stands.

    Raises
    ------
    ValueError
        If there is none of that name; the nearest is suggested.
    """
    if name in positions:
        return positions[name]
    shown = one_line(", ".join(list(positions)[:_SHOWN]))
    shown += ", ..." if len(positions) > _SHOWN else ""
    near = difflib.get_close_matches(str(name), positions, 1, 0.7)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{path}: {what}no column {name!r}{hint}; the columns are {shown}")


def chosen(path: Any, positions: dict[str, int], given: Any, what: str) -> list[str]:
    """The columns that somebody named.

    A name is taken as it is; only one that no column has and that holds commas is split at them.

    Raises
    ------
    ValueError
        If there is no such column.
    """
    names: dict[str, None] = {}
    for name in [given] if isinstance(given, str) else list(given or ()):
        parts = [part.strip() for part in str(name).split(",")]
        if name in positions or not all(part in positions for part in parts):
            parts = [name]
        for part in parts:
            position(path, positions, part, f"{what}: ")
            names[part] = None
    return list(names)
