"""Task 2 of seed 002: from delta^{l+1} to delta^l, down to the layer asked for."""

from typing import Any

import numpy as np

from loopbp.study.document import Paragraph, Table
from loopbp.study.explanation import Chapter
from loopbp.study.writer import Writer


def recurrence(w: Writer) -> Chapter:
    """The recurrence from layer L - 1 down to the unit asked for, every term of each sum."""
    batch = w.batch
    items: list[Any] = []
    for l in range(batch.L - 1, w.l, -1):
        units = w.shown(l)
        text = f"Layer {w.naming.layer(l)}"
        if len(units) < batch.sizes[l]:
            text += (
                f": {len(units)} of its {batch.sizes[l]} units, those that act most on what is "
                "asked"
            )
        slope = w.prime_formula(l)
        known = "the user's own activation" if slope is None else f"${slope}$"
        items += [Paragraph(f"{text}; {known}."), _slopes(w, l, units)]
        items += [_written(w, l, i) for i in units]
    items += _unit(w)
    return Chapter("Second term, Task 2: from layer to layer", tuple(items))


def _sum_over(w: Writer, l: int, i: int) -> str:
    return rf"\sum_n {w.naming.omega_any(l + 1, 'n', i)} {w.delta(l + 1, 'n')}"


def _slopes(w: Writer, l: int, units: list[int]) -> Table:
    """z, a and sigma' of units of a layer between."""
    columns = (w.batch.numpy.z[l][w.t], w.batch.numpy.a[l][w.t], w.batch.prime(l, w.t)[0])
    return Table(
        ("n", w.z(l, "n"), w.a(l, "n"), rf"\sigma'({w.z(l, 'n')})"),
        tuple((str(w.naming.index(i)), *(w.text(column[i]) for column in columns)) for i in units),
    )


def _written(w: Writer, l: int, i: int) -> Any:
    """delta^l_i on one line, for a layer between."""
    batch, t = w.batch, w.t
    weights, delta = batch.w[l + 1][:, i], batch.numpy.delta[l + 1][t] * w.scale
    prime = float(batch.prime(l, t)[0][i])
    return w.line(
        "task2",
        w.delta(l, i),
        [
            rf"\sigma'({w.z(l, i)}) {_sum_over(w, l, i)}",
            rf"{w.factor(prime)} \cdot ({w.written_sum(weights, delta)})",
        ],
        prime * float(weights @ delta),
        [p.delta[l][t, i] * w.scale for p in w.engines],
        l=l,
        size=float(np.abs(weights) @ np.abs(delta)),
    )


def _unit(w: Writer) -> list[Any]:
    """The unit asked for: the sum (BP3), sigma', and their product (BP4)."""
    batch, t, l, i = w.batch, w.t, w.l, w.i
    weights, delta = batch.w[l + 1][:, i], batch.numpy.delta[l + 1][t] * w.scale
    table, total = w.terms_table(
        "n", [(w.naming.omega_any(l + 1, "n", i), weights), (w.delta(l + 1, "n"), delta)], []
    )
    size = float(np.abs(weights) @ np.abs(delta))
    by_a = w.loss_by(w.a(l, i))
    count = batch.sizes[l + 1]
    reach = "one unit" if count == 1 else f"all {count} units"
    engines = [p.delta[l + 1][t] @ weights * w.scale for p in w.engines]
    prime, slope = w.prime_line(l, i)
    names = ("column", "row") if w.naming.orientation == "ij" else ("row", "column")
    return [
        Paragraph(
            f"Layer {w.naming.layer(l)}, unit {w.naming.index(i)}. A change of ${w.a(l, i)}$ "
            f"reaches {reach} of layer {w.naming.layer(l + 1)}, so their effects add up. The "
            f"weights of this sum are {names[0]} {w.naming.index(i)} of $\\omega$, which its "
            f"transpose has as a {names[1]}: forwards, the sum runs over the other index."
        ),
        w.line(
            "BP3", by_a, [_sum_over(w, l, i)], total, engines, l=l, table=table, size=size,
            formula=None if not w.cost else
            r"\frac{\partial J}{\partial a^l_i} = \sum_n \omega^{l+1}_{ni} \delta^{l+1}_n",
        ),
        w.sigma_line(l, i),
        prime,
        w.line(
            "task2",
            w.delta(l, i),
            [rf"\sigma'({w.z(l, i)}) {_sum_over(w, l, i)}", w.product(slope, total)],
            slope * total,
            [p.delta[l][t, i] * w.scale for p in w.engines],
            l=l,
            size=size,
        ),
    ]  # fmt: skip
