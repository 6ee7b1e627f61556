"""A check under way: what is given, what is measured, and what comes of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loopbp.gradcheck.causes import Block, Candidate, Evidence, name_causes, relative_error
from loopbp.gradcheck.differences import (
    COMPLEX_STEP,
    FLAT,
    NOISE,
    RESOLUTION,
    Derivatives,
    Probe,
    central,
    complex_step,
)
from loopbp.gradcheck.noise import EPS, Noise, gradient_noise
from loopbp.gradcheck.report import DIRECTIONS, BlockReport, Cause, GradientReport
from loopbp.gradcheck.verdicts import (
    NOT_DRAWN,
    REASONS,
    RIGHT,
    ROUNDING,
    UNCHECKED,
    WRONG,
    Verdicts,
    judge,
)
from loopbp.training import Data
from loopbp.validate import as_array

Array = NDArray[Any]

_EVERY_PARAMETER = 5000  # up to so many parameters, all of them are checked
_SAMPLE = 1000
_LEAST_PER_BLOCK = 8
_DIRECTIONS = 10
_PARTS = 16  # of the batch, for its effects
_MOST_SKIPPED = 0.1
_NO_FAULT = [FLAT, ROUNDING]  # of the checker: a block may consist of these and pass
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
    limit: list[str] = field(default_factory=list)
    """What keeps each of `tried` from being known better."""
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
    engine: str = ""
    """Whose gradient it is, and by which way; empty: a function's."""
    repeatable: bool = True
    factors: list[tuple[str, float, str]] = field(default_factory=list)
    """Constants that a part of the gradient may be wrong by."""
    hints: tuple[str, ...] = ()
    """Arguments not given that would help to name a cause."""
    by_complex_step: int = 0
    """Entries that rounding of the loss hides, and a complex step shows."""

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
        self.repeatable = False
        if self._same(third - second, second - first):
            self.per_call = second - first
            text = "each call adds to the gradient of the one before (+= without setting to 0)"
            self.causes.append(Cause("stale", text, everywhere))
        else:
            text = "two calls at the same theta give different gradients"
            self.causes.append(Cause("not_repeatable", text, everywhere))

    def _gradient(
        self, gradient: Callable[[Array], ArrayLike], point: Array | None = None
    ) -> Array:
        given = as_array("gradient", gradient((self.theta if point is None else point).copy()))
        if given.shape != self.theta.shape:
            raise ValueError(
                f"gradient: expected an array of shape {self.theta.shape}, got shape {given.shape}"
            )
        if given.dtype.kind not in "fiu":
            raise TypeError(f"gradient: expected real numbers, got dtype {given.dtype}")
        if given.dtype.kind == "f":
            self.precision = max(self.precision, float(np.finfo(given.dtype).eps))
        return given.astype(np.float64)  # a copy: the same buffer may come back each time

    def _same(self, one: Array, other: Array) -> bool:
        largest = max(float(np.abs(one).max()), float(np.abs(other).max()))
        return bool(np.abs(one - other).max() <= self.tolerance * largest)

    def measure_rounding(self, gradient: Callable[[Array], ArrayLike], noise: Noise) -> None:
        """The rounding error of the gradient, from its values near theta."""
        if not self.repeatable or not np.isfinite(self.analytic).all():
            return
        self.rounding, self.precision = gradient_noise(
            lambda point: self._gradient(gradient, point), self.theta, self.rng,
            precision=self.precision, of_loss=noise.relative,
        )  # fmt: skip

    def compare_loss(self, J: float) -> None:
        """The engine's loss against the reference's."""
        floor = _ROUNDING * self.precision * max(1.0, abs(self.loss)) / self.tolerance
        wrong = relative_error(np.array(J), np.array(self.loss), floor) > self.tolerance
        if wrong:
            text = f"the engine's loss is {J:.9g}, the reference's {self.loss:.9g}"
            self.causes.append(Cause("loss", text, ("loss",)))

    def compare_batch(self, gradient: Callable[[Data], Array], data: Data) -> None:
        """The gradient of the batch against the mean over its parts."""
        m, total = len(data.X), np.zeros(self.theta.size)
        parts = np.array_split(np.arange(m), min(m, _PARTS))
        for rows in parts:
            part = Data(data.X[rows], data.Y[rows], data.weight[rows])
            total += gradient(part).astype(np.float64) * (len(rows) / m)
        floor = 2 * self._rounding(self.analytic) / self.tolerance
        self.batch_error = float(relative_error(self.analytic, total, floor).max())
        if self.batch_error > self.tolerance:
            what = "single examples" if len(parts) == m else f"{len(parts)} parts"
            text = f"the gradient of the batch is not the mean over its {what}"
            self.causes.append(Cause("batch", text, tuple(b.name for b in self.blocks)))

    # -- what is measured -----------------------------------------------------------------------

    def central(self, evaluate: Callable[[Array], Any], noise: Noise) -> None:
        """Measure with central differences."""
        wide = self.theta.astype(np.float64)
        rounding = self._rounding(self.analytic)

        def measure(probes: Sequence[Probe]) -> Derivatives:
            claims = np.array([_along(self.analytic, p) for p in probes])
            slack = np.array([_along(rounding, p, abs) for p in probes])
            return central(
                evaluate, wide, probes, noise.absolute, self.tolerance,
                relative_noise=noise.relative, given=claims, allowance=slack,
            )  # fmt: skip

        self._measure(measure)
        self.method = (
            f"central differences at h, h/2, h/4, extrapolated{self.method}; "
            f"rounding of the loss {noise.absolute:.1e}"
        )

    def complex_step(self, f: Callable[[Array], complex], rounding: Array | None = None) -> None:
        """Measure with complex steps, whose own rounding is estimated if it is not given."""
        wide = self.theta.astype(np.float64)
        self._measure(lambda probes: complex_step(f, wide, probes))
        own = 64 * EPS * np.abs(self.numeric)
        self.error[self.tried] = np.fmax(own, 0.0 if rounding is None else rounding)[self.tried]
        self.method = f"complex step, h = {COMPLEX_STEP:g}{self.method}"

    def resolve_by_complex_step(self, f: Callable[[Array], complex]) -> None:
        """Where rounding of the loss hides a derivative, take a complex step for evidence.

        It can only confirm: what f drops of an imaginary part (an ``abs``, a cast) is missing in
        a complex step as well, and would make a right entry look wrong.
        """
        wide, rounding = self.theta.astype(np.float64), self._rounding(self.analytic)
        for n, k in enumerate(self.tried):
            given, numeric, error = self.analytic[k], self.numeric[k], self.error[k]
            size = max(abs(given), abs(numeric))
            if self.limit[n] != NOISE or error + rounding[k] <= RESOLUTION * size:
                continue
            step = complex_step(f, wide, [int(k)]).value[0]
            same = abs(given - step) <= max(self.tolerance * abs(step), rounding[k])
            if step and same and abs(numeric - step) <= error:
                self.numeric[k], self.error[k] = step, 64 * EPS * abs(step)
                self.by_complex_step += 1
        if self.by_complex_step:
            self.method += (
                f"; complex step for {self.by_complex_step} that rounding of the loss hides"
            )

    def _measure(self, measure: Callable[[Sequence[Probe]], Derivatives]) -> None:
        P = self.theta.size
        wanted = self.sample
        if wanted is None:
            wanted = P if P <= _EVERY_PARAMETER else _SAMPLE
        self.numeric, self.error = np.full(P, np.nan), np.full(P, np.nan)
        self.tried = np.arange(P) if wanted >= P else self._drawn(wanted)
        found = measure([int(k) for k in self.tried])
        self.numeric[self.tried], self.error[self.tried] = found.value, found.error
        self.limit = list(found.limit)
        if wanted >= P:
            self.method = ", every parameter"
        else:
            drawn = self.rng.standard_normal((_DIRECTIONS, P)) * np.fmax(1.0, np.abs(self.theta))
            self.directions = list(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))
            self.along = measure(self.directions)
            self.method = (
                f", a random sample of {len(self.tried)} parameters and {_DIRECTIONS} random "
                "directions"
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
        """Judge, and name the causes if something is wrong.

        Parameters
        ----------
        right : array of shape (P,)
            The gradient that the candidates are made from.
        candidates
            Makes them, if they are needed.
        """
        rounding = self._rounding(self.numeric)
        floor = (self.error + rounding) / self.tolerance
        error = relative_error(self.analytic, self.numeric, floor)
        verdicts = self._verdicts(rounding)
        rows = [self._block_report(block, error, verdicts) for block in self.blocks]
        if self.along is not None:
            rows.append(self._direction_report(self.along, rounding))

        tried = verdicts.names[self.tried]
        skipped = int(np.sum(~np.isfinite(self.numeric[self.tried])))
        self._note(verdicts, skipped, rows)
        given = self.analytic if self.per_call is None else self.per_call
        wrong = any(row.wrong for row in rows)
        if (wrong or self.per_call is not None) and np.isfinite(given).all():
            evidence = Evidence(
                given, self.numeric, floor, right, self.blocks, self.tolerance,
                self.theta.astype(np.float64), self.factors,
            )  # fmt: skip
            self.causes += name_causes(evidence, candidates())
        if (
            wrong
            and self.hints
            and {b.name for b in self.blocks if self._fails(b, verdicts)}
            - {name for cause in self.causes for name in cause.blocks}
        ):
            self.notes.append(
                f"no cause was found; {', '.join(self.hints)} would help to name one: shapes of "
                "the arrays in theta, number of examples and outputs, weight of a penalty"
            )
        ok = not self.causes and not self.failed and all(row.ok for row in rows)
        return GradientReport(
            ok=ok and bool((tried == RIGHT).any()),
            max_relative_error=max(
                (row.max_relative_error for row in rows if row.checked), default=float("nan")
            ),
            tolerance=self.tolerance,
            checked=int(np.sum(tried != UNCHECKED)),
            skipped=skipped,
            parameters=self.theta.size,
            loss=self.loss,
            method=self.method,
            engine=self.engine,
            blocks=tuple(rows),
            causes=tuple(self.causes),
            batch_error=self.batch_error,
            notes=tuple(self.notes),
            verdicts=verdicts.names,
            reasons=verdicts.reasons,
        )

    def _fails(self, block: Block, verdicts: Verdicts) -> bool:
        return bool((verdicts.names[block.part] == WRONG).any())

    def _verdicts(self, rounding: Array) -> Verdicts:
        limit = [NOT_DRAWN] * self.theta.size
        for k, why in zip(self.tried, self.limit or [""] * len(self.tried), strict=True):
            limit[k] = why
        return judge(
            self.analytic, self.numeric, self.error, rounding, self.tolerance, limit
        )  # fmt: skip

    def _note(self, verdicts: Verdicts, skipped: int, rows: Sequence[BlockReport]) -> None:
        """Say what is unchecked, and why."""
        self.notes += [f"{n} unchecked: {REASONS[why]}" for why, n in verdicts.why().items()]
        nothing = [row.name for row in rows if not row.checked]
        if nothing:
            self.notes.append(f"nothing could be checked in {', '.join(nothing)}")
        if skipped > _MOST_SKIPPED * len(self.tried):
            self.failed = True
            self.notes.append(
                f"{skipped} of {len(self.tried)} have no numeric value: too many to trust the "
                "rest; use fewer examples, or another theta"
            )
        if not verdicts.count(RIGHT) and not verdicts.count(WRONG):
            self.notes.append(
                "rounding or kinks hide every derivative; check at another theta, or with a loss "
                "computed in float64"
            )

    def _block_report(self, block: Block, error: Array, verdicts: Verdicts) -> BlockReport:
        part = block.part
        names, reasons = verdicts.names[part], verdicts.reasons[part]
        tried = int(np.sum((self.tried >= part.start) & (self.tried < part.stop)))
        skipped = tried - int(np.sum(np.isfinite(self.numeric[part])))
        judged = np.flatnonzero(names != UNCHECKED)
        index, worst = None, None
        if len(judged):
            k = int(judged[np.argmax(error[part][judged])])
            index = tuple(int(i) for i in np.unravel_index(k, block.shape))
            worst = (error[part][k], self.analytic[part][k], self.numeric[part][k])
        wrong = int(np.sum(names == WRONG))
        passed = not wrong and (len(judged) > 0 or bool(np.all(np.isin(reasons, _NO_FAULT))))
        return _row(block.name, passed, (block.size, len(judged), skipped, wrong), index, worst)

    def _rounding(self, of: Array) -> Array:
        if self.rounding is not None:
            return self.rounding
        rounding = np.empty(self.theta.size)
        for block in self.blocks:
            entries = of[block.part]
            largest = np.abs(entries[np.isfinite(entries)]).max(initial=0.0)
            rounding[block.part] = _ROUNDING * self.precision * largest
        return rounding

    def _direction_report(self, along: Derivatives, rounding: Array) -> BlockReport:
        given = np.array([self.analytic @ v for v in self.directions])
        own = np.array([np.abs(v) @ rounding for v in self.directions])
        error = relative_error(given, along.value, (along.error + own) / self.tolerance)
        limit = along.limit or [""] * len(given)
        names = judge(given, along.value, along.error, own, self.tolerance, limit).names
        judged = np.flatnonzero(names != UNCHECKED)
        wrong = int(np.sum(names == WRONG))
        counts = (len(given), len(judged), int(np.sum(~along.used)), wrong)
        passed = not wrong and len(judged) > 0
        if not len(judged):
            return _row(DIRECTIONS, passed, counts, None, None)
        k = int(judged[np.argmax(error[judged])])
        return _row(DIRECTIONS, passed, counts, (k,), (error[k], given[k], along.value[k]))


def _along(vector: Array, probe: Probe, change: Callable[[Array], Array] | None = None) -> float:
    """The component of a vector along a probe."""
    if isinstance(probe, int | np.integer):
        return float(vector[probe])
    with np.errstate(invalid="ignore", over="ignore"):
        return float(vector @ (probe if change is None else change(probe)))


def _row(
    name: str,
    ok: bool,
    counts: tuple[int, int, int, int],
    index: tuple[int, ...] | None,
    worst: tuple[float, float, float] | None,
) -> BlockReport:
    error, analytic, numeric = map(float, worst or (np.nan, np.nan, np.nan))
    size, checked, skipped, wrong = counts
    return BlockReport(name, ok, size, checked, skipped, error, index, analytic, numeric, wrong)
