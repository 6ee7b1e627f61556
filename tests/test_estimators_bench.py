"""`bench/estimators.py`: what it calls below its mark, and a short run of it."""

import io
import json
import sys
from pathlib import Path

import pytest
from cases.estimators import not_themselves
from rich.console import Console

pytest.importorskip("threadpoolctl", reason="threadpoolctl is not installed")
sys.path.append(str(Path(__file__).parent.parent / "bench"))

import estimators

pytestmark = [pytest.mark.once, not_themselves]
ROW = {
    "case": "some", "dtype": "float32", "threads": 2, "what": "fit",
    "microseconds": {"loopbp": 10.0, "scikit-learn": 30.0}, "ratio": 3.0, "at_least": 3.0,
    "scores": {"loopbp": 0.90, "scikit-learn": 0.91, "spread": 0.02}, "equal_scores": True,
}  # fmt: skip


def shown(row):
    console = Console(file=io.StringIO(), width=140)
    estimators.show([row], console)
    return console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("change", "below"), [({}, False), ({"ratio": 2.99}, True), ({"equal_scores": False}, True)]
)
def test_what_is_below_its_mark_is_named(change, below):
    assert ("below its mark: some, float32, fit" in shown(ROW | change)) == below


def test_scores_are_equal_within_the_spread_of_theirs():
    theirs = [0.90, 0.92, 0.94]
    for by, equal in ((0.0, True), (0.019, True), (0.021, False), (-0.021, False)):
        found = estimators._scores([[score + by for score in theirs], theirs])
        assert found["equal_scores"] is equal


def test_a_short_run(tmp_path, capsys):
    kept = tmp_path / "results.json"
    estimators.main(["--quick", "--case", "digits", "--json", str(kept)])
    rows = json.loads(kept.read_text("utf-8"))["rows"]
    assert [(row["threads"], row["what"].split(",")[0]) for row in rows][1:] == [
        (rows[0]["threads"], "predict_proba"),
        (1, "fit"),
    ]
    for row in rows:
        ours, theirs = row["microseconds"].values()
        assert row["ratio"] == pytest.approx(theirs / ours)
        assert row.get("equal_scores", True)
    assert "at least" in capsys.readouterr().out


def test_a_case_without_its_data_is_named(tmp_path, capsys):
    estimators.main(["--case", "mnist, 10,000", "--mnist", str(tmp_path / "none")])
    assert "mnist, 10,000: left out, no folder" in capsys.readouterr().out
