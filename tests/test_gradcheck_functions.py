"""`check_gradient_function`: right pairs of functions pass, planted faults are named."""

import math
import warnings

import numpy as np
import pytest

from loopbp.gradcheck import check_gradient_function

M = 7


def names(report):
    return {cause.name for cause in report.causes}


A = np.random.default_rng(5).standard_normal((6, 6))
START = np.random.default_rng(6).standard_normal(12)
BLOCKS = {"W": (3, 3), "b": 3}


def quadratic(theta):
    """Linear regression, W (3, 3), b (3,), on 6 examples, with a penalty 0.5 sum W**2 / 4."""
    w, b = theta[:9].reshape(3, 3), theta[9:]
    error = A[:, :3] @ w.T + b - A[:, 3:]
    return (error**2).sum() / 12 + 0.125 * (w**2).sum()


def quadratic_gradient(theta, penalty=0.25, on_biases=0.0):
    w, b = theta[:9].reshape(3, 3), theta[9:]
    error = A[:, :3] @ w.T + b - A[:, 3:]
    dw = error.T @ A[:, :3] / 6 + penalty * w
    return np.concatenate([dw.ravel(), error.mean(axis=0) + on_biases * b])


def turned(theta):
    g = quadratic_gradient(theta)
    return np.concatenate([g[:9].reshape(3, 3).T.ravel(), g[9:]])


HINTS = {"blocks": BLOCKS, "m": 6, "n_outputs": 3, "l2": 0.25}


@pytest.mark.parametrize("options", [{}, HINTS, {"complex_step": True}, {"sample": 4}])
def test_functions_that_fit_pass(options):
    report = check_gradient_function(quadratic, quadratic_gradient, START, **options)
    assert report.ok, str(report)
    assert report.max_relative_error <= 1e-7


@pytest.mark.parametrize(
    ("gradient", "cause"),
    [
        (lambda t: 6 * quadratic_gradient(t), "m"),
        (lambda t: quadratic_gradient(t) / 3, "n_outputs"),
        (lambda t: 2 * quadratic_gradient(t), "two"),
        (lambda t: -quadratic_gradient(t), "sign"),
        (lambda t: 1.7 * quadratic_gradient(t), "factor"),
        (lambda t: quadratic_gradient(t, penalty=0.0), "l2_missing"),
        (lambda t: quadratic_gradient(t, on_biases=0.25), "l2_on_biases"),
        (lambda t: quadratic_gradient(t, penalty=0.5), "l2_factor"),
        (lambda t: quadratic_gradient(t) * np.repeat([1, 0], [9, 3]), "bias_zero"),
        (lambda t: quadratic_gradient(t) * np.repeat([0, 1], [9, 3]), "zero"),
        (turned, "transposed"),
    ],
)
def test_planted_faults_of_functions_are_named(gradient, cause):
    report = check_gradient_function(quadratic, gradient, START, **HINTS)
    assert not report.ok
    assert names(report) == {cause}, str(report)


def test_causes_that_cannot_be_told_apart_are_all_named():
    report = check_gradient_function(
        quadratic, lambda t: 2 * quadratic_gradient(t), START, m=2, n_outputs=2
    )
    assert names(report) == {"m", "n_outputs", "two"}


def test_kinks_of_functions_are_met_with_smaller_steps_or_skipped():
    theta = np.linspace(-1, 1, 31) + 0.003

    def run(point):
        return check_gradient_function(lambda t: np.abs(t).sum() + (t**2).sum(),
                                       lambda t: np.sign(t) + 2 * t, point)  # fmt: skip

    near = run(theta)
    assert near.ok, str(near)
    assert near.skipped == 0
    at = theta.copy()
    at[15] = 1e-9
    report = run(at)
    assert report.skipped == 1
    assert report.ok, str(report)
    assert report.unchecked_because == {"kink": 1}


def test_a_float32_loss_gets_a_tolerance_of_its_own():
    def narrow(theta):
        return quadratic(theta.astype(np.float32))

    report = check_gradient_function(narrow, quadratic_gradient, START.astype(np.float32))
    assert report.ok, str(report)
    assert report.tolerance >= 1e-4
    assert not check_gradient_function(
        narrow, lambda t: 1.05 * quadratic_gradient(t), START.astype(np.float32)
    ).ok


def test_a_gradient_lost_in_rounding_is_not_called_ok():
    report = check_gradient_function(
        lambda t: 1.0 + 1e-16 * t.sum(), lambda t: np.full(t.shape, 3e-16), np.ones(3)
    )
    assert not report.ok
    assert "rounding" in str(report)


def test_scikit_learns_regressor_is_n_outputs_times_its_loss():
    sklearn = pytest.importorskip("sklearn.neural_network", reason="scikit-learn is missing")
    rng = np.random.default_rng(3)
    X, y = rng.standard_normal((M, 4)), rng.random((M, 3))
    model = sklearn.MLPRegressor(
        hidden_layer_sizes=(5,), activation="tanh", alpha=0.0, solver="lbfgs", random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whether it converges does not matter
        model.fit(X, y)
    if not hasattr(model, "_backprop"):
        pytest.skip("this scikit-learn has no MLPRegressor._backprop")
    shapes = [*(c.shape for c in model.coefs_), *(b.shape for b in model.intercepts_)]
    ends = np.cumsum([int(np.prod(s)) for s in shapes])

    def both(theta):
        """Loss and gradient: coefs_ of both layers, then intercepts_."""
        parts = np.split(theta, ends[:-1])
        w1, w2, b1, b2 = (p.reshape(s) for p, s in zip(parts, shapes, strict=True))
        model.coefs_, model.intercepts_ = [w1, w2], [b1, b2]
        layers = [X, np.empty((M, 5)), np.empty((M, 3))]
        empty = [np.empty(0), np.empty(0)]
        try:
            J, dw, db = model._backprop(X, y, None, layers, list(empty), list(empty), list(empty))
        except TypeError:  # before 1.7 without sample_weight
            J, dw, db = model._backprop(X, y, layers, list(empty), list(empty), list(empty))
        return J, np.concatenate([g.ravel() for g in (*dw, *db)])

    theta = np.random.default_rng(0).standard_normal(ends[-1]) * 0.5
    blocks: dict[str, tuple[int, ...]] = dict(zip(["W1", "W2", "b1", "b2"], shapes, strict=True))
    report = check_gradient_function(
        lambda t: both(t)[0], lambda t: both(t)[1], theta, blocks=blocks, m=M, n_outputs=3
    )
    assert not report.ok
    assert names(report) == {"n_outputs"}, str(report)
    assert report.causes[0].blocks == ("W1", "W2", "b1", "b2")


# -- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"theta": np.ones((2, 2))}, ValueError, "theta"),
        ({"theta": []}, ValueError, "theta"),
        ({"theta": [1.0, math.nan]}, ValueError, "theta"),
        ({"theta": ["a"]}, TypeError, "theta"),
        ({"loss": 3.0}, TypeError, "loss"),
        ({"loss": lambda t: t}, TypeError, "loss"),
        ({"loss": lambda t: math.nan}, ValueError, "loss"),
        ({"gradient": None}, TypeError, "gradient"),
        ({"blocks": [(3, 3), 3]}, TypeError, "blocks"),
        ({"blocks": {"W": (3, 3)}}, ValueError, "blocks"),
        ({"blocks": {"W": (3, 0)}}, ValueError, "blocks"),
        ({"m": 0}, ValueError, "m"),
        ({"n_outputs": 1.5}, TypeError, "n_outputs"),
        ({"l2": -1.0}, ValueError, "l2"),
        ({"tolerance": 2.0}, ValueError, "tolerance"),
    ],
)
def test_bad_arguments_of_check_gradient_function(changes, error, message):
    arguments = {"loss": quadratic, "gradient": quadratic_gradient, "theta": START, **changes}
    with pytest.raises(error, match=rf"^{message}\b"):
        check_gradient_function(**arguments)


def test_losses_that_cannot_be_checked_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"^loss.*random"):
        check_gradient_function(lambda t: rng.random(), quadratic_gradient, START)
    with pytest.raises(ValueError, match=r"^complex_step.*analytic"):
        check_gradient_function(
            lambda t: (np.abs(t) ** 2).sum(), lambda t: 2 * t, START, complex_step=True
        )
