"""L-BFGS by SciPy, with the loss and the gradient of the engine."""

from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.utils.optimize import _check_optimize_result

from loopbp.estimators.inputs import dense_blocks
from loopbp.estimators.weights import Packed, pack
from loopbp.network.gradient import by_steps, steps_of
from loopbp.training import Data

Array = NDArray[Any]


def fit(estimator: Any, packed: Packed, X: Any, y: Any, sample_weight: Any) -> None:
    """Move theta to where L-BFGS ends.

    The parameters lie as scikit-learn packs them, for the same path from the same start.
    """
    found = minimize(
        lambda p: loss_and_gradient(estimator, p, X, y, sample_weight),
        _packed_as_theirs(packed.coefs, packed.intercepts),
        method="L-BFGS-B",
        jac=True,
        options={
            "maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": estimator.tol
        },
    )  # fmt: skip
    estimator.n_iter_ = _check_optimize_result("lbfgs", found, estimator.max_iter)
    estimator.loss_ = found.fun
    coefs, intercepts = _unpacked(estimator, found.x)
    estimator._hold(pack(coefs, intercepts, packed.facts, packed.made_of))


def loss_and_gradient(
    estimator: Any, parameters: Array, X: Any, y: Any, sample_weight: Any
) -> tuple[float, Array]:
    """J over all examples, divided by the sum of their weights, and its gradient."""
    packed = pack(*_unpacked(estimator, parameters), estimator._facts())
    theta, m = packed.theta, X.shape[0]
    weight = np.ones(m) if sample_weight is None else np.asarray(sample_weight, np.float64)
    total = weight.sum()
    if total == 0.0:
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    # the penalty once, not with each block
    architecture = packed.architecture._replace(l2=0.0, by_weight=False)
    architecture.dropout[:] = 0.0
    J, g = 0.0, np.zeros_like(theta)
    for part, x in dense_blocks(X, theta.dtype):
        s = np.ascontiguousarray(weight[part] * (m / total), theta.dtype)
        few = Data(x, np.ascontiguousarray(y[part], theta.dtype), s)
        loss, gradient = by_steps(
            steps_of("auto", theta, architecture, len(x)), theta, architecture, few
        )
        J += loss * (len(x) / m)
        g += gradient * theta.dtype.type(len(x) / m)
    made = pack(*_of_theta(g, packed), packed.facts)
    alpha = packed.facts.alpha / total
    coefs = [dw + alpha * w for dw, w in zip(made.coefs, packed.coefs, strict=True)]
    J += 0.5 * alpha * sum(float(np.vdot(w, w)) for w in packed.coefs)
    return J, _packed_as_theirs(coefs, made.intercepts)


def _of_theta(g: Array, packed: Packed) -> tuple[list[Array], list[Array]]:
    """Views into a gradient, as ``coefs_`` and ``intercepts_`` are into theta."""
    a = packed.architecture
    coefs, intercepts = [], []
    for l in range(1, len(a.sizes)):
        n, K, w, b = a.sizes[l], a.sizes[l - 1], a.w_start[l], a.b_start[l]
        coefs.append(g[w:b].reshape(n, K).T)
        intercepts.append(g[b : b + n])
    return coefs, intercepts


def _packed_as_theirs(coefs: Any, intercepts: Any) -> Array:
    return np.concatenate([*(w.ravel() for w in coefs), *(b.ravel() for b in intercepts)])


def _unpacked(estimator: Any, parameters: Array) -> tuple[list[Array], list[Array]]:
    shapes = [w.shape for w in estimator.coefs_]
    counts = [r * c for r, c in shapes] + [b.size for b in estimator.intercepts_]
    parts = [parameters[a:b] for a, b in pairwise(accumulate(counts, initial=0))]
    coefs = [p.reshape(shape) for p, shape in zip(parts, shapes, strict=False)]
    return coefs, parts[len(shapes) :]
