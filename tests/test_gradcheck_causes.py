"""Causes that are named without `blocks`, from the numbers alone."""

import numpy as np
import pytest

from loopbp.gradcheck import check_gradient_function

RNG = np.random.default_rng(5)
X, Y = RNG.standard_normal((7, 4)), RNG.standard_normal((7, 3))
THETA = RNG.standard_normal(15)  # w (3, 4), b (3,)
L2 = 0.25


def error(theta):
    return X @ theta[:12].reshape(3, 4).T + theta[12:] - Y


def loss(theta):
    return np.sum(error(theta) ** 2) / 14 + L2 / 2 * np.sum(theta[:12] ** 2)


def right(theta):
    e = error(theta)
    return np.append((e.T @ X / 7).ravel() + L2 * theta[:12], e.mean(axis=0))


def changed(change):
    def gradient(theta):
        g = right(theta)
        change(g, theta)
        return g

    return gradient


def scale(part, factor):
    def change(g, theta):
        g[part] *= factor

    return changed(change)


def put(source):
    def change(g, theta):
        g[:] = source(g.copy(), theta)

    return changed(change)


def transposed(g, theta):
    return np.append(g[:12].reshape(3, 4).T.ravel(), g[12:])


CASES = {
    "factor 2": (scale(slice(None), 2), {}, "two", "twice too large"),
    "1/m missing": (scale(slice(None), 7), {"m": 7}, "m", "not divided by m"),
    "1/m missing, m unknown": (scale(slice(None), 7), {}, "factor", "7 is the number of examples"),
    "1/m twice, m unknown": (scale(slice(None), 1 / 7), {}, "factor", "divided by it twice"),
    "sign": (scale(slice(None), -1), {}, "sign", "sign is wrong"),
    "sign of b": (scale(slice(12, 15), -1), {}, "sign", "entries 12 to 14"),
    "1/m missing in b": (scale(slice(12, 15), 7), {"m": 7}, "m", "entries 12 to 14"),
    "b is 0": (scale(slice(12, 15), 0), {}, "zero", "entries 12 to 14"),
    "one entry": (scale(slice(4, 5), 2), {}, "two", "entry 4"),
    "transposed": (put(transposed), {}, "transposed", "a matrix of shape (3, 4)"),
    "swapped": (put(lambda g, t: g[[0, 1, 9, 3, 4, 5, 6, 7, 8, 2, 10, 11, 12, 13, 14]]), {},
                "swapped", "entries 2, 9: two entries stand in each other's place"),
    "reversed": (put(lambda g, t: g[::-1]), {}, "swapped", "reverse order"),
    "off by one": (put(lambda g, t: np.roll(g, 1)), {}, "shifted", "one place too late"),
    "off by one, in part": (put(lambda g, t: np.append(np.roll(g[:12], -1), g[12:])), {}, "shifted",
                            "one place too early"),
    "l2 missing": (put(lambda g, t: g - L2 * np.append(t[:12], [0, 0, 0])), {}, "l2_missing",
                   "0.25 * theta is missing"),
    "l2 twice": (put(lambda g, t: g + L2 * np.append(t[:12], [0, 0, 0])), {}, "l2_factor",
                 "0.25 * theta is too much"),
    "constant missing": (put(lambda g, t: g - 0.7), {}, "term", "0.7"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_causes_are_named_without_blocks(case):
    gradient, known, name, text = CASES[case]
    report = check_gradient_function(loss, gradient, THETA, **known)
    assert not report.ok
    assert {cause.name for cause in report.causes} == {name}, str(report)
    assert text in " ".join(str(report).split())
    assert "would help" not in str(report)


def test_two_parts_with_a_cause_each():
    def change(g, theta):
        g[:12] *= 2
        g[12:] *= -1

    report = check_gradient_function(loss, changed(change), THETA)
    assert [(cause.name, cause.text.split(":")[0]) for cause in report.causes] == [
        ("sign", "entries 12 to 14"),
        ("two", "entries 0 to 11"),
    ]


def test_where_no_cause_is_found_the_report_says_what_would_help():
    noise = np.random.default_rng(0).uniform(1, 2, 15)
    report = check_gradient_function(loss, lambda t: right(t) * noise, THETA)
    assert report.causes == ()
    assert report.wrong == 15
    assert "blocks, m, n_outputs, l2 would help to name one" in " ".join(str(report).split())
    known = {"blocks": {"w": (3, 4), "b": 3}, "m": 7, "n_outputs": 3, "l2": L2}
    report = check_gradient_function(loss, lambda t: right(t) * noise, THETA, **known)
    assert "would help" not in str(report)


def test_random_faults_have_no_cause():
    """Chance is not taken for a pattern."""
    rng = np.random.default_rng(1)
    for _ in range(30):
        extra = rng.standard_normal(15) * (rng.random(15) < 0.6)
        report = check_gradient_function(loss, lambda t: right(t) + extra, THETA)  # noqa: B023
        assert report.causes == (), str(report)
