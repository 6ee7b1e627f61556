"""Parquet, Feather and Excel files, read by pandas."""

import os
import warnings
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from loopbp.datasets.cells import number
from loopbp.datasets.columns import Column, Scan
from loopbp.datasets.dataset import Dataset
from loopbp.datasets.header import check_names, unnamed_index
from loopbp.datasets.options import Options, Reading
from loopbp.datasets.table import Roles, assemble, dataset
from loopbp.datasets.text import PathLike, Row

_KINDS = {
    ".parquet": "Parquet", ".pq": "Parquet", ".feather": "Feather",
    ".xlsx": "Excel", ".xlsm": "Excel", ".xls": "Excel",
}  # fmt: skip
_SAMPLE = 1000
_NOTHING = ("nan", "<NA>", "NaT")  # how pandas prints a missing value


def frame_kind(path: PathLike) -> str | None:
    """``Parquet``, ``Feather`` or ``Excel`` by a file's ending, or None."""
    return _KINDS.get(os.path.splitext(os.fspath(path))[1].lower())


def _pandas(path: PathLike, kind: str) -> Any:
    try:
        import pandas as pd

        if kind == "Excel":
            import openpyxl  # noqa: F401  (what pandas reads .xlsx by)
        else:
            import pyarrow  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{path}: reading {kind} needs {error.name}: pip install 'loopbp[data]'"
        ) from error
    return pd


class Sheet:
    """The rows of a sheet of an Excel file as text, numbers with all their digits."""

    kind = "Excel"

    def __init__(self, path: PathLike, sheet: str | None, reading: Reading) -> None:
        pd = _pandas(path, "Excel")
        self.path = path
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # openpyxl's, on styles and the like
                sheets = pd.read_excel(
                    path, sheet_name=None, header=None, dtype=object, na_filter=False
                )
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{path}: no such file") from error
        except PermissionError:
            raise
        except ImportError as error:
            raise ImportError(f"{path}: {error}".splitlines()[0]) from error
        except Exception as error:  # what openpyxl and zipfile raise is of many kinds
            raise ValueError(f"{path}: damaged or not an Excel file") from error
        full = [str(name) for name, frame in sheets.items() if frame.size]
        if not full:
            raise ValueError(f"{path}: empty; expected a header line and rows of numbers")
        if sheet is not None and sheet not in full:
            raise ValueError(f"{path}: no sheet {sheet!r} with cells (it holds {', '.join(full)})")
        if sheet is None and len(full) > 1:
            raise ValueError(f"{path}: holds several sheets, {', '.join(full)}; say --sheet NAME")
        name = sheet or full[0]
        reading.say(f"sheet {name!r}", sheet=name)
        self._rows = sheets[name].to_numpy(dtype=object).tolist()

    def __iter__(self) -> Iterator[Row]:
        for line, cells in enumerate(self._rows, start=1):
            row = [_cell(cell) for cell in cells]
            if any(row):
                yield line, row

    def sample(self) -> list[list[str]]:
        """The first rows."""
        return [cells for _, cells in islice(iter(self), _SAMPLE)]


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if value is None or str(value) in _NOTHING:
        return ""
    return value.isoformat() if hasattr(value, "isoformat") else repr(value)


def read_frame(path: PathLike) -> tuple[Any, Reading, dict[str, int]]:
    """A Parquet or Feather file as a frame, what is to be said of it, and its columns."""
    kind = frame_kind(path) or ""
    pd = _pandas(path, kind)
    reader = pd.read_parquet if kind == "Parquet" else pd.read_feather
    try:
        frame = reader(path, dtype_backend="numpy_nullable")
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: no such file") from error
    except PermissionError:
        raise
    except Exception as error:  # what pyarrow raises is of many kinds
        raise ValueError(f"{path}: damaged or not a {kind} file") from error
    reading = Reading()
    reading.say(f"{kind}: names and types are those of the file", kind=kind, names="file")
    names = [str(name) for name in frame.columns]
    frame.columns = names
    if len(frame) == 0 or not names:
        raise ValueError(f"{path}: no rows")
    reading.facts["index_column"] = None
    first = [[str(value)] for value in frame.iloc[:_SAMPLE, 0].tolist()]
    index = None
    if names[0].startswith("__index_level_") or unnamed_index(names, first):
        index = names[0]
        reading.say(f"column {index!r} is taken as an index and left out", index_column=index)
    positions = check_names(path, names, False)
    if index is not None:
        del positions[index]
    return frame, reading, positions


def table_dataset(path: PathLike, options: Options) -> Dataset:
    """A Parquet, Feather or Excel file as examples and targets."""
    for name in ("separator", "decimal"):
        if getattr(options, name) is not None:
            raise ValueError(
                f"{name}: only a CSV file leaves it open, {os.fspath(path)!r} does not"
            )
    if frame_kind(path) == "Excel":
        reading = Reading()
        return dataset(Sheet(path, options.sheet, reading), options, reading)
    for name in ("header", "names", "sheet"):
        if getattr(options, name) is not None:
            raise ValueError(f"{name}: the file {os.fspath(path)!r} itself says it")
    frame, reading, positions = read_frame(path)
    roles = Roles.of(path, positions, options)
    weights = [roles.weight] if roles.weight else []
    digits = [n for n in roles.features if n not in roles.words and _looks_like_numbers(frame[n])]
    if digits:
        reading.say(f"column {digits[0]!r} holds text that looks like numbers; taken as words")
    result = frame_scan(
        path, frame, [*roles.features, *weights], roles.targets, roles.words, options.na
    )
    return assemble(path, result, roles, options, reading, ".")


def frame_scan(
    path: PathLike,
    frame: Any,
    inputs: Sequence[str],
    targets: Sequence[str],
    words: Sequence[str],
    na: frozenset[str],
) -> Scan:
    """Columns of a frame as numbers, words and cells."""
    columns = {name: _column(path, frame[name], name, name in words, na) for name in inputs}
    cells = {name: _target(path, frame[name], name) for name in targets}
    return Scan(columns, cells, range(1, len(frame) + 1))


def _kind(path: PathLike, series: Any, name: str) -> str:
    """``truth``, ``whole``, ``value`` or ``text``; other kinds are refused by name."""
    from pandas.api import types

    kind = series.cat.categories if isinstance(series.dtype, _categorical()) else series
    if types.is_bool_dtype(kind):
        return "truth"
    if types.is_integer_dtype(kind):
        return "whole"
    if types.is_float_dtype(kind):
        return "value"
    if types.is_string_dtype(kind) and all(
        isinstance(value, str) for value in kind.dropna().tolist()
    ):
        return "text"
    what = str(series.dtype)
    if what == "object":
        held = series.dropna()
        what = f"objects of type {type(held.iloc[0]).__name__}" if len(held) else "nothing"
    raise ValueError(
        f"{path}: column {name!r} holds {what}, expected numbers, words or truth values; "
        f"--drop '{name}' leaves it out"
    )


def _looks_like_numbers(series: Any) -> bool:
    """Whether a column of text could be one of numbers."""
    from pandas.api.types import is_string_dtype

    held = series.dropna()
    return bool(is_string_dtype(series) and len(held)) and all(
        isinstance(value, str) and number(value.strip()) is not None for value in held.unique()
    )


def _categorical() -> Any:
    import pandas as pd

    return pd.CategoricalDtype


def _column(path: PathLike, series: Any, name: str, words: bool, na: frozenset[str]) -> Column:
    kind = _kind(path, series, name)
    if kind == "text" or words:
        cells = [_text(value) for value in series.tolist()]
        held = [None if cell in na else cell for cell in cells]
        return Column(name, words=held, missing=_gaps(name, [cell is None for cell in held]))
    if isinstance(series.dtype, _categorical()):
        series = series.astype(series.cat.categories.dtype)
    column = series.to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isinf(column).any():
        row = int(np.isinf(column).argmax())
        raise ValueError(
            f"{path}: row {row + 1}, column {name!r}: expected a finite number, got inf"
        )
    return Column(
        name, column, truth=kind == "truth", missing=_gaps(name, np.isnan(column).tolist())
    )


def _gaps(name: str, missing: Sequence[bool]) -> list[str]:
    rows = [k for k, gone in enumerate(missing) if gone][:3]
    return [f"row {k + 1}, column {name!r}: a missing value" for k in rows]


def _text(value: Any) -> str:
    if value is None or str(value) in _NOTHING:
        return ""
    return str(value).strip()


def _target(path: PathLike, series: Any, name: str) -> list[str]:
    """Target cells as text: whole numbers with all digits, floats that read back the same."""
    kind = _kind(path, series, name)
    gaps = series.isna().tolist()
    values = series.astype(object).tolist()
    if kind == "value":
        return ["" if gap else repr(float(v)) for v, gap in zip(values, gaps, strict=True)]
    if kind == "whole":
        return ["" if gap else str(int(v)) for v, gap in zip(values, gaps, strict=True)]
    if kind == "truth":
        return ["" if gap else str(bool(v)) for v, gap in zip(values, gaps, strict=True)]
    return ["" if gap else str(v) for v, gap in zip(values, gaps, strict=True)]


def read_table(
    path: PathLike,
    target: str | Sequence[str] | None = None,
    *,
    drop: str | Sequence[str] = (),
    task: str | None = None,
    weight: str | None = None,
    header: bool | None = None,
    names: str | Sequence[str] | None = None,
    missing: str | None = None,
    na_values: str | Sequence[str] | None = None,
    categorical: str | None = None,
    words: str | Sequence[str] = (),
    sheet: str | None = None,
) -> Dataset:
    """Read a Parquet, Feather or Excel file by pandas (extra ``data``).

    Parameters
    ----------
    path
        ``.parquet``, ``.feather``, ``.xlsx`` or ``.xls``.
    target, drop, task, weight, missing, na_values, categorical, words
        As in `read_csv`.  Columns of text are words, those of truth values 1 and 0, categories as
        their kind is; whole numbers of a target keep all their digits.
    header, names
        As in `read_csv`, of an Excel file.
    sheet
        Of an Excel file: its name; None: the only one that is not empty.

    Returns
    -------
    Dataset

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If pandas or what it reads the file by is missing; the message says what to install.
    TypeError, ValueError
        As in `read_csv`; and if a column holds dates or other objects.
    """
    if frame_kind(path) is None:
        raise ValueError(f"{path}: expected a .parquet, .feather or .xlsx file")
    options = Options(
        target, drop, task, weight, header, names, None, None, missing, na_values, categorical,
        words, sheet,
    )  # fmt: skip
    return table_dataset(path, options)
