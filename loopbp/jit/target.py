"""Numba's target context as our own compilations see it: the same, but it asks less often."""

from functools import cache
from typing import Any

from numba import types


class _OurTarget:
    """Beside a class of target contexts: what it would find out each time anew."""

    _sizes: dict[str, int]

    def get_abi_sizeof(self, ty: Any) -> int:
        """Numba has LLVM read a module for it, for each variable, even without debug information."""
        text = str(ty)
        if text not in self._sizes:
            self._sizes[text] = super().get_abi_sizeof(ty)  # type: ignore[misc]
        return self._sizes[text]

    def get_function(self, fn: Any, sig: Any, *more: Any, **named: Any) -> Any:
        """For each access to an array Numba looks for a conversion to one, and in vain."""
        if fn == "__array__" and type(sig.args[0]) is types.Array:
            raise NotImplementedError("an array needs no conversion to one")
        return super().get_function(fn, sig, *more, **named)  # type: ignore[misc]


_SIZES: dict[Any, dict[str, int]] = {}


@cache
def _ours(kind: type) -> type:
    return type(f"Our{kind.__name__}", (_OurTarget, kind), {})


def make_ours(target: Any) -> None:
    """Let a target context, a copy for one compilation, ask less often."""
    target.__class__ = _ours(type(target))
    target._sizes = _SIZES.setdefault(target.codegen(), {})
