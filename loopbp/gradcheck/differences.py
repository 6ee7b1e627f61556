"""Derivatives of a function from its values alone, with an estimate of how wrong they may be.

Two methods:

central differences
    D(h) = (f(theta + h v) - f(theta - h v)) / 2h at h, h/2 and h/4, extrapolated to h = 0 twice
    (Richardson), so that the truncation error falls as h**6.  The first step balances that
    against the rounding error, noise / h: h = (noise / abs(f))**(1/7).  Each probe then finds its
    own: a smaller one where the truncation or a kink spoils the result, a larger one where noise
    does.  Kinks show in what should vanish with h, (f(theta + h v) + f(theta - h v) - 2 f) / 2h.
complex step
    Im f(theta + i h v) / h at h = 1e-20: no difference is taken, so nothing cancels, and the
    result is exact to rounding (Squire and Trapp 1998).  Needs a function that takes complex
    numbers.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loopbp.gradcheck.noise import EPS

Vector = NDArray[Any]
# One probe: the number of a parameter, or a direction v of shape (P,).
Probe = int | Vector
# f at a point, and which side of each kink the point is on (None where that is not known).
Evaluation = tuple[float, Vector | None]

COMPLEX_STEP = 1e-20
# What an entry must be known to, relative to itself, before it is called right or wrong: a
# derivative that is off by a thousandth of itself must not pass.
RESOLUTION = 3e-4
NOISE, KINK, FLAT, UNSETTLED = "noise", "kink", "flat", "unsettled"
_ATTEMPTS = 12
_KINKED_ATTEMPTS = 4  # steps h, h/8, h/64, h/512 until no kink that f tells of lies between
_SHRINK = 8.0
_FLATS, _FAR = (
    3,
    100.0,
)  # larger steps where f seems constant and its derivative is said not to be 0
_GOAL = RESOLUTION / 3
# Largest sum of the weights of f(theta +- h v), h/2, h/4 in the extrapolation, times h.
_AMPLIFICATION = 7.0
_KINK_AMPLIFICATION = 30.0  # the same for the one-sided gap
_FARTHEST = 10.0  # steps that may contradict a gradient, in units of the parameter or of 1
_NEAREST = 1e-8
_AGAIN = 0.37  # of the step, where what is found says that the gradient is wrong


class Derivatives(NamedTuple):
    """Numeric derivatives along some probes."""

    value: Vector
    """one per probe; NaN where skipped"""
    error: Vector
    """how wrong `value` may be: rounding and what the extrapolation changed last"""
    kinks: int
    """probes skipped since a kink lies between +h and -h at every step tried"""
    unsettled: int
    """probes skipped since the differences do not settle as h falls"""
    limit: tuple[str, ...] = ()
    """one per probe, what keeps it from being known better: one of "", noise, kink, flat (f is
    the same at every point) and unsettled"""

    @property
    def used(self) -> NDArray[np.bool_]:
        """Which probes have a value."""
        return np.isfinite(self.value)


def moved(theta: Vector, probe: Probe, step: complex) -> Vector:
    """theta + step * v, a new array; complex for a complex step."""
    point = theta.astype(np.complex128 if isinstance(step, complex) else np.float64)
    if isinstance(probe, int | np.integer):
        point[probe] += step
    else:
        point += step * probe
    return point


class _Sample(NamedTuple):
    """What one step shows of one probe."""

    step: float
    value: float
    truncation: float
    noise: float
    gap: float
    """half the jump of the slope, where it cannot be noise; 0 where the function is smooth"""
    hidden: float
    """half the jump that noise may hide"""
    flat: bool
    crossed: bool
    """f says that a kink lies between"""
    extra: float
    """noise that steps without any effect have shown"""

    @property
    def usable(self) -> bool:
        return not self.crossed and math.isfinite(self.value)

    @property
    def error(self) -> float:
        return self.truncation + self.noise + self.gap


def central(
    evaluate: Callable[[Vector], Evaluation],
    theta: Vector,
    probes: Sequence[Probe],
    noise: float,
    tolerance: float,
    *,
    relative_noise: float = 8 * EPS,
    given: Vector | None = None,
    allowance: Vector | None = None,
) -> Derivatives:
    """Extrapolated central differences along each probe, each at steps of its own.

    Parameters
    ----------
    evaluate
        f and the side of each kink at a point.
    theta : float64 array of shape (P,)
    probes
        Parameters, or directions.
    noise
        Rounding error of f near theta, absolute: a bound.
    tolerance
        Relative error that must be told apart: differences that have not settled to a tenth of
        it are taken again with other steps.
    relative_noise
        Rounding error of f where it is large, relative to its value.
    given, allowance : arrays of shape (len(probes),), optional
        The derivatives to be checked, and their own rounding errors.  Where they seem wrong, the
        differences are taken again at another step and must find the same.
    """
    f0, side0 = evaluate(theta)
    relative = noise / max(abs(f0), noise, np.finfo(np.float64).tiny)
    first = float(np.clip(relative ** (1.0 / 7.0), 1e-3, 0.1))
    search = _Search(evaluate, theta, f0, side0, noise, relative_noise, tolerance)
    value, error = np.full(len(probes), np.nan), np.full(len(probes), np.nan)
    limit = []
    for k, probe in enumerate(probes):
        claim = None if given is None else float(given[k])
        slack = 0.0 if allowance is None else float(allowance[k])
        sample, why = search.find(probe, first, claim, slack)
        if sample is not None:
            value[k], error[k] = sample.value, sample.error
        limit.append(why)
    skipped = [w for w, v in zip(limit, value, strict=True) if not np.isfinite(v)]
    kinks = sum(w == KINK for w in skipped)
    return Derivatives(value, error, kinks, len(skipped) - kinks, tuple(limit))


class _Search(NamedTuple):
    """The search for a step at which a probe's derivative is known well enough."""

    evaluate: Callable[[Vector], Evaluation]
    theta: Vector
    f0: float
    side0: Vector | None
    noise: float
    relative_noise: float
    tolerance: float

    def find(
        self, probe: Probe, first: float, claim: float | None, slack: float
    ) -> tuple[_Sample | None, str]:
        """The best sample, None if there is none to be trusted, and what limits it."""
        if claim is not None and not math.isfinite(claim):
            claim = None
        unit = 1.0
        if isinstance(probe, int | np.integer):
            unit = max(1.0, abs(float(self.theta[probe])))
        h, best = first * unit, None
        too_small, too_large = 0.0, math.inf
        crossings, kinked, gap = 0, False, 0.0  # a kink's gap stays as h falls
        flats, extra = 0, 0.0
        for _ in range(_ATTEMPTS):
            found = self._sample(probe, h, extra)
            if found.usable and found.flat:
                if not claim:
                    return found, FLAT
                if flats < _FLATS and too_large == math.inf:
                    # Constant, or so coarse that what the claim says is rounded off.
                    flats, extra, too_small = flats + 1, 2 * h * abs(claim), h
                    h *= _FAR
                    continue
                if best is not None:  # f changes in steps, between larger h
                    found = found._replace(noise=_AMPLIFICATION * 2 * abs(claim))
            size = max(abs(found.value), abs(claim or 0.0)) if found.usable else 0.0
            if found.usable and self._settled(found, size):
                if self._confirmed(probe, found, claim, slack):
                    return found, ""
                found = found._replace(truncation=math.inf)
            if found.usable and (best is None or found.error < best.error):
                best = found
            if not found.usable or found.truncation + found.gap > found.noise:
                kinked = kinked or found.crossed or found.gap > 0.5 * gap > 0
                gap = found.gap if found.gap > found.truncation else 0.0
                crossings += found.crossed
                too_large = min(too_large, h)
                h = self._smaller(h, found)
            else:
                too_small = max(too_small, h)
                h *= min(1e3, max(4.0, 2 * found.noise / (_GOAL * size) if size else 1e3))
            if too_small > 0.0 and too_large < math.inf:
                if too_large < 4.0 * too_small:
                    break
                h = math.sqrt(too_small * too_large)
            if crossings >= _KINKED_ATTEMPTS or not 1e-300 < h < 1e300:
                break
        return self._unresolved(probe, best, claim, slack, kinked)

    def _settled(self, found: _Sample, size: float) -> bool:
        change = found.truncation + found.gap
        return (
            change <= found.noise + 0.1 * self.tolerance * abs(found.value)
            and found.error <= _GOAL * size
        )

    def _confirmed(self, probe: Probe, found: _Sample, claim: float | None, slack: float) -> bool:
        """Whether the claim is not contradicted, or contradicted at another step as well."""
        if not self._contradicts(found, claim, slack):
            return True
        at = 0.0 if isinstance(probe, np.ndarray) else abs(float(self.theta[probe]))
        if found.step > _FARTHEST * max(1.0, at):
            return False
        step = _AGAIN * found.step
        if abs(found.value) <= 2 * found.error and at > 0:
            # What the claim says may happen near theta, too small to be seen from far away.
            step = min(step, max(at, _NEAREST))
        again = self._sample(probe, step, found.extra)
        return (
            again.usable
            and abs(again.value - found.value) <= found.error + again.error
            and self._contradicts(again, claim, slack)
        )

    def _contradicts(
        self, found: _Sample, claim: float | None, slack: float, times: float = 1.0
    ) -> bool:
        if claim is None:
            return False
        allowed = self.tolerance * max(abs(found.value), abs(claim))
        return abs(found.value - claim) > max(allowed, times * (found.error + slack))

    def _smaller(self, h: float, found: _Sample) -> float:
        if not found.usable or not math.isfinite(found.truncation):
            return h / _SHRINK
        ratio = found.noise / (found.truncation + found.gap)
        return h * min(0.25, max(1 / 64, ratio ** (1 / 7)))

    def _unresolved(
        self,
        probe: Probe,
        best: _Sample | None,
        claim: float | None,
        slack: float,
        kinked: bool,
    ) -> tuple[_Sample | None, str]:
        """What to make of the best sample where none was good enough."""
        if best is None or not math.isfinite(best.error):
            return None, KINK if kinked else UNSETTLED
        size = max(abs(best.value), abs(claim or 0.0))
        unsettled = best.truncation > 2 * best.noise
        if best.error > RESOLUTION * size:
            best = best._replace(truncation=best.truncation + best.hidden)
        if self._contradicts(best, claim, slack, 2.0):
            if self._confirmed(probe, best, claim, slack):
                return best, NOISE
        elif best.error <= RESOLUTION * size:
            if self._confirmed(probe, best, claim, slack):
                return best, ""
        elif not kinked and unsettled:
            return None, UNSETTLED
        if kinked:  # small steps are lost in noise, larger ones reach the kink
            return None, KINK
        if self._contradicts(best, claim, slack):
            best = best._replace(truncation=math.inf)
        return best, NOISE

    def _sample(self, probe: Probe, h: float, extra: float) -> _Sample:
        """Six values of f around theta, and what follows from them."""
        differences, gaps = [], []
        largest, flat = abs(self.f0), True
        for step in (h, h / 2, h / 4):
            plus, minus = (self._side(probe, s) for s in (step, -step))
            if plus is None or minus is None:
                return _Sample(h, np.nan, np.inf, np.inf, 0.0, 0.0, False, True, extra)
            differences.append((plus - minus) / (2 * step))
            gaps.append(((plus - self.f0) + (minus - self.f0)) / (2 * step))
            largest = max(largest, abs(plus), abs(minus))
            flat = flat and plus == minus == self.f0
        if not math.isfinite(sum(differences)):
            return _Sample(h, np.nan, np.inf, np.inf, 0.0, 0.0, False, False, extra)
        coarse, middle, fine = differences
        first, second = (4 * middle - coarse) / 3, (4 * fine - middle) / 3
        best = (16 * second - first) / 15
        noise = max(self.noise, self.relative_noise * largest, extra)
        once, twice = 2 * gaps[1] - gaps[0], 2 * gaps[2] - gaps[1]
        gap = (8 * twice - once) / 7
        smooth = _KINK_AMPLIFICATION * noise / h + 2 * abs(gap - twice)
        rounding = _AMPLIFICATION * noise / h
        if isinstance(probe, int | np.integer):  # theta + h is rounded, too
            rounding += 2 * EPS * abs(float(self.theta[probe])) / h * abs(best)
        kink = abs(gap) > smooth
        return _Sample(
            h, best, abs(best - second), rounding, abs(gap) if kink else 0.0,
            0.0 if kink else abs(gap), flat, False, extra,
        )  # fmt: skip

    def _side(self, probe: Probe, step: float) -> float | None:
        """The value at theta + step v; None on the other side of a kink."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            value, side = self.evaluate(moved(self.theta, probe, step))
        if side is not None and self.side0 is not None and not np.array_equal(side, self.side0):
            return None
        return value


def complex_step(
    f: Callable[[Vector], complex], theta: Vector, probes: Sequence[Probe]
) -> Derivatives:
    """Im f(theta + i h v) / h along each probe.

    Parameters
    ----------
    f
        Of a complex vector of shape (P,), differentiable as a complex function.
    theta : float64 array of shape (P,)
    probes
        Parameters, or directions.
    """
    value = np.array(
        [complex(f(moved(theta, p, 1j * COMPLEX_STEP))).imag / COMPLEX_STEP for p in probes]
    )
    return Derivatives(value, np.zeros(len(probes)), 0, int(np.sum(~np.isfinite(value))))
