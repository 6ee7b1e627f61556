"""The pytest-benchmark suites over the table of `loopbp.benchmark.cases`, in float32.

    python -m pytest bench                      # everybody ends at the same weights
    python -m pytest bench --benchmark-enable   # and is timed

They time one library after the other; ``loopbp bench --peers`` times them in turns, which a noisy
machine disturbs less.
"""

import os
from dataclasses import replace

import pytest

# Before anything imports NumPy: with them OpenBLAS would choose a slower kernel.
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)

from loopbp.benchmark.cases import make_problem, select  # noqa: E402
from loopbp.benchmark.runner import TOLERANCE, deviation, reference_theta  # noqa: E402

_ROUNDS = 5


class Contest:
    """One case: its problem, and where an epoch must end."""

    def __init__(self, name):
        (case,) = select([name], "float32")
        self.case = replace(case, steps=max(case.steps // 10, 2))
        self.problem = make_problem(self.case)
        self.expected = reference_theta(self.problem)

    def run(self, benchmark, trainer):
        """Train an epoch, compare the weights, and time it."""
        trainer.start()
        trainer.epoch()
        apart = deviation(trainer.theta(), self.expected, self.problem.net.theta)
        assert apart <= TOLERANCE[self.case.dtype]
        benchmark.extra_info["gflop"] = self.case.flops * self.case.steps / 1e9
        benchmark.pedantic(trainer.epoch, setup=trainer.start, rounds=_ROUNDS)


@pytest.fixture(scope="session")
def contest():
    """The contest of a case by its name, made once."""
    made = {}

    def of(name):
        if name not in made:
            made[name] = Contest(name)
        return made[name]

    return of
