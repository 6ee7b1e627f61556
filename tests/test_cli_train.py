"""`loopbp train`: what it prints, writes and returns, and what it refuses."""

import json
import os

import numpy as np
import pytest
from cases.commands import QUICK, write_table
from cases.helpers import JIT

import loopbp

pytestmark = pytest.mark.usefixtures("own_folder")


# -- train ----------------------------------------------------------------------------------------


@pytest.mark.skipif(not JIT, reason="trains on all digits, too slow without the compiler")
def test_train_default(run):
    code, out, _ = run("train")
    assert code == 0
    assert "1,438 examples to train on, 359 held out" in out
    assert "confusion" not in out.lower()
    assert "true class by row" in out
    assert "network saved as loopbp-digits.npz" in out
    data = loopbp.datasets.load("digits")
    _, X_test, _, y_test = loopbp.datasets.train_test_split(data.X, data.y)
    assert loopbp.load("loopbp-digits.npz").score(X_test, y_test) >= 0.97


@pytest.mark.once
def test_train_digits_json(train):
    result = train("--engine", "numpy", "--epochs", "2")
    assert {
        "train_score", "test_score", "loss", "epochs", "seconds", "parameters", "model",
    } <= set(result)  # fmt: skip
    assert result["parameters"] == 64 * 128 + 128 + 128 * 10 + 10
    assert (result["epochs"], result["model"]) == (2, "loopbp-digits.npz")
    assert result["test_score"] > 0.8
    assert np.array(result["confusion"]).sum() == 359
    assert loopbp.load("loopbp-digits.npz").metadata["data"]["name"] == "digits"


def test_train_draws_table_and_matrix(run, monkeypatch):
    for width in ("100", "60"):
        monkeypatch.setenv("COLUMNS", width)
        code, out, _ = run("train", "digits", *QUICK, "--dropout", "0.1", "--validation", "0.2")
        assert code == 0
        assert max(len(line) for line in out.splitlines()) <= int(width)
        table = [line.split() for line in out.splitlines()]
        assert ["layer", "units", "activation", "parameters", "dropout"] in table
        assert ["1", "hidden", "4", "gelu", "260", "0.1"] in table
        assert ["total", "310"] in table
        assert any(line.startswith("test   accuracy") for line in out.splitlines())
        assert "CC BY 4.0" in out.replace("\n", " ")


def test_train_xor_has_no_test_part(train, run):
    result = train("xor", "--engine", "numpy")
    assert (result["train_score"], result["test_score"]) == (1.0, None)
    assert run("train", "xor", *QUICK)[0] == 0


def test_train_quiet_and_no_save(run, tmp_path):
    assert run("train", "xor", *QUICK, "--quiet", "--no-save") == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_train_is_reproducible(train):
    first, second = (train("spirals", *QUICK)["loss"] for _ in range(2))
    assert first == second
    assert train("spirals", *QUICK, "--seed", "1")["loss"] != first


def test_train_every_option(train):
    write_table("t.csv")
    result = train(
        "t.csv", "--target", "y", "--test", "0.25", "--split-seed", "3", "--validation", "0.2",
        "--hidden", "5,3", "--activation", "tanh,silu", "--output", "sigmoid", "--loss",
        "binary_cross_entropy", "--initializer", "lecun_normal", "--dropout", "0.1,0", "--l2",
        "1e-3", "--dtype", "float64", "--seed", "4", "--epochs", "6", "--batch-size", "8",
        "--optimizer", "sgd", "--learning-rate", "0.1", "--momentum", "0.9", "--nesterov",
        "--clip-norm", "1", "--schedule", "step", "--schedule-every", "2", "--schedule-factor",
        "0.5", "--engine", "numpy", "--no-shuffle", "--early-stopping", "5", "--min-delta", "0.001",
        "--scale", "minmax", "--save", "mine.npz",
    )  # fmt: skip
    net = loopbp.load("mine.npz")
    assert net.sizes == (2, 5, 3, 1)
    assert (net.hidden, net.output, net.loss_name) == (
        ("tanh", "silu"), "sigmoid", "binary_cross_entropy",
    )  # fmt: skip
    assert (net.dropout, net.l2, net.dtype, net.seed) == ((0.1, 0.0), 1e-3, np.float64, 4)
    assert net.initializer == ("lecun_normal",) * 3
    rates = net.history.learning_rate
    assert rates[:3] == [0.1, 0.1, 0.05]
    assert result["test_examples"] == 15
    assert net.preprocessing is not None
    assert net.preprocessing.scale.kind == "minmax"
    assert net.preprocessing.names == ("a", "b")


@pytest.mark.parametrize(
    "words",
    [
        ("--optimizer", "rmsprop", "--rho", "0.8", "--epsilon", "1e-6"),
        ("--optimizer", "adamw", "--weight-decay", "0.1", "--beta1", "0.8"),
        ("--schedule", "inverse-scaling", "--schedule-power", "1"),
        ("--schedule", "cosine", "--schedule-final", "1e-4"),
        ("--schedule", "constant"),
        ("--hidden", "none"),
    ],
)
def test_train_optimizers_and_schedules(train, words):
    assert train("spirals", *QUICK, *words)["epochs"] == 3


def test_train_class_numbers_that_are_no_range(train, run):
    write_table("t.csv", kind="numbers")
    result = train("t.csv", "--engine", "numpy", "--epochs", "60")
    assert result["classes"] == [3, 7]
    assert result["test_score"] > 0.8
    code, out, err = run("predict", "loopbp-t.npz", "t.csv")
    assert code == 0
    assert set(out.split()[1:]) == {"3", "7"}
    assert "on 60 examples" in err


def test_train_regression_scales_inputs_and_values(train, run):
    write_table("t.csv", kind="values", offset=1e5)
    result = train("t.csv", "--engine", "numpy", "--epochs", "150")
    assert result["task"] == "regression"
    assert result["test_score"] > 0.9
    assert result["rmse"] < 20
    code, out, err = run("predict", "loopbp-t.npz", "t.csv")
    predicted = np.array(out.split()[1:], float)
    assert code == 0
    assert np.abs(predicted - 1e5).max() < 400
    assert "R\N{SUPERSCRIPT TWO} 0.9" in err
    code, out, _ = run("train", "t.csv", *QUICK)
    assert "root mean square error" in out


def test_train_regression_of_whole_numbers(train, run):
    with open("t.csv", "w") as file:
        file.write("a,t\n" + "".join(f"{k},{k}\n" for k in range(50)))
    assert train("t.csv", "--task", "regression", *QUICK)["task"] == "regression"
    code, _, err = run("train", "t.csv", "--test", "0", "--json", *QUICK)
    assert code == 0
    assert "50 classes in 50 examples" in err
    assert "--task regression" in err


def test_train_multilabel_and_several_values(train, run):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    np.savez("m.npz", X=X, y=(X[:, :2] > 0).astype(int))
    result = train("m.npz", *QUICK)
    assert (result["task"], result["sizes"]) == ("multilabel", [3, 4, 2])
    code, out, _ = run("predict", "loopbp-m.npz", "m.npz", "--proba")
    assert (code, out.split()[0]) == (0, "output_0,output_1")
    np.savez("v.npz", X=X, y=X[:, :2] * 10)
    train("v.npz", *QUICK)
    code, out, _ = run("predict", "loopbp-v.npz", "v.npz")
    assert (code, len(out.split())) == (0, 41)


def test_train_one_hot_and_own_test_part(train, refused, run):
    X = np.arange(12.0).reshape(6, 2)
    np.savez("o.npz", X=X, y=np.eye(3, dtype=int)[[0, 1, 2, 0, 1, 2]],
             X_test=X[:2], y_test=np.eye(3, dtype=int)[[0, 1]])  # fmt: skip
    result = train("o.npz", *QUICK)
    assert (result["train_examples"], result["test_examples"]) == (6, 2)
    assert "comes with its own test part" in refused("train", "o.npz", "--test", "0.5")
    np.savez("p.npz", X=X, y=[0, 1, 0, 1, 0, 1], X_test=X[:2], y_test=[0, 2])
    code, out, err = run("train", "p.npz", *QUICK, "--json")
    assert code == 0
    assert "class 2 is in the test part only" in err
    assert json.loads(out)["test_examples"] == 1


def test_train_sample_weights(train):
    with open("w.csv", "w") as file:
        file.write("a,w,t\n" + "".join(f"{k % 7},{1 + k % 3},{k % 2}\n" for k in range(30)))
    weighted = train("w.csv", "--weight", "w", *QUICK)
    dropped = train("w.csv", "--drop", "w", *QUICK)
    assert weighted["sizes"] == dropped["sizes"] == [1, 4, 2]
    assert weighted["loss"] != dropped["loss"]


def test_an_option_of_several_names_may_be_repeated(train):
    with open("r.csv", "w") as file:
        file.write("a,b,c,t\n" + "".join(f"{k % 7},{k % 5},{k},{k % 2}\n" for k in range(30)))
    for given in (("--drop", "b,c"), ("--drop", "b", "--drop", "c")):
        assert train("r.csv", *given, *QUICK)["sizes"] == [1, 4, 2]
    assert train("r.csv", *QUICK)["sizes"] == [3, 4, 2]
    numbers = train("r.csv", "--target", "b", "--target", "t", "--task", "regression", *QUICK)
    assert numbers["sizes"] == [2, 4, 2]


def test_train_many_classes_print_the_largest_errors(run):
    rng = np.random.default_rng(0)
    np.savez("many.npz", X=rng.normal(size=(200, 2)), y=np.arange(200) % 25)
    code, out, _ = run("train", "many.npz", *QUICK)
    assert code == 0
    assert "the most frequent errors" in out


def test_train_stops_early(train):
    result = train(
        "spirals", "--engine", "numpy", "--hidden", "4", "--epochs", "50", "--validation", "0.2",
        "--early-stopping", "1", "--min-delta", "10",
    )  # fmt: skip
    assert result["stopped_early"]
    assert (result["epochs"], result["best_epoch"]) == (2, 1)


def test_train_that_diverges(run):
    code, _, err = run(
        "train", "spirals", *QUICK, "--quiet", "--activation", "identity", "--optimizer", "sgd",
        "--learning-rate", "1e30",
    )  # fmt: skip
    assert code == 1
    assert err.startswith("loopbp train: error: training diverged")
    assert err.count("\n") == 1


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_train_plot(train, suffix):
    pytest.importorskip("matplotlib")
    result = train("spirals", *QUICK, "--validation", "0.2", "--plot", f"curve.{suffix}")
    assert result["plot"] == f"curve.{suffix}"
    assert os.path.getsize(f"curve.{suffix}") > 5000


def test_train_plot_of_early_stopping_and_one_epoch(train):
    pytest.importorskip("matplotlib")
    train("xor", *QUICK, "--epochs", "1", "--plot", "one.png")
    train("spirals", *QUICK, "--validation", "0.2", "--early-stopping", "2", "--plot", "two.png")
    assert os.path.exists("one.png")
    assert os.path.exists("two.png")


def test_plot_without_matplotlib(refused, monkeypatch):
    monkeypatch.setattr("loopbp.cli.plot.find_spec", lambda name: None)
    assert "pip install 'loopbp[plot]'" in refused("train", "xor", "--plot", "x.png")


# -- wrong use ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "loopbp: error: the following arguments are required: COMMAND"),
        ("tran", "loopbp: error: no command 'tran'; did you mean 'train'?"),
        ("zzz", "loopbp: error: no command 'zzz' (commands are train"),
        ("--nothing", "loopbp: error:"),
        ("train digit", "did you mean 'digits'?"),
        ("train missing.csv", "loopbp train: error: missing.csv: no such file"),
        ("train digits more", "one word too many: 'more'"),
        ("train --epoch 3", "no option '--epoch'; did you mean --epochs?"),
        ("train --epoch=3", "did you mean --epochs?"),
        ("train --epochs 0", "--epochs: expected a whole number of at least 1, got '0'"),
        ("train --epochs 1.5", "--epochs: expected a whole number"),
        ("train --batch-size 0", "--batch-size: expected a whole number of at least 1"),
        ("train --hidden 3,x", "--hidden: expected a whole number of at least 1, got 'x'"),
        ("train --hidden 0", "--hidden: expected a whole number of at least 1, got '0'"),
        ("train --activation reluu", "did you mean 'relu'?"),
        ("train --activation softmax", "--activation: expected one of"),
        ("train --activation relu,tanh,relu", "--activation: expected one value or 1"),
        ("train --output softmx", "did you mean 'softmax'?"),
        ("train --loss mse", "did you mean 'half_mse'?"),
        ("train --loss poisson --output tanh", "--loss: 'poisson' does not fit"),
        ("train --initializer he", "--initializer: expected one of"),
        ("train --dropout 1", "--dropout: expected a number at least 0 and below 1, got '1'"),
        ("train --l2 -1", "--l2: expected a number at least 0"),
        ("train --dtype float16", "--dtype: expected one of float32, float64"),
        ("train --seed -1", "--seed: expected a whole number of at least 0"),
        ("train --optimizer adm", "did you mean 'adam'?"),
        ("train --learning-rate 0", "--learning-rate: expected a number above 0"),
        ("train --learning-rate nan", "--learning-rate: expected a number above 0"),
        ("train --momentum 1", "--momentum: expected a number at least 0 and below 1"),
        ("train --momentum 0.9", "--momentum: is not an option of --optimizer adam"),
        ("train --weight-decay 0.1", "--weight-decay: is not an option of --optimizer adam"),
        ("train --optimizer sgd --nesterov", "--nesterov: needs momentum"),
        ("train xor --schedule-power 2", "--schedule-power: is not an option of --schedule const"),
        ("train --schedule cos", "did you mean 'cosine'?"),
        ("train --engine turbo", "--engine: expected one of"),
        ("train --test 1", "--test: expected a number at least 0 and below 1"),
        ("train xor --test 0.01", "--test: 0.01 of 4 examples leaves 4"),
        ("train --validation 0", "--validation: expected a number above 0 and below 1"),
        ("train --quiet --validation 0.0001", "--validation: a fraction of 0.0001"),
        ("train --early-stopping 3", "--early-stopping: needs --validation"),
        ("train --min-delta 3", "--min-delta: needs --early-stopping"),
        ("train --target digit", "--target: only a table has columns"),
        ("train --task regression", "--task: only a table or NPZ"),
        ("train --task regresion", "did you mean 'regression'?"),
        ("train --scale standart", "did you mean 'standard'?"),
        ("train --save net.txt", "--save: expected a name that ends in .npz"),
        ("train --save no/net.npz", "no/net.npz: there is no folder 'no'"),
        ("train --save a.npz --no-save", "--no-save: does not go with --save"),
        ("train --plot curve.doc", "--plot: expected a name that ends in .png"),
        ("train --plot no/curve.png", "there is no folder"),
        ("train --json --quiet", "not allowed with"),
        ("predict", "required: MODEL, DATA"),
        ("predict missing.npz digits", "missing.npz"),
        ("check --examples 0", "--examples: expected a whole number"),
        ("check digit", "did you mean 'digits'?"),
        ("info --jsn", "no option '--jsn'; did you mean --json?"),
        ("info more", "one word too many"),
    ],
)
def test_wrong_use(refused, words, message):
    assert message in refused(*words.split())


def test_train_refuses_one_class(refused):
    with open("t.csv", "w") as file:
        file.write("a,t\n1,x\n2,x\n3,x\n4,x\n5,x\n")
    assert "the targets are all x; expected two classes" in refused("train", "t.csv")


def test_train_refuses_a_bad_cell(refused):
    with open("t.csv", "w") as file:
        file.write("a,b,t\n1,2,x\n3,red,y\n")
    assert "row 2 (line 3), column 'b': expected a finite number, got 'red'" in refused(
        "train", "t.csv"
    )


def test_train_refuses_a_folder_as_file(refused, tmp_path):
    (tmp_path / "net.npz").mkdir()
    assert "is a folder" in refused("train", "--save", "net.npz")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_train_refuses_an_unwritable_folder(refused, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    assert "cannot be written" in refused("train", "--save", "locked/net.npz")


def test_train_refuses_an_unwritable_path(refused, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "net.npz: cannot be written" in refused("train", "--save", "net.npz")


def test_an_error_of_the_system_is_one_line(refused, tmp_path):
    (tmp_path / "folder.csv").mkdir()
    assert refused("train", "folder.csv").startswith("loopbp train: error: folder.csv: ")


def test_out_of_memory_is_one_line(run, monkeypatch):
    def fail(args):
        raise MemoryError("of a test")

    monkeypatch.setattr("loopbp.cli.info.run", fail)
    assert run("info") == (1, "", "loopbp info: error: not enough memory: of a test\n")
