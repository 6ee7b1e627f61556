"""`bench/same_bits.py`: what it holds the bits of two checkouts to be."""

import os
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from cases.helpers import ended

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "bench" / "same_bits.py"
same_bits = runpy.run_path(str(SCRIPT))


def run(*words: str):
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}  # it compares whatever it runs
    return ended([sys.executable, str(SCRIPT), *words], env=environment)


@pytest.mark.once
def test_a_checkout_gives_the_bits_that_it_gives():
    done = run(str(ROOT), "--case", "xor", "no-hidden-layer", "little-adamw")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("theta is the same for 3 of 3 networks\n")
    assert "DIFFERENT" not in done.stdout


def test_what_is_no_checkout_is_refused(tmp_path):
    done = run(str(tmp_path))
    assert done.returncode == 2
    assert f"expected a checkout of loopbp, got {tmp_path}" in done.stderr


def row(folders, here, there):
    theta = np.array([1.0, -4.0])
    for folder, value in zip(folders, (theta, np.array([1.0, -4.00001])), strict=True):
        folder.mkdir(exist_ok=True)
        np.save(folder / "xor.npy", value)
    said = {"name": "xor", "losses": "cd", "way": "small"}
    return same_bits["compare"]([{**said, **here}, {**said, **there}], folders)


@pytest.fixture
def folders(tmp_path):
    return tmp_path / "here", tmp_path / "there"


def test_a_mutated_digest_is_reported(folders):
    same = row(folders, {"theta": "ab"}, {"theta": "ab"})
    other = row(folders, {"theta": "ab"}, {"theta": "bb"})
    assert same.theta
    assert not other.theta
    assert other.losses
    assert other.difference == pytest.approx(2.5e-6, rel=1e-3)
    summary = same_bits["summary"]
    assert summary([same], ()) == ("theta is the same for 1 of 1 networks", 0)
    assert summary([same, other], ())[1] == 1
    assert "different: xor" in summary([same, other], ("iris",))[0]
    assert summary([same, other], ("xor",))[1] == 0


def test_losses_are_told_apart(folders):
    assert not row(folders, {"theta": "ab"}, {"theta": "ab", "losses": "dd"}).losses


def test_who_cannot_train_a_network_differs(folders):
    failed = row(folders, {"theta": "ab"}, {"error": "ValueError: no"})
    assert not failed.theta
    assert failed.error == "there: ValueError: no"


def test_every_way_and_optimizer_is_among_the_forty():
    cases = same_bits["CASES"]
    assert len(set(same_bits["NAMES"])) == len(cases) == 40
    rules = {case.optimizer.split("(")[0] for case in cases}
    assert rules == {"SGD", "RMSprop", "Adam", "AdamW"}
    for option in ("dropout", "l2"):
        assert any(option in case.options for case in cases)
    for dtype in ("float32", "float64"):
        some = [case for case in cases if case.options["dtype"] == dtype]
        assert any(case.examples % case.batch_size for case in some)
