"""How many threads may be started: the one place where it is decided.

The smallest counts of: ``numba.set_num_threads`` and NUMBA_NUM_THREADS, what OpenMP allows, what
there are CPUs for, and what a caller says with `at_most`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from numba import get_num_threads, set_num_threads

from loopbp.jit.settings import config, threading_layer
from loopbp.machine.cores import usable_cores
from loopbp.machine.openmp import allowed_threads


@contextmanager
def at_most(threads: int | None = None) -> Iterator[None]:
    """In it no team and no parallel loop of this thread has more threads, nor more than allowed.

    Parameters
    ----------
    threads
        At least 1; None: as many as may be used.
    """
    if config.DISABLE_JIT:
        yield
        return
    # First, for it is asked before Numba's threads are started.
    allowed = allowed_threads()
    before = get_num_threads()
    few = min(before, allowed, threads or before)
    if few == before:
        yield
        return
    set_num_threads(few)  # of this thread of Python alone
    try:
        yield
    finally:
        set_num_threads(before)


def usable_threads() -> int:
    """How many threads an epoch may start: no more than there are CPUs for, who would only wait.

    One in a child of a process that has started some: GNU's OpenMP ends such a child when it
    starts threads.  The bits are the same.
    """
    if config.DISABLE_JIT or _FORKED["after threads"]:
        return 1
    threads = min(allowed_threads(), get_num_threads(), usable_cores())
    _FORKED["has threads"] |= threads > 1
    return threads


_FORKED = {"has threads": False, "after threads": False}


def _note_fork() -> None:
    _FORKED["after threads"] = _FORKED["has threads"] and threading_layer() == "omp"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)
