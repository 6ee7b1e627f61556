"""Wrong versions of a step in tiles are rejected, by a team of two, uncompiled."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import helpers
from cases.helpers import JIT
from cases.team import for_threads
from cases.training import (
    OPTIMIZERS,
    SGD,
    SOURCES,
    TOLERANCE,
    difference,
    regression,
    source_of,
    train,
    unsigned_key,
)

from loopbp import losses as loopbp_losses
from loopbp import parameters
from loopbp.binding import Engine
from loopbp.jit.sources import plain
from loopbp.jit.specialise import specialise
from loopbp.machine import pieces as machine_pieces
from loopbp.machine import words as machine_words
from loopbp.random import streams
from loopbp.tiled import panels as tiled_panels
from loopbp.tiled import sums, update
from loopbp.tiled import workspace as tiled_workspace
from loopbp.tiled.engine import tiled_engine
from loopbp.tiled.epochs import skeleton

WORKERS = 2


def team_of(workers: int, barrier: threading.Barrier) -> Callable[..., None]:
    """In place of `run_team`: threads of Python, which meet at the barrier."""

    def run_team(work: Any, words: Any, threads: int, arguments: Any) -> None:
        def work_of_one(worker: int) -> None:
            try:
                with np.errstate(all="ignore"):
                    work(*arguments, worker, workers)
            except BaseException:
                barrier.abort()
                raise

        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work_of_one, range(workers)))

    return run_team


def claim_of_python() -> Callable[..., bool]:
    """In place of `claim`: undivided in threads of Python."""
    lock = threading.Lock()

    def claim(words: Any, i: int, old: int, new: int) -> bool:
        with lock:
            return bool(machine_words.claim(words, i, old, new))

    return claim


def mutant(name: str, wrong: Callable[..., Any]) -> Engine:
    """The step of a team of two, uncompiled, with another function behind one of its names."""
    barrier = threading.Barrier(WORKERS)
    cuts = {
        "stream_key": unsigned_key,
        "claim": claim_of_python(),
        "meet": lambda words, worker, workers: barrier.wait(60),
        "run_team": team_of(WORKERS, barrier),
    }
    sources = [source for source in (*SOURCES, skeleton.epoch) if source.__name__ != name]
    bound = specialise(sources, "mutant", {**cuts, name: wrong}, plain)
    return for_threads(replace(tiled_engine(False), epoch=bound.epoch), WORKERS)


UNCOMPILED = specialise(
    SOURCES, "uncompiled", {"stream_key": unsigned_key, "claim": claim_of_python()}, plain
)


def _bias_gradient_of_the_last_example_only(delta, start, stop, alpha, beta, out_b):
    sums.bias_sums(delta[-1:], start, stop, alpha, beta, out_b)


def _weights_without_their_last_row(left, right, start, stop, *rest):
    sums.weight_sums(left, right, start, stop - 1, *rest)


def _dropout_of_the_first_rows_mask(a, key, rate, first):
    streams.dropout(a, key, rate, 0)


def _panels_of_other_weights(theta, *rest):
    UNCOMPILED.pack_rows(1.001 * theta, *rest)


def _nothing(*_):
    pass


def _first_bias_not_updated(x, delta, m, begin, end, alpha, keep, w, b, scratch):
    held = b.copy()
    plain(update.panel_weights_pass)(x, delta, m, begin, end, alpha, keep, w, held, scratch)


def _last_row_of_nobody(count, block, bound):
    return count - 1 if bound == machine_pieces.WHOLE else machine_pieces.part(count, block, bound)


def _last_row_of_panels_of_nobody(rows, columns, panel, width, block, bound):
    return min(machine_pieces.panel_part(rows, columns, panel, width, block, bound), rows - 1)


def _ends_of_parts_of_nobody(words, phase, step, least, done, worker, workers):
    begin, size = machine_pieces.WHOLE * worker // workers, machine_pieces.WHOLE // workers
    return (machine_pieces.WHOLE, machine_pieces.WHOLE) if done else (begin, begin + size * 3 // 4)


def _phase_of_layer_one(kind, l, architecture):
    return update.phase_of(kind, 1, architecture)


def _penalties_of_theta_alone(theta, architecture, upto, resident, workspace):
    return sum(
        loopbp_losses.penalty(parameters.weights_of(theta, architecture, l), architecture.l2)
        for l in range(1, len(architecture.sizes))
        if not UNCOMPILED.is_resident(l, architecture, resident, workspace)
    )


def _by_units_whatever_the_dropout(architecture, l, m):
    return any(tiled_workspace.by_units(architecture, k, m) for k in (l, l - 1))


def _panels_not_turned(panels, n, K, start, stop, first, end, out, out_at, out_row):
    if first == 0 and end == K:  # at the end of an epoch
        tiled_panels.unpack_transposed(panels, n, K, start, stop, first, end, out, out_at, out_row)


def _only_the_first_panel_turned(*arguments):
    UNCOMPILED.layer_backward(*arguments)
    return tiled_panels.panel_width(arguments[0].itemsize)


def _first_rows_not_updated(theta, architecture, l, first, end, *rest):
    if first > 0:
        UNCOMPILED.update_rows(theta, architecture, l, first, end, *rest)


def _sigma_always_in_place(workspace, architecture, l, m):
    return parameters.layer_of(workspace.a, architecture, l, m)


# Of the first kind of network, all with SGD; of one with a layer shared out by units; of one
# with such a layer behind one with dropout; with Adam; with sigma' from z.
MUTANTS = [
    ("bias_sums", _bias_gradient_of_the_last_example_only, "few units"),
    ("weight_sums", _weights_without_their_last_row, "few units"),
    ("dropout", _dropout_of_the_first_rows_mask, "few units"),
    ("times_kept_prime_rows", _nothing, "few units"),
    ("pack_rows", _panels_of_other_weights, "few units"),
    ("unpack_rows", _nothing, "few units"),
    ("pack_own", _nothing, "few units"),
    ("panel_weights_pass", _first_bias_not_updated, "few units"),
    ("part", _last_row_of_nobody, "few units"),
    ("panel_part", _last_row_of_panels_of_nobody, "few units"),
    ("panel_part", _last_row_of_panels_of_nobody, "units"),
    ("next_part", _ends_of_parts_of_nobody, "units"),
    ("next_part", _ends_of_parts_of_nobody, "adam"),
    ("phase_of", _phase_of_layer_one, "units"),
    ("units_backward", _nothing, "units"),
    ("unpack_rows", _nothing, "units"),
    ("penalties", _penalties_of_theta_alone, "few units"),
    ("penalties", _penalties_of_theta_alone, "units"),
    ("part", _last_row_of_nobody, "adam"),
    ("update_rows", _first_rows_not_updated, "adam"),
    ("bias_sums", _bias_gradient_of_the_last_example_only, "adam"),
    ("unpack_transposed", _panels_not_turned, "units"),
    ("layer_backward", _only_the_first_panel_turned, "units"),
    ("units_forward", _nothing, "late units"),
    ("units_backward", _nothing, "late units"),
    ("delta_by_units", _by_units_whatever_the_dropout, "late units"),
    ("z_of", _sigma_always_in_place, "few units"),
    ("z_of", _sigma_always_in_place, "silu"),
]


def _problem(kind: str) -> tuple[Any, Any, Any, int, Any]:
    """Network, X, Y, batch size and optimizer of a kind."""
    sizes, m, batch_size = [5, 34, 18, 3], 40, 20
    if kind == "units":
        sizes, m, batch_size = ([130, 520, 40, 3], 40, 20) if JIT else ([128, 128, 128, 2], 8, 5)
    if kind == "late units":
        sizes, m, batch_size = ([20, 130, 140, 3], 40, 20) if JIT else ([4, 128, 128, 2], 6, 3)
    rates = {"units": 0.0, "silu": 0.0, "late units": [0.3, 0.0]}
    hidden = "silu" if kind == "silu" else "tanh"
    net = helpers.network(sizes, hidden, dropout=rates.get(kind, 0.3), l2=0.02)
    rule = OPTIMIZERS[4] if kind == "adam" else SGD
    return net, *regression(m, sizes[0], sizes[-1]), batch_size, rule


def _mutant_difference(name: str, wrong: Callable[..., Any], kind: str) -> float:
    net, X, Y, batch_size, rule = _problem(kind)
    return difference(mutant(name, wrong), net, X, Y, batch_size, optimizer=rule, epochs=2)


def bits_by_pieces(kind: str, cut: Callable[[int, int], int] = lambda begin, end: end) -> set[Any]:
    """Losses and weights with pieces of several sizes; `cut` says where a piece ends."""
    net, X, Y, batch_size, rule = _problem(kind)
    found = set()
    for pieces in (1, 3, 40):

        def next_part(words, phase, step, least, *rest, size=machine_pieces.WHOLE // pieces):
            begin, end = UNCOMPILED.next_part(words, phase, step, size, *rest)
            return begin, cut(begin, end)

        engine = mutant("next_part", next_part)
        losses, theta = train(engine, net, X, Y, batch_size, rule, epochs=2)
        found.add(theta.tobytes() + np.array(losses).tobytes())
    return found


@pytest.mark.once
@pytest.mark.parametrize("kind", ["units", "late units", "adam"])
def test_same_bits_however_large_the_pieces_are(kind):
    assert len(bits_by_pieces(kind)) == 1


@pytest.mark.once
def test_pieces_that_end_too_early_are_rejected():
    assert len(bits_by_pieces("units", lambda begin, end: end - (end - begin) // 4)) > 1


def _next_part_of_the_second_late(words, phase, step, least, done, worker, workers):
    """To each its own part, which nobody takes from; the second does it later."""
    if done:
        return machine_pieces.WHOLE, machine_pieces.WHOLE
    if worker == 1:
        time.sleep(0.005)
    return machine_pieces.WHOLE * worker // workers, machine_pieces.WHOLE * (worker + 1) // workers


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "around"), [("units_forward", "forward_pass"), ("units_backward", "backward_pass")]
)
def test_a_late_worker_is_waited_for(name, around):
    bindings = {**vars(UNCOMPILED), "next_part": _next_part_of_the_second_late}
    late = getattr(specialise([source_of(name)], "late", bindings, plain), name)
    assert _mutant_difference(name, late, "late units") <= TOLERANCE["float64"]
    bindings = {**vars(UNCOMPILED), name: late, "meet": _nothing}
    hasty = specialise([source_of(around)], "hasty", bindings, plain)
    assert _mutant_difference(around, getattr(hasty, around), "late units") > 1e-6


@pytest.mark.once
@pytest.mark.parametrize(("name", "wrong", "kind"), MUTANTS)
def test_a_wrong_step_is_rejected(name, wrong, kind):
    assert _mutant_difference(name, wrong, kind) > 1e-6


@pytest.mark.once
@pytest.mark.parametrize("kind", ["few units", "units", "late units", "adam", "silu"])
def test_the_right_step_is_accepted(kind):
    right = sums.bias_sums
    assert _mutant_difference("bias_sums", right, kind) <= TOLERANCE["float64"]
