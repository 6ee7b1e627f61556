"""Training in tiles equals training by the reference: every optimizer, shape and thread count."""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import helpers
from cases.helpers import BOUNDSCHECK, JIT, REFERENCE, engine_id, needs_jit, relative_difference
from cases.team import bits, for_threads
from cases.training import (
    OPTIMIZERS,
    SGD,
    TOLERANCE,
    difference,
    named,
    regression,
    train,
)
from numba import njit

import loopbp
from loopbp.machine import pieces as machine_pieces
from loopbp.tiled import panels as tiled_panels
from loopbp.tiled import sums, update
from loopbp.tiled import workspace as tiled_workspace
from loopbp.tiled.engine import tiled_engine

# Uncompiled, an epoch alone does what a team of one does, but for what it leaves out.
_TEAM = [] if BOUNDSCHECK else [tiled_engine(True)]
TILED = [*([tiled_engine(False)] if JIT else []), *_TEAM]
each_tiled = pytest.mark.parametrize("engine", TILED, ids=engine_id)
each_dtype = pytest.mark.parametrize("dtype", TOLERANCE)
# Panels in both directions: more than 16 rows of a batch, rows of w of 4 KiB and more (float64).
WIDE = 520 if JIT else 40


# -- equal to the reference -----------------------------------------------------------------------


@each_tiled
@each_dtype
@pytest.mark.parametrize("clip", [None, 0.01])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=named)
def test_every_optimizer(engine, dtype, optimizer, clip):
    X, Y = regression(50, 6, 3)
    for l2, dropout in ((0.0, 0.0), (0.02, 0.0), (0.02, 0.3)):
        net = helpers.network([6, 40, 20, 3], dtype=dtype, l2=l2, dropout=dropout)
        rule = replace(optimizer, clip_norm=clip)
        assert difference(engine, net, X, Y, 20, optimizer=rule) <= TOLERANCE[dtype]


@each_tiled
@each_dtype
@helpers.each_pair
def test_every_output_and_loss_with_sample_weights(engine, dtype, output, loss):
    m, outputs = 37, 5
    X = np.random.default_rng(0).standard_normal((m, 4))
    Y = helpers.targets_for(output, loss, m, outputs)
    net = helpers.network([4, 20, outputs], "sigmoid", output, loss, dtype=dtype)
    weight = 0.25 + np.random.default_rng(1).random(m)
    rule = loopbp.SGD(1e-3)
    found = difference(engine, net, X, Y, 18, optimizer=rule, weight=weight)
    assert found <= TOLERANCE[dtype]


@each_tiled
@each_dtype
@pytest.mark.parametrize("hidden", helpers.HIDDEN)
def test_every_activation_with_and_without_dropout(engine, dtype, hidden):
    X, Y = regression(40, 5, 2)
    for dropout in (0.0, 0.4):
        net = helpers.network([5, 18, 18, 2], hidden, dtype=dtype, dropout=dropout)
        assert difference(engine, net, X, Y, 17) <= TOLERANCE[dtype]


BATCHES = (1, 7, 16, 17, 33, 64, 130)


@each_tiled
@each_dtype
@pytest.mark.parametrize("batch_size", BATCHES)
@pytest.mark.parametrize("optimizer", [SGD, OPTIMIZERS[4]], ids=named)
def test_every_batch_size_with_a_last_partial_batch(engine, dtype, batch_size, optimizer):
    X, Y = regression(batch_size + batch_size // 2 + 1, 9, 3)
    net = helpers.network([9, WIDE, 33, WIDE, 3], dtype=dtype, dropout=0.1)
    if not JIT:
        X, Y = X[:40], Y[:40]
    assert difference(engine, net, X, Y, batch_size, optimizer=optimizer) <= TOLERANCE[dtype]


SIZES = [
    [1, 1], [WIDE, 2], [2, WIDE], [WIDE, WIDE], [3, WIDE, 1], [17, WIDE, 16, 4],
    [5, 2, 1, 2, 3], [4, 33, WIDE, 15, 64, 2], [WIDE, 1, WIDE, 1, WIDE, 1],
    [20, 300, 60, 3] if JIT else [2, 3, 1],  # dot products and units in one
]  # fmt: skip


@each_tiled
@each_dtype
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_every_depth(engine, dtype, sizes):
    for m, batch_size in ((140, 70), (19, 10)) if JIT else ((19, 10),):
        X, Y = regression(m, sizes[0], sizes[-1])
        net = helpers.network(sizes, dtype=dtype, l2=0.001)
        assert difference(engine, net, X, Y, batch_size) <= TOLERANCE[dtype]


# Some with layers that are shared out by units, the second of the second with far rows in float64.
UNIT_LAYERS = {(130, 128, 5): [1], (140, 520, 40, 3): [1, 2], (20, 130, 140, 70, 300, 3): [2, 4]}
if not JIT:
    UNIT_LAYERS = {(130, 128, 2): [1], (3, 128, 128, 2): [2]}
each_with_units = pytest.mark.parametrize("sizes", UNIT_LAYERS, ids=str)


def layers_by_units(net: loopbp.Network, m: int) -> list[int]:
    last = len(net.sizes) - 1
    return [l for l in range(1, last + 1) if tiled_workspace.by_units(net.architecture, l, m)]


@each_tiled
@each_dtype
@pytest.mark.parametrize("shuffled", [True, False])
@each_with_units
def test_layers_shared_out_by_units(engine, dtype, sizes, shuffled):
    m, batch_size = (100, 64) if JIT else (20, 17)
    X, Y = regression(m, sizes[0], sizes[-1])
    rules = [SGD, replace(SGD, clip_norm=0.01), OPTIMIZERS[4]] if JIT else [SGD]
    for rule, l2 in itertools.product(rules, (0.0, 0.02)):
        net = helpers.network(sizes, dtype=dtype, l2=l2)
        assert layers_by_units(net, batch_size) == UNIT_LAYERS[sizes]
        found = difference(engine, net, X, Y, batch_size, optimizer=rule, shuffled=shuffled)
        assert found <= TOLERANCE[dtype], (rule, l2)


@each_tiled
@each_dtype
@pytest.mark.parametrize("dropout", [[0.3, 0.0, 0.0], [0.0, 0.3, 0.0], [0.0, 0.0, 0.3]], ids=str)
def test_dropout_beside_layers_shared_out_by_units(engine, dtype, dropout):
    sizes, m, batch_size = ([20, 130, 140, 130, 3], 70, 32) if JIT else ([4, 128, 128, 3, 2], 9, 5)
    X, Y = regression(m, sizes[0], sizes[-1])
    net = helpers.network(sizes, dtype=dtype, dropout=dropout, l2=0.01)
    assert difference(engine, net, X, Y, batch_size, optimizer=SGD) <= TOLERANCE[dtype]


@each_tiled
@each_dtype
@pytest.mark.parametrize("batch_size", [10, 50])
def test_in_the_order_of_the_data(engine, dtype, batch_size):
    X, Y = regression(70, 9, 3)
    weight = 0.25 + np.random.default_rng(1).random(70)
    rules = itertools.product([SGD, OPTIMIZERS[4]], (0.0, 0.1))
    for rule, dropout in rules if JIT else [(SGD, 0.1)]:
        net = helpers.network([9, WIDE, 33, 3], dtype=dtype, l2=0.01, dropout=dropout)
        options = {"optimizer": rule, "weight": weight, "shuffled": False}
        assert difference(engine, net, X, Y, batch_size, **options) <= TOLERANCE[dtype]


@each_tiled
@pytest.mark.parametrize("sizes", [[9, 20, 3], next(iter(UNIT_LAYERS))], ids=str)
def test_only_a_shuffled_epoch_copies_the_data(engine, sizes):
    net, rate = helpers.network(sizes), SGD.learning_rate
    X, Y = regression(20, sizes[0], sizes[-1])
    held = X.tobytes() + Y.tobytes()
    for shuffled in (False, True):
        theta, settings = net.theta.copy(), SGD.settings
        workspace = engine.make_workspace(theta, net.architecture, 20, 17)
        for array in (workspace.x, workspace.y, workspace.own):
            array[:] = np.nan
        engine.epoch(
            theta, net.architecture, X, Y, np.ones(20), settings, rate,
            engine.make_state(theta, settings), 0, net.seed, 0, 17, shuffled, workspace,
        )  # fmt: skip
        own_x = workspace.own[:, workspace.own_start[1] :]
        assert np.isnan(workspace.y).all() == (not shuffled)
        assert np.isnan(workspace.x).all() == (not shuffled or own_x.size > 0)
        assert np.isnan(own_x).all() == (not shuffled or own_x.size == 0)
        assert np.isfinite(theta).all()
        assert X.tobytes() + Y.tobytes() == held


def test_the_wide_layers_take_both_branches():
    if not JIT:
        pytest.skip("the shapes are smaller without the compiler")

    def made(sizes: list[int], batch_size: int, **options: Any) -> tuple[Any, Any, Any]:
        net = helpers.network(sizes, **options)
        workspace = tiled_engine(False).make_workspace(net.theta, net.architecture, 100, batch_size)
        starts = workspace.forward_start[1:] >= 0, workspace.backward_start[1:] >= 0
        return *(start.tolist() for start in starts), workspace.is_own[1:].tolist()

    wide = [9, WIDE, 33, WIDE, 3]
    assert made(wide, 64) == ([True] * 4, [False, True, False, True], [False] * 4)
    far = bool(tiled_panels.far(WIDE, 4))  # where a register has 32 bytes
    assert made(wide, 64, dtype="float32") == (
        [True] * 4, [False, far, False, far], [False, False, False, not far]
    )  # fmt: skip
    none = [False] * 4
    assert made(wide, 16) == ([True, False, True, False], none, none), "rows of 33 are too short"
    assert made([WIDE, 3], 2) == ([False], [False], [False])
    assert made([WIDE, 3], 4) == made([30, 3], 2) == ([True], [False], [False])
    # The small ones in panels of each thread's own.
    assert made([9, 20, 30, 3], 64) == ([True] * 3, [False] * 3, [False, True, True])
    assert made([140, 130, 20, 3], 64) == ([True] * 3, [False] * 3, [False, True, True])


@pytest.mark.parametrize(("sizes", "m", "options", "layers", "deltas"), [
    ([784, 128, 10], 64, {}, [1], [1]),
    ([784, 512, 512, 10], 128, {}, [1, 2], [1, 2]),
    ([784, 512, 512, 10], 512, {}, [1, 2], [1, 2]),
    ([784, 512, 512, 10], 600, {}, [1], [1]),  # fewer inputs than examples in the second
    ([784, 512, 512, 10], 785, {}, [], []),
    ([64, 32, 10], 32, {}, [], []),  # few weights
    ([128, 128, 10], 32, {}, [1], [1]),
    ([127, 128, 10], 32, {}, [], []),
    ([30, 784, 512, 10], 64, {}, [2], [1, 2]),  # of the first, few inputs
    ([30, 784, 9, 9, 512, 10], 64, {}, [], []),
    ([784, 512, 512, 10], 128, {"dropout": 0.1}, [], []),
    ([784, 512, 512, 10], 128, {"dropout": [0.1, 0.0]}, [2], [2]),
    ([784, 512, 512, 10], 128, {"dropout": [0.0, 0.1]}, [1], [1]),
])  # fmt: skip
def test_which_layers_are_shared_out_by_units(sizes, m, options, layers, deltas):
    net = loopbp.Network(sizes, "tanh", "identity", "half_mse", seed=0, **options)
    assert layers_by_units(net, m) == layers
    by_units = [
        tiled_workspace.delta_by_units(net.architecture, l, m) for l in range(2, len(sizes))
    ]
    assert [l for l, units in enumerate(by_units, start=1) if units] == deltas


@each_tiled
@each_dtype
def test_a_users_own_activation(engine, dtype, registry):
    def arctan(z):
        return math.atan(z)

    def arctan_prime(z):
        return 1.0 / (1.0 + z * z)

    pair = (njit(arctan), njit(arctan_prime)) if JIT else (arctan, arctan_prime)
    own = loopbp.register_activation("arctan_of_the_tests", *pair)
    X, Y = regression(30, 4, 2)
    for dropout in (0.0, 0.3):
        net = helpers.network([4, 20, 2], own, dtype=dtype, dropout=dropout)
        assert difference(engine, net, X, Y, 17) <= TOLERANCE[dtype]


def test_fit_with_tiled_is_fit_with_numpy():
    X, y = helpers.blobs()
    nets = [helpers.classifier(dropout=0.3, l2=0.01) for _ in range(2)]
    for net, engine in zip(nets, ("numpy", "tiled"), strict=True):
        net.fit(X, y, epochs=3, batch_size=20, engine=engine, validation=0.2)
    assert relative_difference(nets[1].theta, nets[0].theta) <= 1e-10
    assert nets[1].history.loss == pytest.approx(nets[0].history.loss)


# -- NaN and infinity -----------------------------------------------------------------------------

BAD_LOSSES = [("identity", "half_mse"), ("sigmoid", "binary_cross_entropy"),
              ("softmax", "cross_entropy")]  # fmt: skip


@each_tiled
@each_dtype
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", ["first input", "last input", "first weight", "output weight"])
@pytest.mark.parametrize("hidden", ["relu", "tanh", "sigmoid", "elu"])
def test_nan_and_infinity_reach_loss_and_weights(engine, dtype, bad, place, hidden):
    for output, loss in BAD_LOSSES:
        X = np.random.default_rng(0).standard_normal((20, 4))
        Y = np.eye(3)[np.arange(20) % 3]
        net = helpers.network([4, 18, 3], hidden, output, loss, dtype=dtype)
        if place == "first input":
            X[0, 0] = bad
        elif place == "last input":
            X[-1, -1] = bad
        else:
            net.weights[0 if place == "first weight" else -1][1, 1] = bad
        with np.errstate(all="ignore"):
            (found, theta), (expected, theta_reference) = (
                train(e, net, X, Y, 20, epochs=1) for e in (engine, REFERENCE)
            )
        assert np.isfinite(found).tolist() == np.isfinite(expected).tolist()
        assert found == pytest.approx(expected, rel=TOLERANCE[dtype], nan_ok=True)
        assert (np.isnan(theta) == np.isnan(theta_reference)).all()


# -- threads --------------------------------------------------------------------------------------


@needs_jit
@pytest.mark.skipif(BOUNDSCHECK, reason="that pass is for serial code")
def test_same_bits_for_any_number_of_threads():
    found = helpers.bits_by_threads(bits, lambda: bits(for_threads(tiled_engine(True), 2)))
    assert len(found) == 1


def owners_are_right(row_share: Callable[..., Any], n: int, workers: int) -> bool:
    """Whether each of n rows has one owner."""
    owners = np.zeros(n, np.int64)
    for worker in range(workers):
        start, stop = row_share(n, worker, workers)
        owners[start:stop] += 1
    return bool((owners == 1).all())


def test_every_row_of_theta_has_one_owner():
    def last_row_left_out(n, worker, workers):
        start, stop = tiled_workspace.row_share(n, worker, workers)
        return start, min(stop, n - 1)

    for n, workers in itertools.product((*range(1, 70), 300, 784), range(1, 10)):
        assert owners_are_right(tiled_workspace.row_share, n, workers)
        assert not owners_are_right(last_row_left_out, n, workers)


def even_bounds(worker: int, workers: int) -> tuple[int, int]:
    return machine_pieces.WHOLE * worker // workers, machine_pieces.WHOLE * (worker + 1) // workers


def first_layer_owners(n_0: int, n_1: int, workers: int) -> tuple[Any, Any]:
    """How many workers write each number of w^1, as in theta, and of b^1."""
    m = 5
    x, delta = np.ones((m, n_0)), np.ones((m, n_1))
    written, biases = np.zeros((n_1, n_0)), np.zeros(n_1)
    scratch = np.zeros(sums.scratch_size(m, x.itemsize))
    for worker in range(workers):
        panels = np.zeros(tiled_panels.panels_size(n_1, n_0, x.itemsize))
        w, b = np.zeros((n_1, n_0)), np.zeros(n_1)
        update.panel_weights_pass(
            x, delta, m, *even_bounds(worker, workers), 1.0 / m, 1.0, panels, b, scratch
        )
        tiled_panels.unpack_transposed(panels, n_1, n_0, 0, n_1, 0, n_0, w.reshape(-1), 0, n_0)
        written, biases = written + w, biases + b
    return written, biases


def test_every_number_of_the_first_layer_has_one_owner():
    shapes = [(1, 1), (5, 3), (60, 33), (100, 64), (130, 100), (200, 300), (50, 256)]
    for (n_0, n_1), workers in itertools.product(shapes[: 7 if JIT else 3], (1, 2, 3, 4, 7)):
        for written in first_layer_owners(n_0, n_1, workers):
            assert np.abs(written - 1.0).max() <= 1e-12, (n_0, n_1, workers)
