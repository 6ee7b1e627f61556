"""A check under way: what is given, what is measured, and what comes of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loopbp.engines import Engine
from loopbp.gradcheck.causes import Block, Candidate, Evidence, name_causes, relative_error
from loopbp.gradcheck.cost import NetworkCost
from loopbp.gradcheck.differences import (
    COMPLEX_STEP,
    Derivatives,
    Probe,
    central,
    complex_step,
)
from loopbp.gradcheck.report import DIRECTIONS, BlockReport, Cause, GradientReport
from loopbp.network import Network
from loopbp.validate import as_array

Array = NDArray[Any]

_EVERY_PARAMETER = 5000  # up to so many parameters, all of them are checked
_SAMPLE = 1000
_LEAST_PER_BLOCK = 8
_DIRECTIONS = 10
_PARTS = 16  # of the batch, for its effects
_MOST_SKIPPED = 0.1
_ROUNDING = 16.0  # rounding error of a number, in units of the largest that it is made of


@dataclass
class Check:
    """One check under way."""

    theta: Array
    blocks: list[Block]
    precision: float
    tolerance: float
    rng: np.random.Generator
    sample: int | None
    loss: float = 0.0
    rounding: Array | None = None
    """Of the analytic gradient; None: estimated from the largest entry of each block."""
    analytic: Array = field(default_factory=lambda: np.empty(0))
    numeric: Array = field(default_factory=lambda: np.empty(0))
    error: Array = field(default_factory=lambda: np.empty(0))
    tried: Array = field(default_factory=lambda: np.empty(0, np.int64))
    directions: list[Array] = field(default_factory=list)
    along: Derivatives | None = None
    per_call: Array | None = None
    """What each call adds, where the gradient is stale."""
    causes: list[Cause] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failed: bool = False
    batch_error: float | None = None
    method: str = ""

    # -- what is given --------------------------------------------------------------------------

    def call(self, gradient: Callable[[Array], ArrayLike]) -> None:
        """Call the gradient three times: it must return the same."""
        first, second, third = (self._gradient(gradient) for _ in range(3))
        self.analytic = first
        everywhere = tuple(b.name for b in self.blocks)
        bad = [b for b in self.blocks if not np.isfinite(first[b.part]).all()]
        if bad:
            block = bad[0]
            k = int(np.argmin(np.isfinite(first[block.part])))
            at = [int(i) for i in np.unravel_index(k, block.shape)]
            text = f"the gradient is not finite: {first[block.start + k]} in {block.name} at {at}"
            self.causes.append(Cause("not_finite", text, tuple(b.name for b in bad)))
            return
        if self._same(first, second):
            return
        if self._same(third - second, second - first):
            self.per_call = second - first
            text = "each call adds to the gradient of the one before (+= without setting to 0)"
            self.causes.append(Cause("stale", text, everywhere))
        else:
            text = "two calls at the same theta give different gradients"
            self.causes.append(Cause("not_repeatable", text, everywhere))

    def _gradient(self, gradient: Callable[[Array], ArrayLike]) -> Array:
        given = as_array("gradient", gradient(self.theta.copy()))
        if given.shape != self.theta.shape:
            raise ValueError(
                f"gradient: expected an array of shape {self.theta.shape}, got shape {given.shape}"
            )
        if given.dtype.kind not in "fiu":
            raise TypeError(f"gradient: expected real numbers, got dtype {given.dtype}")
        return given.astype(np.float64)  # a copy: the same buffer may come back each time

    def _same(self, one: Array, other: Array) -> bool:
        largest = max(float(np.abs(one).max()), float(np.abs(other).max()))
        return bool(np.abs(one - other).max() <= self.tolerance * largest)

    def compare_loss(self, J: float) -> None:
        """The engine's loss against the reference's."""
        floor = _ROUNDING * self.precision * max(1.0, abs(self.loss)) / self.tolerance
        wrong = relative_error(np.array(J), np.array(self.loss), floor) > self.tolerance
        if wrong:
            text = f"the engine's loss is {J:.9g}, the reference's {self.loss:.9g}"
            self.causes.append(Cause("loss", text, ("loss",)))

    def compare_batch(self, engine: Engine, net: Network, cost: NetworkCost) -> None:
        """The gradient of the batch against the mean over its parts."""
        X, Y, weight = (v.astype(net.dtype) for v in (cost.X, cost.Y, cost.weight))
        total = np.zeros(self.theta.size)
        parts = np.array_split(np.arange(cost.m), min(cost.m, _PARTS))
        units = int(np.sum(net.sizes[1:]))
        for part in parts:
            z, a, delta = (np.empty(len(part) * units, net.dtype) for _ in range(3))
            g = np.empty_like(self.theta)
            x, y, s = X[part], Y[part], weight[part]
            engine.forward(self.theta, net.architecture, x, z, a, 0, False)
            engine.backward(self.theta, net.architecture, x, y, s, z, a, delta, g, 0, False)
            total += g.astype(np.float64) * (len(part) / cost.m)
        floor = 2 * self._rounding() / self.tolerance
        self.batch_error = float(relative_error(self.analytic, total, floor).max())
        if self.batch_error > self.tolerance:
            what = "single examples" if len(parts) == cost.m else f"{len(parts)} parts"
            text = f"the gradient of the batch is not the mean over its {what}"
            self.causes.append(Cause("batch", text, tuple(b.name for b in self.blocks)))

    # -- what is measured -----------------------------------------------------------------------

    def central(self, evaluate: Callable[[Array], Any], noise: float) -> None:
        """Measure with central differences."""
        wide = self.theta.astype(np.float64)
        self._measure(lambda probes: central(evaluate, wide, probes, noise, self.tolerance))
        self.method = (
            f"central differences at h, h/2, h/4, extrapolated{self.method}; "
            f"rounding of the loss {noise:.1e}"
        )
        size = np.maximum(np.abs(self.numeric), np.abs(self.analytic))[self.tried]
        error = self.error[self.tried]
        seen = np.isfinite(size) & np.isfinite(error)
        if (
            seen.any()
            and size[seen].max() > 0
            and (error[seen] > self.tolerance * size[seen]).all()
        ):
            self.failed = True
            self.notes.append(
                "every derivative is so small that rounding of the loss hides it; check at "
                "another theta"
            )

    def complex_step(self, f: Callable[[Array], complex]) -> None:
        """Measure with complex steps."""
        wide = self.theta.astype(np.float64)
        self._measure(lambda probes: complex_step(f, wide, probes))
        self.method = f"complex step, h = {COMPLEX_STEP:g}{self.method}"

    def _measure(self, measure: Callable[[Sequence[Probe]], Derivatives]) -> None:
        P = self.theta.size
        wanted = self.sample
        if wanted is None:
            wanted = P if P <= _EVERY_PARAMETER else _SAMPLE
        self.numeric, self.error = np.full(P, np.nan), np.full(P, np.nan)
        self.tried = np.arange(P) if wanted >= P else self._drawn(wanted)
        found = measure([int(k) for k in self.tried])
        self.numeric[self.tried], self.error[self.tried] = found.value, found.error
        kinks, unsettled = found.kinks, found.unsettled
        if wanted >= P:
            self.method = ", every parameter"
        else:
            drawn = self.rng.standard_normal((_DIRECTIONS, P))
            self.directions = list(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))
            self.along = measure(self.directions)
            kinks, unsettled = kinks + self.along.kinks, unsettled + self.along.unsettled
            self.method = (
                f", a random sample of {len(self.tried)} parameters and {_DIRECTIONS} random "
                "directions"
            )
        if kinks:
            self.notes.append(
                f"{kinks} skipped: a unit or an error changes side of a kink between +h and -h, "
                "or stands on it"
            )
        if unsettled:
            self.notes.append(
                f"{unsettled} skipped: the differences do not settle as h falls, as at a kink"
            )

    def _drawn(self, count: int) -> NDArray[np.int64]:
        """A random sample, in proportion to the blocks but some of each."""
        share = count / self.theta.size
        chosen = []
        for block in self.blocks:
            n = min(block.size, max(_LEAST_PER_BLOCK, round(share * block.size)))
            chosen.append(block.start + self.rng.choice(block.size, n, replace=False))
        return np.sort(np.concatenate(chosen))

    # -- what comes of it -----------------------------------------------------------------------

    def report(self, right: Array, candidates: Callable[[], list[Candidate]]) -> GradientReport:
        """Compare, and name the causes if something is wrong.

        Parameters
        ----------
        right : array of shape (P,)
            The gradient that the candidates are made from.
        candidates
            Makes them, if they are needed.
        """
        rounding = self._rounding()
        floor = (self.error + rounding) / self.tolerance
        error = relative_error(self.analytic, self.numeric, floor)
        rows = [self._block_report(block, error) for block in self.blocks]
        if self.along is not None:
            rows.append(self._direction_report(self.along, rounding))

        checked = sum(row.checked for row in rows[: len(self.blocks)])
        skipped = len(self.tried) - checked
        unchecked = [row.name for row in rows if not row.checked]
        if unchecked:
            self.notes.append(f"nothing could be checked in {', '.join(unchecked)}")
        if skipped > _MOST_SKIPPED * len(self.tried):
            self.failed = True
            self.notes.append(
                f"{skipped} of {len(self.tried)} skipped: too many to trust the rest; use fewer "
                "examples, or another theta"
            )
        given = self.analytic if self.per_call is None else self.per_call
        wrong = any(row.checked and not row.ok for row in rows)
        if (wrong or self.per_call is not None) and np.isfinite(given).all():
            evidence = Evidence(given, self.numeric, floor, right, self.blocks, self.tolerance)
            self.causes += name_causes(evidence, candidates())
        return GradientReport(
            ok=not self.causes and not self.failed and all(row.ok for row in rows),
            max_relative_error=max(
                (row.max_relative_error for row in rows if row.checked), default=float("nan")
            ),
            tolerance=self.tolerance,
            checked=checked,
            skipped=skipped,
            parameters=self.theta.size,
            loss=self.loss,
            method=self.method,
            blocks=tuple(rows),
            causes=tuple(self.causes),
            batch_error=self.batch_error,
            notes=tuple(self.notes),
        )

    def _block_report(self, block: Block, error: Array) -> BlockReport:
        part = block.part
        tried = int(np.sum((self.tried >= part.start) & (self.tried < part.stop)))
        seen = np.flatnonzero(np.isfinite(self.numeric[part]))
        k = None if len(seen) == 0 else int(seen[np.argmax(error[part][seen])])
        index = None
        if k is not None:
            index = tuple(int(i) for i in np.unravel_index(k, block.shape))
        worst = None
        if k is not None:
            worst = (error[part][k], self.analytic[part][k], self.numeric[part][k])
        return self._row(block.name, (block.size, len(seen), tried - len(seen)), index, worst)

    def _rounding(self) -> Array:
        if self.rounding is not None:
            return self.rounding
        rounding = np.empty(self.theta.size)
        for block in self.blocks:
            numeric = self.numeric[block.part]
            largest = np.abs(numeric[np.isfinite(numeric)]).max(initial=0.0)
            rounding[block.part] = _ROUNDING * self.precision * largest
        return rounding

    def _direction_report(self, along: Derivatives, rounding: Array) -> BlockReport:
        given = np.array([self.analytic @ v for v in self.directions])
        floor = (along.error + [np.abs(v) @ rounding for v in self.directions]) / self.tolerance
        error = relative_error(given, along.value, floor)
        seen = np.flatnonzero(along.used)
        k = None if len(seen) == 0 else int(seen[np.argmax(error[seen])])
        counts = (len(given), len(seen), len(given) - len(seen))
        if k is None:
            return self._row(DIRECTIONS, counts, None, None)
        return self._row(DIRECTIONS, counts, (k,), (error[k], given[k], along.value[k]))

    def _row(
        self,
        name: str,
        counts: tuple[int, int, int],
        index: tuple[int, ...] | None,
        worst: tuple[float, float, float] | None,
    ) -> BlockReport:
        error, analytic, numeric = map(float, worst or (np.nan, np.nan, np.nan))
        return BlockReport(name, error <= self.tolerance, *counts, error, index, analytic, numeric)
