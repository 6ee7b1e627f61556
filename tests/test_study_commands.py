"""``explain``, ``derive`` and ``study`` as commands."""

import argparse
import json
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cases import helpers

import loopbp
from loopbp.cli import derive, explain, study
from loopbp.cli.options import Parser
from loopbp.cli.study_options import FORMATS
from loopbp.study import exercises

COMMANDS = {"explain": explain, "derive": derive, "study": study}
INDEX = ["--layer", "1", "--unit", "2", "--input", "1"]


def run(*words):
    """A command without the rest of the command line around it."""
    parser = Parser(prog="loopbp")
    commands = parser.add_subparsers(dest="command", parser_class=Parser)
    for module in COMMANDS.values():
        module.add_parser(commands)
    args = parser.parse_args([str(word) for word in words])
    return COMMANDS[args.command].run(args)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help(name, capsys):
    with pytest.raises(SystemExit) as stop:
        run(name, "--help")
    assert stop.value.code == 0
    assert "usage: loopbp" in capsys.readouterr().out


def test_explain_prints_the_text(capsys):
    assert run("explain", "xor", *INDEX, "--width", 70) == 0
    out = capsys.readouterr().out
    assert out.startswith("∂J/∂ω^1_2,1: weight to unit 2 of layer 1 from input 1")
    assert "they agree" in out
    assert max(map(len, out.splitlines())) <= 70


def test_explain_takes_every_option(capsys):
    code = run(
        "explain", "digits", "--examples", 4, "--hidden", "5,4", "--activation", "tanh",
        "--layer", 2, "--unit", 3, "--example", 1, "--convention", "cost", "--orientation", "ji",
        "--index-base", 1, "--input-layer", 1, "--terms", 3, "--digits", 4, "--epochs", 1,
        "--learning-rate", 0.1, "--l2", 0.1, "--seed", 3, "--width", 60,
    )  # fmt: skip
    assert code == 0
    assert capsys.readouterr().out.startswith("∂J/∂b^2_3: bias of unit 3 of layer 2")


@pytest.mark.parametrize("name", FORMATS)
def test_written_to_a_file(name, tmp_path, capsys):
    file = tmp_path / "page"
    assert run("explain", "xor", *INDEX, "--format", name, "--out", file) == 0
    assert capsys.readouterr().out == ""
    start = {"text": "∂J", "latex": "\\documentclass", "html": "<!DOCTYPE html>"}
    assert file.read_text(encoding="utf-8").startswith(start[name])
    assert run("derive", "BP1", "--format", name) == 0
    assert capsys.readouterr().out


def test_wrong_line_is_exit_code_1(monkeypatch, capsys):
    from loopbp.study.batch import Batch

    loops = Batch._run

    def wrong(self, name):
        passes = loops(self, name)
        if name == "loops":
            passes.dw[1] = passes.dw[1] * 1.5
        return passes

    monkeypatch.setattr(Batch, "_run", wrong)
    assert run("explain", "xor", *INDEX) == 1
    assert "check WRONG" in capsys.readouterr().out


def test_index_out_of_range_is_refused():
    with pytest.raises(ValueError, match="unit: expected 0 to 15, got 16"):
        run("explain", "xor", "--layer", 1, "--unit", 16)


def test_saved_network_is_explained_with_its_scale(tmp_path, capsys):
    from loopbp.datasets import Scaling, load

    data = load("spirals")
    scale = Scaling.fitted("standard", data.X)
    net = loopbp.Network([2, 4, 2], hidden="tanh", seed=0)
    net.metadata = {"scale": scale.as_dict()}
    net.save(tmp_path / "net.npz")
    assert run("explain", "spirals", *INDEX, "--model", tmp_path / "net.npz") == 0
    assert "Network 2-4-2" in capsys.readouterr().out


def test_regression_from_a_csv(tmp_path, capsys):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20, 2)) * 50
    rows = "\n".join(f"{a},{b},{a - b}" for a, b in X)
    (tmp_path / "data.csv").write_text(f"a,b,c\n{rows}\n")
    assert run("explain", tmp_path / "data.csv", *INDEX, "--hidden", "3") == 0
    assert "loss half_mse" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("name", derive.NAMES)
def test_derive_prints(name, capsys):
    assert run("derive", name, "--width", 60) == 0
    assert capsys.readouterr().out.startswith(f"{name}: ")


# -- quiz -----------------------------------------------------------------------------------------


def answer_file(tmp_path, answers):
    file = tmp_path / "answers.json"
    file.write_text(answers if isinstance(answers, str) else json.dumps(answers))
    return file


def test_answers_from_a_file(tmp_path, capsys):
    right = [list(e.solution) for e in exercises(5, [1, 3])]
    words = ["study", "--quiz", "--seed", 5, "--level", "1,3", "--answers"]
    assert run(*words, answer_file(tmp_path, right)) == 0
    assert "wrong" not in capsys.readouterr().out
    right[1][0] *= 3
    assert run(*words, answer_file(tmp_path, right)) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "the sum over the batch is not divided by m" in out
    assert run(*words, answer_file(tmp_path, right), "--json") == 1
    result = json.loads(capsys.readouterr().out)
    assert [m["ok"] for e in result["exercises"] for m in e["marks"]] == [True, False, True]
    assert result["exercises"][1]["marks"][0]["causes"] == ["m"]


def test_exercises_as_json(capsys):
    assert run("study", "--quiz", "--json", "--level", 2) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["exercises"][0]["blanks"] == list(exercises(0, [2])[0].labels)


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "is no JSON"), ("{}", "expected a list of lists"), ("[1]", "expected a list of lists"),
     ("[[], [], []]", "expected 1 lists")],
)  # fmt: skip
def test_wrong_answer_file_is_named(tmp_path, content, message):
    with pytest.raises(ValueError, match=f"answers: .*{message}"):
        run("study", "--quiz", "--level", 1, "--answers", answer_file(tmp_path, content))


def typed(monkeypatch, lines: list[Any]):
    """Lines as if typed in, and the end of the input after them."""
    left = iter(lines)

    def read(prompt=""):
        line = next(left, EOFError)
        if line in (EOFError, KeyboardInterrupt):
            raise line()
        return line

    monkeypatch.setattr("builtins.input", read)


def test_answers_typed_in(monkeypatch, capsys):
    exercise = exercises(0, [1])[0]
    typed(monkeypatch, ["a word", "nan", f"{exercise.solution[0]:.3g}".replace("-", "−")])
    assert run("study", "--quiz", "--level", 1) == 0
    out = capsys.readouterr().out
    assert out.count("expected a number such as") == 2
    assert "1 of 1 right" in out


@pytest.mark.parametrize("end", [EOFError, KeyboardInterrupt])
def test_the_end_of_the_input_ends_it_politely(monkeypatch, capsys, end):
    typed(monkeypatch, ["", end])
    assert run("study", "--quiz", "--level", "1,2") == 1
    out = capsys.readouterr().out
    assert "left out" in out
    assert out.rstrip().endswith("0 of 1 right.")
    typed(monkeypatch, [end])
    assert run("study", "--quiz") == 0
    assert "no answers." in capsys.readouterr().out


def test_page_is_written_by_its_own_module(monkeypatch, tmp_path, capsys):
    calls = []
    page = SimpleNamespace(write_page=lambda *a, **k: calls.append((a, k)))
    monkeypatch.setitem(sys.modules, "loopbp.study.page", page)
    assert run("study", "xor", "--html", tmp_path / "a.html") == 0
    assert run("study", "xor", "--html", tmp_path / "b.html", *INDEX, "--convention", "cost") == 0
    assert calls[0][1] == {"convention": "loss", "layer": 1, "unit": 0, "input": 0}
    assert calls[1][1] == {"convention": "cost", "layer": 1, "unit": 2, "input": 1}
    assert capsys.readouterr().out.count("wrote") == 2


def test_quiz_or_page_must_be_chosen(capsys):
    with pytest.raises(SystemExit):
        run("study")
    assert "one of the arguments --quiz --html is required" in capsys.readouterr().err


def test_add_parser_returns_the_parser():
    commands = argparse.ArgumentParser().add_subparsers(parser_class=Parser)
    for module in COMMANDS.values():
        assert isinstance(module.add_parser(commands), Parser)


@pytest.mark.parametrize("first", ["loopbp.cli", *(m.__name__ for m in COMMANDS.values())])
def test_any_of_them_can_be_imported_first(first):
    """The parser of `loopbp.cli` and these modules import each other."""
    helpers.run_python(f"import {first}, loopbp.cli; loopbp.cli.build_parser()")
