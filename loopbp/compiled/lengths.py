"""Lengths and ranges of what `loopbp.compiled` takes, which no type shows, at calls from Python.

Inside ``@njit`` nothing of this is looked at: there `validate_compiled`, once before, does it.
"""

from collections.abc import Sequence
from typing import Any

from loopbp.parameters import Architecture

# What a network of some architecture takes: P, n_0, n_L.  Kept for the last one, for a loop that
# calls with the same one each time.
_LAST: list[Any] = [None, (0, 0, 0)]


def _sizes(architecture: Architecture) -> tuple[int, int, int]:
    last, known = _LAST
    if architecture is not last:
        sizes = architecture.sizes
        known = int(architecture.b_start[-1] + sizes[-1]), int(sizes[0]), int(sizes[-1])
        _LAST[:] = architecture, known
    return known


def wrong_length(names: Sequence[str], values: Sequence[Any]) -> str | None:
    """What is wrong with the lengths and ranges of arguments of right types, in one sentence.

    Parameters
    ----------
    names, values
        Of the arguments of `predict`, `loss_and_gradient`, `train` or `train_many`, in their order:
        theta or thetas, architecture, X, Y, settings, epochs, batch_size, seed or seeds.

    Returns
    -------
    str or None
        "argument: expected ..., got ...; ..."; None where all fit.
    """
    theta, architecture, X, *more = values
    P, n_0, n_L = _sizes(architecture)
    if theta.shape[-1] != P:
        return f"{names[0]}: expected {P} parameters, got {theta.shape[-1]}; pass that network's"
    if X.shape[1] != n_0:
        return f"X: expected {n_0} columns, got {X.shape[1]}; pass one for each input"
    if not more:
        return None
    if X.shape[0] == 0:
        return "X: expected at least one example, got none; pass some rows"
    Y, *more = more
    if Y.shape[1] != n_L:
        return f"Y: expected {n_L} columns, got {Y.shape[1]}; pass one for each output"
    if Y.shape[0] != X.shape[0]:
        return f"Y: expected {X.shape[0]} rows as in X, got {Y.shape[0]}; pass one for each example"
    if not more:
        return None
    _, epochs, batch_size, seeds = more
    if epochs < 0:
        return f"epochs: expected at least 0, got {epochs}; pass how often to go through X"
    if batch_size < 1:
        return f"batch_size: expected at least 1, got {batch_size}; pass len(X) for all at once"
    if names[-1] == "seeds" and seeds.shape[0] != theta.shape[0]:
        return f"seeds: expected {theta.shape[0]}, got {seeds.shape[0]}; pass one for each network"
    return None
