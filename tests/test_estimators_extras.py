"""What `loopbp.estimators` has beside scikit-learn's does what it says, and says what is wrong."""

import copy
import math
import pickle
import sys
import threading
import warnings
from typing import Any

import numpy as np
import pytest
from cases import helpers
from cases.helpers import JIT
from numba import njit

import loopbp

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from scipy.sparse import csc_matrix, csr_matrix
from sklearn import neural_network
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_sample_weight

from loopbp.estimators import MLPClassifier, MLPRegressor, stochastic
from loopbp.network.sklearn_names import CLASSIFIER_LOSSES, REGRESSOR_LOSSES

IRIS = tuple(array[:: 1 if JIT else 15] for array in load_iris(return_X_y=True))
FEW: dict[str, Any] = {
    "hidden_layer_sizes": (7, 5) if JIT else (3, 2), "max_iter": 5 if JIT else 2, "random_state": 0
}  # fmt: skip


def digits() -> Any:
    """Half of the digits and the other half; without the compiler a few of each."""
    X, y = load_digits(return_X_y=True)
    X, y = (X / 16, y) if JIT else (X[:60, 18:24] / 16, y[:60])
    half = len(X) // 2
    return X[:half], X[half:], y[:half], y[half:]


def fitted(kind: Any, X: Any, y: Any, fit: dict[str, Any] | None = None, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return kind(**{**FEW, **options}).fit(X, y, **(fit or {}))


def weights(model: Any) -> Any:
    return np.concatenate([np.ravel(a) for a in (*model.coefs_, *model.intercepts_)])


def by_hand(model: Any, X: Any, activations: list[Any]) -> Any:
    """The outputs but for their activation, by NumPy."""
    a = X
    for w, b, sigma in zip(model.coefs_, model.intercepts_, activations, strict=True):
        a = sigma(a @ w + b)
    return a


# -- the network ----------------------------------------------------------------------------------


def test_an_activation_for_each_layer():
    X, y = IRIS
    model = fitted(MLPRegressor, X, y, activation=["tanh", "softsign"])
    steps = [np.tanh, lambda z: z / (1 + abs(z)), lambda z: z]
    assert np.allclose(model.predict(X), by_hand(model, X, steps)[:, 0])
    with pytest.raises(ValueError, match="one for each of 2 hidden layers, got 3"):
        fitted(MLPRegressor, X, y, activation=["tanh"] * 3)
    with pytest.raises(ValueError, match=r"expected names out of .*got 'tnah'"):
        fitted(MLPRegressor, X, y, activation=["tanh", "tnah"])
    with pytest.raises(ValueError, match="The 'activation' parameter of MLPRegressor"):
        fitted(MLPRegressor, X, y, activation="tnah")


@njit
def sine(z):
    return math.sin(z)


@njit
def sine_prime(z):
    return math.cos(z)


@helpers.needs_jit
def test_an_activation_of_ones_own_is_cloned_and_copied():
    X, y = IRIS
    own = loopbp.register_activation("estimators_sine", sine, sine_prime)
    model = fitted(MLPRegressor, X, y, activation=own)
    assert np.allclose(
        model.predict(X), by_hand(model, X, [np.sin, np.sin, lambda z: z])[:, 0], rtol=1e-6
    )
    other: Any
    for other in (clone(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        again = fitted(MLPRegressor, X, y, activation=other.activation)
        assert np.array_equal(weights(again), weights(model))


@helpers.needs_jit
@pytest.mark.parametrize("loss", sorted(CLASSIFIER_LOSSES))
@pytest.mark.parametrize("two", [False, True], ids=["three classes", "two classes"])
def test_every_loss_of_a_classifier_learns(loss, two):
    X, y = IRIS
    X, y = (X[:100], y[:100]) if two else (X, y)
    model = fitted(
        MLPClassifier, X, y, loss=loss, max_iter=200, learning_rate_init=0.01, tol=0.0,
        n_iter_no_change=200,
    )  # fmt: skip
    assert model.loss_curve_[-1] < 0.9 * model.loss_curve_[0]
    assert model.predict_proba(X).sum(axis=1) == pytest.approx(1.0, abs=1e-9) or loss in (
        "cross_entropy", "binary_cross_entropy"
    )  # fmt: skip
    assert model.score(X, y) > (0.95 if two else 0.6)


@helpers.needs_jit
@pytest.mark.parametrize("loss", sorted(REGRESSOR_LOSSES))
def test_every_loss_of_a_regressor_learns(loss):
    X, y = IRIS[0][:, :3], IRIS[0][:, 3] / 3  # between 0 and 1
    model = fitted(
        MLPRegressor, X, y, loss=loss, activation="tanh", hidden_layer_sizes=(20,), max_iter=300,
        learning_rate_init=0.01, tol=0.0, n_iter_no_change=300,
    )  # fmt: skip
    assert model.score(X, y) > 0.8


def test_targets_that_a_loss_is_not_defined_for():
    with pytest.raises(ValueError, match=r"out of the valid range of the loss 'poisson'.*got -1"):
        fitted(MLPRegressor, [[0.0], [1.0], [2.0]], [1.0, -1.0, 0.0], loss="poisson")


def test_dropout_drops_in_training_alone_and_by_the_seed():
    X, y = IRIS
    plain, half = (fitted(MLPClassifier, X, y, dropout=rate) for rate in (0.0, 0.5))
    assert not np.allclose(weights(plain), weights(half))
    again = fitted(MLPClassifier, X, y, dropout=[0.5, 0.5])
    assert np.array_equal(weights(again), weights(half))
    assert not np.array_equal(
        weights(fitted(MLPClassifier, X, y, dropout=0.5, random_state=1)), weights(half)
    )
    assert np.array_equal(half.predict_proba(X), half.predict_proba(X))
    with pytest.raises(ValueError, match="one for each of 2 hidden layers"):
        fitted(MLPClassifier, X, y, dropout=[0.5])
    with pytest.raises(ValueError, match="'dropout' parameter of MLPClassifier"):
        fitted(MLPClassifier, X, y, dropout=1.0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dropout": ["a", 0.0]}, "dropout: expected a rate in"),
        ({"dropout": 0.5, "solver": "lbfgs"}, "dropout: solver='lbfgs' has no epochs"),
        ({"callbacks": [print], "solver": "lbfgs"}, "callbacks: solver='lbfgs' has no epochs"),
        ({"callbacks": [3]}, "callbacks: expected functions of"),
        ({"dtype": np.dtype("float16")}, "The 'dtype' parameter of MLPClassifier"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_first_epoch(options, said):
    with pytest.raises(ValueError, match=said):
        fitted(MLPClassifier, IRIS[0], IRIS[1], **options)


def test_class_weight_is_a_weight_of_examples():
    X, y = IRIS[0][:-2], IRIS[1][:-2]
    for class_weight in ("balanced", {0: 1.0, 1: 2.0, 2: 5.0}):
        model = fitted(MLPClassifier, X, y, class_weight=class_weight)
        s = compute_sample_weight(class_weight, y)
        expected = fitted(MLPClassifier, X, y, {"sample_weight": s})
        assert np.array_equal(weights(model), weights(expected))
        both = fitted(MLPClassifier, X, y, {"sample_weight": s}, class_weight=class_weight)
        expected = fitted(MLPClassifier, X, y, {"sample_weight": s * s})
        assert np.array_equal(weights(both), weights(expected))
    with pytest.raises(ValueError, match="'balanced' is not supported for partial_fit"):
        MLPClassifier(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])


def test_first_weights_that_are_given():
    X, y = IRIS
    model = fitted(MLPClassifier, X, y)
    start = model.coefs_, model.intercepts_
    kept = copy.deepcopy(start)
    again = fitted(MLPClassifier, X, y, initial_weights=start, learning_rate_init=1e-12)
    assert np.allclose(weights(again), weights(model), atol=1e-9)
    assert all(np.array_equal(a, b) for a, b in zip(start[0], kept[0], strict=True))
    for wrong, said in (
        ((start[0][::-1], start[1]), "expected coefs of shapes"),
        ((start[0],), "expected a pair"),
        (([w * np.nan for w in start[0]], start[1]), "expected finite numbers"),
    ):
        with pytest.raises(ValueError, match=f"initial_weights: {said}"):
            fitted(MLPClassifier, X, y, initial_weights=wrong)


def test_dtype_is_that_of_x_or_the_one_asked_for():
    X, y = IRIS
    for given, dtype, expected in (
        ("float32", None, "float32"), ("float64", None, "float64"),
        ("float64", "float32", "float32"), ("float32", np.float64, "float64"),
        ("float64", np.dtype("float32"), "float32"),
    ):  # fmt: skip
        model = fitted(MLPClassifier, X.astype(given), y, dtype=dtype)
        assert {str(w.dtype) for w in model.coefs_} == {expected}
        assert model.predict_proba(X.astype(given)).dtype == expected
    # as scikit-learn: the wider of both, where nothing is asked for
    model = fitted(MLPClassifier, X.astype("float32"), y)
    assert model.predict_proba(X).dtype == np.float64


@pytest.mark.parametrize(
    "options",
    [
        {"solver": "adam", "shuffle": False},
        {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1},
        {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 1.0},
        {"solver": "sgd", "momentum": 0.0, "early_stopping": True, "validation_fraction": 0.4},
        {"solver": "lbfgs"},
    ],
    ids=["adam", "invscaling", "adaptive", "early stopping", "lbfgs"],
)
def test_sparse_rows_train_as_dense_ones_do_and_as_scikit_learn_does(options, capsys):
    X, y = IRIS[0] * (IRIS[0] > 1.0), IRIS[1]
    options = {**options, "max_iter": 4, "batch_size": 4, "verbose": True}
    if options["solver"] == "lbfgs":
        del options["batch_size"]
    dense = fitted(MLPClassifier, X, y, **options)
    for made in (csr_matrix(X), csc_matrix(X)):
        model = fitted(MLPClassifier, made, y, **options)
        assert np.allclose(weights(model), weights(dense), rtol=1e-12, atol=1e-14)
        assert np.array_equal(model.predict(made), dense.predict(X))
    ours = capsys.readouterr().out
    theirs = fitted(neural_network.MLPClassifier, X, y, **options)
    assert np.allclose(weights(theirs), weights(dense), rtol=1e-9, atol=1e-12)
    assert ours == 3 * capsys.readouterr().out


# -- while it trains ------------------------------------------------------------------------------


def test_validation_data_give_a_loss_and_a_score_each_epoch():
    X, few, y, few_y = digits()
    model = fitted(MLPClassifier, X, y, {"validation_data": (few, few_y)}, alpha=3.0)
    assert len(model.validation_loss_curve_) == len(model.validation_scores_) == FEW["max_iter"]
    assert model.validation_scores_[-1] == model.score(few, few_y)
    assert model.best_validation_score_ == max(model.validation_scores_)
    expected = log_loss(few_y, model.predict_proba(few))  # without penalty
    assert model.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-9)
    assert np.array_equal(weights(model), weights(fitted(MLPClassifier, X, y, alpha=3.0)))
    s = np.arange(len(few_y)) % 3.0
    model = fitted(MLPClassifier, X, y, {"validation_data": (few, few_y, s)})
    assert model.validation_scores_[-1] == pytest.approx(model.score(few, few_y, s))
    expected = log_loss(few_y, model.predict_proba(few), sample_weight=s)
    assert model.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-9)


@helpers.needs_jit
def test_early_stopping_looks_at_the_validation_data_that_it_is_given():
    X, few, y, few_y = digits()
    model = fitted(
        MLPClassifier, X, y, {"validation_data": (few, few_y)}, early_stopping=True, max_iter=200,
        n_iter_no_change=3,
    )  # fmt: skip
    assert model.n_iter_ < 200
    assert model.best_loss_ is None
    assert model.score(few, few_y) == model.best_validation_score_ == max(model.validation_scores_)


def test_validation_data_that_do_not_fit():
    X, y = IRIS
    for given, said in (
        (X, "expected a pair"), ((X, y, y, y), "got tuple of 4"), ((X[:, :2], y), "features"),
        ((X, y + 7), "classes not in"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=said):
            fitted(MLPClassifier, X, y, {"validation_data": given})
    with pytest.raises(ValueError, match="solver='lbfgs' has no epochs to look between"):
        fitted(MLPClassifier, X, y, {"validation_data": (X, y)}, solver="lbfgs")
    with pytest.raises(ValueError, match="expected 1 columns of y, got 2"):
        fitted(MLPRegressor, X, y, {"validation_data": (X, X[:, :2])})


def test_callbacks_see_each_epoch_and_may_stop():
    X, y = IRIS
    seen = []

    def look(epoch, model):
        seen.append((epoch, len(model.loss_curve_), model.predict(X[:1]).shape))
        return epoch == 2

    model = fitted(MLPClassifier, X, y, callbacks=[look], max_iter=5)
    assert seen == [(0, 1, (1,)), (1, 2, (1,)), (2, 3, (1,))]
    assert model.n_iter_ == 3


def test_a_person_who_watches_is_told_that_it_compiles(monkeypatch, capsys):
    X, y = IRIS
    fitted(MLPClassifier, X, y)  # compiles, if nobody has
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    fitted(MLPClassifier, X, y)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(stochastic, "will_compile", lambda *arguments: True)
    fitted(MLPClassifier, X, y)
    assert capsys.readouterr().err == "loopbp: compiling, only this once\n"


# -- what comes out -------------------------------------------------------------------------------


def test_hidden_activations_and_transform():
    X, y = IRIS
    model = fitted(MLPClassifier, X, y, activation="logistic")
    first = 1 / (1 + np.exp(-(X @ model.coefs_[0] + model.intercepts_[0])))
    second = 1 / (1 + np.exp(-(first @ model.coefs_[1] + model.intercepts_[1])))
    for found, expected in zip(model.hidden_activations(X), (first, second), strict=True):
        assert np.allclose(found, expected)
    assert np.allclose(model.transform(X), second)
    names = model.get_feature_names_out()
    assert list(names[:2]) == ["mlpclassifier0", "mlpclassifier1"]
    assert len(names) == second.shape[1]
    none = fitted(MLPClassifier, X, y, hidden_layer_sizes=())
    assert none.hidden_activations(X) == []
    with pytest.raises(ValueError, match="there is none: hidden_layer_sizes="):
        none.transform(X)
    with pytest.raises(NotFittedError):
        MLPClassifier().hidden_activations(X)


def test_a_network_is_made_of_ours_too():
    X, y = IRIS
    counts = np.round(X[:, :2])
    for model, target in (
        (fitted(MLPClassifier, X, y, activation=["gelu", "logistic"], loss="mae"), y),
        (fitted(MLPRegressor, X, counts, loss="poisson"), counts),
        (fitted(MLPRegressor, X, counts, loss="huber", activation="mish"), counts),
    ):
        net = loopbp.Network.from_sklearn(model)
        assert np.allclose(net.predict(X), model.predict(X), rtol=1e-12)
        assert net.score(X, target) == pytest.approx(model.score(X, target), abs=0.3)


def test_weights_are_those_that_stand_in_the_attributes():
    X, y = IRIS
    model = fitted(MLPRegressor, X, y)
    before = model.predict(X)
    model.intercepts_[-1][0] += 1.0  # a number of an array
    assert np.allclose(model.predict(X), before + 1.0)
    model.intercepts_[-1] = model.intercepts_[-1] + 1.0  # an array of a list
    assert np.allclose(model.predict(X), before + 2.0)
    model.coefs_ = [np.array(w) for w in model.coefs_]  # all of them
    assert np.allclose(model.predict(X), before + 2.0)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert np.array_equal(other.predict(X), model.predict(X))
        other.coefs_[-1][:] = 0.0
        assert np.allclose(other.predict(X), model.intercepts_[-1])
        assert not np.allclose(model.predict(X), model.intercepts_[-1])
    model.partial_fit(X, y)
    assert not np.allclose(model.predict(X), before + 2.0)
    model.coefs_ = model.coefs_[::-1]
    with pytest.raises(ValueError, match="coefs_ and intercepts_: expected"):
        model.predict(X)


def test_parameters_that_change_after_the_fit_count():
    X, y = IRIS
    model = fitted(MLPRegressor, X, y, activation=["relu", "relu"])
    before = model.predict(X)
    model.activation[0] = "tanh"
    assert not np.allclose(model.predict(X), before)
    model.set_params(activation="relu")
    assert np.array_equal(model.predict(X), before)


@helpers.needs_jit
def test_few_rows_in_turn_by_several_networks_and_threads():
    X, y = IRIS
    models = [fitted(MLPClassifier, X, y, hidden_layer_sizes=n) for n in ((7,), (30, 4))]
    models.append(fitted(MLPClassifier, X.astype("float32"), y, dtype="float32"))
    whole = [model.predict_proba(X) for model in models]
    wrong = []

    def look(turns):
        for k in range(turns):
            rows = slice(k % 140, k % 140 + 1 + k % 3)
            for model, expected in zip(models, whole, strict=True):
                if not np.allclose(model.predict_proba(X[rows]), expected[rows], atol=1e-6):
                    wrong.append(k)

    threads = [threading.Thread(target=look, args=(300,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
