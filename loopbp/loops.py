"""The derivation as loops: one function per equation, one loop per index.

Read it beside the derivation.  Notation (all of it: `loopbp.notation`):

    t = 0..m-1   examples of the batch             z (m, n_l)   weighted inputs z^l_i
    i            units of layer l                  a (m, n_l)   activations a^l_i
    j            units of layer l-1                delta        dC^t/dz^l_i, an example's, no 1/m
    n            units of layer l+1                w (n_l, n_{l-1}), b (n_l,): w[i, j] to i from j

The whole of backpropagation is `output_delta` for the last layer, `hidden_delta` from layer to
layer, and `weight_gradient` and `bias_gradient` in each.  The `prange` of each function runs over
an index that the left-hand side carries, so each thread writes its own part of ``out_`` and no
number depends on how many threads there are.  `loopbp.reference` has the same functions vectorised.
"""

import numpy as np
from numba import prange

from loopbp.activations import sigma_prime_row, sigma_row
from loopbp.jit.decorators import parallel_jit
from loopbp.losses import delta_row, loss_row


@parallel_jit
def weighted_input(w, b, a_prev, out_z):
    """z^l_i = sum_j w^l_ij a^{l-1}_j + b^l_i  (seed 001, equation 5).

    Loops: t, i, j.  Race-free: the thread that owns example t writes row t of `out_z`.

    Parameters
    ----------
    w : (n_l, n_{l-1}), b : (n_l,), a_prev : (m, n_{l-1}), out_z : (m, n_l), overwritten
    """
    m, n_l = out_z.shape
    for t in prange(m):
        for i in range(n_l):
            total = b[i]
            for j in range(w.shape[1]):
                total += w[i, j] * a_prev[t, j]
            out_z[t, i] = total


@parallel_jit
def activation(code, address, z, out_a):
    """a^l_i = sigma(z^l_i)  (seed 001, equation 1).

    Loops: t, then i in `loopbp.activations.sigma_row`.  Race-free: row t is written by one thread.

    Parameters
    ----------
    code, address : which sigma, and where it stands if it is the user's
    z : (m, n_l), out_a : (m, n_l), overwritten
    """
    for t in prange(z.shape[0]):
        sigma_row(code, address, z[t], out_a[t])


@parallel_jit
def example_losses(loss, output, z, a, y, weight, out_c):
    """c_t = s_t C^t, the weighted loss of each example; their mean is J  (seed 001, equation 3).

    Loops: t, then i in `loopbp.losses.loss_row`.  Race-free: one entry of `out_c` per example.

    Parameters
    ----------
    loss, output : codes of the loss and of the output activation
    z, a, y : (m, n_L), weight : (m,), out_c : (m,) float64, overwritten
    """
    for t in prange(z.shape[0]):
        out_c[t] = weight[t] * loss_row(loss, output, z[t], a[t], y[t])


@parallel_jit
def output_delta(loss, output, address, z, a, y, weight, out_delta):
    """delta^L_i = s_t sigma'(z^L_i) dC^t/da_i  (seed 002, Task 1).

    Loops: t, then i in `loopbp.losses.delta_row`.  Race-free: row t is written by one thread.

    Parameters
    ----------
    loss, output, address : codes, and where the user's sigma' stands
    z, a, y : (m, n_L), weight : (m,), out_delta : (m, n_L), overwritten
    """
    m, n_l = z.shape
    for t in prange(m):
        delta_row(loss, output, address, z[t], a[t], y[t], out_delta[t])
        for i in range(n_l):
            out_delta[t, i] = out_delta[t, i] * weight[t]


@parallel_jit
def hidden_delta(w_next, delta_next, code, address, z, out_delta):
    """delta^l_i = sigma'(z^l_i) sum_n w^{l+1}_ni delta^{l+1}_n  (seed 002, Task 2: the recurrence).

    Loops: t, i, n.  Race-free: the thread that owns example t writes row t of `out_delta`.
    The sum runs down column i of w: what the matrix form writes as a transpose.

    Parameters
    ----------
    w_next : (n_{l+1}, n_l), delta_next : (m, n_{l+1})
    code, address : which sigma, and where its sigma' stands if it is the user's
    z : (m, n_l), out_delta : (m, n_l), overwritten
    """
    m, n_l = z.shape
    for t in prange(m):
        sigma_prime_row(code, address, z[t], out_delta[t])
        for i in range(n_l):
            total = w_next[0, i] * delta_next[t, 0]
            for n in range(1, w_next.shape[0]):
                total += w_next[n, i] * delta_next[t, n]
            out_delta[t, i] = out_delta[t, i] * total


@parallel_jit
def activation_gradient(w_next, delta_next, out_da):
    """dC^t/da^l_i = sum_n w^{l+1}_ni delta^{l+1}_n  (seed 001, BP3: dA = W^T dZ).

    Loops: t, i, n.  Race-free: row t is written by one thread.  With `delta_from_da` it makes
    `hidden_delta` in two steps.

    Parameters
    ----------
    w_next : (n_{l+1}, n_l), delta_next : (m, n_{l+1}), out_da : (m, n_l), overwritten
    """
    m, n_l = out_da.shape
    for t in prange(m):
        for i in range(n_l):
            total = w_next[0, i] * delta_next[t, 0]
            for n in range(1, w_next.shape[0]):
                total += w_next[n, i] * delta_next[t, n]
            out_da[t, i] = total


@parallel_jit
def delta_from_da(code, address, z, da, out_delta):
    """delta^l_i = dC^t/da^l_i * sigma'(z^l_i)  (seed 001, BP4: dZ = dA * g'(Z)).

    Loops: t, i.  Race-free: row t is written by one thread.

    Parameters
    ----------
    code, address : which sigma, and where its sigma' stands if it is the user's
    z, da : (m, n_l), out_delta : (m, n_l), overwritten
    """
    m, n_l = z.shape
    for t in prange(m):
        sigma_prime_row(code, address, z[t], out_delta[t])
        for i in range(n_l):
            out_delta[t, i] = da[t, i] * out_delta[t, i]


@parallel_jit
def weight_gradient(delta, a_prev, out_dw):
    """dJ/dw^l_ij = (1/m) sum_t delta^l_i a^{l-1}_j  (seed 001, BP1).

    Here and in `bias_gradient` the 1/m enters, and nowhere else.

    Loops: i, j, t.  Race-free: the thread that owns unit i sums row i of `out_dw` alone; a prange
    over t would add to the same sum from several threads.

    Parameters
    ----------
    delta : (m, n_l), a_prev : (m, n_{l-1}), out_dw : (n_l, n_{l-1}), overwritten
    """
    m, n_l = delta.shape
    for i in prange(n_l):
        for j in range(a_prev.shape[1]):
            total = np.float64(delta[0, i] * a_prev[0, j])  # there may be many examples
            for t in range(1, m):
                total += delta[t, i] * a_prev[t, j]
            out_dw[i, j] = total / m


@parallel_jit
def bias_gradient(delta, out_db):
    """dJ/db^l_i = (1/m) sum_t delta^l_i  (seed 001, BP2): the input that goes with a bias is 1.

    Loops: i, t.  Race-free: the thread that owns unit i sums it alone.

    Parameters
    ----------
    delta : (m, n_l), out_db : (n_l,), overwritten
    """
    m, n_l = delta.shape
    for i in prange(n_l):
        total = np.float64(delta[0, i])
        for t in range(1, m):
            total += delta[t, i]
        out_db[i] = total / m
