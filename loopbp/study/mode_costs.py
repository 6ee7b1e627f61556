"""Forward mode against reverse mode: what a gradient costs as the number of parameters grows."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from loopbp.binding import loops_engine
from loopbp.network.network import Network
from loopbp.study.batch import Batch
from loopbp.study.forward_mode import forward_mode
from loopbp.validate import check_count

_WIDTHS = (2, 4, 8, 16, 32)
_INPUTS, _OUTPUTS = 8, 4


class ModeCost(NamedTuple):
    """One network."""

    parameters: int
    """P"""
    forward_seconds: float
    """Forward mode: P passes over tangents, after the forward pass."""
    reverse_seconds: float
    """Reverse mode: one backward pass, after the forward pass."""

    @property
    def ratio(self) -> float:
        """How many times longer forward mode takes."""
        return self.forward_seconds / self.reverse_seconds


def measure_modes(
    widths: Sequence[int] = _WIDTHS, examples: int = 16, repeats: int = 5, seed: int = 0
) -> list[ModeCost]:
    """Time a gradient in both modes, for networks of growing width.

    Both run the same kind of serial compiled loops on the same numbers; what the forward pass
    computes is given to both.

    Parameters
    ----------
    widths
        Units of each of two hidden layers, one network each.
    examples
        m.
    repeats
        The fastest run of so many counts, which is the one least disturbed.
    seed
        Of weights and examples.

    Returns
    -------
    list of ModeCost
        One per width.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a whole number of at least 1.
    """
    check_count("examples", examples)
    check_count("repeats", repeats)
    found = []
    rng = np.random.default_rng(check_count("seed", seed, 0))
    engine = loops_engine(False)
    for width in [check_count("widths", width) for width in widths]:
        net = Network([_INPUTS, width, width, _OUTPUTS], hidden="tanh", seed=seed)
        X = rng.standard_normal((examples, _INPUTS))
        batch = Batch(net, X, rng.integers(0, _OUTPUTS, examples))
        z, a = (
            np.concatenate([layer.ravel() for layer in layers[1:]])
            for layers in (batch.numpy.z, batch.numpy.a)
        )
        delta, gradient = np.empty_like(z), np.empty_like(batch.theta)
        given = (batch.theta, batch.architecture, batch.X, batch.Y, batch.s, z, a)
        forward = partial(forward_mode, *given, gradient)
        reverse = partial(engine.backward, *given, delta, gradient, 0, False)
        forward()  # compiles
        reverse()
        seconds = [min(_timed(run) for _ in range(repeats)) for run in (forward, reverse)]
        found.append(ModeCost(batch.theta.size, seconds[0], seconds[1]))
    return found


def _timed(run: Callable[[], Any]) -> float:
    start = perf_counter()
    run()
    return perf_counter() - start


def plot_modes(costs: Sequence[ModeCost], path: str | os.PathLike[str]) -> None:
    """Draw seconds by number of parameters, both axes logarithmic.

    Parameters
    ----------
    costs
        What `measure_modes` returned.
    path
        Of the picture; its ending names the format.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise ImportError("plot_modes needs Matplotlib: pip install 'loopbp[plot]'")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    P = [cost.parameters for cost in costs]
    forward = [cost.forward_seconds for cost in costs]
    reverse = [cost.reverse_seconds for cost in costs]
    axes.loglog(P, forward, "o-", color="#d1642a", label="forward mode, one pass a parameter")
    axes.loglog(P, reverse, "s-", color="#1f5fa8", label="reverse mode, one backward pass")
    axes.set_xlabel("parameters")
    axes.set_ylabel("seconds for one gradient")
    axes.legend(frameon=False)
    axes.grid(color="0.9", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
