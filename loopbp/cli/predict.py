"""``loopbp predict``: the labels or values that a saved network gives."""

import argparse
import csv
import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp import Network
from loopbp import load as load_network
from loopbp.cli.output import SCORE_NAMES, metrics_text, warn
from loopbp.cli.problem import examples_for
from loopbp.machine.threads import at_most
from loopbp.terminal.json_text import json_text


def run(args: argparse.Namespace) -> int:
    """Predict and print."""
    with at_most(args.threads):
        return _run(args)


def _run(args: argparse.Namespace) -> int:
    net = load_network(args.model)
    X, y, found = examples_for(net, args.model, args)
    predictions = net.predict(X)
    result: dict[str, Any] = {
        "model": args.model,
        "data": args.data,
        "task": net.task,
        "reading": {**found.facts, "notes": found.notes},
        "examples": len(X),
        "score": None,
        "metrics": None,
        "predictions": predictions,
    }
    if y is not None:
        result["score"] = _score(args, net, X, y)
        if result["score"] is not None and net.task != "regression":
            result["metrics"] = net.report(X, y).as_dict()
    prepared = net.preprocessing
    names = list(prepared.target_names) if prepared is not None else []
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
        if result["metrics"] is not None:
            warn(args, metrics_text(result["metrics"]))
            for line in result["metrics"]["undefined"]:
                warn(args, line)
    return 0


def _csv(header: list[str], rows: NDArray[Any]) -> str:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(header)
    # of a number, the shortest text that reads back as the same number of its dtype
    writer.writerows(rows.astype(str).tolist())
    return lines.getvalue()


def _score(
    args: argparse.Namespace, net: Network, X: NDArray[Any], y: NDArray[Any]
) -> float | None:
    """The score, where the network knows the labels."""
    try:
        return net.score(X, y)
    except (TypeError, ValueError) as error:
        warn(args, f"the targets cannot be scored: {error}")
        return None
