"""Turns at starting threads, where the threading layer cannot have two callers at once."""

import os
import threading
from typing import Any

from numba.core.registry import CPUDispatcher

from loopbp.jit.settings import threading_layer

# Numba's workqueue ends the process when a second thread of Python starts a parallel loop.
_TURN = threading.RLock()


class OneAtATime(CPUDispatcher):
    """A function that starts threads: where the layer is workqueue, callers from Python queue."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if threading_layer() != "workqueue":
            return super().__call__(*args, **kwargs)
        with _TURN:
            return super().__call__(*args, **kwargs)


def _turn_in_child() -> None:
    """A thread that had its turn when the process was copied is not in the copy."""
    global _TURN  # noqa: PLW0603
    _TURN = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_turn_in_child)
