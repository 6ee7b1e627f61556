"""An engine: kernels bound to the passes, under one name each."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from loopbp import loops, optimizers, parameters, passes, reference
from loopbp.jit.decorators import jit, sum_jit, threads_jit
from loopbp.jit.sources import plain
from loopbp.jit.specialise import makes_kernels, specialise
from loopbp.random import arrays
from loopbp.random import streams as rng

# The functions that every engine defines, in the order of their first use.
KERNELS = (
    "weighted_input", "activation", "example_losses", "output_delta", "hidden_delta",
    "activation_gradient", "delta_from_da", "weight_gradient", "bias_gradient",
)  # fmt: skip
_PASSES = ("make_workspace", "make_state", "forward", "cost", "backward", "epoch", "epochs")


@dataclass(frozen=True)
class Engine:
    """One engine: its kernels and the passes bound to them."""

    name: str
    kernels: SimpleNamespace
    make_workspace: Callable[..., Any]
    make_state: Callable[..., Any]
    forward: Callable[..., Any]
    cost: Callable[..., Any]
    backward: Callable[..., Any]
    epoch: Callable[..., Any]
    epochs: Callable[..., Any]
    way: str = ""
    """through an epoch, in a few words"""


def kernels_of(module: ModuleType) -> dict[str, Any]:
    """The kernels of a module by name."""
    return {name: getattr(module, name) for name in KERNELS}


def one_of(epochs: Callable[..., Any]) -> Callable[..., Any]:
    """`loopbp.passes.epoch`, from `loopbp.passes.epochs`: one way into compiled code is enough."""

    def epoch(
        theta: Any, architecture: Any, X: Any, Y: Any, weight: Any, settings: Any,
        learning_rate: float, state: Any, step: int, seed: Any, number: int, batch_size: int,
        shuffled: int, workspace: Any,
    ) -> float:  # fmt: skip
        losses = np.empty(1)
        epochs(
            theta, architecture, X, Y, weight, settings, np.array([learning_rate], np.float64),
            state, step, seed, number, batch_size, int(shuffled), workspace, losses,
        )  # fmt: skip
        return float(losses[0])

    return epoch


def bind(name: str, kernels: dict[str, Any], bound: SimpleNamespace, way: str = "") -> Engine:
    """An engine of kernels and of passes that call them."""
    made = {p: getattr(bound, p) for p in _PASSES}
    return Engine(name, SimpleNamespace(**kernels), **made, way=way)


@cache
def numpy_engine() -> Engine:
    """The reference, uncompiled."""
    twins = {
        name: function for name, function in vars(reference).items()
        if isinstance(function, FunctionType) and not name.startswith("_")
    } | {"shuffle": arrays.shuffle, "dropout": arrays.dropout}  # fmt: skip
    sources = [
        rng.mix, rng.random_bits, rng.stream_key, rng.order_examples, parameters.layer_count,
        parameters.unit_count, parameters.weight_of_batch, parameters.for_batch,
        parameters.weights_of, parameters.biases_of, parameters.layer_of, optimizers.state_rows,
        optimizers.state_part,
        optimizers.update_part,
        optimizers.update, *(getattr(passes, name) for name in _PASSES),
    ]  # fmt: skip
    return bind("numpy", kernels_of(reference), specialise(sources, "numpy", twins, plain))


@makes_kernels
def loops_engine(parallel: bool) -> Engine:
    """The literal loops, their `prange` over threads or not."""
    name = "parallel" if parallel else "serial"
    kernels = kernels_of(loops)
    if not parallel:
        kernels = vars(specialise(kernels.values(), name, {}, sum_jit))
    sources = [getattr(passes, p) for p in _PASSES]
    bound = specialise(sources, f"loops_{name}", kernels, threads_jit if parallel else jit)
    return bind("loops", kernels, bound)
