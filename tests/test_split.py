"""Epochs of a network cut into shares: equal to the reference, the same bits for any threads."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from cases import helpers
from cases.helpers import BOUNDSCHECK, JIT, needs_jit
from cases.split import bits, run_alone, with_groups
from cases.training import OPTIMIZERS, SGD, SOURCES, TOLERANCE, difference, named, regression, train

import loopbp
import loopbp.tiled.epochs.share_memory
from loopbp.binding import Engine
from loopbp.engines import pick_training
from loopbp.jit.sources import plain
from loopbp.jit.specialise import specialise
from loopbp.machine.memory import REGISTER_BYTES
from loopbp.tiled import batch, choice, sums, update
from loopbp.tiled import engine as engine_module
from loopbp.tiled.engine import first_units_engine, tiled_engine
from loopbp.tiled.epochs import by_first_units as split
from loopbp.tiled.epochs import share_memory, skeleton

each_dtype = pytest.mark.parametrize("dtype", TOLERANCE)
# Groups, and threads that there may be: a group in a share, two and four.
CUTS = ((2, 1), (2, 2), (4, 1), (4, 2), (4, 4))
each_cut = pytest.mark.parametrize(("groups", "threads"), CUTS)
# With fewer examples there are dot products, and no groups: see `unit_groups`.
BATCHES = (5, 7, 16, 33, 64) if JIT else (5, 17)


# -- equal to the reference -----------------------------------------------------------------------


@each_dtype
@each_cut
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=named)
def test_every_optimizer(dtype, groups, threads, optimizer):
    X, Y = regression(50, 6, 3)
    for l2, shuffled in ((0.0, True), (0.02, False)):
        net = helpers.network([6, 70, 20, 3], dtype=dtype, l2=l2)
        found = difference(
            with_groups(groups, threads), net, X, Y, 20, optimizer=optimizer, shuffled=shuffled
        )
        assert found <= TOLERANCE[dtype]


@each_dtype
@helpers.each_pair
def test_every_output_and_loss_with_sample_weights(dtype, output, loss):
    m, outputs = 37, 5
    X = np.random.default_rng(0).standard_normal((m, 4))
    Y = helpers.targets_for(output, loss, m, outputs)
    weight = 0.25 + np.random.default_rng(1).random(m)
    for sizes in ([4, 33, outputs], [4, 33, 7, outputs]):
        net = helpers.network(sizes, "sigmoid", output, loss, dtype=dtype)
        rule = loopbp.SGD(1e-3)
        found = difference(with_groups(2), net, X, Y, 18, optimizer=rule, weight=weight)
        assert found <= TOLERANCE[dtype]


@each_dtype
@pytest.mark.parametrize("hidden", helpers.HIDDEN)
def test_every_activation(dtype, hidden):
    X, Y = regression(40, 5, 2)
    net = helpers.network([5, 18, 18, 2], hidden, dtype=dtype)
    assert difference(with_groups(2), net, X, Y, 17) <= TOLERANCE[dtype]


@each_dtype
@pytest.mark.parametrize("batch_size", BATCHES)
def test_every_batch_size_with_a_last_partial_batch(dtype, batch_size):
    X, Y = regression(batch_size + batch_size // 2 + 1, 9, 3)
    for cut, rule in product(CUTS, (SGD, OPTIMIZERS[4])):
        net = helpers.network([9, 130, 33, 3], dtype=dtype)
        found = difference(with_groups(*cut), net, X, Y, batch_size, optimizer=rule)
        assert found <= TOLERANCE[dtype]


# Halves that are equal or not, one input, one output, rows that are far apart (float64).
SIZES = [
    [1, 17, 1], [784, 30, 10], [7, 33, 2], [2, 100, 1], [5, 64, 1, 2], [5, 128, 2, 7, 33, 1],
    [33, 65, 600 if JIT else 40], [600 if JIT else 40, 80, 600 if JIT else 40, 3],
]  # fmt: skip


@each_dtype
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_every_depth(dtype, sizes):
    for (m, batch_size), rule in product(((70, 40), (19, 10)), (SGD, OPTIMIZERS[4])):
        X, Y = regression(m, sizes[0], sizes[-1])
        for l2, threads in ((0.001, 2), (0.0, 1)):
            net = helpers.network(sizes, dtype=dtype, l2=l2)
            found = difference(with_groups(2, threads), net, X, Y, batch_size, optimizer=rule)
            assert found <= TOLERANCE[dtype]


@each_dtype
def test_the_epoch_for_softmax_alone(dtype):
    X = np.random.default_rng(0).standard_normal((50, 6))
    Y = helpers.targets_for("softmax", "cross_entropy", 50, 4)
    parallel = [] if BOUNDSCHECK else [first_units_engine(True), tiled_engine(True, True)]
    for engine, sizes in product(
        [*parallel, tiled_engine(False, True)], ([6, 40, 4], [6, 40, 20, 4])
    ):
        net = helpers.network(sizes, "tanh", "softmax", "cross_entropy", dtype=dtype)
        assert difference(engine, net, X, Y, 20) <= TOLERANCE[dtype]


def test_a_batch_size_beyond_the_examples():
    X, Y = regression(3, 4, 2)
    net = helpers.network([4, 20, 2])
    assert difference(with_groups(2), net, X, Y, 64) <= 1e-12


# -- the same bits --------------------------------------------------------------------------------


@needs_jit
@pytest.mark.skipif(BOUNDSCHECK, reason="that pass is for serial code")
def test_same_bits_for_any_number_of_threads():
    assert len(helpers.bits_by_threads(bits, lambda: bits(2))) == 1


_FORK = """
import os
import numpy as np
import loopbp

def train():
    net = loopbp.Network({sizes}, dtype="float32", seed=0)
    X = np.random.default_rng(0).standard_normal((200, net.sizes[0]))
    net.fit(X, np.arange(200) % 3, epochs=2, batch_size=50, optimizer={optimizer!r}, verbose=False)
    return net.theta.tobytes()

expected = train()
read, write = os.pipe()
if os.fork() == 0:
    os.write(write, b"same" if train() == expected else b"other")
    os._exit(0)
os.close(write)
print(os.wait()[1], os.read(read, 9).decode())
"""


@needs_jit
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize(
    ("sizes", "optimizer"),
    [([64, 40, 3], "sgd"), ([64] * 8 + [3], "adam")],
    ids=["split", "team"],
)
def test_a_forked_child_trains_on(sizes, optimizer):
    assert helpers.run_python(_FORK.format(sizes=sizes, optimizer=optimizer)) == "0 same"


def test_threads_that_work_are_a_power_of_two():
    net = helpers.network([9, 140, 3])
    for groups, threads, expected in ((2, 1, 1), (2, 3, 2), (4, 2, 2), (4, 3, 2), (4, 9, 4)):
        engine = with_groups(groups, threads)
        assert engine.make_workspace(net.theta, net.architecture, 20, 17).workers == expected


def test_a_thread_has_one_share_but_where_the_order_of_sums_would_be_another():
    def shares(threads: int, l2: float = 0.0) -> tuple[int, int]:
        net = helpers.network([9, 140, 3], l2=l2)
        engine = with_groups(4, threads)
        workspace = engine.make_workspace(net.theta, net.architecture, 100, 17)
        return workspace.memory.shape[0], workspace.groups

    assert [shares(threads) for threads in (1, 2, 3, 4, 9)] == [
        (1, 4), (2, 2), (2, 2), (4, 1), (4, 1),
    ]  # fmt: skip
    assert shares(1, l2=0.1) == (4, 1), "a penalty"


@needs_jit
@pytest.mark.skipif(BOUNDSCHECK, reason="that pass is for serial code")
@each_dtype
@pytest.mark.parametrize("rule", [SGD, OPTIMIZERS[1], OPTIMIZERS[4]], ids=repr)
def test_one_thread_and_a_team_find_the_same_bits(dtype, rule):
    """They add the inputs of layer 2 in the same groups."""
    for sizes, batch_size, count in (
        ([64, 32, 10], 32, 2), ([784, 30, 10], 10, 2), ([784, 128, 10], 128, 4),
        ([100, 20, 100], 32, 2),
    ):  # fmt: skip
        net = helpers.network(sizes, dtype=dtype)
        makers = engine_module.workspace_makers()
        groups = makers.unit_groups(net.architecture, rule.settings, batch_size, net.theta.itemsize)
        assert groups == count
        X, Y = regression(2 * batch_size + 3, sizes[0], sizes[-1])
        ways = (first_units_engine(), tiled_engine(True), tiled_engine(False))
        found = [train(engine, net, X, Y, batch_size, rule) for engine in ways]
        for losses, theta in found[1:]:
            assert losses == found[0][0]
            assert (theta == found[0][1]).all()


# -- which networks -------------------------------------------------------------------------------


def picked(sizes: list[int], batch_size: int, rule: Any = SGD, **options: Any) -> bool:
    net = helpers.network(sizes, **options)
    arguments = net.theta, net.architecture, rule.settings, batch_size
    return pick_training("auto", *arguments).make_workspace is engine_module.shares_workspace


def test_which_networks_are_cut(monkeypatch):
    monkeypatch.setattr(engine_module, "threading_layer", lambda: "omp")
    monkeypatch.setattr(engine_module, "usable_threads", lambda: 2)
    assert picked([64, 32, 10], 32)
    assert picked([784, 30, 10], 10, loopbp.Adam())
    assert picked([784, 512, 512, 10], 128, dtype="float32")
    assert not picked([784, 512, 512, 10], 128), "many weights"
    assert picked([784, 1024, 10], 128, dtype="float32")
    assert not picked([784, 1024, 10], 128), "many weights, in layer 1"
    assert not picked([64, 32, 10], 2), "little work"
    assert picked([64, 32, 10], 256)
    assert not picked([784, 10], 64), "one layer"
    assert not picked([784, 8, 10], 64), "one register of units"
    assert not picked([64] * 12, 64), "most is above layer 2"
    assert not picked([64, 32, 10], 32, dropout=0.1)
    assert not picked([64, 32, 10], 32, replace(SGD, clip_norm=1.0))
    monkeypatch.setattr(engine_module, "threading_layer", lambda: "workqueue")
    assert not picked([64, 32, 10], 32), "starting threads takes 110 us"


def test_the_number_of_groups():
    def count(n_1: int, batch_size: int, itemsize: int = 4) -> int:
        net = helpers.network([784, n_1, 10])
        return int(choice.group_count(net.architecture, batch_size, itemsize))

    assert count(8, 10) == 1
    assert count(30, 10) == 2
    assert count(128, 64) == choice.MANY_GROUPS
    assert count(128, 16) == 2, "less work"
    assert count(3 * REGISTER_BYTES // 4, 1000) == 2, "few units"


def owners(
    sizes: list[int], shares: int, groups: int, cut: Callable[..., Any], blocks_of: Any
) -> Any:
    """How many shares, of so many groups each, write each number of theta."""
    net = helpers.network(sizes)
    found, before = np.zeros(net.theta.size, int), 0
    for s in range(shares):
        part = cut(net.architecture, s, shares, groups, 8)
        blocks = blocks_of(net.architecture, part, before)
        for at, _, count in blocks[: len(blocks) - (s > 0)]:
            found[at : at + count] += 1
        before += part.sizes[1]
    return found


def test_every_number_of_theta_has_one_owner():
    def without_the_last_column(*arguments):
        w, b, *columns, rest = split.blocks_of(*arguments)
        return [w, b, *columns[:-1], rest]

    for sizes, cut in product(
        ([1, 33, 1], [7, 64, 2], [3, 70, 5, 2]), ((1, 4), (2, 1), (2, 2), (4, 1))
    ):
        assert (owners(sizes, *cut, split.cut, split.blocks_of) == 1).all()
        assert not (owners(sizes, *cut, split.cut, without_the_last_column) == 1).all()


def test_a_group_is_the_same_units_in_any_share():
    for n_1, itemsize in ((33, 8), (70, 8), (460, 4), (512, 4)):
        net = helpers.network([5, n_1, 3])
        alone = [split.cut(net.architecture, s, 4, 1, itemsize).sizes[1] for s in range(4)]
        pairs = [split.cut(net.architecture, s, 2, 2, itemsize).sizes[1] for s in range(2)]
        assert pairs == [alone[0] + alone[1], alone[2] + alone[3]]
        assert sum(alone) == n_1
        assert min(alone) > 0


# -- wrong versions -------------------------------------------------------------------------------


# In the order of their calls.
SHARES_NAMES = (
    "of_row",
    "place",
    "network_of",
    "workspace_of",
    "state_panels",
    "batch_of",
    "take",
    "give",
)
OWN_NAMES = (
    "own_shares",
    "begin_epoch",
    "end_epoch",
    "claim_lines",
    "begin_sum",
    "add_own",
    "add_all",
    "forward_shares",
    "one_step",
    "threads_of",
)


def mutant(name: str, wrong: Callable[..., Any], cut: tuple[int, int] = (2, 2)) -> Engine:
    """The epoch, uncompiled, by one thread, with another function behind one of its names."""
    sources = [
        *(source for source in SOURCES if source.__name__ not in {*OWN_NAMES, "work"}),
        *(getattr(share_memory, n, None) or batch.batch_of for n in SHARES_NAMES),
        *(getattr(split, n) for n in OWN_NAMES), skeleton.work, skeleton.epoch,
    ]  # fmt: skip
    bound = specialise(
        [source for source in sources if source.__name__ != name], "mutant",
        {name: wrong, "run_team": plain(run_alone)}, plain,
    )  # fmt: skip
    return with_new_workspaces(with_groups(*cut, replace(first_units_engine(), epoch=bound.epoch)))


def with_new_workspaces(made: Engine) -> Engine:
    """A new workspace for each epoch: what one leaves behind is in theta and state."""

    def epoch(theta: Any, architecture: Any, X: Any, *rest: Any) -> float:
        *others, batch_size, shuffled, _ = rest
        workspace = made.make_workspace(theta, architecture, len(X), batch_size)
        return made.epoch(theta, architecture, X, *others, batch_size, shuffled, workspace)

    return replace(made, epoch=epoch)


def wrong_versions() -> Iterator[tuple[str, Callable[..., Any], Any]]:
    def second_part_lost(x, y, start, stop, out):
        out[start:stop] = x[start:stop]

    def without_the_biases(theta, state, *rest):
        held = theta.copy()
        plain(share_memory.give)(theta, state, *rest)
        theta[-1] = held[-1]

    def first_share_alone(theta, state, architecture, resident, split_, s):
        if s == 0:
            plain(share_memory.give)(theta, state, architecture, resident, split_, s)

    def first_row_for_all(workspace, r, n, K):
        return plain(share_memory.state_panels)(workspace, 0, n, K)

    def state_forgotten(theta, state, *rest):
        held = state.copy()
        plain(share_memory.give)(theta, state, *rest)
        state[:] = held

    def penalty_left_out(theta, architecture, *rest):
        plain(update.input_state_pass)(theta, architecture._replace(l2=0.0), *rest)

    def biases_left_out(theta, architecture, x, delta, *rest):
        plain(update.input_state_pass)(theta.copy(), architecture, x, delta, *rest)

    yield "add_two", second_part_lost, SGD
    yield "give", without_the_biases, SGD
    yield "give", first_share_alone, SGD
    adam = OPTIMIZERS[4]
    yield "state_panels", first_row_for_all, adam
    yield "give", state_forgotten, adam
    yield "input_state_pass", penalty_left_out, adam
    yield "input_state_pass", biases_left_out, adam


@pytest.mark.parametrize(("name", "wrong", "rule"), [*wrong_versions()])
def test_a_wrong_version_is_rejected(name, wrong, rule):
    X, Y = regression(20, 4, 2)
    net = helpers.network([4, 20, 5, 2], l2=0.01)
    right = mutant("nothing", lambda: None)
    assert difference(right, net, X, Y, 8, epochs=2, optimizer=rule) <= 1e-12
    assert difference(mutant(name, wrong), net, X, Y, 8, epochs=2, optimizer=rule) > 1e-6


def wrong_sums() -> Iterator[tuple[Callable[..., Any], Any]]:
    by_groups: Any = plain(sums.weighted_input_by_groups)

    def bias_in_every_part(*arguments):
        by_groups(*arguments)
        arguments[3][:] += arguments[1] * (arguments[-3] > 0)

    def one_input_short(panels, b, a, *rest):
        by_groups(panels, b, np.where(np.arange(len(a[0])), a, 0), *rest)

    def the_first_share_for_all(*arguments):
        *others, _, each, groups = arguments
        by_groups(*others, 0, each, groups)

    yield one_input_short, ((2, 1), (4, 1), (4, 2))
    for wrong in (bias_in_every_part, the_first_share_for_all):  # of several
        yield wrong, ((2, 2), (4, 2))


@pytest.mark.parametrize(("wrong", "cuts"), [*wrong_sums()])
def test_a_wrong_sum_of_groups_is_rejected(wrong, cuts):
    X, Y = regression(40, 4, 2)
    net = helpers.network([4, 70, 5, 2])
    for cut in cuts:
        right = mutant("nothing", lambda: None, cut)
        assert difference(right, net, X, Y, 18, epochs=2) <= 1e-12
        found = mutant("weighted_input_by_groups", wrong, cut)
        assert difference(found, net, X, Y, 18, epochs=2) > 1e-6
