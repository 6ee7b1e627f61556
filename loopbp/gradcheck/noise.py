"""How much of the values of a function is rounding: of a loss, and of a gradient.

A smooth function at points close together is a polynomial of low degree, so what is left in its
third to sixth differences is noise (Moré and Wild 2011, ECnoise).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[Any]

EPS = float(np.finfo(np.float64).eps)
EPS_32 = float(np.finfo(np.float32).eps)
_POINTS = range(20, 29)  # some way off theta: kinks are often at theta itself
_CLOSE = 1e-6  # between neighbours, in units of each parameter's size
_WIDE = 1e-4  # nearer to the steps of the differences: where a rounded-off loss shows
_WIDEST = 1e-2
_WIDE_POINTS = range(20, 37)
_TIES = 3  # neighbours of the same value that a curve that is not constant does not have
_BOUND = 3.5  # from the root mean square to a bound
_LEAST = 8.0  # of any sum in floating point, in units of its precision


class Noise(NamedTuple):
    """Rounding error of a function: a bound that few values exceed."""

    absolute: float
    """near theta"""
    relative: float
    """to the function's value, where that is larger than near theta"""


def sizes_of(theta: Vector) -> Vector:
    """A positive number for each parameter: its size, for one that is 0 that of the others."""
    sizes = np.abs(np.asarray(theta, np.float64))
    some = sizes > 0
    return np.where(some, sizes, np.median(sizes[some]) if some.any() else 1.0)


def measure_noise(
    f: Callable[[Vector], float], theta: Vector, rng: np.random.Generator, *, coarse: bool = True
) -> Noise:
    """The rounding error of f near theta.

    Each parameter moves in proportion to its own size, at points so close that f cannot curve.

    Parameters
    ----------
    f
        Of a vector of shape (P,).
    theta : array of shape (P,)
    rng
        Chooses three directions; the middle one counts, for a kink looks like noise.
    coarse
        Whether f may be rounded further than its arithmetic demands, as a loss of six decimals
        is: constant over close points, it shows that at points farther apart.
    """
    sizes = sizes_of(theta)
    seen, close, wide, jumps = [np.array([f(theta.copy())])], [], [], [0.0]

    def along(direction: Vector, spacing: float, points: range) -> Vector:
        values = np.array([f(theta + k * spacing * direction) for k in points])
        seen.append(values[np.isfinite(values)])
        return values[:, np.newaxis]

    for _ in range(3):
        direction = sizes * rng.standard_normal(theta.size)
        close.append(_level(along(direction, _CLOSE, _POINTS))[0])
        if coarse:
            values = along(direction, _WIDE, _WIDE_POINTS)
            level, ties = _robust_level(values), _steps(values)
            if ties is not None:
                jumps.append(ties or _steps(along(direction, _WIDEST, _WIDE_POINTS)) or 0.0)
            wide.append(level)
    values = np.concatenate(seen)
    largest = float(np.abs(values).max())
    measured = np.nan_to_num(np.median(close))
    if coarse:
        measured = max(measured, np.nan_to_num(np.median(wide)), *jumps)
    precision = _precision(values)
    least = _LEAST * (EPS if precision == EPS else precision / 4)
    absolute = max(least * abs(float(values[0])), _BOUND * float(measured))
    relative = max(least, _BOUND * float(measured) / largest if largest > 0 else 0.0)
    return Noise(absolute, relative)


def _level(values: Vector) -> Vector:
    """Root mean square of the noise in each column of values at evenly spaced points."""
    gamma, found = 1.0, []
    differences = values
    for order in range(1, 7):
        differences = np.diff(differences, axis=0)
        gamma *= order / (4.0 * order - 2.0)  # (k!)**2 / (2k)!
        if order >= 3:
            found.append(np.sqrt(gamma * np.mean(differences**2, axis=0)))
    return np.median(found, axis=0)


def _robust_level(values: Vector) -> float:
    """The same from the middle one of the fourth differences, of which a kink spoils a few."""
    middle = float(np.median(np.abs(np.diff(values, n=4, axis=0))))
    return middle / (0.6745 * 70**0.5)  # the median of a normal distribution, sqrt(C(8, 4))


def _steps(values: Vector) -> float | None:
    """The smallest step of values that stay and jump, 0 if they only stay, None if they do not."""
    jumps = np.abs(np.diff(values[np.isfinite(values)]))
    if np.sum(jumps == 0) < _TIES:
        return None
    return float(jumps[jumps > 0].min(initial=np.inf)) if jumps.any() else 0.0


def _precision(values: Vector) -> float:
    """Of the dtype that the values were computed in, as far as they show it."""
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
        short = narrow.astype(np.float16)
    if (narrow == values).all() and (short != values).any():
        return EPS_32
    return EPS


def gradient_noise(
    gradient: Callable[[Vector], Vector],
    theta: Vector,
    rng: np.random.Generator,
    *,
    precision: float,
    of_loss: float,
) -> tuple[Vector, float]:
    """The rounding error of each entry of a gradient, and the precision that it was computed in.

    An entry that is a small difference of large numbers has the rounding of those.  It shows in
    two ways when theta moves a little: as noise, and as a large change, which says how much the
    rounding of the data may do.

    Parameters
    ----------
    gradient
        Of a vector of shape (P,), as float64.
    theta : array of shape (P,)
    rng
        Chooses a direction.
    precision
        Of the dtype of theta.
    of_loss
        Relative rounding error of the loss, whose data may have been rounded as it is.

    Returns
    -------
    (float64 array of shape (P,), float)
    """
    direction = sizes_of(theta) * rng.standard_normal(theta.size)
    points = [(theta + k * _CLOSE * direction).astype(theta.dtype) for k in _POINTS]
    values = np.array([gradient(p) for p in points])
    with np.errstate(invalid="ignore", over="ignore"):
        noise = _level(values)
        noise = np.maximum(noise, np.abs(np.diff(values, n=3, axis=0)).max(axis=0) / 20**0.5)
        size = np.abs(values).max(axis=0)
        change = values.max(axis=0) - values.min(axis=0)
    noise, size, change = (np.where(np.isfinite(v), v, np.inf) for v in (noise, size, change))
    precision = max(precision, _precision(values.ravel()))
    some = (size > 0) & np.isfinite(size)
    shown = float(np.median(noise[some] / size[some])) if some.any() else 0.0
    precision = max(precision, min(shown, 1e-3))
    unit = max(precision, min(of_loss / _LEAST, 1e-3))
    moved = _CLOSE * len(_POINTS)
    return 8.0 * (noise + unit * size + change * unit / moved), precision
