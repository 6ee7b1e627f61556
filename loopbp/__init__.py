"""Backpropagation as explicit loops over indices, compiled by Numba.

`loopbp.loops` is the derivation; `Network` trains with it; `gradient`, `check_gradient` and the
command line look into it.  Importing compiles nothing.
"""

from typing import Any

from loopbp.activations import Activation, register_activation
from loopbp.network import Gradient, Network, load
from loopbp.optimizers import SGD, Adam, AdamW, RMSprop
from loopbp.training import DivergenceError, EarlyStopping, History

__version__ = "0.1.0"

__all__ = [
    "SGD", "Activation", "Adam", "AdamW", "DivergenceError", "EarlyStopping", "Gradient",
    "History", "Network", "RMSprop", "__version__", "load", "register_activation",
]  # fmt: skip


# Brought in at their first use, so that `import loopbp` stays light.
_LAZY = {
    "check_gradient": "loopbp.gradcheck",
    "check_gradient_function": "loopbp.gradcheck",
    "validate_compiled": "loopbp.compiled",
}
_LAZY_MODULES = ("compiled", "datasets", "schedules")


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _LAZY_MODULES:
        return import_module(f"loopbp.{name}")
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'loopbp' has no attribute {name!r}")
