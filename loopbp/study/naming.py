"""How units, layers and weights are called: indices from 0 or 1, w_ij or w_ji, layers from 0 or 1.

Inside, everything is as in the arrays: units, inputs and examples from 0, layers 0 (the input)
to L, w[i, j] to i from j.
"""

from dataclasses import dataclass

from loopbp.validate import check_choice, check_count


@dataclass(frozen=True)
class Naming:
    """One way to name things, for arguments and for what is printed alike.

    Parameters
    ----------
    orientation
        ``ij``: the unit first, then the input, as in the seeds; ``ji``: the input first.
    index_base
        What units, inputs and examples count from: 0 or 1.
    input_layer
        The number of the input: 0 as in the seeds, 1 as in Nielsen's book.
    """

    orientation: str = "ij"
    index_base: int = 0
    input_layer: int = 0

    def __post_init__(self) -> None:
        check_choice("orientation", self.orientation, ("ij", "ji"))
        for name in ("index_base", "input_layer"):
            value = getattr(self, name)
            if check_count(name, value, 0) > 1:
                raise ValueError(f"{name}: expected 0 or 1, got {value!r}")

    def layer(self, l: int) -> int:
        """The number of layer l."""
        return l + self.input_layer

    def index(self, k: int) -> int:
        """The number of a unit, an input or an example."""
        return k + self.index_base

    def omega(self, l: int, i: int, j: int) -> str:
        """Markup of the weight to unit i of layer l from unit j of layer l - 1."""
        first, second = self.index(i), self.index(j)
        if self.orientation == "ji":
            first, second = second, first
        return rf"\omega^{{{self.layer(l)}}}_{{{first},{second}}}"

    def at(self, symbol: str, l: int, i: int | str) -> str:
        """Markup of a symbol at layer l and unit i (a letter stands for any unit)."""
        return f"{symbol}^{{{self.layer(l)}}}_{{{i if isinstance(i, str) else self.index(i)}}}"

    def activation(self, l: int, i: int | str) -> str:
        """Markup of a^l_i, which is x_i at the input."""
        if l == 0:
            return f"x_{{{i if isinstance(i, str) else self.index(i)}}}"
        return self.at("a", l, i)

    def omega_any(self, l: int, i: int | str, j: int | str) -> str:
        """Markup of a weight of which one index or both are letters."""
        first, second = (k if isinstance(k, str) else str(self.index(k)) for k in (i, j))
        if self.orientation == "ji":
            first, second = second, first
        comma = "" if first.isalpha() and second.isalpha() else ","
        return rf"\omega^{{{self.layer(l)}}}_{{{first}{comma}{second}}}"

    def formula(self, markup: str) -> str:
        """A general formula of `loopbp.notation` in this orientation."""
        if self.orientation == "ij":
            return markup
        return markup.replace(r"\omega^l_{ij}", r"\omega^l_{ji}").replace(
            r"\omega^{l+1}_{ni}", r"\omega^{l+1}_{in}"
        ).replace(r"\omega^1_{ij}", r"\omega^1_{ji}")  # fmt: skip
