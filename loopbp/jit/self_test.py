"""A small test of what the package does with Numba, before it is relied on.

It compiles a caller that calls by symbol, a callee, a helper that disappears into both, and an
instruction, and compares what they compute; then that all of it comes back from the bytes that are
kept on disk.  What has passed is noted in the folder of compiled code, so that it runs once for a
stamp and a processor.
"""

import logging
import os
import pickle
from typing import Any

from llvmlite import binding as llvm
from numba import types
from numba.core import serialize

from loopbp.jit import files
from loopbp.jit.cache import Results
from loopbp.jit.dispatchers import compile_by_symbol
from loopbp.jit.instruction_code import register
from loopbp.jit.registry import DISPATCHERS
from loopbp.jit.settings import FASTMATH

_SIGNATURE = (types.float64, types.int64)
_EXPECTED = sum(3.0 * k + 2.0 for k in range(5))


def failure() -> str:
    """What does not work here; "" if all does, or did when it was last looked at."""
    key = f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"
    passed = files.file_of("self_test", key)
    keeps = os.environ.get("LOOPBP_CACHE", "1") != "0"
    if keeps and files.read(passed) is not None:
        return ""
    before = set(DISPATCHERS)
    try:
        found = _results()
    except Exception as error:
        first = next(iter(str(error).splitlines()), "")
        logging.getLogger("loopbp").debug("the self-test failed", exc_info=True)
        return f"{type(error).__name__}: {first}"
    finally:
        for name in set(DISPATCHERS) - before:
            del DISPATCHERS[name]
    if found != [_EXPECTED, _EXPECTED]:
        return f"{found} in place of {_EXPECTED} twice"
    if keeps:
        files.write(passed, b"passed")
    return ""


def _thrice(x: float) -> float:
    return 3.0 * x


def _thrice_code(typing_context, x):
    def codegen(context, builder, signature, arguments):
        return builder.fmul(arguments[0], context.get_constant(types.float64, 3.0))

    return types.float64(types.float64), codegen


def _results() -> list[float]:
    """The same sum by code just compiled and by what is made again of its bytes."""
    register(_thrice, _thrice_code)

    def plus_two(x):
        return thrice(x) + 2.0

    def callee(x, count):
        total = 0.0
        for k in range(count):
            total += plus_two_inside(x + k)
        return total

    def caller(x, count):
        return callee_by_symbol(x, count)

    thrice = _thrice
    plus_two_inside: Any = compile_by_symbol(plus_two, set(), inline=True, inner=True)
    callee_by_symbol: Any = compile_by_symbol(callee, FASTMATH, inner=True)
    calling: Any = compile_by_symbol(caller, set())
    calling.compile(_SIGNATURE)
    overload = calling.overloads[_SIGNATURE]
    implementation = Results(caller)
    reduced = serialize.dumps(implementation.reduce(overload))
    rebuilt = implementation.rebuild(calling.targetctx, pickle.loads(reduced))
    return [calling(0.0, 5), rebuilt.entry_point(0.0, 5)]
