"""From what a person names to data."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from loopbp.datasets.dataset import Dataset
from loopbp.datasets.embedded import EMBEDDED
from loopbp.datasets.frames import frame_kind, table_dataset
from loopbp.datasets.idx import read_idx
from loopbp.datasets.npz import read_npz
from loopbp.datasets.options import Options
from loopbp.datasets.table import dataset
from loopbp.datasets.text import TextTable, is_csv
from loopbp.messages.calls import suggests
from loopbp.messages.suggestions import hint

_KINDS = "a .csv, .npz, .parquet, .feather or .xlsx file, or a folder with MNIST's IDX files"


@suggests
def load(
    source: str | os.PathLike[str],
    target: str | Sequence[str] | None = None,
    *,
    drop: str | Sequence[str] = (),
    task: str | None = None,
    weight: str | None = None,
    header: bool | None = None,
    names: str | Sequence[str] | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    missing: str | None = None,
    na_values: str | Sequence[str] | None = None,
    categorical: str | None = None,
    words: str | Sequence[str] = (),
    arrays: str | Sequence[str] | None = None,
    sheet: str | None = None,
) -> Dataset:
    """Data by name, file or folder.

    Parameters
    ----------
    source
        An embedded name (``digits``, ``xor``, ``spirals``); a table: ``.csv``, ``.parquet``,
        ``.feather`` or ``.xlsx``; an ``.npz`` with inputs and targets; or a folder with MNIST's IDX
        files.
    target
        Table: the column or columns to be predicted; None: the last one.
    drop
        Table: columns to leave out.
    task
        Table and NPZ: ``classification``, ``multilabel`` or ``regression``.  None: words and
        whole numbers are class labels, other numbers are values.
    weight
        Table: the column of sample weights.
    header, names
        CSV and Excel: whether there is a header, and the names of all columns; see `read_csv`.
    separator, decimal, encoding
        CSV: see `read_csv`.
    missing
        Table and NPZ: ``drop``, ``mean`` or ``median``; None: missing cells are refused.
    na_values, categorical, words
        Table: which cells count as missing, and columns of words; see `read_csv`.
    arrays
        NPZ: ``X=images,y=labels``, see `read_npz`; folder: the beginning of the files' names, see
        `read_idx`.
    sheet
        Excel: the name of the sheet.

    Returns
    -------
    Dataset
        Its ``notes`` say what was found and what it was taken as.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If a file needs the extra ``data``.
    TypeError, ValueError
        If the name is not known, or the file is not what it should be: the message says where.
    """
    name = os.fspath(source)
    path = Path(name)
    options = Options(
        target, drop, task, weight, header, names, separator, decimal, missing, na_values,
        categorical, words, sheet,
    )  # fmt: skip
    if is_csv(path) or frame_kind(path):
        if arrays is not None:
            raise ValueError(f"arrays: only an NPZ file or a folder holds some, {name!r} is none")
        if not is_csv(path):
            if encoding is not None:
                raise ValueError(f"encoding: only a CSV file leaves it open, {name!r} does not")
            return table_dataset(name, options)
        if sheet is not None:
            raise ValueError(f"sheet: only an Excel file has sheets, {name!r} is none")
        return dataset(TextTable(name, separator, encoding or "utf-8"), options)
    for option in ("target", "drop", "weight", "words"):
        if getattr(options, option):
            raise ValueError(f"{option}: only a table has columns to choose, {name!r} is none")
    for option in ("header", "names", "separator", "decimal", "na_values", "categorical", "sheet"):
        if getattr(options, option) is not None:
            raise ValueError(f"{option}: is for tables, {name!r} is none")
    if encoding is not None:
        raise ValueError(f"encoding: is for tables, {name!r} is none")
    if path.suffix.lower() == ".npz":
        return read_npz(name, task, arrays=arrays, missing=missing)
    if task is not None:
        raise ValueError(f"task: only a table or NPZ file leaves it open, {name!r} does not")
    if missing is not None:
        raise ValueError(f"missing: {name!r} has no missing cells")
    if name in EMBEDDED:
        if arrays is not None:
            raise ValueError(f"arrays: is for NPZ files and folders, {name!r} is embedded")
        return EMBEDDED[name]()
    if path.is_dir():
        if arrays is not None and not isinstance(arrays, str):
            arrays = ",".join(arrays)
        return read_idx(path, arrays)
    known = ", ".join(EMBEDDED)
    if path.exists():
        raise ValueError(f"{name}: expected {_KINDS}")
    if path.suffix or path.name != name:
        raise FileNotFoundError(f"{name}: no such file or folder")
    raise ValueError(
        f"unknown data {name!r}{hint(name, EMBEDDED)} (embedded are {known}; else {_KINDS})"
    )
