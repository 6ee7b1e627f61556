"""The second process that compiles for the first fit."""

import json
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import helpers
import pytest
from helpers import needs_jit

from loopbp import ahead, engines
from loopbp._jit import EXPECTED, cache_path

BOTH = [(dtype, softmax) for dtype in helpers.DTYPES for softmax in (True, False)]


def name_of(part: ahead.Part) -> str:
    return getattr(part[0], "py_func", part[0]).__name__


_FIT = """
import numpy as np
import loopbp
from loopbp import ahead
pair = {{"output": "softmax"}} if {softmax} else {{"output": "identity", "loss": "half_mse"}}
net = loopbp.Network([20, 40, 3], dtype={dtype!r}, seed=1, **pair)
X = np.random.default_rng(0).standard_normal((96, 20))
Y = np.eye(3)[np.arange(96) % 3]
net.fit(X, Y.argmax(1) if {softmax} else Y, epochs=2, batch_size=32)
parts = ahead.parts({dtype!r}, {softmax})
asked = [signature in function.overloads for function, signature in parts]
strange = [signature[::-1] in function.overloads for function, signature in parts]
print(asked, any(strange))
"""


@needs_jit
@pytest.mark.parametrize(("dtype", "softmax"), BOTH)
def test_an_epoch_asks_for_every_part_with_that_signature(dtype, softmax):
    said = helpers.run_python(_FIT.format(dtype=dtype, softmax=softmax), LOOPBP_AHEAD="0")
    assert said == f"{[True] * len(ahead.parts(dtype, softmax))} False"


@needs_jit
@pytest.mark.skipif(ahead.usable_cores() < 2, reason="a second process needs a second core")
def test_the_first_process_compiles_no_part_that_takes_long(processes):
    hard = [name_of(part) for part in ahead.parts("float32", True)[: -ahead._EASY]]
    assert "weight_sums" in hard
    assert "work__alone_softmax" in processes.cold["missed"], "it compiles the rest"
    assert not {*hard, "sums_tall", "sums_short"} & set(processes.cold["missed"])


@needs_jit
@pytest.mark.parametrize(("dtype", "softmax"), BOTH)
def test_easy_parts_call_no_other_part(dtype, softmax):
    parts = ahead.parts(dtype, softmax)
    names = {name_of(part) for part in parts}
    for function, _ in parts[-ahead._EASY :]:
        assert not names & set(function.py_func.__code__.co_names)
    sums = parts[0][0].py_func.__code__.co_names
    assert "_sums" in sums, "the search finds calls"


# -- who waits for what ---------------------------------------------------------------------------


class Function:
    """A function to compile that only notes it."""

    def __init__(self, name: str, done: list[str]) -> None:
        self.name, self.done = name, done

    def compile(self, signature: Any) -> None:
        self.done.append(f"{self.name}{signature}")


def helper_of(tmp_path: Path, monkeypatch, poll, easy: int = 2):
    """A helper with three parts, its files, and what the first process compiled instead of it."""
    monkeypatch.setattr(ahead, "_EASY", easy)
    monkeypatch.setattr(ahead.atexit, "register", lambda function: None)
    done: list[str] = []
    work = [(Function(name, done), (k,)) for k, name in enumerate("abc")]
    files = [tmp_path / name for name in "abc"]
    before = dict(EXPECTED)
    helper = ahead._Helper(SimpleNamespace(poll=poll), work, files)  # type: ignore[arg-type]
    assert set(EXPECTED) - set(before) == set(files)
    return helper, files, done


@pytest.fixture(autouse=True)
def nothing_expected():
    before = dict(EXPECTED)
    yield
    EXPECTED.clear()
    EXPECTED.update(before)


def test_nobody_waits_for_a_process_that_has_ended(tmp_path, monkeypatch):
    helper, files, done = helper_of(tmp_path, monkeypatch, lambda: 1)
    helper.wait_for(files[0])
    assert done == []


def test_who_waits_compiles_from_the_end(tmp_path, monkeypatch):
    polls = iter(range(9))

    def write_late():
        if next(polls) == 4:
            files[0].touch()

    helper, files, done = helper_of(tmp_path, monkeypatch, write_late)
    helper.wait_for(files[0])
    assert done == ["c(2,)", "b(1,)"]
    assert next(polls) == 5, "and then it waited for the file"
    assert set(files) & set(EXPECTED) == {files[0]}, "what is compiled here is not waited for"


def test_a_file_that_is_there_is_not_waited_for(tmp_path, monkeypatch):
    helper, files, done = helper_of(tmp_path, monkeypatch, lambda: pytest.fail("waits"))
    files[0].touch()
    helper.wait_for(files[0])
    assert done == []


def test_a_process_that_was_stopped_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(ahead, "_PATIENCE_SECONDS", 0.05)
    helper, files, _ = helper_of(tmp_path, monkeypatch, lambda: None)
    start = time.monotonic()
    helper.wait_for(files[0])
    assert 0.04 < time.monotonic() - start < 5


def test_the_process_ends_with_the_one_that_started_it():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    ahead._Helper(process, [], [])
    helper = ahead._Helper(process, [], [])
    assert process.poll() is None
    helper._end()
    assert process.poll() is not None


# -- when there is a second process ---------------------------------------------------------------


@pytest.fixture
def started(monkeypatch, tmp_path):
    """The orders given to second processes, all with files that are not there."""
    orders: list[Any] = []

    def popen(command, **options):
        orders.append(json.loads(command[-1]))
        return SimpleNamespace(poll=lambda: 0, kill=lambda: None, wait=lambda: None)

    monkeypatch.delenv("LOOPBP_AHEAD", raising=False)
    monkeypatch.setattr(ahead, "_READY", set())
    monkeypatch.setattr(ahead, "usable_cores", lambda: 2)
    monkeypatch.setattr(ahead, "cache_path", lambda *part: tmp_path / name_of(part))
    monkeypatch.setattr(ahead.subprocess, "Popen", popen)
    return orders


def test_a_cold_cache_starts_one_process(started, tmp_path):
    assert ahead.start("float32", True)
    assert not ahead.start("float32", True)
    (order,) = started
    assert order["files"][0] == str(tmp_path / "weighted_input_packed")
    assert (order["dtype"], order["with_softmax"], order["sys_path"]) == ("float32", True, sys.path)
    assert tmp_path / "weight_sums" in EXPECTED


def test_a_warm_cache_starts_none(started, tmp_path):
    for part in ahead.parts("float64", False):
        (tmp_path / name_of(part)).touch()
    assert not ahead.start("float64", False)
    assert started == []


@pytest.mark.parametrize("why", ["variable", "one core", "no executable"])
def test_without_a_second_process_it_still_compiles(started, monkeypatch, why):
    if why == "variable":
        monkeypatch.setenv("LOOPBP_AHEAD", "0")
    elif why == "one core":
        monkeypatch.setattr(ahead, "usable_cores", lambda: 1)
    else:
        monkeypatch.setattr(sys, "executable", "")
    assert ahead.start("float32", False)
    assert started == []


def test_no_cache_no_process(started, monkeypatch):
    monkeypatch.setattr(ahead, "cache_path", lambda function, signature: None)
    assert not ahead.start("float32", True)
    assert started == []


def test_a_system_without_processes_breaks_nothing(started, monkeypatch):
    def refuse(command, **options):
        raise PermissionError("no more processes")

    monkeypatch.setattr(ahead.subprocess, "Popen", refuse)
    before = dict(EXPECTED)
    assert ahead.start("float32", True)
    assert before == EXPECTED


def test_a_process_that_is_set_up_differently_compiles_nothing(started, monkeypatch, tmp_path):
    done: list[str] = []
    work = [(Function(name, done), (k,)) for k, name in enumerate("abc")]
    monkeypatch.setattr(ahead, "parts", lambda dtype, with_softmax: work)
    for name in "ab":
        (tmp_path / name).touch()
    monkeypatch.setattr(ahead, "cache_path", lambda function, signature: tmp_path / function.name)
    files = [str(tmp_path / name) for name in "abc"]
    ahead.compile_parts("float32", True, [files[0], "elsewhere", files[2]])
    assert done == ["a(0,)"]
    ahead.compile_parts("float32", True, files)
    assert done == ["a(0,)", "a(0,)", "b(1,)", "c(2,)"]
    (tmp_path / "b").unlink()
    ahead.compile_parts("float32", True, files)
    assert done[4:] == ["a(0,)", "b(1,)"], "where nothing can be kept it stops"


def test_engines_that_need_the_parts_say_so():
    assert engines.tiled_engine(True).ahead
    assert engines.split_engine(True).ahead
    assert not engines.small_engine(4).ahead
    assert not engines.loops_engine(True).ahead
    assert not engines.numpy_engine().ahead


@needs_jit
def test_the_file_of_a_function():
    part = ahead.parts("float32", True)[0]
    assert cache_path(*part) != cache_path(*ahead.parts("float64", True)[0])
    assert cache_path(len, ()) is None
