"""The epochs of sgd and adam: scikit-learn's order, its losses, and when it stops."""

import sys
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from loopbp.engines import pick_training
from loopbp.estimators.inputs import dense_blocks, taken
from loopbp.estimators.optimizer import StochasticOptimizer
from loopbp.estimators.weights import Packed
from loopbp.jit.decorators import will_compile
from loopbp.network import evaluation
from loopbp.random.streams import AS_IT_IS, GIVEN
from loopbp.training import Data

Array = NDArray[Any]


def begin(estimator: Any) -> None:
    """What a first `fit` sets."""
    estimator.loss_curve_ = []
    estimator.validation_loss_curve_ = None
    estimator._no_improvement_count = 0
    early = estimator.early_stopping
    estimator.best_loss_ = None if early else np.inf
    estimator.validation_scores_ = [] if early else None
    estimator.best_validation_score_ = -np.inf if early else None


def validation_of(X: Any, y: Any, weight: Any, dtype: Any) -> Data:
    """Validation data as the engine takes them; sparse inputs stay sparse."""
    X = X if issparse(X) else np.ascontiguousarray(X, dtype)
    s = np.ones(X.shape[0]) if weight is None else weight
    return Data(X, np.ascontiguousarray(y, dtype), np.asarray(s, dtype))


def fit(
    estimator: Any, packed: Packed, X: Any, y: Any, sample_weight: Any, validation: Data | None,
    incremental: bool,
) -> None:  # fmt: skip
    """Train theta in place: up to ``max_iter`` epochs, or one of ``partial_fit``."""
    if not incremental or not hasattr(estimator, "_optimizer"):
        estimator._optimizer = StochasticOptimizer(estimator, packed.theta)
    early = estimator.early_stopping
    if early and incremental:
        raise ValueError("partial_fit does not support early_stopping=True")
    if early and validation is None:
        X, y, sample_weight, validation = _held_out(
            estimator, X, y, sample_weight, packed.theta.dtype
        )
    epochs = _Epochs.of(estimator, packed, X, y, sample_weight)
    epochs.say_if_it_compiles()
    # a warm start that gains nothing keeps its last weights, as scikit-learn's does
    best = None if getattr(estimator, "validation_scores_", None) else packed.theta.copy()
    most = 1 if incremental else estimator.max_iter
    estimator.n_iter_ = 0
    try:
        for number in range(most):
            estimator.loss_ = epochs.run()
            estimator.n_iter_ += 1
            estimator.t_ += epochs.count
            estimator.loss_curve_.append(estimator.loss_)
            if estimator.verbose:
                print(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")
            if validation is not None:
                _look_at(estimator, packed, validation)
            if _improves(estimator) and early:
                best = packed.theta.copy()
            asked = [bool(call(number, estimator)) for call in estimator.callbacks or ()]
            if _stops(estimator) or any(asked):
                break
            if not early and not np.isfinite(packed.theta).all():
                break  # nothing comes back from there: the caller says so
            if estimator.n_iter_ == estimator.max_iter and not incremental:
                warnings.warn(
                    f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) reached and "
                    "the optimization hasn't converged yet.",
                    ConvergenceWarning,
                    stacklevel=5,
                )
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=5)
    if early and best is not None:
        packed.theta[:] = best


@dataclass
class _Epochs:
    """Epoch after epoch of one training."""

    estimator: Any
    packed: Packed
    X: Any
    Y: Array
    weight: Array
    batch_size: int
    seed: int
    engine: Any
    workspace: Any
    order: Array
    some_weigh_nothing: bool

    @classmethod
    def of(cls, estimator: Any, packed: Packed, X: Any, y: Any, sample_weight: Any) -> "_Epochs":
        theta, count = packed.theta, X.shape[0]
        if not issparse(X):
            X = np.ascontiguousarray(X, theta.dtype)
        weight = np.ones(count, theta.dtype)
        if sample_weight is not None:
            weight[:] = sample_weight
        batch_size = clip_batch(estimator.batch_size, count)
        settings = estimator._optimizer.settings
        engine = pick_training("auto", theta, packed.architecture, settings, batch_size)
        drops = packed.architecture.dropout.any()
        seed = int(estimator._random_state.randint(2**31 - 1)) if drops else 0
        return cls(
            estimator, packed, X, np.ascontiguousarray(y, theta.dtype), weight, batch_size, seed,
            engine, engine.make_workspace(theta, packed.architecture, count, batch_size),
            np.arange(count), bool((weight == 0.0).any()),
        )  # fmt: skip

    def say_if_it_compiles(self) -> None:
        """A line for a person who would wonder what takes so long, if one watches."""
        if not sys.stderr.isatty():
            return
        one, optimizer = np.empty(1), self.estimator._optimizer
        compiles = will_compile(
            self.engine.epochs, self.packed.theta, self.packed.architecture, self.Y, self.Y,
            self.weight, optimizer.settings, one, optimizer.state, optimizer.step, self.seed, 0,
            self.batch_size, GIVEN, self.workspace, one,
        )  # fmt: skip
        if compiles:
            print("loopbp: compiling, only this once", file=sys.stderr)

    @property
    def count(self) -> int:
        """How many examples there are."""
        return len(self.Y)

    def run(self) -> float:
        """One epoch; the mean of J over the examples, each before the update of its batch."""
        if self.estimator.shuffle:
            shuffled = np.arange(self.count)
            self.estimator._random_state.shuffle(shuffled)
            self.order = self.order[shuffled]  # an order of the order before
        if self.some_weigh_nothing:
            self._check_batches()
        if not issparse(self.X):
            if self.estimator.shuffle:
                self.workspace.order[:] = self.order
            return self._epoch(self.X, slice(None), GIVEN if self.estimator.shuffle else AS_IT_IS)
        total, rows = 0.0, taken(self.X, self.order)
        for part, x in dense_blocks(rows, self.packed.theta.dtype, self.batch_size):
            total += len(x) * self._epoch(x, self.order[part], AS_IT_IS)
        return total / self.count

    def _epoch(self, x: Array, rows: Any, shuffled: int) -> float:
        optimizer, theta = self.estimator._optimizer, self.packed.theta
        workspace = self.workspace
        if len(x) < self.count:  # the engine writes the order of a block into as much
            workspace = workspace._replace(order=workspace.order[: len(x)])
        with np.errstate(all="ignore"):  # seen at the end
            loss = self.engine.epoch(
                theta, self.packed.architecture, x, self.Y[rows], self.weight[rows],
                optimizer.settings, optimizer.eta, optimizer.state, optimizer.step, self.seed, 0,
                self.batch_size, shuffled, workspace,
            )  # fmt: skip
        optimizer.made(-(-len(x) // self.batch_size))
        return loss

    def _check_batches(self) -> None:
        starts = np.arange(0, self.count, self.batch_size)
        if not np.add.reduceat(self.weight[self.order], starts).all():
            raise ZeroDivisionError(
                "Weights sum to zero, can't be normalized: sample_weight is 0 for all examples of "
                "a batch; leave out examples that weigh nothing, or take a larger batch_size"
            )


def clip_batch(batch_size: Any, count: int) -> int:
    """The batch size of a training on so many examples."""
    if batch_size == "auto":
        return min(200, count)
    if batch_size > count:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=7,
        )
    return int(np.clip(batch_size, 1, count))


def _held_out(
    estimator: Any, X: Any, y: Any, sample_weight: Any, dtype: Any
) -> tuple[Any, Any, Any, Data]:
    """A part of the examples for early stopping, as scikit-learn draws it."""
    # by class for one column only: three classes are split without a look at them
    by_class = estimator._by_class and estimator.n_outputs_ == 1
    arrays = (X, y) if sample_weight is None else (X, y, sample_weight)
    parts = train_test_split(
        *arrays,
        random_state=estimator._random_state,
        test_size=estimator.validation_fraction,
        stratify=y if by_class else None,
    )
    X_held: Any
    X, X_held, y, y_held, *weights = parts
    if X_held.shape[0] < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            "dataset."
        )
    weight, held_weight = weights or (None, None)
    return X, y, weight, validation_of(X_held, y_held, held_weight, dtype)


def _look_at(estimator: Any, packed: Packed, validation: Data) -> None:
    """Loss and score of the validation data, without dropout and penalty."""
    architecture = packed.architecture._replace(l2=0.0, by_weight=False)
    total, outputs, weights = 0.0, [], validation.weight.sum(dtype=np.float64)
    for part, x in dense_blocks(validation.X, packed.theta.dtype):
        few = Data(x, validation.Y[part], validation.weight[part])
        J, found, _ = evaluation.losses("auto", packed.theta, architecture, few, True)
        total += J * len(x)
        outputs.append(found)
    if getattr(estimator, "validation_loss_curve_", None) is None:
        estimator.validation_loss_curve_ = []
    estimator.validation_loss_curve_.append(total / weights if weights else np.nan)
    score = estimator._score(np.concatenate(outputs), validation.Y, validation.weight)
    if getattr(estimator, "validation_scores_", None) is None:
        estimator.validation_scores_, estimator.best_validation_score_ = [], -np.inf
    estimator.validation_scores_.append(score)
    if not estimator.early_stopping and score > estimator.best_validation_score_:
        estimator.best_validation_score_ = score
    if estimator.verbose:
        print(f"Validation score: {score:f}")


def _improves(estimator: Any) -> bool:
    """Count epochs without improvement; whether these are the best weights so far."""
    if estimator.early_stopping:
        score, best = estimator.validation_scores_[-1], estimator.best_validation_score_
        stuck, better = score < best + estimator.tol, score > best
        if better:
            estimator.best_validation_score_ = score
    else:
        loss, best = estimator.loss_curve_[-1], estimator.best_loss_
        stuck, better = loss > best - estimator.tol, loss < best
        if better:
            estimator.best_loss_ = loss
    estimator._no_improvement_count = estimator._no_improvement_count + 1 if stuck else 0
    return better


def _stops(estimator: Any) -> bool:
    """Whether nothing has improved for too long, after the rate of the next epoch is set."""
    estimator._optimizer.epoch_ends(estimator.t_)
    if estimator._no_improvement_count <= estimator.n_iter_no_change:
        return False
    what = "Validation score" if estimator.early_stopping else "Training loss"
    message = (
        f"{what} did not improve more than tol={estimator.tol:f} for "
        f"{estimator.n_iter_no_change} consecutive epochs."
    )
    if estimator._optimizer.stops(message, estimator.verbose):
        return True
    estimator._no_improvement_count = 0
    return False
