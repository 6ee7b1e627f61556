"""Losses: values worked out by hand, delta^L against differences, stability, L2 and weights."""

import math

import numpy as np
import pytest
from cases import helpers
from cases.helpers import REFERENCE, each_engine, each_pair

import loopbp
from loopbp import activations, losses
from loopbp.catalogue import LOSSES


def value_and_delta(engine, output, loss, z, y):
    z, y = (np.atleast_2d(np.asarray(array, float)) for array in (z, y))
    codes = losses.CODES[loss], activations.CODES[output]
    a, weight = np.empty_like(z), np.ones(len(z))
    engine.kernels.activation(codes[1], 0, z, a)
    case = (*codes, z, a, y, weight), weight
    c = helpers.run_kernel(engine.kernels.example_losses, case)
    case = (*codes, 0, z, a, y, weight), z
    return c, helpers.run_kernel(engine.kernels.output_delta, case)


# Two outputs a = (1/2, 2) or, as probabilities, (1/4, 3/4): a mean over outputs has the 1/2.
@each_engine
@pytest.mark.parametrize(
    ("output", "loss", "z", "y", "expected"),
    [
        # errors -1/2 and 2: squares 1/4 and 4
        ("identity", "half_mse", [0.5, 2.0], [1.0, 0.0], (0.25 + 4) / 4),
        ("identity", "quadratic", [0.5, 2.0], [1.0, 0.0], (0.25 + 4) / 2),
        ("identity", "mae", [0.5, 2.0], [1.0, 0.0], (0.5 + 2) / 2),
        # inside: e**2/2 = 1/8; outside: 2 - 1/2
        ("identity", "huber", [0.5, 2.0], [1.0, 0.0], (0.125 + 1.5) / 2),
        # sigmoid(-log 3) = 1/4, sigmoid(log 3) = 3/4
        ("sigmoid", "binary_cross_entropy", [-math.log(3), math.log(3)], [1.0, 1.0],
         -math.log(1 / 4) - math.log(3 / 4)),
        ("sigmoid", "cross_entropy", [-math.log(3), math.log(3)], [1.0, 1.0],
         -math.log(1 / 4) - math.log(3 / 4)),
        ("softmax", "cross_entropy", [0.0, math.log(3)], [1.0, 0.0], -math.log(1 / 4)),
        # softplus(log(e - 1)) = log(1 + e - 1) = 1: a - y log a = 1 in both
        ("softplus", "poisson", [math.log(math.e - 1)] * 2, [2.0, 5.0], (1 + 1) / 2),
        # a = (1, 2): 1 - 0 and 2 - 0, or 1 - 2 + 2 log 2 and 2 - 0 + 0
        ("exp", "poisson", [0.0, math.log(2)], [2.0, 0.0], (1 + 2) / 2),
        ("exp", "poisson_deviance", [0.0, math.log(2)], [2.0, 0.0], 1 + 2 * math.log(2)),
        ("identity", "log_cosh", [0.5, 2.0], [1.0, 0.0],
         (math.log(math.cosh(0.5)) + math.log(math.cosh(2.0))) / 2),
    ],
)  # fmt: skip
def test_value_by_hand(engine, output, loss, z, y, expected):
    c, _ = value_and_delta(engine, output, loss, z, y)
    assert c == pytest.approx([expected], rel=1e-14)


@each_engine
@each_pair
def test_delta_is_the_central_difference_of_the_loss(engine, output, loss):
    n = 3
    z = np.random.default_rng(1).standard_normal((4, n))
    if output == "relu":
        z = np.abs(z) + 0.1
    y = helpers.targets_for(output, loss, 4, n)
    if loss == "mae":
        y += 0.01  # off the kink at a = y of elu and relu
    _, delta = value_and_delta(engine, output, loss, z, y)
    h = 1e-6
    for i in range(n):
        moved = h * (np.arange(n) == i)
        above, below = (value_and_delta(engine, output, loss, z + s * moved, y)[0] for s in (1, -1))
        assert delta[:, i] == pytest.approx((above - below) / (2 * h), rel=1e-6, abs=1e-8)


def test_one_softmax_delta_through_the_jacobian_by_hand():
    # a = (1/4, 3/4), y = (0, 0), quadratic: g = a, sum_k a_k g_k = 1/16 + 9/16 = 5/8
    # delta_1 = 1/4 (1/4 - 5/8) = -3/32, delta_2 = 3/4 (3/4 - 5/8) = 3/32
    _, delta = value_and_delta(REFERENCE, "softmax", "quadratic", [0.0, math.log(3)], [0.0, 0.0])
    assert delta == pytest.approx(np.array([[-3 / 32, 3 / 32]]))


@each_engine
@pytest.mark.parametrize(
    ("output", "loss", "z", "y", "c", "delta"),
    [
        # sigmoid(800) = 1: C = log(1 + exp 800) - 0, not -log(0)
        ("sigmoid", "binary_cross_entropy", [800.0], [0.0], 800.0, [1.0]),
        ("sigmoid", "binary_cross_entropy", [-800.0], [1.0], 800.0, [-1.0]),
        ("sigmoid", "binary_cross_entropy", [800.0], [1.0], 0.0, [0.0]),
        ("softmax", "cross_entropy", [800.0, -800.0], [0.0, 1.0], 1600.0, [1.0, -1.0]),
        ("softmax", "cross_entropy", [800.0, -800.0], [1.0, 0.0], 0.0, [0.0, 0.0]),
        # exp(-800) = 0: C = 0 - y z + y log y - y
        ("exp", "poisson_deviance", [-800.0], [1.0], 799.0, [-1.0]),
        ("exp", "poisson_deviance", [-800.0], [0.0], 0.0, [0.0]),
        ("exp", "poisson_deviance", [800.0], [1.0], math.inf, [math.inf]),
    ],
)
def test_canonical_pairs_where_a_reaches_0_and_1(engine, output, loss, z, y, c, delta):
    found_c, found_delta = value_and_delta(engine, output, loss, z, y)
    assert found_c == pytest.approx([c])
    assert found_delta[0] == pytest.approx(delta)


@each_engine
@each_pair
@pytest.mark.parametrize("dtype", helpers.DTYPES)
def test_no_pair_becomes_nan_or_infinite_at_1e4(engine, output, loss, dtype):
    z = np.array([[1e4, -1e4], [-1e4, 0.0], [-1e4, -1e4]], dtype)
    z = helpers.within_reach(output, z)
    y = np.array([[0, 1], [1, 0], [1, 0]], dtype)
    codes = losses.CODES[loss], activations.CODES[output]
    a = np.empty_like(z)
    engine.kernels.activation(codes[1], 0, z, a)
    delta, c, weight = np.empty_like(z), np.empty(3), np.ones(3, dtype)
    engine.kernels.example_losses(*codes, z, a, y, weight, c)
    engine.kernels.output_delta(*codes, 0, z, a, y, weight, delta)
    assert np.isfinite(c).all()
    assert np.isfinite(delta).all()


@each_engine
@pytest.mark.parametrize("n", [1, 3])
def test_poisson_deviance_is_that_of_scikit_learn(engine, n):
    base = pytest.importorskip("sklearn.neural_network._base", reason="scikit-learn is missing")
    if not hasattr(base, "poisson_loss"):
        pytest.skip("this scikit-learn has no poisson_loss")
    rng = np.random.default_rng(n)
    z, y = rng.standard_normal((20, n)), rng.poisson(2.0, (20, n)).astype(float)
    c, _ = value_and_delta(engine, "exp", "poisson_deviance", z, y)
    assert (y == 0).any()
    assert c.mean() == pytest.approx(base.poisson_loss(y, np.exp(z)), rel=1e-13)


@pytest.mark.parametrize("loss", losses.NAMES)
def test_usual_output_fits(loss):
    assert LOSSES[loss].usual_output in LOSSES[loss].outputs


# -- the cost -------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["numpy", "loops"])
def test_l2_adds_half_lambda_w_squared_and_leaves_biases(engine):
    X, Y = np.ones((2, 1)), np.zeros((2, 1))
    plain, decayed = (helpers.network([1, 2, 1], l2=l2) for l2 in (0.0, 0.5))
    for net in (plain, decayed):
        net.weights[0][:] = [[3.0], [0.0]]
        net.weights[1][:] = [[0.0, 4.0]]
    more = decayed.loss(X, Y, engine=engine) - plain.loss(X, Y, engine=engine)
    assert more == pytest.approx(0.25 * (9 + 16))  # lambda / 2 = 1/4
    g, g_plain = (net.gradient(X, Y, engine=engine) for net in (decayed, plain))
    assert g.loss == pytest.approx(decayed.loss(X, Y))
    for l in range(2):
        assert g.weights[l] - g_plain.weights[l] == pytest.approx(0.5 * decayed.weights[l])
        assert (g.biases[l] == g_plain.biases[l]).all()


@pytest.mark.parametrize("engine", ["numpy", "loops"])
@pytest.mark.parametrize(
    ("weight", "rows"),
    [
        ([1, 2, 1], [0, 1, 1, 2]),  # a weight of 2 is the example twice
        ([3, 0, 3], [0, 2]),  # a weight of 0 is the example left out
    ],
)
def test_sample_weights_are_repetitions(engine, weight, rows):
    net = helpers.network([2, 3, 2], output="softmax", loss="cross_entropy")
    X, y = np.random.default_rng(0).standard_normal((3, 2)), np.array([0, 1, 1])
    weighted = net.gradient(X, y, sample_weight=weight, engine=engine)
    repeated = net.gradient(X[rows], y[rows], engine=engine)
    assert weighted.loss == pytest.approx(repeated.loss)
    assert weighted.theta == pytest.approx(repeated.theta)
    assert net.loss(X, y, sample_weight=weight, engine=engine) == pytest.approx(repeated.loss)


def test_sample_weights_in_a_full_batch_train_as_repetitions_do():
    X, y = helpers.blobs(9)
    weight = np.where(y == 1, 2.0, 1.0)
    weighted, repeated = helpers.classifier(), helpers.classifier()
    weighted.fit(X, y, epochs=3, batch_size=99, sample_weight=weight)
    rows = np.concatenate([np.arange(9), np.flatnonzero(y == 1)])
    repeated.fit(X[rows], y[rows], epochs=3, batch_size=99)
    assert weighted.theta == pytest.approx(repeated.theta)


def test_deltas_are_without_1_m_and_gradients_with_it():
    net = helpers.network([2, 3, 1])
    X, Y = np.random.default_rng(0).standard_normal((4, 2)), np.ones((4, 1))
    g = net.gradient(X, Y)
    one_by_one = [net.gradient(X[[t]], Y[[t]]) for t in range(4)]
    for l in range(2):
        assert g.deltas[l] == pytest.approx(np.vstack([g_t.deltas[l] for g_t in one_by_one]))
        assert g.biases[l] == pytest.approx(g.deltas[l].mean(axis=0))
    assert g.theta == pytest.approx(np.mean([g_t.theta for g_t in one_by_one], axis=0))


@pytest.mark.parametrize("loss", losses.NAMES)
def test_loss_alone_gives_its_usual_output(loss):
    assert loopbp.Network([2, 3], loss=loss, seed=0).output == LOSSES[loss].usual_output
