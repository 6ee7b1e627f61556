"""Task 1 of seed 002: delta^L, with the loss's own derivative."""

from typing import Any

import numpy as np

from loopbp import losses
from loopbp.catalogue import TINY
from loopbp.study.document import Paragraph, Table
from loopbp.study.explanation import Chapter
from loopbp.study.formulas import ACTIVATIONS, LOSSES
from loopbp.study.sources import place_of
from loopbp.study.writer import DEVIATION, Writer

_LARGEST_JACOBIAN = 10  # a larger one is no picture


def task_1(w: Writer) -> Chapter:
    """delta^L of the example followed: one output in full, the others in a table."""
    items = [*_loss_line(w)]
    items += _softmax(w) if w.softmax else _elementwise(w)
    return Chapter("Second term, Task 1: the output layer", tuple(items))


def _factor(w: Writer) -> float:
    """What dC/da is multiplied by: s_t, and 1/m where it comes first."""
    return float(w.batch.s[w.t]) * w.scale


def _factors(w: Writer) -> list[str]:
    found = [f"1 / {w.batch.m}"] if w.cost else []
    return [*found, *([w.num(float(w.batch.s[w.t]))] if w.batch.weighted else [])]


def _times(w: Writer, markup: str) -> str:
    factors = _factors(w)
    return r" \cdot ".join([*factors, f"({markup})"]) if factors else markup


def _numpy(w: Writer, line: str) -> str:
    """A NumPy line for dC/da or delta^L with s_t and 1/m."""
    name, _, right = line.partition(" = ")
    weight = "weight[:, None] * " if w.batch.weighted else ""
    held = f"({right})" if weight or w.cost else right
    return f"{name} = {weight}{held}{' / m' if w.cost else ''}"


def _saturated(w: Writer, i: int) -> bool:
    """Whether a quotient in dC/da meets 0, so that a is held."""
    a = float(w.batch.numpy.a[w.batch.L][w.t, i])
    row = LOSSES[w.batch.net.loss_name].row
    # the term of a loss may be infinite where a is 0, and where it is 1
    infinite_at_1 = "log(1 - a)" in row.term
    return row.logarithmic and (a < TINY or (infinite_at_1 and 1.0 - a < TINY))


def _loss_line(w: Writer) -> list[Any]:
    """dC/da of the output written out."""
    batch, t, L, r = w.batch, w.t, w.batch.L, w.output_unit
    loss = LOSSES[batch.net.loss_name]
    a, y = float(batch.numpy.a[L][t, r]), float(batch.Y[t, r])
    expected, found = batch.loss_gradient(t)
    key = "dA" if batch.net.loss_name == "binary_cross_entropy" else "loss"
    head = r"\frac{\partial J}{\partial a^L_i} = \frac{1}{m} \cdot " if w.cost else (
        r"\frac{\partial C^t}{\partial a^L_i} = ")  # fmt: skip
    prime = f"({loss.prime})" if w.cost and not loss.prime.startswith("-(") else loss.prime
    if w.cost and prime.startswith("-"):
        prime = f"({prime})"
    steps, note = [], ""
    if _saturated(w, r):
        note = f"a is held at {TINY:.2g}, so that nothing is divided by 0"
    else:
        steps.append(_times(w, loss.prime_numbers(w.factor, a, y, batch.sizes[L])))
    weight = (
        " The loss $C^t$ is that of the example times its weight $s_t$." if batch.weighted else ""
    )
    mean = " 1/m stands in front: it is the cost that is differentiated." if w.cost else ""
    letters = f" {loss.row.note}" if loss.row.note else ""
    which = "" if w.l == L else (
        f" Output {w.naming.index(r)} is written out: of {batch.sizes[L]}, it acts most."
        if batch.sizes[L] > 1 else "")  # fmt: skip
    factor = _factor(w)
    return [
        Paragraph(f"The loss is $C^t = {loss.loss}$ with $i$ over the outputs.{letters}{weight}"
                  f"{mean}{which}"),
        w.line(
            key, w.loss_by(w.a(L, r)), steps, float(expected[r]) * factor, [found[r] * factor],
            l=L, formula=head + prime, numpy=_numpy(w, loss.numpy),
            place=place_of(losses, loss.function), note=note, size=abs(factor),
        ),
    ]  # fmt: skip


def _elementwise(w: Writer) -> list[Any]:
    """delta^L = sigma' dC/da, one output at a time."""
    batch, t, L, r = w.batch, w.t, w.batch.L, w.output_unit
    line, slope = w.prime_line(L, r)
    g = batch.loss_gradient(t)[0] * _factor(w)
    deltas = [p.delta[L][t] * w.scale for p in w.engines]
    canonical = batch.names[L] == LOSSES[batch.net.loss_name].row.canonical
    a, y = float(batch.numpy.a[L][t, r]), float(batch.Y[t, r])
    items: list[Any] = [w.sigma_line(L, r), line]
    exact = not (canonical and abs(slope * g[r] - deltas[1][r]) > DEVIATION * abs(_factor(w)))
    if exact:
        items.append(w.line(
            "task1", w.delta(L, r),
            [rf"\sigma'({w.z(L, r)}) {w.loss_by(w.a(L, r))}", w.product(slope, float(g[r]))],
            slope * float(g[r]), [d[r] for d in deltas], l=L,
            size=max(abs(float(g[r])), abs(_factor(w))),
            formula=_task_1_formula(w),
        ))  # fmt: skip
    if canonical:
        items += [
            Paragraph(f"For {batch.names[L]} with this loss, $\\sigma' = "
                      f"{ACTIVATIONS[batch.names[L]].prime}$ cancels the denominator of "
                      "$\\frac{\\partial C^t}{\\partial a}$. The loops compute what is left, "
                      "so no digits are lost where $a$ reaches the ends of its range."),
            _collapse(w, r, a, y, deltas),
        ]  # fmt: skip
    items += _table(w, deltas)
    return items


def _task_1_formula(w: Writer) -> str | None:
    if not w.cost:
        return None
    return r"\delta^L_i = \sigma'(z^L_i) \frac{\partial J}{\partial a^L_i}"


def _collapse(w: Writer, r: int, a: float, y: float, deltas: Any) -> Any:
    L = w.batch.L
    general = r"\delta^L_i = " + (r"\frac{1}{m} (a^L_i - y_i)" if w.cost else "a^L_i - y_i")
    place = place_of(losses, "delta_row", "out[i] = a[i] - y[i]")
    factor = _factor(w)
    symbols = f"{w.a(L, r)} - y_{{{w.naming.index(r)}}}"
    return w.line(
        "collapse", w.delta(L, r),
        [_times(w, symbols), _times(w, f"{w.factor(a)} - {w.factor(y)}")],
        factor * (a - y), [d[r] for d in deltas], l=L, formula=general, place=place,
        numpy=_numpy(w, "delta_L = a_L - y"), size=abs(factor),
    )  # fmt: skip


def _table(w: Writer, deltas: Any) -> list[Any]:
    """All outputs, or those that act most, where more than one is needed."""
    batch, t, L = w.batch, w.t, w.batch.L
    if w.l == L or batch.sizes[L] == 1:
        return []
    units = w.shown(L)
    g = batch.loss_gradient(t)[0] * _factor(w)
    head = ["n", w.z(L, "n"), w.a(L, "n"), "y_n", w.loss_by(w.a(L, "n"))]
    columns = [batch.numpy.z[L][t], batch.numpy.a[L][t], batch.Y[t], g]
    if not w.softmax:
        head.append(rf"\sigma'({w.z(L, 'n')})")
        columns.append(batch.prime(L, t)[0])
    head.append(w.delta(L, "n"))
    columns.append(deltas[1])
    rows = tuple(
        (str(w.naming.index(n)), *(w.text(column[n]) for column in columns)) for n in units
    )
    which = (
        "every output"
        if len(units) == batch.sizes[L]
        else f"the {len(units)} outputs of {batch.sizes[L]} that act most"
    )
    return [Paragraph(f"The same for {which}:"), Table(tuple(head), rows)]


def _softmax(w: Writer) -> list[Any]:
    """The full Jacobian, and with cross-entropy what it collapses to."""
    batch, t, L, r = w.batch, w.t, w.batch.L, w.output_unit
    K = batch.sizes[L]
    a, y = batch.numpy.a[L][t], batch.Y[t]
    jacobian = batch.softmax_jacobian(t)
    g = batch.loss_gradient(t)[0] * _factor(w)
    deltas = [p.delta[L][t] * w.scale for p in w.engines]
    items: list[Any] = [Paragraph(
        "The output is softmax: each $a_k$ depends on every $z_i$, so in place of one $\\sigma'$ "
        "there is a matrix, the Jacobian $\\frac{\\partial a_k}{\\partial z_i} = a_k ([k = i] - "
        "a_i)$, with $[k = i]$ 1 where $k$ is $i$, else 0."
    )]  # fmt: skip
    if max(_LARGEST_JACOBIAN, w.terms) >= K:
        head = ("k", *(str(w.naming.index(n)) for n in range(K)))
        rows = tuple((str(w.naming.index(k)), *(w.text(v) for v in jacobian[k])) for k in range(K))
        items += [
            Paragraph("All of it, $k$ by row and $i$ by column:"), Table(head, rows),
        ]  # fmt: skip
    else:
        items.append(Paragraph(f"It has {K} rows and columns; below, column "
                               f"{w.naming.index(r)} of it."))  # fmt: skip
    column = jacobian[:, r]
    table, total = w.terms_table(
        "k",
        [(w.loss_by(w.a(L, "k")), g),
         (rf"\frac{{\partial {w.a(L, 'k')}}}{{\partial {w.z(L, r)}}}", column)],
        [r],
    )  # fmt: skip
    held = bool(np.any((a < TINY) & (y > 0)))
    canonical = batch.net.loss_name == "cross_entropy"
    # Targets that sum to 1 only nearly: the engines take them as if they did.
    engines = [] if held and canonical else [
        d[r] + (_factor(w) * a[r] * (float(y.sum()) - 1.0) if canonical else 0.0) for d in deltas
    ]  # fmt: skip
    place = None if canonical else place_of(losses, "delta_row", "out[i] = a[i] * (out[i] - dot)")
    items.append(w.line(
        "jacobian", w.delta(L, r),
        [rf"\sum_k {w.loss_by(w.a(L, 'k'))} "
         rf"\frac{{\partial {w.a(L, 'k')}}}{{\partial {w.z(L, r)}}}"],
        total, engines, l=L, table=table, size=float(np.abs(g) @ np.abs(column)),
        formula=None if not w.cost else
        r"\delta^L_i = \sum_k \frac{\partial J}{\partial a^L_k} "
        r"\frac{\partial a^L_k}{\partial z^L_i}",
        place=place,
        note="an output is held at 1.2e-38 here: take the next line" if held and canonical else "",
    ))  # fmt: skip
    if canonical:
        i = w.naming.index(r)
        items += [
            Paragraph(
                "With cross-entropy it collapses: $-\\frac{y_k}{a_k} \\cdot a_k ([k = i] - a_i)$ "
                f"sums over $k$ to $a_i \\sum_k y_k - y_i$, and the targets sum to 1. "
                f"For $i = {i}$:"
            ),
            _collapse(w, r, float(a[r]), float(y[r]), deltas),
        ]
    items += _table(w, deltas)
    return items
