"""From data and options to what a network is trained on."""

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp import Network, Preprocessing
from loopbp.cli.options import reading_options
from loopbp.datasets import Dataset, Inputs, is_table, load, read_inputs
from loopbp.network.arguments import output_and_loss
from loopbp.preparation.columns import FILLS

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


def examples_for(net: Network, model: str, args: argparse.Namespace) -> Inputs:
    """The inputs in ``args.data`` that a saved network takes, and the targets where they are there.

    Parameters
    ----------
    net, model
        The network and the file that it was saved in.
    args
        Of a command with DATA.

    Returns
    -------
    X : array of shape (m, columns)
    y : array of shape (m,) or (m, n_L), or None
    facts : Reading
        What was found in the data.

    Raises
    ------
    FileNotFoundError, ValueError
        If the data do not hold what the network takes.
    """
    prepared = net.preprocessing
    features: list[str] | int = net.sizes[0]
    words, targets = [], ()
    if prepared is not None:
        named = None not in prepared.names
        features = [str(n) for n in prepared.names] if named else len(prepared.columns)
        words = [str(c.name) for c in prepared.columns if named and c.words is not None]
        targets = prepared.target_names
    X, y, found = read_inputs(
        args.data, features, words, targets, task=net.task, **reading_options(args)
    )
    width = features if isinstance(features, int) else len(features)
    if X.shape[1] != width:
        raise ValueError(f"{args.data}: {X.shape[1]} inputs, {model} takes {width}")
    if y is not None and net.task == "classification":
        y = labels(y)
    return Inputs(X, y, found)


def recipe(source: str, option: str, given: Any, otherwise: Any) -> Any:
    """The value given, else that of the embedded data's recipe, else another one."""
    return given if given is not None else RECIPES.get(source, {}).get(option, otherwise)


def labels(y: NDArray[Any]) -> NDArray[Any]:
    """Class labels, one an example: strings or whole numbers."""
    if y.ndim == 2:
        return y.argmax(axis=1)  # one-hot rows
    return y.astype(np.int64) if y.dtype.kind in "iub" else y.astype(str)


def classes_of(y: NDArray[Any]) -> tuple[Any, ...]:
    """The classes of some targets: of one-hot rows one a column, whether it occurs or not."""
    return tuple(range(y.shape[1])) if y.ndim == 2 else tuple(np.unique(labels(y)).tolist())


def shape_of(data: Dataset, y: NDArray[Any], output: str | None, loss: str | None) -> Shape:
    """Number of outputs, activation and loss for the targets of the training part.

    Raises
    ------
    ValueError
        If there is only one class.
    """
    if data.task == "classification":
        count = len(classes_of(y))
        if len(np.unique(labels(y))) < 2:
            raise ValueError(f"{data.source}: the targets are all {y[0]}; expected two classes")
        if output is None:
            output = "sigmoid" if loss == "binary_cross_entropy" else "softmax"
        return Shape(1 if count == 2 and output == "sigmoid" else count, output, loss)
    if data.task == "multilabel":
        return Shape(y.shape[1] if y.ndim == 2 else 1, output or "sigmoid", loss)
    if output is None and loss is None:
        output = "identity"
    return Shape(y.shape[1] if y.ndim == 2 else 1, output, loss)


def fit_preprocessing(
    args: argparse.Namespace, data: Dataset, X: NDArray[Any], y: NDArray[Any], shape: Shape
) -> Preprocessing:
    """What the options and the training part X, y ask for between the table and the network.

    Values for an identity output are standardised.  Words are known from all examples, so that one
    that training has no example of does not stop the score.
    """
    output, _ = output_and_loss(shape.output, shape.loss, shape.outputs)
    values = data.task == "regression" and output == "identity"
    return Preprocessing.fitted(
        X, y if values else None,
        scale=args.scale or "auto",
        target_scale="standard" if values else "none",
        categorical=data.categorical,
        missing=data.missing if data.missing in FILLS else None,
        names=data.feature_names if is_table(data.source) else None,
        words=_words(data) if is_table(data.source) else None,
        labels=classes_of(y) if data.task == "classification" else None,
        target_names=data.target_names,
    )  # fmt: skip


def _words(data: Dataset) -> dict[str, list[str]]:
    """The words of each column of words."""
    found = {}
    for name in data.words:
        j = data.feature_names.index(name)
        parts = [data.X[:, j], *([] if data.X_test is None else [data.X_test[:, j]])]
        cells = {cell for part in parts for cell in part.tolist()}
        found[name] = sorted(cells - {None})
    return found


def make_network(
    args: argparse.Namespace,
    prepared: Preprocessing,
    shape: Shape,
    hidden: list[int],
    dropout: list[float] | None = None,
) -> Network:
    """The network that the options name."""
    names = recipe(args.data, "activation", args.activation, ["relu"])
    rates = dropout or [0.0]
    initializer = args.initializer
    if initializer is not None and len(initializer) == 1:
        initializer = initializer[0]
    return Network(
        [prepared.n_inputs, *hidden, shape.outputs],
        names[0] if len(names) == 1 else names,
        shape.output,
        shape.loss,
        initializer=initializer,
        dropout=rates[0] if len(rates) == 1 else rates,
        l2=args.l2,
        dtype=args.dtype,
        seed=args.seed,
        preprocessing=prepared,
    )
