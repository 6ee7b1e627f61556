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
log_cosh              1/n_L sum_i log(cosh(a_i - y_i))                mean        tanh(a_i-y_i)/n_L
poisson_deviance      sum_i a_i - y_i + y_i log(y_i / a_i)            sum         1 - y_i/a_i
====================  ==============================================  ==========  ==================

h(e) = e**2/2 for abs(e) <= 1, else abs(e) - 1/2; clip is to [-1, 1]; sign(0) = 0; 0 log 0 = 0.
The cost is J = (1/m) sum_t s_t C^t, s_t the weight of example t.

delta^L_i = dC^t/dz^L_i (seed 002, Task 1) is sigma'(z_i) dC/da_i, and with softmax
a_i (g_i - sum_k a_k g_k), g = dC/da: the full Jacobian.  Where C^t has a logarithm
(`is_logarithmic`) both are computed from z, so that neither loses digits, or stops growing, where
a reaches 0 or 1:

====================  =========  ==============================================================
loss                  output     delta^L_i
====================  =========  ==============================================================
binary_cross_entropy  sigmoid    a_i - y_i
cross_entropy         softmax    a_i - y_i, for sum_i y_i = 1
cross_entropy         sigmoid    -y_i (1 - a_i)
poisson               sigmoid    (1 - a_i) (a_i - y_i) / n_L
poisson               softplus   (sigma'_i / a_i) (a_i - y_i) / n_L
poisson               softmax    (a_i sum_k y_k - y_i) / n_L
poisson               exp        (a_i - y_i) / n_L
poisson_deviance      any        that of poisson times n_L: of exp a_i - y_i
binary_cross_entropy  softmax    (1-y_i) a_i - y_i (1-a_i) + a_i sum_k!=i (y_k - (1-y_k) o_k),
                                 o_k = a_k / (1 - a_k)
====================  =========  ==============================================================

1 - a_i is never a difference there: it is sigmoid(-z_i), or a sum over the other outputs.  C^t is
summed in float64 whatever the dtype.  With a user's own output, of which only a is known, a is held
at float32's smallest normal number where a logarithm or a quotient would meet 0.
"""

import math

import numpy as np

from loopbp.activations import exp, sigma_prime_row, sigmoid, softplus
from loopbp.catalogue import (
    BINARY_CROSS_ENTROPY,
    CROSS_ENTROPY,
    EXP,
    HALF_MSE,
    HUBER,
    LOG_COSH,
    LOGARITHMIC,
    LOSS_CODES,
    MAE,
    POISSON,
    POISSON_DEVIANCE,
    QUADRATIC,
    SIGMOID,
    SOFTMAX,
    SOFTPLUS,
    TINY,
)
from loopbp.jit.decorators import inline_jit, inner_jit

NAMES, CODES = tuple(LOSS_CODES), LOSS_CODES
_LOG_2 = math.log(2.0)


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
def mae(y, a):
    return abs(a - y)


@inline_jit
def mae_prime(y, a):
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


@inline_jit
def log_cosh(y, a):
    e = abs(a - y)
    if e < 1.0:  # cosh e = 1 + 2 sinh(e/2)**2, of which the 1 is not lost
        half = math.sinh(0.5 * e)
        return math.log1p(2.0 * half * half)
    return e + math.log1p(math.exp(-2.0 * e)) - _LOG_2  # cosh e itself may overflow


@inline_jit
def log_cosh_prime(y, a):
    return math.tanh(a - y)


@inline_jit
def rest_of_deviance(y):
    """y log y - y, with 0 log 0 = 0."""
    return y * math.log(y) - y if y > 0.0 else 0.0


@inline_jit
def poisson_deviance(y, a):
    return poisson(y, a) + rest_of_deviance(y)


@inline_jit
def poisson_deviance_prime(y, a):
    return poisson_prime(y, a)


# -- from z: the pairs that have a logarithm ------------------------------------------------------

# z below which softplus(z) is exp(z) but for a part of 1e-16.
_FAR = -36.0


@inline_jit
def is_poisson(loss):
    """Whether a loss is sum_i a_i - y_i log a_i: its mean, or with what does not depend on a."""
    return True if loss == POISSON else loss == POISSON_DEVIANCE


@inline_jit
def is_logarithmic(loss, output):
    """Whether a loss and an output are a pair whose logarithms come from z; codes of both."""
    if output == SOFTPLUS:
        return is_poisson(loss)
    if output == EXP:
        return is_poisson(loss)
    return loss in LOGARITHMIC and (True if output == SIGMOID else output == SOFTMAX)


@inline_jit
def log_softplus(z):
    """log softplus(z), which is z - exp(z) / 2 + ... for z far below 0."""
    return z - 0.5 * math.exp(z) if z < _FAR else math.log(softplus(z))


@inline_jit
def softplus_slope_to_value(z):
    """softplus'(z) / softplus(z), which goes to 1 for z far below 0."""
    return 1.0 - 0.5 * math.exp(z) if z < _FAR else sigmoid(z) / softplus(z)


@inline_jit
def of_poisson(loss, total, y):
    """C^t from `total` = sum_i a_i - y_i log a_i."""
    if loss == POISSON:
        return total / y.shape[0]
    for i in range(y.shape[0]):
        total += rest_of_deviance(np.float64(y[i]))
    return total


@inline_jit
def top_two(z):
    """The output of the largest z, that z, and the largest of the others."""
    best = 0
    for i in range(1, z.shape[0]):
        if z[i] > z[best]:
            best = i
    second = -math.inf
    for i in range(z.shape[0]):
        if i != best:
            second = max(second, np.float64(z[i]))
    return best, np.float64(z[best]), second


@inline_jit
def rest_of_sum(z, best, top):
    """sum_k exp(z_k - top) over all outputs but `best`, in float64."""
    rest = 0.0
    for k in range(z.shape[0]):
        if k != best:
            rest += math.exp(np.float64(z[k]) - top)
    return rest


@inner_jit
def softmax_loss_row(loss, z, y):
    """C^t of softmax with a loss that has a logarithm, in float64.

    With e_k = exp(z_k - top) and rest = sum_k e_k - 1, the e_k of the top being 1:
    log a_i = z_i - top - log(1 + rest), and 1 - a_i is a share of `rest` for the top, else
    at least 1/2.
    """
    n = z.shape[0]
    best, top, second = top_two(z)
    rest = rest_of_sum(z, best, top)
    log_mass = math.log1p(rest)
    total = 0.0
    for i in range(n):  # -y log a
        total += y[i] * (log_mass - (np.float64(z[i]) - top))
    if is_poisson(loss):
        return of_poisson(loss, 1.0 + total, y)
    if loss == BINARY_CROSS_ENTROPY:
        for i in range(n):  # -(1-y) log(1-a)
            if i != best:
                total -= (1.0 - y[i]) * math.log1p(-math.exp(np.float64(z[i]) - top) / (1.0 + rest))
            elif rest >= 1.0:
                total += (1.0 - y[i]) * math.log1p(1.0 / rest)
            else:  # log rest, where rest itself may be too small for a number
                log_rest = second - top + math.log(rest_of_sum(z, best, second))
                total += (1.0 - y[i]) * (log_mass - log_rest)
    elif loss != CROSS_ENTROPY:
        total = math.nan
    return total


@inner_jit
def softmax_delta_row(z, y, out):
    """delta^L of softmax with binary_cross_entropy: the table above, term by term.

    For k other than the top, 1 - a_k is at least 1/2 and o_k is a quotient of numbers that keep
    their digits.  For the top 1 - a_k = rest / (1 + rest) may be too small for a number, and so
    a_i o_k = a_k exp(z_i - second) / sum_j exp(z_j - second) over the others.
    """
    n = z.shape[0]
    best, top, second = top_two(z)
    rest, others = rest_of_sum(z, best, top), rest_of_sum(z, best, second)
    mass = 1.0 + rest
    targets = odds = 0.0
    for k in range(n):
        targets += y[k]
        if k != best:
            e = math.exp(np.float64(z[k]) - top)
            odds += (1.0 - y[k]) * e / (mass - e)
    for i in range(n):
        y_i = np.float64(y[i])
        if i == best:
            a = 1.0 / mass
            delta = (1.0 - y_i) * a - y_i * (rest / mass)
            out[i] = delta + a * (targets - y_i) - a * odds
        else:
            e = math.exp(np.float64(z[i]) - top)
            a, own = e / mass, (1.0 - y_i) * e / (mass - e)
            delta = (1.0 - y_i) * a - y_i * ((mass - e) / mass)
            share = math.exp(np.float64(z[i]) - second) / others
            delta += a * (targets - y_i) - a * (odds - own)
            out[i] = delta - (1.0 - y[best]) / mass * share


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
    n, total = a.shape[0], 0.0
    if is_logarithmic(loss, output):
        if output == SOFTMAX:
            total = softmax_loss_row(loss, z, y)
        elif output == SIGMOID and loss == BINARY_CROSS_ENTROPY:
            for i in range(n):  # -y log a - (1-y) log(1-a) = log(1 + exp z) - y z
                z_i, y_i = np.float64(z[i]), np.float64(y[i])
                total += math.log1p(math.exp(-abs(z_i)))
                total += (1.0 - y_i) * z_i if z_i > 0.0 else -y_i * z_i
        elif output == SIGMOID and loss == CROSS_ENTROPY:
            for i in range(n):  # -log a = log(1 + exp(-z))
                total += y[i] * softplus(-np.float64(z[i]))
        elif output == SIGMOID and is_poisson(loss):
            for i in range(n):
                total += sigmoid(np.float64(z[i])) + y[i] * softplus(-np.float64(z[i]))
            total = of_poisson(loss, total, y)
        elif output == SOFTPLUS and is_poisson(loss):
            for i in range(n):
                total += softplus(np.float64(z[i])) - y[i] * log_softplus(np.float64(z[i]))
            total = of_poisson(loss, total, y)
        elif output == EXP and is_poisson(loss):
            for i in range(n):  # log a = z
                total += exp(np.float64(z[i])) - y[i] * np.float64(z[i])
            total = of_poisson(loss, total, y)
        else:
            total = math.nan
    elif loss == HALF_MSE:
        for i in range(n):
            total += squared(np.float64(y[i]), np.float64(a[i]))
        total = total / (2 * n)
    elif loss == QUADRATIC:
        for i in range(n):
            total += squared(np.float64(y[i]), np.float64(a[i]))
        total = total / 2
    elif loss == MAE:
        for i in range(n):
            total += mae(np.float64(y[i]), np.float64(a[i]))
        total = total / n
    elif loss == HUBER:
        for i in range(n):
            total += huber(np.float64(y[i]), np.float64(a[i]))
        total = total / n
    elif loss == BINARY_CROSS_ENTROPY:
        for i in range(n):
            total += binary_cross_entropy(np.float64(y[i]), np.float64(a[i]))
    elif loss == CROSS_ENTROPY:
        for i in range(n):
            total += cross_entropy(np.float64(y[i]), np.float64(a[i]))
    elif loss == POISSON:
        for i in range(n):
            total += poisson(np.float64(y[i]), np.float64(a[i]))
        total = total / n
    elif loss == LOG_COSH:
        for i in range(n):
            total += log_cosh(np.float64(y[i]), np.float64(a[i]))
        total = total / n
    elif loss == POISSON_DEVIANCE:
        for i in range(n):
            total += poisson_deviance(np.float64(y[i]), np.float64(a[i]))
    else:  # NaN, for no code is a guess
        total = math.nan
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
            out[i] = out[i] * mae_prime(y[i], a[i]) / n
    elif loss == HUBER:
        for i in range(n):
            out[i] = out[i] * huber_prime(y[i], a[i]) / n
    elif loss == BINARY_CROSS_ENTROPY:
        for i in range(n):
            out[i] = out[i] * binary_cross_entropy_prime(y[i], a[i])
    elif loss == CROSS_ENTROPY:
        for i in range(n):
            out[i] = out[i] * cross_entropy_prime(y[i], a[i])
    elif is_poisson(loss):
        parts = n if loss == POISSON else 1
        for i in range(n):
            out[i] = out[i] * poisson_prime(y[i], a[i]) / parts
    elif loss == LOG_COSH:
        for i in range(n):
            out[i] = out[i] * log_cosh_prime(y[i], a[i]) / n
    else:
        for i in range(n):
            out[i] = math.nan


@inner_jit
def logarithmic_delta_row(loss, output, z, a, y, out):
    """`delta_row` of the pairs with a logarithm but those whose delta is a - y."""
    n = z.shape[0]
    parts = n if loss == POISSON else 1
    if output == SOFTMAX and loss == BINARY_CROSS_ENTROPY:
        softmax_delta_row(z, y, out)
    elif output == SOFTMAX and is_poisson(loss):
        targets = 0.0
        for k in range(n):
            targets += y[k]
        for i in range(n):
            out[i] = (a[i] * targets - y[i]) / parts
    elif output == SIGMOID and loss == CROSS_ENTROPY:
        for i in range(n):
            out[i] = -y[i] * sigmoid(-z[i])
    elif output == SIGMOID and is_poisson(loss):
        for i in range(n):
            out[i] = sigmoid(-z[i]) * (a[i] - y[i]) / parts
    elif output == SOFTPLUS and is_poisson(loss):
        for i in range(n):
            out[i] = softplus_slope_to_value(np.float64(z[i])) * (a[i] - y[i]) / parts
    elif output == EXP and loss == POISSON:
        for i in range(n):
            out[i] = (a[i] - y[i]) / n
    else:
        for i in range(n):
            out[i] = math.nan


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
    if (
        (loss == BINARY_CROSS_ENTROPY and output == SIGMOID)
        or (loss == CROSS_ENTROPY and output == SOFTMAX)
        or (loss == POISSON_DEVIANCE and output == EXP)
    ):
        for i in range(n):
            out[i] = a[i] - y[i]
    elif is_logarithmic(loss, output):
        logarithmic_delta_row(loss, output, z, a, y, out)
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
            total += np.float64(w[i, j]) * np.float64(w[i, j])
    return 0.5 * l2 * total


@inner_jit
def add_penalty_gradient(w, l2, dw):
    """dJ/dw_ij = dJ/dw_ij + lambda w_ij."""
    factor = w.dtype.type(l2)
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            dw[i, j] += factor * w[i, j]
