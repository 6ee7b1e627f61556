"""The only place with Numba flags and their environment switches.

Every compiled function of the package is decorated with one of the names below, so a reader, a
search and a test see one line per flag:

``jit``
    one compiled function, serial, cached on disk, called and not inlined by others;
``sum_jit``
    the same for the sums of the derivation, which may be reordered into vector registers;
``parallel_jit``
    the same as ``sum_jit``, its ``prange`` loops shared out among threads;
``threads_jit``
    the same as ``jit`` for what starts threads by what it calls;
``inner_jit``
    the same as ``jit`` for what compiled code calls: a call from Python compiles a way in first;
``inner_parallel_jit``
    ``parallel_jit`` for what compiled code calls;
``inline_jit``
    a helper that disappears into its caller; not cached, for it never runs alone.

`loopbp.jit.files` keeps compiled code; ``LOOPBP_CACHE=0`` switches that off.  All of Numba's
switches (``NUMBA_DISABLE_JIT``, ``NUMBA_BOUNDSCHECK``, ``NUMBA_CACHE_DIR``, ...) work as
documented.
"""

import contextlib
import inspect
import os
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from numba import njit
from numba.core import types

from loopbp.jit.by_symbol import DISPATCHERS, InlineCompiler, SymbolCompiler
from loopbp.jit.cache import PackageCache
from loopbp.jit.compile_room import ROOM
from loopbp.jit.settings import EXACT, FASTMATH, FLAGS, config
from loopbp.jit.sources import F
from loopbp.jit.turns import OneAtATime


def _without_literals(get_call_template: Callable[..., Any]) -> Callable[..., Any]:
    """So that f(a, 0) and f(a, i) in compiled code call, and compile, the same signature."""

    def plain_types(args: Any, kws: Any) -> Any:
        named = {name: types.unliteral(kind) for name, kind in kws.items()}
        return get_call_template(tuple(types.unliteral(kind) for kind in args), named)

    return plain_types


def _enter_when_called(dispatcher: Any) -> None:
    """Compile the way in from Python, as another function, when Python calls for the first time.

    For a tuple of twenty arrays it costs as much as the body, and compiled callers do not need it.
    """

    def add_overload(result: Any) -> None:
        dispatcher.overloads[tuple(result.signature.args)] = result

    @lru_cache
    def way_in() -> Any:
        def call(*args):
            return dispatcher(*args)

        return njit(call)

    def entry(*args: Any, **kwargs: Any) -> Any:
        given = inspect.signature(dispatcher.py_func).bind(*args, **kwargs)
        return way_in()(*given.args)

    def compile_for_args(*args: Any, **kwargs: Any) -> Any:
        return entry  # Numba calls what it gets

    dispatcher.add_overload, dispatcher._compile_for_args = add_overload, compile_for_args


def _compile(
    function: F,
    fastmath: set[str],
    *,
    parallel: bool = False,
    inline: bool = False,
    inner: bool = False,
    threads: bool = False,
) -> F:
    more: dict[str, Any] = {
        "pipeline_class": InlineCompiler if inline else SymbolCompiler,
        "no_cpython_wrapper": inner,
    }
    dispatcher: Any = njit(
        parallel=parallel, fastmath=fastmath, forceinline=inline, **FLAGS, **more
    )(function)
    if not inline:
        DISPATCHERS[function.__module__, function.__qualname__] = dispatcher
    if config.DISABLE_JIT:
        return dispatcher
    if parallel or threads:
        dispatcher.__class__ = OneAtATime
    dispatcher.get_call_template = _without_literals(dispatcher.get_call_template)
    dispatcher.compile = partial(ROOM.run, dispatcher.compile)
    if inner:
        _enter_when_called(dispatcher)
    if os.environ.get("LOOPBP_CACHE", "1") != "0" and not inline:
        # Of code that was typed, and lies in no file, nothing tells whether it is the same.
        with contextlib.suppress(OSError):
            dispatcher._cache = PackageCache(function)
    return dispatcher


def jit(function: F) -> F:
    """Compile a serial function at its first call and keep it on disk."""
    return _compile(function, EXACT)


def sum_jit(function: F) -> F:
    """`jit` for a function whose sums may be reordered."""
    return _compile(function, FASTMATH)


def parallel_jit(function: F) -> F:
    """`sum_jit` with ``prange`` loops on all threads."""
    return _compile(function, FASTMATH, parallel=True)


def threads_jit(function: F) -> F:
    """`jit` for what starts threads by what it calls."""
    return _compile(function, EXACT, threads=True)


def inner_jit(function: F) -> F:
    """`jit` for what compiled code calls: nothing is compiled for a call from Python."""
    return _compile(function, EXACT, inner=True)


def inner_parallel_jit(function: F) -> F:
    """`parallel_jit` for what compiled code calls."""
    return _compile(function, FASTMATH, parallel=True, inner=True)


def inline_jit(function: F) -> F:
    """Compile a small helper into whatever calls it."""
    return _compile(function, EXACT, inline=True, inner=True)
