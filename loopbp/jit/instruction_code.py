"""How Numba learns of an instruction: its typing and its LLVM code behind a Python function."""

from collections.abc import Callable
from typing import Any

from numba import types
from numba.core.typing.templates import (
    AttributeTemplate,
    infer,
    infer_getattr,
    infer_global,
    make_intrinsic_template,
)

from loopbp.jit.instruction_types import side_by_side
from loopbp.jit.operators import add_meaning


def register(twin: Callable[..., Any], definition: Callable[..., Any]) -> None:
    """Make calls of `twin` in compiled code what `definition` says.

    As Numba's ``intrinsic`` behind an ``overload``, but nothing is compiled for the call itself:
    the wrappers take long.  What Numba knows already, as ``operator.add``, keeps its other
    meanings, and has this one in code of this package alone.
    """
    template = make_intrinsic_template(twin, side_by_side(twin, definition), twin.__name__)
    if twin.__module__ == "_operator":
        add_meaning(twin, types.Function(template))
    else:
        infer(template)
        infer_global(twin, types.Function(template))


def register_attributes(kind: type, resolve: Callable[[Any, str], Any]) -> None:
    """Make the attributes of values of a Numba type have the types that `resolve` says."""

    class Attributes(AttributeTemplate):
        key = kind

        def generic_resolve(self, value: Any, name: str) -> Any:
            return resolve(value, name)

    infer_getattr(Attributes)
