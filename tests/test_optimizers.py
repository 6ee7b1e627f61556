"""Update rules against NumPy and against steps worked out by hand; schedules; clipping."""

import math
from typing import Any, cast

import numpy as np
import pytest
from cases import helpers
from cases.helpers import each_dtype

import loopbp
from loopbp import optimizers, reference, schedules
from loopbp.binding import numpy_engine
from loopbp.passes import make_state

RULES = {
    "sgd": loopbp.SGD(0.1),
    "momentum": loopbp.SGD(0.1, momentum=0.9),
    "nesterov": loopbp.SGD(0.1, momentum=0.9, nesterov=True),
    "rmsprop": loopbp.RMSprop(0.01),
    "adam": loopbp.Adam(0.01),
    "adam-hat": loopbp.Adam(0.01, epsilon=0.1, epsilon_hat=True),
    "adamw": loopbp.AdamW(0.01, weight_decay=0.1),
    "adagrad": loopbp.Adagrad(0.1),
    "rprop": loopbp.Rprop(0.01),
    "clipped": loopbp.SGD(0.1, clip_norm=0.5),
}
ARCHITECTURE = loopbp.Network([2, 3, 1], seed=0).architecture
P = 13


def numpy_update(settings, rate, step, theta, gradient, state):
    """`optimizers.update` with the NumPy twins, dispatched here once more."""
    if settings.clip_norm:
        reference.clip_by_norm(gradient, settings.clip_norm)
    if settings.rule == optimizers.RULE_SGD:
        reference.sgd(theta, gradient, rate)
    elif settings.rule in (optimizers.RULE_MOMENTUM, optimizers.RULE_NESTEROV):
        nesterov = settings.rule == optimizers.RULE_NESTEROV
        reference.momentum(theta, gradient, state[0], rate, settings.first, nesterov)
    elif settings.rule == optimizers.RULE_RMSPROP:
        keep, take = settings.first, 1 - settings.first
        reference.rmsprop(theta, gradient, state[0], rate, keep, take, settings.epsilon)
    elif settings.rule == optimizers.RULE_ADAGRAD:
        reference.rmsprop(theta, gradient, state[0], rate, 1, 1, settings.epsilon)
    elif settings.rule == optimizers.RULE_RPROP:
        facts = settings.first, settings.second, settings.epsilon, settings.largest
        previous, size = state
        reference.rprop(theta, gradient, previous, size, rate, *facts, step)
    else:
        assert settings.rule in (optimizers.RULE_ADAM, optimizers.RULE_ADAMW)
        if settings.rule == optimizers.RULE_ADAMW:
            for layer in (1, 2):
                start, stop = ARCHITECTURE.w_start[layer], ARCHITECTURE.b_start[layer]
                reference.decay(theta[start:stop], rate * settings.weight_decay)
        mean, square = state
        facts = settings.first, settings.second, settings.epsilon, settings.epsilon_hat
        reference.adam(theta, gradient, mean, square, rate, *facts, step)


@each_dtype
@pytest.mark.parametrize("name", RULES)
def test_rule_equals_its_numpy_twin_over_several_steps(name, dtype):
    settings = RULES[name].settings
    rng = np.random.default_rng(0)
    theta = rng.standard_normal(P).astype(dtype)
    state = make_state(theta, settings)
    theta_twin, state_twin = theta.copy(), state.copy()
    for step in range(1, 8):
        gradient = rng.standard_normal(P).astype(dtype)
        numpy_update(settings, 0.1, step, theta_twin, gradient.copy(), state_twin)
        optimizers.update(settings, 0.1, step, theta, gradient, state, ARCHITECTURE)
        assert helpers.relative_difference(theta, theta_twin) <= helpers.TOLERANCE[dtype]
        if len(state):
            assert helpers.relative_difference(state, state_twin) <= helpers.TOLERANCE[dtype]


# Two steps from theta = 1 with the constant gradient g = 2 and eta = 0.1.
BY_HAND = {
    # 1 - 0.2 - 0.2
    "sgd": (loopbp.SGD(0.1), 0.8, 0.6),
    # v = -0.2; then v = 0.9 * -0.2 - 0.2 = -0.38
    "momentum": (loopbp.SGD(0.1, momentum=0.9), 0.8, 0.42),
    # v = -0.2: + 0.9 * -0.2 - 0.2 = -0.38; then v = -0.38: + 0.9 * -0.38 - 0.2 = -0.542
    "nesterov": (loopbp.SGD(0.1, momentum=0.9, nesterov=True), 0.62, 0.078),
    # s = 0.1 * 4 = 0.4; then s = 0.9 * 0.4 + 0.4 = 0.76 (PyTorch's with alpha = 0.9)
    "rmsprop": (
        loopbp.RMSprop(0.1), 1 - 0.2 / math.sqrt(0.4),
        1 - 0.2 / math.sqrt(0.4) - 0.2 / math.sqrt(0.76),
    ),
    # s = 4, then 8
    "adagrad": (loopbp.Adagrad(0.1), 0.9, 0.9 - 0.2 / math.sqrt(8.0)),
    # 0.1, then 1.2 times that
    "rprop": (loopbp.Rprop(0.1), 0.9, 0.78),
    # freed of their start, u = g and s = g**2 in every step: each moves by eta * 2 / 2
    "adam": (loopbp.Adam(0.1), 0.9, 0.8),
    # a weight first shrinks by 1 - 0.1 * 0.5 = 0.95: 0.95 - 0.1, then 0.85 * 0.95 - 0.1
    "adamw": (loopbp.AdamW(0.1, weight_decay=0.5), 0.85, 0.7075),
    # |g| = 2 is cut to 0.5
    "clipped": (loopbp.SGD(0.1, clip_norm=0.5), 0.95, 0.9),
}  # fmt: skip


@pytest.mark.parametrize(("optimizer", "first", "second"), BY_HAND.values(), ids=BY_HAND)
@pytest.mark.parametrize("engine", ["numpy", "loops"])
def test_two_steps_by_hand(engine, optimizer, first, second):
    # One weight (and a bias that theta[1] = 0 and its gradient 0 keep out of it).
    architecture = loopbp.Network([1, 1], seed=0).architecture
    update = optimizers.update
    if engine == "numpy":
        update = numpy_engine().epoch.__globals__["update"]
    theta = np.array([1.0, 0.0])
    state = make_state(theta, optimizer.settings)
    for step, expected in ((1, first), (2, second)):
        update(optimizer.settings, 0.1, step, theta, np.array([2.0, 0.0]), state, architecture)
        assert theta == pytest.approx([expected, 0.0], rel=1e-7)


def test_adamw_decays_weights_and_not_biases():
    theta, gradient = np.ones(P), np.zeros(P)
    settings = loopbp.AdamW(weight_decay=0.5).settings
    optimizers.update(settings, 0.1, 1, theta, gradient, make_state(theta, settings), ARCHITECTURE)
    net = loopbp.Network([2, 3, 1], seed=0)
    net.theta = theta
    assert all((w == 0.95).all() for w in net.weights)  # 1 - 0.1 * 0.5
    assert all((b == 1.0).all() for b in net.biases)


@pytest.mark.parametrize("rule", [optimizers.rprop, reference.rprop])
def test_rprop_rests_behind_a_change_of_sign_and_keeps_its_limits(rule):
    theta, previous, size = np.zeros((3, 1))
    found = []
    # small gradients, whose product is no number of float64
    for step, g in enumerate([1e-200, 2e-200, -1e-200, -1e-200, -1e-200, 0.0, -1e-200], start=1):
        rule(theta, np.array([g]), previous, size, 0.5, 0.5, 1.2, 0.4, 0.55, step)
        found.append((float(theta[0]), float(size[0])))
    expected = [
        (-0.5, 0.5), (-1.05, 0.55),  # not 0.6
        (-1.05, 0.4),  # rests, and not 0.275
        (-0.65, 0.4),  # as behind no change
        (-0.17, 0.48), (-0.17, 0.48), (0.31, 0.48),
    ]  # fmt: skip
    assert np.array(found) == pytest.approx(np.array(expected))


@pytest.mark.parametrize("engine", ["loops", "tiled"])
def test_rprop_takes_all_examples_in_one_batch(engine):
    X, y = helpers.blobs(30)
    net, twin = helpers.classifier(), helpers.classifier()
    history = net.fit(X, y, epochs=8, optimizer="rprop", engine=engine)
    twin.fit(X, y, epochs=8, batch_size=len(X), optimizer=loopbp.Rprop(), engine="numpy")
    assert net.theta == pytest.approx(twin.theta, rel=1e-9)
    assert history.loss[-1] < 0.5 * history.loss[0]
    with pytest.raises(
        ValueError, match=r"^batch_size: Rprop is made for .* all \d+ examples, got 5"
    ):
        net.fit(X, y, epochs=1, batch_size=5, optimizer="rprop")
    assert (net.fit(X, y, epochs=1, batch_size=999, optimizer="rprop").loss[:8]) == history.loss[:8]


@each_dtype
@pytest.mark.parametrize("clip", [optimizers.clip_by_norm, reference.clip_by_norm])
def test_clipping_keeps_the_direction_and_short_gradients(clip, dtype):
    long, short = np.array([3.0, 4.0], dtype), np.array([0.3, 0.4], dtype)
    clip(long, 1.0)
    clip(short, 1.0)
    assert long == pytest.approx([0.6, 0.8])
    assert short.tolist() == np.array([0.3, 0.4], dtype).tolist()


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (schedules.Constant(0.5), {0: 0.5, 100: 0.5}),
        (schedules.Step(0.8, factor=0.5, every=3), {0: 0.8, 2: 0.8, 3: 0.4, 8: 0.2}),
        (schedules.InverseScaling(0.6, power=0.5), {0: 0.6, 3: 0.3, 8: 0.2}),
        (schedules.InverseScaling(0.6, power=0.0), {5: 0.6}),
        # half a cosine from 1 to 0.2: its middle at 0.6, the end kept
        (schedules.Cosine(1.0, epochs=10, final=0.2),
         {0: 1.0, 5: 0.6, 10: 0.2, 99: 0.2, 2: 0.6 + 0.4 * math.cos(math.pi / 5)}),
    ],
)  # fmt: skip
def test_schedule(schedule, rates):
    assert {e: schedule(e) for e in rates} == pytest.approx(rates)


@pytest.mark.parametrize("schedule", [schedules.Step(0.1, 0.5, 2), lambda e: 0.1 * 0.5 ** (e // 2)])
def test_fit_uses_the_rate_of_each_epoch_and_counts_on_in_a_second_call(schedule):
    X, y = helpers.blobs(6)
    net, optimizer = helpers.classifier(), loopbp.SGD(schedule)
    for _ in range(2):
        net.fit(X, y, epochs=3, optimizer=optimizer)
    assert net.history.learning_rate == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.025, 0.025])


def test_a_schedule_trains_as_its_rates_one_by_one():
    X, y = helpers.blobs(6)
    scheduled, by_hand = helpers.classifier(), helpers.classifier()
    scheduled.fit(X, y, epochs=2, optimizer=loopbp.SGD(schedules.InverseScaling(0.2)))
    for rate in (0.2, 0.2 / math.sqrt(2)):
        by_hand.fit(X, y, epochs=1, optimizer=loopbp.SGD(rate))
    assert (scheduled.theta == by_hand.theta).all()


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("engine", ["numpy", "loops"])
def test_every_rule_learns(engine, name):
    X, y = helpers.blobs(30)
    size = None if name == "rprop" else 5
    history = helpers.classifier().fit(
        X, y, epochs=5, batch_size=size, optimizer=RULES[name], engine=engine
    )
    assert history.loss[-1] < 0.9 * history.loss[0]


@pytest.mark.parametrize("name", optimizers.OPTIMIZERS)
def test_a_name_is_the_optimizer_with_its_defaults(name):
    X, y = helpers.blobs(6)
    by_name, made = helpers.classifier(), helpers.classifier()
    by_name.fit(X, y, epochs=1, optimizer=name)
    made.fit(X, y, epochs=1, optimizer=optimizers.OPTIMIZERS[name]())
    assert (by_name.theta == made.theta).all()


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: loopbp.SGD(0.0), ValueError, "learning_rate"),
        (lambda: loopbp.SGD(-1.0), ValueError, "learning_rate"),
        (lambda: loopbp.SGD(math.nan), ValueError, "learning_rate"),
        (lambda: loopbp.SGD(math.inf), ValueError, "learning_rate"),
        (lambda: loopbp.SGD(cast("Any", "fast")), TypeError, "learning_rate"),
        (lambda: loopbp.SGD(True), TypeError, "learning_rate"),
        (lambda: loopbp.SGD(0.1, momentum=1.0), ValueError, "momentum"),
        (lambda: loopbp.SGD(0.1, momentum=-0.1), ValueError, "momentum"),
        (lambda: loopbp.SGD(0.1, nesterov=True), ValueError, "nesterov"),
        (lambda: loopbp.SGD(0.1, clip_norm=0.0), ValueError, "clip_norm"),
        (lambda: loopbp.Adam(beta1=1.0), ValueError, "beta1"),
        (lambda: loopbp.Adam(beta2=-0.1), ValueError, "beta2"),
        (lambda: loopbp.Adam(epsilon=0.0), ValueError, "epsilon"),
        (lambda: loopbp.AdamW(weight_decay=-1.0), ValueError, "weight_decay"),
        (lambda: loopbp.RMSprop(rho=1.0), ValueError, "rho"),
        (lambda: loopbp.RMSprop(epsilon=-1e-8), ValueError, "epsilon"),
        (lambda: loopbp.Rprop(decrease=1.0), ValueError, "decrease"),
        (lambda: loopbp.Rprop(increase=1.0), ValueError, "increase"),
        (lambda: loopbp.Rprop(smallest_step=60.0), ValueError, "smallest_step: .*largest_step=50"),
        (lambda: schedules.Constant(0.0), ValueError, "initial"),
        (lambda: schedules.Step(0.1, factor=0.0), ValueError, "factor"),
        (lambda: schedules.Step(0.1, every=0), ValueError, "every"),
        (lambda: schedules.Step(0.1, every=cast("Any", 1.5)), TypeError, "every"),
        (lambda: schedules.InverseScaling(0.1, power=-1.0), ValueError, "power"),
        (lambda: schedules.Cosine(0.1, epochs=0), ValueError, "epochs"),
        (lambda: schedules.Cosine(0.1, final=0.0), ValueError, "final"),
    ],
)
def test_bad_argument_is_named(make, error, match):
    with pytest.raises(error, match=match):
        make()


@pytest.mark.parametrize(
    ("schedule", "error"),
    [(lambda e: 0.1 - 0.1 * e, ValueError), (lambda e: "slow" if e else 0.1, TypeError)],
)
def test_a_schedule_that_returns_nonsense_is_named_with_the_epoch(schedule, error):
    X, y = helpers.blobs(6)
    with pytest.raises(error, match=r"learning_rate\(1\)"):
        helpers.classifier().fit(X, y, epochs=2, optimizer=loopbp.SGD(schedule))
