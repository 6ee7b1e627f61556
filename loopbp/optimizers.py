"""Optimizers: what a user makes (`SGD`, `Adam`, ...) and the update rules as loops over theta.

g is dJ/dtheta with the L2 penalty in it, eta the learning rate, k = 1, 2, ... the step.

==========  ======================================================================================
SGD         theta_p <- theta_p - eta g_p
momentum    v_p <- mu v_p - eta g_p;                     theta_p <- theta_p + v_p
Nesterov    v_p <- mu v_p - eta g_p;                     theta_p <- theta_p + mu v_p - eta g_p
RMSprop     s_p <- rho s_p + (1 - rho) g_p**2;  theta_p <- theta_p - eta g_p / (sqrt(s_p) + eps)
Adam        u_p <- beta1 u_p + (1 - beta1) g_p;  s_p <- beta2 s_p + (1 - beta2) g_p**2;
            theta_p <- theta_p - eta (u_p / (1 - beta1**k)) / (sqrt(s_p / (1 - beta2**k)) + eps);
            with epsilon_hat            .. / ((sqrt(s_p) + eps) / sqrt(1 - beta2**k))
AdamW       w_p <- w_p - eta decay w_p for weights, not biases; then Adam
Adagrad     s_p <- s_p + g_p**2;            theta_p <- theta_p - eta g_p / (sqrt(s_p) + eps)
Rprop       d_p <- increase d_p where g_p has the sign of the step before, at most largest_step;
            d_p <- decrease d_p where it has the other, at least smallest_step, and g_p <- 0;
            theta_p <- theta_p - d_p sign(g_p)
==========  ======================================================================================
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from loopbp import catalogue
from loopbp.catalogue import (
    ONE_VECTOR,
    RULE_ADAGRAD,
    RULE_ADAM,
    RULE_ADAMW,
    RULE_MOMENTUM,
    RULE_NESTEROV,
    RULE_RMSPROP,
    RULE_RPROP,
    RULE_SGD,
    TWO_VECTORS,
    WITHOUT_STATE,
)
from loopbp.jit.decorators import inline_jit, inner_jit, jit
from loopbp.machine.views import flat, vector
from loopbp.messages.calls import suggests
from loopbp.parameters import layer_count
from loopbp.validate import check_number

# What ``import loopbp`` shows to those who read types.
__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "RMSprop", "Rprop"]


class OptimizerSettings(NamedTuple):
    """An optimizer as compiled functions take it: ``loopbp.Adam(1e-3).settings``."""

    rule: int
    learning_rate: float
    first: float = 0.0
    """mu, rho, beta1, or Rprop's decrease"""
    second: float = 0.0
    """beta2, or Rprop's increase"""
    epsilon: float = 0.0
    """or Rprop's smallest step"""
    largest: float = 0.0
    """Rprop's largest step"""
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    """0 for no clipping"""
    epsilon_hat: bool = False
    """whether Adam's epsilon is added to sqrt(s_p), before that is freed of its start"""


@inner_jit
def sgd(theta, gradient, learning_rate):
    """theta_p <- theta_p - eta g_p."""
    eta = theta.dtype.type(learning_rate)
    for p in range(theta.shape[0]):
        theta[p] -= eta * gradient[p]


@inner_jit
def momentum(theta, gradient, velocity, learning_rate, mu, nesterov):
    """v_p <- mu v_p - eta g_p; theta_p += v_p, or, with Nesterov's look ahead, mu v_p - eta g_p."""
    eta = theta.dtype.type(learning_rate)
    mu = theta.dtype.type(mu)
    if nesterov:
        for p in range(theta.shape[0]):
            velocity[p] = mu * velocity[p] - eta * gradient[p]
            theta[p] += mu * velocity[p] - eta * gradient[p]
    else:
        for p in range(theta.shape[0]):
            velocity[p] = mu * velocity[p] - eta * gradient[p]
            theta[p] += velocity[p]


@inner_jit
def rmsprop(theta, gradient, square, learning_rate, keep, take, epsilon):
    """s_p <- keep s_p + take g_p**2; theta_p -= eta g_p / (sqrt(s_p) + eps).

    keep = rho, take = 1 - rho; Adagrad's are 1 and 1: a rule of its own would be compiled for all.
    """
    eta = theta.dtype.type(learning_rate)
    keep = theta.dtype.type(keep)
    take = theta.dtype.type(take)
    epsilon = theta.dtype.type(epsilon)
    for p in range(theta.shape[0]):
        square[p] = keep * square[p] + take * gradient[p] * gradient[p]
        theta[p] -= eta * gradient[p] / (math.sqrt(square[p]) + epsilon)


@inner_jit
def adam(theta, gradient, mean, square, learning_rate, beta1, beta2, epsilon, epsilon_hat, step):
    """u and s are running means of g and g**2, freed of their start at 0 (Kingma and Ba 2015)."""
    keep1, take1 = theta.dtype.type(beta1), theta.dtype.type(1.0 - beta1)
    keep2, take2 = theta.dtype.type(beta2), theta.dtype.type(1.0 - beta2)
    # eta (u / c1) / (sqrt(s / c2) + eps) = (eta / c1) u / (sqrt(s) / sqrt(c2) + eps)
    eta = theta.dtype.type(learning_rate / (1.0 - beta1**step))
    root = 1.0 / math.sqrt(1.0 - beta2**step)
    if epsilon_hat:  # eps is divided with the root that it is added to
        epsilon = epsilon * root
    root = theta.dtype.type(root)
    small = theta.dtype.type(epsilon)
    for p in range(theta.shape[0]):
        mean[p] = keep1 * mean[p] + take1 * gradient[p]
        square[p] = keep2 * square[p] + take2 * gradient[p] * gradient[p]
        theta[p] -= eta * mean[p] / (math.sqrt(square[p]) * root + small)


@inner_jit
def rprop(
    theta, gradient, previous, size, learning_rate, decrease, increase, smallest, largest, step
):
    """A step of each parameter's own, by the sign of its gradient (Riedmiller and Braun 1993).

    This is iRprop- (Igel and Huesken 2000), which is what FANN calls RPROP: where the sign has
    changed, the parameter rests for a step, and the step after it counts as behind no change.
    Signs are compared one by one, for a product of two small gradients may be 0.
    """
    decrease, increase = theta.dtype.type(decrease), theta.dtype.type(increase)
    smallest, largest = theta.dtype.type(smallest), theta.dtype.type(largest)
    if step == 1:
        for p in range(theta.shape[0]):
            size[p] = learning_rate
    for p in range(theta.shape[0]):
        g, before = gradient[p], previous[p]
        if (g > 0.0 and before > 0.0) or (g < 0.0 and before < 0.0):
            size[p] = min(size[p] * increase, largest)
        elif (g > 0.0 and before < 0.0) or (g < 0.0 and before > 0.0):
            size[p] = max(size[p] * decrease, smallest)
            g = theta.dtype.type(0.0)
        if g > 0.0:
            theta[p] -= size[p]
        elif g < 0.0:
            theta[p] += size[p]
        previous[p] = g


@inner_jit
def decay(theta, amount):
    """w_p <- w_p - amount w_p."""
    keep = theta.dtype.type(1.0 - amount)
    for p in range(theta.shape[0]):
        theta[p] *= keep


@inner_jit
def clip_by_norm(gradient, limit):
    """Scale the gradient so that its Euclidean norm is at most `limit` (Pascanu et al. 2013)."""
    total = 0.0
    for p in range(gradient.shape[0]):
        total += gradient[p] * gradient[p]
    norm = math.sqrt(total)
    if norm > limit:
        scale = gradient.dtype.type(limit / norm)
        for p in range(gradient.shape[0]):
            gradient[p] *= scale


@inline_jit
def state_rows(settings):
    """How many vectors as long as theta a rule keeps."""
    if settings.rule in WITHOUT_STATE:
        return 0
    if settings.rule in ONE_VECTOR:
        return 1
    return 2 if settings.rule in TWO_VECTORS else -1  # an array of -1 rows cannot be made


@inline_jit
def state_part(state, row, start, stop):
    """state[row, start:stop]."""
    return vector(flat(state), row * state.shape[1] + start, stop - start)


@inner_jit
def update_part(settings, learning_rate, step, theta, gradient, state, start, stop, are_weights):
    """One step of any rule, without clipping, for the parameters start .. stop-1 of theta.

    Parameters
    ----------
    settings : OptimizerSettings
    learning_rate : float
        eta of this step; a schedule has already been applied.
    step : int
        k, from 1.
    theta, gradient : arrays of shape (P,)
        theta is overwritten from start to stop.
    state : array of shape (state_rows, P), overwritten from start to stop
    are_weights : bool
        AdamW decays weights and not biases.
    """
    part, g = vector(theta, start, stop - start), vector(gradient, start, stop - start)
    if settings.rule == RULE_SGD:
        sgd(part, g, learning_rate)
    elif settings.rule in (RULE_MOMENTUM, RULE_NESTEROV):
        nesterov = settings.rule == RULE_NESTEROV
        momentum(
            part, g, state_part(state, 0, start, stop), learning_rate, settings.first, nesterov
        )
    elif settings.rule == RULE_RMSPROP:
        square = state_part(state, 0, start, stop)
        keep, take = settings.first, 1.0 - settings.first
        rmsprop(part, g, square, learning_rate, keep, take, settings.epsilon)
    elif settings.rule in (RULE_ADAM, RULE_ADAMW):
        if settings.rule == RULE_ADAMW and are_weights:
            decay(part, learning_rate * settings.weight_decay)
        adam(
            part, g, state_part(state, 0, start, stop), state_part(state, 1, start, stop),
            learning_rate,
            settings.first, settings.second, settings.epsilon, settings.epsilon_hat, step,
        )  # fmt: skip
    elif settings.rule == RULE_ADAGRAD:
        square = state_part(state, 0, start, stop)
        rmsprop(part, g, square, learning_rate, 1.0, 1.0, settings.epsilon)
    elif settings.rule == RULE_RPROP:
        rprop(
            part, g, state_part(state, 0, start, stop), state_part(state, 1, start, stop),
            learning_rate,
            settings.first, settings.second, settings.epsilon, settings.largest, step,
        )  # fmt: skip
    else:  # NaN, for no rule is a guess
        for p in range(part.shape[0]):
            part[p] = math.nan


@jit
def update(settings, learning_rate, step, theta, gradient, state, architecture):
    """One step of any rule for the whole of theta: clip the gradient, then `update_part`.

    Parameters
    ----------
    settings, learning_rate, step, state
        As in `update_part`.
    theta, gradient : arrays of shape (P,), both overwritten
    architecture : Architecture
        Tells weights from biases.
    """
    if settings.clip_norm > 0.0:
        clip_by_norm(gradient, settings.clip_norm)
    for l in range(1, layer_count(architecture) + 1):
        w, b = architecture.w_start[l], architecture.b_start[l]
        end = b + architecture.sizes[l]
        update_part(settings, learning_rate, step, theta, gradient, state, w, b, True)
        update_part(settings, learning_rate, step, theta, gradient, state, b, end, False)


LearningRate = float | Callable[[int], float]


@suggests
@dataclass(frozen=True)
class Optimizer:
    """Base of the optimizers.

    Parameters
    ----------
    learning_rate
        eta: a positive number, a schedule of `loopbp.schedules`, or any function of the epoch
        (from 0).
    clip_norm
        The gradient is scaled down to this Euclidean norm where it is longer; None: never.

    Raises
    ------
    TypeError, ValueError
        Names the argument that is not a number or out of its range.
    """

    learning_rate: LearningRate = 0.01
    clip_norm: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for row in catalogue.OPTIMIZERS.values():
            for setting in row.settings if row.kind == type(self).__name__ else ():
                check_number(setting.name, getattr(self, setting.name), **setting.limits)
        if not callable(self.learning_rate):
            check_number("learning_rate", self.learning_rate, above=0.0)
        if self.clip_norm is not None:
            check_number("clip_norm", self.clip_norm, above=0.0)

    def rate(self, epoch: int) -> float:
        """eta of an epoch.

        Raises
        ------
        ValueError
            If a schedule returns what is not a positive finite number.
        """
        if not callable(self.learning_rate):
            return float(self.learning_rate)
        rate = self.learning_rate(epoch)
        check_number(f"learning_rate({epoch})", rate, above=0.0)
        return float(rate)

    @property
    def settings(self) -> OptimizerSettings:
        """The named tuple that compiled functions take; eta is that of epoch 0."""
        return OptimizerSettings(
            learning_rate=self.rate(0), clip_norm=float(self.clip_norm or 0.0), **self._rule()
        )

    def _rule(self) -> dict[str, Any]:
        """The other fields of `settings`, the rule's code among them."""
        return {"rule": RULE_SGD}


@suggests
@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent, plain, with momentum, or with Nesterov's.

    Parameters
    ----------
    learning_rate, clip_norm
        As in `Optimizer`.
    momentum
        mu in [0, 1).
    nesterov
        Look ahead (Sutskever et al. 2013); needs momentum.
    """

    learning_rate: LearningRate = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and self.momentum == 0.0:
            raise ValueError("nesterov: needs momentum above 0, got momentum=0.0")

    def _rule(self) -> dict[str, Any]:
        rule = RULE_NESTEROV if self.nesterov else RULE_MOMENTUM if self.momentum else RULE_SGD
        return {"rule": rule, "first": float(self.momentum)}


@suggests
@dataclass(frozen=True)
class RMSprop(Optimizer):
    """Gradient over its running root mean square (Tieleman and Hinton 2012).

    Parameters
    ----------
    learning_rate, clip_norm
        As in `Optimizer`.
    rho
        Of the running mean, in [0, 1).
    epsilon
        Added to the root.
    """

    learning_rate: LearningRate = 1e-3
    rho: float = 0.9
    epsilon: float = 1e-8

    def _rule(self) -> dict[str, Any]:
        return {"rule": RULE_RMSPROP, "first": float(self.rho), "epsilon": float(self.epsilon)}


@suggests
@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam (Kingma and Ba 2015).

    Parameters
    ----------
    learning_rate, clip_norm
        As in `Optimizer`.
    beta1, beta2
        Of the running means of the gradient and of its square, in [0, 1).
    epsilon
        Added to the root.
    epsilon_hat
        Add epsilon before the root is freed of its start: the form at the end of section 2 of
        Kingma and Ba, which scikit-learn and TensorFlow have.
    """

    learning_rate: LearningRate = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    epsilon_hat: bool = field(default=False, kw_only=True)

    def _rule(self) -> dict[str, Any]:
        first, second = float(self.beta1), float(self.beta2)
        return {
            "rule": RULE_ADAM, "first": first, "second": second, "epsilon": float(self.epsilon),
            "epsilon_hat": bool(self.epsilon_hat),
        }  # fmt: skip


@suggests
@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019).

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon, epsilon_hat, clip_norm
        As in `Adam`.
    weight_decay
        Each step takes eta * weight_decay * w from every weight; biases are not decayed
        (PyTorch's AdamW decays them too).
    """

    weight_decay: float = 0.01

    def _rule(self) -> dict[str, Any]:
        return {
            **super()._rule(), "rule": RULE_ADAMW, "weight_decay": float(self.weight_decay)
        }  # fmt: skip


@suggests
@dataclass(frozen=True)
class Adagrad(Optimizer):
    """Gradient over the root of the sum of all its squares so far (Duchi et al. 2011).

    Parameters
    ----------
    learning_rate, clip_norm
        As in `Optimizer`.
    epsilon
        Added to the root.
    """

    learning_rate: LearningRate = 0.01
    epsilon: float = 1e-10

    def _rule(self) -> dict[str, Any]:
        return {"rule": RULE_ADAGRAD, "epsilon": float(self.epsilon)}


@suggests
@dataclass(frozen=True)
class Rprop(Optimizer):
    """Resilient backpropagation, iRprop- (Igel and Huesken 2000): what FANN calls RPROP.

    Only the sign of a derivative counts, compared with that of the step before.  So the gradient
    must be that of all examples: `fit` takes them in one batch, and refuses a smaller
    ``batch_size``.  `loopbp.compiled.train` takes the batch size that it is given.

    Parameters
    ----------
    learning_rate
        Length of every parameter's first step; a schedule has no say in those after it.
    decrease, increase
        What a step is multiplied by behind a change of the sign, and behind none.
    smallest_step, largest_step
        Between them every later step stays.
    clip_norm
        As in `Optimizer`; it changes no sign.
    """

    learning_rate: LearningRate = 0.1
    decrease: float = 0.5
    increase: float = 1.2
    smallest_step: float = 1e-6
    largest_step: float = 50.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.smallest_step > self.largest_step:
            raise ValueError(
                f"smallest_step: expected at most largest_step={self.largest_step:g}, "
                f"got {self.smallest_step:g}"
            )

    def _rule(self) -> dict[str, Any]:
        return {
            "rule": RULE_RPROP, "first": float(self.decrease), "second": float(self.increase),
            "epsilon": float(self.smallest_step), "largest": float(self.largest_step),
        }  # fmt: skip


OPTIMIZERS: dict[str, type[Optimizer]] = {
    name: globals()[row.kind] for name, row in catalogue.OPTIMIZERS.items()
}
