"""Every activation and every pair of output and loss against mpmath, in every engine.

`pair_errors` measures C^t and delta^L, `activation_errors` sigma and sigma'.  An error counts
relative to the larger of the result and the terms of which it is the difference: of delta = a - y
that is max(|a|, |y|), of (a - y)**2 / 2 it is |a - y| max(|a|, |y|).  Points where the result, or
sigma' in it, is no normal number of the dtype are left out: training flushes them to zero.  Near
the largest number and beyond it, infinity is right, too.

z runs over both signs and all magnitudes from the smallest subnormal number to 1e4, y over what the
loss allows, 0 and 1 included.  ``loopbp check --numerics`` prints both.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp import catalogue
from loopbp.binding import loops_engine, numpy_engine
from loopbp.catalogue import ACTIVATIONS, HIDDEN, LOSSES
from loopbp.jit.mode import is_plain
from loopbp.numerics.exact import Example, Unit, exact
from loopbp.tiled.engine import tiled_engine

Array = NDArray[Any]

ENGINES = tuple(name for name in catalogue.ENGINES if name != "auto")
DTYPES = ("float64", "float32")
BOUNDS = {"float64": 1e-12, "float32": 1e-5}
"""Relative error of C^t and delta^L that is allowed"""
MOST_ULPS = 6.0
"""Units in the last place by which sigma and sigma' may be off"""
PAIRS = tuple(
    (output, loss) for loss, row in LOSSES.items() for output in ACTIVATIONS
    if output in row.outputs
)  # fmt: skip
_OUTPUTS = 3  # units of each example
_Z_END = 1e4


@dataclass(frozen=True)
class PairError:
    """The worst errors of one output with one loss."""

    output: str
    loss: str
    dtype: str
    engine: str
    loss_error: float
    """of C^t, relative; infinite where a result is not finite"""
    delta_error: float
    """of delta^L_i, likewise"""
    loss_at: Array
    """z of the example with that error of C^t, (n_L,)"""
    delta_at: Array

    @property
    def bound(self) -> float:
        """What is allowed."""
        return BOUNDS[self.dtype]

    @property
    def ok(self) -> bool:
        """Whether both are within it."""
        return max(self.loss_error, self.delta_error) <= self.bound


@dataclass(frozen=True)
class ActivationError:
    """The worst errors of one activation, in units in the last place."""

    name: str
    dtype: str
    engine: str
    sigma_ulps: float
    prime_ulps: float
    sigma_at: float
    """the z of it"""
    prime_at: float

    @property
    def bound(self) -> float:
        """What is allowed."""
        return MOST_ULPS

    @property
    def ok(self) -> bool:
        """Whether both are within it."""
        return max(self.sigma_ulps, self.prime_ulps) <= self.bound


def kernels_of(engine: str) -> Any:
    """The kernels of an engine by its name, serial."""
    if engine == "numpy":
        return numpy_engine().kernels
    literal = engine == "loops" or is_plain()
    return (loops_engine(False) if literal else tiled_engine(False)).kernels


# -- the points -----------------------------------------------------------------------------------


def weighted_inputs(points: int, columns: int, dtype: str, seed: int = 0) -> Array:
    """z of shape (points, columns): every magnitude, and every second one between 0.01 and 1000.

    Parameters
    ----------
    points, columns, dtype, seed
        The same for the same seed; the first rows hold 0, and 1e4 of both signs.

    Returns
    -------
    array of shape (points, columns)
    """
    rng, info = np.random.default_rng([seed, points]), np.finfo(dtype)
    lowest = float(np.log10(float(info.smallest_subnormal)))
    exponent = rng.uniform(lowest, np.log10(_Z_END), (points, columns))
    usual = rng.random((points, columns)) < 0.5
    exponent = np.where(usual, rng.uniform(-2.0, 3.0, exponent.shape), exponent)
    z = rng.choice([-1.0, 1.0], exponent.shape) * 10.0**exponent
    ends = [[0.0, -0.0], [-_Z_END, _Z_END], [-17.0, 0.0], [-37.0, 0.0], [-90.0, -800.0]]
    for row, pair in zip(z, ends, strict=False):
        row[:] = np.resize(pair, columns)
    return np.clip(z, -_Z_END, _Z_END).astype(dtype)


def targets(output: str, loss: str, points: int, columns: int, dtype: str, seed: int = 0) -> Array:
    """y of shape (points, columns) in the range of a loss, its ends included."""
    rng = np.random.default_rng([seed, points, 1])
    share = rng.random((points, columns))
    ends = rng.integers(0, 2, share.shape).astype(float)
    between = rng.random(share.shape) < 0.5
    if loss in ("poisson", "poisson_deviance"):
        y = np.where(between, rng.poisson(3.0, share.shape), 5.0 * share)
    elif loss == "cross_entropy" and output == "softmax":
        share /= share.sum(axis=1, keepdims=True)
        y = np.where(between[:, :1], share, np.eye(columns)[rng.integers(0, columns, points)])
    elif LOSSES[loss].targets == (0.0, 1.0):
        y = np.where(between, share, ends)
        y[2 % points] = np.resize([0.25, 0.75], columns)
        y[3 % points] = np.resize([0.25, 0.75], columns)
    else:
        y = np.where(between, 3.0 * rng.standard_normal(share.shape), ends)
    return y.astype(dtype)


# -- pairs ----------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _units(output: str, points: int, dtype: str, seed: int) -> tuple[Array, list[list[Unit]]]:
    """z, and everything exact of each output unit of each example."""
    z = weighted_inputs(points, _OUTPUTS, dtype, seed)
    return z, [exact().units(output, row) for row in z.astype(float).tolist()]


@lru_cache(maxsize=256)
def _examples(
    output: str, loss: str, points: int, dtype: str, seed: int
) -> tuple[Array, Array, list[Example]]:
    z, units = _units(output, points, dtype, seed)
    y = targets(output, loss, points, _OUTPUTS, dtype, seed)
    rows = zip(units, y.astype(float).tolist(), strict=True)
    ends = BOUNDS[dtype], float(np.finfo(dtype).tiny), float(np.finfo(dtype).max)
    return z, y, [exact().example(output, loss, row, y_t, *ends) for row, y_t in rows]


def pair_error(
    output: str, loss: str, dtype: str, engine: str, points: int = 5000, seed: int = 0,
    kernels: Any = None,
) -> PairError:  # fmt: skip
    """The worst errors of C^t and delta^L of one pair.

    Parameters
    ----------
    output, loss, dtype, engine
        By their names.
    points, seed
        How many examples, of three outputs each, and which.
    kernels
        In place of those of the engine.

    Returns
    -------
    PairError

    Raises
    ------
    ModuleNotFoundError
        If mpmath is not installed.
    """
    z, y, examples = _examples(output, loss, points, dtype, seed)
    chosen = kernels or kernels_of(engine)
    codes = LOSSES[loss].code, ACTIVATIONS[output].code
    a, delta, c = np.empty_like(z), np.empty_like(z), np.empty(points)
    one = np.ones(points, dtype)
    with np.errstate(all="ignore"):
        chosen.activation(codes[1], 0, z, a)
        chosen.example_losses(*codes, z, a, y, one, c)
        chosen.output_delta(*codes, 0, z, a, y, one, delta)
    tiny = float(np.finfo(dtype).tiny)
    worst = {"loss": (0.0, 0), "delta": (0.0, 0)}
    for t, example in enumerate(examples):
        found = [("loss", float(c[t]), example.loss)]
        found += [("delta", float(d), e) for d, e in zip(delta[t], example.delta, strict=True)]
        for what, value, true in found:
            if true is not None and abs(true.value) >= tiny and true.least >= tiny:
                kind = "float64" if what == "loss" else dtype  # C^t is float64
                error = _relative(value, true.value, true.size, kind)
                worst[what] = max(worst[what], (error, t))
    return PairError(
        output, loss, dtype, engine, worst["loss"][0], worst["delta"][0], z[worst["loss"][1]],
        z[worst["delta"][1]],
    )  # fmt: skip


_MOST_TERMS = 16.0  # a sum may overflow this far below the largest number, before it is divided


def _relative(found: float, true: Any, size: Any, dtype: str) -> float:
    infinity = float("inf") if true > 0 else -float("inf")
    if abs(true) > float(np.finfo(dtype).max) / _MOST_TERMS and found == infinity:
        return 0.0
    return float(abs(found - true) / size) if np.isfinite(found) else float("inf")


def pair_errors(
    points: int = 5000,
    dtypes: Iterable[str] = DTYPES,
    engines: Iterable[str] = ENGINES,
    pairs: Iterable[tuple[str, str]] = PAIRS,
    seed: int = 0,
) -> Iterator[PairError]:
    """`pair_error` of every pair, dtype and engine, one after the other."""
    for output, loss in pairs:
        for dtype in dtypes:
            for engine in engines:
                yield pair_error(output, loss, dtype, engine, points, seed)


# -- activations ----------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _scalars(name: str, points: int, dtype: str, seed: int) -> tuple[Array, list[Unit]]:
    z = weighted_inputs(points, 1, dtype, seed)
    return z, [exact().unit(name, value) for value in z[:, 0].astype(float).tolist()]


def activation_error(
    name: str, dtype: str, engine: str, points: int = 5000, seed: int = 0,
    functions: tuple[Callable[[Array], Array], Callable[[Array], Array]] | None = None,
) -> ActivationError:  # fmt: skip
    """The worst errors of sigma and sigma' in units in the last place.

    Parameters
    ----------
    name, dtype, engine
        By their names.
    points, seed
        How many z, and which.
    functions
        sigma and sigma' of an array (m, 1), in place of those of the engine.

    Returns
    -------
    ActivationError

    Raises
    ------
    ModuleNotFoundError
        If mpmath is not installed.
    """
    z, units = _scalars(name, points, dtype, seed)
    sigma, prime = functions or _functions(name, kernels_of(engine))
    with np.errstate(all="ignore"):
        a, slope = sigma(z.copy()), prime(z.copy())
    info = np.finfo(dtype)
    worst = {"a": (0.0, 0), "prime": (0.0, 0)}
    for t, unit in enumerate(units):
        for what, value, true, size in (
            ("a", float(a[t, 0]), unit.a, abs(unit.a)),
            ("prime", float(slope[t, 0]), unit.prime, unit.prime_size),
        ):
            if abs(true) >= float(info.tiny):
                step = exact().mp.ldexp(1, exact().exponent(size) - info.nmant)
                worst[what] = max(worst[what], (_relative(value, true, step, dtype), t))
    return ActivationError(
        name, dtype, engine, worst["a"][0], worst["prime"][0], float(z[worst["a"][1], 0]),
        float(z[worst["prime"][1], 0]),
    )  # fmt: skip


def _functions(name: str, kernels: Any) -> tuple[Any, Any]:
    code = ACTIVATIONS[name].code

    def sigma(z: Array) -> Array:
        out = np.empty_like(z)
        kernels.activation(code, 0, z, out)
        return out

    def prime(z: Array) -> Array:
        out = np.empty_like(z)
        kernels.delta_from_da(code, 0, z, np.ones_like(z), out)
        return out

    return sigma, prime


def activation_errors(
    points: int = 5000, dtypes: Iterable[str] = DTYPES, engines: Iterable[str] = ENGINES,
    seed: int = 0,
) -> Iterator[ActivationError]:  # fmt: skip
    """`activation_error` of every activation but softmax, dtype and engine."""
    for name in HIDDEN:
        for dtype in dtypes:
            for engine in engines:
                yield activation_error(name, dtype, engine, points, seed)


# -- what is printed ------------------------------------------------------------------------------


_HEAD = "{:<32} {:<8} {:<7} {:>9} {:>9} {:>7}"


def activation_lines(errors: Iterable[ActivationError]) -> Iterator[str]:
    """A plain table of sigma and sigma', line by line as the errors come."""
    yield "sigma and sigma', units in the last place:"
    yield _HEAD.format("activation", "dtype", "engine", "sigma", "sigma'", "bound")
    for e in errors:
        verdict = "ok" if e.ok else f"WRONG at z = {e.sigma_at:.9g}, {e.prime_at:.9g}"
        figures = f"{e.sigma_ulps:.3g}", f"{e.prime_ulps:.3g}", f"{e.bound:g}"
        yield f"{_HEAD.format(e.name, e.dtype, e.engine, *figures)}  {verdict}"


def pair_lines(errors: Iterable[PairError]) -> Iterator[str]:
    """A plain table of C^t and delta^L, line by line as the errors come."""
    yield "C^t and delta^L, relative to the larger of the result and its terms:"
    yield _HEAD.format("output, loss", "dtype", "engine", "loss", "delta", "bound")
    for e in errors:
        places = f"{e.loss_at.tolist()}, {e.delta_at.tolist()}"
        verdict = "ok" if e.ok else f"WRONG at z = {places}"
        figures = f"{e.loss_error:.1e}", f"{e.delta_error:.1e}", f"{e.bound:g}"
        yield f"{_HEAD.format(f'{e.output}, {e.loss}', e.dtype, e.engine, *figures)}  {verdict}"


def as_dict(error: PairError | ActivationError) -> dict[str, Any]:
    """One line as JSON can hold it."""
    facts = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in asdict(error).items()}
    return {**facts, "bound": error.bound, "ok": error.ok}
