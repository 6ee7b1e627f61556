"""The train driver: epochs run in compiled code, and all that happens between them.

`run` knows nothing of labels or files: it takes checked arrays and moves ``theta``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.binding import Engine
from loopbp.jit.decorators import will_compile
from loopbp.jit.sources import plain
from loopbp.messages.calls import suggests
from loopbp.optimizers import Optimizer, state_rows
from loopbp.parameters import Architecture, layer_of, unit_count
from loopbp.terminal.progress import progress
from loopbp.validate import check_count, check_number


class DivergenceError(ValueError):
    """Training met a NaN or an infinity; the network holds the weights of the last finite epoch."""


@suggests
@dataclass
class History:
    """What each epoch brought, one entry an epoch; goes on over several calls of `fit`."""

    loss: list[float] = field(default_factory=list)
    """mean of J over the training examples, each taken before the update of its batch"""
    validation_loss: list[float] = field(default_factory=list)
    """J of the validation data after the epoch; empty without validation data"""
    score: list[float] = field(default_factory=list)
    """score of the training data after the epoch; empty unless asked for"""
    validation_score: list[float] = field(default_factory=list)
    """score of the validation data after the epoch; empty without validation data"""
    learning_rate: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    """seconds of training in the epoch, without validation and callbacks"""
    stopped_early: bool = False
    best_epoch: int | None = None
    """epoch (from 0) whose weights early stopping restored"""

    @property
    def epochs(self) -> int:
        """How many epochs have run."""
        return len(self.loss)


@suggests
@dataclass(frozen=True)
class EarlyStopping:
    """Stop when the validation loss has not fallen for `patience` epochs; restore the best weights.

    Parameters
    ----------
    patience
        Epochs without improvement that are borne.
    min_delta
        A fall of the loss of no more than this is no improvement.

    Raises
    ------
    TypeError, ValueError
        Names the argument that is out of its range.
    """

    patience: int = 10
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        check_count("patience", self.patience)
        check_number("min_delta", self.min_delta, at_least=0.0)


@dataclass
class OptimizerState:
    """Where an optimizer stands: kept so that `fit` goes on from there."""

    optimizer: Optimizer
    vectors: NDArray[Any]
    """(state_rows, P)"""
    step: int = 0
    """updates made"""
    epoch: int = 0
    """epochs run, which schedules count"""

    @classmethod
    def of(cls, optimizer: Optimizer, theta: NDArray[Any]) -> OptimizerState:
        """At the beginning of a training."""
        rows = plain(state_rows)(optimizer.settings)
        return cls(optimizer, np.zeros((rows, theta.size), theta.dtype))


@dataclass(frozen=True)
class Data:
    """Checked arrays: X (examples, n_0), Y (examples, n_L), weight (examples,)."""

    X: NDArray[Any]
    Y: NDArray[Any]
    weight: NDArray[Any]


Callback = Callable[[int, History], Any]
Evaluate = Callable[[Data], tuple[float, float]]


# Epochs that nobody looks into run in one call of compiled code; a signal waits for so long.
_MOST_AT_ONCE, _SECONDS_AT_ONCE = 1024, 0.05


def run(
    theta: NDArray[Any],
    architecture: Architecture,
    data: Data,
    *,
    engine: Engine,
    state: OptimizerState,
    seed: int,
    epochs: int,
    batch_size: int,
    shuffle: bool,
    history: History,
    evaluate: Evaluate,
    validation: Data | None,
    early_stopping: EarlyStopping | None,
    callbacks: Sequence[Callback],
    score_training: bool,
    verbose: bool | None,
) -> None:
    """Train `theta` in place for up to `epochs` epochs.

    Parameters
    ----------
    theta, architecture, data
        What is trained, and on what.
    engine, state, seed, epochs, batch_size, shuffle
        How.
    history
        Appended to.
    evaluate
        J and score of some data at the current theta.
    validation, early_stopping, callbacks, score_training, verbose
        As in `loopbp.Network.fit`.

    Raises
    ------
    DivergenceError
        Names epoch and layer; theta and the optimizer are those of the last finite epoch.
    """
    settings = state.optimizer.settings
    workspace = engine.make_workspace(theta, architecture, len(data.X), batch_size)
    count, losses = len(data.X), np.empty(_MOST_AT_ONCE)

    def train(rates: NDArray[Any], number: int) -> int:
        return engine.epochs(
            theta, architecture, data.X, data.Y, data.weight, settings, rates, state.vectors,
            state.step, seed, number, batch_size, int(shuffle), workspace, losses,
        )  # fmt: skip

    def first() -> str:
        compiles = will_compile(
            engine.epochs, theta, architecture, data.X, data.Y, data.weight, settings, losses,
            state.vectors, state.step, seed, 0, batch_size, int(shuffle), workspace, losses,
        )  # fmt: skip
        return "compiling, only this once" if compiles else ""

    best_loss, best_theta, waited = np.inf, theta.copy(), 0
    improved = stop = False
    one_by_one = bool(callbacks) or validation is not None or score_training
    number, last = history.epochs, history.epochs + epochs
    most = 1  # epochs of the next call of compiled code
    with progress(epochs, verbose, first) as advance:
        while number < last and not stop:
            at_once = min(most, last - number)
            rates = np.array([state.optimizer.rate(state.epoch + k) for k in range(at_once)])
            before = theta.copy(), state.vectors.copy()
            start = time.perf_counter()
            with np.errstate(all="ignore"):  # told by the check below, once
                done = train(rates, number)
            seconds = (time.perf_counter() - start) / done
            if not (np.isfinite(losses[:done]).all() and np.isfinite(theta).all()):
                if done > 1:  # again, one by one, up to the last that is finite
                    theta[:], state.vectors[:] = before
                    most, one_by_one = 1, True
                    continue
                layer = _first_bad_layer(theta, architecture, data.X, engine)
                theta[:], state.vectors[:] = before
                kept = f"of epoch {number - 1}" if number else "from before"
                raise DivergenceError(
                    f"training diverged in epoch {number}: layer {layer} is no longer finite "
                    f"(learning_rate={rates[0]:g}); the weights {kept} are kept. "
                    "Try a smaller learning_rate, clip_norm, or scaled inputs"
                )
            state.step += done * -(-count // batch_size)
            state.epoch += done
            history.loss += losses[:done].tolist()
            history.learning_rate += rates.tolist()
            history.seconds += [seconds] * done
            number += done
            if not one_by_one:
                most = max(1, min(_MOST_AT_ONCE, 4 * at_once, int(_SECONDS_AT_ONCE / seconds)))
                advance(history, done)
                continue
            if score_training:
                history.score.append(evaluate(data)[1])
            if validation is not None:
                validation_loss, validation_score = evaluate(validation)
                history.validation_loss.append(validation_loss)
                history.validation_score.append(validation_score)
            advance(history)
            stop = any([bool(callback(number - 1, history)) for callback in callbacks])
            if early_stopping is not None:
                if history.validation_loss[-1] < best_loss - early_stopping.min_delta:
                    best_loss, waited = history.validation_loss[-1], 0
                    best_theta[:] = theta
                    improved = True
                    history.best_epoch = number - 1
                else:
                    waited += 1
                if waited >= early_stopping.patience:
                    history.stopped_early = stop = True
    if improved:
        theta[:] = best_theta


def _first_bad_layer(
    theta: NDArray[Any], architecture: Architecture, X: NDArray[Any], engine: Engine
) -> int:
    """The first layer whose parameters, or else whose activations on X, are not finite."""
    count = len(architecture.sizes) - 1
    for layer in range(1, count + 1):
        start = architecture.w_start[layer]
        stop = architecture.b_start[layer] + architecture.sizes[layer]
        if not np.isfinite(theta[start:stop]).all():
            return layer
    z, a = np.zeros((2, len(X) * plain(unit_count)(architecture)), theta.dtype)
    with np.errstate(all="ignore"):
        engine.forward(theta, architecture, X, z, a, 0, False)
    for layer in range(1, count + 1):
        if not np.isfinite(plain(layer_of)(a, architecture, layer, len(X))).all():
            return layer
    return count


def blocks(count: int, size: int) -> Iterator[slice]:
    """0 .. count-1 in slices of `size`."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
