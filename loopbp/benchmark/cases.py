"""The table of cases: which network, which data, which optimizer, and what loopbp should reach."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.network.network import Network
from loopbp.optimizers import SGD, Adam, Optimizer
from loopbp.validate import check_choice

_RATES = {"sgd": 0.01, "adam": 0.001}
SWEEP_SHAPES = 20
SWEEP_TARGET = 0.9
_SWEEP_FLOPS = 2e9  # of an epoch, as long as that makes 4 to 2000 steps


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    name: str
    sizes: tuple[int, ...]
    """n_0 .. n_L"""
    hidden: str
    """activation of the hidden layers"""
    output: str
    loss: str
    batch: int
    steps: int
    """of an epoch; it has steps * batch examples"""
    target: float | None = None
    """the ratio of the fastest peer's time to ours that is to be reached at least"""
    optimizer: str = "sgd"
    dtype: str = "float32"

    @property
    def examples(self) -> int:
        """Examples of an epoch; every batch is full."""
        return self.steps * self.batch

    @property
    def learning_rate(self) -> float:
        """The same for all who train it."""
        return _RATES[self.optimizer]

    @property
    def flops(self) -> float:
        """Floating-point operations of one step, two for each multiply-add of the matrix products.

        Three products a layer, but for the first, where no delta is taken back to the inputs.
        """
        n = self.sizes
        products = sum(a * b for a, b in pairwise(n))
        return (6.0 * products - 2.0 * n[0] * n[1]) * self.batch

    def make_optimizer(self) -> Optimizer:
        """The optimizer as loopbp takes it."""
        return {"sgd": SGD, "adam": Adam}[self.optimizer](learning_rate=self.learning_rate)

    def network(self) -> Network:
        """The network at the initial weights that everybody starts from."""
        return Network(
            self.sizes, self.hidden, self.output, self.loss, dtype=self.dtype, seed=1
        )  # fmt: skip


_CE = ("softmax", "cross_entropy")
# Synthetic data of these shapes; the steps make an epoch of some milliseconds at the fastest.
CASES = (
    Case("xor", (2, 2, 1), "sigmoid", "sigmoid", "binary_cross_entropy", 4, 10_000, 1.0),
    Case("iris", (4, 10, 3), "relu", *_CE, 10, 1_500, 4.0),
    Case("digits", (64, 32, 10), "relu", *_CE, 32, 560, 2.5),
    Case("digits-tanh", (64, 32, 10), "tanh", *_CE, 32, 560, 2.5),
    Case("digits-adam", (64, 32, 10), "relu", *_CE, 32, 560, 2.0, "adam"),
    Case("nielsen", (784, 30, 10), "sigmoid", "sigmoid", "quadratic", 10, 500, 1.8),
    Case("mnist", (784, 128, 10), "relu", *_CE, 64, 100, 1.4),
    Case("mnist-adam", (784, 128, 10), "relu", *_CE, 128, 50, 1.5, "adam"),
    Case("mnist-deep", (784, 512, 512, 10), "relu", *_CE, 128, 20, 1.15),
    # An epoch of some 0.2 s, shorter than most stretches in which others leave a host alone.
    Case("wide", (1024,) * 5, "relu", *_CE, 512, 4, 1.0),
    # Of 100 steps rounding would decide where they end: NumPy's, in float32 and in float64, 0.05 of
    # the way apart; after 50 everybody's are within 0.00002.
    Case("narrow-deep", (64,) * 12, "relu", *_CE, 64, 50, 2.5),
)
NAMES = tuple(case.name for case in CASES)
HEADLINE = ("digits", "mnist")  # what ``loopbp bench`` alone trains beside other libraries
# Of the fastest round of NumPy's matrix products, what is to be reached at least in float32.
OF_PEAK_TARGETS = {"wide": 0.85}


@dataclass(frozen=True)
class Problem:
    """The arrays of a case."""

    case: Case
    net: Network
    X: NDArray[Any]
    """(examples, n_0), in the order in which everybody takes them"""
    Y: NDArray[Any]
    """(examples, n_L)"""


def select(names: Sequence[str] | None, dtype: str) -> list[Case]:
    """The cases of some names, in one dtype.

    Parameters
    ----------
    names
        None: all.
    dtype
        In "float64" the target of every case is 1.

    Raises
    ------
    ValueError
        If there is no case of a name.
    """
    for name in names or ():
        check_choice("case", name, NAMES)
    chosen = [case for case in CASES if names is None or case.name in names]
    return chosen if dtype == "float32" else [replace(c, dtype=dtype, target=1.0) for c in chosen]


def sweep(count: int = SWEEP_SHAPES, seed: int = 0) -> list[Case]:
    """Random shapes: 1 to 6 layers, widths 1 to 1500, batches 1 to 1000, relu.

    Parameters
    ----------
    count
        How many.
    seed
        The same seed gives the same shapes.  Widths and batches are drawn evenly by logarithm.
    """
    rng = np.random.default_rng(seed)
    found = []
    for k in range(count):
        layers = int(rng.integers(1, 7))
        sizes = tuple(int(n) for n in np.exp(rng.uniform(0, np.log(1501), layers + 1)))
        batch = int(np.exp(rng.uniform(0, np.log(1001))))
        ends = _CE if sizes[-1] > 1 else ("sigmoid", "binary_cross_entropy")
        case = Case(f"sweep-{k + 1}", sizes, "relu", *ends, batch, 1, SWEEP_TARGET)
        found.append(replace(case, steps=int(np.clip(_SWEEP_FLOPS / case.flops, 4, 2000))))
    return found


def shortened(case: Case) -> Case:
    """The case with a fifth of the steps."""
    return replace(case, steps=max(case.steps // 5, 2))


def make_problem(case: Case) -> Problem:
    """Network and data of a case, always the same ones.

    The four rows of xor again and again; otherwise normal inputs and targets at random, one of n_L
    classes each.
    """
    rng = np.random.default_rng(0)
    n_0, n_L = case.sizes[0], case.sizes[-1]
    if case.name == "xor":
        X = np.tile(np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), (case.steps, 1))
        Y = X.sum(axis=1, keepdims=True) % 2
    elif n_L == 1:
        X = rng.standard_normal((case.examples, n_0))
        Y = rng.integers(0, 2, (case.examples, 1))
    else:
        X = rng.standard_normal((case.examples, n_0))
        Y = np.zeros((case.examples, n_L))
        Y[np.arange(case.examples), rng.integers(0, n_L, case.examples)] = 1
    return Problem(case, case.network(), X.astype(case.dtype), Y.astype(case.dtype))
