"""Words of memory that threads change undivided, and ways to wait for one."""

import os
import platform
import sys
import time

from llvmlite import ir
from numba import types

from loopbp.jit.insides import cgutils
from loopbp.jit.instruction import instruction

_SLEEP_MICROSECONDS = 50


def _word(context, builder, array, index):
    data = context.make_array(types.Array(types.int64, 1, "C"))(context, builder, array).data
    return builder.gep(data, [index])


def add(words, i, value):
    """words[i] += value, undivided; what it was before."""
    words[i] += value
    return words[i] - value


@instruction(add)
def _add(typing_context, words, i, value):
    def codegen(context, builder, signature, arguments):
        pointer = _word(context, builder, arguments[0], arguments[1])
        return builder.atomic_rmw("add", pointer, arguments[2], "seq_cst")

    words = types.Array(types.int64, 1, "C")
    return types.int64(words, types.intp, types.int64), codegen


def look(words, i):
    """words[i], as the others left it."""
    return words[i]


@instruction(look)
def _look(typing_context, words, i):
    def codegen(context, builder, signature, arguments):
        return builder.load_atomic(_word(context, builder, *arguments), "seq_cst", 8)

    words = types.Array(types.int64, 1, "C")
    return types.int64(words, types.intp), codegen


def put(words, i, value):
    """words[i] = value, seen by others after all that was written before."""
    words[i] = value


@instruction(put)
def _put(typing_context, words, i, value):
    def codegen(context, builder, signature, arguments):
        pointer = _word(context, builder, arguments[0], arguments[1])
        builder.store_atomic(arguments[2], pointer, "release", 8)
        return context.get_dummy_value()

    words = types.Array(types.int64, 1, "C")
    return types.void(words, types.intp, types.int64), codegen


def claim(words, i, old, new):
    """words[i] = new if it is `old`, undivided; whether it was."""
    is_old = words[i] == old
    if is_old:
        words[i] = new
    return is_old


@instruction(claim)
def _claim(typing_context, words, i, old, new):
    def codegen(context, builder, signature, arguments):
        pointer = _word(context, builder, arguments[0], arguments[1])
        pair = builder.cmpxchg(pointer, arguments[2], arguments[3], "seq_cst", "seq_cst")
        return builder.extract_value(pair, 1)

    words = types.Array(types.int64, 1, "C")
    return types.boolean(words, types.intp, types.int64, types.int64), codegen


def rest():
    """Tell the core that this loop only waits."""


@instruction(rest)
def _rest(typing_context):
    machine = platform.machine().lower()

    def codegen(context, builder, signature, arguments):
        i32 = ir.IntType(32)
        if machine in ("x86_64", "amd64"):
            kind = ir.FunctionType(ir.VoidType(), [])
            pause = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause")
            builder.call(pause, [])
        elif machine in ("aarch64", "arm64"):
            kind = ir.FunctionType(ir.VoidType(), [i32])
            hint = cgutils.get_or_insert_function(builder.module, kind, "llvm.aarch64.hint")
            builder.call(hint, [i32(1)])  # yield
        return context.get_dummy_value()

    return types.void(), codegen


def give_way():
    """Let another thread have the core, if one wants it."""
    os.sched_yield()


def sleep():
    """Leave the core to whoever wants it for a moment; on Windows until the next tick."""
    time.sleep(_SLEEP_MICROSECONDS * 1e-6)


@instruction(sleep)
def _sleep(typing_context):
    # Both take a number of 32 bits: milliseconds and microseconds.
    name, time_asleep = ("Sleep", 1) if sys.platform == "win32" else ("usleep", _SLEEP_MICROSECONDS)

    def codegen(context, builder, signature, arguments):
        i32 = ir.IntType(32)
        kind = ir.FunctionType(i32, [i32])
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        builder.call(function, [i32(time_asleep)])
        return context.get_dummy_value()

    return types.void(), codegen


@instruction(give_way)
def _give_way(typing_context):
    name = "SwitchToThread" if sys.platform == "win32" else "sched_yield"

    def codegen(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [])
        return context.get_dummy_value()

    return types.void(), codegen
