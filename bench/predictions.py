"""`predict_proba` of 20,000 rows, against ONNX Runtime, scikit-learn, NumPy and another checkout.

    pip install onnx onnxruntime scikit-learn
    python bench/predictions.py [../before]

Everybody has the same float32 weights and rows, as many threads as there are CPUs, and a process
of its own; in each round one after the other works while the rest wait.  Printed is the fastest
call of each, and its ratio to ours: above 1, this checkout is faster.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parents[1]
CASES = ((784, 128, 10), (784, 512, 512, 10))
ROWS, SHOWN = 20_000, 50
TOLERANCE = 1e-4  # of the probabilities, in float32
_SECONDS = 0.3  # of one turn

Array = NDArray[Any]
Layers = list[tuple[Array, Array]]
Predict = Callable[[Array], Any]


def problem(sizes: tuple[int, ...], rows: int = ROWS) -> tuple[Layers, Array]:
    """w^l and b^l of each layer, and X."""
    rng = np.random.default_rng(len(sizes))
    layers = [
        (rng.normal(0.0, (2 / n) ** 0.5, (k, n)).astype(np.float32),
         rng.normal(0.0, 0.1, k).astype(np.float32))
        for n, k in pairwise(sizes)
    ]  # fmt: skip
    return layers, rng.random((rows, sizes[0]), np.float32)


def by_loopbp(layers: Layers, threads: int) -> Predict:
    """`Network.predict_proba`."""
    import loopbp

    sizes = [layers[0][0].shape[1], *(len(b) for _, b in layers)]
    net = loopbp.Network(sizes, "relu", "softmax", dtype="float32", seed=0)
    net.theta = np.concatenate([part.ravel() for layer in layers for part in layer])
    return net.predict_proba


def by_onnx_runtime(layers: Layers, threads: int) -> Predict:
    """A session of a model of Gemm, Relu and Softmax."""
    import onnxruntime  # pyright: ignore[reportMissingImports]
    from onnx import TensorProto, helper, numpy_helper  # pyright: ignore[reportMissingImports]

    nodes, weights = [], []
    for l, (w, b) in enumerate(layers, 1):
        weights += [numpy_helper.from_array(w, f"w{l}"), numpy_helper.from_array(b, f"b{l}")]
        nodes.append(helper.make_node("Gemm", [f"a{l - 1}", f"w{l}", f"b{l}"], [f"z{l}"], transB=1))
        if l < len(layers):
            nodes.append(helper.make_node("Relu", [f"z{l}"], [f"a{l}"]))
        else:
            nodes.append(helper.make_node("Softmax", [f"z{l}"], [f"a{l}"], axis=1))
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["m", n])
        for name, n in (("a0", layers[0][0].shape[1]), (f"a{len(layers)}", len(layers[-1][1])))
    ]
    graph = helper.make_graph(nodes, "network", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda X: session.run(None, {"a0": X})[0]


def by_scikit_learn(layers: Layers, threads: int) -> Predict:
    """`MLPClassifier.predict_proba`, its weights set by hand."""
    from sklearn.neural_network import MLPClassifier

    hidden, classes = [len(b) for _, b in layers[:-1]], np.arange(len(layers[-1][1]))
    model = MLPClassifier(hidden, activation="relu")
    rows = np.zeros((len(classes), layers[0][0].shape[1]), np.float32)
    model.partial_fit(rows, classes, classes=classes)  # makes its attributes
    model.coefs_ = [np.ascontiguousarray(w.T) for w, _ in layers]
    model.intercepts_ = [b for _, b in layers]
    return model.predict_proba


def by_numpy(layers: Layers, threads: int) -> Predict:
    """As one writes it by hand."""

    def predict(X: Array) -> Array:
        a = X
        for w, b in layers[:-1]:
            z = a @ w.T
            z += b
            a = np.maximum(z, 0, out=z)
        w, b = layers[-1]
        z = a @ w.T + b
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    return predict


# By name: who predicts, and the packages it needs.
WAYS: dict[str, tuple[Callable[[Layers, int], Predict], tuple[str, ...]]] = {
    "loopbp": (by_loopbp, ("loopbp",)),
    "onnxruntime": (by_onnx_runtime, ("onnx", "onnxruntime")),
    "scikit-learn": (by_scikit_learn, ("sklearn",)),
    "numpy": (by_numpy, ("numpy",)),
}


class Side:
    """Somebody who predicts, in a process of its own."""

    def __init__(self, name: str, way: str, folder: Path, threads: int) -> None:
        self.name = name
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
            environment.pop(variable, None)  # with them OpenBLAS would choose a slower kernel
        for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
            environment[variable] = str(threads)
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--work", way, "--threads", str(threads)], text=True,
            cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
        )  # fmt: skip
        file = self.ask("file")
        if way == "loopbp" and not Path(file).is_relative_to(folder):
            raise RuntimeError(f"{folder}: another loopbp was imported: {file}")

    def ask(self, order: Any) -> Any:
        """Have something done, and wait for it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.name}: the process has ended")
        return json.loads(answer)

    def end(self) -> None:
        """No more orders."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)


def work(way: str, threads: int) -> None:
    """What a side does: say where it comes from, make a network, or predict for a while."""
    make, packages = WAYS[way]
    predict: Any = None
    X = np.empty(0)
    for line in sys.stdin:
        order = json.loads(line)
        if order == "file":
            answer: Any = __import__(packages[-1]).__file__
        elif order == "predict":
            predict(X)  # the threads are awake, the rows in the cache
            answer, end = float("inf"), time.perf_counter() + _SECONDS
            while time.perf_counter() < end:
                begin = time.perf_counter()
                predict(X)
                answer = min(answer, time.perf_counter() - begin)
        else:
            layers, X = problem(tuple(order))
            predict = make(layers, threads)
            answer = predict(X)[:SHOWN].tolist()
        print(json.dumps(answer), flush=True)


def missing(way: str) -> list[str]:
    """Packages that are not installed."""
    return [name for name in WAYS[way][1] if find_spec(name) is None]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("other", nargs="?", help="another checkout")
    parser.add_argument("--rounds", type=int, default=15)
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parser.add_argument("--threads", type=int, default=cpus, help="of everybody; default: the CPUs")
    parser.add_argument("--work", choices=WAYS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(args.work, args.threads)
        return
    if args.other is not None and not (Path(args.other) / "loopbp" / "__init__.py").is_file():
        parser.error(f"expected a checkout of loopbp, got {args.other}")
    sides = [Side("loopbp", "loopbp", HERE, args.threads)]
    if args.other is not None:
        sides.append(Side("other loopbp", "loopbp", Path(args.other).resolve(), args.threads))
    for way in [name for name in WAYS if name != "loopbp"]:
        if packages := missing(way):
            print(f"{way}: left out, {' and '.join(packages)} not installed")
        else:
            sides.append(Side(way, way, HERE, args.threads))
    print(f"{ROWS:,} rows, float32, {args.threads} threads\n")
    print(f"{'network':<18}{'':<15}{'ms':>9}{'theirs / ours':>15}")
    for sizes in CASES:
        outputs = [np.array(side.ask(sizes)) for side in sides]
        for side, output in zip(sides, outputs, strict=True):
            if np.abs(output - outputs[-1]).max() > TOLERANCE:
                raise RuntimeError(f"{side.name} predicts something else than {sides[-1].name}")
        rounds = [[side.ask("predict") for side in sides] for _ in range(args.rounds)]
        best = [min(times) for times in zip(*rounds, strict=True)]
        for side, seconds in zip(sides, best, strict=True):
            name = "-".join(map(str, sizes)) if side is sides[0] else ""
            ratio = f"{seconds / best[0]:15.2f}" if side is not sides[0] else ""
            print(f"{name:<18}{side.name:<15}{seconds * 1e3:>9.2f}{ratio}", flush=True)
    for side in sides:
        side.end()


if __name__ == "__main__":
    main()
