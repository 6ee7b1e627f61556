"""Compiled functions that look at their arguments: at types while Numba finds them out, and more.

A check of types costs a call nothing: it is made once for each new combination of types, before a
call from Python is compiled, and while compiled code around a call is.
"""

import functools
import inspect
from collections.abc import Iterable
from importlib import import_module
from typing import Any, Protocol

from numba import extending

from loopbp.jit.mode import is_plain
from loopbp.jit.settings import config


class Check(Protocol):
    """What a function takes."""

    def __call__(self, args: Iterable[Any], kws: dict[str, Any]) -> list[Any]:
        """The Numba types that the function is compiled for; an error for others."""
        ...

    def type_of(self, value: Any) -> Any:
        """The Numba type of any value."""
        ...

    def values(self, args: tuple[Any, ...], kws: dict[str, Any]) -> None:
        """Look at the values of a call from Python; an error for wrong ones."""
        ...


def checked_calls(function: Any, check: Check, values: bool) -> Any:
    """The function, or one in its place, with a check.

    Parameters
    ----------
    function
        Compiled by `loopbp.jit.decorators`.
    check
        What it takes.
    values
        Whether calls from Python look at values, too.
    """
    if config.DISABLE_JIT or is_plain():
        return _beside(function, check, values)
    _check_types_of(function, check)
    if values:
        function.__class__, function.check = _with_values(function.__class__), check
    return function


class _LooksAtValues:
    """Beside a kind of dispatcher: calls from Python look at values first."""

    check: Check
    py_func: Any

    def __call__(self, *args: Any, **kws: Any) -> Any:
        self.check.values(args, kws)
        return super().__call__(*args, **kws)  # type: ignore[misc]

    def __reduce__(self) -> Any:
        return _find, (self.py_func.__module__, self.py_func.__qualname__)


@functools.cache
def _with_values(kind: type) -> type:
    """The same kind of dispatcher, whose calls from Python look at values first."""
    return type(f"Checked{kind.__name__}", (_LooksAtValues, kind), {})


def _find(module: str, name: str) -> Any:
    return getattr(import_module(module), name)


def _check_types_of(dispatcher: Any, check: Check) -> None:
    """Call `check` whenever Numba meets a combination of types for the first time."""
    template, compile_for_args = dispatcher.get_call_template, dispatcher._compile_for_args

    def get_call_template(args: Any, kws: Any) -> Any:
        return template(tuple(check(args, kws)), {})

    def compile_checked(*args: Any, **kws: Any) -> Any:
        given: list[Any] = [check.type_of(value) for value in args]
        kinds = check(given, {name: check.type_of(value) for name, value in kws.items()})
        if kinds == given:
            return compile_for_args(*args, **kws)
        entry = dispatcher.compile(tuple(kinds))
        dispatcher._insert([kind._code for kind in given], entry, False)
        return entry

    dispatcher.get_call_template = get_call_template
    dispatcher._compile_for_args = compile_checked


def _beside(function: Any, check: Check, values: bool) -> Any:
    """A function of Python that checks and calls; compiled code calls the function itself."""

    @functools.wraps(function)
    def call(*args: Any, **kws: Any) -> Any:
        check(map(check.type_of, args), {name: check.type_of(value) for name, value in kws.items()})
        if values:
            check.values(args, kws)
        return function(*args, **kws)

    if not config.DISABLE_JIT:
        vars(call)["py_func"] = function.py_func
        names = ", ".join(inspect.signature(function.py_func).parameters)
        # One of the very arguments, for Numba compares their names.
        implementation = eval(f"lambda {names}: function({names})", {"function": function})

        def typed(*args: Any, **kws: Any) -> Any:
            check(args, kws)
            return implementation

        vars(typed)["__signature__"] = inspect.signature(implementation)
        extending.overload(call)(typed)
    return call
