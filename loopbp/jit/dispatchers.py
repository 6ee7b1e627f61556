"""A dispatcher, Numba's object of a compiled function, as `loopbp.jit.decorators` wants it."""

import contextlib
import inspect
import os
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from numba import njit, types

from loopbp.jit.by_symbol import InlineCompiler, SymbolCompiler
from loopbp.jit.cache import PackageCache
from loopbp.jit.compile_room import ROOM
from loopbp.jit.registry import DISPATCHERS
from loopbp.jit.settings import FLAGS, config
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


def compile_by_symbol(
    function: F,
    fastmath: set[str],
    *,
    parallel: bool = False,
    inline: bool = False,
    inner: bool = False,
    threads: bool = False,
) -> F:
    """A function that compiled code calls by its symbol, or that disappears into its callers."""
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
