"""sigma and sigma': values, derivatives, extremes, and a user's own activation."""

import math

import numpy as np
import pytest
from cases import helpers
from cases.helpers import REFERENCE, each_engine
from numba import njit, vectorize

import loopbp
from loopbp import activations
from loopbp.jit.decorators import inline_jit

SIGMOID_1 = 1 / (1 + math.exp(-1))
PHI_1 = 0.5 * (1 + math.erf(math.sqrt(0.5)))  # of the normal distribution, at 1
KINKED = ("relu", "leaky_relu", "elu")


def apply(engine, kernel, name, z, address=0):
    z = np.atleast_2d(np.asarray(z, float))
    code = activations.CODES.get(name, activations.USER)
    inputs = (code, address, z) + ((np.ones_like(z),) if kernel == "delta_from_da" else ())
    return helpers.run_kernel(getattr(engine.kernels, kernel), (inputs, z))[0]


@each_engine
@pytest.mark.parametrize(
    ("name", "at_1", "at_minus_1"),
    [
        ("identity", 1.0, -1.0),
        ("sigmoid", SIGMOID_1, 1 - SIGMOID_1),
        ("tanh", math.tanh(1), -math.tanh(1)),
        ("relu", 1.0, 0.0),
        ("leaky_relu", 1.0, -0.01),
        ("elu", 1.0, math.exp(-1) - 1),
        ("softplus", math.log(1 + math.e), math.log(1 + math.exp(-1))),
        ("gelu", PHI_1, -(1 - PHI_1)),
        ("silu", SIGMOID_1, -(1 - SIGMOID_1)),
        ("softsign", 0.5, -0.5),
        ("exp", math.e, 1 / math.e),
        ("mish", math.tanh(math.log(1 + math.e)), -math.tanh(math.log(1 + math.exp(-1)))),
    ],
)
def test_values_at_1_and_minus_1(engine, name, at_1, at_minus_1):
    assert apply(engine, "activation", name, [1.0, -1.0]) == pytest.approx([at_1, at_minus_1])


@each_engine
def test_softmax_of_known_ratios(engine):
    a = apply(engine, "activation", "softmax", np.log([1.0, 2.0, 5.0]))
    assert a == pytest.approx([1 / 8, 2 / 8, 5 / 8])


@each_engine
@pytest.mark.parametrize("name", helpers.HIDDEN)
def test_sigma_prime_is_the_central_difference_of_sigma(engine, name):
    z = np.linspace(-6, 6, 41) + 0.01  # beside the kinks
    h = 1e-5
    above, below = (apply(engine, "activation", name, z + step) for step in (h, -h))
    found = apply(engine, "delta_from_da", name, z)
    assert found == pytest.approx((above - below) / (2 * h), rel=1e-10, abs=1e-9)


@each_engine
@pytest.mark.parametrize(("name", "slope"), [("relu", 0.0), ("leaky_relu", 0.01), ("elu", 1.0)])
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_slope_at_the_kink_is_the_left_one(engine, name, slope, zero):
    assert apply(engine, "delta_from_da", name, [zero]) == slope


@each_engine
@pytest.mark.parametrize("name", activations.NAMES)
def test_nan_stays_nan(engine, name):
    with np.errstate(invalid="ignore"):  # uncompiled registers warn
        found = apply(engine, "activation", name, [np.nan])
    assert np.isnan(found).all()


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("sigmoid", (0, 0), (1, 0)), ("tanh", (-1, 0), (1, 0)), ("relu", (0, 0), (1e4, 1)),
        ("leaky_relu", (-100, 0.01), (1e4, 1)), ("elu", (-1, 0), (1e4, 1)),
        ("softplus", (0, 0), (1e4, 1)), ("gelu", (0, 0), (1e4, 1)), ("silu", (0, 0), (1e4, 1)),
        ("mish", (0, 0), (1e4, 1)),
        ("softsign", (-1e4 / 10001, 10001**-2), (1e4 / 10001, 10001**-2)),
        ("exp", (0, 0), (math.inf, math.inf)),
    ],
)  # fmt: skip
@each_engine
def test_limits_at_1e4(engine, name, low, high):
    z = [-1e4, 1e4]
    sigma, prime = (apply(engine, k, name, z) for k in ("activation", "delta_from_da"))
    assert list(zip(sigma, prime, strict=True)) == [low, high]


# -- a user's own ---------------------------------------------------------------------------------


def _tanh(z):
    return math.tanh(z)


def _tanh_prime(z):
    return 1.0 - math.tanh(z) ** 2


@pytest.fixture
def my_tanh(registry):
    return loopbp.register_activation("my_tanh", inline_jit(_tanh), inline_jit(_tanh_prime))


@pytest.mark.parametrize("engine", ["numpy", "loops"])
@pytest.mark.parametrize("where", [{"hidden": "my_tanh"}, {"hidden": "relu", "output": "my_tanh"}])
def test_own_tanh_is_the_built_in_tanh(my_tanh, engine, where):
    X, Y = np.random.default_rng(0).standard_normal((2, 9, 3))
    built_in = {role: name.removeprefix("my_") for role, name in where.items()}
    own, theirs = (
        loopbp.Network([3, 5, 3], **{"loss": "half_mse", **names}, initializer="normal", seed=1)
        for names in (where, built_in)
    )
    for net in (own, theirs):
        net.fit(X, Y, epochs=2, batch_size=4, engine=engine)
    assert np.allclose(own.theta, theirs.theta, rtol=1e-12, atol=1e-14)
    assert own.gradient(X, Y, engine=engine).theta == pytest.approx(
        theirs.gradient(X, Y, engine="numpy").theta, rel=1e-10
    )


def test_own_activation_in_float32_and_given_as_the_object(my_tanh):
    net = loopbp.Network([2, 3, 1], hidden=my_tanh, dtype="float32", seed=1)
    z = np.array([[0.1, 0.2]], "float32") @ net.weights[0].T
    assert net.hidden == ("my_tanh",)
    assert net.activations([[0.1, 0.2]])[1] == pytest.approx(np.tanh(z), rel=1e-6)


def test_own_activation_from_plain_python(registry):
    own = loopbp.register_activation("double", lambda z: 2.0 * z, lambda z: 2.0)
    for engine in (REFERENCE, *helpers.ENGINES):
        assert apply(engine, "activation", "double", [1.5], own.addresses[0]) == 3.0
        assert apply(engine, "delta_from_da", "double", [1.5], own.addresses[1]) == 2.0


def test_own_activation_may_have_what_no_kernel_has(registry):
    def sigma(z, power=None):
        total = sum([k * z for k in (1.0, 1.0)])
        half = lambda x: x / 2  # noqa: E731
        return half(total) if power is None else total**power

    own = loopbp.register_activation("roundabout", sigma, lambda z: 1.0)
    for engine in helpers.ENGINES:
        assert apply(engine, "activation", "roundabout", [1.5], own.addresses[0]) == 1.5


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (("tanh", _tanh, _tanh_prime), ValueError, "name: 'tanh' is a built-in"),
        (("two words", _tanh, _tanh_prime), ValueError, "name: expected a word"),
        ((None, _tanh, _tanh_prime), ValueError, "name: expected a word"),
        (("own", 3, _tanh_prime), TypeError, "sigma: expected a function"),
        (("own", _tanh, None), TypeError, "sigma_prime: expected a function"),
        (("own", lambda z: math.nan, _tanh_prime), ValueError, "sigma: expected a finite number"),
        (("own", _tanh, lambda z: math.inf), ValueError, "sigma_prime: expected a finite number"),
    ],
)
def test_bad_own_activation(registry, arguments, error, match):
    with pytest.raises(error, match=match):
        loopbp.register_activation(*arguments)
    assert "own" not in registry


@helpers.needs_jit
def test_own_activation_that_cannot_be_compiled(registry):
    def getitem(z):
        return z[0]

    why = "could not be compiled as a function of one float: .*getitem.*float64"
    with pytest.raises(TypeError, match=f"^sigma_prime: {why}"):
        loopbp.register_activation("own", _tanh, getitem)


@vectorize
def _ufunc(z):
    return 2.0 * z


@pytest.mark.parametrize("decorate", [lambda function: function, njit])
@pytest.mark.parametrize(
    ("bad", "error", "match"),
    [
        (lambda z, y: z, TypeError, r"a function of one number, .* got one that takes \(z, y\)"),
        (lambda: 1.0, TypeError, r"a function of one number, .* got one that takes \(\)"),
        (lambda z: z * 1j, TypeError, "one real number back, got (complex128|0.5j)"),
        (lambda z: np.array([z, z]), TypeError, "one real number back, got array"),
        (lambda z: np.where(z > 0, z, 0.0), TypeError, "one real number back, got array"),
        (lambda z: None, TypeError, "one real number back, got None"),
        (lambda z: (z, z), TypeError, "one real number back, got "),
        (lambda z: "a", TypeError, "one real number back, got "),
    ],
)
def test_own_activation_that_is_no_scalar_function(registry, decorate, bad, error, match):
    with pytest.raises(error, match=f"^sigma_prime: expected {match}") as caught:
        loopbp.register_activation("own", _tanh, decorate(bad))
    assert "\n" not in str(caught.value)
    assert "own" not in registry


@pytest.mark.parametrize("bad", [np.tanh, math.tanh, float, _ufunc])
def test_own_activation_that_is_a_function_of_another_kind(registry, bad):
    with pytest.raises(TypeError, match=r"^sigma: expected an @njit or a plain .*; wrap it in one"):
        loopbp.register_activation("own", bad, _tanh_prime)


@pytest.mark.parametrize("place", [0.0, 0.5, -1.5])
def test_own_activation_that_raises(registry, capfd, place):
    with pytest.raises(ValueError, match=rf"^sigma: expected a number at z = {place:g}, got Zero"):
        loopbp.register_activation("own", njit(lambda z: 1.0 / (z - place)), _tanh_prime)
    assert capfd.readouterr().err == ""


@helpers.needs_jit
def test_own_activation_in_plain_python_divides_as_numpy_does(registry):
    own = loopbp.register_activation("inverse", lambda z: 1.0 / z, lambda z: -1.0 / (z * z))
    for engine in helpers.ENGINES:
        assert apply(engine, "activation", "inverse", [0.0], own.addresses[0]) == np.inf


@pytest.mark.parametrize("sigma", [lambda z: 1, lambda z: z > 0.0, lambda z: np.float32(2 * z)])
def test_own_activation_may_return_any_real_number(registry, sigma):
    own = loopbp.register_activation("own", sigma, sigma)
    for engine in helpers.ENGINES:
        found = apply(engine, "activation", "own", [2.0], own.addresses[0])
        assert found == float(sigma(2.0))
