"""The estimators under test beside scikit-learn's own, which they are held against.

``LOOPBP_ESTIMATORS=sklearn.neural_network pytest ...`` puts scikit-learn's own into their place, to
see that what the tests ask is true of it.
"""

import os
import warnings
from importlib import import_module
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

MODULE = os.environ.get("LOOPBP_ESTIMATORS", "loopbp.estimators")
ours: Any = import_module(MODULE)
PAIRS = ((ours.MLPClassifier, MLPClassifier), (ours.MLPRegressor, MLPRegressor))
VERSION = tuple(map(int, sklearn.__version__.split(".")[:2]))
parity = pytest.mark.skipif(VERSION != (1, 9), reason="parity is with scikit-learn 1.9")
not_themselves = pytest.mark.skipif(
    MODULE.startswith("sklearn"), reason="scikit-learn's own are under test"
)
unconverged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def quietly_fitted(estimator: Any, *data: Any, **weights: Any) -> Any:
    """The estimator, fitted; that it has not converged is no news."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(*data, **weights)


def table(classes: int, rows: int = 120, columns: int = 6, seed: int = 0) -> tuple[Any, Any]:
    """Rows about one centre for each class, and their labels."""
    rng = np.random.default_rng(seed)
    y = np.arange(rows) % classes
    return rng.standard_normal((rows, columns)) + 3 * rng.standard_normal((classes, columns))[y], y
