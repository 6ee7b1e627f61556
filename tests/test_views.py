"""Views and borrowed arguments: the same in compiled code as in plain Python."""

import pickle
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from cases.helpers import each_dtype, needs_jit
from numba import njit, typeof, types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from loopbp.jit import by_symbol
from loopbp.jit.decorators import inner_jit
from loopbp.machine import borrow, views

# -- views ----------------------------------------------------------------------------------------

# Operators on registers are known to this package's own compilations.
with_registers = njit(pipeline_class=by_symbol.OurCompiler)


def _fill_matrix(buffer):
    view = views.matrix(buffer, 3, 2, 5)
    for r in range(view.shape[0]):
        for c in range(view.shape[1]):
            view[r, c] = 100 * r + c
    return view.size, view.itemsize


def _fill_vector(buffer):
    view = views.vector(buffer, 4, 3)
    for k in range(view.shape[0]):
        view[k] = 10 + k
    return view.size, view.itemsize


def _fill_flat(buffer):
    view = views.flat(buffer.reshape((2, -1)))
    for k in range(view.shape[0]):
        view[k] = -k
    return view.size, view.itemsize


def _fill_rows(buffer):
    view = views.rows(buffer.reshape((-1, 4)), 1, 3)
    for r in range(view.shape[0]):
        for c in range(view.shape[1]):
            view[r, c] = 100 * r + c
    return view.size, view.itemsize


def _fill_rows_of_a_matrix(buffer):
    view = views.flat(views.rows(views.matrix(buffer, 1, 4, 3), 2, 4))
    for k in range(view.shape[0]):
        view[k] = 1 + k
    return view.size, view.itemsize


def _fill_nothing(buffer):
    view = views.rows(views.matrix(buffer, 2, 3, 4), 1, 1)
    return view.size + views.vector(buffer, 16, 0).size, view.itemsize


FILLED = {  # by NumPy's slices
    _fill_matrix: (slice(3, 13), [0, 1, 2, 3, 4, 100, 101, 102, 103, 104]),
    _fill_vector: (slice(4, 7), [10, 11, 12]),
    _fill_flat: (slice(0, 16), [-k for k in range(16)]),
    _fill_rows: (slice(4, 12), [0, 1, 2, 3, 100, 101, 102, 103]),
    _fill_rows_of_a_matrix: (slice(7, 13), [1, 2, 3, 4, 5, 6]),
    _fill_nothing: (slice(0, 0), []),
}
each_fill = pytest.mark.parametrize("fill", FILLED, ids=lambda fill: fill.__name__.strip("_"))


def view_writes_where_it_should(fill: Callable[..., Any], plain: Any, dtype: str) -> bool:
    """Whether exactly the numbers of the slice are written, into the buffer itself."""
    buffer = np.full(16, 7, dtype)
    expected = buffer.copy()
    where, numbers = FILLED[plain]
    expected[where] = numbers
    size, itemsize = fill(buffer)
    return bool((buffer == expected).all()) and (size, itemsize) == (
        len(numbers),
        buffer.itemsize,
    )


@each_dtype
@each_fill
def test_view_aliases_the_buffer_in_plain_python(fill, dtype):
    assert view_writes_where_it_should(fill, fill, dtype)


@needs_jit
@each_dtype
@each_fill
def test_view_aliases_the_buffer_in_compiled_code(fill, dtype):
    assert view_writes_where_it_should(njit(fill), fill, dtype)


def test_a_copy_or_another_start_is_rejected():
    def of_a_copy(buffer):
        return _fill_vector(buffer.copy())

    def one_further(buffer):
        return _fill_vector(buffer[1:])

    assert not view_writes_where_it_should(of_a_copy, _fill_vector, "float64")
    assert not view_writes_where_it_should(one_further, _fill_vector, "float64")


@needs_jit
def test_view_in_compiled_code_is_contiguous():
    @njit
    def strides(buffer):
        m = views.matrix(buffer, 0, 2, 3)
        return m.strides[0], m.strides[1], views.flat(m).strides[0], views.rows(m, 1, 2).strides[0]

    assert strides(np.zeros(6)) == (24, 8, 8, 24)


# -- borrowed arguments ---------------------------------------------------------------------------


class Pair(NamedTuple):
    left: Any
    right: Any
    factor: float


def _write_borrowed_array(array, factor):
    array = borrow.borrow(array)
    other = array
    for r in range(other.shape[0]):
        for c in range(other.shape[1]):
            other[r, c] = array[r, c] * factor + r
    return array.shape[0], array.shape[1], array.size, array[1, 2]


def _write_borrowed_pair(pair):
    pair = borrow.borrow(pair)
    left, right = pair.left, pair.right
    for r in range(left.shape[0]):
        for c in range(left.shape[1]):
            left[r, c] += pair.factor * right[c]
    for c in range(right.shape[0]):
        right[c] = -c
    return left.shape[0], left.shape[1], right.size, left[0, 1]


def borrowing_is_right(array_way: Callable[..., Any], pair_way: Callable[..., Any]) -> bool:
    """Contents and shape are read, writes arrive, and the counts of references stay."""
    array, left, right = np.arange(12.0).reshape(3, 4), np.ones((2, 3)), np.arange(3.0)
    pair = Pair(left, right, 0.5)
    held = (array, left, right, pair)
    before = [sys.getrefcount(value) for value in held]
    for _ in range(3):
        array[...], left[...] = np.arange(12.0).reshape(3, 4), 1.0
        right[...] = np.arange(3.0)
        if array_way(array, 2.0) != (3, 4, 12, 13.0) or pair_way(pair) != (2, 3, 3, 1.5):
            return False
    after = [sys.getrefcount(value) for value in held]
    return (
        bool((array == 2.0 * np.arange(12.0).reshape(3, 4) + np.arange(3.0)[:, None]).all())
        and bool((left == 1.0 + 0.5 * np.arange(3.0)).all())
        and bool((right == -np.arange(3.0)).all())
        and before == after
    )


def test_borrowed_in_plain_python():
    assert borrowing_is_right(_write_borrowed_array, _write_borrowed_pair)


@needs_jit
def test_borrowed_in_compiled_code():
    assert borrowing_is_right(njit(_write_borrowed_array), njit(_write_borrowed_pair))


@intrinsic
def _owner(typing_context, array):
    """The address of what counts the references of an array; 0 if nothing does."""

    def codegen(context, builder, signature, arguments):
        held = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.ptrtoint(held.meminfo, context.get_value_type(types.intp))

    return types.intp(array), codegen


@needs_jit
def test_what_is_borrowed_has_no_owner_to_count_for():
    owner: Any = _owner

    @njit
    def owners(array, pair):
        borrowed, parts = borrow.borrow(array), borrow.borrow(pair)
        return (owner(array), owner(pair.left)), (
            owner(borrowed), owner(parts.left), owner(parts.right),
        )  # fmt: skip

    of_arguments, of_borrowed = owners(np.ones((2, 2)), Pair(np.ones((2, 3)), np.ones(3), 0.5))
    assert 0 not in of_arguments
    assert of_borrowed == (0, 0, 0)


class Mixed(NamedTuple):
    cube: Any
    count: int
    is_set: bool
    single: Any
    row: Any


@inner_jit
def _read_mixed(mixed, i, j, k):
    """By symbol: what it gets is an address."""
    mixed.row[k] += 1.0
    shape = mixed.cube.shape[0], mixed.cube.shape[1], mixed.cube.shape[2]
    return mixed.cube[i, j, k], shape, mixed.cube.strides, mixed.count, mixed.is_set, mixed.single


@njit
def _hand_on(first, second, i, j, k):
    one, two = borrow.borrow(first), borrow.borrow(second)
    return _read_mixed(one, i, j, k), _read_mixed(two, i, j, k), one.row[k], two.row[k]


def mixed(seed: int) -> Mixed:
    rng = np.random.default_rng(seed)
    return Mixed(
        rng.random((2, 3, 4)), 7 * seed, seed % 2 == 0, np.float32(seed + 0.5), rng.random(4)
    )


@needs_jit
@pytest.mark.parametrize("index", [(0, 0, 0), (1, 2, 3), (1, 0, 2)])
def test_fields_of_any_type_are_found_behind_an_address(index):
    first, second = mixed(1), mixed(2)
    k = index[-1]
    found = [
        (t.cube[index], (2, 3, 4), t.cube.strides, t.count, t.is_set, t.single, t.row[k] + 1.0)
        for t in (first, second)
    ]
    one, two, row_one, row_two = _hand_on(first, second, *index)
    assert [(*one, row_one), (*two, row_two)] == found
    assert (first.row[k], second.row[k]) == (row_one, row_two), "it is the caller's array"


@needs_jit
def test_the_words_of_a_borrowed_tuple_do_not_overlap():
    kind = borrow.Borrowed(typeof(mixed(1)))
    places = {name: start for name, (_, start) in kind.fields.items()}
    assert places == {"cube": 0, "count": 4, "is_set": 5, "single": 6, "row": 7}


@needs_jit
def test_borrowed_types_are_told_apart_by_all_their_fields():
    narrow, wide = (
        borrow.Borrowed(typeof(Pair(np.ones((2, 3), dtype), np.ones(3, dtype), 0.5)))
        for dtype in ("float32", "float64")
    )
    assert narrow != wide
    assert narrow.name != wide.name, "of which the names of symbols are made"
    assert pickle.loads(pickle.dumps(wide)) == wide, "it goes into the cache"


@needs_jit
@pytest.mark.parametrize(
    "pair",
    [Pair(np.ones((2, 3)).T, np.ones(3), 0.5), Pair("left", 1, 0.5), Pair((1, 2), 1, 0.5),
     Pair(1j, 1, 0.5)],
)  # fmt: skip
def test_what_does_not_fit_into_words_is_not_borrowed(pair):
    with pytest.raises(TypingError, match="C-ordered arrays and numbers to borrow, got"):
        njit(lambda pair: borrow.borrow(pair).factor)(pair)
    assert pair.factor == njit(lambda pair: borrow.borrow(pair).factor)(Pair(1, 2, 0.5))


@needs_jit
@pytest.mark.parametrize("value", [0.5, (np.ones(3), 1), "text"])
def test_only_arrays_and_named_tuples_are_borrowed(value):
    with pytest.raises(TypingError, match="C-ordered arrays and numbers to borrow, got"):
        njit(lambda value: borrow.borrow(value) is None)(value)
    assert njit(lambda pair: borrow.borrow(pair).left)(Pair(1.5, 2.5, 0.5)) == 1.5, "all alike"


@needs_jit
def test_a_field_that_is_not_there_is_told_by_the_compiler():
    with pytest.raises(TypingError, match="no_field"):
        njit(lambda pair: borrow.borrow(pair).no_field)(Pair(1, 2, 0.5))


def test_a_borrowed_copy_or_a_kept_reference_is_rejected():
    kept = []

    def of_a_copy(array, factor):
        return _write_borrowed_array(array.copy(), factor)

    def keeping(pair):
        kept.append(pair.right)
        return _write_borrowed_pair(pair)

    assert not borrowing_is_right(of_a_copy, _write_borrowed_pair)
    assert not borrowing_is_right(_write_borrowed_array, keeping)
