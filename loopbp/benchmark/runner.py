"""Everybody on one case: first the weights are compared, then epochs are timed in turns.

Times are medians of rounds; of a round the fastest timing counts.
"""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp import _jit
from loopbp.benchmark.cases import Case, Problem, make_problem
from loopbp.benchmark.peers import PEERS, LoopBP, Trainer
from loopbp.engines import numpy_engine

# Of the path that the weights went: ||theta - theta of numpy|| / ||theta of numpy - theta at 0||.
TOLERANCE = {"float32": 0.01, "float64": 1e-5}
_SAMPLE_SECONDS = 0.01  # what one timing takes at least: so many epochs make it up
# In a round each is timed several times in a row, all equally often, the fastest for about so long,
# and the best counts: others' work on the host, in bursts of 0.1 to 0.3 s, only adds to a time.
_ROUND_SECONDS, _TIMINGS = 0.25, (3, 8)
# What epochs before it take at least: the system may wake two threads on one core and part them
# 12 ms later.
_WARM_SECONDS = 0.05
_PAUSE_SECONDS = 0.3  # before a timing: threads of the one before spin on for that long
# Who takes so many times longer is timed in the first rounds only, once in each.
_FAR_BEHIND, _FEW_ROUNDS = 5.0, 3
_BUDGET_SECONDS, _ROUNDS = 3.0, (5, 15)

Clock = Callable[[], float]


def reference_theta(problem: Problem) -> NDArray[Any]:
    """The weights after one epoch of loopbp's NumPy engine, the truth that all are held against."""
    truth = LoopBP(problem, numpy_engine())
    with np.errstate(all="ignore"):
        truth.epoch()
    return truth.theta()


def deviation(found: NDArray[Any], expected: NDArray[Any], start: NDArray[Any]) -> float:
    """How far two trainings from the same start ended apart, as a share of the way.

    Parameters
    ----------
    found, expected, start
        Three vectors of parameters.

    Returns
    -------
    float
        Infinity where `found` is not finite or has another shape.
    """
    if found.shape != expected.shape or not np.isfinite(found).all():
        return math.inf
    way = np.linalg.norm(expected.astype(float) - start)
    return float(np.linalg.norm(found.astype(float) - expected) / way)


def signature_count() -> int:
    """How many signatures Numba has compiled or loaded for loopbp so far; 0 without compiler."""
    return sum(len(getattr(d, "overloads", ())) for d in _jit._DISPATCHERS.values())


def run_case(
    case: Case,
    peers: Sequence[type[Trainer]] = PEERS,
    rounds: int | None = None,
    clock: Clock = time.perf_counter,
) -> dict[str, Any]:
    """Compare and time loopbp and its peers on one case.

    Parameters
    ----------
    case
        What to train.
    peers
        Classes of `loopbp.benchmark.peers`; those not installed are left out.
    rounds
        How often each is timed; None: as often as a few seconds allow.
    clock
        Seconds.

    Returns
    -------
    dict
        A row of the results.  Times are microseconds of one step.

    Raises
    ------
    RuntimeError
        If Numba compiled anything while the clock ran.
    """
    problem = make_problem(case)
    expected = reference_theta(problem)
    timed: dict[str, Trainer] = {}
    found: dict[str, dict[str, Any]] = {}
    for kind in (LoopBP, *peers):
        if kind.is_missing():
            continue
        reason = kind.cannot(case)
        if reason:
            found[kind.name] = {"cannot": reason}
            continue
        trainer = kind(problem)
        trainer.start()
        trainer.epoch()
        apart = deviation(trainer.theta(), expected, problem.net.theta)
        found[kind.name] = {"deviation": apart}
        if apart <= TOLERANCE[case.dtype]:
            timed[kind.name] = trainer
    samples = _time_in_turns(timed, rounds, clock)
    for name, seconds in samples.items():
        each = [1e6 * s / case.steps for s in seconds]
        found[name] |= {
            "median": statistics.median(each), "min": min(each), "max": max(each),
            "samples": len(each),
        }  # fmt: skip
    return _row(case, found)


def _time_in_turns(
    trainers: dict[str, Trainer], rounds: int | None, clock: Clock
) -> dict[str, list[float]]:
    """Seconds of an epoch, by rounds."""
    once = {name: max(_sample(t, 1, 1, 1, clock), 1e-6) for name, t in trainers.items()}
    if not once:
        return {}
    warming = {name: math.ceil(_WARM_SECONDS / s) for name, s in once.items()}
    counts = {name: math.ceil(_SAMPLE_SECONDS / s) for name, s in once.items()}
    fastest = min(once.values())
    far = {name for name, s in once.items() if s > _FAR_BEHIND * fastest and name != LoopBP.name}
    shortest = min(counts[name] * s for name, s in once.items())
    several = int(np.clip(math.ceil(_ROUND_SECONDS / shortest), *_TIMINGS))
    timings = {name: 1 if name in far else several for name in once}
    if rounds is None:
        near = sum(
            several * counts[name] * s + _PAUSE_SECONDS
            for name, s in once.items()
            if name not in far
        )
        rounds = int(np.clip(_BUDGET_SECONDS / near, *_ROUNDS))
    samples: dict[str, list[float]] = {name: [] for name in trainers}
    before = signature_count()
    for k in range(rounds):
        for name, trainer in trainers.items():
            if k < _FEW_ROUNDS or name not in far:
                plan = warming[name], counts[name], timings[name]
                samples[name].append(_sample(trainer, *plan, clock))
    if signature_count() != before:
        raise RuntimeError("Numba compiled something while the clock ran")
    return samples


def _sample(trainer: Trainer, warming: int, epochs: int, timings: int, clock: Clock) -> float:
    """Seconds of an epoch: of several timings, each the average of `epochs`, the fastest.

    `warming` epochs before them wake the threads and caches.
    """
    trainer.start()
    time.sleep(_PAUSE_SECONDS)
    for _ in range(warming):
        trainer.epoch()
    best = math.inf
    for _ in range(timings):
        trainer.start()
        start = clock()
        for _ in range(epochs):
            trainer.epoch()
        best = min(best, (clock() - start) / epochs)
    return best


def _row(case: Case, found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    ours = found[LoopBP.name].get("median")
    times = {n: f["median"] for n, f in found.items() if "median" in f and n != LoopBP.name}
    fastest = min(times, key=lambda name: times[name], default=None)
    return {
        "case": case.name,
        "dtype": case.dtype,
        "sizes": list(case.sizes),
        "hidden": case.hidden,
        "output": case.output,
        "loss": case.loss,
        "optimizer": case.optimizer,
        "batch": case.batch,
        "steps": case.steps,
        "target": case.target,
        "trainers": found,
        "fastest_peer": fastest,
        "ratio": times[fastest] / ours if fastest is not None and ours else None,
        "gflops": case.flops / ours / 1e3 if ours else None,
    }
