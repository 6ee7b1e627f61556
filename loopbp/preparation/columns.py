"""One column of a table: numbers or words, how it is encoded, what stands for a missing cell."""

import math
import numbers
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.datasets.cells import MAX_WORDS
from loopbp.messages.suggestions import listed

FILLS = ("mean", "median")


@dataclass(frozen=True)
class Column:
    """How one column becomes numbers."""

    name: str | None = None
    words: tuple[str, ...] | None = None
    """the words that it may hold, in the order of their numbers; None: it holds numbers"""
    encoding: str | None = None
    """of words: ``onehot`` or ``ordinal``"""
    fill: float | str | None = None
    """stands for a missing cell; None: a missing cell is refused"""
    missing: str | None = None
    """where that comes from: ``mean`` or ``median`` (of words, the commonest one)"""

    @property
    def width(self) -> int:
        """How many inputs of the network it becomes."""
        return len(self.words) if self.words is not None and self.encoding == "onehot" else 1

    @property
    def scaled(self) -> bool:
        """Whether its numbers take part in the scaling; 0 and 1 of one-hot inputs do not."""
        return self.encoding != "onehot"

    def input_names(self, position: int) -> list[str]:
        """Names of the inputs that it becomes."""
        name = f"input {position}" if self.name is None else self.name
        if self.words is None or self.encoding != "onehot":
            return [name]
        return [f"{name}={word}" for word in self.words]

    def encode(self, where: str, cells: NDArray[Any]) -> NDArray[np.float64]:
        """The numbers of some cells.

        Parameters
        ----------
        where
            Argument and column, for messages.
        cells : array of shape (m,)

        Returns
        -------
        array of shape (m, width)

        Raises
        ------
        TypeError, ValueError
            If a cell is missing and nothing stands for it, is no number, or is a word that was not
            there when the column was fitted: the message names the row, counted from 0.
        """
        if self.words is None:
            values = numbers_of(where, cells)
            gaps = np.isnan(values)
            if gaps.any():
                if self.fill is None:
                    raise _missing(where, int(np.argmax(gaps)))
                values = np.where(gaps, self.fill, values)
            return values[:, None]
        code = {word: k for k, word in enumerate(self.words)}
        number = np.empty(len(cells), np.int64)
        for row, cell in enumerate(words_of(where, cells)):
            word = self.fill if cell is None else cell
            if word is None:
                raise _missing(where, row)
            if word not in code:
                raise ValueError(
                    f"{where}: expected one of {listed(self.words)}, got {word!r} at row {row}, "
                    "which the training data did not hold"
                )
            number[row] = code[str(word)]
        if self.encoding == "ordinal":
            return number.astype(np.float64)[:, None]
        return (number[:, None] == np.arange(len(self.words))).astype(np.float64)


def fit_column(
    name: str | None,
    where: str,
    cells: NDArray[Any],
    encoding: str | None,
    missing: str | None,
    is_words: bool | None = None,
    vocabulary: Sequence[str] = (),
) -> Column:
    """The column that fits some cells.

    Parameters
    ----------
    name, where
        Of the column, and for messages.
    cells : array of shape (m,)
    encoding
        Of words; None: one-hot, up to `MAX_WORDS` of them.
    missing
        ``mean`` or ``median`` of numbers, and the commonest word, stand for missing cells.  None:
        they are refused.
    is_words
        Whether the cells are words even where they look like numbers; None: if some are strings.
    vocabulary
        Words that may come, whether these cells hold them or not.

    Raises
    ------
    TypeError, ValueError
        If a cell does not fit, or there are too many words.
    """
    if not (holds_words(cells) if is_words is None else is_words):
        values = numbers_of(where, cells)
        known = values[~np.isnan(values)]
        fill = None
        if missing is not None:
            if len(known) == 0:
                raise ValueError(f"{where}: every cell is missing; leave the column out")
            fill = float(np.mean(known) if missing == "mean" else np.median(known))
        elif len(known) < len(values):
            raise _missing(where, int(np.argmax(np.isnan(values))))
        return Column(name, fill=fill, missing=missing)
    found = words_of(where, cells)
    counts = Counter(word for word in found if word is not None)
    if None in found and missing is None:
        raise _missing(where, found.index(None))
    if not counts:
        raise ValueError(f"{where}: every cell is missing; leave the column out")
    if encoding is None and len(counts) > MAX_WORDS:
        raise ValueError(
            f"{where}: holds {len(counts)} different words, more than {MAX_WORDS}; leave the "
            "column out, or say categorical='onehot' or 'ordinal'"
        )
    # the commonest word, of equally common ones the first in order
    fill = min(counts, key=lambda word: (-counts[word], word)) if missing is not None else None
    known_words = tuple(sorted({*counts, *vocabulary}))
    return Column(name, known_words, encoding or "onehot", fill, missing)


def holds_words(cells: NDArray[Any]) -> bool:
    """Whether a column holds strings."""
    if cells.dtype.kind == "O":
        return any(isinstance(cell, str) for cell in cells)
    return cells.dtype.kind in "UST"


def is_missing(cell: Any) -> bool:
    """Whether a cell is None, NaN or pandas' NA or NaT."""
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(cell, float | np.floating) and math.isnan(cell)


def words_of(where: str, cells: NDArray[Any]) -> list[str | None]:
    """Cells as words; None where one is missing.

    Raises
    ------
    TypeError
        If a cell is neither a word nor missing.
    """
    found: list[str | None] = []
    for row, cell in enumerate(cells.tolist()):
        if is_missing(cell):
            found.append(None)
        elif isinstance(cell, str):
            found.append(cell)
        else:
            raise TypeError(f"{where}: expected words, got {cell!r} at row {row}")
    return found


def numbers_of(where: str, cells: NDArray[Any]) -> NDArray[np.float64]:
    """Cells as float64; NaN where one is missing.

    Raises
    ------
    TypeError, ValueError
        If a cell is no real number, or infinite.
    """
    if cells.dtype.kind == "O":
        values = np.empty(len(cells))
        for row, cell in enumerate(cells):
            if is_missing(cell):
                values[row] = math.nan
            elif isinstance(cell, numbers.Real | np.bool_) or hasattr(cell, "__float__"):
                values[row] = _as_float(where, row, cell)
            else:
                raise TypeError(f"{where}: expected a number, got {cell!r} at row {row}")
    elif cells.dtype.kind in "fiub":
        values = cells.astype(np.float64)
    else:
        got = f"{str(cells[0])!r}" if len(cells) else f"dtype {cells.dtype}"
        raise TypeError(f"{where}: expected numbers, got {got} at row 0")
    endless = np.isinf(values)
    if endless.any():
        row = int(np.argmax(endless))
        raise ValueError(f"{where}: expected a finite number, got {values[row]} at row {row}")
    return values


def _as_float(where: str, row: int, cell: Any) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"{where}: expected a number, got {cell!r} at row {row}") from error


def _missing(where: str, row: int) -> ValueError:
    return ValueError(
        f"{where}: the cell at row {row} is missing, and nothing was fitted to stand for it "
        "(missing='mean' or 'median' does)"
    )
