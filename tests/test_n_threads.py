"""How many threads there are: `n_threads`, ``threadpoolctl``, OpenMP; and that the bits stay."""

import numba
import numpy as np
import pytest
from cases import helpers
from cases.commands import QUICK
from cases.helpers import needs_jit

import loopbp
from loopbp.engines import pick_training
from loopbp.machine import openmp
from loopbp.machine.cores import usable_cores
from loopbp.machine.threads import at_most, usable_threads
from loopbp.tiled import evaluation

MANY = min(numba.get_num_threads(), usable_cores()) if helpers.JIT else 1
needs_two = pytest.mark.skipif(MANY < 2, reason="one thread only")
needs_openmp = pytest.mark.skipif(
    openmp.allowed_threads() == openmp.NO_LIMIT, reason="another threading layer"
)
# Sizes, batch and optimizer for each way through an epoch.
WAYS = {
    "in registers": ([4, 6, 3], 8, loopbp.SGD(0.1)),
    "by first units": ([200, 64, 10], 64, loopbp.Adam()),
    "by a team": ([64, 128, 128, 10], 128, loopbp.Adam()),
    "by one thread": ([16, 8, 3], 16, loopbp.Adam()),
}


def data(sizes, rows=256):
    rng = np.random.default_rng(0)
    return rng.standard_normal((rows, sizes[0])), rng.integers(0, sizes[-1], rows)


def answers(way, n_threads, engine="auto"):
    sizes, batch, optimizer = WAYS[way]
    X, y = data(sizes)
    net = loopbp.Network(sizes, "tanh", seed=3)
    net.fit(
        X, y, epochs=2, batch_size=batch, optimizer=optimizer, engine=engine, n_threads=n_threads,
        validation=0.2, verbose=False,
    )  # fmt: skip
    n = {"n_threads": n_threads}
    many = np.tile(X, (20, 1))
    return [
        net.theta, net.history.validation_loss, net.predict_proba(many, **n),
        net.predict(many, **n), net.loss(many, np.tile(y, 20), **n), net.score(X, y, **n),
        net.loss(X, y, engine=engine, **n), net.gradient(X, y, engine=engine, **n).theta,
        *net.activations(many, **n),
    ]  # fmt: skip


@needs_jit
@pytest.mark.parametrize("engine", ["auto", "loops"])
@pytest.mark.parametrize("way", WAYS)
def test_any_number_of_threads_gives_the_same_bits(way, engine):
    alone = answers(way, 1, engine)
    for n_threads in (2, None, 1000):
        for found, expected in zip(answers(way, n_threads, engine), alone, strict=True):
            assert np.array_equal(found, expected)


@needs_two
@needs_jit
def test_the_ways_that_are_compared_have_threads():
    picked = {}
    for way, (sizes, batch, optimizer) in WAYS.items():
        net = loopbp.Network(sizes, "tanh", seed=3)
        engine = pick_training("auto", net.theta, net.architecture, optimizer.settings, batch)
        picked[way] = engine.way
    assert picked == {way: way for way in WAYS}


@needs_two
@needs_jit
def test_fit_has_no_more_threads_than_were_asked_for():
    X, y = data([4, 3])
    seen = []
    net = loopbp.Network([4, 3], seed=0)
    for n_threads in (1, None, 1000):
        net.fit(
            X, y, epochs=1, verbose=False, n_threads=n_threads,
            callbacks=[lambda *_: seen.append((numba.get_num_threads(), usable_threads()))],
        )  # fmt: skip
    everything = numba.get_num_threads(), MANY
    assert seen == [(1, 1), everything, everything]


@needs_two
@needs_jit
@pytest.mark.parametrize("ask", ["predict", "predict_proba", "activations", "loss", "score"])
def test_answers_have_no_more_threads_than_were_asked_for(ask, monkeypatch):
    net = loopbp.Network([64, 64, 3], seed=0)
    X, y = data([64, 3], 4000)
    arguments = (X, y) if ask in ("loss", "score") else (X,)
    given = []

    class Spy:
        def __getattr__(self, name):
            compiled = getattr(forward, name)
            if name not in ("outputs", "losses"):
                return compiled
            return lambda *values: given.append(values[-1]) or compiled(*values)

    forward = evaluation.forward
    of_softmax = evaluation.losses_of_softmax()
    monkeypatch.setattr(evaluation, "forward", Spy())
    monkeypatch.setattr(
        evaluation, "losses_of_softmax",
        lambda: lambda *values: given.append(values[-1]) or of_softmax(*values),
    )  # fmt: skip
    for n_threads in (None, 1, 2):
        getattr(net, ask)(*arguments, n_threads=n_threads)
    assert given == [MANY, 1, 2]


@needs_jit
def test_the_number_is_put_back_also_after_an_error():
    before = numba.get_num_threads()
    with at_most(1):
        assert numba.get_num_threads() == usable_threads() == 1
        with at_most(8):  # what is around it counts
            assert usable_threads() == 1
    with pytest.raises(ZeroDivisionError), at_most(1):
        _ = 1 / 0
    assert numba.get_num_threads() == before


@pytest.mark.parametrize(
    ("value", "kind"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError),
                        ("2", TypeError)],
)  # fmt: skip
@pytest.mark.parametrize(
    "ask", ["fit", "predict", "predict_proba", "activations", "loss", "score", "gradient"]
)
def test_wrong_numbers_are_refused(ask, value, kind):
    net = loopbp.Network([4, 3], seed=0)
    X, y = data([4, 3], 8)
    arguments = (X,) if ask in ("predict", "predict_proba", "activations") else (X, y)
    expected = f"n_threads: expected a whole number of at least 1, got {value!r}; None takes as"
    with pytest.raises(kind) as error:
        getattr(net, ask)(*arguments, n_threads=value)
    assert str(error.value).startswith(expected)


def test_cross_validate_hands_it_on():
    X, y = data([4, 3], 30)
    net = loopbp.Network([4, 3], seed=0)
    first, second = [
        loopbp.cross_validate(net, X, y, folds=2, epochs=1, verbose=False, n_threads=n).scores
        for n in (None, 1)
    ]
    assert np.array_equal(first, second)
    with pytest.raises(ValueError, match="n_threads"):
        loopbp.cross_validate(net, X, y, folds=2, n_threads=0)


# -- OpenMP ---------------------------------------------------------------------------------------

_LIMITED = """
import numba
from threadpoolctl import threadpool_limits
from loopbp.machine.threads import at_most, usable_threads
found = []
with threadpool_limits(1):  # before any thread of Numba was started
    found.append(usable_threads())
    with at_most(None):
        found.append(numba.get_num_threads())
with at_most(None):
    found += [usable_threads(), numba.get_num_threads()]
with threadpool_limits(1, user_api="openmp"):
    found.append(usable_threads())
with threadpool_limits(1, user_api="blas"):
    found.append(usable_threads())
found.append(usable_threads())
print(*found)
"""


@needs_two
@needs_jit
@needs_openmp
def test_limits_of_threadpoolctl_are_honoured():
    pytest.importorskip("threadpoolctl")
    said = helpers.run_python(_LIMITED, NUMBA_NUM_THREADS="2")
    assert said == "1 1 2 2 1 2 2"


_FIT = """
import numba, numpy as np, loopbp
from threadpoolctl import threadpool_limits
X = np.random.default_rng(0).standard_normal((128, 64)); y = np.arange(128) % 3
seen = []
def fit():
    net = loopbp.Network([64, 3], seed=0)
    net.fit(X, y, epochs=2, engine="loops", verbose=False,
            callbacks=[lambda *_: seen.append(numba.get_num_threads())])
    return net.theta
loopbp.Network  # loads the runtime that is to be limited
with threadpool_limits(1):
    few = fit()
many = fit()
print(*seen, (few == many).all())
"""


@needs_two
@needs_jit
@needs_openmp
def test_fit_honours_them():
    pytest.importorskip("threadpoolctl")
    assert helpers.run_python(_FIT, NUMBA_NUM_THREADS="2") == "1 1 2 2 True"


@needs_two
@needs_jit
@needs_openmp
@pytest.mark.parametrize("threads", [1, 2])
def test_the_variable_of_openmp_is_honoured(threads):
    code = "from loopbp.machine.threads import usable_threads; print(usable_threads())"
    said = helpers.run_python(code, OMP_NUM_THREADS=str(threads), NUMBA_NUM_THREADS="2")
    assert said == str(threads)


@needs_jit
@pytest.mark.parametrize("layer", ["workqueue", "omp"])
def test_without_the_runtime_there_is_no_limit(layer):
    if layer == "omp" and openmp.allowed_threads() == openmp.NO_LIMIT:
        pytest.skip("Numba has no such layer here")
    code = """
import ctypes
class Closed:
    def __init__(self, path):
        raise OSError("not here")
ctypes.PyDLL = Closed
from loopbp.machine import openmp
print(openmp.allowed_threads() == openmp.NO_LIMIT)
"""
    assert helpers.run_python(code, NUMBA_THREADING_LAYER=layer) == "True"


# -- the command line -----------------------------------------------------------------------------


@needs_jit
@pytest.mark.usefixtures("own_folder")
def test_command_line(train, run, refused, monkeypatch):
    seen = []
    network = loopbp.Network
    fit, predict = network.fit, network.predict
    monkeypatch.setattr(
        network, "fit", lambda *a, **k: seen.append(numba.get_num_threads()) or fit(*a, **k)
    )
    monkeypatch.setattr(
        network, "predict", lambda *a, **k: seen.append(numba.get_num_threads()) or predict(*a, **k)
    )
    train("xor", *QUICK, "--threads", "1", "--save", "m.npz")
    assert run("predict", "m.npz", "xor", "--threads", "1")[0] == 0
    assert set(seen) == {1}
    assert len(seen) >= 2
    assert "--threads: expected a whole number of at least 1" in refused("train", "--threads", "0")
