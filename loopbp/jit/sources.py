"""The Python function behind a compiled one, and the files that functions stand in."""

import hashlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def foreign_files(values: Iterable[Any]) -> set[str]:
    """Files outside the package in which those of the values are that are functions."""
    functions = [function for function in map(plain, values) if isinstance(function, FunctionType)]
    return {f.__code__.co_filename for f in functions if not f.__module__.startswith("loopbp.")}


@lru_cache
def digest_of(file: str) -> str:
    """Of the contents of a file."""
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def plain(function: F) -> F:
    """The Python function behind a compiled one; itself where the compiler is off."""
    return getattr(function, "py_func", function)
