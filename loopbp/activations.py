"""Activations: sigma and sigma' side by side, as scalar functions, and their application to rows.

====================  =========================================  =================================
name                  sigma(z)                                   sigma'(z)
====================  =========================================  =================================
identity              z                                          1
sigmoid               1 / (1 + exp(-z))                          a (1 - a)
tanh                  tanh z                                     1 - a**2 = 1 / cosh(z)**2
relu                  max(z, 0)                                  1 if z > 0 else 0
leaky_relu            z if z > 0 else 0.01 z                     1 if z > 0 else 0.01
elu                   z if z > 0 else exp(z) - 1                 1 if z > 0 else exp(z)
softplus              log(1 + exp(z))                            sigmoid(z)
gelu                  z Phi(z), Phi the normal distribution      Phi(z) + z phi(z)
silu                  z sigmoid(z)                               s (1 + z (1 - s)), s = sigmoid(z)
mish                  z t, t = tanh(log(1 + exp(z)))             t + z s (1 - t**2), s = sigmoid(z)
softsign              z / (1 + abs(z))                           1 / (1 + abs(z))**2
exp                   exp(z)                                     a
softmax (output)      exp(z_i) / sum_k exp(z_k)                  a full Jacobian: see losses.py
====================  =========================================  =================================

Convention at the kink: relu'(0) = 0 and leaky_relu'(0) = 0.01, the left derivative.
gelu is the exact form (Hendrycks and Gimpel 2016), not its tanh approximation.
None of these becomes NaN for finite z, and none overflows but exp, which is infinite beyond 709.8
(88.7 in float32): it is meant as an output, the inverse of the log link.

Each is right to a few units in the last place wherever it is a normal number (`loopbp.numerics`
measures it): where a formula of the table loses digits, as 1 - a does for a near 1, the function
computes the same from exp(-|z|) or erfc.  gelu', silu' and mish' cross zero; there the unit is that
of the two terms whose sum is 0.  Training flushes subnormal results to zero
(`loopbp.machine.subnormals`).
"""

from __future__ import annotations

import math

import numpy as np

from loopbp.catalogue import (
    ACTIVATION_CODES,
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
    SOFTMAX,
    SOFTPLUS,
    SOFTSIGN,
    TANH,
    USER,
)
from loopbp.jit.c_function import call_address
from loopbp.jit.decorators import inline_jit, inner_jit

NAMES, CODES = tuple(ACTIVATION_CODES), ACTIVATION_CODES
# sqrt(1/2) as a number of 24 bits and the rest of it: a product with a number of 26 bits is exact.
_SQRT_HALF = math.sqrt(0.5)
_SQRT_HALF_HIGH, _SQRT_HALF_LOW = 0.7071067690849304, 1.210161710447897e-08
_TWO_OVER_SQRT_PI = 2.0 / math.sqrt(math.pi)
_INVERSE_SQRT_TWO_PI = 1.0 / math.sqrt(2.0 * math.pi)
# Numbers beyond which phi(z) and Phi(-z) are 0, and the grid that cuts them off at 26 bits.
_NORMAL_END, _GRID = 40.0, 1048576.0
# The largest z with an exp(z) in float64; beyond it Python's own math.exp raises.
_EXP_END = 709.782712893384


@inline_jit
def identity(z):
    return z


@inline_jit
def identity_prime(z):
    return 1.0


@inline_jit
def sigmoid(z):
    e = math.exp(-abs(z))  # at most 1: no overflow on either side
    return (1.0 if z >= 0.0 else e) / (1.0 + e)


@inline_jit
def sigmoid_prime(z):
    e = math.exp(-abs(z))
    return e / ((1.0 + e) * (1.0 + e))  # a (1 - a), and 1 - a keeps its digits


@inline_jit
def tanh(z):
    return math.tanh(z)


@inline_jit
def tanh_prime(z):
    e = math.exp(-2.0 * abs(z))
    return 4.0 * e / ((1.0 + e) * (1.0 + e))  # where a is near 1, 1 - a**2 would lose digits


@inline_jit
def relu(z):
    return 0.0 if z <= 0.0 else z  # so written, NaN stays NaN


@inline_jit
def relu_prime(z):
    return 1.0 if z > 0.0 else 0.0


@inline_jit
def leaky_relu(z):
    return z if z > 0.0 else LEAKY_SLOPE * z


@inline_jit
def leaky_relu_prime(z):
    return 1.0 if z > 0.0 else LEAKY_SLOPE


@inline_jit
def elu(z):
    return z if z > 0.0 else math.expm1(z)


@inline_jit
def elu_prime(z):
    return 1.0 if z > 0.0 else math.exp(z)


@inline_jit
def softplus(z):
    return max(z, 0.0) + math.log1p(math.exp(-abs(z)))


@inline_jit
def softplus_prime(z):
    return sigmoid(z)


@inline_jit
def normal_tail(s):
    """Phi(-s) = erfc(s / sqrt 2) / 2 for s >= 0, of the normal distribution.

    erfc makes 2 x**2 times as much of an error of its argument x, so what the product with
    sqrt(1/2) rounds off comes back through erfc' = -2/sqrt(pi) exp(-x**2).
    """
    s = _NORMAL_END if s > _NORMAL_END else np.float64(s)
    x = _SQRT_HALF * s
    high = np.floor(s * _GRID) / _GRID
    lost = (high * _SQRT_HALF_HIGH - x) + high * _SQRT_HALF_LOW + (s - high) * _SQRT_HALF
    return 0.5 * (math.erfc(x) - _TWO_OVER_SQRT_PI * lost * math.exp(-x * x))


@inline_jit
def normal_density(s):
    """phi(s) = exp(-s**2 / 2) / sqrt(2 pi) for s >= 0, s**2 in two parts for the same reason."""
    s = _NORMAL_END if s > _NORMAL_END else np.float64(s)
    high = np.floor(s * _GRID) / _GRID
    rest = math.exp(-0.5 * (s - high) * (s + high))
    return _INVERSE_SQRT_TWO_PI * math.exp(-0.5 * high * high) * rest


@inline_jit
def gelu(z):
    tail = normal_tail(abs(z))  # z Phi(z): Phi(z) is the tail of -z, or 1 less that of z
    return z * (tail if z < 0.0 else 1.0 - tail)


@inline_jit
def gelu_prime(z):
    tail = normal_tail(abs(z)) - abs(z) * normal_density(abs(z))
    return tail if z < 0.0 else 1.0 - tail


@inline_jit
def silu(z):
    if z < 0.0:
        half = math.exp(0.5 * z)  # exp(z) may be subnormal where z exp(z) is not
        return half * z * half / (1.0 + half * half)
    return z / (1.0 + math.exp(-z))


@inline_jit
def silu_prime(z):
    half = math.exp(-0.5 * abs(z))
    e = half * half
    if z < 0.0:
        return half * (1.0 + z + e) * half / ((1.0 + e) * (1.0 + e))
    return (1.0 + e * (1.0 + z)) / ((1.0 + e) * (1.0 + e))


@inline_jit
def mish(z):
    if z < 0.0:  # with e = exp(z): tanh(log(1 + e)) = e (e + 2) / (e (e + 2) + 2)
        half = math.exp(0.5 * z)  # exp(z) may be subnormal where z exp(z) is not
        e = half * half
        return half * z * half * (e + 2.0) / (e * (e + 2.0) + 2.0)
    e = math.exp(-z)
    return z * (1.0 + 2.0 * e) / (1.0 + 2.0 * e * (1.0 + e))


@inline_jit
def mish_prime(z):
    half = math.exp(-0.5 * abs(z))
    e = half * half
    if z < 0.0:
        d = e * (e + 2.0) + 2.0
        return half * ((e + 2.0) * d + 4.0 * z * (e + 1.0)) * half / (d * d)
    d = 1.0 + 2.0 * e * (1.0 + e)
    return ((1.0 + 2.0 * e) * d + 4.0 * z * e * e * (1.0 + e)) / (d * d)


@inline_jit
def softsign(z):
    return z / (1.0 + abs(z))


@inline_jit
def softsign_prime(z):
    return 1.0 / ((1.0 + abs(z)) * (1.0 + abs(z)))


@inline_jit
def exp(z):
    return math.inf if z > _EXP_END else math.exp(z)


@inline_jit
def exp_prime(z):
    return exp(z)


@inner_jit
def softmax_row(z, out):
    """out_i = exp(z_i - max z) / sum_k exp(z_k - max z): shifted, so that nothing overflows."""
    top = z[0]
    for i in range(1, z.shape[0]):
        top = max(top, z[i])
    total = 0.0
    for i in range(z.shape[0]):
        out[i] = math.exp(z[i] - top)
        total += out[i]
    for i in range(z.shape[0]):
        out[i] = out[i] / total


@inner_jit
def sigma_row(code, address, z, out):
    """out_i = sigma(z_i) over the units i of one example.

    Parameters
    ----------
    code
        One of the codes of `loopbp.catalogue`; the test stands outside the loop over i.
    address
        Of the user's sigma, where code is ``USER``.
    z, out : arrays of shape (n,)
    """
    if code == IDENTITY:
        for i in range(z.shape[0]):
            out[i] = identity(z[i])
    elif code == SIGMOID:
        for i in range(z.shape[0]):
            out[i] = sigmoid(z[i])
    elif code == TANH:
        for i in range(z.shape[0]):
            out[i] = tanh(z[i])
    elif code == RELU:
        for i in range(z.shape[0]):
            out[i] = relu(z[i])
    elif code == LEAKY_RELU:
        for i in range(z.shape[0]):
            out[i] = leaky_relu(z[i])
    elif code == ELU:
        for i in range(z.shape[0]):
            out[i] = elu(z[i])
    elif code == SOFTPLUS:
        for i in range(z.shape[0]):
            out[i] = softplus(z[i])
    elif code == GELU:
        for i in range(z.shape[0]):
            out[i] = gelu(z[i])
    elif code == SILU:
        for i in range(z.shape[0]):
            out[i] = silu(z[i])
    elif code == MISH:
        for i in range(z.shape[0]):
            out[i] = mish(z[i])
    elif code == SOFTSIGN:
        for i in range(z.shape[0]):
            out[i] = softsign(z[i])
    elif code == EXP:
        for i in range(z.shape[0]):
            out[i] = exp(z[i])
    elif code == SOFTMAX:
        softmax_row(z, out)
    elif code == USER:
        for i in range(z.shape[0]):
            out[i] = call_address(address, z[i])
    else:  # NaN, for no code is a guess
        for i in range(z.shape[0]):
            out[i] = math.nan


@inner_jit
def sigma_prime_row(code, address, z, out):
    """out_i = sigma'(z_i) over the units i of one example, for every activation but softmax.

    Softmax has no sigma' of one z_i; its Jacobian is in `loopbp.losses.delta_row`.
    """
    if code == IDENTITY:
        for i in range(z.shape[0]):
            out[i] = identity_prime(z[i])
    elif code == SIGMOID:
        for i in range(z.shape[0]):
            out[i] = sigmoid_prime(z[i])
    elif code == TANH:
        for i in range(z.shape[0]):
            out[i] = tanh_prime(z[i])
    elif code == RELU:
        for i in range(z.shape[0]):
            out[i] = relu_prime(z[i])
    elif code == LEAKY_RELU:
        for i in range(z.shape[0]):
            out[i] = leaky_relu_prime(z[i])
    elif code == ELU:
        for i in range(z.shape[0]):
            out[i] = elu_prime(z[i])
    elif code == SOFTPLUS:
        for i in range(z.shape[0]):
            out[i] = softplus_prime(z[i])
    elif code == GELU:
        for i in range(z.shape[0]):
            out[i] = gelu_prime(z[i])
    elif code == SILU:
        for i in range(z.shape[0]):
            out[i] = silu_prime(z[i])
    elif code == MISH:
        for i in range(z.shape[0]):
            out[i] = mish_prime(z[i])
    elif code == SOFTSIGN:
        for i in range(z.shape[0]):
            out[i] = softsign_prime(z[i])
    elif code == EXP:
        for i in range(z.shape[0]):
            out[i] = exp_prime(z[i])
    elif code == USER:
        for i in range(z.shape[0]):
            out[i] = call_address(address, z[i])
    else:
        for i in range(z.shape[0]):
            out[i] = math.nan
