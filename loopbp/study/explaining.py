"""`explain`: from a network, a batch and an index to an `Explanation`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from loopbp.gradcheck.causes import relative_error
from loopbp.gradcheck.cost import NetworkCost
from loopbp.gradcheck.differences import EPS, Derivatives, central
from loopbp.gradcheck.rounding import gradient_rounding
from loopbp.messages.calls import suggests
from loopbp.messages.suggestions import hint, listed
from loopbp.network.network import Network
from loopbp.study.batch import Batch
from loopbp.study.document import Paragraph, Table
from loopbp.study.explanation import Chapter, Explanation
from loopbp.study.hidden_layers import recurrence
from loopbp.study.naming import Naming
from loopbp.study.output_layer import task_1
from loopbp.study.writer import Writer
from loopbp.validate import check_choice, check_count

_TOLERANCE = 1e-7  # of the finite difference, as in loopbp.check_gradient


@suggests
def explain(
    net: Network,
    X: ArrayLike,
    y: ArrayLike,
    *,
    layer: int,
    unit: int,
    input: int | str | None = None,
    example: int | None = None,
    convention: str = "loss",
    orientation: str = "ij",
    index_base: int = 0,
    input_layer: int = 0,
    sample_weight: ArrayLike | None = None,
    terms: int = 8,
    digits: int = 6,
) -> Explanation:
    """Where one number of the gradient comes from, with every number on the way.

    Parameters
    ----------
    net
        Trained or not; not changed.  Dropout is left out, as in `Network.gradient`.
    X : array_like of shape (m, n_0)
    y
        As in `Network.fit`.
    layer
        l, 1..L: the layer that the weight leads into.
    unit
        i, the unit of layer l.
    input
        j, the unit of layer l - 1; for layer 1 also the name of an input, where the network knows
        one (`Network.input_names`); None: the bias of the unit.
    example
        t, the example whose delta is followed through the layers.  None: the one with the
        largest term in the mean over the batch.  The value is that of the whole batch.
    convention
        ``loss``: delta is dC/dz of each example, and the 1/m enters in dW and db (seeds 001 and
        002); ``cost``: the 1/m is in the first factor, dJ/da, and so in every delta (seed 000).
    orientation
        ``ij``: weights are written unit first, w_ij; ``ji``: input first, w_ji.
    index_base
        What units, inputs and examples count from, in the arguments and in print: 0 or 1.
    input_layer
        The number of the input layer, in the arguments and in print: 0, or 1 as in Nielsen's
        book.
    sample_weight : array_like of shape (m,), optional
        s_t, scaled to a mean of 1.
    terms
        How many terms of a sum are written out: the largest ones, and what the rest sums to.
    digits
        Significant digits in print; everything is computed in float64.

    Returns
    -------
    Explanation
        ``value``, ``finite_difference``, ``agreement``, ``lines``, ``text()``, ``latex()``,
        ``html()``.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit: an index out of range names the valid range; a network that
        is not finite is refused.

    Notes
    -----
    Follows seed 002 step by step; the equation numbers are those of the seeds.  Each line is
    computed from the numbers printed in it and held against both engines.

    Examples
    --------
    >>> import loopbp
    >>> net = loopbp.Network([2, 3, 1], hidden="tanh", seed=0)
    >>> e = loopbp.explain(net, [[0.0, 1.0], [1.0, 1.0]], [1, 0], layer=1, unit=2, input=0)
    >>> e.ok
    True
    """
    naming = Naming(orientation, index_base, input_layer)
    check_choice("convention", convention, ("loss", "cost"))
    batch = Batch(net, X, y, sample_weight)
    l = _in_range("layer", layer, 1 + input_layer, batch.L + input_layer) - input_layer
    i = _in_range("unit", unit, index_base, net.sizes[l] - 1 + index_base) - index_base
    j = None
    if isinstance(input, str):
        j = input_number(net, input, l)
    elif input is not None:
        j = _in_range("input", input, index_base, net.sizes[l - 1] - 1 + index_base) - index_base
    contributions = batch.numpy.delta[l][:, i]
    if j is not None:
        contributions = contributions * batch.numpy.a[l - 1][:, j]
    if example is None:
        t = int(np.argmax(np.abs(contributions)))
    else:
        t = _in_range("example", example, index_base, batch.m - 1 + index_base) - index_base
    writer = Writer(
        batch, naming, l, i, j, t, convention == "cost",
        check_count("terms", terms), min(check_count("digits", digits), 17),
    )  # fmt: skip
    chapters = [_chain(writer, example is None), _first_term(writer), task_1(writer)]
    if l < batch.L:
        chapters.append(recurrence(writer))
    mean, value = _mean(writer)
    chapters += [mean, _conventions(writer, value)]
    check = _differentiate(batch, batch.index(l, i, j), value)
    chapters.append(_check(writer, value, *check))
    numeric, agreement = check
    return Explanation(
        f"{_plain_name(writer)}: {_where(writer)}", value, float(numeric.value[0]),
        float(numeric.error[0]), agreement, _TOLERANCE, tuple(chapters),
    )  # fmt: skip


def input_number(net: Network, name: str, layer: int) -> int:
    """Which input, from 0, has a name.

    Raises
    ------
    ValueError
        If the layer is not the first, or no input is called so.
    """
    names = net.input_names
    if layer != 1:
        raise ValueError(
            f"input: expected a unit's number, got {name!r}; only the inputs of layer 1 have names"
        )
    if names is None:
        raise ValueError(
            f"input: expected a number, got {name!r}; the network knows no names of its inputs"
        )
    if name not in names:
        raise ValueError(
            f"input: no input {name!r}{hint(name, names)}; the inputs are {listed(names)}"
        )
    return names.index(name)


def _in_range(name: str, value: Any, first: int, last: int) -> int:
    wanted = f"expected {first}" if first == last else f"expected {first} to {last}"
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}: {wanted}, got {value!r}")
    if not first <= value <= last:
        what = ", which is not in the batch" if name == "example" else ""
        raise ValueError(f"{name}: {wanted}, got {value}{what}")
    return int(value)


def _plain_name(w: Writer) -> str:
    return f"${w.cost_by(w.parameter)}$"


def _where(w: Writer) -> str:
    what = "bias of unit" if w.j is None else "weight to unit"
    text = f"{what} {w.naming.index(w.i)} of layer {w.naming.layer(w.l)}"
    if w.j is None:
        return text
    source = f"unit {w.naming.index(w.j)} of layer {w.naming.layer(w.l - 1)}"
    return f"{text} from " + (f"input {w.naming.index(w.j)}" if w.l == 1 else source)


def _chain(w: Writer, chosen: bool) -> Chapter:
    """What the parameter acts on, up to the cost (seed 002, Hint 2)."""
    batch, name = w.batch, w.naming
    z, a = w.z(w.l, w.i), w.a(w.l, w.i)
    effects = [w.parameter, z]
    if w.l < batch.L:
        effects += [a]
        for k in range(w.l + 1, batch.L + 1):
            effects += [w.z(k, "n"), w.a(k, "n")]
    else:
        effects.append(w.a(w.l, "n" if w.softmax else w.i))
    effects += ["C^t", "J"]
    arrows = r" \to ".join(rf"\Delta {e}" for e in effects)
    sizes = "-".join(str(n) for n in batch.sizes)
    activations = ", ".join(batch.names[1:])
    count = "one example" if batch.m == 1 else f"{batch.m} examples"
    theta = batch.b[w.l][w.i] if w.j is None else batch.w[w.l][w.i, w.j]
    term = "" if not chosen or batch.m == 1 else ", whose term of the mean is the largest"
    example = (
        f"Below, $t = {name.index(w.t)}${term}."
        if batch.m > 1
        else f"There is one example, $t = {name.index(w.t)}$."
    )
    n = "" if w.l == batch.L and not w.softmax else " The letter $n$ stands for every unit."
    second = f"${w.delta(w.l, w.i)}$"
    if w.cost:
        text = (
            f"The first factor is the first term. The second term is written {second} and is taken "
            f"from the cost, $\\frac{{\\partial J}}{{\\partial {z}}}$ of one example: the second "
            "factor with the 1/m in it."
        )
    else:
        text = (
            f"The first factor is the first term, the second one the second term, written "
            f"{second}. Both belong to one example and have no 1/m: that comes with the mean over "
            "the batch."
        )
    items = [
        Paragraph(
            f"Network {sizes} ({activations}), loss {batch.net.loss_name}, {count}. "
            f"${w.parameter} = {w.num(theta)}$ and $J = {w.num(batch.numpy.J)}$. Layers count "
            f"from {name.input_layer}, which is the input; units, inputs and examples from "
            f"{name.index_base}."
            + ("" if w.j is None else f" In ${name.omega_any(w.l, 'i', 'j')}$, $i$ is the unit it "
               "leads to and $j$ the one it comes from.")
        ),
        Paragraph(f"${arrows}$.{n}"),
        w.line(
            "product",
            rf"\frac{{\partial C^t}}{{\partial {w.parameter}}}",
            [
                rf"\frac{{\partial {z}}}{{\partial {w.parameter}}} \cdot "
                rf"\frac{{\partial C^t}}{{\partial {z}}}",
                w.product(w.input_value(w.t), w.plain_delta(w.t)),
            ],
            w.input_value(w.t) * w.plain_delta(w.t),
            [w.input_value(w.t) * p.delta[w.l][w.t, w.i] for p in w.engines],
            l=w.l,
            formula=None if w.j is not None else
            r"\frac{\partial C^t}{\partial b^l_i} = \frac{\partial z^l_i}{\partial b^l_i} "
            r"\frac{\partial C^t}{\partial z^l_i}",
            swap=("BP2", "bias_gradient") if w.j is None else None,
        ),
        Paragraph(f"{text} {example}"),
    ]  # fmt: skip
    return Chapter("The chain of effects", tuple(items))


def _first_term(w: Writer) -> Chapter:
    """z^l_i and its derivative by the parameter (seed 002, First Term)."""
    batch, t, l, i = w.batch, w.t, w.l, w.i
    items: list[Any] = []
    if l > 1 and w.j is not None:
        items.append(w.sigma_line(l - 1, w.j))
    a, weights = batch.numpy.a[l - 1][t], batch.w[l][i]
    table, total = w.terms_table(
        "j", [(w.naming.omega_any(l, i, "j"), weights), (w.naming.activation(l - 1, "j"), a)],
        [w.j] if w.j is not None else [],
    )  # fmt: skip
    z = total + float(batch.b[l][i])
    items.append(
        w.line(
            "5",
            w.z(l, i),
            [
                rf"\sum_j {w.naming.omega_any(l, i, 'j')} {w.naming.activation(l - 1, 'j')} + "
                + w.naming.at("b", l, i),
                w.num(total) + w.plus(batch.b[l][i]),
            ],
            z,
            [p.z[l][t, i] for p in w.engines],
            l=l,
            table=table,
            size=float(np.abs(weights) @ np.abs(a)) + abs(float(batch.b[l][i])),
        )
    )
    key = "bias" if w.j is None else ("input" if l == 1 else "first")
    symbol = "1" if w.j is None else w.naming.activation(l - 1, w.j)
    by = rf"\frac{{\partial {w.z(l, i)}}}{{\partial {w.parameter}}}"
    items.append(
        w.line(
            key, by, [symbol] if w.j is not None else [], w.input_value(t),
            [1.0 if w.j is None else p.a[l - 1][t, w.j] for p in w.engines], l=l,
        )
    )  # fmt: skip
    if w.j is None:
        why = "The bias is added to the sum as it is, so the input that goes with it is 1."
    else:
        why = (
            "Of the sum over $j$ only one term holds this weight, so the derivative is the number "
            "that the weight multiplies" + (": an input." if l == 1 else ": an activation.")
        )
    items.append(Paragraph(why))
    return Chapter("First term", tuple(items))


def _mean(w: Writer) -> tuple[Chapter, float]:
    """The mean over the batch and the penalty (BP1, BP2)."""
    batch, l, i, j = w.batch, w.l, w.i, w.j
    delta = batch.numpy.delta[l][:, i] * w.scale
    columns = [(w.delta(l, i), delta)]
    if j is not None:
        columns.append((w.naming.activation(l - 1, j), batch.numpy.a[l - 1][:, j]))
    table, total = w.terms_table("t", columns, [w.t])
    symbols = " ".join(symbol for symbol, _ in columns)
    name = w.cost_by(w.parameter)
    mean = total if w.cost else total / batch.m
    size = float(np.abs(delta) @ (np.ones(batch.m) if j is None
                 else np.abs(batch.numpy.a[l - 1][:, j]))) / (1 if w.cost else batch.m)  # fmt: skip
    l2 = batch.net.l2
    penalised = l2 > 0 and j is not None
    without = [_gradient_without_penalty(w, p) for p in w.engines]
    left = name if not penalised else rf"\frac{{1}}{{m}} \sum_t {symbols}"
    steps = [rf"\sum_t {symbols}" if w.cost else rf"\frac{{1}}{{m}} \sum_t {symbols}"]
    if penalised:
        left, steps = steps[0], []
    if not w.cost:
        steps.append(f"{w.num(total)} / {batch.m}")
    key = "BP2" if j is None else "BP1"
    formula = None
    if w.cost:
        formula = (
            r"\frac{\partial J}{\partial b^l_i} = \sum_t \delta^l_i"
            if j is None
            else r"\frac{\partial J}{\partial \omega^l_{ij}} = \sum_t \delta^l_i a^{l-1}_j"
        )
    items: list[Any] = [
        w.line(key, left, steps, mean, without, l=l, table=table, size=size, formula=formula,
               numpy=_cost_line(w) if w.cost else None)
    ]  # fmt: skip
    value = mean
    if j is None:
        items.append(Paragraph(
            "One bias serves every example, so the effects of all of them add up: hence the sum."
        ))  # fmt: skip
    if penalised:
        assert j is not None
        weight = float(batch.w[l][i, j])
        decay = l2 * weight
        value = mean + decay
        items += [
            Paragraph(
                f"The penalty $\\frac{{\\lambda}}{{2}} \\sum \\omega^2$ on the cost adds "
                f"$\\lambda {w.parameter} = {w.product(l2, weight)} = {w.num(decay)}$, "
                f"without 1/m."
            ),
            w.line(
                key, name, [w.num(mean) + w.plus(decay)], value,
                [p.dw[l][i, j] for p in w.engines], l=l, size=size + abs(decay),
                formula=r"\frac{\partial J}{\partial \omega^l_{ij}} = \frac{1}{m} \sum_t "
                r"\delta^l_i a^{l-1}_j + \lambda \omega^l_{ij}" if not w.cost else
                r"\frac{\partial J}{\partial \omega^l_{ij}} = \sum_t \delta^l_i a^{l-1}_j + "
                r"\lambda \omega^l_{ij}",
                numpy=(_cost_line(w) if w.cost else w.equation(key).line(w.naming.orientation))
                + " + l2 * w",
            ),
        ]  # fmt: skip
    elif l2 > 0:
        items.append(Paragraph("The penalty does not reach biases: nothing is added."))
    return Chapter("The batch", tuple(items)), value


def _cost_line(w: Writer) -> str:
    if w.j is None:
        return "db = delta.sum(axis=0)"
    return "dw = a_prev.T @ delta" if w.naming.orientation == "ji" else "dw = delta.T @ a_prev"


def _gradient_without_penalty(w: Writer, p: Any) -> float:
    if w.j is None:
        return float(p.db[w.l][w.i])
    return float(p.dw[w.l][w.i, w.j] - w.batch.net.l2 * w.batch.w[w.l][w.i, w.j])


def _conventions(w: Writer, value: float) -> Chapter:
    """The two columns of seed 000's discussion."""
    batch, t, l, i = w.batch, w.t, w.l, w.i
    slopes = batch.loss_gradient(t)[0] * batch.s[t]
    top = i if l == batch.L else int(np.argmax(np.abs(slopes)))
    g = slopes[top]
    delta_top, delta = batch.numpy.delta[batch.L][t, top], batch.numpy.delta[l][t, i]
    sums = [delta_top, delta]
    names = [w.delta(batch.L, top), w.delta(l, i)]
    if l == batch.L:
        sums, names = sums[:1], names[:1]
    total = float(np.sum(batch.numpy.delta[l][:, i] * w.inputs()))
    by_a = w.naming.at("a", batch.L, top)
    rows = [
        (f"first factor, by ${by_a}$", w.text(g), w.text(g / batch.m)),
        *((f"${name}$", w.text(d), w.text(d / batch.m))
          for name, d in zip(names, sums, strict=True)),
        ("sum over the batch", w.text(total), w.text(total / batch.m)),
        ("divided by m", w.text(total / batch.m), "not again"),
        *([] if w.j is None or not batch.net.l2 else [
            ("with the penalty", w.text(value), w.text(value))]),
    ]  # fmt: skip
    table = Table(("", r"\text{from the loss } C^t", r"\text{from the cost } J"), tuple(rows))
    text = (
        "Seed 000's question: differentiate the loss of each example and average at the end, or "
        "differentiate the cost, whose first factor has the 1/m already. "
        f"Every number of the second column is 1/{batch.m} of the first until the last step, and "
        f"${w.cost_by(w.parameter)}$ is the same; this page follows the "
        f"{'second' if w.cost else 'first'}."
    )
    return Chapter("Where the 1/m is", (Paragraph(text), table))


def _differentiate(batch: Batch, index: int, value: float) -> tuple[Derivatives, float]:
    """The finite difference at an index of theta, and how well the value agrees."""
    cost = NetworkCost(batch.theta, batch.architecture, batch.X, batch.Y, batch.s)
    noise = 8 * EPS * abs(batch.numpy.J)
    numeric = central(cost.evaluate, cost.theta, [index], noise, _TOLERANCE)
    rounding = gradient_rounding(cost, EPS)[index]
    if not numeric.used[0]:
        return numeric, float("nan")
    floor = (numeric.error + rounding) / _TOLERANCE
    return numeric, float(relative_error(np.array([value]), numeric.value, floor)[0])


def _check(w: Writer, value: float, numeric: Derivatives, agreement: float) -> Chapter:
    """The number against the engines and against the finite difference."""
    l, i, j = w.l, w.i, w.j
    rows = [
        ("explained above", w.long(value)),
        *((f"engine {name}", w.long(float(p.db[l][i] if j is None else p.dw[l][i, j])))
          for name, p in zip(("loops", "numpy"), w.engines, strict=True)),
    ]  # fmt: skip
    method = (
        f"Central differences of $J$ in ${w.parameter}$ alone, everything else held, in float64, "
        "at $h$, $h/2$ and $h/4$, extrapolated to $h = 0$ (Richardson)."
    )
    if numeric.used[0]:
        rows.append(("finite difference", w.long(float(numeric.value[0]))))
        verdict = "they agree" if agreement <= _TOLERANCE else "THEY DISAGREE"
        result = (
            f"Relative error of the explained value: ${w.num(agreement, 2)}$; up to "
            f"${w.num(_TOLERANCE)}$ passes: {verdict}."
        )
    else:
        result = (
            "There is none here: at every step tried, a unit changes sides of a kink between "
            "$+h$ and $-h$, so the two sides have different slopes. The value above follows the "
            "convention, the slope from the left."
            if numeric.kinks
            else "There is none here: the differences do not settle as $h$ falls, so rounding "
            "hides the slope."
        )
    return Chapter(
        "The check: a finite difference at this very index",
        (Paragraph(method), Table(("", w.cost_by(w.parameter)), tuple(rows)), Paragraph(result)),
    )
