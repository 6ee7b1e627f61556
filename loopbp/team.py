"""Threads that run a whole epoch together and meet at barriers, and how they share the work.

Numba starts and ends the threads of a parallel region in 1 to 4 microseconds; a step of a small
network is over in 5.  So `loopbp.tiled_training` starts them once an epoch, and they meet by
writing how often they have met, each on a cache line of its own: 0.05 to 0.1 microseconds.

Nobody waits for a thread that never comes: with `join` either all of them form a team, or the
first that loses patience does the whole epoch and the late ones leave.  Who computes a sum does not
change how it is computed, so both ways, and any number of threads, give the same bits.

A thread begins with the same rows in every step, which stay in its own cache.  But cores may be of
two kinds, or somebody else's work may share one of them, for a moment or for long, and then equal
parts wait for the slower.  So a thread takes half of what is left of its part at a time, and who
has nothing left takes from the end of what others have not begun (`next_part`).
"""

import os
import platform
import sys
import time

import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.core import cgutils

from loopbp._jit import inline_jit, inner_jit, inner_parallel_jit, instruction

# Words of a team's memory, each on its own cache line; from _MET on one for each thread.
_LINE = 8
_MODE, _COMERS, _HURRY, _MET = (k * _LINE for k in range(4))
_OPEN, _TOGETHER, _ALONE = 0, 1, 2
# Parts are of WHOLE.  What nobody has begun of a thread's part in a phase of a step is one word,
# which changes undivided: where that begins and where it ends, _BITS each, behind the step, so that
# the word of another step is none.
WHOLE, _BITS = 1 << 24, 25
_STEPS = (1 << 63 - 2 * _BITS) - 1
# How often to look before letting another thread have the core; how often to do that before
# sleeping.
_LOOKS, _OFFERS = 2_000, 50
# How often to sleep before going on alone, some 10 ms; and how often if the last epoch had to be
# done alone, as always inside a parallel region of somebody else's.
_SLEEP_MICROSECONDS, _PATIENCE, _LITTLE_PATIENCE = 50, 100, 2


def _word(context, builder, array, index):
    data = context.make_array(types.Array(types.int64, 1, "C"))(context, builder, array).data
    return builder.gep(data, [index])


def add(words, i, value):
    """words[i] += value, undivided; what it was before."""
    words[i] += value
    return words[i] - value


@instruction(add)
def _add(typing_context, words, i, value):
    def codegen(context, builder, signature, arguments):
        pointer = _word(context, builder, arguments[0], arguments[1])
        return builder.atomic_rmw("add", pointer, arguments[2], "seq_cst")

    words = types.Array(types.int64, 1, "C")
    return types.int64(words, types.intp, types.int64), codegen


def look(words, i):
    """words[i], as the others left it."""
    return words[i]


@instruction(look)
def _look(typing_context, words, i):
    def codegen(context, builder, signature, arguments):
        return builder.load_atomic(_word(context, builder, *arguments), "seq_cst", 8)

    words = types.Array(types.int64, 1, "C")
    return types.int64(words, types.intp), codegen


def put(words, i, value):
    """words[i] = value, seen by others after all that was written before."""
    words[i] = value


@instruction(put)
def _put(typing_context, words, i, value):
    def codegen(context, builder, signature, arguments):
        pointer = _word(context, builder, arguments[0], arguments[1])
        builder.store_atomic(arguments[2], pointer, "release", 8)
        return context.get_dummy_value()

    words = types.Array(types.int64, 1, "C")
    return types.void(words, types.intp, types.int64), codegen


def claim(words, i, old, new):
    """words[i] = new if it is `old`, undivided; whether it was."""
    is_old = words[i] == old
    if is_old:
        words[i] = new
    return is_old


@instruction(claim)
def _claim(typing_context, words, i, old, new):
    def codegen(context, builder, signature, arguments):
        pointer = _word(context, builder, arguments[0], arguments[1])
        pair = builder.cmpxchg(pointer, arguments[2], arguments[3], "seq_cst", "seq_cst")
        return builder.extract_value(pair, 1)

    words = types.Array(types.int64, 1, "C")
    return types.boolean(words, types.intp, types.int64, types.int64), codegen


def rest():
    """Tell the core that this loop only waits."""


@instruction(rest)
def _rest(typing_context):
    machine = platform.machine().lower()

    def codegen(context, builder, signature, arguments):
        i32 = ir.IntType(32)
        if machine in ("x86_64", "amd64"):
            kind = ir.FunctionType(ir.VoidType(), [])
            pause = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause")
            builder.call(pause, [])
        elif machine in ("aarch64", "arm64"):
            kind = ir.FunctionType(ir.VoidType(), [i32])
            hint = cgutils.get_or_insert_function(builder.module, kind, "llvm.aarch64.hint")
            builder.call(hint, [i32(1)])  # yield
        return context.get_dummy_value()

    return types.void(), codegen


def give_way():
    """Let another thread have the core, if one wants it."""
    os.sched_yield()


def sleep():
    """Leave the core to whoever wants it, for some 0.1 ms; on Windows until the next tick."""
    time.sleep(_SLEEP_MICROSECONDS * 1e-6)


@instruction(sleep)
def _sleep(typing_context):
    # Both take a number of 32 bits: milliseconds and microseconds.
    name, time_asleep = ("Sleep", 1) if sys.platform == "win32" else ("usleep", _SLEEP_MICROSECONDS)

    def codegen(context, builder, signature, arguments):
        i32 = ir.IntType(32)
        kind = ir.FunctionType(i32, [i32])
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        builder.call(function, [i32(time_asleep)])
        return context.get_dummy_value()

    return types.void(), codegen


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


@instruction(give_way)
def _give_way(typing_context):
    name = "SwitchToThread" if sys.platform == "win32" else "sched_yield"

    def codegen(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [])
        return context.get_dummy_value()

    return types.void(), codegen


@inline_jit
def team_words(threads, phases):
    """How many words a team of so many threads needs: a line for each, and one in each phase.

    It calls nothing: Python runs it before each training.
    """
    return _MET + threads * (phases + 1) * _LINE


@inner_jit
def gather_team(words, threads):
    """Before the threads of an epoch are started."""
    hurry = 1 if words[_MODE] == _ALONE else 0
    words[:] = 0
    words[_HURRY] = hurry


@inner_jit
def join(words, workers):
    """How many work together: all of them; or 1, this thread alone; or 0, it is not needed."""
    if workers == 1:
        return 1
    patience = _LITTLE_PATIENCE if look(words, _HURRY) else _PATIENCE
    if add(words, _COMERS, 1) == workers - 1:
        claim(words, _MODE, _OPEN, _TOGETHER)
    looks = 0
    while look(words, _MODE) == _OPEN:
        looks += 1
        if looks < _LOOKS + _OFFERS + patience:
            wait(looks)
        elif claim(words, _MODE, _OPEN, _ALONE):
            return 1
    return workers if look(words, _MODE) == _TOGETHER else 0


@inner_jit
def meet(words, worker, workers):
    """Wait until all have come here: what they wrote before is seen by all after it.

    Who counts the comers in one word moves its line three times before the last one is seen, 0.24
    microseconds between distant cores; two words, each written by one, take 0.09.
    """
    if workers == 1:
        return
    mine = _MET + worker * _LINE
    times = look(words, mine) + 1
    put(words, mine, times)
    for other in range(workers):
        looks = 0
        while look(words, _MET + other * _LINE) < times:
            looks += 1
            wait(looks)


@inline_jit
def next_part(words, phase, step, least, done, worker, workers):
    """Which part of the work of a phase this thread is to do next: from where to where, of WHOLE.

    Half of what is left of its own, or of another's; all of it if half is less than `least`.
    `done` is where the part ends that it has just done, 0 if there was none.  An empty part: all is
    begun.
    """
    if workers == 1:
        return done, WHOLE
    return claim_part(words, phase, step, least, worker, workers)


@inner_jit
def claim_part(words, phase, step, least, worker, workers):
    """`next_part` where there are others."""
    now, mask = step % _STEPS + 1, (1 << _BITS) - 1
    for k in range(workers):
        owner = (worker + k) % workers
        at = _MET + (workers * (1 + phase) + owner) * _LINE
        while True:
            old = look(words, at)
            begin, end = WHOLE * owner // workers, WHOLE * (owner + 1) // workers
            if old >> 2 * _BITS == now:
                begin, end = (old >> _BITS) & mask, old & mask
            if begin == end:
                break
            size = end - begin
            if size >= 2 * least:
                size //= 2
            if k == 0:  # its own from the front, another's from the end
                first, stop, left, right = begin, begin + size, begin + size, end
            else:
                first, stop, left, right = end - size, end, begin, end - size
            if claim(words, at, old, ((now << _BITS) + left << _BITS) + right):
                return first, stop
    return WHOLE, WHOLE


@inline_jit
def part(count, block, bound):
    """Which of 0 .. count-1 is at `bound` of WHOLE, at the next beginning of a block."""
    blocks = (count + block - 1) // block
    return min(count, (blocks * bound + WHOLE // 2) // WHOLE * block)


# A parallel loop takes what its body uses apart, array by array, and compiles that twice: 0.7 s for
# the arguments of an epoch.  So they lie in one block of memory, and the loop is handed an address.


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


@inline_jit
def share(count, block, worker, workers):
    """Where the share of `worker` of 0 .. count-1 begins; the next one's beginning is its end."""
    blocks = (count + block - 1) // block
    return min(count, blocks * worker // workers * block)


@inline_jit
def panel_part(rows, columns, panel, width, block, bound):
    """Which row of one panel is at `bound` of WHOLE.

    A matrix of rows x columns is cut into panels of `width` columns, the panels laid one after
    the other, and the whole cut: evenly, with as many panels as workers, each has its own.
    """
    here = min(width, columns - panel)
    before = (rows * columns * bound + WHOLE // 2) // WHOLE - rows * panel  # of this panel
    if before >= rows * here:
        return rows
    return min(rows, max(0, (before // here + block // 2) // block * block))
