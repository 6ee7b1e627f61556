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
    """The Numba type of a register of W numbers."""

    def __init__(self, scalar: Any) -> None:
        self.scalar = scalar
        self.count = REGISTER_BYTES // (scalar.bitwidth // 8)
        super().__init__(f"Lanes({scalar}x{self.count})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        element = manager.lookup(lanes.scalar).get_value_type()
        super().__init__(manager, lanes, ir.VectorType(element, lanes.count))


def _llvm_type(context: Any, lanes: Lanes) -> Any:
    return context.get_value_type(lanes)


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Address of a[index] as a pointer to a register; nothing is checked."""
    data = context.make_array(array_type)(context, builder, array).data
    lanes = _llvm_type(context, Lanes(array_type.dtype))
    return builder.bitcast(builder.gep(data, [index]), lanes.as_pointer())


def _mask(builder: Any, vector: Any, count: Any) -> Any:
    """Lanes 0 .. count-1."""
    i64 = ir.IntType(64)
    numbers = ir.VectorType(i64, vector.count)
    wide = builder.insert_element(ir.Constant(numbers, ir.Undefined), count, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    wide = builder.shuffle_vector(wide, ir.Constant(numbers, ir.Undefined), zeros)
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


@intrinsic
def _load_part(typing_context, a, i, count):
    def codegen(context, builder, signature, arguments):
        vector = _llvm_type(context, signature.return_type)
        pointer = _pointer(context, builder, signature.args[0], arguments[0], arguments[1])
        mask = _mask(builder, vector, arguments[2])
        name = f"llvm.masked.load.{_suffix(vector)}.p0"
        i32 = ir.IntType(32)
        function = _declare(builder, name, vector, [pointer.type, i32, mask.type, vector])
        align = i32(a.dtype.bitwidth // 8)
        zero = ir.Constant(vector, [0.0] * vector.count)
        return builder.call(function, [pointer, align, mask, zero])

    return Lanes(a.dtype)(a, types.intp, types.intp), codegen


@intrinsic
def _store(typing_context, a, i, x):
    def codegen(context, builder, signature, arguments):
        pointer = _pointer(context, builder, signature.args[0], arguments[0], arguments[1])
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


@intrinsic
def _splat(typing_context, x):
    def codegen(context, builder, signature, arguments):
        vector = _llvm_type(context, signature.return_type)
        undefined = ir.Constant(vector, ir.Undefined)
        first = builder.insert_element(undefined, arguments[0], ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
        return builder.shuffle_vector(first, undefined, zeros)

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
def _total(typing_context, x):
    def codegen(context, builder, signature, arguments):
        value, count = arguments[0], arguments[0].type.count
        while count > 1:  # halves onto halves: always the same order
            half = ir.VectorType(ir.IntType(32), count // 2)
            low = ir.Constant(half, list(range(count // 2)))
            high = ir.Constant(half, list(range(count // 2, count)))
            parts = [builder.shuffle_vector(value, value, which) for which in (low, high)]
            value, count = builder.fadd(*parts), count // 2
        return builder.extract_element(value, ir.IntType(32)(0))

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
    """a[i : i + count] and zeros behind it; count is at most W."""
    out = np.zeros(width(a.itemsize), a.dtype)
    out[:count] = a[i : i + count]
    return out


def store(a, i, x):
    """a[i : i + W] = x."""
    a[i : i + len(x)] = x


def store_part(a, i, x, count):
    """a[i : i + count] = x[:count]; count is at most W."""
    a[i : i + count] = x[:count]


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
overload(store)(lambda a, i, x: lambda a, i, x: _store(a, i, x))
overload(store_part)(lambda a, i, x, count: lambda a, i, x, count: _store_part(a, i, x, count))
overload(splat)(lambda x: lambda x: _splat(x))
overload(item)(lambda a, i: lambda a, i: _item(a, i))
overload(fma)(lambda x, y, s: lambda x, y, s: _fma(x, y, s))
overload(times)(lambda x, y: lambda x, y: _times(x, y))
overload(plus)(lambda x, y: lambda x, y: _plus(x, y))
overload(total)(lambda x: lambda x: _total(x))
overload(zip_low)(lambda x, y: lambda x, y: _zip_low(x, y))
overload(zip_high)(lambda x, y: lambda x, y: _zip_high(x, y))
