"""How many threads an epoch may start."""

import os

from numba import get_num_threads

from loopbp.jit.settings import config, threading_layer
from loopbp.machine.cores import usable_cores


def usable_threads() -> int:
    """How many threads an epoch may start: no more than there are CPUs for, who would only wait.

    One in a child of a process that has started some: GNU's OpenMP ends such a child when it
    starts threads.  The bits are the same.
    """
    if config.DISABLE_JIT or _FORKED["after threads"]:
        return 1
    threads = min(get_num_threads(), usable_cores())
    _FORKED["has threads"] |= threads > 1
    return threads


_FORKED = {"has threads": False, "after threads": False}


def _note_fork() -> None:
    _FORKED["after threads"] = _FORKED["has threads"] and threading_layer() == "omp"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)
