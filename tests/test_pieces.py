"""Parts of the work of a team: each done once, and who has nothing left takes from others."""

from typing import Any

import numba
import numpy as np
import pytest
from cases.helpers import BOUNDSCHECK, needs_jit
from cases.meeting import PHASES, words
from numba import njit, prange

from loopbp.jit.sources import plain
from loopbp.jit.specialise import specialise
from loopbp.machine import pieces
from loopbp.machine.pieces import claim_part, panel_part, part, share
from loopbp.machine.team import join, meet
from loopbp.machine.words import claim, look, put, rest

parallel = pytest.mark.skipif(BOUNDSCHECK, reason="that pass is for serial code")


# -- shares ---------------------------------------------------------------------------------------


def shares_are_right(of: Any, count: int, block: int, workers: int) -> bool:
    """Whether each of 0 .. count-1 is in one share, and only whole blocks but for the last."""
    edges = [int(of(count, block, worker, workers)) for worker in range(workers + 1)]
    whole = all(edge % block == 0 or edge == count for edge in edges)
    return edges[0] == 0 and edges[-1] == count and edges == sorted(edges) and whole


def share_not_rounded_back(count, block, worker, workers):
    return (count + block - 1) // block * worker // workers * block


SHARES = [(c, b, w) for c in (*range(70), 784, 4097) for b in (1, 16, 48) for w in range(1, 10)]


def test_every_row_is_in_one_share():
    for count, block, workers in SHARES:
        assert shares_are_right(share, count, block, workers), (count, block, workers)
        assert shares_are_right(plain(share), count, block, workers)


def test_shares_beyond_the_last_row_are_rejected():
    found = [shares_are_right(share_not_rounded_back, *case) for case in SHARES]
    assert found == [count % block == 0 for count, block, _ in SHARES]


def panel_shares_are_right(
    of: Any, rows: int, columns: int, width: int, block: int, workers: int
) -> bool:
    """Whether each row of each panel is in one share; equal panels, one each, are their own."""
    own = columns == width * workers
    for panel in range(0, columns, width):
        edges = [
            int(of(rows, columns, panel, width, block, worker, workers))
            for worker in range(workers + 1)
        ]
        if edges[0] != 0 or edges[-1] != rows or edges != sorted(edges):
            return False
        if any(edge % block for edge in edges if edge < rows):
            return False
        if own and edges != [0 if w <= panel // width else rows for w in range(workers + 1)]:
            return False
    return True


def even_panels(rows, columns, panel, width, block, worker, workers):
    return panel_part(rows, columns, panel, width, block, pieces.WHOLE * worker // workers)


def panels_not_rounded_back(rows, columns, panel, width, block, worker, workers):
    here = min(width, columns - panel)
    before = rows * columns * worker // workers - rows * panel
    return max(0, (before // here + block // 2) // block * block)


PANEL_SHARES = [
    (rows, columns, width, block, workers)
    for rows in (1, 7, 16, 100, 784)
    for columns in (1, 10, 64, 65, 100, 256, 320, 500)
    for width in (16, 32, 64)
    for block in (1, 16, 48)
    for workers in range(1, 10)
]


def test_every_row_of_every_panel_is_in_one_share():
    assert sum(columns == width * workers for _, columns, width, _, workers in PANEL_SHARES) > 50
    for case in PANEL_SHARES:
        assert panel_shares_are_right(even_panels, *case), case


def test_panel_shares_beyond_the_last_row_are_rejected():
    found = [panel_shares_are_right(panels_not_rounded_back, *case) for case in PANEL_SHARES]
    assert not all(found)
    assert not panel_shares_are_right(panels_not_rounded_back, 7, 64, 64, 16, 1)


def bounds(seed: int) -> list[int]:
    """Of four parts of any size."""
    inside = np.random.default_rng(seed).integers(0, pieces.WHOLE, 3)
    return [0, *sorted(inside.tolist()), pieces.WHOLE]


@pytest.mark.parametrize("of", [part, plain(part)], ids=["compiled", "plain"])
def test_every_row_is_in_one_part_wherever_the_bounds_are(of):
    for count, block, seed in SHARES:
        edges = [int(of(count, block, bound)) for bound in bounds(seed)]
        assert edges[0] == 0
        assert edges[-1] == count
        assert edges == sorted(edges)
        assert all(edge % block == 0 or edge == count for edge in edges)


def test_every_row_of_every_panel_is_in_one_part_wherever_the_bounds_are():
    for rows, columns, width, block, seed in PANEL_SHARES:
        for panel in range(0, columns, width):
            case = rows, columns, panel, width, block
            edges = [int(panel_part(*case, bound)) for bound in bounds(seed)]
            assert edges[0] == 0
            assert edges[-1] == rows
            assert edges == sorted(edges)


# -- who has nothing left takes from others -------------------------------------------------------

LEAST = pieces.WHOLE // 50
CLAIMS = [pieces.claim_part, plain(pieces.claim_part)]


def all_parts(
    claim_part: Any, speeds: list[float], least: int = LEAST, phase: int = 1, step: int = 5,
    memory: Any = None,
) -> tuple[list[tuple[int, int, int]], float]:  # fmt: skip
    """Who did which part, in the order of their beginnings, and when the last was done.

    Each thread works so much of WHOLE in a unit of time, and claims at once when it has time.
    """
    memory = words() if memory is None else memory
    found, free, last = [], dict.fromkeys(range(len(speeds)), 0.0), 0.0
    while free:
        worker = min(free, key=lambda k: free[k])
        begin, end = map(int, claim_part(memory, phase, step, least, worker, len(speeds)))
        if begin == end:
            del free[worker]
            continue
        found.append((worker, begin, end))
        free[worker] += (end - begin) / pieces.WHOLE / speeds[worker]
        last = max(last, free[worker])
    return found, last


def are_all_done_once(found: list[tuple[int, int, int]]) -> bool:
    edges = [edge for _, begin, end in sorted(found, key=lambda f: f[1]) for edge in (begin, end)]
    return edges[0] == 0 and edges[-1] == pieces.WHOLE and edges[1:-1:2] == edges[2:-1:2]


SPEEDS = [[1.0], [1.0, 1.0], [1.0, 0.6], [0.05, 1.0], [0.6, 1.0, 1.0], [1.0, 1.0, 0.3, 0.9]]


@pytest.mark.parametrize("claim_part", CLAIMS, ids=["compiled", "plain"])
@pytest.mark.parametrize("speeds", SPEEDS, ids=str)
def test_all_is_done_once_and_nobody_waits_long(claim_part, speeds):
    found, last = all_parts(claim_part, speeds)
    assert are_all_done_once(found)
    assert min(end - begin for _, begin, end in found) >= LEAST
    best, first = 1 / sum(speeds), 1 / (2 * len(speeds)) / min(speeds)
    assert last <= max(1.1 * best, first), "but for what the slowest began at first"
    even, all_at_once = all_parts(claim_part, speeds, pieces.WHOLE)
    assert are_all_done_once(even)
    assert [f[0] for f in even] == list(range(len(speeds))), "each its own, at once"
    if min(speeds) < 0.7 * max(speeds):
        assert last < 0.9 * all_at_once


def test_a_thread_begins_its_own_part_from_the_front_and_others_from_the_end():
    memory, half = words(), pieces.WHOLE // 2
    claims = [
        tuple(map(int, pieces.claim_part(memory, 0, 1, LEAST, worker, 2))) for worker in (1, 1, 0)
    ]
    assert claims == [(half, half * 3 // 2), (half * 3 // 2, half * 7 // 4), (0, half // 2)]
    while claims[-1][0] >= half or len(claims) == 3:
        claims.append(tuple(map(int, pieces.claim_part(memory, 0, 1, LEAST, 1, 2))))
    assert claims[-1] == (half * 3 // 4, half), "half of what the other has not begun"


@pytest.mark.parametrize("claim_part", CLAIMS, ids=["compiled", "plain"])
def test_every_phase_of_every_step_begins_anew(claim_part):
    def of_one_step(memory, phase, step, *rest):
        return claim_part(memory, phase, 1, *rest)

    def of_one_phase(memory, phase, *rest):
        return claim_part(memory, 0, *rest)

    def is_done(claim: Any) -> bool:
        memory = words()
        steps = [0, 1, 2, pieces._STEPS - 1, pieces._STEPS, pieces._STEPS + 1, 123_456_789]
        return all(
            are_all_done_once(
                all_parts(claim, [1.0] * 4, LEAST, phase, step, memory)[0] or [(0, 0, 0)]
            )
            for step in steps
            for phase in range(PHASES)
        )

    assert is_done(claim_part)
    assert not is_done(of_one_step)
    assert not is_done(of_one_phase)


def test_one_worker_has_all_at_once():
    memory = words()
    assert pieces.next_part(memory, 0, 1, 1, 0, 0, 1) == (0, pieces.WHOLE)
    assert pieces.next_part(memory, 0, 1, 1, pieces.WHOLE, 0, 1) == (pieces.WHOLE, pieces.WHOLE)
    assert not memory.any()


def is_fair_when_overtaken(claiming: Any) -> bool:
    """Whether two parts are apart of which one was begun while the other was."""
    memory, overtaken = words(), []
    others = plain(pieces.claim_part)
    while others(memory, 0, 1, LEAST, 1, 2)[1] != pieces.WHOLE:  # all of its own
        pass

    def look_and_be_overtaken(memory: Any, i: int) -> Any:
        old = look(memory, i)
        if not overtaken:
            overtaken.extend(others(memory, 0, 1, LEAST, 1, 2) for _ in range(3))
        return old

    bindings = {"look": look_and_be_overtaken, "claim": claiming}
    slow = specialise([pieces.claim_part], "slow", bindings, plain)
    mine = slow.claim_part(memory, 0, 1, LEAST, 0, 2)
    return mine[1] <= min(begin for begin, _ in overtaken)


def test_who_is_overtaken_looks_again():
    def claim_without_looking(memory, i, old, new):
        memory[i] = new
        return True

    assert is_fair_when_overtaken(claim)
    assert not is_fair_when_overtaken(claim_without_looking)


def claim_often(memory, done, steps, workers):
    """Each of a team counts every 64th of WHOLE that it begins, in each step; how many worked."""
    worked = np.zeros(workers, np.int64)
    for k in prange(workers):
        worked[k] = join(memory, workers)
        if worked[k] == workers:
            worker = np.int64(k)
            for step in range(steps):
                begin, end = claim_part(memory, 0, step, pieces.WHOLE // 64, worker, workers)
                while begin < end:
                    for _ in range(worker * (step % 50)):  # or all come at once every time
                        rest()
                    for p in range(begin * 64 // pieces.WHOLE, end * 64 // pieces.WHOLE):
                        done[worker, step, p] += 1
                    begin, end = claim_part(memory, 0, step, pieces.WHOLE // 64, worker, workers)
                meet(memory, worker, workers)
    return worked.min()


@njit
def claim_divided(memory, i, old, new):
    """`claim`, but another may come between."""
    is_old = look(memory, i) == old
    for _ in range(30):
        rest()
    if is_old:
        put(memory, i, new)
    return is_old


def counts_are_right(claiming: Any) -> bool:
    """Whether threads at the same time begin each piece once, in some thousand steps."""
    bound = specialise([pieces.claim_part], "of_the_tests", {"claim": claiming}, njit)
    run: Any = specialise([claim_often], "of_the_tests", vars(bound), njit(parallel=True))
    for _ in range(50):
        done = np.zeros((2, 5_000, 64), np.int64)
        if run.claim_often(words(), done, done.shape[1], 2) > 1:
            return bool((done.sum(axis=0) == 1).all())
    raise AssertionError("never two threads at once")


@needs_jit
@parallel
def test_threads_at_the_same_time_begin_nothing_twice():
    if numba.get_num_threads() < 2:
        pytest.skip("one thread")
    assert counts_are_right(claim)
    # Seen at most tries, or at few where others use the cores.
    assert not all(counts_are_right(claim_divided) for _ in range(20))
