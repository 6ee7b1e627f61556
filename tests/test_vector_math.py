"""exp, tanh and their kin: the largest error over the whole range, special values, vector code."""

import platform
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases.helpers import BOUNDSCHECK, JIT, LONG, each_dtype, needs_jit
from numba import njit

from loopbp import activations, reference
from loopbp.jit import by_symbol
from loopbp.jit.decorators import inline_jit
from loopbp.machine import vector_math
from loopbp.machine.memory import REGISTER_BYTES, width
from loopbp.machine.registers import load_part, store_part
from loopbp.tiled import activations as vector_activations

# Operators on registers are known to this package's own compilations.
with_registers = njit(pipeline_class=by_symbol.OurCompiler, error_model="numpy")

FUNCTIONS = ("exp", "expm1", "tanh", "sigmoid", "softplus", "log_of_sum")
TYPES = {"float32": ("f", np.float32), "float64": ("d", np.float64)}
POINTS = (1_000_000 if LONG else 100_000) if JIT else 800

each_function = pytest.mark.parametrize(
    ("name", "dtype"),
    [(name, dtype) for name in FUNCTIONS for dtype in ("float32", "float64")
     if (name, dtype) != ("log_of_sum", "float32")],
)  # fmt: skip


def looped(function: Callable[..., Any]) -> Callable[..., Any]:
    """A compiled loop of a function over a vector."""

    @with_registers
    def fill(x, out):
        for k in range(x.size):
            out[k] = function(x[k])

    return fill


LOOPS = {name: looped(getattr(vector_math, name)) for name in FUNCTIONS}


def run(loop: Callable[..., Any], x: Any) -> Any:
    out = np.empty_like(x)
    with np.errstate(all="ignore"):  # integers that wrap round are meant; only NumPy warns
        loop(x, out)
    return out


# -- the truth ------------------------------------------------------------------------------------


def exact(name: str, x: Any) -> Any:
    """The function in the C library's long double, which must have more digits than float64."""
    if np.finfo(np.longdouble).nmant <= np.finfo(x.dtype).nmant:
        pytest.skip("long double is float64 on this platform")
    x = x.astype(np.longdouble)
    with np.errstate(all="ignore"):
        if name == "sigmoid":
            e = np.exp(-np.abs(x))
            return np.where(x < 0, e, 1) / (1 + e)
        if name == "softplus":
            return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
        return getattr(np, {"log_of_sum": "log"}.get(name, name))(x)


def library(name: str, x: Any) -> Any:
    """The same formulas in the number type itself, over NumPy's exp and log1p."""
    with np.errstate(all="ignore"):
        if name == "sigmoid":
            e = np.exp(-np.abs(x))
            return np.where(x < 0, e, 1) / (1 + e)
        if name == "softplus":
            return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
        return getattr(np, {"log_of_sum": "log"}.get(name, name))(x).astype(x.dtype)


def ulps(found: Any, true: Any) -> Any:
    """|found - true| in units in the last place of the true value, infinity taken as 2**128."""
    info = np.finfo(found.dtype)
    above = np.ldexp(np.longdouble(1), info.maxexp)
    limited = np.clip(true, -above, above)
    found = np.clip(found.astype(np.longdouble), -above, above)
    exponent = np.frexp(limited)[1] - 1
    unit = np.ldexp(np.longdouble(1), np.clip(exponent, info.minexp, info.maxexp - 1) - info.nmant)
    return np.abs(found - limited) / unit


# -- the sweep ------------------------------------------------------------------------------------


def sweep(name: str, dtype: str) -> Any:
    """Numbers of every exponent, many where the function changes, and the edges of its cases."""
    kind, info = np.dtype(dtype).type, np.finfo(dtype)
    rng = np.random.default_rng(0)
    if name == "log_of_sum":
        powers = np.ldexp(1.0 + rng.random(POINTS), rng.integers(0, 60, POINTS))
        near_1 = 1.0 + np.ldexp(rng.random(POINTS), rng.integers(-52, 1, POINTS))
        ends = [1.0, 1.0 + info.eps, 2.0 - info.eps, 2.0, 1e6, info.max]
        return np.concatenate([powers, near_1, ends])
    bits = rng.integers(0, 1 << (8 * info.dtype.itemsize - 1), POINTS, dtype=np.uint64)
    everywhere = bits.astype(f"u{info.dtype.itemsize}").view(dtype)
    everywhere = everywhere[np.isfinite(everywhere)]
    lowest = float(np.log(kind(info.smallest_subnormal))) - 2
    middle = rng.uniform(lowest, -lowest, POINTS)
    small = rng.uniform(-3, 3, POINTS)
    edges = [
        0.625, 1.0, np.log(2), 87.33, 88.72283905, 89, 103.97, 104, 708.396, 709.7827128933840,
        709.7827128933841, 710, 745.13, 746, info.tiny, info.smallest_subnormal, 0.0,
    ]  # fmt: skip
    edges = np.array(edges, dtype)
    with np.errstate(under="ignore"):
        edges = np.concatenate(
            [edges, np.nextafter(edges, kind(0)), np.nextafter(edges, kind(9e9))]
        )
    positive = np.concatenate([everywhere, middle.astype(dtype), small.astype(dtype), edges])
    x = np.concatenate([positive, -positive]).astype(dtype)
    return np.minimum(x, 0) if name == "expm1" else x  # elu needs no others


def largest_error(name: str, dtype: str, loop: Callable[..., Any]) -> float:
    x = sweep(name, dtype)
    return float(ulps(run(loop, x), exact(name, x)).max())


def documented() -> dict[tuple[str, str], float]:
    """The table in the docstring of the module."""
    rows = re.findall(r"^(\w+) +([\d.]+|-) +([\d.]+)$", vector_math.__doc__ or "", re.MULTILINE)
    return {
        (name, dtype): float(value)
        for name, *values in rows
        for dtype, value in zip(("float32", "float64"), values, strict=True)
        if value != "-"
    }


@each_function
def test_largest_error_is_that_of_the_docstring(name, dtype):
    bound = documented()[name, dtype]
    found = largest_error(name, dtype, LOOPS[name])
    assert found <= bound
    if JIT:  # plain Python sweeps fewer points and rounds multiply-adds twice
        assert found > bound - 0.75, "the docstring promises less than is measured"


def test_docstring_has_every_function():
    keys = {(name, dtype) for name in FUNCTIONS for dtype in TYPES}
    assert set(documented()) == keys - {("log_of_sum", "float32")}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float64_is_at_most_2_ulp_beyond_the_library(name):
    x = sweep(name, "float64")
    of_library = float(ulps(library(name, x), exact(name, x)).max())
    assert documented()[name, "float64"] <= of_library + 2


@pytest.mark.parametrize("name", FUNCTIONS[:-1])
def test_float32_is_right_to_1e_6(name):
    x, info = sweep(name, "float32"), np.finfo("float32")
    found, true = run(LOOPS[name], x).astype(np.longdouble), exact(name, x)
    normal = (np.abs(true) >= info.tiny) & (np.abs(true) <= info.max)
    found, true = found[normal], true[normal]
    assert (np.abs(found - true) / np.abs(true)).max() <= 1e-6


@each_function
def test_special_values_are_those_of_the_library(name, dtype):
    info = np.finfo(dtype)
    if name == "log_of_sum":
        x = np.array([1.0, np.inf, np.nan], dtype)
    else:
        positive = [0.0, info.smallest_subnormal, info.tiny, info.max, np.inf, np.nan]
        x = np.array(positive + [-number for number in positive], dtype)
    found, expected = run(LOOPS[name], x), library(name, x)
    assert np.array_equal(np.isnan(found), np.isnan(x)), "NaN is kept and not made"
    kept = ~np.isnan(x)
    assert (np.signbit(found) == np.signbit(expected))[kept].all(), "-0 stays -0"
    assert found[kept] == pytest.approx(expected[kept], rel=4 * float(info.eps), abs=0.0)
    zero_or_infinite = ~np.isfinite(expected) | (expected == 0)
    assert np.array_equal(found[zero_or_infinite], expected[zero_or_infinite], equal_nan=True)


def in_registers(function: Callable[..., Any]) -> Callable[..., Any]:
    """A compiled loop of a function over a vector, a register at a time."""

    @with_registers
    def fill(x, out):
        for k in range(0, x.size, width(x.itemsize)):
            left = x.size - k
            store_part(out, k, function(load_part(x, k, left)), left)

    return fill


def same_bits(name: str, dtype: str, loop: Callable[..., Any]) -> bool:
    x = sweep(name, dtype)
    x = np.append(x, np.array([1.0, np.inf, np.nan], dtype))
    found, expected = run(loop, x), run(LOOPS[name], x)
    is_nan = np.isnan(expected)  # of either sign
    kept = found[~is_nan].tobytes() == expected[~is_nan].tobytes()
    return kept and np.array_equal(np.isnan(found), is_nan)


@each_function
def test_a_register_holds_the_bits_of_its_numbers(name, dtype):
    assert same_bits(name, dtype, in_registers(getattr(vector_math, name)))


def test_registers_of_another_function_are_rejected():
    assert not same_bits("exp", "float32", in_registers(vector_math.expm1))


@each_dtype
@pytest.mark.parametrize("name", [n for n in activations.NAMES if n != "softmax"])
def test_sigma_and_sigma_prime_by_their_codes(name, dtype):
    code = activations.CODES[name]

    @with_registers
    def both(x, out_a, out_prime):
        for k in range(0, x.size, width(x.itemsize)):
            z = load_part(x, k, x.size - k)
            a = vector_activations.sigma(code, z)
            store_part(out_a, k, a, x.size - k)
            store_part(out_prime, k, vector_activations.sigma_prime(code, z), x.size - k)

    edges = [0.0, -0.0, 1e-30, -1e-30, 30.0, -30.0, np.nan, np.inf, -np.inf]
    z = np.append(np.linspace(-5, 5, 41), edges).astype(dtype)
    a, prime = np.empty_like(z), np.empty_like(z)
    with np.errstate(all="ignore"):
        both(z, a, prime)
        expected = np.empty_like(z), np.empty_like(z)
        reference.activation(code, 0, z[None], expected[0][None])
        reference.delta_from_da(code, 0, z[None], np.ones_like(z)[None], expected[1][None])
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    finite = np.isfinite(z)
    assert a[finite] == pytest.approx(expected[0][finite], rel=tolerance, abs=tolerance)
    assert prime[finite] == pytest.approx(expected[1][finite], rel=tolerance, abs=tolerance)
    assert np.isnan(a[np.isnan(z)]).all()


@each_dtype
def test_reinterpret_there_and_back(dtype):
    value = np.dtype(dtype).type(-1.5)
    bits = vector_math.reinterpret(value)
    assert bits == value.view(f"i{value.itemsize}")
    assert vector_math.reinterpret(bits) == value


# -- wrong versions -------------------------------------------------------------------------------

COEFFICIENT = vector_math._F_E[2]


@inline_jit
def _exp_of_a_changed_coefficient(x):
    n, p = vector_math._reduce_f(x)
    r = x - n * np.float32(np.log(2))
    p += np.float32(2e-4) * COEFFICIENT * r * r * r * r * r  # r**5 is the third one's
    half = np.int32(n >> vector_math._I1)
    rest = np.int32(n - half)
    return (p + np.float32(1)) * vector_math._power_f(half) * vector_math._power_f(rest)


@inline_jit
def _exp_without_subnormal_numbers(x):
    n, p = vector_math._reduce_f(x)
    scale = vector_math._power_f(max(n, np.int32(-126)))
    return (p + np.float32(1)) * scale if n >= -126 else np.float32(0)


@inline_jit
def _tanh_by_exp_alone(x):
    e = vector_math.exp_f(x + x)
    return np.float32(1) - np.float32(2) / (e + np.float32(1))


@inline_jit
def _sigmoid_of_one_case(x):
    e = vector_math.exp_f(x)
    return e / (np.float32(1) + e)


@inline_jit
def _softplus_of_one_case(x):
    return np.float32(np.log(np.float32(1) + vector_math.exp_f(x)))


MUTANTS = {
    "exp": [_exp_of_a_changed_coefficient, _exp_without_subnormal_numbers],
    "tanh": [_tanh_by_exp_alone],
    "sigmoid": [_sigmoid_of_one_case],
    "softplus": [_softplus_of_one_case],
}


@pytest.mark.parametrize(
    ("name", "mutant"),
    [(name, mutant) for name, mutants in MUTANTS.items() for mutant in mutants],
    ids=lambda value: getattr(value, "__name__", value).strip("_"),
)
def test_sweep_rejects_a_wrong_function(name, mutant):
    found = largest_error(name, "float32", looped(mutant))
    assert not found <= documented()[name, "float32"]  # NaN is rejected as well


# -- vector instructions --------------------------------------------------------------------------

on_x86 = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64") or REGISTER_BYTES < 32,
    reason="the instructions looked for are those of AVX2 and AVX-512",
)
PACKED = r"\bv(?:mul|fn?m(?:add|sub)\d+)p{}\b.*%[yz]mm"
LIBRARY = r"\$(?:exp|tanh|log)(?:1p|m1)?f?\b"


def machine_code(loop: Callable[..., Any], dtype: str) -> str:
    run(loop, np.ones(3, dtype))
    codes = loop.inspect_asm()  # pyright: ignore[reportFunctionMemberAccess]
    return next(code for kinds, code in codes.items() if str(kinds[0].dtype) == dtype)


@needs_jit
@on_x86
@pytest.mark.skipif(BOUNDSCHECK, reason="a loop that checks its bounds stays scalar")
@each_function
def test_loop_vectorises_and_calls_no_library(name, dtype):
    code = machine_code(LOOPS[name], dtype)
    assert re.search(PACKED.format("s" if dtype == "float32" else "d"), code)
    assert not re.search(LIBRARY, code)


def _tanh_of_the_library(x):
    return np.tanh(x)


@needs_jit
@on_x86
def test_the_search_rejects_a_loop_over_the_library():
    code = machine_code(looped(inline_jit(_tanh_of_the_library)), "float64")
    assert not re.search(PACKED.format("d"), code)
    assert re.search(LIBRARY, code)
