"""scikit-learn's own checks of an estimator: all of them, and none left out that it does not."""

from dataclasses import asdict
from functools import partial
from typing import Any
from unittest import SkipTest

import numpy as np
import pytest
from cases.estimators import PAIRS, ours, unconverged
from sklearn.neural_network import MLPClassifier
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator

pytestmark = pytest.mark.once
EPOCHS = 100  # as in scikit-learn's own run of them
THEIRS = dict(PAIRS)


def checks(estimator):
    """Pairs of the estimator and one check of it, as ``check_estimator`` runs them."""
    found: Any = estimator_checks_generator(estimator)
    return list(found)


def name_of(check):
    """The name of a check, with what is bound to it."""
    bound = {}
    while isinstance(check, partial):
        bound |= check.keywords
        check = check.func
    return check.__name__ + "".join(f"-{key}={value}" for key, value in sorted(bound.items()))


def run_check(estimator, check, theirs):
    """Run a check, which may be left out only if it is for scikit-learn's own estimator."""
    try:
        check(estimator)
    except SkipTest as reason:
        try:
            check(theirs)
        except SkipTest:
            pytest.skip(str(reason))
        raise AssertionError(
            f"left out, but not for scikit-learn's own estimator: {reason}"
        ) from reason


ITEMS = [
    pytest.param(estimator, check, theirs, id=f"{theirs.__name__}-{name_of(check)}")
    for mine, theirs in PAIRS
    for estimator, check in checks(mine(max_iter=EPOCHS))
]


@unconverged
@pytest.mark.parametrize(("estimator", "check", "theirs"), ITEMS)
def test_check_of_scikit_learn(estimator, check, theirs):
    run_check(estimator, check, theirs(max_iter=EPOCHS))


@pytest.mark.parametrize("mine", THEIRS)
def test_every_check_of_scikit_learns_own_is_among_them(mine):
    found, expected = ({name_of(c) for _, c in checks(kind())} for kind in (mine, THEIRS[mine]))
    assert expected - found == set()
    assert len(expected) > 50


def excuses(mine, theirs):
    """The tags in which two classes differ: by some of them checks are left out."""
    found, expected = (asdict(get_tags(kind())) for kind in (mine, theirs))
    differing = {name for name in found | expected if found.get(name) != expected.get(name)}
    return differing - {"transformer_tags"}  # ours give the activations of their hidden layers


@pytest.mark.parametrize("mine", THEIRS)
def test_no_tag_excuses_from_a_check(mine):
    assert excuses(mine, THEIRS[mine]) == set()


# -- what is rejected ------------------------------------------------------------------------------


class Careless(ours.MLPClassifier):
    """Changes what the user said, and looks at no row."""

    def fit(self, X, y, sample_weight=None):
        self.alpha = 0.5
        return super().fit(X, y, sample_weight)

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


class Excused(ours.MLPClassifier):
    """Claims that no two fits are alike."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags


@unconverged
@pytest.mark.parametrize(
    "name", ["check_estimators_overwrite_params", "check_n_features_in_after_fitting"]
)
def test_a_careless_estimator_fails(name):
    estimator, theirs = Careless(max_iter=2), MLPClassifier(max_iter=2)
    (check,) = (c for _, c in checks(estimator) if name_of(c) == name)
    with pytest.raises(AssertionError):
        run_check(estimator, check, theirs)
    run_check(ours.MLPClassifier(max_iter=2), check, theirs)


def test_an_excuse_is_found():
    assert excuses(Excused, MLPClassifier) == {"non_deterministic"}


def test_what_only_ours_skip_fails():
    def check(estimator):
        if isinstance(estimator, Careless):
            raise SkipTest("no time")

    with pytest.raises(AssertionError, match="not for scikit-learn's own estimator: no time"):
        run_check(Careless(), check, MLPClassifier())
    with pytest.raises(pytest.skip.Exception):
        run_check(Careless(), check, Careless())
