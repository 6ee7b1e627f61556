"""From what a person names to data."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from loopbp.calls import suggests
from loopbp.datasets.dataset import Dataset
from loopbp.datasets.embedded import EMBEDDED
from loopbp.datasets.readers import is_csv, read_csv, read_idx, read_npz
from loopbp.suggestions import hint


@suggests
def load(
    source: str | os.PathLike[str],
    target: str | Sequence[str] | None = None,
    *,
    drop: Sequence[str] = (),
    task: str | None = None,
    weight: str | None = None,
) -> Dataset:
    """Data by name, file or folder.

    Parameters
    ----------
    source
        An embedded name (``digits``, ``xor``, ``spirals``); a ``.csv`` with a header; an ``.npz``
        with the arrays X and y; or a folder with MNIST's IDX files.
    target
        CSV: the column or columns to be predicted; None: the last one.
    drop
        CSV: columns to leave out.
    task
        CSV and NPZ: ``classification``, ``multilabel`` or ``regression``.  None: strings and
        integers are class labels, other numbers are values.
    weight
        CSV: the column of sample weights.

    Returns
    -------
    Dataset

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the name is not known, or the file is not what it should be: the message says where.
    """
    name = os.fspath(source)
    path = Path(name)
    if is_csv(path):
        return read_csv(path, target, drop=drop, task=task, weight=weight)
    for option, value in (("target", target), ("drop", drop), ("weight", weight)):
        if value:
            raise ValueError(f"{option}: only a CSV file has columns to choose, {name!r} is none")
    if path.suffix.lower() == ".npz":
        return read_npz(path, task)
    if task is not None:
        raise ValueError(f"task: only a CSV or NPZ file leaves it open, {name!r} does not")
    if name in EMBEDDED:
        return EMBEDDED[name]()
    if path.is_dir():
        return read_idx(path)
    known = ", ".join(EMBEDDED)
    if path.exists():
        raise ValueError(
            f"{name}: expected a .csv file, an .npz file, or a folder with MNIST's IDX files"
        )
    if path.suffix or path.name != name:
        raise FileNotFoundError(f"{name}: no such file or folder")
    raise ValueError(
        f"unknown data {name!r}{hint(name, EMBEDDED)} "
        f"(embedded are {known}; else a .csv, an .npz or a folder)"
    )
