"""The same source compiled with other functions behind the names that it calls."""

from collections.abc import Callable, Iterable
from types import FunctionType, SimpleNamespace
from typing import Any

from loopbp.jit.sources import foreign_files, plain


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
        namespace[source.__name__] = decorator(twin)
    return SimpleNamespace(**namespace)
