"""Whether each variable of a function has one type, wherever it is written.

Then it can stay one variable.  Numba else makes one of each assignment, so that each may have a
type of its own, and looks after them in every pass that follows; LLVM does the same again.
"""

from typing import Any

from numba import types
from numba.core import ir
from numba.core.compiler_machinery import AnalysisPass, register_pass

from loopbp.jit.insides import TypingError


@register_pass(mutates_CFG=False, analysis_only=True)
class OneType(AnalysisPass):
    """Refuse a function in which a variable has two types: it takes another pipeline."""

    _name = "loopbp_one_type"

    def __init__(self) -> None:
        AnalysisPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        written: dict[str, list[Any]] = {}
        for block in state.func_ir.blocks.values():
            for statement in block.find_insts(ir.Assign):
                written.setdefault(statement.target.name, []).append(statement.value)
        for name, values in written.items():
            kind = types.unliteral(state.typemap[name])
            if len(values) > 1 and any(_type_of(value, state) != kind for value in values):
                raise TypingError(f"{name}: expected one type in each place, got several")
        return False


def _type_of(value: Any, state: Any) -> Any:
    """The type of what is written to a variable; None where that is not to be seen."""
    if isinstance(value, ir.Var):
        found = state.typemap[value.name]
    elif isinstance(value, ir.Arg):
        found = state.typemap[f"arg.{value.name}"]
    elif isinstance(value, ir.Const | ir.Global | ir.FreeVar):
        found = state.typingctx.resolve_value_type(value.value)
    elif isinstance(value, ir.Expr) and value.op == "getattr":
        found = state.typingctx.resolve_getattr(state.typemap[value.value.name], value.attr)
    elif isinstance(value, ir.Expr) and value.op == "cast":
        found = state.typemap[value.value.name]
    else:
        signature = state.calltypes.get(value) if isinstance(value, ir.Expr) else None
        found = getattr(signature, "return_type", None)
    return None if found is None else types.unliteral(found)
