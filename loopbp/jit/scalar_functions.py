"""A user's scalar functions, checked before kernels call them by their address.

Such a call cannot raise: what goes wrong in it would be a line on the terminal and a 0 in the sums.
"""

import inspect
import math
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

from numba import njit, types

from loopbp.jit.c_function import c_address, c_function, call_address
from loopbp.jit.settings import config
from loopbp.jit.sources import plain

_PLACES = (0.5, -1.5, 0.0, 1.5)  # where it is tried; it must be finite at the first


def scalar_function(role: str, function: Any) -> Any:
    """A function of one float that returns one as machine code; see `loopbp.jit.c_function`.

    Parameters
    ----------
    role
        The argument's name in messages.
    function
        An ``@njit`` function, or plain Python that Numba can compile.

    Raises
    ------
    TypeError
        If it is no such function, takes other than one argument, cannot be compiled, or returns
        something else than one real number.
    ValueError
        If it raises an exception at z = -1.5, 0, 0.5 or 1.5, or is not finite at z = 0.5.
    """
    _check_arguments(role, function)
    if config.DISABLE_JIT:
        _check_value(role, function)
    try:
        code = c_function(function)
    except Exception as error:
        raise TypeError(_why_not_compiled(role, function, error)) from error
    for z in _PLACES:
        value, raised = _call(code, z)
        if raised is not None:
            raise ValueError(
                f"{role}: expected a number at z = {z:g}, got {type(raised).__name__}: {raised}; "
                "give that z a value of its own"
            )
        if z == _PLACES[0] and not math.isfinite(value):
            raise ValueError(f"{role}: expected a finite number at z = {z:g}, got {value}")
    return code


def _check_arguments(role: str, function: Any) -> None:
    if not callable(function):
        raise TypeError(f"{role}: expected a function of one number, got {function!r}")
    if not isinstance(plain(function), FunctionType):
        raise TypeError(
            f"{role}: expected an @njit or a plain Python function, got {function!r}; "
            "wrap it in one, as lambda z: f(z)"
        )
    signature = inspect.signature(plain(function))
    try:
        signature.bind(0.5)
    except TypeError:
        raise TypeError(
            f"{role}: expected a function of one number, as lambda z: z, got one that takes "
            f"{signature}"
        ) from None


def _check_value(role: str, function: Callable[[float], Any]) -> None:
    """Without the compiler: what it returns says what it is."""
    try:
        value = plain(function)(0.5)
    except ArithmeticError:
        return  # the value is not a number there, and this is said of compiled ones, too
    except Exception as error:
        raise TypeError(f"{role}: {type(error).__name__} at z = 0.5: {error}") from error
    if not hasattr(value, "__float__") or hasattr(value, "__len__") or isinstance(value, complex):
        raise TypeError(f"{role}: expected one real number back, got {value!r} at z = 0.5")


def _why_not_compiled(role: str, function: Any, error: Exception) -> str:
    """One line out of Numba's many, and in plain words where the result is of a wrong type."""
    compiled = function if hasattr(function, "py_func") else njit(function)
    call = njit(lambda z: compiled(z))  # noqa: PLW0108
    try:
        call.compile((types.float64,))
    except Exception as deeper:
        said = [line.strip() for line in str(deeper).splitlines() if line.strip()]
        said = [line for line in said if not line.startswith("Failed in nopython mode")]
        ends = [k for k, line in enumerate(said) if line.startswith(("During:", "There are"))]
        why = " ".join(said[: min([3, *ends])])[:200] or str(error)
        return f"{role}: could not be compiled as a function of one float: {why}"
    (overload,) = call.overloads.values()
    kind = overload.signature.return_type
    found = "None" if isinstance(kind, types.NoneType) else str(kind)
    return f"{role}: expected one real number back, got {found}"


def _call(code: Any, z: float) -> tuple[float, BaseException | None]:
    """The value there, and what was raised, which Python can only report."""
    raised: list[BaseException | None] = []
    before, sys.unraisablehook = sys.unraisablehook, lambda what: raised.append(what.exc_value)
    try:
        value = float(call_address(c_address(code), z))
    finally:
        sys.unraisablehook = before
    return value, raised[0] if raised else None
