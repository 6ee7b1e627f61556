"""Epochs of very small networks equal training by the reference, in registers of every width."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from cases import helpers
from cases.helpers import JIT
from cases.training import TOLERANCE, difference, unsigned_key

import loopbp
from loopbp import activations, engines, losses
from loopbp.binding import Engine
from loopbp.jit.sources import plain
from loopbp.jit.specialise import specialise
from loopbp.tiled import choice
from loopbp.tiled.engine import alone_engine, registers_engine, tiled_engine
from loopbp.tiled.epochs import in_registers as small

each_dtype = pytest.mark.parametrize("dtype", TOLERANCE)
NAMES = {code: name for name, code in activations.CODES.items()}
LOSSES = {code: name for name, code in losses.CODES.items()}
PAIRS = sorted((NAMES[output], LOSSES[loss]) for output, loss in choice.PAIRS_IN_REGISTERS)
HIDDEN = sorted(NAMES[code] for code in choice.HIDDEN_IN_REGISTERS)
BATCHES = (1, 3, 4, 5, 8, 9, 16) if JIT else (3, 9)
RULE = loopbp.SGD(0.02)


def examples(m: int, output: str, loss: str, outputs: int = 3) -> tuple[Any, Any]:
    X = np.random.default_rng(m).standard_normal((m, 4))
    return X, helpers.targets_for(output, loss, m, outputs)


# -- equal to the reference -----------------------------------------------------------------------


@each_dtype
@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize(("output", "loss"), PAIRS)
def test_every_pair_hidden_activation_and_batch_size(dtype, hidden, output, loss):
    epochs = 2 if JIT else 1
    for batch_size in BATCHES:
        m = 2 * batch_size + batch_size // 2 + 1  # the last batch is a part
        X, Y = examples(m, output, loss)
        shuffled = batch_size % 2 == 0
        weight = 0.25 + np.random.default_rng(1).random(m)
        net = helpers.network([4, 5, 3], hidden, output, loss, dtype=dtype, l2=0.02)
        assert suits(net, RULE, batch_size)
        for engine in {id(e): e for e in map(registers_for, (batch_size, 16))}.values():
            found = difference(
                engine, net, X, Y, batch_size, optimizer=RULE, weight=weight, epochs=epochs,
                shuffled=shuffled,
            )  # fmt: skip
            assert found <= TOLERANCE[dtype], (batch_size, engine.epoch)


@each_dtype
@pytest.mark.parametrize("sizes", [[4, 3], [4, 1, 3], [4, 2, 6, 2, 3], [4, 16, 3]], ids=str)
def test_every_depth(dtype, sizes):
    for batch_size, l2, shuffled in product(BATCHES, (0.0, 0.1), (True, False)):
        X, Y = examples(batch_size + 1, "softmax", "cross_entropy")
        net = helpers.network(sizes, "tanh", "softmax", "cross_entropy", dtype=dtype, l2=l2)
        found = difference(
            registers_for(batch_size), net, X, Y, batch_size, optimizer=RULE, shuffled=shuffled
        )
        assert found <= TOLERANCE[dtype]


def test_a_batch_size_beyond_the_examples():
    X, Y = examples(3, "identity", "half_mse")
    net = helpers.network([4, 2, 3])
    for batch_size in (4, 8, 16):
        assert difference(registers_for(batch_size), net, X, Y, batch_size) <= 1e-12


# -- which networks -------------------------------------------------------------------------------


def suits(net: loopbp.Network, rule: Any = RULE, batch_size: int = 16) -> bool:
    return bool(choice.suits_registers(net.architecture, rule.settings, batch_size))


def test_what_is_not_small_or_not_plain_is_refused():
    assert suits(helpers.network([2, 2, 1]))
    assert suits(helpers.network([8, 8, 8]))
    assert not suits(helpers.network([8, 8, 8, 1])), "too many weights"
    assert not suits(helpers.network([2, 2, 1]), batch_size=17)
    assert not suits(helpers.network([2, 2, 1]), loopbp.SGD(0.1, momentum=0.9))
    assert not suits(helpers.network([2, 2, 1]), loopbp.SGD(0.1, clip_norm=1.0))
    assert not suits(helpers.network([2, 2, 1]), loopbp.Adam())
    assert not suits(helpers.network([2, 2, 1], dropout=0.1))
    for name in set(helpers.HIDDEN) - set(HIDDEN):
        assert not suits(helpers.network([2, 2, 1], name))
    for output, loss in set(helpers.PAIRS) - set(PAIRS):
        assert not suits(helpers.network([2, 2, 2], "tanh", output, loss))


def test_an_own_activation_is_refused(registry):
    own = loopbp.register_activation("own_of_small", lambda z: z + 1.0, lambda z: 1.0)
    assert not suits(helpers.network([2, 2, 1], own))


def registers_for(batch_size: int) -> Engine:
    return registers_engine(small.lanes_for(batch_size))


def test_registers_by_batch_size():
    lanes = [small.lanes_for(size) for size in range(1, 17)]
    assert lanes == [4] * 4 + [8] * 4 + [16] * 8
    for net, expected in (
        (helpers.network([2, 2, 1]), registers_for(4)),
        (helpers.network([12, 12, 1]), alone_engine(grouped=False)),
    ):
        found = engines.pick_training("tiled", net.theta, net.architecture, RULE.settings, 4)
        assert found is expected


# -- wrong versions -------------------------------------------------------------------------------


SOURCES = [
    "gather_batch", "weighted_inputs", "softmax_output", "sigmoid_output", "squares_output",
    "steps", "epoch",
]  # fmt: skip


def mutant(name: str, wrong: Callable[..., Any]) -> Engine:
    """The engine in full registers, uncompiled, with another function behind one of its names."""
    sources = [getattr(small, source) for source in SOURCES if source != name]
    bound = specialise(sources, "mutant", {"stream_key": unsigned_key, name: wrong}, plain)
    return replace(tiled_engine(False), epoch=bound.epoch)


def _sigma_prime_left_out(code, z):
    return np.ones_like(z)


def _output_without_targets(a, y, *others):
    plain(small.sigmoid_output)(a, np.zeros_like(y), *others)


def _output_without_weights(a, y, s, *others):
    plain(small.sigmoid_output)(a, y, np.ones_like(s), *others)


def _a_wrong_example(X, Y, weight, order, start, m, *others):
    plain(small.gather_batch)(X, Y, weight, order[::-1], start, m, *others)


def _bias_left_out(theta, w_at, b_at, i, n_prev, a_prev, prev_at, lanes):
    without = theta.copy()
    without[b_at + i] = 0.25
    return plain(small.weighted_inputs)(without, w_at, b_at, i, n_prev, a_prev, prev_at, lanes)


MUTANTS = [
    ("sigma_prime", _sigma_prime_left_out),
    ("sigmoid_output", _output_without_targets),
    ("sigmoid_output", _output_without_weights),
    ("gather_batch", _a_wrong_example),
    ("weighted_inputs", _bias_left_out),
]


@pytest.mark.skipif(JIT, reason="arrays stand for registers only where nothing is compiled")
@pytest.mark.parametrize(("name", "wrong"), MUTANTS, ids=lambda of: getattr(of, "__name__", of))
def test_a_wrong_step_is_rejected(name, wrong):
    pair = ("sigmoid", "binary_cross_entropy")
    X, Y = examples(7, *pair)
    weight = 0.25 + np.random.default_rng(1).random(7)
    net = helpers.network([4, 5, 3], "tanh", *pair)

    def found(function: Callable[..., Any]) -> float:
        engine = mutant(name, function)
        return difference(engine, net, X, Y, 3, optimizer=RULE, weight=weight, epochs=1)

    assert found(wrong) > 1e-6
    assert found(plain(getattr(small, name))) <= TOLERANCE["float64"]
