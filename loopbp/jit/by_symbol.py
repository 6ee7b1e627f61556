"""Compile once, call by symbol.

Numba links a copy of every callee into each caller and optimises it again at every level.  With
that, an epoch takes twice as long to compile, and, because which copy runs differs between a cold
and a warm cache and a sum may be vectorised otherwise in each, a seed's first run and its second
may differ in the last bits.  Here a caller sees a declaration only: the symbol's name is the same
in every process, and a caller loaded from the cache loads its callees first.
"""

from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import Any, ClassVar

from llvmlite import binding as llvm
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, _LowerResult
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import (
    BaseNativeLowering,
    InlineOverloads,
    NativeLowering,
    NativeParforLowering,
    NopythonRewrites,
)
from numba.core.untyped_passes import (
    DeadBranchPrune,
    FindLiterallyCalls,
    InlineClosureLikes,
    InlineInlinables,
    LiteralPropagationSubPipelinePass,
    LiteralUnroll,
    MakeFunctionToJitFunction,
    RewriteDynamicRaises,
    RewriteSemanticConstants,
    WithLifting,
)

from loopbp.jit.files import STAMP
from loopbp.jit.operators import with_our_table
from loopbp.jit.references import owns_nothing
from loopbp.jit.registry import DISPATCHERS
from loopbp.jit.specialise import Maker, maker_of
from loopbp.jit.target import make_ours


@dataclass(frozen=True)
class LoadCallee:
    """Run by Numba before it loads a cached caller: loads, or compiles, one callee."""

    module: str
    qualname: str
    signature: Any
    maker: Maker | None

    def __reduce__(self) -> Any:
        return _callee, (self.module, self.qualname, self.signature, self.maker, STAMP)

    @classmethod
    def of(cls, function: Any, signature: Any) -> "LoadCallee":
        return cls(function.__module__, function.__qualname__, tuple(signature), maker_of(function))

    def dispatcher(self) -> Any:
        """The function, made as it was for the caller where this process has not made it yet."""
        key = self.module, self.qualname
        if key not in DISPATCHERS and self.maker is not None:
            module, qualname, arguments = self.maker
            getattr(import_module(module), qualname)(*arguments)
        elif key not in DISPATCHERS:
            import_module(self.module)
        return DISPATCHERS[key]

    def __call__(self) -> None:
        self.dispatcher().compile(self.signature)


def _callee(
    module: str, qualname: str, signature: Any, maker: Maker | None, stamp: str
) -> LoadCallee:
    """A callee of a cached caller, which may be a user's own function that Numba keeps.

    Its symbols have the stamp in their names.  Numba takes an `OSError` for a file that is not
    there and compiles the caller anew.
    """
    if stamp != STAMP:
        raise OSError(f"{module}.{qualname} was compiled from other sources")
    return LoadCallee(module, qualname, signature, maker)


class _OurLibrary(JITCodeLibrary):
    """Numba's library of one compiled function."""

    owns_nothing = False

    def _optimize_functions(self, ll_module: Any) -> None:
        """Without declarations, on which Numba runs all passes, too."""
        ll_module.data_layout = self._codegen._data_layout
        defined = [f for f in ll_module.functions if not f.is_declaration]
        super()._optimize_functions(SimpleNamespace(functions=defined))


class SymbolLibrary(_OurLibrary):
    """A library of which callers and cache see names only."""

    def _optimize_functions(self, ll_module: Any) -> None:
        """Where no references are counted, left to the passes of the module: they do it again."""
        if self.owns_nothing:
            ll_module.data_layout = self._codegen._data_layout
        else:
            super()._optimize_functions(ll_module)

    def _optimize_final_module(self) -> None:
        """Numba first has passes that bring counts of references together, then all of them."""
        if self.owns_nothing:
            manager, builder = self._codegen._module_pass_manager()
            manager.run(self._final_module, builder)
        else:
            super()._optimize_final_module()

    def _get_module_for_linking(self) -> Any:
        return llvm.parse_assembly("")

    def serialize_using_object_code(self) -> Any:
        self._ensure_finalized()
        module = self._final_module
        functions = [f.name for f in module.functions if not f.is_declaration]
        variables = [v.name for v in module.global_variables if not v.is_declaration]
        # Read back by Numba for the names alone.
        text = "\n".join(
            [f'define void @"{name}"() {{ ret void }}' for name in functions]
            + [f'@"{name}" = global i8 0' for name in variables]
        )
        return (
            self.name,
            "object",
            (self._get_compiled_object(), llvm.parse_assembly(text).as_bitcode()),
        )


def _library(state: Any, kind: type) -> Any:
    """The library of a function; references are counted for it where it needs that."""
    context, flags = state.targetctx, state.flags
    library = context.codegen().create_library(state.func_id.func_qualname)
    library.__class__ = kind
    library.owns_nothing = (
        flags.no_cpython_wrapper and not flags.auto_parallel.enabled and owns_nothing(state)
    )
    if library.owns_nothing:
        context.enable_nrt = False
        vars(context).pop("nrt", None)  # made anew
    return library


class _BySymbol(BaseNativeLowering):
    """Numba's lowering, but callers get a declaration of the function and not its body."""

    _name = None

    def run_pass(self, state: Any) -> bool:
        identity = state.func_id
        identity.unique_id = STAMP
        identity.unique_name = f"{identity.func_qualname}${STAMP}"
        library = state.library = _library(state, SymbolLibrary)
        library.enable_object_caching()
        done = super().run_pass(state)
        library._reload_init.add(LoadCallee.of(identity.func, state.args))
        return done


@register_pass(mutates_CFG=True, analysis_only=False)
class _SerialBySymbol(_BySymbol, NativeLowering):
    _name = "loopbp_serial_lowering"


@register_pass(mutates_CFG=True, analysis_only=False)
class _ParallelBySymbol(_BySymbol, NativeParforLowering):
    _name = "loopbp_parallel_lowering"


class _InlineLibrary(_OurLibrary):
    """Numba's library of a function that only ever stands inside others: no machine code."""

    def _optimize_final_module(self) -> None:
        """Left to the callers, where it is done again anyway."""

    def _finalize_final_module(self) -> None:
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _Inline(NativeLowering):
    """Numba's lowering up to LLVM code, for machine code of it would never run."""

    _name = "loopbp_inline_lowering"

    def run_pass(self, state: Any) -> bool:
        context = state.targetctx
        state.library = _library(state, _InlineLibrary)
        state.flags.no_compile = True
        done = super().run_pass(state)
        result, key = state["cr"], object()  # Numba finds the function by what would be its code
        context.insert_user_function(key, result.fndesc, [state.library])
        state.reload_init.extend(state.library._reload_init)
        state["cr"] = _LowerResult(result.fndesc, result.call_helper, cfunc=key, env=result.env)
        return done


# Passes of Numba's for what no kernel without `prange` has: closures, `with`, tests for None,
# loops over tuples, arithmetic of whole arrays, inlining by Numba itself.  After each of them it
# finds out again which variables live where.
_OF_OTHER_CODE = {
    DeadBranchPrune, FindLiterallyCalls, InlineClosureLikes, InlineInlinables, InlineOverloads,
    LiteralPropagationSubPipelinePass, LiteralUnroll, MakeFunctionToJitFunction, NopythonRewrites,
    RewriteDynamicRaises, RewriteSemanticConstants, WithLifting,
}  # fmt: skip


class OurCompiler(CompilerBase):
    """Numba's pipeline with other passes for some of its own."""

    ours: ClassVar[dict[type, type]] = {}

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        state = self.state  # its target context is a copy for this compilation
        state.typingctx = state.targetctx.typing_context = with_our_table(state.typingctx)
        make_ours(state.targetctx)

    def define_pipelines(self) -> list[Any]:
        manager = DefaultPassBuilder.define_nopython_pipeline(self.state)
        left_out = set() if self.state.flags.auto_parallel.enabled else _OF_OTHER_CODE
        manager.passes[:] = [
            (self.ours.get(which, which), why)
            for which, why in manager.passes
            if which not in left_out
        ]
        manager._finalized = False
        manager.finalize()
        return [manager]


class SymbolCompiler(OurCompiler):
    ours: ClassVar[dict[type, type]] = {
        NativeLowering: _SerialBySymbol,
        NativeParforLowering: _ParallelBySymbol,
    }


class InlineCompiler(OurCompiler):
    ours: ClassVar[dict[type, type]] = {NativeLowering: _Inline}
