"""Vector registers as values: W neighbouring numbers of an array that are computed with at once.

`loopbp.tiled` keeps a small block of sums in registers while it runs along the sum.  For that a
kernel must say "these 16 neighbouring sums"; Numba has no such value, so this module adds one.
``x = load(a, i)`` is a[i : i + W] in one register; ``fma(x, y, s)`` is s + x * y in every lane.
Each function here is one or a few instructions, and in uncompiled Python the same on a NumPy array,
so kernels run, and can be covered and stepped through, without the compiler.

W is that of the processor: a register of 64 bytes (AVX-512), 32 (AVX2) or 16 (NEON, SSE), divided
by the size of a number.
"""

import operator
from functools import cache
from typing import Any

import numpy as np
from llvmlite import binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import models, register_model

from loopbp._jit import config, inline_jit, inner_jit, instruction


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
ALIGNMENT = 64  # bytes of a cache line: a register that straddles two is loaded twice


def item_bytes(array):
    """``array.itemsize``, but constant: Numba reads it from memory, and W would be a division.

    digits 4.7 us in place of 5.1 with one thread, nielsen 12.2 in place of 13.7.
    """
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


def _store_first(builder: Any, value: Any, pointer: Any, count: Any) -> None:
    """The first `count` lanes to memory, of a count of at least 0.

    By a mask with AVX-512.  A Zen 3 takes 4 ns for each masked store of AVX2 and 0.5 for another,
    and NEON has none: there all at once, or the half, quarter, ... that fits (64-32-10 with 32
    examples, two threads of a Zen 3: 0.72 of the time; 64 x 12 with 64, 0.72).
    """
    if REGISTER_BYTES == 64:
        _masked_store(builder, value, pointer, count)
        return
    is_full = builder.icmp_signed(">=", count, count.type(value.type.count))
    with builder.if_else(is_full) as (full, part):
        with full:
            builder.store(value, pointer, align=_align(value.type))
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
            builder.store(low, to, align=_align(value.type))
        done = builder.add(done, step)
        value = builder.select(fits, builder.shuffle_vector(value, value, high), low)
        size //= 2


def _masked_store(builder: Any, value: Any, pointer: Any, count: Any) -> None:
    """The first `count` lanes to memory, by a mask."""
    mask = _mask(builder, value.type, count)
    i32 = ir.IntType(32)
    name = f"llvm.masked.store.{_suffix(value.type)}.p0"
    kinds = [value.type, pointer.type, i32, mask.type]
    function = _declare(builder, name, ir.VoidType(), kinds)
    builder.call(function, [value, pointer, i32(_align(value.type)), mask])


def _align(vector: Any) -> int:
    """Bytes of a number, all that a register's address is a multiple of."""
    return 4 if vector.element in (ir.FloatType(), ir.IntType(32)) else 8


def _declare(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    kind = ir.FunctionType(result, arguments)
    return cgutils.get_or_insert_function(builder.module, kind, name)


def _suffix(kind: Any) -> str:
    """As LLVM names the variants of its intrinsics: f32, v16f32, ..."""
    if isinstance(kind, ir.VectorType):
        return f"v{kind.count}{_suffix(kind.element)}"
    if isinstance(kind, ir.IntType):
        return f"i{kind.width}"
    return "f32" if isinstance(kind, ir.FloatType) else "f64"


def load(a, i):
    """a[i : i + W]."""
    return a[i : i + width(a.itemsize)].copy()


@instruction(load)
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
    return builder.call(function, [pointer, i32(_align(vector)), mask, other])


def load_part(a, i, count):
    """a[i : i + count] and zeros behind it, or a[i : i + W] if that is less."""
    return load_part_or(a, i, count, np.zeros(width(a.itemsize), a.dtype))


@instruction(load_part)
def _load_part(typing_context, a, i, count):
    def codegen(context, builder, signature, arguments):
        vector = _llvm_type(context, signature.return_type)
        pointer = _pointer(context, builder, signature.args[0], arguments[0], arguments[1])
        zero = ir.Constant(vector, [0.0] * vector.count)
        return _masked_load(builder, vector, pointer, arguments[2], zero)

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
        vector = _llvm_type(context, signature.return_type)
        pointer = _pointer(context, builder, signature.args[0], arguments[0], arguments[1])
        return _masked_load(builder, vector, pointer, *arguments[2:])

    return Lanes(a.dtype)(a, types.intp, types.intp, Lanes(a.dtype)), codegen


def _hint(builder, pointer, writes, locality):
    i32, byte = ir.IntType(32), ir.IntType(8).as_pointer()
    function = _declare(builder, "llvm.prefetch.p0", ir.VoidType(), [byte, i32, i32, i32])
    pointer = builder.bitcast(pointer, byte)
    builder.call(function, [pointer, i32(writes), i32(locality), i32(1)])


def prefetch(a, i):
    """Begin to bring the line of a[i] to the second-level cache; a hint, for any i."""


@instruction(prefetch)
def _prefetch(typing_context, a, i):
    def codegen(context, builder, signature, arguments):
        _hint(builder, _pointer(context, builder, signature.args[0], *arguments), 0, 2)
        return context.get_dummy_value()

    return types.void(a, types.intp), codegen


def prefetch_in_turn(a, i):
    """`prefetch` in every turn of a tile's loop; nothing with AVX2.

    A Zen 3 computes with 0.8 of its speed then where others use the other thread of its core, even
    if the line is there; where they do not, too, if it is not (61 and 68 GF/s of 85).
    """


@instruction(prefetch_in_turn)
def _prefetch_in_turn(typing_context, a, i):
    def codegen(context, builder, signature, arguments):
        if REGISTER_BYTES != 32:
            _hint(builder, _pointer(context, builder, signature.args[0], *arguments), 0, 2)
        return context.get_dummy_value()

    return types.void(a, types.intp), codegen


def prefetch_first(a, i):
    """Begin to bring the line of a[i] to the first-level cache, to be written; a hint."""


@instruction(prefetch_first)
def _prefetch_first(typing_context, a, i):
    def codegen(context, builder, signature, arguments):
        _hint(builder, _pointer(context, builder, signature.args[0], *arguments), 1, 3)
        return context.get_dummy_value()

    return types.void(a, types.intp), codegen


def store(a, i, x):
    """a[i : i + W] = x."""
    a[i : i + len(x)] = x


@instruction(store)
def _store(typing_context, a, i, x):
    def codegen(context, builder, signature, arguments):
        count = signature.args[2].count
        array, index, _ = arguments
        pointer = _pointer(context, builder, signature.args[0], array, index, count)
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
        pointer = _pointer(context, builder, signature.args[0], arguments[0], arguments[1])
        _store_first(builder, arguments[2], pointer, arguments[3])
        return context.get_dummy_value()

    return types.void(a, types.intp, x, types.intp), codegen


def _everywhere(builder: Any, vector: Any, value: Any) -> Any:
    """A register of some type with one number in every lane."""
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    return builder.shuffle_vector(first, undefined, zeros)


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


def splat(x):
    """x in every lane."""
    return np.full(width(np.dtype(type(x)).itemsize), x)


@instruction(splat)
def _splat(typing_context, x):
    def codegen(context, builder, signature, arguments):
        return _everywhere(builder, _llvm_type(context, signature.return_type), arguments[0])

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
        return _everywhere(builder, _llvm_type(context, signature.return_type), value)

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


def _common(x: Any, y: Any) -> Any:
    """The type of registers that an operation on x and y works on; None if neither is one."""
    lanes = [kind for kind in (x, y) if isinstance(kind, Lanes)]
    return lanes[0] if lanes and all(kind == lanes[0] for kind in lanes) else None


def _spread(context, builder, kind, given, value):
    """A register of some type as it is, a number in every lane of one."""
    if isinstance(given, Lanes):
        return value
    value = context.cast(builder, value, given, kind.scalar)
    return _everywhere(builder, _llvm_type(context, kind), value)


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
        function = _declare(builder, f"llvm.fma.{_suffix(vector)}", vector, [vector] * 3)
        return builder.call(function, arguments)

    return kind(x, y, s), codegen


def like(z, x):
    """x in every lane of a register like z."""
    return np.full_like(z, x)


@instruction(like)
def _like(typing_context, z, x):
    def codegen(context, builder, signature, arguments):
        return _spread(context, builder, z, x, arguments[1])

    return z(z, x), codegen


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
        function = _declare(builder, f"llvm.fabs.{_suffix(kind)}", kind, [kind])
        return builder.call(function, arguments)

    return x(x), codegen


def _larger(builder, x, y):
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


def combine(s, alpha, beta, d, j, count):
    """alpha s + beta d[j : j + count], alpha s in the lanes beyond."""
    return fma(alpha, s, beta * load_part(d, j, count))


@instruction(combine)
def _combine(typing_context, s, alpha, beta, d, j, count):
    def codegen(context, builder, signature, arguments):
        s, alpha, beta, d, j, count = arguments
        zero = ir.Constant(s.type, [0.0] * s.type.count)
        source = _pointer(context, builder, signature.args[3], d, j)
        before = _masked_load(builder, s.type, source, count, zero)
        kept = builder.fmul(_everywhere(builder, s.type, beta), before)
        function = _declare(builder, f"llvm.fma.{_suffix(s.type)}", s.type, [s.type] * 3)
        return builder.call(function, [_everywhere(builder, s.type, alpha), s, kept])

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
        return _fold(builder, arguments[0], lambda x, y: _larger(builder, x, y))

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


@cache
def lanes_of(count: int) -> dict[str, Any]:
    """`load`, `splat`, `row_starts`, `gather` and `lane_count` for registers of `count` numbers."""

    def load(a, i):
        return a[i : i + count].copy()

    @instruction(load)
    def _load(typing_context, a, i):
        def codegen(context, builder, signature, arguments):
            array, index = arguments
            pointer = _pointer(context, builder, signature.args[0], array, index, count)
            return builder.load(pointer, align=a.dtype.bitwidth // 8)

        return Lanes(a.dtype, count)(a, types.intp), codegen

    def splat(x):
        return np.full(count, x)

    @instruction(splat)
    def _splat(typing_context, x):
        def codegen(context, builder, signature, arguments):
            vector = _llvm_type(context, signature.return_type)
            return _everywhere(builder, vector, arguments[0])

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
            vector = _llvm_type(context, target)
            pointer = _pointer(context, builder, signature.args[0], order, i, count)
            rows = _masked_load(builder, vector, pointer, m, ir.Constant(vector, [0] * count))
            return builder.mul(rows, _everywhere(builder, vector, columns))

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
            vector = _llvm_type(context, target)
            data = context.make_array(signature.args[0])(context, builder, a).data
            first = builder.gep(data, [j])
            kind = ir.VectorType(first.type, count)
            size = ir.Constant(starts.type, [_align(vector)] * count)
            base = _everywhere(builder, starts.type, builder.ptrtoint(first, ir.IntType(64)))
            pointers = builder.inttoptr(builder.add(base, builder.mul(starts, size)), kind)
            mask = _mask(builder, vector, m)
            i32, zero = ir.IntType(32), ir.Constant(vector, [0.0] * count)
            function = _declare(
                builder, f"llvm.masked.gather.{_suffix(vector)}.v{count}p0", vector,
                [kind, i32, mask.type, vector],
            )  # fmt: skip
            return builder.call(function, [pointers, i32(_align(vector)), mask, zero])

        return target(a, starts, types.intp, types.intp), codegen

    return {
        "load": load, "splat": splat, "row_starts": row_starts, "gather": gather,
        "lane_count": inline_jit(lambda: count),
    }  # fmt: skip
