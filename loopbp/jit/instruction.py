"""Instructions: LLVM code behind a call in compiled functions, and its twin in Python."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numba import types

from loopbp.jit.mode import is_plain
from loopbp.jit.sources import F

if is_plain():
    from loopbp.jit.plain_mode import compile_twin
else:
    from loopbp.jit.instruction_code import register, register_attributes

MASK64 = 0xFFFFFFFFFFFFFFFF


def instruction(
    twin: Callable[..., Any], plain: Callable[..., Any] | None = None
) -> Callable[[F], F]:
    """Decorate the typing and the LLVM code that a call of `twin` is in compiled functions.

    Uncompiled, `twin` runs as it stands.

    Parameters
    ----------
    twin
        The same in Python.
    plain
        What is compiled in its place in the plain mode, where `twin` itself cannot be.
    """

    def decorate(definition: F) -> F:
        if is_plain():
            compile_twin(twin, plain)
        else:
            register(twin, definition)
        return definition

    return decorate


def attributes_of(kind: type) -> Callable[[F], F]:
    """Decorate what tells the type of an attribute, by its name, of values of a Numba type."""

    def decorate(resolve: F) -> F:
        if not is_plain():
            register_attributes(kind, resolve)
        return resolve

    return decorate


def call_of(function: Any, typing_context: Any, kinds: Iterable[Any]) -> tuple[Any, Any]:
    """What an instruction returns that is a call of a compiled function.

    Parameters
    ----------
    function
        Compiled, and chosen by the types.
    typing_context, kinds
        Those of the instruction's definition.
    """
    called = types.Dispatcher(function)
    arguments = tuple(types.unliteral(kind) for kind in kinds)
    signature = called.get_call_type(typing_context, arguments, {})

    def codegen(context, builder, _, values):
        return context.get_function(called, signature)(builder, values)

    return signature, codegen


def as_u64(value: Any) -> int:
    """An integer modulo 2**64: ``uint64`` in compiled code, a Python integer without it."""
    return int(value) & MASK64


def _as_u64_in_plain_mode(value):
    return np.uint64(value)


@instruction(as_u64, plain=_as_u64_in_plain_mode)
def _as_u64(typing_context, value):
    def codegen(context, builder, signature, arguments):
        return context.cast(builder, arguments[0], signature.args[0], types.uint64)

    return types.uint64(value), codegen
