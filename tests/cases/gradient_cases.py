"""Losses with gradients in closed form, and wrong gradients, to calibrate the checker with.

What can be resolved is defined here from what each loss is made of: how large its terms are, how
far it can be followed along each parameter before it curves or kinks, and its rounding.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
FAULTS = ("factor 2", "sign", "swapped", "missing", "1e-3 off")


class Case(NamedTuple):
    """A loss and its gradient in float64, as formulas of theta."""

    name: str
    loss: Callable[[Array], Any]
    gradient: Callable[[Array], Array]
    missing: Callable[[Array], Array]
    """The gradient without one of its terms."""
    theta: Array
    length: Array
    """How far the loss can be followed along each parameter: its scale, or the next kink."""
    noise: float = 0.0
    """Of the loss beside rounding, relative."""


class Draw:
    """Random constants of a loss, in the dtype in which it is to be computed."""

    def __init__(self, rng, dtype):
        self.rng, self.dtype = rng, dtype

    def normal(self, *shape):
        return self.rng.standard_normal(shape).astype(self.dtype)

    def between(self, low, high, P=5):
        return self.rng.uniform(low, high, P).astype(self.dtype)

    def scales(self, P=5):
        """Over 12 decades."""
        return (10.0 ** self.rng.uniform(-6, 6, P)).astype(self.dtype)


def quadratic(draw):
    q, c, b = draw.scales(), draw.between(0.2, 2), draw.between(0.2, 1)
    return Case(
        "quadratic",
        lambda t: 0.5 * np.sum(c * (t / q) ** 2) + np.sum(b * (t / q)),
        lambda t: c * (t / q) / q + b / q,
        lambda t: c * (t / q) / q,
        q * draw.normal(5), q,
    )  # fmt: skip


def saturating(draw):
    q, c, b = draw.scales(), draw.between(0.2, 2), draw.between(0.2, 1)
    return Case(
        "saturating",
        lambda t: np.sum(c * np.tanh(t / q)) + np.log(np.sum(np.exp(b * (t / q)))),
        lambda t: c / q * (1 - np.tanh(t / q) ** 2)
        + b / q * np.exp(b * (t / q)) / np.sum(np.exp(b * (t / q))),
        lambda t: c / q * (1 - np.tanh(t / q) ** 2),
        q * draw.normal(5), q,
    )  # fmt: skip


def softmax(draw):
    column, l2 = draw.scales(3), 0.3
    X, y = column * draw.normal(8, 3), np.eye(3, dtype=draw.dtype)[draw.rng.integers(0, 3, 8)]

    def logits(t):
        z = X @ t.reshape(3, 3).T
        return z - z.real.max(axis=1, keepdims=True)

    def loss(t):
        z, w = logits(t), t.reshape(3, 3) * column
        return np.mean(np.log(np.exp(z).sum(1)) - (y * z).sum(1)) + l2 / 2 * np.sum(w * w)

    def data(t):
        p = np.exp(logits(t))
        return ((p / p.sum(1, keepdims=True) - y).T @ X / 8).ravel()

    return Case(
        "softmax", loss, lambda t: data(t) + l2 * t * np.tile(column, 3) ** 2, data,
        draw.normal(9) / np.tile(column, 3), np.tile(1 / column, 3),
    )  # fmt: skip


def relu(draw):
    X, y = draw.normal(6, 4), draw.normal(6)
    theta = np.append(draw.normal(4), draw.between(0.5, 2, 1))

    def loss(t):
        return np.mean((t[4] * np.maximum(X @ t[:4], 0) - y) ** 2) / 2

    def gradient(t, rows=slice(None)):
        a = np.maximum(X[rows] @ t[:4], 0)
        e = t[4] * a - y[rows]
        return np.append((e * t[4] * (a > 0)) @ X[rows], e @ a) / 6

    near = np.abs(X @ theta[:4])[:, np.newaxis] / np.abs(X)
    return Case(
        "relu", loss, gradient, lambda t: gradient(t, slice(1, None)), theta,
        np.append(np.minimum(near.min(axis=0), 1.0), 1.0),
    )  # fmt: skip


def absolute(draw):
    q, c = draw.scales(), draw.between(0.2, 2)
    theta = q * draw.normal(5) * draw.rng.choice([1.0, 1.0, 1e-3, 1e-9], 5).astype(draw.dtype)
    return Case(
        "absolute",
        lambda t: np.sum(c * np.abs(t / q)) + 0.5 * np.sum((t / q) ** 2),
        lambda t: c * np.sign(t) / q + t / q / q,
        lambda t: c * np.sign(t) / q * (np.arange(5) != 0) + t / q / q,
        theta, np.minimum(q, np.abs(theta)),
    )  # fmt: skip


def noisy(draw):
    case, level = quadratic(draw), 10.0 ** draw.rng.uniform(-10, -6)

    def loss(t):
        chance = zlib.crc32(np.ascontiguousarray(t).tobytes()) / 2**31 - 1
        return case.loss(t) * t.dtype.type(1 + level * chance)

    return case._replace(name="noisy", loss=loss, noise=level)


def flat(draw):
    case = saturating(draw)
    unused = np.array([1, 1, 1, 0, 0], draw.dtype)
    return case._replace(
        name="flat",
        loss=lambda t: case.loss(t * unused),
        gradient=lambda t: case.gradient(t * unused) * unused,
        missing=lambda t: case.missing(t * unused) * unused,
    )


KINDS = (quadratic, saturating, softmax, relu, absolute, noisy, flat)


class Given(NamedTuple):
    """What the checker gets, and what is known of it."""

    name: str
    loss: Callable[[Array], Any]
    gradient: Callable[[Array], Array]
    theta: Array
    length: Array
    wrong: Array
    """Entries of the gradient that are wrong by a thousandth or more."""
    resolvable: Array
    """Those of them that the values of the loss can show."""


def cases(count: int, dtype: str, seed: int, faults: bool) -> Iterator[Given]:
    """As many gradients of every kind, right ones or (faults) wrong ones."""
    rng = np.random.default_rng(seed)
    for n in range(count):
        case = KINDS[n % len(KINDS)](Draw(rng, dtype))
        fault = FAULTS[n // len(KINDS) % len(FAULTS)] if faults else ""
        yield _given(case, fault, dtype, n, rng)


def _given(case: Case, fault: str, dtype: str, n: int, rng: np.random.Generator) -> Given:
    theta = case.theta
    wide = theta.astype(np.float64)
    true, P = case.gradient(wide), theta.size
    # Two entries to make wrong, of those that are not 0 if there are so many.
    k, other = np.argsort((true != 0) * (1 + rng.random(P)))[-2:]
    factor = np.ones(P)
    if fault == "1e-3 off":
        factor[slice(None) if n % 2 else k] = 1.001 + 1e-5

    def gradient(t):
        g = (case.missing if fault == "missing" else case.gradient)(t)
        if fault == "swapped":
            g[[k, other]] = g[[other, k]]
        return np.asarray({"factor 2": 2, "sign": -1}.get(fault, factor), g.dtype) * g

    apart = np.abs(gradient(wide) - true)
    wrong = apart >= 1e-3 * np.maximum(np.abs(true), np.abs(gradient(wide)))
    wrong &= apart > 0
    # The best central difference of order 6 is off by about this much.
    precision = float(np.finfo(dtype).eps)
    noise = max(precision, case.noise)
    terms = np.abs(case.loss(wide)) + np.abs(case.gradient(wide) * wide).max()
    error = noise ** (6 / 7) * terms / case.length
    shown = wrong & (apart >= 1000 * error)
    name = f"{case.name}, {fault or 'right'}, number {n}"
    if dtype == "float64":  # as they are, for they may take complex numbers
        return Given(name, case.loss, gradient, theta, case.length, wrong, shown)
    # float32 or float64 theta, for functions that compute in float32
    return Given(
        name, lambda t: case.loss(t.astype(dtype)), lambda t: gradient(t.astype(dtype)),
        theta if n % 2 else wide, case.length, wrong, shown,
    )  # fmt: skip
