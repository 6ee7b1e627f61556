"""The benchmark's rounds: clean processes, the practical peak, and a machine that others use."""

import numpy as np
import pytest
from cases.benchmark import TINY, ticking

from loopbp.benchmark import environment, runner
from loopbp.benchmark.cases import make_problem
from loopbp.benchmark.peers import LoopBP

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
