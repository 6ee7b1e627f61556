"""What ``loopbp train`` says of data and scores that a person should look at twice."""

import argparse
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.cli.output import SCORE_NAMES
from loopbp.datasets import Dataset
from loopbp.messages.suggestions import listed

# A test score this far below the training score is said.
GAP_OF_SHARES = 0.15
GAP_OF_R2 = 0.3
LEARNT = 0.5  # below this R**2 there is little that could be known by heart


def falls_behind(
    task: str,
    train: float | None,
    test: float | None,
    n_train: int,
    n_test: int,
    say: Callable[[str], None],
) -> None:
    """Say a line where the test score lies far below the training score.

    R**2: by more than 0.3, where it is at least 0.5 in training.  Accuracy and its like: by more
    than 0.15, and by more than two standard errors of the difference, for a small test part
    differs that much by chance.

    Parameters
    ----------
    task
        ``classification``, ``multilabel`` or ``regression``.
    train, test
        The scores; None: there is none.
    n_train, n_test
        Of how many examples.
    say
        Takes the line.
    """
    if train is None or test is None:
        return
    if task == "regression" and train < LEARNT:
        return
    limit = GAP_OF_R2
    if task != "regression":
        pooled = (train * n_train + test * n_test) / (n_train + n_test)
        error = math.sqrt(pooled * (1 - pooled) * (1 / n_train + 1 / n_test))
        limit = max(GAP_OF_SHARES, 2 * error)
    if train - test > limit:
        say(
            f"{SCORE_NAMES[task]} is {train:.3f} on the examples trained on and {test:.3f} on "
            "those held out: the network may know its examples by heart; more examples, fewer "
            "--hidden units, --l2, --dropout, or --validation with --early-stopping may help"
        )


def many_classes(
    args: argparse.Namespace, data: Dataset, outputs: int, say: Callable[[str], None]
) -> None:
    """Say a line where values were perhaps taken for class labels."""
    many = outputs > max(20, len(data.y) // 10)
    if data.task == "classification" and args.task is None and many:
        say(
            f"{outputs} classes in {len(data.y)} examples; if the target is a value to predict, "
            "say --task regression"
        )


def leaves_a_test_part(count: int, test: float, y: NDArray[Any], is_classes: bool) -> bool:
    """Whether a share of the examples can be held out with one of each class left to train on."""
    kept = len(np.unique(y)) if is_classes else 1
    return round(test * count) > 0 and count > kept


def without_unknown(
    X_test: NDArray[Any], y_test: NDArray[Any], y: NDArray[Any], say: Callable[[str], None]
) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    """The test part without classes that training has no example of; which these are is said.

    Parameters
    ----------
    X_test, y_test
        The test part, with labels.
    y
        The labels of the training part.
    say
        Takes the lines.

    Returns
    -------
    X_test, y_test : arrays or None
        None: nothing is left of it.
    """
    known = np.isin(y_test, y)
    missing, counts = np.unique(y_test[~known], return_counts=True)
    for label, count in zip(missing.tolist()[:5], counts, strict=False):
        say(
            f"class {label} is in the test part only: it cannot be learnt, and its {count} "
            f"example{'s are' if count > 1 else ' is'} left out of the test score"
        )
    if len(missing) > 5:
        say(f"so are {len(missing) - 5} more classes")
    if not known.any():
        return None, None
    return X_test[known], y_test[known]


def untested(y: NDArray[Any], y_test: NDArray[Any], say: Callable[[str], None]) -> None:
    """Say which classes are too rare to be in the test part."""
    missing = np.setdiff1d(y, y_test)
    if len(missing):
        names = listed(map(str, missing.tolist()), 5)
        say(f"too rare to be in the test part, all trained on: class {names}")
