"""Calls that do not fit a signature, answered in one line that says how to have what was meant."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from loopbp.messages.suggestions import misplaced, no_argument, no_attribute

_Thing = TypeVar("_Thing")


def suggests(thing: _Thing) -> _Thing:
    """Make a function, or a class and its public methods, suggest what a wrong call meant.

    Parameters
    ----------
    thing
        A function or a class.  Of a class, misspelt attributes of its objects are answered too.

    Returns
    -------
    function or class
        Of the same signature for `help`, `inspect` and type checkers.

    Examples
    --------
    >>> from loopbp.messages.calls import suggests
    >>> @suggests
    ... def area(width, height=1.0):
    ...     return width * height
    >>> area(2.0, hieght=3.0)
    Traceback (most recent call last):
    TypeError: area has no argument 'hieght'; did you mean 'height'?
    """
    return _answering_class(thing) if inspect.isclass(thing) else _answering_function(thing)


def _answering_class(made: Any) -> Any:
    # A class is known by what people import: loopbp.Network, loopbp.schedules.Cosine.
    name = f"loopbp.{'schedules.' if made.__module__ == 'loopbp.schedules' else ''}{made.__name__}"
    for key, value in list(vars(made).items()):
        if inspect.isfunction(value) and key == "__init__":
            setattr(made, key, _answering_function(value, name))
        elif inspect.isfunction(value) and not key.startswith("_"):
            setattr(made, key, _answering_function(value))
    if "__getattr__" not in vars(made):
        # Set here and not written into the class, so that type checkers still know what is there.
        made.__getattr__ = _missing
    return made


def _answering_function(function: Any, name: str | None = None) -> Any:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            # Whatever the function itself raises comes from a frame below this one.
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise
            text = _wrong_call(function, name or function.__name__, args, kwargs)
            if text is None:
                raise
        raise TypeError(text)

    return call


def _wrong_call(
    function: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> str | None:
    """What is wrong with a call, in one line."""
    parameters = list(inspect.signature(function).parameters.values())
    if parameters and parameters[0].name in ("self", "cls"):
        parameters, args = parameters[1:], args[1:]
    by_name = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    for word in kwargs:
        if word not in by_name and not takes_any:
            return no_argument(name, word, by_name)
    in_order = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    if len(args) > len(in_order):
        rest = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in kwargs]
        first = ", ".join(in_order) or "nothing"
        more = f"; write {rest[0]}=... and the like by name" if rest else ""
        return f"{name} takes {first} in this order, got {len(args)} values{more}"
    for twice in in_order[: len(args)]:
        if twice in kwargs:
            return f"{name} got {twice!r} twice: in its place and by name"
    missing = [
        p.name for p in parameters
        if p.default is p.empty and p.name in by_name and p.name not in kwargs
        and p.name not in in_order[: len(args)]
    ]  # fmt: skip
    if missing:
        return f"{name} needs {' and '.join(missing)}: {name}({', '.join(_needed(parameters))})"
    return None


def _needed(parameters: list[inspect.Parameter]) -> list[str]:
    return [
        p.name if p.kind is p.POSITIONAL_OR_KEYWORD else f"{p.name}=..."
        for p in parameters if p.default is p.empty
    ] + (["..."] if any(p.default is not p.empty for p in parameters) else [])  # fmt: skip


def fixes(*names: str) -> Callable[[_Thing], _Thing]:
    """A decorator for a class whose attributes `names` cannot be changed once they are set.

    What was made from them would not change with them.  Nor can an attribute be added that is an
    argument of something else, or all but the name of one that is there: it would change nothing.
    """

    def decorate(made: Any) -> Any:
        def assign(self: Any, name: str, value: Any) -> None:
            if name in names and name in vars(self):
                raise AttributeError(
                    f"{name} is fixed when a {made.__name__} is made; make a new one with "
                    f"loopbp.{made.__name__}(..., {name}=...)"
                )
            if not name.startswith("_") and name not in vars(self) and not hasattr(made, name):
                text = misplaced(f"{made.__name__} object", name, dir(self))
                if text is not None and "_made" in vars(self):
                    raise AttributeError(text)
            object.__setattr__(self, name, value)

        assign.__name__ = "__setattr__"
        made.__setattr__ = assign
        return made

    return decorate


def _missing(self: Any, name: str) -> Any:
    """Called by Python for an attribute that is not there."""
    owner = f"{type(self).__name__} object"
    if name.startswith("_"):  # copy, pickle and NumPy ask for these, and know what to do without
        raise AttributeError(f"{owner} has no attribute {name!r}")
    # An empty name keeps the interpreter from adding a suggestion of its own.
    raise AttributeError(no_attribute(owner, name, dir(self)), name="", obj=None)
