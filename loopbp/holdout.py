"""Holding examples out, the same ones on every machine: the one way of doing it."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.messages.calls import suggests
from loopbp.random.arrays import shuffle, stream_key
from loopbp.random.streams import SPLIT
from loopbp.validate import check_count, check_number


@suggests
def split_indices(
    count: int, test: float | int = 0.2, seed: int = 0, stratify: Any = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers of the training part and of the test part, each in random order.

    Parameters
    ----------
    count
        m, the number of examples.
    test
        The share held out, above 0 and below 1, or a whole number of examples.
    seed
        Of the stream ``SPLIT`` of `loopbp.random.streams`.
    stratify
        Labels (m,): every class is held out in its own proportion, as near as whole numbers allow,
        and keeps at least one example in training.  A share that would leave a class without any
        is lessened; a whole number is refused.

    Returns
    -------
    train, test : arrays of int64

    Raises
    ------
    TypeError, ValueError
        If an argument is out of its range, or a part would be empty.
    """
    count = check_count("count", count)
    exact = isinstance(test, numbers.Integral) and not isinstance(test, bool)
    if exact:
        held = check_count("test", test)
    else:
        held = round(check_number("test", test, above=0.0, below=1.0) * count)
    if not 0 < held < count:
        raise ValueError(
            f"test: {test} of {count} examples leaves {count - held} for training "
            f"and {held} for the test; both need at least one"
        )
    order = shuffled_rows(count, seed)
    if stratify is None:
        return order[held:], order[:held]

    number, classes = _class_numbers(stratify, count)
    size = np.bincount(number)
    if held > count - len(classes):
        if exact or count == len(classes):
            raise ValueError(
                f"test: {test} of {count} examples leaves {count - held} for training, "
                f"fewer than the {len(classes)} classes"
            )
        held = count - len(classes)
    taken = _first_of_each(order, number, _shares(size, held))
    return order[~taken], order[taken]


def validation_rows(
    count: int, fraction: float, seed: int, number: NDArray[np.int64] | None = None
) -> NDArray[np.bool_]:
    """Which examples `fit` holds out for validation.

    Each class gives its fraction, to the nearest whole number.  Where that would leave a class
    without any example on one side, the fraction of all is shared out over the classes instead:
    a class too small for its share stays in training, and none is taken whole.

    Parameters
    ----------
    count
        m, the number of examples.
    fraction
        The share held out, above 0 and below 1.
    seed
        Of the stream ``SPLIT`` of `loopbp.random.streams`.
    number : array of shape (m,), optional
        The class of each example, from 0; None: there are no classes.

    Returns
    -------
    array of bool, shape (m,)

    Raises
    ------
    ValueError
        If one side would be empty.
    """
    order = shuffled_rows(count, seed)
    size = np.array([count]) if number is None else np.bincount(number)
    share = np.array([round(fraction * n) for n in size])
    if number is not None and ((size > 0) & ((share == 0) | (share == size))).any():
        most = count - int(np.count_nonzero(size))
        share = _shares(size, min(round(fraction * count), most))
    held = int(share.sum())
    if held in (0, count):
        side, least = ("validation", f"{1 / count:.2g}") if held == 0 else ("training", "less")
        raise ValueError(
            f"validation: a fraction of {fraction:g} of {count} examples leaves the {side} set "
            f"empty; give {'at least ' if held == 0 else ''}{least}"
        )
    taken = np.zeros(count, bool)
    whole = np.zeros(count, np.int64) if number is None else number
    taken[order[_first_of_each(order, whole, share)]] = True
    return taken


def fold_numbers(count: int, folds: int, seed: int, stratify: Any = None) -> NDArray[np.int64]:
    """In which of `folds` parts each example is held out.

    Parameters
    ----------
    count
        m, the number of examples.
    folds
        How many parts, at least 2.
    seed
        Of the stream ``SPLIT`` of `loopbp.random.streams`.
    stratify
        Labels (m,): every part gets its share of each class.  The only example of a class is
        held out in none, for no network could learn its class without it.

    Returns
    -------
    array of int64, shape (m,)
        From 0; -1 for what is always trained on.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of its range, or a part would be empty.
    """
    count = check_count("count", count)
    folds = check_count("folds", folds, at_least=2)
    order = shuffled_rows(count, seed)
    found = np.full(count, -1, np.int64)
    dealt = 0
    number = None if stratify is None else _class_numbers(stratify, count)[0]
    for members in [order] if number is None else _by_class(order, number):
        if number is None or len(members) > 1:
            found[members] = (dealt + np.arange(len(members))) % folds
            dealt += len(members)
    if dealt < folds:
        of = "" if dealt == count else " that is not the only one of its class"
        raise ValueError(f"folds: expected at most {dealt}, one for each example{of}, got {folds}")
    return found


def shuffled_rows(count: int, seed: int) -> NDArray[np.int64]:
    """0 .. count-1 in the order from which examples are held out, the same on every machine."""
    order = np.empty(count, np.int64)
    shuffle(order, stream_key(check_count("seed", seed, at_least=0), SPLIT, 0))
    return order


def _class_numbers(labels: Any, count: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """The class of each example, from 0, and the labels."""
    found = np.asarray(labels)
    if found.shape != (count,):
        raise ValueError(f"stratify: expected {count} labels, got shape {found.shape}")
    classes, number = np.unique(found, return_inverse=True)
    return number, classes


def _by_class(order: NDArray[np.int64], number: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The rows of each class, in their order."""
    sorted_rows = order[np.argsort(number[order], kind="stable")]
    return np.split(sorted_rows, np.cumsum(np.bincount(number))[:-1])


def _first_of_each(
    order: NDArray[np.int64], number: NDArray[np.int64], share: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which places of `order` hold the first share[k] rows of class k."""
    place = np.argsort(number[order], kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(number, minlength=len(share)))[:-1]])
    rank = np.empty(len(order), np.int64)
    rank[place] = np.arange(len(order)) - np.repeat(
        start, np.bincount(number, minlength=len(share))
    )
    return rank < share[number[order]]


def _shares(size: NDArray[np.int64], held: int) -> NDArray[np.int64]:
    """How many of each class are held out: largest remainders, at most all but one of a class."""
    exact = size * (held / size.sum())
    most = np.maximum(size - 1, 0)
    share = np.minimum(np.floor(exact).astype(np.int64), most)
    while share.sum() < held:
        missing = np.where(share < most, exact - share, -np.inf)
        share[np.argmax(missing)] += 1
    return share


@suggests
def train_test_split(
    X: Any, y: Any, test: float | int = 0.2, seed: int = 0, stratify: bool | None = None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Hold out a part of the examples.

    Parameters
    ----------
    X, y
        m examples and their targets.
    test, seed
        As in `split_indices`.
    stratify
        Keep the classes in proportion.  None: where y holds labels (one string, boolean or
        integer for each example).

    Returns
    -------
    X_train, X_test, y_train, y_test : arrays

    Raises
    ------
    TypeError, ValueError
        If an argument is out of its range, or a part would be empty.

    Examples
    --------
    >>> from loopbp import datasets
    >>> data = datasets.load("digits")
    >>> X, X_test, y, y_test = datasets.train_test_split(data.X, data.y)
    >>> len(X), len(X_test)
    (1438, 359)
    """
    X, y = np.asarray(X), np.asarray(y)
    if X.ndim == 0 or y.ndim == 0 or len(X) != len(y):
        raise ValueError(f"y: expected one target for each row of X, got {y.shape} for {X.shape}")
    if stratify is None:
        stratify = y.ndim == 1 and y.dtype.kind in "iubUSO"
    train, held = split_indices(len(X), test, seed, y if stratify else None)
    return X[train], X[held], y[train], y[held]
