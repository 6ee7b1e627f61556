"""Vector registers as values: W neighbouring numbers of an array that are computed with at once.

`loopbp.tiled` keeps a small block of sums in registers while it runs along the sum.  For that a
kernel must say "these 16 neighbouring sums"; Numba has no such value, so this module adds one.
``x = load(a, i)`` is a[i : i + W] in one register; ``fma(x, y, s)`` is s + x * y in every lane.
Each function here is one machine instruction, and in uncompiled Python the same on a NumPy array,
so kernels run, and can be covered and stepped through, without the compiler.

W is that of the processor: a register of 64 bytes (AVX-512), 32 (AVX2) or 16 (NEON, SSE), divided
by the size of a number.
"""

# The typing context of an intrinsic is Numba's to pass.
# pyright: reportCallIssue=false

from typing import Any

import numpy as np
from llvmlite import binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

from loopbp._jit import config, inline_jit


def _register_bytes() -> int:
    """Bytes of a vector register of the processor that Numba compiles for."""
    if config.CPU_FEATURES is not None:
        features = {f[1:] for f in str(config.CPU_FEATURES).split(",") if f.startswith("+")}
    else:
        features = {name for name, there in llvm.get_host_cpu_features().items() if there}
    if "avx512f" in features:
        return 64
    return 32 if "avx2" in features else 16


REGISTER_BYTES = _register_bytes()


@inline_jit
def width(itemsize):
    """W, how many numbers of `itemsize` bytes a register holds."""
    return REGISTER_BYTES // itemsize


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


def _llvm_type(context: Any, lanes: Lanes) -> Any:
    return context.get_value_type(lanes)


def _pointer(
    context: Any, builder: Any, array_type: Any, array: Any, index: Any, count: int | None = None
) -> Any:
    """Address of a[index] as a pointer to a register; nothing is checked."""
    data = context.make_array(array_type)(context, builder, array).data
    lanes = _llvm_type(context, Lanes(array_type.dtype, count))
    return builder.bitcast(builder.gep(data, [index]), lanes.as_pointer())


def _mask(builder: Any, vector: Any, count: Any) -> Any:
    """Lanes 0 .. count-1; a count beyond W is all of them."""
    i32 = ir.IntType(32)
    numbers = ir.VectorType(i32, vector.count)
    limit = ir.Constant(count.type, vector.count)
    count = builder.select(builder.icmp_signed("<", count, limit), count, limit)
    wide = _everywhere(builder, numbers, builder.trunc(count, i32))
    return builder.icmp_signed("<", ir.Constant(numbers, list(range(vector.count))), wide)


def _declare(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    kind = ir.FunctionType(result, arguments)
    return cgutils.get_or_insert_function(builder.module, kind, name)


def _suffix(kind: Any) -> str:
    """As LLVM names the variants of its intrinsics: f32, v16f32, ..."""
    if isinstance(kind, ir.VectorType):
        return f"v{kind.count}{_suffix(kind.element)}"
    return "f32" if isinstance(kind, ir.FloatType) else "f64"


@intrinsic
def _load(typing_context, a, i):
    def codegen(context, builder, signature, arguments):
        pointer = _pointer(context, builder, signature.args[0], *arguments)
        return builder.load(pointer, align=a.dtype.bitwidth // 8)

    return Lanes(a.dtype)(a, types.intp), codegen


def _masked_load(builder, vector, pointer, count, other):
    """The first `count` lanes from memory, the rest from `other`."""
    mask = _mask(builder, vector, count)
    name = f"llvm.masked.load.{_suffix(vector)}.p0"
    i32 = ir.IntType(32)
    function = _declare(builder, name, vector, [pointer.type, i32, mask.type, vector])
    align = i32(4 if isinstance(vector.element, ir.FloatType) else 8)
    return builder.call(function, [pointer, align, mask, other])


@intrinsic
def _load_part(typing_context, a, i, count):
    def codegen(context, builder, signature, arguments):
        vector = _llvm_type(context, signature.return_type)
        pointer = _pointer(context, builder, signature.args[0], arguments[0], arguments[1])
        zero = ir.Constant(vector, [0.0] * vector.count)
        return _masked_load(builder, vector, pointer, arguments[2], zero)

    return Lanes(a.dtype)(a, types.intp, types.intp), codegen


@intrinsic
def _load_part_or(typing_context, a, i, count, other):
    def codegen(context, builder, signature, arguments):
        vector = _llvm_type(context, signature.return_type)
        pointer = _pointer(context, builder, signature.args[0], arguments[0], arguments[1])
        return _masked_load(builder, vector, pointer, *arguments[2:])

    return Lanes(a.dtype)(a, types.intp, types.intp, Lanes(a.dtype)), codegen


def _hint(builder, pointer, writes, locality):
    i32, byte = ir.IntType(32), ir.IntType(8).as_pointer()
    function = _declare(builder, "llvm.prefetch.p0", ir.VoidType(), [byte, i32, i32, i32])
    pointer = builder.bitcast(pointer, byte)
    builder.call(function, [pointer, i32(writes), i32(locality), i32(1)])


@intrinsic
def _prefetch(typing_context, a, i):
    def codegen(context, builder, signature, arguments):
        _hint(builder, _pointer(context, builder, signature.args[0], *arguments), 0, 2)
        return context.get_dummy_value()

    return types.void(a, types.intp), codegen


@intrinsic
def _prefetch_first(typing_context, a, i):
    def codegen(context, builder, signature, arguments):
        _hint(builder, _pointer(context, builder, signature.args[0], *arguments), 1, 3)
        return context.get_dummy_value()

    return types.void(a, types.intp), codegen


@intrinsic
def _store(typing_context, a, i, x):
    def codegen(context, builder, signature, arguments):
        count = signature.args[2].count
        pointer = _pointer(context, builder, signature.args[0], *arguments[:2], count)
        builder.store(arguments[2], pointer, align=a.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(a, types.intp, x), codegen


@intrinsic
def _store_part(typing_context, a, i, x, count):
    def codegen(context, builder, signature, arguments):
        vector = _llvm_type(context, signature.args[2])
        pointer = _pointer(context, builder, signature.args[0], arguments[0], arguments[1])
        mask = _mask(builder, vector, arguments[3])
        name = f"llvm.masked.store.{_suffix(vector)}.p0"
        i32 = ir.IntType(32)
        kinds = [vector, pointer.type, i32, mask.type]
        function = _declare(builder, name, ir.VoidType(), kinds)
        builder.call(function, [arguments[2], pointer, i32(a.dtype.bitwidth // 8), mask])
        return context.get_dummy_value()

    return types.void(a, types.intp, x, types.intp), codegen


def _everywhere(builder: Any, vector: Any, value: Any) -> Any:
    """A register of some type with one number in every lane."""
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    return builder.shuffle_vector(first, undefined, zeros)


@intrinsic
def _splat(typing_context, x):
    def codegen(context, builder, signature, arguments):
        return _everywhere(builder, _llvm_type(context, signature.return_type), arguments[0])

    return Lanes(x)(x), codegen


@intrinsic
def _item(typing_context, a, i):
    def codegen(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.load(builder.gep(data, [arguments[1]]))

    return a.dtype(a, types.intp), codegen


@intrinsic
def _fma(typing_context, x, y, s):
    def codegen(context, builder, signature, arguments):
        vector = arguments[0].type
        function = _declare(builder, f"llvm.fma.{_suffix(vector)}", vector, [vector] * 3)
        return builder.call(function, arguments)

    return x(x, x, x), codegen


@intrinsic
def _times(typing_context, x, y):
    def codegen(context, builder, signature, arguments):
        return builder.fmul(*arguments)

    return x(x, x), codegen


@intrinsic
def _plus(typing_context, x, y):
    def codegen(context, builder, signature, arguments):
        return builder.fadd(*arguments)

    return x(x, x), codegen


@intrinsic
def _minus(typing_context, x, y):
    def codegen(context, builder, signature, arguments):
        return builder.fsub(*arguments)

    return x(x, x), codegen


def _larger(builder, x, y):
    return builder.select(builder.fcmp_ordered(">", x, y), x, y)


@intrinsic
def _greater(typing_context, x, y):
    def codegen(context, builder, signature, arguments):
        return _larger(builder, *arguments)

    return x(x, x), codegen


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


@intrinsic
def _total(typing_context, x):
    def codegen(context, builder, signature, arguments):
        return _fold(builder, arguments[0], builder.fadd)

    return x.scalar(x), codegen


@intrinsic
def _highest(typing_context, x):
    def codegen(context, builder, signature, arguments):
        return _fold(builder, arguments[0], lambda x, y: _larger(builder, x, y))

    return x.scalar(x), codegen


def _zip_intrinsic(upper: bool) -> Any:
    @intrinsic
    def zipped(typing_context, x, y):
        def codegen(context, builder, signature, arguments):
            count = arguments[0].type.count
            start = count // 2 if upper else 0
            order = [k for i in range(start, start + count // 2) for k in (i, count + i)]
            which = ir.Constant(ir.VectorType(ir.IntType(32), count), order)
            return builder.shuffle_vector(*arguments, which)

        return x(x, x), codegen

    return zipped


_zip_low, _zip_high = _zip_intrinsic(False), _zip_intrinsic(True)


def load(a, i):
    """a[i : i + W]."""
    return a[i : i + width(a.itemsize)].copy()


def load_part(a, i, count):
    """a[i : i + count] and zeros behind it, or a[i : i + W] if that is less."""
    return load_part_or(a, i, count, np.zeros(width(a.itemsize), a.dtype))


def load_part_or(a, i, count, other):
    """a[i : i + count] in the first `count` lanes, and `other` in the rest, if any."""
    x = other.copy()
    count = min(count, len(x))
    x[:count] = a[i : i + count]
    return x


def store(a, i, x):
    """a[i : i + W] = x."""
    a[i : i + len(x)] = x


def store_part(a, i, x, count):
    """a[i : i + count] = x[:count], or a[i : i + W] = x if that is less."""
    count = min(count, len(x))
    a[i : i + count] = x[:count]


def prefetch(a, i):
    """Begin to bring the line of a[i] to the second-level cache; a hint, for any i."""


def prefetch_first(a, i):
    """Begin to bring the line of a[i] to the first-level cache, to be written; a hint."""


def splat(x):
    """x in every lane."""
    return np.full(width(np.dtype(type(x)).itemsize), x)


def item(a, i):
    """a[i] without the test for a negative index, which would keep a loop scalar."""
    return a[i]


def fma(x, y, s):
    """s + x * y, of registers or of numbers, rounded once."""
    return s + x * y


def times(x, y):
    """x * y in every lane."""
    return x * y


def plus(x, y):
    """x + y in every lane."""
    return x + y


def minus(x, y):
    """x - y in every lane."""
    return x - y


def greater(x, y):
    """x where x > y, else y."""
    return np.where(x > y, x, y)


def highest(x):
    """The largest of the lanes, `greater` of halves."""
    while len(x) > 1:
        x = greater(x[: len(x) // 2], x[len(x) // 2 :])
    return x[0]


def total(x):
    """The sum over the lanes, halves onto halves."""
    while len(x) > 1:
        x = x[: len(x) // 2] + x[len(x) // 2 :]
    return x[0]


def zip_low(x, y):
    """x_0, y_0, x_1, y_1, ... from the lower halves."""
    return np.stack([x, y], axis=1).ravel()[: len(x)]


def zip_high(x, y):
    """x_k, y_k, x_k+1, ... from the upper halves, k = W / 2."""
    return np.stack([x, y], axis=1).ravel()[len(x) :]


# The lambdas are what Numba wants of an overload: a Python function of the same arguments.
overload(load)(lambda a, i: lambda a, i: _load(a, i))
overload(load_part)(lambda a, i, count: lambda a, i, count: _load_part(a, i, count))
overload(load_part_or)(
    lambda a, i, count, other: lambda a, i, count, other: _load_part_or(a, i, count, other)
)
overload(store)(lambda a, i, x: lambda a, i, x: _store(a, i, x))
overload(store_part)(lambda a, i, x, count: lambda a, i, x, count: _store_part(a, i, x, count))
overload(prefetch)(lambda a, i: lambda a, i: _prefetch(a, i))
overload(prefetch_first)(lambda a, i: lambda a, i: _prefetch_first(a, i))
overload(splat)(lambda x: lambda x: _splat(x))
overload(item)(lambda a, i: lambda a, i: _item(a, i))
overload(fma)(lambda x, y, s: lambda x, y, s: _fma(x, y, s))
overload(times)(lambda x, y: lambda x, y: _times(x, y))
overload(plus)(lambda x, y: lambda x, y: _plus(x, y))
overload(minus)(lambda x, y: lambda x, y: _minus(x, y))
overload(greater)(lambda x, y: lambda x, y: _greater(x, y))
overload(highest)(lambda x: lambda x: _highest(x))
overload(total)(lambda x: lambda x: _total(x))
overload(zip_low)(lambda x, y: lambda x, y: _zip_low(x, y))
overload(zip_high)(lambda x, y: lambda x, y: _zip_high(x, y))


def lanes_of(count: int) -> dict[str, Any]:
    """`load`, `splat` and `width` by their names, for registers of `count` numbers.

    For fewer numbers than W: LLVM makes of a loop over 4 numbers a quarter of the instructions.
    """

    @intrinsic
    def load_few(typing_context, a, i):
        def codegen(context, builder, signature, arguments):
            pointer = _pointer(context, builder, signature.args[0], *arguments, count)
            return builder.load(pointer, align=a.dtype.bitwidth // 8)

        return Lanes(a.dtype, count)(a, types.intp), codegen

    @intrinsic
    def splat_few(typing_context, x):
        def codegen(context, builder, signature, arguments):
            vector = _llvm_type(context, signature.return_type)
            return _everywhere(builder, vector, arguments[0])

        return Lanes(x, count)(x), codegen

    def load(a, i):
        return a[i : i + count].copy()

    def splat(x):
        return np.full(count, x)

    overload(load)(lambda a, i: lambda a, i: load_few(a, i))
    overload(splat)(lambda x: lambda x: splat_few(x))
    return {"load": load, "splat": splat, "width": inline_jit(lambda itemsize: count)}
