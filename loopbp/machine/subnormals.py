"""During an epoch numbers that are too small to be normal count as zero.

Below 1.2e-38 (float32; 2.2e-308 in float64) a number is subnormal, and a processor that computes
with one leaves its fast path, for many times as long.  Training makes them: where a gradient is
zero for long, as at pixels that are rarely on, Adam's averages fall by 0.9 a step, and are there
after 800.  Nothing that a network learns is as small; XLA, and so JAX, counts them as zero as well.

Each thread has a mode of its own, and gets it back as it was: outside of an epoch nothing changes.
"""

import platform
from typing import Any

from llvmlite import ir
from numba import types

from loopbp.jit.insides import cgutils
from loopbp.jit.instruction import instruction

# Results and operands that count as zero: FTZ and DAZ on x86, FZ on ARM.
_X86, _ARM = 0x8040, 1 << 24


def flush_subnormals():
    """From here on subnormal numbers count as zero, in this thread; the mode that was before."""
    return 0


def restore_subnormals(mode):
    """Back to the mode that `flush_subnormals` found."""


def _machine() -> str:
    names = {"amd64": "x86", "x86_64": "x86", "arm64": "arm", "aarch64": "arm"}
    return names.get(platform.machine().lower(), "another")


def _declare(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    return cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(result, arguments), f"llvm.{name}"
    )


def _read(builder: Any) -> Any:
    """The mode of this thread as an i64; 0 where the processor is another one."""
    i64, i32, byte = ir.IntType(64), ir.IntType(32), ir.IntType(8).as_pointer()
    if _machine() == "x86":
        place = cgutils.alloca_once(builder, i32)
        store = _declare(builder, "x86.sse.stmxcsr", ir.VoidType(), byte)
        builder.call(store, [builder.bitcast(place, byte)])
        return builder.zext(builder.load(place), i64)
    if _machine() == "arm":
        return builder.call(_declare(builder, "aarch64.get.fpcr", i64), [])
    return i64(0)


def _write(builder: Any, mode: Any) -> None:
    i64, i32, byte = ir.IntType(64), ir.IntType(32), ir.IntType(8).as_pointer()
    if _machine() == "x86":
        place = cgutils.alloca_once_value(builder, builder.trunc(mode, i32))
        load = _declare(builder, "x86.sse.ldmxcsr", ir.VoidType(), byte)
        builder.call(load, [builder.bitcast(place, byte)])
    elif _machine() == "arm":
        builder.call(_declare(builder, "aarch64.set.fpcr", ir.VoidType(), i64), [mode])


@instruction(flush_subnormals)
def _flush_subnormals(typing_context):
    def codegen(context, builder, signature, arguments):
        mode = _read(builder)
        bits = {"x86": _X86, "arm": _ARM, "another": 0}[_machine()]
        _write(builder, builder.or_(mode, mode.type(bits)))
        return mode

    return types.int64(), codegen


@instruction(restore_subnormals)
def _restore_subnormals(typing_context, mode):
    def codegen(context, builder, signature, arguments):
        _write(builder, arguments[0])
        return context.get_dummy_value()

    return types.void(types.int64), codegen
