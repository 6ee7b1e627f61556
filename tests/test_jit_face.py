"""What this package does with Numba stays in its rooms, and other people's code sees none of it."""

import operator

import numpy as np
import pytest
from cases import helpers
from cases.helpers import needs_jit
from numba import njit
from numba.core.errors import TypingError
from numba.core.registry import cpu_target
from numba.core.typing.templates import builtin_registry

from loopbp.jit import by_symbol, operators
from loopbp.machine import arithmetic
from loopbp.machine.registers import load, store

OPERATORS = (
    operator.add, operator.sub, operator.mul, operator.truediv, operator.and_, operator.or_,
    operator.lshift, operator.rshift, operator.lt, operator.le, operator.gt, operator.eq,
    operator.neg,
)  # fmt: skip


def twice(a, out):
    x = load(a, 0)
    store(out, 0, x + x)


def ours(templates):
    """Those templates whose meaning stands in this package."""
    definitions = [getattr(template, "_definition_func", None) for template in templates]
    return [d for d in definitions if d and d.__module__.startswith("loopbp")]


@needs_jit
def test_registers_are_added_in_our_compilations_alone():
    a, out = np.arange(16.0), np.zeros(16)
    njit(pipeline_class=by_symbol.OurCompiler)(twice)(a, out)
    assert out[1] == 2.0
    with pytest.raises(TypingError, match=r"add\(Lanes\(.*\), Lanes"):
        njit(twice)(a, out)


@needs_jit
@pytest.mark.parametrize("which", OPERATORS, ids=lambda f: f.__name__)
def test_numbas_own_tables_hold_no_operator_of_ours(which):
    njit(pipeline_class=by_symbol.OurCompiler)(twice)(np.arange(16.0), np.zeros(16))
    seen = cpu_target.typing_context
    registered = [kind for key, kind in builtin_registry.globals if key is which]
    templates = [t for kind in registered for t in kind.templates]
    assert registered
    assert ours(templates) == []
    assert ours(seen._lookup_global(which).templates) == []
    assert ours(seen._functions.get(which, ())) == []
    assert ours(operators.with_operators(seen)._lookup_global(which).templates), "the search finds"


@needs_jit
def test_what_is_registered_is_named_by_functions_of_ours():
    """The keys of the templates of ours in Numba's table are functions of this package."""
    keys = [t.key for t in builtin_registry.functions if ours([t])]
    assert arithmetic.fma in keys
    assert {key.__module__.partition(".")[0] for key in keys} == {"loopbp"}


# -- callees of a cached caller --------------------------------------------------------------------

_CALLEES = """
import pickle, sys
from numba import types
from loopbp.jit import by_symbol, specialise
{make}
callees = [
    by_symbol.LoadCallee.of(dispatcher.py_func, (types.int64,))
    for dispatcher in by_symbol.DISPATCHERS.values()
]
print(pickle.dumps({which}).hex())
"""
_MAKE_ALL = """
from loopbp import binding
from loopbp.tiled import engine
from loopbp.tiled.epochs import in_registers
for flag in (False, True):
    binding.loops_engine(flag)
    for other in (False, True):
        engine.tiled_engine(flag, other)
    engine.split_engine(flag)
for lanes in in_registers.LANES:
    in_registers.epoch_of(lanes)
"""
_FIND = """
import pickle
callees = pickle.loads(bytes.fromhex({callees!r}))
from loopbp.jit.by_symbol import DISPATCHERS
for callee in callees:
    assert callee.dispatcher().py_func.__qualname__ == callee.qualname
print(len(callees), sorted(name for _, name in DISPATCHERS))
"""


def found_again(make: str, which: str) -> tuple[int, list[str]]:
    """How many callees a new process finds by what a caller keeps, and what it has then made."""
    callees = helpers.run_python(_CALLEES.format(make=make, which=which)).strip()
    count, names = helpers.run_python(_FIND.format(callees=callees)).split(" ", 1)
    return int(count), eval(names)


@needs_jit
def test_a_new_process_makes_every_callee_of_a_cached_caller():
    count, names = found_again(_MAKE_ALL, "callees")
    assert count > 100
    assert {"epoch__of_4", "steps__of_16", "epoch__softmax", "work__any_output"} <= set(names)


@needs_jit
def test_a_new_process_makes_no_other():
    which = "[c for c in callees if c.qualname == 'steps__of_4']"
    count, names = found_again(_MAKE_ALL, which)
    made = [name for name in names if "__" in name]
    assert count == 1
    assert made == ["epoch__of_4", "steps__of_4"]


@needs_jit
def test_a_callee_without_its_maker_is_not_found():
    """What the two tests above would say if specialised functions did not know their makers."""
    forget = "specialise.maker_of = by_symbol.maker_of = lambda function: None"
    with pytest.raises(Exception, match="KeyError"):
        found_again(f"{_MAKE_ALL}\n{forget}", "callees")
