"""``loopbp bench``: timings, tables, pictures, and the README's block."""

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from loopbp.benchmark import cases, costs, partial, picture, readme, report, results
from loopbp.benchmark.environment import check_threads, describe, run_job
from loopbp.cli.plot import check_plot
from loopbp.terminal.json_text import plain

_KINDS = ("engines", "peers", "sweep", "costs", "modes")
_DTYPES = ("float32", "float64")


def run(args: argparse.Namespace) -> int:
    """Measure or read, then print, draw and write."""
    _check_together(args)
    if args.plot:
        check_plot(args.plot)
    if args.source:
        found = results.read(args.source)
    else:
        check_threads(args.threads)
        for name in (args.json, args.plot):
            _check_folder(name)
        try:
            found = plain(_measure(args))
        except KeyboardInterrupt:
            part = partial.part_of(args.json) if _has_part(args) else None
            if part and part.exists():
                print(f"the cases so far are in {part}: --resume goes on", file=sys.stderr)
            raise
    if args.readme:
        _write_readme(args, found)
        return 0
    if args.json == "-":
        print(results.text(found), end="")
    else:
        report.print_report(found)
        if args.json:
            results.write(found, args.json)
            if _has_part(args):
                partial.part_of(args.json).unlink(missing_ok=True)
    if args.plot:
        picture.draw(found, args.plot)
    return 0


def _check_together(args: argparse.Namespace) -> None:
    """Options that need or exclude one another."""
    chosen = [f"--{kind}" for kind in _KINDS if getattr(args, kind)]
    if args.readme and not args.source:
        raise ValueError("--readme: needs --from FILE, the results of loopbp bench --json FILE")
    if args.source:
        how = ("case", "dtype", "threads", "rounds", "quick", "resume")
        given = chosen + [f"--{name}" for name in how if getattr(args, name)]
        if given:
            raise ValueError(f"{given[0]}: does not go with --from, which times nothing")
    if args.case:
        if not args.peers:
            raise ValueError("--case: needs --peers")
        cases.select(args.case, "float32")
    if args.resume and not _has_part(args):
        raise ValueError("--resume: needs --json FILE, and --peers or --sweep")


def _has_part(args: argparse.Namespace) -> bool:
    """Whether the rows are kept beside the results as they come."""
    return args.json not in (None, "-") and (args.peers or args.sweep)


def _check_folder(name: str | None) -> None:
    if name and name != "-" and not Path(name).parent.is_dir():
        raise FileNotFoundError(f"{name}: there is no folder {str(Path(name).parent)!r}")


def _measure(args: argparse.Namespace) -> dict[str, Any]:
    chosen = [kind for kind in _KINDS if getattr(args, kind)]
    kinds = chosen or ["peers", "engines"]
    threads = check_threads(args.threads)
    command = _command(args, threads)
    job = {
        "part": _part(args, command, threads) if _has_part(args) else None,
        "dtypes": [args.dtype] if args.dtype else list(_DTYPES),
        "cases": args.case if chosen else list(cases.HEADLINE),
        "rounds": args.rounds,
        "quick": args.quick,
    }
    runs = []
    for kind in kinds:
        if kind == "costs":
            continue
        both = kind == "engines" and args.threads is None
        for count in sorted({1, threads} if both else {threads}):
            runs.append(run_job({**job, "kind": kind}, count))
    paid = None
    if args.costs:
        paid = costs.measure(
            threads, lambda name: print(f"costs: {name}", file=sys.stderr, flush=True)
        )
    return results.gather(command, runs, paid)


def _part(args: argparse.Namespace, command: str, threads: int) -> str:
    """The file of the rows as they come, begun or gone on with."""
    part, machine = partial.part_of(args.json), describe(threads)
    run = partial.identity(command, machine)
    known = partial.begin(part, run, machine["date"], args.resume)
    if known:
        print(f"{part}: goes on after {known} of the cases", file=sys.stderr)
    return str(part)


def _command(args: argparse.Namespace, threads: int) -> str:
    """What to type for the same measurement, without where its output goes."""
    words = ["loopbp", "bench"]
    words += [f"--{name}" for name in (*_KINDS, "quick") if getattr(args, name)]
    for name, value in (
        ("case", ",".join(args.case or ())),
        ("dtype", args.dtype),
        ("threads", threads if args.threads or args.peers else None),
        ("rounds", args.rounds),
    ):
        if value:
            words += [f"--{name}", str(value)]
    return shlex.join(words)


def _write_readme(args: argparse.Namespace, found: dict[str, Any]) -> None:
    """The blocks between their marks, and the picture that one of them names."""
    path = Path(args.readme)
    drawn = args.plot or Path(args.source).with_suffix(".svg")
    try:
        before = path.read_text(encoding="utf-8")
        text = readme.filled(before, found, readme.picture_name(path, drawn))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if readme.shows_picture(before):
        check_plot(drawn)
        picture.draw(found, drawn)
    path.write_text(text, encoding="utf-8")
