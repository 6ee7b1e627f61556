"""Examples held out: the same everywhere, by class, and what cannot be split."""

import numpy as np
import pytest

from loopbp import datasets


def test_split_is_pinned():
    """The digits' held-out fifth must be the same on every machine and in every version."""
    train, test = datasets.split_indices(10, 0.3, seed=0)
    assert (train.tolist(), test.tolist()) == PINNED
    again = datasets.split_indices(10, 0.3, seed=0)
    assert again[0].tolist() == train.tolist()
    assert datasets.split_indices(10, 0.3, seed=1)[1].tolist() != test.tolist()


PINNED = ([9, 4, 3, 6, 5, 0, 1], [8, 7, 2])


def test_split_keeps_classes_in_proportion():
    data = datasets.load("digits")
    X, X_test, y, y_test = datasets.train_test_split(data.X, data.y)
    assert (len(X), len(X_test)) == (1438, 359)
    share = np.bincount(y_test) / np.bincount(data.y)
    assert np.all(np.abs(share - 0.2) < 0.01)
    rows = np.concatenate([X, X_test])
    assert sorted(rows.sum(axis=1)) == sorted(data.X.sum(axis=1))
    assert len(y) + len(y_test) == 1797


def test_split_leaves_one_of_each_class_to_train():
    y = np.array(["a"] * 8 + ["b"])
    train, test = datasets.split_indices(9, 4, seed=3, stratify=y)
    assert len(test) == 4
    assert "b" in y[train]


def test_split_without_classes():
    X, X_test, y, y_test = datasets.train_test_split([[1.0], [2.0], [3.0]], [0.1, 0.2, 0.3], test=1)
    assert len(X) == len(y) == 2
    assert len(X_test) == len(y_test) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((10, 0.0), "test: expected"),
        ((10, 1.5), "test: expected"),
        ((10, 0.01), "test: 0.01 of 10 examples leaves 10"),
        ((10, 10), "test: 10 of 10 examples leaves 0"),
        ((0, 0.2), "count: "),
        ((10, 0.2, -1), "seed: "),
        ((4, 3, 0, [0, 1, 2, 0]), "fewer than the 3 classes"),
        ((4, 0.5, 0, [0, 1]), "stratify: expected 4 labels"),
    ],
)
def test_split_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        datasets.split_indices(*arguments)


def test_split_refuses_unequal_lengths():
    with pytest.raises(ValueError, match=r"^y: expected one target"):
        datasets.train_test_split([[1.0], [2.0]], [1])
