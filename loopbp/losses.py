"""Losses: C^t and its derivative side by side, for one example t with outputs a = a^L, targets y.

====================  ==============================================  ==========  ==================
name                  C^t                                             outputs     dC/da_i
====================  ==============================================  ==========  ==================
half_mse              1/(2 n_L) sum_i (a_i - y_i)**2     (seed 002)   mean        (a_i - y_i)/n_L
quadratic             1/2 sum_i (a_i - y_i)**2           (Nielsen)    sum         a_i - y_i
mae                   1/n_L sum_i abs(a_i - y_i)                      mean        sign(a_i-y_i)/n_L
huber                 1/n_L sum_i h(a_i - y_i)                        mean        clip(a_i-y_i)/n_L
binary_cross_entropy  -sum_i y_i log a_i + (1-y_i) log(1-a_i)         sum         -(y/a-(1-y)/(1-a))
cross_entropy         -sum_i y_i log a_i                              sum         -y_i/a_i
poisson               1/n_L sum_i a_i - y_i log a_i                   mean        (1 - y_i/a_i)/n_L
====================  ==============================================  ==========  ==================

h(e) = e**2/2 for abs(e) <= 1, else abs(e) - 1/2; clip is to [-1, 1]; sign(0) = 0.
The cost is J = (1/m) sum_t s_t C^t, s_t the weight of example t.

delta^L_i = dC^t/dz^L_i (seed 002, Task 1) is sigma'(z_i) dC/da_i, but for

- sigmoid with binary_cross_entropy and softmax with cross_entropy: a_i - y_i, and C^t is computed
  from z, so that neither loses digits where a reaches 0 or 1 (softmax: for sum_i y_i = 1);
- softmax with any other loss: a_i (g_i - sum_k a_k g_k), g = dC/da: the full Jacobian.

Where a logarithm or a quotient would meet 0, a is held at float32's smallest normal number.
"""

import math

from loopbp._jit import inline_jit, inner_jit
from loopbp.activations import SIGMOID, SOFTMAX, sigma_prime_row

NAMES = (
    "half_mse", "quadratic", "mae", "huber", "binary_cross_entropy", "cross_entropy", "poisson",
)  # fmt: skip
CODES = {name: code for code, name in enumerate(NAMES)}
HALF_MSE, QUADRATIC, MAE, HUBER, BINARY_CROSS_ENTROPY, CROSS_ENTROPY, POISSON = range(len(NAMES))

# The output activations whose range each loss is defined on; a user's own fits every loss.
_ANY = frozenset(
    {"identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "gelu", "silu",
     "softmax"}
)  # fmt: skip
FITS = {
    "half_mse": _ANY,
    "quadratic": _ANY,
    "mae": _ANY,
    "huber": _ANY,
    "binary_cross_entropy": frozenset({"sigmoid", "softmax"}),
    "cross_entropy": frozenset({"softmax", "sigmoid"}),
    "poisson": frozenset({"softplus", "sigmoid", "softmax"}),
}
# What each loss is used with where nothing is said, and the reverse.
USUAL_OUTPUT = {
    "half_mse": "identity", "quadratic": "identity", "mae": "identity", "huber": "identity",
    "binary_cross_entropy": "sigmoid", "cross_entropy": "softmax", "poisson": "softplus",
}  # fmt: skip
USUAL_LOSS = {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy"}
TINY = 1.1754943508222875e-38  # the smallest normal float32; 1 / TINY is finite in float32


@inline_jit
def held(a):
    """a, at least the smallest normal number (NaN stays NaN)."""
    return TINY if a < TINY else a


@inline_jit
def squared(y, a):
    return (a - y) * (a - y)


@inline_jit
def squared_prime(y, a):
    return 2.0 * (a - y)


@inline_jit
def absolute(y, a):
    return abs(a - y)


@inline_jit
def absolute_prime(y, a):
    return 1.0 if a > y else (-1.0 if a < y else 0.0 * (a - y))


@inline_jit
def huber(y, a):
    e = abs(a - y)
    return 0.5 * e * e if e <= 1.0 else e - 0.5


@inline_jit
def huber_prime(y, a):
    e = a - y
    return -1.0 if e < -1.0 else (1.0 if e > 1.0 else e)


@inline_jit
def binary_cross_entropy(y, a):
    return -(y * math.log(held(a)) + (1.0 - y) * math.log(held(1.0 - a)))


@inline_jit
def binary_cross_entropy_prime(y, a):
    return -(y / held(a) - (1.0 - y) / held(1.0 - a))


@inline_jit
def cross_entropy(y, a):
    return -y * math.log(held(a))


@inline_jit
def cross_entropy_prime(y, a):
    return -y / held(a)


@inline_jit
def poisson(y, a):
    return a - y * math.log(held(a))


@inline_jit
def poisson_prime(y, a):
    return 1.0 - y / held(a)


@inner_jit
def loss_row(loss, output, z, a, y):
    """C^t of one example.

    Parameters
    ----------
    loss, output
        Codes of the loss and of the output activation.
    z, a, y : arrays of shape (n_L,)
        Weighted inputs, activations and targets of the output layer.

    Returns
    -------
    float
        Summed or averaged over outputs as the table above says, always in float64.
    """
    n = a.shape[0]
    total = 0.0
    if loss == BINARY_CROSS_ENTROPY and output == SIGMOID:
        for i in range(n):  # -y log a - (1-y) log(1-a) = log(1 + exp z) - y z
            total += max(z[i], 0.0) + math.log1p(math.exp(-abs(z[i]))) - y[i] * z[i]
    elif loss == CROSS_ENTROPY and output == SOFTMAX:
        top = z[0]
        for i in range(1, n):
            top = max(top, z[i])
        normaliser = 0.0
        for i in range(n):
            normaliser += math.exp(z[i] - top)
        for i in range(n):  # -y log a = y (log sum_k exp(z_k - top) - (z - top))
            total += y[i] * (math.log(normaliser) - (z[i] - top))
    elif loss == HALF_MSE:
        for i in range(n):
            total += squared(y[i], a[i])
        total = total / (2 * n)
    elif loss == QUADRATIC:
        for i in range(n):
            total += squared(y[i], a[i])
        total = total / 2
    elif loss == MAE:
        for i in range(n):
            total += absolute(y[i], a[i])
        total = total / n
    elif loss == HUBER:
        for i in range(n):
            total += huber(y[i], a[i])
        total = total / n
    elif loss == BINARY_CROSS_ENTROPY:
        for i in range(n):
            total += binary_cross_entropy(y[i], a[i])
    elif loss == CROSS_ENTROPY:
        for i in range(n):
            total += cross_entropy(y[i], a[i])
    else:
        for i in range(n):
            total += poisson(y[i], a[i])
        total = total / n
    return total


@inner_jit
def times_loss_prime_row(loss, a, y, out):
    """out_i = out_i * dC/da_i over the outputs i of one example."""
    n = a.shape[0]
    if loss == HALF_MSE:
        for i in range(n):
            out[i] = out[i] * squared_prime(y[i], a[i]) / (2 * n)
    elif loss == QUADRATIC:
        for i in range(n):
            out[i] = out[i] * squared_prime(y[i], a[i]) / 2
    elif loss == MAE:
        for i in range(n):
            out[i] = out[i] * absolute_prime(y[i], a[i]) / n
    elif loss == HUBER:
        for i in range(n):
            out[i] = out[i] * huber_prime(y[i], a[i]) / n
    elif loss == BINARY_CROSS_ENTROPY:
        for i in range(n):
            out[i] = out[i] * binary_cross_entropy_prime(y[i], a[i])
    elif loss == CROSS_ENTROPY:
        for i in range(n):
            out[i] = out[i] * cross_entropy_prime(y[i], a[i])
    else:
        for i in range(n):
            out[i] = out[i] * poisson_prime(y[i], a[i]) / n


@inner_jit
def delta_row(loss, output, address, z, a, y, out):
    """out_i = delta^L_i = dC^t/dz^L_i of one example, for every pair of output and loss.

    Parameters
    ----------
    loss, output
        Codes of the loss and of the output activation.
    address
        Of the user's sigma', where the output activation is the user's.
    z, a, y, out : arrays of shape (n_L,)
    """
    n = a.shape[0]
    if (loss == BINARY_CROSS_ENTROPY and output == SIGMOID) or (
        loss == CROSS_ENTROPY and output == SOFTMAX
    ):
        for i in range(n):
            out[i] = a[i] - y[i]
    elif output == SOFTMAX:
        for i in range(n):
            out[i] = 1.0
        times_loss_prime_row(loss, a, y, out)  # g_k = dC/da_k
        dot = 0.0
        for k in range(n):
            dot += a[k] * out[k]
        for i in range(n):  # sum_k g_k da_k/dz_i with da_k/dz_i = a_k ([i = k] - a_i)
            out[i] = a[i] * (out[i] - dot)
    else:
        sigma_prime_row(output, address, z, out)
        times_loss_prime_row(loss, a, y, out)


@inner_jit
def penalty(w, l2):
    """(lambda/2) sum_ij w_ij**2 of one layer, in float64.  Biases are not penalised."""
    total = 0.0
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            total += float(w[i, j]) * float(w[i, j])
    return 0.5 * l2 * total


@inner_jit
def add_penalty_gradient(w, l2, dw):
    """dJ/dw_ij = dJ/dw_ij + lambda w_ij."""
    factor = w.dtype.type(l2)
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            dw[i, j] += factor * w[i, j]
