"""Everybody on one case: first the weights are compared, then epochs are timed in turns.

Times are medians of rounds, those in which nobody else used the machine if there are some; of a
round the fastest timing counts, once it is no accident.
"""

import math
import statistics
import time
from bisect import insort
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loopbp.benchmark.cases import Case, Problem, make_problem
from loopbp.benchmark.environment import Product, Watch
from loopbp.benchmark.peers import PEERS, LoopBP, Trainer
from loopbp.binding import numpy_engine
from loopbp.jit.registry import signature_count

# Of the path that the weights went: ||theta - theta of numpy|| / ||theta of numpy - theta at 0||.
TOLERANCE = {"float32": 0.01, "float64": 1e-5}
_SAMPLE_SECONDS = 0.01  # what one timing takes at least: so many epochs make it up
# Others' work on the host, in bursts of 0.1 to 0.3 s, only adds to a time, so the fastest timing
# of a round counts; and the round goes on until three timings confirm each other (the K-best scheme
# of Bryant and O'Hallaron, "Computer Systems", for timing beside others), for so long at least and
# at most; but who needs longer for that is timed so often before a round is given up.
AGREEING, WITHIN = 3, 0.02
_ROUND_SECONDS = (0.25, 2.0)
_TIMINGS = 5
# What epochs before it take at least: the system may wake two threads on one core and part them
# 12 ms later.
_WARM_SECONDS = 0.05
_PAUSE_SECONDS = 0.3  # before a timing: threads of the one before spin on for that long
# Rounds count in which the machine was calm, where there are so many; to have them there are up to
# so many times the rounds, unless so few of the first were calm that more would hardly help.
CALM_ROUNDS, _MOST_ROUNDS, _LEAST_CALM = 3, 2, 0.3
# Who takes so many times longer is timed in the first rounds only, once in each.
_FAR_BEHIND, _FEW_ROUNDS = 5.0, 3
_BUDGET_SECONDS, _ROUNDS = 3.0, (5, 15)

Clock = Callable[[], float]
_PRODUCT = "product"  # a name that no trainer has


class Round(NamedTuple):
    """What one trainer took in one round."""

    seconds: float
    """of an epoch, the fastest timing"""
    settled: bool | None
    """whether the `AGREEING` fastest lie within `WITHIN` of it; None: it was timed once"""
    calm: bool = True
    """whether others left the machine alone when it began, and when it was over"""


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


def run_case(
    case: Case,
    peers: Sequence[type[Trainer]] = PEERS,
    rounds: int | None = None,
    clock: Clock = time.perf_counter,
    watch: Watch | None = None,
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
    watch
        What a round waits for before it begins, and what tells which rounds count; None: all do.

    Returns
    -------
    dict
        A row of the results.  Times are microseconds of one step; `peak` is the GFLOP/s of the
        fastest round of matrix products, timed in turns with the trainers in epochs of as many
        operations.

    Raises
    ------
    RuntimeError
        If Numba compiled anything while the clock ran.
    """
    problem = make_problem(case)
    expected = reference_theta(problem)
    timed: dict[str, Trainer | Product] = {}
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
    product = Product(case.dtype, case.flops * case.steps)
    if timed:
        timed[_PRODUCT] = product
    taken_by = _time_in_turns(timed, rounds, clock, watch)
    products = [r.seconds for r in taken_by.pop(_PRODUCT, [])]
    peak = product.flops / min(products) / 1e9 if products else None
    for name, taken in taken_by.items():
        each = [1e6 * r.seconds / case.steps for r in taken]
        found[name] |= {
            "median": 1e6 * statistics.median(r.seconds for r in counted(taken)) / case.steps,
            "min": min(each), "max": max(each), "samples": len(each),
            "settled": [r.settled for r in taken],
        }  # fmt: skip
        if watch:
            found[name]["calm"] = [r.calm for r in taken]
    return _row(case, found, peak)


def counted(taken: list[Round]) -> list[Round]:
    """The rounds whose median is taken: the calm ones, or all if there are too few."""
    calm = [r for r in taken if r.calm]
    return calm if len(calm) >= CALM_ROUNDS else taken


def _time_in_turns(
    trainers: dict[str, Trainer | Product],
    rounds: int | None,
    clock: Clock,
    watch: Watch | None = None,
) -> dict[str, list[Round]]:
    """The rounds of each."""
    if not trainers:
        return {}
    once: dict[str, float] = {}
    for name, trainer in trainers.items():
        _wake(trainer, 1)
        once[name] = max(_timing(trainer, 1, clock), 1e-6)
    warming = {name: math.ceil(_WARM_SECONDS / s) for name, s in once.items()}
    counts = {name: math.ceil(_SAMPLE_SECONDS / s) for name, s in once.items()}
    fastest = min(s for name, s in once.items() if name != _PRODUCT)
    near = {name for name, s in once.items() if s <= _FAR_BEHIND * fastest or name == LoopBP.name}
    if rounds is None:
        each = sum(
            max(_ROUND_SECONDS[0], AGREEING * counts[name] * once[name]) + _PAUSE_SECONDS
            for name in near
        )
        rounds = int(np.clip(_BUDGET_SECONDS / each, *_ROUNDS))
    found: dict[str, list[Round]] = {name: [] for name in trainers}
    before = signature_count()
    last: list[Round] = []  # where the round before is
    for k in range(_MOST_ROUNDS * rounds):
        if k >= rounds and not _more_would_help([found[n] for n in near], rounds):
            break
        for name, trainer in trainers.items():
            if name not in near and k >= _FEW_ROUNDS:
                continue
            still, calm = _wake(trainer, warming[name], watch)
            _end(last, still)
            plan = trainer, counts[name], clock
            settles = name in near
            taken = _time_until_settled(*plan) if settles else Round(_timing(*plan), None)
            last = found[name]
            last.append(taken._replace(calm=calm))
    if watch:
        time.sleep(_PAUSE_SECONDS)
        _end(last, watch.look())
    if signature_count() != before:
        raise RuntimeError("Numba compiled something while the clock ran")
    return found


def _more_would_help(taken: list[list[Round]], rounds: int) -> bool:
    """Whether some have too few calm rounds, and more are likely to be calm."""
    calm = [sum(r.calm for r in each) for each in taken]
    likely = sum(calm) >= _LEAST_CALM * sum(map(len, taken))
    return likely and min(calm) < min(rounds, CALM_ROUNDS)


def _time_until_settled(trainer: Trainer | Product, epochs: int, clock: Clock) -> Round:
    """Timings until the fastest of them agree, or time is up."""
    least, most = _ROUND_SECONDS
    spent, fastest = 0.0, []
    while True:
        seconds = _timing(trainer, epochs, clock)
        spent += epochs * seconds
        insort(fastest, seconds)
        count = len(fastest)
        settled = count >= AGREEING and fastest[AGREEING - 1] <= (1 + WITHIN) * fastest[0]
        if (settled and spent >= least) or (count >= _TIMINGS and spent >= most):
            return Round(fastest[0], settled)


def _wake(
    trainer: Trainer | Product, warming: int, watch: Watch | None = None
) -> tuple[bool, bool]:
    """Let the threads of others go to sleep, wake those of this one, and fill the caches.

    Whether the machine was calm at once, after the round before, and whether it is by now.
    """
    trainer.start()
    time.sleep(_PAUSE_SECONDS)
    still = calm = True
    if watch:
        still = watch.look()
        calm = watch.wait(still)
    for _ in range(warming):
        trainer.epoch()
    return still, calm


def _end(taken: list[Round], calm: bool) -> None:
    """Note of the last of some rounds how the machine was after it."""
    if taken and not calm:
        taken[-1] = taken[-1]._replace(calm=False)


def _timing(trainer: Trainer | Product, epochs: int, clock: Clock) -> float:
    """Seconds of an epoch, the average of `epochs`."""
    trainer.start()
    start = clock()
    for _ in range(epochs):
        trainer.epoch()
    return (clock() - start) / epochs


def _row(case: Case, found: dict[str, dict[str, Any]], peak: float | None) -> dict[str, Any]:
    ours = found[LoopBP.name].get("median")
    times = {n: f["median"] for n, f in found.items() if "median" in f and n != LoopBP.name}
    fastest = min(times, key=lambda name: times[name], default=None)
    gflops = case.flops / ours / 1e3 if ours else None
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
        "gflops": gflops,
        "peak": peak,
        "of_peak": gflops / peak if gflops and peak else None,
    }
