"""Several copies of loopbp that train in turns, each in a process of its own.

`Side` is one of them; ``python bench/sides.py`` is the process: orders on stdin, answers on stdout,
a line of JSON each.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, Self

_SECONDS = 0.15  # of one turn


class TakesTurns(Protocol):
    """What is timed in turns with others."""

    def take_turn(self) -> float:
        """Microseconds."""
        ...


class Side:
    """A folder with the package `loopbp`, at work in a process of its own until it is left.

    Parameters
    ----------
    folder
        What holds the package.
    **environment
        Of the process, beside the present one.
    """

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, __file__], text=True, cwd=folder, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **environment, "PYTHONPATH": str(folder)},
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        with self._process:  # the process ends with its orders
            pass

    def _order(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # `_answer` tells of it
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.folder}: the process has ended")
        return json.loads(answer)

    def begin(self, case: dict[str, Any]) -> None:
        """Train one epoch of a case, the fields of a `loopbp.benchmark.cases.Case`."""
        self._order({"case": case})

    def prepared(self) -> float:
        """Wait until the epoch is trained.

        Returns
        -------
        float
            How far the weights end from those of the NumPy engine, as a share of the way.

        Raises
        ------
        RuntimeError
            If the process has ended, or has imported another loopbp.
        """
        file, apart = self._answer()
        if not Path(file).is_relative_to(self.folder):
            raise RuntimeError(f"{self.folder}: another loopbp was imported: {file}")
        return apart

    def take_turn(self) -> float:
        """Microseconds of a step: the fastest of the epochs of one turn."""
        self._order({"seconds": _SECONDS})
        return self._answer()


def prepare(sides: Sequence[Side], case: dict[str, Any]) -> list[float]:
    """Have all sides compile and train an epoch side by side: what `Side.prepared` says of each."""
    for side in sides:
        side.begin(case)
    return [side.prepared() for side in sides]


def fastest_in_turns(sides: Sequence[TakesTurns], rounds: int) -> list[float]:
    """Microseconds of each side, the fastest of the rounds, in which all take turns."""
    taken = [[side.take_turn() for side in sides] for _ in range(rounds)]
    return [min(times) for times in zip(*taken, strict=True)]


def _work() -> None:
    """Prepare a case, or train it for a while."""
    import loopbp
    from loopbp.benchmark.cases import Case, make_problem
    from loopbp.benchmark.peers import LoopBP
    from loopbp.benchmark.runner import deviation, reference_theta

    trainer: Any = None
    for line in sys.stdin:
        order = json.loads(line)
        if "case" in order:
            problem = make_problem(Case(**order["case"]))
            trainer = LoopBP(problem)
            trainer.start()
            trainer.epoch()
            apart = deviation(trainer.theta(), reference_theta(problem), problem.net.theta)
            answer: Any = loopbp.__file__, apart
        else:
            best, end = float("inf"), time.perf_counter() + order["seconds"]
            while best == float("inf") or time.perf_counter() < end:
                trainer.start()
                begin = time.perf_counter()
                trainer.epoch()
                best = min(best, time.perf_counter() - begin)
            answer = best / trainer.case.steps * 1e6
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _work()
