"""What commands print for programs, and what they compute for it."""

import argparse
import json
import math
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCORE_NAMES = {
    "classification": "accuracy",
    "multilabel": "rows all right",
    "regression": "R\N{SUPERSCRIPT TWO}",
}


def warn(args: argparse.Namespace, text: str) -> None:
    """One line on standard error."""
    print(f"loopbp {args.command}: {text}", file=sys.stderr)


def plain(value: Any) -> Any:
    """A value in the types that JSON has; NaN and infinity become null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def json_text(value: dict[str, Any]) -> str:
    """One JSON object on one line."""
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False)


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
