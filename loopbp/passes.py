"""From layer to layer and from batch to batch: the forward pass, the backward pass, an epoch.

The same source serves every engine.  `loopbp.engines` compiles it once per engine with that
engine's functions in place of those imported here, and runs it uncompiled for `numpy`.
"""

from typing import Any, NamedTuple

import numpy as np

from loopbp.jit.decorators import jit
from loopbp.loops import (
    activation,
    bias_gradient,
    example_losses,
    hidden_delta,
    output_delta,
    weight_gradient,
    weighted_input,
)
from loopbp.losses import add_penalty_gradient, penalty
from loopbp.optimizers import state_rows, update
from loopbp.parameters import (
    biases_of,
    for_batch,
    layer_count,
    layer_of,
    unit_count,
    weight_of_batch,
    weights_of,
)
from loopbp.random.streams import DROPOUT, dropout, order_examples, stream_key

Array = np.ndarray[Any, Any]


class Workspace(NamedTuple):
    """The arrays that training overwrites: made once, used by every step."""

    x: Array
    """inputs of the batch, (batch, n_0)"""
    y: Array
    """targets of the batch, (batch, n_L)"""
    weight: Array
    """s_t of the batch, (batch,)"""
    z: Array
    """z^l of all layers, (batch * units,); see `loopbp.parameters.layer_of`"""
    a: Array
    """a^l of all layers, likewise"""
    delta: Array
    """delta^l of all layers, likewise"""
    losses: Array
    """s_t C^t, (batch,) float64"""
    gradient: Array
    """dJ/dtheta, (P,)"""
    order: Array
    """the order of the examples in this epoch, (examples,) int64"""


@jit
def make_workspace(theta, architecture, examples, batch_size):
    """A `Workspace` for batches of at most `batch_size` out of `examples`, of theta's dtype."""
    rows = min(batch_size, examples)
    last = layer_count(architecture)
    n_0, n_L = architecture.sizes[0], architecture.sizes[last]
    total = rows * unit_count(architecture)
    return Workspace(
        np.empty((rows, n_0), theta.dtype),
        np.empty((rows, n_L), theta.dtype),
        np.empty(rows, theta.dtype),
        np.empty(total, theta.dtype),
        np.empty(total, theta.dtype),
        np.empty(total, theta.dtype),
        np.empty(rows, np.float64),
        np.empty(theta.shape[0], theta.dtype),
        np.empty(examples, np.int64),
    )


@jit
def make_state(theta, settings):
    """The vectors that an optimizer keeps, all zero: (state_rows, P) of theta's dtype."""
    return np.zeros((state_rows(settings), theta.shape[0]), theta.dtype)


@jit
def forward(theta, architecture, x, z, a, key, drops):
    """z^l and a^l for l = 1..L.

    Parameters
    ----------
    theta : (P,), architecture : Architecture, x : (m, n_0)
    z, a : (m * units,) or longer, overwritten; `layer_of` gives layer l of them
    key, drops
        In training with dropout, the key of the step and True: each hidden a^l is thinned out
        before layer l+1 sees it.
    """
    m = x.shape[0]
    a_prev = x
    for l in range(1, layer_count(architecture) + 1):
        z_l = layer_of(z, architecture, l, m)
        a_l = layer_of(a, architecture, l, m)
        weighted_input(
            weights_of(theta, architecture, l), biases_of(theta, architecture, l), a_prev, z_l
        )
        activation(architecture.activation[l], architecture.sigma[l], z_l, a_l)
        if drops and architecture.dropout[l] > 0.0:
            dropout(a_l, stream_key(key, DROPOUT, l), architecture.dropout[l], 0)
        a_prev = a_l


@jit
def cost(theta, architecture, y, weight, z, a, losses):
    """J = (1/m) sum_t s_t C^t + (lambda/2) sum w**2, after `forward`.

    The penalty is not divided by m: lambda = alpha / n for scikit-learn's alpha (n the batch
    size), lambda_Nielsen / n for Nielsen's (n the training set).  Biases are not penalised.
    """
    m = y.shape[0]
    last = layer_count(architecture)
    z_L, a_L = layer_of(z, architecture, last, m), layer_of(a, architecture, last, m)
    example_losses(architecture.loss, architecture.activation[last], z_L, a_L, y, weight, losses)
    total = 0.0
    for t in range(m):
        total += losses[t]
    total = total / m
    if architecture.l2 > 0.0:
        for l in range(1, last + 1):
            total += penalty(weights_of(theta, architecture, l), architecture.l2)
    return total


@jit
def backward(theta, architecture, x, y, weight, z, a, delta, gradient, key, drops):
    """delta^l for l = L..1 and dJ/dtheta, after `forward` on the same batch.

    Parameters
    ----------
    theta : (P,), architecture : Architecture
    x : (m, n_0), y : (m, n_L), weight : (m,)
    z, a : what `forward` wrote
    delta : (m * units,), gradient : (P,), both overwritten
    key, drops : as in `forward`
    """
    m = x.shape[0]
    last = layer_count(architecture)
    output_delta(
        architecture.loss, architecture.activation[last], architecture.sigma_prime[last],
        layer_of(z, architecture, last, m), layer_of(a, architecture, last, m), y, weight,
        layer_of(delta, architecture, last, m),
    )  # fmt: skip
    for l in range(last, 0, -1):
        delta_l = layer_of(delta, architecture, l, m)
        a_prev = x
        if l > 1:
            a_prev = layer_of(a, architecture, l - 1, m)
        weight_gradient(delta_l, a_prev, weights_of(gradient, architecture, l))
        bias_gradient(delta_l, biases_of(gradient, architecture, l))
        if l > 1:
            delta_prev = layer_of(delta, architecture, l - 1, m)
            hidden_delta(
                weights_of(theta, architecture, l), delta_l, architecture.activation[l - 1],
                architecture.sigma_prime[l - 1], layer_of(z, architecture, l - 1, m), delta_prev,
            )  # fmt: skip
            if drops and architecture.dropout[l - 1] > 0.0:
                dropout(delta_prev, stream_key(key, DROPOUT, l - 1), architecture.dropout[l - 1], 0)
        if architecture.l2 > 0.0:
            add_penalty_gradient(
                weights_of(theta, architecture, l), architecture.l2,
                weights_of(gradient, architecture, l),
            )  # fmt: skip


@jit
def gather(X, Y, weight, order, start, rows, scale, x, y, s):
    """Copy the examples order[start : start + rows] into the batch arrays, weights times scale."""
    for t in range(rows):
        k = order[start + t]
        for j in range(X.shape[1]):
            x[t, j] = X[k, j]
        for i in range(Y.shape[1]):
            y[t, i] = Y[k, i]
        s[t] = scale * weight[k]


@jit
def epoch(
    theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed, number,
    batch_size, shuffled, workspace,
):  # fmt: skip
    """One pass over the data: shuffle, then gather, forward, backward, update for each batch.

    Parameters
    ----------
    theta : (P,), overwritten
    X : (examples, n_0), Y : (examples, n_L), weight : (examples,)
    settings, learning_rate, state, step
        Of the optimizer; `step` is how many updates it has made before.
    seed, number
        Key the shuffle and the dropout of epoch `number`.
    batch_size
        The last batch is smaller where it does not divide the number of examples.
    shuffled
        One of the orders of `loopbp.random.streams`: False or True, or GIVEN, where workspace.order
        holds the order.
    workspace : Workspace, overwritten
        Made by `make_workspace` for as many examples, and batches at least as large.

    Returns
    -------
    float
        Mean of J over the examples, each taken before the update of its batch.
    """
    examples = X.shape[0]
    order = workspace.order
    order_examples(order, shuffled, seed, number)
    drops = False
    for l in range(1, layer_count(architecture)):
        drops = drops or architecture.dropout[l] > 0.0
    total = 0.0
    for start in range(0, examples, batch_size):
        rows = min(batch_size, examples - start)
        x, y, s = workspace.x[:rows], workspace.y[:rows], workspace.weight[:rows]
        divisor = weight_of_batch(architecture, weight, order, start, rows)
        net, scale = for_batch(architecture, divisor), theta.dtype.type(rows / divisor)
        gather(X, Y, weight, order, start, rows, scale, x, y, s)
        step += 1
        key = stream_key(seed, DROPOUT, step)
        forward(theta, net, x, workspace.z, workspace.a, key, drops)
        total += rows * cost(theta, net, y, s, workspace.z, workspace.a, workspace.losses[:rows])
        backward(
            theta, net, x, y, s, workspace.z, workspace.a, workspace.delta,
            workspace.gradient, key, drops,
        )  # fmt: skip
        update(settings, learning_rate, step, theta, workspace.gradient, state, architecture)
    return total / examples


@jit
def epochs(
    theta, architecture, X, Y, weight, settings, rates, state, step, seed, number, batch_size,
    shuffled, workspace, out_losses,
):  # fmt: skip
    """`epoch` for each of the learning rates; how many there were until J was no longer finite.

    Parameters
    ----------
    rates : (epochs,), out_losses : (epochs,), float64
        What `epoch` takes as learning_rate, and what it returns.
    theta, architecture, X, Y, weight, settings, state, step, seed, number, batch_size, shuffled, \
    workspace
        As for the first `epoch`.
    """
    steps = (X.shape[0] + batch_size - 1) // batch_size
    for e in range(rates.shape[0]):
        out_losses[e] = epoch(
            theta, architecture, X, Y, weight, settings, rates[e], state, step + e * steps, seed,
            number + e, batch_size, shuffled, workspace,
        )  # fmt: skip
        if not np.isfinite(out_losses[e]):
            return e + 1
    return rates.shape[0]
