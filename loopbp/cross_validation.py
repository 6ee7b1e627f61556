"""Cross-validation: train as often as there are folds, each time held against another part."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loopbp.holdout import fold_numbers
from loopbp.messages.calls import suggests
from loopbp.messages.suggestions import no_argument
from loopbp.network.network import Network
from loopbp.terminal.progress import progress
from loopbp.training import History

# Arguments of `Network` whose attribute has another name; all others are called as they are.
_KEPT_AS = {"hidden": "_hidden", "output": "_output", "loss": "loss_name"}


@suggests
@dataclass(frozen=True)
class CrossValidation:
    """What `cross_validate` found, one entry for each fold."""

    scores: NDArray[np.float64]
    """score of the part held out, as `Network.score` gives it"""
    train_scores: NDArray[np.float64]
    """score of the examples trained on"""
    loss: NDArray[np.float64]
    """J of the part held out"""
    histories: list[History]
    """what the epochs brought"""
    held_out: list[NDArray[np.int64]]
    """row numbers of the part held out"""
    task: str
    """``classification``, ``multilabel`` or ``regression``"""

    @property
    def mean(self) -> float:
        """Mean of `scores`."""
        return float(np.mean(self.scores))

    @property
    def std(self) -> float:
        """Standard deviation of `scores` over the folds: ``np.std(scores)``."""
        return float(np.std(self.scores))

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {
            "task": self.task,
            "folds": len(self.scores),
            "mean": self.mean,
            "std": self.std,
            "scores": self.scores.tolist(),
            "train_scores": self.train_scores.tolist(),
            "loss": self.loss.tolist(),
            "held_out": [rows.tolist() for rows in self.held_out],
            "histories": [asdict(history) for history in self.histories],
        }

    def __str__(self) -> str:
        name = {"regression": "R**2", "multilabel": "rows all right"}.get(self.task, "accuracy")
        rows: list[tuple[str, ...]] = [
            ("fold", "held out", "loss", f"{name}, train", f"{name}, held out")
        ]
        for k, held in enumerate(self.held_out):
            numbers = self.loss[k], self.train_scores[k], self.scores[k]
            rows.append((str(k + 1), f"{len(held):,}", *(f"{n:.4f}" for n in numbers)))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in rows
        ]
        return "\n".join([*lines, f"{name} {self.mean:.4f} +- {self.std:.4f} over the folds"])


@suggests
def cross_validate(
    make: Network | Callable[[Any, Any], Network],
    X: ArrayLike,
    y: ArrayLike,
    *,
    folds: int = 5,
    seed: int = 0,
    stratify: bool | None = None,
    **fit_arguments: Any,
) -> CrossValidation:
    """Train on all but one part of the data and score that part, for each part in turn.

    Parameters
    ----------
    make
        A network, of which a new one with the same arguments and seed is made for each fold, its
        scaling fitted to the part trained on (it is not trained itself); or a function of
        (X_train, y_train) that returns a new one.
    X : array_like of shape (m, n_0)
        Or what has rows to choose from: a DataFrame stays one.
    y
        As in `Network.fit`.
    folds
        How many parts, from 2 to m.
    seed
        Of the choice of the parts, which are the same on every machine.
    stratify
        Give each part its share of every class; the only example of a class is always trained
        on.  None: where y holds labels (one string, boolean or integer for each example).
    fit_arguments
        For `Network.fit`: epochs, optimizer and so on.  A sample_weight is split with the rows.

    Returns
    -------
    CrossValidation
        scores, mean, std, train_scores, loss, histories; ``print`` shows a table.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit, the first fold's before anything is trained.

    Examples
    --------
    >>> import loopbp
    >>> data = loopbp.datasets.load("spirals")
    >>> net = loopbp.Network([2, 8, 2], hidden="tanh", seed=0)
    >>> found = loopbp.cross_validate(net, data.X, data.y, folds=3, epochs=2)
    >>> found.scores.shape
    (3,)
    """
    own = list(inspect.signature(cross_validate).parameters)[:-1]
    known = [*own, *(name for name in inspect.signature(Network.fit).parameters if name != "self")]
    for word in fit_arguments:
        if word not in known:
            raise TypeError(no_argument("cross_validate", word, known))
    if not isinstance(make, Network) and (not callable(make) or inspect.isclass(make)):
        raise TypeError(
            f"make: expected a Network or a function of (X_train, y_train), got {make!r}"
        )
    labels = np.asarray(y)
    count = len(X) if hasattr(X, "__len__") else 0  # type: ignore[arg-type]
    if labels.ndim == 0 or len(labels) != count:
        raise ValueError(f"y: expected {count} targets, one for each row of X, got {labels.shape}")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if stratify is None:
        stratify = labels.ndim == 1 and labels.dtype.kind in "iubUSO"
    number = fold_numbers(count, folds, seed, labels if stratify else None)
    weight = fit_arguments.pop("sample_weight", None)
    bar = fit_arguments.pop("verbose", None)
    few = {name: fit_arguments[name] for name in ("n_threads",) if name in fit_arguments}
    found: list[tuple[float, float, float, History, NDArray[np.int64], str]] = []
    used: list[Network] = []
    with progress(folds, bar, unit="fold") as advance:
        for fold in range(folds):
            train, held = np.flatnonzero(number != fold), np.flatnonzero(number == fold)
            X_train, y_train = rows_of(X, train), rows_of(y, train)
            if isinstance(make, Network):
                net = untrained(make)
                if net.preprocessing is not None:
                    net.preprocessing = net.preprocessing.refitted(X_train, y_train)
            else:
                net = make(X_train, y_train)
            _check_made(net, used)
            used.append(net)
            part = {} if weight is None else {"sample_weight": rows_of(weight, train)}
            history = net.fit(X_train, y_train, verbose=False, **part, **fit_arguments)
            X_held, y_held = rows_of(X, held), rows_of(y, held)
            score, loss = net.score(X_held, y_held, **few), net.loss(X_held, y_held, **few)
            task = net.task or "regression"
            found.append((score, net.score(X_train, y_train, **few), loss, history, held, task))
            advance(f"score {np.mean([one[0] for one in found]):.4f}")
    scores, train_scores, losses = (np.array([one[k] for one in found]) for k in range(3))
    histories, parts = [one[3] for one in found], [one[4] for one in found]
    return CrossValidation(scores, train_scores, losses, histories, parts, found[0][5])


def untrained(net: Network) -> Network:
    """A new network with the arguments and the seed of another."""
    arguments = {
        name: getattr(net, _KEPT_AS.get(name, name))
        for name in inspect.signature(type(net)).parameters
    }
    return type(net)(**arguments)


def rows_of(data: Any, rows: NDArray[np.int64]) -> Any:
    """Some rows of what people pass as X or y, in its own form where it has one."""
    if hasattr(data, "iloc"):
        return data.iloc[rows]
    return (data if hasattr(data, "toarray") else np.asarray(data))[rows]


def _check_made(net: Any, used: list[Network]) -> None:
    if not isinstance(net, Network):
        raise TypeError(f"make: expected a function that returns a Network, it returned {net!r}")
    if net.history.epochs or any(net is other for other in used):
        raise ValueError("make: returned a network that is already trained; make a new one in it")
