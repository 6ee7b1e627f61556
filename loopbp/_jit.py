"""The only place with Numba flags and their environment switches.

Every compiled function of the package is decorated with one of the names below, so a reader, a
search and a test see one line per flag:

``jit``
    one compiled function, serial, cached on disk, called and not inlined by others;
``sum_jit``
    the same for the sums of the derivation, which may be reordered into vector registers;
``parallel_jit``
    the same as ``sum_jit``, its ``prange`` loops shared out among threads;
``threads_jit``
    the same as ``jit`` for what starts threads by what it calls;
``inner_jit``
    the same as ``jit`` for what compiled code calls: a call from Python compiles a way in first;
``inner_parallel_jit``
    ``parallel_jit`` for what compiled code calls;
``inline_jit``
    a helper that disappears into its caller; not cached, for it never runs alone.

`loopbp.cache` keeps compiled code; ``LOOPBP_CACHE=0`` switches that off.  All of Numba's switches
(``NUMBA_DISABLE_JIT``, ``NUMBA_BOUNDSCHECK``, ``NUMBA_CACHE_DIR``, ...) work as documented.
"""

import contextlib
import ctypes
import gc
import hashlib
import inspect
import os
import pickle
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any, ClassVar, TypeVar

from llvmlite import binding as llvm
from llvmlite import ir
from numba import cfunc, njit, typeof
from numba import config as numba_config
from numba.core import serialize, types
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, _LowerResult
from numba.core.compiler_machinery import register_pass
from numba.core.registry import CPUDispatcher
from numba.core.typed_passes import (
    BaseNativeLowering,
    InlineOverloads,
    NativeLowering,
    NativeParforLowering,
    NopythonRewrites,
)
from numba.core.typing.templates import infer, infer_global, make_intrinsic_template
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

from loopbp import cache
from loopbp.instruction_types import side_by_side


class _Flags(set[str]):
    """A set that prints sorted: its text goes into the names of symbols."""

    def __repr__(self) -> str:
        return repr(sorted(self))


# Never True: its nnan and ninf make a NaN loss undefined.  These four let sums be reordered into
# vector registers and multiply-adds be fused; NaN and infinity keep their meaning.
FASTMATH = _Flags({"reassoc", "contract", "nsz", "arcp"})
# What is no sum gains nothing from them, and LLVM may reorder or fuse it otherwise each time that
# it is linked into a caller (seen: Adam differed in the last bit between cold and warm cache).
EXACT = _Flags()
# numpy: x / 0 is inf, as in the reference, and leaves no branch in the loop.
# No function is handed over as a value, so none needs a C entry point: 1 s of the first fit.
_FLAGS: dict[str, Any] = {"error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}

config: Any = numba_config  # its attributes are made at run time

MASK64 = 0xFFFFFFFFFFFFFFFF

F = TypeVar("F", bound=Callable[..., Any])


_STAMP = cache.stamp()  # of the code that is imported now, and not of later edits


class _Results(CompileResultCacheImpl):
    """Numba's way to take compiled functions apart, without its own search for a folder."""

    def __init__(self, function: Any) -> None:
        self._lineno = function.__code__.co_firstlineno
        self._locator = SimpleNamespace(_py_file=function.__code__.co_filename)


class _PackageCache(FunctionCache):
    """Numba's function cache in the files of `loopbp.cache`."""

    def __init__(self, function: Any) -> None:
        self._name, self._py_func = f"{function.__module__}.{function.__qualname__}", function
        self._impl = _Results(function)
        # The stamp knows only the package.
        files = {*getattr(function, "foreign_files", ()), *_foreign_files([function])}
        self._sources = [_digest_of(file) for file in sorted(files)]
        self.enable()

    @property
    def cache_path(self) -> str:
        """The folder of all functions."""
        return str(cache.root() / _STAMP)

    def path(self, signature: Any, codegen: Any) -> Path:
        """The file of a signature."""
        key = repr((self._sources, self._index_key(signature, codegen)))
        return cache.file_of(self._name, key)

    def flush(self) -> None:
        """Forget this function; Numba calls it for `recompile`."""
        start = cache.file_of(self._name, "").name.rsplit(".", 2)[0]
        for path in Path(self.cache_path).glob(f"{start}.*.nbc"):
            path.unlink(missing_ok=True)

    def _save_overload(self, sig: Any, data: Any) -> None:
        if self._enabled and self._impl.check_cachable(data):
            reduced = serialize.dumps(self._impl.reduce(data))
            cache.write(self.path(sig, data.codegen), reduced)

    def _load_overload(self, sig: Any, target_context: Any) -> Any:
        if not self._enabled:
            return None
        path = self.path(sig, target_context.codegen())
        reduced = cache.read(path)
        if reduced is None:
            return None
        overload = self._impl.rebuild(target_context, pickle.loads(reduced))
        library = overload.library
        library.__class__ = _SymbolLibrary
        # Numba restores these of the overload but not of its library.
        library._reload_init.update(overload.reload_init)
        library._reload_init.add(_LoadCallee.of(self._py_func, sig))
        return overload


def _foreign_files(values: Iterable[Any]) -> set[str]:
    """Files outside the package in which those of the values are that are functions."""
    functions = [function for function in map(plain, values) if isinstance(function, FunctionType)]
    return {f.__code__.co_filename for f in functions if not f.__module__.startswith("loopbp.")}


@lru_cache
def _digest_of(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def will_compile(function: Any, *arguments: Any) -> bool:
    """Whether a call compiles: its code is neither in this process nor kept on disk.

    False where no cache tells.
    """
    cached = getattr(function, "_cache", None)
    if not isinstance(cached, _PackageCache):
        return False
    signature = tuple(map(typeof, arguments))
    if signature in function.overloads:
        return False
    path = cached.path(signature, function.targetctx.codegen())
    return not (path.exists() or cache.trouble(path.parent))


# Compile once, call by symbol.  Numba links a copy of every callee into each caller and optimises
# it again at every level.  With that, an epoch took 10 s to compile, a user's own function around
# it 5 s, and, because which copy runs differs between a cold and a warm cache and a sum may be
# vectorised otherwise in each, a seed's first run and its second differed in the last bits.  Here
# a caller sees a declaration only: the symbol's name is the same in every process, and a caller
# loaded from the cache loads its callees first.

_DISPATCHERS: dict[tuple[str, str], Any] = {}


@dataclass(frozen=True)
class _LoadCallee:
    """Run by Numba before it loads a cached caller: loads, or compiles, one callee."""

    module: str
    qualname: str
    signature: Any

    def __reduce__(self) -> Any:
        return _callee, (self.module, self.qualname, self.signature, _STAMP)

    @classmethod
    def of(cls, function: Any, signature: Any) -> "_LoadCallee":
        return cls(function.__module__, function.__qualname__, tuple(signature))

    def __call__(self) -> None:
        if (self.module, self.qualname) not in _DISPATCHERS:
            import_module(self.module)
        if (self.module, self.qualname) not in _DISPATCHERS:
            import_module("loopbp.engines").all_engines()
        _DISPATCHERS[self.module, self.qualname].compile(self.signature)


def _callee(module: str, qualname: str, signature: Any, stamp: str) -> _LoadCallee:
    """A callee of a cached caller, which may be a user's own function that Numba keeps.

    Its symbols have the stamp in their names.  Numba takes an `OSError` for a file that is not
    there and compiles the caller anew.
    """
    if stamp != _STAMP:
        raise OSError(f"{module}.{qualname} was compiled from other sources")
    return _LoadCallee(module, qualname, signature)


class _SymbolLibrary(JITCodeLibrary):
    """Numba's library of one compiled function, of which callers and cache see names only."""

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


class _BySymbol(BaseNativeLowering):
    """Numba's lowering, but callers get a declaration of the function and not its body."""

    _name = None

    def run_pass(self, state: Any) -> bool:
        identity = state.func_id
        identity.unique_id = _STAMP
        identity.unique_name = f"{identity.func_qualname}${_STAMP}"
        done = super().run_pass(state)
        library = state.library
        library.__class__ = _SymbolLibrary
        library._reload_init.add(_LoadCallee.of(identity.func, state.args))
        return done


@register_pass(mutates_CFG=True, analysis_only=False)
class _SerialBySymbol(_BySymbol, NativeLowering):
    _name = "loopbp_serial_lowering"


@register_pass(mutates_CFG=True, analysis_only=False)
class _ParallelBySymbol(_BySymbol, NativeParforLowering):
    _name = "loopbp_parallel_lowering"


class _InlineLibrary(JITCodeLibrary):
    """Numba's library of a function that only ever stands inside others: no machine code."""

    def _optimize_final_module(self) -> None:
        """Left to the callers, where it is done again anyway."""

    def _finalize_final_module(self) -> None:
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _Inline(NativeLowering):
    """Numba's lowering up to LLVM code: 5 s of the first fit went into machine code never run."""

    _name = "loopbp_inline_lowering"

    def run_pass(self, state: Any) -> bool:
        context = state.targetctx
        state.library = context.codegen().create_library(state.func_id.func_qualname)
        state.library.__class__ = _InlineLibrary
        state.flags.no_compile = True
        done = super().run_pass(state)
        result, key = state["cr"], object()  # Numba finds the function by what would be its code
        context.insert_user_function(key, result.fndesc, [state.library])
        state.reload_init.extend(state.library._reload_init)
        state["cr"] = _LowerResult(result.fndesc, result.call_helper, cfunc=key, env=result.env)
        return done


# Passes of Numba's for what no kernel without `prange` has: closures, `with`, tests for None,
# loops over tuples, arithmetic of whole arrays, inlining by Numba itself.  After each of them it
# finds out again which variables live where: 1.4 s of 16 of the first fit.
_OF_OTHER_CODE = {
    DeadBranchPrune, FindLiterallyCalls, InlineClosureLikes, InlineInlinables, InlineOverloads,
    LiteralPropagationSubPipelinePass, LiteralUnroll, MakeFunctionToJitFunction, NopythonRewrites,
    RewriteDynamicRaises, RewriteSemanticConstants, WithLifting,
}  # fmt: skip


class _OurCompiler(CompilerBase):
    """Numba's pipeline with other passes for some of its own."""

    ours: ClassVar[dict[type, type]]

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


class _SymbolCompiler(_OurCompiler):
    ours: ClassVar[dict[type, type]] = {
        NativeLowering: _SerialBySymbol,
        NativeParforLowering: _ParallelBySymbol,
    }


class _InlineCompiler(_OurCompiler):
    ours: ClassVar[dict[type, type]] = {NativeLowering: _Inline}


def _without_literals(get_call_template: Callable[..., Any]) -> Callable[..., Any]:
    """So that f(a, 0) and f(a, i) in compiled code call, and compile, the same signature."""

    def plain_types(args: Any, kws: Any) -> Any:
        named = {name: types.unliteral(kind) for name, kind in kws.items()}
        return get_call_template(tuple(types.unliteral(kind) for kind in args), named)

    return plain_types


def _enter_when_called(dispatcher: Any) -> None:
    """Compile the way in from Python, as another function, when Python calls for the first time.

    For a tuple of twenty arrays it costs as much as the body, and compiled callers do not need it.
    """

    def add_overload(result: Any) -> None:
        dispatcher.overloads[tuple(result.signature.args)] = result

    @lru_cache
    def way_in() -> Any:
        def call(*args):
            return dispatcher(*args)

        return njit(call)

    def entry(*args: Any, **kwargs: Any) -> Any:
        given = inspect.signature(dispatcher.py_func).bind(*args, **kwargs)
        return way_in()(*given.args)

    def compile_for_args(*args: Any, **kwargs: Any) -> Any:
        return entry  # Numba calls what it gets

    dispatcher.add_overload, dispatcher._compile_for_args = add_overload, compile_for_args


# Python keeps frames in chunks of 16 KB and returns a chunk when its first
# frame ends, so that a loop at the end of one maps and unmaps memory at every call: 470,000 times
# in a first fit, 5 s of 24.  A frame that wants a stack of FRAME_ROOM values gets a chunk in which
# all the others have room.  The garbage collector took 1.5 s.
_FRAME_ROOM = 1 << 17
_COLLECT_AFTER = (50_000, 20, 100)


class _Room:
    """Around a compilation: room for frames, and a garbage collector that comes seldom."""

    def __init__(self) -> None:
        self._lock, self._here = threading.Lock(), threading.local()
        self._inside, self._thresholds = 0, gc.get_threshold()

    def run(self, compile_signature: Callable[[Any], Any], signature: Any) -> Any:
        """What it compiles calls others, and so comes here again, in the same room."""
        if getattr(self._here, "inside", False):
            return compile_signature(signature)
        self._here.inside = True
        self._enter()
        try:
            return _in_large_frame(compile_signature, signature)
        finally:
            self._leave()
            self._here.inside = False

    def _enter(self) -> None:
        with self._lock:  # threads may compile at once: the first sets, the last sets back
            if self._inside == 0:
                self._thresholds = gc.get_threshold()
                if 0 < self._thresholds[0] < _COLLECT_AFTER[0]:
                    gc.set_threshold(*_COLLECT_AFTER)
            self._inside += 1

    def _leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                gc.set_threshold(*self._thresholds)


def _in_large_frame(function: Callable[[Any], Any], argument: Any) -> Any:
    return function(argument)


_in_large_frame.__code__ = _in_large_frame.__code__.replace(co_stacksize=_FRAME_ROOM)
_ROOM = _Room()


# Numba's workqueue ends the process when a second thread of Python starts a parallel loop.
_TURN = threading.RLock()


class _OneAtATime(CPUDispatcher):
    """A function that starts threads: where the layer is workqueue, callers from Python queue."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if threading_layer() != "workqueue":
            return super().__call__(*args, **kwargs)
        with _TURN:
            return super().__call__(*args, **kwargs)


def _turn_in_child() -> None:
    """A thread that had its turn when the process was copied is not in the copy."""
    global _TURN  # noqa: PLW0603
    _TURN = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_turn_in_child)


def _compile(
    function: F,
    fastmath: set[str],
    *,
    parallel: bool = False,
    inline: bool = False,
    inner: bool = False,
    threads: bool = False,
) -> F:
    more: dict[str, Any] = {
        "pipeline_class": _InlineCompiler if inline else _SymbolCompiler,
        "no_cpython_wrapper": inner,
    }
    dispatcher: Any = njit(
        parallel=parallel, fastmath=fastmath, forceinline=inline, **_FLAGS, **more
    )(function)
    if not inline:
        _DISPATCHERS[function.__module__, function.__qualname__] = dispatcher
    if config.DISABLE_JIT:
        return dispatcher
    if parallel or threads:
        dispatcher.__class__ = _OneAtATime
    dispatcher.get_call_template = _without_literals(dispatcher.get_call_template)
    dispatcher.compile = partial(_ROOM.run, dispatcher.compile)
    if inner:
        _enter_when_called(dispatcher)
    if os.environ.get("LOOPBP_CACHE", "1") != "0" and not inline:
        # Of code that was typed, and lies in no file, nothing tells whether it is the same.
        with contextlib.suppress(OSError):
            dispatcher._cache = _PackageCache(function)
    return dispatcher


def jit(function: F) -> F:
    """Compile a serial function at its first call and keep it on disk."""
    return _compile(function, EXACT)


def sum_jit(function: F) -> F:
    """`jit` for a function whose sums may be reordered."""
    return _compile(function, FASTMATH)


def parallel_jit(function: F) -> F:
    """`sum_jit` with ``prange`` loops on all threads."""
    return _compile(function, FASTMATH, parallel=True)


def threads_jit(function: F) -> F:
    """`jit` for what starts threads by what it calls."""
    return _compile(function, EXACT, threads=True)


def inner_jit(function: F) -> F:
    """`jit` for what compiled code calls: nothing is compiled for a call from Python."""
    return _compile(function, EXACT, inner=True)


def inner_parallel_jit(function: F) -> F:
    """`parallel_jit` for what compiled code calls."""
    return _compile(function, FASTMATH, parallel=True, inner=True)


def inline_jit(function: F) -> F:
    """Compile a small helper into whatever calls it."""
    return _compile(function, EXACT, inline=True, inner=True)


def plain(function: F) -> F:
    """The Python function behind a compiled one; itself where the compiler is off."""
    return getattr(function, "py_func", function)


def specialise(
    functions: Iterable[Callable[..., Any]],
    name: str,
    bindings: dict[str, Any],
    decorator: Callable[[Any], Any],
) -> SimpleNamespace:
    """Compile the same source once more with other functions behind the names that it calls.

    Parameters
    ----------
    functions
        In the order of their calls: each sees those before it, already specialised.
    name
        Goes into the qualified name, and so into the name of the cache file.
    bindings
        What the globals of the source are replaced by, for example an engine's kernels.
    decorator
        ``jit``, ``parallel_jit`` or ``plain``.

    Returns
    -------
    SimpleNamespace
        The specialised functions by name.

    Notes
    -----
    Functions handed over as arguments, or held in closures, would never be found in Numba's
    cache and would compile in every process; globals are found.
    """
    namespace: dict[str, Any] = {}
    for function in functions:
        source = plain(function)
        scope = {**source.__globals__, **bindings, **namespace}
        twin = FunctionType(
            source.__code__, scope, source.__name__, source.__defaults__, source.__closure__
        )
        twin.__qualname__ = f"{source.__qualname__}__{name}"
        twin.__doc__ = source.__doc__
        twin.__module__ = source.__module__
        vars(twin)["foreign_files"] = _foreign_files(bindings.values())
        namespace[source.__name__] = decorator(twin)
    return SimpleNamespace(**namespace)


def instruction(twin: Callable[..., Any]) -> Callable[[F], F]:
    """Decorate the typing and the LLVM code that a call of `twin` is in compiled functions.

    As Numba's ``intrinsic`` behind an ``overload``, but nothing is compiled for the call itself:
    the wrappers took a fifth of the first fit.  Uncompiled, `twin` runs as it stands.  What Numba
    knows already, as ``operator.add``, keeps its other meanings.
    """

    def register(definition: F) -> F:
        template = make_intrinsic_template(twin, side_by_side(twin, definition), twin.__name__)
        infer(template)
        infer_global(twin, types.Function(template))
        return definition

    return register


def as_u64(value: Any) -> int:
    """An integer modulo 2**64: ``uint64`` in compiled code, a Python integer without it."""
    return int(value) & MASK64


@instruction(as_u64)
def _as_u64(typing_context, value):
    def codegen(context, builder, signature, arguments):
        return context.cast(builder, arguments[0], signature.args[0], types.uint64)

    return types.uint64(value), codegen


_SCALAR_FUNCTION = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)


def call_address(address: int, z: float) -> float:
    """Call the C function ``double f(double)`` at an address.

    So a user's own activation reaches every kernel as a number: nothing is compiled again.
    """
    return _SCALAR_FUNCTION(int(address))(float(z))


@instruction(call_address)
def _call_address(typing_context, address, z):
    def codegen(context, builder, signature, arguments):
        double = context.get_value_type(types.float64)
        function_type = ir.FunctionType(double, [double])
        pointer = builder.inttoptr(arguments[0], function_type.as_pointer())
        return builder.call(pointer, [arguments[1]])

    return types.float64(types.int64, types.float64), codegen


def c_function(function: Callable[[float], float]) -> Any:
    """A scalar function (``@njit`` or plain Python) as a C function.

    Returns
    -------
    object
        Holds the machine code; it must be kept alive as long as its address is in use.
    """
    if config.DISABLE_JIT:
        return _SCALAR_FUNCTION(plain(function))
    # By Numba's whole pipeline: a user's function may have what `_OF_OTHER_CODE` is for.
    compiled = function if hasattr(function, "py_func") else njit(function, error_model="numpy")
    return cfunc("float64(float64)")(lambda z: compiled(z))  # noqa: PLW0108


def c_address(function: Any) -> int:
    """The address of what `c_function` returned."""
    if hasattr(function, "address"):
        return int(function.address)
    return ctypes.cast(function, ctypes.c_void_p).value or 0


@lru_cache
def threading_layer() -> str:
    """The threading layer that parallel functions will run on: tbb, omp or workqueue.

    Numba names it only after the first parallel run; this is the same search, without a run.
    """
    wanted = str(config.THREADING_LAYER)
    priority = list(config.THREADING_LAYER_PRIORITY)
    layers = [wanted] if wanted in priority else priority
    if wanted in ("safe", "threadsafe", "forksafe"):
        allowed = {"safe": ["tbb"], "threadsafe": ["tbb", "omp"], "forksafe": ["tbb", "workqueue"]}
        layers = [layer for layer in priority if layer in allowed[wanted]]
    modules = {"tbb": "tbbpool", "omp": "omppool", "workqueue": "workqueue"}
    for layer in layers:
        try:
            import_module(f"numba.np.ufunc.{modules[layer]}")
        except ImportError:
            continue
        return layer
    return "workqueue"
