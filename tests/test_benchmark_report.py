"""The benchmark's reports, pictures and README block, its jobs and its command line."""

import copy
import json
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path

import pytest
from cases import helpers
from cases.benchmark import TINY, Absent, TwiceTheRate, ticking
from cases.helpers import JIT, needs_jit

from loopbp.benchmark import cases, costs, engines_bench, environment, report, runner
from loopbp.benchmark.__main__ import run as run_job
from loopbp.benchmark.peers import NumPy
from loopbp.cli import main

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.usefixtures("in_a_hurry")


@pytest.fixture
def results(timed_once):
    return copy.deepcopy(timed_once)


@pytest.fixture(scope="module")
def timed_once(in_a_hurry):
    rows = [
        {**runner.run_case(case, (NumPy, TwiceTheRate), 1, ticking()), "of_peak": 0.5}
        for case in (*TINY[:2], replace(TINY[0], dtype="float64"))
    ]
    machine = {
        "processor": "P", "llvm_target": "t", "system": "S", "cores": 2, "threads": 2,
        "threading_layer": "omp", "blas": None, "versions": {"numpy": "2", "jax": None},
        "date": "2000-01-01",
    }  # fmt: skip
    peak = {"float32": 2.0, "float64": 1.0}
    grid = {"width": (3,), "batch": (2,), "depth": (1,)}
    engines = engines_bench.measure(
        engines_bench.grid_cases(grid, "float32"), peak, lambda name: None, ticking()
    )
    modes = [
        {"parameters": 9, "forward_seconds": 2.0, "reverse_seconds": 1.0, "ratio": 2.0},
        {"parameters": 99, "forward_seconds": 9.0, "reverse_seconds": 1.0, "ratio": 9.0},
    ]
    paid = {
        "first_fit_cold_seconds": 9.0, "memory_loopbp_bytes": 2**20,
        "scaling": {"wide": {"1": 3.0, "2": 1.5}},
    }  # fmt: skip
    missing = [{"name": "jax", "install": "pip install jax"}]
    run = {"machine": machine, "peak": peak, "peers": rows, "missing": missing}
    others = {"machine": machine, "peak": peak, "engines": engines, "modes": modes}
    return report.gather("loopbp bench --peers", [run, others], paid)


def test_the_tables_say_all(results, capsys):
    report.print_report(results)
    out = capsys.readouterr().out
    for words in (
        "tiny-tanh", "float64", "geometric mean", "at least", "missing: jax (pip install jax)",
        "twice ends elsewhere", "forward mode", "fastest step", "2.00 times", "practical peak",
        "lie within 2 % in 4 of 4 rounds",
        "The ratio is to numpy only: jax is not installed and may be faster (pip install jax).",
    ):  # fmt: skip
        assert words in out


def test_json_goes_round_to_the_readme(results, tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
    source, readme = tmp_path / "results.json", tmp_path / "README.md"
    report.write(results, source)
    assert report.read(source) == results
    readme.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", encoding="utf-8")
    for _ in range(2):
        assert main(["bench", "--from", str(source), "--readme", str(readme)]) == 0
        text = readme.read_text(encoding="utf-8")
        assert text.startswith("before\n")
        assert text.endswith("\nafter\n")
        assert report.block_of(text) == report.markdown(report.read(source), "results.svg")
        assert (tmp_path / "results.svg").is_file()
    assert "| tiny | 3-5-4 | 6 |" in text
    assert "loopbp bench --peers" in text
    assert capsys.readouterr().out == ""


def test_calm_rounds_are_counted():
    few, enough = {"calm": [True, True, False]}, {"calm": [True, True, False, True]}
    cannot = {"cannot": "reason"}
    line = report.calm_line(
        [{"trainers": {"loopbp": few, "jax": cannot}}, {"trainers": {"loopbp": enough}}]
    )
    assert line is not None
    assert "90 %" in line
    assert "5 of 7" in line
    assert "1 of 2 times" in line
    assert report.calm_line([{"trainers": {"loopbp": {"median": 1.0}, "jax": cannot}}]) is None


def test_confirmed_rounds_are_counted():
    trainers = {
        "loopbp": {"settled": [True, False, True]},
        "numpy": {"settled": [True, None]},
        "jax": {"cannot": "reason"},
    }
    assert "in 3 of 4 rounds" in (report.settled_line([{"trainers": trainers}]) or "")
    assert report.settled_line([{"trainers": {"loopbp": {"median": 1.0}}}]) is None


def test_the_readme_shows_the_committed_results():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    results = report.read(ROOT / "bench" / "results.json")
    assert report.block_of(text) == report.markdown(results, "bench/results.svg")


def test_the_readme_says_what_the_second_run_measured():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    prose = text.split(report.END)[1]
    said = prose[prose.index("A second run") : prose.index("results-again.json")]
    again, first = (report.read(ROOT / "bench" / f"results{end}.json") for end in ("-again", ""))

    def figures(results):
        spent = results["costs"]
        rows = {row["case"]: row for row in results["runs"][0]["peers"]}
        return [
            f"{100 * rows['wide']['of_peak']:.0f} %",
            *(f"{spent[name]:.2f} s" for name in costs.LIMITS),
            *(f"{times['1'] / times['2']:.2f} times" for times in spent["scaling"].values()),
        ]

    assert all(figure in said for figure in figures(again))
    assert not any(figure in said for figure in figures(first)), "and not those of the other run"
    assert report.shortfalls(again["runs"][0]["peers"], "znver4") == [], "within all marks"
    assert report.cost_shortfalls(again["costs"]) == []


def test_every_case_is_in_the_committed_results():
    results = report.read(ROOT / "bench" / "results.json")
    rows = [row for run in results["runs"] for row in run.get("peers", [])]
    for dtype in helpers.DTYPES:
        assert tuple(row["case"] for row in rows if row["dtype"] == dtype) == cases.NAMES


@pytest.mark.parametrize("what", ["peers", "engines", "modes"])
def test_pictures_are_drawn(results, tmp_path, what):
    pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
    only = {
        **results,
        "runs": [{"machine": r["machine"], what: r[what]} for r in results["runs"] if what in r],
    }
    report.draw(only, tmp_path / "picture.svg")
    first = (tmp_path / "picture.svg").read_bytes()
    report.draw(only, tmp_path / "picture.svg")
    assert (tmp_path / "picture.svg").read_bytes() == first


def _row(name, ratio, target, of_peak=None, dtype="float32"):
    return {
        "case": name, "ratio": ratio, "target": target, "sizes": [3, 2], "batch": 7,
        "fastest_peer": "jax", "of_peak": of_peak, "dtype": dtype,
    }  # fmt: skip


def test_a_case_below_its_mark_says_why():
    rows = [_row("wide", 0.5, 1.0), _row("xor", 1.0, 1.0), _row("own", 0.9, 1.0)]
    rows.append({**_row("iris", 0.1, 1.0), "target": None})
    there, elsewhere = (dict(report.shortfalls(rows, name)) for name in ("znver4", "znver3"))
    limit = cases.LIMITED_BY["wide"]
    assert there == {"wide": limit, "own": "not yet looked into"}
    assert elsewhere["own"] == there["own"]
    assert elsewhere["wide"] == f"not yet looked into on znver3; with AVX-512, {limit}"
    assert set(cases.LIMITED_BY) <= set(cases.NAMES)


@pytest.mark.parametrize(
    ("row", "below"),
    [
        (_row("wide", 1.1, 1.0, 0.84), True),
        (_row("wide", 1.1, 1.0, 0.85), False),
        (_row("wide", 1.1, 1.0, 0.84, "float64"), False),
        (_row("wide", None, 1.0, 0.84), True),
        (_row("xor", 1.1, 1.0, 0.01), False),
    ],
)
def test_a_case_below_its_part_of_the_peak_says_why_too(row, below):
    found = dict(report.shortfalls([row], "znver4"))
    assert found == ({"wide": cases.LIMITED_BY["wide"]} if below else {})
    assert set(cases.OF_PEAK_TARGETS) <= set(cases.NAMES)


@pytest.mark.parametrize("there", [True, False], ids=["jax", "no jax"])
def test_costs_are_put_together_from_processes(monkeypatch, there):
    caches, told = [], []
    # jobs with each number of threads: but for the second of each, somebody else is on the host
    both = 2 * len(costs.SCALING_CASES)
    slower = chain([1.5] * both, [1.0] * both, repeat(1.5))

    def run(code, threads, cache=None):
        caches.append(cache)
        return "3000" if "net.fit" in code or "block_until_ready" in code else "1000"

    def job(wanted, count):
        rows = [
            {"case": name, "trainers": {"loopbp": {"median": next(slower) * 6.0 / count}}}
            for name in wanted["cases"]
        ]
        return {"peers": rows}

    monkeypatch.setattr(costs, "_run", run)
    monkeypatch.setattr(costs, "run_job", job)
    monkeypatch.setattr(costs, "find_spec", lambda name: there or name != "jax" or None)
    found = costs.measure(2, told.append)
    assert found["memory_loopbp_bytes"] == 2000  # what the data and the import hold is taken off
    assert found.get("memory_jax_bytes") == (2000 if there else None)
    assert ("import_jax_seconds" in found) == there
    assert found["scaling"] == {name: {"1": 6.0, "2": 3.0} for name in costs.SCALING_CASES}
    assert set(costs.LIMITS) <= set(found)
    assert caches[0] is None, "Python alone"
    cold, later = caches[1 : 1 + costs._COLD_TRIES], caches[1 + costs._COLD_TRIES :]
    assert len(set(cold)) == len(cold), "each finds nothing compiled"
    assert set(later) == {cold[0]}, "the first fit fills the cache that the others find"
    assert len(told) == (7 if there else 5)


def test_a_process_is_timed_until_its_work_is_done():
    assert costs._seconds("pass", 1) > 0
    assert costs._seconds("import time; time.sleep(0.5)", 1) > 0.5
    assert costs._seconds("import atexit, time; atexit.register(time.sleep, 3)", 1) < 3


def test_a_process_that_fails_is_not_timed():
    with pytest.raises(ValueError, match="code 3"):
        costs._seconds("raise SystemExit(3)", 1)


def test_a_cost_beyond_its_limit_says_why():
    scaling = {"wide": {"1": 3.0, "2": 1.5}, "mnist-deep": {"1": 3.0, "2": 2.0}}
    found = report.cost_shortfalls({"first_fit_cold_seconds": 99.0, "scaling": scaling})
    names = [name for name, _ in found]
    assert names[0].endswith("nothing compiled")
    assert names[1:] == ["mnist-deep, 1 to 2 threads"]
    shown = [
        row[0] for row in report.cost_rows({"first_fit_cold_seconds": 99.0, "scaling": scaling})
    ]
    assert set(names) <= set(shown), "under the name that they have in the table"
    assert report.cost_shortfalls({"first_fit_cold_seconds": 1.0}) == []


def test_the_sweep_in_a_line():
    rows = [_row("a", 2.0, 0.9), _row("b", 0.5, 0.9), _row("c", None, 0.9)]
    rows[1]["trainers"] = {"loopbp": {"min": 2.0, "max": 3.0}, "jax": {"min": 1.0, "max": 1.5}}
    line = report.sweep_line("float32", rows)
    assert "2 random shapes" in line
    assert "geometric mean 1.00, lowest 0.50 (3-2, batch 7, by rounds loopbp 2 to 3 us, " in line
    assert "jax 1 to 1.5 us); 1 below 0.9" in line
    assert "no peer" in report.sweep_line("float32", rows[2:])


def test_results_without_peers_make_no_readme(results):
    with pytest.raises(ValueError, match="--peers"):
        report.markdown({**results, "runs": results["runs"][1:]}, None)


@pytest.mark.parametrize("text", ["", report.END + report.BEGIN, 2 * (report.BEGIN + report.END)])
def test_a_readme_without_its_marks_is_refused(text):
    with pytest.raises(ValueError, match="once each"):
        report.replace_block(text, "")


# -- the process and the command line -------------------------------------------------------------


@needs_jit
def test_a_job_runs_in_its_own_process():
    job = {"kind": "peers", "cases": ["xor"], "dtypes": ["float32"], "peers": [], "quick": True}
    found = environment.run_job(job, 1)
    assert found["machine"]["threads"] == 1
    assert found["peak"]["float32"] > 0
    (row,) = found["peers"]
    assert row["case"] == "xor"
    assert row["trainers"]["loopbp"]["deviation"] <= runner.TOLERANCE["float32"]


def test_a_job_names_missing_peers(monkeypatch):
    from loopbp.benchmark import __main__ as worker

    monkeypatch.setattr(worker, "PEERS", (Absent,))
    monkeypatch.setattr(worker, "practical_peak", lambda dtype: 1.0)
    monkeypatch.setattr(worker.cases, "select", lambda names, dtype: [TINY[0]])
    found = run_job({"kind": "peers", "dtypes": ["float32"], "quick": True, "threads": 1})
    assert found["missing"] == [{"name": "absent", "install": "pip install absent"}]
    assert found["peers"][0]["ratio"] is None


def test_the_peak_is_the_best_that_was_seen_before_and_between_the_cases(monkeypatch):
    from loopbp.benchmark import __main__ as worker

    seen = {"float32": iter([100.0, 300.0, 200.0]), "float64": iter([50.0])}
    monkeypatch.setattr(worker, "PEERS", (Absent,))
    monkeypatch.setattr(worker, "practical_peak", lambda dtype: next(seen[dtype]))
    monkeypatch.setattr(worker.cases, "select", lambda names, dtype: [TINY[0], TINY[0]])
    found = run_job({"kind": "peers", "dtypes": ["float32"], "quick": True, "threads": 1})
    assert found["peak"] == {"float32": 300.0, "float64": 50.0}


@pytest.mark.skipif(not JIT, reason="the study of modes times compiled code")
def test_a_job_of_modes(monkeypatch):
    from loopbp.benchmark import __main__ as worker

    monkeypatch.setattr(worker, "practical_peak", lambda dtype: 1.0)
    found = run_job({"kind": "modes", "dtypes": [], "quick": True, "threads": 1})
    assert [row["parameters"] for row in found["modes"]]


def test_a_case_says_how_many_rounds_were_calm():
    from loopbp.benchmark.__main__ import _in_a_line

    row = {
        "case": "a", "dtype": "float32", "ratio": 2.0, "fastest_peer": "jax",
        "trainers": {"loopbp": {"calm": [True, False]}, "jax": {"calm": [True]}},
    }  # fmt: skip
    assert _in_a_line(row) == "a float32: 2.00 times as fast as jax, 2 of 3 rounds calm"
    alone = row | {"ratio": None, "fastest_peer": None, "trainers": {}}
    assert _in_a_line(alone) == "a float32"


def test_costs_name_their_limits():
    paid = dict.fromkeys(costs.LIMITS, 0.5)
    assert [limit for _, _, limit in report.cost_rows(paid)] == ["at most 15 s", "at most 1 s"]


@pytest.mark.parametrize(("words", "message"), [
    (["--readme", "README.md"], "--readme: needs --from"),
    (["--from", "no-such.json"], "no-such.json"),
    (["--from", "x.json", "--peers"], "--peers: does not go with --from"),
    (["--case", "xor"], "--case: needs --peers"),
    (["--peers", "--case", "xro"], "--case: expected one of"),
    (["--threads", "100000"], "--threads: expected 1 to"),
    (["--threads", "0"], "--threads"),
    (["--dtype", "float16"], "--dtype"),
    (["--plot", "picture.txt"], "--plot"),
    (["--json", "no-such-folder/x.json"], "no-such-folder"),
    (["--resume", "--peers"], "--resume: needs --json FILE"),
    (["--resume", "--peers", "--json", "-"], "--resume: needs --json FILE"),
    (["--resume", "--costs", "--json", "x.json"], "--peers or --sweep"),
    (["--resume", "--from", "x.json"], "--resume: does not go with --from"),
    (["--pears"], "--peers"),
])  # fmt: skip
def test_wrong_use_is_one_line(words, message, capsys):
    if "--plot" in words:
        pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
    assert main(["bench", *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert message in said.err


def test_other_json_is_refused(tmp_path, capsys):
    path = tmp_path / "x.json"
    for text in ("{}", "[", "[]"):
        path.write_text(text, encoding="utf-8")
        assert main(["bench", "--from", str(path)]) == 2
        assert "x.json" in capsys.readouterr().err


def test_json_to_stdout_is_json_alone(results, tmp_path, capsys):
    path = tmp_path / "x.json"
    report.write(results, path)
    assert main(["bench", "--from", str(path), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out) == results
