"""Folders in MNIST's IDX layout: MNIST itself, Fashion-MNIST, EMNIST and their like."""

import gzip
import math
import os
import re
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loopbp.datasets.dataset import CLASSIFICATION, Dataset
from loopbp.datasets.options import Reading
from loopbp.datasets.text import PathLike

_UNSIGNED_BYTE = 8
_FILE = re.compile(
    r"(?P<prefix>(?:.*[-_.])?)(?P<part>train|t10k|test)-(?P<what>images|labels)"
    r"[-.]idx[13]-ubyte(?:\.gz)?"
)


def _prefix(folder: Path, given: str | None) -> str:
    """What stands before ``train-images-...`` in the names of the files."""
    found = {m["prefix"] for p in folder.iterdir() if (m := _FILE.fullmatch(p.name))}
    if given is not None:
        fitting = [p for p in found if given in (p, p.rstrip("-_."))]
        if not fitting:
            names = ", ".join(sorted(p.rstrip("-_.") or "(none)" for p in found)) or "none"
            raise ValueError(f"{folder}: no IDX files that begin with {given!r}; there are {names}")
        return fitting[0]
    if len(found) > 1:
        names = " or ".join(f"--arrays '{p.rstrip('-_.')}'" for p in sorted(found))
        raise ValueError(f"{folder}: holds several sets of IDX files; say {names}")
    return found.pop() if found else ""


def _file(folder: Path, stem: str, dimensions: int) -> Path | None:
    kind = f"idx{dimensions}-ubyte"
    names = [f"{stem}{dash}{kind}{end}" for end in ("", ".gz") for dash in ("-", ".")]
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _array(path: Path, dimensions: int) -> NDArray[np.uint8]:
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


def _pair(folder: Path, part: str) -> tuple[NDArray[np.float32], NDArray[np.int64]] | None:
    image_file = _file(folder, f"{part}-images", 3)
    label_file = _file(folder, f"{part}-labels", 1)
    if image_file is None and label_file is None:
        return None
    if image_file is None or label_file is None:
        missing = "images-idx3-ubyte" if image_file is None else "labels-idx1-ubyte"
        raise FileNotFoundError(f"{folder}: no file {part}-{missing}, gzipped or not")
    images, labels = _array(image_file, 3), _array(label_file, 1)
    if len(images) != len(labels):
        raise ValueError(f"{label_file}: {len(labels)} labels for {len(images)} images")
    if images.size == 0:
        raise ValueError(f"{image_file}: holds no images")
    X = images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
    return X, labels.astype(np.int64)


def read_idx(folder: PathLike, prefix: str | None = None) -> Dataset:
    """Read a folder in MNIST's IDX layout: MNIST itself, Fashion-MNIST, EMNIST and their like.

    Parameters
    ----------
    folder
        Holds ``train-images-idx3-ubyte`` and ``train-labels-idx1-ubyte``, and, for the test part,
        the same with ``t10k`` or ``test``; each gzipped or not, and all with the same beginning,
        such as ``emnist-letters-``.
    prefix
        Which files, where a folder holds several sets: ``emnist-letters``.  None: the only set.

    Returns
    -------
    Dataset
        Pixels scaled to [0, 1] in float32; train and test as the files have it; labels as they
        are written.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a file is truncated, has another magic number, images and labels do not fit, or there
        are several sets.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    before = _prefix(folder, prefix)
    train = _pair(folder, f"{before}train")
    if train is None:
        raise FileNotFoundError(
            f"{folder}: no file {before}train-images-idx3-ubyte, gzipped or not"
        )
    test = _pair(folder, f"{before}t10k") or _pair(folder, f"{before}test")
    if test is not None and test[0].shape[1] != train[0].shape[1]:
        raise ValueError(f"{folder}: training and test images differ in size")
    reading = Reading()
    known = np.unique(train[1])
    reading.say(
        f"IDX: {before}train"
        + ("" if test is None else " and its test part")
        + f", pixels divided by 255, {len(known)} labels {known[0]} to {known[-1]} as written",
        kind="IDX",
        prefix=before,
        scaled="divided by 255",
        targets={"taken_as": "labels", "labels": len(known)},
    )
    if before.startswith("emnist"):
        reading.say("EMNIST stores its images transposed; they are taken as they are")
    return Dataset(
        X=train[0],
        y=train[1],
        X_test=None if test is None else test[0],
        y_test=None if test is None else test[1],
        name=before.rstrip("-_.") or folder.resolve().name,
        source=os.fspath(folder),
        task=CLASSIFICATION,
        target_names=("label",),
        reading=reading.facts,
        notes=tuple(reading.notes),
    )
