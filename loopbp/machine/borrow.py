"""Tuples of arrays handed on without counting references."""

from itertools import accumulate
from zlib import crc32

from llvmlite import ir
from numba import types
from numba.extending import lower_getattr_generic, models, register_model

from loopbp.jit.insides import TypingError, cgutils
from loopbp.jit.instruction import attributes_of, instruction
from loopbp.machine.views import view_of


class Borrowed(types.Type):
    """A named tuple that somebody else keeps: where it lies.

    Handed on as one address and read field by field where a field is needed.  By value, a tuple of
    seventeen arrays is a hundred numbers in each call, even of functions that are inlined, and half
    of a first fit's LLVM code.
    """

    fields_are_views = True  # nobody counts references to them: see `loopbp.jit.references`

    def __init__(self, kind):
        self.kind = kind
        # Goes into the names of symbols, so not the names of all fields' types.
        super().__init__(f"Borrowed{kind.instance_class.__name__}{crc32(kind.name.encode()):08x}")

    @property
    def key(self):
        return self.kind

    @property
    def fields(self):
        """Type and first word of each: an array is its address and its shape."""
        kinds = tuple(self.kind)
        starts = accumulate((1 + getattr(kind, "ndim", 0) for kind in kinds), initial=0)
        return dict(zip(self.kind.fields, zip(kinds, starts, strict=False), strict=True))


def _fits(kind):
    """Whether a field of this type can be read from words."""
    number = isinstance(kind, types.Integer | types.Float | types.Boolean)
    return number or (isinstance(kind, types.Array) and kind.layout == "C")


@register_model(Borrowed)
class _BorrowedModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, ir.IntType(64).as_pointer())


@attributes_of(Borrowed)
def _type_of_field(borrowed, name):
    return borrowed.fields[name][0] if name in borrowed.fields else None


def _word(context, builder, words, k, value_type):
    """A pointer to word k, which holds such a value."""
    place = builder.gep(words, [context.get_constant(types.intp, k)])
    return builder.bitcast(place, value_type.as_pointer())


@lower_getattr_generic(Borrowed)
def _borrowed_field(context, builder, borrowed, words, name):
    kind, k = borrowed.fields[name]
    if not isinstance(kind, types.Array):
        return builder.load(_word(context, builder, words, k, context.get_value_type(kind)))
    pointer = context.get_data_type(kind.dtype).as_pointer()
    data = builder.load(_word(context, builder, words, k, pointer))
    size = context.get_value_type(types.intp)
    shape = [
        builder.load(_word(context, builder, words, k + 1 + d, size)) for d in range(kind.ndim)
    ]
    return view_of(context, builder, kind, data, shape)


def borrow(value):
    """An argument of a function, array or named tuple of arrays and numbers, for use inside it.

    And in its callees: it must not be returned.  Numba counts the references of an array again for
    each name that it is given, by an atomic instruction, which a small network's step would feel.
    """
    return value


@instruction(borrow)
def _borrow(typing_context, value):
    is_tuple = isinstance(value, types.BaseNamedTuple)
    kinds = tuple(value) if is_tuple else (value,)  # pyright: ignore[reportArgumentType]
    for kind in kinds:
        if not _fits(kind) or not (is_tuple or isinstance(kind, types.Array)):
            raise TypingError(f"expected C-ordered arrays and numbers to borrow, got {kind}")
    result = Borrowed(value) if is_tuple else value

    def codegen(context, builder, signature, arguments):
        kind, given = signature.args[0], arguments[0]
        if isinstance(kind, types.Array):
            array = context.make_array(kind)(context, builder, given)
            array.meminfo = context.get_constant_null(types.voidptr)
            array.parent = context.get_constant_null(types.pyobject)
            return array._getvalue()
        fields = signature.return_type.fields
        parts = {}
        for n, (element, k) in enumerate(fields.values()):
            parts[k] = builder.extract_value(given, n)
            if isinstance(element, types.Array):
                array = context.make_array(element)(context, builder, parts[k])
                values = array.data, *cgutils.unpack_tuple(builder, array.shape)
                parts |= dict(enumerate(values, start=k))
        words = cgutils.alloca_once(builder, ir.IntType(64), size=len(parts))
        for k, part in parts.items():
            builder.store(part, _word(context, builder, words, k, part.type))
        return words

    return result(value), codegen
