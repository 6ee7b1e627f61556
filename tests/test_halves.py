"""Epochs by halves of each batch: equal to the reference, the same bits for any threads."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import helpers
import numpy as np
import pytest
from helpers import BOUNDSCHECK, JIT, needs_jit
from test_split import SHARES_NAMES, run_alone, with_new_workspaces
from test_tiled_training import (
    OPTIMIZERS,
    SGD,
    SOURCES,
    TOLERANCE,
    difference,
    named,
    regression,
    team_of,
    train,
)

import loopbp
import loopbp.shares
from loopbp import engines, halves
from loopbp._jit import jit, plain, specialise
from loopbp.engines import Engine, halves_engine, pick_training

SERIAL = replace(
    halves_engine(),
    epoch=specialise([halves.epoch], "serial_test", {"run_team": run_alone}, jit).epoch,
)
ENGINE = SERIAL if BOUNDSCHECK else halves_engine()
each_dtype = pytest.mark.parametrize("dtype", TOLERANCE)
ADAM = OPTIMIZERS[4]
BATCHES = (1, 2, 3, 7, 16, 33, 64) if JIT else (1, 17)


def for_threads(threads: int, engine: Engine = ENGINE) -> Engine:
    """The engine for so many threads."""

    def make_workspace(theta: Any, architecture: Any, examples: int, batch_size: int) -> Any:
        make = engines._workspace_makers().make_workspace
        return halves.halves_workspace(make, theta, architecture, examples, batch_size, threads)

    return replace(engine, make_workspace=make_workspace)


# -- equal to the reference -----------------------------------------------------------------------


@each_dtype
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=named)
def test_every_optimizer(dtype, optimizer):
    X, Y = regression(50, 6, 3)
    for l2, shuffled in ((0.0, True), (0.02, False)):
        net = helpers.network([6, 40, 20, 3], dtype=dtype, l2=l2)
        found = difference(ENGINE, net, X, Y, 20, optimizer=optimizer, shuffled=shuffled)
        assert found <= TOLERANCE[dtype]


@each_dtype
@helpers.each_pair
def test_every_output_and_loss_with_sample_weights(dtype, output, loss):
    m, outputs = 37, 5
    X = np.random.default_rng(0).standard_normal((m, 4))
    Y = helpers.targets_for(output, loss, m, outputs)
    weight = 0.25 + np.random.default_rng(1).random(m)
    for sizes in ([4, outputs], [4, 33, 7, outputs]):
        net = helpers.network(sizes, "sigmoid", output, loss, dtype=dtype)
        rule = loopbp.SGD(1e-3)
        assert difference(ENGINE, net, X, Y, 18, optimizer=rule, weight=weight) <= TOLERANCE[dtype]


@each_dtype
@pytest.mark.parametrize("hidden", helpers.HIDDEN)
def test_every_activation(dtype, hidden):
    X, Y = regression(40, 5, 2)
    net = helpers.network([5, 18, 18, 2], hidden, dtype=dtype)
    assert difference(ENGINE, net, X, Y, 17) <= TOLERANCE[dtype]


@each_dtype
@pytest.mark.parametrize("batch_size", BATCHES)
@pytest.mark.parametrize("shuffled", [True, False])
def test_every_batch_size_with_a_last_partial_batch(dtype, batch_size, shuffled):
    X, Y = regression(2 * batch_size + 1, 9, 3)
    for sizes, l2 in product(([9, 3], [9, 70, 33, 1, 3]), (0.0, 0.02)):
        net = helpers.network(sizes, dtype=dtype, l2=l2)
        found = difference(ENGINE, net, X, Y, batch_size, shuffled=shuffled)
        assert found <= TOLERANCE[dtype]


# One unit, two panels, rows that are far apart (float64), more numbers of z than a block.
SIZES = [
    [1, 1], [1, 17, 1], [7, 33, 2], [2, 100, 1], [5, 64, 1, 2], [33] * 8, [65, 130, 65],
    [600 if JIT else 40, 20, 600 if JIT else 40, 3],
]  # fmt: skip


@each_dtype
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_every_depth(dtype, sizes):
    batches = ((250, 100), (70, 40), (19, 10), (3, 64)) if JIT else ((19, 10),)
    for (m, batch_size), rule in product(batches, (SGD, ADAM)):
        X, Y = regression(m, sizes[0], sizes[-1])
        net = helpers.network(sizes, dtype=dtype, l2=0.001)
        assert difference(ENGINE, net, X, Y, batch_size, optimizer=rule) <= TOLERANCE[dtype]


@each_dtype
def test_the_epoch_for_softmax_alone(dtype):
    X = np.random.default_rng(0).standard_normal((90, 6))
    Y = helpers.targets_for("softmax", "cross_entropy", 90, 4)
    engine = SERIAL if BOUNDSCHECK else halves_engine(True)
    net = helpers.network([6, 40, 20, 4], "tanh", "softmax", "cross_entropy", dtype=dtype)
    assert difference(engine, net, X, Y, 40) <= TOLERANCE[dtype]


# -- the same bits --------------------------------------------------------------------------------


def bits(threads: int) -> str:
    """Losses and weights of several trainings by so many threads, as one number."""
    text = hashlib.sha256()
    X, Y = regression(101, 9, 3)
    for dtype, rule, l2, batch_size in product(TOLERANCE, (SGD, ADAM), (0.0, 0.02), (20, 33)):
        net = helpers.network([9, 70, 24, 3], dtype=dtype, l2=l2)
        losses, theta = train(for_threads(threads), net, X, Y, batch_size, rule)
        text.update(theta.tobytes() + np.array(losses).tobytes())
    return text.hexdigest()


@needs_jit
@pytest.mark.skipif(BOUNDSCHECK, reason="that pass is for serial code")
def test_same_bits_for_any_number_of_threads():
    assert len({bits(1), bits(2), bits(2), bits(3)}) == 1


def test_at_most_two_threads_work():
    net = helpers.network([9, 14, 3])
    for threads, expected in ((1, 1), (2, 2), (3, 2), (9, 2)):
        made = for_threads(threads).make_workspace(net.theta, net.architecture, 20, 10)
        assert made.workers == expected


# -- which networks -------------------------------------------------------------------------------


def picked(sizes: list[int], batch_size: int, rule: Any = SGD, **options: Any) -> bool:
    net = helpers.network(sizes, **options)
    arguments = net.theta, net.architecture, rule.settings, batch_size
    return pick_training("auto", *arguments).make_workspace is engines._halves_workspace


def test_which_networks_are_trained_by_halves(monkeypatch):
    monkeypatch.setattr(engines, "threading_layer", lambda: "omp")
    deep = [64] * 12
    assert picked(deep, 64)
    assert picked(deep, 64, dtype="float64")
    assert picked([784, 10], 64), "one layer"
    assert picked([64, 32, 10], 256), "many examples for few weights"
    assert not picked([64, 32, 10], 32), "less of z^2 moves"
    assert not picked([784, 64, 64, 64, 10], 64), "all of w^1 would move"
    assert picked([784, 64, 64, 64, 10], 512)
    assert not picked([784, 100], 64)
    assert picked([120, 140, 140, 140, 10], 128), "more examples than inputs"
    assert not picked(deep, 16), "few examples"
    assert not picked([7, 5, 2], 64), "little work"
    assert not picked([1, 211], 69), "little work"
    assert picked([1, 211], 69, output="softmax", loss="cross_entropy"), "many outputs of softmax"
    assert not picked([1, 40], 69, output="softmax", loss="cross_entropy")
    assert not picked([300] * 5, 64, dtype="float64"), "more weights than the cache has room for"
    assert not picked([240] * 5, 64, dtype="float32"), "more than few examples pay for"
    assert picked([240] * 5, 256, dtype="float32"), "many examples"
    assert not picked([300] * 5, 256, dtype="float32")
    assert picked(deep, 64, loopbp.Adam(), dtype="float32")
    assert not picked(deep, 64, loopbp.Adam(), dtype="float64"), (
        "more state than the cache has room for"
    )
    assert not picked(deep, 64, replace(SGD, clip_norm=1.0))
    assert not picked(deep, 64, dropout=0.1)
    monkeypatch.setattr(engines, "threading_layer", lambda: "workqueue")
    assert not picked(deep, 64), "starting threads takes 110 us"


# -- wrong versions -------------------------------------------------------------------------------


def mutant(name: str, wrong: Callable[..., Any], threads: int = 1) -> Engine:
    """The epoch, uncompiled, with another function behind one of its names."""
    own = (
        "add_parts", "layer_step", "soon_of", "forward_half", "others_part",
        "backward_half", "work", "epoch",
    )  # fmt: skip
    cuts = {}
    if threads > 1:
        barrier = threading.Barrier(threads)
        cuts["meet"] = lambda words, worker, workers: barrier.wait(60)
        cuts["run_team"] = team_of(threads, barrier)
    sources = [
        *(source for source in SOURCES if source.__name__ != "work"),
        *(getattr(loopbp.shares, n) for n in SHARES_NAMES), *(getattr(halves, n) for n in own),
    ]  # fmt: skip
    sources = [source for source in sources if source.__name__ != name]
    bound = specialise(sources, "mutant", {**cuts, name: wrong}, plain)
    return with_new_workspaces(for_threads(threads, replace(halves_engine(), epoch=bound.epoch)))


def nothing(*arguments):
    """In place of a function that is left out."""


def wrong_versions() -> Iterator[tuple[str, Callable[..., Any], Any]]:
    def one_part_lost(theta, keep, part_0, part_1, *rest):
        plain(halves.add_parts)(theta, keep, part_0, 0 * part_1, *rest)

    def penalty_forgotten(theta, keep, *rest):
        plain(halves.add_parts)(theta, theta.dtype.type(1), *rest)

    def penalty_of_the_biases(theta, net, l, settings, learning_rate, *rest):
        plain(halves.layer_step)(theta, net, l, settings, learning_rate, *rest)
        b, end = net.b_start[l], net.b_start[l] + net.sizes[l]
        theta[b:end] *= 1 - learning_rate * net.l2

    def sum_of_one_part(part_0, part_1, *rest):
        plain(loopbp.tiled.add_two)(part_0, 0 * part_1, *rest)

    def step_of_the_one_before(theta, net, l, settings, learning_rate, step, *rest):
        plain(halves.layer_step)(theta, net, l, settings, learning_rate, max(1, step - 1), *rest)

    def state_forgotten(theta, state, *rest):
        held = state.copy()
        plain(loopbp.shares.give)(theta, state, *rest)
        state[:] = held

    def step_of_the_last_layer_forgotten(theta, net, l, *rest):
        if l < len(net.sizes) - 1:
            plain(halves.layer_step)(theta, net, l, *rest)

    def sum_of_one_example_lost(theta, net, x, m, alpha, *rest):
        plain(halves.backward_half)(theta, net, x, m - (m > 1), alpha, *rest)

    def empty_half_not_cleared(theta, net, x, m, *rest):
        if m > 0:
            plain(halves.backward_half)(theta, net, x, m, *rest)

    yield "add_parts", one_part_lost, SGD
    yield "add_parts", penalty_forgotten, SGD
    yield "layer_step", penalty_of_the_biases, SGD
    yield "pack_transposed", nothing, SGD
    yield "layer_step", step_of_the_last_layer_forgotten, SGD
    yield "backward_half", sum_of_one_example_lost, SGD
    yield "backward_half", empty_half_not_cleared, SGD
    yield "add_two", sum_of_one_part, ADAM
    yield "add_penalty_gradient", nothing, ADAM
    yield "layer_step", step_of_the_one_before, ADAM
    yield "give", state_forgotten, ADAM


@pytest.mark.parametrize(("name", "wrong", "rule"), [*wrong_versions()])
def test_a_wrong_version_is_rejected(name, wrong, rule):
    reject(name, wrong, rule)


def reject(
    name: str, wrong: Callable[..., Any], rule: Any, batch_size: int = 12, threads: int = 1
) -> None:
    """What is right must equal the reference, and what is wrong must not."""
    X, Y = regression(25, 4, 2)  # the last batch has one example
    net = helpers.network([4, 20, 5, 2], l2=0.01)
    arguments = net, X, Y, batch_size
    right, made = mutant("no function", nothing, threads), mutant(name, wrong, threads)
    assert difference(right, *arguments, epochs=2, optimizer=rule) <= 1e-12
    assert difference(made, *arguments, epochs=2, optimizer=rule) > 1e-6


def wrong_exchanges() -> Iterator[tuple[str, Callable[..., Any], int]]:
    def copies_do_not_change_hands(halves_, s, turn, hands_on):
        return plain(loopbp.shares.of_row)(halves_, 1 - s, halves.COPY)

    def last_bias_kept_back(theta, net, x, m, alpha, out_part, out_copy, *rest):
        plain(halves.backward_half)(theta, net, x, m, alpha, out_part, out_copy, *rest)
        out_copy[net.b_start[-1] + net.sizes[-1] - 1] = 0

    def nothing_of_an_empty_half(theta, net, x, m, alpha, out_part, out_copy, *rest):
        held = out_copy.copy()
        plain(halves.backward_half)(theta, net, x, m, alpha, out_part, out_copy, *rest)
        if m == 0:
            out_copy[:] = held

    yield "others_part", copies_do_not_change_hands, 12
    yield "backward_half", last_bias_kept_back, 12
    yield "backward_half", nothing_of_an_empty_half, 1


@pytest.mark.parametrize(("name", "wrong", "batch_size"), [*wrong_exchanges()])
@pytest.mark.parametrize("rule", [SGD, ADAM], ids=named)
def test_a_wrong_exchange_of_two_threads_is_rejected(name, wrong, batch_size, rule):
    reject(name, wrong, rule, batch_size, halves.HALVES)
