"""The results on the terminal: a headline, and a table of each kind."""

import math
import sys
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from loopbp.benchmark.engines_bench import ENGINES, PHASES, REST_IS
from loopbp.benchmark.facts import (
    OF_PEAK,
    PEER_NAMES,
    amount,
    by_dtype,
    cost_rows,
    cost_shortfalls,
    geometric_mean,
    headline,
    is_below,
    layers,
    machine_lines,
    round_lines,
    share_of_peak,
    shortfalls,
    step_time,
    sweep_line,
)
from loopbp.benchmark.peers import LoopBP
from loopbp.benchmark.results import Results, Rows
from loopbp.benchmark.runner import TOLERANCE

_FILE_WIDTH = 140


def print_report(results: Results, console: Console | None = None) -> None:
    """Print all tables.

    Parameters
    ----------
    results
        From `loopbp.benchmark.results.gather`.
    console
        None: a new one for stdout.
    """
    if console is None:
        # A file or a pipe has no width; there the columns must not be cut.
        console = Console(highlight=False, width=None if sys.stdout.isatty() else _FILE_WIDTH)
    for run in results["runs"]:
        for line in machine_lines(run["machine"], run["peak"]):
            console.print(escape(line), style="dim", soft_wrap=True)
        console.print()
        if "peers" in run:
            said = headline(run["peers"], run.get("missing", []))
            console.print(escape(said) + "\n", style="bold", soft_wrap=True)
        for kind in ("peers", "sweep"):
            for dtype, rows in by_dtype(run.get(kind, [])):
                _print_peers(console, kind, dtype, rows, run.get("missing", []))
        if "engines" in run:
            _print_engines(console, run["engines"])
        if "modes" in run:
            _print_modes(console, run["modes"])
    if results.get("costs"):
        _print_costs(console, results["costs"])


def _table(title: str, first: str, columns: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _print_peers(
    console: Console, kind: str, dtype: str, rows: Rows, missing: list[Results]
) -> None:
    title = f"{kind}, {dtype}: microseconds a step, median of the rounds (min-max for loopbp)"
    columns = ("batch", LoopBP.name, *PEER_NAMES, "ratio", "at least", "GFLOP/s", "of peak")
    table = _table(title, "case", columns)
    for row in rows:
        ratio, target = row["ratio"], row["target"]
        # A mark is for the fastest of all peers, and is not met where some are missing.
        colour = "red" if is_below(ratio, target) else "default" if missing else "green"
        name = row["case"] if kind == "peers" else layers(row)
        table.add_row(
            escape(name),
            str(row["batch"]),
            step_time(row, LoopBP.name, spread=True),
            *(
                f"[bold]{text}[/]" if name == row["fastest_peer"] else text
                for name in PEER_NAMES
                for text in [step_time(row, name)]
            ),
            "" if ratio is None else f"[{colour}]{ratio:.2f}[/]",
            "" if target is None else f"{target:g}",
            "" if row["gflops"] is None else f"{row['gflops']:.1f}",
            share_of_peak(row),
        )
    console.print(table)
    ratios = [row["ratio"] for row in rows if row["ratio"] is not None]
    mean = geometric_mean(ratios)
    if mean is not None:
        console.print(f"ratio: geometric mean {mean:.2f}, lowest {min(ratios):.2f}")
    for line in round_lines(rows):
        console.print(line)
    if any(row.get("peak") for row in rows):
        console.print(f"of peak: {OF_PEAK}.")
    if kind == "sweep":
        console.print(sweep_line(dtype, rows))
    else:
        for line in shortfalls(rows):
            console.print(f"below its mark: {line}")
    for row in rows:
        for name, found in row["trainers"].items():
            if "median" not in found and "deviation" in found:
                apart = math.inf if found["deviation"] is None else found["deviation"]
                console.print(
                    f"{row['case']}: {name} ends elsewhere, by {apart:.2g} of the way "
                    f"(tolerance {TOLERANCE[dtype]:g}); not timed",
                    style="red",
                )
            elif "cannot" in found:
                console.print(f"{row['case']}: {name} {found['cannot']}", style="dim")
    console.print()


def _print_engines(console: Console, rows: Rows) -> None:
    title = "engines: microseconds of each phase and of a step (GFLOP/s of the step, of the peak)"
    columns = ("width", "depth", "batch", *PHASES[:-1], "rest", "step", "GFLOP/s", "of peak")
    table = _table(title, "engine", columns)

    def shape(row: dict[str, Any]) -> tuple[Any, ...]:
        return row["dtype"], row["depth"], row["width"], row["batch"]

    fastest_by_shape = {}
    for key, group in groupby(rows, key=shape):
        found = {(row["engine"], row["phase"]): row for row in group}
        fastest = min(ENGINES, key=lambda name: found[name, "step"]["microseconds"])
        fastest_by_shape[key] = fastest
        dtype, depth, width, batch = key
        for name in ENGINES:
            step = found[name, "step"]
            times = [found[name, phase]["microseconds"] for phase in PHASES]
            table.add_row(
                f"{dtype} [bold]{name}[/]" if name == fastest else f"{dtype} {name}",
                str(width), str(depth), str(batch),
                *(amount(us) for us in _with_rest(times)),
                f"{step['gflops']:.1f}", f"{100 * step['of_peak']:.0f} %",
            )  # fmt: skip
    console.print(table)
    counts = {name: list(fastest_by_shape.values()).count(name) for name in ENGINES}
    console.print(
        "fastest step: " + ", ".join(f"{name} in {counts[name]} shapes" for name in ENGINES)
    )
    console.print(f"{REST_IS}\n", soft_wrap=True)


def _with_rest(phases: list[float]) -> list[float]:
    """The times of the phases and the step, and before the step what makes them add up to it."""
    *parts, step = phases
    return [*parts, step - sum(parts), step]


def _print_modes(console: Console, rows: Rows) -> None:
    table = _table(
        "one gradient: forward mode against reverse mode",
        "parameters",
        ("forward, us", "reverse, us", "ratio"),
    )
    for row in rows:
        table.add_row(
            f"{row['parameters']:,}", amount(1e6 * row["forward_seconds"]),
            amount(1e6 * row["reverse_seconds"]), f"{row['ratio']:.1f}",
        )  # fmt: skip
    console.print(table)
    console.print()


def _print_costs(console: Console, costs: Results) -> None:
    table = _table("costs", "what", ("measured", "limit"))
    for row in cost_rows(costs):
        table.add_row(*row)
    console.print(table)
    for name in cost_shortfalls(costs):
        console.print(f"beyond its limit: {name}")
