"""The compiled functions themselves, over plain arrays: for Python and for your own ``@njit`` code.

Each takes ``theta`` and ``architecture = net.architecture``, a named tuple of arrays and codes that
passes into nopython code.  All are serial, so they may be called inside your own ``prange``;
`train_many` has the ``prange`` inside.

Types are checked, from Python and inside ``@njit``, at no cost to a call: layout, dtype and rank of
each array, and what each argument is.  A slice across columns, a transposed array, float32 X with
float64 theta, an optimizer in place of its ``.settings`` end in `ArgumentTypeError` from Python,
and in Numba's ``TypingError`` with the same sentence from the function around the call.  Read-only
arrays are taken where nothing is written.

Lengths and ranges are in no type.  `predict`, `loss_and_gradient`, `train` and `train_many` look at
them when Python calls; inside ``@njit``, and in all other functions, a wrong one reads or writes
foreign memory: call `validate_compiled` once from Python before.

`types` checks what the functions take while Numba finds out the types, `lengths` what no type
shows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from loopbp.binding import loops_engine
from loopbp.compiled.types import ArgumentTypeError, checked
from loopbp.jit.decorators import jit, parallel_jit
from loopbp.jit.mode import is_plain
from loopbp.messages.calls import suggests
from loopbp.parameters import Architecture, layer_count, unit_count
from loopbp.tiled import workspace as tiled_workspace
from loopbp.tiled.engine import epoch_by_one_thread, tiled_engine
from loopbp.validate import check_matrix

_engine = loops_engine(False) if is_plain() else tiled_engine(False)
_epoch = _engine.epoch if is_plain() else epoch_by_one_thread()
forward = checked("z", "a")(_engine.forward)
cost = checked("losses")(_engine.cost)
backward = checked("delta", "gradient")(_engine.backward)
make_workspace = checked()(_engine.make_workspace if is_plain() else tiled_workspace.make_workspace)
make_state = checked()(_engine.make_state)

__all__ = [
    "ArgumentTypeError", "backward", "cost", "epoch", "forward", "loss_and_gradient", "make_state",
    "make_workspace", "predict", "train", "train_many", "validate_compiled",
]  # fmt: skip


@checked(lengths=True)
@jit
def predict(theta, architecture, X):
    """The output activations a^L.

    Parameters
    ----------
    theta : array of shape (P,)
    architecture : Architecture
    X : array of shape (m, n_0), C-ordered, of theta's dtype

    Returns
    -------
    array of shape (m, n_L)

    Raises
    ------
    ArgumentTypeError
        If an argument has another type; inside ``@njit`` this is Numba's ``TypingError``.
    ValueError
        From Python alone, if a length does not fit.

    Notes
    -----
    Inside ``@njit`` the caller guarantees P parameters, and n_0 columns.
    """
    m = X.shape[0]
    z = np.empty(m * unit_count(architecture), theta.dtype)
    a = np.empty_like(z)
    forward(theta, architecture, X, z, a, 0, False)
    n_L = architecture.sizes[layer_count(architecture)]
    return a[a.shape[0] - m * n_L :].copy().reshape((m, n_L))


@checked(lengths=True)
@jit
def loss_and_gradient(theta, architecture, X, Y):
    """J and dJ/dtheta over X as one batch, the penalty included, without dropout.

    Parameters
    ----------
    theta : array of shape (P,)
    architecture : Architecture
    X : array of shape (m, n_0), Y : array of shape (m, n_L)
        C-ordered, of theta's dtype; class labels as one-hot rows.

    Returns
    -------
    J : float
        (1/m) sum_t C^t + (lambda/2) sum w**2.
    gradient : array of shape (P,)

    Raises
    ------
    ArgumentTypeError
        If an argument has another type; inside ``@njit`` this is Numba's ``TypingError``.
    ValueError
        From Python alone, if a length does not fit.

    Notes
    -----
    Inside ``@njit`` the caller guarantees P parameters, n_0 and n_L columns, as many rows of Y as
    of X, and at least one.
    """
    m = X.shape[0]
    z = np.empty(m * unit_count(architecture), theta.dtype)
    a, delta = np.empty_like(z), np.empty_like(z)
    gradient = np.empty_like(theta)
    weight = np.ones(m, theta.dtype)
    forward(theta, architecture, X, z, a, 0, False)
    J = cost(theta, architecture, Y, weight, z, a, np.empty(m, np.float64))
    backward(theta, architecture, X, Y, weight, z, a, delta, gradient, 0, False)
    return J, gradient


@checked("theta", "state", "workspace")
@jit
def epoch(
    theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed, number,
    batch_size, shuffled, workspace,
):  # fmt: skip
    """One epoch by one thread, the way that `loopbp.tiled.choice` says; see `loopbp.passes.epoch`.

    Parameters
    ----------
    theta : array of shape (P,), overwritten
    architecture : Architecture
    X : array of shape (examples, n_0), Y : array of shape (examples, n_L)
    weight : array of shape (examples,)
        C-ordered, of theta's dtype; class labels as one-hot rows.
    settings : OptimizerSettings
    learning_rate : float
    state : array, from `make_state`, overwritten
    step, seed, number : int
        Updates made before; the seed of shuffle and dropout; the number of the epoch.
    batch_size : int
    shuffled : bool
    workspace : from `make_workspace`, overwritten

    Returns
    -------
    float
        Mean of J over the examples, each taken before the update of its batch.

    Raises
    ------
    ArgumentTypeError
        If an argument has another type; inside ``@njit`` this is Numba's ``TypingError``.

    Notes
    -----
    The caller guarantees what `train` asks for, and arrays made for these sizes.
    """
    return _epoch(
        theta, architecture, X, Y, weight, settings, learning_rate, state, step, seed, number,
        batch_size, shuffled, workspace,
    )  # fmt: skip


@checked("theta", lengths=True)
@jit
def train(theta, architecture, X, Y, settings, epochs, batch_size, seed):
    """Whole epochs of minibatch training; `theta` is moved in place.

    Parameters
    ----------
    theta : array of shape (P,), overwritten
    architecture : Architecture
    X : array of shape (examples, n_0), Y : array of shape (examples, n_L)
        C-ordered, of theta's dtype; class labels as one-hot rows.
    settings : OptimizerSettings
        For example ``loopbp.Adam(1e-3).settings``; its learning rate is that of every epoch.
    epochs, batch_size : int
    seed : int
        Of the shuffles and the dropout.

    Returns
    -------
    array of shape (epochs,)
        Mean of J over the examples of each epoch.  Training does not stop where it becomes NaN:
        look at it.

    Raises
    ------
    ArgumentTypeError
        If an argument has another type; inside ``@njit`` this is Numba's ``TypingError``.
    ValueError
        From Python alone, if a length does not fit, or a number is out of its range.

    Notes
    -----
    Inside ``@njit`` the caller guarantees what `loss_and_gradient` asks for, epochs of at least 0
    and a batch_size of at least 1.

    The optimizer starts anew in each call.  To carry its state along, call `epoch` with arrays
    from `make_state` and `make_workspace`.
    """
    batch_size = min(batch_size, X.shape[0])
    workspace = make_workspace(theta, architecture, X.shape[0], batch_size)
    state = make_state(theta, settings)
    weight = np.ones(X.shape[0], theta.dtype)
    steps = (X.shape[0] + batch_size - 1) // batch_size
    losses = np.empty(epochs, np.float64)
    for number in range(epochs):
        losses[number] = epoch(
            theta, architecture, X, Y, weight, settings, settings.learning_rate, state,
            number * steps, seed, number, batch_size, True, workspace,
        )  # fmt: skip
    return losses


@checked("thetas", lengths=True)
@parallel_jit
def train_many(thetas, architecture, X, Y, settings, epochs, batch_size, seeds):
    """`train` for many networks of one architecture at once, one thread each.

    Parameters
    ----------
    thetas : array of shape (networks, P), each row overwritten
    architecture, X, Y, settings, epochs, batch_size
        As in `train`.
    seeds : array of shape (networks,)

    Returns
    -------
    array of shape (networks, epochs)

    Raises
    ------
    ArgumentTypeError, ValueError
        As in `train`, and if there are not as many seeds as networks.

    Notes
    -----
    Inside ``@njit`` the caller guarantees what `train` asks for, and one seed for each network.
    """
    losses = np.empty((thetas.shape[0], epochs), np.float64)
    for k in prange(thetas.shape[0]):
        losses[k] = train(thetas[k], architecture, X, Y, settings, epochs, batch_size, seeds[k])
    return losses


@suggests
def validate_compiled(
    theta: NDArray[Any], architecture: Architecture, X: NDArray[Any], Y: NDArray[Any]
) -> None:
    """Check from Python what the types of arguments do not show: lengths, and that all is finite.

    Parameters
    ----------
    theta, architecture, X, Y
        As they will be passed to `train`, `loss_and_gradient` or `predict`.

    Raises
    ------
    TypeError
        If an argument is not what these functions take: ``net.architecture``, arrays of
        theta's dtype.
    ValueError
        If a shape does not fit, a number is not finite, or an array is not C-ordered.
    """
    if not isinstance(architecture, Architecture):
        raise TypeError(f"architecture: expected net.architecture, got {architecture!r}")
    sizes = architecture.sizes
    if not isinstance(theta, np.ndarray) or theta.dtype not in (np.float64, np.float32):
        raise TypeError(f"theta: expected a float64 or float32 array, got {theta!r}")
    last = len(sizes) - 1
    count = int(architecture.b_start[last] + sizes[last])
    if theta.shape != (count,):
        raise ValueError(f"theta: expected shape ({count},), got {theta.shape}")
    if not np.isfinite(theta).all():
        raise ValueError("theta: expected finite numbers")
    for name, array, width in (("X", X, int(sizes[0])), ("Y", Y, int(sizes[last]))):
        if not isinstance(array, np.ndarray) or array.dtype != theta.dtype:
            found = getattr(array, "dtype", type(array).__name__)
            raise TypeError(f"{name}: expected a {theta.dtype} array like theta, got {found}")
        check_matrix(name, array, width, theta.dtype)
    if len(Y) != len(X):
        raise ValueError(f"Y: expected {len(X)} rows as in X, got {len(Y)}")
    for name, array in (("theta", theta), ("X", X), ("Y", Y)):
        if not array.flags.c_contiguous:
            raise ValueError(
                f"{name}: expected a C-ordered array, got one that is not; "
                f"pass np.ascontiguousarray({name})"
            )
