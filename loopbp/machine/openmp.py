"""How many threads OpenMP allows: what ``threadpoolctl.threadpool_limits`` sets.

Threads of Numba's layer ``omp`` are those of an OpenMP runtime, and that has a maximum for each
thread that starts others: OMP_NUM_THREADS at first, then what ``omp_set_num_threads`` says, which
threadpoolctl calls in every runtime that it finds.  Numba names a number of its own in each
parallel loop and so passes it by; `loopbp.machine.threads` asks for it and takes the smallest.

The runtime must be the very one that Numba loaded, for a process may hold several.  A symbol that
is looked for in Numba's own file is found in what that file was linked with, on Linux and on macOS;
Windows does not look there.  Where it is not found, and with the layers tbb and workqueue, which
threadpoolctl does not know either, there is no such maximum.  Nor can threadpoolctl limit what is
not yet loaded: so importing this module, which `loopbp.Network` does, loads the runtime and starts
nothing.  A maximum for BLAS alone
(``user_api="blas"``) changes nothing here: no engine but numpy calls BLAS, and that honours it.
"""

import ctypes
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from importlib import import_module

from numba import get_num_threads

from loopbp.jit.settings import config, threading_layer

NO_LIMIT = sys.maxsize
_LAYER = "numba.np.ufunc.omppool"

if not config.DISABLE_JIT:
    with suppress(ImportError):
        import_module(_LAYER)


def allowed_threads() -> int:
    """How many threads OpenMP lets this thread start; `NO_LIMIT` where nobody says."""
    ask = _maximum()
    return NO_LIMIT if ask is None else max(1, ask())


@lru_cache
def _maximum() -> Callable[[], int] | None:
    """``omp_get_max_threads`` of Numba's own runtime."""
    if config.DISABLE_JIT or threading_layer() != "omp":
        return None
    try:
        # PyDLL keeps the lock of Python, which costs more to release than the call takes.
        library = ctypes.PyDLL(import_module(_LAYER).__file__)
        ask, set_to = library.omp_get_max_threads, library.omp_set_num_threads
    except (ImportError, OSError, AttributeError, TypeError):
        return None
    before = ask()  # OMP_NUM_THREADS, or a limit that somebody has set by now
    get_num_threads()  # starts Numba's threads, and that sets the maximum to their number
    set_to(before)
    return ask
