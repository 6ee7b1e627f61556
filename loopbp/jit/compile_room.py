"""Room in which Numba compiles: large frames, and a garbage collector that comes seldom."""

import gc
import threading
from collections.abc import Callable
from typing import Any

# Python keeps frames in chunks of 16 KB and returns a chunk when its first frame ends, so that a
# loop at the end of one maps and unmaps memory at every call.  A frame that wants a stack of
# FRAME_ROOM values gets a chunk in which all the others have room.  The garbage collector finds
# next to nothing while Numba compiles, and looks at all that it made.
_FRAME_ROOM = 1 << 17
_COLLECT_AFTER = (50_000, 20, 100)


class _Room:
    """Around a compilation: room for frames, and a garbage collector that comes seldom."""

    def __init__(self) -> None:
        self._lock, self._here = threading.Lock(), threading.local()
        self._inside, self._thresholds = 0, gc.get_threshold()

    def run(self, compile_signature: Callable[[Any], Any], signature: Any) -> Any:
        """What it compiles calls others, and so comes here again, in the same room."""
        if getattr(self._here, "inside", False):
            return compile_signature(signature)
        self._here.inside = True
        self._enter()
        try:
            return _in_large_frame(compile_signature, signature)
        finally:
            self._leave()
            self._here.inside = False

    def _enter(self) -> None:
        with self._lock:  # threads may compile at once: the first sets, the last sets back
            if self._inside == 0:
                self._thresholds = gc.get_threshold()
                if 0 < self._thresholds[0] < _COLLECT_AFTER[0]:
                    gc.set_threshold(*_COLLECT_AFTER)
            self._inside += 1

    def _leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                gc.set_threshold(*self._thresholds)


def _in_large_frame(function: Callable[[Any], Any], argument: Any) -> Any:
    return function(argument)


_in_large_frame.__code__ = _in_large_frame.__code__.replace(co_stacksize=_FRAME_ROOM)
ROOM = _Room()
