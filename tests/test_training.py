"""`fit`: the same bits for a seed, batches, going on, stopping, validation, divergence."""

import re

import numba
import numpy as np
import pytest
from cases import helpers
from cases.helpers import REFERENCE, blobs, classifier, engine_id, needs_jit

import loopbp
from loopbp.binding import loops_engine
from loopbp.engines import pick
from loopbp.network import network

ADAM = loopbp.Adam(0.05)


# -- the same numbers -----------------------------------------------------------------------------


def test_same_seed_same_bits_and_another_seed_others():
    X, y = blobs()
    nets = [classifier(seed=seed, dropout=0.2) for seed in (1, 1, 2)]
    for net in nets:
        net.fit(X, y, epochs=2, batch_size=7)
    assert (nets[0].theta == nets[1].theta).all()
    assert (nets[0].theta != nets[2].theta).any()


@needs_jit
def test_same_bits_for_one_and_two_threads():
    X = np.random.default_rng(0).standard_normal((700, 20))
    Y = np.tanh(X[:, :3])
    options = {"output": "identity", "loss": "half_mse", "dropout": 0.1, "seed": 1}
    nets = [loopbp.Network([20, 60, 40, 3], **options) for _ in range(2)]
    assert pick("loops", 10**9, 1) is loops_engine(True)
    # Enough work for any threading layer to go parallel, and a last batch of another size.
    engine = loops_engine(True)
    usable = numba.get_num_threads()
    if usable == 1:
        pytest.skip("there is one thread only")
    try:
        for net, threads in zip(nets, (1, usable), strict=True):
            numba.set_num_threads(threads)
            train_with(engine, net, X, Y, batch_size=300)
    finally:
        numba.set_num_threads(usable)
    assert (nets[0].theta == nets[1].theta).all()


@needs_jit
def test_same_bits_from_a_cold_a_warm_and_no_cache(processes):
    assert processes.cold["theta"] == processes.warm["theta"] == processes.uncached["theta"]


def train_with(engine, net, X, Y, batch_size, epochs=2):
    """The epochs of an engine, picked by hand."""
    settings = ADAM.settings
    workspace = engine.make_workspace(net.theta, net.architecture, len(X), batch_size)
    state = engine.make_state(net.theta, settings)
    weight = np.ones(len(X), net.dtype)
    steps = -(-len(X) // batch_size)
    for number in range(epochs):
        engine.epoch(
            net.theta, net.architecture, X, Y, weight, settings, 0.05, state, number * steps,
            net.seed, number, batch_size, True, workspace,
        )  # fmt: skip
    return net.theta


@pytest.mark.parametrize("engine", helpers.TRAINING_ENGINES, ids=engine_id)
def test_every_engine_trains_to_the_same_weights(engine):
    X, y = blobs(20)
    found, expected = (
        train_with(e, classifier(dropout=0.3, l2=0.01), X, np.eye(3)[y], batch_size=8)
        for e in (engine, REFERENCE)
    )
    assert helpers.relative_difference(found, expected) <= 1e-10


def test_fit_with_numpy_and_with_loops_is_the_same_training():
    X, y = blobs()
    nets = [classifier(dropout=0.3, l2=0.01) for _ in range(2)]
    for net, engine in zip(nets, ("numpy", "loops"), strict=True):
        net.fit(X, y, epochs=3, batch_size=7, engine=engine, validation=0.2)
    assert helpers.relative_difference(nets[0].theta, nets[1].theta) <= 1e-10
    assert nets[0].history.loss == pytest.approx(nets[1].history.loss)


@pytest.mark.parametrize("optimizer", [loopbp.SGD(0.1, momentum=0.9), ADAM])
def test_two_fits_are_one_fit_of_both(optimizer):
    X, y = blobs()
    once, twice = classifier(dropout=0.2), classifier(dropout=0.2)
    once.fit(X, y, epochs=4, batch_size=7, optimizer=optimizer)
    for _ in range(2):
        twice.fit(X, y, epochs=2, batch_size=7, optimizer=optimizer)
    assert (once.theta == twice.theta).all()
    assert once.history.loss == twice.history.loss


def test_another_optimizer_starts_anew():
    X, y = blobs(12)
    net, fresh = classifier(), classifier()
    net.fit(X, y, epochs=1, optimizer=loopbp.SGD(0.1))
    fresh.theta = net.theta
    fresh.history.loss.append(0.0)  # so that both shuffle as in epoch 1
    for each in (net, fresh):
        each.fit(X, y, epochs=1, optimizer=ADAM)
    assert (net.theta == fresh.theta).all()


# -- batches --------------------------------------------------------------------------------------


def test_one_epoch_is_its_batches_step_by_step():
    """Without shuffling, 7 examples in batches of 3 are three steps, the last one of 1 example."""
    X, y = blobs(7)
    net, by_hand = classifier(), classifier()
    history = net.fit(X, y, epochs=1, batch_size=3, optimizer=loopbp.SGD(0.1), shuffle=False)
    total = 0.0
    for rows in (slice(0, 3), slice(3, 6), slice(6, 7)):
        g = by_hand.gradient(X[rows], y[rows])
        by_hand.theta = by_hand.theta - 0.1 * g.theta
        total += g.loss * len(y[rows])
    assert net.theta == pytest.approx(by_hand.theta, rel=1e-12)
    assert history.loss == pytest.approx([total / 7])


def test_a_batch_larger_than_the_data_is_the_whole_of_it():
    X, y = blobs(6)
    larger, whole = classifier(), classifier()
    larger.fit(X, y, epochs=2, batch_size=1000)
    whole.fit(X, y, epochs=2, batch_size=6)
    assert (larger.theta == whole.theta).all()


def test_shuffling_changes_the_batches_and_not_the_data():
    X, y = blobs(12)
    held = X.copy(), y.copy()
    nets = [classifier() for _ in range(2)]
    for net, shuffle in zip(nets, (True, False), strict=True):
        net.fit(X, y, epochs=1, batch_size=4, shuffle=shuffle)
    assert (nets[0].theta != nets[1].theta).any()
    assert all((now == before).all() for now, before in zip((X, y), held, strict=True))


# -- validation, stopping, callbacks --------------------------------------------------------------


def test_history_of_all_that_was_asked_for():
    X, y = blobs()
    net = classifier()
    history = net.fit(X, y, epochs=3, validation=(X[:9], y[:9]), score_training=True)
    assert history is net.history
    assert history.epochs == 3
    per_epoch = (
        history.loss, history.validation_loss, history.score, history.validation_score,
        history.learning_rate, history.seconds,
    )  # fmt: skip
    assert [len(values) for values in per_epoch] == [3] * 6
    assert history.validation_loss[-1] == pytest.approx(net.loss(X[:9], y[:9]))
    assert history.validation_score[-1] == net.score(X[:9], y[:9])
    assert history.score[-1] == net.score(X, y)
    assert min(history.seconds) > 0
    assert not history.stopped_early


def test_history_without_validation_has_none():
    history = classifier().fit(*blobs(6), epochs=1)
    assert (history.validation_loss, history.validation_score, history.score) == ([], [], [])


def test_validation_fraction_is_held_out_by_class(monkeypatch):
    seen = {}
    monkeypatch.setattr(network, "run", lambda theta, arch, data, **rest: seen.update(data=data,
                        held=rest["validation"]))  # fmt: skip
    X, y = blobs(60)
    classifier().fit(X, y, validation=0.25)
    data, held = seen["data"], seen["held"]
    assert held.Y.sum(axis=0).tolist() == [5, 5, 5]
    together = np.vstack([data.X, held.X])
    assert sorted(map(tuple, together)) == sorted(map(tuple, X))


@pytest.mark.parametrize(
    ("net", "y"),
    [
        (loopbp.Network([2, 1], loss="half_mse", seed=0), np.linspace(0, 1, 8)),
        (loopbp.Network([2, 1], output="sigmoid", seed=0), np.arange(8) % 2),
    ],
    ids=["regression", "two classes"],
)
def test_validation_fraction_without_one_hot_targets(net, y):
    x = np.random.default_rng(0).standard_normal((8, 2))
    history = net.fit(x, y, epochs=1, validation=0.25)
    assert len(history.validation_loss) == 1


def test_early_stopping_restores_the_best_weights():
    """Validation data with the labels turned round get worse from the first epoch on."""
    X, y = blobs()
    net, after = classifier(), []
    history = net.fit(
        X, y, epochs=50, batch_size=10, optimizer=ADAM, validation=(X, (y + 1) % 3),
        early_stopping=loopbp.EarlyStopping(patience=3),
        callbacks=[lambda epoch, history: after.append(net.theta.copy())],
    )  # fmt: skip
    assert history.stopped_early
    best = int(np.argmin(history.validation_loss))
    assert history.best_epoch == best
    assert history.epochs == best + 1 + 3
    assert (net.theta == after[best]).all()


def test_early_stopping_by_min_delta():
    X, y = blobs()
    stopping = loopbp.EarlyStopping(patience=2, min_delta=100.0)  # only the first epoch improves
    history = classifier().fit(X, y, epochs=9, validation=0.2, early_stopping=stopping)
    assert (history.epochs, history.best_epoch) == (3, 0)


def test_early_stopping_that_never_stops_still_restores_the_best():
    X, y = blobs()
    net = classifier()
    history = net.fit(X, y, epochs=2, validation=(X, (y + 1) % 3), early_stopping=5,
                      optimizer=ADAM)  # fmt: skip
    assert not history.stopped_early
    assert net.loss(X, (y + 1) % 3) == pytest.approx(min(history.validation_loss))


def test_callbacks_see_each_epoch_and_all_of_them_run_before_one_stops():
    seen = []
    callbacks = [lambda epoch, history: epoch == 1, lambda *facts: seen.append(facts)]
    history = classifier().fit(*blobs(6), epochs=9, callbacks=callbacks)
    assert [epoch for epoch, _ in seen] == [0, 1]
    assert all(given is history for _, given in seen)
    assert history.epochs == 2


@pytest.mark.parametrize(("verbose", "drawn"), [(True, True), (False, False), (None, False)])
def test_progress_bar(capsys, verbose, drawn):
    classifier().fit(*blobs(6), epochs=1, verbose=verbose, validation=blobs(6))
    output = capsys.readouterr()
    assert ("epoch" in output.err) == drawn
    assert output.out == ""


# -- divergence -----------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["numpy", "loops"])
@pytest.mark.parametrize(("layer", "bias"), [(1, 0.5), (2, -100.0)])
def test_divergence_names_epoch_and_layer_and_keeps_the_last_finite_weights(engine, layer, bias):
    # With a bias of -100 the only hidden relu is dead: layer 1 has no gradient and stays finite.
    net = loopbp.Network([1, 1, 1], loss="half_mse", seed=0)
    net.theta = [1.0, bias, 1.0, 0.0]
    after = []
    with pytest.raises(loopbp.DivergenceError, match="learning_rate") as error:
        net.fit(
            [[1.0]], [3.0], epochs=50, optimizer=loopbp.SGD(1e100), engine=engine,
            callbacks=[lambda epoch, history: after.append(net.theta.copy())],
        )  # fmt: skip
    named = re.search(r"epoch (\d+): layer (\d+)", str(error.value))
    assert named
    assert tuple(map(int, named.groups())) == (len(after), layer)
    assert after
    assert (net.theta == after[-1]).all()
    assert np.isfinite(net.theta).all()
    assert net.history.epochs == len(after)


@pytest.mark.parametrize("engine", ["numpy", "loops"])
def test_a_loss_that_overflows_alone_is_laid_to_the_output_layer(engine):
    net = classifier(output="identity", loss="half_mse")
    before = net.theta.copy()
    with pytest.raises(loopbp.DivergenceError, match="epoch 0: layer 2"):
        net.fit([[1.0, 1.0]], [[1e200] * 3], epochs=1, optimizer=loopbp.SGD(1e-200), engine=engine)
    assert (net.theta == before).all()


@pytest.mark.parametrize("engine", ["numpy", "loops"])
def test_training_goes_on_after_a_divergence(engine):
    X, y = [[1.0]], [3.0]
    net = loopbp.Network([1, 1], loss="half_mse", seed=0)
    with pytest.raises(loopbp.DivergenceError):
        net.fit(X, y, epochs=9, optimizer=loopbp.SGD(1e200), engine=engine)
    net.theta = [0.0, 0.0]
    net.fit(X, y, epochs=20, optimizer=loopbp.SGD(0.3), engine=engine)
    assert net.predict(X) == pytest.approx(3.0, abs=0.01)


def test_divergence_is_a_value_error():
    assert issubclass(loopbp.DivergenceError, ValueError)


def test_a_divergence_among_epochs_of_one_call_ends_at_the_last_finite_one():
    X = 1e3 * np.random.default_rng(0).standard_normal((50, 4))
    y = np.random.default_rng(1).standard_normal(50)
    found = []
    for callbacks in ((), (lambda epoch, history: None,)):  # who looks on gets each by itself
        net = loopbp.Network([4, 30, 1], "identity", "identity", "half_mse", seed=0)
        with pytest.raises(loopbp.DivergenceError, match=r"in epoch \d+: layer 1"):
            net.fit(X, y, epochs=200, batch_size=50, optimizer=loopbp.SGD(1e-6),
                    callbacks=callbacks)  # fmt: skip
        found.append((net.history.epochs, net.theta.tobytes()))
    assert found[0] == found[1]
    assert found[0][0] > 2, "it had more than one at once behind it"
