"""`loopbp.compiled` from Python, from a user's @njit function and from a user's prange."""

import numpy as np
import pytest
from cases import helpers
from numba import njit, prange

import loopbp
from loopbp import compiled

ADAM = loopbp.Adam(0.05).settings


# As a user writes them: no knowledge of the package but its `compiled` functions.
@njit
def train_and_predict(theta, architecture, X, Y, settings):
    losses = compiled.train(theta, architecture, X, Y, settings, 3, 8, 7)
    J, gradient = compiled.loss_and_gradient(theta, architecture, X, Y)
    return losses, J, gradient, compiled.predict(theta, architecture, X)


@njit(parallel=True)
def train_in_parallel(thetas, architecture, X, Y, settings, seeds):
    losses = np.empty(len(thetas))
    for k in prange(len(thetas)):
        losses[k] = compiled.train(thetas[k], architecture, X, Y, settings, 3, 8, seeds[k])[-1]
    return losses


@pytest.fixture(params=helpers.DTYPES)
def problem(request):
    """A network, X and one-hot Y."""
    net = helpers.classifier(dtype=request.param, seed=7, dropout=0.1, l2=0.01)
    X, y = helpers.blobs(20, request.param)
    Y = np.eye(3, dtype=request.param)[y]
    compiled.validate_compiled(net.theta, net.architecture, X, Y)
    return net, X, Y


def test_predict_is_predict_proba(problem):
    net, X, _ = problem
    assert (compiled.predict(net.theta, net.architecture, X) == net.predict_proba(X)).all()


def test_loss_and_gradient_are_those_of_the_network(problem):
    net, X, Y = problem
    J, gradient = compiled.loss_and_gradient(net.theta, net.architecture, X, Y)
    assert_gradient_of(net, X, Y, J, gradient)


def assert_gradient_of(net, X, Y, J, gradient):
    """By passes of their own, for a network's gradient comes from a step of its training."""
    expected, most = net.gradient(X, Y), helpers.TOLERANCE[net.dtype.name]
    assert helpers.relative_difference(J, expected.loss) <= most
    assert helpers.relative_difference(gradient, expected.theta) <= most


@pytest.mark.parametrize("batch_size", [6, 1000])
def test_train_is_fit_bit_for_bit(problem, batch_size):
    net, X, Y = problem
    theta = net.theta.copy()
    losses = compiled.train(theta, net.architecture, X, Y, ADAM, 3, batch_size, net.seed)
    history = net.fit(X, Y, epochs=3, batch_size=batch_size, optimizer=loopbp.Adam(0.05))
    assert (theta == net.theta).all()
    assert losses.tolist() == history.loss


def test_from_a_users_njit_function(problem):
    net, X, Y = problem
    theta = net.theta.copy()
    losses, J, gradient, outputs = train_and_predict(theta, net.architecture, X, Y, ADAM)
    history = net.fit(X, Y, epochs=3, batch_size=8, optimizer=loopbp.Adam(0.05))
    assert losses.tolist() == history.loss
    assert (theta == net.theta).all()
    assert_gradient_of(net, X, Y, J, gradient)
    assert (net.predict_proba(X) == outputs).all()


def each_alone(net, X, Y, seeds):
    thetas = np.repeat(net.theta[None], len(seeds), axis=0)
    losses = [
        compiled.train(theta, net.architecture, X, Y, ADAM, 3, 8, seed)
        for theta, seed in zip(thetas, seeds, strict=True)
    ]
    return thetas, np.array(losses)


SEEDS = np.array([3, 1, 4, 1])


def test_from_a_users_prange(problem):
    net, X, Y = problem
    thetas = np.repeat(net.theta[None], 4, axis=0)
    losses = train_in_parallel(thetas, net.architecture, X, Y, ADAM, SEEDS)
    expected, expected_losses = each_alone(net, X, Y, SEEDS)
    assert (thetas == expected).all()
    assert (losses == expected_losses[:, -1]).all()
    assert (thetas[1] == thetas[3]).all()  # the same seed
    assert (thetas[0] != thetas[1]).any()


def test_train_many_is_train_of_each(problem):
    net, X, Y = problem
    thetas = np.repeat(net.theta[None], 4, axis=0)
    losses = compiled.train_many(thetas, net.architecture, X, Y, ADAM, 3, 8, SEEDS)
    expected, expected_losses = each_alone(net, X, Y, SEEDS)
    assert (thetas == expected).all()
    assert (losses == expected_losses).all()


def test_epochs_one_by_one_carry_the_state(problem):
    net, X, Y = problem
    theta, whole = net.theta.copy(), net.theta.copy()
    workspace = compiled.make_workspace(theta, net.architecture, len(X), 8)
    state = compiled.make_state(theta, ADAM)
    weight = np.ones(len(X), theta.dtype)
    losses = [
        compiled.epoch(theta, net.architecture, X, Y, weight, ADAM, 0.05, state, 3 * number, 7,
                       number, 8, True, workspace)
        for number in range(3)
    ]  # fmt: skip
    assert losses == compiled.train(whole, net.architecture, X, Y, ADAM, 3, 8, 7).tolist()
    assert (theta == whole).all()


def test_divergence_shows_in_the_losses():
    net = loopbp.Network([1, 1], loss="half_mse", seed=0)
    settings = loopbp.SGD(1e200).settings
    with np.errstate(all="ignore"):  # NumPy's scalars warn where nothing is compiled
        losses = compiled.train(net.theta, net.architecture, np.ones((1, 1)), np.ones((1, 1)),
                                settings, 4, 1, 0)  # fmt: skip
    assert not np.isfinite(losses).all()


NET = loopbp.Network([2, 3], seed=0)
GOOD = {"theta": NET.theta, "architecture": NET.architecture, "X": np.ones((4, 2)),
        "Y": np.ones((4, 3))}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("theta", NET.theta.tolist(), TypeError),
        ("theta", NET.theta.astype("float16"), TypeError),
        ("theta", NET.theta[:-1], ValueError),
        ("theta", NET.theta[None], ValueError),
        ("theta", np.full(9, np.nan), ValueError),
        ("theta", np.zeros(18)[::2], ValueError),
        ("architecture", NET, TypeError),
        ("architecture", tuple(NET.architecture), TypeError),
        ("X", np.ones((4, 3)), ValueError),
        ("X", np.ones(2), ValueError),
        ("X", np.ones((0, 2)), ValueError),
        ("X", np.full((4, 2), np.inf), ValueError),
        ("X", np.ones((4, 2), "float32"), TypeError),
        ("X", np.ones((4, 2), int), TypeError),
        ("X", [[1.0, 1.0]] * 4, TypeError),
        ("X", np.ones((2, 4)).T, ValueError),
        ("X", np.ones((4, 4))[:, ::2], ValueError),
        ("Y", np.ones((4, 2)), ValueError),
        ("Y", np.ones((3, 3)), ValueError),
        ("Y", np.zeros(4, int), TypeError),
        ("Y", np.full((4, 3), np.nan), ValueError),
        ("Y", np.ones((3, 4)).T, ValueError),
    ],
)
def test_validate_compiled_names_what_is_wrong(name, value, error):
    loopbp.validate_compiled(**GOOD)
    with pytest.raises(error, match=f"^{name}: "):
        loopbp.validate_compiled(**{**GOOD, name: value})


@pytest.mark.parametrize("name", ["theta", "X", "Y"])
def test_validate_compiled_takes_what_is_read_only(name):
    frozen = np.frombuffer(GOOD[name].tobytes()).reshape(GOOD[name].shape)
    loopbp.validate_compiled(**{**GOOD, name: frozen})


@pytest.mark.parametrize("name", compiled.__all__)
def test_everything_named_is_there_and_documented(name):
    assert getattr(compiled, name).__doc__


@helpers.needs_jit
@pytest.mark.parametrize(
    ("sizes", "batch_size", "optimizer"),
    [([4, 10, 3], 4, loopbp.SGD(0.05)), ([64, 32, 10], 32, loopbp.Adam()),
     ([64] * 6, 64, loopbp.SGD(0.05))],
    ids=["in registers", "by first units", "deep"],
)  # fmt: skip
def test_fit_train_and_train_many_find_the_same_bits(sizes, batch_size, optimizer):
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((70, sizes[0])), np.eye(sizes[-1])[rng.integers(0, sizes[-1], 70)]
    nets = [loopbp.Network(sizes, dtype="float32", seed=seed) for seed in (3, 4)]
    x, y, architecture = X.astype("float32"), Y.astype("float32"), nets[0].architecture
    theta, thetas = nets[0].theta.copy(), np.stack([net.theta for net in nets])
    told = [net.fit(x, y, epochs=4, batch_size=batch_size, optimizer=optimizer) for net in nets]
    rest = architecture, x, y, optimizer.settings, 4, batch_size
    losses = compiled.train(theta, *rest, 3)
    many = compiled.train_many(thetas, *rest, np.array([3, 4]))
    assert (theta == nets[0].theta).all()
    assert losses.tolist() == told[0].loss
    assert (thetas == np.stack([net.theta for net in nets])).all()
    assert many.tolist() == [history.loss for history in told]
    assert (thetas[0] != thetas[1]).any(), "another seed finds others"
