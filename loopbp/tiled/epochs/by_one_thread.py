"""An epoch of any network by one thread, for compiled callers: in registers or in tiles."""

from loopbp.jit.decorators import inner_jit
from loopbp.tiled.choice import suits_registers
from loopbp.tiled.epochs.in_registers import epoch as epoch_in_registers
from loopbp.tiled.epochs.skeleton import epoch_alone


@inner_jit
def epoch(
    theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed, number,
    batch_size, shuffled, workspace,
):  # fmt: skip
    """`loopbp.passes.epoch`, the way that one thread takes in `loopbp.Network.fit`."""
    if suits_registers(architecture, settings, min(batch_size, X.shape[0])):
        return epoch_in_registers(
            theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed, number,
            batch_size, shuffled, workspace,
        )  # fmt: skip
    return epoch_alone(
        theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed, number,
        batch_size, shuffled, workspace,
    )  # fmt: skip
