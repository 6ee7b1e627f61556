"""The command line, mostly in this process: what it prints, writes, returns, and refuses."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from importlib import metadata

import numba
import numpy as np
import pytest
from cases import helpers
from cases.commands import QUICK, write_table
from cases.helpers import JIT

import loopbp
from loopbp.cli import options
from loopbp.cli.output import confusion
from loopbp.datasets import scaling
from loopbp.terminal.json_text import plain

pytestmark = pytest.mark.usefixtures("own_folder")


# -- predict --------------------------------------------------------------------------------------


@pytest.fixture
def model(train):
    write_table("t.csv")
    train("t.csv", "--engine", "numpy", "--epochs", "80")
    return "loopbp-t.npz"


def test_predict_labels_and_score(run, model):
    code, out, err = run("predict", model, "t.csv")
    labels = out.split()
    assert code == 0
    assert labels[0] == "prediction"
    assert set(labels[1:]) == {"left", "right"}
    accuracy = float(err.split("accuracy ")[1].split()[0])
    assert accuracy > 0.9


def test_predict_finds_columns_by_name_without_target(run, model):
    _, with_target, _ = run("predict", model, "t.csv")
    write_table("u.csv", target=False)  # other order, one more column, no target
    code, out, err = run("predict", model, "u.csv")
    assert (code, err) == (0, "")
    assert out == with_target


def test_predict_probabilities(run, model):
    code, out, _ = run("predict", model, "t.csv", "--proba")
    rows = list(csv.reader(io.StringIO(out)))
    assert (code, rows[0]) == (0, ["left", "right"])
    assert np.array(rows[1:], float).sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_predict_json_to_a_file(run, model):
    assert run("predict", model, "t.csv", "--json", "--proba", "--output", "p.json")[:2] == (0, "")
    with open("p.json") as file:
        result = json.load(file)
    assert result["classes"] == ["left", "right"]
    assert len(result["predictions"]) == len(result["probabilities"]) == result["examples"] == 60
    assert result["score"] > 0.9


def test_predict_one_sigmoid_output(run, train):
    train("spirals", *QUICK, "--output", "sigmoid")
    code, out, err = run("predict", "loopbp-spirals.npz", "spirals", "--proba")
    rows = np.array([line.split(",") for line in out.split()[1:]], float)
    assert (code, rows.shape) == (0, (192, 2))
    assert rows.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert "on 192 examples" in err


def test_predict_npz_and_unknown_labels(run, model):
    np.savez("d.npz", X=np.zeros((2, 2)))
    assert run("predict", model, "d.npz")[2] == ""
    np.savez("d.npz", X=np.zeros((2, 2)), y=["up", "down"])
    code, out, err = run("predict", model, "d.npz")
    assert (code, len(out.split())) == (0, 3)
    assert "the targets cannot be scored" in err


def test_predict_with_an_empty_target_column(run, model):
    with open("e.csv", "w") as file:
        file.write("a,b,y\n1,2,\n3,4,\n")
    assert run("predict", model, "e.csv")[2] == ""


def test_predict_with_a_network_from_python(run, refused):
    net = loopbp.Network([2, 3, 2], "tanh", seed=0)
    net.save("net.npz")
    with open("n.csv", "w") as file:
        file.write("p,q,t\n1,2,0\n3,4,1\n")
    code, out, _ = run("predict", "net.npz", "n.csv")
    assert (code, len(out.split())) == (0, 3)
    assert run("predict", "net.npz", "xor", "--json")[0] == 0
    with open("n.csv", "w") as file:
        file.write("p\n1\n")
    assert "1 columns, the model takes 2" in refused("predict", "net.npz", "n.csv")


def test_predict_refuses(refused, model, train, run):
    with open("n.csv", "w") as file:
        file.write("a,c\n1,2\n")
    assert "no column 'b'; the columns are a, c" in refused("predict", model, "n.csv")
    assert "64 inputs" in refused("predict", model, "digits")
    with open("broken.npz", "wb") as file:
        file.write(b"no network")
    assert "broken.npz" in refused("predict", "broken.npz", "xor")
    assert "no/p.csv" in refused("predict", model, "t.csv", "--output", "no/p.csv")
    write_table("v.csv", kind="values")
    train("v.csv", *QUICK)
    assert "--proba: the model predicts values" in refused(
        "predict", "loopbp-v.npz", "v.csv", "--proba"
    )


# -- check ----------------------------------------------------------------------------------------


def test_check(run):
    code, out, _ = run("check", "xor", "--engine", "numpy", "--hidden", "3")
    assert code == 0
    assert "17 parameters, 4 examples of xor" in out


def test_check_json_and_regression(run):
    write_table("v.csv", kind="values")
    code, out, err = run(
        "check", "v.csv", "--engine", "numpy", "--hidden", "3", "--activation", "tanh", "--json"
    )
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert result["ok"]
    assert (result["sizes"], result["examples"]) == ([2, 3, 1], 8)


def test_check_of_a_wrong_gradient(run, monkeypatch):
    import loopbp.cli.check

    right = loopbp.cli.check.check_gradient

    def wrong(net, X, y, **options):
        return right(net, X, y, gradient=lambda theta: 2 * net.gradient(X, y).theta)

    monkeypatch.setattr(loopbp.cli.check, "check_gradient", wrong)
    assert run("check", "xor", "--hidden", "3", "--engine", "numpy")[0] == 1
    assert run("check", "xor", "--hidden", "3", "--json")[0] == 1


# -- info -----------------------------------------------------------------------------------------


def test_info_json(run):
    code, out, _ = run("info", "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["numpy"] == np.__version__
    assert facts["loopbp"] == loopbp.__version__
    assert facts["threads"] >= 1
    assert facts["processor"]
    offered = set(metadata.metadata("loopbp").get_all("Provides-Extra") or ())
    assert set(facts["extras"]) == offered - {"test", "dev"}
    assert facts["extras"]["plot"].keys() == {"matplotlib"}
    if not JIT:
        assert facts["compiler"].startswith("off")
    else:
        assert facts["threading_layer"] in ("omp", "tbb", "workqueue")


def test_info_text_and_warning(run, monkeypatch):
    monkeypatch.setattr("loopbp.terminal.computer._threading_layer", lambda: "workqueue")
    code, out, err = run("info")
    assert code == 0
    assert "numba            " + numba.__version__ in out
    assert "workqueue" in err
    assert err.count("\n") == 1


# -- the program ----------------------------------------------------------------------------------


def test_help_names_every_command(run):
    code, out, _ = run("--help")
    assert code == 0
    for command in ("train", "predict", "check", "info"):
        assert command in out
        assert run(command, "--help")[0] == 0
    assert run("--version")[1] == f"loopbp {loopbp.__version__}\n"


def test_names_in_the_options_are_those_of_the_engine():
    assert scaling.KINDS == options.SCALES


def test_confusion_and_plain():
    y = np.array(["a", "a", "b"])
    assert confusion(y, np.array(["a", "b", "b"]), np.array(["a", "b"])).tolist() == [
        [1, 1], [0, 1],
    ]  # fmt: skip
    assert plain({"x": np.float32("nan"), "y": (np.int64(1), np.array([2.0]))}) == {
        "x": None, "y": [1, [2.0]],
    }  # fmt: skip


def program(*words, **settings):
    return subprocess.Popen(
        [sys.executable, "-m", "loopbp", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **settings,
    )


def test_module_is_the_program():
    process = program("train", "xor", *QUICK, "--json")
    out, err = helpers.said_until_the_end(process)
    assert (process.returncode, err) == (0, "")
    assert json.loads(out)["model"] == "loopbp-xor.npz"


@pytest.mark.once
def test_reader_that_goes_away():
    np.savez("d.npz", X=np.zeros((200_000, 2)))
    loopbp.Network([2, 2], seed=0).save("net.npz")
    # Unbuffered, Python takes a write cut short for a whole one.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    process = program("predict", "net.npz", "d.npz", env=environment)
    assert process.stdout is not None
    helpers.line_that_begins(process, "")
    process.stdout.close()
    process.stdout = None
    _, err = helpers.said_until_the_end(process)
    assert (process.returncode, err) == (141, "")


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent otherwise there")
@pytest.mark.skipif(
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
    reason="Ctrl-C does nothing in what a shell has put into the background",
)
def test_ctrl_c():
    process = program("train", "spirals", *QUICK, "--epochs", "1000000")
    helpers.line_that_begins(process, "loss")
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, err = helpers.said_until_the_end(process)
    assert (process.returncode, err) == (130, "loopbp: interrupted\n")
