"""What this package does with Numba stays in its rooms, and is no concern of other people's code."""

import operator

import numpy as np
import pytest
from helpers import needs_jit
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
