"""Derivatives of a function from its values alone, with an estimate of how wrong they may be.

Two methods:

central differences
    D(h) = (f(theta + h v) - f(theta - h v)) / 2h at h, h/2 and h/4, extrapolated to h = 0 twice
    (Richardson), so that the truncation error falls as h**6.  The step balances that against the
    rounding error, noise / h: h = (noise / abs(f))**(1/7).
complex step
    Im f(theta + i h v) / h at h = 1e-20: no difference is taken, so nothing cancels, and the
    result is exact to rounding (Squire and Trapp 1998).  Needs a function that takes complex
    numbers.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[Any]
# One probe: the number of a parameter, or a direction v of shape (P,).
Probe = int | Vector
# f at a point, and which side of each kink the point is on (None where that is not known).
Evaluation = tuple[float, Vector | None]

COMPLEX_STEP = 1e-20
EPS = float(np.finfo(np.float64).eps)
_ATTEMPTS = 4  # steps h, h/8, h/64, h/512 until no kink lies between
_SHRINK = 8.0
# Largest sum of the weights of f(theta +- h v), h/2, h/4 in the extrapolation, times h.
_AMPLIFICATION = 7.0


class Derivatives(NamedTuple):
    """Numeric derivatives along some probes."""

    value: Vector
    """one per probe; NaN where skipped"""
    error: Vector
    """how wrong `value` may be: rounding and what the extrapolation changed last"""
    kinks: int
    """probes skipped since a unit changes side between +h and -h at every step tried"""
    unsettled: int
    """probes skipped since the differences do not settle as h falls"""

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


def measure_noise(f: Callable[[Vector], float], theta: Vector, rng: np.random.Generator) -> float:
    """The rounding error of f near theta, absolute.

    A smooth f at points 1e-6 apart is a polynomial of degree 2 to far below rounding, so what is
    left in its third to sixth differences is noise (Moré and Wild 2011, ECnoise).  The points
    begin some way off theta: kinks are often at theta itself.

    Parameters
    ----------
    f
        Of a vector of shape (P,).
    theta : array of shape (P,)
    rng
        Chooses three directions; the quietest counts, for a kink looks like noise.
    """
    step = 1e-6 * max(1.0, float(np.abs(theta).max()))
    levels = []
    for _ in range(3):
        direction = rng.standard_normal(theta.size)
        direction /= np.linalg.norm(direction)
        values = np.array([f(theta + k * step * direction) for k in range(20, 29)])
        gamma = 1.0
        differences = values
        sizes = []
        for order in range(1, 7):
            differences = np.diff(differences)
            gamma *= order / (4.0 * order - 2.0)  # (k!)**2 / (2k)!
            if order >= 3:
                sizes.append(np.sqrt(gamma * np.mean(differences**2)))
        levels.append(float(np.median(sizes)))
    return min(levels)


def central(
    evaluate: Callable[[Vector], Evaluation],
    theta: Vector,
    probes: Sequence[Probe],
    noise: float,
    tolerance: float,
) -> Derivatives:
    """Extrapolated central differences along each probe.

    Parameters
    ----------
    evaluate
        f and the side of each kink at a point.
    theta : float64 array of shape (P,)
    probes
        Parameters, or directions.
    noise
        Rounding error of f, absolute.
    tolerance
        Relative error that must be told apart: differences that have not settled to a tenth of
        it are taken again with a smaller step, and skipped if none is small enough.
    """
    f0, side0 = evaluate(theta)
    relative = noise / max(abs(f0), noise, np.finfo(np.float64).tiny)
    first = float(np.clip(relative ** (1.0 / 7.0), 1e-3, 0.1))
    value, error = np.full(len(probes), np.nan), np.full(len(probes), np.nan)
    crossed = np.zeros(len(probes), bool)
    waiting = range(len(probes))
    scale = 0.0
    for attempt in range(_ATTEMPTS):
        h = first / _SHRINK**attempt
        tried = [(k, *_extrapolated(evaluate, theta, probes[k], h, side0)) for k in waiting]
        settled_sizes = [abs(d) for _, d, _, _, clean in tried if clean and np.isfinite(d)]
        scale = max([scale, *settled_sizes])
        again = []
        for k, derivative, change, length, clean in tried:
            crossed[k] = not clean
            rounding = _AMPLIFICATION * noise / length
            allowed = rounding + 0.1 * tolerance * max(abs(derivative), 1e-3 * scale)
            if clean and np.isfinite(derivative) and change <= allowed:
                value[k], error[k] = derivative, rounding + change
            else:
                again.append(k)
        waiting = again
    kinks = int(sum(crossed[k] for k in waiting))
    return Derivatives(value, error, kinks, len(waiting) - kinks)


def _extrapolated(
    evaluate: Callable[[Vector], Evaluation],
    theta: Vector,
    probe: Probe,
    h: float,
    side0: Vector | None,
) -> tuple[float, float, float, bool]:
    """The derivative, its last change, the step taken, and whether all points are on one side."""
    if isinstance(probe, int | np.integer):
        h *= max(1.0, abs(float(theta[probe])))
    differences = []
    for step in (h, h / 2, h / 4):
        (plus, side_plus), (minus, side_minus) = (
            evaluate(moved(theta, probe, s)) for s in (step, -step)
        )
        for side in (side_plus, side_minus):
            if side is not None and side0 is not None and not np.array_equal(side, side0):
                return np.nan, np.inf, h, False
        differences.append((plus - minus) / (2 * step))
    coarse, middle, fine = differences
    first, second = (4 * middle - coarse) / 3, (4 * fine - middle) / 3
    best = (16 * second - first) / 15
    return best, abs(best - second), h, True


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
