"""The same source compiled with other functions behind the names that it calls."""

import functools
import inspect
import threading
from collections.abc import Callable, Iterable
from types import FunctionType, SimpleNamespace
from typing import Any, NamedTuple

from loopbp.jit.sources import F, foreign_files, plain


class Maker(NamedTuple):
    """A call that makes specialised functions: of which function of a module, with what."""

    module: str
    qualname: str
    arguments: tuple[Any, ...]


_AT_WORK: list[Maker] = []  # the innermost last
_ONE_AT_A_TIME = threading.RLock()


def makes_kernels(make: F) -> F:
    """Decorate a function that makes specialised ones: it runs once for each arguments.

    What it makes remembers the call, so that compiled code of an earlier process, which calls it,
    can have it made again: this very call, and nothing else.

    Parameters
    ----------
    make
        A function at the top of a module, of arguments that can be keys and be pickled.
    """
    made: dict[tuple[Any, ...], Any] = {}
    signature = inspect.signature(make)

    @functools.wraps(make)
    def once(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        arguments = tuple(given.arguments.values())
        with _ONE_AT_A_TIME:
            if arguments not in made:
                _AT_WORK.append(Maker(make.__module__, make.__qualname__, arguments))
                try:
                    made[arguments] = make(*arguments)
                finally:
                    _AT_WORK.pop()
        return made[arguments]

    return once  # pyright: ignore[reportReturnType]


def maker_of(function: Any) -> Maker | None:
    """The call that made a specialised function; None for one that its module makes."""
    return getattr(function, "maker", None)


def specialise(
    functions: Iterable[Callable[..., Any]],
    name: str,
    bindings: dict[str, Any],
    decorator: Callable[[Any], Any],
) -> SimpleNamespace:
    """Compile the same source once more with other functions behind the names that it calls.

    Parameters
    ----------
    functions
        In the order of their calls: each sees those before it, already specialised.
    name
        Goes into the qualified name, and so into the name of the cache file.
    bindings
        What the globals of the source are replaced by, for example an engine's kernels.
    decorator
        ``jit``, ``parallel_jit`` or ``plain``.

    Returns
    -------
    SimpleNamespace
        The specialised functions by name.

    Notes
    -----
    Functions handed over as arguments, or held in closures, would never be found in Numba's
    cache and would compile in every process; globals are found.
    """
    namespace: dict[str, Any] = {}
    for function in functions:
        source = plain(function)
        scope = {**source.__globals__, **bindings, **namespace}
        twin = FunctionType(
            source.__code__, scope, source.__name__, source.__defaults__, source.__closure__
        )
        twin.__qualname__ = f"{source.__qualname__}__{name}"
        twin.__doc__ = source.__doc__
        twin.__module__ = source.__module__
        vars(twin)["foreign_files"] = foreign_files(bindings.values())
        vars(twin)["maker"] = _AT_WORK[-1] if _AT_WORK else None
        namespace[source.__name__] = decorator(twin)
    return SimpleNamespace(**namespace)
