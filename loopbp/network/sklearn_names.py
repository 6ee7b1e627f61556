"""scikit-learn's names of activations, outputs and losses, and what this package calls them."""

from collections.abc import Iterable
from typing import Any

from loopbp.catalogue import ACTIVATIONS, HIDDEN, LOSSES
from loopbp.own_activation import Activation

_OURS = {row.sklearn: name for name, row in ACTIVATIONS.items() if row.sklearn}
SKLEARN_ACTIVATIONS = tuple(_OURS)
"""What scikit-learn's own hidden layers may have"""

ACTIVATION_NAMES = frozenset(HIDDEN) | frozenset(_OURS)
"""What a hidden layer may have, by name"""
_OF_CLASSES = ("softmax", "sigmoid")
CLASSIFIER_LOSSES = frozenset(
    {"log_loss", *(n for n, row in LOSSES.items() if {*_OF_CLASSES} & {*row.outputs})}
)
REGRESSOR_LOSSES = frozenset(
    {"squared_error", "poisson", *(n for n, row in LOSSES.items() if not row.labels)}
)


def ours(activation: str | Activation) -> str | Activation:
    """This package's name of an activation."""
    return _OURS.get(activation, activation) if isinstance(activation, str) else activation


def theirs(activation: str) -> str:
    """scikit-learn's name of an activation, or ours where it has none."""
    row = ACTIVATIONS.get(activation)
    return row.sklearn if row is not None and row.sklearn else activation


def hidden_activations(activation: Any, count: int) -> list[str | Activation]:
    """This package's name for each hidden layer, from one for all or one each.

    Raises
    ------
    ValueError
        If there are not as many as hidden layers, or one is unknown.
    """
    if isinstance(activation, str | Activation) or not isinstance(activation, Iterable):
        each = [activation] * count
    else:
        each = list(activation)
        if len(each) != count:
            raise ValueError(
                f"activation: expected one name, or one for each of {count} hidden layers, got "
                f"{len(each)}: {each!r}"
            )
    for which in each:
        if not isinstance(which, Activation) and which not in ACTIVATION_NAMES:
            known = ", ".join(sorted(ACTIVATION_NAMES))
            raise ValueError(
                f"activation: expected names out of {known}, or what register_activation returns; "
                f"got {which!r}"
            )
    return [ours(which) for which in each]


def classifier_output(loss: str, several_classes: bool) -> str:
    """scikit-learn's name of the output of a classifier."""
    if loss == "log_loss":
        return "softmax" if several_classes else "logistic"
    outputs = LOSSES[loss].outputs
    return "softmax" if several_classes and "softmax" in outputs else "logistic"


def regressor_output(loss: str) -> str:
    """scikit-learn's name of the output of a regressor."""
    fixed = {"squared_error": "identity", "poisson": "exp"}
    return fixed.get(loss) or theirs(LOSSES[loss].usual_output)


def loss_of(loss: str, output: str) -> str:
    """This package's name of a loss, by scikit-learn's names of both.

    scikit-learn's squared error is summed over the outputs here, as its gradient is.
    """
    of_classes = "cross_entropy" if output == "softmax" else "binary_cross_entropy"
    by_name = {
        "log_loss": of_classes,
        "cross_entropy": of_classes,  # one sigmoid alone would learn to say 1 always
        "squared_error": "quadratic",
        "poisson": "poisson_deviance" if output == "exp" else "poisson",
    }
    return by_name.get(loss, loss)


def factor_of(activation: str | Activation) -> float:
    """What Glorot's variance of the weights into a layer is made of: 2 for logistic, else 6."""
    return 2.0 if activation == ACTIVATIONS["sigmoid"].name else 6.0
