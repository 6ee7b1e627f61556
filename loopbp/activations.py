"""Activations: sigma and sigma' side by side, as scalar functions, and their application to rows.

====================  =========================================  =================================
name                  sigma(z)                                   sigma'(z)
====================  =========================================  =================================
identity              z                                          1
sigmoid               1 / (1 + exp(-z))                          a (1 - a)
tanh                  tanh z                                     1 - a**2
relu                  max(z, 0)                                  1 if z > 0 else 0
leaky_relu            z if z > 0 else 0.01 z                     1 if z > 0 else 0.01
elu                   z if z > 0 else exp(z) - 1                 1 if z > 0 else exp(z)
softplus              log(1 + exp(z))                            sigmoid(z)
gelu                  z Phi(z), Phi the normal distribution      Phi(z) + z phi(z)
silu                  z sigmoid(z)                               s (1 + z (1 - s)), s = sigmoid(z)
softmax (output)      exp(z_i) / sum_k exp(z_k)                  a full Jacobian: see losses.py
====================  =========================================  =================================

Convention at the kink: relu'(0) = 0 and leaky_relu'(0) = 0.01, the left derivative.
gelu is the exact form (Hendrycks and Gimpel 2016), not its tanh approximation.
None of these overflows or becomes NaN for finite z.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loopbp._jit import c_address, call_address, inline_jit, inner_jit

LEAKY_SLOPE = 0.01
_SQRT_HALF = math.sqrt(0.5)
_INVERSE_SQRT_TWO_PI = 1.0 / math.sqrt(2.0 * math.pi)

NAMES = (
    "identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "gelu", "silu",
    "softmax",
)  # fmt: skip
CODES = {name: code for code, name in enumerate(NAMES)}
IDENTITY, SIGMOID, TANH, RELU, LEAKY_RELU, ELU, SOFTPLUS, GELU, SILU, SOFTMAX = range(len(NAMES))
USER = 99
# Those without a kink: a complex step or a small real step meets no corner.
SMOOTH = frozenset({"identity", "sigmoid", "tanh", "softplus", "gelu", "silu", "softmax"})


@inline_jit
def sigmoid(z):
    e = math.exp(-abs(z))  # at most 1: no overflow on either side
    return (1.0 if z >= 0.0 else e) / (1.0 + e)


@inline_jit
def sigmoid_prime(z):
    s = sigmoid(z)
    return s * (1.0 - s)


@inline_jit
def tanh_prime(z):
    a = math.tanh(z)
    return 1.0 - a * a


@inline_jit
def relu(z):
    return 0.0 if z <= 0.0 else z  # so written, NaN stays NaN


@inline_jit
def relu_prime(z):
    return 1.0 if z > 0.0 else 0.0


@inline_jit
def leaky_relu(z):
    return z if z > 0.0 else LEAKY_SLOPE * z


@inline_jit
def leaky_relu_prime(z):
    return 1.0 if z > 0.0 else LEAKY_SLOPE


@inline_jit
def elu(z):
    return z if z > 0.0 else math.expm1(z)


@inline_jit
def elu_prime(z):
    return 1.0 if z > 0.0 else math.exp(z)


@inline_jit
def softplus(z):
    return max(z, 0.0) + math.log1p(math.exp(-abs(z)))


@inline_jit
def gelu(z):
    return 0.5 * z * (1.0 + math.erf(_SQRT_HALF * z))


@inline_jit
def gelu_prime(z):
    density = _INVERSE_SQRT_TWO_PI * math.exp(-0.5 * z * z)
    return 0.5 * (1.0 + math.erf(_SQRT_HALF * z)) + z * density


@inline_jit
def silu(z):
    return z * sigmoid(z)


@inline_jit
def silu_prime(z):
    s = sigmoid(z)
    return s * (1.0 + z * (1.0 - s))


@inner_jit
def softmax_row(z, out):
    """out_i = exp(z_i - max z) / sum_k exp(z_k - max z): shifted, so that nothing overflows."""
    top = z[0]
    for i in range(1, z.shape[0]):
        top = max(top, z[i])
    total = 0.0
    for i in range(z.shape[0]):
        out[i] = math.exp(z[i] - top)
        total += out[i]
    for i in range(z.shape[0]):
        out[i] = out[i] / total


@inner_jit
def sigma_row(code, address, z, out):
    """out_i = sigma(z_i) over the units i of one example.

    Parameters
    ----------
    code
        One of the codes above; the test stands outside the loop over i.
    address
        Of the user's sigma, where code is ``USER``.
    z, out : arrays of shape (n,)
    """
    if code == IDENTITY:
        for i in range(z.shape[0]):
            out[i] = z[i]
    elif code == SIGMOID:
        for i in range(z.shape[0]):
            out[i] = sigmoid(z[i])
    elif code == TANH:
        for i in range(z.shape[0]):
            out[i] = math.tanh(z[i])
    elif code == RELU:
        for i in range(z.shape[0]):
            out[i] = relu(z[i])
    elif code == LEAKY_RELU:
        for i in range(z.shape[0]):
            out[i] = leaky_relu(z[i])
    elif code == ELU:
        for i in range(z.shape[0]):
            out[i] = elu(z[i])
    elif code == SOFTPLUS:
        for i in range(z.shape[0]):
            out[i] = softplus(z[i])
    elif code == GELU:
        for i in range(z.shape[0]):
            out[i] = gelu(z[i])
    elif code == SILU:
        for i in range(z.shape[0]):
            out[i] = silu(z[i])
    elif code == SOFTMAX:
        softmax_row(z, out)
    else:
        for i in range(z.shape[0]):
            out[i] = call_address(address, z[i])


@inner_jit
def sigma_prime_row(code, address, z, out):
    """out_i = sigma'(z_i) over the units i of one example, for every activation but softmax.

    Softmax has no sigma' of one z_i; its Jacobian is in `loopbp.losses.delta_row`.
    """
    if code == IDENTITY:
        for i in range(z.shape[0]):
            out[i] = 1.0
    elif code == SIGMOID:
        for i in range(z.shape[0]):
            out[i] = sigmoid_prime(z[i])
    elif code == TANH:
        for i in range(z.shape[0]):
            out[i] = tanh_prime(z[i])
    elif code == RELU:
        for i in range(z.shape[0]):
            out[i] = relu_prime(z[i])
    elif code == LEAKY_RELU:
        for i in range(z.shape[0]):
            out[i] = leaky_relu_prime(z[i])
    elif code == ELU:
        for i in range(z.shape[0]):
            out[i] = elu_prime(z[i])
    elif code == SOFTPLUS:
        for i in range(z.shape[0]):
            out[i] = sigmoid(z[i])
    elif code == GELU:
        for i in range(z.shape[0]):
            out[i] = gelu_prime(z[i])
    elif code == SILU:
        for i in range(z.shape[0]):
            out[i] = silu_prime(z[i])
    else:
        for i in range(z.shape[0]):
            out[i] = call_address(address, z[i])


@dataclass(frozen=True, eq=False)
class Activation:
    """A user's own activation, made by `register_activation`."""

    name: str
    sigma: Callable[[float], float]
    sigma_prime: Callable[[float], float]
    machine_code: tuple[Any, Any]

    @property
    def addresses(self) -> tuple[int, int]:
        """Where sigma and sigma' stand in memory, as kernels call them."""
        return c_address(self.machine_code[0]), c_address(self.machine_code[1])


REGISTERED: dict[str, Activation] = {}


def register_activation(
    name: str, sigma: Callable[[float], float], sigma_prime: Callable[[float], float]
) -> Activation:
    """Make an activation of your own usable wherever a built-in name is.

    Parameters
    ----------
    name
        Not a built-in name.  Registering a name again replaces it for networks made later.
    sigma, sigma_prime
        Scalar functions of one float that return one float: ``@njit`` functions, or plain
        Python that Numba can compile.

    Returns
    -------
    Activation
        May be given instead of its name.

    Raises
    ------
    ValueError
        If the name is taken, or a function does not return a finite number at z = 0.5, or raises
        an exception where it is tried.
    TypeError
        If a function does not take one number, does not return one real number (a complex one, an
        array, None), or cannot be compiled.

    Examples
    --------
    >>> import math, loopbp
    >>> from numba import njit
    >>> softsign = loopbp.register_activation(
    ...     "softsign",
    ...     njit(lambda z: z / (1.0 + abs(z))),
    ...     njit(lambda z: 1.0 / (1.0 + abs(z)) ** 2),
    ... )
    >>> net = loopbp.Network([2, 3, 1], hidden="softsign", output="identity")
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"name: expected a word such as 'softsign', got {name!r}")
    if name in CODES:
        raise ValueError(f"name: {name!r} is a built-in activation; choose another name")
    from loopbp.scalar_functions import scalar_function

    code = scalar_function("sigma", sigma), scalar_function("sigma_prime", sigma_prime)
    activation = Activation(name, sigma, sigma_prime, code)
    REGISTERED[name] = activation
    return activation
