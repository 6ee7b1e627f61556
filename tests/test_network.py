"""`Network` in use: tasks, predictions, scores, views, defaults."""

import numpy as np
import pytest
from cases import helpers

import loopbp


def test_activations_are_the_forward_pass():
    net = helpers.network([3, 4, 2], "tanh", "sigmoid", "quadratic")
    X = np.random.default_rng(0).standard_normal((5, 3))
    a = net.activations(X)
    assert len(a) == 3
    assert a[0] == pytest.approx(X)
    assert a[1] == pytest.approx(np.tanh(X @ net.weights[0].T + net.biases[0]))
    assert a[2] == pytest.approx(1 / (1 + np.exp(-(a[1] @ net.weights[1].T + net.biases[1]))))
    assert (net.predict_proba(X) == a[2]).all()


def test_more_rows_than_one_block_are_predicted_as_one_by_one():
    net = helpers.network([2, 3])
    X = np.random.default_rng(0).standard_normal((1025, 2))
    assert net.predict_proba(X)[[0, 1023, 1024]] == pytest.approx(
        net.predict_proba(X[[0, 1023, 1024]]), rel=1e-14
    )


def test_gradient_holds_all_that_it_was_computed_from():
    net = helpers.classifier()
    X, y = helpers.blobs(7)
    g = net.gradient(X, y)
    assert [d.shape for d in g.deltas] == [(7, 6), (7, 3)]
    assert [z.shape for z in g.weighted_inputs] == [(7, 6), (7, 3)]
    assert [a.shape for a in g.activations] == [(7, 2), (7, 6), (7, 3)]
    assert all(np.shares_memory(part, g.theta) for part in (*g.weights, *g.biases))
    assert g.loss == pytest.approx(net.loss(X, y), rel=1e-14)
    assert np.tanh(g.weighted_inputs[0]) == pytest.approx(g.activations[1])
    assert g.deltas[1] == pytest.approx(g.activations[2] - np.eye(3)[y])  # softmax: a - y


@pytest.mark.parametrize("hidden", ["tanh", "relu"])
def test_classes_are_learned(hidden):
    X, y = helpers.blobs()
    net = helpers.classifier(hidden=hidden)
    net.fit(X, y, epochs=15, batch_size=10, optimizer=loopbp.Adam(0.05))
    assert net.score(X, y) >= 0.95
    assert net.score(X, y) == np.mean(net.predict(X) == y)
    assert net.predict_proba(X).sum(axis=1) == pytest.approx(1)


def test_string_labels_come_back():
    X, y = helpers.blobs()
    names = np.array(["north", "east", "south"])[y]
    net = helpers.classifier()
    net.fit(X, names, epochs=15, batch_size=10, optimizer=loopbp.Adam(0.05))
    assert net.classes is not None
    assert net.classes.tolist() == ["east", "north", "south"]
    assert np.mean(net.predict(X) == names) == net.score(X, names) >= 0.95


def test_one_hot_rows_train_as_labels_do():
    X, y = helpers.blobs(12)
    by_label, by_row = helpers.classifier(), helpers.classifier()
    by_label.fit(X, y, epochs=2)
    by_row.fit(X, np.eye(3)[y], epochs=2)
    assert (by_label.theta == by_row.theta).all()
    assert (by_label.predict(X) == by_row.predict(X)).all()


@pytest.mark.parametrize("labels", [np.array([0, 1]), np.array(["no", "yes"])])
def test_two_classes_with_one_sigmoid_output(labels):
    X, y = helpers.blobs()
    X, y = X[y < 2], y[y < 2]
    net = loopbp.Network([2, 1], output="sigmoid", seed=0)
    net.fit(X, labels[y], epochs=25, batch_size=10, optimizer=loopbp.Adam(0.1))
    assert net.loss_name == "binary_cross_entropy"
    assert np.mean(net.predict(X) == labels[y]) == net.score(X, labels[y]) >= 0.95
    assert (net.predict(X) == labels[(net.predict_proba(X)[:, 0] > 0.5).astype(int)]).all()


def test_several_labels_at_once():
    X, _ = helpers.blobs()
    Y = (X > 1.5).astype(int)
    net = loopbp.Network([2, 2], output="sigmoid", seed=0)
    net.fit(X, Y, epochs=40, batch_size=10, optimizer=loopbp.Adam(0.1))
    assert net.task == "multilabel"
    assert net.score(X, Y) == np.mean((net.predict(X) == Y).all(axis=1)) >= 0.9


@pytest.mark.parametrize("outputs", [1, 2])
def test_regression(outputs):
    X = np.random.default_rng(0).standard_normal((50, 3))
    Y = X[:, :outputs] * 2 + 1
    y = Y[:, 0] if outputs == 1 else Y
    net = loopbp.Network([3, outputs], loss="half_mse", seed=0)
    net.fit(X, y, epochs=40, batch_size=10, optimizer=loopbp.SGD(0.2))
    assert net.predict(X).shape == y.shape
    assert net.predict(X) == pytest.approx(y, abs=0.1)
    assert 0.99 < net.score(X, y) <= 1


@pytest.mark.parametrize("prediction", [0.0, 1.0])
def test_r2_of_constant_targets_is_1_if_met_and_0_if_not(prediction):
    net = loopbp.Network([1, 1], loss="half_mse", initializer="zeros", seed=0)
    net.biases[0][:] = prediction
    assert net.score([[1.0], [2.0]], [1.0, 1.0]) == prediction


def test_r2_by_hand():
    # predictions 1 1 1 for 0 1 5, whose mean is 2: 1 - (1 + 0 + 16) / (4 + 1 + 9)
    net = loopbp.Network([1, 1], loss="half_mse", initializer="zeros", seed=0)
    net.biases[0][:] = 1.0
    assert net.score([[0.0]] * 3, [0.0, 1.0, 5.0]) == pytest.approx(1 - 17 / 14)


@pytest.mark.parametrize(
    ("options", "shape", "kind"),
    [
        ({"output": "softmax"}, (4,), "i"),
        ({"output": "sigmoid"}, (4, 3), "i"),
        ({"output": "identity"}, (4, 3), "f"),
        ({"sizes": [2, 1], "output": "sigmoid"}, (4,), "i"),
    ],
)
def test_predict_before_fit_goes_by_the_output(options, shape, kind):
    net = loopbp.Network(**{"sizes": [2, 3], "seed": 0, **options})
    predicted = net.predict(np.zeros((4, 2)))
    assert (predicted.shape, predicted.dtype.kind) == (shape, kind)


@pytest.mark.parametrize(
    ("sizes", "options", "output", "loss"),
    [
        ([2, 3], {}, "softmax", "cross_entropy"),
        ([2, 1], {}, "sigmoid", "binary_cross_entropy"),
        ([2, 3], {"output": "sigmoid"}, "sigmoid", "binary_cross_entropy"),
        ([2, 3], {"output": "tanh"}, "tanh", "half_mse"),
        ([2, 3], {"output": "tanh", "loss": "mae"}, "tanh", "mae"),
    ],
)
def test_defaults_of_output_and_loss(sizes, options, output, loss):
    net = loopbp.Network(sizes, **options)
    assert (net.output, net.loss_name) == (output, loss)


def test_one_activation_and_one_rate_each():
    net = loopbp.Network([2, 3, 4, 1], ["relu", "tanh"], dropout=[0.0, 0.5], seed=0)
    assert net.hidden == ("relu", "tanh")
    assert net.dropout == (0.0, 0.5)
    assert net.architecture.dropout.tolist() == [0, 0, 0.5, 0]


def test_repr_is_what_was_asked_for():
    assert repr(loopbp.Network([2, 1])) == (
        "Network([2, 1], hidden=[], output='sigmoid', loss='binary_cross_entropy')"
    )
    assert "hidden='relu'" in repr(loopbp.Network([2, 3, 1]))
    assert "hidden=['relu', 'tanh']" in repr(loopbp.Network([2, 3, 3, 1], ["relu", "tanh"]))


@pytest.mark.parametrize("name", ["compiled", "datasets", "schedules", "check_gradient",
                                  "validate_compiled"])  # fmt: skip
def test_lazy_names_are_there(name):
    assert getattr(loopbp, name).__name__.endswith(name)


def test_unknown_name_of_the_package():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        loopbp.nothing  # noqa: B018
