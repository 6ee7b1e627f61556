"""What results say in a few words: cells of tables, and lines that stand below them."""

import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from loopbp.benchmark.cases import OF_PEAK_TARGETS, SWEEP_TARGET
from loopbp.benchmark.costs import LEAST_GAIN, LIMITS
from loopbp.benchmark.environment import CALM, MOST_PATIENCE, PATIENCE
from loopbp.benchmark.peers import PEERS, LoopBP
from loopbp.benchmark.results import Results, Rows
from loopbp.benchmark.runner import AGREEING, CALM_ROUNDS, WITHIN

PEER_NAMES = tuple(peer.name for peer in PEERS)
OF_PEAK = "of the fastest round of matrix products in NumPy, timed in turns"
_SECONDS = {
    "start_python_seconds": "start of Python alone",
    "import_loopbp_seconds": "process that imports loopbp's engines",
    "import_jax_seconds": "process that imports JAX",
    "first_fit_cold_seconds": "first epoch of digits from process start, nothing compiled",
    "first_fit_warm_seconds": "first epoch of digits from process start, warm cache",
}


def by_dtype(rows: Rows) -> list[tuple[str, list[dict[str, Any]]]]:
    """The rows of each dtype, in their order."""
    return [(dtype, list(part)) for dtype, part in groupby(rows, key=lambda row: row["dtype"])]


def geometric_mean(values: Iterable[float]) -> float | None:
    """The geometric mean; None of nothing."""
    logarithms = [math.log(v) for v in values]
    return math.exp(sum(logarithms) / len(logarithms)) if logarithms else None


def amount(us: float | None) -> str:
    """Microseconds to three digits."""
    if us is None:
        return ""
    return f"{us:,.0f}" if abs(us) >= 100 else f"{us:.3g}"


def layers(row: dict[str, Any]) -> str:
    """The sizes of a row's network, as 784-30-10 or 64 x 12."""
    n = row["sizes"]
    if len(n) > 4 and len(set(n)) == 1:
        return f"{n[0]} x {len(n)}"
    return "-".join(str(k) for k in n)


def step_time(row: dict[str, Any], name: str, spread: bool = False) -> str:
    """Microseconds of a step of somebody, or why there are none."""
    found = row["trainers"].get(name)
    if found is None:
        return "missing"
    if "cannot" in found:
        return "cannot"
    if "median" not in found:
        return "deviates"
    text = amount(found["median"])
    return f"{text} ({amount(found['min'])}-{amount(found['max'])})" if spread else text


def is_below(found: float | None, target: float | None) -> bool:
    """Whether a mark is missed; not where it cannot be told."""
    return found is not None and target is not None and found < target


def share_of_peak(row: dict[str, Any]) -> str:
    """How much of the practical peak a row reaches, and what it is to be at least."""
    if row["of_peak"] is None:
        return ""
    target = peak_target(row)
    mark = "" if target is None else f" (at least {100 * target:.0f} %)"
    return f"{100 * row['of_peak']:.0f} %{mark}"


def peak_target(row: dict[str, Any]) -> float | None:
    """The share of the practical peak that a row is to reach; None: any."""
    return OF_PEAK_TARGETS.get(row["case"]) if row["dtype"] == "float32" else None


def shortfalls(rows: Rows) -> list[str]:
    """What is below its mark: the case, what it reaches, and the mark."""
    found = []
    for row in rows:
        if is_below(row["ratio"], row["target"]):
            found.append(f"{row['case']} {row['ratio']:.2f} (at least {row['target']:g})")
        if is_below(row["of_peak"], peak_target(row)):
            found.append(f"{row['case']} {share_of_peak(row)} of the practical peak")
    return found


def counted(count: int, what: str) -> str:
    """So many of something."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def _several(names: Sequence[str], last: str = "and") -> str:
    """Names as in a sentence."""
    *before, end = names
    return f"{', '.join(before)} {last} {end}" if before else end


def compared_with(rows: Rows, missing: Sequence[Results]) -> str:
    """Whom loopbp was timed beside, and who may be faster but is not installed."""
    timed = {name for row in rows for name, found in row["trainers"].items() if "median" in found}
    present = [name for name in PEER_NAMES if name in timed]
    said = f"compared with {_several(present) if present else 'nobody'}"
    if not missing:
        return said
    names = _several([one["name"] for one in missing])
    how = "; ".join(one["install"] for one in missing)
    are = "are" if len(missing) > 1 else "is"
    return f"{said}{' only' if present else ''}: {names} {are} missing and may be faster ({how})"


def headline(rows: Rows, missing: Sequence[Results]) -> str:
    """In one line: how fast beside the fastest peer that is installed, and who is missing."""
    parts = []
    for dtype, part in by_dtype(rows):
        timed = [row for row in part if row["ratio"] is not None]
        if not timed:
            continue
        worst = min(timed, key=lambda row: row["ratio"])
        mean = geometric_mean(row["ratio"] for row in timed)
        parts.append(
            f"{mean:.2f} times as fast in {dtype} (geometric mean of "
            f"{counted(len(timed), 'case')}, lowest {worst['ratio']:.2f}: {worst['case']})"
        )
    said = compared_with(rows, missing)
    if not parts:
        return f"loopbp: {said}."
    return f"Beside the fastest peer installed loopbp trains {_several(parts)}; {said}."


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
        f"({layers(worst)}, batch {worst['batch']}, by rounds {spread}); "
        f"{below} below {SWEEP_TARGET:g}."
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


def round_lines(rows: Rows) -> list[str]:
    """How the rounds went."""
    return [line for line in (settled_line(rows), calm_line(rows)) if line]


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


def cost_shortfalls(costs: Results) -> list[str]:
    """The costs beyond their limit, by their names in `cost_rows`."""
    beyond = [_SECONDS[key] for key, limit in LIMITS.items() if costs.get(key, 0.0) > limit]
    for case, times in costs.get("scaling", {}).items():
        if "2" in times and times["1"] / times["2"] < LEAST_GAIN:
            beyond.append(f"{case}, 1 to 2 threads")
    return beyond
