"""In scikit-learn's place: `MLPClassifier` and `MLPRegressor` for the same code, by one import.

    from loopbp.estimators import MLPClassifier

Read `base.py` first, then `stochastic.py`.

====================  ============================================================================
`base`                what both have in common: parameters, `fit`, `partial_fit`, outputs
`classifier`          `MLPClassifier`: labels, probabilities
`regressor`           `MLPRegressor`: values
`parameters`          which values parameters may have
`stochastic`          the epochs of sgd and adam, and when they stop
`optimizer`           where sgd or adam stands
`lbfgs`               L-BFGS, by SciPy
`weights`             ``coefs_`` and ``intercepts_``, and the flat theta behind them
`inputs`              sparse inputs, made dense a block at a time
====================  ============================================================================

The engine is that of `loopbp.Network`; here stand scikit-learn's conventions: its draws, its order
of the examples, its messages.  The same ``random_state`` gives scikit-learn's own weights.
"""

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "loopbp.estimators needs scikit-learn: pip install 'loopbp[sklearn]'"
    ) from error

from loopbp.estimators.classifier import MLPClassifier
from loopbp.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
