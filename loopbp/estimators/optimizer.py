"""Where sgd or adam stands: its rule, its rate, its vectors, as `partial_fit` goes on with them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.jit.sources import plain
from loopbp.optimizers import (
    RULE_ADAM,
    RULE_MOMENTUM,
    RULE_NESTEROV,
    RULE_SGD,
    OptimizerSettings,
    state_rows,
)

SMALLEST_RATE = 1e-6


class StochasticOptimizer:
    """sgd or adam of an estimator with these parameters.

    Its attribute `learning_rate` is that of the next epoch; adam's is that of its last step, with
    both corrections in it, as scikit-learn has it.
    """

    def __init__(self, estimator: Any, theta: NDArray[Any]) -> None:
        self.solver, self.schedule = estimator.solver, estimator.learning_rate
        self.initial, self.power_t = float(estimator.learning_rate_init), estimator.power_t
        self.learning_rate = self.initial
        if self.solver == "adam":
            self.settings = OptimizerSettings(
                rule=RULE_ADAM, learning_rate=self.initial, first=float(estimator.beta_1),
                second=float(estimator.beta_2), epsilon=float(estimator.epsilon), epsilon_hat=True,
            )  # fmt: skip
        else:
            mu = float(estimator.momentum)
            nesterov = RULE_NESTEROV if estimator.nesterovs_momentum else RULE_MOMENTUM
            rule = nesterov if mu > 0.0 else RULE_SGD
            self.settings = OptimizerSettings(rule=rule, learning_rate=self.initial, first=mu)
        self.state = np.zeros((plain(state_rows)(self.settings), theta.size), theta.dtype)
        self.step = 0

    def made(self, steps: int) -> None:
        """So many updates have been made."""
        self.step += steps
        if self.solver == "adam":
            first, second = self.settings.first**self.step, self.settings.second**self.step
            self.learning_rate = self.initial * np.sqrt(1.0 - second) / (1.0 - first)

    @property
    def eta(self) -> float:
        """What the rule takes in the next epoch."""
        return self.initial if self.solver == "adam" else float(self.learning_rate)

    def epoch_ends(self, seen: int) -> None:
        """The rate of the next epoch, after so many examples."""
        if self.solver == "sgd" and self.schedule == "invscaling":
            self.learning_rate = self.initial / (seen + 1) ** self.power_t

    def stops(self, message: str, verbose: Any) -> bool:
        """Whether training is over where nothing improves; adaptive takes a smaller rate first."""
        if self.solver == "sgd" and self.schedule == "adaptive":
            if self.learning_rate > SMALLEST_RATE:
                self.learning_rate /= 5.0
                if verbose:
                    print(f"{message} Setting learning rate to {self.learning_rate:f}")
                return False
            message += " Learning rate too small."
        if verbose:
            print(f"{message} Stopping.")
        return True
