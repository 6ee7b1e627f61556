"""The text of a CSV file as rows of cells: strict, for what is not plain CSV is refused by line."""

import codecs
import csv
import gzip
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TextIO

PathLike = str | os.PathLike[str]
Row = tuple[int, list[str]]
"""the line on which a row begins, and its cells as they are, which is quicker than stripped"""
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
_FOUND = (",", ";", "\t", "|")  # spaces are taken only where they are asked for
_WORDS = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "bar": "|"}
_ENDINGS = (".csv", ".tsv", ".data")
_SAMPLE_LINES, _SAMPLE_CELLS = 1000, 400_000
_EXCEL_FIRST_LINE = re.compile(r"sep=(.)\r?\n?")


def is_csv(path: PathLike) -> bool:
    """Whether a path is named as a CSV file, gzipped or not."""
    return os.fspath(path).lower().removesuffix(".gz").endswith(_ENDINGS)


def check_separator(value: str | None) -> str | None:
    """A separator of one sign, or None.

    Raises
    ------
    ValueError
        If it is none.
    """
    if value is None:
        return None
    sign = _WORDS.get(value, value) if isinstance(value, str) else ""
    if len(sign) != 1 or sign in '"\r\n\0' or sign.isalnum():
        raise ValueError(
            f"separator: expected one sign such as ',', ';', '|', 'tab' or 'space', got {value!r}"
        )
    return sign


@contextmanager
def open_text(path: PathLike, encoding: str = "utf-8") -> Iterator[TextIO]:
    """The text of a file; what can be wrong with it ends in one line."""
    try:
        name = codecs.lookup(encoding).name
    except (LookupError, TypeError) as error:
        raise ValueError(
            f"encoding: expected a name such as utf-8, cp1252 or utf-16, got {encoding!r}"
        ) from error
    if name == "utf-8":
        encoding = "utf-8-sig"  # with or without a byte-order mark
    opener = gzip.open if os.fspath(path).lower().endswith(".gz") else open
    try:
        with opener(path, "rt", encoding=encoding, newline="") as file:
            yield file  # type: ignore[misc]
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: no such file") from error
    except UnicodeError as error:
        what = "UTF-8" if name == "utf-8" else name
        raise ValueError(
            f"{path}: not {what} text; --encoding cp1252 or utf-16 reads what Excel writes "
            f"({error})"
        ) from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: damaged gzip file ({error})") from error


def _lines(path: PathLike, file: Iterable[str], separator: str, skip: int) -> Iterator[str]:
    for count, line in enumerate(file, start=1):
        if "\0" in line:
            raise ValueError(f"{path}: line {count} holds a NUL byte; it is damaged, or no text")
        if count <= skip:
            yield "\n"
        else:
            yield line.strip(" \r\n") + "\n" if separator == " " else line


def _cells(path: PathLike, file: Iterable[str], separator: str, skip: int = 0) -> Iterator[Row]:
    """Rows of cells; blank lines are passed over."""
    reader = csv.reader(
        _lines(path, file, separator, skip), delimiter=separator, strict=True, skipinitialspace=True
    )
    start = 1
    try:
        for cells in reader:
            if len(cells) > 1 or any(cells):
                yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        text = str(error)
        if "unexpected end" in text:
            text = f"line {start}: a quote is opened and never closed"
        elif "expected after" in text:
            where = f"line {reader.line_num}"
            if reader.line_num != start:
                where = f"lines {start} to {reader.line_num}"
            text = f"{where}: text follows a closing quote; quotes within a cell are written twice"
        else:
            text = f"line {start}: {text}"
        raise ValueError(f"{path}: not a CSV file ({text})") from error


class TextTable:
    """The rows of a CSV file, which can be gone through more than once.

    Parameters
    ----------
    path
        Of the file.
    separator
        None: found, which `found` then says.
    encoding
        Of the text.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty, damaged, or can be read with more than one separator.
    """

    kind = "CSV"

    def __init__(
        self, path: PathLike, separator: str | None = None, encoding: str = "utf-8"
    ) -> None:
        self.path, self.encoding = path, encoding
        separator = check_separator(separator)
        with open_text(path, encoding) as file:
            lines = list(islice(file, _SAMPLE_LINES))
            cut = next(file, None) is not None
        self._skip = 0
        told = _EXCEL_FIRST_LINE.fullmatch(lines[0]) if lines else None
        self.found = "given"
        if told:
            self._skip, self.found = 1, "from its first line"
            separator = separator or told[1]
        first = next((line for line in lines[self._skip :] if line.strip(' \t\r\n,;|"')), "")
        if not first:
            raise ValueError(f"{path}: empty; expected a header line and rows of numbers")
        if separator is None:
            separator, self.found = _find_separator(path, first, lines, cut), "found"
        self.separator = separator

    def __iter__(self) -> Iterator[Row]:
        with open_text(self.path, self.encoding) as file:
            yield from _cells(self.path, file, self.separator, self._skip)

    def sample(self) -> list[list[str]]:
        """The first rows, enough to see what is what, without spaces around cells."""
        rows = iter(self)
        first = next(rows)[1]
        more = max(_SAMPLE_CELLS // len(first), 20)
        found = [first, *(cells for _, cells in islice(rows, min(more, _SAMPLE_LINES)))]
        return [[cell.strip() for cell in cells] for cells in found]


def _find_separator(path: PathLike, first: str, lines: list[str], cut: bool) -> str:
    """The one sign that makes rows of equal length."""
    signs = [sign for sign in _FOUND if sign in first]
    if len(signs) < 2:
        return signs[0] if signs else ","
    widths: dict[str, list[int]] = {sign: [] for sign in signs}
    for sign in signs:
        try:
            for _, cells in _cells(path, lines, sign):
                widths[sign].append(len(cells))
        except ValueError as error:
            if "NUL" in str(error):
                raise
            if not (cut and "never closed" in str(error)):
                widths[sign].append(0)
        if cut:  # the last row may be half a row
            widths[sign] = widths[sign][:-1] or widths[sign]
    fitting = [sign for sign, found in widths.items() if len({*found}) == 1 and found[0] > 1]
    if len(fitting) > 1:
        names = " or ".join(SEPARATORS[sign] for sign in fitting)
        signs = " or ".join(f"--separator '{sign}'" for sign in fitting)
        raise ValueError(
            f"{path}: separated by {names}? both give rows of equal length; say {signs}"
        )
    if fitting:
        return fitting[0]
    return max(widths, key=lambda sign: widths[sign][0])
