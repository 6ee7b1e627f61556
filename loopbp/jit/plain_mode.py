"""The plain mode: the package's decorators on what Numba documents, and nothing else.

Slow: Numba links a copy of every callee into each caller and compiles it again there, and what
`loopbp.machine` computes in registers runs as its Python twin.  Numba keeps the code itself, in the
folder of `loopbp.jit.files`.
"""

import inspect
import os
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

from numba import extending, njit

from loopbp.jit import files
from loopbp.jit.registry import DISPATCHERS
from loopbp.jit.settings import config, threading_layer
from loopbp.jit.sources import F

_CONFIGURING = threading.Lock()


@cache
def _folder() -> str:
    """Where Numba may keep code: where nobody else can write; "" if it may not."""
    folder = files.root() / files.STAMP
    if os.environ.get("LOOPBP_CACHE", "1") == "0" or config.DISABLE_JIT or files.trouble(folder):
        return ""
    return str(folder)


def compile_plainly(
    function: F,
    fastmath: set[str],
    *,
    parallel: bool = False,
    inline: bool = False,
    inner: bool = False,
    threads: bool = False,
) -> F:
    """A function under ``njit``.

    In threads where they may be started by more than one thread of Python at once.
    """
    options: dict[str, Any] = {
        "fastmath": fastmath, "error_model": "numpy", "nogil": True,
        "parallel": parallel and threading_layer() != "workqueue",
    }  # fmt: skip
    folder = _folder()
    with _CONFIGURING:  # Numba asks for the folder now, and for that of others when it is theirs
        before = config.CACHE_DIR
        try:
            if folder:
                config.CACHE_DIR = folder
            dispatcher: Any = njit(cache=bool(folder) and not inline, **options)(function)
        finally:
            config.CACHE_DIR = before
    if not inline:
        DISPATCHERS[function.__module__, function.__qualname__] = dispatcher
    return dispatcher


def compile_twin(twin: Callable[..., Any], other: Callable[..., Any] | None = None) -> None:
    """Let compiled code call a Python function, or `other` under its name."""
    if twin.__module__ == "_operator":
        return  # on numbers of the processor alone, of which there are none
    implementation = other or twin

    def typed(*args: Any, **kwargs: Any) -> Any:
        return implementation

    vars(typed)["__signature__"] = inspect.signature(implementation)
    extending.overload(twin)(typed)


def will_compile(function: Any, *arguments: Any) -> bool:
    """Whether a call compiles: Numba does not tell."""
    return False
