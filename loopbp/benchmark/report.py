"""The results in words: tables on the terminal, pictures, and the block of the README."""

import json
import math
import os
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from loopbp.benchmark import costs as cost_facts
from loopbp.benchmark.cases import (
    LIMITED_BY,
    LOOKED_INTO_ON,
    NAMES,
    OF_PEAK_TARGETS,
    SWEEP_LIMITED_BY,
    SWEEP_TARGET,
)
from loopbp.benchmark.costs import LEAST_GAIN, LIMITS
from loopbp.benchmark.engines_bench import ENGINES, PHASES
from loopbp.benchmark.environment import CALM, MOST_PATIENCE, PATIENCE
from loopbp.benchmark.peers import PEERS, LoopBP
from loopbp.benchmark.runner import AGREEING, CALM_ROUNDS, TOLERANCE, WITHIN

Results = dict[str, Any]
Rows = Sequence[dict[str, Any]]
BEGIN, END = "<!-- benchmark table -->", "<!-- end of benchmark table -->"
_FORMAT = 1
_FILE_WIDTH = 140
_COLOURS = dict(zip(ENGINES, ("#8a8a8a", "#d1642a", "#1f5fa8"), strict=True))
_PEER_NAMES = tuple(peer.name for peer in PEERS)
_RATIO_TICKS = (0.1, 0.2, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50, 100, 1000)
_OF_PEAK = "of the fastest round of matrix products in NumPy, timed in turns"
_SECONDS = {
    "start_python_seconds": "start of Python alone",
    "import_loopbp_seconds": "process that imports loopbp's engines",
    "import_jax_seconds": "process that imports JAX",
    "first_fit_cold_seconds": "first epoch of digits from process start, nothing compiled",
    "first_fit_warm_seconds": "first epoch of digits from process start, warm cache",
}


def read(path: str | os.PathLike[str]) -> Results:
    """Results from a file that `write` wrote.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it holds something else.
    """
    try:
        results = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: is not JSON: {error}") from error
    if not isinstance(results, dict) or results.get("format") != _FORMAT:
        raise ValueError(f"{path}: does not hold results of loopbp bench --json")
    return results


def text(results: Results) -> str:
    """Results as JSON, indented."""
    return json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write(results: Results, path: str | os.PathLike[str]) -> None:
    """Write results to a file that `read` reads."""
    Path(path).write_text(text(results), encoding="utf-8")


def gather(command: str, runs: Sequence[Results], costs: Results | None = None) -> Results:
    """One object of all that was measured.

    Parameters
    ----------
    command
        What was typed.
    runs
        What the processes returned, each with its machine.
    costs
        What `loopbp.benchmark.costs.measure` returned.
    """
    return {"format": _FORMAT, "command": command, "runs": list(runs), "costs": costs}


def geometric_mean(values: Iterable[float]) -> float | None:
    """The geometric mean; None of nothing."""
    logarithms = [math.log(v) for v in values]
    return math.exp(sum(logarithms) / len(logarithms)) if logarithms else None


def amount(us: float | None) -> str:
    """Microseconds to three digits."""
    if us is None:
        return ""
    return f"{us:,.0f}" if us >= 100 else f"{us:.3g}"


def shortfalls(rows: Rows, llvm_target: str) -> list[tuple[str, str]]:
    """The cases below their mark, and what was found to limit them, there or elsewhere."""
    return [
        (row["case"], _limit(row["case"], llvm_target))
        for row in rows
        if _is_below(row["ratio"], row["target"]) or _is_below(row["of_peak"], _of_peak_target(row))
    ]


def _is_below(found: float | None, target: float | None) -> bool:
    return found is not None and target is not None and found < target


def _of_peak_target(row: dict[str, Any]) -> float | None:
    return OF_PEAK_TARGETS.get(row["case"]) if row["dtype"] == "float32" else None


def _of_peak(row: dict[str, Any]) -> str:
    """The cell of a row: how much of the practical peak, and what it is to be at least."""
    if row["of_peak"] is None:
        return ""
    target = _of_peak_target(row)
    mark = "" if target is None else f" (at least {100 * target:.0f} %)"
    return f"{100 * row['of_peak']:.0f} %{mark}"


def _limit(case: str, llvm_target: str) -> str:
    if case not in LIMITED_BY:
        return "not yet looked into"
    if llvm_target in LOOKED_INTO_ON:
        return LIMITED_BY[case]
    return f"not yet looked into on {llvm_target}; with AVX-512, {LIMITED_BY[case]}"


def sweep_line(dtype: str, rows: Rows) -> str:
    """What the sweep found, in a line."""
    timed = [row for row in rows if row["ratio"] is not None]
    if not timed:
        return f"{len(rows)} random shapes, {dtype}: no peer to compare with."
    worst = min(timed, key=lambda row: row["ratio"])
    below = sum(row["ratio"] < row["target"] for row in timed)
    spread = ", ".join(
        f"{name} {amount(found['min'])} to {amount(found['max'])} us"
        for name in (LoopBP.name, worst["fastest_peer"])
        for found in [worst["trainers"][name]]
    )
    return (
        f"{len(timed)} random shapes, {dtype}: geometric mean "
        f"{geometric_mean(row['ratio'] for row in timed):.2f}, lowest {worst['ratio']:.2f} "
        f"({_shape(worst)}, batch {worst['batch']}, by rounds {spread}); "
        f"{below} below {SWEEP_TARGET:g}{f': {SWEEP_LIMITED_BY}' if below else '.'}"
    )


def compared_line(rows: Rows, absent: Sequence[Results]) -> str:
    """Whom the ratios are to, and who may be faster but is not installed."""
    timed = {name for row in rows for name, found in row["trainers"].items() if "median" in found}
    present = [name for name in _PEER_NAMES if name in timed]
    names = [one["name"] for one in absent]
    return (
        f"The ratio is to {'the fastest of ' if len(present) > 1 else ''}{' and '.join(present)} "
        f"only: {' and '.join(names)} {'are' if len(names) > 1 else 'is'} not installed and may "
        f"be faster ({'; '.join(one['install'] for one in absent)})."
    )


def settled_line(rows: Rows) -> str | None:
    """How often the fastest timing of a round was confirmed; None where nobody looked."""
    found = [
        settled
        for row in rows
        for trainer in row["trainers"].values()
        for settled in trainer.get("settled", ())
        if settled is not None
    ]
    if not found:
        return None
    return (
        f"A round's fastest timing counts; the {AGREEING} fastest lie within {100 * WITHIN:g} % in "
        f"{sum(found)} of {len(found)} rounds."
    )


def calm_line(rows: Rows) -> str | None:
    """In how many rounds others left the machine alone; None where nobody looked."""
    found = [t["calm"] for row in rows for t in row["trainers"].values() if "calm" in t]
    if not found:
        return None
    calm, every = sum(map(sum, found)), sum(map(len, found))
    few = sum(sum(each) < CALM_ROUNDS for each in found)
    return (
        f"Rounds wait until matrix products run at {100 * CALM:g} % of their highest speed, up to "
        f"{PATIENCE:g} s and what earlier ones left of theirs, {MOST_PATIENCE:g} s at most, and "
        f"count if they still do at the end: {calm} of {every}; where fewer than {CALM_ROUNDS} do, "
        f"as {few} of {len(found)} times, all count."
    )


def _round_lines(rows: Rows) -> list[str]:
    return [line for line in (settled_line(rows), calm_line(rows)) if line]


def _by_dtype(rows: Rows) -> list[tuple[str, list[dict[str, Any]]]]:
    return [(dtype, list(part)) for dtype, part in groupby(rows, key=lambda row: row["dtype"])]


def _shape(row: dict[str, Any]) -> str:
    n = row["sizes"]
    if len(n) > 4 and len(set(n)) == 1:
        return f"{n[0]} x {len(n)}"
    return "-".join(str(k) for k in n)


def _trainer(row: dict[str, Any], name: str, spread: bool = False) -> str:
    found = row["trainers"].get(name)
    if found is None:
        return "missing"
    if "cannot" in found:
        return "cannot"
    if "median" not in found:
        return "deviates"
    text = amount(found["median"])
    return f"{text} ({amount(found['min'])}-{amount(found['max'])})" if spread else text


def machine_lines(machine: dict[str, Any], peak: dict[str, float]) -> list[str]:
    """Machine, threads, versions and peak, a line each."""
    versions = ", ".join(f"{k} {v}" for k, v in machine["versions"].items() if v)
    days = machine.get("sittings", [machine["date"]])
    when = " to ".join(sorted({days[0], days[-1]}))
    if len(days) > 1:
        when += f", in {len(days)} sittings"
    return [
        f"{machine['processor']} ({machine['llvm_target']}), {machine['system']}, {when}",
        f"{machine['threads']} of {machine['cores']} threads, layer "
        f"{machine['threading_layer']}; NumPy's BLAS: {machine['blas'] or 'unknown'}",
        versions,
        "practical peak: "
        + ", ".join(f"{dtype} {gflops:.0f} GFLOP/s" for dtype, gflops in peak.items()),
    ]


# -- the terminal ---------------------------------------------------------------------------------


def print_report(results: Results, console: Console | None = None) -> None:
    """Print all tables.

    Parameters
    ----------
    results
        From `gather`.
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
        for kind in ("peers", "sweep"):
            for dtype, rows in _by_dtype(run.get(kind, [])):
                _print_peers(console, kind, dtype, rows, run)
        for missing in run.get("missing", []):
            console.print(f"missing: {missing['name']} ({missing['install']})")
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


def _print_peers(console: Console, kind: str, dtype: str, rows: Rows, run: Results) -> None:
    absent = run.get("missing", [])
    title = f"{kind}, {dtype}: microseconds a step, median of the rounds (min-max for loopbp)"
    columns = ("batch", LoopBP.name, *_PEER_NAMES, "ratio", "at least", "GFLOP/s", "of peak")
    table = _table(title, "case", columns)
    for row in rows:
        ratio, target = row["ratio"], row["target"]
        # A mark is for the fastest of all peers, and is not met where some are missing.
        colour = "red" if _is_below(ratio, target) else "default" if absent else "green"
        name = row["case"] if kind == "peers" else _shape(row)
        table.add_row(
            escape(name),
            str(row["batch"]),
            _trainer(row, LoopBP.name, spread=True),
            *(
                f"[bold]{text}[/]" if name == row["fastest_peer"] else text
                for name in _PEER_NAMES
                for text in [_trainer(row, name)]
            ),
            "" if ratio is None else f"[{colour}]{ratio:.2f}[/]",
            "" if target is None else f"{target:g}",
            "" if row["gflops"] is None else f"{row['gflops']:.1f}",
            _of_peak(row),
        )
    console.print(table)
    ratios = [row["ratio"] for row in rows if row["ratio"] is not None]
    mean = geometric_mean(ratios)
    if mean is not None:
        console.print(f"ratio: geometric mean {mean:.2f}, lowest {min(ratios):.2f}")
        if absent:
            console.print(compared_line(rows, absent), soft_wrap=True)
    for line in _round_lines(rows):
        console.print(line)
    if any(row.get("peak") for row in rows):
        console.print(f"of peak: {_OF_PEAK}.")
    if kind == "sweep":
        console.print(sweep_line(dtype, rows))
    else:
        for name, reason in shortfalls(rows, run["machine"]["llvm_target"]):
            console.print(f"{name} is below its mark: {reason}", soft_wrap=True)
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
    columns = ("width", "depth", "batch", *PHASES, "GFLOP/s", "of peak")
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
            table.add_row(
                f"{dtype} [bold]{name}[/]" if name == fastest else f"{dtype} {name}",
                str(width), str(depth), str(batch),
                *(amount(found[name, phase]["microseconds"]) for phase in PHASES),
                f"{step['gflops']:.1f}", f"{100 * step['of_peak']:.0f} %",
            )  # fmt: skip
    console.print(table)
    counts = {name: list(fastest_by_shape.values()).count(name) for name in ENGINES}
    console.print(
        "fastest step: " + ", ".join(f"{name} in {counts[name]} shapes" for name in ENGINES) + "\n"
    )


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


def cost_rows(costs: Results) -> list[tuple[str, str, str]]:
    """What, how much, and its limit, for the figures of `loopbp.benchmark.costs`."""
    found = []
    for key, name in _SECONDS.items():
        if key in costs:
            limit = f"at most {LIMITS[key]:g} s" if key in LIMITS else ""
            found.append((name, f"{costs[key]:.2f} s", limit))
    for key, name in (("loopbp", "loopbp"), ("jax", "JAX")):
        if f"memory_{key}_bytes" in costs:
            size = f"{costs[f'memory_{key}_bytes'] / 2**20:.0f} MiB"
            limit = "at most JAX's" if key == "loopbp" else ""
            found.append((f"peak memory of an mnist epoch beyond the data, {name}", size, limit))
    for case, times in costs.get("scaling", {}).items():
        few, many = min(times, key=int), max(times, key=int)
        if few != many:
            gain = times[few] / times[many]
            found.append(
                (
                    f"{case}, 1 to {many} threads",
                    f"{gain:.2f} times",
                    f"at least {LEAST_GAIN:g} for 2",
                )
            )
    return found


def cost_shortfalls(costs: Results) -> list[tuple[str, str]]:
    """The costs beyond their limit, and what was found to cause them."""
    beyond = [key for key, limit in LIMITS.items() if costs.get(key, 0.0) > limit]
    for case, times in costs.get("scaling", {}).items():
        if "2" in times and times["1"] / times["2"] < LEAST_GAIN:
            beyond.append(case)
    return [
        (
            _SECONDS.get(key, f"{key}, 1 to 2 threads"),
            cost_facts.LIMITED_BY.get(key, "not yet looked into"),
        )
        for key in beyond
    ]


def _print_costs(console: Console, costs: Results) -> None:
    table = _table("costs", "what", ("measured", "limit"))
    for row in cost_rows(costs):
        table.add_row(*row)
    console.print(table)
    for name, reason in cost_shortfalls(costs):
        console.print(f"{name} is beyond its limit: {reason}", soft_wrap=True)


# -- the README -----------------------------------------------------------------------------------


def markdown(results: Results, picture: str | None) -> str:
    """The block of the README, without its marks.

    Parameters
    ----------
    results
        With the tables of ``--peers``.
    picture
        Path of the picture as the README names it, or None.

    Raises
    ------
    ValueError
        If the results hold no table of ``--peers``.
    """
    runs = [run for run in results["runs"] if run.get("peers")]
    if not runs:
        raise ValueError("the results hold no table of peers: measure with --peers --json FILE")
    parts = []
    for run in runs:
        for dtype, rows in _by_dtype(run["peers"]):
            parts.append(_markdown_table(dtype, rows, run))
        for other in results["runs"]:
            for dtype, rows in _by_dtype(other.get("sweep", [])):
                parts.append(sweep_line(dtype, rows))
                if other.get("missing"):
                    parts[-1] += " " + compared_line(rows, other["missing"])
        machine = "  \n".join(machine_lines(run["machine"], run["peak"]))
        parts.append(f"Written from `{results['command']}`, on  \n{machine}")
    if results.get("costs"):
        lines = ["| cost | measured | limit |", "|---|---|---|"]
        lines += [f"| {' | '.join(row)} |" for row in cost_rows(results["costs"])]
        reasons = [f"- {name}: {reason}" for name, reason in cost_shortfalls(results["costs"])]
        lines += ["", "Beyond their limit, and why:", "", *reasons] if reasons else []
        parts.append("\n".join(lines))
    if picture:
        parts.insert(0, f"![Fastest peer's time over loopbp's, by case]({picture})")
    return "\n\n".join(parts)


def _markdown_table(dtype: str, rows: Rows, run: Results) -> str:
    machine, absent = run["machine"], run.get("missing", [])
    threads = machine["threads"]
    lines = [
        f"{dtype}, {threads} thread{'s' if threads > 1 else ''}, microseconds of one step "
        "(median of the rounds); ratio: the fastest peer's time over loopbp's; deviates: ends at "
        "other weights, so it is not timed; cannot: has no such model.",
        "",
        f"| case | layers | batch | loopbp | {' | '.join(_PEER_NAMES)} | ratio | at least |",
        "|---|---|" + "---:|" * (len(_PEER_NAMES) + 4),
    ]
    for row in rows:
        ratio = "" if row["ratio"] is None else f"**{row['ratio']:.2f}**"
        target = "" if row["target"] is None else f"{row['target']:g}"
        cells = (
            row["case"], _shape(row), str(row["batch"]), _trainer(row, LoopBP.name),
            *(_trainer(row, name) for name in _PEER_NAMES), ratio, target,
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    ratios = [row["ratio"] for row in rows if row["ratio"] is not None]
    mean = geometric_mean(ratios)
    if mean is not None:
        summary = f"Ratio: geometric mean {mean:.2f}, lowest {min(ratios):.2f}."
        said = [compared_line(rows, absent)] if absent else []
        lines += ["", "  ".join([summary, *said, *_round_lines(rows)])]
    peaks = [
        f"{row['case']} {_of_peak(row)}"
        for row in rows
        if row["of_peak"] is not None and _of_peak_target(row) is not None
    ]
    if peaks:
        lines += ["", f"Of the practical peak, that is {_OF_PEAK}: {', '.join(peaks)}."]
    reasons = [f"- {name}: {reason}" for name, reason in shortfalls(rows, machine["llvm_target"])]
    if reasons:
        lines += ["", "Below their mark, and what limits them:", "", *reasons]
    return "\n".join(lines)


def replace_block(text: str, block: str) -> str:
    """The text of a README with `block` between its two marks.

    Raises
    ------
    ValueError
        If it does not hold both marks once, in their order.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"expected the lines {BEGIN!r} and {END!r} once each in the file")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{block}\n{END}{rest.split(END)[1]}"


def block_of(text: str) -> str:
    """What stands between the marks of a README."""
    return text.split(BEGIN)[1].split(END, maxsplit=1)[0].strip("\n")


def picture_name(readme: str | os.PathLike[str], picture: str | os.PathLike[str]) -> str:
    """The path of a picture as seen from the folder of the README."""
    folder = Path(readme).resolve().parent
    return Path(os.path.relpath(Path(picture).resolve(), folder)).as_posix()


# -- the pictures ---------------------------------------------------------------------------------


def draw(results: Results, path: str | os.PathLike[str]) -> None:
    """Draw the ratios to the peers; or, without them, the engines; or else the modes.

    Parameters
    ----------
    results
        From `gather`.
    path
        Its ending names the format.

    Raises
    ------
    ValueError
        If there is nothing to draw.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    runs = results["runs"]
    peers = [row for run in runs for kind in ("peers", "sweep") for row in run.get(kind, [])]
    engines = [(run["machine"]["threads"], run["engines"]) for run in runs if run.get("engines")]
    modes = [row for run in runs for row in run.get("modes", [])]
    figure = Figure(layout="constrained")
    if peers:
        _draw_peers(figure, [row for row in peers if row["ratio"] is not None])
    elif engines:
        _draw_engines(figure, engines)
    elif modes:
        _draw_modes(figure, modes)
    else:
        raise ValueError("--plot: the results hold nothing to draw")
    # The same file for the same results.
    with mpl.rc_context({"svg.hashsalt": "loopbp"}):
        fixed = {"Date": None} if Path(path).suffix.lower() == ".svg" else {}
        figure.savefig(path, dpi=150, metadata=fixed)


def _draw_peers(figure: Any, rows: Rows) -> None:
    from matplotlib.ticker import NullLocator

    tables = _by_dtype(rows)
    longest = max((len(part) for _, part in tables), default=1)
    figure.set_size_inches(5.2 * len(tables), 1.4 + 0.3 * longest)
    for axes, (dtype, part) in zip(
        figure.subplots(1, len(tables), squeeze=False)[0], tables, strict=True
    ):
        places = range(len(part))
        axes.barh(
            places, [row["ratio"] - 1 for row in part], left=1.0, height=0.65,
            color=["#1f5fa8" if row["ratio"] >= 1 else "#c0392b" for row in part],
        )  # fmt: skip
        targets = [(row["target"], k) for k, row in enumerate(part) if row["target"]]
        axes.plot(*zip(*targets, strict=True), "|", color="black", ms=11, label="aim")
        for k, row in enumerate(part):
            end = max(row["ratio"], 1.0, row["target"] or 0.0)  # right of the bar and of the aim
            axes.annotate(
                f" {row['ratio']:.2f} ({row['fastest_peer']})", (end, k), va="center", fontsize=8
            )
        axes.axvline(1.0, color="0.4", lw=0.8)
        axes.set_yticks(places, [row["case"] for row in part])
        axes.invert_yaxis()
        # Twice as fast is as far from 1 as half as fast.
        ratios = [row["ratio"] for row in part]
        lowest, highest = 0.85 * min(0.9, *ratios), 1.2 * max(1.0, *ratios)
        axes.set_xscale("log")
        axes.set_xlim(lowest, highest * (highest / lowest) ** 0.25)  # a quarter for the names
        axes.set_xticks([tick for tick in _RATIO_TICKS if lowest <= tick <= highest])
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("fastest peer's time / loopbp's")
        axes.set_title(
            dtype if part[0]["case"] in NAMES else f"{dtype}, random shapes", fontsize=10
        )
        axes.legend(frameon=False, fontsize=8, loc="lower right")
        axes.spines[["top", "right"]].set_visible(False)


def _draw_engines(figure: Any, runs: Sequence[tuple[int, Rows]]) -> None:
    steps = [(threads, row) for threads, rows in runs for row in rows if row["phase"] == "step"]
    batches = sorted({row["batch"] for _, row in steps})
    panels = sorted({(row["dtype"], threads) for threads, row in steps})
    depths = sorted({row["depth"] for _, row in steps})
    figure.set_size_inches(3.2 * len(batches) + 0.8, 2.6 * len(panels) + 0.6)
    grid = figure.subplots(len(panels), len(batches), squeeze=False, sharex=True, sharey="row")
    for row_of_axes, (dtype, threads) in zip(grid, panels, strict=True):
        for axes, batch in zip(row_of_axes, batches, strict=True):
            for name in ENGINES:
                for depth, style in zip(depths, ("-", "--", ":", "-."), strict=False):
                    points = [
                        (row["width"], row["gflops"])
                        for count, row in steps
                        if (count, row["dtype"], row["batch"], row["engine"], row["depth"])
                        == (threads, dtype, batch, name, depth)
                    ]
                    axes.loglog(
                        *zip(*points, strict=True), f"o{style}", color=_COLOURS[name], ms=3,
                        label=f"{name}, {depth} layers",
                    )  # fmt: skip
            axes.set_title(f"batch {batch}, {dtype}, {threads} threads", fontsize=9)
            axes.grid(color="0.9", linewidth=0.7)
            axes.spines[["top", "right"]].set_visible(False)
        row_of_axes[0].set_ylabel("GFLOP/s of a step")
    for axes in grid[-1]:
        widths = sorted({row["width"] for _, row in steps})
        axes.set_xticks(widths, [str(width) for width in widths])
        axes.minorticks_off()
        axes.set_xlabel("width")
    grid[0][0].legend(frameon=False, fontsize=7)


def _draw_modes(figure: Any, rows: Rows) -> None:
    figure.set_size_inches(6.4, 4.2)
    axes = figure.subplots()
    P = [row["parameters"] for row in rows]
    for key, name in (("forward_seconds", "forward mode"), ("reverse_seconds", "reverse mode")):
        axes.loglog(P, [row[key] for row in rows], "o-", label=name)
    axes.set_xlabel("parameters")
    axes.set_ylabel("seconds for one gradient")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
