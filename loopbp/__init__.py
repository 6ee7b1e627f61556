"""Backpropagation as explicit loops over indices, compiled by Numba.

`loopbp.loops` is the derivation; `Network` trains with it; `check_gradient`, `explain` and the
command line look into it.  Importing compiles nothing, and loads each part at its first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from loopbp.catalogue import OPTIMIZERS as _OPTIMIZERS

if TYPE_CHECKING:
    from loopbp import compiled, datasets, schedules
    from loopbp import estimators as estimators
    from loopbp.compiled import validate_compiled
    from loopbp.cross_validation import CrossValidation, cross_validate
    from loopbp.gradcheck import GradientReport, check_gradient, check_gradient_function
    from loopbp.network.gradient import Gradient
    from loopbp.network.loading import load
    from loopbp.network.network import Network
    from loopbp.network.report import ClassificationReport
    from loopbp.optimizers import *  # noqa: F403  (what its __all__ has)
    from loopbp.own_activation import Activation, register_activation
    from loopbp.preparation import Preprocessing
    from loopbp.study import ReversedNetwork, derive, explain, forward_mode_gradient
    from loopbp.training import DivergenceError, EarlyStopping, History

__version__ = "0.1.0"

_KINDS = tuple(row.kind for row in _OPTIMIZERS.values())
__all__ = [  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]
    "Activation", "ClassificationReport", "CrossValidation", "DivergenceError", "EarlyStopping",
    "Gradient", "GradientReport", "History", "Network", "Preprocessing", "ReversedNetwork",
    "__version__", "check_gradient", "check_gradient_function", "compiled", "cross_validate",
    "datasets", "derive", "explain", "forward_mode_gradient", "load", "register_activation",
    "schedules", "validate_compiled", *_KINDS,
]  # fmt: skip

# `estimators` needs scikit-learn, so ``from loopbp import *`` does without it.
_MODULES = ("compiled", "datasets", "estimators", "schedules")
_WHERE = {
    "compiled": ("validate_compiled",),
    "cross_validation": ("CrossValidation", "cross_validate"),
    "gradcheck": ("GradientReport", "check_gradient", "check_gradient_function"),
    "network": ("ClassificationReport", "Gradient", "Network", "load"),
    "own_activation": ("Activation", "register_activation"),
    "optimizers": _KINDS,
    "preparation": ("Preprocessing",),
    "study": ("ReversedNetwork", "derive", "explain", "forward_mode_gradient"),
    "training": ("DivergenceError", "EarlyStopping", "History"),
}
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"loopbp.{name}")
    if name in _MODULE_OF:
        return getattr(import_module(f"loopbp.{_MODULE_OF[name]}"), name)
    if name.startswith("_"):  # what Python itself asks for
        raise AttributeError(f"module 'loopbp' has no attribute {name!r}")
    from importlib.util import find_spec

    if name.isidentifier() and find_spec(f"loopbp.{name}"):
        text = f"module 'loopbp' has not loaded {name!r} yet; write import loopbp.{name}"
    else:
        from loopbp.messages.suggestions import no_attribute

        text = no_attribute("module 'loopbp'", name, __all__)
    # An empty name keeps the interpreter from adding a suggestion of its own.
    raise AttributeError(text, name="", obj=None)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
