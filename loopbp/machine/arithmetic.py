"""Arithmetic and choice with `loopbp.machine.registers`, in every lane at once."""

import operator
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from loopbp.jit.instruction import instruction
from loopbp.machine.registers import (
    Lanes,
    declare_intrinsic,
    in_every_lane,
    intrinsic_suffix,
    llvm_type,
)


def _common(x: Any, y: Any) -> Any:
    """The type of registers that an operation on x and y works on; None if neither is one."""
    lanes = [kind for kind in (x, y) if isinstance(kind, Lanes)]
    return lanes[0] if lanes and all(kind == lanes[0] for kind in lanes) else None


def _spread(context, builder, kind, given, value):
    """A register of some type as it is, a number in every lane of one."""
    if isinstance(given, Lanes):
        return value
    value = context.cast(builder, value, given, kind.scalar)
    return in_every_lane(builder, llvm_type(context, kind), value)


def _define_operator(which, build, result_scalar=None):
    """x `which` y in every lane, for two registers or for one and a number."""

    @instruction(which)
    def _(typing_context, x, y):
        kind = _common(x, y)
        if kind is None:
            return None

        def codegen(context, builder, signature, arguments):
            given = zip(signature.args, arguments, strict=True)
            return build(builder, *(_spread(context, builder, kind, *pair) for pair in given))

        result = Lanes(result_scalar, kind.count) if result_scalar else kind
        return result(x, y), codegen


def _of_either(floats: str, integers: str) -> Any:
    def build(builder, x, y):
        is_float = isinstance(x.type.element, ir.FloatType | ir.DoubleType)
        return getattr(builder, floats if is_float else integers)(x, y)

    return build


def _comparison(sign: str) -> Any:
    def build(builder, x, y):
        is_float = isinstance(x.type.element, ir.FloatType | ir.DoubleType)
        compare = builder.fcmp_ordered if is_float else builder.icmp_signed
        return compare(sign, x, y)

    return build


_define_operator(operator.add, _of_either("fadd", "add"))
_define_operator(operator.sub, _of_either("fsub", "sub"))
_define_operator(operator.mul, _of_either("fmul", "mul"))
_define_operator(operator.truediv, lambda builder, x, y: builder.fdiv(x, y))
_define_operator(operator.and_, lambda builder, x, y: builder.and_(x, y))
_define_operator(operator.or_, lambda builder, x, y: builder.or_(x, y))
_define_operator(operator.lshift, lambda builder, x, y: builder.shl(x, y))
_define_operator(operator.rshift, lambda builder, x, y: builder.ashr(x, y))

_SIGNS = {operator.lt: "<", operator.le: "<=", operator.gt: ">", operator.eq: "=="}
for _which, _sign in _SIGNS.items():
    _define_operator(_which, _comparison(_sign), types.boolean)


@instruction(operator.neg)
def _neg(typing_context, x):
    if not isinstance(x, Lanes):
        return None

    def codegen(context, builder, signature, arguments):
        return builder.fneg(arguments[0])

    return x(x), codegen


def like(z, x):
    """x in every lane of a register like z."""
    return np.full_like(z, x)


@instruction(like)
def _like(typing_context, z, x):
    def codegen(context, builder, signature, arguments):
        return _spread(context, builder, z, x, arguments[1])

    return z(z, x), codegen


def fma(x, y, s):
    """s + x * y, of registers or of numbers, rounded once."""
    return s + x * y


@instruction(fma)
def _fma(typing_context, x, y, s):
    kind = next((k for k in (x, y, s) if isinstance(k, Lanes)), x)

    def codegen(context, builder, signature, arguments):
        if isinstance(kind, Lanes):
            pairs = zip(signature.args, arguments, strict=True)
            arguments = [_spread(context, builder, kind, *pair) for pair in pairs]
        vector = arguments[0].type
        function = declare_intrinsic(
            builder, f"llvm.fma.{intrinsic_suffix(vector)}", vector, [vector] * 3
        )
        return builder.call(function, arguments)

    return kind(x, y, s), codegen


def choose(condition, x, y):
    """x where the condition holds, else y: of registers or of numbers, and without a branch."""
    return np.where(condition, x, y)[()]


@instruction(choose)
def _choose(typing_context, condition, x, y):
    kind = _common(x, y)
    if kind is None:
        kind = Lanes(x, condition.count) if isinstance(condition, Lanes) else x

    def codegen(context, builder, signature, arguments):
        holds, *values = arguments
        if isinstance(kind, Lanes):
            pairs = zip(signature.args[1:], values, strict=True)
            values = [_spread(context, builder, kind, *pair) for pair in pairs]
        return builder.select(holds, *values)

    return kind(condition, x, y), codegen


def magnitude(x):
    """|x|, of a register or of a number."""
    return np.abs(x)


@instruction(magnitude)
def _magnitude(typing_context, x):
    def codegen(context, builder, signature, arguments):
        kind = arguments[0].type
        function = declare_intrinsic(builder, f"llvm.fabs.{intrinsic_suffix(kind)}", kind, [kind])
        return builder.call(function, arguments)

    return x(x), codegen


def larger(builder, x, y):
    return builder.select(builder.fcmp_ordered(">", x, y), x, y)


def count_of(condition):
    """In how many lanes a condition holds."""
    return int(np.count_nonzero(condition))


@instruction(count_of)
def _count_of(typing_context, condition):
    def codegen(context, builder, signature, arguments):
        mask = arguments[0]
        bits = builder.bitcast(mask, ir.IntType(mask.type.count))
        return builder.zext(builder.ctpop(bits), ir.IntType(64))

    return types.intp(condition), codegen
