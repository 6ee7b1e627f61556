"""Compiled code on disk, outside the package: one file for each compiled signature.

``<root>/<stamp>/<function>.<digest of the key>.nbc``, where the root is the user's cache folder, or
``NUMBA_CACHE_DIR/loopbp``.  The stamp is a digest of the contents of the package's sources, of the
versions of Python, Numba, llvmlite and NumPy, and of those of Numba's switches that change machine
code, so that a folder is never right for other code, and goes away as a whole.

What is loaded is run.  So a file begins with a digest of its name and content, and is not unpickled
before that fits: damaged, cut off or swapped, it is compiled anew and written again.  A folder that
belongs to somebody else, or that others can write to, is not used; one line on the log says so
(`logging`, standard error by default), and everything is compiled in memory.

Stamps not used for a month, and the oldest files above 1 GB, are removed, at most once a day.
"""

import contextlib
import hashlib
import logging
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba import config
from platformdirs import user_cache_dir

_PACKAGE = Path(__file__).parents[1]
# Folders of the package whose edits change no machine code.  A test fails when one holds kernels.
WITHOUT_KERNELS = ("benchmark", "cli", "datasets", "gradcheck", "preparation")
# Numba's switches that change machine code and are not in its own key.
_SWITCHES = (
    "BOUNDSCHECK", "OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "DEBUGINFO_DEFAULT", "ENABLE_AVX",
)  # fmt: skip
_BEGINNING = b"loopbp cache 1\n\0"
_DIGEST_BYTES = 32
_DAY = 86_400.0
KEPT_DAYS, KEPT_BYTES = 30, 1 << 30
_STAMP_NAME = re.compile(r"[0-9a-f]{16}")


def sources() -> Iterator[tuple[str, bytes]]:
    """Name and content of the files that compiled code is made of, in the order of their names.

    They may lie in a folder or in a zip, with their source or compiled to bytecode only.
    """
    found: dict[str, bytes] = {}

    def visit(folder: Any, at: str) -> None:
        for item in folder.iterdir():
            name = f"{at}{item.name}"
            if item.name.endswith((".py", ".pyc")):
                found[name] = item.read_bytes()
            elif item.name not in (*WITHOUT_KERNELS, "__pycache__") and item.is_dir():
                visit(item, f"{name}/")

    visit(_PACKAGE if _PACKAGE.is_dir() else resources("loopbp"), "")
    yield from sorted(found.items())


@cache
def stamp() -> str:
    """A digest of all that machine code depends on, but for the function, its types and the CPU."""
    digest = hashlib.sha256()
    versions = (sys.version, numba.__version__, llvmlite.__version__, np.__version__)
    switches = [(name, str(getattr(config, name, None))) for name in _SWITCHES]
    digest.update(repr((_BEGINNING, versions, switches)).encode())
    for name, content in sources():
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def root() -> Path:
    """The folder that holds nothing but this cache; whether it can be used, `trouble` tells."""
    chosen = vars(config).get("CACHE_DIR")
    if chosen:
        return Path(chosen).absolute() / "loopbp"
    return Path(user_cache_dir("loopbp", appauthor=False))


def file_of(name: str, key: str) -> Path:
    """Where the code of a function is kept.

    Parameters
    ----------
    name
        Of the function.
    key
        What else tells it apart: types, CPU.
    """
    digest = hashlib.sha256(f"{name}\n{key}".encode()).hexdigest()[:40]
    readable = re.sub(r"[^\w.]", "", name.removeprefix("loopbp."))[:80]
    return root() / stamp() / f"{readable}.{digest}.nbc"


def read(file: Path) -> bytes | None:
    """What `write` wrote to this very file; None where it is not there, or damaged."""
    if trouble(file.parent):
        return None
    try:
        content = file.read_bytes()
    except OSError:
        return None
    start = len(_BEGINNING) + _DIGEST_BYTES
    payload = content[start:]
    return payload if content[:start] == _head(file, payload) else None


def write(file: Path, payload: bytes) -> bool:
    """Keep the code of a function.

    Returns
    -------
    bool
        Whether it is kept: where the disk is full or the folder cannot be used, it is not, and one
        line says why.
    """
    for attempt in range(2):
        if trouble(file.parent):
            return False
        temporary = None
        try:
            number, temporary = tempfile.mkstemp(".tmp", f"{file.name}.", file.parent)
            with os.fdopen(number, "wb") as opened:
                opened.write(_head(file, payload))
                opened.write(payload)
            Path(temporary).replace(file)
        except OSError as error:
            if temporary:
                with contextlib.suppress(OSError):
                    Path(temporary).unlink()
            if attempt == 0:
                _TROUBLE.pop(file.parent, None)  # it may have been cleared away: make it again
            else:
                _refuse(file.parent, str(error))
        else:
            return True
    return False


def _head(file: Path, payload: bytes) -> bytes:
    """The digest covers the name, and so the key: two files that change places are noticed."""
    digest = hashlib.sha256(f"{file.parent.name}/{file.name}\0".encode())
    digest.update(payload)
    return _BEGINNING + digest.digest()


# -- whether a folder can be used -----------------------------------------------------------------

_TROUBLE: dict[Path, str] = {}  # by folder, what is wrong with it; looked for once a process
_TOLD: set[str] = set()


def trouble(folder: Path) -> str:
    """Why compiled code is not kept in the folder of a stamp, which is made; "" where it is.

    The first time that a reason is found it is told in one line.
    """
    if folder not in _TROUBLE:
        _TROUBLE[folder] = ""
        why = _look_for_trouble(folder)
        if why:
            _refuse(folder, why)
        else:
            _note_use(folder)
    return _TROUBLE[folder]


def _look_for_trouble(folder: Path) -> str:
    if not folder.is_absolute():
        return "there is no home folder"
    try:
        folder.parent.parent.mkdir(parents=True, exist_ok=True)
        for each in (folder.parent, folder):
            each.mkdir(mode=0o700, exist_ok=True)
            why = not_ours(each)
            if why:
                return why
    except OSError as error:
        return str(error)
    return "" if os.access(folder, os.W_OK | os.X_OK) else f"{folder} cannot be written to"


def not_ours(folder: Path) -> str:
    """Why others may have put there what lies in a folder; "" if they cannot."""
    if not hasattr(os, "getuid"):
        return ""  # Windows: the user's cache folder is the user's by its access list
    status = folder.stat()
    if status.st_uid != os.geteuid():
        return f"{folder} belongs to another user"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"others can write to {folder} (chmod go-w helps)"
    return ""


def _refuse(folder: Path, why: str) -> None:
    _TROUBLE[folder] = why
    if why not in _TOLD:
        _TOLD.add(why)
        logging.getLogger("loopbp").warning(
            "loopbp: compiled code is not kept on disk, so every process compiles anew: %s; "
            "NUMBA_CACHE_DIR names another folder, LOOPBP_CACHE=0 switches this off",
            why,
        )


# -- how much there is, and what goes -------------------------------------------------------------


def _stamps() -> list[Path]:
    try:
        found = [*root().iterdir()]
    except OSError:
        return []
    return [f for f in found if _STAMP_NAME.fullmatch(f.name) and f.is_dir() and not f.is_symlink()]


def _files(folder: Path) -> list[tuple[float, int, Path]]:
    """When each file was written, its size, and where it is."""
    found = []
    with contextlib.suppress(OSError):
        for file in folder.rglob("*"):
            with contextlib.suppress(OSError):  # gone meanwhile
                status = file.stat()
                if stat.S_ISREG(status.st_mode):
                    found.append((status.st_mtime, status.st_size, file))
    return found


def size() -> tuple[int, int]:
    """How many files there are of all stamps, and how many bytes."""
    sizes = [size for folder in _stamps() for _, size, _ in _files(folder)]
    return len(sizes), sum(sizes)


def clear() -> tuple[int, int]:
    """Remove all that is kept.

    Returns
    -------
    files, bytes
        What is gone.  Nothing that this module did not write is touched.
    """
    before = size()
    for folder in _stamps():
        shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        _marker().unlink(missing_ok=True)
        root().rmdir()
    _TROUBLE.clear()
    after = size()
    return before[0] - after[0], before[1] - after[1]


def prune(kept_days: float = KEPT_DAYS, kept_bytes: int = KEPT_BYTES) -> None:
    """Remove stamps that nobody used for so long, and the oldest files beyond so many bytes.

    Parameters
    ----------
    kept_days
        Of stamps but the present one.
    kept_bytes
        Of all: stamps go whole, the one unused for longest first, and of the present one files.
    """
    now, present = time.time(), root() / stamp()
    others = sorted((_mtime(folder), folder) for folder in _stamps() if folder != present)
    left = size()[1]
    for used, folder in others:
        if now - used > kept_days * _DAY or left > kept_bytes:
            left -= sum(size for _, size, _ in _files(folder))
            shutil.rmtree(folder, ignore_errors=True)
    for written, size_of_file, file in sorted(_files(present)):
        forgotten = file.suffix == ".tmp" and now - written > _DAY  # its writer was killed
        if forgotten or left > kept_bytes:
            left -= size_of_file
            file.unlink(missing_ok=True)


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _marker() -> Path:
    return root() / "pruned"


def _note_use(folder: Path) -> None:
    """Once a day: this stamp is in use; and what is old goes."""
    now = time.time()
    with contextlib.suppress(OSError):
        if now - _mtime(folder) > _DAY:
            os.utime(folder)
        if folder.parent == root() and not 0 <= now - _mtime(_marker()) < _DAY:
            _marker().touch()
            prune()


STAMP = stamp()  # of the code that is imported now, and not of later edits
