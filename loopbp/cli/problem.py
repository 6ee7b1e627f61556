"""From data and options to what a network is trained on."""

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp import Network
from loopbp.cli.options import reading_options
from loopbp.datasets import Dataset, load

# Defaults of `train` that suit the embedded data.  Learning rate and schedule are Adam's.
RECIPES: dict[str, dict[str, Any]] = {
    "digits": {
        "hidden": [128], "activation": ["gelu"], "dropout": [0.2], "epochs": 60,
        "learning_rate": 0.02, "schedule": "cosine",
    },
    "xor": {
        "hidden": [8], "activation": ["tanh"], "epochs": 200, "learning_rate": 0.05, "test": 0.0,
    },
    "spirals": {
        "hidden": [64, 64], "activation": ["gelu"], "epochs": 500, "learning_rate": 0.01,
        "schedule": "cosine",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """What the targets ask of the output layer."""

    outputs: int
    output: str | None
    loss: str | None


def load_data(args: argparse.Namespace) -> Dataset:
    """The data that the options name."""
    return load(
        args.data,
        args.target,
        drop=args.drop,
        task=args.task,
        weight=getattr(args, "weight", None),
        missing=args.missing,
        categorical=args.categorical,
        words=args.words or (),
        **reading_options(args),
    )


def recipe(name: str, option: str, given: Any, otherwise: Any) -> Any:
    """The value given, else that of the embedded data's recipe, else another one."""
    return given if given is not None else RECIPES.get(name, {}).get(option, otherwise)


def labels(y: NDArray[Any]) -> NDArray[Any]:
    """Class labels as networks take them: class numbers 0..K-1, or else strings."""
    if y.ndim == 2:
        return y.argmax(axis=1)  # one-hot rows
    if y.dtype.kind not in "iub":
        return y.astype(str)
    classes = np.unique(y)
    if np.array_equal(classes, np.arange(len(classes))):
        return y.astype(np.int64)
    return y.astype(str)


def shape_of(data: Dataset, y: NDArray[Any], output: str | None, loss: str | None) -> Shape:
    """Number of outputs, activation and loss for the targets of the training part.

    Raises
    ------
    ValueError
        If there is only one class.
    """
    if data.task == "classification":
        count = len(np.unique(y)) if y.dtype.kind == "U" else int(y.max()) + 1
        if len(np.unique(y)) < 2:
            raise ValueError(f"{data.source}: the targets are all {y[0]}; expected two classes")
        if output is None:
            output = "sigmoid" if loss == "binary_cross_entropy" else "softmax"
        return Shape(1 if count == 2 and output == "sigmoid" else count, output, loss)
    if data.task == "multilabel":
        return Shape(y.shape[1] if y.ndim == 2 else 1, output or "sigmoid", loss)
    if output is None and loss is None:
        output = "identity"
    return Shape(y.shape[1] if y.ndim == 2 else 1, output, loss)


def scale_kind(given: str | None, X: NDArray[Any]) -> str:
    """``standard`` where nothing is said and some input leaves [-1, 1]."""
    return given or ("none" if np.abs(X).max() <= 1 else "standard")


def make_network(
    args: argparse.Namespace,
    data: Dataset,
    shape: Shape,
    hidden: list[int],
    dropout: list[float] | None = None,
) -> Network:
    """The network that the options name."""
    names = recipe(data.name, "activation", args.activation, ["relu"])
    rates = dropout or [0.0]
    initializer = args.initializer
    if initializer is not None and len(initializer) == 1:
        initializer = initializer[0]
    return Network(
        [data.X.shape[1], *hidden, shape.outputs],
        names[0] if len(names) == 1 else names,
        shape.output,
        shape.loss,
        initializer=initializer,
        dropout=rates[0] if len(rates) == 1 else rates,
        l2=args.l2,
        dtype=args.dtype,
        seed=args.seed,
    )
