"""What commands print for programs, and what they compute for it."""

import argparse
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.terminal.json_text import json_text

SCORE_NAMES = {
    "classification": "accuracy",
    "multilabel": "rows all right",
    "regression": "R\N{SUPERSCRIPT TWO}",
}

METRIC_NAMES = {"precision": "precision", "recall": "recall", "f1": "F1", "roc_auc": "ROC AUC"}
_MEANS = {"macro": "means over the classes"}


def warn(args: argparse.Namespace, text: str) -> None:
    """One line on standard error."""
    print(f"loopbp {args.command}: {text}", file=sys.stderr)


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on one line of standard output."""
    print(json_text(value))


def confusion(y: NDArray[Any], predicted: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.int64]:
    """counts[i, j]: how many examples of class i were taken for class j."""
    order = {label: k for k, label in enumerate(classes.tolist())}
    counts = np.zeros((len(order), len(order)), np.int64)
    rows = [order[label] for label in y.tolist()]
    columns = [order[label] for label in predicted.tolist()]
    np.add.at(counts, (rows, columns), 1)
    return counts


def metrics_text(metrics: dict[str, Any]) -> str:
    """Precision, recall, F1 and ROC AUC, and what they are of, in one line.

    Parameters
    ----------
    metrics
        Of `loopbp.ClassificationReport.as_dict`; of these only the four numbers, `average`,
        `positive` and `why_no_roc_auc` are read.
    """
    found = [
        f"{shown} {metrics[name]:.4f}"
        for name, shown in METRIC_NAMES.items() if metrics[name] is not None
    ]  # fmt: skip
    of = _MEANS.get(metrics["average"]) or f"of {metrics['positive']}"
    why = "" if metrics["roc_auc"] is not None else f"; ROC AUC {metrics['why_no_roc_auc']}"
    return f"{', '.join(found)} ({of}){why}"
