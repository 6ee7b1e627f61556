"""A benchmark that is interrupted: rows as they come, and a sitting that goes on with them."""

import json
from pathlib import Path

import pytest

from loopbp.benchmark import __main__ as worker
from loopbp.benchmark import environment, facts, partial, results
from loopbp.benchmark.cases import Case
from loopbp.cli import bench, main

CASES = [Case(name, (3, 4), "relu", "softmax", "cross_entropy", 6, 3) for name in "abc"]
RESULT = {
    "machine": {
        "processor": "P", "llvm_target": "t", "system": "S", "cores": 2, "threads": 2,
        "threading_layer": "omp", "blas": None, "versions": {}, "date": "2000-01-01",
    },
    "peak": {"float32": 2.0},
}  # fmt: skip
RUN = {"command": "loopbp bench --peers", "processor": "P", "code": "1"}


def row_of(name, dtype="float32"):
    return {"case": name, "dtype": dtype, "ratio": 2.0, "fastest_peer": "jax", "trainers": {}}


def test_rows_are_kept_until_the_next_sitting(tmp_path):
    part = partial.part_of(tmp_path / "x.json")
    assert part.name == "x.json.part"
    assert partial.begin(part, RUN, "2000-01-01", False) == 0
    assert partial.best(part) == {}
    assert partial.sittings(part) == []
    partial.add(part, "peers", row_of("a"), {"peak": {"float32": 1.0}})
    partial.add(part, "sweep", row_of("b"), {"peak": {"float32": 2.0}})
    with part.open("a", encoding="utf-8") as file:
        file.write('{"kind": "sweep", "row": {"ca')  # killed while it wrote
    for date in ("2000-01-02", "2000-01-03"):  # a sitting without a row does not count
        assert partial.begin(part, RUN, date, True) == 2
    partial.add(part, "sweep", row_of("c"), {"peak": {"float32": 3.0}})
    assert [row["case"] for row in partial.rows(part, "peers")] == ["a"]
    assert [row["case"] for row in partial.rows(part, "sweep")] == ["b", "c"]
    assert partial.best(part) == {"peak": {"float32": 3.0}}
    assert partial.sittings(part) == ["2000-01-01", "2000-01-03"]


def test_rows_are_not_written_over_and_not_mixed(tmp_path):
    part = tmp_path / "x.json.part"
    partial.begin(part, RUN, "2000-01-01", False)
    before = part.read_bytes()
    with pytest.raises(ValueError, match="--resume, or delete it"):
        partial.begin(part, RUN, "2000-01-01", False)
    for name, value in RUN.items():
        with pytest.raises(ValueError, match=f"another {name}: {value}, and now other;"):
            partial.begin(part, RUN | {name: "other"}, "2000-01-01", True)
    assert part.read_bytes() == before
    for text in ("", "\n", "[]\n", "{}\n", '{"run": 1}\n', "no JSON\n"):
        part.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match="holds no rows of loopbp bench"):
            partial.begin(part, RUN, "2000-01-01", True)


def test_the_code_belongs_to_a_run(monkeypatch, tmp_path):
    machine = environment.describe(1)
    first = partial.identity("loopbp bench", machine)
    assert first == partial.identity("loopbp bench", machine | {"date": "2000-01-01"})
    assert first == json.loads(json.dumps(first)), "as it comes back from the file"
    monkeypatch.setattr(partial.cache, "sources", lambda: [("tiled.py", b"")])
    codes = {first["code"], partial.identity("loopbp bench", machine)["code"]}
    for text in ("one", "other"):  # of the benchmark itself
        (tmp_path / "runner.py").write_text(text, encoding="utf-8")
        with monkeypatch.context() as patch:
            patch.setattr(partial.cache, "sources", list)
            patch.setattr(partial, "_HERE", tmp_path)
            codes.add(partial.identity("loopbp bench", machine)["code"])
    assert len(codes) == 4


def test_only_what_is_missing_is_timed(monkeypatch, tmp_path, capsys):
    timed = []

    def run_case(case, peers, rounds, watch):
        timed.append(case.name)
        watch.fastest = min(watch.fastest, 0.5)
        if case.name == "c" and len(timed) == 3:
            raise KeyboardInterrupt
        return row_of(case.name)

    monkeypatch.setattr(worker, "PEERS", ())
    monkeypatch.setattr(worker, "run_case", run_case)
    monkeypatch.setattr(worker.cases, "select", lambda names, dtype: CASES)
    part = tmp_path / "x.json.part"
    partial.begin(part, RUN, "2000-01-01", False)
    job = {"kind": "peers", "dtypes": ["float32"], "part": str(part), "threads": 1}
    monkeypatch.setattr(worker, "practical_peak", lambda dtype: 9.0)
    with pytest.raises(KeyboardInterrupt):
        worker.run(job)
    partial.begin(part, RUN, "2000-01-02", True)
    monkeypatch.setattr(worker, "practical_peak", lambda dtype: 7.0)
    capsys.readouterr()
    found = worker.run(job)
    names = ["a", "b", "c"]
    assert timed == [*names, "c"]
    assert [row["case"] for row in found["peers"]] == names
    assert found["peak"]["float32"] == 9.0, "what an earlier sitting saw"
    assert found["machine"]["sittings"] == ["2000-01-01", "2000-01-02"]
    assert [partial.best(part)[what]["float32"] for what in ("peak", "look")] == [9.0, 0.5]
    assert capsys.readouterr().err.splitlines() == [
        f"peers: {name} float32: 2.00 times as fast as jax" for name in names
    ]


def test_a_later_sitting_knows_how_fast_the_machine_was(monkeypatch, tmp_path):
    seen = []

    def run_case(case, peers, rounds, watch):
        seen.append(watch.fastest)
        return row_of(case.name)

    monkeypatch.setattr(worker, "PEERS", ())
    monkeypatch.setattr(worker, "run_case", run_case)
    monkeypatch.setattr(worker, "practical_peak", lambda dtype: 7.0)
    monkeypatch.setattr(worker.cases, "sweep", lambda: CASES[:1])
    part = tmp_path / "x.json.part"
    partial.begin(part, RUN, "2000-01-01", False)
    best = {"look": {"float32": 0.25, "float64": 0.75}}
    partial.add(part, "peers", row_of("a"), best)
    worker.run({"kind": "sweep", "dtypes": [], "part": str(part), "threads": 1})
    assert seen == [0.25]
    assert partial.best(part)["look"] == best["look"]


def test_the_command_goes_on_where_it_was_interrupted(monkeypatch, tmp_path, capsys):
    path = tmp_path / "x.json"
    part = partial.part_of(path)
    words = ["bench", "--peers", "--threads", "1", "--json", str(path)]

    def interrupted(job, threads):
        partial.add(Path(job["part"]), "peers", row_of("a"), {})
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, "run_job", interrupted)
    assert main(words) == 130
    assert f"{part}: --resume goes on" in capsys.readouterr().err
    assert not path.exists()
    assert main(words) == 2
    assert "--resume, or delete it" in capsys.readouterr().err
    assert main([*words, "--rounds", "3", "--resume"]) == 2
    assert "another command" in capsys.readouterr().err
    monkeypatch.setattr(bench, "run_job", lambda job, threads: RESULT)
    assert main([*words, "--resume"]) == 0
    assert f"{part}: goes on after 1 of the cases" in capsys.readouterr().err
    assert results.read(path)["command"] == "loopbp bench --peers --threads 1"
    assert not part.exists()


def test_nothing_is_kept_where_no_file_is_written(monkeypatch, tmp_path, capsys):
    def run(job, threads):
        assert job["part"] is None
        return RESULT

    monkeypatch.setattr(bench, "run_job", run)
    monkeypatch.chdir(tmp_path)
    other = Path("x.json.part")  # of a run that was interrupted
    other.touch()
    for words in (
        ["--peers"], ["--peers", "--json", "-"], ["--engines", "--json", "x.json"],
        ["--from", "x.json", "--json", "x.json"],
    ):  # fmt: skip
        assert main(["bench", *words]) == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["x.json", "x.json.part"]

    def interrupted(job, threads):
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, "run_job", interrupted)
    assert main(["bench", "--engines", "--json", "x.json"]) == 130
    assert "--resume" not in capsys.readouterr().err


def test_sittings_are_named():
    machine = RESULT["machine"]
    assert facts.machine_lines(machine, {})[0].endswith("S, 2000-01-01")
    for days, text in (
        (["2000-01-01"] * 2, "2000-01-01, in 2 sittings"),
        (["2000-01-01"] * 2 + ["2000-01-03"], "2000-01-01 to 2000-01-03, in 3 sittings"),
    ):
        assert facts.machine_lines(machine | {"sittings": days}, {})[0].endswith(f"S, {text}")
