"""Networks as scikit-learn's MLPClassifier and MLPRegressor, and the other way round."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.catalogue import LOSSES
from loopbp.network import sklearn_names as names
from loopbp.network import targets
from loopbp.network.definition import Definition
from loopbp.preparation import Preprocessing
from loopbp.validate import as_array, as_finite

Array = NDArray[Any]

_REGRESSES = {
    ("identity", "quadratic"): "squared_error",
    ("identity", "half_mse"): "squared_error",
    ("exp", "poisson_deviance"): "poisson",
}
BATCH = 200
"""examples a batch where scikit-learn is told nothing: its alpha is this many times our l2"""


# -- from scikit-learn ----------------------------------------------------------------------------


def network_of(make: Callable[..., Any], fitted: Any, l2: float) -> Any:
    """A network that predicts what a fitted estimator does; see `loopbp.Network.from_sklearn`."""
    coefs, intercepts = _parameters(fitted)
    sizes = [len(coefs[0]), *(len(b) for b in intercepts)]
    named = str(fitted.out_activation_)
    output, loss = str(names.ours(named)), names.loss_of(_loss(fitted), named)
    if loss not in LOSSES or output not in LOSSES[loss].outputs:
        raise ValueError(
            f"fitted: out_activation_ {named!r} with loss {_loss(fitted)!r}; expected a pair as "
            "`fit` leaves it, such as softmax with log_loss or identity with squared_error"
        )
    try:
        hidden = names.hidden_activations(fitted.activation, len(sizes) - 2)
    except ValueError as error:
        raise ValueError(f"fitted: {error}") from None
    classes = _classes(fitted, named, sizes[-1])
    inputs = getattr(fitted, "feature_names_in_", None)
    if inputs is not None and len(inputs) != sizes[0]:
        raise ValueError(
            f"fitted: feature_names_in_ has {len(inputs)} names for {sizes[0]} inputs of coefs_[0]"
        )
    seed = getattr(fitted, "random_state", None)
    seed = int(seed) if isinstance(seed, numbers.Integral) else None
    net = make(
        sizes, hidden, output, loss, initializer="zeros", l2=l2, dtype=coefs[0].dtype, seed=seed,
        preprocessing=None if inputs is None else Preprocessing.of_names([str(n) for n in inputs]),
    )  # fmt: skip
    for l, (coef, intercept) in enumerate(zip(coefs, intercepts, strict=True)):
        net.weights[l][:], net.biases[l][:] = coef.T, intercept
    net.task, net.classes = classes
    return net


def _parameters(fitted: Any) -> tuple[list[Array], list[Array]]:
    """Their weights (fan_in, fan_out) and biases, checked, of one dtype."""
    for name in ("coefs_", "intercepts_", "activation", "out_activation_"):
        if not hasattr(fitted, name):
            inner = hasattr(fitted, "steps") or hasattr(fitted, "best_estimator_")
            remedy = (
                "pass what is in it: pipeline[-1], search.best_estimator_" if inner
                else "call its fit first"
            )  # fmt: skip
            raise TypeError(
                "fitted: expected a fitted MLPClassifier or MLPRegressor of scikit-learn, and "
                f"{type(fitted).__name__} has no {name}; {remedy}"
            )
    if len(fitted.coefs_) != len(fitted.intercepts_) or not len(fitted.coefs_):
        raise ValueError(
            f"fitted: has {len(fitted.coefs_)} coefs_ and {len(fitted.intercepts_)} intercepts_; "
            "expected as many, one each for a layer"
        )
    single = all(as_array("coefs_", coef).dtype == np.float32 for coef in fitted.coefs_)
    dtype = np.dtype("float32" if single else "float64")
    coefs, intercepts, width = [], [], None
    for l, (coef, intercept) in enumerate(zip(fitted.coefs_, fitted.intercepts_, strict=True)):
        w = as_finite(f"fitted: coefs_[{l}]", as_array("coefs_", coef), dtype)
        b = as_finite(f"fitted: intercepts_[{l}]", as_array("intercepts_", intercept), dtype)
        if w.ndim != 2 or b.shape != w.shape[1:] or (width is not None and len(w) != width):
            first = "inputs" if width is None else width
            raise ValueError(
                f"fitted: coefs_[{l}] of shape {w.shape} and intercepts_[{l}] of shape {b.shape} "
                f"do not fit; expected ({first}, units) and (units,)"
            )
        width = len(b)
        coefs.append(w)
        intercepts.append(b)
    return coefs, intercepts


def _loss(fitted: Any) -> str:
    """The loss; of an object that does not name it, the one that goes with its output."""
    usual = {"identity": "squared_error", "exp": "poisson"}
    return getattr(fitted, "loss", None) or usual.get(fitted.out_activation_, "log_loss")


def _classes(fitted: Any, output: str, n_outputs: int) -> tuple[str, Array | None]:
    """Task and classes."""
    if output not in ("softmax", "logistic"):
        return targets.REGRESSION, None
    if output == "logistic" and n_outputs > 1:
        return targets.MULTILABEL, np.arange(n_outputs)
    count = max(n_outputs, 2)
    given = getattr(fitted, "classes_", None)
    classes = np.arange(count) if given is None else np.asarray(given)
    if classes.shape != (count,):
        raise ValueError(
            f"fitted: classes_ of shape {classes.shape} for {n_outputs} outputs; expected {count}"
        )
    if classes.dtype.kind == "O":
        classes = np.array(classes.tolist())
    if classes.dtype.kind == "f":  # 0.0 and 1.0 are the labels 0 and 1
        if (classes != np.floor(classes)).any():
            raise ValueError(f"fitted: expected labels as classes_, got {classes.tolist()}")
        classes = classes.astype(np.int64)
    return targets.CLASSIFICATION, classes


# -- to scikit-learn ------------------------------------------------------------------------------


def sklearn_of(net: Definition) -> Any:
    """A fitted estimator that predicts what a network does; see `loopbp.Network.to_sklearn`."""
    try:
        from sklearn import neural_network
        from sklearn.preprocessing import LabelBinarizer
    except ImportError as error:
        raise ImportError("to_sklearn needs scikit-learn: pip install 'loopbp[sklearn]'") from error
    kinds: Any = neural_network  # type checkers take what its constructors guess for their types
    inputs = _names(net)
    if len(set(net.hidden)) > 1:
        raise ValueError(
            f"to_sklearn: scikit-learn has one activation for all hidden layers, and this network "
            f"has {', '.join(net.hidden)}; train one with the same everywhere"
        )
    for activation in net.hidden:
        if names.theirs(activation) not in names.SKLEARN_ACTIVATIONS:
            raise ValueError(
                f"to_sklearn: scikit-learn has no activation {activation!r}; train a network with "
                f"one of {', '.join(str(names.ours(n)) for n in names.SKLEARN_ACTIVATIONS)}"
            )
    task, classes = net._task()
    pair = net.output, net.loss_name
    classifies = pair in (("softmax", "cross_entropy"), ("sigmoid", "binary_cross_entropy"))
    if not classifies and pair not in _REGRESSES:
        raise ValueError(
            f"to_sklearn: scikit-learn has no output {pair[0]!r} with loss {pair[1]!r}; train a "
            "network with softmax and cross_entropy, sigmoid and binary_cross_entropy, or identity "
            "and quadratic"
        )
    coefs = [w.T.copy() for w in net.weights]
    intercepts = [b.copy() for b in net.biases]
    settings: dict[str, Any] = {
        "hidden_layer_sizes": net.sizes[1:-1],
        "activation": names.theirs(net.hidden[0]) if net.hidden else "relu",
        "alpha": net.l2 * BATCH,
    }
    made: Any
    if not classifies:
        loss = _REGRESSES[pair]
        made = kinds.MLPRegressor(**settings)
        if loss == "poisson":
            if "loss" not in made.get_params():
                raise ImportError("to_sklearn: poisson needs scikit-learn 1.7 or newer")
            made.set_params(loss=loss)
        made.out_activation_ = "exp" if loss == "poisson" else "identity"
    else:
        made = kinds.MLPClassifier(**settings)
        labels: Any = LabelBinarizer()
        if task == targets.MULTILABEL:
            labels.fit(np.eye(net.sizes[-1], dtype=np.int64))
        else:
            known = np.arange(max(net.sizes[-1], 2)) if classes is None else np.asarray(classes)
            coefs[-1], intercepts[-1] = _sorted(coefs[-1], intercepts[-1], known)
            labels.fit(known)
        made._label_binarizer, made.classes_ = labels, labels.classes_
        several = len(intercepts[-1]) > 1 and task != targets.MULTILABEL
        made.out_activation_ = "softmax" if several else "logistic"
    made.coefs_, made.intercepts_ = coefs, intercepts
    made.n_layers_, made.n_outputs_ = len(coefs) + 1, len(intercepts[-1])
    made.n_features_in_ = net.sizes[0]
    if inputs is not None:
        made.feature_names_in_ = np.array(inputs, object)
    # What partial_fit goes on from: nothing seen yet, and an optimizer that starts anew.
    made.n_iter_, made.t_, made._no_improvement_count = 0, 0, 0
    made.loss_curve_, made.loss_, made.best_loss_ = [], math.inf, math.inf
    made.validation_scores_, made.best_validation_score_ = None, None
    made._best_coefs, made._best_intercepts = [c.copy() for c in coefs], list(intercepts)
    return made


def _names(net: Definition) -> tuple[str, ...] | None:
    """Names of the inputs; refuses what is done to X and y before the network sees them."""
    prepared = net.preprocessing
    if prepared is None:
        return None
    does = [
        *([f"scales inputs ({prepared.scale.kind})"] if prepared.scale.kind != "none" else []),
        *([f"scales values ({prepared.target_scale.kind})"]
          if prepared.target_scale.kind != "none" else []),
        *(["encodes words"] if any(c.words is not None for c in prepared.columns) else []),
        *(["fills missing cells"] if any(c.fill is not None for c in prepared.columns) else []),
    ]  # fmt: skip
    if does:
        raise ValueError(
            f"to_sklearn: the preprocessing of this network {' and '.join(does)}, which an MLP of "
            "scikit-learn cannot hold; train a network without it on what a scikit-learn "
            "transformer gives, and put both into a Pipeline"
        )
    return net.input_names


def _sorted(coef: Array, intercept: Array, classes: Array) -> tuple[Array, Array]:
    """The output layer for classes in sorted order, as scikit-learn has them; of two, one output.

    softmax of z_0 and z_1 is the sigmoid of z_1 - z_0.
    """
    order = np.argsort(classes)
    if len(intercept) == 1:
        return (coef, intercept) if order[0] == 0 else (-coef, -intercept)
    coef, intercept = coef[:, order], intercept[order]
    if len(intercept) == 2:
        return np.diff(coef, axis=1), np.diff(intercept)
    return coef, intercept
