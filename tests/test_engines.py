"""Every engine computes what the NumPy reference computes, and the comparison can tell."""

import inspect

import numpy as np
import pytest
from cases import helpers
from cases.helpers import BATCHES, REFERENCE, TOLERANCE, each_dtype, each_engine, each_pair

from loopbp import activations, binding, loops, losses, optimizers, passes, reference
from loopbp.jit.sources import plain
from loopbp.random import arrays
from loopbp.random import streams as rng

VARIANTS = [
    (kernel, variant) for kernel, variants in helpers.KERNEL_VARIANTS.items()
    for variant in variants
]  # fmt: skip


# -- twins ----------------------------------------------------------------------------------------


def test_cases_exist_for_every_kernel():
    assert tuple(helpers.KERNEL_VARIANTS) == binding.KERNELS


def codes(kernel, chosen):
    """What runs for a kernel in some engines: compiled functions, or their uncompiled code."""
    functions = [getattr(engine.kernels, kernel) for engine in chosen]
    return [function if helpers.JIT else plain(function).__code__ for function in functions]


@pytest.mark.parametrize("kernel", binding.KERNELS)
def test_every_kernel_is_tested_and_none_twice(kernel):
    found = codes(kernel, helpers.ENGINES)
    assert len(found) == len(set(found))
    if not helpers.BOUNDSCHECK:  # that pass is for serial code
        assert set(found) == set(codes(kernel, helpers.COMPILED))
    assert len(helpers.COMPILED) > len(found), "all engines would test some of them twice"


@pytest.mark.parametrize("kernel", binding.KERNELS)
def test_kernel_has_a_documented_twin_in_every_engine(kernel):
    names = []
    for engine in helpers.all_engines():
        function = plain(getattr(engine.kernels, kernel))
        assert function.__doc__, engine.name
        names.append(tuple(inspect.signature(function).parameters))
    assert len(set(names)) == 1, "twins take the same arguments in the same order"


def test_loops_module_defines_the_kernels_and_nothing_else():
    defined = [
        name for name, value in vars(loops).items()
        if getattr(plain(value), "__module__", None) == loops.__name__
    ]  # fmt: skip
    assert sorted(defined) == sorted(binding.KERNELS)


@pytest.mark.parametrize("kernel", binding.KERNELS)
def test_kernel_docstring_has_equation_loops_and_race_note(kernel):
    text = inspect.getdoc(plain(getattr(loops, kernel))) or ""
    assert "=" in text.splitlines()[0], "the equation stands in the first line"
    for part in ("Loops:", "Race-free:", "seed 00", "Parameters"):
        assert part in text, part


# Over arrays of counters in the reference, one number at a time in the loops: see test_rng.
VECTORISED = {"random_bits", "uniforms", "normals"}
OTHER_TWINS = [
    name for name, value in {**vars(reference), **vars(arrays)}.items()
    if inspect.isfunction(value) and not name.startswith("_")
    and name not in {*binding.KERNELS, *VECTORISED}
]  # fmt: skip


@pytest.mark.parametrize("name", OTHER_TWINS)
def test_other_function_of_the_reference_has_a_loop_of_the_same_arguments(name):
    loop = next(
        plain(vars(module)[name])
        for module in (losses, passes, optimizers, rng)
        if name in vars(module) and plain(vars(module)[name]).__module__ == module.__name__
    )
    assert loop.__doc__
    twin = getattr(reference, name, None) or getattr(arrays, name)
    assert inspect.signature(loop) == inspect.signature(twin)


def test_reference_does_not_import_numba():
    for module in (reference, arrays):
        assert "numba" not in inspect.getsource(module)


# -- kernels --------------------------------------------------------------------------------------


@each_engine
@each_dtype
@pytest.mark.parametrize(("kernel", "variant"), VARIANTS)
def test_kernel_equals_reference(engine, dtype, kernel, variant):
    function = getattr(engine.kernels, kernel)
    assert helpers.kernel_difference(function, kernel, variant, dtype) <= TOLERANCE[dtype]


@each_engine
@each_dtype
@pytest.mark.parametrize("name", activations.NAMES)
def test_extreme_z_equals_reference(engine, dtype, name):
    z = helpers.within_reach(name, np.array([helpers.EXTREME_Z], dtype))
    case = ((activations.CODES[name], 0, z), z)
    for kernel in ("activation", "delta_from_da"):
        if kernel == "delta_from_da":
            if name == "softmax":
                continue
            case = ((*case[0], np.ones_like(z)), z)
        found, expected = (
            helpers.run_kernel(getattr(e.kernels, kernel), case) for e in (engine, REFERENCE)
        )
        assert np.isfinite(found).all(), kernel
        # entry by entry: 1e4 must not hide what happens around 0
        assert np.allclose(found, expected, rtol=1e-6, atol=TOLERANCE[dtype]), kernel


# Without softmax through its Jacobian with a loss that divides by a: there 1e37 - 1e37 is what is
# left where a reaches 0 and 1, and each order of summing leaves something else.
STABLE_PAIRS = [
    pair for pair in helpers.PAIRS
    if pair not in (("softmax", "binary_cross_entropy"), ("softmax", "poisson"))
]  # fmt: skip


@each_engine
@each_dtype
@pytest.mark.parametrize(("output", "loss"), STABLE_PAIRS)
def test_saturated_outputs_equal_reference(engine, dtype, output, loss):
    z = np.array([[-800.0, 3.0, -0.0], [90.0, -90.0, 0.0]], dtype)
    z = helpers.within_reach(output, z)
    a = np.empty_like(z)
    REFERENCE.kernels.activation(activations.CODES[output], 0, z, a)
    y = np.array([[0.0, 1.0, 0.0], [0.25, 0.25, 0.5]], dtype)
    codes = losses.CODES[loss], activations.CODES[output]
    weight = np.ones(2, dtype)
    cases = {
        "example_losses": ((*codes, z, a, y, weight), np.empty(2)),
        "output_delta": ((*codes, 0, z, a, y, weight), z),
    }
    for kernel, case in cases.items():
        found, expected = (
            helpers.run_kernel(getattr(e.kernels, kernel), case) for e in (engine, REFERENCE)
        )
        assert np.isfinite(found).all()
        assert helpers.relative_difference(found, expected) <= TOLERANCE[dtype], kernel


@each_engine
def test_bp3_then_bp4_is_the_recurrence(engine):
    for case in helpers.kernel_cases("hidden_delta", ("tanh",), "float64"):
        (w, delta, code, address, z), like = case
        da, two_steps = np.empty_like(like), np.empty_like(like)
        engine.kernels.activation_gradient(w, delta, da)
        engine.kernels.delta_from_da(code, address, z, da, two_steps)
        one_step = helpers.run_kernel(engine.kernels.hidden_delta, case)
        assert helpers.relative_difference(two_steps, one_step) <= TOLERANCE["float64"]


# -- whole gradients ------------------------------------------------------------------------------


@each_engine
@each_dtype
@each_pair
def test_gradient_equals_reference(engine, dtype, output, loss):
    """1 to 5 layers, all batch sizes; the 30 hidden layers go through all activations."""
    hidden, widths = (iter(np.resize(of, 200).tolist()) for of in (helpers.HIDDEN, helpers.UNITS))
    for layers in range(1, 6):
        for m in BATCHES:
            sizes = [next(widths) for _ in range(layers)] + [2 + layers % 3]
            net = helpers.network(
                sizes, [next(hidden) for _ in range(layers - 1)], output, loss,
                dtype=dtype, l2=0.01 * (m % 2),
            )  # fmt: skip
            rng = np.random.default_rng([layers, m])
            X = rng.standard_normal((m, sizes[0])).astype(dtype)
            Y = helpers.targets_for(output, loss, m, sizes[-1], dtype)
            weight = (0.5 + rng.random(m)).astype(dtype)
            (J, found), (J_reference, expected) = (
                helpers.full_gradient(e, net, X, Y, weight) for e in (engine, REFERENCE)
            )
            assert abs(J - J_reference) <= TOLERANCE[dtype] * abs(J_reference)
            assert helpers.relative_difference(found, expected) <= TOLERANCE[dtype], net


# -- the comparison itself ------------------------------------------------------------------------


def _weighted_input_transposed(w, b, a_prev, out_z):
    out_z[...] = a_prev @ w.reshape(w.T.shape) + b


def _weighted_input_without_bias(w, b, a_prev, out_z):
    out_z[...] = a_prev @ w.T


def _activation_of_minus_z(code, address, z, out_a):
    REFERENCE.kernels.activation(code, address, -z, out_a)


def _losses_unweighted(loss, output, z, a, y, weight, out_c):
    REFERENCE.kernels.example_losses(loss, output, z, a, y, np.ones_like(weight), out_c)


def _losses_over_m(loss, output, z, a, y, weight, out_c):
    REFERENCE.kernels.example_losses(loss, output, z, a, y, weight, out_c)
    out_c /= len(z)


def _output_delta_over_m(loss, output, address, z, a, y, weight, out_delta):
    REFERENCE.kernels.output_delta(loss, output, address, z, a, y, weight, out_delta)
    out_delta /= len(z)


def _output_delta_without_sigma_prime(loss, output, address, z, a, y, weight, out_delta):
    out_delta[...] = (a - y) / a.shape[1] * weight[:, None]


def _hidden_delta_without_sigma_prime(w_next, delta_next, code, address, z, out_delta):
    out_delta[...] = delta_next @ w_next


def _hidden_delta_swapped(w_next, delta_next, code, address, z, out_delta):
    swapped = w_next.reshape(w_next.T.shape).T
    REFERENCE.kernels.hidden_delta(swapped, delta_next, code, address, z, out_delta)


def _activation_gradient_swapped(w_next, delta_next, out_da):
    out_da[...] = delta_next @ w_next.reshape(w_next.T.shape).T


def _delta_without_sigma_prime(code, address, z, da, out_delta):
    out_delta[...] = da


def _weight_gradient_without_1_m(delta, a_prev, out_dw):
    out_dw[...] = delta.T @ a_prev


def _weight_gradient_swapped(delta, a_prev, out_dw):
    out_dw[...] = (a_prev.T @ delta / len(delta)).reshape(out_dw.shape)


def _bias_gradient_without_1_m(delta, out_db):
    out_db[...] = delta.sum(axis=0)


def _adding(kernel):
    """`+=` where the kernel must write `=`."""

    def stale(*arguments):
        *inputs, out = arguments
        held = out.copy()
        getattr(REFERENCE.kernels, kernel)(*inputs, out)
        out += held

    return stale


MUTANTS = {
    "weighted_input": [_weighted_input_transposed, _weighted_input_without_bias],
    "activation": [_activation_of_minus_z],
    "example_losses": [_losses_unweighted, _losses_over_m],
    "output_delta": [_output_delta_over_m, _output_delta_without_sigma_prime],
    "hidden_delta": [_hidden_delta_without_sigma_prime, _hidden_delta_swapped],
    "activation_gradient": [_activation_gradient_swapped],
    "delta_from_da": [_delta_without_sigma_prime],
    "weight_gradient": [_weight_gradient_without_1_m, _weight_gradient_swapped],
    "bias_gradient": [_bias_gradient_without_1_m],
}
VARIANT_OF_MUTANT = {
    "activation": ("tanh",), "hidden_delta": ("tanh",), "delta_from_da": ("tanh",),
    "example_losses": ("sigmoid", "half_mse"), "output_delta": ("sigmoid", "half_mse"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("kernel", "mutant"),
    [
        pytest.param(kernel, mutant, id=f"{kernel}-{mutant.__name__.strip('_')}")
        for kernel in binding.KERNELS
        for mutant in [*MUTANTS[kernel], _adding(kernel)]
    ],
)
def test_comparison_rejects_a_wrong_kernel(kernel, mutant):
    variant = VARIANT_OF_MUTANT.get(kernel, ())
    assert helpers.kernel_difference(mutant, kernel, variant, "float64") > 1e-3


@pytest.mark.parametrize(
    ("found", "expected", "difference"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0, 2.2], [1.0, 2.0], 0.1),
        ([0.0, 0.0], [0.0, 0.0], 0.0),
        ([np.nan, 1.0], [np.nan, 1.0], 0.0),
        ([np.nan, 1.0], [0.0, 1.0], np.inf),
        ([0.0, 1.0], [np.nan, 1.0], np.inf),
        ([1.0], [1.0, 1.0], np.inf),
    ],
)
def test_relative_difference(found, expected, difference):
    assert helpers.relative_difference(found, expected) == pytest.approx(difference)
