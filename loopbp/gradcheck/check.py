"""The two checks: of a network, and of any pair of loss and gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loopbp.catalogue import ENGINES
from loopbp.gradcheck.causes import (
    Block,
    backpropagate,
    factors_of,
    from_network,
    from_numbers,
)
from loopbp.gradcheck.complex_loss import analytic_loss, tried_loss
from loopbp.gradcheck.cost import NetworkCost
from loopbp.gradcheck.measurement import Check
from loopbp.gradcheck.noise import EPS, EPS_32, measure_noise
from loopbp.gradcheck.report import GradientReport
from loopbp.gradcheck.rounding import gradient_rounding
from loopbp.jit.sources import plain
from loopbp.messages.calls import suggests
from loopbp.network import arguments
from loopbp.network.gradient import PLAIN, by_steps, repeated, steps_of
from loopbp.network.gradient import gradient as by_name
from loopbp.network.network import Network
from loopbp.optimizers import Optimizer
from loopbp.parameters import weights_of
from loopbp.training import Data
from loopbp.validate import as_array, as_finite, check_choice, check_count, check_number

Array = NDArray[Any]
GradientFunction = Callable[[Array], ArrayLike]

_TIGHTEST = 1e-7  # what CS231n's notes call a happy relative error
# Relative error of a gradient, in units of rounding, that sums and layers may build up.
_BUILD_UP = 1000.0
_LOOSEST = _BUILD_UP * EPS_32  # more would let an error of a thousandth pass


@suggests
def check_gradient(
    net: Network,
    X: ArrayLike,
    y: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    engine: str = "auto",
    optimizer: Optimizer | str | None = None,
    batch_size: int | None = None,
    gradient: GradientFunction | None = None,
    tolerance: float | None = None,
    sample: int | None = None,
    seed: int = 0,
) -> GradientReport:
    """Check the gradient of a network against derivatives taken from its loss alone.

    Parameters
    ----------
    net
        Is not changed.  Dropout is left out, on both sides.
    X : array_like of shape (m, n_0)
        A few examples are enough; the time grows with m times the square of P.
    y
        As in `Network.fit`.
    sample_weight : array_like of shape (m,), optional
        As in `Network.fit`.
    engine
        Whose gradient is checked: auto and tiled are what `Network.fit` trains with, numpy and
        loops the other engines.
    optimizer, batch_size
        Of the training whose steps are checked, for `Network.fit` goes one of several ways through
        an epoch by network, batch and optimizer; the report says which.  None: plain SGD, as it is
        for most ways, and all examples as one batch.  More than there are examples: the examples
        are repeated to fill a batch.
    gradient
        A function from theta, shape (P,), to dJ/dtheta, shape (P,), checked instead of the
        engine's.
    tolerance
        Largest relative error that passes.  None: 1e-7 in float64; in float32 1000 times its
        precision, 1.2e-4.
    sample
        How many parameters to check, drawn at random from every block; random directions are
        checked besides.  None: all up to 5000, 1000 of more.
    seed
        Of what is random.

    Returns
    -------
    GradientReport
        ``ok``, ``max_relative_error``, ``causes``, a line for each block; print it.

    Raises
    ------
    TypeError, ValueError
        Names the argument, what came and what was expected.

    Notes
    -----
    The loss is evaluated in float64 by the reference engine, whatever the dtype of the network:
    differences in float32 could not tell a good gradient from a bad one.  Where every activation
    and the loss are analytic (no corner, none of a user's own, no erf)
    the derivative is a complex step, otherwise an extrapolated central difference; see
    `loopbp.gradcheck.differences`.  Each parameter is found right, wrong or unchecked.  Unchecked
    are those of which the differences could not show an error of a thousandth: lost in rounding
    (``noise``), beside a kink at every step tried (``kink``), or without any effect on the loss
    (``flat``).  They are counted and said, and a report is only ok if something is right in every
    block; more than a tenth at kinks fails.

    The gradient of the tiled engine is that of the steps that train: a step of size eta from theta
    to theta' gives (theta - theta') / eta.

    Also checked: that the losses of the engine, that of `Network.loss` and that of the step, are
    the reference's; that the gradient of the batch is the mean of the gradients of its parts
    (single examples, up to 16); that a second call returns the same.

    Examples
    --------
    >>> import loopbp
    >>> net = loopbp.Network([4, 5, 3], hidden="tanh", seed=0)
    >>> X, y = [[0.1, 0.2, 0.3, 0.4], [1.0, 0.0, 0.5, 0.2]], [0, 2]
    >>> loopbp.check_gradient(net, X, y, engine="numpy").ok
    True
    """
    if not isinstance(net, Network):
        raise TypeError(
            f"net: expected a Network, got {type(net).__name__}; for functions of a flat vector "
            "use check_gradient_function"
        )
    check_choice("engine", engine, ENGINES)
    settings = PLAIN if optimizer is None else arguments.optimizer(optimizer).settings
    if batch_size is not None:
        batch_size = check_count("batch_size", batch_size)
    data, _, _ = net._check_data(X, y, sample_weight)
    cost = NetworkCost(net.theta, net.architecture, data.X, data.Y, data.weight)
    precision = float(np.finfo(net.dtype).eps)
    check = Check(
        net.theta.copy(), _network_blocks(net), precision,
        _tolerance(tolerance, precision), _rng(seed), _sample(sample),
    )  # fmt: skip
    check.loss = _finite_loss(cost.value(cost.theta))
    check.rounding = gradient_rounding(cost, precision)
    check.factors = factors_of(len(data.X), net.sizes[-1])

    saturated = cost.saturated(precision)
    if saturated:
        check.notes.append(
            f"{saturated} outputs are saturated: the loss's logarithm is held there, or has lost "
            "its digits, so loss and gradient may part; check at smaller weights"
        )
    if gradient is None:
        check.compare_loss(net.loss(X, y, sample_weight=sample_weight, engine=engine))
        if engine in ("auto", "tiled"):
            m = len(data.X)
            steps = steps_of(engine, net.theta, net.architecture, m, settings, batch_size or m)

            def by_training(part: Data) -> tuple[float, Array]:
                full = repeated(part, batch_size)
                return by_steps(steps, net.theta, net.architecture, full)

            check.call(lambda _: by_training(data)[1])
            check.compare_loss(by_training(data)[0])
            check.engine = ", ".join(filter(None, (steps.engine.name, steps.engine.way)))
            check.compare_batch(lambda part: by_training(part)[1], data)
        else:
            check.call(
                lambda _: net.gradient(X, y, sample_weight=sample_weight, engine=engine).theta
            )
            check.engine = engine
            check.compare_batch(
                lambda part: by_name(engine, net.theta, net.architecture, part).theta, data
            )
    else:
        check.call(_callable("gradient", gradient))

    if cost.analytic:
        check.complex_step(cost.complex_value, gradient_rounding(cost, EPS))
    else:
        noise = measure_noise(cost.value, cost.theta, check.rng, coarse=False)
        check.central(cost.evaluate, noise)

    true = backpropagate(cost)
    penalty = np.zeros_like(true)
    for l in range(1, cost.last + 1):
        w = plain(weights_of)(cost.theta, net.architecture, l)
        plain(weights_of)(penalty, net.architecture, l)[:] = net.l2 * w
    true += penalty
    return check.report(
        true,
        lambda: [
            *from_network(cost, penalty),
            *from_numbers(
                true, check.blocks, cost.theta,
                m=len(data.X), n_outputs=net.sizes[-1], l2=net.l2,
            ),
        ]
    )  # fmt: skip


@suggests
def check_gradient_function(
    loss: Callable[[Array], Any],
    gradient: GradientFunction,
    theta: ArrayLike,
    *,
    blocks: Mapping[str, int | Sequence[int]] | None = None,
    m: int | None = None,
    n_outputs: int | None = None,
    l2: float | None = None,
    complex_step: bool | None = None,
    tolerance: float | None = None,
    sample: int | None = None,
    seed: int = 0,
) -> GradientReport:
    """Check that one function is the gradient of another: homework, or another library.

    Parameters
    ----------
    loss
        From theta, float64 of shape (P,), to a number.
    gradient
        From theta, of the dtype given, to its gradient, shape (P,).
    theta : array_like of shape (P,)
        Where to check; float32 stays so for `gradient`, all else becomes float64.
    blocks
        Shapes of the arrays that theta is made of, by name and in order:
        ``{"W1": (5, 4), "b1": 5}``.  Those with two axes count as weights, others as biases.
    m, n_outputs, l2
        Number of examples, number of outputs, and weight of a penalty (l2/2) sum w**2 over the
        weights: known, they let more causes be named; the report says where they would help.
    complex_step
        True: `loss` takes complex theta and is analytic (no ``abs``, ``max``, ``conj``), so that
        nothing is lost to rounding; all is measured so.  False: never.  None: where rounding of
        the loss hides a derivative, and if the loss turns out to take complex theta, a complex
        step may confirm the gradient, though not contradict it.
    tolerance
        Largest relative error that passes.  None: 1e-7, or 1000 times the precision of the
        gradient or of the loss, 1.2e-4 where either is computed in float32 or worse.
    sample, seed
        As in `check_gradient`.

    Returns
    -------
    GradientReport
        As of `check_gradient`: `right`, `wrong` and `unchecked` entries are counted.

    Raises
    ------
    TypeError, ValueError
        Names the argument, what came and what was expected.

    Notes
    -----
    How far two right numbers may lie apart is measured: the rounding of the loss at points as
    close and as far apart as those of the differences, that of the gradient by moving theta a
    little.  Each parameter's step follows from its size, from how the loss curves along it and
    from that rounding.

    Examples
    --------
    >>> import numpy as np
    >>> from loopbp.gradcheck import check_gradient_function
    >>> report = check_gradient_function(
    ...     lambda theta: 0.5 * np.sum(theta**2), lambda theta: 2 * theta, [1.0, 2.0, -0.5]
    ... )
    >>> report.ok, report.causes[0].name
    (False, 'two')
    """
    start = as_array("theta", theta)
    if start.ndim != 1 or start.size == 0:
        raise ValueError(f"theta: expected shape (P,) with P at least 1, got shape {start.shape}")
    dtype = np.dtype(np.float32 if start.dtype == np.float32 else np.float64)
    start = as_finite("theta", start, dtype).copy()
    layout = _blocks(blocks, start.size)
    if m is not None:
        m = check_count("m", m)
    if n_outputs is not None:
        n_outputs = check_count("n_outputs", n_outputs)
    if l2 is not None:
        l2 = check_number("l2", l2, at_least=0.0)
    rng, sample = _rng(seed), _sample(sample)
    loss = _callable("loss", loss)
    wide = start.astype(np.float64)

    def value(point: Array) -> float:
        return _number("loss", loss(point))

    J = _finite_loss(value(wide.copy()))
    again = value(wide.copy())
    if abs(again - J) > 1e-6 * max(abs(J), abs(again)):
        raise ValueError(
            f"loss: expected the same number at the same theta, got {J:.9g} and {again:.9g}; "
            "fix its random numbers (dropout masks, batches) first"
        )
    noise = measure_noise(value, wide, rng)
    precision = float(np.finfo(dtype).eps)
    check = Check(start, layout, precision, _tolerance(tolerance, precision), rng, sample)
    check.loss = J
    check.factors = factors_of(m, n_outputs)
    known = {"blocks": blocks, "m": m, "n_outputs": n_outputs, "l2": l2}
    check.hints = tuple(name for name, value in known.items() if value is None)
    gradient = _callable("gradient", gradient)
    check.call(gradient)
    check.measure_rounding(gradient, noise)
    check.tolerance = _tolerance(tolerance, max(check.precision, noise.relative / 8))
    if complex_step:
        check.complex_step(analytic_loss(loss, value, wide, noise, rng))
    else:
        check.central(lambda point: (value(point), None), noise)
        if complex_step is None and (f := tried_loss(loss, value, wide, noise, rng)):
            check.resolve_by_complex_step(f)
    true = check.numeric
    return check.report(
        true, lambda: from_numbers(true, layout, wide, m=m, n_outputs=n_outputs, l2=l2)
    )


def _network_blocks(net: Network) -> list[Block]:
    blocks = []
    for l in range(1, len(net.sizes)):
        n_l, n_prev = net.sizes[l], net.sizes[l - 1]
        w_start, b_start = (int(v[l]) for v in (net.architecture.w_start, net.architecture.b_start))
        blocks.append(Block(f"layer {l} weights", w_start, (n_l, n_prev)))
        blocks.append(Block(f"layer {l} biases", b_start, (n_l,)))
    return blocks


def _blocks(blocks: Mapping[str, int | Sequence[int]] | None, P: int) -> list[Block]:
    if blocks is None:
        return [Block("theta", 0, (P,))]
    if not isinstance(blocks, Mapping):
        raise TypeError(
            f"blocks: expected shapes by name such as {{'W1': (5, 4), 'b1': 5}}, got {blocks!r}"
        )
    found, start = [], 0
    for name, shape in blocks.items():
        axes = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
        axes = tuple(check_count(f"blocks[{name!r}]", n) for n in axes)
        found.append(Block(str(name), start, axes))
        start += found[-1].size
    if start != P:
        raise ValueError(f"blocks: expected shapes that hold {P} numbers, as theta, got {start}")
    return found


def _tolerance(tolerance: float | None, precision: float) -> float:
    if tolerance is not None:
        return check_number("tolerance", tolerance, above=0.0, below=1.0)
    return float(min(_LOOSEST, max(_TIGHTEST, _BUILD_UP * precision)))


def _sample(sample: int | None) -> int | None:
    return None if sample is None else check_count("sample", sample)


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(check_count("seed", seed, at_least=0))


def _callable(name: str, function: Any) -> Any:
    if not callable(function):
        raise TypeError(f"{name}: expected a function of theta, got {function!r}")
    return function


def _number(name: str, value: Any) -> float:
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "fiu":
        raise TypeError(
            f"{name}: expected one real number, got shape {array.shape} of dtype {array.dtype}"
        )
    return float(array.reshape(()))


def _finite_loss(J: float) -> float:
    if not np.isfinite(J):
        raise ValueError(f"loss: expected a finite number at theta, got {J}")
    return J
