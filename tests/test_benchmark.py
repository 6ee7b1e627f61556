"""The benchmark: its cases, what it compares before it times, its engines, costs and process."""

import math
from dataclasses import replace
from itertools import chain, repeat

import numpy as np
import pytest
from cases import helpers
from cases.benchmark import TINY, Absent, TwiceTheRate, ticking
from cases.helpers import JIT, needs_jit

from loopbp.benchmark import cases, costs, engines_bench, environment, runner
from loopbp.benchmark.__main__ import run as run_job
from loopbp.benchmark.cases import make_problem
from loopbp.benchmark.peers import PEERS, LoopBP, NumPy, Trainer
from loopbp.engines import pick

pytestmark = pytest.mark.usefixtures("in_a_hurry")


# -- cases ----------------------------------------------------------------------------------------


def test_the_names_of_the_cases_differ():
    assert len(set(cases.NAMES)) == len(cases.CASES) == 11


@pytest.mark.parametrize("case", [*cases.CASES, *cases.sweep()], ids=lambda case: case.name)
def test_a_case_makes_a_network(case):
    if sum(a * b for a, b in zip(case.sizes, case.sizes[1:], strict=False)) > 10**6:
        case = replace(case, sizes=tuple(min(n, 9) for n in case.sizes))
    net = case.network()
    assert net.sizes == case.sizes
    assert (net.output, net.loss_name, net.dtype) == (case.output, case.loss, case.dtype)
    assert case.examples == case.steps * case.batch
    assert case.target is None or case.target > 0
    assert case.flops > 0


def test_the_sweep_is_the_same_each_time_and_within_its_bounds():
    shapes = cases.sweep()
    assert shapes == cases.sweep()
    assert len(shapes) == 20
    assert all(2 <= len(case.sizes) <= 7 for case in shapes)
    assert all(1 <= n <= 1500 for case in shapes for n in case.sizes)
    assert all(1 <= case.batch <= 1000 for case in shapes)


def test_float64_has_targets_of_its_own():
    assert {case.target for case in cases.select(None, "float64")} == {1.0}
    assert {case.dtype for case in cases.select(["xor"], "float64")} == {"float64"}


def test_the_data_are_the_same_each_time_and_one_of_the_classes():
    case = replace(TINY[0], dtype="float64")
    first, second = make_problem(case), make_problem(case)
    assert np.array_equal(first.X, second.X)
    assert np.array_equal(first.Y, second.Y)
    assert np.array_equal(first.net.theta, second.net.theta)
    assert (first.Y.sum(axis=1) == 1).all()


def test_xor_is_its_four_rows_in_order():
    problem = make_problem(replace(cases.CASES[0], steps=2))
    assert problem.X.shape == (8, 2)
    assert problem.Y.ravel().tolist() == [0, 1, 1, 0, 0, 1, 1, 0]


# -- peers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", helpers.DTYPES)
@pytest.mark.parametrize("case", TINY, ids=lambda case: case.name)
@pytest.mark.parametrize("kind", [LoopBP, *PEERS], ids=lambda kind: kind.name)
@pytest.mark.filterwarnings("ignore")  # those of the other libraries
def test_all_end_at_the_same_weights(kind, case, dtype):
    if kind.is_missing():
        pytest.skip(f"{kind.name} is not installed ({kind.install})")
    case = replace(case, dtype=dtype)
    if kind.cannot(case):
        pytest.skip(f"{kind.name} {kind.cannot(case)}")
    problem = make_problem(case)
    expected = runner.reference_theta(problem)
    trainer = kind(problem)
    for _ in range(2):  # again from the start
        trainer.start()
        trainer.epoch()
        apart = runner.deviation(trainer.theta(), expected, problem.net.theta)
        assert apart <= runner.TOLERANCE[dtype]


@pytest.mark.parametrize("case", TINY, ids=lambda case: case.name)
def test_a_wrong_peer_is_reported_and_not_timed(case):
    row = runner.run_case(case, (NumPy, TwiceTheRate, Absent), 1, ticking())
    assert row["trainers"]["numpy"]["samples"] == 1
    assert row["trainers"]["twice"]["deviation"] > runner.TOLERANCE[case.dtype]
    assert "median" not in row["trainers"]["twice"]
    assert "absent" not in row["trainers"]
    assert row["fastest_peer"] == "numpy"


def test_weights_that_are_not_finite_deviate():
    zero, one = np.zeros(3), np.ones(3)
    assert runner.deviation(np.array([1.0, np.nan, 1.0]), one, zero) == math.inf
    assert runner.deviation(np.ones(2), one, zero) == math.inf
    assert runner.deviation(one, one, zero) == 0


def test_medians_spread_and_ratio_come_from_the_clock():
    case = TINY[0]
    row = runner.run_case(case, (NumPy,), rounds=3, clock=ticking())
    ours, peer = row["trainers"]["loopbp"], row["trainers"]["numpy"]
    assert ours["min"] == ours["median"] == ours["max"] == pytest.approx(1e6 / case.steps)
    assert (ours["samples"], peer["samples"]) == (3, 3)
    assert row["ratio"] == pytest.approx(peer["median"] / ours["median"])


def scripted_rounds(monkeypatch, seconds, rounds):
    """What becomes of epochs that take so many seconds, one after the other."""
    monkeypatch.setattr(runner, "_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(runner, "_ROUND_SECONDS", (8.0, 20.0))
    left = iter(seconds)
    now = 0.0

    class Scripted(LoopBP):
        def start(self):
            pass

        def epoch(self):
            nonlocal now
            now += next(left)

    found = runner._time_in_turns({"loopbp": Scripted(make_problem(TINY[0]))}, rounds, lambda: now)[
        "loopbp"
    ]
    assert next(left, None) is None, "epochs are left over"
    return found


# Each script: one epoch to warm up and one to get to know it; then each round one to warm up, and
# timings.
@pytest.mark.parametrize(
    ("timings", "seconds", "settled"),
    [
        ((3, 3.03, 3.06), 3, True),
        ((9, 4, 4.05, 4.02), 4, True),
        ((2, 2, 2, 2), 2, True),  # not before 8 seconds
        ((5, 2.9, 4, 2.95, 2.91), 2.9, True),
        ((1, 1.5, *[2] * 9), 1, False),  # 20 seconds are over
        ((30, 40, 50, 30, 35), 30, False),  # not before five
        ((30, 40, 50, 30, 30), 30, True),
    ],
)
def test_a_round_goes_on_until_its_fastest_timings_agree(monkeypatch, timings, seconds, settled):
    [found] = scripted_rounds(monkeypatch, (1, 1, 9, *timings), 1)
    assert found[:2] == (pytest.approx(seconds), settled)


def test_each_round_starts_anew(monkeypatch):
    found = scripted_rounds(monkeypatch, (1, 1, 9, 3, 3, 3, 9, 5, 5, 5), 2)
    assert [r[:2] for r in found] == [(3, True), (5, True)]


def test_who_is_far_behind_is_timed_once_in_the_first_rounds(monkeypatch):
    monkeypatch.setattr(runner, "_PAUSE_SECONDS", 0.0)
    now = 0.0

    class Takes(NumPy):
        def __init__(self, seconds):
            super().__init__(make_problem(TINY[0]))
            self.seconds = seconds

        def epoch(self):
            nonlocal now
            now += self.seconds

    found = runner._time_in_turns(
        {"loopbp": Takes(1.0), "near": Takes(4.0), "far": Takes(6.0)}, 5, lambda: now
    )
    assert found["loopbp"] == [(1.0, True, True)] * 5
    assert found["near"] == [(4.0, True, True)] * 5
    assert found["far"] == [(6.0, None, True)] * 3


@needs_jit
def test_compilation_while_the_clock_runs_is_an_error(monkeypatch):
    counts = iter((1, 2))
    monkeypatch.setattr(runner, "signature_count", lambda: next(counts))
    with pytest.raises(RuntimeError, match="compiled"):
        runner.run_case(TINY[0], (), rounds=1)


def test_what_a_library_cannot_express_is_said():
    from loopbp.benchmark.peers import ScikitLearn

    assert "quadratic" in (ScikitLearn.cannot(TINY[3]) or "")
    assert ScikitLearn.cannot(TINY[0]) is None
    assert Trainer.cannot(TINY[3]) is None


# -- engines --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", engines_bench.ENGINES)
def test_every_phase_of_every_engine_runs(name):
    case = replace(TINY[1], batch=4)
    problem = make_problem(case)
    calls = engines_bench.phases(pick(name, problem.net.theta.size, case.batch), problem)
    assert tuple(calls) == engines_bench.PHASES
    for call in calls.values():
        call()


def test_the_engines_are_measured_over_the_grid():
    grid = {"width": (3,), "batch": (2,), "depth": (1, 2)}
    seen = []
    rows = engines_bench.measure(
        engines_bench.grid_cases(grid, "float64"), {"float64": 1.0}, seen.append, ticking()
    )
    assert len(rows) == 2 * len(engines_bench.ENGINES) * len(engines_bench.PHASES)
    assert len(seen) == 2
    assert all(row["microseconds"] > 0 for row in rows)
    flat = [row for row in rows if row["depth"] == 1 and row["phase"] == "delta"]
    assert [row["gflops"] for row in flat] == [0.0] * len(engines_bench.ENGINES)


# -- costs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", [True, False], ids=["jax", "no jax"])
def test_costs_are_put_together_from_processes(monkeypatch, there):
    caches, told = [], []
    # jobs with each number of threads: but for the second of each, somebody else is on the host
    both = 2 * len(costs.SCALING_CASES)
    slower = chain([1.5] * both, [1.0] * both, repeat(1.5))

    def run(code, threads, cache=None):
        caches.append(cache)
        return "3000" if "net.fit" in code or "block_until_ready" in code else "1000"

    def job(wanted, count):
        rows = [
            {"case": name, "trainers": {"loopbp": {"median": next(slower) * 6.0 / count}}}
            for name in wanted["cases"]
        ]
        return {"peers": rows}

    monkeypatch.setattr(costs, "_run", run)
    monkeypatch.setattr(costs, "run_job", job)
    monkeypatch.setattr(costs, "find_spec", lambda name: there or name != "jax" or None)
    found = costs.measure(2, told.append)
    assert found["memory_loopbp_bytes"] == 2000  # what the data and the import hold is taken off
    assert found.get("memory_jax_bytes") == (2000 if there else None)
    assert ("import_jax_seconds" in found) == there
    assert found["scaling"] == {name: {"1": 6.0, "2": 3.0} for name in costs.SCALING_CASES}
    assert set(costs.LIMITS) <= set(found)
    assert caches[0] is None, "Python alone"
    cold, later = caches[1 : 1 + costs._COLD_TRIES], caches[1 + costs._COLD_TRIES :]
    assert len(set(cold)) == len(cold), "each finds nothing compiled"
    assert set(later) == {cold[0]}, "the first fit fills the cache that the others find"
    assert len(told) == (7 if there else 5)


def test_a_process_is_timed_until_its_work_is_done():
    assert costs._seconds("pass", 1) > 0
    assert costs._seconds("import time; time.sleep(0.5)", 1) > 0.5
    assert costs._seconds("import atexit, time; atexit.register(time.sleep, 3)", 1) < 3


def test_a_process_that_fails_is_not_timed():
    with pytest.raises(ValueError, match="code 3"):
        costs._seconds("raise SystemExit(3)", 1)


# -- the process and the command line -------------------------------------------------------------


@needs_jit
def test_a_job_runs_in_its_own_process():
    job = {"kind": "peers", "cases": ["xor"], "dtypes": ["float32"], "peers": [], "quick": True}
    found = environment.run_job(job, 1)
    assert found["machine"]["threads"] == 1
    assert found["peak"]["float32"] > 0
    (row,) = found["peers"]
    assert row["case"] == "xor"
    assert row["trainers"]["loopbp"]["deviation"] <= runner.TOLERANCE["float32"]


def test_a_job_names_missing_peers(monkeypatch):
    from loopbp.benchmark import __main__ as worker

    monkeypatch.setattr(worker, "PEERS", (Absent,))
    monkeypatch.setattr(worker, "practical_peak", lambda dtype: 1.0)
    monkeypatch.setattr(worker.cases, "select", lambda names, dtype: [TINY[0]])
    found = run_job({"kind": "peers", "dtypes": ["float32"], "quick": True, "threads": 1})
    assert found["missing"] == [{"name": "absent", "install": "pip install absent"}]
    assert found["peers"][0]["ratio"] is None


def test_the_peak_is_the_best_that_was_seen_before_and_between_the_cases(monkeypatch):
    from loopbp.benchmark import __main__ as worker

    seen = {"float32": iter([100.0, 300.0, 200.0]), "float64": iter([50.0])}
    monkeypatch.setattr(worker, "PEERS", (Absent,))
    monkeypatch.setattr(worker, "practical_peak", lambda dtype: next(seen[dtype]))
    monkeypatch.setattr(worker.cases, "select", lambda names, dtype: [TINY[0], TINY[0]])
    found = run_job({"kind": "peers", "dtypes": ["float32"], "quick": True, "threads": 1})
    assert found["peak"] == {"float32": 300.0, "float64": 50.0}


@pytest.mark.skipif(not JIT, reason="the study of modes times compiled code")
def test_a_job_of_modes(monkeypatch):
    from loopbp.benchmark import __main__ as worker

    monkeypatch.setattr(worker, "practical_peak", lambda dtype: 1.0)
    found = run_job({"kind": "modes", "dtypes": [], "quick": True, "threads": 1})
    assert [row["parameters"] for row in found["modes"]]


def test_a_case_says_how_many_rounds_were_calm():
    from loopbp.benchmark.__main__ import _in_a_line

    row = {
        "case": "a", "dtype": "float32", "ratio": 2.0, "fastest_peer": "jax",
        "trainers": {"loopbp": {"calm": [True, False]}, "jax": {"calm": [True]}},
    }  # fmt: skip
    assert _in_a_line(row) == "a float32: 2.00 times as fast as jax, 2 of 3 rounds calm"
    alone = row | {"ratio": None, "fastest_peer": None, "trainers": {}}
    assert _in_a_line(alone) == "a float32"
