"""The results of ``loopbp bench``: one object, as JSON in a file."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Results = dict[str, Any]
Rows = Sequence[dict[str, Any]]
_FORMAT = 1


def read(path: str | os.PathLike[str]) -> Results:
    """Results from a file that `write` wrote.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it holds something else.
    """
    try:
        results = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: is not JSON: {error}") from error
    if not isinstance(results, dict) or results.get("format") != _FORMAT:
        raise ValueError(f"{path}: does not hold results of loopbp bench --json")
    return results


def text(results: Results) -> str:
    """Results as JSON, indented."""
    return json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write(results: Results, path: str | os.PathLike[str]) -> None:
    """Write results to a file that `read` reads."""
    Path(path).write_text(text(results), encoding="utf-8")


def gather(command: str, runs: Sequence[Results], costs: Results | None = None) -> Results:
    """One object of all that was measured.

    Parameters
    ----------
    command
        What was typed.
    runs
        What the processes returned, each with its machine.
    costs
        What `loopbp.benchmark.costs.measure` returned.
    """
    return {"format": _FORMAT, "command": command, "runs": list(runs), "costs": costs}
