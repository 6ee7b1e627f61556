"""The benchmark: its cases, what it compares before it times, its reports, its command line."""

import json
import math
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import pytest
from cases import helpers
from cases.helpers import JIT, needs_jit

from loopbp.benchmark import cases, costs, engines_bench, environment, report, runner
from loopbp.benchmark.__main__ import run as run_job
from loopbp.benchmark.cases import Case, make_problem
from loopbp.benchmark.peers import PEERS, LoopBP, NumPy, Trainer
from loopbp.cli import main
from loopbp.engines import pick

ROOT = Path(__file__).parent.parent
CE = ("softmax", "cross_entropy")
TINY = (
    Case("tiny", (3, 5, 4), "relu", *CE, 6, 3, 2.0),
    Case("tiny-tanh", (3, 5, 4, 2), "tanh", *CE, 6, 3),
    Case("tiny-adam", (3, 5, 2), "relu", *CE, 6, 3, optimizer="adam"),
    Case("tiny-quadratic", (3, 5, 2), "sigmoid", "sigmoid", "quadratic", 6, 3),
    Case("tiny-binary", (3, 5, 1), "sigmoid", "sigmoid", "binary_cross_entropy", 6, 3),
    Case("tiny-flat", (3, 4), "relu", *CE, 6, 3),
)


def ticking():
    """A clock that goes on by a second each time it is read."""
    now = iter(range(10**9))
    return lambda: float(next(now))


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


class TwiceTheRate(NumPy):
    """A peer with another learning rate."""

    name = "twice"

    def __init__(self, problem):
        super().__init__(replace(problem, case=problem.case))
        self.case = _Twice(problem.case)


class _Twice:
    def __init__(self, case):
        self._case = case

    def __getattr__(self, name):
        value = getattr(self._case, name)
        return 2 * value if name == "learning_rate" else value


class Absent(NumPy):
    """A peer that is not installed."""

    name = "absent"
    package = "no_such_package_anywhere"
    install = "pip install absent"


@pytest.mark.parametrize("case", TINY, ids=lambda case: case.name)
def test_a_wrong_peer_is_reported_and_not_timed(case):
    row = runner.run_case(case, (NumPy, TwiceTheRate, Absent), rounds=1)
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


# -- reports --------------------------------------------------------------------------------------


@pytest.fixture
def results():
    rows = [
        {**runner.run_case(case, (NumPy, TwiceTheRate), 1, ticking()), "of_peak": 0.5}
        for case in (*TINY[:2], replace(TINY[0], dtype="float64"))
    ]
    machine = {
        "processor": "P", "llvm_target": "t", "system": "S", "cores": 2, "threads": 2,
        "threading_layer": "omp", "blas": None, "versions": {"numpy": "2", "jax": None},
        "date": "2000-01-01",
    }  # fmt: skip
    peak = {"float32": 2.0, "float64": 1.0}
    grid = {"width": (3,), "batch": (2,), "depth": (1,)}
    engines = engines_bench.measure(
        engines_bench.grid_cases(grid, "float32"), peak, lambda name: None, ticking()
    )
    modes = [
        {"parameters": 9, "forward_seconds": 2.0, "reverse_seconds": 1.0, "ratio": 2.0},
        {"parameters": 99, "forward_seconds": 9.0, "reverse_seconds": 1.0, "ratio": 9.0},
    ]
    paid = {
        "first_fit_cold_seconds": 9.0, "memory_loopbp_bytes": 2**20,
        "scaling": {"wide": {"1": 3.0, "2": 1.5}},
    }  # fmt: skip
    missing = [{"name": "jax", "install": "pip install jax"}]
    run = {"machine": machine, "peak": peak, "peers": rows, "missing": missing}
    others = {"machine": machine, "peak": peak, "engines": engines, "modes": modes}
    return report.gather("loopbp bench --peers", [run, others], paid)


def test_the_tables_say_all(results, capsys):
    report.print_report(results)
    out = capsys.readouterr().out
    for words in (
        "tiny-tanh", "float64", "geometric mean", "at least", "missing: jax (pip install jax)",
        "twice ends elsewhere", "forward mode", "fastest step", "2.00 times", "practical peak",
        "lie within 2 % in 4 of 4 rounds",
        "The ratio is to numpy only: jax is not installed and may be faster (pip install jax).",
    ):  # fmt: skip
        assert words in out


def test_json_goes_round_to_the_readme(results, tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
    source, readme = tmp_path / "results.json", tmp_path / "README.md"
    report.write(results, source)
    assert report.read(source) == results
    readme.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", encoding="utf-8")
    for _ in range(2):
        assert main(["bench", "--from", str(source), "--readme", str(readme)]) == 0
        text = readme.read_text(encoding="utf-8")
        assert text.startswith("before\n")
        assert text.endswith("\nafter\n")
        assert report.block_of(text) == report.markdown(report.read(source), "results.svg")
        assert (tmp_path / "results.svg").is_file()
    assert "| tiny | 3-5-4 | 6 |" in text
    assert "loopbp bench --peers" in text
    assert capsys.readouterr().out == ""


def watched(seconds):
    """A watch whose products take so many seconds, and what it has slept."""
    left, slept = iter(seconds), []
    now = 0.0

    def sleep(duration):
        nonlocal now
        slept.append(duration)
        now += duration

    class Scripted(environment.Product):
        def epoch(self):
            nonlocal now
            now += next(left)

    watch = environment.Watch(Scripted("float32", size=8), lambda: now, sleep)
    return watch, slept, left


def test_a_round_waits_until_products_run_as_fast_as_ever(monkeypatch):
    monkeypatch.setattr(environment, "_LOOK_PRODUCTS", 2)
    # each look: one product to wake the threads, two that tell
    fast, slow, near = (7.0, 0.1, 0.1), (7.0, 0.1, 0.2), (7.0, 0.11, 0.11)
    monkeypatch.setattr(environment, "PATIENCE", 30.0)
    watch, slept, left = watched((*fast, *slow, *slow, *near, *slow))
    assert watch.wait(False), "nothing faster is known"
    assert watch.wait(False)
    assert slept == [environment._SPIN_SECONDS] * 4, "it did not wait for the last"
    assert watch.wait(True)
    assert len([*left]) == 3, "it does not look where it is told"


def test_a_round_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr(environment, "_LOOK_PRODUCTS", 2)
    monkeypatch.setattr(environment, "PATIENCE", 10.0)
    slow = (7.0, 0.1, 0.2)
    watch, _, left = watched((7.0, 0.1, 0.1, *slow * 3))
    assert watch.look()
    assert not watch.wait(False)
    assert len([*left]) == 3, "two looks take more than 10 seconds"


def test_what_a_round_does_not_wait_is_left_for_others(monkeypatch):
    monkeypatch.setattr(environment, "_LOOK_PRODUCTS", 2)
    monkeypatch.setattr(environment, "PATIENCE", 10.0)
    slow = (7.0, 0.1, 0.2)

    def looks(begin, most=1000.0):
        """How often it looks in rounds that begin as told."""
        monkeypatch.setattr(environment, "MOST_PATIENCE", most)
        watch, slept, _ = watched((7.0, 0.1, 0.1, *slow * 30))
        watch.look()
        counts = []
        for calm in begin:
            before = len(slept)
            assert watch.wait(calm) == calm
            counts.append(len(slept) - before)
        return counts

    # a look takes 7.35 seconds
    assert looks([False, False]) == [2, 2], "what was waited too long is not asked back"
    assert looks([True, False, False]) == [0, 3, 2]
    assert looks([True] * 9 + [False, False]) == [0] * 9 + [14, 2]
    assert looks([True] * 9 + [False, False], 50.0) == [0] * 9 + [7, 7], "no single one too long"


def test_a_look_does_not_wait(monkeypatch):
    monkeypatch.setattr(environment, "_LOOK_PRODUCTS", 2)
    watch, slept, left = watched((7.0, 0.1, 0.1, 7.0, 0.1, 0.13, 7.0, 0.1, 0.12))
    assert [watch.look(), watch.look(), watch.look()] == [True, False, True]
    assert slept == [environment._SPIN_SECONDS] * 3
    assert next(left, None) is None


class Looks(environment.Watch):
    """A watch that sees what it is told to see, and then nobody; each is a look before a round."""

    def __init__(self, *found):
        product = environment.Product("float32", size=8)
        super().__init__(product, ticking(), lambda _: None)
        self.found = iter(found)
        self.count = 0

    def look(self):
        self.count += 1
        return next(self.found, True)


def calm_of(monkeypatch, watch, rounds=3):
    """Which rounds of loopbp and of the product, in turns, are calm."""
    monkeypatch.setattr(runner, "_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(environment, "MOST_PATIENCE", 1.5)  # of a second a reading: one look
    case = TINY[0]
    product = environment.Product("float32", size=8)
    trainers = {"loopbp": LoopBP(make_problem(case)), "product": product}
    found = runner._time_in_turns(trainers, rounds, ticking(), watch)
    return {name: [r.calm for r in taken] for name, taken in found.items()}


def test_a_round_is_calm_if_it_begins_and_ends_so(monkeypatch):
    every = Looks()
    assert calm_of(monkeypatch, every) == {"loopbp": [True] * 3, "product": [True] * 3}
    assert every.count == 7, "before each round, and after the last"
    # disturbed after the first round, and at the second look no more
    found = calm_of(monkeypatch, Looks(True, False, True), 2)
    assert found == {"loopbp": [False, True, True], "product": [True, True, True]}
    # before the first round, for as long as it waits
    found = calm_of(monkeypatch, Looks(False, False), 2)
    assert found == {"loopbp": [False, True, True], "product": [True, True, True]}
    # at the very end
    found = calm_of(monkeypatch, Looks(*[True] * 4, False), 2)
    assert found == {"loopbp": [True, True], "product": [True, False]}


def test_there_are_more_rounds_until_enough_are_calm(monkeypatch):
    # its first two rounds end disturbed
    found = calm_of(monkeypatch, Looks(*[True, False, True] * 2), 4)
    assert found == {"loopbp": [False] * 2 + [True] * 3, "product": [True] * 5}
    found = calm_of(monkeypatch, Looks(*[True, False, True] * 30), 4)
    assert found == {"loopbp": [False] * 8, "product": [True] * 8}, "half are calm, not enough"
    found = calm_of(monkeypatch, Looks(*[False] * 1000), 4)
    assert found == {"loopbp": [False] * 4, "product": [False] * 4}, "more would not help"


@pytest.mark.parametrize(
    ("calm", "seconds"),
    [
        ([True, False, True, False, True], [1, 3, 5]),
        ([False, False, True, False, True], [1, 2, 3, 4, 5]),
        ([False] * 5, [1, 2, 3, 4, 5]),
        ([True] * 5, [1, 2, 3, 4, 5]),
    ],
)
def test_calm_rounds_count_if_there_are_three(calm, seconds):
    taken = [runner.Round(k + 1.0, True, c) for k, c in enumerate(calm)]
    assert [r.seconds for r in runner.counted(taken)] == seconds


def test_the_median_is_of_the_rounds_that_count(monkeypatch):
    monkeypatch.setattr(
        runner,
        "_time_in_turns",
        lambda *_: {
            "loopbp": [runner.Round(s, True, s < 5) for s in (1.0, 2.0, 3.0, 8.0, 9.0, 10.0)],
            "product": [runner.Round(1.0, True)],
        },
    )
    case, watch = TINY[0], Looks()
    ours = runner.run_case(case, (), 6, watch=watch)["trainers"]["loopbp"]
    assert ours["median"] == pytest.approx(2e6 / case.steps)
    assert (ours["min"], ours["max"]) == (
        pytest.approx(1e6 / case.steps), pytest.approx(1e7 / case.steps),
    )  # fmt: skip
    assert ours["calm"] == [True] * 3 + [False] * 3
    assert ours["samples"] == 6
    assert "calm" not in runner.run_case(case, (), 6)["trainers"]["loopbp"], "nobody looked"


def test_calm_rounds_are_counted():
    few, enough = {"calm": [True, True, False]}, {"calm": [True, True, False, True]}
    cannot = {"cannot": "reason"}
    line = report.calm_line(
        [{"trainers": {"loopbp": few, "jax": cannot}}, {"trainers": {"loopbp": enough}}]
    )
    assert line is not None
    assert "90 %" in line
    assert "5 of 7" in line
    assert "1 of 2 times" in line
    assert report.calm_line([{"trainers": {"loopbp": {"median": 1.0}, "jax": cannot}}]) is None


def test_confirmed_rounds_are_counted():
    trainers = {
        "loopbp": {"settled": [True, False, True]},
        "numpy": {"settled": [True, None]},
        "jax": {"cannot": "reason"},
    }
    assert "in 3 of 4 rounds" in (report.settled_line([{"trainers": trainers}]) or "")
    assert report.settled_line([{"trainers": {"loopbp": {"median": 1.0}}}]) is None


def test_the_readme_shows_the_committed_results():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    results = report.read(ROOT / "bench" / "results.json")
    assert report.block_of(text) == report.markdown(results, "bench/results.svg")


def test_the_readme_says_what_the_second_run_measured():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    prose = text.split(report.END)[1]
    said = prose[prose.index("A second run") : prose.index("results-again.json")]
    again, first = (report.read(ROOT / "bench" / f"results{end}.json") for end in ("-again", ""))

    def figures(results):
        spent = results["costs"]
        rows = {row["case"]: row for row in results["runs"][0]["peers"]}
        return [
            f"{100 * rows['wide']['of_peak']:.0f} %",
            *(f"{spent[name]:.2f} s" for name in costs.LIMITS),
            *(f"{times['1'] / times['2']:.2f} times" for times in spent["scaling"].values()),
        ]

    assert all(figure in said for figure in figures(again))
    assert not any(figure in said for figure in figures(first)), "and not those of the other run"
    assert report.shortfalls(again["runs"][0]["peers"], "znver4") == [], "within all marks"
    assert report.cost_shortfalls(again["costs"]) == []


def test_every_case_is_in_the_committed_results():
    results = report.read(ROOT / "bench" / "results.json")
    rows = [row for run in results["runs"] for row in run.get("peers", [])]
    for dtype in helpers.DTYPES:
        assert tuple(row["case"] for row in rows if row["dtype"] == dtype) == cases.NAMES


@pytest.mark.parametrize("what", ["peers", "engines", "modes"])
def test_pictures_are_drawn(results, tmp_path, what):
    pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
    only = {
        **results,
        "runs": [{"machine": r["machine"], what: r[what]} for r in results["runs"] if what in r],
    }
    report.draw(only, tmp_path / "picture.svg")
    first = (tmp_path / "picture.svg").read_bytes()
    report.draw(only, tmp_path / "picture.svg")
    assert (tmp_path / "picture.svg").read_bytes() == first


def _row(name, ratio, target, of_peak=None, dtype="float32"):
    return {
        "case": name, "ratio": ratio, "target": target, "sizes": [3, 2], "batch": 7,
        "fastest_peer": "jax", "of_peak": of_peak, "dtype": dtype,
    }  # fmt: skip


def test_a_case_below_its_mark_says_why():
    rows = [_row("wide", 0.5, 1.0), _row("xor", 1.0, 1.0), _row("own", 0.9, 1.0)]
    rows.append({**_row("iris", 0.1, 1.0), "target": None})
    there, elsewhere = (dict(report.shortfalls(rows, name)) for name in ("znver4", "znver3"))
    limit = cases.LIMITED_BY["wide"]
    assert there == {"wide": limit, "own": "not yet looked into"}
    assert elsewhere["own"] == there["own"]
    assert elsewhere["wide"] == f"not yet looked into on znver3; with AVX-512, {limit}"
    assert set(cases.LIMITED_BY) <= set(cases.NAMES)


@pytest.mark.parametrize(
    ("row", "below"),
    [
        (_row("wide", 1.1, 1.0, 0.84), True),
        (_row("wide", 1.1, 1.0, 0.85), False),
        (_row("wide", 1.1, 1.0, 0.84, "float64"), False),
        (_row("wide", None, 1.0, 0.84), True),
        (_row("xor", 1.1, 1.0, 0.01), False),
    ],
)
def test_a_case_below_its_part_of_the_peak_says_why_too(row, below):
    found = dict(report.shortfalls([row], "znver4"))
    assert found == ({"wide": cases.LIMITED_BY["wide"]} if below else {})
    assert set(cases.OF_PEAK_TARGETS) <= set(cases.NAMES)


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


def test_a_cost_beyond_its_limit_says_why():
    scaling = {"wide": {"1": 3.0, "2": 1.5}, "mnist-deep": {"1": 3.0, "2": 2.0}}
    found = report.cost_shortfalls({"first_fit_cold_seconds": 99.0, "scaling": scaling})
    names = [name for name, _ in found]
    assert names[0].endswith("nothing compiled")
    assert names[1:] == ["mnist-deep, 1 to 2 threads"]
    shown = [
        row[0] for row in report.cost_rows({"first_fit_cold_seconds": 99.0, "scaling": scaling})
    ]
    assert set(names) <= set(shown), "under the name that they have in the table"
    assert report.cost_shortfalls({"first_fit_cold_seconds": 1.0}) == []


def test_the_sweep_in_a_line():
    rows = [_row("a", 2.0, 0.9), _row("b", 0.5, 0.9), _row("c", None, 0.9)]
    rows[1]["trainers"] = {"loopbp": {"min": 2.0, "max": 3.0}, "jax": {"min": 1.0, "max": 1.5}}
    line = report.sweep_line("float32", rows)
    assert "2 random shapes" in line
    assert "geometric mean 1.00, lowest 0.50 (3-2, batch 7, by rounds loopbp 2 to 3 us, " in line
    assert "jax 1 to 1.5 us); 1 below 0.9" in line
    assert "no peer" in report.sweep_line("float32", rows[2:])


def test_results_without_peers_make_no_readme(results):
    with pytest.raises(ValueError, match="--peers"):
        report.markdown({**results, "runs": results["runs"][1:]}, None)


@pytest.mark.parametrize("text", ["", report.END + report.BEGIN, 2 * (report.BEGIN + report.END)])
def test_a_readme_without_its_marks_is_refused(text):
    with pytest.raises(ValueError, match="once each"):
        report.replace_block(text, "")


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


def test_costs_name_their_limits():
    paid = dict.fromkeys(costs.LIMITS, 0.5)
    assert [limit for _, _, limit in report.cost_rows(paid)] == ["at most 15 s", "at most 1 s"]


@pytest.mark.parametrize(("words", "message"), [
    (["--readme", "README.md"], "--readme: needs --from"),
    (["--from", "no-such.json"], "no-such.json"),
    (["--from", "x.json", "--peers"], "--peers: does not go with --from"),
    (["--case", "xor"], "--case: needs --peers"),
    (["--peers", "--case", "xro"], "--case: expected one of"),
    (["--threads", "100000"], "--threads: expected 1 to"),
    (["--threads", "0"], "--threads"),
    (["--dtype", "float16"], "--dtype"),
    (["--plot", "picture.txt"], "--plot"),
    (["--json", "no-such-folder/x.json"], "no-such-folder"),
    (["--resume", "--peers"], "--resume: needs --json FILE"),
    (["--resume", "--peers", "--json", "-"], "--resume: needs --json FILE"),
    (["--resume", "--costs", "--json", "x.json"], "--peers or --sweep"),
    (["--resume", "--from", "x.json"], "--resume: does not go with --from"),
    (["--pears"], "--peers"),
])  # fmt: skip
def test_wrong_use_is_one_line(words, message, capsys):
    if "--plot" in words:
        pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
    assert main(["bench", *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert message in said.err


def test_other_json_is_refused(tmp_path, capsys):
    path = tmp_path / "x.json"
    for text in ("{}", "[", "[]"):
        path.write_text(text, encoding="utf-8")
        assert main(["bench", "--from", str(path)]) == 2
        assert "x.json" in capsys.readouterr().err


def test_json_to_stdout_is_json_alone(results, tmp_path, capsys):
    path = tmp_path / "x.json"
    report.write(results, path)
    assert main(["bench", "--from", str(path), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out) == results
