"""What the instructions of `loopbp.jit.instruction` refuse, and what they would misread else.

They read an array as numbers that lie side by side, and registers as numbers of one width: on an
array with gaps they would take wrong numbers, on two widths LLVM would fail with words about types
of its own.  Both stand in Numba's types, so both end in a typing error.
"""

import functools
from collections.abc import Callable
from typing import Any

from numba import types

from loopbp.jit.insides import TypingError

_STORES = ("store", "store_part", "store_total")


def side_by_side(twin: Callable[..., Any], definition: Callable[..., Any]) -> Callable[..., Any]:
    """The typing of an instruction, with an error for arrays and registers that do not suit it.

    Parameters
    ----------
    twin
        The Python function that the instruction stands for; Numba's own, as ``operator.add``, keep
        their other meanings.
    definition
        Its typing: a function of the typing context and of the types of the arguments.
    """
    if not twin.__module__.startswith("loopbp"):
        return definition

    @functools.wraps(definition)
    def checked(typing_context: Any, *kinds: Any) -> Any:
        arrays = [kind for kind in kinds if isinstance(kind, types.Array)]
        for array in arrays:
            if array.layout != "C":
                order = "in Fortran order" if array.layout == "F" else "with gaps"
                raise TypingError(
                    f"{twin.__name__}: expected a C-ordered array, got a {array.ndim}-d "
                    f"{array.dtype} array {order}; pass np.ascontiguousarray of it"
                )
        if twin.__name__ in _STORES and not kinds[0].mutable:
            raise TypingError(
                f"{twin.__name__}: expected an array to write to, got a read-only one"
            )
        registers = [kind.scalar for kind in kinds if hasattr(kind, "scalar")]
        floats = {k for k in (*registers, *(a.dtype for a in arrays)) if isinstance(k, types.Float)}
        if len(floats) > 1:
            both = " and ".join(sorted(str(kind) for kind in floats))
            raise TypingError(f"{twin.__name__}: expected numbers of one dtype, got {both}")
        return definition(typing_context, *kinds)

    return checked
