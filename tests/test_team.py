"""Threads that meet: joining, barriers, and an epoch that one of them runs alone."""

import os
import threading
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest
from cases import helpers
from cases.helpers import BOUNDSCHECK, JIT, needs_jit
from cases.meeting import LINE, exact, exchanged, words
from cases.training import train
from numba import njit

import loopbp
from loopbp.machine import cores, pieces, team
from loopbp.machine.team import join, meet, run_team
from loopbp.machine.words import add, claim, give_way, look, put, rest, sleep
from loopbp.tiled.engine import tiled_engine

resource: Any = import_module("resource") if os.name != "nt" else None

parallel = pytest.mark.skipif(BOUNDSCHECK, reason="that pass is for serial code")


# -- words ----------------------------------------------------------------------------------------


def use_words(memory):
    found = (
        add(memory, 0, 5),
        add(memory, 0, -2),
        look(memory, 0),
        claim(memory, 0, 3, 7),
        claim(memory, 0, 3, 9),
        look(memory, 0),
        claim(memory, 1, 0, -1),
        look(memory, 1),
    )
    put(memory, 2, 4)
    rest()
    give_way()
    sleep()
    return found


def test_words_compiled_equal_plain_python():
    memories = words(), words()
    found, expected = njit(use_words)(memories[0]), use_words(memories[1])
    assert tuple(map(int, found)) == (0, 5, 3, 1, 0, 7, 1, -1)
    assert memories[0][2] == 4
    assert tuple(map(int, expected)) == tuple(map(int, found))
    assert (memories[0] == memories[1]).all()


# -- joining --------------------------------------------------------------------------------------


def test_one_worker_neither_joins_nor_meets_anybody():
    memory = words()
    assert join(memory, 1) == 1
    meet(memory, 0, 1)
    assert not memory.any()


@pytest.mark.parametrize("workers", [2, 3])
def test_who_loses_patience_goes_alone_and_late_ones_leave(workers):
    memory = words()
    assert [join(memory, workers) for _ in range(workers)] == [1] + [0] * (workers - 1)


def test_the_last_to_come_makes_the_team():
    memory = words()
    add(memory, pieces.COMERS, 1)
    assert join(memory, 2) == 2
    assert look(memory, pieces.MODE) == team._TOGETHER


# -- meeting --------------------------------------------------------------------------------------


@njit
def passing_by(memory, worker, workers):
    """No meeting at all."""


@needs_jit
@parallel
def test_what_one_writes_before_a_meeting_all_see_after_it():
    if numba.get_num_threads() < 2:
        pytest.skip("one thread")
    runs = exchanged(meet, 2)
    assert runs
    assert all(run == exact(2) for run in runs)
    # Without meetings only threads in step for all rounds would add up the same.
    assert any(run != exact(2) for run in exchanged(passing_by, 2))


_EXCHANGE = """
import sys
sys.path.insert(0, {tests!r})
from cases.meeting import exact, exchanged
from loopbp.machine.team import meet
runs = exchanged(meet, 4, rounds=1_000)
print(len(runs) > 0 and all(run == exact(4, 1_000) for run in runs))
"""


@needs_jit
@parallel
def test_more_threads_than_cores_meet():
    code = _EXCHANGE.format(tests=str(Path(__file__).parent))
    assert helpers.run_python(code, NUMBA_NUM_THREADS="4") == "True"


@njit(nogil=True)
def meet_as_the_first(memory):
    meet(memory, 0, 2)


@needs_jit
@pytest.mark.skipif(not hasattr(resource, "RUSAGE_THREAD"), reason="no such counts there")
def test_who_waits_for_long_leaves_the_core():
    """And does not offer it only: each of its sleeps counts as one switch of its own will."""
    memory, slept = words(), []

    def first():
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
        meet_as_the_first(memory)
        slept.append(resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw - before)

    put(memory, pieces.MET + LINE, 1)
    meet_as_the_first(memory)  # compiles; the other was there before
    put(memory, pieces.MET + LINE, 1)
    thread = threading.Thread(target=first, daemon=True)
    thread.start()
    time.sleep(0.5)
    assert slept == []
    put(memory, pieces.MET + LINE, 2)
    thread.join(60)
    assert slept[0] > 50


_TEAMS = """
import os
import numba
from loopbp.machine import cores
from loopbp.machine import threads as machine_threads
print(numba.get_num_threads(), machine_threads.usable_threads() <= cores.usable_cores())
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    assert cores.usable_cores() == machine_threads.usable_threads() == 1
"""


@needs_jit
def test_no_team_has_more_members_than_there_are_cores_for():
    assert helpers.run_python(_TEAMS, NUMBA_NUM_THREADS="64") == "64 True"


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ({}, 64),
        ({"a/b": "max 100000"}, 64),
        ({"a/b": "150000 100000", "a": "max 100000"}, 2),
        ({"a/b": "400000 100000", "a": "300000 100000"}, 3),
        ({"": "50000 100000"}, 1),
        ({"a/b": "nonsense", "a": "1 0"}, 64),
    ],
)
def test_what_a_container_pays_for(limits, most, tmp_path, monkeypatch):
    for group, text in limits.items():
        (tmp_path / group).mkdir(parents=True, exist_ok=True)
        (tmp_path / group / "cpu.max").write_text(f"{text}\n")
    (tmp_path / "own").write_text("1:name=x:/y\n0::/a/b\n")
    monkeypatch.setattr(cores, "_ALLOWANCES", tmp_path)
    monkeypatch.setattr(cores, "_OWN_GROUP", tmp_path / "own")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(64), raising=False)
    assert cores.usable_cores() == most
    monkeypatch.setattr(cores, "_OWN_GROUP", tmp_path / "none")
    assert cores.usable_cores() == 64


# -- a team with arguments ------------------------------------------------------------------------


class Pair(NamedTuple):
    out: Any
    factor: float


@njit
def tell(x, pair, times, worker, workers):
    """Each worker adds to its own number of `pair.out`."""
    for t in range(times):
        pair.out[worker] += pair.factor * x[t]
    pair.out[2 + worker] = workers


def tell_all(memory, x, pair, times):
    run_team(tell, memory, 2, (x, pair, times))


@parallel
def test_a_team_gets_its_arguments_compiled_as_in_plain_python():
    x = np.arange(5.0)
    expected, found = np.zeros(4), np.zeros(4)
    tell_all(words(), x, Pair(expected, 3.0), 4)
    assert expected.tolist() == [18.0, 0.0, 1.0, 0.0], "alone, for nobody else comes"
    njit(tell_all)(words(), x, Pair(found, 3.0), 4)
    together = [18.0, 18.0, 2.0, 2.0]
    assert found.tolist() in ([together, expected.tolist()] if JIT else [expected.tolist()])


def test_an_address_means_nothing_without_the_compiler():
    with pytest.raises(NotImplementedError, match="compiled"):
        team.call_work(0, 0, 0, 1)


# -- an epoch alone -------------------------------------------------------------------------------


def trained(threads: int, running: int) -> bytes:
    """Losses and weights of an epoch whose workspace is for `threads`, run by `running`."""
    usable, engine = numba.get_num_threads(), tiled_engine(True)
    net = helpers.network([140, 136, 20, 3], l2=0.01)
    theta, settings = net.theta.copy(), loopbp.SGD(0.05).settings
    X = np.random.default_rng(0).standard_normal((100, 140))
    Y = np.tanh(X[:, :3])
    try:
        numba.set_num_threads(threads)
        workspace = engine.make_workspace(theta, net.architecture, 100, 32)
        assert workspace.own.shape[0] == threads
        numba.set_num_threads(running)
        losses = [
            engine.epoch(
                theta, net.architecture, X, Y, np.ones(100), settings, 0.05,
                engine.make_state(theta, settings), 4 * number, net.seed, number, 32, True,
                workspace,
            )
            for number in range(2)
        ]  # fmt: skip
    finally:
        numba.set_num_threads(usable)
    return np.array(losses).tobytes() + theta.tobytes()


@needs_jit
@parallel
def test_an_epoch_alone_has_the_bits_of_the_team():
    if numba.get_num_threads() < 2:
        pytest.skip("one thread")
    assert len({trained(1, 1), trained(2, 2), trained(2, 1)}) == 1


def test_a_serial_epoch_goes_alone_through_a_workspace_for_several():
    def made(threads: int) -> Any:
        def make_workspace(theta: Any, *shape: Any) -> Any:
            workspace = serial.make_workspace(theta, *shape)
            own = np.tile(workspace.own, (threads, 1))
            return workspace._replace(own=own)

        return replace(serial, make_workspace=make_workspace)

    serial = tiled_engine(False)
    net = helpers.network([4, 18, 3])
    X = np.random.default_rng(0).standard_normal((40, 4))
    (one, theta), (three, theta_three) = (
        train(made(threads), net, X, X[:, :3], 20) for threads in (1, 3)
    )
    assert one == three
    assert (theta == theta_three).all()
