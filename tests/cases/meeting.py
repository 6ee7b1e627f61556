"""Threads that meet, each of which adds up what all of them wrote."""

from typing import Any

import numpy as np
from numba import njit, prange

from loopbp.jit.specialise import specialise
from loopbp.machine import team
from loopbp.machine.team import join, meet

LINE = 8  # slots of different threads on different cache lines
ROUNDS = 20_000
PHASES = 3


def words() -> Any:
    return np.zeros(team.team_words(4, PHASES), np.int64)


def exchange(memory, slots, sums, rounds, workers):
    """Each of a team writes its slot, meets, adds up all slots, meets; how many worked."""
    worked = np.zeros(workers, np.int64)
    for k in prange(workers):
        worked[k] = join(memory, workers)
        if worked[k] == workers:
            worker = np.int64(k)
            total = 0
            for n in range(rounds):
                slots[worker * LINE] = n * (worker + 1)
                meet(memory, worker, workers)
                for other in range(workers):
                    total += slots[other * LINE]
                meet(memory, worker, workers)
            sums[worker] = total
    return worked.min()


def exchanged(meeting: Any, workers: int, tries: int = 50, rounds: int = ROUNDS) -> Any:
    """The sums of the workers by a way of meeting, over several runs of whole teams."""
    run: Any = specialise([exchange], "of_the_tests", {"meet": meeting}, njit(parallel=True))
    runs = []
    for _ in range(tries):
        sums = np.zeros(workers, np.int64)
        if run.exchange(words(), np.zeros(workers * LINE, np.int64), sums, rounds, workers) > 1:
            runs.append(sums.tolist())
        if len(runs) == 3:
            break
    return runs


def exact(workers: int, rounds: int = ROUNDS) -> list[int]:
    return [sum(n * (w + 1) for n in range(rounds) for w in range(workers))] * workers
