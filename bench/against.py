"""The benchmark's eleven cases against those of another checkout, epochs in turns.

    git worktree add ../before 836f6d4
    python bench/against.py ../before

Each checkout trains in a process of its own, with compiled code of its own.  In each round one of
them runs while the other waits, then the other.  Printed is the fastest round of each, per step,
and the ratio of the other's time to ours: above 1, this checkout is faster.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from sides import Side, fastest_in_turns, prepare

from loopbp.benchmark.cases import NAMES, Case, select
from loopbp.benchmark.facts import geometric_mean

HERE = Path(__file__).resolve().parents[1]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("other", help="the other checkout")
    parser.add_argument("--case", action="append", help="only this one; repeatable")
    parser.add_argument("--dtype", action="append", choices=("float32", "float64"))
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    if not (Path(args.other) / "loopbp" / "__init__.py").is_file():
        parser.error(f"expected a checkout of loopbp, got {args.other}")
    unknown = sorted(set(args.case or ()) - set(NAMES))
    if unknown:
        parser.error(f"--case: expected one of {', '.join(NAMES)}, got {unknown[0]}")
    with Side(HERE) as ours, Side(Path(args.other).resolve()) as theirs:
        for dtype in args.dtype or ("float32", "float64"):
            compare((ours, theirs), select(args.case, dtype), args.rounds)


def compare(sides: tuple[Side, Side], cases: Sequence[Case], rounds: int) -> None:
    """Print the rows of some cases of one dtype, and their mean."""
    print(f"{'case':<14}{'dtype':<9}{'here, us':>10}{'there, us':>11}{'there / here':>14}")
    ratios = []
    for case in cases:
        prepare(sides, asdict(case))
        here, there = fastest_in_turns(sides, rounds)
        ratios.append(there / here)
        print(f"{case.name:<14}{case.dtype:<9}{here:>10.3f}{there:>11.3f}{there / here:>14.3f}")
    print(f"geometric mean, {cases[0].dtype}: {geometric_mean(ratios):.3f}\n", flush=True)


if __name__ == "__main__":
    main()
