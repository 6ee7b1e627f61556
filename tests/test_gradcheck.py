"""The gradient checker: right gradients pass, every named cause is caught and named."""

import json
import math
from typing import Any

import numpy as np
import pytest

import loopbp
from loopbp.catalogue import ACTIVATIONS, LOSSES
from loopbp.gradcheck import CAUSES, check_gradient

SMOOTH = sorted(name for name, row in ACTIVATIONS.items() if row.elementwise and not row.corner)
SMOOTH_LOSSES = sorted(name for name, row in LOSSES.items() if not row.corner)
SMOOTH_PAIRS = [
    (output, loss)
    for loss in SMOOTH_LOSSES
    for output in sorted({*SMOOTH, "softmax"} & set(LOSSES[loss].outputs))
]
# Layers 2 and 3 are square, m = 7 and n_L = 3 are told apart from 2 and from each other.
SIZES, M = (4, 5, 5, 3), 7


def network(
    hidden: Any = "tanh", output="identity", loss="half_mse", sizes=SIZES, spread=0.6, **options
):
    net = loopbp.Network(sizes, hidden=hidden, output=output, loss=loss, seed=1, **options)
    net.theta[:] = np.random.default_rng(2).standard_normal(net.theta.size) * spread
    return net


def examples(n_in=4, n_out=3, m=M):
    rng = np.random.default_rng(3)
    y = rng.random((m, n_out))
    return rng.standard_normal((m, n_in)), y / y.sum(axis=1, keepdims=True)


def names(report):
    return {cause.name for cause in report.causes}


def homework(net, X, Y, fault=""):
    """Backpropagation as a student writes it, tanh hidden, with one fault."""
    m, n_L = Y.shape
    a, L = [X], len(net.weights)
    for w, b in zip(net.weights, net.biases, strict=True):
        z = a[-1] @ w.T + b
        a.append(np.tanh(z) if len(a) < L else z)
    if net.output == "softmax":
        e = np.exp(a[-1] - a[-1].max(axis=1, keepdims=True))
        a[-1] = e / e.sum(axis=1, keepdims=True)
        delta = a[-1] - Y
        if fault == "softmax_cross_terms":
            delta = -Y / a[-1] * a[-1] * (1 - a[-1])
    else:
        delta = (a[-1] - Y) / n_L
    parts = []
    for l in range(L, 0, -1):
        w = net.weights[l - 1]
        dw, db = delta.T @ a[l - 1] / m, delta.mean(axis=0)
        if fault != "l2_missing":
            dw = dw + net.l2 * w
        if fault == "l2_on_biases":
            db = db + net.l2 * net.biases[l - 1]
        if fault == "transposed_dw" and l == 2:
            dw = dw.T
        if fault == "bias_zero":
            db = np.zeros_like(db)
        parts = [dw.ravel(), db, *parts]
        delta = delta @ (w.T if fault == "transposed_w" and l == 2 else w)
        if not (fault == "sigma_prime" or (fault == "sigma_prime_1" and l == 2)):
            delta = delta * (1 - a[l - 1] ** 2)
    return np.concatenate(parts)


@pytest.mark.parametrize(("output", "loss"), SMOOTH_PAIRS)
def test_smooth_pairs_agree_to_1e_7(output, loss):
    X, y = examples(n_in=3, m=3)
    for hidden in SMOOTH:
        net = network(hidden, output, loss, sizes=(3, 4, 3), l2=0.01)
        report = check_gradient(net, X, y, engine="numpy")
        assert report.ok, str(report)
        assert report.max_relative_error <= 1e-7
        assert report.checked == net.theta.size
        assert report.skipped == 0
        assert ("complex" in report.method) == ("gelu" not in (hidden, output))


@pytest.mark.parametrize("hidden", ["relu", "leaky_relu", "elu"])
@pytest.mark.parametrize("loss", ["half_mse", "mae", "huber"])
def test_kinked_networks_agree(hidden, loss):
    X, y = examples()
    report = check_gradient(network(hidden, "identity", loss), X, 3 * y, engine="numpy")
    assert report.ok, str(report)
    assert report.max_relative_error <= 1e-7


@pytest.mark.parametrize("hidden", ["sigmoid", "gelu", "relu"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_loops_engine_agrees(hidden, dtype):
    X, y = examples()
    net = network(hidden, "softmax", "cross_entropy", l2=0.1, dtype=dtype)
    weight = np.arange(1.0, M + 1)
    report = check_gradient(net, X, y, sample_weight=weight, engine="loops")
    assert report.ok, str(report)
    assert report.max_relative_error <= (1e-7 if dtype == "float64" else 1.2e-4)
    assert report.batch_error is not None
    assert report.batch_error <= report.tolerance


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_trained_network_whose_gradient_cancels_passes(dtype):
    X, _ = examples(m=30)
    net = loopbp.Network([4, 6, 1], hidden="tanh", seed=1, dtype=dtype)
    y = (X[:, 0] > X[:, 1]).astype(int)
    net.fit(X, y, epochs=100, batch_size=30, optimizer=loopbp.Adam(0.05), engine="numpy")
    report = check_gradient(net, X, y, engine="numpy")
    assert report.ok, str(report)


def test_a_users_own_activation_is_checked_with_its_derivative():
    X, y = examples()
    good = loopbp.register_activation(
        "gc_good", lambda z: z / (1.0 + z * z), lambda z: (1.0 - z * z) / (1.0 + z * z) ** 2
    )
    bad = loopbp.register_activation(
        "gc_bad", lambda z: z / (1.0 + z * z), lambda z: 1.0 / (1.0 + z * z) ** 2
    )
    assert check_gradient(network(good), X, y, engine="numpy").ok
    assert not check_gradient(network(bad), X, y, engine="numpy").ok


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("hidden", ["tanh", "relu"])
def test_a_factor_of_1_001_is_rejected(hidden, dtype):
    X, y = examples()
    net = network(hidden, dtype=dtype)
    right = net.gradient(X, y, engine="numpy").theta
    assert check_gradient(net, X, y, gradient=lambda theta: right).ok
    report = check_gradient(net, X, y, gradient=lambda theta: 1.001 * right)
    assert not report.ok
    assert names(report) == {"factor"}
    assert "1.001" in str(report)


@pytest.mark.parametrize("output", ["identity", "softmax"])
def test_the_homework_without_a_fault_passes(output):
    X, y = examples()
    loss = "cross_entropy" if output == "softmax" else "half_mse"
    net = network("tanh", output, loss, l2=0.1)
    report = check_gradient(net, X, y, gradient=lambda theta: homework(net, X, y))
    assert report.ok, str(report)


@pytest.mark.parametrize(
    ("fault", "cause", "where"),
    [
        ("sigma_prime", "sigma_prime", "layers 1, 2"),
        ("sigma_prime_1", "sigma_prime", "layer 1"),
        ("transposed_w", "transposed", "layer 2"),
        ("transposed_dw", "transposed", "layer 2 weights"),
        ("bias_zero", "bias_zero", "layer 1 biases, layer 2 biases, layer 3 biases"),
        ("l2_missing", "l2_missing", "layer 1 weights, layer 2 weights, layer 3 weights"),
        ("l2_on_biases", "l2_on_biases", "layer 1 biases, layer 2 biases, layer 3 biases"),
        ("softmax_cross_terms", "softmax_cross_terms", "every block"),
    ],
)
def test_planted_faults_of_a_network_are_named(fault, cause, where):
    X, y = examples()
    output = "softmax" if fault == "softmax_cross_terms" else "identity"
    loss = "cross_entropy" if output == "softmax" else "half_mse"
    net = network("tanh", output, loss, l2=0.1)
    report = check_gradient(net, X, y, gradient=lambda theta: homework(net, X, y, fault))
    assert not report.ok
    assert names(report) == {cause}, str(report)
    assert where in " ".join(str(report).split())


@pytest.mark.parametrize(
    ("factor", "cause"),
    [(M, "m"), (1 / M, "m"), (3, "n_outputs"), (1 / 3, "n_outputs"), (2, "two"), (0.5, "two"),
     (-1, "sign")],
)  # fmt: skip
@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("hidden", ["tanh", "relu"])
def test_planted_factors_are_named(factor, cause, l2, hidden):
    X, y = examples()
    net = network(hidden, l2=l2)
    right = net.gradient(X, y, engine="numpy").theta
    report = check_gradient(net, X, y, gradient=lambda theta: factor * right)
    assert not report.ok
    assert names(report) == {cause}, str(report)
    if l2:  # the data's part alone is wrong, the penalty's right
        without = network(hidden)
        data = without.gradient(X, y, engine="numpy").theta
        report = check_gradient(net, X, y, gradient=lambda theta: factor * data + right - data)
        assert names(report) == {cause}, str(report)


def test_output_sigma_prime_and_l2_factor_are_named():
    X, y = examples()
    net = network("tanh", "sigmoid", "quadratic", l2=0.1)
    # binary cross-entropy's delta^L = a - y has no sigma': taken for the quadratic loss
    wrong = network("tanh", "sigmoid", "binary_cross_entropy", l2=0.1)
    wrong.theta = net.theta
    given = wrong.gradient(X, y, engine="numpy").theta
    report = check_gradient(net, X, y, gradient=lambda theta: given)
    assert names(report) == {"sigma_prime"}
    assert "the output layer" in str(report)
    double = network("tanh", "sigmoid", "quadratic", l2=0.2)
    given = double.gradient(X, y, engine="numpy").theta
    report = check_gradient(net, X, y, gradient=lambda theta: given)
    assert names(report) == {"l2_factor"}


def test_two_faults_at_once_are_both_named():
    X, y = examples()
    net = network()
    wrong = net.gradient(X, y, engine="numpy")
    wrong.weights[0][:] *= -1
    wrong.biases[2][:] = 0
    report = check_gradient(net, X, y, gradient=lambda theta: wrong.theta)
    assert {c.name: c.blocks for c in report.causes} == {
        "sign": ("layer 1 weights",),
        "bias_zero": ("layer 3 biases",),
    }


def test_stale_buffers_are_named():
    X, y = examples()
    net = network()
    right = net.gradient(X, y, engine="numpy").theta
    for start, factor, expected in ((0.0, 1.0, {"stale"}), (1.0, 1.0, {"stale"}),
                                    (0.0, -1.0, {"stale", "sign"})):  # fmt: skip
        buffer = np.full_like(right, start)

        def accumulate(theta, buffer=buffer, factor=factor):
            buffer += factor * right
            return buffer

        report = check_gradient(net, X, y, gradient=accumulate)
        assert not report.ok
        assert names(report) == expected, str(report)


def test_random_and_non_finite_gradients_are_named():
    X, y = examples()
    net = network()
    right = net.gradient(X, y, engine="numpy").theta
    rng = np.random.default_rng(0)
    noisy = check_gradient(net, X, y, gradient=lambda theta: right + rng.random(right.size))
    assert "not_repeatable" in names(noisy)
    assert not noisy.ok
    broken = right.copy()
    broken[3] = math.nan
    report = check_gradient(net, X, y, gradient=lambda theta: broken)
    assert names(report) == {"not_finite"}
    assert "layer 1 weights at [0, 3]" in str(report)
    assert report.max_relative_error == math.inf
    assert json.loads(json.dumps(report.as_dict(), allow_nan=False))["max_relative_error"] is None


def test_unexplained_faults_fail_without_a_cause():
    X, y = examples()
    net = network()
    wrong = net.gradient(X, y, engine="numpy").theta
    wrong[:] += np.random.default_rng(0).random(wrong.size)
    report = check_gradient(net, X, y, gradient=lambda theta: wrong)
    assert not report.ok
    assert report.causes == ()
    assert "WRONG" in str(report)


def test_batch_and_loss_are_checked_against_the_engine(monkeypatch):
    X, y = examples(m=40)  # more examples than parts
    net = network()
    exact = check_gradient(net, X, y, engine="numpy")
    assert exact.batch_error is not None
    assert exact.batch_error <= 1e-10
    right, loss = net.gradient, net.loss

    def wrong_for_batches(*arguments, **options):
        gradient = right(*arguments, **options)
        gradient.theta[:] *= 40
        return gradient

    monkeypatch.setattr(net, "gradient", wrong_for_batches)
    monkeypatch.setattr(net, "loss", lambda *arguments, **options: 2 * loss(*arguments, **options))
    report = check_gradient(net, X, y, engine="numpy")
    assert names(report) == {"m", "batch", "loss"}, str(report)


def test_kinks_are_skipped_and_counted():
    net = network("relu", sizes=(2, 4, 2))
    X, y = np.array([[1.0, 2.0]]), np.array([[0.3, 0.7]])
    net.weights[0][0] = 0.0
    net.biases[0][0] = 1e-9  # closer to its kink than any step: 2 weights and 1 bias
    report = check_gradient(net, X, y, engine="numpy")
    assert report.skipped == 3
    assert report.unchecked_because == {"flat": 5, "kink": 3}  # another unit is dead
    assert report.checked == report.right == net.theta.size - 8
    assert [b.skipped for b in report.blocks] == [2, 1, 0, 0]
    assert "kink" in str(report)
    assert not report.ok  # 3 of 22: too many
    wide = network("relu", sizes=(2, 12, 2))
    wide.weights[0][0] = 0.0
    wide.biases[0][0] = 1e-9
    report = check_gradient(wide, X, y, engine="numpy")
    assert report.skipped == 3
    assert report.ok, str(report)


def test_a_kink_farther_away_is_met_with_a_smaller_step():
    net = network("relu", sizes=(2, 4, 2))
    net.weights[0][0] = 0.0
    net.biases[0][0] = 1e-4
    report = check_gradient(net, [[1.0, 2.0]], [[0.3, 0.7]], engine="numpy")
    assert report.skipped == 0
    assert report.ok


def test_all_at_a_kink_is_not_ok():
    net = network("relu", spread=0.0)
    X, y = examples()
    report = check_gradient(net, X, y, engine="numpy")
    assert not report.ok
    assert report.skipped > 0
    assert "UNCHECKED" in str(report)


def test_samples_and_directions():
    X, y = examples()
    net = network("relu")
    report = check_gradient(net, X, y, engine="numpy", sample=20)
    assert report.ok, str(report)
    assert report.checked < net.theta.size
    assert report.blocks[-1].name == "random directions"
    assert report.blocks[-1].checked == 10
    assert "random sample" in report.method
    assert all(block.checked > 0 for block in report.blocks)
    # one wrong entry that the sample does not see: the directions do
    right = net.gradient(X, y, engine="numpy").theta
    for k in range(0, net.theta.size, 7):
        wrong = right.copy()
        wrong[k] += 0.1
        assert not check_gradient(net, X, y, gradient=lambda theta: wrong, sample=20).ok  # noqa: B023


def test_large_networks_are_sampled():
    net = network("tanh", sizes=(70, 80, 3), spread=0.1)
    X, y = examples(n_in=70, m=2)
    report = check_gradient(net, X, y, engine="numpy")
    assert report.ok, str(report)
    assert 1000 <= report.checked < 1100
    assert report.parameters == net.theta.size


def test_saturated_outputs_are_told():
    X, y = examples()
    net = network("tanh", "sigmoid", "cross_entropy")
    assert "saturated" not in str(check_gradient(net, X, y, engine="numpy"))
    net.biases[-1][:] = -90.0
    assert "saturated" in str(check_gradient(net, X, y, engine="numpy"))
    softmax = network("tanh", "softmax", "binary_cross_entropy")
    softmax.biases[-1][0] = 60.0
    assert "saturated" in str(check_gradient(softmax, X, y, engine="numpy"))


@pytest.mark.parametrize(
    ("output", "loss", "bias"),
    [
        ("softplus", "poisson", -45.0),
        ("softplus", "poisson_deviance", -45.0),
        ("exp", "poisson", -45.0),
        ("exp", "poisson_deviance", -45.0),
        ("exp", "poisson_deviance", -120.0),  # a below float32's smallest, which others are held at
    ],
)
def test_far_negative_outputs_agree(output, loss, bias):
    X, y = examples()
    net = network("tanh", output, loss)
    net.biases[-1][:] = bias
    report = check_gradient(net, X, y, engine="numpy")
    assert report.ok, str(report)


def test_every_cause_has_a_description_and_the_network_is_unchanged():
    X, y = examples()
    net = network()
    before = net.theta.copy()
    check_gradient(net, X, y, engine="numpy")
    np.testing.assert_array_equal(net.theta, before)
    report = check_gradient(net, X, y, gradient=lambda theta: 7 * theta)
    assert names(report) <= set(CAUSES)


def test_text_is_aligned_and_narrow():
    X, y = examples()
    net = network(l2=0.1)
    text = str(check_gradient(net, X, y, gradient=lambda theta: homework(net, X, y, "l2_missing")))
    assert max(len(line) for line in text.splitlines()) <= 100
    table = [line for line in text.splitlines() if line.startswith(("ok ", "BAD"))]
    assert len(table) == 6
    assert len({len(line) for line in table}) == 1
    data = check_gradient(net, X, y, engine="numpy").as_dict()
    assert json.loads(json.dumps(data, allow_nan=False))["ok"] is True


# -- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"engine": "fast"}, ValueError, "engine"),
        ({"tolerance": 0.0}, ValueError, "tolerance"),
        ({"tolerance": "tiny"}, TypeError, "tolerance"),
        ({"sample": 0}, ValueError, "sample"),
        ({"sample": 2.5}, TypeError, "sample"),
        ({"seed": -1}, ValueError, "seed"),
        ({"gradient": 3}, TypeError, "gradient"),
        ({"gradient": lambda theta: theta[:3]}, ValueError, "gradient"),
        ({"gradient": lambda theta: theta * 1j}, TypeError, "gradient"),
        ({"sample_weight": [1.0]}, ValueError, "sample_weight"),
    ],
)
def test_bad_arguments_of_check_gradient(options, error, message):
    X, y = examples()
    with pytest.raises(error, match=f"^{message}"):
        check_gradient(network(), X, y, **{"engine": "numpy", **options})


def test_bad_data_and_networks():
    X, y = examples()
    with pytest.raises(TypeError, match=r"^net.*check_gradient_function"):
        check_gradient(np.sum, X, y)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"^X"):
        check_gradient(network(), X[:, :2], y)
    with pytest.raises(ValueError, match=r"^y"):
        check_gradient(network(), X, y[:2])
    with pytest.raises(ValueError, match=r"^loss: expected a finite"):
        check_gradient(network(), X, y * 1e200, gradient=lambda theta: theta)
