"""The engines: the same functions, bound to the same passes, under one name each.

==========  =====================================================================================
numpy       `loopbp.reference`: vectorised, uncompiled, the truth that the others are held against
loops       `loopbp.loops`: the literal loops
==========  =====================================================================================

A compiled engine exists twice, serial and parallel, from the same source.  `pick` chooses by the
work of one step alone, never by the number of threads, so that a seed gives the same bits for any.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

from loopbp import loops, optimizers, parameters, passes, reference, rng
from loopbp._jit import jit, plain, specialise, sum_jit, threading_layer

# The functions that every engine defines, in the order of their first use.
KERNELS = (
    "weighted_input", "activation", "example_losses", "output_delta", "hidden_delta",
    "activation_gradient", "delta_from_da", "weight_gradient", "bias_gradient",
)  # fmt: skip
_PASSES = ("make_workspace", "make_state", "forward", "cost", "backward", "epoch")


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


def _kernels(module: ModuleType) -> dict[str, Any]:
    return {name: getattr(module, name) for name in KERNELS}


def _engine(name: str, kernels: dict[str, Any], bound: SimpleNamespace) -> Engine:
    return Engine(name, SimpleNamespace(**kernels), **{p: getattr(bound, p) for p in _PASSES})


@cache
def numpy_engine() -> Engine:
    """The reference, uncompiled."""
    twins = {
        name: getattr(reference, name)
        for name in (
            *KERNELS, "penalty", "add_penalty_gradient", "gather", "sgd", "momentum", "rmsprop",
            "adam", "decay_weights", "clip_by_norm", "shuffle", "dropout",
        )
    }  # fmt: skip
    sources = [
        rng.mix, rng.random_bits, rng.stream_key, parameters.layer_count, parameters.unit_count,
        parameters.weights_of, parameters.biases_of, parameters.layer_of, optimizers.state_rows,
        optimizers.update, *(getattr(passes, name) for name in _PASSES),
    ]  # fmt: skip
    return _engine("numpy", _kernels(reference), specialise(sources, "numpy", twins, plain))


@cache
def loops_engine(parallel: bool) -> Engine:
    """The literal loops, their `prange` over threads or not."""
    name = "parallel" if parallel else "serial"
    kernels = _kernels(loops)
    if not parallel:
        kernels = vars(specialise(kernels.values(), name, {}, sum_jit))
    bound = specialise([getattr(passes, p) for p in _PASSES], f"loops_{name}", kernels, jit)
    return _engine("loops", kernels, bound)


def all_engines() -> list[Engine]:
    """Every engine there is; making them compiles nothing."""
    return [numpy_engine(), loops_engine(False), loops_engine(True)]


ENGINES = ("auto", "numpy", "loops")
# Multiply-adds of one step above which threads pay for their start: about 10 parallel regions
# a step, 1 to 2 microseconds each with omp and tbb, 110 with workqueue.
_PARALLEL_WORK = {"omp": 1_000_000, "tbb": 1_000_000, "workqueue": 50_000_000}


def pick(name: str, parameters: int, batch_size: int) -> Engine:
    """The engine of a name, serial or parallel by the work of one step.

    Parameters
    ----------
    name
        Out of ``ENGINES``; auto is loops.
    parameters, batch_size
        Their product is the multiply-adds of a forward pass, a third of a step.

    Notes
    -----
    The choice must not depend on the number of threads: a serial and a parallel compile of the
    same sum may differ in the last bit.
    """
    if name == "numpy":
        return numpy_engine()
    return loops_engine(3 * parameters * batch_size > _PARALLEL_WORK[threading_layer()])
