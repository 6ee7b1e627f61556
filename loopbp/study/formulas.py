"""Every activation and loss with its derivative: the formula, and the same with numbers put in.

The formulas are those of `loopbp.catalogue`; `loopbp.activations` and `loopbp.losses` hold the
functions themselves.
"""

import ast
import re
from collections.abc import Callable
from typing import NamedTuple

from loopbp import catalogue
from loopbp.formulas import markup, markup_of_numbers, with_letters_spelt

Number = Callable[[float], str]
"""Markup of a number; parentheses around a negative one."""


def _constant(value: float) -> str:
    text = repr(value)
    return text if len(text) < 5 else rf"\num{{{text}}}"


def _letters(of: dict[str, str]) -> Callable[[str | float], str]:
    return lambda part: of.get(part, part) if isinstance(part, str) else _constant(part)


class ActivationFormula(NamedTuple):
    """sigma and sigma' of one activation."""

    row: catalogue.Activation

    @property
    def sigma(self) -> str:
        """sigma(z)."""
        return markup(self.row.sigma, _letters({}))

    @property
    def prime(self) -> str:
        """sigma'(z), and what its letters stand for."""
        parts = [markup(self.row.prime, _letters({}))]
        parts += [f"{name} = {markup(text, _letters({}))}" for name, text in self.row.where]
        return r",\ ".join(parts)

    @property
    def function(self) -> str:
        """The function of `loopbp.activations` that computes sigma'."""
        return f"{self.row.name}_prime"

    def sigma_numbers(self, n: Number, z: float) -> str:
        """sigma(z) with z put in."""
        return _numbers(self.row.sigma, n, {"z": z})

    def prime_numbers(self, n: Number, z: float, a: float) -> str:
        """sigma'(z) with z and a put in."""
        return _numbers(with_letters_spelt(self.row.prime, self.row.where), n, {"z": z, "a": a})


def _numbers(formula: str, n: Number, values: dict[str, float]) -> str:
    def written(part: str | float) -> str:
        return n(values[part]) if isinstance(part, str) else _constant(part)

    return markup_of_numbers(formula, written, values)


class LossFormula(NamedTuple):
    """C and dC/da of one loss, the derivative by one output."""

    row: catalogue.Loss

    @property
    def loss(self) -> str:
        """C^t."""
        return self.row.markup

    @property
    def _prime(self) -> str:
        return f"({self.row.prime}) / n" if self.row.mean else self.row.prime

    @property
    def prime(self) -> str:
        """dC/da_i."""
        return markup(self._prime, _letters({"a": "a_i", "y": "y_i", "n": "n_L"}))

    @property
    def function(self) -> str:
        """The function of `loopbp.losses` that computes the derivative."""
        return f"{self.row.function or self.row.name}_prime"

    @property
    def numpy(self) -> str:
        """The derivative over whole arrays."""
        code = ast.unparse(ast.parse(self._prime))
        for word, meant in (("a", "a_L"), ("n", "n_L")):
            code = re.sub(rf"\b{word}\b", meant, code)
        return "da_L = " + re.sub(r"\b(\w+)\(", r"np.\1(", code)

    def prime_numbers(self, n: Number, a: float, y: float, n_outputs: int) -> str:
        """dC/da with a, y and n_L put in."""
        values = {"a": a, "y": y, "n": n_outputs}

        def written(part: str | float) -> str:
            if part == "n":
                return str(n_outputs)
            return n(values[part]) if isinstance(part, str) else _constant(part)

        return markup_of_numbers(self._prime, written, values)


ACTIVATIONS = {name: ActivationFormula(catalogue.ACTIVATIONS[name]) for name in catalogue.HIDDEN}
"""By name; softmax, whose sigma' is a Jacobian, and a user's own have none."""
LOSSES = {name: LossFormula(row) for name, row in catalogue.LOSSES.items()}
"""By name."""
