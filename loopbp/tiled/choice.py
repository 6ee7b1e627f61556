"""Which way an epoch goes, and each threshold that decides it.

==============  ==================================================================================
in registers    very small networks, plain SGD, few examples: a register for each unit
by first units  most of the work is in layers 1 and 2: a thread has some of the first hidden units
by a team       the work of a step is worth threads: they share out examples, units and rows
by one thread   all others
==============  ==================================================================================

`loopbp.engines.pick_training` and `loopbp.compiled` ask the same functions.  The last three ways
give the same bits, whichever is taken: they add the inputs of layer 2 in the same groups
(`unit_groups`), which depend on the network and the batch alone.  So the number of threads and the
threading layer decide how fast a training is, and not what it finds.

``python bench/thresholds.py`` reprints what each side of a threshold costs.
"""

from loopbp.catalogue import ACTIVATIONS, LOSSES, RULE_SGD
from loopbp.jit.decorators import inner_jit
from loopbp.machine.memory import width
from loopbp.parameters import layer_count
from loopbp.tiled.sums import FEW_SUMS, by_dots

# Multiply-adds of one step from which a team pays, by threading layer: what moves between the cores
# must be worth it, and workqueue starts threads slowly.
PARALLEL_WORK = {"omp": 2.5e6, "tbb": 2.5e6, "workqueue": 1e7}
TEAM_WORK = PARALLEL_WORK["omp"]

# In registers: weights up to which this beats tiles, and examples that a register holds.
MOST_WEIGHTS, MOST_EXAMPLES = 128, 16
HIDDEN_IN_REGISTERS = tuple(row.code for row in ACTIVATIONS.values() if row.in_registers)
PAIRS_IN_REGISTERS = tuple(
    (ACTIVATIONS[output].code, row.code) for row in LOSSES.values() for output in row.in_registers
)

# By first units: groups of them, and from how many multiply-adds of a step on there are many.
FEW_GROUPS, MANY_GROUPS, MUCH_WORK = 2, 4, 8e6
# Multiply-adds of a step below which a second thread gains nothing.
LEAST_WORK = 3e4
# Of the multiply-adds above layer 2, which all threads compute, for each that is shared out; and of
# those shared out, for each number of z^2, which all threads add up.  A team shares out all, but
# moves more between the cores; one thread moves nothing.
MOST_BY_EACH, LEAST_SHARED = 0.15, 640
MOST_BY_EACH_OF_LITTLE, LEAST_SHARED_OF_LITTLE = 1.0, 60
# Bytes of weights from which a team is no slower: its threads take pieces from a slower one, and a
# share's weights are copied twice in an epoch.
HEAVY = 4_000_000


@inner_jit
def drops_out(architecture):
    """Whether any layer has dropout."""
    found = False
    for l in range(1, layer_count(architecture)):
        found = found or architecture.dropout[l] > 0.0
    return found


@inner_jit
def weight_count(architecture):
    """How many weights there are, biases not counted."""
    total = 0
    for l in range(1, layer_count(architecture) + 1):
        total += architecture.sizes[l] * architecture.sizes[l - 1]
    return total


@inner_jit
def parameter_count(architecture):
    """How many weights and biases there are."""
    last = layer_count(architecture)
    return architecture.b_start[last] + architecture.sizes[last]


@inner_jit
def suits_registers(architecture, settings, batch_size):
    """Whether `loopbp.tiled.epochs.in_registers` can, and should, train this."""
    last = layer_count(architecture)
    if (
        weight_count(architecture) > MOST_WEIGHTS
        or batch_size > MOST_EXAMPLES
        or settings.rule != RULE_SGD
        or settings.clip_norm > 0.0
        or architecture.by_weight
        or drops_out(architecture)
    ):
        return False
    for l in range(1, last):
        known = False
        for code in HIDDEN_IN_REGISTERS:
            known = known or architecture.activation[l] == code
        if not known:
            return False
    for output, loss in PAIRS_IN_REGISTERS:
        if architecture.activation[last] == output and architecture.loss == loss:
            return True
    return False


@inner_jit
def group_count(architecture, batch_size, itemsize):
    """How many groups the first units are in, if they are: powers of two, none of them empty."""
    W = width(itemsize)
    registers = (architecture.sizes[1] + W - 1) // W
    if registers >= MANY_GROUPS and 3 * batch_size * weight_count(architecture) >= MUCH_WORK:
        return MANY_GROUPS
    return min(FEW_GROUPS, registers)


@inner_jit
def unit_groups(architecture, settings, batch_size, itemsize):
    """In how many groups the units of layer 1 are summed up in z^2: 1, 2 or 4.

    More than 1 where threads may have groups of them, so that one thread finds the same bits.
    """
    n = architecture.sizes
    if layer_count(architecture) < 2 or settings.clip_norm > 0.0 or drops_out(architecture):
        return 1
    weights, first = weight_count(architecture), n[0] * n[1]
    shared = 2 * first + 3 * n[1] * n[2]
    by_each = 3 * (weights - first - n[1] * n[2])
    most, least = MOST_BY_EACH, LEAST_SHARED
    if 3 * parameter_count(architecture) * batch_size <= TEAM_WORK:
        most, least = MOST_BY_EACH_OF_LITTLE, LEAST_SHARED_OF_LITTLE
    if (
        shared * batch_size < LEAST_WORK
        or shared < least * n[2]
        or by_each > most * shared
        or weights * itemsize >= HEAVY
        or batch_size < FEW_SUMS  # dot products instead of panels, by the number of units
        or by_dots(batch_size, n[1])
    ):
        return 1
    return group_count(architecture, batch_size, itemsize)
