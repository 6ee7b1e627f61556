"""Forward passes in blocks: outputs, activations, losses against the reference, on any threads."""

from functools import partial

import numpy as np
import pytest
from cases import helpers
from cases.helpers import DTYPES, JIT, TOLERANCE, relative_difference

import loopbp
from loopbp.binding import numpy_engine
from loopbp.jit.sources import plain
from loopbp.jit.specialise import specialise
from loopbp.network import evaluation as by_name
from loopbp.tiled import evaluation, forward
from loopbp.training import Data

SIZES = [[3, 2], [30, 40, 5], [8, 70, 5, 3], [5, 9, 200, 4]]
ROWS = (1, 16, 17, 400)  # by dot products, the most of these, and more than one block


def problem(sizes, m, hidden="tanh", output="softmax", loss="cross_entropy", **options):
    """A network, and data with weights."""
    net = helpers.network(sizes, hidden, output, loss, **options)
    rng = np.random.default_rng(m)
    X = rng.standard_normal((m, sizes[0])).astype(net.dtype)
    Y = helpers.targets_for(output, loss, m, sizes[-1]).astype(net.dtype)
    return net, Data(X, Y, rng.random(m).astype(net.dtype))


def reference(net, data):
    """J and a^l of all layers by the vectorised passes."""
    J, _, a = by_name.forward(numpy_engine(), net.theta, net.architecture, data)
    return J, by_name.layers_of(a, net.architecture, len(data.X))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("m", ROWS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_outputs_activations_and_losses_are_those_of_the_reference(sizes, m, dtype):
    net, data = problem(sizes, m, dtype=dtype, l2=0.1)
    J, layers = reference(net, data)
    most = TOLERANCE[dtype]
    out, finite = evaluation.outputs(net.theta, net.architecture, data.X)
    assert finite
    assert relative_difference(out, layers[-1]) <= most
    every, _ = by_name.activations(net.theta, net.architecture, data.X)
    assert all(relative_difference(*pair) <= most for pair in zip(every, layers, strict=True))
    found, kept, _ = evaluation.losses(
        net.theta, net.architecture, *vars(data).values(), wants_outputs=True
    )
    assert abs(found - J) <= most * abs(J)
    assert relative_difference(kept, layers[-1]) <= most
    found_alone, none, _ = evaluation.losses(
        net.theta, net.architecture, *vars(data).values(), wants_outputs=False
    )
    assert found_alone == found
    assert len(none) == 0


@pytest.mark.parametrize("hidden", helpers.HIDDEN)
def test_every_activation_in_the_place_of_its_weighted_input(hidden):
    net, data = problem([4, 21, 9, 3], 20, hidden)
    _, layers = reference(net, data)
    assert relative_difference(net.predict_proba(data.X), layers[-1]) <= 1e-12


@pytest.mark.parametrize(("output", "loss"), helpers.PAIRS)
def test_every_output_with_every_loss(output, loss):
    net, data = problem([4, 6, 3], 20, output=output, loss=loss)
    J, layers = reference(net, data)
    found, out, _ = evaluation.losses(
        net.theta, net.architecture, *vars(data).values(), wants_outputs=True
    )
    assert abs(found - J) <= 1e-12 * abs(J)
    assert relative_difference(out, layers[-1]) <= 1e-12


def bits(threads, monkeypatch):
    """All that is computed by so many threads."""
    monkeypatch.setattr(evaluation, "usable_threads", lambda: threads)
    monkeypatch.setattr(
        evaluation, "_WORK_OF_THREADS", dict.fromkeys(("omp", "tbb", "workqueue"), 1.0)
    )
    found = b""
    for sizes, m in (([8, 70, 5, 3], 1000), ([40, 300, 30, 3], 70)):
        net, data = problem(sizes, m, dtype="float32", l2=0.1)
        every, _ = by_name.activations(net.theta, net.architecture, data.X)
        J, out, _ = evaluation.losses(
            net.theta, net.architecture, *vars(data).values(), wants_outputs=True
        )
        found += b"".join(a.tobytes() for a in every) + out.tobytes() + np.float64(J).tobytes()
    return found


def test_same_bits_for_any_number_of_threads(monkeypatch):
    assert len({bits(threads, monkeypatch) for threads in (1, 2, 4)}) == 1


def test_a_row_has_the_same_bits_in_every_batch_of_more_than_16():
    net, data = problem([90, 70, 5, 3], 700, dtype="float32")
    whole = net.predict_proba(data.X)
    for first in (0, 95, 480):
        for count in (17, 100, 220):
            some = net.predict_proba(data.X[first : first + count])
            assert (some == whole[first : first + count]).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("m", [1, 16, 400])
def test_what_is_not_finite_is_refused_wherever_it_stands(m, bad):
    net, data = problem([30, 6, 3], m, dtype="float32")
    y = data.Y.argmax(axis=1)
    for row, column in ((0, 0), (m - 1, 29), (m // 2, 7)):
        X = data.X.copy()
        X[row, column] = bad
        message = f"X: expected finite float32 numbers, got {bad} at row {row}, column {column}"
        by_target = net.score, net.loss, partial(net.loss, engine="numpy")
        for use in (
            net.predict, net.predict_proba, net.activations, *(partial(of, y=y) for of in by_target)
        ):  # fmt: skip
            with pytest.raises(ValueError, match=message):
                use(X)


@pytest.mark.parametrize("dtype", DTYPES)
def test_are_finite_is_isfinite_of_all(dtype):
    x = np.random.default_rng(0).standard_normal((7, 9)).astype(dtype)
    assert forward.are_finite(x)
    x[3, 3] = np.finfo(dtype).max
    assert forward.are_finite(x)
    for bad in (np.inf, -np.inf, np.nan):
        for k in range(x.size):
            wrong = x.copy()
            wrong.flat[k] = bad
            with np.errstate(invalid="ignore"):
                assert not forward.are_finite(wrong)


def test_memory_does_not_grow_with_the_rows_nor_with_the_layers():
    """Beside the panels: what 400,000 rows need is what 4,000 need."""
    wide = loopbp.Network([10, 400, 400, 2], dtype="float64", seed=0)
    deep = loopbp.Network([10, *[400] * 20, 2], dtype="float64", seed=0)
    sizes = {}
    for net in (wide, deep):
        for m in (4_000, 400_000):
            workspace, _, _ = evaluation._workspace(net.theta, net.architecture, m)
            parts = workspace.scratch, workspace.losses
            sizes[net, m] = sum(part.nbytes for part in parts) / workspace.scratch.shape[0]
    assert len(set(sizes.values())) == 1
    assert max(sizes.values()) < 2 << 20


_MEMORY = """
import resource
import numpy as np
import loopbp
net = loopbp.Network([10, 400, 400, 2], seed=0)
rng = np.random.default_rng(0)
X, y = rng.standard_normal((60_000, 10)), rng.integers(0, 2, 60_000)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
net.loss(X[:100], y[:100]), net.gradient(X[:100], y[:100]), net.score(X[:100], y[:100])
net.loss(X[:100], y[:100], engine="numpy"), net.gradient(X[:7000], y[:7000])
before = peak()
net.loss(X, y), net.score(X, y), net.predict(X)
net.loss(X, y, engine="numpy"), net.gradient(X, y)
print(peak() - before)
"""


@helpers.needs_jit
def test_memory_of_a_process_stays_bounded():
    """All of z^l and a^l at once took 770 MB."""
    assert float(helpers.run_python(_MEMORY)) < 60


# -- wrong versions -------------------------------------------------------------------------------


def run_alone(work, words, threads, arguments):
    """In place of `run_team`."""
    work(*arguments, 0, 1)


# In the order of their calls.
_NAMES = ("pack_share", "in_turn", "forward_block", "next_block", "outputs_work", "outputs")


def mutant_difference(name, wrong):
    """Of the outputs and of the numbers of finite blocks, uncompiled, with one wrong function."""
    net, data = problem([8, 70, 5, 3], 400)
    data.X[399, 0] = np.inf
    m, out, finite = len(data.X), np.zeros((400, 3)), np.zeros(400, np.bool_)
    sources = [getattr(forward, source) for source in _NAMES if source != name]
    bound = specialise(sources, "mutant", {"run_team": run_alone, name: wrong}, plain)
    workspace, blocks, _ = evaluation._workspace(net.theta, net.architecture, m)
    finite[blocks:] = True
    with np.errstate(all="ignore"):
        bound.outputs(net.theta, net.architecture, data.X, workspace, np.empty(0), out, finite, 1)
        _, layers = reference(net, data)
    assert blocks > 2
    return relative_difference(out[:350], layers[-1][:350]), int((~finite).sum())


def wrong_versions():
    def packs_less(theta, architecture, worker, workers, workspace):
        plain(forward.pack_share)(theta, architecture, worker, workers + 1, workspace)

    def twice_the_same(workspace):
        k = plain(forward.next_block)(workspace)
        return k - 1 if k == 2 else k

    def always_in_the_same_place(buffer, architecture, l, m):
        return plain(forward.in_turn)(buffer[: buffer.shape[0] // 2], architecture, 0, m)

    yield "pack_share", packs_less
    yield "next_block", twice_the_same
    if JIT:  # uncompiled it fails at once, for an array that is too short
        yield "in_turn", always_in_the_same_place


@pytest.mark.parametrize(("name", "wrong"), [*wrong_versions()])
def test_a_wrong_version_is_rejected(name, wrong):
    right, bad_blocks = mutant_difference(name, plain(getattr(forward, name)))
    assert right <= 1e-12
    assert bad_blocks == 1
    assert mutant_difference(name, wrong)[0] > 1e-6


def test_a_look_that_misses_an_infinity_is_rejected():
    assert mutant_difference("are_finite", lambda x: not np.isnan(x).any())[1] == 0
