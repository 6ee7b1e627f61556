"""Whether a loss written for real theta may be given complex theta, for a complex step."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.gradcheck.differences import COMPLEX_STEP, central, moved
from loopbp.gradcheck.noise import Noise, sizes_of

Array = NDArray[Any]
_DIRECTIONS = 2


def analytic_loss(
    loss: Callable[[Array], Any],
    value: Callable[[Array], float],
    theta: Array,
    noise: Noise,
    rng: np.random.Generator,
) -> Callable[[Array], complex]:
    """A loss that is said to take complex theta, tried along one direction first.

    Raises
    ------
    ValueError
        If it does not give there what differences give.
    """
    direction = rng.standard_normal(theta.size) / np.sqrt(theta.size)
    expected, error = _slope(value, theta, direction, noise)
    step = np.asarray(loss(moved(theta, direction, 1j * COMPLEX_STEP)))
    slope = complex(step.reshape(())).imag / COMPLEX_STEP if step.size == 1 else float("nan")
    if np.isfinite(expected) and not abs(slope - expected) <= 1e-3 * abs(expected) + 10 * error:
        raise ValueError(
            "complex_step: expected a loss that is analytic in theta, but a complex step gives "
            f"{slope:.6g} where differences give {expected:.6g}; pass complex_step=False"
        )
    return lambda point: complex(np.asarray(loss(point)).reshape(()))


def tried_loss(
    loss: Callable[[Array], Any],
    value: Callable[[Array], float],
    theta: Array,
    noise: Noise,
    rng: np.random.Generator,
) -> Callable[[Array], complex] | None:
    """The loss as a function of complex theta, or None if it is not one.

    It must give a finite complex number without a warning (NumPy warns where a cast drops the
    imaginary part), with the real part of the real loss, and along two directions the slope that
    differences give.
    """

    def f(point: Array) -> complex:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error")
            try:
                found = np.asarray(loss(point))
            except Exception:  # a loss for real numbers may fail in any way
                return complex("nan")
        if found.size != 1 or found.dtype.kind != "c":
            return complex("nan")
        return complex(found.reshape(()))

    J = value(theta.copy())
    for _ in range(_DIRECTIONS):
        direction = sizes_of(theta) * rng.standard_normal(theta.size) / np.sqrt(theta.size)
        found = f(moved(theta, direction, 1j * COMPLEX_STEP))
        expected, error = _slope(value, theta, direction, noise)
        slope = found.imag / COMPLEX_STEP
        # a slope of 0 is what a dropped imaginary part leaves
        fits = slope and abs(slope - expected) <= 1e-3 * abs(expected) + error
        if not fits or not abs(found.real - J) <= 4 * noise.absolute:
            return None
    return f


def _slope(
    value: Callable[[Array], float], theta: Array, direction: Array, noise: Noise
) -> tuple[float, float]:
    """The derivative along a direction by differences, and its error."""
    found = central(
        lambda point: (value(point), None), theta, [direction], noise.absolute, 1e-4,
        relative_noise=noise.relative,
    )  # fmt: skip
    return float(found.value[0]), float(found.error[0])
