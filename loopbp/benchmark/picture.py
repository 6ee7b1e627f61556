"""The pictures: ratios to the peers, GFLOP/s of the engines, one mode against the other."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loopbp.benchmark.cases import NAMES
from loopbp.benchmark.engines_bench import ENGINES
from loopbp.benchmark.facts import by_dtype
from loopbp.benchmark.results import Results, Rows

_COLOURS = dict(zip(ENGINES, ("#8a8a8a", "#d1642a", "#1f5fa8"), strict=True))
_RATIO_TICKS = (0.1, 0.2, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50, 100, 1000)


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

    tables = by_dtype(rows)
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
