"""Which functions need count no references to arrays, because they never come to own one.

Numba counts a reference for each name that an array gets, and LLVM then proves most of them away
again, which is a tenth of a compilation.  A function that makes no array, and hands none back but
views (`loopbp.machine.views`), has only arrays that its caller keeps.
"""

from collections.abc import Iterable
from typing import Any

from numba import types
from numba.core import ir

# How a function hands on an array, or a tuple of some, that it has already.
_HANDS_ON = {"build_tuple", "cast", "exhaust_iter", "getattr", "phi", "static_getitem"}
# ... so that it is a view if they are.
_KEEPS_VIEWS = {"build_tuple", "cast", "phi"}


def owns_nothing(state: Any) -> bool:
    """Whether a function whose types are known makes no array and returns at most views."""
    models = state.targetctx.data_model_manager
    counted = {name for name, kind in state.typemap.items() if models[kind].contains_nrt_meminfo()}
    values: dict[str, list[Any]] = {}
    returned = set()
    for block in state.func_ir.blocks.values():
        for statement in block.body:
            if isinstance(statement, ir.Return):
                returned.add(statement.value.name)
            elif isinstance(statement, ir.Assign) and statement.target.name in counted:
                values.setdefault(statement.target.name, []).append(statement.value)
    made = [value for each in values.values() for value in each]
    if not all(_is_view(value, state) or _is_handed_on(value, state) for value in made):
        return False
    views = set(values)
    while True:  # what is made of no view is none
        others = {
            name
            for name in views
            if not all(_is_view(v, state) or _is_of(v, views, counted) for v in values[name])
        }
        if not others:
            return returned & counted <= views
        views -= others


def _is_handed_on(value: Any, state: Any) -> bool:
    if _is_call(value):
        return isinstance(state.typemap[value.func.name], types.NamedTupleClass)
    return isinstance(value, ir.Arg | ir.Var) or getattr(value, "op", "") in _HANDS_ON


def _is_of(value: Any, views: Iterable[str], counted: Iterable[str]) -> bool:
    """Whether a value is one of the views, or made of nothing else."""
    if isinstance(value, ir.Var):
        return value.name in views
    if _is_call(value) or getattr(value, "op", "") in _KEEPS_VIEWS:
        return all(v.name in views for v in value.list_vars() if v.name in counted)
    return False


def _is_call(value: Any) -> bool:
    return isinstance(value, ir.Expr) and value.op == "call"


def _is_view(value: Any, state: Any) -> bool:
    """Whether it is a view: of an instruction, or of a function that owns nothing."""
    if not _is_call(value):
        is_field = isinstance(value, ir.Expr) and value.op == "getattr"
        return is_field and hasattr(state.typemap[value.value.name], "fields_are_views")
    called = state.typemap[value.func.name]
    if isinstance(called, types.Dispatcher):
        overload = called.dispatcher.overloads.get(tuple(state.calltypes[value].args))
        return overload is not None and getattr(overload.library, "owns_nothing", False)
    key = getattr(called, "typing_key", None)
    return str(getattr(key, "__module__", "")).startswith("loopbp.")
