"""The checker against gradients known to be right and known to be wrong, and mutants of it."""

from typing import NamedTuple

import numpy as np
import pytest
from cases import gradient_cases
from cases.helpers import LONG

from loopbp.gradcheck import check, check_gradient_function, measurement
from loopbp.gradcheck.noise import Noise
from loopbp.gradcheck.verdicts import RIGHT, UNCHECKED, WRONG

COUNT = 1000 if LONG else 250  # gradients of every dtype, so many right ones and so many wrong


class Outcome(NamedTuple):
    """What came of many checks, cases by name."""

    called_wrong: list[str]
    called_right: list[str]
    """an entry that is wrong by a thousandth or more called right, whether it can be seen or not"""
    passed: list[str]
    """a gradient called ok that can be seen to be wrong"""
    entries: int
    """of all gradients; of wrong ones, those that can be seen to be wrong"""
    judged: int
    """of these, those called right; of wrong ones, those called wrong"""
    ok: int


def calibrate(count, dtype, faults, seed=1):
    called_wrong, called_right, passed = [], [], []
    entries = judged = ok = 0
    for case in gradient_cases.cases(count, dtype, seed, faults):
        report = check_gradient_function(case.loss, case.gradient, case.theta)
        verdicts = report.verdicts
        assert report.right + report.wrong + report.unchecked == case.theta.size
        ok += report.ok
        if faults:
            seen = verdicts[case.resolvable]
            entries, judged = entries + len(seen), judged + int(np.sum(seen == WRONG))
            called_right += [case.name] * bool((verdicts[case.wrong] == RIGHT).any())
            passed += [case.name] * bool(len(seen) and report.ok)
        else:
            entries, judged = entries + len(verdicts), judged + report.right
            called_wrong += [case.name] * ("WRONG" in str(report) or report.wrong > 0)
    return Outcome(called_wrong, called_right, passed, entries, judged, ok)


@pytest.mark.once
@pytest.mark.parametrize(("dtype", "allowed", "share"), [("float64", 0, 0.9), ("float32", 2, 0.7)])
def test_right_gradients_are_not_called_wrong(dtype, allowed, share):
    found = calibrate(COUNT, dtype, faults=False)
    assert len(found.called_wrong) <= allowed, found.called_wrong
    # a checker that leaves all unchecked would be worth nothing
    assert found.judged >= share * found.entries
    assert found.ok >= 0.8 * COUNT


@pytest.mark.once
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_wrong_gradients_are_not_called_right(dtype):
    found = calibrate(COUNT, dtype, faults=True, seed=2)
    assert found.called_right == []
    assert found.passed == []
    assert found.judged >= 0.98 * found.entries
    assert found.entries >= 2 * COUNT


def test_the_cases_are_what_they_claim_to_be():
    """Each loss's gradient is its derivative, by steps that follow from what is known of it."""
    for case in gradient_cases.cases(70, "float64", 3, faults=False):
        given = case.gradient(case.theta)
        assert not case.wrong.any()
        for k in range(case.theta.size):
            step = np.zeros(case.theta.size)
            step[k] = h = 1e-3 * case.length[k]
            slope = (case.loss(case.theta + step) - case.loss(case.theta - step)) / (2 * h)
            if not case.name.startswith("noisy"):
                rounding = 1e-14 * abs(case.loss(case.theta)) / h
                assert abs(slope - given[k]) <= 1e-3 * abs(given[k]) + rounding, case.name


# -- checkers that the calibration rejects ------------------------------------------------------


def test_a_checker_without_noise_is_rejected(monkeypatch):
    monkeypatch.setattr(check, "measure_noise", lambda *_, **__: Noise(0.0, 0.0))
    assert len(calibrate(70, "float32", faults=False).called_wrong) > 7


def test_a_checker_that_trusts_what_it_cannot_resolve_is_rejected(monkeypatch):
    judge = measurement.judge

    def sure(analytic, numeric, error, rounding, tolerance, limit):
        found = judge(analytic, numeric, error, rounding, tolerance, limit)
        size = np.fmax(np.abs(analytic), np.abs(numeric))
        allowed = np.fmax(error + rounding, tolerance * size)
        names = np.where(np.abs(analytic - numeric) <= allowed, RIGHT, found.names)
        return found._replace(names=names)

    monkeypatch.setattr(measurement, "judge", sure)
    assert calibrate(140, "float32", faults=True).called_right


def test_a_checker_with_a_fixed_tolerance_is_rejected(monkeypatch):
    judge = measurement.judge

    def fixed(analytic, numeric, error, rounding, tolerance, limit):
        found = judge(analytic, numeric, error, rounding, tolerance, limit)
        right = np.abs(analytic - numeric) <= 1e-5 * np.abs(analytic)
        return found._replace(names=np.where(right, RIGHT, WRONG))

    monkeypatch.setattr(measurement, "judge", fixed)
    assert len(calibrate(70, "float32", faults=False).called_wrong) > 7


def test_a_checker_that_says_nothing_is_rejected(monkeypatch):
    judge = measurement.judge

    def silent(*arguments):
        found = judge(*arguments)
        return found._replace(names=np.full(found.names.shape, UNCHECKED))

    monkeypatch.setattr(measurement, "judge", silent)
    found = calibrate(70, "float64", faults=True)
    assert found.judged == 0 < found.entries


# -- the faults that were found -----------------------------------------------------------------


@pytest.mark.parametrize("wide", [True, False])
def test_right_float32_gradients_of_a_small_network_are_never_wrong(wide):
    for seed in range(40):
        rng = np.random.default_rng(seed)
        X, y = (rng.standard_normal((20, n)).astype(np.float32) for n in (3, 1))
        theta = rng.standard_normal(21)

        def forward(t):
            t = t.astype(np.float32)
            w1, b1, w2, b2 = t[:12].reshape(4, 3), t[12:16], t[16:20], t[20]
            a = np.tanh(X @ w1.T + b1)  # noqa: B023
            return a, w2, (a @ w2 + b2)[:, np.newaxis] - y  # noqa: B023

        def loss(t):
            return np.mean(forward(t)[2] ** 2) / 2

        def gradient(t):
            a, w2, e = forward(t)
            e = e / np.float32(20)
            d = e * w2 * (1 - a * a)
            return np.concatenate([(d.T @ X).ravel(), d.sum(0), (e * a).sum(0), e.sum(0)])  # noqa: B023

        report = check_gradient_function(loss, gradient, theta if wide else theta.astype("f4"))
        assert report.wrong == 0, str(report)
        assert "WRONG" not in str(report)
        assert report.ok, str(report)
        assert report.right > 8
        double = check_gradient_function(loss, lambda t: 2 * gradient(t), theta)
        assert not double.ok
        assert double.right == 0
        assert {cause.name for cause in double.causes} == {"two"}, str(double)


@pytest.mark.parametrize(
    "coarse",
    [*(lambda J, n=n: round(J, n) for n in (2, 3, 5, 7)), np.float16],
    ids=["2 decimals", "3 decimals", "5 decimals", "7 decimals", "float16"],
)
def test_a_loss_that_was_rounded_off_does_not_make_a_gradient_wrong(coarse):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 3)), rng.standard_normal(20)
    for theta in rng.standard_normal((10, 3)):
        report = check_gradient_function(
            lambda t: coarse(0.5 * float(np.mean((X @ t - y) ** 2))),
            lambda t: X.T @ (X @ t - y) / 20,
            theta,
        )
        assert report.wrong == 0, str(report)


Q = np.array([1e-6, 1.0, 1e6])


@pytest.mark.parametrize(
    ("theta", "verdict"), [(Q, WRONG), (0.3 * Q, WRONG), (np.ones(3), UNCHECKED)]
)
def test_a_doubled_derivative_beside_larger_ones_is_never_right(theta, verdict):
    def loss(t):
        return 0.5 * np.sum((t / Q) ** 2)

    report = check_gradient_function(loss, lambda t: t / Q**2 * [1, 1, 2], theta)
    assert report.verdicts.tolist() == [RIGHT, RIGHT, verdict], str(report)
    assert report.ok == (verdict == UNCHECKED)
    assert f"{report.checked} of 3" in str(report)
    right = check_gradient_function(loss, lambda t: t / Q**2, theta)
    assert right.ok
    assert right.wrong == 0


def beside_a_large_term(hide=np.asarray):
    """A loss whose last derivative no difference can show: its term lies below its rounding."""
    return lambda t: 0.5 * (t[0] / 1e-6) ** 2 + 1e-12 * np.sum(np.sin(hide(t[1:])))


def its_gradient(t, factor=1.0):
    return np.array([t[0] / 1e-12, factor * 1e-12 * np.cos(t[1])])


def test_a_complex_step_confirms_what_rounding_hides():
    report = check_gradient_function(beside_a_large_term(), its_gradient, np.ones(2))
    assert report.right == 2
    assert "complex step for 1" in report.method
    report = check_gradient_function(
        beside_a_large_term(), lambda t: its_gradient(t, 2.0), np.ones(2)
    )
    assert report.verdicts.tolist() == [RIGHT, UNCHECKED]


@pytest.mark.parametrize(
    "hide",
    [np.abs, np.real, lambda t: t.astype(float), lambda t: np.array([float(x) for x in t])],
    ids=["abs", "real", "astype", "float"],
)
@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_a_complex_step_that_loses_a_term_says_nothing(hide, factor):
    report = check_gradient_function(
        beside_a_large_term(hide), lambda t: its_gradient(t, factor), np.ones(2)
    )
    assert report.verdicts.tolist() == [RIGHT, UNCHECKED]
    assert report.unchecked_because == {"noise": 1}
    assert "1 noise" in str(report)
