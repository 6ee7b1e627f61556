"""Views that cost nothing: a part of a buffer as a matrix or a vector, inside compiled code.

Numba's slices and ``reshape`` count references and call a C function, 15 to 35 ns each: on a small
network more than the sums.  A view made here holds no reference.  So the buffer must outlive it,
as a function's argument does, and a kernel never returns one.
"""

from numba import types
from numba.np import arrayobj

from loopbp._jit import instruction


def _unowned(context, builder, array_type, source_type, source, start, shape):
    """An array struct of a C-ordered `shape` on a source's data from element `start`."""
    data = context.make_array(source_type)(context, builder, source).data
    itemsize = context.get_abi_sizeof(context.get_data_type(array_type.dtype))
    size = context.get_constant(types.intp, itemsize)
    strides = [size] if len(shape) == 1 else [builder.mul(shape[1], size), size]
    view = context.make_array(array_type)(context, builder)
    arrayobj.populate_array(
        view, data=builder.gep(data, [start]), shape=shape, strides=strides, itemsize=size,
        meminfo=None,
    )  # fmt: skip
    return view._getvalue()


def _array(dtype, dimensions):
    return types.Array(dtype, dimensions, "C")


def matrix(buffer, start, rows, columns):
    """buffer[start : start + rows * columns] as a C-ordered matrix; `buffer` is a vector."""
    return buffer[start : start + rows * columns].reshape((rows, columns))


@instruction(matrix)
def _matrix(typing_context, buffer, start, rows, columns):
    def codegen(context, builder, signature, arguments):
        source, begin, *shape = arguments
        kinds = signature.return_type, signature.args[0]
        return _unowned(context, builder, *kinds, source, begin, shape)

    sizes = (types.intp, types.intp, types.intp)
    return _array(buffer.dtype, 2)(buffer, *sizes), codegen


def vector(buffer, start, count):
    """buffer[start : start + count]; `buffer` is a vector."""
    return buffer[start : start + count]


@instruction(vector)
def _vector(typing_context, buffer, start, count):
    def codegen(context, builder, signature, arguments):
        source, begin, length = arguments
        kinds = signature.return_type, signature.args[0]
        return _unowned(context, builder, *kinds, source, begin, [length])

    return _array(buffer.dtype, 1)(buffer, types.intp, types.intp), codegen


def flat(array):
    """A C-ordered array as one vector."""
    return array.reshape(array.size)


@instruction(flat)
def _flat(typing_context, array):
    def codegen(context, builder, signature, arguments):
        (kind,) = signature.args
        struct = context.make_array(kind)(context, builder, arguments[0])
        zero = context.get_constant(types.intp, 0)
        return _unowned(
            context, builder, signature.return_type, kind, arguments[0], zero, [struct.nitems]
        )

    return _array(array.dtype, 1)(array), codegen


def rows(array, first, stop):
    """array[first:stop] of a C-ordered matrix."""
    return array[first:stop]


@instruction(rows)
def _rows(typing_context, array, first, stop):
    def codegen(context, builder, signature, arguments):
        source, begin, end = arguments
        kind = signature.args[0]
        struct = context.make_array(kind)(context, builder, source)
        columns = builder.extract_value(struct.shape, 1)
        return _unowned(
            context, builder, signature.return_type, kind, source, builder.mul(begin, columns),
            [builder.sub(end, begin), columns],
        )  # fmt: skip

    return _array(array.dtype, 2)(array, types.intp, types.intp), codegen


def _without_owner(context, builder, kind, value):
    """The same array, or named tuple of arrays, with nobody to count references for."""
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = context.get_constant_null(types.voidptr)
        array.parent = context.get_constant_null(types.pyobject)
        return array._getvalue()
    if isinstance(kind, types.BaseTuple):
        for k, element in enumerate(tuple(kind)):  # pyright: ignore[reportArgumentType]
            part = builder.extract_value(value, k)
            value = builder.insert_value(value, _without_owner(context, builder, element, part), k)
    return value


def borrow(value):
    """An argument of a function, array or named tuple, for use inside it and its callees.

    Numba counts the references of an array again for each name that it is given, by an atomic
    instruction: a fifth of a step of a small network.
    """
    return value


@instruction(borrow)
def _borrow(typing_context, value):
    def codegen(context, builder, signature, arguments):
        return _without_owner(context, builder, signature.args[0], arguments[0])

    return value(value), codegen
