"""Forward mode and the reversed network: both equal the backward pass."""

from typing import Any

import numpy as np
import pytest
from cases import helpers

import loopbp
from loopbp import loops, reference
from loopbp.jit.sources import plain
from loopbp.study import (
    ReversedNetwork,
    forward_mode_gradient,
    measure_modes,
    plot_modes,
)
from loopbp.study import forward_mode as kernels
from loopbp.study.mode_costs import ModeCost


def case(output, loss, hidden: Any = "tanh", sizes=(4, 3, 5, 2), m=6, l2=0.2, seed=0):
    net = loopbp.Network(sizes, hidden=hidden, output=output, loss=loss, l2=l2, seed=seed)
    net.theta[:] = np.random.default_rng(seed).standard_normal(net.theta.size)
    X = np.random.default_rng(seed + 1).standard_normal((m, sizes[0]))
    return net, X, helpers.targets_for(output, loss, m, sizes[-1])


@helpers.each_pair
@pytest.mark.parametrize("engine", ["loops", "numpy"])
def test_forward_mode_is_the_gradient(output, loss, engine):
    net, X, y = case(output, loss)
    weight = np.arange(1.0, 7.0)
    found = forward_mode_gradient(net, X, y, sample_weight=weight, engine=engine)
    expected = net.gradient(X, y, sample_weight=weight, engine="numpy").theta
    assert helpers.relative_difference(found, expected) < 1e-12


@pytest.mark.parametrize("name", helpers.HIDDEN)
@pytest.mark.parametrize("sizes", [(3, 2), (1, 1, 1), (2, 7, 4, 3, 2)])
def test_forward_mode_of_every_activation_and_depth(name, sizes):
    net, X, y = case("identity", "half_mse", name, sizes)
    if name == "exp":  # of exp of exp is no number for long
        net.theta[:] *= 0.2
    expected = net.gradient(X, y, engine="loops").theta
    for engine in ("loops", "numpy"):
        found = forward_mode_gradient(net, X, y, engine=engine)
        assert helpers.relative_difference(found, expected) < 1e-12


def test_forward_mode_of_a_users_own_activation(registry):
    own = loopbp.register_activation(
        "softsign_forward", lambda z: z / (1.0 + abs(z)), lambda z: 1.0 / (1.0 + abs(z)) ** 2
    )
    net, X, y = case("identity", "half_mse", own)
    for engine in ("loops", "numpy"):
        found = forward_mode_gradient(net, X, y, engine=engine)
        assert helpers.relative_difference(found, net.gradient(X, y).theta) < 1e-12


def test_saturated_outputs_lose_nothing():
    net, X, y = case("softmax", "cross_entropy", sizes=(2, 3))
    net.theta[:] *= 500
    found, expected = forward_mode_gradient(net, X, y), net.gradient(X, y).theta
    assert np.isfinite(found).all()
    assert helpers.relative_difference(found, expected) < 1e-12


def test_forward_mode_checks_its_input():
    net, X, y = case("softmax", "cross_entropy")
    with pytest.raises(ValueError, match="engine: expected one of loops, numpy, got 'tiled'"):
        forward_mode_gradient(net, X, y, engine="tiled")
    with pytest.raises(ValueError, match="X: expected shape"):
        forward_mode_gradient(net, X[:, 1:], y)
    net.theta[0] = np.inf
    with pytest.raises(ValueError, match="net: expected finite parameters, got inf"):
        forward_mode_gradient(net, X, y)


TANGENTS = ("weighted_input_tangent", "activation_tangent", "cost_tangent", "start_tangent")


@pytest.mark.parametrize("name", TANGENTS)
def test_wrong_tangent_is_found(monkeypatch, name):
    """A mutant of each kernel, run as Python: the result is no longer the gradient."""
    right = plain(getattr(kernels, name))

    def wrong(*arguments):
        result = right(*map(plain, arguments))
        if result is not None:
            return 1.01 * result
        arguments[-1][...] *= 1.01
        return None

    for function in (*TANGENTS, "forward_mode_pass", "forward_mode"):
        monkeypatch.setattr(kernels, function, plain(getattr(kernels, function)))
    net, X, y = case("tanh", "half_mse")
    expected = net.gradient(X, y, engine="numpy").theta
    assert helpers.relative_difference(forward_mode_gradient(net, X, y), expected) < 1e-12
    monkeypatch.setattr(kernels, name, wrong)
    assert helpers.relative_difference(forward_mode_gradient(net, X, y), expected) > 1e-3


def test_one_pass_gives_one_number_alone():
    """The pass of one parameter knows nothing of the others."""
    net, X, y = case("tanh", "half_mse", l2=0.0)
    from loopbp.study.batch import Batch

    batch = Batch(net, X, y)
    z, a = (np.concatenate([v.ravel() for v in layers[1:]])
            for layers in (batch.numpy.z, batch.numpy.a))  # fmt: skip
    slope = batch.numpy.delta[batch.L]
    spare = np.full_like(z, np.nan), np.full_like(z, np.nan)
    found = kernels.forward_mode_pass(
        batch.theta, batch.architecture, batch.X, z, a, slope, 2, 4, 1, *spare
    )
    assert found == pytest.approx(batch.numpy.dw[2][4, 1], rel=1e-12)


# -- costs ----------------------------------------------------------------------------------------


def test_costs_are_measured_by_width():
    costs = measure_modes([1, 3], examples=2, repeats=1)
    assert [cost.parameters for cost in costs] == [8 + 1 + 2 + 8, 27 + 12 + 16]
    for cost in costs:
        assert cost.forward_seconds > 0
        assert cost.ratio == cost.forward_seconds / cost.reverse_seconds


@pytest.mark.parametrize("wrong", [{"widths": [0]}, {"examples": 0}, {"repeats": 0}])
def test_costs_check_their_input(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: expected a whole number"):
        measure_modes(**wrong)


def test_costs_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    plot_modes([ModeCost(10, 1e-3, 1e-4), ModeCost(100, 1e-1, 1e-3)], tmp_path / "modes.png")
    assert (tmp_path / "modes.png").read_bytes().startswith(b"\x89PNG")


def test_missing_matplotlib_is_one_line(monkeypatch, tmp_path):
    from loopbp.study import mode_costs

    monkeypatch.setattr(mode_costs, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"needs Matplotlib: pip install 'loopbp\[plot\]'"):
        plot_modes([ModeCost(10, 1e-3, 1e-4)], tmp_path / "modes.png")


# -- the reversed network -------------------------------------------------------------------------


@helpers.each_pair
def test_reversed_network_gives_every_delta(output, loss):
    net, X, y = case(output, loss, hidden=["gelu", "relu"])
    weight = np.arange(1.0, 7.0)
    found = ReversedNetwork(net, X, y, sample_weight=weight)()
    expected = net.gradient(X, y, sample_weight=weight, engine="numpy").deltas
    assert len(found) == len(expected)
    for one, other in zip(found, expected[::-1], strict=True):
        assert helpers.relative_difference(one, other) < 1e-12


def test_its_neurons_are_those_of_the_seed():
    """Weights w^{l+1}_ni, the constant gain sigma'(z^l_i), and delta^{l+1} as input."""
    net, X, y = case("tanh", "half_mse")
    back = ReversedNetwork(net, X, y)
    assert back.sizes == (2, 5, 3)
    assert [layer.l for layer in back.layers] == [2, 1]
    g = net.gradient(X, y)
    for layer in back.layers:
        assert np.array_equal(layer.weights, net.weights[layer.l].T)
        prime = 1 - np.tanh(g.weighted_inputs[layer.l - 1]) ** 2
        assert layer.gain == pytest.approx(prime, rel=1e-12)
        assert layer(g.deltas[layer.l]) == pytest.approx(g.deltas[layer.l - 1], rel=1e-12)


def test_it_is_linear():
    """Each neuron multiplies by a constant, so twice the input is twice the output."""
    net, X, y = case("tanh", "half_mse")
    back = ReversedNetwork(net, X, y)
    delta = np.random.default_rng(5).standard_normal(back.output_delta.shape)
    for one, other in zip(back(delta), back(-3 * delta), strict=True):
        assert other == pytest.approx(-3 * one, rel=1e-12)


def test_it_runs_the_forward_loop(monkeypatch):
    """A mutant of the forward loop shows in the deltas."""
    from types import SimpleNamespace

    from loopbp.study import reversed_network

    net, X, y = case("tanh", "half_mse")
    back = ReversedNetwork(net, X, y)
    assert reversed_network.loops_engine(False).kernels.weighted_input.__name__ == (
        plain(loops.weighted_input).__name__
    )

    def wrong(w, b, a_prev, out_z):
        reference.weighted_input(2 * w, b, a_prev, out_z)

    engine = SimpleNamespace(kernels=SimpleNamespace(weighted_input=wrong))
    monkeypatch.setattr(reversed_network, "loops_engine", lambda parallel: engine)
    assert back()[1] == pytest.approx(2 * net.gradient(X, y).deltas[1], rel=1e-12)


def test_network_without_hidden_layers_has_no_reverse_layers():
    net, X, y = case("identity", "half_mse", sizes=(3, 2))
    back = ReversedNetwork(net, X, y)
    assert back.layers == ()
    assert np.array_equal(back()[0], back.output_delta)


def test_reversed_network_checks_its_input():
    net, X, y = case("tanh", "half_mse")
    back = ReversedNetwork(net, X, y)
    with pytest.raises(ValueError, match=r"delta: expected shape \(examples, 2\)"):
        back(np.zeros((6, 3)))
    with pytest.raises(ValueError, match="delta: expected a row for each of 6 examples, got 5"):
        back(np.zeros((5, 2)))
