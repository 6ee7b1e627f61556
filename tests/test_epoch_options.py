"""What an epoch may be asked for: an order, a divisor for each batch, the place of epsilon."""

from typing import Any

import numpy as np
import pytest
from cases import helpers
from cases.helpers import REFERENCE, TRAINING_ENGINES, engine_id, relative_difference
from cases.split import with_groups
from cases.training import OPTIMIZERS, SGD, TOLERANCE, named, regression, train

import loopbp
from loopbp import engines
from loopbp.parameters import make_architecture
from loopbp.random.streams import AS_IT_IS, GIVEN, SHUFFLED
from loopbp.tiled.engine import registers_engine

ENGINES = {engine_id(e): e for e in [REFERENCE, *TRAINING_ENGINES]}
ENGINES["by first units"] = with_groups(2)
each_engine = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
each_dtype = pytest.mark.parametrize("dtype", TOLERANCE)
M, BATCH = 23, 9  # a last batch of 5


def network(dtype: str, l2: float = 0.0, hidden: tuple[int, ...] = (33, 5)) -> loopbp.Network:
    return helpers.network([4, *hidden, 2], "tanh", "identity", "half_mse", dtype=dtype, l2=l2)


def epoch(
    engine: Any, net: Any, architecture: Any, data: Any, optimizer: Any, batch_size: int,
    shuffled: int, order: Any = None, theta: Any = None, step: int = 0, state: Any = None,
) -> tuple[float, Any]:  # fmt: skip
    """The loss of one epoch and the weights after it."""
    X, Y, s = (array.astype(net.dtype) for array in data)
    theta = net.theta.copy() if theta is None else theta
    settings = optimizer.settings
    workspace = engine.make_workspace(theta, architecture, len(X), batch_size)
    if order is not None:
        workspace = workspace._replace(order=order)
    state = engine.make_state(theta, settings) if state is None else state
    loss = engine.epoch(
        theta, architecture, X, Y, s, settings, optimizer.learning_rate, state, step, net.seed, 0,
        batch_size, shuffled, workspace,
    )  # fmt: skip
    return loss, theta


def data_of(weighted: bool) -> tuple[Any, Any, Any]:
    s = np.random.default_rng(3).integers(1, 6, M) if weighted else np.ones(M)
    return *regression(M, 4, 2), s.astype(float)


# -- an order -------------------------------------------------------------------------------------


@each_engine
def test_the_order_that_is_given_is_the_order_of_the_epoch(engine):
    net, data = network("float64"), data_of(False)
    run = (engine, net, net.architecture, data, SGD, BATCH)
    order = np.zeros(M, np.int64)
    loss, theta = epoch(*run, SHUFFLED, order)  # writes the order that it takes
    assert sorted(order) == list(range(M)) != list(order)
    again = epoch(*run, GIVEN, order)
    assert (again[0], again[1].tobytes()) == (loss, theta.tobytes())
    other = epoch(*run, GIVEN, order[::-1].copy())
    assert not np.array_equal(other[1], theta)


@helpers.needs_jit
def test_registers_take_a_given_order_too():
    net = network("float64", hidden=(3,))
    data, order = data_of(False), np.random.default_rng(0).permutation(M)
    found = epoch(registers_engine(16), net, net.architecture, data, SGD, BATCH, GIVEN, order)
    expected = epoch(REFERENCE, net, net.architecture, data, SGD, BATCH, GIVEN, order)
    assert relative_difference(found[1], expected[1]) <= TOLERANCE["float64"]


# -- each batch divided by the sum of its weights -------------------------------------------------


def by_batches(net: Any, alpha: float, data: Any, optimizer: Any) -> tuple[float, Any]:
    """Each batch an epoch of its own, for which divisor and penalty are worked out here."""
    X, Y, s = data
    total, theta = 0.0, net.theta.copy()
    state = np.zeros((2, theta.size), theta.dtype)[: _rows(optimizer)]
    for number, start in enumerate(range(0, M, BATCH)):
        part = slice(start, min(start + BATCH, M))
        m, divisor = part.stop - start, s[part].sum()
        few = X[part], Y[part], s[part] * m / divisor
        architecture = net.architecture._replace(l2=alpha / divisor)
        loss, theta = epoch(
            REFERENCE, net, architecture, few, optimizer, m, AS_IT_IS, None, theta, number, state
        )
        total += m * loss
    return total / M, theta


def _rows(optimizer: Any) -> int:
    return len(REFERENCE.make_state(np.zeros(1), optimizer.settings))


@each_engine
@each_dtype
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=named)
@pytest.mark.parametrize(("weighted", "alpha"), [(True, 0.5), (False, 0.5), (True, 0.0)])
def test_an_epoch_divides_by_the_weights_of_each_batch(engine, dtype, optimizer, weighted, alpha):
    net, data = network(dtype), data_of(weighted)
    architecture = net.architecture._replace(l2=alpha, by_weight=True)
    found = epoch(engine, net, architecture, data, optimizer, BATCH, AS_IT_IS)
    expected = by_batches(net, alpha, data, optimizer)
    assert max(map(relative_difference, found, expected)) <= TOLERANCE[dtype]


def test_another_divisor_is_seen():
    # by the number of examples, and a penalty that does not know the last batch is short
    net, data = network("float64"), data_of(True)
    expected = by_batches(net, 0.5, data, SGD)
    wrong = net.architecture._replace(l2=0.5 / BATCH)
    found = epoch(REFERENCE, net, wrong, data, SGD, BATCH, AS_IT_IS)
    assert relative_difference(found[1], expected[1]) > 1e-4


@helpers.needs_jit
def test_registers_are_not_chosen_for_it():
    facts = (4, 3, 2), ["tanh"], "identity", "half_mse", [0.0], 0.1
    theta = np.zeros(23)
    for by_weight in (False, True):
        architecture = make_architecture(*facts, by_weight)
        engine = engines.pick_training("auto", theta, architecture, SGD.settings, BATCH)
        assert (engine.way == "in registers") is not by_weight


# -- where epsilon is added -----------------------------------------------------------------------


@each_engine
@each_dtype
def test_adam_adds_epsilon_before_the_root_is_freed_of_its_start(engine, dtype):
    X, Y = regression(M, 4, 2)
    net = network(dtype)
    late, early = (loopbp.Adam(0.01, epsilon=0.1, epsilon_hat=hat) for hat in (False, True))
    losses, theta = train(engine, net, X, Y, BATCH, early)
    expected = train(REFERENCE, net, X, Y, BATCH, early)
    assert max(map(relative_difference, (losses, theta), expected)) <= TOLERANCE[dtype]
    assert relative_difference(train(engine, net, X, Y, BATCH, late)[1], theta) > 1e-3
