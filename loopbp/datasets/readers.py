"""Readers of CSV, NPZ and IDX files: everything that can be wrong with a file ends in one line."""

import csv
import gzip
import math
import os
import struct
import zipfile
import zlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from loopbp.datasets.dataset import (
    CLASSIFICATION,
    MULTILABEL,
    REGRESSION,
    TASKS,
    Dataset,
    guess_task,
)
from loopbp.validate import check_choice

PathLike = str | os.PathLike[str]


# --- CSV -----------------------------------------------------------------------------------------


def is_csv(path: PathLike) -> bool:
    """Whether a path is named as a CSV file, gzipped or not."""
    return os.fspath(path).lower().endswith((".csv", ".csv.gz"))


@contextmanager
def _csv_text(path: PathLike) -> Iterator[TextIO]:
    opener = gzip.open if os.fspath(path).lower().endswith(".gz") else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            yield file  # type: ignore[misc]
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: no such file") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except csv.Error as error:
        raise ValueError(f"{path}: not a CSV file ({error})") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: damaged gzip file ({error})") from error


def _separator(header: str) -> str:
    return next((c for c in ",;\t" if c in header), ",")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def csv_header(path: PathLike) -> list[str]:
    """The column names of a CSV file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty, or its first line is no header.
    """
    with _csv_text(path) as file:
        first = file.readline()
        if not first.strip():
            raise ValueError(f"{path}: empty; expected a header line and rows of numbers")
        names = [cell.strip() for cell in next(csv.reader([first], delimiter=_separator(first)))]
    for k, name in enumerate(names):
        if not name:
            raise ValueError(f"{path}: column {k + 1} has no name in the header line")
        if names.index(name) != k:
            if _number(name) is not None:
                break  # a row of data rather than a repeated name
            raise ValueError(f"{path}: two columns are called {name!r}")
    numbers = [_number(name) for name in names]
    if None not in numbers and numbers != list(range(len(names))):
        raise ValueError(f"{path}: the first line holds numbers; expected a header of column names")
    return names


def csv_columns(
    path: PathLike, numeric: Sequence[str], text: Sequence[str] = ()
) -> tuple[NDArray[np.float64], list[list[str]]]:
    """Columns of a CSV file by name.

    Parameters
    ----------
    path
        A file with a header; separated by commas, semicolons or tabs, as the header is.
    numeric
        Columns that hold finite numbers.
    text
        Columns whose cells are returned as they are.

    Returns
    -------
    values : array of shape (rows, len(numeric))
    cells : list of lists, one for each column of `text`

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a column is missing, a row is shorter or longer than the header, or a cell of a numeric
        column is not a finite number: the message names row and column, rows counted from 1 below
        the header.
    """
    names = csv_header(path)
    positions = [column_number(path, names, name) for name in (*numeric, *text)]
    wanted, others = positions[: len(numeric)], positions[len(numeric) :]
    values = array("d")
    cells: list[list[str]] = [[] for _ in text]
    rows = 0
    with _csv_text(path) as file:
        reader = csv.reader(file, delimiter=_separator(file.readline()))
        for row in reader:
            if not row:
                continue
            rows += 1
            if len(row) != len(names):
                raise ValueError(
                    f"{path}: row {rows} (line {reader.line_num + 1}) has {len(row)} columns, "
                    f"the header has {len(names)}"
                )
            try:
                numbers = [float(row[k]) for k in wanted]
            except ValueError:
                numbers = [math.nan]
            if not math.isfinite(sum(numbers)):
                for k in wanted:
                    number = _number(row[k])
                    if number is None or not math.isfinite(number):
                        raise _bad_cell(path, rows, reader.line_num + 1, names[k], row[k])
            values.extend(numbers)
            for column, k in zip(cells, others, strict=True):
                column.append(row[k].strip())
    if rows == 0:
        raise ValueError(f"{path}: no rows below the header")
    return np.frombuffer(values, np.float64).reshape(rows, len(numeric)), cells


def _bad_cell(path: PathLike, row: int, line: int, column: str, cell: str) -> ValueError:
    got = repr(cell) if cell.strip() else "an empty cell"
    return ValueError(
        f"{path}: row {row} (line {line}), column {column!r}: expected a finite number, got {got}"
    )


def column_number(path: PathLike, names: Sequence[str], name: str) -> int:
    """Where a column stands.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if name not in names:
        shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        raise ValueError(f"{path}: no column {name!r}; the columns are {shown}")
    return list(names).index(name)


def targets_from_text(
    path: PathLike, names: Sequence[str], columns: Sequence[Sequence[str]], task: str | None = None
) -> NDArray[Any]:
    """Targets from the cells of their columns: labels, or numbers.

    Parameters
    ----------
    path, names
        For messages.
    columns
        The cells of each target column.
    task
        As in `read_csv`.

    Returns
    -------
    array of shape (rows,), or (rows, columns) for more than one column

    Raises
    ------
    ValueError
        If a cell is empty, or not a number where it must be one.
    """
    decoded = [
        _decode_target(path, name, cells, task if len(columns) == 1 else task or REGRESSION)
        for name, cells in zip(names, columns, strict=True)
    ]
    if len(decoded) == 1:
        return decoded[0]
    y = np.column_stack(decoded)
    if task != REGRESSION and np.isin(y, (0, 1)).all():
        return y.astype(np.int64)
    if task in (CLASSIFICATION, MULTILABEL):
        raise ValueError(f"{path}: {task} by several target columns needs them to hold 0 and 1")
    return y


def _decode_target(
    path: PathLike, name: str, cells: Sequence[str], task: str | None
) -> NDArray[Any]:
    for k, cell in enumerate(cells):
        if not cell:
            raise ValueError(f"{path}: row {k + 1}, column {name!r}: the target is empty")
    numbers = [_number(cell) for cell in cells]
    wrong = [k for k, number in enumerate(numbers) if number is None or not math.isfinite(number)]
    whole = all(number is not None and number.is_integer() for number in numbers)
    # Labels such as 007 and 7 are one class, 1.0 is a value unless labels were asked for.
    as_labels = whole and (task == CLASSIFICATION or not any("." in c or "e" in c for c in cells))
    if not wrong and as_labels and task != REGRESSION:
        return np.array([int(number or 0) for number in numbers], dtype=np.int64)
    fractions = any(number is not None and not number.is_integer() for number in numbers
                    if number is None or math.isfinite(number))  # fmt: skip
    if wrong and (task in (REGRESSION, MULTILABEL) or (task is None and fractions)):
        k = wrong[0]
        raise ValueError(
            f"{path}: row {k + 1}, column {name!r}: expected a finite number, got {cells[k]!r}"
        )
    if wrong or task == CLASSIFICATION:
        return np.array(cells, dtype=str)
    return np.array(numbers, dtype=np.float64)


def read_csv(
    path: PathLike,
    target: str | Sequence[str] | None = None,
    *,
    drop: Sequence[str] = (),
    task: str | None = None,
    weight: str | None = None,
) -> Dataset:
    """Read a CSV file with a header.

    Parameters
    ----------
    path
        Separated by commas, semicolons or tabs; ``.csv`` or ``.csv.gz``.
    target
        Name of the column to be predicted, or several names; None: the last column.  Strings and
        integers are class labels, other numbers are values.
    drop
        Names of columns to leave out; all others must hold numbers.
    task
        ``classification`` or ``regression`` where the targets do not say it themselves, such as
        whole numbers that are values.
    weight
        Name of the column of sample weights, at least 0.

    Returns
    -------
    Dataset

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is empty, a column is missing, or a row is ragged or not numeric: the message
        names row and column.
    """
    if task is not None:
        check_choice("task", task, TASKS)
    names = csv_header(path)
    targets = [names[-1]] if target is None else [target] if isinstance(target, str) else [*target]
    left_out = {*targets, *drop, *([weight] if weight else [])}
    for name in left_out:
        column_number(path, names, name)
    features = [name for name in names if name not in left_out]
    if not features:
        raise ValueError(f"{path}: no column is left for the inputs")
    weights = [weight] if weight else []
    table, cells = csv_columns(path, [*features, *weights], targets)
    y = targets_from_text(path, targets, cells, task)
    if weight and (table[:, -1] < 0).any():
        row = int(np.argmax(table[:, -1] < 0))
        raise ValueError(f"{path}: row {row + 1}, column {weight!r}: a weight below 0")
    return Dataset(
        X=table[:, : len(features)],
        y=y,
        weight=table[:, -1] if weight else None,
        name=Path(path).name.split(".")[0],
        source=os.fspath(path),
        task=task or guess_task(y),
        feature_names=tuple(features),
        target_names=tuple(targets),
        is_table=True,
    )


# --- NPZ -----------------------------------------------------------------------------------------


def npz_arrays(path: PathLike, needed: Sequence[str] = ("X", "y")) -> dict[str, NDArray[Any]]:
    """The arrays X, y, X_test and y_test of an NPZ file, those that are there.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, holds Python objects, or lacks an array that is needed.
    """
    try:
        with open(path, "rb") as file:  # np.load itself leaves a damaged file open
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError(f"{path}: one bare array; expected an .npz with X and y")
            for name in needed:
                if name not in archive.files:
                    held = ", ".join(archive.files) or "nothing"
                    raise ValueError(f"{path}: no array {name!r} (it holds {held})")
            arrays = {}
            for name in ("X", "y", "X_test", "y_test"):
                if name in archive.files:
                    arrays[name] = _npz_array(path, archive, name)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: no such file") from error
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError) as error:
        raise ValueError(f"{path}: damaged or not an .npz file ({error})") from error
    except ValueError as error:
        if str(error).startswith(os.fspath(path)):
            raise
        raise ValueError(f"{path}: damaged or not an .npz file") from error
    return arrays


def _npz_array(path: PathLike, archive: Any, name: str) -> NDArray[Any]:
    try:
        return archive[name]
    except ValueError as error:
        why = "Python objects (pickle)" if "pickle" in str(error) else f"damaged data ({error})"
        raise ValueError(f"{path}: array {name!r} holds {why}") from error


def _inputs(path: PathLike, name: str, X: NDArray[Any]) -> NDArray[Any]:
    """One example a row, in floating point."""
    if X.ndim < 2 or X.size == 0:
        raise ValueError(f"{path}: {name} has shape {X.shape}, expected (examples, inputs)")
    if X.dtype.kind not in "fiub":
        raise ValueError(f"{path}: {name} holds {X.dtype}, expected numbers")
    X = X.reshape(len(X), -1)
    X = X if X.dtype in (np.float32, np.float64) else X.astype(np.float64)
    finite = np.isfinite(X)
    if not finite.all():
        row, column = (int(k) for k in np.argwhere(~finite)[0])
        raise ValueError(f"{path}: {name} holds {X[row, column]} at row {row}, column {column}")
    return X


def npz_inputs(path: PathLike) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """X of an NPZ file, and y where it is there."""
    arrays = npz_arrays(path, ("X",))
    return _inputs(path, "X", arrays["X"]), arrays.get("y")


def read_npz(path: PathLike, task: str | None = None) -> Dataset:
    """Read the arrays X and y, and X_test and y_test where they are there, of an NPZ file.

    X of more than two dimensions (images) is flattened to one example a row.

    Parameters
    ----------
    path
        Of a file that `numpy.savez` wrote.
    task
        ``regression`` where whole numbers are values, ``classification`` where floats are labels.

    Returns
    -------
    Dataset

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, holds Python objects, lacks an array, or its arrays do not fit.
    """
    if task is not None:
        check_choice("task", task, TASKS)
    arrays = npz_arrays(path)
    if ("X_test" in arrays) != ("y_test" in arrays):
        alone = "X_test" if "X_test" in arrays else "y_test"
        raise ValueError(f"{path}: {alone} is there alone; X_test and y_test belong together")
    for name in ("y", "y_test"):
        if name not in arrays:
            continue
        y = arrays[name]
        X = arrays[name.replace("y", "X")]
        if y.dtype.kind not in "fiubUS" or y.ndim not in (1, 2):
            raise ValueError(
                f"{path}: {name} has shape {y.shape} and dtype {y.dtype}, expected labels or values"
            )
        if X.ndim == 0 or len(X) != len(y):
            raise ValueError(f"{path}: {name} has {len(y)} rows, X has {X.shape}")
        y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
        if y.dtype.kind == "f" and not np.isfinite(y).all():
            row = int(np.argwhere(~np.isfinite(y))[0][0])
            raise ValueError(f"{path}: {name} holds {y[row]} at row {row}")
        y = y.astype(str) if y.dtype.kind == "S" else y
        if task == REGRESSION:
            if y.dtype.kind == "U":
                raise ValueError(f"{path}: {name} holds strings, expected values for regression")
            y = y.astype(np.float64)
        elif task == CLASSIFICATION and y.dtype.kind == "f":
            y = y.astype(np.int64) if (y == np.floor(y)).all() else y.astype(str)
        arrays[name] = y
    X_test = _inputs(path, "X_test", arrays["X_test"]) if "X_test" in arrays else None
    X = _inputs(path, "X", arrays["X"])
    if X_test is not None and X_test.shape[1] != X.shape[1]:
        raise ValueError(f"{path}: X has {X.shape[1]} inputs, X_test has {X_test.shape[1]}")
    return Dataset(
        X=X,
        y=arrays["y"],
        X_test=X_test,
        y_test=arrays.get("y_test"),
        name=Path(path).stem,
        source=os.fspath(path),
        task=task or guess_task(arrays["y"]),
    )


# --- IDX -----------------------------------------------------------------------------------------

_UNSIGNED_BYTE = 8


def _idx_file(folder: Path, stem: str, dimensions: int) -> Path | None:
    kind = f"idx{dimensions}-ubyte"
    names = [f"{stem}{dash}{kind}{end}" for end in ("", ".gz") for dash in ("-", ".")]
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _idx_array(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """One IDX file of unsigned bytes: a magic number, the sizes, the bytes."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: damaged gzip file ({error})") from error
    head = 4 + 4 * dimensions
    magic = _UNSIGNED_BYTE << 8 | dimensions
    if len(raw) < head:
        raise ValueError(f"{path}: truncated, {len(raw)} bytes cannot hold a head of {head}")
    found, *shape = struct.unpack(f">{1 + dimensions}I", raw[:head])
    if found != magic:
        raise ValueError(f"{path}: magic number 0x{found:08x}, expected 0x{magic:08x}")
    size = math.prod(shape)
    if len(raw) != head + size:
        state = "truncated" if len(raw) < head + size else "too long"
        raise ValueError(
            f"{path}: {state}, its head announces {' x '.join(map(str, shape))} bytes, "
            f"{len(raw) - head} follow"
        )
    return np.frombuffer(raw, np.uint8, offset=head).reshape(shape)


def _idx_pair(folder: Path, part: str) -> tuple[NDArray[np.float32], NDArray[np.int64]] | None:
    image_file = _idx_file(folder, f"{part}-images", 3)
    label_file = _idx_file(folder, f"{part}-labels", 1)
    if image_file is None and label_file is None:
        return None
    if image_file is None or label_file is None:
        missing = "images-idx3-ubyte" if image_file is None else "labels-idx1-ubyte"
        raise FileNotFoundError(f"{folder}: no file {part}-{missing}, gzipped or not")
    images, labels = _idx_array(image_file, 3), _idx_array(label_file, 1)
    if len(images) != len(labels):
        raise ValueError(f"{label_file}: {len(labels)} labels for {len(images)} images")
    if images.size == 0:
        raise ValueError(f"{image_file}: holds no images")
    X = images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
    return X, labels.astype(np.int64)


def read_idx(folder: PathLike) -> Dataset:
    """Read a folder in MNIST's IDX layout: MNIST itself, Fashion-MNIST and their like.

    Parameters
    ----------
    folder
        Holds ``train-images-idx3-ubyte`` and ``train-labels-idx1-ubyte``, and, for the test part,
        the same with ``t10k``; each gzipped or not.

    Returns
    -------
    Dataset
        Pixels scaled to [0, 1] in float32; train and test as the files have it.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a file is truncated, has another magic number, or images and labels do not fit.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    train = _idx_pair(folder, "train")
    if train is None:
        raise FileNotFoundError(f"{folder}: no file train-images-idx3-ubyte, gzipped or not")
    test = _idx_pair(folder, "t10k")
    if test is not None and test[0].shape[1] != train[0].shape[1]:
        raise ValueError(f"{folder}: training and test images differ in size")
    return Dataset(
        X=train[0],
        y=train[1],
        X_test=None if test is None else test[0],
        y_test=None if test is None else test[1],
        name=folder.resolve().name,
        source=os.fspath(folder),
        task=CLASSIFICATION,
        target_names=("label",),
    )
