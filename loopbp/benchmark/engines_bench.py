"""The engines against each other: each phase and the whole step, over width, batch and depth."""

import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from loopbp import catalogue, reference
from loopbp.benchmark.cases import Case, Problem, make_problem
from loopbp.benchmark.peers import LoopBP
from loopbp.binding import Engine
from loopbp.engines import pick_training
from loopbp.jit.sources import plain
from loopbp.optimizers import sgd
from loopbp.parameters import layer_of

ENGINES = tuple(name for name in catalogue.ENGINES if name != "auto")
PHASES = ("forward", "delta", "gradient", "update", "step")
REST_IS = (
    "rest: a step less the four phases.  A step also gathers the batch and computes its losses.  "
    "The rest may be below zero: alone, each kernel is called from Python, and those of tiled run "
    "on one thread, where its step fuses the phases and shares them out among threads."
)
GRID = {"width": (16, 64, 256, 1024), "batch": (1, 32, 256), "depth": (2, 5)}
QUICK_GRID = {"width": (16, 256), "batch": (1, 64), "depth": (2,)}
_SECONDS, _SAMPLES = 0.004, 5
_RATE = 1e-4


def grid_cases(grid: dict[str, tuple[int, ...]], dtype: str) -> Iterator[Case]:
    """Networks of `depth` weight layers, all as wide, relu and softmax."""
    for depth in grid["depth"]:
        for width in grid["width"]:
            for batch in grid["batch"]:
                yield Case(
                    f"{width}x{depth}", (width,) * (depth + 1), "relu", "softmax",
                    "cross_entropy", batch, 4, dtype=dtype,
                )  # fmt: skip


def phases(engine: Engine, problem: Problem) -> dict[str, Callable[[], Any]]:
    """One call for each phase of a step, on the first batch.

    forward is one compiled call; delta (every delta^l), gradient (every dw^l, db^l) and update are
    kernels called layer by layer, which costs about half a microsecond a call; step is an epoch.
    The tiled engine's step fuses the phases and shares them out among threads; its kernels, on
    their own, are serial.
    """
    net, case, kernels = problem.net, problem.case, engine.kernels
    architecture = net.architecture
    m, L = case.batch, len(case.sizes) - 1
    theta = net.theta.copy()
    x, y, s = problem.X[:m], problem.Y[:m], np.ones(m, case.dtype)
    z, a, delta = (np.empty(m * sum(case.sizes[1:]), case.dtype) for _ in range(3))
    g = np.empty_like(theta)
    views = plain(layer_of)
    z_l, a_l, delta_l = (
        [views(buffer, architecture, l, m) for l in range(1, L + 1)] for buffer in (z, a, delta)
    )
    code = architecture.activation
    w = net.weights
    dw = [array.copy() for array in w]
    db = [array.copy() for array in net.biases]
    update = reference.sgd if engine.name == "numpy" else sgd

    def forward() -> None:
        engine.forward(theta, architecture, x, z, a, 0, False)

    def deltas() -> None:
        kernels.output_delta(
            architecture.loss, code[L], 0, z_l[-1], a_l[-1], y, s, delta_l[-1]
        )  # fmt: skip
        for l in range(L - 1, 0, -1):
            kernels.hidden_delta(w[l], delta_l[l], code[l], 0, z_l[l - 1], delta_l[l - 1])

    def gradients() -> None:
        for l in range(L):
            kernels.weight_gradient(delta_l[l], a_l[l - 1] if l else x, dw[l])
            kernels.bias_gradient(delta_l[l], db[l])

    trainer = LoopBP(problem, engine)
    forward()
    deltas()
    g[:] = 0
    return {
        "forward": forward,
        "delta": deltas,
        "gradient": gradients,
        "update": lambda: update(theta, g, _RATE),
        "step": trainer.epoch,
    }


def phase_flops(case: Case) -> dict[str, float]:
    """Floating-point operations of each phase, two for a multiply-add."""
    n = case.sizes
    products = [2.0 * a * b * case.batch for a, b in pairwise(n)]
    parameters = sum((a + 1) * b for a, b in pairwise(n))
    return {
        "forward": sum(products),
        "delta": sum(products[1:]),
        "gradient": sum(products),
        "update": 2.0 * parameters,
        "step": case.flops,
    }


def measure(
    cases: Iterable[Case],
    peak: dict[str, float],
    advance: Callable[[str], None],
    clock: Callable[[], float] = time.perf_counter,
) -> list[dict[str, Any]]:
    """Time every engine on every case.

    Parameters
    ----------
    cases
        From `grid_cases`.
    peak
        GFLOP/s by dtype.
    advance
        Called with the name of each case when it is done.
    clock
        Seconds.

    Returns
    -------
    list of dict
        One for each case, engine and phase: microseconds, GFLOP/s and share of the peak.
    """
    found = []
    for case in cases:
        problem = make_problem(case)
        flops = phase_flops(case)
        net, settings = problem.net, case.make_optimizer().settings
        calls = {
            (name, phase): call
            for name in ENGINES
            for phase, call in phases(
                pick_training(name, net.theta, net.architecture, settings, case.batch), problem
            ).items()
        }
        seconds = _in_turns(calls, clock)
        for (name, phase), samples in seconds.items():
            steps = case.steps if phase == "step" else 1
            us = 1e6 * statistics.median(samples) / steps
            gflops = flops[phase] / us / 1e3
            found.append({
                "width": case.sizes[0], "batch": case.batch, "depth": len(case.sizes) - 1,
                "dtype": case.dtype, "engine": name, "phase": phase, "microseconds": us,
                "gflops": gflops, "of_peak": gflops / peak[case.dtype],
            })  # fmt: skip
        advance(f"{case.name} batch {case.batch} {case.dtype}")
    return found


def _in_turns(
    calls: dict[tuple[str, str], Callable[[], Any]], clock: Callable[[], float]
) -> dict[tuple[str, str], list[float]]:
    """Seconds of one call of each, the repeats interleaved."""
    counts = {}
    for key, call in calls.items():
        call()  # compiles
        start = clock()
        call()
        counts[key] = max(1, int(_SECONDS / max(clock() - start, 1e-7)))
    samples: dict[tuple[str, str], list[float]] = {key: [] for key in calls}
    for _ in range(_SAMPLES):
        for key, call in calls.items():
            start = clock()
            for _ in range(counts[key]):
                call()
            samples[key].append((clock() - start) / counts[key])
    return samples
