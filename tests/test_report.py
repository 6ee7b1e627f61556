"""Precision, recall, F1 and ROC AUC: `Network.report` and what commands print."""

import json
import warnings

import numpy as np
import pytest
from cases.commands import QUICK, write_table

import loopbp
from loopbp.network.report import report, roc_auc

BY_HAND = np.array([0, 0, 1, 1, 1]), np.array([[0.2], [0.7], [0.6], [0.9], [0.4]])


def test_two_classes_by_hand():
    y, a = BY_HAND
    found = report(a, y[:, None].astype(float), "classification", np.array(["no", "yes"]))
    assert (found.average, found.positive, found.score) == ("binary", "yes", 0.6)
    assert (found.precision, found.recall) == pytest.approx((2 / 3, 2 / 3))
    assert found.f1 == pytest.approx(2 / 3)
    assert found.roc_auc == pytest.approx(4 / 6)  # of six pairs 0.2 < all, 0.7 < 0.9
    assert found.precisions == pytest.approx([1 / 2, 2 / 3])
    assert found.support.tolist() == [2, 3]
    assert found.undefined == ()


def test_equal_chances_count_half():
    assert roc_auc(np.array([True, False]), np.array([0.5, 0.5])) == 0.5
    assert roc_auc(np.array([True, False, False]), np.array([0.5, 0.5, 0.1])) == 0.75


CASES = [(task, seed) for task in ("one", "two", "many", "multilabel") for seed in range(12)]


@pytest.mark.parametrize(("task", "seed"), CASES)
def test_the_numbers_are_those_of_scikit_learn(task, seed):
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    m, count = int(rng.integers(6, 40)), {"one": 1, "two": 2}.get(task, 4)
    a = rng.random((m, count)).round(1) if seed % 2 else rng.random((m, count))
    if task in ("two", "many"):
        a = (a + 0.01) / (a + 0.01).sum(axis=1, keepdims=True)
    if task == "multilabel":
        Y = (rng.random((m, count)) < 0.4).astype(float)
        if seed < 3:
            a[:, 1] = 0.2  # never predicted
        y, predicted, classes, kind = Y, a > 0.5, np.arange(count), "multilabel"
        average, chance, more = "macro", a, {"average": "macro"}
    else:
        classes = np.array(list("abcd"))[: max(count, 2)]
        # In some cases a class has no example, and in others none that is predicted.
        number = rng.integers(0, len(classes) - (seed in (4, 5)), m)
        if seed in (6, 7) and count > 1:
            a[:, 0] = 0.0
            a /= a.sum(axis=1, keepdims=True)
        y, kind = classes[number], "classification"
        Y = number[:, None].astype(float) if count == 1 else np.eye(count)[number]
        predicted = classes[(a[:, 0] > 0.5).astype(int) if count == 1 else a.argmax(axis=1)]
        average = "binary" if len(classes) == 2 else "macro"
        chance = a[:, -1] if len(classes) == 2 else a
        more = {} if len(classes) == 2 else {"multi_class": "ovr", "average": "macro"}
    found = report(a, Y, kind, classes)
    if average == "binary" and len({*y, *predicted}) < 2:
        assert found.roc_auc is None
        return
    options = {"zero_division": 0.0, "average": average}
    if average == "binary":
        options["pos_label"] = classes[1]
    expected = [
        getattr(metrics, f"{name}_score")(y, predicted, **options)
        for name in ("precision", "recall", "f1")
    ]
    assert (found.precision, found.recall, found.f1) == pytest.approx(expected, rel=1e-13)
    labels = list(range(count)) if kind == "multilabel" else classes
    table = metrics.precision_recall_fscore_support(y, predicted, labels=labels, zero_division=0.0)
    for by_class, expected in zip(
        (found.precisions, found.recalls, found.f1s, found.support), table, strict=True
    ):
        assert by_class == pytest.approx(expected, rel=1e-13)
    assert found.score == metrics.accuracy_score(y, predicted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is not defined
        try:
            area = metrics.roc_auc_score(y, chance, **more)
        except ValueError:
            area = np.nan
    if np.isnan(area):
        assert found.roc_auc is None
        assert "class" in found.why_no_roc_auc
    else:
        assert found.roc_auc == pytest.approx(area, rel=1e-12)


def test_what_is_not_defined_is_said():
    classes = np.array(["a", "b", "c"])
    a = np.array([[0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    found = report(a, np.eye(3)[[0, 1, 0]], "classification", classes)
    assert found.undefined == (
        "precision counts as 0 where a class is never predicted: b",
        "recall counts as 0 where a class has no example here: c",
    )
    assert found.roc_auc is None
    assert found.why_no_roc_auc == "not defined: no example here of class c"
    assert found.as_dict()["roc_auc"] is None
    assert "ROC AUC not defined: no example here of class c" in str(found)
    alone = report(np.array([[0.2], [0.7]]), np.ones((2, 1)), "classification", np.arange(2))
    assert alone.why_no_roc_auc == "not defined: no example here of class 0"
    labels = report(np.ones((2, 2)), np.array([[1.0, 1], [1, 0]]), "multilabel", np.arange(2))
    assert labels.why_no_roc_auc == "not defined: all examples here of class 0"
    empty = report(np.zeros((2, 2)), np.zeros((2, 2)), "multilabel", np.arange(2))
    assert empty.undefined[-1] == (
        "F1 counts as 0 where a class has no example and is never predicted: 0, 1"
    )
    broken = report(np.array([[np.nan], [0.7]]), np.eye(2)[:, :1], "classification", np.arange(2))
    assert broken.why_no_roc_auc == "outputs are not finite"


def test_report_of_a_network():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 2))
    words = np.array(["low", "mid", "top"])[np.digitize(X[:, 0], [-0.4, 0.4])]
    net = loopbp.Network([2, 3], seed=0)
    net.fit(X, words, epochs=5, verbose=False)
    found = net.report(X, words)
    assert found.score == net.score(X, words)
    assert found.classes.tolist() == ["low", "mid", "top"]
    assert found.support.tolist() == [int((words == label).sum()) for label in found.classes]
    assert json.loads(json.dumps(found.as_dict()))["by_class"][1]["class"] == "mid"
    lines = str(found).splitlines()
    assert lines[0].split() == ["precision", "recall", "F1", "examples"]
    assert [line.split()[0] for line in lines[1:5]] == ["low", "mid", "top", "macro"]
    with pytest.raises(ValueError, match="report: is for classes and labels, and y holds values"):
        loopbp.Network([2, 1], output="identity", seed=0).report(X, X[:, 0])
    with pytest.raises(ValueError, match="X: expected finite"):
        net.report(np.full((1, 2), np.nan), ["low"])


# -- the command line -----------------------------------------------------------------------------

KEYS = {"average", "positive", "precision", "recall", "f1", "roc_auc", "why_no_roc_auc",
        "undefined", "by_class"}  # fmt: skip


@pytest.mark.usefixtures("own_folder")
def test_train_prints_them(train, run):
    write_table("t.csv")
    result = train("t.csv", *QUICK)
    metrics = result["metrics"]
    assert set(metrics) == KEYS
    assert (metrics["average"], metrics["positive"]) == ("binary", "right")
    counts = np.array(result["confusion"])
    assert metrics["recall"] == pytest.approx(counts[1, 1] / counts[1].sum())
    assert [row["support"] for row in metrics["by_class"]] == counts.sum(axis=1).tolist()
    out = " ".join(run("train", "t.csv", *QUICK)[1].split())
    assert f"test: precision {metrics['precision']:.4f}, recall {metrics['recall']:.4f}" in out
    assert f"ROC AUC {metrics['roc_auc']:.4f} (of right)" in out
    assert run("train", "t.csv", *QUICK, "--quiet", "--no-save") == (0, "", "")


@pytest.mark.usefixtures("own_folder")
def test_train_prints_them_by_class(run):
    code, out, _ = run("train", "digits", *QUICK)
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert ["class", "precision", "recall", "F1", "examples"] in rows
    assert len([row for row in rows if len(row) == 5 and row[0] == "9" and "." in row[1]]) == 1
    assert "(means over the classes)" in " ".join(out.split())


@pytest.mark.usefixtures("own_folder")
def test_train_shows_the_worst_of_many_classes(run):
    with open("many.csv", "w") as file:
        file.write("a,y\n" + "".join(f"{k}.5,c{k % 25}\n" for k in range(250)))
    code, out, _ = run("train", "many.csv", *QUICK)
    assert code == 0
    assert "test: the classes with the lowest F1" in out


@pytest.mark.usefixtures("own_folder")
def test_values_have_none(train, run):
    write_table("t.csv", kind="values")
    assert train("t.csv", *QUICK)["metrics"] is None
    assert "precision" not in run("train", "t.csv", *QUICK)[1]
    assert train("t.csv", *QUICK, "--cv", "2")["metrics"] is None
    assert "precision" not in run("train", "t.csv", *QUICK, "--cv", "2")[1]


@pytest.mark.usefixtures("own_folder")
def test_cross_validation_prints_them(train, run):
    write_table("t.csv")
    metrics = train("t.csv", *QUICK, "--cv", "3")["metrics"]
    assert {name: len(values) for name, values in metrics.items()} == dict.fromkeys(
        ("precision", "recall", "f1", "roc_auc"), 3
    )
    code, out, _ = run("train", "t.csv", *QUICK, "--cv", "3")
    assert code == 0
    assert f"F1 {np.mean(metrics['f1']):.4f} \N{PLUS-MINUS SIGN} " in out
    assert out.splitlines()[-1].startswith("accuracy ")
    assert run("train", "t.csv", *QUICK, "--cv", "3", "--quiet")[:2] == (0, "")


@pytest.mark.usefixtures("own_folder")
def test_predict_prints_them(train, run):
    write_table("t.csv")
    train("t.csv", *QUICK, "--save", "m.npz")
    code, out, err = run("predict", "m.npz", "t.csv", "--json")
    assert code == 0
    assert set(json.loads(out)["metrics"]) == KEYS
    code, out, err = run("predict", "m.npz", "t.csv")
    assert "loopbp predict: precision 0." in err
    assert "precision" not in out
    write_table("blind.csv", target=False)
    assert json.loads(run("predict", "m.npz", "blind.csv", "--json")[1])["metrics"] is None
