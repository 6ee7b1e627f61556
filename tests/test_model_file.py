"""One model file, one meaning: what `loopbp train` saved is what Python loads, and the reverse."""

import json

import numpy as np
import pandas as pd
import pytest

import loopbp
from loopbp.cli import main


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def iris():
    """The iris table with its species as words, also with its columns in another order."""
    data = pytest.importorskip("sklearn.datasets").load_iris()
    frame = pd.DataFrame(data.data, columns=["sepal, cm", "sepal width", "petal", "petal width"])
    frame["species"] = data.target_names[data.target]
    frame.to_csv("iris.csv", index=False)
    frame[["petal", "species", "petal width", "sepal width", "sepal, cm"]].to_csv(
        "turned.csv", index=False
    )
    return frame


def run(capsys, *words):
    code = main(list(words))
    found = capsys.readouterr()
    assert code == 0, found.err
    return found.out


def test_a_model_of_the_command_line_in_python(iris, capsys):
    out = run(capsys, "train", "iris.csv", "--engine", "numpy", "--json", "--save", "iris.npz")
    assert json.loads(out)["test_score"] > 0.9
    net = loopbp.load("iris.npz")
    y = iris["species"].to_numpy()
    assert net.score(iris, y) >= 0.96  # 0.333 where the scaling was not applied
    assert net.score(iris.drop(columns="species").to_numpy(), y) == net.score(iris, y)
    for name in ("iris.csv", "turned.csv"):
        printed = run(capsys, "predict", "iris.npz", name).split()[1:]
        assert printed == net.predict(iris).tolist()
    notes = json.loads(run(capsys, "predict", "iris.npz", "turned.csv", "--json"))["reading"][
        "notes"
    ]
    assert any("first row holds the names" in note for note in notes)
    assert "first row holds the names" in run(capsys, "check", "iris.csv")
    X, Y = net.prepare(iris, y)
    assert X.dtype == np.float32
    assert Y is not None
    assert Y.sum(axis=1).tolist() == [1] * 150


def test_explain_and_study_take_labels_and_names(iris, capsys):
    run(capsys, "train", "iris.csv", "--engine", "numpy", "--quiet", "--save", "iris.npz")
    net = loopbp.load("iris.npz")
    some = ("--model", "iris.npz", "--examples", "4", "--layer", "1", "--unit", "2")
    out = run(capsys, "explain", "turned.csv", *some, "--input", "petal", "--width", "100")
    assert "from input 2" in out  # in the model's order
    few, y = iris[:4], iris["species"][:4].to_numpy()
    e = loopbp.explain(net, few, y, layer=1, unit=2, input="petal")
    assert e.value == loopbp.explain(net, few, y, layer=1, unit=2, input=2).value
    run(capsys, "study", "iris.csv", *some, "--html", "page.html", "--input", "petal width")
    with open("page.html", encoding="utf-8") as file:
        assert "setosa" in file.read()
    for given, layer, error in (
        ("petl", 1, "input: no input 'petl'; did you mean 'petal'?; the inputs are sepal, cm, "),
        ("petal", 2, "only the inputs of layer 1 have names"),
    ):
        with pytest.raises(ValueError, match=error.replace("?", r"\?")):
            loopbp.explain(net, few, y, layer=layer, unit=2, input=given)
    bare = loopbp.Network([2, 3, 1], seed=0)
    with pytest.raises(ValueError, match="the network knows no names of its inputs"):
        loopbp.explain(bare, [[0, 1]], [1], layer=1, unit=0, input="petal")
    run(capsys, "check", "iris.csv")


def test_explain_of_another_table(iris, capsys):
    run(capsys, "train", "iris.csv", "--engine", "numpy", "--quiet", "--save", "iris.npz")
    iris[["petal", "species"]].to_csv("other.csv", index=False)
    iris.drop(columns="species").to_csv("inputs.csv", index=False)
    some = ("--model", "iris.npz", "--layer", "1", "--unit", "2")
    assert main(["explain", "other.csv", *some]) == 2
    assert "no column 'sepal, cm'" in capsys.readouterr().err
    assert main(["explain", "inputs.csv", *some]) == 2
    assert "holds no targets" in capsys.readouterr().err


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_all_digits_of_a_prediction_are_printed(capsys, dtype):
    x = np.linspace(0, 1, 40)
    pd.DataFrame({"x": x, "y": 1234567890.25 + 8 * x}).to_csv("t.csv", index=False)
    run(capsys, "train", "t.csv", "--dtype", dtype, "--engine", "numpy", "--quiet", "--save",
        "t.npz")  # fmt: skip
    printed = np.array(run(capsys, "predict", "t.npz", "t.csv").split()[1:], float)
    frame = pd.DataFrame({"x": x})
    assert (printed == loopbp.load("t.npz").predict(frame)).all()
    assert np.abs(printed - 1234567890.25 - 8 * x).max() < 4
    assert len(set(printed)) > 30


def test_words_and_missing_cells_travel_with_the_model(capsys):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"size": rng.normal(5, 2, 80).round(3), "colour": ["red", "blue"] * 40})
    frame["kept"] = np.where((frame["size"] > 5) == (frame["colour"] == "red"), "yes", "no")
    frame.loc[[3, 7], "size"] = np.nan
    frame.loc[[5], "colour"] = None
    frame.to_csv("t.csv", index=False)
    assert main(["train", "t.csv", "--quiet", "--no-save"]) == 2
    assert "--missing" in capsys.readouterr().err
    run(capsys, "train", "t.csv", "--missing", "mean", "--engine", "numpy", "--quiet", "--save",
        "t.npz")  # fmt: skip
    net = loopbp.load("t.npz")
    assert net.input_names == ("size", "colour=blue", "colour=red")
    printed = run(capsys, "predict", "t.npz", "t.csv").split()[1:]
    assert printed == net.predict(frame).tolist()
    frame.assign(colour="green").to_csv("green.csv", index=False)
    assert main(["predict", "t.npz", "green.csv"]) == 2
    assert "column 'colour': expected one of blue, red, got 'green'" in capsys.readouterr().err


def test_a_file_is_not_taken_for_embedded_data(capsys):
    """Whatever it is called: only the name itself brings the defaults that suit that data."""
    pd.DataFrame({"a": np.arange(30.0) % 7, "y": ["p", "q"] * 15}).to_csv("digits.csv", index=False)
    out = run(capsys, "train", "digits.csv", "--engine", "numpy", "--epochs", "2", "--json")
    assert json.loads(out)["sizes"] == [1, 64, 32, 2]


def test_what_the_library_warns_of_is_one_line_of_the_command_line(capsys):
    pd.DataFrame({"a": np.arange(30.0), "y": ["p", "q", "r"] * 10}).to_csv("t.csv", index=False)
    words = ("--output", "sigmoid", "--loss", "cross_entropy", "--engine", "numpy", "--epochs", "1")
    assert main(["train", "t.csv", *words, "--json", "--no-save"]) == 0
    found = capsys.readouterr()
    assert found.err.startswith("loopbp train: cross_entropy is for outputs that sum to 1")
    assert found.err.count("\n") == 1 + found.err.count("by heart")
    assert "binary_cross_entropy" in json.loads(found.out)["warnings"][0]


@pytest.mark.parametrize("split", range(5))
def test_a_rare_word_stops_nothing(capsys, split):
    """Wherever the split puts the only example that holds it."""
    words = ["red", "blue"] * 6 + ["green"]
    frame = pd.DataFrame({"colour": words, "y": ["p", "q"] * 6 + ["p"]})
    frame.to_csv("t.csv", index=False)
    options = ("--engine", "numpy", "--epochs", "1", "--split-seed", str(split), "--quiet")
    run(capsys, "train", "t.csv", *options, "--save", "t.npz")
    assert loopbp.load("t.npz").input_names == ("colour=blue", "colour=green", "colour=red")
    run(capsys, "train", "t.csv", *options, "--cv", "3")
