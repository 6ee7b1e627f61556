"""Activations, losses and delta^L against mpmath, in every engine; and the check against mutants.

The long form is as ``loopbp check --numerics --points 5000``.
"""

import json
import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from cases import helpers
from cases.helpers import JIT, LONG, each_dtype, each_pair

from loopbp import activations, losses
from loopbp.catalogue import ACTIVATIONS, LOSSES
from loopbp.cli import main
from loopbp.numerics import measure as numerics
from loopbp.tiled import kernels as tiled_kernels

pytest.importorskip("mpmath", reason="the truth is mpmath's")

POINTS = (5000 if LONG else 300) if JIT else 60
each_engine = pytest.mark.parametrize("engine", numerics.ENGINES)
each_activation = pytest.mark.parametrize("name", helpers.HIDDEN)


@each_pair
@each_dtype
@each_engine
def test_loss_and_delta_are_those_of_mpmath(output, loss, dtype, engine):
    error = numerics.pair_error(output, loss, dtype, engine, POINTS)
    assert error.ok, error


@each_activation
@each_dtype
@each_engine
def test_sigma_and_sigma_prime_are_right_to_a_few_ulps(name, dtype, engine):
    error = numerics.activation_error(name, dtype, engine, POINTS)
    assert error.ok, error


@each_activation
@each_dtype
def test_training_keeps_a_right_sigma_prime(name, dtype):
    code = activations.CODES[name]

    def both(z):
        a = np.empty_like(z)
        tiled_kernels.activation_rows(code, 0, z[:, 0], a[:, 0], 0, 1, len(z), len(z), True)
        prime = np.ones_like(z)
        tiled_kernels.times_kept_prime_rows(code, 0, z[:, 0], prime[:, 0], 0, 1, len(z), len(z))
        return a, prime

    functions = (lambda z: both(z)[0]), (lambda z: both(z)[1])
    error = numerics.activation_error(name, dtype, "tiled", POINTS, functions=functions)
    assert error.ok, error


# -- wrong versions -------------------------------------------------------------------------------


def _sigmoid(z):
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def _tanh_softplus(z):
    return np.tanh(np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))))


_cdf = np.vectorize(lambda z: 0.5 * (1 + math.erf(z * math.sqrt(0.5))), otypes=[float])
OLD_SIGMA = {
    "gelu": lambda z: (z * _cdf(z)).astype(z.dtype),
    "silu": lambda z: np.where(np.exp(-np.abs(z)) < np.finfo(z.dtype).tiny, 0, z * _sigmoid(z)),
    "softplus": lambda z: np.log(1 + np.exp(np.minimum(z, 80))),
    "mish": lambda z: z * np.tanh(np.log(1 + np.exp(np.minimum(z, 80)))),
    "elu": lambda z: np.where(z > 0, z, np.exp(np.minimum(z, 0)) - 1),
}
OLD_PRIME = {
    "sigmoid": lambda z: _sigmoid(z) * (1 - _sigmoid(z)),
    "tanh": lambda z: 1 - np.tanh(z) ** 2,
    "elu": lambda z: np.where(z > 0, 1, np.expm1(np.minimum(z, 0)) + 1),
    "gelu": lambda z: (_cdf(z) + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)).astype(z.dtype),
    "silu": lambda z: _sigmoid(z) * (1 + z * (1 - _sigmoid(z))),
    "mish": lambda z: _tanh_softplus(z) + z * _sigmoid(z) * (1 - _tanh_softplus(z) ** 2),
}


def _right(name, kernel):
    """sigma or sigma' of the reference, as a function of an array."""
    return numerics._functions(name, numerics.kernels_of("numpy"))[kernel]


@each_dtype
@pytest.mark.parametrize("name", OLD_SIGMA)
def test_an_old_sigma_is_rejected(name, dtype):
    functions = OLD_SIGMA[name], _right(name, 1)
    error = numerics.activation_error(name, dtype, "numpy", 300, functions=functions)
    assert not error.ok
    assert error.prime_ulps <= error.bound


@each_dtype
@pytest.mark.parametrize("name", OLD_PRIME)
def test_an_old_sigma_prime_is_rejected(name, dtype):
    functions = _right(name, 0), OLD_PRIME[name]
    error = numerics.activation_error(name, dtype, "numpy", 300, functions=functions)
    assert not error.ok
    assert error.sigma_ulps <= error.bound


EARLY = {"float64": 500.0, "float32": 60.0}  # z with an exp(z) far from the largest number


@each_dtype
@pytest.mark.parametrize(
    "wrong",
    [
        lambda z: np.where(z > EARLY[z.dtype.name], np.inf, np.exp(z)),
        lambda z: np.minimum(np.exp(z), np.finfo(z.dtype).max),
    ],
    ids=["infinite too early", "held at the largest number"],
)
def test_an_exp_that_overflows_otherwise_is_rejected(wrong, dtype):
    for k in (0, 1):
        functions = [_right("exp", 0), _right("exp", 1)]
        functions[k] = wrong
        error = numerics.activation_error("exp", dtype, "numpy", 5000, functions=tuple(functions))
        assert not error.ok
        assert (error.prime_ulps, error.sigma_ulps)[k] <= error.bound


@each_dtype
def test_minus_infinity_for_infinity_is_rejected(dtype):
    right = vars(numerics.kernels_of("numpy"))

    def turned(*case):
        right["output_delta"](*case)
        case[-1][np.isinf(case[-1])] *= -1

    kernels = SimpleNamespace(**{**right, "output_delta": turned})
    error = numerics.pair_error("exp", "quadratic", dtype, "numpy", 300, kernels=kernels)
    assert not error.ok
    assert error.loss_error <= error.bound


def _held(a):
    return np.maximum(a, np.finfo("float32").tiny)


def _old_losses(loss, output, z, a, y, weight, out):
    n = a.shape[1]
    log_a = np.log(_held(a))
    out[:] = {
        losses.HALF_MSE: lambda: ((a - y) ** 2).sum(axis=1) / (2 * n),
        losses.BINARY_CROSS_ENTROPY: lambda: (
            -(y * log_a + (1 - y) * np.log(_held(1 - a))).sum(axis=1)
        ),
        losses.CROSS_ENTROPY: lambda: -(y * log_a).sum(axis=1),
        losses.POISSON: lambda: (a - y * log_a).sum(axis=1) / n,
        losses.POISSON_DEVIANCE: lambda: (a - y + y * (np.log(_held(y)) - log_a)).sum(axis=1),
    }[loss]()


def _old_delta(loss, output, address, z, a, y, weight, out):
    slope = {
        losses.BINARY_CROSS_ENTROPY: lambda: -(y / _held(a) - (1 - y) / _held(1 - a)),
        losses.CROSS_ENTROPY: lambda: -y / _held(a),
        losses.POISSON: lambda: (1 - y / _held(a)) / a.shape[1],
        losses.POISSON_DEVIANCE: lambda: 1 - y / _held(a),
    }[loss]()
    if output == activations.SOFTMAX:
        out[:] = a * (slope - (a * slope).sum(axis=1, keepdims=True))
    else:
        numerics.kernels_of("numpy").delta_from_da(output, address, z, slope, out)


RARE = [pair for pair in numerics.PAIRS if LOSSES[pair[1]].logarithmic
        and pair != ("sigmoid", "binary_cross_entropy")]  # fmt: skip


@each_dtype
@pytest.mark.parametrize(("output", "loss"), RARE)
@pytest.mark.parametrize(
    ("kernel", "old"), [("example_losses", _old_losses), ("output_delta", _old_delta)]
)
def test_an_old_formula_of_a_pair_is_rejected(output, loss, dtype, kernel, old):
    if (output, loss, kernel) == ("softmax", "cross_entropy", "output_delta"):
        old = lambda *case: np.subtract(case[4], 0.999 * case[5], out=case[-1])  # noqa: E731
    right = vars(numerics.kernels_of("numpy"))
    kernels = SimpleNamespace(**{**right, kernel: old})
    error = numerics.pair_error(output, loss, dtype, "numpy", 300, kernels=kernels)
    assert not error.ok
    unharmed = error.delta_error if kernel == "example_losses" else error.loss_error
    assert unharmed <= error.bound


# -- the command ----------------------------------------------------------------------------------


def test_command_prints_a_line_for_each_and_ends_well(capsys):
    assert main(["check", "--numerics", "--points", "12", "--engine", "numpy"]) == 0
    lines = capsys.readouterr().out.splitlines()
    count = 2 * (len(set(ACTIVATIONS) - {"softmax"}) + len(numerics.PAIRS))
    assert lines[-1] == f"{count} of {count} within their bounds"
    assert sum(line.endswith("  ok") for line in lines) == count


def test_command_finds_what_is_beyond_its_bound(capsys, monkeypatch):
    monkeypatch.setitem(numerics.BOUNDS, "float32", 1e-9)
    words = ["check", "--numerics", "--points", "12", "--engine", "numpy", "--json"]
    assert main(words) == 1
    facts = json.loads(capsys.readouterr().out)
    wrong = [e for e in facts["errors"] if not e["ok"]]
    assert facts["wrong"] == len(wrong) > 0
    assert {e["dtype"] for e in wrong} == {"float32"}


def test_command_names_what_is_not_installed(capsys, monkeypatch):
    from loopbp.numerics import exact

    exact.exact.cache_clear()
    numerics._scalars.cache_clear()
    monkeypatch.setitem(sys.modules, "mpmath", None)
    assert main(["check", "--numerics", "--points", "12"]) == 2
    assert "pip install mpmath" in capsys.readouterr().err


# -- what was reported ----------------------------------------------------------------------------


@each_engine
@each_dtype
@pytest.mark.parametrize(("z", "value"), [(-8.0, -4.97677e-15), (-9.0, -1.0157e-18)])
def test_gelu_far_below_zero(engine, dtype, z, value):
    out = np.empty((1, 1), dtype)
    z = np.array([[z]], dtype)
    numerics.kernels_of(engine).activation(activations.GELU, 0, z, out)
    assert out[0, 0] == pytest.approx(value, rel=1e-5)


@each_engine
@pytest.mark.parametrize(("dtype", "z"), [("float32", -17.0), ("float64", -37.0)])
def test_delta_of_softmax_with_binary_cross_entropy(engine, dtype, z):
    z, y = np.array([[z, 0.0]], dtype), np.array([[0.25, 0.75]], dtype)
    a, delta = np.empty_like(z), np.empty_like(z)
    kernels = numerics.kernels_of(engine)
    kernels.activation(activations.SOFTMAX, 0, z, a)
    codes = losses.BINARY_CROSS_ENTROPY, activations.SOFTMAX
    kernels.output_delta(*codes, 0, z, a, y, np.ones(1, dtype), delta)
    assert delta[0] == pytest.approx([-0.5, 0.5], rel=1e-6)


@each_engine
@each_dtype
@pytest.mark.parametrize(
    ("output", "loss"),
    [(output, loss) for output, loss in RARE if loss != "binary_cross_entropy"
     and output != LOSSES[loss].canonical],
)  # fmt: skip
def test_a_loss_far_below_zero_grows_and_pulls(engine, dtype, output, loss):
    z, y = np.array([[-900.0, 0.0]], dtype), np.array([[1.0, 0.0]], dtype)
    a, delta, c, one = np.empty_like(z), np.empty_like(z), np.empty(1), np.ones(1, dtype)
    kernels, codes = numerics.kernels_of(engine), (losses.CODES[loss], activations.CODES[output])
    kernels.activation(codes[1], 0, z, a)
    kernels.example_losses(*codes, z, a, y, one, c)
    kernels.output_delta(*codes, 0, z, a, y, one, delta)
    share = 2 if loss == "poisson" else 1
    rest = a[0].sum() / share if loss.startswith("poisson") else 0.0
    rest -= loss == "poisson_deviance"  # y log y - y
    assert c[0] == pytest.approx(900 / share + rest, rel=1e-6)
    assert delta[0, 0] == pytest.approx(-1 / share, rel=1e-6)


@each_engine
def test_elu_prime_far_below_zero(engine):
    z, prime = np.full((1, 1), -40.0), np.empty((1, 1))
    code = activations.ELU
    numerics.kernels_of(engine).delta_from_da(code, 0, z, np.ones((1, 1)), prime)
    assert prime[0, 0] == pytest.approx(math.exp(-40), rel=1e-14)


@pytest.mark.parametrize("engine", numerics.ENGINES)
def test_half_mse_in_float32_of_a_target_of_1e20(engine):
    net = helpers.network([1, 1], dtype="float32")
    assert net.loss([[0.0]], [[1e20]], engine=engine) == pytest.approx(5e39)
