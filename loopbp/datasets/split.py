"""Holding examples out, the same ones on every machine."""

import numbers
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.reference import random_bits, shuffle
from loopbp.rng import SPLIT
from loopbp.validate import check_count, check_number


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
        Of the stream ``SPLIT`` of `loopbp.rng`.
    stratify
        Labels (m,): every class is held out in its own proportion, as near as whole numbers allow,
        and keeps at least one example in training.

    Returns
    -------
    train, test : arrays of int64

    Raises
    ------
    TypeError, ValueError
        If an argument is out of its range, or a part would be empty.
    """
    count = check_count("count", count)
    seed = check_count("seed", seed, at_least=0)
    if isinstance(test, numbers.Integral) and not isinstance(test, bool):
        held = check_count("test", test)
    else:
        held = round(check_number("test", test, above=0.0, below=1.0) * count)
    if not 0 < held < count:
        raise ValueError(
            f"test: {test} of {count} examples leaves {count - held} for training "
            f"and {held} for the test; both need at least one"
        )
    order = np.empty(count, np.int64)
    stream = random_bits(seed, np.array([SPLIT]))[0]
    shuffle(order, random_bits(stream, np.array([0]))[0])  # stream_key(seed, SPLIT, 0)
    if stratify is None:
        return order[held:], order[:held]

    labels = np.asarray(stratify)
    if labels.shape != (count,):
        raise ValueError(f"stratify: expected {count} labels, got shape {labels.shape}")
    classes, number = np.unique(labels, return_inverse=True)
    size = np.bincount(number)
    if held > count - len(classes):
        raise ValueError(
            f"test: {test} of {count} examples leaves {count - held} for training, "
            f"fewer than the {len(classes)} classes"
        )
    share = _shares(size, held)
    shuffled = number[order]
    taken = np.zeros(count, bool)
    for k in range(len(classes)):
        taken[np.flatnonzero(shuffled == k)[: share[k]]] = True
    return order[~taken], order[taken]


def _shares(size: NDArray[np.int64], held: int) -> NDArray[np.int64]:
    """How many of each class are held out: largest remainders, at most all but one of a class."""
    exact = size * (held / size.sum())
    share = np.minimum(np.floor(exact).astype(np.int64), size - 1)
    while share.sum() < held:
        missing = np.where(share < size - 1, exact - share, -np.inf)
        share[np.argmax(missing)] += 1
    return share


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
