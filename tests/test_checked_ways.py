"""What `check_gradient` checks is what trains: each way through an epoch, and wrong versions."""

from dataclasses import replace
from types import CodeType, FunctionType
from typing import Any, NamedTuple

import numpy as np
import pytest
from cases import helpers

import loopbp
from loopbp import engines
from loopbp.binding import one_of
from loopbp.jit.decorators import inner_jit, jit
from loopbp.jit.sources import plain
from loopbp.jit.specialise import specialise
from loopbp.machine.threads import usable_threads
from loopbp.network.gradient import by_steps, repeated, steps_of
from loopbp.optimizers import OPTIMIZERS, SGD, Adam
from loopbp.tiled import layers, sums, update
from loopbp.tiled.activations import sigma
from loopbp.tiled.engine import first_units_engine, registers_engine, tiled_engine
from loopbp.tiled.epochs import in_registers, share_memory
from loopbp.training import Data

# What a way is made of runs uncompiled; what it calls to compute stays as it is.
_OF_A_WAY = (
    "loopbp.tiled.epochs", "loopbp.tiled.layers", "loopbp.tiled.update", "loopbp.tiled.workspace",
    "loopbp.tiled.batch", "loopbp.tiled.panels", "loopbp.machine.pieces", "loopbp.machine.memory",
    "loopbp.parameters", "loopbp.tiled.choice",
)  # fmt: skip


def _names(code: CodeType) -> set[str]:
    inner = (_names(part) for part in code.co_consts if isinstance(part, CodeType))
    return set(code.co_names).union(*inner)


def _is_ours(value: Any) -> bool:
    return str(plain(value).__module__).startswith(_OF_A_WAY)


def uncompiled(function: Any, wrong: dict[str, Any], made: dict[Any, Any]) -> Any:
    """A compiled function in Python, with all that it calls, but other functions by some names."""
    source = plain(function)
    if source in made:
        return made[source]
    scope = dict(source.__globals__)
    twin = made[source] = FunctionType(
        source.__code__, scope, source.__name__, source.__defaults__, source.__closure__
    )
    for name in _names(source.__code__):
        value: Any = scope.get(name)
        if name in wrong:
            scope[name] = wrong[name]
        elif isinstance(plain(value), FunctionType) and _is_ours(value):
            scope[name] = uncompiled(value, wrong, made)
    return twin


def run_alone(work, words, threads, arguments):
    """In place of `run_team`."""
    work(*arguments, 0, 1)


class Case(NamedTuple):
    """A way, and a training that goes it."""

    engine: Any
    sizes: list[int]
    optimizer: Any = SGD(0.1)
    output: str = "softmax"
    loss: str = "cross_entropy"
    m: int = 5


CASES = {
    # Of 16 lanes, as those of the mutants, which else would write beyond their arrays.
    "registers": Case(lambda: registers_engine(16), [4, 5, 3], m=7),
    "alone": Case(lambda: tiled_engine(False), [5, 9, 6, 3]),
    "alone, any output": Case(lambda: tiled_engine(False), [5, 9, 3], output="tanh", loss="mae"),
    "alone, adam": Case(lambda: tiled_engine(False), [5, 9, 6, 3], Adam()),
    "alone, clipped": Case(lambda: tiled_engine(False), [5, 9, 6, 3], SGD(0.1, clip_norm=1.0)),
    "team": Case(lambda: tiled_engine(True), [128, 129, 128, 3]),
    "team, adam": Case(lambda: tiled_engine(True), [128, 129, 128, 3], Adam()),
    "first units": Case(first_units_engine, [4, 20, 5, 2]),
    "first units, adam": Case(first_units_engine, [4, 20, 5, 2], Adam()),
}


def with_wrong(engine: Any, wrong: dict[str, Any]) -> Any:
    """The epochs of an engine, with other functions by some names."""
    if engine.way != registers_engine(16).way:
        return uncompiled(engine.epochs, {"run_team": run_alone, **wrong}, {})
    # Arrays stand for registers only where nothing is compiled, so these are.
    name = "_".join(["mutant", *wrong])  # each is cached under its own
    epochs = plain(engine.epochs)
    epoch = plain(epochs.__globals__["epoch"])
    steps = specialise([epoch.__globals__["steps"]], name, wrong, inner_jit)
    changed = specialise([epoch], name, vars(steps), inner_jit)
    return specialise([epochs], name, vars(changed), jit).epochs


def report(case: Case, monkeypatch: Any, wrong: dict[str, Any]) -> Any:
    """Of the check, where the way of a case has wrong functions."""
    made = case.engine()
    changed = replace(made, epoch=one_of(with_wrong(made, wrong)))
    monkeypatch.setattr(engines, "pick_training", lambda *_: changed)
    net = helpers.network(case.sizes, "tanh", case.output, case.loss, l2=0.05)
    rng = np.random.default_rng(4)
    X = rng.standard_normal((case.m, case.sizes[0]))
    Y = helpers.targets_for(case.output, case.loss, case.m, case.sizes[-1])
    return loopbp.check_gradient(
        net, X, Y, sample_weight=rng.random(case.m) + 0.5, optimizer=case.optimizer, sample=40
    )


@pytest.mark.parametrize("kind", CASES)
def test_the_right_passes_are_found_right(kind, monkeypatch):
    found = report(CASES[kind], monkeypatch, {})
    assert found.ok, str(found)


def _nothing(*arguments):
    """Leaves out what it stands for."""


def _one_example_less(left, right, *rest):
    sums.weight_sums(left[:-1], right[:-1], *rest)


def _weights_left_out(architecture, y, m, start, stop, workspace):
    workspace.weight[:] = 1.0
    for t in range(start, stop):
        layers.output_layer(architecture, y, m, t, t + 1, workspace)


def _biases_left_out(theta, architecture, x, delta, *rest):
    plain(update.input_state_pass)(theta.copy(), architecture, x, delta, *rest)


def _first_share_alone(theta, state, architecture, resident, shares, s):
    if s == 0:
        plain(share_memory.give)(theta, state, architecture, resident, shares, s)


_UNCOMPILED = [kind for kind in CASES if kind != "registers"]
MUTANTS = [
    ("registers", "sigma_prime", sigma),
    pytest.param(
        "registers", "softmax_output", in_registers.sigmoid_output, marks=helpers.needs_jit,
    ),  # uncompiled it fails at once, for arrays of another length
    *((kind, "times_kept_prime_rows", _nothing) for kind in _UNCOMPILED),
    *((kind, "weight_sums", _one_example_less) for kind in _UNCOMPILED),
    *((kind, "bias_sums", _nothing) for kind in _UNCOMPILED),
    *((kind, "outputs", _weights_left_out) for kind in _UNCOMPILED if "any" not in kind),
    *((kind, "add_penalty_gradient", _nothing) for kind in _UNCOMPILED
      if CASES[kind].optimizer != SGD(0.1)),
    ("first units", "add_two", _nothing),
    ("first units", "give", _first_share_alone),
    ("first units, adam", "input_state_pass", _biases_left_out),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name", "wrong"), MUTANTS)
def test_a_wrong_pass_is_found_wrong(kind, name, wrong, monkeypatch):
    assert not report(CASES[kind], monkeypatch, {name: wrong}).ok


# -- which way it is ------------------------------------------------------------------------------


@helpers.needs_jit
@pytest.mark.skipif(usable_threads() == 1, reason="one thread goes alone")
@pytest.mark.parametrize(
    ("sizes", "optimizer", "batch_size", "way"),
    [
        ([4, 5, 3], "sgd", 7, "in registers"),
        ([4, 5, 3], "adam", 7, "by one thread"),
        ([4, 5, 3], "sgd", 40, "by one thread"),
        ([100, 100, 100, 100, 5], "sgd", 64, "by a team"),
        ([64, 100, 5], "adam", 64, "by first units"),
    ],
)
def test_the_way_is_that_of_fit_and_the_report_says_it(sizes, optimizer, batch_size, way):
    net = helpers.network(sizes, "tanh", "identity", "half_mse")
    X, Y = np.random.default_rng(0).standard_normal((2, 6, sizes[0]))
    found = loopbp.check_gradient(
        net, X, Y[:, : sizes[-1]], optimizer=optimizer, batch_size=batch_size, sample=40
    )
    assert found.ok, str(found)
    assert found.engine == f"tiled, {way}"
    assert f"engine: tiled, {way}" in str(found)
    settings = OPTIMIZERS[optimizer]().settings
    fits = engines.pick_training("auto", net.theta, net.architecture, settings, batch_size)
    assert fits.way == way


def test_a_report_names_the_other_engines_and_no_engine_of_a_function():
    net = helpers.network([2, 3, 1], "tanh", "identity", "half_mse")
    X, Y = np.ones((2, 2)), np.ones((2, 1))
    assert loopbp.check_gradient(net, X, Y, engine="loops").engine == "loops"
    assert "engine:" not in str(loopbp.check_gradient(net, X, Y, gradient=lambda _: net.theta))


@pytest.mark.parametrize("optimizer", [SGD(0.1), Adam(), SGD(0.1, clip_norm=1e-3)])
@pytest.mark.parametrize("dtype", helpers.DTYPES)
def test_steps_with_dropout_drop_nothing_and_repeated_rows_change_nothing(dtype, optimizer):
    net = helpers.network([4, 9, 3], "tanh", dtype=dtype, dropout=0.5, l2=0.1)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((7, 4)).astype(dtype)
    Y = np.eye(3, dtype=dtype)[np.arange(7) % 3]
    weight = rng.random(7)
    data = Data(X, Y, (weight / weight.mean()).astype(dtype))
    g = net.gradient(X, Y, sample_weight=weight, engine="numpy")
    for batch_size in (None, 3, 7, 20):
        steps = steps_of("auto", net.theta, net.architecture, 7, optimizer.settings, batch_size)
        full = repeated(data, batch_size)
        assert len(full.X) == max(7, batch_size or 0)
        J, found = by_steps(steps, net.theta, net.architecture, full)
        assert helpers.relative_difference(found, g.theta) <= helpers.TOLERANCE[dtype]
        assert abs(J - g.loss) <= helpers.TOLERANCE[dtype] * g.loss


def test_small_entries_of_a_gradient_keep_their_digits():
    """Beside weights of 1e6: theta itself must not round them away."""
    net = helpers.network([2, 2], (), "identity", "half_mse", dtype="float32")
    net.theta[:] = [1e6, 0.0, 0.0, 1e6, 0.0, 0.0]
    X, Y = np.array([[1e-6, 1e-9]]), np.array([[1.0 + 1e-3, 0.0]])
    exact = net.gradient(X, Y, engine="numpy").theta
    assert net.gradient(X, Y).theta == pytest.approx(exact, rel=1e-6, abs=0.0)
