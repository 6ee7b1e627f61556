"""Activations, losses and delta^L in 40 digits (mpmath), by their definitions.

Written so that no term is lost even at these digits: 1 - sigmoid(z) is sigmoid(-z), 1 - a_i of
softmax is the sum over the others.  Nothing is shared with the engines.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

_DIGITS = 40


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
    """C^t and delta^L_i; None where the sign in it cannot be told (mae, a next to y)."""

    loss: Number
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
        self.mp = _context()

    def exponent(self, x: Any) -> int:
        """The power of 2 at or below x."""
        return int(self.mp.frexp(x)[1]) - 1

    def _sigmoid(self, z: Any) -> Any:
        return 1 / (1 + self.mp.exp(-z))

    def _softplus(self, z: Any) -> Any:
        return self.mp.log1p(self.mp.exp(z)) if z < 50 else z + self.mp.log1p(self.mp.exp(-z))

    def unit(self, name: str, z: float) -> Unit:
        """sigma and sigma' of one z, for every activation but softmax."""
        mp = self.mp
        z = mp.mpf(z)
        one = mp.mpf(1)
        if name == "sigmoid":
            a, less = self._sigmoid(z), self._sigmoid(-z)
            prime = a * less
            return Unit(a, prime, prime, less, -self._softplus(-z), -self._softplus(z))
        if name == "softplus":
            a, prime = self._softplus(z), self._sigmoid(z)
            return Unit(a, prime, prime, None, mp.log(a))
        if name == "gelu":
            below = mp.erfc(-z / mp.sqrt(2)) / 2
            slope = z * mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi)
            return Unit(z * below, below + slope, max(below, abs(slope), abs(below + slope)))
        if name == "silu":
            s = self._sigmoid(z)
            slope = z * s * self._sigmoid(-z)
            return Unit(z * s, s + slope, max(s, abs(slope), abs(s + slope)))
        above = z > 0
        a, prime = {
            "identity": lambda: (z, one),
            "tanh": lambda: (mp.tanh(z), 1 / mp.cosh(z) ** 2),
            "relu": lambda: (z, one) if above else (0 * one, 0 * one),
            "leaky_relu": lambda: (z, one) if above else (z / 100, one / 100),
            "elu": lambda: (z, one) if above else (mp.expm1(z), mp.exp(z)),
        }[name]()
        return Unit(a, prime, abs(prime))

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
        tiny: float,
    ) -> Example:  # fmt: skip
        """C^t and delta^L of one example; `tolerance` and `tiny` as the dtype has them."""
        mp, n = self.mp, len(units)
        targets = [mp.mpf(value) for value in y]
        pairs = list(zip(units, targets, strict=True))
        if loss in ("binary_cross_entropy", "cross_entropy", "poisson"):
            return self._logarithmic(output, loss, units, targets)
        share = {"half_mse": mp.mpf(1) / n, "quadratic": mp.mpf(1)}.get(loss, mp.mpf(1) / n)
        value, size = mp.mpf(0), mp.mpf(0)
        slopes: list[Any] = []
        sizes: list[Any] = []
        for unit, y_i in pairs:
            error, term = unit.a - y_i, max(abs(unit.a), abs(y_i))
            far = abs(error)
            if loss in ("half_mse", "quadratic"):
                c, c_size, g, g_size = error * error / 2, far * term, error, term
            elif loss == "mae":
                known = far > max(tolerance * term, tiny)
                c, c_size, g_size = far, term, mp.mpf(1)
                g = mp.sign(error) if known else None
            else:
                inside = far <= 1
                c = error * error / 2 if inside else far - mp.mpf(1) / 2
                c_size, g = min(far, 1) * term, max(-1, min(1, error))
                g_size = term if far <= 1 + tolerance * term else mp.mpf(1)
            value, size = value + share * c, size + share * max(c, c_size)
            slopes.append(None if g is None else share * g)
            sizes.append(share * max(g_size, 0 if g is None else abs(g)))
        delta = self._through(output, units, slopes, sizes)
        return Example(Number(value, max(value, size), mp.inf), delta)

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
        else:
            value = mp.fsum(u.a - y_i * u.log_a for u, y_i in pairs) / n
            size = mp.fsum(max(u.a, abs(y_i * u.log_a)) for u, y_i in pairs) / n
        delta = self._logarithmic_delta(output, loss, units, y)
        numbers = [Number(d, max(abs(d), s), mp.inf) for d, s in delta]
        return Example(Number(value, max(value, size), mp.inf), list(numbers))

    def _logarithmic_delta(
        self, output: str, loss: str, units: list[Unit], y: list[Any]
    ) -> list[tuple[Any, Any]]:
        """delta and the largest of its terms, from a_k dC/da_k and d log a_k / dz_i."""
        n, pairs = len(units), list(zip(units, y, strict=True))
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
            elif loss == "poisson":
                terms = [u.a * total / n, -y_i / n]
            else:
                # a_k g_k = -y_k + (1 - y_k) a_k / (1 - a_k), times [i = k] - a_i
                terms = [(1 - y_i) * u.a, -y_i * u.less]
                for k, (other, y_k) in enumerate(pairs):
                    if k != i:
                        terms += [u.a * y_k, -(1 - y_k) * other.a * (u.a / other.less)]
            found.append((self.mp.fsum(terms), max(abs(term) for term in terms)))
        return found
