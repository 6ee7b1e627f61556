"""The only place with Numba flags and their environment switches.

Every compiled function of the package is decorated with one of the names below, so a reader, a
search and a test see one line per flag:

``jit``
    one compiled function, serial, cached on disk, called and not inlined by others;
``sum_jit``
    the same for the sums of the derivation, which may be reordered into vector registers;
``parallel_jit``
    the same as ``sum_jit``, its ``prange`` loops shared out among threads;
``threads_jit``
    the same as ``jit`` for what starts threads by what it calls;
``inner_jit``
    the same as ``jit`` for what compiled code calls: a call from Python compiles a way in first;
``inner_parallel_jit``
    ``parallel_jit`` for what compiled code calls;
``inline_jit``
    a helper that disappears into its caller; not cached, for it never runs alone.

`loopbp.jit.files` keeps compiled code; ``LOOPBP_CACHE=0`` switches that off.  All of Numba's
switches (``NUMBA_DISABLE_JIT``, ``NUMBA_BOUNDSCHECK``, ``NUMBA_CACHE_DIR``, ...) work as
documented.
"""

from loopbp.jit.mode import is_plain
from loopbp.jit.settings import EXACT, FASTMATH
from loopbp.jit.sources import F

if is_plain():
    from loopbp.jit.plain_mode import compile_plainly as _compile
    from loopbp.jit.plain_mode import will_compile
else:
    from loopbp.jit.cache import will_compile
    from loopbp.jit.dispatchers import compile_by_symbol as _compile

__all__ = [
    "inline_jit", "inner_jit", "inner_parallel_jit", "jit", "parallel_jit", "sum_jit",
    "threads_jit", "will_compile",
]  # fmt: skip


def jit(function: F) -> F:
    """Compile a serial function at its first call and keep it on disk."""
    return _compile(function, EXACT)


def sum_jit(function: F) -> F:
    """`jit` for a function whose sums may be reordered."""
    return _compile(function, FASTMATH)


def parallel_jit(function: F) -> F:
    """`sum_jit` with ``prange`` loops on all threads."""
    return _compile(function, FASTMATH, parallel=True)


def threads_jit(function: F) -> F:
    """`jit` for what starts threads by what it calls."""
    return _compile(function, EXACT, threads=True)


def inner_jit(function: F) -> F:
    """`jit` for what compiled code calls: nothing is compiled for a call from Python."""
    return _compile(function, EXACT, inner=True)


def inner_parallel_jit(function: F) -> F:
    """`parallel_jit` for what compiled code calls."""
    return _compile(function, FASTMATH, parallel=True, inner=True)


def inline_jit(function: F) -> F:
    """Compile a small helper into whatever calls it."""
    return _compile(function, EXACT, inline=True, inner=True)
