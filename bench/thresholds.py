"""What each side of a threshold of the engine costs.

    python bench/thresholds.py --list
    python bench/thresholds.py UNIT_WEIGHTS

A threshold is a named constant of the package by which it chooses a way or cuts its blocks.  For
each value that is compared the package is copied into a temporary folder with that value written
behind the constant, so that it counts in every module and in everything that is compiled; each copy
compiles and trains in a process of its own, and so does the package as it is.  They take turns on
networks on both sides of the threshold.  Printed is the fastest round of each, per step.
"""

import argparse
import ast
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sides import Side, fastest_in_turns, prepare

from loopbp.benchmark.cases import Case
from loopbp.benchmark.facts import amount
from loopbp.benchmark.runner import TOLERANCE

PACKAGE = Path(__file__).resolve().parents[1] / "loopbp"
_EPOCH_FLOPS = 1e9
_NEVER = "1 << 60"


@dataclass(frozen=True)
class Row:
    """A threshold, what it decides, and how to see what that is worth."""

    name: str
    decides: str
    values: dict[str, str]
    """What to compare: in words, and as Python; an expression may name the constant itself."""
    shapes: tuple[str, ...]
    """As "784-128-10 (64) adam": layers, batch, and what is not SGD, relu or float32."""
    module: str = ""
    """The file's name without its ending, where several define the constant."""


ROWS = (
    # which way an epoch goes
    Row(
        "_PARALLEL_WORK", "from how many multiply-adds of a step on threads share it",
        {
            "threads": "{kind: dict.fromkeys(of, 0.0) for kind, of in _PARALLEL_WORK.items()}",
            "one": "{kind: dict.fromkeys(of, 1e30) for kind, of in _PARALLEL_WORK.items()}",
        },
        ("64-32-10 (64) adam", "256-128-10 (16)", "256-128-10 (32)", "64 x 6 (64)"),
    ),
    Row(
        "MOST_WEIGHTS", "up to how many weights a network is trained in registers",
        {"registers": "2048", "tiles": "0"},
        ("2-2-1 (4) sigmoid", "4-10-3 (10)", "8-10-4 (16)", "16-16-8 (16)"), "small",
    ),
    Row(
        "CHUNK", "for how many steps at a time the registers' data are laid side by side",
        {"1": "1", "4": "4", "16": "16", "64": "64"},
        ("2-2-1 (4) sigmoid", "4-10-3 (10)"),
    ),
    Row(
        "LEAST_WORK", "from how many multiply-adds on the first hidden units are shared out",
        {"shared": "0.0", "not": "1e30"},
        ("4-32-3 (16)", "64-32-10 (8)", "64-32-10 (32)", "784-30-10 (10)"), "split",
    ),
    Row(
        "MOST_BY_EACH", "how much of a step all threads may compute, where units are shared out",
        {"much": "1e30", "nothing": "0.0"},
        ("784-128-128-10 (64)", "784-128-128-128-10 (64)", "215-181-913-2 (100)"),
    ),
    Row(
        "LEAST_SHARED", "how much must be shared out for each number of z^2 that all add up",
        {"any": "0", "none": _NEVER},
        ("784-128-10 (64)", "128-128-10 (64)", "60-128-500-2 (300)"),
    ),
    Row(
        "MOST_BY_EACH_OF_LITTLE", "the same as MOST_BY_EACH, where the other way is one thread",
        {"much": "1e30", "nothing": "0.0"},
        ("64-32-10 (32)", "64-32-32-10 (32)", "32-64-64-10 (32)"),
    ),
    Row(
        "LEAST_SHARED_OF_LITTLE", "the same as LEAST_SHARED, where the other way is one thread",
        {"any": "0", "none": _NEVER},
        ("64-32-10 (32)", "100-20-100 (32)", "20-20-200 (32)"),
    ),
    Row(
        "HEAVY", "from how many bytes of weights on units are not shared out for whole epochs",
        {"shared": _NEVER, "not": "0"},
        ("784-1024-10 (32)", "784-1536-10 (128)", "784-1024-10 (32) float64"),
    ),
    Row(
        "MUCH_WORK", "from how many multiply-adds on the first units are in more groups",
        {"many": "0.0", "few": "1e30"},
        ("784-128-10 (10)", "784-128-10 (64)", "784-256-10 (128)"),
    ),
    # how a layer is shared out
    Row(
        "UNIT_WEIGHTS", "from how many weights on a layer may be shared out by units",
        {"by units": "0", "by examples": _NEVER},
        ("256-64-64-10 (64)", "256-256-256-10 (64)", "784-512-512-10 (128)"),
    ),
    Row(
        "UNITS_PIECE", "how many multiply-adds of units a thread begins at a time at least",
        {"1e4": "1e4", "5e5": "5e5", "1e30": "1e30"},
        ("784-512-512-10 (128)", "1024 x 5 (512)"),
    ),
    Row(
        "SUMS_PIECE", "how many multiply-adds of sums over examples a thread begins at a time",
        {"5e5": "5e5", "5e6": "5e6", "1e30": "1e30"},
        ("784-512-512-10 (128)", "1024 x 5 (512)"),
    ),
    Row(
        "ROW_BLOCK", "how many rows of w stay together where they are shared out",
        {"16": "16", "32": "32", "64": "64"},
        ("784-512-512-10 (128)", "200 x 4 (64)"),
    ),
    Row(
        "STATE_ROWS", "for how many rows of w^1 in panels a gradient is there at a time",
        {"24": "24", "48": "48", "96": "96"},
        ("784-128-10 (128) adam", "784-512-10 (128) adam"),
    ),
    # how a layer is cut into blocks
    Row(
        "BLOCK_NUMBERS", "up to how many numbers of z a layer is one block",
        {"blocks": "0", "one": _NEVER},
        ("64-32-10 (64)", "128-128-10 (64)", "784-512-512-10 (128)"),
    ),
    Row(
        "BLOCK_ROWS", "how many examples are in a block",
        {"48": "48", "96": "96", "192": "192"},
        ("784-512-512-10 (256)", "1024 x 5 (512)"),
    ),
    Row(
        "HIGH_BYTES", "how many bytes of a^{l-1} one sweep over all panels may read",
        {"1 << 18": "1 << 18", "1 << 20": "1 << 20", "none": _NEVER},
        ("1024 x 5 (512)", "1024 x 5 (512) float64"),
    ),
    # how z is summed up
    Row(
        "DOT_ROWS", "up to how many examples z is dot products along rows of w, and w not copied",
        {"dots": "1 << 20", "panels": "0"},
        ("784-64-10 (4)", "784-64-10 (16)", "784-64-10 (64)"),
    ),
    Row(
        "DOT_LENGTH", "from how long a row of w on, for each example, dot products are taken",
        {"dots": "0", "panels": "1 << 20"},
        ("8-136-4-982-14 (2)", "64-64-10 (8)", "784-64-10 (10)"),
    ),
    Row(
        "FEW_SUMS", "below how many sums in registers panels that are there are not used",
        {"dots": "1 << 20", "panels": "0"},
        ("784-64-10 (1)", "784-32-10 (2)", "784-128-10 (4)"),
    ),
    Row(
        "FAR_WEIGHTS_BYTES", "from how many bytes of a row of w on delta is taken from panels",
        {"panels": "512", "rows": _NEVER},  # less than a panel is never far
        ("256-256-256-10 (128)", "512-512-512-10 (128)", "1024 x 5 (512)"),
    ),
    Row(
        "LONG_ROWS", "from how many registers of a row on softmax goes row by row",
        {"by rows": "0", "across rows": "1 << 20"},
        ("64-10 (64)", "64-64 (64)", "64-211 (64)"),
    ),
    # how sums over examples are taken
    Row(
        "FULL_SETS", "how many lines of one cache set rows may need before they are copied",
        {"copied": "0", "not": "1 << 30"},
        ("256-256-10 (64)", "784-784-10 (64)", "1024-1024-10 (128)"),
    ),
    Row(
        "SCATTERED_BYTES", "from how many bytes on a matrix is copied in strips",
        {"copied": "0", "not": _NEVER},
        ("256-256-10 (64)", "784-512-512-10 (128)", "1024 x 5 (512)"),
    ),
    Row(
        "STRIP_COLUMNS", "from how many columns on a strip is copied",
        {"always": "1", "from 256": "256"},
        ("784-128-10 (128) adam float64", "784-512-512-10 (128)", "1024 x 5 (512)"),
    ),
    Row(
        "TILE_ROWS", "how many rows are read so seldom that a copy does not pay",
        {"6": "6", "24": "24"},
        ("1-192-1-255-42-893-1 (334)", "784-512-512-10 (128)"),
    ),
    Row(
        "SLICE", "how many examples are summed up, and copied, at once",
        {"64": "64", "128": "128", "256": "256"},
        ("784-512-512-10 (256)", "1024 x 5 (512)", "1024 x 5 (512) float64"),
    ),
    Row(
        "STRIP_ROWS", "how many rows of the left matrix are copied at once",
        {"128": "128", "256": "256", "512": "512"},
        ("1024 x 5 (512)", "1024 x 5 (512) float64"),
    ),
    Row(
        "AHEAD_ROWS", "how many rows of the next panel are fetched with each tile",
        {"none": "0", "2": "2", "4": "4"},
        ("784-512-512-10 (128)", "1024 x 5 (512)"),
    ),
    Row(
        "PACK_LEAD", "how many registers ahead rows are fetched that are copied into panels",
        {"1": "1", "2": "2", "4": "4"},
        ("784-512-512-10 (128)", "1024 x 5 (512)"),
    ),
    Row(
        "LEAD_BYTES", "from how many bytes on panels are fetched ahead of their copy",
        {"always": "0", "never": _NEVER},
        ("64 x 5 (64)", "784-512-512-10 (128)", "1024 x 5 (512)"),
    ),
)  # fmt: skip
BY_NAME = {row.name: row for row in ROWS}


def case_of(shape: str) -> Case:
    """The case of a shape, as `Row.shapes` has them."""
    layers, batch, *others = shape.replace(" x ", "*").split()
    if "*" in layers:
        width, count = map(int, layers.split("*"))
        sizes = (width,) * count
    else:
        sizes = tuple(map(int, layers.split("-")))
    ends = ("softmax", "cross_entropy") if sizes[-1] > 1 else ("sigmoid", "binary_cross_entropy")
    case = Case(
        shape, sizes, "sigmoid" if "sigmoid" in others else "relu", *ends, int(batch[1:-1]), 1,
        optimizer="adam" if "adam" in others else "sgd",
        dtype="float64" if "float64" in others else "float32",
    )  # fmt: skip
    return replace(case, steps=int(min(max(_EPOCH_FLOPS / case.flops, 4), 500)))


def definition(row: Row, package: Path = PACKAGE) -> tuple[Path, int]:
    """The file of the package that defines a threshold, and the last line of that.

    Raises
    ------
    ValueError
        If none does, or several do and `Row.module` does not tell which is meant.
    """
    found = [
        (file, statement.end_lineno or 0)
        for file in sorted(package.rglob("*.py"))
        for text in [file.read_text(encoding="utf-8")]
        if row.name in text
        for statement in ast.parse(text).body
        if row.name in _names(statement)
    ]
    if len(found) > 1:
        found = [(file, line) for file, line in found if file.stem == row.module]
    if len(found) != 1:
        which = f"{row.module}.py or one module" if row.module else "one module"
        raise ValueError(f"{row.name}: expected {which} of the package that defines it")
    return found[0]


def _names(statement: ast.stmt) -> set[str]:
    """What a statement defines."""
    targets = getattr(statement, "targets", [getattr(statement, "target", None)])
    each = [name for target in targets for name in getattr(target, "elts", [target])]
    return {name.id for name in each if isinstance(name, ast.Name)}


def copied(row: Row, value: str | None, folder: Path) -> Path:
    """A copy of the package in a new folder, with a threshold of another value; None: as it is."""
    shutil.copytree(PACKAGE, folder / "loopbp", ignore=shutil.ignore_patterns("__pycache__"))
    if value is not None:
        file, line = definition(row, folder / "loopbp")
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        lines.insert(line, f"{row.name} = {value}\n")
        file.write_text("".join(lines), encoding="utf-8")
    return folder


def measure(row: Row, rounds: int, shapes: Sequence[str]) -> None:
    """Print what each value costs on each shape."""
    values: dict[str, str | None] = {"as it is": None, **row.values}
    widths = [max(len(name), 10) + 2 for name in values]

    def line(first: str, cells: Iterable[str]) -> None:
        pairs = zip(cells, widths, strict=True)
        print(f"{first:<34}" + "".join(f"{cell:>{width}}" for cell, width in pairs), flush=True)

    print(f"{row.name}: {row.decides}.")
    print(f"Microseconds of a step, the fastest of {rounds} round{'s' if rounds > 1 else ''}.")
    line("", values)
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        sides = []
        for k, value in enumerate(values.values()):
            folder = Path(scratch).resolve() / str(k)
            side = Side(copied(row, value, folder), XDG_CACHE_HOME=str(folder / "cache"))
            sides.append(stack.enter_context(side))
        for shape in shapes:
            case = case_of(shape)
            apart = prepare(sides, asdict(case))
            times = fastest_in_turns(sides, rounds)
            line(shape, [
                amount(us) if far <= TOLERANCE[case.dtype] else "deviates"
                for us, far in zip(times, apart, strict=True)
            ])  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table of one threshold, or their list."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("name", nargs="?", help="of the threshold")
    parser.add_argument("--list", action="store_true", help="what they are, and what each decides")
    parser.add_argument("--rounds", type=int, default=9, help="of turns (default: 9)")
    parser.add_argument(
        "--shape", action="append", help="instead of those of the table; repeatable"
    )
    args = parser.parse_args(arguments)
    if args.list:
        for row in ROWS:
            file, line = definition(row)
            print(f"{row.name:<20} {file.relative_to(PACKAGE.parent)}:{line}: {row.decides}")
        return 0
    if args.name not in BY_NAME:
        parser.error(f"expected one of {', '.join(BY_NAME)}, got {args.name}")
    if args.rounds < 1:
        parser.error(f"--rounds: expected 1 or more, got {args.rounds}")
    row = BY_NAME[args.name]
    measure(row, args.rounds, args.shape or row.shapes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
