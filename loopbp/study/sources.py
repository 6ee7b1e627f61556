"""Where a formula stands in the source code, found at run time."""

import inspect
import textwrap
from ast import get_docstring, parse
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from loopbp import loops, reference
from loopbp.jit.sources import plain


class Place(NamedTuple):
    """A line of a function."""

    function: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.function}, {self.file}:{self.line}"


@cache
def _lines(function: Callable[..., Any]) -> tuple[tuple[str, ...], int]:
    lines, first = inspect.getsourcelines(plain(function))
    return tuple(line.rstrip("\n") for line in lines), first


def place_of(module: ModuleType, function: str, statement: str = "") -> Place:
    """The first line of a function that contains a statement; its ``def`` line without one.

    Raises
    ------
    LookupError
        If the function has no such line.
    """
    lines, first = _lines(getattr(module, function))
    wanted = statement or f"def {function}("
    for number, line in enumerate(lines):
        if wanted in line:
            return Place(function, Path(str(module.__file__)).name, first + number)
    raise LookupError(f"{module.__name__}.{function} has no line with {wanted!r}")


def source_of(function: Callable[..., Any]) -> tuple[str, tuple[int, ...]]:
    """The source of a function without decorators and docstring, and the number of each line."""
    lines, first = _lines(function)
    source = textwrap.dedent("\n".join(lines)).splitlines()
    body: Any = parse("\n".join(source)).body[0]
    kept = range(body.lineno - 1, len(source))
    if get_docstring(body) is not None:
        inside = range(body.body[0].lineno - 1, body.body[0].end_lineno)
        kept = [k for k in kept if k not in inside]
    return "\n".join(source[k] for k in kept), tuple(first + k for k in kept)


def loop_source(name: str) -> tuple[str, tuple[int, ...]]:
    """The source of a function of `loopbp.loops`; see `source_of`."""
    return source_of(getattr(loops, name))


def reference_source(name: str) -> tuple[str, tuple[int, ...]]:
    """The source of its twin in `loopbp.reference`; see `source_of`."""
    return source_of(getattr(reference, name))
