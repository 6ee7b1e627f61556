"""``loopbp train``: from data to a saved network."""

import argparse
import os
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp import EarlyStopping, Network, catalogue, schedules
from loopbp.cli.cross_validation import run_cv
from loopbp.cli.output import SCORE_NAMES, confusion, print_json, warn
from loopbp.cli.parser import UPDATES
from loopbp.cli.plot import check_plot, draw
from loopbp.cli.problem import (
    fit_preprocessing,
    labels,
    load_data,
    make_network,
    recipe,
    shape_of,
)
from loopbp.cli.warnings import (
    falls_behind,
    leaves_a_test_part,
    many_classes,
    untested,
    without_unknown,
)
from loopbp.datasets import Dataset, split_indices
from loopbp.machine.threads import at_most
from loopbp.network.class_weights import weighted
from loopbp.optimizers import OPTIMIZERS, Optimizer


@dataclass(frozen=True)
class Parts:
    """The data as the table has them, split."""

    X: NDArray[Any]
    y: NDArray[Any]
    weight: NDArray[Any] | None
    X_test: NDArray[Any] | None
    y_test: NDArray[Any] | None


def run(args: argparse.Namespace) -> int:
    """Train, score, print and save."""
    with at_most(args.threads):
        return _run(args)


def _run(args: argparse.Namespace) -> int:
    _check_together(args)
    if args.plot:
        check_plot(args.plot)
        _check_writable(args.plot)
    data = load_data(args)
    if args.cv:
        return run_cv(args, data, lambda fold: _trained(args, fold, False, lambda text: None)[1])
    path = None if args.no_save else (args.save or f"loopbp-{data.name}.npz")
    if path:
        _check_writable(path)
    talks = not (args.json or args.quiet)
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if not args.quiet:
            warn(args, text)

    net, result = _trained(args, data, talks, say)
    result |= {"model": path, "plot": args.plot, "warnings": said}

    if path:
        net.save(path)
    if args.plot:
        draw(net.history, args.plot, SCORE_NAMES[data.task], f"{data.name}: {_arrows(net)}")
    if args.json:
        print_json(result)
    elif talks:
        from loopbp.cli import screen

        screen.print_result(result)
    return 0


def _trained(
    args: argparse.Namespace, data: Dataset, talks: bool, say: Callable[[str], None]
) -> tuple[Network, dict[str, Any]]:
    """The trained network and what is printed of it.

    `talks`: show plan and progress; `say`: takes what a person should look at twice.
    """
    parts = _split(args, data, say)
    shape = shape_of(data, parts.y, args.output, args.loss)
    hidden = recipe(args.data, "hidden", args.hidden, [64, 32])
    prepared = fit_preprocessing(args, data, parts.X, parts.y, shape)
    y = labels(parts.y) if data.task == "classification" else parts.y
    y_test = parts.y_test
    if y_test is not None and data.task == "classification":
        y_test = labels(y_test)
    dropout = recipe(args.data, "dropout", args.dropout, [0.0])
    net = make_network(args, prepared, shape, hidden, dropout)

    if args.class_weight is not None:  # refused before anything is printed
        Y = np.asarray(net.prepare(parts.X, y)[1])
        weighted(args.class_weight, Y, net.classes, data.task, np.ones(len(parts.X)))

    of_all = catalogue.OPTIMIZERS[args.optimizer].full_batch
    batch = min(args.batch_size or (len(parts.X) if of_all else 32), len(parts.X))
    steps = -(-len(parts.X) // batch)
    epochs = recipe(args.data, "epochs", args.epochs, min(max(-(-UPDATES // steps), 10), 500))
    optimizer = _optimizer(args, epochs)
    patience = args.early_stopping
    result: dict[str, Any] = {
        "data": data.name,
        "task": data.task,
        "reading": {**data.reading, "notes": data.notes},
        "sizes": net.sizes,
        "parameters": net.theta.size,
        "train_examples": len(parts.X),
        "test_examples": 0 if parts.X_test is None else len(parts.X_test),
    }
    if talks:
        from loopbp.cli import screen

        screen.print_plan(net, data, _plan(args, net, batch, epochs, optimizer), result)
    many_classes(args, data, net.sizes[-1], say)
    started = time.perf_counter()
    with (
        np.errstate(all="ignore"),  # what overflows ends in one DivergenceError
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_: say(str(message))
        history = net.fit(
            parts.X,
            y,
            epochs=epochs,
            batch_size=args.batch_size,
            optimizer=optimizer,
            engine=args.engine,
            shuffle=not args.no_shuffle,
            validation=args.validation,
            sample_weight=parts.weight,
            class_weight=args.class_weight,
            early_stopping=EarlyStopping(patience, args.min_delta or 0.0) if patience else None,
            score_training=bool(args.plot),
            verbose=None if talks else False,
        )
    seconds = time.perf_counter() - started

    net.metadata = {
        "data": {"name": data.name, "source": data.source},
    }
    result |= {
        "epochs": history.epochs,
        "seconds": seconds,
        "loss": net.loss(parts.X, y, sample_weight=parts.weight),
        "train_score": net.score(parts.X, y),
        "test_score": None,
        "metrics": None,
        "validation_loss": history.validation_loss or None,
        "validation_score": history.validation_score or None,
        "stopped_early": history.stopped_early,
        "best_epoch": None if history.best_epoch is None else history.best_epoch + 1,
    }
    X_shown, y_shown = parts.X, y
    if parts.X_test is not None and y_test is not None:
        X_shown, y_shown = parts.X_test, y_test
        result["test_score"] = net.score(X_shown, y_shown)
    if data.task == "classification" and net.classes is not None:
        result["classes"] = net.classes
        result["confusion"] = confusion(y_shown, net.predict(X_shown), net.classes)
    elif data.task == "regression":
        error = net.predict(X_shown).astype(np.float64).reshape(y_shown.shape) - y_shown
        result["rmse"] = float((error**2).mean()) ** 0.5
    if data.task != "regression":
        result["metrics"] = net.report(X_shown, y_shown).as_dict()
    scores = result["train_score"], result["test_score"]
    falls_behind(data.task, *scores, len(parts.X), len(X_shown), say)
    return net, result


def _check_together(args: argparse.Namespace) -> None:
    """Options that need or exclude one another."""
    if args.early_stopping and args.validation is None:
        raise ValueError("--early-stopping: needs --validation FRACTION")
    if args.min_delta is not None and not args.early_stopping:
        raise ValueError("--min-delta: needs --early-stopping PATIENCE")
    if args.save and args.no_save:
        raise ValueError("--no-save: does not go with --save")
    for option in ("save", "plot", "test"):
        if args.cv and getattr(args, option) is not None:
            raise ValueError(f"--{option}: does not go with --cv")
    if args.save and not args.save.lower().endswith(".npz"):
        raise ValueError(f"--save: expected a name that ends in .npz, got {args.save}")


def _check_writable(name: str) -> None:
    """Refuse before the training what could not be written after it."""
    path = Path(name)
    if path.is_dir():
        raise ValueError(f"{name}: is a folder; expected a file to write")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{name}: there is no folder {str(path.parent)!r}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f"{name}: cannot be written")


def _optimizer(args: argparse.Namespace, epochs: int) -> Optimizer:
    tuned = args.data if args.optimizer == "adam" else ""
    row, kind = catalogue.OPTIMIZERS[args.optimizer], OPTIMIZERS[args.optimizer]
    given = _given(
        args, "", ("nesterov", *_settings(catalogue.OPTIMIZERS.values())), kind,
        f"--optimizer {args.optimizer}",
    )  # fmt: skip
    rate = recipe(tuned, "learning_rate", args.learning_rate, row.learning_rate)
    name = recipe(tuned, "schedule", args.schedule, "constant")
    shape = getattr(schedules, catalogue.SCHEDULES[name].kind)
    extra = _given(
        args, "schedule_", _settings(catalogue.SCHEDULES.values()), shape, f"--schedule {name}"
    )
    if name == "cosine":
        extra["epochs"] = epochs
    learning_rate = rate if name == "constant" else shape(rate, **extra)
    return kind(learning_rate=learning_rate, clip_norm=args.clip_norm, **given)


def _settings(
    rows: Iterable[catalogue.Optimizer | catalogue.Schedule],
) -> tuple[str, ...]:
    """The names of all that they take, each once."""
    return tuple(dict.fromkeys(setting.name for row in rows for setting in row.settings))


def _given(
    args: argparse.Namespace, prefix: str, names: tuple[str, ...], kind: Any, chosen: str
) -> dict[str, Any]:
    """The options that were given, all of which `kind` must have."""
    known = {field.name for field in fields(kind)}
    given = {n: value for n in names if (value := getattr(args, prefix + n)) is not None}
    for name in given:
        if name not in known:
            option = f"--{prefix}{name}".replace("_", "-")
            raise ValueError(f"{option}: is not an option of {chosen}")
    return given


def _split(args: argparse.Namespace, data: Dataset, say: Callable[[str], None]) -> Parts:
    X, y, weight = data.X, data.y, data.weight
    X_test, y_test = data.X_test, data.y_test
    is_classes = data.task == "classification"
    if X_test is not None and y_test is not None:
        if args.test is not None:
            raise ValueError(f"--test: {data.source} comes with its own test part")
        if is_classes and y.ndim == 1:
            X_test, y_test = without_unknown(X_test, labels(y_test), labels(y), say)
    else:
        test = recipe(args.data, "test", args.test, 0.2)
        by = labels(y) if is_classes else y
        if test > 0 and args.test is None and not leaves_a_test_part(len(X), test, by, is_classes):
            say(f"{len(X)} examples are too few to hold any out: all are trained on, none tested")
        elif test > 0:
            train, held = split_indices(len(X), test, args.split_seed, by if is_classes else None)
            X_test, y_test = X[held], y[held]
            X, y = X[train], y[train]
            weight = None if weight is None else weight[train]
            if is_classes:
                untested(labels(y), labels(y_test), say)
    return Parts(X, y, weight, X_test, y_test)


def _arrows(net: Network) -> str:
    return "-".join(str(n) for n in net.sizes)


def _plan(
    args: argparse.Namespace, net: Network, batch: int, epochs: int, optimizer: Optimizer
) -> list[str]:
    """The settings of the training in words."""
    schedule = optimizer.learning_rate
    scale = "none" if net.preprocessing is None else net.preprocessing.scale.kind
    falls = "" if isinstance(schedule, float) else f" {type(schedule).__name__.lower()}"
    return [
        f"loss {net.loss_name}",
        f"{args.optimizer} {optimizer.rate(0):g}{falls}",
        f"{'at most ' if args.early_stopping else ''}{epochs:,} epochs",
        f"batches of {batch}",
        str(net.dtype),
        *([] if scale == "none" else [f"inputs scaled ({scale})"]),
        *([] if args.class_weight is None else [f"classes weighted ({_of_classes(args)})"]),
    ]


def _of_classes(args: argparse.Namespace) -> str:
    given = args.class_weight
    if isinstance(given, str):
        return given
    return ", ".join(f"{label} {value:g}" for label, value in given.items())
