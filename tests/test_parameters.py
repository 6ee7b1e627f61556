"""theta and its views, the layout, initialisers."""

import math

import numpy as np
import pytest
from cases import helpers

import loopbp
from loopbp.catalogue import INITIALIZERS


def test_theta_holds_layer_after_layer_weights_by_row_then_biases():
    net = loopbp.Network([2, 3, 1], seed=0)
    net.theta = np.arange(13.0)
    assert net.weights[0].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert net.biases[0].tolist() == [6, 7, 8]
    assert net.weights[1].tolist() == [[9, 10, 11]]
    assert net.biases[1].tolist() == [12]


def test_views_write_into_theta():
    net = loopbp.Network([2, 3, 1], seed=0)
    net.weights[1][0, 2] = 42.0
    net.biases[0][1] = 43.0
    assert (net.theta[11], net.theta[7]) == (42.0, 43.0)
    assert all(np.shares_memory(v, net.theta) for v in (*net.weights, *net.biases))


def test_setting_theta_copies_into_the_same_memory():
    net = loopbp.Network([2, 1], seed=0)
    view, new = net.weights[0], np.ones(3)
    net.theta = new
    assert view.tolist() == [[1, 1]]
    assert not np.shares_memory(new, net.theta)


def test_architecture_counts_from_the_equations():
    architecture = loopbp.Network([4, 3, 2], seed=0).architecture
    assert architecture.sizes.tolist() == [4, 3, 2]
    assert architecture.w_start.tolist() == [0, 0, 15]  # 3 * 4 weights and 3 biases before
    assert architecture.b_start.tolist() == [0, 12, 21]
    assert architecture.unit_start.tolist() == [0, 0, 3]


N_IN, N_OUT = 100, 60
# name: variance of a weight; uniform ones are bounded by sqrt(3 variance)
VARIANCE = {
    "glorot_uniform": 2 / (N_IN + N_OUT), "glorot_normal": 2 / (N_IN + N_OUT),
    "he_uniform": 2 / N_IN, "he_normal": 2 / N_IN,
    "lecun_uniform": 1 / N_IN, "lecun_normal": 1 / N_IN,
    "normal": 1.0, "scaled_normal": 1 / N_IN, "zeros": 0.0,
}  # fmt: skip


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initializer_has_its_mean_and_variance(name):
    net = loopbp.Network([N_IN, N_OUT], output="identity", initializer=name, seed=1)
    w, b = net.weights[0], net.biases[0]
    # 6000 draws: 5 standard errors of the variance are at most 5 sqrt(2 / 6000) = 0.09
    assert w.var() == pytest.approx(VARIANCE[name], rel=0.09)
    assert abs(w.mean()) <= 5 * math.sqrt(VARIANCE[name] / w.size)
    if name.endswith("uniform"):
        assert np.abs(w).max() <= math.sqrt(3 * VARIANCE[name])
    elif name != "zeros":
        assert np.abs(w).max() > math.sqrt(3 * VARIANCE[name])
    if name in ("normal", "scaled_normal"):
        assert 0.5 < b.std() < 1.5
        assert not np.isin(b, w).any()
    else:
        assert not b.any()


def test_default_initializer_follows_the_activation_of_each_layer():
    net = loopbp.Network([2, 3, 3, 1], hidden=["relu", "tanh"], output="sigmoid", seed=0)
    assert net.initializer == ("he_uniform", "glorot_uniform", "glorot_uniform")


def test_seed_decides_theta_and_layers_draw_apart():
    first, again, other = (loopbp.Network([3, 3, 3], "tanh", seed=s) for s in (1, 1, 2))
    assert (first.theta == again.theta).all()
    assert not np.isin(first.weights[0], other.weights[0]).any()
    assert not np.isin(first.weights[0], first.weights[1]).any()


def test_no_seed_is_another_one_each_time():
    assert loopbp.Network([2, 1]).seed != loopbp.Network([2, 1]).seed


@pytest.mark.parametrize("dtype", helpers.DTYPES)
def test_dtype_of_everything(dtype):
    net = helpers.classifier(dtype=dtype)
    X, y = helpers.blobs(6)
    g = net.gradient(X, y)
    arrays = (net.theta, g.theta, *g.deltas, *g.activations, *net.weights, net.predict_proba(X))
    assert {str(array.dtype) for array in arrays} == {dtype}


def test_float32_theta_is_float64_theta_rounded():
    wide, narrow = (loopbp.Network([5, 4], seed=3, dtype=d) for d in ("float64", "float32"))
    assert (wide.theta.astype("float32") == narrow.theta).all()
