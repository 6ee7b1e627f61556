"""What only advises: memory to fetch ahead, and what the optimiser must not see through."""

from llvmlite import ir
from numba import types

from loopbp.jit.instruction import instruction
from loopbp.machine.memory import REGISTER_BYTES
from loopbp.machine.registers import declare_intrinsic, register_at


def _hint(builder, pointer, writes, locality):
    i32, byte = ir.IntType(32), ir.IntType(8).as_pointer()
    function = declare_intrinsic(builder, "llvm.prefetch.p0", ir.VoidType(), [byte, i32, i32, i32])
    pointer = builder.bitcast(pointer, byte)
    builder.call(function, [pointer, i32(writes), i32(locality), i32(1)])


def prefetch(a, i):
    """Begin to bring the line of a[i] to the second-level cache; a hint, for any i."""


@instruction(prefetch)
def _prefetch(typing_context, a, i):
    def codegen(context, builder, signature, arguments):
        _hint(builder, register_at(context, builder, signature.args[0], *arguments), 0, 2)
        return context.get_dummy_value()

    return types.void(a, types.intp), codegen


def prefetch_in_turn(a, i):
    """`prefetch` in every turn of a tile's loop; nothing with AVX2.

    A Zen 3 computes more slowly then, where others use the other thread of its core even if the
    line is there.
    """


@instruction(prefetch_in_turn)
def _prefetch_in_turn(typing_context, a, i):
    def codegen(context, builder, signature, arguments):
        if REGISTER_BYTES != 32:
            _hint(builder, register_at(context, builder, signature.args[0], *arguments), 0, 2)
        return context.get_dummy_value()

    return types.void(a, types.intp), codegen


def prefetch_first(a, i):
    """Begin to bring the line of a[i] to the first-level cache, to be written; a hint."""


@instruction(prefetch_first)
def _prefetch_first(typing_context, a, i):
    def codegen(context, builder, signature, arguments):
        _hint(builder, register_at(context, builder, signature.args[0], *arguments), 1, 3)
        return context.get_dummy_value()

    return types.void(a, types.intp), codegen


def keep_turns_apart():
    """At the end of a loop's body: LLVM must not unroll it, nor load for the next turn."""


@instruction(keep_turns_apart)
def _keep_turns_apart(typing_context):
    def codegen(context, builder, signature, arguments):
        nothing = ir.InlineAsm(ir.FunctionType(ir.VoidType(), []), "", "", side_effect=True)
        builder.call(nothing, [], attrs=("convergent", "nounwind"))
        return context.get_dummy_value()

    return types.void(), codegen


def opaque(i):
    """i, and LLVM knows nothing of it: neither where it is from nor what it is a multiple of."""
    return i


@instruction(opaque)
def _opaque(typing_context, i):
    def codegen(context, builder, signature, arguments):
        kind = arguments[0].type
        same = ir.InlineAsm(ir.FunctionType(kind, [kind]), "", "=r,0")
        return builder.call(same, arguments, attrs=("nounwind",))

    return types.intp(types.intp), codegen
