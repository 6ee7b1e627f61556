"""A user's scalar function as a C function, called by its address."""

import ctypes
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import cfunc, extending, njit, types

from loopbp.jit.instruction import instruction
from loopbp.jit.settings import config
from loopbp.jit.sources import plain

_SCALAR_FUNCTION = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)


def call_address(address: int, z: float) -> float:
    """Call the C function ``double f(double)`` at an address.

    So a user's own activation reaches every kernel as a number: nothing is compiled again.
    """
    return _SCALAR_FUNCTION(int(address))(float(z))


def _call_in_plain_mode(address, z):
    return _call(address, z)


@instruction(call_address, plain=_call_in_plain_mode)
def _call_address(typing_context, address, z):
    def codegen(context, builder, signature, arguments):
        double = context.get_value_type(types.float64)
        function_type = ir.FunctionType(double, [double])
        pointer = builder.inttoptr(arguments[0], function_type.as_pointer())
        return builder.call(pointer, [arguments[1]])

    return types.float64(types.int64, types.float64), codegen


_call: Any = extending.intrinsic(_call_address)


def c_function(function: Callable[[float], float]) -> Any:
    """A scalar function (``@njit`` or plain Python) as a C function.

    Returns
    -------
    object
        Holds the machine code; it must be kept alive as long as its address is in use.
    """
    if config.DISABLE_JIT:
        return _SCALAR_FUNCTION(plain(function))
    # By Numba's whole pipeline: a user's function may have what `_OF_OTHER_CODE` is for.
    compiled = function if hasattr(function, "py_func") else njit(function, error_model="numpy")
    return cfunc("float64(float64)")(lambda z: compiled(z))  # noqa: PLW0108


def c_address(function: Any) -> int:
    """The address of what `c_function` returned."""
    if hasattr(function, "address"):
        return int(function.address)
    return ctypes.cast(function, ctypes.c_void_p).value or 0
