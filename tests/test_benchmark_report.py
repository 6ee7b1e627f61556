"""What the benchmark says: tables, pictures, the blocks of both READMEs, and its command line."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
from cases import helpers
from cases.benchmark import TINY, TwiceTheRate, ticking

from loopbp.benchmark import (
    cases,
    costs,
    engines_bench,
    environment,
    facts,
    picture,
    readme,
    report,
    runner,
)
from loopbp.benchmark import (
    results as files,
)
from loopbp.benchmark.peers import NumPy
from loopbp.cli import bench, main

ROOT = Path(__file__).parent.parent

# -- reports --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def measured(in_a_hurry):
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
    return files.gather("loopbp bench --peers", [run, others], paid)


@pytest.fixture
def results(measured):
    """Results of all kinds; each test may change its own."""
    return copy.deepcopy(measured)


def test_the_tables_say_all(results, capsys):
    report.print_report(results)
    out = capsys.readouterr().out
    for words in (
        "tiny-tanh", "float64", "geometric mean", "at least",
        "twice ends elsewhere", "forward mode", "fastest step", "2.00 times", "practical peak",
        "lie within 2 % in 4 of 4 rounds",
        "compared with numpy only: jax is missing and may be faster (pip install jax)",
        "as fast in float32 (geometric mean of 2 cases, lowest", "rest: a step less",
    ):  # fmt: skip
        assert words in out


def test_json_goes_round_to_both_readmes(results, tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
    source, target = tmp_path / "results.json", tmp_path / "README.md"
    files.write(results, source)
    assert files.read(source) == results
    words = ["bench", "--from", str(source), "--readme", str(target)]
    for name, block in readme.BLOCKS.items():
        begin, end = readme.marks(name)
        target.write_text(f"before\n{begin}\nold\n{end}\nafter\n", encoding="utf-8")
        for _ in range(2):
            assert main(words) == 0
            text = target.read_text(encoding="utf-8")
            assert text == f"before\n{begin}\n{block(results, 'results.svg')}\n{end}\nafter\n"
        shown = readme.shows_picture(text)
        assert (tmp_path / "results.svg").is_file() == shown == (name == "benchmark table")
        (tmp_path / "results.svg").unlink(missing_ok=True)
    assert capsys.readouterr().out == ""


def test_a_newcomer_reads_one_table_and_a_few_sentences(results):
    text = readme.summary(results, "x.svg")
    (_, ours), (_, theirs) = facts.by_dtype(results["runs"][0]["peers"])
    first, second = ours[0]["ratio"], theirs[0]["ratio"]
    assert f"| tiny | 3-5-4 | 6 | **{first:.2f}** (numpy) | **{second:.2f}** (numpy) |" in text
    assert f"| tiny-tanh | 3-5-4-2 | 6 | **{ours[1]['ratio']:.2f}** (numpy) |  |" in text
    assert "only: jax is missing and may be faster" in text
    ours[1]["ratio"] = 0.5
    assert "Of 3 comparisons loopbp loses 1; its lowest number is 0.50 (tiny-tanh, float32)" in (
        readme.summary(results, None)
    )
    for row in (*ours, *theirs):
        row["ratio"] = 1.0
    assert "loses none" in readme.summary(results, None)
    assert "loopbp bench --peers" in readme.details(results)


def test_the_headline_says_whom_it_is_beside():
    rows = [_row("a", 2.0, 1.0), _row("b", 0.5, 1.0), _row("c", 3.0, 1.0, dtype="float64")]
    assert facts.headline(rows, []) == (
        "Beside the fastest peer installed loopbp trains 1.00 times as fast in float32 (geometric "
        "mean of 2 cases, lowest 0.50: b) and 3.00 times as fast in float64 (geometric mean of 1 "
        "case, lowest 3.00: c); compared with jax."
    )
    missing = [{"name": n, "install": f"pip install {n}"} for n in ("numpy", "torch")]
    alone = [_row("a", None, 1.0) | {"trainers": {"loopbp": {"median": 1.0}}}]
    assert facts.headline(alone, missing) == (
        "loopbp: compared with nobody: numpy and torch are missing and may be faster "
        "(pip install numpy; pip install torch)."
    )


def test_calm_rounds_are_counted():
    few, enough = {"calm": [True, True, False]}, {"calm": [True, True, False, True]}
    cannot = {"cannot": "reason"}
    line = facts.calm_line(
        [{"trainers": {"loopbp": few, "jax": cannot}}, {"trainers": {"loopbp": enough}}]
    )
    assert line is not None
    assert "90 %" in line
    assert "5 of 7" in line
    assert "1 of 2 times" in line
    assert facts.calm_line([{"trainers": {"loopbp": {"median": 1.0}, "jax": cannot}}]) is None


def test_confirmed_rounds_are_counted():
    trainers = {
        "loopbp": {"settled": [True, False, True]},
        "numpy": {"settled": [True, None]},
        "jax": {"cannot": "reason"},
    }
    assert "in 3 of 4 rounds" in (facts.settled_line([{"trainers": trainers}]) or "")
    assert facts.settled_line([{"trainers": {"loopbp": {"median": 1.0}}}]) is None


@pytest.mark.parametrize("path", ["README.md", "bench/README.md"])
def test_the_readme_shows_the_committed_results(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    results = files.read(ROOT / "bench" / "results.json")
    shown = readme.picture_name(ROOT / path, ROOT / "bench" / "results.svg")
    assert readme.filled(text, results, shown) == text
    results["runs"][0]["peers"][3]["ratio"] += 1
    assert readme.filled(text, results, shown) != text


def test_bench_readme_says_what_the_second_run_measured():
    prose = (ROOT / "bench" / "README.md").read_text(encoding="utf-8")
    said = prose[prose.index("- `results-again.json`") : prose.index("- `results-znver3.json`")]
    again, first = (files.read(ROOT / "bench" / f"results{end}.json") for end in ("-again", ""))

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
    assert facts.shortfalls(again["runs"][0]["peers"]) == [], "within all marks"
    assert facts.cost_shortfalls(again["costs"]) == []


def test_every_case_is_in_the_committed_results():
    results = files.read(ROOT / "bench" / "results.json")
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
    picture.draw(only, tmp_path / "picture.svg")
    first = (tmp_path / "picture.svg").read_bytes()
    picture.draw(only, tmp_path / "picture.svg")
    assert (tmp_path / "picture.svg").read_bytes() == first


def _row(name, ratio, target, of_peak=None, dtype="float32"):
    return {
        "case": name, "ratio": ratio, "target": target, "sizes": [3, 2], "batch": 7,
        "fastest_peer": "jax", "of_peak": of_peak, "dtype": dtype,
        "trainers": {"jax": {"median": 1.0}},
    }  # fmt: skip


def test_a_case_below_its_mark_is_named():
    rows = [_row("wide", 0.5, 1.0), _row("xor", 1.0, 1.0), _row("iris", 0.1, None)]
    assert facts.shortfalls(rows) == ["wide 0.50 (at least 1)"]


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
def test_a_case_below_its_part_of_the_peak_is_named_too(row, below):
    found = ["wide 84 % (at least 85 %) of the practical peak"] if below else []
    assert facts.shortfalls([row]) == found
    assert set(cases.OF_PEAK_TARGETS) <= set(cases.NAMES)


def test_a_cost_beyond_its_limit_is_named():
    scaling = {"wide": {"1": 3.0, "2": 1.5}, "mnist-deep": {"1": 3.0, "2": 2.0}}
    spent = {"first_fit_cold_seconds": 99.0, "scaling": scaling}
    names = facts.cost_shortfalls(spent)
    assert names[0].endswith("nothing compiled")
    assert names[1:] == ["mnist-deep, 1 to 2 threads"]
    shown = [row[0] for row in facts.cost_rows(spent)]
    assert set(names) <= set(shown), "under the name that they have in the table"
    assert facts.cost_shortfalls({"first_fit_cold_seconds": 1.0}) == []


def test_the_sweep_in_a_line():
    rows = [_row("a", 2.0, 0.9), _row("b", 0.5, 0.9), _row("c", None, 0.9)]
    rows[1]["trainers"] = {"loopbp": {"min": 2.0, "max": 3.0}, "jax": {"min": 1.0, "max": 1.5}}
    line = facts.sweep_line("float32", rows)
    assert "2 random shapes" in line
    assert "geometric mean 1.00, lowest 0.50 (3-2, batch 7, by rounds loopbp 2 to 3 us, " in line
    assert "jax 1 to 1.5 us); 1 below 0.9" in line
    assert "no peer" in facts.sweep_line("float32", rows[2:])


def test_results_without_peers_make_no_readme(results):
    with pytest.raises(ValueError, match="--peers"):
        readme.summary({**results, "runs": results["runs"][1:]}, None)


@pytest.mark.parametrize("text", ["{1}{0}", "{0}{1}{0}{1}", "{0}", "{1}"])
def test_a_readme_without_its_marks_is_refused(text):
    for name in readme.BLOCKS:
        with pytest.raises(ValueError, match="once each"):
            readme.filled(text.format(*readme.marks(name)), {}, None)


def test_a_readme_without_a_block_is_refused():
    with pytest.raises(ValueError, match=r"expected a block to fill.*benchmark table.*details"):
        readme.filled("", {}, None)


# -- the command line -----------------------------------------------------------------------------


def test_costs_name_their_limits():
    paid = dict.fromkeys(costs.LIMITS, 0.5)
    assert [limit for _, _, limit in facts.cost_rows(paid)] == ["at most 15 s", "at most 1 s"]


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
    files.write(results, path)
    assert main(["bench", "--from", str(path), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out) == results


def test_bench_alone_has_a_headline_and_the_engines(monkeypatch, capsys):
    jobs = []

    def run(job, threads):
        jobs.append((job["kind"], job["cases"], threads))
        machine = {**environment.describe(threads)}
        return {"machine": machine, "peak": {}, job["kind"]: [_row("digits", 2.0, 1.0)]}

    monkeypatch.setattr(bench, "run_job", run)
    monkeypatch.setattr(report, "_print_engines", lambda console, rows: None)
    monkeypatch.setattr(report, "_print_peers", lambda *arguments: None)
    assert main(["bench", "--threads", "1"]) == 0
    assert jobs == [("peers", list(cases.HEADLINE), 1), ("engines", list(cases.HEADLINE), 1)]
    assert set(cases.HEADLINE) <= set(cases.NAMES)
    said = capsys.readouterr().out
    assert "Beside the fastest peer installed loopbp trains 2.00 times as fast in float32" in said


def test_the_engines_add_up_to_a_step(results, capsys):
    rows = results["runs"][1]["engines"]
    for row in rows:
        row["microseconds"] = {"step": 1000.0, "forward": 2000.0}.get(row["phase"], 3.0)
    report.print_report({**results, "runs": [{**results["runs"][1], "engines": rows}]})
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    (line,) = [line for line in printed if line[:2] == ["float32", "tiled"]]
    forward, delta, gradient, update, rest, step = (float(n.replace(",", "")) for n in line[5:11])
    assert (forward, rest, step) == (2000, -1009, 1000)
    assert forward + delta + gradient + update + rest == step
