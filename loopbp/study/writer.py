"""What every part of an explanation writes with: names, numbers, sums and checked lines."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp import activations, loops
from loopbp.catalogue import SOFTMAX
from loopbp.notation import EQUATIONS, Equation
from loopbp.study.batch import Batch, Passes
from loopbp.study.document import Table
from loopbp.study.explanation import Line
from loopbp.study.formulas import ACTIVATIONS
from loopbp.study.naming import Naming
from loopbp.study.sources import Place, place_of

Array = NDArray[Any]

DEVIATION = 1e-9
"""Largest deviation that counts as rounding, in units of what goes into a number."""


def tidy(markup: str) -> str:
    """Markup without the parentheses of a number that stands alone, or alone in others."""
    if re.fullmatch(r"\(\\num\{[^}]*\}\)", markup):
        return markup[1:-1]
    return re.sub(r"\((\(\\num\{[^}]*\}\))\)", r"\1", markup)


@dataclass(frozen=True)
class Writer:
    """One explanation being written.

    Parameters
    ----------
    batch, naming
        The numbers and how they are called.
    l, i, j, t
        Layer, unit, input (None for a bias) and the example that is followed, all as in arrays.
    cost
        Whether delta carries the 1/m.
    terms, digits
        As in `explain`.
    """

    batch: Batch
    naming: Naming
    l: int
    i: int
    j: int | None
    t: int
    cost: bool
    terms: int
    digits: int

    # -- the numbers ----------------------------------------------------------------------------

    @cached_property
    def engines(self) -> tuple[Passes, Passes]:
        """The passes that every line is held against."""
        return self.batch.loops, self.batch.numpy

    @property
    def scale(self) -> float:
        """What delta per example is multiplied by."""
        return 1.0 / self.batch.m if self.cost else 1.0

    @property
    def softmax(self) -> bool:
        """Whether the output is softmax."""
        return int(self.batch.architecture.activation[self.batch.L]) == SOFTMAX

    def inputs(self) -> Array:
        """The factor of the parameter in z^l_i, for every example: a^{l-1}_j, or 1 for a bias."""
        if self.j is None:
            return np.ones(self.batch.m)
        return self.batch.numpy.a[self.l - 1][:, self.j]

    def input_value(self, t: int) -> float:
        """The same of one example."""
        return float(self.inputs()[t])

    def plain_delta(self, t: int) -> float:
        """delta^l_i of one example, without 1/m."""
        return float(self.batch.numpy.delta[self.l][t, self.i])

    @cached_property
    def output_unit(self) -> int:
        """The output that is written out: the one that acts most on delta^l_i."""
        if self.l == self.batch.L:
            return self.i
        return int(self.largest(self.batch.L)[0])

    def largest(self, l: int) -> Array:
        """The units of a layer above l, those first that act most on delta^l_i."""
        delta = np.abs(self.batch.numpy.delta[l][self.t])
        if l == self.l + 1:
            delta = delta * np.abs(self.batch.w[l][:, self.i])
        return np.argsort(-delta, kind="stable")

    def shown(self, l: int) -> list[int]:
        """The units of a layer above l that are written out, in order."""
        return sorted(int(n) for n in self.largest(l)[: self.terms])

    # -- names, as markup -----------------------------------------------------------------------

    @property
    def parameter(self) -> str:
        """The weight or the bias."""
        if self.j is None:
            return self.naming.at("b", self.l, self.i)
        return self.naming.omega(self.l, self.i, self.j)

    def cost_by(self, symbol: str) -> str:
        """dJ by something."""
        return rf"\frac{{\partial J}}{{\partial {symbol}}}"

    def loss_by(self, symbol: str) -> str:
        """dC^t by something; dJ where the 1/m comes first."""
        return self.cost_by(symbol) if self.cost else rf"\frac{{\partial C^t}}{{\partial {symbol}}}"

    def z(self, l: int, i: int | str) -> str:
        """z^l_i."""
        return self.naming.at("z", l, i)

    def a(self, l: int, i: int | str) -> str:
        """a^l_i."""
        return self.naming.activation(l, i)

    def delta(self, l: int, i: int | str) -> str:
        """delta^l_i."""
        return self.naming.at(r"\delta", l, i)

    # -- numbers, as markup ---------------------------------------------------------------------

    def text(self, value: float) -> str:
        """A number as it is printed."""
        return f"{float(value) + 0.0:.{self.digits}g}"

    def long(self, value: float) -> str:
        """A number with the digits that comparisons need."""
        return f"{float(value):.{max(self.digits, 12)}g}"

    def num(self, value: float, digits: int = 0) -> str:
        """A number."""
        text = f"{float(value):.{digits}g}" if digits else self.text(value)
        return rf"\num{{{text}}}"

    def factor(self, value: float) -> str:
        """A number, in parentheses where it is negative."""
        return f"({self.num(value)})" if self.text(value).startswith("-") else self.num(value)

    def product(self, *values: float) -> str:
        """Numbers multiplied."""
        return r" \cdot ".join(self.factor(v) for v in values)

    def plus(self, value: float) -> str:
        """A number added to what stands before."""
        text = self.text(value)
        return rf" - \num{{{text[1:]}}}" if text.startswith("-") else rf" + \num{{{text}}}"

    # -- sums -----------------------------------------------------------------------------------

    def _chosen(self, products: Array, always: Sequence[int]) -> list[int]:
        """Which terms are written out: all where they are few, else the largest ones."""
        if len(products) <= self.terms + 1:
            return list(range(len(products)))
        kept = list(always)[: self.terms]
        for k in np.argsort(-np.abs(products), kind="stable"):
            if len(kept) == self.terms:
                break
            if int(k) not in kept:
                kept.append(int(k))
        return sorted(kept)

    def terms_table(
        self, letter: str, columns: Sequence[tuple[str, Array]], always: Sequence[int]
    ) -> tuple[Table, float]:
        """The terms of a sum of products, and the sum.

        Parameters
        ----------
        letter
            What is summed over.
        columns
            Symbol and numbers of each factor, arrays of shape (n,).
        always
            Indices of terms that are written out in any case.
        """
        products = np.prod([values for _, values in columns], axis=0)
        chosen = self._chosen(products, always)
        several = len(columns) > 1
        rows = [
            (
                str(self.naming.index(k)),
                *(self.text(values[k]) for _, values in columns),
                *([self.text(products[k])] if several else []),
            )
            for k in chosen
        ]
        empty = [""] * (len(columns) - (0 if several else 1))
        total = float(np.sum(products))
        foot = []
        if len(chosen) < len(products):
            rest = total - float(np.sum(products[chosen]))
            foot.append((f"{len(products) - len(chosen)} others", *empty, self.text(rest)))
        foot.append(("sum", *empty, self.text(total)))
        head = (
            letter,
            *(symbol for symbol, _ in columns),
            *([r"\text{product}"] if several else []),
        )
        return Table(head, tuple(rows), tuple(foot)), total

    def written_sum(self, first: Array, second: Array) -> str:
        """A sum of products on one line."""
        products = first * second
        chosen = self._chosen(products, [])
        text = " + ".join(self.product(first[k], second[k]) for k in chosen)
        if len(chosen) < len(products):
            rest = float(np.sum(products) - np.sum(products[chosen]))
            count = len(products) - len(chosen)
            text += self.plus(rest) + rf" \text{{[{count} others]}}"
        return text

    # -- lines ----------------------------------------------------------------------------------

    def equation(self, key: str) -> Equation:
        """An equation by its key."""
        return EQUATIONS[key]

    def line(
        self,
        key: str,
        left: str,
        steps: Sequence[str],
        value: float,
        engines: Sequence[Any],
        *,
        l: int,
        table: Table | None = None,
        size: float = 0.0,
        formula: str | None = None,
        numpy: str | None = None,
        place: Place | None = None,
        swap: tuple[str, str] | None = None,
        values: Array | None = None,
        note: str = "",
    ) -> Line:
        """A line, held against the engines.

        Parameters
        ----------
        key
            Of the equation.
        left, steps
            Markup; the value is appended to the steps.
        value
            Computed here, from the numbers of the line.
        engines
            The same number by each engine; empty where they have none.
        l
            The layer that l stands for in shapes.
        table, formula, numpy, place, note
            Of the line, where they are not those of the equation.
        size
            Of what is summed, for the deviation; at least abs(value).
        swap
            Key and loop of another equation whose NumPy line and place are taken.
        values
            The numbers to be held against the engines, where they are several.
        """
        equation = self.equation(key)
        found = self.equation(swap[0]) if swap else equation
        if numpy is not None:
            found = found._replace(numpy=numpy, numpy_ji=numpy)
        orientation = self.naming.orientation
        measured: Any = value if values is None else values
        largest = max(size, float(np.max(np.abs(measured))), 1e-300)
        deviation = max(
            (float(np.max(np.abs(np.asarray(other) - measured))) / largest for other in engines),
            default=float("nan"),
        )
        where = place or place_of(loops, found.function, found.statement)
        result = self.num(value)
        return Line(
            key, self.naming.formula(formula or equation.formula), left,
            (*steps, *([] if steps and steps[-1] == result else [result])),
            value, table, equation.source, *where, found.line(orientation),
            found.shapes(orientation, self.sizes(l)), deviation, not deviation > DEVIATION, note,
        )  # fmt: skip

    def sizes(self, l: int) -> dict[str, int]:
        """The numbers behind the letters of a shape."""
        n, last = self.batch.sizes, self.batch.L
        found = {"m": self.batch.m, "n_l": n[l], "n_{l-1}": n[l - 1], "n_L": n[last], "n_0": n[0]}
        return {**found, "n_{l+1}": n[min(l + 1, last)]}

    def sigma_line(self, l: int, i: int) -> Line:
        """a^l_i = sigma(z^l_i)."""
        batch, t, name = self.batch, self.t, self.batch.names[l]
        z, a = float(batch.numpy.z[l][t, i]), float(batch.numpy.a[l][t, i])
        steps = [rf"\sigma({self.z(l, i)})"]
        formula = None
        if name in ACTIVATIONS:
            found = ACTIVATIONS[name]
            formula = rf"a^l_i = \sigma(z^l_i),\ \sigma(z) = {found.sigma}"
            steps.append(tidy(found.sigma_numbers(self.factor, z)))
        return self.line(
            "1", self.a(l, i), steps, a, [p.a[l][t, i] for p in self.engines], l=l, size=1.0,
            formula=formula,
        )  # fmt: skip

    def prime_formula(self, l: int) -> str | None:
        """sigma' of a layer as a formula; None for a user's own."""
        entry = ACTIVATIONS.get(self.batch.names[l])
        if entry is None:
            return None
        return rf"\frac{{\partial a^l_i}}{{\partial z^l_i}} = \sigma'(z^l_i) = {entry.prime}"

    def prime_line(self, l: int, i: int) -> tuple[Line, float]:
        """sigma'(z^l_i) and its line."""
        batch, t, name = self.batch, self.t, self.batch.names[l]
        z, a = float(batch.numpy.z[l][t, i]), float(batch.numpy.a[l][t, i])
        expected, found = batch.prime(l, t)
        left = rf"\frac{{\partial {self.a(l, i)}}}{{\partial {self.z(l, i)}}}"
        steps, formula, place = [rf"\sigma'({self.z(l, i)})"], self.prime_formula(l), None
        note = ""
        if name in ACTIVATIONS:
            entry = ACTIVATIONS[name]
            numbers = tidy(entry.prime_numbers(self.factor, z, a))
            place = place_of(activations, entry.function)
            if entry.row.corner:
                steps.append(rf"\sigma'({self.num(z)})")
            if numbers not in ("1", "0"):
                steps.append(numbers)
            if entry.row.corner == "slope" and z == 0:
                note = "z is exactly 0, where the slope jumps: by convention the one from the left"
        else:
            note = "the user's own activation"
        line = self.line(
            "prime", left, steps, float(expected[i]), [found[i]], l=l, size=1.0, formula=formula,
            place=place, note=note,
        )  # fmt: skip
        return line, float(expected[i])
