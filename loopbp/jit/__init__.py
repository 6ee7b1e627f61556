"""Compiling: all that decides how Numba compiles a function of this package, keeps it and finds it.

Read `decorators` first, then `specialise`; the rest explains how they do it.

=====================  ===========================================================================
`decorators`           ``jit``, ``sum_jit``, ``parallel_jit``, ...: the decorators
`specialise`           the same source with other functions behind the names that it calls
`settings`             flags and switches, threading layer
`files`                the folder of compiled code, and the stamp of the sources in it
`cache`                Numba's cache of one function, in these files
`by_symbol`            callers that call by symbol, and helpers that are only ever inlined
`compile_room`         frames and garbage collection while Numba compiles
`turns`                callers that queue where the threading layer needs it
`instruction`          LLVM code behind a call, with a twin in Python
`instruction_types`    ... and the types that it takes
`c_function`           users' scalar functions as C functions
`scalar_functions`     ... and whether they are such functions
`sources`              the Python function behind a compiled one
=====================  ===========================================================================
"""
