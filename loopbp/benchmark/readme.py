"""The blocks of the READMEs that are written from results, each between two marks."""

import os
from collections.abc import Callable
from pathlib import Path

from loopbp.benchmark.facts import (
    OF_PEAK,
    PEER_NAMES,
    by_dtype,
    compared_with,
    cost_rows,
    cost_shortfalls,
    counted,
    geometric_mean,
    layers,
    machine_lines,
    peak_target,
    round_lines,
    share_of_peak,
    shortfalls,
    step_time,
    sweep_line,
)
from loopbp.benchmark.peers import LoopBP
from loopbp.benchmark.results import Results, Rows


def summary(results: Results, picture: str | None) -> str:
    """For a newcomer: the picture, one table of ratios, and what they mean.

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
    run = _run_of_peers(results)
    rows = run["peers"]
    tables = dict(by_dtype(rows))
    lines = [
        f"| case | layers | batch | {' | '.join(tables)} |",
        "|---|---|---:|" + "---:|" * len(tables),
    ]
    cases = {row["case"]: row for row in rows}
    for name, row in cases.items():
        cells = (_ratio_of(part, name) for part in tables.values())
        lines.append(f"| {name} | {layers(row)} | {row['batch']} | {' | '.join(cells)} |")
    means = (_mean(part) for part in tables.values())
    lines.append(f"| geometric mean | | | {' | '.join(means)} |")
    if picture:
        lines = [f"![Fastest peer's time over loopbp's, by case]({picture})", "", *lines]
    return "\n".join([*lines, "", *_sentences(run)])


def _run_of_peers(results: Results) -> Results:
    for run in results["runs"]:
        if run.get("peers"):
            return run
    raise ValueError("the results hold no table of peers: measure with --peers --json FILE")


def _ratio_of(rows: Rows, case: str) -> str:
    """The cell of a case: how many times as fast, and as whom."""
    for row in rows:
        if row["case"] == case and row["ratio"] is not None:
            return f"**{row['ratio']:.2f}** ({row['fastest_peer']})"
    return ""


def _mean(rows: Rows) -> str:
    mean = geometric_mean(row["ratio"] for row in rows if row["ratio"] is not None)
    return "" if mean is None else f"**{mean:.2f}**"


def _sentences(run: Results) -> list[str]:
    """What a newcomer has to know of the table."""
    rows, machine = run["peers"], run["machine"]
    beside = compared_with(rows, run.get("missing", []))
    timed = [row for row in rows if row["ratio"] is not None]
    lost = sum(row["ratio"] < 1 for row in timed)
    found = [
        "Each number says how many times as fast loopbp trains an epoch as the fastest of the "
        "other libraries, which is named beside it; below 1 loopbp is the slower one.",
        f"loopbp is {beside}; all start from the same weights, take the same batches in the same "
        "order, and are timed only if they end at the same weights.",
    ]
    if timed:
        worst = min(timed, key=lambda row: row["ratio"])
        found.append(
            f"Of {counted(len(timed), 'comparison')} loopbp loses {lost or 'none'}; its lowest "
            f"number is {worst['ratio']:.2f} ({worst['case']}, {worst['dtype']})."
        )
    found.append(
        f"This was measured with {counted(machine['threads'], 'thread')} of one computer "
        f"({machine['processor']}), {machine['date']}; `loopbp bench --peers` measures yours."
    )
    return found


def details(results: Results, picture: str | None = None) -> str:
    """All that was measured: the times of everybody, random shapes, and costs; no picture.

    Raises
    ------
    ValueError
        If the results hold no table of ``--peers``.
    """
    run = _run_of_peers(results)
    parts = [_times(dtype, rows, run) for dtype, rows in by_dtype(run["peers"])]
    for other in results["runs"]:
        for dtype, rows in by_dtype(other.get("sweep", [])):
            parts.append(f"{sweep_line(dtype, rows)}")
            if other.get("missing"):
                parts[-1] += f" It is {compared_with(rows, other['missing'])}."
    machine = "  \n".join(machine_lines(run["machine"], run["peak"]))
    parts.append(f"Written from `{results['command']}`, on  \n{machine}")
    if results.get("costs"):
        lines = ["| cost | measured | limit |", "|---|---|---|"]
        lines += [f"| {' | '.join(row)} |" for row in cost_rows(results["costs"])]
        beyond = cost_shortfalls(results["costs"])
        lines += ["", f"Beyond their limit: {'; '.join(beyond)}."] if beyond else []
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _times(dtype: str, rows: Rows, run: Results) -> str:
    """The table of one dtype: microseconds of a step of everybody, and what is said of them."""
    threads, missing = run["machine"]["threads"], run.get("missing", [])
    lines = [
        f"{dtype}, {counted(threads, 'thread')}, microseconds of one step:",
        "",
        f"| case | layers | batch | loopbp | {' | '.join(PEER_NAMES)} | ratio | at least |",
        "|---|---|" + "---:|" * (len(PEER_NAMES) + 4),
    ]
    for row in rows:
        ratio = "" if row["ratio"] is None else f"**{row['ratio']:.2f}**"
        target = "" if row["target"] is None else f"{row['target']:g}"
        cells = (
            row["case"], layers(row), str(row["batch"]), step_time(row, LoopBP.name),
            *(step_time(row, name) for name in PEER_NAMES), ratio, target,
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    ratios = [row["ratio"] for row in rows if row["ratio"] is not None]
    if ratios:
        said = [f"Ratio: geometric mean {geometric_mean(ratios):.2f}, lowest {min(ratios):.2f}."]
        said += [f"It is {compared_with(rows, missing)}."] if missing else []
        lines += ["", " ".join([*said, *round_lines(rows)])]
    peaks = [
        f"{row['case']} {share_of_peak(row)}"
        for row in rows
        if row["of_peak"] is not None and peak_target(row) is not None
    ]
    if peaks:
        lines += ["", f"Of the practical peak, that is {OF_PEAK}: {', '.join(peaks)}."]
    below = shortfalls(rows)
    if below:
        lines += ["", f"Below their mark: {'; '.join(below)}."]
    return "\n".join(lines)


# What a README may hold, by the text of its first mark.
BLOCKS: dict[str, Callable[[Results, str | None], str]] = {
    "benchmark table": summary,
    "benchmark details": details,
}


def marks(name: str) -> tuple[str, str]:
    """The lines before and after a block."""
    return f"<!-- {name} -->", f"<!-- end of {name} -->"


def filled(text: str, results: Results, picture: str | None) -> str:
    """The text of a README with every block of it written anew.

    Parameters
    ----------
    text
        With the marks of one block of `BLOCKS` at least.
    results, picture
        As in `summary`.

    Raises
    ------
    ValueError
        If there is no block, or one without both its marks once in their order.
    """
    found = [name for name in BLOCKS if any(mark in text for mark in marks(name))]
    if not found:
        known = ", ".join(repr(marks(name)[0]) for name in BLOCKS)
        raise ValueError(f"expected a block to fill, one that begins with {known}")
    for name in found:
        begin, end = marks(name)
        if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
            raise ValueError(f"expected the lines {begin!r} and {end!r} once each in the file")
        before, rest = text.split(begin)
        block = BLOCKS[name](results, picture)
        text = f"{before}{begin}\n{block}\n{end}{rest.split(end)[1]}"
    return text


def shows_picture(text: str) -> bool:
    """Whether a README has the block with the picture."""
    return marks("benchmark table")[0] in text


def picture_name(readme: str | os.PathLike[str], picture: str | os.PathLike[str]) -> str:
    """The path of a picture as seen from the folder of the README."""
    folder = Path(readme).resolve().parent
    return Path(os.path.relpath(Path(picture).resolve(), folder)).as_posix()
