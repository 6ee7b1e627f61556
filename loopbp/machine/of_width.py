"""Registers of another width than that of the processor."""

from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from loopbp.jit.decorators import inline_jit
from loopbp.jit.instruction import instruction
from loopbp.machine.registers import (
    Lanes,
    alignment_of,
    declare_intrinsic,
    first_lanes,
    in_every_lane,
    intrinsic_suffix,
    llvm_type,
    masked_load,
    register_at,
)


@cache
def lanes_of(count: int) -> dict[str, Any]:
    """`load`, `splat`, `row_starts`, `gather` and `lane_count` for registers of `count` numbers."""

    def load(a, i):
        return a[i : i + count].copy()

    @instruction(load)
    def _load(typing_context, a, i):
        def codegen(context, builder, signature, arguments):
            array, index = arguments
            pointer = register_at(context, builder, signature.args[0], array, index, count)
            return builder.load(pointer, align=a.dtype.bitwidth // 8)

        return Lanes(a.dtype, count)(a, types.intp), codegen

    def splat(x):
        return np.full(count, x)

    @instruction(splat)
    def _splat(typing_context, x):
        def codegen(context, builder, signature, arguments):
            vector = llvm_type(context, signature.return_type)
            return in_every_lane(builder, vector, arguments[0])

        return Lanes(x, count)(x), codegen

    def row_starts(order, i, m, columns):
        starts = np.zeros(count, np.int64)
        starts[:m] = order[i : i + m] * columns
        return starts

    @instruction(row_starts)
    def _row_starts(typing_context, order, i, m, columns):
        target = Lanes(types.int64, count)

        def codegen(context, builder, signature, arguments):
            order, i, m, columns = arguments
            vector = llvm_type(context, target)
            pointer = register_at(context, builder, signature.args[0], order, i, count)
            rows = masked_load(builder, vector, pointer, m, ir.Constant(vector, [0] * count))
            return builder.mul(rows, in_every_lane(builder, vector, columns))

        return target(order, types.intp, types.intp, types.int64), codegen

    def gather(a, starts, j, m):
        x = np.zeros(count, a.dtype)
        x[:m] = a[starts[:m] + j]
        return x

    @instruction(gather)
    def _gather(typing_context, a, starts, j, m):
        target = Lanes(a.dtype, count)

        def codegen(context, builder, signature, arguments):
            a, starts, j, m = arguments
            vector = llvm_type(context, target)
            data = context.make_array(signature.args[0])(context, builder, a).data
            first = builder.gep(data, [j])
            kind = ir.VectorType(first.type, count)
            size = ir.Constant(starts.type, [alignment_of(vector)] * count)
            base = in_every_lane(builder, starts.type, builder.ptrtoint(first, ir.IntType(64)))
            pointers = builder.inttoptr(builder.add(base, builder.mul(starts, size)), kind)
            mask = first_lanes(builder, vector, m)
            i32, zero = ir.IntType(32), ir.Constant(vector, [0.0] * count)
            function = declare_intrinsic(
                builder, f"llvm.masked.gather.{intrinsic_suffix(vector)}.v{count}p0", vector,
                [kind, i32, mask.type, vector],
            )  # fmt: skip
            return builder.call(function, [pointers, i32(alignment_of(vector)), mask, zero])

        return target(a, starts, types.intp, types.intp), codegen

    return {
        "load": load, "splat": splat, "row_starts": row_starts, "gather": gather,
        "lane_count": inline_jit(lambda: count),
    }  # fmt: skip
