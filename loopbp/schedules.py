"""Learning-rate schedules: the rate of each epoch, epochs numbered from 0.

Any callable of the epoch that returns a positive number serves as well; these four are those that
people ask for by name.  Each takes its own first rate, so ``SGD(Cosine(0.1, epochs=30))`` is all.
"""

import math
from dataclasses import dataclass

from loopbp.messages.calls import suggests
from loopbp.validate import check_count, check_number


@suggests
@dataclass(frozen=True)
class Schedule:
    """Base of the schedules: a positive `initial` rate and a call with the epoch."""

    initial: float

    def __post_init__(self) -> None:
        check_number("initial", self.initial, above=0.0)

    def __call__(self, epoch: int) -> float:
        """The learning rate of `epoch` (from 0)."""
        return self.initial


@suggests
@dataclass(frozen=True)
class Constant(Schedule):
    """rate(e) = initial."""


@suggests
@dataclass(frozen=True)
class Step(Schedule):
    """rate(e) = initial * factor ** floor(e / every)."""

    factor: float = 0.5
    every: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("factor", self.factor, above=0.0)
        check_count("every", self.every)

    def __call__(self, epoch: int) -> float:
        return self.initial * self.factor ** (epoch // self.every)


@suggests
@dataclass(frozen=True)
class InverseScaling(Schedule):
    """rate(e) = initial / (1 + e) ** power."""

    power: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("power", self.power, at_least=0.0)

    def __call__(self, epoch: int) -> float:
        return self.initial / (1.0 + epoch) ** self.power


@suggests
@dataclass(frozen=True)
class Cosine(Schedule):
    """rate(e) falls from initial at e = 0 to `final` at e = epochs, half a cosine; then `final`."""

    epochs: int = 100
    final: float = 1e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count("epochs", self.epochs)
        check_number("final", self.final, above=0.0)

    def __call__(self, epoch: int) -> float:
        part = min(epoch / self.epochs, 1.0)
        return self.final + (self.initial - self.final) * 0.5 * (1.0 + math.cos(math.pi * part))
