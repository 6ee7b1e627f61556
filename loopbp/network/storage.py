"""Saving and loading networks: one NPZ file without pickle, written atomically.

The file holds ``theta``, the optimizer's ``state`` and a JSON text ``meta`` with everything else
that is needed to predict and to go on training.  ``FORMAT`` goes up when older code could misread
a file:

1
    The preprocessing of ``loopbp train`` stood in the metadata, and only the command line used it.
2
    ``preprocessing`` is a fact of its own, and belongs to the network.
"""

import json
import os
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT = 2
_KIND = "loopbp network"
_COLUMN_OF_NUMBERS = ("name", "words", "encoding", "fill", "missing")
# What NumPy and zipfile raise on files that are cut off, altered or of another kind.
_DAMAGE = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, ValueError, KeyError, TypeError,
    EOFError, OSError, AttributeError, RuntimeError,
)  # fmt: skip


def write(path: str | os.PathLike[str], meta: dict[str, Any], **arrays: NDArray[Any]) -> None:
    """Write arrays and JSON-able facts to `path`, which afterwards holds all of it or is as before.

    Raises
    ------
    ValueError
        If a fact has no JSON form.
    OSError
        If the path cannot be written.
    """
    target = Path(path)
    try:
        text = json.dumps({"kind": _KIND, "format": FORMAT, **meta})
    except TypeError as error:
        raise ValueError(f"metadata: expected what JSON can hold: {error}") from error
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"path: no folder {str(target.parent)!r} to save {target.name!r} in"
        )
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, meta=np.array(text), **arrays)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp's 0600 would surprise whoever shares it
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What `write` wrote.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, truncated, foreign, or of a newer format.
    """
    try:
        # Opened here: NumPy leaves a file open that it finds to be damaged.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        meta = json.loads(str(arrays.pop("meta")[()]))
        known = meta["kind"] == _KIND
        version = int(meta["format"])
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except _DAMAGE as error:
        raise ValueError(f"{path}: not a loopbp network, or damaged") from error
    if not known:
        raise ValueError(f"{path}: not a loopbp network")
    if version > FORMAT:
        raise ValueError(
            f"{path}: written by a newer loopbp (format {version}; this one reads up to {FORMAT})"
        )
    if version == 1:
        _move_preprocessing(path, meta, arrays)
    return meta, arrays


def _move_preprocessing(
    path: str | os.PathLike[str], meta: dict[str, Any], arrays: dict[str, NDArray[Any]]
) -> None:
    """Of format 1: what the command line kept among the metadata becomes the preprocessing."""
    facts = meta.get("metadata")
    meta["preprocessing"] = None
    if not isinstance(facts, dict) or not {"scale", "target_scale", "data"} <= facts.keys():
        return  # saved from Python, where there was none
    try:
        names = facts.pop("features", None) or [None] * int(meta["sizes"][0])
        labels = arrays["classes"].tolist() if meta["task"] == "classification" else None
        meta["preprocessing"] = {
            "columns": [dict.fromkeys(_COLUMN_OF_NUMBERS) | {"name": name} for name in names],
            "scale": facts.pop("scale"),
            "target_scale": facts.pop("target_scale"),
            "labels": labels or None,
            "target_names": facts.pop("targets", []),
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a loopbp network, or damaged") from error
