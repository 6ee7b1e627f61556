"""The random generator: known numbers, the twins bit for bit, shuffle, uniform, dropout."""

import numpy as np
import pytest
from cases import helpers

from loopbp.jit.decorators import jit
from loopbp.jit.instruction import MASK64
from loopbp.jit.sources import plain
from loopbp.random import arrays
from loopbp.random import streams as rng

KEYS = (0, 1, 1234567, 2**63, 2**64 - 1)


# Called from compiled code, as kernels call them: `inline_jit` functions are never run alone.
@jit
def first_bits(key, out):
    for counter in range(out.shape[0]):
        out[counter] = rng.random_bits(key, counter)


@jit
def first_uniforms(key, out):
    for counter in range(out.shape[0]):
        out[counter] = rng.uniform(key, counter)


@jit
def key_of(seed, stream, number):
    return rng.stream_key(seed, stream, number)


def as_key(value):
    return np.uint64(value) if helpers.JIT else int(value)


def test_published_outputs_of_splitmix64():
    # Vigna's splitmix64.c with the state 1234567: our key, of which counter 0 is the first output
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    out = np.empty(3, np.uint64)
    first_bits(as_key(1234567), out)
    assert out.tolist() == expected
    assert arrays.random_bits(1234567, np.arange(3)).tolist() == expected
    assert plain(rng.mix)((1234567 + rng.GOLDEN) & MASK64) == expected[0]


@pytest.mark.parametrize("key", KEYS)
def test_bits_and_uniforms_equal_the_twins(key):
    bits, numbers = np.empty(50, np.uint64), np.empty(50)
    first_bits(as_key(key), bits)
    first_uniforms(as_key(key), numbers)
    assert (bits == arrays.random_bits(key, np.arange(50))).all()
    assert (numbers == arrays.uniforms(key, 0, 50)).all()


@pytest.mark.parametrize("seed", [0, 7, 2**63 - 1])
def test_stream_key_equals_its_twin_and_tells_streams_apart(seed):
    uses = [(stream, number) for stream in range(1, 5) for number in range(4)]
    keys = [int(key_of(seed, *use)) for use in uses]
    assert keys == [int(arrays.stream_key(seed, *use)) for use in uses]
    assert len(set(keys)) == len(uses)


def test_uniforms_are_uniform():
    # 10000 draws in 10 equal parts: 1000 each, 5 standard deviations are 150
    numbers = arrays.uniforms(3, 0, 10_000)
    assert ((numbers >= 0) & (numbers < 1)).all()
    assert np.abs(np.histogram(numbers, 10, (0, 1))[0] - 1000).max() < 150
    assert arrays.uniforms(3, 5, 3).tolist() == numbers[5:8].tolist()


def test_normals_have_mean_0_and_variance_1():
    numbers = arrays.normals(3, 0, 10_000)
    assert abs(numbers.mean()) < 0.05
    assert numbers.var() == pytest.approx(1, abs=0.07)


@pytest.mark.parametrize("count", [1, 2, 3, 50])
@pytest.mark.parametrize("key", KEYS)
def test_shuffle_is_a_permutation_and_equals_its_twin(count, key):
    order, twin = np.empty((2, count), np.int64)
    rng.shuffle(order, as_key(key))
    arrays.shuffle(twin, key)
    assert sorted(order) == list(range(count))
    assert (order == twin).all()


def test_every_permutation_of_three_comes_up():
    order, seen = np.empty(3, np.int64), np.zeros(27, int)
    for number in range(1200):
        arrays.shuffle(order, arrays.stream_key(0, rng.SHUFFLE, number))
        seen[order @ [9, 3, 1]] += 1
    counts = seen[seen > 0]
    assert len(counts) == 6
    assert np.abs(counts - 200).max() < 65  # 5 standard deviations


# -- dropout --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", helpers.DTYPES)
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_equals_its_twin_and_keeps_the_expectation(rate, dtype):
    values, twin = np.ones((2, 40, 25), dtype)
    rng.dropout(values, as_key(5), rate, 0)
    arrays.dropout(twin, 5, rate, 0)
    assert (values == twin).all()
    assert np.unique(values).tolist() == [0, np.array(1 / (1 - rate)).astype(dtype)]
    # 1000 units of variance rate / (1 - rate): 5 standard errors
    assert values.mean() == pytest.approx(1, abs=5 * np.sqrt(rate / (1 - rate) / 1000))


def test_dropout_of_a_batch_in_parts_is_that_of_the_whole():
    whole, parts = np.ones((2, 10, 7))
    rng.dropout(whole, as_key(5), 0.5, 0)
    for start, stop in ((0, 3), (3, 4), (4, 10)):
        rng.dropout(parts[start:stop], as_key(5), 0.5, start)
    twin = np.ones((6, 7))
    arrays.dropout(twin, 5, 0.5, 4)
    assert (parts == whole).all()
    assert (twin == whole[4:]).all()


def test_dropout_keeps_nan_where_it_drops():
    values = np.full((4, 50), np.nan)
    rng.dropout(values, as_key(5), 0.5, 0)
    assert np.isnan(values).all()


@pytest.mark.parametrize("engine", [helpers.REFERENCE, *helpers.ENGINES], ids=helpers.engine_id)
def test_gradient_with_dropout_is_that_of_the_thinned_network(engine):
    """The same key gives the same mask, so differences of the cost see the mask of backward."""
    net = helpers.network([3, 8, 6, 2], dropout=[0.5, 0.2], l2=0.1)
    X, Y = np.random.default_rng(0).standard_normal((5, 3)), np.ones((5, 2))
    key = int(arrays.stream_key(0, rng.DROPOUT, 1)) >> 1  # fits a signed integer too
    _, gradient = helpers.full_gradient(engine, net, X, Y, key=key)
    expected = helpers.central_difference(
        lambda: helpers.full_gradient(helpers.REFERENCE, net, X, Y, key=key)[0], net.theta
    )
    assert gradient == pytest.approx(expected, abs=1e-8)
    assert not np.allclose(gradient, helpers.full_gradient(engine, net, X, Y)[1])


def test_dropout_is_for_training_alone():
    thinned, whole = (helpers.network([2, 6, 1], dropout=rate) for rate in (0.5, 0.0))
    X, Y = np.ones((3, 2)), np.ones((3, 1))
    assert thinned.loss(X, Y) == whole.loss(X, Y)
    gradients = thinned.gradient(X, Y).theta, whole.gradient(X, Y).theta
    assert helpers.relative_difference(*gradients) <= 1e-12
    for net in (thinned, whole):
        net.fit(X, Y, epochs=1)
    assert (thinned.theta != whole.theta).any()


def test_shuffled_batches_differ_between_epochs_and_seeds():
    orders = []
    for seed, number in ((0, 0), (0, 1), (1, 0)):
        order = np.empty(20, np.int64)
        arrays.shuffle(order, arrays.stream_key(seed, rng.SHUFFLE, number))
        orders.append(tuple(order))
    assert len(set(orders)) == 3
