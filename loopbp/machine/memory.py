"""Sizes of registers and cache lines, and arrays that begin on one."""

import numpy as np
from numba import types

from loopbp.jit.decorators import inline_jit, inner_jit
from loopbp.jit.instruction import instruction
from loopbp.machine import processor


def _register_bytes() -> int:
    """Bytes of a vector register of the processor that Numba compiles for."""
    features = processor.features()
    if "avx512f" in features:
        return 64
    return 32 if "avx2" in features else 16


REGISTER_BYTES = _register_bytes()
ALIGNMENT = 64  # bytes of a cache line: a register that straddles two is loaded twice


def item_bytes(array):
    """``array.itemsize``, but constant: Numba reads it from memory, and W would be a division."""
    return array.itemsize


@instruction(item_bytes)
def _item_bytes(typing_context, array):
    def codegen(context, builder, signature, arguments):
        kind = context.get_data_type(signature.args[0].dtype)
        return context.get_constant(types.intp, context.get_abi_sizeof(kind))

    return types.intp(array), codegen


@inline_jit
def width(itemsize):
    """W, how many numbers of `itemsize` bytes a register holds."""
    return REGISTER_BYTES // itemsize


@inner_jit
def aligned(count, like):
    """`count` zeros of the dtype of `like`, on a cache line."""
    spare = ALIGNMENT // item_bytes(like)
    buffer = np.zeros(count + spare, like.dtype)
    skip = (-buffer.ctypes.data) % ALIGNMENT // item_bytes(like)
    return buffer[skip : skip + count]


@inline_jit
def in_lines(count, like):
    """`count` or more numbers of the dtype of `like` that fill whole cache lines."""
    line = ALIGNMENT // item_bytes(like)
    return (count + line - 1) // line * line
