"""`Network.from_sklearn` and `to_sklearn`: the same predictions, and training that goes on."""

import sys
import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import loopbp

_SKLEARN: Any = pytest.importorskip("sklearn.neural_network")
MLPClassifier, MLPRegressor = _SKLEARN.MLPClassifier, _SKLEARN.MLPRegressor
ConvergenceWarning = pytest.importorskip("sklearn.exceptions").ConvergenceWarning
clone = pytest.importorskip("sklearn.base").clone
make_pipeline = pytest.importorskip("sklearn.pipeline").make_pipeline
StandardScaler = pytest.importorskip("sklearn.preprocessing").StandardScaler
GridSearchCV = pytest.importorskip("sklearn.model_selection").GridSearchCV

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4))
NUMBER = np.digitize(X[:, 0] + X[:, 1], [-0.5, 0.5])
VALUES = np.column_stack([X[:, 0] - X[:, 1], np.tanh(X[:, 2]), X[:, 3] ** 2])
WORDS = np.array(["c", "a", "b"])
CLASSES = {
    "two words": np.where(NUMBER > 0, "yes", "no"),
    "two objects": np.where(NUMBER > 0, "yes", "no").astype(object),
    "two booleans": NUMBER > 0,
    "three words": WORDS[NUMBER],
    "three numbers": np.array([3, 7, 12])[NUMBER],
    "three floats": NUMBER.astype(float),
    "labels": np.column_stack([NUMBER > 0, NUMBER > 1, X[:, 2] > 0]).astype(int),
}
REGRESSIONS = {"one value": VALUES[:, 0], "values": VALUES}


def fitted(kind, y, X=X, **settings):
    given = {"hidden_layer_sizes": (5, 3), "max_iter": 8, "random_state": 1} | settings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return kind(**given).fit(X, y)


def same(model, net, X=X, rel=1e-12):
    assert np.array_equal(model.predict(X), net.predict(X)) or model.predict(X) == pytest.approx(
        net.predict(X), rel=rel
    )
    if hasattr(model, "predict_proba"):
        chances = net.predict_proba(X)
        theirs = model.predict_proba(X)
        if chances.shape[1] == 1:
            theirs = theirs[:, 1:]
        elif net.task == "classification":
            chances = chances[:, np.argsort(net.classes)]
        assert theirs == pytest.approx(chances, rel=rel)


# -- from -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", CLASSES)
def test_from_a_classifier(labels):
    model = fitted(MLPClassifier, CLASSES[labels])
    net = loopbp.Network.from_sklearn(model)
    same(model, net)
    assert net.score(X, CLASSES[labels]) == model.score(X, CLASSES[labels])
    assert net.classes is not None
    assert net.classes.tolist() == model.classes_.tolist()
    before = net.loss(X, CLASSES[labels])
    net.fit(X, CLASSES[labels], epochs=5, verbose=False)
    assert net.loss(X, CLASSES[labels]) < before


@pytest.mark.parametrize("name", REGRESSIONS)
def test_from_a_regressor(name):
    y = REGRESSIONS[name]
    model = fitted(MLPRegressor, y, solver="lbfgs")
    net = loopbp.Network.from_sklearn(model)
    same(model, net)
    assert net.score(X, y) == pytest.approx(model.score(X, y))
    # Their gradient, whatever the number of outputs.
    found = net.gradient(X, y).deltas[-1]
    assert found == pytest.approx(model.predict(X).reshape(60, -1) - y.reshape(60, -1))


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activations_and_dtypes(activation, dtype):
    few = X.astype(dtype)
    model = fitted(MLPClassifier, WORDS[NUMBER], few, activation=activation)
    net = loopbp.Network.from_sklearn(model)
    assert net.dtype == np.dtype(dtype)
    same(model, net, few, rel=1e-4 if dtype == "float32" else 1e-12)


def test_no_hidden_layer_seed_and_l2():
    model = fitted(MLPClassifier, WORDS[NUMBER], hidden_layer_sizes=())
    net = loopbp.Network.from_sklearn(model, l2=0.25)
    same(model, net)
    assert (net.sizes, net.seed, net.l2) == ((4, 3), 1, 0.25)
    same(loopbp.Network.from_sklearn(model).to_sklearn(), net)


@pytest.mark.skipif(
    "loss" not in MLPRegressor().get_params(), reason="this scikit-learn has no poisson loss"
)
def test_poisson(tmp_path):
    counts = RNG.poisson(np.exp(X[:, 0] / 2))
    model = fitted(MLPRegressor, counts, loss="poisson")
    net = loopbp.Network.from_sklearn(model)
    assert (net.output, net.loss_name) == ("exp", "poisson_deviance")
    same(model, net)
    assert net.gradient(X, counts).deltas[-1][:, 0] == pytest.approx(model.predict(X) - counts)
    same(net.to_sklearn(), net)
    assert net.to_sklearn().get_params()["loss"] == "poisson"
    net.save(tmp_path / "net.npz")
    same(model, loopbp.load(tmp_path / "net.npz"))


def test_columns_are_found_by_their_names():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c", "d"])
    model = fitted(MLPClassifier, WORDS[NUMBER], frame)
    net = loopbp.Network.from_sklearn(model)
    assert net.input_names == ("a", "b", "c", "d")
    assert np.array_equal(net.predict(frame[["d", "b", "a", "c"]]), model.predict(frame))
    again = net.to_sklearn()
    assert again.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert np.array_equal(again.predict(frame), model.predict(frame))
    with pytest.raises(ValueError, match="feature names"):
        again.predict(frame[["d", "b", "a", "c"]])


def test_it_is_saved_and_loaded(tmp_path):
    for labels in ("two objects", "two booleans", "three words", "labels"):
        model = fitted(MLPClassifier, CLASSES[labels])
        loopbp.Network.from_sklearn(model).save(tmp_path / "net.npz")
        same(model, loopbp.load(tmp_path / "net.npz"))


def test_any_object_with_the_attributes_will_do():
    model = fitted(MLPRegressor, VALUES)
    names = ("coefs_", "intercepts_", "activation", "out_activation_")
    bare = SimpleNamespace(**{name: getattr(model, name) for name in names})
    same(model, loopbp.Network.from_sklearn(bare))

    class Own(MLPClassifier):
        pass

    own = fitted(Own, NUMBER)
    same(own, loopbp.Network.from_sklearn(own))


def changed(**attributes):
    model = fitted(MLPClassifier, WORDS[NUMBER])
    for name, value in attributes.items():
        setattr(model, name, value)
    return model


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (MLPClassifier, TypeError, "MLPClassifier has no coefs_; call its fit first"),
        (lambda: make_pipeline(StandardScaler(), MLPClassifier()), TypeError,
         r"Pipeline has no coefs_; pass what is in it: pipeline\[-1\]"),
        (lambda: GridSearchCV(MLPClassifier(max_iter=200, tol=1.0, n_iter_no_change=1),
                              {"alpha": [1.0]}, cv=2).fit(X, NUMBER),
         TypeError, "search.best_estimator_"),
        (lambda: 3, TypeError, "fitted: expected a fitted MLPClassifier or MLPRegressor"),
        (lambda: changed(activation="glu"), ValueError, r"fitted: activation: .* got 'glu'"),
        (lambda: changed(loss="logloss"), ValueError,
         "out_activation_ 'softmax' with loss 'logloss'; expected a pair"),
        (lambda: changed(coefs_=[]), ValueError, "has 0 coefs_ and 3 intercepts_"),
        (lambda: changed(coefs_=[np.ones((4, 5)), np.ones((4, 3)), np.ones((3, 3))]), ValueError,
         r"coefs_\[1\] of shape \(4, 3\) .* expected \(5, units\)"),
        (lambda: changed(coefs_=[np.full((4, 5), np.nan), np.ones((5, 3)), np.ones((3, 3))]),
         ValueError, r"fitted: coefs_\[0\]: expected finite"),
        (lambda: changed(classes_=np.array(["a", "b"])), ValueError,
         r"classes_ of shape \(2,\) for 3 outputs; expected 3"),
        (lambda: changed(classes_=np.array([0.5, 1, 2])), ValueError, "expected labels as cl"),
        (lambda: changed(feature_names_in_=np.array(["a"])), ValueError, "1 names for 4 inputs"),
    ],
)  # fmt: skip
def test_what_is_no_network_is_refused(make, kind, message):
    made = make()
    with pytest.raises(kind, match=message):
        loopbp.Network.from_sklearn(made)


# -- to -------------------------------------------------------------------------------------------


def trained(y, sizes, hidden="tanh", **arguments):
    net = loopbp.Network(sizes, hidden, seed=0, **arguments)
    net.fit(X, y, epochs=3, verbose=False)
    return net


NETWORKS = {
    "softmax": lambda: trained(WORDS[NUMBER], [4, 5, 3]),
    "softmax of two": lambda: trained(np.where(NUMBER > 0, "yes", "no"), [4, 5, 2], "relu"),
    "sigmoid": lambda: trained(np.where(NUMBER > 0, "yes", "no"), [4, 5, 1], "sigmoid"),
    "class numbers": lambda: trained(NUMBER, [4, 5, 3], "identity"),
    "labels": lambda: trained(CLASSES["labels"], [4, 5, 3], output="sigmoid"),
    "value": lambda: trained(VALUES[:, 0], [4, 5, 1], output="identity"),
    "values": lambda: trained(VALUES, [4, 5, 2, 3], output="identity", loss="quadratic"),
    "no hidden layer": lambda: trained(VALUES, [4, 3], output="identity", loss="quadratic"),
    "float32": lambda: trained(NUMBER, [4, 5, 3], dtype="float32"),
}
TARGETS = {
    "softmax": WORDS[NUMBER], "softmax of two": np.where(NUMBER > 0, "yes", "no"),
    "sigmoid": np.where(NUMBER > 0, "yes", "no"), "labels": CLASSES["labels"],
    "value": VALUES[:, 0], "values": VALUES, "no hidden layer": VALUES,
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_to_scikit_learn(name):
    net, y = NETWORKS[name](), TARGETS.get(name, NUMBER)
    model = net.to_sklearn()
    rel = 1e-4 if name == "float32" else 1e-11
    few = X.astype(net.dtype)
    same(model, net, few, rel)
    assert model.score(few, y) == pytest.approx(net.score(few, y), rel=1e-6)
    same(model, loopbp.Network.from_sklearn(model), few, rel)
    before = net.theta.copy()
    assert model.partial_fit(few, y) is model
    assert model.t_ == 60
    assert np.array_equal(net.theta, before), "the estimator has arrays of its own"
    again = clone(model)
    assert not hasattr(again, "coefs_")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        again.set_params(max_iter=2).fit(few, y)


@pytest.mark.parametrize(
    "name", ["softmax", "sigmoid", "class numbers", "labels", "value", "values", "no hidden layer"]
)
def test_a_step_of_partial_fit_is_a_step_of_ours(name):
    net, y = NETWORKS[name](), TARGETS.get(name, NUMBER)
    model = net.to_sklearn().set_params(
        solver="sgd", learning_rate_init=0.1, momentum=0.0, nesterovs_momentum=False, alpha=0.0,
        batch_size=60, shuffle=False,
    )  # fmt: skip
    model.partial_fit(X, y)
    net.fit(X, y, epochs=1, optimizer=loopbp.SGD(0.1), batch_size=60, verbose=False)
    order = slice(None) if net.classes is None else np.argsort(net.classes)
    for l, (w, b) in enumerate(zip(net.weights, net.biases, strict=True)):
        rows = order if l == len(net.weights) - 1 and len(b) > 1 else slice(None)
        assert model.coefs_[l] == pytest.approx(w[rows].T, rel=1e-10, abs=1e-13)
        assert model.intercepts_[l] == pytest.approx(b[rows], rel=1e-10, abs=1e-13)


@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_classes_in_another_order_are_sorted(outputs):
    labels = ["yes", "no", "maybe"][: max(outputs, 2)]
    y = np.array(labels)[NUMBER % len(labels)]
    prepared = loopbp.Preprocessing.fitted(X, scale="none", labels=labels)
    net = trained(y, [4, 5, outputs], preprocessing=prepared)
    assert net.classes is not None
    assert net.classes.tolist() == labels
    model = net.to_sklearn()
    assert model.classes_.tolist() == sorted(labels)
    assert np.array_equal(model.predict(X), net.predict(X))


def test_l2_is_alpha_of_usual_batches():
    net = loopbp.Network([4, 3], seed=0, l2=0.001)
    assert net.to_sklearn().alpha == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: loopbp.Network([4, 5, 3], "gelu"), "no activation 'gelu'; train a network with"),
        (lambda: loopbp.Network([4, 5, 5, 3], ["tanh", "relu"]),
         "one activation for all hidden layers, and this network has tanh, relu"),
        (lambda: loopbp.Network([4, 3], loss="huber"), "no output 'identity' with loss 'huber'"),
        (lambda: loopbp.Network([4, 1], output="sigmoid", loss="half_mse"),
         "no output 'sigmoid' with loss 'half_mse'"),
        (lambda: loopbp.Network([4, 3], output="sigmoid", loss="cross_entropy"),
         "no output 'sigmoid' with loss 'cross_entropy'"),
        (lambda: loopbp.Network(
            [4, 3], preprocessing=loopbp.Preprocessing.fitted(X, scale="standard")),
         r"preprocessing of this network scales inputs \(standard\).*Pipeline"),
        (lambda: loopbp.Network(
            [4, 1], output="identity", preprocessing=loopbp.Preprocessing.fitted(
                X, VALUES[:, 0], scale="none", target_scale="standard")),
         r"scales values \(standard\)"),
        (lambda: loopbp.Network(
            [2, 3], preprocessing=loopbp.Preprocessing.fitted([["a"], ["b"]])), "encodes words"),
        (lambda: loopbp.Network(
            [1, 3], preprocessing=loopbp.Preprocessing.fitted(
                [[0.5], [None]], missing="mean", scale="none")), "fills missing cells"),
    ],
)  # fmt: skip
def test_what_scikit_learn_cannot_hold_is_refused(make, message):
    with pytest.raises(ValueError, match=f"to_sklearn: .*{message}"):
        make().to_sklearn()


def test_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r"pip install 'loopbp\[sklearn\]'"):
        loopbp.Network([4, 3], seed=0).to_sklearn()
