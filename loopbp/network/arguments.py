"""The arguments of `Network` and `fit` in the many forms that people give them, made one form."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

import numpy as np

from loopbp import schedules
from loopbp.catalogue import ACTIVATIONS, LOSSES, RULES
from loopbp.jit.sources import plain
from loopbp.network import targets
from loopbp.optimizers import OPTIMIZERS, Adam, Optimizer, state_rows
from loopbp.own_activation import REGISTERED, Activation
from loopbp.preparation import Preprocessing
from loopbp.training import EarlyStopping, OptimizerState
from loopbp.validate import check_choice, check_count


def layer_sizes(value: Any) -> tuple[int, ...]:
    """n_0 .. n_L: at least two whole numbers of at least 1."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"sizes: expected a list such as [64, 32, 10], got {value!r}")
    sizes = tuple(check_count(f"sizes[{k}]", n) for k, n in enumerate(value))
    if len(sizes) < 2:
        raise ValueError(f"sizes: expected at least inputs and outputs, got {list(sizes)}")
    return sizes


def preprocessing(
    value: Any, sizes: tuple[int, ...], output: str, loss: str
) -> Preprocessing | None:
    """A preprocessing that gives as many inputs as the network has."""
    if value is None:
        return None
    if not isinstance(value, Preprocessing):
        raise TypeError(f"preprocessing: expected loopbp.Preprocessing.fitted(X, y), got {value!r}")
    if value.n_inputs != sizes[0]:
        raise ValueError(
            f"preprocessing: gives {value.n_inputs} inputs, sizes[0] is {sizes[0]}; "
            "use sizes=[preprocessing.n_inputs, ...]"
        )
    if value.labels is not None and len(value.labels) != max(sizes[-1], 2):
        raise ValueError(
            f"preprocessing: has {len(value.labels)} labels, and sizes[-1] is {sizes[-1]}; "
            "use one output a label, or one for two; for values fit it to y as floats"
        )
    if value.labels is not None and not targets.takes_labels(output, loss):
        raise ValueError(
            f"preprocessing: has labels, and output {output!r} with loss {loss!r} gives values; "
            "use output='softmax', or fit it to y as floats"
        )
    return value


def one_each(name: str, value: Any, count: int, kinds: tuple[type, ...]) -> list[Any]:
    """A value for each of `count` layers: one for all, or a sequence of them."""
    if isinstance(value, kinds):
        return [value] * count
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{name}: expected one value or one for each of {count} layers, "
                        f"got {value!r}")  # fmt: skip
    values = list(value)
    if len(values) != count:
        raise ValueError(f"{name}: expected one value or {count}, one a layer, got {len(values)}")
    return values


def activation(name: str, value: Any) -> str | Activation:
    """A built-in activation by its name, a registered or given one as the object."""
    if isinstance(value, Activation):
        return value
    check_choice(name, value, (*ACTIVATIONS, *REGISTERED))
    registered = REGISTERED.get(value)
    return value if registered is None else registered


def name_of(value: str | Activation) -> str:
    """The name of an activation."""
    return value.name if isinstance(value, Activation) else value


def output_and_loss(output: Any, loss: Any, n_outputs: int) -> tuple[str | Activation, str]:
    """The output activation and the loss, each found from the other where it is not given."""
    if loss is not None:
        check_choice("loss", loss, LOSSES)
    if output is None:
        one = "sigmoid" if n_outputs == 1 else "softmax"
        which: str | Activation = LOSSES[loss].usual_output if loss else one
    else:
        which = activation("output", output)
    if loss is None:
        loss = ACTIVATIONS[which].usual_loss if isinstance(which, str) else "half_mse"
    if isinstance(which, str):
        if which not in LOSSES[loss].outputs:
            fits = ", ".join(sorted(LOSSES[loss].outputs))
            raise ValueError(
                f"loss: {loss!r} does not fit output {which!r}, whose values leave its range; "
                f"it fits {fits}"
            )
        if which == "softmax" and n_outputs == 1:
            raise ValueError("output: softmax of one output is always 1; use sigmoid")
    return which, loss


def warn_of_targets(output: str, loss: str, Y: Any) -> None:
    """Warn where outputs and a loss cannot learn these targets, and name the ones that can."""
    row = ACTIVATIONS.get(output)  # a user's own has none
    low, high = (-np.inf, np.inf) if row is None else row.range
    text = ""
    if output == "sigmoid" and loss == "cross_entropy":
        # -sum y log a has nothing against outputs that are all 1
        text = (
            "cross_entropy is for outputs that sum to 1: over sigmoid outputs only the targets "
            "above 0 count, so that every output goes to 1; use loss='binary_cross_entropy' for "
            "several labels at once, or output='softmax' for one class of several"
        )
    elif loss in ("poisson", "poisson_deviance") and Y.max() > high:
        text = (
            f"{loss} over {output} outputs, which are at most 1, cannot reach targets up to "
            f"{Y.max():g}; use output={LOSSES[loss].usual_output!r}"
        )
    else:
        least, most = Y.min(axis=0), Y.max(axis=0)
        beyond = (least > high) | (most < low)
        if beyond.any():
            i = int(np.argmax(beyond))
            text = (
                f"y: {output} outputs stay between {low:g} and {high:g}, and all targets of "
                f"output {i} are between {least[i]:g} and {most[i]:g}; use output='identity', or "
                "scale the targets"
            )
    if text:
        # whoever called `fit`, behind the frame of `loopbp.messages.calls.suggests`
        warnings.warn(text, UserWarning, stacklevel=4)


def dtype(value: Any) -> np.dtype[Any]:
    """float64 or float32."""
    try:
        found = np.dtype(value)
    except TypeError as error:
        raise TypeError(f"dtype: expected 'float64' or 'float32', got {value!r}") from error
    if found not in (np.dtype("float64"), np.dtype("float32")):
        raise ValueError(f"dtype: expected 'float64' or 'float32', got {value!r}")
    return found


def optimizer(value: Any) -> Optimizer:
    """An `Optimizer`; Adam for None, the defaults for a name."""
    if value is None:
        return Adam()
    if isinstance(value, str):
        return OPTIMIZERS[check_choice("optimizer", value, OPTIMIZERS)]()
    if not isinstance(value, Optimizer):
        raise TypeError(f"optimizer: expected one such as loopbp.Adam(1e-3), got {value!r}")
    return value


_BATCH = 32


def batch_size(value: int | None, optimizer: Optimizer, examples: int) -> int:
    """At most all examples; for an optimizer that is made for the gradient of all, all of them."""
    of_all = RULES[optimizer.settings.rule].full_batch
    size = min(value or (examples if of_all else _BATCH), examples)
    if of_all and size < examples:
        raise ValueError(
            f"batch_size: {type(optimizer).__name__} is made for the gradient of all {examples} "
            f"examples, got {value}; leave batch_size out, or use an optimizer such as loopbp.Adam"
        )
    return size


def early_stopping(value: Any, validated: bool) -> EarlyStopping | None:
    """An `EarlyStopping`, or None."""
    if value is None:
        return None
    if not validated:
        raise ValueError("early_stopping: needs validation=(X, y) or a fraction, got none")
    if isinstance(value, EarlyStopping):
        return value
    return EarlyStopping(check_count("early_stopping", value))


_STOPS = "; pass it as early_stopping=..."


def switch(name: str, value: Any) -> bool:
    """True or False; 1 and 0, as other libraries have them, are the same."""
    if isinstance(value, bool | np.bool_) or (isinstance(value, int) and value in (0, 1)):
        return bool(value)
    raise TypeError(f"{name}: expected True or False, got {value!r}")


def callbacks(value: Any) -> list[Callable[..., Any]]:
    """A list of functions."""
    if not isinstance(value, Iterable):
        hint = _STOPS if isinstance(value, EarlyStopping) else ""
        raise TypeError(f"callbacks: expected a list of functions, got {value!r}{hint}")
    found = list(value)
    for callback in found:
        if isinstance(callback, EarlyStopping):
            raise TypeError(f"callbacks: expected functions, got {callback!r}{_STOPS}")
        if not callable(callback):
            raise TypeError(f"callbacks: expected functions of (epoch, history), got {callback!r}")
    return found


def guess_task(output: str, loss: str, n_outputs: int) -> tuple[str, Any]:
    """What a network is for, before `fit` has seen targets: task and classes."""
    if output == "softmax":
        return "classification", np.arange(n_outputs)
    if LOSSES[loss].labels:
        if n_outputs == 1:
            return "classification", np.arange(2)
        return "multilabel", np.arange(n_outputs)
    return "regression", None


def describe_optimizer(state: OptimizerState) -> dict[str, Any]:
    """An optimizer and where it stands, as JSON can hold it.

    A learning rate that is a function of your own has no such form; it is stored as None, and a
    loaded network starts the optimizer anew.
    """
    facts = asdict(state.optimizer)
    rate = state.optimizer.learning_rate
    if isinstance(rate, schedules.Schedule):
        facts["learning_rate"] = {"schedule": type(rate).__name__, **asdict(rate)}
    elif callable(rate):
        facts["learning_rate"] = None
    return {
        "name": type(state.optimizer).__name__,
        "arguments": facts,
        "step": state.step,
        "epoch": state.epoch,
    }


def restore_optimizer(
    facts: dict[str, Any], vectors: Any, n_parameters: int
) -> OptimizerState | None:
    """The reverse of `describe_optimizer`."""
    arguments = dict(facts["arguments"])
    rate = arguments["learning_rate"]
    if rate is None:
        return None
    if isinstance(rate, dict):
        kinds = {kind.__name__: kind for kind in schedules.Schedule.__subclasses__()}
        arguments["learning_rate"] = kinds[rate.pop("schedule")](**rate)
    kinds = {kind.__name__: kind for kind in OPTIMIZERS.values()}
    made = kinds[facts["name"]](**arguments)
    shape = plain(state_rows)(made.settings), n_parameters
    if vectors.shape != shape:
        raise ValueError(f"state: expected shape {shape}, got {vectors.shape}")
    return OptimizerState(made, vectors, int(facts["step"]), int(facts["epoch"]))
