"""``loopbp train --cv N``: the training of the options, once for each fold."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from loopbp.cli.output import METRIC_NAMES, SCORE_NAMES, print_json, warn
from loopbp.cli.problem import labels
from loopbp.cli.warnings import falls_behind
from loopbp.datasets import Dataset
from loopbp.holdout import fold_numbers
from loopbp.terminal.progress import progress


def run_cv(
    args: argparse.Namespace, data: Dataset, train: Callable[[Dataset], dict[str, Any]]
) -> int:
    """Train and score for each fold, and print the scores.

    Parameters
    ----------
    args
        Options; of them ``cv``, ``split_seed``, ``json`` and ``quiet`` are read here.
    data
        All examples; a test part of its own stays aside.
    train
        Trains on data whose test part is the fold held out, and returns what ``loopbp train``
        prints of it: train_score, test_score, metrics, loss, epochs, seconds, test_examples.

    Returns
    -------
    int
        The exit code.
    """
    is_classes = data.task == "classification"
    # The same labels must get the same form in every fold.
    y = labels(data.y) if is_classes else data.y
    number = fold_numbers(len(data.X), args.cv, args.split_seed, y if is_classes else None)
    talks = not (args.json or args.quiet)
    results: list[dict[str, Any]] = []
    with progress(args.cv, None if talks else False, unit="fold") as advance:
        for fold in range(args.cv):
            kept, held = number != fold, number == fold
            weight = None if data.weight is None else data.weight[kept]
            part = replace(
                data, X=data.X[kept], y=y[kept], X_test=data.X[held], y_test=y[held], weight=weight
            )
            results.append(train(part))
            advance(f"score {np.mean([one['test_score'] for one in results]):.4f}")
    scores = np.array([one["test_score"] for one in results])
    train_scores = np.array([one["train_score"] for one in results])
    metrics = _by_name(results)
    always = int((number == -1).sum())
    warnings: list[str] = []

    def say(text: str) -> None:
        warnings.append(text)
        if not args.quiet:
            warn(args, text)

    if data.X_test is not None:
        say("the test part that comes with the data stays aside")
    if always:
        say(f"in no fold: {always} that are the only examples of their class")
    count = len(data.X)
    falls_behind(data.task, train_scores.mean(), scores.mean(), count, count - always, say)
    if args.json:
        print_json(
            {
                "data": data.name,
                "task": data.task,
                "folds": args.cv,
                "mean": scores.mean(),
                "std": scores.std(),
                "scores": scores,
                "train_scores": train_scores,
                "metrics": metrics,
                "loss": [one["loss"] for one in results],
                "epochs": [one["epochs"] for one in results],
                "seconds": sum(one["seconds"] for one in results),
                "test_examples": [one["test_examples"] for one in results],
                "warnings": warnings,
            }
        )
    elif not args.quiet:
        _print_table(SCORE_NAMES[data.task], results, scores, metrics)
    return 0


def _by_name(results: list[dict[str, Any]]) -> dict[str, list[float | None]] | None:
    """Precision, recall, F1 and ROC AUC of what each fold held out; None for values."""
    if any(one["metrics"] is None for one in results):
        return None
    return {name: [one["metrics"][name] for one in results] for name in METRIC_NAMES}


def _print_table(
    name: str, results: list[dict[str, Any]], scores: Any, metrics: dict[str, Any] | None
) -> None:
    print(f"{'fold':>4}  {'held out':>8}  {name + ', train':>21}  {name + ', held out':>24}")
    for k, one in enumerate(results):
        print(
            f"{k + 1:>4}  {one['test_examples']:>8,}  {one['train_score']:>21.4f}  "
            f"{one['test_score']:>24.4f}"
        )
    for key, values in (metrics or {}).items():
        known = [value for value in values if value is not None]
        if known:
            of = "" if len(known) == len(values) else f", defined in {len(known)} folds"
            spread = f"{np.mean(known):.4f} \N{PLUS-MINUS SIGN} {np.std(known):.4f}"
            print(f"{METRIC_NAMES[key]} {spread}{of}")
    print(
        f"{name} {scores.mean():.4f} \N{PLUS-MINUS SIGN} {scores.std():.4f} over {len(scores)} "
        "folds; no network is saved"
    )
    sys.stdout.flush()
