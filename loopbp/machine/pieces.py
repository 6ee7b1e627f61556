"""How threads share work out: fixed shares, and pieces that who is done takes from the others."""

from loopbp.jit.decorators import inline_jit, inner_jit
from loopbp.machine.words import claim, look

# Words of a team's memory, each on its own cache line; from MET on one for each thread.
LINE = 8
MODE, COMERS, HURRY, MET = (k * LINE for k in range(4))
# Parts are of WHOLE.  What nobody has begun of a thread's part in a phase of a step is one word,
# which changes undivided: where that begins and where it ends, _BITS each, behind the step, so that
# the word of another step is none.
WHOLE, _BITS = 1 << 24, 25
_STEPS = (1 << 63 - 2 * _BITS) - 1


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
        at = MET + (workers * (1 + phase) + owner) * LINE
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
