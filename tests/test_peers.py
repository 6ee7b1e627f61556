"""Gradients against JAX's, which knows nothing of these equations."""

import numpy as np
import pytest
from cases import helpers

import loopbp
from loopbp import losses

jax = pytest.importorskip("jax", reason="JAX is not installed (pip install loopbp[peers])")
jnp = jax.numpy

SIGMA = {
    "identity": lambda z: z,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "leaky_relu": lambda z: jax.nn.leaky_relu(z, 0.01),
    "elu": jax.nn.elu,
    "softplus": jax.nn.softplus,
    "gelu": lambda z: jax.nn.gelu(z, approximate=False),
    "silu": jax.nn.silu,
    "mish": jax.nn.mish,
    "softsign": jax.nn.soft_sign,
    "exp": jnp.exp,
    "softmax": lambda z: jax.nn.softmax(z, axis=1),
}
EXAMPLE_LOSS = {
    "half_mse": lambda a, y: ((a - y) ** 2).mean(axis=1) / 2,
    "quadratic": lambda a, y: ((a - y) ** 2).sum(axis=1) / 2,
    "mae": lambda a, y: jnp.abs(a - y).mean(axis=1),
    "huber": lambda a, y: jnp.where(
        jnp.abs(a - y) <= 1, (a - y) ** 2 / 2, jnp.abs(a - y) - 0.5
    ).mean(axis=1),
    "binary_cross_entropy": lambda a, y: -(
        y * jnp.log(a) + (1 - y) * jnp.log(1 - a)
    ).sum(axis=1),
    "cross_entropy": lambda a, y: -(y * jnp.log(a)).sum(axis=1),
    "poisson": lambda a, y: (a - y * jnp.log(a)).mean(axis=1),
    "poisson_deviance": lambda a, y: (
        a - y + jax.scipy.special.xlogy(y, y) - y * jnp.log(a)
    ).sum(axis=1),
    "log_cosh": lambda a, y: jnp.log(jnp.cosh(a - y)).mean(axis=1),
}  # fmt: skip


def jax_cost(net, X, Y, weight):
    """J as a function of all weights and biases."""

    def cost(parameters):
        a = X
        for (w, b), name in zip(parameters, (*net.hidden, net.output), strict=True):
            a = SIGMA[name](a @ w.T + b)
        penalty = sum((w**2).sum() for w, _ in parameters)
        return (weight * EXAMPLE_LOSS[net.loss_name](a, Y)).mean() + net.l2 / 2 * penalty

    return cost


NETWORKS = 300 if helpers.LONG else 50


def random_network(number):
    """Sizes, activations, loss, penalty, weights and data, all drawn."""
    rng = np.random.default_rng(number)
    output, loss = helpers.PAIRS[(number * 37) % len(helpers.PAIRS)]
    sizes = [int(n) for n in rng.integers(1, 9, rng.integers(2, 6))]
    sizes[-1] += output == "softmax"
    drawn = [str(name) for name in rng.choice(helpers.HIDDEN, len(sizes) - 2)]
    hidden = helpers.with_one_exp(drawn, output)
    net = loopbp.Network(sizes, hidden, output, loss, l2=float(rng.choice([0, 0.1])), seed=number)
    net.theta = rng.standard_normal(net.theta.size) / 2
    m = int(rng.integers(1, 12))
    X = rng.standard_normal((m, sizes[0]))
    return net, X, helpers.targets_for(output, loss, m, sizes[-1]), 0.5 + rng.random(m)


@pytest.fixture(autouse=True)
def float64():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


@pytest.mark.once
@pytest.mark.parametrize("number", range(NETWORKS))
def test_gradient_of_a_random_network_equals_jax(number):
    net, X, Y, weight = random_network(number)
    weight /= weight.mean()
    parameters = list(zip(net.weights, net.biases, strict=True))
    J, gradient = jax.jit(jax.value_and_grad(jax_cost(net, X, Y, weight)))(parameters)
    expected = np.concatenate([np.ravel(part) for layer in gradient for part in layer])
    for engine in ("numpy", "loops"):
        g = net.gradient(X, Y, sample_weight=weight, engine=engine)
        assert g.loss == pytest.approx(float(J), rel=1e-10)
        assert helpers.relative_difference(g.theta, expected) <= 1e-10


def test_the_networks_cover_every_loss():
    drawn = {random_network(number)[0].loss_name for number in range(NETWORKS)}
    assert drawn == set(losses.NAMES)
