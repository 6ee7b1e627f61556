"""The vectorised reference: seed 001's equations in NumPy, one function per function of `loops`.

Nothing here is compiled and nothing is shared with the loops, so the two can be held against each
other.  Arrays hold one example per row, (m, n_l): the transpose of seed 001's columns, so its
``W A`` is ``a @ w.T`` here.  Function and argument names are those of `loopbp.loops`; what has no
equation there (the rules of optimizers) is the twin of `loopbp.optimizers`.
"""

import ctypes
import math

import numpy as np

from loopbp.catalogue import (
    ACTIVATION_CODES,
    BINARY_CROSS_ENTROPY,
    CANONICAL,
    CROSS_ENTROPY,
    EXP,
    LEAKY_SLOPE,
    LOSSES,
    POISSON,
    POISSON_DEVIANCE,
    SIGMOID,
    SOFTMAX,
    SOFTPLUS,
    TINY,
    USER,
)

_erfc = np.frompyfunc(math.erfc, 1, 1)  # NumPy has no erfc


def _sigmoid(z):
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def _sigmoid_prime(z):
    return _sigmoid(z) * _sigmoid(-z)  # 1 - a would lose its digits


def _tanh_prime(z):
    e = np.exp(-2 * np.abs(z))
    return 4 * e / (1 + e) ** 2


def _softplus(z):
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def _softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _normal(z):
    """Phi(-s) and s phi(s) for s = |z|, in float64, each to its last digits.

    s is cut in two, s = h + r, so that h**2 and h sqrt(1/2) need no rounding; what s / sqrt(2)
    lost is given back by erfc' = -2/sqrt(pi) exp(-x**2).
    """
    s = np.minimum(np.abs(z.astype(np.float64)), 40.0)
    h = np.rint(s * 2.0**20) / 2.0**20
    r = s - h
    root = math.sqrt(0.5)
    high = float(np.float32(root))
    x = s * root
    lost = (h * high - x) + (h * _ROOT_LOW + r * root)
    square = np.exp(-h * h / 2) * np.exp(-r * (s + h) / 2)
    tail = np.asarray(_erfc(x), np.float64) / 2 - lost * square / math.sqrt(math.pi)
    return tail, s * square / math.sqrt(2 * math.pi)


_ROOT_LOW = 1.210161710447897e-08  # sqrt(1/2) less the float32 number next to it


def _gelu(z):
    tail, _ = _normal(z)
    return z * np.where(z < 0, tail, 1 - tail)


def _gelu_prime(z):
    tail, slope = _normal(z)
    return np.where(z < 0, tail - slope, 1 - (tail - slope))


def _silu(z):
    half = np.exp(np.minimum(z, 0) / 2)  # its square may be subnormal where z times it is not
    return np.where(z < 0, half * z * half, z) / (1 + np.exp(-np.abs(z)))


def _silu_prime(z):
    half = np.exp(-np.abs(z) / 2)
    e = half * half
    with np.errstate(over="ignore"):
        factor = np.where(z < 0, 1 + z + e, 1 + z)
    return np.where(z < 0, half * factor * half, 1 + half * factor * half) / (1 + e) ** 2


_MISH_END = -40  # z below which tanh(log(1 + exp(z))) is exp(z)


def _mish(z):
    half = np.exp(np.minimum(z, 0) / 2)
    return np.where(z < _MISH_END, half * z * half, z * np.tanh(_softplus(z)))


def _mish_prime(z):
    half, s = np.exp(np.minimum(z, 0) / 2), _softplus(z)
    slope = np.tanh(s) + z * _sigmoid(z) * _tanh_prime(s)
    return np.where(z < _MISH_END, half * (1 + z) * half, slope)


def _exp(z):
    with np.errstate(over="ignore"):  # infinity is what it is meant to be
        return np.exp(z)


_SIGMA = {
    "identity": lambda z: z,
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, LEAKY_SLOPE * z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "softplus": _softplus,
    "gelu": _gelu,
    "silu": _silu,
    "mish": _mish,
    "softsign": lambda z: z / (1 + np.abs(z)),
    "exp": _exp,
    "softmax": _softmax,
}
_SIGMA_PRIME = {
    "identity": np.ones_like,
    "sigmoid": _sigmoid_prime,
    "tanh": _tanh_prime,
    "relu": lambda z: np.where(z > 0, 1, 0),
    "leaky_relu": lambda z: np.where(z > 0, 1, LEAKY_SLOPE),
    "elu": lambda z: np.where(z > 0, 1, np.exp(np.minimum(z, 0))),
    "softplus": _sigmoid,
    "gelu": _gelu_prime,
    "silu": _silu_prime,
    "mish": _mish_prime,
    "softsign": lambda z: (1 + np.abs(z)) ** -2.0,
    "exp": _exp,
}


def _by_code(table):
    return {ACTIVATION_CODES[name]: function for name, function in table.items()}


_SIGMA_OF, _SIGMA_PRIME_OF = _by_code(_SIGMA), _by_code(_SIGMA_PRIME)


def _function(table, code, address):
    """The function of a code; of the user's, the scalar function at an address, over arrays."""
    if code != USER:
        return table[int(code)]
    scalar = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(int(address))
    return lambda z: np.array([scalar(v) for v in z.ravel().tolist()]).reshape(z.shape)


def weighted_input(w, b, a_prev, out_z):
    """Z = A_prev W^T + b  (seed 001, equation 2)."""
    np.matmul(a_prev, w.T, out=out_z)
    out_z += b


def activation(code, address, z, out_a):
    """A = g(Z)  (seed 001, equation 1)."""
    out_a[...] = _function(_SIGMA_OF, code, address)(z)


def _log_cosh(error):
    e = np.abs(error)
    near = np.log1p(2 * np.sinh(np.minimum(e, 1) / 2) ** 2)
    return np.where(e < 1, near, np.logaddexp(e, -e) - math.log(2))


def _entropy(y):
    """y log y, with 0 log 0 = 0."""
    return y * np.log(np.where(y > 0, y, 1))


_LOSSES = {row.code: row for row in LOSSES.values()}
# What one output adds to C^t, and its derivative by a.
_TERM = {
    "half_mse": lambda y, a: (a - y) ** 2 / 2,
    "quadratic": lambda y, a: (a - y) ** 2 / 2,
    "mae": lambda y, a: np.abs(a - y),
    "huber": lambda y, a: np.where(np.abs(a - y) <= 1, 0.5 * (a - y) ** 2, np.abs(a - y) - 0.5),
    "binary_cross_entropy": lambda y, a: (
        -(y * np.log(np.maximum(a, TINY)) + (1 - y) * np.log(np.maximum(1 - a, TINY)))
    ),
    "cross_entropy": lambda y, a: -(y * np.log(np.maximum(a, TINY))),
    "poisson": lambda y, a: a - y * np.log(np.maximum(a, TINY)),
    "log_cosh": lambda y, a: _log_cosh(a - y),
    "poisson_deviance": lambda y, a: a - y + (_entropy(y) - y * np.log(np.maximum(a, TINY))),
}
_TERM_PRIME = {
    "half_mse": lambda y, a: a - y,
    "quadratic": lambda y, a: a - y,
    "mae": lambda y, a: np.sign(a - y),
    "huber": lambda y, a: np.clip(a - y, -1, 1),
    "binary_cross_entropy": lambda y, a: (
        -(y / np.maximum(a, TINY) - (1 - y) / np.maximum(1 - a, TINY))
    ),
    "cross_entropy": lambda y, a: -y / np.maximum(a, TINY),
    "poisson": lambda y, a: 1 - y / np.maximum(a, TINY),
    "log_cosh": lambda y, a: np.tanh(a - y),
    "poisson_deviance": lambda y, a: 1 - y / np.maximum(a, TINY),
}


def _from_z(loss, output):
    """Whether the logarithms of a loss come from z: with built-in outputs, by their codes."""
    row = _LOSSES[int(loss)]
    return row.logarithmic and int(output) in {ACTIVATION_CODES[name] for name in row.outputs}


def _losses(loss, output, z, a, y):
    """C^t of every example in float64: the formulas of `loopbp.losses`, over whole arrays."""
    row = _LOSSES[int(loss)]
    z, a, y = (array.astype(np.float64) for array in (z, a, y))
    if _from_z(loss, output):
        log_a, log_rest = _LOGARITHMS[int(output)](z)
        a = _exp(z) if output == EXP else a  # that of float32 may be infinite
        terms = {
            CROSS_ENTROPY: lambda: -(y * log_a),
            BINARY_CROSS_ENTROPY: lambda: -(y * log_a + (1 - y) * log_rest),
            POISSON: lambda: a - y * log_a,
            POISSON_DEVIANCE: lambda: a - y * log_a + (_entropy(y) - y),
        }[row.code]()
    else:
        terms = _TERM[row.name](y, a)
    return terms.sum(axis=1) / (a.shape[1] if row.mean else 1)


def _softmax_shifts(z):
    """z_i - top and the log of their sum of exp; the second largest z and its place at the top."""
    best = z.argmax(axis=1)[:, None]
    shifted = z - np.take_along_axis(z, best, 1)
    others = shifted.copy()
    np.put_along_axis(others, best, -np.inf, 1)
    return best, shifted, others


def _softmax_logarithms(z):
    """log a and log(1 - a), the one at the top of the sum over the others."""
    best, shifted, others = _softmax_shifts(z)
    rest = np.exp(others).sum(axis=1, keepdims=True)
    a = np.exp(shifted) / (1 + rest)
    np.put_along_axis(a, best, 0, 1)
    second = others.max(axis=1, keepdims=True)
    log_rest = second + np.log(np.exp(others - second).sum(axis=1, keepdims=True))
    with np.errstate(divide="ignore"):
        log_top = np.where(rest < 1, log_rest - np.log1p(rest), -np.log1p(1 / rest))
    log_1_a = np.log1p(-a)
    np.put_along_axis(log_1_a, best, log_top, 1)
    return shifted - np.log1p(rest), log_1_a


def _log_softplus(z):
    with np.errstate(divide="ignore"):
        return np.where(z < -36, z - np.exp(np.minimum(z, 0)) / 2, np.log(_softplus(z)))


# log a and log(1 - a) from z, by output.
_LOGARITHMS = {
    SIGMOID: lambda z: (-_softplus(-z), -_softplus(z)),
    SOFTMAX: _softmax_logarithms,
    SOFTPLUS: lambda z: (_log_softplus(z), None),
    EXP: lambda z: (z, None),
}


def _softmax_binary_delta(z, y):
    """delta of softmax with binary_cross_entropy: sum_k (h_k [i = k] - a_i h_k) with
    h_k = (a_k - y_k) / (1 - a_k), as a matrix of bounded terms."""
    best, shifted, others = _softmax_shifts(z)
    n = z.shape[1]
    e = np.exp(shifted)
    a = e / e.sum(axis=1, keepdims=True)
    rest = np.exp(others)
    second = np.exp(others - others.max(axis=1, keepdims=True))
    # share[t, i, k] = e_i / sum_j!=k e_j
    without = e.sum(axis=1, keepdims=True) - e
    np.put_along_axis(without, best, 1, 1)
    share = e[:, :, None] / without[:, None, :]
    at_top = second / second.sum(axis=1, keepdims=True)
    np.put_along_axis(share, best[:, :, None], at_top[:, :, None], 2)
    not_same = 1 - np.eye(n)
    one_less = without / (1 + rest.sum(axis=1, keepdims=True))
    share_of_rest = rest.sum(axis=1, keepdims=True) / (1 + rest.sum(axis=1, keepdims=True))
    np.put_along_axis(one_less, best, share_of_rest, 1)
    own = (1 - y) * a - y * one_less
    cross = a[:, :, None] * y[:, None, :] - ((1 - y) * a)[:, None, :] * share
    return own + (cross * not_same).sum(axis=2)


def _logarithmic_delta(loss, output, z, a, y):
    """delta from z, for the pairs with a logarithm whose delta is not a - y."""
    if (loss, output) == (BINARY_CROSS_ENTROPY, SOFTMAX):
        return _softmax_binary_delta(z.astype(np.float64), y.astype(np.float64))
    if (loss, output) == (CROSS_ENTROPY, SIGMOID):
        return -y * _sigmoid(-z)
    if loss == POISSON:
        return _logarithmic_delta(POISSON_DEVIANCE, output, z, a, y) / a.shape[1]
    if (loss, output) == (POISSON_DEVIANCE, SOFTMAX):
        return a * y.sum(axis=1, keepdims=True) - y
    if (loss, output) == (POISSON_DEVIANCE, SIGMOID):
        return _sigmoid(-z) * (a - y)
    if (loss, output) == (POISSON_DEVIANCE, EXP):
        return a - y
    if (loss, output) == (POISSON_DEVIANCE, SOFTPLUS):
        z = z.astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(z < -36, 1 - np.exp(np.minimum(z, 0)) / 2, _sigmoid(z) / _softplus(z))
        return ratio * (a - y)
    raise ValueError(f"loss {loss}, output {output}: no delta from z")


def _loss_gradient(loss, a, y):
    """dC/da for each output: dA^L of seed 000."""
    row = _LOSSES[int(loss)]
    return _TERM_PRIME[row.name](y, a) / (a.shape[1] if row.mean else 1)


def example_losses(loss, output, z, a, y, weight, out_c):
    """s_t C^t  (seed 001, equation 3 is their mean)."""
    out_c[...] = weight * _losses(loss, output, z, a, y)


def output_delta(loss, output, address, z, a, y, weight, out_delta):
    """dZ^L = dA^L * g'(Z^L)  (seed 001, BP4 at the last layer; seed 002, Task 1)."""
    if (loss, output) in CANONICAL:
        out_delta[...] = a - y
    elif _from_z(loss, output):
        out_delta[...] = _logarithmic_delta(loss, output, z, a, y)
    elif output == SOFTMAX:
        jacobian = a[:, :, None] * (np.eye(a.shape[1], dtype=a.dtype) - a[:, None, :])
        out_delta[...] = np.einsum("tki,tk->ti", jacobian, _loss_gradient(loss, a, y))
    else:
        delta_from_da(output, address, z, _loss_gradient(loss, a, y), out_delta)
    out_delta *= weight[:, None]


def hidden_delta(w_next, delta_next, code, address, z, out_delta):
    """dZ = (dZ_next W_next) * g'(Z)  (seed 001, BP3 and BP4 in one)."""
    delta_from_da(code, address, z, delta_next @ w_next, out_delta)


def activation_gradient(w_next, delta_next, out_da):
    """dA = dZ_next W_next  (seed 001, BP3: W^T dZ with examples as columns)."""
    np.matmul(delta_next, w_next, out=out_da)


def delta_from_da(code, address, z, da, out_delta):
    """dZ = dA * g'(Z)  (seed 001, BP4)."""
    out_delta[...] = da * _function(_SIGMA_PRIME_OF, code, address)(z)


def weight_gradient(delta, a_prev, out_dw):
    """dW = (1/m) dZ^T A_prev  (seed 001, BP1: (1/m) dZ A^T with examples as columns)."""
    parts = (np.matmul(delta[rows].T, a_prev[rows]) for rows in _row_blocks(delta))
    out_dw[...] = _sum_of(parts) / delta.shape[0]


def bias_gradient(delta, out_db):
    """db = (1/m) sum over examples of dZ  (seed 001, BP2)."""
    out_db[...] = _sum_of(delta[rows].sum(axis=0) for rows in _row_blocks(delta)) / len(delta)


def _row_blocks(delta):
    """Slices of 1024 examples: NumPy adds down a column number by number."""
    return (slice(start, start + 1024) for start in range(0, len(delta), 1024))


def _sum_of(parts):
    """The sum of arrays, in float64 where there are several."""
    total = next(parts)
    for part in parts:
        total = total.astype(np.float64) + part
    return total


# What follows has its twins in loopbp.losses, loopbp.optimizers and loopbp.passes.


def penalty(w, l2):
    """(lambda/2) sum w**2."""
    return 0.5 * l2 * float(np.sum(w.astype(np.float64) ** 2))


def add_penalty_gradient(w, l2, dw):
    """dW += lambda W."""
    dw += w.dtype.type(l2) * w


def gather(X, Y, weight, order, start, rows, x, y, s):
    """The examples order[start : start + rows]."""
    k = order[start : start + rows]
    x[...], y[...], s[...] = X[k], Y[k], weight[k]


def sgd(theta, gradient, learning_rate):
    theta -= learning_rate * gradient


def momentum(theta, gradient, velocity, learning_rate, mu, nesterov):
    velocity *= mu
    velocity -= learning_rate * gradient
    theta += mu * velocity - learning_rate * gradient if nesterov else velocity


def rmsprop(theta, gradient, square, learning_rate, keep, take, epsilon):
    square *= keep
    square += take * gradient**2
    theta -= learning_rate * gradient / (np.sqrt(square) + epsilon)


def adam(theta, gradient, mean, square, learning_rate, beta1, beta2, epsilon, step):
    mean *= beta1
    mean += (1 - beta1) * gradient
    square *= beta2
    square += (1 - beta2) * gradient**2
    mean_hat = mean / (1 - beta1**step)
    square_hat = square / (1 - beta2**step)
    theta -= learning_rate * mean_hat / (np.sqrt(square_hat) + epsilon)


def rprop(
    theta, gradient, previous, size, learning_rate, decrease, increase, smallest, largest, step
):
    if step == 1:
        size[...] = learning_rate
    turn = np.sign(gradient) * np.sign(previous)
    longer, shorter = np.minimum(size * increase, largest), np.maximum(size * decrease, smallest)
    size[...] = np.where(turn > 0, longer, np.where(turn < 0, shorter, size))
    previous[...] = np.where(turn < 0, 0, gradient)
    theta -= size * np.sign(previous)


def decay(theta, amount):
    theta *= theta.dtype.type(1 - amount)


def clip_by_norm(gradient, limit):
    norm = math.sqrt(float(np.sum(gradient.astype(np.float64) ** 2)))
    if norm > limit:
        gradient *= gradient.dtype.type(limit / norm)
