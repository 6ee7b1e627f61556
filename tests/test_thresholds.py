"""`bench/thresholds.py`: a copy of the package with another threshold, and what it prints."""

import re
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from cases import helpers

from loopbp.benchmark.cases import Case

BENCH = Path(__file__).parent.parent / "bench"
sys.path.append(str(BENCH))

import sides  # noqa: E402
import thresholds  # noqa: E402


@pytest.mark.parametrize("row", thresholds.ROWS, ids=lambda row: row.name)
def test_every_threshold_is_found_and_compared_on_shapes_that_can_be_read(row):
    file, line = thresholds.definition(row)
    assert row.name in "".join(file.read_text(encoding="utf-8").splitlines(True)[:line])
    assert len(row.values) >= 2
    assert all(thresholds.case_of(shape).flops > 0 for shape in row.shapes)


def test_shapes_are_read():
    case = thresholds.case_of("784-128-10 (64) adam float64")
    assert case == Case(
        case.name, (784, 128, 10), "relu", "softmax", "cross_entropy", 64, case.steps, None,
        "adam", "float64",
    )  # fmt: skip
    assert thresholds.case_of("64 x 3 (9) sigmoid").sizes == (64, 64, 64)
    assert thresholds.case_of("2-2-1 (4)").output == "sigmoid"


_SHOW = """
import sys, loopbp.engines
mine = [m for name, m in sys.modules.items() if name.startswith("loopbp") and "DOT_ROWS" in vars(m)]
print(loopbp.__file__, len(mine), *{m.DOT_ROWS for m in mine})
"""


def test_a_copy_has_the_value_in_every_module(tmp_path):
    row = thresholds.BY_NAME["DOT_ROWS"]
    said = {}
    for value in ("DOT_ROWS + 7", None):
        folder = thresholds.copied(row, value, tmp_path / str(value))
        done = helpers.ended([sys.executable, "-c", _SHOW], cwd=folder)
        file, modules, number = done.stdout.removeprefix(f"{folder}/").split()
        assert Path(file) == Path("loopbp", "__init__.py")
        assert int(modules) > 0
        said[value] = int(number)
    assert said["DOT_ROWS + 7"] == said[None] + 7


def test_a_name_that_is_none_or_several_is_refused(tmp_path):
    row = thresholds.Row("SOME", "decides", {}, ())
    with pytest.raises(ValueError, match="SOME: expected one module"):
        thresholds.definition(row, tmp_path)
    (tmp_path / "a.py").write_text("X, SOME = 1, (\n    2\n)\n")
    assert thresholds.definition(row, tmp_path) == (tmp_path / "a.py", 3)
    (tmp_path / "b.py").write_text("SOME: int = 1\n")
    with pytest.raises(ValueError, match="SOME: expected one module"):
        thresholds.definition(row, tmp_path)
    row = thresholds.Row("SOME", "decides", {}, (), "b")
    assert thresholds.definition(row, tmp_path) == (tmp_path / "b.py", 1)


def test_a_wrong_name_is_refused_with_the_list(capsys):
    with pytest.raises(SystemExit) as ended:
        thresholds.main(["UNIT_WEIGTHS"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "got UNIT_WEIGTHS" in said
    assert all(name in said for name in thresholds.BY_NAME)


def test_the_list_says_what_each_decides(capsys):
    assert thresholds.main(["--list"]) == 0
    said = capsys.readouterr().out
    assert all(row.name in said and row.decides in said for row in thresholds.ROWS)


@pytest.mark.once
def test_one_row_runs(monkeypatch, capsys):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")  # nothing to compile
    words = ["MOST_WEIGHTS", "--rounds", "1", "--shape", "2-2-1 (4) sigmoid"]
    assert thresholds.main(words) == 0
    *_, heads, line = capsys.readouterr().out.splitlines()
    assert heads.split() == ["as", "it", "is", "registers", "tiles"]
    assert line.startswith("2-2-1 (4) sigmoid")
    times = [float(cell.replace(",", "")) for cell in line.split()[3:]]
    assert len(times) == 3
    assert min(times) > 0


def test_an_alternative_that_ends_elsewhere_is_not_timed(monkeypatch, capsys):
    monkeypatch.setattr(thresholds, "copied", lambda row, value, folder: Path(value or "now"))
    monkeypatch.setattr(thresholds, "Side", _Scripted)
    thresholds.measure(thresholds.Row("X", "decides", {"a": "1", "b": "2"}, ()), 3, ["3-2 (4)"])
    assert capsys.readouterr().out.splitlines()[-1].split() == ["3-2", "(4)", "5", "7", "deviates"]


class _Scripted:
    """A side that needs 5, 6 or 7 microseconds; the last one ends elsewhere."""

    def __init__(self, folder, **environment):
        self.turns = {"now": [9.0, 5.0, 6.0], "1": [7.0, 8.0, 9.0], "2": [1.0] * 3}[str(folder)]
        self.apart = float("nan") if str(folder) == "2" else 0.0

    def begin(self, case):
        pass

    def prepared(self):
        return self.apart

    def take_turn(self):
        return self.turns.pop(0)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        assert self.turns == [], "as many turns as rounds"


def test_a_side_must_import_the_loopbp_of_its_folder(tmp_path):
    case = {**asdict(thresholds.case_of("2-2 (2)")), "steps": 1}
    with (
        sides.Side(tmp_path, NUMBA_DISABLE_JIT="1") as side,
        pytest.raises(RuntimeError, match=r"another loopbp was imported: .*__init__\.py"),
    ):
        sides.prepare([side], case)


def test_a_side_that_ends_early_is_named(tmp_path):
    (tmp_path / "loopbp").mkdir()
    (tmp_path / "loopbp" / "__init__.py").write_text("raise SystemExit(0)\n")
    with (
        sides.Side(tmp_path) as side,
        pytest.raises(RuntimeError, match=f"{re.escape(str(tmp_path))}: the process has ended"),
    ):
        sides.prepare([side], {})
