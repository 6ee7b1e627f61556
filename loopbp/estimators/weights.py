"""`coefs_` and `intercepts_` of an estimator, and the flat theta that the engine moves.

What `fit` leaves in ``coefs_`` are views into theta, so that both always agree.  Arrays that others
put there (by hand, from a pickle) are packed into a new theta where they are used.
"""

from collections.abc import Sequence
from itertools import pairwise
from operator import is_
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loopbp.jit.sources import plain
from loopbp.own_activation import Activation
from loopbp.parameters import Architecture, biases_of, make_architecture, weights_of

Array = NDArray[Any]


class Facts(NamedTuple):
    """What an architecture is made of, beside the shapes of the weights."""

    activation: Any
    """one name or one each, this package's"""
    output: str
    loss: str
    dropout: tuple[float, ...]
    alpha: float


class Packed(NamedTuple):
    """theta, and whose arrays it is."""

    theta: Array
    architecture: Architecture
    coefs: tuple[Array, ...]
    """views into theta, (n_{l-1}, n_l) each: the transpose of w^l"""
    intercepts: tuple[Array, ...]
    facts: Facts
    made_of: tuple[Any, ...]
    """the parameters that the facts come from"""

    def holds(
        self, coefs: Sequence[Any], intercepts: Sequence[Any], made_of: tuple[Any, ...]
    ) -> bool:
        """Whether theta is behind these very arrays, of an estimator with these parameters."""
        mine = *self.coefs, *self.intercepts, *self.made_of
        given = *coefs, *intercepts, *made_of
        return (
            len(mine) == len(given)
            and all(map(is_, mine, given))
            and all(isinstance(value, _UNCHANGING) for value in made_of)
        )


_UNCHANGING = str, float, int, Activation


def pack(
    coefs: Sequence[Any], intercepts: Sequence[Any], facts: Facts, made_of: tuple[Any, ...] = ()
) -> Packed:
    """theta from the arrays of each layer.

    Parameters
    ----------
    coefs, intercepts
        As an estimator has them.
    facts
        What they are the weights of.
    made_of
        See `Packed`; nothing where theta is used once.

    Raises
    ------
    ValueError
        If their shapes do not follow each other.
    """
    w = [np.asarray(c) for c in coefs]
    b = [np.asarray(i) for i in intercepts]
    _check_shapes(w, b)
    dtype = np.result_type(*w, *b)
    if dtype not in (np.float32, np.float64):
        dtype = np.dtype(np.float64)
    sizes = [w[0].shape[0], *(c.shape[1] for c in w)]
    architecture = make_architecture(
        sizes, facts.activation, facts.output, facts.loss, facts.dropout, facts.alpha, True
    )
    parts = [part for c, i in zip(w, b, strict=True) for part in (c.T.ravel(), i.ravel())]
    theta = np.concatenate(parts).astype(dtype, copy=False)
    return _with_views(theta, architecture, facts, made_of)


def as_dtype(packed: Packed, dtype: Any) -> Packed:
    """The same with theta in another dtype."""
    theta = packed.theta.astype(dtype)
    return _with_views(theta, packed.architecture, packed.facts, packed.made_of)


def _with_views(
    theta: Array, architecture: Architecture, facts: Facts, made_of: tuple[Any, ...]
) -> Packed:
    layers = range(1, len(architecture.sizes))
    coefs = tuple(plain(weights_of)(theta, architecture, l).T for l in layers)
    intercepts = tuple(plain(biases_of)(theta, architecture, l) for l in layers)
    return Packed(theta, architecture, coefs, intercepts, facts, made_of)


def _check_shapes(w: list[Array], b: list[Array]) -> None:
    shapes = [c.shape for c in w]
    fits = len(w) == len(b) > 0 and all(c.ndim == 2 for c in w)
    fits = fits and all(c.shape[1] == d.shape[0] for c, d in pairwise(w))
    fits = fits and all(c.shape[1] == i.size for c, i in zip(w, b, strict=True))
    if not fits:
        raise ValueError(
            "coefs_ and intercepts_: expected (n_{l-1}, n_l) and (n_l,) layer after layer, got "
            f"{shapes} and {[i.shape for i in b]}"
        )
