"""`fit` of `loopbp.estimators.MLPClassifier` against that of scikit-learn's own, its defaults.

    pip install 'loopbp[sklearn]' threadpoolctl
    python bench/estimators.py [--mnist ../shared/data/mnist] [--json FILE] [--quick]

Both are told max_iter, so that a run takes minutes, and the seed; all else are scikit-learn's
defaults: adam, batches of 200, 100 hidden units.  max_iter is 30 on digits, 5 on the first 10,000
images of MNIST and 5 on a table of 50,000 x 20 with two classes.  In each round each of them fits
once, in turns, after a pause in which the threads of the other go to sleep; the fastest round of
each counts.  They use all threads, or one: scikit-learn by `threadpool_limits(1)`, ours by
`n_threads=1`.  The scores are those of rows that nobody trained on, over five seeds: their mean
difference is to be at most the spread of scikit-learn's own.  `predict_proba` is timed of one row.
--quick: float32 alone, a fifth of the epochs, two rounds, two seeds; half a minute at most.
"""

import argparse
import json
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

# Before anything imports NumPy: with them OpenBLAS would choose a slower kernel.
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)

import numpy as np  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402
from sides import fastest_in_turns  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

import loopbp  # noqa: E402
from loopbp import estimators  # noqa: E402
from loopbp.benchmark import environment  # noqa: E402
from loopbp.machine.cores import usable_cores  # noqa: E402

DTYPES = ("float32", "float64")
ONE_THREAD, ONE_ROW = 1.5, 3.0  # at least so many times as fast
_PAUSE_SECONDS = 0.3  # threads of OpenBLAS and OpenMP spin on for that long
_CALLS = 500  # of a round with one row


@dataclass(frozen=True)
class Case:
    """A table, how long both train on it, and how many times as fast ours is to be at least."""

    name: str
    epochs: int
    float32: float
    float64: float


CASES = (
    Case("digits", 30, 10.0, 3.0),
    Case("mnist, 10,000", 5, 3.0, 2.0),
    Case("50,000 x 20", 5, 5.0, 3.0),
)


@dataclass
class Data:
    """Rows to train on, and rows to be judged by."""

    X: Any
    y: Any
    X_test: Any
    y_test: Any

    def as_type(self, dtype: str) -> "Data":
        """The same in another type."""
        return Data(self.X.astype(dtype), self.y, self.X_test.astype(dtype), self.y_test)


def load(case: Case, mnist: Path) -> Data | None:
    """The table of a case; None if it is not here."""
    if case.name == "digits":
        X, y = load_digits(return_X_y=True)
        return Data(X[:1500] / 16, y[:1500], X[1500:] / 16, y[1500:])
    if case.name.startswith("mnist"):
        if not mnist.is_dir():
            return None
        images: Any = loopbp.datasets.load(str(mnist))
        return Data(images.X[:10_000], images.y[:10_000], images.X_test, images.y_test)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60_000, 20))
    height = np.tanh(X @ rng.standard_normal((20, 10))) @ rng.standard_normal(10)
    y = (height + 0.3 * rng.standard_normal(len(X)) > 0).astype(int)
    return Data(X[:50_000], y[:50_000], X[50_000:], y[50_000:])


class Side:
    """Somebody who fits and predicts, with so many threads; None: with all."""

    def __init__(self, kind: Any, case: Case, data: Data, threads: int | None) -> None:
        self.data = data
        settings = {"max_iter": case.epochs, "random_state": 0}
        self._limit: Callable[[], Any] = nullcontext
        if threads is not None and kind is MLPClassifier:
            self._limit = lambda: threadpool_limits(threads)
        elif threads is not None:
            settings["n_threads"] = threads
        self.make = lambda **more: kind(**{**settings, **more})
        self.net: Any = None

    def fit(self, **settings: Any) -> Any:
        """Train a new network."""
        self.net = self.make(**settings)
        with self._limit():
            return self.net.fit(self.data.X, self.data.y)

    def take_turn(self) -> float:
        """Microseconds of a `fit`."""
        time.sleep(_PAUSE_SECONDS)
        begin = time.perf_counter()
        self.fit()
        return 1e6 * (time.perf_counter() - begin)

    def score(self, seed: int) -> float:
        """The share of right answers on new rows after a training."""
        net = self.fit(random_state=seed)
        return float(net.score(self.data.X_test, self.data.y_test))


class OneRow:
    """A fitted side that predicts one row."""

    def __init__(self, side: Side) -> None:
        self._net, self._row = side.net, side.data.X_test[:1]

    def take_turn(self) -> float:
        """Microseconds of a call, the fastest of some."""
        best = float("inf")
        for _ in range(_CALLS):
            begin = time.perf_counter()
            self._net.predict_proba(self._row)
            best = min(best, time.perf_counter() - begin)
        return 1e6 * best


def measure(case: Case, data: Data, dtype: str, rounds: int, seeds: int) -> list[dict[str, Any]]:
    """The rows of a case in one type."""
    found = []
    data = data.as_type(dtype)
    for threads in (None, 1):
        sides = [
            Side(kind, case, data, threads) for kind in (estimators.MLPClassifier, MLPClassifier)
        ]
        scores = [[side.score(seed) for seed in range(seeds)] for side in sides]  # compiles, too
        row = {"case": case.name, "dtype": dtype, "threads": threads or usable_cores()}
        mark = getattr(case, dtype) if threads is None else ONE_THREAD
        found.append(
            row | _times(f"fit, max_iter {case.epochs}", sides, rounds, mark) | _scores(scores)
        )
        if threads is None:
            alone = [OneRow(side) for side in sides]
            found.append(row | _times("predict_proba, 1 row", alone, rounds, ONE_ROW))
    return found


def _times(what: str, sides: Sequence[Any], rounds: int, mark: float) -> dict[str, Any]:
    ours, theirs = fastest_in_turns(sides, rounds)
    times = {"loopbp": ours, "scikit-learn": theirs}
    return {"what": what, "microseconds": times, "ratio": theirs / ours, "at_least": mark}


def _scores(scores: list[list[float]]) -> dict[str, Any]:
    ours, theirs = map(statistics.mean, scores)
    spread = statistics.stdev(scores[1])
    return {
        "scores": {"loopbp": ours, "scikit-learn": theirs, "spread": spread},
        "equal_scores": abs(ours - theirs) <= spread,
    }


def show(rows: list[dict[str, Any]], console: Console) -> None:
    """Print the table."""
    table = Table(title="fastest rounds, in turns", title_justify="left", box=None, pad_edge=False)
    for name in ("case", "what", "dtype"):
        table.add_column(name, no_wrap=True)
    for name in ("threads", "loopbp", "scikit-learn", "ratio", "at least", "scores", "spread"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        colour = "green" if row["ratio"] >= row["at_least"] else "red"
        scores = row.get("scores")
        same = "default" if row.get("equal_scores", True) else "red"
        table.add_row(
            row["case"], row["what"], row["dtype"], str(row["threads"]),
            *(_time(us) for us in row["microseconds"].values()),
            f"[{colour}]{row['ratio']:.2f}[/]", f"{row['at_least']:g}",
            f"[{same}]{scores['loopbp']:.4f} {scores['scikit-learn']:.4f}[/]" if scores else "",
            f"{scores['spread']:.4f}" if scores else "",
        )  # fmt: skip
    console.print(table)
    for row in filter(_is_below, rows):
        which = ", ".join(str(row[name]) for name in ("case", "dtype", "what", "threads"))
        console.print(f"below its mark: {which} threads")


def _is_below(row: dict[str, Any]) -> bool:
    return row["ratio"] < row["at_least"] or not row.get("equal_scores", True)


def _time(microseconds: float) -> str:
    if microseconds < 1e3:
        return f"{microseconds:.1f} us"
    return f"{microseconds / 1e3:,.1f} ms"


def main(words: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    folder = os.environ.get("LOOPBP_MNIST", "../shared/data/mnist")
    names = [case.name for case in CASES]
    parser.add_argument("--mnist", default=folder, help="MNIST in its IDX format")
    parser.add_argument("--case", action="append", choices=names, help="repeatable")
    parser.add_argument("--dtype", action="append", choices=DTYPES, help="repeatable")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="less of everything: half a minute")
    parser.add_argument("--json", metavar="FILE", help="keep the results")
    args = parser.parse_args(words)
    rounds, seeds, dtypes = args.rounds, args.seeds, args.dtype or DTYPES
    if args.quick:
        rounds, seeds, dtypes = 2, 2, args.dtype or DTYPES[:1]
    if rounds < 1 or seeds < 2:
        parser.error(f"expected --rounds of 1 and --seeds of 2 at least, got {rounds} and {seeds}")
    cases = [replace(c, epochs=c.epochs // 5) for c in CASES] if args.quick else CASES
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    machine = environment.describe(usable_cores())
    console.print(f"{machine['processor']}, {machine['cores']} cores, {machine['date']}\n")
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for case in [c for c in cases if c.name in (args.case or names)]:
            data = load(case, Path(args.mnist))
            if data is None:
                console.print(
                    f"{case.name}: left out, no folder {args.mnist!r}; name it by --mnist"
                )
                continue
            for dtype in dtypes:
                rows += measure(case, data, dtype, rounds, seeds)
    show(rows, console)
    if args.json:
        text = json.dumps({"machine": machine, "cases": [asdict(c) for c in cases], "rows": rows})
        Path(args.json).write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
