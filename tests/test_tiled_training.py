"""Training in tiles equals training by the reference: every optimizer, shape and thread count."""

import hashlib
import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import helpers
import numba
import numpy as np
import pytest
from helpers import BOUNDSCHECK, JIT, REFERENCE, engine_id, needs_jit, relative_difference
from numba import njit

import loopbp
from loopbp import tiled, tiled_training
from loopbp._jit import plain, specialise
from loopbp.engines import Engine, tiled_engine

TOLERANCE = {"float64": 1e-12, "float32": 1e-4}
TILED = [tiled_engine(False)] if BOUNDSCHECK else [tiled_engine(False), tiled_engine(True)]
each_tiled = pytest.mark.parametrize("engine", TILED, ids=engine_id)
each_dtype = pytest.mark.parametrize("dtype", TOLERANCE)
EPOCHS = 3 if JIT else 1
# Panels in both directions: more than 16 rows of a batch, rows of w of 4 KiB and more (float64).
WIDE = 520 if JIT else 40

SGD = loopbp.SGD(0.05)
OPTIMIZERS = [
    SGD,
    loopbp.SGD(0.05, momentum=0.9),
    loopbp.SGD(0.05, momentum=0.9, nesterov=True),
    loopbp.RMSprop(0.01, epsilon=1e-2),
    loopbp.Adam(0.01, epsilon=1e-2),
    loopbp.AdamW(0.01, epsilon=1e-2, weight_decay=0.1),
]


def train(
    engine: Engine,
    net: loopbp.Network,
    X: Any,
    Y: Any,
    batch_size: int,
    optimizer: Any = SGD,
    weight: Any = None,
    epochs: int = EPOCHS,
) -> tuple[list[float], Any]:
    """The losses and the weights after some epochs by an engine's own functions."""
    settings, theta = optimizer.settings, net.theta.copy()
    s = np.ones(len(X), net.dtype) if weight is None else weight.astype(net.dtype)
    X, Y = X.astype(net.dtype), Y.astype(net.dtype)
    workspace = engine.make_workspace(theta, net.architecture, len(X), batch_size)
    state = engine.make_state(theta, settings)
    steps = -(-len(X) // batch_size)
    losses = [
        engine.epoch(
            theta, net.architecture, X, Y, s, settings, optimizer.learning_rate, state,
            number * steps, net.seed, number, batch_size, True, workspace,
        )
        for number in range(epochs)
    ]  # fmt: skip
    return losses, theta


def difference(engine: Engine, net: loopbp.Network, *data: Any, **options: Any) -> float:
    """The worse of the relative differences of losses and weights from the reference's."""
    with np.errstate(all="ignore"):
        found, expected = (train(e, net, *data, **options) for e in (engine, REFERENCE))
    return max(map(relative_difference, found, expected))


def regression(m: int, inputs: int, outputs: int) -> tuple[Any, Any]:
    rng = np.random.default_rng([m, inputs])
    X = rng.standard_normal((m, inputs))
    return X, np.tanh(X @ rng.standard_normal((inputs, outputs)) / math.sqrt(inputs))


def named(value: Any) -> str:
    return f"{type(value).__name__}{'-nesterov' if getattr(value, 'nesterov', False) else ''}"


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
]  # fmt: skip


@each_tiled
@each_dtype
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_every_depth(engine, dtype, sizes):
    for m, batch_size in ((140, 70), (19, 10)) if JIT else ((19, 10),):
        X, Y = regression(m, sizes[0], sizes[-1])
        net = helpers.network(sizes, dtype=dtype, l2=0.001)
        assert difference(engine, net, X, Y, batch_size) <= TOLERANCE[dtype]


def test_the_wide_layers_take_both_branches():
    if not JIT:
        pytest.skip("the shapes are smaller without the compiler")
    net = helpers.network([9, WIDE, 33, WIDE, 3])
    workspace = tiled_engine(False).make_workspace(net.theta, net.architecture, 100, 64)
    assert (workspace.forward_start[1:] >= 0).all()
    assert [start >= 0 for start in workspace.backward_start] == [False, False, True, False, True]
    workspace = tiled_engine(False).make_workspace(net.theta, net.architecture, 100, 16)
    assert (workspace.forward_start < 0).all()


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

_BITS = """
import sys
sys.path.insert(0, {tests!r})
import numba
from test_tiled_training import bits_of
numba.set_num_threads({threads})
print(bits_of())
"""


def bits_of() -> str:
    """The weights of several trainings with the parallel engine, as one number."""
    text = hashlib.sha256()
    for dtype, (m, batch_size) in itertools.product(TOLERANCE, [(150, 70), (40, 33), (600, 520)]):
        X, Y = regression(m, 30, 3)
        for rule in (SGD, OPTIMIZERS[4]):
            net = helpers.network([30, 300, 40, 3], dtype=dtype, dropout=0.1)
            losses, theta = train(tiled_engine(True), net, X, Y, batch_size, rule, epochs=2)
            text.update(theta.tobytes() + np.array(losses).tobytes())
    return text.hexdigest()


@needs_jit
@pytest.mark.skipif(BOUNDSCHECK, reason="that pass is for serial code")
def test_same_bits_for_any_number_of_threads():
    usable, found = numba.get_num_threads(), set()
    try:
        for threads in range(1, usable + 1):
            numba.set_num_threads(threads)
            found.add(bits_of())
    finally:
        numba.set_num_threads(usable)
    code = _BITS.format(tests=str(Path(__file__).parent), threads=4)
    found.add(helpers.run_python(code, NUMBA_NUM_THREADS="4"))
    assert len(found) == 1


def chunks_are_right(chunk_count: Callable[..., Any], m: int, parameters: int) -> bool:
    """Every row of a batch in one chunk, none of them empty."""
    chunks = int(chunk_count(m, parameters, 4))
    edges = [m * c // chunks for c in range(chunks + 1)]
    sizes = np.diff(edges)
    return edges[0] == 0 and edges[-1] == m and bool((sizes > 0).all())


CHUNK_COUNTS = [tiled_training.chunk_count, tiled_training.one_chunk]


@pytest.mark.parametrize("chunk_count", CHUNK_COUNTS, ids=["parallel", "serial"])
def test_every_row_is_in_one_chunk(chunk_count):
    for m in (*range(1, 300), 511, 512, 513, 1000, 4096, 60000):
        for parameters in (1, 10**5, 10**8):
            assert chunks_are_right(chunk_count, m, parameters)


def test_empty_chunks_are_rejected():
    assert not chunks_are_right(lambda m, parameters, itemsize: 4, 3, 1)


def test_more_work_is_cut_into_more_parts():
    counts = [int(tiled_training.part_count(10.0**power)) for power in range(12)]
    assert counts == sorted(counts)
    assert set(counts) <= {2, 4, 8, 16}
    assert (counts[0], counts[-1]) == (2, tiled_training.MOST_PARTS)
    assert tiled_training.one_part(1e9) == 1


def rows_of_parts(workspace: Any, sizes: Any) -> Any:
    """How many parts own each row of each w^l."""
    owners = {(l, i): 0 for l in range(1, len(sizes)) for i in range(sizes[l])}
    first = workspace.part_first
    for part in range(len(first) - 1):
        for block in range(first[part], first[part + 1]):
            l, i = workspace.block_layer[block], workspace.block_row[block]
            for row in range(i, min(i + tiled_training.ROW_BLOCK, sizes[l])):
                owners[l, row] += 1
    return owners


@each_tiled
def test_every_row_of_theta_is_in_one_part(engine):
    rng = np.random.default_rng(0)
    shapes = [*SIZES, *(rng.integers(1, 400, rng.integers(2, 7)).tolist() for _ in range(30))]
    for sizes in shapes:
        net = loopbp.Network(sizes, "tanh", "identity", "half_mse", seed=0)
        for batch_size in (1, 40, 1000):
            made = engine.make_workspace(net.theta, net.architecture, 1000, batch_size)
            assert set(rows_of_parts(made, net.sizes).values()) == {1}
            assert (np.diff(made.part_first) >= 0).all()
            assert made.part_first[0] == 0


def test_arrays_begin_on_a_cache_line():
    for dtype, count in itertools.product(TOLERANCE, (1, 5, 1000)):
        made = tiled_training.aligned(count, np.empty(1, dtype))
        assert (made.size, made.dtype) == (count, dtype)
        assert made.ctypes.data % tiled_training.ALIGNMENT == 0


# -- wrong versions -------------------------------------------------------------------------------


def _unsigned_key(*numbers):
    """A key as compiled functions take it when they are called from Python."""
    if not JIT:
        return tiled_training.stream_key(*numbers)
    return np.uint64(tiled_training.stream_key(*map(np.uint64, numbers)))


def mutant(name: str, wrong: Callable[..., Any]) -> Engine:
    """The serial engine, uncompiled, with another function behind one of its names."""
    sources = ["rows_pass", "parameters_pass", "epoch"]
    cuts = {"chunk_count": lambda *_: 2, "stream_key": _unsigned_key, name: wrong}
    bound = specialise(
        [getattr(tiled_training, source) for source in sources], "mutant", cuts, plain
    )
    return replace(tiled_engine(False), epoch=bound.epoch)


def _bias_gradient_of_the_last_example_only(delta, start, stop, alpha, beta, out_b):
    tiled.bias_sums(delta[-1:], start, stop, alpha, beta, out_b)


def _weights_without_their_first_row(delta, a_prev, start, stop, *rest):
    tiled.weight_sums(delta, a_prev, start + 1, stop, *rest)


def _dropout_of_the_first_rows_mask(a, key, rate, first):
    tiled_training.dropout(a, key, rate, 0)


def _sigma_prime_left_out(code, address, z, a, delta):
    pass


def _panels_of_other_weights(theta, *rest):
    tiled_training.pack_rows(1.001 * theta, *rest)


MUTANTS = {
    "bias_sums": _bias_gradient_of_the_last_example_only,
    "weight_sums": _weights_without_their_first_row,
    "dropout": _dropout_of_the_first_rows_mask,
    "times_sigma_prime": _sigma_prime_left_out,
    "pack_rows": _panels_of_other_weights,
}


def _mutant_difference(name: str, wrong: Callable[..., Any]) -> float:
    X, Y = regression(40, 5, 3)
    net = helpers.network([5, 34, 18, 3], dropout=0.3)
    return difference(mutant(name, wrong), net, X, Y, 20)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_step_is_rejected(name):
    assert _mutant_difference(name, MUTANTS[name]) > 1e-6
    assert _mutant_difference(name, getattr(tiled_training, name)) <= TOLERANCE["float64"]
