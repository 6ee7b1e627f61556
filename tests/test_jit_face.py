"""What this package does with Numba stays in its rooms, and other people's code sees none of it."""

import ast
import operator
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import helpers
from cases.helpers import needs_jit
from numba import njit, types
from numba.core.errors import TypingError
from numba.core.registry import cpu_target
from numba.core.typing.templates import builtin_registry

import loopbp
import loopbp.jit
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
    seen: Any = cpu_target.typing_context
    registered = [kind for key, kind in builtin_registry.globals if key is which]
    templates = [t for kind in registered for t in kind.templates]
    assert registered
    assert ours(templates) == []
    assert ours(seen._lookup_global(which).templates) == []
    assert ours(seen._functions.get(which, ())) == []
    assert ours(operators.with_our_table(seen)._lookup_global(which).templates), "the search finds"


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
    engine.first_units_engine(flag)
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
    made = {
        "epoch__of_4",
        "steps__of_16",
        "work__by_team_softmax",
        "epoch__by_first_units_any_output",
    }
    assert made <= set(names)


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


# -- what Numba does not document ------------------------------------------------------------------

PACKAGE = Path(loopbp.__file__).parent
ROOMS = ("jit", "machine")
_INSIDES = {
    "_cache", "_compile_for_args", "_insert", "_reload_init", "get_call_template", "get_call_type",
    "overloads", "targetctx", "typingctx",
}  # fmt: skip


def private_imports(text: str) -> set[tuple[str, str]]:
    """Module and name of what a source imports of Numba that Numba does not document."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            pairs = [(name.name, name.name) for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            pairs = [(node.module, name.name) for name in node.names]
        else:
            continue
        found |= {
            (module, name) for module, name in pairs
            if module.partition(".")[0] in ("numba", "llvmlite")
            and module not in ("numba", "numba.extending", "llvmlite")
        }  # fmt: skip
        found |= {(m, n) for m, n in pairs if m == "numba" and n.startswith(("core", "np", "_"))}
        found |= {(m, n) for m, n in pairs if m == "llvmlite"}
    return found


def private_attributes(text: str) -> set[str]:
    """Numba's private attributes that a source uses."""
    nodes = ast.walk(ast.parse(text))
    return _INSIDES & {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def rooms_of_insides() -> dict[str, set[Any]]:
    """By file, what it uses of Numba that Numba does not document."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text("utf-8")
        used = private_imports(text) | private_attributes(text)
        if used:
            found[path.relative_to(PACKAGE).as_posix()] = used
    return found


def test_what_numba_does_not_document_stays_in_its_rooms():
    found = rooms_of_insides()
    assert "jit/by_symbol.py" in found, "the search finds"
    assert {name: used for name, used in found.items() if name.split("/")[0] not in ROOMS} == {}


@pytest.mark.parametrize(
    "line",
    [
        "from numba.core.errors import NumbaError", "import numba.np.arrayobj",
        "from numba import core", "from llvmlite import binding", "dispatcher.overloads[kinds]",
        "def f():\n    from numba.np.ufunc.parallel import threading_layer",
    ],
)  # fmt: skip
def test_what_numba_does_not_document_is_noticed(line):
    assert private_imports(line) | private_attributes(line)


@pytest.mark.parametrize(
    "line", ["from numba import njit, types", "from numba.extending import models", "x.signatures"]
)
def test_what_numba_documents_is_left_in_peace(line):
    assert not private_imports(line) | private_attributes(line)


def unlisted(uses: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Imports that the face of `loopbp.jit` does not list."""
    face = loopbp.jit.__doc__ or ""
    return {(module, name) for module, name in uses if not re.search(rf"\b{name}\b", face)}


def test_the_face_lists_every_private_name_that_is_imported():
    uses = {
        use for path in PACKAGE.rglob("*.py") for use in private_imports(path.read_text("utf-8"))
        if not use[0].startswith("llvmlite")
    }  # fmt: skip
    assert len(uses) > 20
    assert unlisted(uses) == set()
    assert unlisted({("numba.core.bytecode", "FunctionIdentity")})


def imports_by_name(text: str) -> list[str]:
    """Modules that a source imports by a name that stands in it."""
    calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call) and node.args)
    names = [
        ast.unparse(node.args[0]) for node in calls
        if ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__")
    ]  # fmt: skip
    return [name for name in names if "loopbp" in name]


def imports_upwards(text: str) -> set[str]:
    """What a source of `loopbp.jit` or `loopbp.machine` imports of the rest of the package."""
    found = set(imports_by_name(text))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{name.name}" for name in node.names}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    below = tuple(f"loopbp.{room}." for room in ROOMS)
    return {name for name in found if "loopbp" in name and not name.startswith(below)}


def test_compiling_and_machine_import_nothing_above_them():
    texts = [path.read_text("utf-8") for room in ROOMS for path in (PACKAGE / room).glob("*.py")]
    assert len(texts) > 30
    assert [imports_upwards(text) for text in texts] == [set()] * len(texts)


@pytest.mark.parametrize(
    "line",
    [
        'import_module("loopbp.engines").all_engines()', "from loopbp import loops",
        "def f():\n    import loopbp.engines",
    ],
)  # fmt: skip
def test_an_import_upwards_is_noticed(line):
    assert imports_upwards(line)


# -- calls whose meaning is remembered -------------------------------------------------------------


def _sum_of(x):
    total = 0.0
    for k in range(x.size):
        total += x[k] * x[k]
    return total


@needs_jit
def test_what_a_call_means_is_remembered_by_the_flags_that_choose_its_code():
    """The same source with other flags is other code, also where both meanings are known."""
    codes = []
    for fastmath in (set(), {"reassoc", "contract", "nsz"}, set()):
        compiled = njit(
            pipeline_class=by_symbol.OurCompiler, fastmath=fastmath, error_model="numpy"
        )(_sum_of)
        assert compiled(np.arange(4.0)) == 14.0
        codes.append("reassoc" in compiled.inspect_llvm(compiled.signatures[0]))
    assert codes == [False, True, False]


@needs_jit
def test_numbas_templates_are_tried_once_for_the_same_types(monkeypatch):
    tried = []
    before = types.Function.get_call_type

    def get_call_type(self, context, args, kws):
        tried.append((self.typing_key, args))
        return before(self, context, args, kws)

    monkeypatch.setattr(types.Function, "get_call_type", get_call_type)
    for _ in range(2):
        njit(pipeline_class=by_symbol.OurCompiler, error_model="numpy")(_sum_of)(np.arange(4.0))
    ours = [key for key, _ in tried if key is operator.mul]
    assert len(ours) <= 1, "or none, where another test has compiled a product"
    tried.clear()
    for _ in range(2):
        njit(_sum_of)(np.arange(4.0))
    assert [key for key, _ in tried].count(operator.mul) > 1, "the count counts"
