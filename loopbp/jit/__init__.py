"""Compiling: all that decides how Numba compiles a function of this package, keeps it and finds it.

Read `decorators` first, then `specialise` and `mode`; the rest explains how they do it.

=====================  ===========================================================================
`decorators`           ``jit``, ``sum_jit``, ``parallel_jit``, ...: the decorators
`specialise`           the same source with other functions behind the names that it calls
`instruction`          LLVM code behind a call in compiled functions, with a twin in Python
`mode`                 whether what Numba does not document is used, or the plain mode
`checked_calls`        compiled functions that look at their arguments
`c_function`           users' scalar functions as C functions
`scalar_functions`     ... and whether they are such functions
`settings`             flags and switches, threading layer
`registry`             the compiled functions by name
`sources`              the Python function behind a compiled one
`files`                the folder of compiled code, and the stamp of the sources in it
`dispatchers`          Numba's object of a compiled function as the decorators want it
`cache`                Numba's cache of one function, in the files of `files`
`by_symbol`            callers that call by symbol, and helpers that are only ever inlined
`operators`            Numba's table of functions as our own compilations see it
`references`           functions that need count no references to arrays
`target`               Numba's target context as our own compilations see it
`compile_room`         frames and garbage collection while Numba compiles
`turns`                callers that queue where the threading layer needs it
`instruction_code`     how Numba learns of an instruction
`instruction_types`    ... and the types that it takes
`insides`              the modules of Numba that machine code is written with
`self_test`            whether all this works here
`plain_mode`           the decorators on what Numba documents alone
=====================  ===========================================================================

What is used of Numba that it does not document stands in this package and in `loopbp.machine`, and
no other module.  It was seen to work in Numba 0.63 to 0.68, and `mode` lets no other version run
with it; 0.61 and 0.62 were seen to fail.

=========================================  =======================================================
private name                               what for
=========================================  =======================================================
``numba.core.caching``                     `cache`: ``FunctionCache``, ``CompileResultCacheImpl``;
                                           of them ``_impl _name _py_func _lineno _locator
                                           _index_key _save_overload _load_overload``
``numba.core.serialize``                   `cache`, `self_test`: ``dumps``
``numba.core.codegen``                     `by_symbol`: ``JITCodeLibrary``; its
                                           ``_get_module_for_linking _ensure_finalized
                                           _final_module _get_compiled_object _reload_init
                                           _optimize_final_module _finalize_final_module``
a library's ``_optimize_functions          `by_symbol`
_codegen._data_layout``
``numba.core.ir``, a compilation's         `references`
``typemap calltypes func_ir``, a data
model's ``contains_nrt_meminfo``
a target context's ``enable_nrt nrt        `by_symbol`, `target`
get_abi_sizeof get_function``
``numba.core.compiler``                    `by_symbol`: ``CompilerBase``, ``DefaultPassBuilder``,
                                           ``_LowerResult``
``numba.core.compiler_machinery``          `by_symbol`: ``register_pass``; a pass manager's
                                           ``passes _finalized finalize``
``numba.core.typed_passes``                `by_symbol`: lowerings put in place of
                                           ``BaseNativeLowering``, ``NativeLowering``,
                                           ``NativeParforLowering``; left out: ``InlineOverloads``,
                                           ``NopythonRewrites``
``numba.core.untyped_passes``              `by_symbol`: left out: ``DeadBranchPrune``,
                                           ``FindLiterallyCalls``, ``InlineClosureLikes``,
                                           ``InlineInlinables``, ``LiteralUnroll``,
                                           ``LiteralPropagationSubPipelinePass``,
                                           ``MakeFunctionToJitFunction``, ``WithLifting``,
                                           ``RewriteDynamicRaises``, ``RewriteSemanticConstants``
``numba.core.typing.templates``            `instruction_code`: ``infer``, ``infer_global``,
                                           ``infer_getattr``, ``AttributeTemplate``,
                                           ``make_intrinsic_template``, its ``_impl_cache``
``numba.core.targetconfig``                `operators`: ``ConfigStack``, the flags of a compilation
a typing context's ``_lookup_global``,     `operators`
a function type's ``_impl_keys``
``numba.core.registry``                    `turns`: ``CPUDispatcher``
a dispatcher's ``_cache _insert            `dispatchers`, `checked_calls`
get_call_template _compile_for_args
add_overload overloads targetctx``
flags ``no_cpython_wrapper                 `settings`, `dispatchers`
no_cfunc_wrapper forceinline``
a type's ``get_call_type _code``           `instruction`, `checked_calls`, `loopbp.machine.team`
``numba.core.errors``                      `insides`: ``TypingError``, ``NumbaTypeError``,
                                           ``NumbaError``
``numba.core``                             `insides`: ``cgutils``; `cache`: ``serialize``
``numba.np``                               `insides`: ``arrayobj``
``numba.np.ufunc``                         `settings`: which threading layers can be imported;
                                           `loopbp.machine.openmp`: the file of ``omppool``, by
                                           which the OpenMP runtime is found
``call_conv``, ``declare_function``        `loopbp.machine.team`: a thread calls a function
``co_stacksize`` of Python's frames        `compile_room`: slower without
=========================================  =======================================================
"""
