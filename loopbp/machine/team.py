"""Threads that run a whole epoch together and meet at barriers, and how they share the work.

Numba starts and ends the threads of a parallel region in microseconds, and a step of a small
network is over in a few.  So they are started once an epoch, and meet by writing how often they
have met, each on a cache line of its own.

Nobody waits for a thread that never comes: with `join` either all of them form a team, or the
first that loses patience does the whole epoch and the late ones leave.  Who computes a sum does not
change how it is computed, so both ways, and any number of threads, give the same bits.

A thread begins with the same rows in every step, which stay in its own cache.  But cores may be of
two kinds, or somebody else's work may share one of them, for a moment or for long, and then equal
parts wait for the slower.  So a thread takes half of what is left of its part at a time, and who
has nothing left takes from the end of what others have not begun (`next_part`).
"""

import numpy as np
from llvmlite import ir
from numba import prange, types

from loopbp.jit.decorators import inline_jit, inner_jit, inner_parallel_jit
from loopbp.jit.insides import cgutils
from loopbp.jit.instruction import instruction
from loopbp.machine.pieces import COMERS, HURRY, LINE, MET, MODE
from loopbp.machine.words import add, claim, give_way, look, put, rest, sleep

_OPEN, _TOGETHER, _ALONE = 0, 1, 2
# How often to look before letting another thread have the core; how often to do that before
# sleeping.
_LOOKS, _OFFERS = 2_000, 50
# How often to sleep before going on alone; and how often if the last epoch had to be
# done alone, as always inside a parallel region of somebody else's.
_PATIENCE, _LITTLE_PATIENCE = 100, 2


@inline_jit
def wait(looks):
    """What to do after so many looks in vain: first keep the core, then offer it, then leave it.

    Threads that only offer it to each other keep the one off it that they wait for.
    """
    if looks < _LOOKS:
        rest()
    elif looks < _LOOKS + _OFFERS:
        give_way()
    else:
        sleep()


@inline_jit
def team_words(threads, phases):
    """How many words a team of so many threads needs: a line for each, and one in each phase.

    It calls nothing: Python runs it before each training.
    """
    return MET + threads * (phases + 1) * LINE


@inner_jit
def gather_team(words, threads):
    """Before the threads of an epoch are started."""
    hurry = 1 if words[MODE] == _ALONE else 0
    words[:] = 0
    words[HURRY] = hurry


@inner_jit
def join(words, workers):
    """How many work together: all of them; or 1, this thread alone; or 0, it is not needed."""
    if workers == 1:
        return 1
    patience = _LITTLE_PATIENCE if look(words, HURRY) else _PATIENCE
    if add(words, COMERS, 1) == workers - 1:
        claim(words, MODE, _OPEN, _TOGETHER)
    looks = 0
    while look(words, MODE) == _OPEN:
        looks += 1
        if looks < _LOOKS + _OFFERS + patience:
            wait(looks)
        elif claim(words, MODE, _OPEN, _ALONE):
            return 1
    return workers if look(words, MODE) == _TOGETHER else 0


@inner_jit
def meet(words, worker, workers):
    """Wait until all have come here: what they wrote before is seen by all after it.

    Who counts the comers in one word moves its line three times between the cores before the last
    one is seen; of two words, each written by one, each line moves once.
    """
    if workers == 1:
        return
    mine = MET + worker * LINE
    times = look(words, mine) + 1
    put(words, mine, times)
    for other in range(workers):
        looks = 0
        while look(words, MET + other * LINE) < times:
            looks += 1
            wait(looks)


# A parallel loop takes what its body uses apart, array by array, and compiles that twice, which is
# slow for the arguments of an epoch.  So they lie in one block of memory, and the loop is handed an
# address.


def call_work(function, arguments, worker, workers):
    """Call what `run_team` made of a function and its arguments."""
    raise NotImplementedError("addresses are for compiled code")


@instruction(call_work)
def _call_work(typing_context, function, arguments, worker, workers):
    def codegen(context, builder, signature, values):
        function, arguments, worker, workers = values
        kind = ir.FunctionType(ir.VoidType(), [v.type for v in (arguments, worker, workers)])
        pointer = builder.inttoptr(function, kind.as_pointer())
        builder.call(pointer, [arguments, worker, workers])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, types.int64), codegen


@inner_parallel_jit
def start_team(function, arguments, words, threads):
    """`call_work` in each of the threads that come together."""
    gather_team(words, threads)
    for k in prange(threads):
        workers = join(words, threads)
        if workers > 0:
            # numba counts a prange in unsigned numbers, and those with signed ones make a float
            worker = np.int64(k) if workers > 1 else np.int64(0)
            call_work(function, arguments, worker, workers)


def run_team(work, words, threads, arguments):
    """work(*arguments, worker, workers) in each of a team of threads, or in one alone.

    `arguments` is a tuple.  For one thread, none is started.
    """
    gather_team(words, threads)
    for k in range(threads):
        workers = join(words, threads)
        if workers > 0:
            work(*arguments, k if workers > 1 else 0, workers)


@instruction(run_team)
def _run_team(typing_context, work, words, threads, arguments):
    kinds = types.unliteral(arguments)
    numbers = (types.int64, types.int64)
    inner = work.get_call_type(typing_context, (*kinds, *numbers), {})
    start = types.Dispatcher(start_team)
    outer = start.get_call_type(typing_context, (*numbers, words, types.int64), {})

    def codegen(context, builder, signature, values):
        _, words, threads, arguments = values
        function = context.get_function(work, inner)
        context.add_linking_libs(function.libs)
        block = cgutils.alloca_once_value(builder, arguments)
        i64 = ir.IntType(64)
        shim = ir.Function(
            builder.module, ir.FunctionType(ir.VoidType(), [i64, i64, i64]),
            builder.module.get_unique_name("work_of_a_team"),
        )  # fmt: skip
        shim.linkage = "internal"
        inside = ir.IRBuilder(shim.append_basic_block())
        packed = inside.load(inside.inttoptr(shim.args[0], block.type))
        parts = [inside.extract_value(packed, k) for k in range(len(kinds))]
        made = work.dispatcher.overloads[tuple(inner.args)].fndesc
        callee = context.declare_function(builder.module, made)
        # It has no errors to tell of.
        context.call_conv.call_function(
            inside, callee, made.restype, made.argtypes, [*parts, *shim.args[1:]]
        )
        inside.ret_void()
        addresses = [builder.ptrtoint(pointer, i64) for pointer in (shim, block)]
        with builder.if_else(builder.icmp_signed("==", threads, i64(1))) as (alone, together):
            with alone:
                builder.call(shim, [addresses[1], i64(0), i64(1)])
            with together:
                context.get_function(start, outer)(builder, [*addresses, words, threads])
        return context.get_dummy_value()

    return types.void(work, words, types.int64, kinds), codegen
