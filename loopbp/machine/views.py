"""Views that cost nothing: a part of a buffer as a matrix or a vector, inside compiled code.

Numba's slices and ``reshape`` count references and call a C function: on a small network that takes
longer than the sums.  A view made here holds no reference.  So the buffer must outlive it,
as a function's argument does, and a kernel never returns one.
"""

from numba import types

from loopbp.jit.insides import arrayobj
from loopbp.jit.instruction import instruction


def view_of(context, builder, array_type, data, shape):
    """An array struct of a C-ordered `shape` on numbers that belong to somebody else."""
    itemsize = context.get_abi_sizeof(context.get_data_type(array_type.dtype))
    size = context.get_constant(types.intp, itemsize)
    strides = [size]
    for count in shape[:0:-1]:
        strides.insert(0, builder.mul(count, strides[0]))
    view = context.make_array(array_type)(context, builder)
    arrayobj.populate_array(
        view, data=data, shape=shape, strides=strides, itemsize=size, meminfo=None
    )
    return view._getvalue()


def unowned(context, builder, array_type, source_type, source, start, shape):
    """The same, on a source's data from element `start`."""
    data = context.make_array(source_type)(context, builder, source).data
    return view_of(context, builder, array_type, builder.gep(data, [start]), shape)


def array_of(of, dimensions):
    """The type of a view: read-only where the array is."""
    return types.Array(of.dtype, dimensions, "C", readonly=not of.mutable)


def matrix(buffer, start, rows, columns):
    """buffer[start : start + rows * columns] as a C-ordered matrix; `buffer` is a vector."""
    return buffer[start : start + rows * columns].reshape((rows, columns))


@instruction(matrix)
def _matrix(typing_context, buffer, start, rows, columns):
    def codegen(context, builder, signature, arguments):
        source, begin, *shape = arguments
        kinds = signature.return_type, signature.args[0]
        return unowned(context, builder, *kinds, source, begin, shape)

    sizes = (types.intp, types.intp, types.intp)
    return array_of(buffer, 2)(buffer, *sizes), codegen


def vector(buffer, start, count):
    """buffer[start : start + count]; `buffer` is a vector."""
    return buffer[start : start + count]


@instruction(vector)
def _vector(typing_context, buffer, start, count):
    def codegen(context, builder, signature, arguments):
        source, begin, length = arguments
        kinds = signature.return_type, signature.args[0]
        return unowned(context, builder, *kinds, source, begin, [length])

    return array_of(buffer, 1)(buffer, types.intp, types.intp), codegen


def flat(array):
    """A C-ordered array as one vector."""
    return array.reshape(array.size)


@instruction(flat)
def _flat(typing_context, array):
    def codegen(context, builder, signature, arguments):
        (kind,) = signature.args
        struct = context.make_array(kind)(context, builder, arguments[0])
        zero = context.get_constant(types.intp, 0)
        return unowned(
            context, builder, signature.return_type, kind, arguments[0], zero, [struct.nitems]
        )

    return array_of(array, 1)(array), codegen


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
        return unowned(
            context, builder, signature.return_type, kind, source, builder.mul(begin, columns),
            [builder.sub(end, begin), columns],
        )  # fmt: skip

    return array_of(array, 2)(array, types.intp, types.intp), codegen
