"""A counter-based random generator: the same numbers on every machine and in every engine.

The k-th number of a stream is a pure function of (key, k), SplitMix64's output at counter k
(Steele, Lea and Flood 2014), so no state is carried along, any number can be asked for in any
order, and a dropout mask need not be stored to be used again in the backward pass.
"""

import numpy as np

from loopbp.jit.decorators import inline_jit, inner_jit
from loopbp.jit.instruction import MASK64, as_u64

GOLDEN = 0x9E3779B97F4A7C15

# Orders of the examples in an epoch: 0, 1, 2, ...; shuffled anew; or what the caller has written.
AS_IT_IS, SHUFFLED, GIVEN = 0, 1, 2

# Streams: one for each use, so that switching one on does not shift another.
SHUFFLE, DROPOUT, INITIAL, SPLIT = 1, 2, 3, 4


@inline_jit
def mix(x):
    """SplitMix64's finaliser: one 64-bit word scrambled into another."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK64
    return x ^ (x >> 31)


@inline_jit
def random_bits(key, counter):
    """The 64 random bits number `counter` (from 0) of the stream `key`."""
    return mix((key + ((as_u64(counter + 1) * GOLDEN) & MASK64)) & MASK64)


@inline_jit
def uniform(key, counter):
    """The number `counter` of the stream `key`, uniform in [0, 1), with 53 random bits."""
    return (random_bits(key, counter) >> 11) * (1.0 / 9007199254740992.0)


@inline_jit
def stream_key(seed, stream, number):
    """The key of stream `stream` (a use) at `number` (an epoch, a step) for a seed."""
    return random_bits(random_bits(as_u64(seed), stream), number)


@inner_jit
def shuffle(order, key):
    """Fill `order` with a random permutation of 0 .. len(order)-1 (Fisher and Yates).

    The bounded index is the high word of a product; its bias is below len(order) / 2**32.
    """
    for k in range(order.shape[0]):
        order[k] = k
    for k in range(order.shape[0] - 1, 0, -1):
        j = np.int64(((random_bits(key, k) >> 32) * as_u64(k + 1)) >> 32)
        held = order[k]
        order[k] = order[j]
        order[j] = held


@inner_jit
def order_examples(order, shuffled, seed, number):
    """The order of the examples in epoch `number`; one that is `GIVEN` stays."""
    if shuffled == GIVEN:
        return
    if shuffled:
        shuffle(order, stream_key(seed, SHUFFLE, number))
    else:
        for k in range(order.shape[0]):
            order[k] = k


@inner_jit
def dropout(values, key, rate, first):
    """Zero each value with probability `rate` and divide the rest by 1 - rate.

    Row t of `values` is example first + t of the batch.

    Called with the same key on a^l in the forward pass and on delta^l in the backward pass: the
    factor of a unit is the same in both, so the mask is never stored.
    """
    m, n = values.shape
    scale = values.dtype.type(1.0 / (1.0 - rate))
    zero = values.dtype.type(0.0)
    for t in range(m):
        for i in range(n):
            kept = uniform(key, (first + t) * n + i) >= rate
            values[t, i] = values[t, i] * (scale if kept else zero)
