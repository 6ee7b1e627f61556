"""NPZ files: their arrays by the names that people give them."""

import difflib
import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.datasets.dataset import CLASSIFICATION, REGRESSION, TASKS, Dataset, guess_task
from loopbp.datasets.labels import taken_as
from loopbp.datasets.options import MISSING_KINDS, Reading
from loopbp.datasets.text import PathLike
from loopbp.validate import check_choice

ROLES = ("X", "y", "X_test", "y_test")
_SETS = (
    ROLES,
    ("x", "y", "x_test", "y_test"),
    ("X_train", "y_train", "X_test", "y_test"),
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("images", "labels", "test_images", "test_labels"),
    ("data", "labels", "test_data", "test_labels"),
    ("data", "target", "test_data", "test_target"),
)


def check_arrays(given: str | Sequence[str] | None) -> dict[str, str] | None:
    """The names of the arrays by their role, from ``X=images,y=labels``.

    Raises
    ------
    ValueError
        If it is not of that form.
    """
    if given is None:
        return None
    parts = given.split(",") if isinstance(given, str) else list(given)
    found: dict[str, str] = {}
    for part in parts:
        role, equals, name = (text.strip() for text in str(part).partition("="))
        if role not in ROLES or not equals or not name:
            folded = {known.lower(): known for known in ROLES}
            near = difflib.get_close_matches(role.lower(), folded, 1, 0.5) if name else []
            hint = f"; did you mean {folded[near[0]]}={name}?" if near else ""
            raise ValueError(
                f"arrays: expected X=NAME,y=NAME and perhaps X_test=NAME,y_test=NAME, "
                f"got {part!r}{hint}"
            )
        if role in found:
            raise ValueError(f"arrays: {role} is given twice")
        found[role] = name
    return found


def npz_arrays(
    path: PathLike,
    needed: Sequence[str] = ("X", "y"),
    arrays: str | Sequence[str] | None = None,
    reading: Reading | None = None,
) -> dict[str, NDArray[Any]]:
    """The arrays X, y, X_test and y_test of an NPZ file, those that are there.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, holds Python objects, lacks an array that is needed, or holds more
        than one set of them.
    """
    reading = reading or Reading()
    given = check_arrays(arrays)
    try:
        with open(path, "rb") as file:  # np.load itself leaves a damaged file open
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError(f"{path}: one bare array; expected an .npz with X and y")
            names = _names(path, archive, needed, given)
            found = {role: _array(path, archive, name) for role, name in names.items()}
            unused = [name for name in archive.files if name not in names.values()]
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: no such file") from error
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError) as error:
        raise ValueError(f"{path}: damaged or not an .npz file ({error})") from error
    except ValueError as error:
        if str(error).startswith(os.fspath(path)):
            raise
        raise ValueError(f"{path}: damaged or not an .npz file") from error
    each = ", ".join(
        role if role == name else f"{role} is {name!r}" for role, name in names.items()
    )
    reading.say(f"NPZ: {each}", kind="NPZ", arrays=names, arrays_from="given" if given else "found")
    reading.facts["arrays_unused"] = unused
    if unused:
        reading.say(f"arrays not used: {', '.join(unused)}")
    return found


def _names(
    path: PathLike, archive: Any, needed: Sequence[str], given: dict[str, str] | None
) -> dict[str, str]:
    """Which array is what."""
    held = ", ".join(archive.files) or "nothing"
    say = "--arrays X=NAME,y=NAME says which is which"
    if given is not None:
        for role in needed:
            if role not in given:
                raise ValueError(f"{path}: --arrays does not say which array is {role}")
        for name in given.values():
            if name not in archive.files:
                near = difflib.get_close_matches(name, archive.files, 1, 0.5)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ValueError(f"{path}: no array {name!r}{hint} (it holds {held})")
        return given
    fitting: dict[tuple[str, ...], dict[str, str]] = {}
    for names in _SETS:
        found = {r: n for r, n in zip(ROLES, names, strict=True) if n in archive.files}
        if all(role in found for role in needed):
            fitting.setdefault(tuple(found.get(role, "") for role in needed), found)
    if len(fitting) > 1:
        sets = " or ".join(", ".join(key) for key in fitting)
        raise ValueError(f"{path}: {sets}? both could be the data; {say}")
    if fitting:
        return next(iter(fitting.values()))
    lacking = next((role for role in needed if role not in archive.files), needed[0])
    raise ValueError(f"{path}: no array {lacking!r} (it holds {held}); {say}")


def _array(path: PathLike, archive: Any, name: str) -> NDArray[Any]:
    try:
        return archive[name]
    except ValueError as error:
        why = "Python objects (pickle)" if "pickle" in str(error) else f"damaged data ({error})"
        raise ValueError(f"{path}: array {name!r} holds {why}") from error


def _inputs(path: PathLike, name: str, X: NDArray[Any], missing: str | None = None) -> NDArray[Any]:
    """One example a row, in floating point; NaN stays where it counts as missing."""
    if X.ndim < 2 or X.size == 0:
        raise ValueError(f"{path}: {name} has shape {X.shape}, expected (examples, inputs)")
    if X.dtype.kind not in "fiub":
        raise ValueError(f"{path}: {name} holds {X.dtype}, expected numbers")
    X = X.reshape(len(X), -1)
    X = X if X.dtype in (np.float32, np.float64) else X.astype(np.float64)
    wrong = np.isinf(X) if missing else ~np.isfinite(X)
    if wrong.any():
        row, column = (int(k) for k in np.argwhere(wrong)[0])
        hint = ""
        if np.isnan(X[row, column]):
            hint = "; --missing drop, mean or median takes NaN as missing"
        raise ValueError(
            f"{path}: {name} holds {X[row, column]} at row {row}, column {column}{hint}"
        )
    return X


def npz_inputs(
    path: PathLike,
    arrays: str | Sequence[str] | None = None,
    reading: Reading | None = None,
    missing: str | None = None,
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """The inputs of an NPZ file, and the targets where they are there."""
    reading = reading or Reading()
    given = check_arrays(arrays)
    if given is None:
        try:
            found = npz_arrays(path, ("X_test", "y_test"), None, reading)
        except ValueError as error:
            if "no array" not in str(error):
                raise
            found = npz_arrays(path, ("X",), None, reading)
    else:
        found = npz_arrays(path, ("X",), given_text(given), reading)
    part = "_test" if "X_test" in found else ""
    if part:
        reading.say("the test part of the file is taken")
    y = found.get(f"y{part}")
    X = _inputs(path, f"X{part}", found[f"X{part}"], missing)
    return X, None if y is None else _targets(path, f"y{part}", y, X, None)


def given_text(given: dict[str, str]) -> list[str]:
    """The reverse of `check_arrays`."""
    return [f"{role}={name}" for role, name in given.items()]


def _targets(
    path: PathLike, name: str, y: NDArray[Any], X: NDArray[Any], task: str | None
) -> NDArray[Any]:
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
        return y.astype(np.float64)
    if task == CLASSIFICATION and y.ndim == 2 and guess_task(y) != CLASSIFICATION:
        raise ValueError(f"{path}: {name} has rows that do not hold a single 1, as classes would")
    if task == CLASSIFICATION and y.dtype.kind == "f":
        return y.astype(np.int64) if (y == np.floor(y)).all() else y.astype(str)
    return y


def read_npz(
    path: PathLike,
    task: str | None = None,
    *,
    arrays: str | Sequence[str] | None = None,
    missing: str | None = None,
) -> Dataset:
    """Read inputs and targets, and those of a test part where they are there, of an NPZ file.

    Known are the names X, y, X_test, y_test; those of Keras (x_train, y_train, x_test, y_test) and
    of MedMNIST (train_images, train_labels, test_images, test_labels).  X of more than two
    dimensions (images) is flattened to one example a row, and not scaled.

    Parameters
    ----------
    path
        Of a file that `numpy.savez` wrote.
    task
        ``regression`` where whole numbers are values, ``classification`` where floats are labels.
    arrays
        Other names: ``X=images,y=labels`` and perhaps ``X_test=...,y_test=...``.
    missing
        As in `read_csv`: NaN in the inputs then counts as missing.

    Returns
    -------
    Dataset

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, holds Python objects, lacks an array or holds more than one set,
        or its arrays do not fit.
    """
    if task is not None:
        check_choice("task", task, TASKS)
    if missing is not None:
        check_choice("missing", missing, MISSING_KINDS)
    reading = Reading()
    found = npz_arrays(path, ("X", "y"), arrays, reading)
    if ("X_test" in found) != ("y_test" in found):
        alone = "X_test" if "X_test" in found else "y_test"
        raise ValueError(f"{path}: {alone} is there alone; X_test and y_test belong together")
    parts: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {}
    for end in ("", "_test"):
        if f"y{end}" not in found:
            continue
        y = _targets(path, f"y{end}", found[f"y{end}"], found[f"X{end}"], task)
        raw = found[f"X{end}"]
        parts[end] = (_inputs(path, f"X{end}", raw, missing), y)
        if raw.ndim > 2 and not end:
            shape = " x ".join(map(str, raw.shape[1:]))
            reading.say(
                f"X of {shape} is flattened to {parts[''][0].shape[1]} inputs of "
                f"{raw.min():g} to {raw.max():g}, not scaled",
                flattened_from=list(raw.shape[1:]),
            )
    X, y = parts[""]
    X_test, y_test = parts.get("_test", (None, None))
    if X_test is not None and X_test.shape[1] != X.shape[1]:
        raise ValueError(f"{path}: X has {X.shape[1]} inputs, X_test has {X_test.shape[1]}")
    X, y = _gaps(X, y, missing, reading)
    if X_test is not None and y_test is not None:
        X_test, y_test = _gaps(X_test, y_test, missing, reading)
    guessed = task or guess_task(y)
    if task is None and y_test is not None and y_test.ndim == 2 and guess_task(y_test) != guessed:
        raise ValueError(
            f"{path}: y looks like {guessed}, y_test like {guess_task(y_test)}; say --task"
        )
    if task is None and y.dtype.kind == "f" and guessed != REGRESSION:
        y = y.astype(np.int64)
        y_test = None if y_test is None else y_test.astype(np.int64)
    _say_targets(y, guessed, task, reading)
    return Dataset(
        X=X,
        y=y,
        X_test=X_test,
        y_test=y_test,
        name=Path(path).stem,
        source=os.fspath(path),
        task=guessed,
        missing=missing,
        reading=reading.facts,
        notes=tuple(reading.notes),
    )


def _gaps(
    X: NDArray[Any], y: NDArray[Any], missing: str | None, reading: Reading
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Missing inputs left out, or kept as objects for the filling."""
    if missing is None or not np.isnan(X).any():
        return X, y
    gone = np.isnan(X).any(axis=1)
    cells = int(np.isnan(X).sum())
    if missing == "drop":
        reading.say(f"{int(gone.sum()):,} of {len(X):,} rows left out: missing cells")
        return X[~gone], y[~gone]
    reading.say(f"missing cells: {cells:,}; filled with the {missing} of the training part")
    return X.astype(object), y


def _say_targets(y: NDArray[Any], task: str, given: str | None, reading: Reading) -> None:
    kind, why = taken_as(y, task, given)
    if given is None and kind == "values" and y.dtype.kind == "f":
        why = "floats"
        if y.ndim == 1 and (y == np.floor(y)).all():
            why = "floats; --task classification takes whole ones as labels"
    if given is None and y.dtype.kind == "b" and y.ndim == 1:
        why = "truth values"
    count = len(np.unique(y)) if kind == "labels" else None
    what = f"{count:,} label{'s' if count > 1 else ''}" if count else kind
    reading.say(f"targets: {what} ({why})", targets={"taken_as": kind, "why": why, "labels": count})
