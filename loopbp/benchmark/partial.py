"""Rows of a run as they come, in ``FILE.part`` beside its results: from where it can go on.

A whole run takes from half an hour to more than one, by how long it waits for others on the host.
The file holds a line of JSON for the run, one for each sitting, and one for each row with the best
that was seen by then: a later sitting must not take a crowded machine for a calm one.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loopbp.jit import files as cache
from loopbp.terminal.json_text import json_text, plain

_HERE = Path(__file__).parent


def part_of(path: str | os.PathLike[str]) -> Path:
    """Where the rows are until `path` is written."""
    return Path(f"{path}.part")


def identity(command: str, machine: dict[str, Any]) -> dict[str, Any]:
    """What must be the same in all sittings: what was typed, the machine, versions and the code.

    `machine` is from `loopbp.benchmark.environment.describe`.
    """
    kept = {name: value for name, value in machine.items() if name != "date"}
    return plain({"command": command, **kept, "code": _code()})


def _code() -> str:
    """A digest of all that is timed, and of what times it."""
    digest = hashlib.sha256()
    for _, content in cache.sources():
        digest.update(content)
    for file in sorted(_HERE.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def begin(path: Path, run: dict[str, Any], date: str, resume: bool) -> int:
    """Begin a file, or go on with it.

    Parameters
    ----------
    path
        From `part_of`.
    run
        From `identity`.
    date
        Of this sitting.
    resume
        Whether to take the rows that are there.

    Returns
    -------
    int
        How many rows are there.

    Raises
    ------
    ValueError
        If there are rows that are not to be taken, or those of another run.
    """
    if not path.exists():
        _append(path, {"run": run}, {"sitting": date})
        return 0
    if not resume:
        raise ValueError(f"{path} has the rows of a run that has not ended: --resume, or delete it")
    try:
        found = [*_entries(path)]
        before = dict(found[0]["run"])
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(f"--resume: {path} holds no rows of loopbp bench") from error
    for name, value in run.items():
        if before.get(name) != value:
            raise ValueError(
                f"--resume: {path} is of a run with another {name}: {before.get(name)}, and now "
                f"{value}; delete it to begin anew"
            )
    with path.open("r+b") as file:
        # a line that was cut short when the run was ended
        file.truncate(file.read().rfind(b"\n") + 1)
    _append(path, {"sitting": date})
    return sum("row" in entry for entry in found)


def add(path: Path, kind: str, row: dict[str, Any], best: dict[str, dict[str, float]]) -> None:
    """Add a row of peers or sweep, and the best that was seen by now, by what and by dtype."""
    _append(path, {"kind": kind, "row": row, "best": best})


def rows(path: Path, kind: str) -> list[dict[str, Any]]:
    """The rows of peers or sweep, in their order."""
    return [entry["row"] for entry in _entries(path) if entry.get("kind") == kind]


def best(path: Path) -> dict[str, dict[str, float]]:
    """The best that any sitting saw, as the last row has it; {} before the first."""
    found = [entry["best"] for entry in _entries(path) if "best" in entry]
    return found[-1] if found else {}


def sittings(path: Path) -> list[str]:
    """The dates of all sittings that have measured a row."""
    found, date = [], ""
    for entry in _entries(path):
        date = entry.get("sitting", date)
        if "row" in entry and date:
            found.append(date)
            date = ""
    return found


def _append(path: Path, *entries: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.writelines(json_text(entry) + "\n" for entry in entries)


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    """All lines but one that was cut short."""
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            yield json.loads(line)
