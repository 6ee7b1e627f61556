"""exp, tanh, log and their kin without branches, calls or tables, of a number or of a register.

A loop over the C library's functions stays scalar.  Each function here takes a number or a register
of `loopbp.machine`, and is the same source for both.  Each is a range reduction and Cephes'
polynomial or rational approximation (S. Moshier); both sides of a case are computed and one is
chosen.  `loopbp.tiled.activations` makes the activations of them.

Largest error found, in units in the last place against the C library's long double, by
``tests/test_vector_math.py``, which sweeps the range and fails above these:

===========  ========  ========
function     float32   float64
===========  ========  ========
exp          1.25      1.25
expm1        1.0       1.25
tanh         1.5       1.5
sigmoid      2.5       2.5
softplus     2.75      3.0
log_of_sum   -         2.0
===========  ========  ========

expm1 is measured for x <= 0, all that elu needs, and log_of_sum for x >= 1.
Infinity, NaN, both zeros and subnormal numbers come out as from the C library.
"""

from typing import Any

import numpy as np
from numba import types

from loopbp.jit.decorators import inline_jit
from loopbp.jit.instruction import call_of, instruction
from loopbp.machine.arithmetic import choose, fma, magnitude
from loopbp.machine.registers import Lanes

_F, _D = np.float32, np.float64


_PAIRS: Any = {
    types.float32: types.int32, types.int32: types.float32,
    types.float64: types.int64, types.int64: types.float64,
}  # fmt: skip


def reinterpret(value):
    """The same bits as the integer, or the float, of the same size; of a register, each lane."""
    pairs = {"f4": np.int32, "i4": np.float32, "f8": np.int64, "i8": np.float64}
    number = np.asarray(value)
    return number.view(pairs[f"{number.dtype.kind}{number.dtype.itemsize}"])[()]


@instruction(reinterpret)
def _reinterpret(typing_context, value):
    is_register = isinstance(value, Lanes)
    target = Lanes(_PAIRS[value.scalar], value.count) if is_register else _PAIRS[value]

    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(target))

    return target(value), codegen


def int32(n):
    """An integer, which Numba makes wider when it computes, as int32 again; registers stay."""
    return np.asarray(n).astype(np.int32)[()]


@instruction(int32)
def _int32(typing_context, n):
    def codegen(context, builder, signature, arguments):
        if isinstance(n, Lanes):
            return arguments[0]
        return context.cast(builder, arguments[0], n, types.int32)

    return (n if isinstance(n, Lanes) else types.int32)(n), codegen


def float64(x):
    """A number as float64, or each of a register."""
    return np.asarray(x).astype(np.float64)[()]


@instruction(float64)
def _float64(typing_context, x):
    is_register = isinstance(x, Lanes)
    target = Lanes(types.float64, x.count) if is_register else types.float64

    def codegen(context, builder, signature, arguments):
        if not is_register:
            return context.cast(builder, arguments[0], x, target)
        convert = builder.sitofp if isinstance(x.scalar, types.Integer) else builder.fpext
        return convert(arguments[0], context.get_value_type(target))

    return target(x), codegen


def by_type(single: Any, double: Any) -> Any:
    """A function that is `single` of float32 and `double` of float64, numbers or registers."""

    def chosen(x):
        with np.errstate(all="ignore"):  # uncompiled code warns where compiled code is silent
            return (single if np.asarray(x).dtype == np.float32 else double)(x)

    @instruction(chosen)
    def _chosen(typing_context, x):
        scalar = x.scalar if isinstance(x, Lanes) else x
        return call_of(single if scalar == types.float32 else double, typing_context, (x,))

    return chosen


# -- exp: x = n log 2 + r, exp x = 2**n exp r, n by adding and taking off 1.5 * 2**23 (2**52) ------

_F_MAGIC, _F_MAGIC_BITS = _F(12582912.0), np.int32(0x4B400000)
_D_MAGIC, _D_MAGIC_BITS = _D(6755399441055744.0), np.int64(0x4338000000000000)
_F_LOG2E, _D_LOG2E = _F(1.44269504088896341), _D(1.44269504088896340736)
_F_LN2_HIGH, _F_LN2_LOW = _F(-0.693359375), _F(2.12194440e-4)
_D_LN2_HIGH, _D_LN2_LOW = _D(-6.93145751953125e-1), _D(-1.42860682030941723212e-6)
_F_LOWEST, _F_HIGHEST = _F(-104.0), _F(89.0)
_D_LOWEST, _D_HIGHEST = _D(-746.0), _D(710.0)
_F_ONE, _D_ONE = _F(1.0), _D(1.0)
_F_TWO, _D_TWO = _F(2.0), _D(2.0)
_F_ZERO, _D_ZERO = _F(0.0), _D(0.0)
_F_HALF, _D_HALF = _F(0.5), _D(0.5)
_F_E = tuple(map(_F, (
    1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
    5.0000001201e-1,
)))  # fmt: skip
_D_EP = tuple(map(_D, (
    1.26177193074810590878e-4, 3.02994407707441961300e-2, 9.99999999999999999910e-1,
)))  # fmt: skip
_D_EQ = tuple(map(_D, (
    3.00198505138664455042e-6, 2.52448340349684104192e-3, 2.27265548208155028766e-1,
    2.00000000000000000005e0,
)))  # fmt: skip
_D_ER = tuple(map(_D, (  # 2 P - Q, in powers of r**2 from the first on
    -3.00198505138664455042e-6, -2.27212901734721986016e-3, -1.66666666666666636506e-1,
)))  # fmt: skip
_I23, _I127 = np.int32(23), np.int32(127)
_I52, _I1023 = np.int64(52), np.int64(1023)
_I1, _L1 = np.int32(1), np.int64(1)
_F_SIGN, _D_SIGN = np.int32(-0x80000000), np.int64(-0x8000000000000000)


@inline_jit
def _signed_f(size, x):
    """size >= 0 with the sign of x, that of a zero as well."""
    return reinterpret(int32(reinterpret(size) | (reinterpret(x) & _F_SIGN)))


@inline_jit
def _signed_d(size, x):
    """size >= 0 with the sign of x, that of a zero as well."""
    return reinterpret(reinterpret(size) | (reinterpret(x) & _D_SIGN))


@inline_jit
def _reduce_f(x):
    """n as an integer, r, and exp(r) - 1 for float32."""
    x = choose(x < _F_LOWEST, _F_LOWEST, x)
    x = choose(x > _F_HIGHEST, _F_HIGHEST, x)
    shifted = fma(x, _F_LOG2E, _F_MAGIC)
    n = int32(reinterpret(shifted) - _F_MAGIC_BITS)
    whole = shifted - _F_MAGIC
    r = fma(whole, _F_LN2_LOW, fma(whole, _F_LN2_HIGH, x))
    p = fma(_F_E[0], r, _F_E[1])
    p = fma(p, r, _F_E[2])
    p = fma(p, r, _F_E[3])
    p = fma(p, r, _F_E[4])
    p = fma(p, r, _F_E[5])
    return n, fma(p, r * r, r)


@inline_jit
def _power_f(n):
    """2**n for float32, n from -126 to 127."""
    return reinterpret(int32((n + _I127) << _I23))


@inline_jit
def exp_f(x):
    n, p = _reduce_f(x)
    half = int32(n >> _I1)  # two factors: 2**n alone may be subnormal or infinite
    return ((p + _F_ONE) * _power_f(half)) * _power_f(int32(n - half))


@inline_jit
def _expm1_f(x):
    n, p = _reduce_f(x)
    half = int32(n >> _I1)
    low, high = _power_f(half), _power_f(int32(n - half))
    # 2**n (1 + p) - 1 = 2**n p + (2**n - 1): no digits lost where n = 0
    scale = low * high
    less = choose(n < _I127, fma(p, scale, scale - _F_ONE), ((p + _F_ONE) * low) * high)
    return choose(x == _F_ZERO, x, less)


@inline_jit
def _reduce_d(x):
    """n as an integer, and exp(r) - 1 for float64."""
    x = choose(x < _D_LOWEST, _D_LOWEST, x)
    x = choose(x > _D_HIGHEST, _D_HIGHEST, x)
    shifted = fma(x, _D_LOG2E, _D_MAGIC)
    n = reinterpret(shifted) - _D_MAGIC_BITS
    whole = shifted - _D_MAGIC
    r = fma(whole, _D_LN2_LOW, fma(whole, _D_LN2_HIGH, x))
    square = r * r
    p = r * fma(fma(_D_EP[0], square, _D_EP[1]), square, _D_EP[2])
    q = fma(fma(fma(_D_EQ[0], square, _D_EQ[1]), square, _D_EQ[2]), square, _D_EQ[3])
    # 2 p / (q - p) as r + r (p + 2 p / r - q) / (q - p): the quotient is the small part of it
    rest = fma(fma(fma(_D_ER[0], square, _D_ER[1]), square, _D_ER[2]), square, p)
    return n, fma(r, rest / (q - p), r)


@inline_jit
def _power_d(n):
    """2**n for float64, n from -1022 to 1023."""
    return reinterpret((n + _I1023) << _I52)


@inline_jit
def exp_d(x):
    n, p = _reduce_d(x)
    half = n >> _L1
    return ((p + _D_ONE) * _power_d(half)) * _power_d(n - half)


@inline_jit
def _expm1_d(x):
    n, p = _reduce_d(x)
    half = n >> _L1
    low, high = _power_d(half), _power_d(n - half)
    scale = low * high
    less = choose(n < _I1023, fma(p, scale, scale - _D_ONE), ((p + _D_ONE) * low) * high)
    return choose(x == _D_ZERO, x, less)


exp = by_type(exp_f, exp_d)
expm1 = by_type(_expm1_f, _expm1_d)

# exp times a factor, in one: normal wherever the product is.


@inline_jit
def reduce_sum_f(x, rest):
    """n and exp(r) - 1 of exp(x + rest), where x is in range and rest is small beside it."""
    shifted = fma(x, _F_LOG2E, _F_MAGIC)
    n = int32(reinterpret(shifted) - _F_MAGIC_BITS)
    whole = shifted - _F_MAGIC
    r = fma(whole, _F_LN2_LOW, fma(whole, _F_LN2_HIGH, x)) + rest
    p = fma(_F_E[0], r, _F_E[1])
    p = fma(p, r, _F_E[2])
    p = fma(p, r, _F_E[3])
    p = fma(p, r, _F_E[4])
    p = fma(p, r, _F_E[5])
    return n, fma(p, r * r, r)


@inline_jit
def reduce_sum_d(x, rest):
    """n and exp(r) - 1 of exp(x + rest), where x is in range and rest is small beside it."""
    shifted = fma(x, _D_LOG2E, _D_MAGIC)
    n = reinterpret(shifted) - _D_MAGIC_BITS
    whole = shifted - _D_MAGIC
    r = fma(whole, _D_LN2_LOW, fma(whole, _D_LN2_HIGH, x)) + rest
    square = r * r
    p = r * fma(fma(_D_EP[0], square, _D_EP[1]), square, _D_EP[2])
    q = fma(fma(fma(_D_EQ[0], square, _D_EQ[1]), square, _D_EQ[2]), square, _D_EQ[3])
    less = fma(fma(fma(_D_ER[0], square, _D_ER[1]), square, _D_ER[2]), square, p)
    return n, fma(r, less / (q - p), r)


@inline_jit
def scaled_f(n, p, factor):
    """2**n (1 + p) factor."""
    half = int32(n >> _I1)
    return ((p + _F_ONE) * _power_f(half) * factor) * _power_f(int32(n - half))


@inline_jit
def scaled_d(n, p, factor):
    """2**n (1 + p) factor."""
    half = n >> _L1
    return ((p + _D_ONE) * _power_d(half) * factor) * _power_d(n - half)


# -- tanh: an odd polynomial near 0, 1 - 2 / (exp(2x) + 1) elsewhere -------------------------------

_F_EDGE, _D_EDGE = _F(0.625), _D(0.625)
_F_T = tuple(map(_F, (
    -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1,
)))  # fmt: skip
_D_TP = tuple(map(_D, (
    -9.64399179425052238628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3,
)))  # fmt: skip
_D_TQ = tuple(map(_D, (
    1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3,
)))  # fmt: skip


@inline_jit
def _tanh_f(x):
    size = magnitude(x)
    z = x * x
    p = fma(fma(fma(fma(_F_T[0], z, _F_T[1]), z, _F_T[2]), z, _F_T[3]), z, _F_T[4])
    near = fma(p * z, size, size)
    far = _F_ONE - _F_TWO / (exp_f(size + size) + _F_ONE)
    return _signed_f(choose(size < _F_EDGE, near, far), x)


@inline_jit
def _tanh_d(x):
    size = magnitude(x)
    z = x * x
    p = fma(fma(_D_TP[0], z, _D_TP[1]), z, _D_TP[2])
    q = fma(fma(z + _D_TQ[0], z, _D_TQ[1]), z, _D_TQ[2])
    near = fma(size, z * (p / q), size)
    far = _D_ONE - _D_TWO / (exp_d(size + size) + _D_ONE)
    return _signed_d(choose(size < _D_EDGE, near, far), x)


tanh = by_type(_tanh_f, _tanh_d)


@inline_jit
def _sigmoid_f(x):
    e = exp_f(-magnitude(x))
    return choose(x < _F_ZERO, e, _F_ONE) / (_F_ONE + e)


@inline_jit
def _sigmoid_d(x):
    e = exp_d(-magnitude(x))
    return choose(x < _D_ZERO, e, _D_ONE) / (_D_ONE + e)


sigmoid = by_type(_sigmoid_f, _sigmoid_d)

# -- log of 1 + e for e in [0, 1], all that softplus and the losses need ---------------------------
# log(1 + e) = 2 artanh(s), s = e / (2 + e) in [0, 1/3], as 2 s (1 + s**2/3 + s**4/5 + ...).


@inline_jit
def _log1p_f(e):
    s = e / (_F_TWO + e)
    z = s * s
    p = _F(1 / 15)
    p = fma(p, z, _F(1 / 13))
    p = fma(p, z, _F(1 / 11))
    p = fma(p, z, _F(1 / 9))
    p = fma(p, z, _F(1 / 7))
    p = fma(p, z, _F(1 / 5))
    p = fma(p, z, _F(1 / 3))
    return fma(p * z, s + s, s + s)


@inline_jit
def _log1p_d(e):
    s = e / (_D_TWO + e)
    z = s * s
    p = _D(1 / 33)
    p = fma(p, z, _D(1 / 31))
    p = fma(p, z, _D(1 / 29))
    p = fma(p, z, _D(1 / 27))
    p = fma(p, z, _D(1 / 25))
    p = fma(p, z, _D(1 / 23))
    p = fma(p, z, _D(1 / 21))
    p = fma(p, z, _D(1 / 19))
    p = fma(p, z, _D(1 / 17))
    p = fma(p, z, _D(1 / 15))
    p = fma(p, z, _D(1 / 13))
    p = fma(p, z, _D(1 / 11))
    p = fma(p, z, _D(1 / 9))
    p = fma(p, z, _D(1 / 7))
    p = fma(p, z, _D(1 / 5))
    p = fma(p, z, _D(1 / 3))
    return fma(p * z, s + s, s + s)


log1p_of_unit = by_type(_log1p_f, _log1p_d)


@inline_jit
def _softplus_f(x):
    return choose(x < _F_ZERO, _F_ZERO, x) + _log1p_f(exp_f(-magnitude(x)))


@inline_jit
def _softplus_d(x):
    return choose(x < _D_ZERO, _D_ZERO, x) + _log1p_d(exp_d(-magnitude(x)))


softplus = by_type(_softplus_f, _softplus_d)


@inline_jit
def log_of_sum(x):
    """log x for a float64 x of at least 1: the exponent and log1p of the rest."""
    return log1p_of_sum(x - _D_ONE)


@inline_jit
def log1p_of_sum(rest):
    """log(1 + rest) for a float64 rest of at least 0, and to its last digits where rest is small.

    The exponent of 1 + rest, and log1p of what is beyond that power of 2.
    """
    x = _D_ONE + rest
    bits = reinterpret(x)
    small = rest < _D_HALF
    n = choose(small, _D_ZERO, float64((bits >> _I52) - _I1023))
    part = reinterpret((bits & np.int64(0x000FFFFFFFFFFFFF)) | np.int64(0x3FF0000000000000))
    log = fma(n, _D(0.693147180559945309417), _log1p_d(choose(small, rest, part - _D_ONE)))
    return choose(x < _D(np.inf), log, x)
