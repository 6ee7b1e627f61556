"""Random numbers as whole arrays: the twin of `loopbp.random.streams` in NumPy, and no Numba."""

import math

import numpy as np

_GOLDEN = 0x9E3779B97F4A7C15


def random_bits(key, counters):
    """SplitMix64's words number `counters` (an array, from 0) of the stream `key`."""
    x = np.uint64(key) + (counters.astype(np.uint64) + np.uint64(1)) * np.uint64(_GOLDEN)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def stream_key(seed, stream, number):
    """The key of stream `stream` at `number` for a seed."""
    return random_bits(random_bits(seed, np.array([stream]))[0], np.array([number]))[0]


def uniforms(key, start, count):
    """The numbers start .. start+count-1 of the stream `key`, uniform in [0, 1)."""
    return (random_bits(key, np.arange(start, start + count)) >> np.uint64(11)) * 2.0**-53


def normals(key, start, count):
    """Standard normal numbers, each from two uniform ones (Box and Muller 1958)."""
    pairs = uniforms(key, start, 2 * count).reshape(count, 2)
    return np.sqrt(-2.0 * np.log1p(-pairs[:, 0])) * np.cos(2.0 * math.pi * pairs[:, 1])


def dropout(values, key, rate, first):
    """Zero each value with probability `rate` and divide the rest by 1 - rate."""
    kept = uniforms(key, first * values.shape[1], values.size).reshape(values.shape) >= rate
    values *= np.where(kept, 1.0 / (1.0 - rate), 0.0).astype(values.dtype)


def shuffle(order, key):
    """Fill `order` with a random permutation (Fisher and Yates, the index by a high word)."""
    high = random_bits(key, np.arange(order.size)) >> np.uint64(32)
    bound = (high * np.arange(1, order.size + 1, dtype=np.uint64)) >> np.uint64(32)
    held = list(range(order.size))
    for k in range(order.size - 1, 0, -1):
        j = int(bound[k])
        held[k], held[j] = held[j], held[k]
    order[:] = held
