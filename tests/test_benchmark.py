"""The benchmark: its cases, what it compares before it times, the machine."""

import math
from dataclasses import replace

import numpy as np
import pytest
from cases import helpers
from cases.benchmark import TINY, Absent, TwiceTheRate, ticking
from cases.helpers import needs_jit

from loopbp.benchmark import cases, engines_bench, environment, runner
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


# -- environment ----------------------------------------------------------------------------------


def test_the_environment_is_clean_and_has_its_threads(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    monkeypatch.setenv("OPENBLAS_L2_SIZE", "1")
    found = environment.clean_environment(1)
    assert not set(environment.REMOVED) & set(found)
    assert found["NUMBA_NUM_THREADS"] == found["OMP_NUM_THREADS"] == "1"
    assert "multi_thread_eigen=false" in found["XLA_FLAGS"]


def test_more_threads_than_cores_are_refused():
    cores = environment.usable_cores()
    assert environment.check_threads(None) == cores
    with pytest.raises(ValueError, match="threads: expected 1 to"):
        environment.check_threads(cores + 1)


def test_the_peak_is_measured():
    assert environment.practical_peak("float32", 8, ticking()) == pytest.approx(2 * 512 / 1e9)


@pytest.mark.parametrize(("flops", "products"), [(0.0, 1), (1e3, 1), (2.4e3, 2), (1e5, 98)])
def test_products_have_as_many_operations_as_an_epoch(flops, products):
    product = environment.Product("float64", flops, 8)
    assert (product.products, product.flops) == (products, products * 1024.0)
    product.epoch()
    assert (product.out == 8.0).all()
    assert product.out.dtype == np.float64


def test_the_share_of_the_peak_is_of_products_in_the_same_rounds(monkeypatch):
    monkeypatch.setattr(runner, "_PAUSE_SECONDS", 0.0)
    now = 0.0

    class Slow(runner.Product):
        def __init__(self, dtype, flops):
            super().__init__(dtype, flops, 8)
            self.epochs = 0

        def epoch(self):
            nonlocal now
            self.epochs += 1
            now += 5.0 if self.epochs <= 6 else 4.0  # the first round is slower

    class Fast(LoopBP):
        def epoch(self):
            nonlocal now
            super().epoch()
            now += 2.0

    monkeypatch.setattr(runner, "Product", Slow)
    monkeypatch.setattr(runner, "LoopBP", Fast)
    case = TINY[0]
    row = runner.run_case(case, (), 2, lambda: now)
    done = round(case.flops * case.steps / 1024) * 1024.0
    assert row["peak"] == pytest.approx(done / 4.0 / 1e9)
    assert row["of_peak"] == pytest.approx(case.flops * case.steps / 2.0 / (done / 4.0))
    assert "product" not in row["trainers"]
