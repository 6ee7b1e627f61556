"""Instructions: LLVM code behind a call in compiled functions, and its twin in Python."""

from collections.abc import Callable
from typing import Any

from numba.core import types
from numba.core.typing.templates import infer, infer_global, make_intrinsic_template

from loopbp.jit.instruction_types import side_by_side
from loopbp.jit.operators import add_meaning
from loopbp.jit.sources import F

MASK64 = 0xFFFFFFFFFFFFFFFF


def instruction(twin: Callable[..., Any]) -> Callable[[F], F]:
    """Decorate the typing and the LLVM code that a call of `twin` is in compiled functions.

    As Numba's ``intrinsic`` behind an ``overload``, but nothing is compiled for the call itself:
    the wrappers take long.  Uncompiled, `twin` runs as it stands.  What Numba knows already, as
    ``operator.add``, keeps its other meanings, and has this one in code of this package alone.
    """

    def register(definition: F) -> F:
        template = make_intrinsic_template(twin, side_by_side(twin, definition), twin.__name__)
        if twin.__module__ == "_operator":
            add_meaning(twin, types.Function(template))
        else:
            infer(template)
            infer_global(twin, types.Function(template))
        return definition

    return register


def as_u64(value: Any) -> int:
    """An integer modulo 2**64: ``uint64`` in compiled code, a Python integer without it."""
    return int(value) & MASK64


@instruction(as_u64)
def _as_u64(typing_context, value):
    def codegen(context, builder, signature, arguments):
        return context.cast(builder, arguments[0], signature.args[0], types.uint64)

    return types.uint64(value), codegen
