"""`cross_validate` in Python and ``loopbp train --cv``: folds, scores, and what is refused."""

import json

import numpy as np
import pytest
from cases import helpers

import loopbp
from loopbp import cross_validation, holdout
from loopbp.cli import main

X, Y = helpers.blobs(60)
QUICK = {"epochs": 3, "engine": "numpy"}


# -- folds -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [None, Y, np.array(["a"] * 7 + ["b"] * 53)])
@pytest.mark.parametrize("folds", [2, 5, 7])
def test_every_example_is_held_out_once_and_classes_in_proportion(labels, folds):
    number = holdout.fold_numbers(60, folds, 3, labels)
    counts = np.bincount(number, minlength=folds)
    assert counts.sum() == 60
    assert counts.max() - counts.min() <= 1
    for label in [] if labels is None else np.unique(labels):
        by_fold = np.bincount(number[labels == label], minlength=folds)
        assert by_fold.max() - by_fold.min() <= 1
    assert (number == holdout.fold_numbers(60, folds, 3, labels)).all()
    assert (number != holdout.fold_numbers(60, folds, 4, labels)).any()


def test_the_only_example_of_a_class_is_always_trained_on():
    labels = np.array(["a", "b"] * 10 + ["once"])
    number = holdout.fold_numbers(21, 4, 0, labels)
    assert number[-1] == -1
    assert (number[:-1] >= 0).all()


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ((10, 1, 0), ValueError, "folds: .* at least 2, got 1"),
        ((10, 2.0, 0), TypeError, "folds: "),
        ((10, 11, 0), ValueError, "folds: expected at most 10"),
        ((4, 3, 0, [0, 0, 1, 2]), ValueError, "at most 2, .*not the only one of its class, got 3"),
    ],
)
def test_folds_that_cannot_be(arguments, error, match):
    with pytest.raises(error, match=match):
        holdout.fold_numbers(*arguments)


# -- scores ----------------------------------------------------------------------------------------


def test_scores_are_those_of_networks_trained_by_hand():
    net = helpers.classifier(dropout=0.1, l2=1e-3)
    before = net.theta.copy()
    found = loopbp.cross_validate(net, X, Y, folds=4, seed=2, **QUICK)
    number = holdout.fold_numbers(60, 4, 2, Y)
    for fold in range(4):
        train, held = number != fold, number == fold
        own = helpers.classifier(dropout=0.1, l2=1e-3)
        own.fit(X[train], Y[train], **QUICK)
        assert found.scores[fold] == own.score(X[held], Y[held])
        assert found.train_scores[fold] == own.score(X[train], Y[train])
        assert found.loss[fold] == own.loss(X[held], Y[held])
        assert found.histories[fold].loss == own.history.loss
        assert (found.held_out[fold] == np.flatnonzero(held)).all()
    assert (found.mean, found.std) == (found.scores.mean(), found.scores.std())
    assert (net.theta == before).all()
    assert net.history.epochs == 0


def test_scores_agree_with_scikit_learn_on_the_same_folds():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    values = X @ [1.0, -2.0]
    made = []

    def make(X_train, y_train):
        made.append(loopbp.Network([2, 4, 1], loss="half_mse", seed=1))
        return made[-1]

    found = loopbp.cross_validate(make, X, values, folds=3, **QUICK)
    for net, held, score in zip(made, found.held_out, found.scores, strict=True):
        assert score == pytest.approx(
            metrics.r2_score(values[held], net.predict(X[held])), abs=1e-9
        )
    assert found.task == "regression"


def test_a_rare_class_and_words_as_labels():
    labels = np.array(["a", "b"] * 10 + ["once"])
    net = loopbp.Network([2, 3, 3], seed=0)
    found = loopbp.cross_validate(net, X[:21], labels, folds=3, **QUICK)
    assert sum(map(len, found.held_out)) == 20
    assert np.isfinite(found.loss).all()


def test_weights_go_with_their_rows():
    weight = np.where(np.arange(60) < 30, 1.0, 3.0)
    net = helpers.classifier()
    weighted = loopbp.cross_validate(net, X, Y, folds=2, sample_weight=weight, **QUICK)
    train = np.flatnonzero(holdout.fold_numbers(60, 2, 0, Y) != 0)
    own = helpers.classifier()
    own.fit(X[train], Y[train], sample_weight=weight[train], **QUICK)
    assert weighted.histories[0].loss == own.history.loss


def test_data_frames_stay_data_frames():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    seen = []

    def make(X_train, y_train):
        seen.append((type(X_train), list(X_train.columns)))
        return helpers.classifier()

    frame = pandas.DataFrame(X, columns=["east", "north"], index=np.arange(60) + 100)
    found = loopbp.cross_validate(make, frame, pandas.Series(Y), folds=2, **QUICK)
    assert seen == [(pandas.DataFrame, ["east", "north"])] * 2
    plain = loopbp.cross_validate(helpers.classifier(), X, Y, folds=2, **QUICK)
    assert (found.scores == plain.scores).all()


def test_untrained_has_every_argument_of_the_network():
    net = loopbp.Network(
        [2, 4, 5, 3], ["tanh", "gelu"], initializer="lecun_normal", dropout=[0.1, 0.2], l2=0.3,
        dtype="float32", seed=9,
    )  # fmt: skip
    fresh = cross_validation.untrained(net)
    assert repr(fresh) == repr(net)
    assert (fresh.theta == net.theta).all()
    assert fresh.theta is not net.theta
    for name in ("initializer", "dropout", "l2", "dtype", "seed"):
        assert getattr(fresh, name) == getattr(net, name)
    assert cross_validation.untrained(loopbp.Network([2, 3], seed=0)).sizes == (2, 3)


def test_the_result_as_a_table_and_for_json():
    found = loopbp.cross_validate(helpers.classifier(), X, Y, folds=3, **QUICK)
    lines = str(found).splitlines()
    assert len(lines) == 5
    assert "accuracy, held out" in lines[0]
    assert lines[-1] == f"accuracy {found.mean:.4f} +- {found.std:.4f} over the folds"
    assert json.loads(json.dumps(found.as_dict()))["scores"] == found.scores.tolist()


def test_make_that_returns_what_it_should_not():
    net = helpers.classifier()
    with pytest.raises(ValueError, match="make: returned a network that is already trained"):
        loopbp.cross_validate(lambda *_: net, X, Y, folds=2, **QUICK)
    with pytest.raises(TypeError, match="make: expected a function that returns a Network"):
        loopbp.cross_validate(lambda *_: None, X, Y, folds=2, **QUICK)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^y: expected 60 targets"):
        loopbp.cross_validate(net, X, Y[1:])


# -- the command line ------------------------------------------------------------------------------


def test_train_cv(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{a},{b},{'xyz'[k]}\n" for (a, b), k in zip(X.tolist(), Y, strict=True))
    (tmp_path / "t.csv").write_text(f"a,b,kind\n{rows}")
    words = ["train", "t.csv", "--cv", "3", "--engine", "numpy", "--epochs", "60", "--hidden", "6"]
    assert main([*words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["folds"], sum(result["test_examples"])) == (3, 60)
    assert result["mean"] == pytest.approx(np.mean(result["scores"]))
    assert result["mean"] > 0.8
    assert result["warnings"] == []
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"], "no network is saved"
    assert main(words) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 9  # four of them precision, recall, F1, ROC AUC
    assert f"accuracy {result['mean']:.4f}" in out
