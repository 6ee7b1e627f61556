"""Why a gradient is wrong, from its numbers alone: also where `blocks` are not known.

A wrong gradient often holds the right numbers, changed: a run of them times a constant, two in
each other's places, all moved by one, a matrix read by columns, a term left out.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loopbp.gradcheck.report import Cause

Array = NDArray[Any]
_FEWEST = 3  # entries that a pattern must explain to be more than chance
_LARGEST = 400  # a matrix's entries, as its shape is found by trying


class Numbers(NamedTuple):
    """One block: what is given, what it should be, and what of it is wrong; shapes (n,)."""

    given: Array
    numeric: Array
    theta: Array
    allowed: Array
    """How far apart two numbers may lie and still be the same."""
    wrong: NDArray[np.bool_]

    def same(self, given: Array, expected: Array, allowed: Array) -> bool:
        """Whether all of one are the other; NaN, which was not measured, fits anything."""
        known = np.isfinite(given) & np.isfinite(expected)
        return bool(known.any() and (np.abs(given - expected) <= allowed)[known].all())


def name_patterns(
    numbers: Numbers, block: str, factors: Sequence[tuple[str, float, str]]
) -> list[Cause]:
    """The patterns that explain the wrong entries of a block, none if there are none.

    Parameters
    ----------
    numbers
        Of the block.
    block
        Its name.
    factors
        Constants to look for: name of the cause, factor, and what it means.
    """
    found, rest = [], numbers.wrong.copy()
    where = _where(rest)
    for name, text in _moved(numbers):
        return [Cause(name, f"{where}: {text}", (block,))]
    for name, factor, text in factors:
        with np.errstate(invalid="ignore"):
            near = np.abs(numbers.given - factor * numbers.numeric)
            part = rest & (near <= max(1.0, abs(factor)) * numbers.allowed)
        if part.sum() >= 2 or (part.any() and part.sum() == rest.sum()):
            found.append(Cause(name, f"{_where(part)}: {text}", (block,)))
            rest &= ~part
    for name, text in _terms(numbers, rest):
        found.append(Cause(name, f"{_where(rest)}: {text}", (block,)))
        break
    return found


def _moved(n: Numbers) -> Iterator[tuple[str, str]]:
    """The right numbers in wrong places."""
    at = np.flatnonzero(n.wrong)
    if len(at) < 2:
        return
    given, numeric, loose = n.given[at], n.numeric[at], n.allowed[at]
    loose = np.full(len(at), loose.max())
    if len(at) == 2:
        if n.same(given, numeric[::-1], loose):
            yield "swapped", "two entries stand in each other's place"
        return
    run = slice(at[0], at[-1] + 1)
    given, numeric, allowed = n.given[run], n.numeric[run], n.allowed[run]
    if len(given) > _FEWEST:
        loose = np.maximum(allowed[1:], allowed[:-1])
        if n.same(given[1:], numeric[:-1], loose):
            yield "shifted", "every entry stands one place too late"
        if n.same(given[:-1], numeric[1:], loose):
            yield "shifted", "every entry stands one place too early"
    yield from _turned(n, run)
    if n.same(given, numeric[::-1], np.maximum(allowed, allowed[::-1])):
        yield "swapped", "the entries stand in reverse order"
    given, numeric = np.sort(n.given[at]), np.sort(n.numeric[at])
    if np.isfinite(numeric).all() and n.same(given, numeric, np.full(len(at), n.allowed[at].min())):
        yield "swapped", "the right numbers in wrong places"


def _turned(n: Numbers, run: slice) -> Iterator[tuple[str, str]]:
    """A matrix by columns instead of by rows: its first and last entries stay in place."""
    start, stop = run.start - 1, run.stop + 1
    size = stop - start
    if start < 0 or stop > len(n.given) or not 4 <= size <= _LARGEST:
        return
    given, numeric = n.given[start:stop], n.numeric[start:stop]
    allowed = np.full(size, n.allowed[start:stop].max())
    for rows in range(2, size // 2 + 1):
        columns = size // rows
        if rows * columns == size and n.same(
            given, numeric.reshape(rows, columns).T.ravel(), allowed
        ):
            yield (
                "transposed",
                (
                    f"entries {start} to {stop - 1} are a matrix of shape ({rows}, {columns}) "
                    "whose gradient is transposed"
                ),
            )


def _terms(n: Numbers, rest: NDArray[np.bool_]) -> Iterator[tuple[str, str]]:
    """A term left out, or one too many."""
    gap, theta, allowed = (v[rest] for v in (n.numeric - n.given, n.theta, n.allowed))
    square = float(theta @ theta)
    if len(gap) < _FEWEST or not np.isfinite(gap).all():
        return
    if square > 0 and np.ptp(np.abs(theta)) > 0:
        weight = float(gap @ theta) / square
        if n.same(gap, weight * theta, allowed):
            what = "is missing" if weight > 0 else "is too much"
            yield (
                "l2_missing" if weight > 0 else "l2_factor",
                (f"{abs(weight):.6g} * theta {what}, as the gradient of a penalty is"),
            )
    constant = float(gap.mean())
    if n.same(gap, np.full(len(gap), constant), allowed):
        yield "term", f"the term {constant:.6g}, the same for each, is missing"


def _where(part: NDArray[np.bool_]) -> str:
    at = np.flatnonzero(part)
    if len(at) == len(part):
        return "all entries"
    if len(at) == 1:
        return f"entry {at[0]}"
    if len(at) == at[-1] - at[0] + 1:
        return f"entries {at[0]} to {at[-1]}"
    few = ", ".join(map(str, at[:8]))
    return f"entries {few}" + (f" and {len(at) - 8} more" if len(at) > 8 else "")
