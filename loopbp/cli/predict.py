"""``loopbp predict``: the labels or values that a saved network gives."""

import argparse
import csv
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp import Network
from loopbp import load as load_network
from loopbp.cli.output import SCORE_NAMES, json_text, warn
from loopbp.datasets import Scaling, load
from loopbp.datasets.readers import csv_columns, csv_header, is_csv, npz_inputs, targets_from_text


@dataclass(frozen=True)
class Examples:
    """Inputs, and the targets where the data hold them."""

    X: NDArray[Any]
    y: NDArray[Any] | None


def run(args: argparse.Namespace) -> int:
    """Predict and print."""
    net = load_network(args.model)
    facts = net.metadata
    examples = _examples(args.data, net)
    if examples.X.shape[1] != net.sizes[0]:
        raise ValueError(
            f"{args.data}: {examples.X.shape[1]} inputs, {args.model} takes {net.sizes[0]}"
        )
    X = Scaling(**facts["scale"]).apply(examples.X) if "scale" in facts else examples.X
    target_scale = Scaling(**facts.get("target_scale", {"kind": "none"}))
    predictions = net.predict(X)
    if target_scale.kind != "none":
        columns = predictions.reshape(len(X), -1)
        predictions = target_scale.undo(columns).reshape(predictions.shape)
    result: dict[str, Any] = {
        "model": args.model,
        "data": args.data,
        "task": net.task,
        "examples": len(X),
        "score": None,
        "predictions": predictions,
    }
    if examples.y is not None:
        result["score"] = _score(args, net, X, examples.y, target_scale)
    names = [str(name) for name in facts.get("targets", ["target"])]
    rows = predictions.reshape(len(X), -1)
    if len(names) != rows.shape[1]:
        names = [f"output_{k}" for k in range(rows.shape[1])]
    header = ["prediction"] if rows.shape[1] == 1 else names
    if args.proba:
        if net.task == "regression":
            raise ValueError("--proba: the model predicts values, not classes")
        rows = net.predict_proba(X)
        result["probabilities"] = rows
        if net.classes is not None and net.task == "classification":
            result["classes"] = net.classes
            if rows.shape[1] == 1:
                rows = result["probabilities"] = np.column_stack([1 - rows, rows])
            header = [str(label) for label in net.classes.tolist()]
        else:
            header = names
    text = json_text(result) + "\n" if args.json else _csv(header, rows)
    if args.output:
        Path(args.output).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
        sys.stdout.flush()
    if result["score"] is not None and not args.json:
        name = SCORE_NAMES[net.task or "regression"]
        warn(args, f"{name} {result['score']:.4f} on {len(X):,} examples")
    return 0


def _csv(header: list[str], rows: NDArray[Any]) -> str:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(header)
    kind = rows.dtype.kind
    for row in rows.tolist():
        writer.writerow([f"{value:.7g}" for value in row] if kind == "f" else row)
    return lines.getvalue()


def _examples(source: str, net: Network) -> Examples:
    if is_csv(source):
        return _csv_examples(source, net)
    if source.lower().endswith(".npz"):
        return Examples(*npz_inputs(source))
    data = load(source)
    if data.X_test is not None:
        return Examples(data.X_test, data.y_test)
    return Examples(data.X, data.y)


def _csv_examples(path: str, net: Network) -> Examples:
    """The columns that the network was trained on; of a model without names, the first ones."""
    names = csv_header(path)
    features = net.metadata.get("features")
    if features is None:
        if len(names) - net.sizes[0] not in (0, 1):
            raise ValueError(f"{path}: {len(names)} columns, the model takes {net.sizes[0]}")
        features = names[: net.sizes[0]]
    targets = [name for name in net.metadata.get("targets", []) if name in names]
    if len(targets) < len(net.metadata.get("targets", [])) or set(targets) & set(features):
        targets = []
    X, cells = csv_columns(path, features, targets)
    if not targets or any(cell == "" for column in cells for cell in column):
        return Examples(X, None)
    return Examples(X, targets_from_text(path, targets, cells, net.task))


def _score(
    args: argparse.Namespace, net: Network, X: NDArray[Any], y: NDArray[Any], scale: Scaling
) -> float | None:
    """The score, where the network knows the labels."""
    if net.task == "classification":
        y = y.argmax(axis=1) if y.ndim == 2 else y
        if net.classes is not None and net.classes.dtype.kind == "U":
            y = y.astype(str)
    elif scale.kind != "none":
        y = scale.apply(y.reshape(len(X), -1)).reshape(y.shape)
    try:
        return net.score(X, y)
    except (TypeError, ValueError) as error:
        warn(args, f"the targets cannot be scored: {error}")
        return None
