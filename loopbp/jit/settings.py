"""Numba's flags and switches as this package sets them, and which threading layer there will be."""

from functools import lru_cache
from importlib import import_module
from typing import Any

from numba import config as numba_config


class _Flags(set[str]):
    """A set that prints sorted: its text goes into the names of symbols."""

    def __repr__(self) -> str:
        return repr(sorted(self))


# Never True: its nnan and ninf make a NaN loss undefined.  These four let sums be reordered into
# vector registers and multiply-adds be fused; NaN and infinity keep their meaning.
FASTMATH = _Flags({"reassoc", "contract", "nsz", "arcp"})
# What is no sum gains nothing from them, and LLVM may reorder or fuse it otherwise each time that
# it is linked into a caller: Adam differed in the last bit between cold and warm cache.
EXACT = _Flags()
# numpy: x / 0 is inf, as in the reference, and leaves no branch in the loop.
# No function is handed over as a value, so none needs a C entry point to be compiled.
FLAGS: dict[str, Any] = {"error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}

config: Any = numba_config  # its attributes are made at run time


@lru_cache
def threading_layer() -> str:
    """The threading layer that parallel functions will run on: tbb, omp or workqueue.

    Numba names it only after the first parallel run; this is the same search, without a run.
    """
    wanted = str(config.THREADING_LAYER)
    priority = list(config.THREADING_LAYER_PRIORITY)
    layers = [wanted] if wanted in priority else priority
    if wanted in ("safe", "threadsafe", "forksafe"):
        allowed = {"safe": ["tbb"], "threadsafe": ["tbb", "omp"], "forksafe": ["tbb", "workqueue"]}
        layers = [layer for layer in priority if layer in allowed[wanted]]
    modules = {"tbb": "tbbpool", "omp": "omppool", "workqueue": "workqueue"}
    for layer in layers:
        try:
            import_module(f"numba.np.ufunc.{modules[layer]}")
        except ImportError:
            continue
        return layer
    return "workqueue"
