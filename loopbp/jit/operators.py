"""What our own compilations see of Numba's table of functions, and nobody else.

Numba keeps what ``x + y`` may mean in one table for the process.  A compilation of this package
sees that table with its own meanings of operators added; all others see it as Numba made it.  And
it asks for the meaning of the same types once, where Numba tries all its templates each time.
"""

from functools import cache
from typing import Any

from numba import types
from numba.core.targetconfig import ConfigStack
from numba.extending import models, register_model

# By operator, as `operator.add`, the meanings of our own.
_MEANINGS: dict[Any, Any] = {}


def add_meaning(which: Any, meaning: Any) -> None:
    """One more meaning of an operator, a ``types.Function``, in what this package compiles."""
    before = _MEANINGS.get(which)
    _MEANINGS[which] = before.augment(meaning) if before else meaning


_Function: Any = types.Function


class Remembered(_Function):
    """A function that Numba knows, which remembers what its calls mean."""

    def get_call_type(self, context: Any, args: Any, kws: Any) -> Any:
        """The signature of a call; Numba then finds its code by `_impl_keys`."""
        flags = _flags()
        if flags is None or not isinstance(context, _OurTable):
            return super().get_call_type(context, args, kws)
        known = self.__dict__.setdefault("_known", {})
        call = flags, tuple(args), tuple(kws.items())
        if call not in known:
            signature = super().get_call_type(context, args, kws)
            known[call] = signature, self._impl_keys[signature.args]
        signature, code = known[call]
        self._impl_keys[signature.args] = code
        return signature


register_model(Remembered)(models.OpaqueModel)

_NUMBERS: dict[Any, int] = {}  # by flags of a compilation
_SEEN: dict[int, tuple[Any, int | None]] = {}  # by identity: flags are slow to compare
_MOST_SEEN = 256


def _flags() -> int | None:
    """A number for the flags of the compilation at work, which choose among codes of a call.

    None under ``parallel``, where Numba changes them on its way.
    """
    flags = ConfigStack.top_or_none()
    seen, number = _SEEN.get(id(flags), (None, None))
    if seen is not flags or flags is None:
        if len(_SEEN) >= _MOST_SEEN:
            _SEEN.clear()
        number = None
        if flags is not None and not flags.auto_parallel.enabled:
            number = _NUMBERS.setdefault(flags.copy(), len(_NUMBERS))
        _SEEN[id(flags)] = flags, number
    return number


class _OurTable:
    """Beside a class of typing contexts: its table as our compilations see it."""

    _seen: dict[Any, tuple[Any, Any, Any]]

    def _lookup_global(self, value: Any) -> Any:
        known = super()._lookup_global(value)  # type: ignore[misc]
        if not isinstance(known, _Function):
            return known
        meaning = _MEANINGS.get(value)
        before, with_meaning, ours = self._seen.get(value, (None, None, None))
        if before is not known or with_meaning is not meaning:
            both = known.augment(meaning) if meaning else known
            ours = Remembered(both.templates)
            self._seen[value] = known, meaning, ours
        return ours


@cache
def with_our_table(typing_context: Any) -> Any:
    """The same typing context, and whatever it learns later, with our own meanings."""
    kind = type(typing_context)
    view = object.__new__(type(f"Our{kind.__name__}", (_OurTable, kind), {}))
    vars(typing_context)["_seen"] = {}
    view.__dict__ = vars(typing_context)
    return view
