"""Vector registers as values: W neighbouring numbers of an array that are computed with at once.

`loopbp.tiled` keeps a small block of sums in registers while it runs along the sum.  For that a
kernel must say "these 16 neighbouring sums"; Numba has no such value, so this module adds one.
``x = load(a, i)`` is a[i : i + W] in one register; ``fma(x, y, s)`` is s + x * y in every lane.
Each function here is one or a few instructions, and in uncompiled Python the same on a NumPy array,
so kernels run, and can be covered and stepped through, without the compiler.

W is that of the processor: a register of 64 bytes (AVX-512), 32 (AVX2) or 16 (NEON, SSE), divided
by the size of a number.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import models, register_model

from loopbp.jit.insides import cgutils
from loopbp.jit.instruction import instruction
from loopbp.machine.memory import REGISTER_BYTES, width


class Lanes(types.Type):
    """The Numba type of a register of `count` numbers, W unless told."""

    def __init__(self, scalar: Any, count: int | None = None) -> None:
        self.scalar = scalar
        self.count = count or REGISTER_BYTES // (scalar.bitwidth // 8)
        super().__init__(f"Lanes({scalar}x{self.count})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        element = manager.lookup(lanes.scalar).get_value_type()
        super().__init__(manager, lanes, ir.VectorType(element, lanes.count))


def llvm_type(context: Any, lanes: Lanes) -> Any:
    return context.get_value_type(lanes)


def register_at(
    context: Any, builder: Any, array_type: Any, array: Any, index: Any, count: int | None = None
) -> Any:
    """Address of a[index] as a pointer to a register; nothing is checked."""
    data = context.make_array(array_type)(context, builder, array).data
    lanes = llvm_type(context, Lanes(array_type.dtype, count))
    return builder.bitcast(builder.gep(data, [index]), lanes.as_pointer())


def first_lanes(builder: Any, vector: Any, count: Any) -> Any:
    """Lanes 0 .. count-1; a count beyond W is all of them."""
    i32 = ir.IntType(32)
    numbers = ir.VectorType(i32, vector.count)
    limit = ir.Constant(count.type, vector.count)
    count = builder.select(builder.icmp_signed("<", count, limit), count, limit)
    wide = in_every_lane(builder, numbers, builder.trunc(count, i32))
    return builder.icmp_signed("<", ir.Constant(numbers, list(range(vector.count))), wide)


def _store_first(builder: Any, value: Any, pointer: Any, count: Any) -> None:
    """The first `count` lanes to memory, of a count of at least 0.

    By a mask with AVX-512.  On a Zen 3 a masked store of AVX2 is slower by far than another, and
    NEON has none: there all at once, or the half, quarter, ... that fits.
    """
    if REGISTER_BYTES == 64:
        masked_store(builder, value, pointer, count)
        return
    is_full = builder.icmp_signed(">=", count, count.type(value.type.count))
    with builder.if_else(is_full) as (full, part):
        with full:
            builder.store(value, pointer, align=alignment_of(value.type))
        with part:
            _store_in_halves(builder, value, pointer, count)


def _store_in_halves(builder: Any, value: Any, pointer: Any, count: Any) -> None:
    """The first `count` lanes, not all of them: a half if that many, then a quarter, and so on."""
    first = builder.bitcast(pointer, value.type.element.as_pointer())
    done, size = count.type(0), value.type.count // 2
    while size:
        numbers = ir.VectorType(ir.IntType(32), size)
        low = builder.shuffle_vector(value, value, ir.Constant(numbers, list(range(size))))
        high = ir.Constant(numbers, list(range(size, 2 * size)))
        step = builder.and_(count, count.type(size))
        fits = builder.icmp_signed("!=", step, count.type(0))
        with builder.if_then(fits):
            to = builder.bitcast(builder.gep(first, [done]), low.type.as_pointer())
            builder.store(low, to, align=alignment_of(value.type))
        done = builder.add(done, step)
        value = builder.select(fits, builder.shuffle_vector(value, value, high), low)
        size //= 2


def masked_store(builder: Any, value: Any, pointer: Any, count: Any) -> None:
    """The first `count` lanes to memory, by a mask."""
    mask = first_lanes(builder, value.type, count)
    i32 = ir.IntType(32)
    name = f"llvm.masked.store.{intrinsic_suffix(value.type)}.p0"
    kinds = [value.type, pointer.type, i32, mask.type]
    function = declare_intrinsic(builder, name, ir.VoidType(), kinds)
    builder.call(function, [value, pointer, i32(alignment_of(value.type)), mask])


def alignment_of(vector: Any) -> int:
    """Bytes of a number, all that a register's address is a multiple of."""
    return 4 if vector.element in (ir.FloatType(), ir.IntType(32)) else 8


def declare_intrinsic(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    kind = ir.FunctionType(result, arguments)
    return cgutils.get_or_insert_function(builder.module, kind, name)


def intrinsic_suffix(kind: Any) -> str:
    """As LLVM names the variants of its intrinsics: f32, v16f32, ..."""
    if isinstance(kind, ir.VectorType):
        return f"v{kind.count}{intrinsic_suffix(kind.element)}"
    if isinstance(kind, ir.IntType):
        return f"i{kind.width}"
    return "f32" if isinstance(kind, ir.FloatType) else "f64"


def load(a, i):
    """a[i : i + W]."""
    return a[i : i + width(a.itemsize)].copy()


@instruction(load)
def _load(typing_context, a, i):
    def codegen(context, builder, signature, arguments):
        pointer = register_at(context, builder, signature.args[0], *arguments)
        return builder.load(pointer, align=a.dtype.bitwidth // 8)

    return Lanes(a.dtype)(a, types.intp), codegen


def masked_load(builder, vector, pointer, count, other):
    """The first `count` lanes from memory, the rest from `other`."""
    mask = first_lanes(builder, vector, count)
    name = f"llvm.masked.load.{intrinsic_suffix(vector)}.p0"
    i32 = ir.IntType(32)
    function = declare_intrinsic(builder, name, vector, [pointer.type, i32, mask.type, vector])
    return builder.call(function, [pointer, i32(alignment_of(vector)), mask, other])


def load_part(a, i, count):
    """a[i : i + count] and zeros behind it, or a[i : i + W] if that is less."""
    return load_part_or(a, i, count, np.zeros(width(a.itemsize), a.dtype))


@instruction(load_part)
def _load_part(typing_context, a, i, count):
    def codegen(context, builder, signature, arguments):
        vector = llvm_type(context, signature.return_type)
        pointer = register_at(context, builder, signature.args[0], arguments[0], arguments[1])
        zero = ir.Constant(vector, [0.0] * vector.count)
        return masked_load(builder, vector, pointer, arguments[2], zero)

    return Lanes(a.dtype)(a, types.intp, types.intp), codegen


def load_part_or(a, i, count, other):
    """a[i : i + count] in the first `count` lanes, and `other` in the rest, if any."""
    x = other.copy()
    count = min(count, len(x))
    x[:count] = a[i : i + count]
    return x


@instruction(load_part_or)
def _load_part_or(typing_context, a, i, count, other):
    def codegen(context, builder, signature, arguments):
        vector = llvm_type(context, signature.return_type)
        pointer = register_at(context, builder, signature.args[0], arguments[0], arguments[1])
        return masked_load(builder, vector, pointer, *arguments[2:])

    return Lanes(a.dtype)(a, types.intp, types.intp, Lanes(a.dtype)), codegen


def store(a, i, x):
    """a[i : i + W] = x."""
    a[i : i + len(x)] = x


@instruction(store)
def _store(typing_context, a, i, x):
    def codegen(context, builder, signature, arguments):
        count = signature.args[2].count
        array, index, _ = arguments
        pointer = register_at(context, builder, signature.args[0], array, index, count)
        builder.store(arguments[2], pointer, align=a.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(a, types.intp, x), codegen


def store_part(a, i, x, count):
    """a[i : i + count] = x[:count], or a[i : i + W] = x if that is less; count is at least 0."""
    count = min(count, len(x))
    a[i : i + count] = x[:count]


@instruction(store_part)
def _store_part(typing_context, a, i, x, count):
    def codegen(context, builder, signature, arguments):
        pointer = register_at(context, builder, signature.args[0], arguments[0], arguments[1])
        _store_first(builder, arguments[2], pointer, arguments[3])
        return context.get_dummy_value()

    return types.void(a, types.intp, x, types.intp), codegen


def in_every_lane(builder: Any, vector: Any, value: Any) -> Any:
    """A register of some type with one number in every lane."""
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    return builder.shuffle_vector(first, undefined, zeros)


def splat(x):
    """x in every lane."""
    return np.full(width(np.dtype(type(x)).itemsize), x)


@instruction(splat)
def _splat(typing_context, x):
    def codegen(context, builder, signature, arguments):
        return in_every_lane(builder, llvm_type(context, signature.return_type), arguments[0])

    return Lanes(x)(x), codegen


def splat_row(a, i, r, row):
    """a[i + r row] in every lane: r rows below a[i]."""
    return np.full(width(a.itemsize), a[i + r * row])


@instruction(splat_row)
def _splat_row(typing_context, a, i, r, row):
    def codegen(context, builder, signature, arguments):
        a, i, r, row = arguments
        data = context.make_array(signature.args[0])(context, builder, a).data
        value = builder.load(builder.gep(data, [builder.add(i, builder.mul(r, row))]))
        return in_every_lane(builder, llvm_type(context, signature.return_type), value)

    return Lanes(a.dtype)(a, types.intp, types.intp, types.intp), codegen


def item(a, i):
    """a[i] without the test for a negative index, which would keep a loop scalar."""
    return a[i]


@instruction(item)
def _item(typing_context, a, i):
    def codegen(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.load(builder.gep(data, [arguments[1]]))

    return a.dtype(a, types.intp), codegen
