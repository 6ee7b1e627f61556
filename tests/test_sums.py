"""Sums over many examples, numbers near the ends of a dtype, and losses that cannot learn."""

import warnings

import numpy as np
import pytest
from cases import helpers
from cases.helpers import each_dtype

import loopbp
from loopbp.datasets import Scaling
from loopbp.network import targets

ROWS = 2_000_000


def float32_regression():
    """Targets near 285 of two outputs, and predictions with an R**2 near 0.8."""
    rng = np.random.default_rng(0)
    Y = (285 + 0.4 * rng.standard_normal((ROWS, 2))).astype("float32")
    return Y, (Y + 0.18 * rng.standard_normal(Y.shape)).astype("float32")


def r2(a, Y):
    a, Y = a.astype(np.float64), Y.astype(np.float64)
    return np.mean(1 - np.sum((Y - a) ** 2, axis=0) / np.sum((Y - Y.mean(axis=0)) ** 2, axis=0))


def test_score_over_many_rows_of_float32():
    Y, a = float32_regression()
    assert targets.score(a, Y, targets.REGRESSION) == pytest.approx(r2(a, Y), rel=1e-9)


def test_a_mean_in_float32_would_show():
    Y, a = float32_regression()
    spread = np.sum((Y - Y.mean(axis=0)).astype(np.float64) ** 2, axis=0)
    error = np.sum((Y - a).astype(np.float64) ** 2, axis=0)
    assert np.mean(1 - error / spread) != pytest.approx(r2(a, Y), abs=1e-3)


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e200])
def test_score_of_targets_of_any_size(size):
    Y, a = size * np.array([[1.0], [2.0], [4.0]]), size * np.array([[1.0], [2.5], [3.5]])
    assert targets.score(a, Y, targets.REGRESSION) == pytest.approx(1 - 0.5 / (14 / 3))


@pytest.mark.once
def test_the_loss_of_many_rows_of_float32():
    net = helpers.network([1, 1], dtype="float32")
    net.theta = [0.0, 0.0]
    Y = np.full((300_000, 1), 0.1, "float32")
    for engine in ("numpy", "loops", "tiled"):
        found = net.loss(np.ones_like(Y), Y, engine=engine)
        assert found == pytest.approx(float(Y[0, 0]) ** 2 / 2, rel=1e-12)


@pytest.mark.once
@pytest.mark.parametrize("engine", ["numpy", "loops", "tiled"])
def test_the_gradient_of_many_rows_of_float32(engine):
    net = helpers.network([1, 1], dtype="float32")
    net.theta = [0.0, 0.0]
    Y = np.full((1_000_000, 1), 0.1, "float32")
    gradient = net.gradient(np.ones_like(Y), Y, engine=engine)
    assert gradient.theta == pytest.approx(np.full(2, -float(Y[0, 0])), rel=1e-5)


# -- weights, columns -----------------------------------------------------------------------------


@each_dtype
@pytest.mark.parametrize("size", [5e-324, 1e-300, 1e308])
def test_only_ratios_of_weights_count(size, dtype):
    net = loopbp.Network([2, 3, 1], hidden="tanh", dtype=dtype, seed=0)
    X, y = np.random.default_rng(0).standard_normal((6, 2)), [0, 1, 0, 1, 1, 0]
    plain = net.gradient(X, y)
    weighted = net.gradient(X, y, sample_weight=np.full(6, size))
    assert weighted.loss == pytest.approx(plain.loss)
    assert weighted.theta == pytest.approx(plain.theta)


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e200])
def test_scaling_of_columns_of_any_size(size):
    X = size * np.array([[1.0], [3.0]])
    for kind, expected in (("standard", [[-1.0], [1.0]]), ("minmax", [[0.0], [1.0]])):
        assert Scaling.fitted(kind, X).apply(X) == pytest.approx(np.array(expected))


def test_scaling_of_float32_columns_over_many_rows():
    Y, _ = float32_regression()
    fitted = Scaling.fitted("standard", Y)
    assert fitted.shift == pytest.approx(Y.astype(np.float64).mean(axis=0), rel=1e-12)
    assert fitted.unit == pytest.approx(Y.astype(np.float64).std(axis=0), rel=1e-9)


def test_a_column_over_more_than_float64_holds_is_refused():
    with pytest.raises(ValueError, match=r"X: expected columns .* in column 1; divide"):
        Scaling.fitted("minmax", np.array([[0.0, -1.7e308], [1.0, 1.7e308]]))


# -- what cannot learn ----------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [False, True])
def test_cross_entropy_over_sigmoid_outputs_is_warned_of_once(rows):
    X, y = helpers.blobs(9)
    net = loopbp.Network([2, 3], output="sigmoid", loss="cross_entropy", seed=0)
    given = np.eye(3)[y] if rows else y
    with pytest.warns(
        UserWarning, match=r"use loss='binary_cross_entropy'.*output='softmax'"
    ) as caught:
        net.fit(X, given, epochs=1)
    assert caught[0].filename == __file__  # where `fit` is called
    net.fit(X, given, epochs=1)  # warnings are errors in the tests


@pytest.mark.parametrize(
    ("output", "loss", "y", "match"),
    [
        ("sigmoid", "poisson", [[0.0], [3.0]], r"at most 1.* targets up to 3; use .*softplus"),
        ("sigmoid", "poisson_deviance", [[0.0], [3.0]], r"poisson_deviance over .*output='exp'"),
        ("sigmoid", "half_mse", [[20.0], [30.0]], r"between 0 and 1, .* output 0 .* 20 and 30"),
        ("tanh", "mae", [[-7.0], [-5.0]], r"between -1 and 1, .* -7 and -5; use output='identity'"),
        ("relu", "quadratic", [[-7.0], [-5.0]], r"between 0 and inf"),
    ],
)
def test_targets_out_of_reach_are_warned_of(output, loss, y, match):
    net = loopbp.Network([1, 1], output=output, loss=loss, seed=0)
    with pytest.warns(UserWarning, match=match):
        net.fit([[0.0], [1.0]], y, epochs=1)


@pytest.mark.parametrize(
    ("output", "loss", "y"),
    [
        ("sigmoid", "half_mse", [[0.2], [1.5]]), ("softplus", "poisson", [[0.0], [9.0]]),
        ("sigmoid", "poisson", [[0.0], [1.0]]), ("identity", "half_mse", [[-1e9], [-1e8]]),
        ("sigmoid", "binary_cross_entropy", [0, 1]), ("exp", "poisson_deviance", [[0.0], [9.0]]),
    ],
)  # fmt: skip
def test_targets_within_reach_are_not(output, loss, y):
    net = loopbp.Network([1, 1], output=output, loss=loss, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.fit([[0.0], [1.0]], y, epochs=1, optimizer=loopbp.SGD(1e-12))
