"""Small cases of the benchmark, a clock that a test drives, and peers that are wrong or missing."""

from dataclasses import replace

from loopbp.benchmark.cases import Case
from loopbp.benchmark.peers import NumPy

CE = ("softmax", "cross_entropy")
TINY = (
    Case("tiny", (3, 5, 4), "relu", *CE, 6, 3, 2.0),
    Case("tiny-tanh", (3, 5, 4, 2), "tanh", *CE, 6, 3),
    Case("tiny-adam", (3, 5, 2), "relu", *CE, 6, 3, optimizer="adam"),
    Case("tiny-quadratic", (3, 5, 2), "sigmoid", "sigmoid", "quadratic", 6, 3),
    Case("tiny-binary", (3, 5, 1), "sigmoid", "sigmoid", "binary_cross_entropy", 6, 3),
    Case("tiny-flat", (3, 4), "relu", *CE, 6, 3),
)


def ticking():
    """A clock that goes on by a second each time it is read."""
    now = iter(range(10**9))
    return lambda: float(next(now))


class TwiceTheRate(NumPy):
    """A peer with another learning rate."""

    name = "twice"

    def __init__(self, problem):
        super().__init__(replace(problem, case=problem.case))
        self.case = _Twice(problem.case)


class _Twice:
    def __init__(self, case):
        self._case = case

    def __getattr__(self, name):
        value = getattr(self._case, name)
        return 2 * value if name == "learning_rate" else value


class Absent(NumPy):
    """A peer that is not installed."""

    name = "absent"
    package = "no_such_package_anywhere"
    install = "pip install absent"
