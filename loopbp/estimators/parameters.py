"""Which values the parameters may have, in scikit-learn's own terms."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from loopbp.network.sklearn_names import ACTIVATION_NAMES, CLASSIFIER_LOSSES, REGRESSOR_LOSSES
from loopbp.own_activation import Activation

_AT_LEAST_1 = Interval(Integral, 1, None, closed="left")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")
_BELOW_1 = Interval(Real, 0, 1, closed="left")

# scikit-learn's own, and after them those that only we have.
COMMON: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", _AT_LEAST_1],
    "activation": [StrOptions(set(ACTIVATION_NAMES)), Activation, list, tuple],
    "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
    "alpha": [_NOT_NEGATIVE],
    "batch_size": [StrOptions({"auto"}), _AT_LEAST_1],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
    "learning_rate_init": [_POSITIVE],
    "power_t": [_NOT_NEGATIVE],
    "max_iter": [_AT_LEAST_1],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [_NOT_NEGATIVE],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [_BELOW_1],
    "beta_1": [_BELOW_1],
    "beta_2": [_BELOW_1],
    "epsilon": [_POSITIVE],
    "n_iter_no_change": [_AT_LEAST_1, Options(Real, {np.inf})],
    "max_fun": [_AT_LEAST_1],
    "dropout": [_BELOW_1, "array-like"],
    "callbacks": [list, tuple, None],
    "initial_weights": [list, tuple, None],
    "dtype": [
        Options(type, {np.float32, np.float64}),
        Options(np.dtype, {np.dtype(np.float32), np.dtype(np.float64)}),
        StrOptions({"float32", "float64"}),
        None,
    ],
    "n_threads": [_AT_LEAST_1, None],
}
CLASSIFIER = COMMON | {
    "loss": [StrOptions(set(CLASSIFIER_LOSSES))],
    "class_weight": [StrOptions({"balanced"}), dict, list, None],
}
REGRESSOR = COMMON | {"loss": [StrOptions(set(REGRESSOR_LOSSES))]}
