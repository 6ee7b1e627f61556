"""Activations, losses and delta^L in 40 digits (mpmath), by their definitions.

The definitions are the formulas of `loopbp.catalogue`, with as many digits more as their terms may
cancel; nothing is shared with the engines.  Where a logarithm of a, or of 1 - a, is asked for, it
comes from z: 1 - sigmoid(z) is sigmoid(-z), 1 - a_i of softmax is the sum over the others.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

from loopbp.catalogue import ACTIVATIONS, LOSSES, Loss
from loopbp.formulas import evaluate, terms_of, with_letters_spelt

_DIGITS, _MOST_LOST = 40, 330


@dataclass(frozen=True)
class Unit:
    """One output unit: numbers of mpmath."""

    a: Any
    prime: Any
    """sigma'(z); a (1 - a) for softmax"""
    prime_size: Any
    """the larger of |sigma'(z)| and the terms of which it is the sum"""
    less: Any = None
    """1 - a of a probability"""
    log_a: Any = None
    log_less: Any = None


@dataclass(frozen=True)
class Number:
    """A true value, and what an error of it is measured against."""

    value: Any
    size: Any
    least: Any
    """the smallest of the factors that must be normal numbers"""


@dataclass(frozen=True)
class Example:
    """C^t and delta^L_i; None where the sign in it cannot be told (mae, a next to y), or where a
    is beyond the largest number of the dtype."""

    loss: Number | None
    delta: list[Number | None]


def _context() -> Any:
    try:
        import mpmath
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the numerical check needs mpmath: pip install mpmath", name="mpmath"
        ) from error
    context = mpmath.MPContext()
    context.dps = _DIGITS
    return context


@cache
def exact() -> "Exact":
    """The only `Exact`: a context takes a millisecond to make."""
    return Exact()


class Exact:
    """The functions, in a context of mpmath's that nobody else sets."""

    def __init__(self) -> None:
        self.mp = mp = _context()
        self.functions = {
            "exp": mp.exp, "log": mp.log, "tanh": mp.tanh, "cosh": mp.cosh, "abs": abs,
            "max": max, "sign": mp.sign, "sigmoid": self._sigmoid, "softplus": self._softplus,
            "clip": lambda x, low, high: max(low, min(high, x)),
            "Phi": lambda x: mp.erfc(-x / mp.sqrt(2)) / 2,
            "phi": lambda x: mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi),
        }  # fmt: skip

    def exponent(self, x: Any) -> int:
        """The power of 2 at or below x."""
        return int(self.mp.frexp(x)[1]) - 1

    def _digits(self, x: Any) -> int:
        """Digits with which a formula of x keeps `_DIGITS` however its terms cancel.

        1 - tanh(x)**2 falls as exp(-2 x), and log(cosh(x)) as the square of a small x.  A result
        below the smallest number of float64 counts for nothing.
        """
        size = abs(float(x))
        lost = max(0.9 * size, -2.0 * math.log10(size)) if size else 0.0
        return _DIGITS + min(_MOST_LOST, math.ceil(lost))

    def value(self, formula: str, about: Any, **values: Any) -> Any:
        """A formula of the catalogue, by its definition; `about` is what its terms depend on."""
        with self.mp.workdps(self._digits(about)):
            return evaluate(formula, self.functions, values)

    def _sigmoid(self, z: Any) -> Any:
        return 1 / (1 + self.mp.exp(-z))

    def _softplus(self, z: Any) -> Any:
        return self.mp.log1p(self.mp.exp(z)) if z < 50 else z + self.mp.log1p(self.mp.exp(-z))

    def unit(self, name: str, z: float) -> Unit:
        """sigma and sigma' of one z, for every activation but softmax."""
        row, z = ACTIVATIONS[name], self.mp.mpf(z)
        formula = with_letters_spelt(row.prime, row.where)
        with self.mp.workdps(self._digits(z)):
            a = self.mp.mpf(evaluate(row.sigma, self.functions, {"z": z}))
            terms = [evaluate(t, self.functions, {"z": z, "a": a}) for t in terms_of(formula)]
            prime = self.mp.fsum(terms)
            size = max(map(abs, [prime, *(terms if row.turns else ())]))
        if name == "sigmoid":
            less = self._sigmoid(-z)
            return Unit(a, prime, size, less, -self._softplus(-z), -self._softplus(z))
        if name == "softplus":
            return Unit(a, prime, size, None, self.mp.log(a))
        if name == "exp":
            return Unit(a, prime, size, None, z)
        return Unit(a, prime, size)

    def units(self, name: str, z: list[float]) -> list[Unit]:
        """All outputs of one example."""
        if name != "softmax":
            return [self.unit(name, value) for value in z]
        mp = self.mp
        top = max(z)
        e = [mp.exp(mp.mpf(value) - top) for value in z]
        units = []
        for i, e_i in enumerate(e):
            others = mp.fsum(e[:i] + e[i + 1 :])
            mass = e_i + others
            a, less = e_i / mass, others / mass
            # -log1p keeps the digits of a logarithm near 0
            log_a = -mp.log1p(others / e_i)
            log_less = -mp.log1p(e_i / others)
            units.append(Unit(a, a * less, a * less, less, log_a, log_less))
        return units

    def example(
        self, output: str, loss: str, units: list[Unit], y: list[float], tolerance: float,
        tiny: float, huge: float,
    ) -> Example:  # fmt: skip
        """C^t and delta^L of one example; `tolerance`, `tiny` and `huge` as the dtype has them."""
        mp, n, row = self.mp, len(units), LOSSES[loss]
        targets = [mp.mpf(value) for value in y]
        if row.logarithmic:
            return self._logarithmic(output, loss, units, targets)
        share = mp.mpf(1) / n if row.mean else mp.mpf(1)
        value, size = mp.mpf(0), mp.mpf(0)
        slopes: list[Any] = []
        sizes: list[Any] = []
        for unit, y_i in zip(units, targets, strict=True):
            if unit.a > huge:  # what the engines are given of it is infinity
                slopes.append(None)
                sizes.append(None)
                continue
            error, term = unit.a - y_i, max(abs(unit.a), abs(y_i))
            room = tolerance * term
            c, g = self._term(row, error)
            # an error of `room` in a - y makes this much of one in C, and in its derivative
            c_size = abs(g) * term
            near = [abs(self._term(row, error + step)[1] - g) for step in (-room, room)]
            g_size = max(near) / tolerance
            jumps = row.corner == "slope" and any(
                abs(error - corner) <= max(room, tiny) for corner in row.corners
            )
            value, size = value + share * c, size + share * max(c, c_size)
            slopes.append(None if jumps else share * g)
            sizes.append(share * max(g_size, 0 if jumps else abs(g)))
        delta = self._through(output, units, slopes, sizes)
        whole = all(unit.a <= huge for unit in units)
        return Example(Number(value, max(value, size), mp.inf) if whole else None, delta)

    def _term(self, row: Loss, error: Any) -> tuple[Any, Any]:
        """A term of C and its derivative by a, both functions of a - y."""
        zero = self.mp.mpf(0)
        return tuple(
            self.value(formula, error, a=error, y=zero) for formula in (row.term, row.prime)
        )

    def _through(
        self, output: str, units: list[Unit], slopes: list[Any], sizes: list[Any]
    ) -> list[Number | None]:
        """delta from dC/da through sigma' or the Jacobian of softmax."""
        mp = self.mp
        if output != "softmax":
            return [
                None if g is None else Number(
                    unit.prime * g, max(unit.prime_size * abs(g), abs(unit.prime) * size),
                    abs(unit.prime),
                )
                for unit, g, size in zip(units, slopes, sizes, strict=True)
            ]  # fmt: skip
        if any(g is None for g in slopes):
            return [None] * len(units)
        mean_size = max(unit.a * size for unit, size in zip(units, sizes, strict=True))
        found: list[Number | None] = []
        for i, unit in enumerate(units):
            # a_i sum_k a_k (g_i - g_k)
            total = mp.fsum(
                other.a * (slopes[i] - slopes[k]) for k, other in enumerate(units) if k != i
            )
            size = max(abs(total), sizes[i], mean_size)
            found.append(Number(unit.a * total, unit.a * size, unit.a))
        return found

    def _logarithmic(self, output: str, loss: str, units: list[Unit], y: list[Any]) -> Example:
        mp, n = self.mp, len(units)
        pairs = list(zip(units, y, strict=True))
        if loss == "cross_entropy":
            value = mp.fsum(-y_i * u.log_a for u, y_i in pairs)
            size = value
        elif loss == "binary_cross_entropy":
            value = mp.fsum(-y_i * u.log_a - (1 - y_i) * u.log_less for u, y_i in pairs)
            size = value
        elif loss == "poisson":
            value = mp.fsum(u.a - y_i * u.log_a for u, y_i in pairs) / n
            size = mp.fsum(max(u.a, abs(y_i * u.log_a)) for u, y_i in pairs) / n
        elif loss == "poisson_deviance":
            terms = [
                (u.a, -y_i * u.log_a, y_i * mp.log(y_i) if y_i else y_i, -y_i) for u, y_i in pairs
            ]
            value = mp.fsum(map(mp.fsum, terms))
            size = mp.fsum(max(map(abs, of_one)) for of_one in terms)
        delta = self._logarithmic_delta(output, loss, units, y)
        numbers = [Number(d, max(abs(d), s), mp.inf) for d, s in delta]
        return Example(Number(value, max(value, size), mp.inf), list(numbers))

    def _logarithmic_delta(
        self, output: str, loss: str, units: list[Unit], y: list[Any]
    ) -> list[tuple[Any, Any]]:
        """delta and the largest of its terms, from a_k dC/da_k and d log a_k / dz_i."""
        pairs = list(zip(units, y, strict=True))
        n = len(units) if LOSSES[loss].mean else 1
        if output != "softmax":
            found = []
            for u, y_i in pairs:
                if loss == "binary_cross_entropy":
                    terms = u.a, -y_i
                elif loss == "cross_entropy":
                    terms = (-y_i * u.less,)
                else:  # sigma' (1 - y/a) / n, sigma'/a 1 - a for sigmoid
                    ratio = u.less if output == "sigmoid" else u.prime / u.a
                    terms = ratio * u.a / n, -ratio * y_i / n
                found.append((self.mp.fsum(terms), max(abs(term) for term in terms)))
            return found
        found = []
        for i, (u, y_i) in enumerate(pairs):
            total = self.mp.fsum(y)
            if loss == "cross_entropy":
                terms = [u.a * total, -y_i]
            elif loss in ("poisson", "poisson_deviance"):
                terms = [u.a * total / n, -y_i / n]
            else:
                # a_k g_k = -y_k + (1 - y_k) a_k / (1 - a_k), times [i = k] - a_i
                terms = [(1 - y_i) * u.a, -y_i * u.less]
                for k, (other, y_k) in enumerate(pairs):
                    if k != i:
                        terms += [u.a * y_k, -(1 - y_k) * other.a * (u.a / other.less)]
            found.append((self.mp.fsum(terms), max(abs(term) for term in terms)))
        return found
