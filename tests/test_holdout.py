"""A rare class never stops a training: it stays in training.  And what is said of the scores."""

import csv
import json

import numpy as np
import pytest
from cases import helpers

import loopbp
from loopbp import datasets, holdout
from loopbp.cli import main
from loopbp.cli.warnings import falls_behind
from loopbp.network.data import hold_out


def labels_of(sizes, seed=0):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    np.random.default_rng(seed).shuffle(labels)
    return labels


def test_three_of_two_thousand_examples_in_a_class():
    """scikit-learn#13164: 3 examples of one class, validation=0.1."""
    y = np.array(["common", "other", "rare"])[labels_of([1000, 997, 3])]
    X = np.random.default_rng(0).standard_normal((2000, 2))
    net = loopbp.Network([2, 3], seed=0)
    history = net.fit(X, y, epochs=1, engine="numpy", validation=0.1)
    assert len(history.validation_loss) == 1
    held = holdout.validation_rows(2000, 0.1, 0, np.unique(y, return_inverse=True)[1])
    assert held.sum() == 200
    assert (y[held] == "rare").sum() == 0


@pytest.mark.parametrize("sizes", [[1, 1, 50], [2, 30], [1, 1, 2], [4] * 20, [40, 3, 3, 3]])
@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5, 0.9])
def test_every_class_keeps_an_example_in_training(sizes, fraction):
    y = labels_of(sizes)
    count = len(y)
    if round(fraction * count) == 0:
        with pytest.raises(ValueError, match="leaves the validation set empty; give at least"):
            holdout.validation_rows(count, fraction, 0, y)
        return
    held = holdout.validation_rows(count, fraction, 0, y)
    assert 0 < held.sum() <= max(round(fraction * count), 1) + len(sizes) / 2
    assert set(y[~held]) == set(y)
    if round(fraction * count) == count:
        return
    train, test = datasets.split_indices(count, fraction, 0, y)
    assert sorted([*train, *test]) == list(range(count))
    assert set(y[train]) == set(y)


def test_validation_holds_out_the_rows_that_it_always_held_out():
    """The splits of commit 836f6d4, so that seeds of older trainings give them again."""
    y = np.arange(20) % 2
    assert np.flatnonzero(holdout.validation_rows(20, 0.3, 5, y)).tolist() == PINNED[0]
    assert np.flatnonzero(holdout.validation_rows(20, 0.3, 5)).tolist() == PINNED[1]
    digits = datasets.load("digits")
    held = holdout.validation_rows(len(digits.y), 0.2, 0, digits.y)
    assert (int(held.sum()), int(np.flatnonzero(held).sum())) == PINNED[2]


PINNED = ([1, 10, 11, 16, 17, 18], [1, 7, 11, 17, 18, 19], (359, 309705))


def test_weights_go_with_their_rows():
    X, y = helpers.blobs(30)
    weight = np.arange(30) + 1.0
    net = helpers.classifier()
    data, task, _ = net._check_data(X, y, weight)
    kept, held = hold_out(data, 0.3, net.seed, task)
    rows = holdout.validation_rows(30, 0.3, net.seed, y)
    for part, mask in ((kept, ~rows), (held, rows)):
        assert part.weight == pytest.approx(weight[mask] / weight[mask].mean())
        assert (X[mask] == part.X).all()


# -- the command line ------------------------------------------------------------------------------


@pytest.fixture
def train(capsys, tmp_path, monkeypatch):
    """Train on rows of a CSV; its JSON and the lines of standard error."""
    monkeypatch.chdir(tmp_path)

    def call(rows, *words, epochs=3):
        with open("t.csv", "w", newline="") as file:
            csv.writer(file).writerows([["a", "b", "y"], *rows])
        quick = ["--engine", "numpy", "--epochs", str(epochs), "--no-save", "--json"]
        assert main(["train", "t.csv", *quick, *words]) == 0
        captured = capsys.readouterr()
        return json.loads(captured.out), captured.err.splitlines()

    return call


def table(labels):
    X = np.random.default_rng(1).standard_normal((len(labels), 2)).round(4)
    return [[*row, label] for row, label in zip(X.tolist(), labels, strict=True)]


def test_train_with_a_class_of_one_example(train):
    rows = table(["a", "b"] * 20 + ["once"])
    result, said = train(rows, "--validation", "0.2")
    assert result["classes"] == ["a", "b", "once"]
    assert (result["train_examples"], result["test_examples"]) == (33, 8)
    assert said[0] == "loopbp train: too rare to be in the test part, all trained on: class once"
    assert result["warnings"] == [line.removeprefix("loopbp train: ") for line in said]


def test_train_with_as_many_classes_as_examples(train):
    result, said = train(table(["a", "b", "c"]))
    assert (result["train_examples"], result["test_score"]) == (3, None)
    assert "3 examples are too few to hold any out" in said[0]


def test_train_says_that_the_test_score_lies_far_below(train):
    """R**2 of 0.895 in training and -0.02 in the test was printed without a word."""
    rng = np.random.default_rng(0)
    rows = [[*rng.standard_normal(2).round(4), f"{v:.4f}"] for v in rng.standard_normal(40)]
    result, said = train(rows, epochs=1500)
    assert result["train_score"] - result["test_score"] > 0.3
    assert len(said) == 1
    for part in (f"{result['train_score']:.3f}", f"{result['test_score']:.3f}", "--l2"):
        assert part in said[0]
    assert result["warnings"] == [said[0].removeprefix("loopbp train: ")]


@pytest.mark.parametrize(
    ("task", "train_score", "test_score", "n_test", "far"),
    [
        ("regression", 0.895, -0.02, 12, True),
        ("regression", 0.95, 0.7, 100, False),
        ("regression", 0.2, -0.2, 100, False),
        ("classification", 1.0, 0.8, 400, True),
        ("classification", 1.0, 0.9, 400, False),
        ("classification", 1.0, 0.8, 5, True),
        ("classification", 0.8, 0.6, 5, False),  # one example more or less
        ("multilabel", 0.9, 0.5, 100, True),
        ("classification", 0.7, 0.9, 100, False),
        ("classification", 0.7, None, 0, False),
    ],
)
def test_what_counts_as_far_below(task, train_score, test_score, n_test, far):
    said = []
    falls_behind(task, train_score, test_score, 100, n_test, said.append)
    assert len(said) == far
    assert all(len(line) < 300 and "\n" not in line for line in said)
