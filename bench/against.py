"""The benchmark's eleven cases against those of another checkout, epochs in turns.

    git worktree add ../before 836f6d4
    python bench/against.py ../before

Each checkout trains in a process of its own, with compiled code of its own.  In each round one of
them runs while the other waits, then the other.  Printed is the fastest round of each, per step,
and the ratio of the other's time to ours: above 1, this checkout is faster.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
_SECONDS = 0.15  # of one turn


class Side:
    """A checkout at work in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--work"], text=True, cwd=folder, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(folder)},
        )  # fmt: skip

    def ask(self, **order: Any) -> Any:
        """Have something done, and wait for it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.folder}: the process has ended")
        return json.loads(answer)

    def end(self) -> None:
        """No more orders."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)


def work() -> None:
    """What a side does: prepare a case, or train it for a while."""
    import loopbp
    from loopbp.benchmark import cases
    from loopbp.benchmark.peers import LoopBP

    trainer: Any = None
    for line in sys.stdin:
        order = json.loads(line)
        if "case" in order:
            case = cases.select([order["case"]], order["dtype"])[0]
            trainer = LoopBP(cases.make_problem(case))
            trainer.start()
            trainer.epoch()
            answer: Any = loopbp.__file__
        else:
            best, end = float("inf"), time.perf_counter() + order["seconds"]
            while time.perf_counter() < end:
                trainer.start()
                begin = time.perf_counter()
                trainer.epoch()
                best = min(best, time.perf_counter() - begin)
            answer = best / trainer.case.steps * 1e6
        print(json.dumps(answer), flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("other", nargs="?", help="the other checkout")
    parser.add_argument("--case", action="append", help="only this one; repeatable")
    parser.add_argument("--dtype", action="append", choices=("float32", "float64"))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work()
        return
    if args.other is None or not (Path(args.other) / "loopbp" / "__init__.py").is_file():
        parser.error(f"expected a checkout of loopbp, got {args.other}")
    from loopbp.benchmark.cases import NAMES

    sides = [Side(HERE), Side(Path(args.other).resolve())]
    print(f"{'case':<14}{'dtype':<9}{'here, us':>10}{'there, us':>11}{'there / here':>14}")
    for dtype in args.dtype or ("float32", "float64"):
        product, count = 1.0, 0
        for name in args.case or NAMES:
            for side in sides:
                file = side.ask(case=name, dtype=dtype)
                if not Path(file).is_relative_to(side.folder):
                    raise RuntimeError(f"{side.folder}: another loopbp was imported: {file}")
            rounds = [[side.ask(seconds=_SECONDS) for side in sides] for _ in range(args.rounds)]
            here, there = (min(times) for times in zip(*rounds, strict=True))
            product, count = product * there / here, count + 1
            print(f"{name:<14}{dtype:<9}{here:>10.3f}{there:>11.3f}{there / here:>14.3f}")
        print(f"geometric mean, {dtype}: {product ** (1 / count):.3f}\n", flush=True)
    for side in sides:
        side.end()


if __name__ == "__main__":
    main()
