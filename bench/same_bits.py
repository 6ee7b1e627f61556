"""Whether `fit` gives the very bits that it gives in another checkout, for 40 networks.

    git worktree add ../before 836f6d4
    python bench/same_bits.py ../before

Each checkout trains every network for three epochs from the same seed, in a process of its own with
compiled code of its own.  A row says which way through an epoch either took, where it can tell,
and whether theta and the reported losses are the same.  The exit code is 1 if theta of a network
differs that `--except` does not name.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parents[1]
EPOCHS = 3


@dataclass(frozen=True)
class Case:
    """One network and how it is trained; optimizers, schedules and own functions by their names."""

    name: str
    sizes: tuple[int, ...]
    batch_size: int
    optimizer: str
    hidden: str | tuple[str, ...] = "relu"
    output: str = "softmax"
    loss: str = "cross_entropy"
    examples: int = 150
    options: dict[str, Any] = field(default_factory=dict)
    """of `Network`: dropout, l2"""
    fit: dict[str, Any] = field(default_factory=dict)
    """of `fit`: shuffle, engine; `weights` and `watched` switch on what is made here"""


_SINGLE, _DOUBLE = "float32", "float64"
_VALUES: dict[str, Any] = {"output": "identity", "loss": "half_mse"}


def _cases(dtype: str, *cases: Case) -> Iterator[Case]:
    for case in cases:
        yield Case(**{**vars(case), "options": {"dtype": dtype, **case.options}})


CASES: tuple[Case, ...] = (
    # A register for each unit.
    *_cases(
        _SINGLE,
        Case("iris", (4, 8, 3), 16, "SGD(0.05)"),
        Case(
            "four-layers", (3, 5, 4, 3, 2), 8, "SGD(0.02)", ("leaky_relu", "elu", "tanh"),
            **_VALUES, options={"l2": 0.01}, fit={"weights": True},
        ),
        Case("no-hidden-layer", (3, 4), 7, "SGD(0.1)", ()),
    ),
    *_cases(
        _DOUBLE,
        Case("iris-watched", (4, 8, 3), 16, "SGD(0.05)", "tanh", fit={"watched": True}),
        Case(
            "xor", (2, 3, 1), 4, "SGD(0.5)", "sigmoid", "sigmoid", "binary_cross_entropy",
            fit={"shuffle": False},
        ),
        Case(
            "falling-rate", (5, 7, 2), 16, "SGD(schedules.Step(0.1, 0.5, 1))", "tanh", "tanh",
            "quadratic",
        ),
    ),
    # Most of the work in the first two layers.
    *_cases(
        _SINGLE,
        Case("narrow", (784, 30, 10), 10, "SGD(0.1)", examples=95),
        Case("digits-tanh", (64, 32, 10), 32, "SGD(0.1)", "tanh"),
        Case(
            "wide-momentum", (784, 128, 10), 64, "SGD(0.01, 0.9)", examples=300,
            options={"l2": 1e-4},
        ),
        Case("wide-deep", (784, 512, 512, 10), 128, "SGD(0.1)", examples=300),
        Case("wide-adam", (784, 128, 10), 128, "Adam()", examples=300),
        Case(
            "narrow-values", (211, 41, 1), 31, "RMSprop(0.001)", "softplus", "identity", "huber",
            fit={"weights": True},
        ),
    ),
    *_cases(
        _DOUBLE,
        Case("nielsen", (784, 30, 10), 10, "SGD(1.0)", "sigmoid", "sigmoid", "quadratic", 95),
        Case(
            "wide-nesterov", (784, 128, 10), 64, "SGD(0.01, 0.9, True)", examples=200,
            fit={"weights": True},
        ),
        Case("odd-adamw", (101, 37, 11), 30, "AdamW(schedules.Cosine(0.01, 3))", "gelu"),
    ),
    # Few weights for so many examples.
    *_cases(
        _SINGLE,
        Case("deep", (*[32] * 5, 10), 64, "SGD(0.05)"),
        Case("deeper-momentum", (64,) * 12, 64, "SGD(0.01, 0.9)", "tanh", **_VALUES, examples=200),
        Case(
            "odd-deep-rmsprop", (33, 29, 31, 35, 34, 30, 10), 50, "RMSprop(0.001)", "silu",
            options={"l2": 0.001}, fit={"watched": True},
        ),
        Case(
            "large-batch-adamw", (16, 48, 48, 5), 256, "AdamW()", "sigmoid", "sigmoid",
            "binary_cross_entropy", 600,
        ),
    ),
    *_cases(
        _DOUBLE,
        Case("deep-adam", (*[32] * 5, 10), 64, "Adam(0.002)", "elu"),
        Case(
            "counts", (24, *[40] * 5, 3), 65, "SGD(0.01)", "softplus", "softplus", "poisson",
            fit={"weights": True},
        ),
        Case("own-function", (20, 40, 41, 40, 39, 40, 7), 60, "SGD(0.01, 0.9, True)", "own"),
    ),
    # A team of threads.
    *_cases(
        _SINGLE,
        Case("team", (*[200] * 4, 10), 64, "SGD(0.1)"),
        Case("dropout-adam", (*[200] * 4, 10), 64, "Adam()", options={"dropout": 0.2}),
        Case("clipped", (784, 128, 10), 64, "SGD(0.1, clip_norm=0.5)", examples=200),
        Case("odd-momentum", (200, 201, 199, 203, 7), 37, "SGD(0.01, 0.9)", "leaky_relu"),
        Case(
            "autoencoder", (300, 100, 300), 64, "SGD(0.1, 0.9, True)", "sigmoid", "sigmoid",
            "binary_cross_entropy",
        ),
    ),
    *_cases(
        _DOUBLE,
        Case(
            "dropouts-clipped", (256, 128, 127, 10), 50, "Adam(clip_norm=1.0)",
            options={"dropout": [0.5, 0.1]},
        ),
        Case(
            "one-value", (257, 255, 130, 131, 129, 1), 33, "RMSprop(0.001)", "gelu", "identity",
            "huber",
        ),
        Case("wide-dropout", (784, 128, 10), 64, "AdamW()", "elu", options={"dropout": 0.3}),
        Case(
            "in-order", (120, 300, 300, 300, 20), 64, "SGD(0.01)", "tanh", "tanh", "mae",
            options={"l2": 0.001}, fit={"shuffle": False},
        ),
    ),
    # One thread.
    *_cases(
        _SINGLE,
        Case("little-adam", (20, 15, 10), 8, "Adam()"),
        Case("xor-momentum", (2, 3, 1), 4, "SGD(0.1, 0.9)", "tanh", "sigmoid", "half_mse"),
        Case(
            "little-clipped", (9, 11, 6), 13, "RMSprop(0.01, clip_norm=0.1)", "silu", "softmax",
            "mae", fit={"weights": True},
        ),
        Case("one-by-one", (10, 200, 2), 1, "SGD(0.01)", examples=40),
    ),
    *_cases(
        _DOUBLE,
        Case("iris-adam", (4, 8, 3), 16, "Adam(0.01)", fit={"watched": True}),
        Case("little-gelu", (5, 7, 2), 32, "SGD(0.1)", "gelu", "tanh", "quadratic"),
        Case(
            "little-adamw", (13, 17, 19, 3), 12, "AdamW(schedules.InverseScaling(0.01))", "tanh",
            options={"dropout": 0.25},
        ),
    ),
    # The literal loops.
    *_cases(
        _SINGLE,
        Case("loops", (13, 9, 4), 10, "SGD(0.05, 0.9)", "sigmoid", fit={"engine": "loops"}),
    ),
    *_cases(
        _DOUBLE,
        Case(
            "loops-in-threads", (784, 128, 10), 64, "Adam()", examples=130,
            options={"dropout": 0.1}, fit={"engine": "loops"},
        ),
    ),
)  # fmt: skip
NAMES = tuple(case.name for case in CASES)


# -- a side ---------------------------------------------------------------------------------------


def data_of(case: Case) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """X, y and sample weights, the same on either side."""
    rng = np.random.default_rng(crc32(case.name.encode()))
    m, n_L = case.examples, case.sizes[-1]
    X = rng.standard_normal((m, case.sizes[0]))
    weight = 0.5 + rng.random(m)
    if case.output == "softmax":
        return X, rng.integers(n_L, size=m), weight
    if case.loss == "poisson":
        return X, rng.poisson(2.0, (m, n_L)).astype(float), weight
    y = rng.random((m, n_L))
    if case.loss in ("binary_cross_entropy", "cross_entropy"):
        y = np.round(y)
    return X, y, weight


def _register_own() -> None:
    import math

    import loopbp

    loopbp.register_activation(
        "own", lambda z: z / (1.0 + math.exp(-z)) + 0.1 * z,
        lambda z: 0.1 + (1.0 + math.exp(-z) * (1.0 + z)) / (1.0 + math.exp(-z)) ** 2,
    )  # fmt: skip


def _uncompiled(function: Any) -> Any:
    return getattr(function, "py_func", function)


def _way(net: Any, settings: Any, case: Case) -> str:
    """The way through an epoch; "?" where this checkout has another means to choose it."""
    try:
        from loopbp.engines import pick_training

        engine = case.fit.get("engine", "auto")
        picked = pick_training(engine, net.theta, net.architecture, settings, case.batch_size)
        function = _uncompiled(getattr(picked, "epochs", picked.epoch))
        function = _uncompiled(function.__globals__.get("epoch", function))  # of several epochs
        said = getattr(picked, "way", "")
        return said or f"{Path(function.__code__.co_filename).stem}.{function.__name__}"
    except (ImportError, AttributeError, TypeError):
        return "?"


def train(case: Case) -> tuple[Any, Any, str]:
    """theta, the losses and the way of one network after its epochs."""
    import loopbp

    if case.hidden == "own":
        _register_own()
    names = {name: getattr(loopbp, name) for name in ("SGD", "RMSprop", "Adam", "AdamW")}
    optimizer = eval(case.optimizer, {"schedules": loopbp.schedules, **names})
    net = loopbp.Network(case.sizes, case.hidden, case.output, case.loss, seed=7, **case.options)
    X, y, weight = data_of(case)
    options = dict(case.fit)
    if options.pop("weights", False):
        options["sample_weight"] = weight
    if options.pop("watched", False):
        options |= {"validation": (X[:20], y[:20]), "callbacks": [lambda epoch, history: None]}
    history = net.fit(
        X, y, epochs=EPOCHS, batch_size=case.batch_size, optimizer=optimizer, verbose=False,
        **options,
    )  # fmt: skip
    return net.theta, np.array(history.loss), _way(net, optimizer.settings, case)


def _digest(array: NDArray[Any]) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


def work(folder: Path, names: Sequence[str]) -> None:
    """What a side does: train, keep theta in a file of the folder, and say the digests."""
    import loopbp

    print(json.dumps(loopbp.__file__), flush=True)
    for case in CASES:
        if case.name not in names:
            continue
        try:
            theta, losses, way = train(case)
        except Exception as error:  # that this checkout cannot is what the other side is told
            said: dict[str, Any] = {"error": f"{type(error).__name__}: {error}"}
        else:
            np.save(folder / f"{case.name}.npy", theta)
            said = {"theta": _digest(theta), "losses": _digest(losses), "way": way}
        print(json.dumps({"name": case.name, **said}), flush=True)


class Side:
    """A checkout at work in a process of its own, with a cache of its own."""

    def __init__(
        self, checkout: Path, folder: Path, names: Sequence[str], threads: int | None
    ) -> None:
        self.folder, self._checkout = folder, checkout
        folder.mkdir(parents=True)
        environment = {**os.environ, "PYTHONPATH": str(checkout), "XDG_CACHE_HOME": str(folder)}
        environment.pop("NUMBA_CACHE_DIR", None)
        if threads is not None:
            environment["NUMBA_NUM_THREADS"] = str(threads)
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--work", str(folder), "--case", *names],
            text=True, cwd=checkout, stdout=subprocess.PIPE, env=environment,
        )  # fmt: skip
        if not Path(file := self.answer()).is_relative_to(checkout):
            raise RuntimeError(f"{checkout}: another loopbp was imported: {file}")

    def answer(self) -> Any:
        """The next thing that it says."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._checkout}: the process has ended ({self._process.wait()})")
        return json.loads(line)

    def end(self) -> None:
        """It need not go on."""
        self._process.kill()
        self._process.wait()


# -- the comparison -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """What there is to say of one network."""

    name: str
    ways: tuple[str, str]
    theta: bool
    losses: bool
    difference: float
    error: str = ""

    def __str__(self) -> str:
        here, there = self.ways
        same = ["same" if equal else "DIFFERENT" for equal in (self.theta, self.losses)]
        return (
            f"{self.name:<19}{here:<29}{'' if here == there else there:<29}"
            f"{same[0]:<11}{same[1]:<11}{self.difference:<9.1e}{self.error}"
        )


HEADING = (
    f"{'network':<19}{'way here':<29}{'way there, if another':<29}"
    f"{'theta':<11}{'losses':<11}difference"
)


def largest_difference(here: NDArray[Any], there: NDArray[Any]) -> float:
    """max |here - there| / max |there|."""
    if here.shape != there.shape:
        return float("inf")
    return float(np.abs(here - there).max() / np.abs(there).max())


def compare(answers: Sequence[dict[str, Any]], folders: Sequence[Path]) -> Row:
    """The row of a network from what both sides said of it."""
    here, there = answers
    ways = here.get("way", "?"), there.get("way", "?")
    said = {"here": here, "there": there}
    errors = [f"{side}: {answer['error']}" for side, answer in said.items() if "error" in answer]
    if errors:
        return Row(here["name"], ways, False, False, float("nan"), "; ".join(errors))
    same = here["theta"] == there["theta"]
    difference = 0.0
    if not same:
        difference = largest_difference(*(np.load(f / f"{here['name']}.npy") for f in folders))
    return Row(here["name"], ways, same, here["losses"] == there["losses"], difference)


def summary(rows: Sequence[Row], excepted: Sequence[str]) -> tuple[str, int]:
    """The last line and the exit code."""
    differ = [row.name for row in rows if not row.theta]
    text = f"theta is the same for {len(rows) - len(differ)} of {len(rows)} networks"
    if expected := [name for name in differ if name in excepted]:
        text += f"; expected to differ: {', '.join(expected)}"
    if others := [name for name in differ if name not in excepted]:
        text += f"; different: {', '.join(others)}"
    return text, int(bool(others))


def main() -> int:
    """Print the table; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("other", nargs="?", help="the other checkout")
    parser.add_argument("--case", nargs="+", choices=NAMES, default=NAMES, help="only these")
    parser.add_argument(
        "--except", nargs="+", choices=NAMES, default=(), dest="excepted",
        help="networks whose theta may differ",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, help="NUMBA_NUM_THREADS of both sides")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(args.work, args.case)
        return 0
    if args.other is None or not (Path(args.other) / "loopbp" / "__init__.py").is_file():
        parser.error(f"expected a checkout of loopbp, got {args.other}")
    rows = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sides = []
        for name, checkout in (("here", HERE), ("there", Path(args.other).resolve())):
            sides.append(Side(checkout, folder / name, args.case, args.threads))
            stack.callback(sides[-1].end)
        print(HEADING)
        for _ in args.case:
            answers = [side.answer() for side in sides]
            rows.append(compare(answers, [side.folder for side in sides]))
            print(rows[-1], flush=True)
    text, code = summary(rows, args.excepted)
    print(text)
    return code


if __name__ == "__main__":
    sys.exit(main())
