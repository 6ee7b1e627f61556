"""The process that does the work of ``loopbp bench``: a job on stdin, its results on stdout."""

import json
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loopbp.benchmark import cases, engines_bench, partial
from loopbp.benchmark.environment import (
    LOOK_SIZE,
    Product,
    Watch,
    describe,
    hold_threads,
    practical_peak,
)
from loopbp.benchmark.peers import PEERS, Trainer
from loopbp.benchmark.runner import run_case
from loopbp.terminal.json_text import json_text


@contextmanager
def progress(total: int, what: str) -> Iterator[Callable[[str], None]]:
    """A function to call with the name of each part that is done; draws on stderr if watched."""
    if not sys.stderr.isatty():
        yield lambda name: print(f"{what}: {name}", file=sys.stderr)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn(what), MofNCompleteColumn(), BarColumn(bar_width=30),
        TextColumn("{task.fields[done]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total, done="")
        yield lambda name: bar.update(task, advance=1, done=name)


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Do a job.

    Parameters
    ----------
    job
        ``kind``: peers, sweep, engines or modes; ``dtypes``; ``threads``; for peers and sweep
        ``peers`` (names, or None for all), ``cases`` (names, or None), ``rounds``, ``part`` (the
        file of `loopbp.benchmark.partial`, or None); ``quick``.

    Returns
    -------
    dict
        The machine, the practical peak by dtype (for peers and sweep the best before and between
        the cases), and the results under the name of the kind.
    """
    quick = bool(job.get("quick"))
    peak = {dtype: practical_peak(dtype) for dtype in ("float32", "float64")}
    result: dict[str, Any] = {"machine": describe(job["threads"]), "peak": peak}
    kind = job["kind"]
    if kind == "engines":
        grid = engines_bench.QUICK_GRID if quick else engines_bench.GRID
        chosen = [case for dtype in job["dtypes"] for case in engines_bench.grid_cases(grid, dtype)]
        with progress(len(chosen), "engines") as advance:
            result["engines"] = engines_bench.measure(chosen, peak, advance)
    elif kind == "modes":
        from loopbp.study.mode_costs import measure_modes

        costs = measure_modes((2, 4, 8)) if quick else measure_modes()
        result["modes"] = [{**cost._asdict(), "ratio": cost.ratio} for cost in costs]
    else:
        wanted = [p for p in PEERS if job.get("peers") is None or p.name in job["peers"]]
        missing = [p for p in wanted if p.is_missing()]
        result["missing"] = [{"name": p.name, "install": p.install} for p in missing]
        chosen = (
            cases.sweep()
            if kind == "sweep"
            else [c for dtype in job["dtypes"] for c in cases.select(job.get("cases"), dtype)]
        )
        result[kind] = _timed(job, kind, chosen, wanted, peak)
        days = partial.sittings(Path(job["part"])) if job.get("part") else []
        if len(days) > 1:
            result["machine"]["sittings"] = days
    return result


def _timed(
    job: dict[str, Any],
    kind: str,
    chosen: list[cases.Case],
    peers: list[type[Trainer]],
    peak: dict[str, float],
) -> list[dict[str, Any]]:
    """The row of each case, from the part file or timed now; `peak` follows the best seen."""
    quick, part = bool(job.get("quick")), Path(job["part"]) if job.get("part") else None
    known, best = {}, {}
    if part:
        known = {(row["case"], row["dtype"]): row for row in partial.rows(part, kind)}
        best = partial.best(part)
    for dtype, gflops in best.get("peak", {}).items():
        peak[dtype] = max(peak[dtype], gflops)
    looks = best.get("look", {})
    watches = {
        dtype: None
        if quick
        else Watch(Product(dtype, size=LOOK_SIZE), fastest=looks.get(dtype, math.inf))
        for dtype in peak
    }
    rows = []
    with progress(len(chosen), kind) as advance:
        for case in chosen:
            row = known.get((case.name, case.dtype))
            if row is None:
                short = cases.shortened(case) if quick else case
                rounds = 3 if quick else job.get("rounds")
                row = run_case(short, peers, rounds, watch=watches[case.dtype])
                # Somebody else may have used the host when it was measured before.
                peak[case.dtype] = max(peak[case.dtype], practical_peak(case.dtype))
                if part:
                    seen = {d: w.fastest for d, w in watches.items() if w and w.fastest < math.inf}
                    partial.add(part, kind, row, {"peak": peak, "look": seen})
            rows.append(row)
            advance(_in_a_line(row))
    return rows


def _in_a_line(row: dict[str, Any]) -> str:
    """A case and what came out."""
    line = f"{row['case']} {row['dtype']}"
    if row["ratio"] is not None:
        line += f": {row['ratio']:.2f} times as fast as {row['fastest_peer']}"
    calm = [calm for trainer in row["trainers"].values() for calm in trainer.get("calm", ())]
    return line + (f", {sum(calm)} of {len(calm)} rounds calm" if calm else "")


def main() -> None:
    """Read, run, write."""
    job = json.load(sys.stdin)
    hold_threads(job["threads"])
    try:
        print(json_text(run(job)))
    except KeyboardInterrupt:  # the process that started this one says so
        sys.exit(130)


if __name__ == "__main__":
    main()
