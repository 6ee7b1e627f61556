"""The activations and their derivatives of a number or a register, made of `vector_math`.

Each is computed from z.  Largest error found against mpmath, in units in the last place of the
result (of its larger term for gelu', silu' and mish', which cross zero), wherever it is a normal
number; `loopbp check --numerics` and ``tests/test_numerics.py`` fail above `loopbp.numerics`'
``MOST_ULPS``:

=============  ========  ========
function       float32   float64
=============  ========  ========
sigmoid_prime  3.5       3.25
tanh_prime     2.5       2.5
gelu           3.25      3.0
gelu_prime     3.25      3.25
silu           2.75      2.75
silu_prime     3.25      3.25
mish           3.0       3.25
mish_prime     4.0       4.25
=============  ========  ========

`sigma` and `sigma_prime` choose one by its code.  Beside each other, of one register, LLVM computes
what both need, as exp(-|z|), once.
"""

import numpy as np

from loopbp.catalogue import (
    ELU,
    EXP,
    GELU,
    IDENTITY,
    LEAKY_RELU,
    LEAKY_SLOPE,
    MISH,
    RELU,
    SIGMOID,
    SILU,
    SOFTPLUS,
    SOFTSIGN,
    TANH,
)
from loopbp.jit.decorators import inline_jit
from loopbp.machine.arithmetic import choose, fma, like, magnitude
from loopbp.machine.vector_math import (
    by_type,
    exp,
    exp_d,
    exp_f,
    expm1,
    int32,
    reduce_sum_d,
    reduce_sum_f,
    reinterpret,
    scaled_d,
    scaled_f,
    sigmoid,
    softplus,
    tanh,
)

_F, _D = np.float32, np.float64
_F_ZERO, _D_ZERO = _F(0.0), _D(0.0)
_F_HALF, _D_HALF = _F(0.5), _D(0.5)
_F_ONE, _D_ONE = _F(1.0), _D(1.0)
_F_TWO, _D_TWO = _F(2.0), _D(2.0)
_F_FOUR, _D_FOUR = _F(4.0), _D(4.0)

# -- sigmoid' and tanh': a (1 - a) would lose the digits of 1 - a ----------------------------------


@inline_jit
def _sigmoid_prime_f(x):
    e = exp_f(-magnitude(x))
    return e / ((_F_ONE + e) * (_F_ONE + e))


@inline_jit
def _sigmoid_prime_d(x):
    e = exp_d(-magnitude(x))
    return e / ((_D_ONE + e) * (_D_ONE + e))


@inline_jit
def _tanh_prime_f(x):
    size = magnitude(x)
    less = _F_TWO / (exp_f(size + size) + _F_ONE)  # 1 - |tanh x|
    return less * (_F_TWO - less)


@inline_jit
def _tanh_prime_d(x):
    size = magnitude(x)
    less = _D_TWO / (exp_d(size + size) + _D_ONE)
    return less * (_D_TWO - less)


sigmoid_prime = by_type(_sigmoid_prime_f, _sigmoid_prime_d)
tanh_prime = by_type(_tanh_prime_f, _tanh_prime_d)

# -- silu ------------------------------------------------------------------------------------------

# Sizes from which exp(-x), or exp(-x**2 / 2), times x is 0.
_F_SILU_END, _D_SILU_END = _F(170.0), _D(1400.0)
_F_GELU_END, _D_GELU_END = _F(15.0), _D(40.0)


@inline_jit
def _silu_f(x):
    size = magnitude(x)
    size = choose(size > _F_SILU_END, _F_SILU_END, size)
    n, p = reduce_sum_f(-size, _F_ZERO)
    below = _F_ONE + scaled_f(n, p, _F_ONE)
    return choose(x < _F_ZERO, scaled_f(n, p, -size), x) / below


@inline_jit
def _silu_d(x):
    size = magnitude(x)
    size = choose(size > _D_SILU_END, _D_SILU_END, size)
    n, p = reduce_sum_d(-size, _D_ZERO)
    below = _D_ONE + scaled_d(n, p, _D_ONE)
    return choose(x < _D_ZERO, scaled_d(n, p, -size), x) / below


@inline_jit
def _silu_prime_f(x):
    """e (1 + x + e) / (1 + e)**2 below 0, else (1 + e (1 + x)) / (1 + e)**2; e = exp(-|x|)."""
    size = magnitude(x)
    size = choose(size > _F_SILU_END, _F_SILU_END, size)
    n, p = reduce_sum_f(-size, _F_ZERO)
    e = scaled_f(n, p, _F_ONE)
    factor = choose(x < _F_ZERO, (_F_ONE - size) + e, _F_ONE + size)
    share = scaled_f(n, p, factor)
    above = choose(x < _F_ZERO, share, _F_ONE + share)
    return above / ((_F_ONE + e) * (_F_ONE + e))


@inline_jit
def _silu_prime_d(x):
    size = magnitude(x)
    size = choose(size > _D_SILU_END, _D_SILU_END, size)
    n, p = reduce_sum_d(-size, _D_ZERO)
    e = scaled_d(n, p, _D_ONE)
    factor = choose(x < _D_ZERO, (_D_ONE - size) + e, _D_ONE + size)
    share = scaled_d(n, p, factor)
    above = choose(x < _D_ZERO, share, _D_ONE + share)
    return above / ((_D_ONE + e) * (_D_ONE + e))


silu = by_type(_silu_f, _silu_d)
silu_prime = by_type(_silu_prime_f, _silu_prime_d)

# -- mish: with e = exp(-|x|) and d = e (e + 2) + 2 below 0, else 1 + 2 e (1 + e) ------------------


@inline_jit
def _mish_f(x):
    """x e (e + 2) / d below 0, else x (1 + 2 e) / d."""
    size = magnitude(x)
    size = choose(size > _F_SILU_END, _F_SILU_END, size)
    n, p = reduce_sum_f(-size, _F_ZERO)
    e = scaled_f(n, p, _F_ONE)
    above = choose(x < _F_ZERO, scaled_f(n, p, -size * (e + _F_TWO)), x * (_F_ONE + _F_TWO * e))
    return above / choose(
        x < _F_ZERO, e * (e + _F_TWO) + _F_TWO, _F_ONE + _F_TWO * e * (_F_ONE + e)
    )


@inline_jit
def _mish_d(x):
    size = magnitude(x)
    size = choose(size > _D_SILU_END, _D_SILU_END, size)
    n, p = reduce_sum_d(-size, _D_ZERO)
    e = scaled_d(n, p, _D_ONE)
    above = choose(x < _D_ZERO, scaled_d(n, p, -size * (e + _D_TWO)), x * (_D_ONE + _D_TWO * e))
    return above / choose(
        x < _D_ZERO, e * (e + _D_TWO) + _D_TWO, _D_ONE + _D_TWO * e * (_D_ONE + e)
    )


@inline_jit
def _mish_prime_f(x):
    """e ((e + 2) d + 4 x (e + 1)) / d**2 below 0, else ((1 + 2 e) d + 4 x e**2 (1 + e)) / d**2."""
    size = magnitude(x)
    size = choose(size > _F_SILU_END, _F_SILU_END, size)
    n, p = reduce_sum_f(-size, _F_ZERO)
    e = scaled_f(n, p, _F_ONE)
    steep = _F_FOUR * size * (_F_ONE + e)
    d = choose(x < _F_ZERO, e * (e + _F_TWO) + _F_TWO, _F_ONE + _F_TWO * e * (_F_ONE + e))
    below = scaled_f(n, p, (e + _F_TWO) * d - steep)
    return choose(x < _F_ZERO, below, (_F_ONE + _F_TWO * e) * d + steep * e * e) / (d * d)


@inline_jit
def _mish_prime_d(x):
    size = magnitude(x)
    size = choose(size > _D_SILU_END, _D_SILU_END, size)
    n, p = reduce_sum_d(-size, _D_ZERO)
    e = scaled_d(n, p, _D_ONE)
    steep = _D_FOUR * size * (_D_ONE + e)
    d = choose(x < _D_ZERO, e * (e + _D_TWO) + _D_TWO, _D_ONE + _D_TWO * e * (_D_ONE + e))
    below = scaled_d(n, p, (e + _D_TWO) * d - steep)
    return choose(x < _D_ZERO, below, (_D_ONE + _D_TWO * e) * d + steep * e * e) / (d * d)


mish = by_type(_mish_f, _mish_d)
mish_prime = by_type(_mish_prime_f, _mish_prime_d)

# -- the normal distribution: Phi(-s) = exp(-s**2 / 2) R(s) for s >= 0 ----------------------------
# (1 + s) R(s) is a polynomial in t = (s - c) / (s + c), fitted through Chebyshev's points in 40
# digits for s up to the ends above (after Shepherd and Laframboise 1981); s**2 comes in two parts.

_F_CENTRE, _D_CENTRE = _F(5.0), _D(6.0)
_F_DENSITY, _D_DENSITY = _F(0.3989422804014327), _D(0.3989422804014327)  # 1 / sqrt(2 pi)
_F_CUT, _D_CUT = np.int32(-0x1000), np.int64(-0x8000000)  # off go 12 and 27 bits
_F_R = tuple(map(_F, (
    0.00020960404071956873, -2.7338268409948796e-05, -0.0017006845446303487, 0.006531861145049334,
    -0.015163094736635685, 0.02453538589179516, -0.0264019425958395, 0.010002493858337402,
    0.031030405312776566, -0.09155228734016418, 0.4615158438682556,
)))  # fmt: skip
_D_R = tuple(map(_D, (
    1.5695921634584025e-09, 2.9426390752797887e-09, -1.5639864942746644e-08,
    -2.0027893278270845e-08, 1.3236790158938167e-07, -4.2913658269661417e-10,
    -9.995898526491916e-07, 1.7838116022958124e-06, 4.412404543912898e-06, -2.6353393572409072e-05,
    3.779490167737176e-05, 0.00011948965571717959, -0.0008689946656167478, 0.0029356555179146167,
    -0.007059819421068707, 0.013246864154012135, -0.01976647921997029, 0.022592467062783016,
    -0.016141517332197368, -0.004373386779593226, 0.03981142456242982, -0.08502536230577072,
    0.45345520027112796,
)))  # fmt: skip


@inline_jit
def _normal_f(x):
    """s = |x|, R(s), and n and exp(r) - 1 of exp(-s**2 / 2)."""
    s = magnitude(x)
    s = choose(s > _F_GELU_END, _F_GELU_END, s)
    t = (s - _F_CENTRE) / (s + _F_CENTRE)
    y = fma(_F_R[0], t, _F_R[1])
    y = fma(y, t, _F_R[2])
    y = fma(y, t, _F_R[3])
    y = fma(y, t, _F_R[4])
    y = fma(y, t, _F_R[5])
    y = fma(y, t, _F_R[6])
    y = fma(y, t, _F_R[7])
    y = fma(y, t, _F_R[8])
    y = fma(y, t, _F_R[9])
    y = fma(y, t, _F_R[10])
    y = y / (_F_ONE + s)
    high = reinterpret(int32(reinterpret(s) & _F_CUT))
    n, p = reduce_sum_f(-_F_HALF * high * high, -_F_HALF * (s - high) * (s + high))
    return s, y, n, p


@inline_jit
def _normal_d(x):
    """s = |x|, R(s), and n and exp(r) - 1 of exp(-s**2 / 2)."""
    s = magnitude(x)
    s = choose(s > _D_GELU_END, _D_GELU_END, s)
    t = (s - _D_CENTRE) / (s + _D_CENTRE)
    y = fma(_D_R[0], t, _D_R[1])
    y = fma(y, t, _D_R[2])
    y = fma(y, t, _D_R[3])
    y = fma(y, t, _D_R[4])
    y = fma(y, t, _D_R[5])
    y = fma(y, t, _D_R[6])
    y = fma(y, t, _D_R[7])
    y = fma(y, t, _D_R[8])
    y = fma(y, t, _D_R[9])
    y = fma(y, t, _D_R[10])
    y = fma(y, t, _D_R[11])
    y = fma(y, t, _D_R[12])
    y = fma(y, t, _D_R[13])
    y = fma(y, t, _D_R[14])
    y = fma(y, t, _D_R[15])
    y = fma(y, t, _D_R[16])
    y = fma(y, t, _D_R[17])
    y = fma(y, t, _D_R[18])
    y = fma(y, t, _D_R[19])
    y = fma(y, t, _D_R[20])
    y = fma(y, t, _D_R[21])
    y = fma(y, t, _D_R[22])
    y = y / (_D_ONE + s)
    high = reinterpret(reinterpret(s) & _D_CUT)
    n, p = reduce_sum_d(-_D_HALF * high * high, -_D_HALF * (s - high) * (s + high))
    return s, y, n, p


@inline_jit
def _gelu_f(x):
    s, y, n, p = _normal_f(x)
    return choose(x < _F_ZERO, _F_ZERO, x) - scaled_f(n, p, s * y)


@inline_jit
def _gelu_d(x):
    s, y, n, p = _normal_d(x)
    return choose(x < _D_ZERO, _D_ZERO, x) - scaled_d(n, p, s * y)


@inline_jit
def _gelu_prime_f(x):
    s, y, n, p = _normal_f(x)
    tail = scaled_f(n, p, fma(-_F_DENSITY, s, y))
    return choose(x < _F_ZERO, tail, _F_ONE - tail)


@inline_jit
def _gelu_prime_d(x):
    s, y, n, p = _normal_d(x)
    tail = scaled_d(n, p, fma(-_D_DENSITY, s, y))
    return choose(x < _D_ZERO, tail, _D_ONE - tail)


gelu = by_type(_gelu_f, _gelu_d)
gelu_prime = by_type(_gelu_prime_f, _gelu_prime_d)

# -- the activations of a register, by their codes ------------------------------------------------


@inline_jit
def relu(z):
    """max(z, 0), and NaN of NaN."""
    zero = like(z, 0.0)
    return choose(z <= zero, zero, z)


@inline_jit
def relu_prime(z):
    """relu'(z), from z or from relu(z)."""
    return choose(z > like(z, 0.0), like(z, 1.0), like(z, 0.0))


@inline_jit
def leaky_relu_prime(z):
    """leaky_relu'(z), from z or from leaky_relu(z)."""
    return choose(z > like(z, 0.0), like(z, 1.0), like(z, LEAKY_SLOPE))


@inline_jit
def sigma(code, z):
    """sigma(z) of a register, of every code of ``ELEMENTWISE``; NaN of any other."""
    zero, a = like(z, 0.0), like(z, np.nan)
    if code == IDENTITY:
        a = z
    elif code == RELU:
        a = relu(z)
    elif code == SIGMOID:
        a = sigmoid(z)
    elif code == TANH:
        a = tanh(z)
    elif code == LEAKY_RELU:
        a = choose(z > zero, z, LEAKY_SLOPE * z)
    elif code == ELU:
        a = choose(z > zero, z, expm1(choose(z > zero, zero, z)))
    elif code == SOFTPLUS:
        a = softplus(z)
    elif code == GELU:
        a = gelu(z)
    elif code == SILU:
        a = silu(z)
    elif code == MISH:
        a = mish(z)
    elif code == SOFTSIGN:
        a = z / (like(z, 1.0) + magnitude(z))
    elif code == EXP:
        a = exp(z)
    return a


@inline_jit
def sigma_prime(code, z):
    """sigma'(z) of the same."""
    zero, one = like(z, 0.0), like(z, 1.0)
    prime = like(z, np.nan)
    if code == IDENTITY:
        prime = one
    elif code == RELU:
        prime = relu_prime(z)
    elif code == SIGMOID:
        prime = sigmoid_prime(z)
    elif code == TANH:
        prime = tanh_prime(z)
    elif code == LEAKY_RELU:
        prime = leaky_relu_prime(z)
    elif code == ELU:
        prime = choose(z > zero, one, exp(choose(z > zero, zero, z)))
    elif code == SOFTPLUS:
        prime = sigmoid(z)
    elif code == GELU:
        prime = gelu_prime(z)
    elif code == SILU:
        prime = silu_prime(z)
    elif code == MISH:
        prime = mish_prime(z)
    elif code == SOFTSIGN:
        less = one / (one + magnitude(z))
        prime = less * less
    elif code == EXP:
        prime = exp(z)
    return prime
