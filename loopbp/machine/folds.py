"""One number out of all lanes, always in the same order, and lanes put together anew."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from loopbp.jit.instruction import instruction
from loopbp.machine.arithmetic import choose, fma, larger
from loopbp.machine.registers import (
    declare_intrinsic,
    in_every_lane,
    intrinsic_suffix,
    load_part,
    masked_load,
    register_at,
)


def combine(s, alpha, beta, d, j, count):
    """alpha s + beta d[j : j + count], alpha s in the lanes beyond."""
    return fma(alpha, s, beta * load_part(d, j, count))


@instruction(combine)
def _combine(typing_context, s, alpha, beta, d, j, count):
    def codegen(context, builder, signature, arguments):
        s, alpha, beta, d, j, count = arguments
        zero = ir.Constant(s.type, [0.0] * s.type.count)
        source = register_at(context, builder, signature.args[3], d, j)
        before = masked_load(builder, s.type, source, count, zero)
        kept = builder.fmul(in_every_lane(builder, s.type, beta), before)
        function = declare_intrinsic(
            builder, f"llvm.fma.{intrinsic_suffix(s.type)}", s.type, [s.type] * 3
        )
        return builder.call(function, [in_every_lane(builder, s.type, alpha), s, kept])

    return s(s, alpha, beta, d, types.intp, types.intp), codegen


def _fold(builder, value, combine):
    """One number out of all lanes, halves onto halves: always in the same order."""
    count = value.type.count
    while count > 1:
        half = ir.VectorType(ir.IntType(32), count // 2)
        low = ir.Constant(half, list(range(count // 2)))
        high = ir.Constant(half, list(range(count // 2, count)))
        parts = [builder.shuffle_vector(value, value, which) for which in (low, high)]
        value, count = combine(*parts), count // 2
    return builder.extract_element(value, ir.IntType(32)(0))


def total(x):
    """The sum over the lanes, halves onto halves."""
    while len(x) > 1:
        x = x[: len(x) // 2] + x[len(x) // 2 :]
    return x[0]


@instruction(total)
def _total(typing_context, x):
    def codegen(context, builder, signature, arguments):
        return _fold(builder, arguments[0], builder.fadd)

    return x.scalar(x), codegen


def store_total(out, i, s, b, j):
    """out[i] = b[j] + the sum over the lanes of s."""
    out[i] = b[j] + total(s)


@instruction(store_total)
def _store_total(typing_context, out, i, s, b, j):
    def codegen(context, builder, signature, arguments):
        out, i, s, b, j = arguments
        kinds = signature.args
        to = builder.gep(context.make_array(kinds[0])(context, builder, out).data, [i])
        start = builder.gep(context.make_array(kinds[3])(context, builder, b).data, [j])
        builder.store(builder.fadd(builder.load(start), _fold(builder, s, builder.fadd)), to)
        return context.get_dummy_value()

    return types.void(out, types.intp, s, b, types.intp), codegen


def highest(x):
    """The largest of the lanes, halves onto halves."""
    while len(x) > 1:
        x = choose(x[: len(x) // 2] > x[len(x) // 2 :], x[: len(x) // 2], x[len(x) // 2 :])
    return x[0]


@instruction(highest)
def _highest(typing_context, x):
    def codegen(context, builder, signature, arguments):
        return _fold(builder, arguments[0], lambda x, y: larger(builder, x, y))

    return x.scalar(x), codegen


def _zipped(upper: bool) -> Any:
    def definition(typing_context, x, y):
        def codegen(context, builder, signature, arguments):
            count = arguments[0].type.count
            start = count // 2 if upper else 0
            order = [k for i in range(start, start + count // 2) for k in (i, count + i)]
            which = ir.Constant(ir.VectorType(ir.IntType(32), count), order)
            return builder.shuffle_vector(*arguments, which)

        return x(x, x), codegen

    return definition


def zip_low(x, y):
    """x_0, y_0, x_1, y_1, ... from the lower halves."""
    return np.stack([x, y], axis=1).ravel()[: len(x)]


def zip_high(x, y):
    """x_k, y_k, x_k+1, ... from the upper halves, k = W / 2."""
    return np.stack([x, y], axis=1).ravel()[len(x) :]


instruction(zip_low)(_zipped(False))
instruction(zip_high)(_zipped(True))
