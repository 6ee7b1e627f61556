"""Python's operators for types of our own, which nobody else's code in the process meets.

Numba keeps what ``x + y`` may mean in one table for the process.  A compilation of this package
sees that table with its own meanings added; all others see it as Numba made it.
"""

from functools import cache
from typing import Any

# By operator, as `operator.add`, the meanings of our own.
_MEANINGS: dict[Any, Any] = {}


def add_meaning(which: Any, meaning: Any) -> None:
    """One more meaning of an operator, a ``types.Function``, in what this package compiles."""
    before = _MEANINGS.get(which)
    _MEANINGS[which] = before.augment(meaning) if before else meaning


class _OurOperators:
    """Beside a class of typing contexts: operators have the meanings of our own, too."""

    _with_ours: dict[Any, tuple[Any, Any]]

    def _lookup_global(self, value: Any) -> Any:
        known = super()._lookup_global(value)  # type: ignore[misc]
        try:
            ours = _MEANINGS.get(value)
        except TypeError:  # no key
            return known
        if ours is None or known is None:
            return known or ours
        before, both = self._with_ours.get(value, (None, None))
        if before is not known:
            both = known.augment(ours)
            self._with_ours[value] = known, both
        return both


@cache
def with_operators(typing_context: Any) -> Any:
    """The same typing context, and whatever it learns later, with operators of our own."""
    kind = type(typing_context)
    view = object.__new__(type(f"Our{kind.__name__}", (_OurOperators, kind), {}))
    vars(typing_context)["_with_ours"] = {}
    view.__dict__ = vars(typing_context)
    return view
