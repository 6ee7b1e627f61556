"""The notation of the package as data: symbols, equations, the NumPy line and the shapes of each.

The three documents that it follows: seed 000 (where is the 1/m?), seed 001 (the vectorised
equations) and seed 002 (the derivation in indices).  What prints a formula takes it from here.

Formulas are written in a small part of LaTeX, with ``\\num{...}`` for numbers;
`loopbp.study.mathtext` turns them into Unicode text, LaTeX or MathML.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple


class Symbol(NamedTuple):
    """One row of the glossary."""

    key: str
    formula: str
    meaning: str
    array: str
    """Its name in the code, or empty."""
    shape: str
    """Of that array, or empty."""
    seed_001: str = ""
    """What seed 001 calls it, with examples as columns."""
    nielsen: str = ""
    """What Nielsen's book calls it, where that differs."""


GLOSSARY = (
    Symbol("L", "L", "number of weight layers", "", "", "L", "L - 1: layer 1 is the input"),
    Symbol("l", "l", "layer, 1..L; 0 is the input", "", "", "l", "l + 1"),
    Symbol("n_l", "n_l", "units in layer l", "sizes[l]", ""),
    Symbol("m", "m", "examples in the batch", "", "", "m", "n"),
    Symbol("t", "t", "one example", "", "", "i, in parentheses", "x"),
    Symbol("x", "x_j", "input j, a^0_j", "x", "(m, n_0)"),
    Symbol("y", "y_i", "target of output i", "y", "(m, n_L)"),
    Symbol("w", r"\omega^l_{ij}", "weight to unit i of its layer from unit j of the layer before",
           "w", "(n_l, n_{l-1})", "W, the same shape", r"w^l_{jk}"),
    Symbol("b", "b^l_i", "bias of unit i", "b", "(n_l,)", "b (n_l, 1)", "b^l_j"),
    Symbol("z", "z^l_i", "weighted input", "z", "(m, n_l)", "Z (n_l, m)", "z^l_j"),
    Symbol("a", "a^l_i", "activation, sigma of z", "a", "(m, n_l)", "A (n_l, m)", "a^l_j"),
    Symbol("sigma", r"\sigma", "activation function", "", "", "g"),
    Symbol("C", "C^t", "loss of one example", "losses", "(m,)", "L, in script", "C_x"),
    Symbol("J", "J", "cost: the mean of the losses", "", "", "J", "C"),
    Symbol("s", "s_t", "weight of example t, with mean 1", "weight", "(m,)"),
    Symbol("da", r"\frac{\partial C^t}{\partial a^l_i}", "dC/da, per example, without 1/m", "da",
           "(m, n_l)", "dA (n_l, m)"),
    Symbol("delta", r"\delta^l_i", "dC/dz, per example, without 1/m", "delta", "(m, n_l)",
           "dZ (n_l, m)", r"\delta^l_j"),
    Symbol("dw", r"\frac{\partial J}{\partial \omega^l_{ij}}", "dJ/dw: the 1/m enters here",
           "dw", "(n_l, n_{l-1})", "dW, the same shape"),
    Symbol("db", r"\frac{\partial J}{\partial b^l_i}", "dJ/db: the 1/m enters here too,"
           " nowhere else", "db", "(n_l,)", "db (n_l, 1)"),
    Symbol("theta", r"\theta", "all parameters: layer by layer, each w row by row, then b",
           "theta", "(P,)"),
    Symbol("lambda", r"\lambda", "weight of the penalty on J, half the sum of squared w", "l2",
           ""),
)  # fmt: skip

# Nielsen, Neural Networks and Deep Learning, chapter 2, numbers its four equations otherwise.
NIELSEN = {
    "BP1": "the output layer: seed 002's Task 1, and BP4 of seed 001 at l = L",
    "BP2": "the recurrence: seed 002's Task 2, BP3 and BP4 of seed 001 in one",
    "BP3": "the bias: BP2 of seed 001",
    "BP4": "the weights: BP1 of seed 001",
}

DIMENSIONS = {
    "x": ("m", "n_0"), "y": ("m", "n_L"), "w": ("n_l", "n_{l-1}"), "b": ("n_l",),
    "a_prev": ("m", "n_{l-1}"), "z": ("m", "n_l"), "a": ("m", "n_l"), "da": ("m", "n_l"),
    "delta": ("m", "n_l"), "w_next": ("n_{l+1}", "n_l"), "delta_next": ("m", "n_{l+1}"),
    "da_prev": ("m", "n_{l-1}"), "dw": ("n_l", "n_{l-1}"), "db": ("n_l",), "losses": ("m",),
    "z_L": ("m", "n_L"), "a_L": ("m", "n_L"), "da_L": ("m", "n_L"), "delta_L": ("m", "n_L"),
    "weight": ("m",),
}  # fmt: skip
"""The arrays of the NumPy lines and their shapes, for weights w[i, j] to i from j."""

_MATRICES = ("w", "w_next", "dw")


class Equation(NamedTuple):
    """One equation of a seed."""

    key: str
    seed: str
    number: str
    """As the seed numbers or names it."""
    title: str
    formula: str
    """In indices, for weights to i from j."""
    function: str
    """The function of `loopbp.loops` that computes it."""
    statement: str
    """What the line of that function contains which does it."""
    numpy: str
    """The same over whole arrays, one example a row."""
    numpy_ji: str = ""
    """The same for weights stored with the input first; empty where nothing changes."""

    @property
    def source(self) -> str:
        """Where it is found, such as ``seed 001 (BP1)``."""
        if self.number.startswith("BP") or self.number.isdigit():
            return f"seed {self.seed} ({self.number})"
        return f"seed {self.seed}, {self.number}"

    def line(self, orientation: str = "ij") -> str:
        """The NumPy line for an orientation of the weights."""
        return self.numpy_ji if orientation == "ji" and self.numpy_ji else self.numpy

    def shapes(self, orientation: str = "ij", sizes: Mapping[str, int] | None = None) -> str:
        """The NumPy line with the shape of each array in its place.

        Parameters
        ----------
        orientation
            ``ij``: w[i, j] to i from j; ``ji``: w[j, i].
        sizes
            Numbers for m, n_l, ...; None leaves the letters.
        """

        def put(match: re.Match[str]) -> str:
            return _shape(dimensions_of(match[1], orientation), bool(match[2]), sizes)

        names = "|".join(sorted(DIMENSIONS, key=len, reverse=True))
        return re.sub(rf"(?<![\w.])({names})(\.T)?(?![\w(])", put, self.line(orientation))

    def arrays(self, orientation: str = "ij") -> tuple[str, ...]:
        """Names of the arrays of the NumPy line, in the order of their appearance."""
        words = re.findall(r"(?<![\w.])\w+", self.line(orientation))
        return tuple(dict.fromkeys(word for word in words if word in DIMENSIONS))


def dimensions_of(array: str, orientation: str = "ij") -> tuple[str, ...]:
    """The shape of an array of the NumPy lines, in letters."""
    dimensions = DIMENSIONS[array]
    return dimensions[::-1] if orientation == "ji" and array in _MATRICES else dimensions


def _shape(dimensions: tuple[str, ...], transposed: bool, sizes: Mapping[str, int] | None) -> str:
    names = dimensions[::-1] if transposed else dimensions
    parts = [name if sizes is None else str(sizes[name]) for name in names]
    return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"


_D = r"\frac{\partial "
_DW = _D + r"J}{\partial \omega^l_{ij}}"
_DELTA = _D + r"C^t}{\partial z^l_i}"
_MEAN_W = r"\frac{1}{m} \sum_t \delta^l_i a^{l-1}_j"
_MEAN_B = r"\frac{1}{m} \sum_t \delta^l_i"
_BACK = r"\sum_n \omega^{l+1}_{ni} \delta^{l+1}_n"
_Z_SUM = "total += w[i, j] * a_prev[t, j]"
_DW_SUM = "total += delta[t, i] * a_prev[t, j]"
_DB_SUM = "total += delta[t, i]"
_BACK_SUM = "total += w_next[n, i] * delta_next[t, n]"
_NP_Z = ("z = a_prev @ w.T + b", "z = a_prev @ w + b")
_NP_DW = ("dw = delta.T @ a_prev / m", "dw = a_prev.T @ delta / m")
_NP_DA = ("da = delta_next @ w_next", "da = delta_next @ w_next.T")
_NP_DELTA = (
    "delta = (delta_next @ w_next) * sigma_prime(z)",
    "delta = (delta_next @ w_next.T) * sigma_prime(z)",
)
_NP_DB = "db = delta.mean(axis=0)"

EQUATIONS = {
    equation.key: equation
    for equation in (
        Equation("1", "001", "1", "activation", r"a^l_i = \sigma(z^l_i)",
                 "activation", "sigma_row(", "a = sigma(z)"),
        Equation("2", "001", "2", "weighted input, all at once",
                 r"Z^l = W^l A^{l-1} + b^l", "weighted_input", "out_z[t, i] =", *_NP_Z),
        Equation("3", "001", "3", "cost", r"J = \frac{1}{m} \sum_t C^t",
                 "example_losses", "out_c[t] =", "J = np.mean(weight * losses)"),
        Equation("4", "001", "4", "chain rule for a weight",
                 _DW + r" = \frac{1}{m} \sum_t " + _DELTA
                 + r" \frac{\partial z^l_i}{\partial \omega^l_{ij}}",
                 "weight_gradient", _DW_SUM, *_NP_DW),
        Equation("5", "001", "5", "weighted input",
                 r"z^l_i = \sum_j \omega^l_{ij} a^{l-1}_j + b^l_i",
                 "weighted_input", _Z_SUM, *_NP_Z),
        Equation("6", "001", "6", "chain rule for a bias",
                 r"\frac{\partial J}{\partial b^l_i} = \frac{1}{m} \sum_t " + _DELTA
                 + r" \frac{\partial z^l_i}{\partial b^l_i}",
                 "bias_gradient", _DB_SUM, _NP_DB),
        Equation("7", "001", "7", "chain rule for an activation",
                 r"\frac{\partial C^t}{\partial a^l_i} = \sum_n "
                 r"\frac{\partial C^t}{\partial z^{l+1}_n} "
                 r"\frac{\partial z^{l+1}_n}{\partial a^l_i}",
                 "activation_gradient", _BACK_SUM, *_NP_DA),
        Equation("8", "001", "8", "sum over the units that an activation reaches",
                 r"\frac{\partial C^t}{\partial a^l_i} = \sum_n \delta^{l+1}_n \omega^{l+1}_{ni}",
                 "activation_gradient", _BACK_SUM, *_NP_DA),
        Equation("BP1", "001", "BP1", "gradient of the weights", f"{_DW} = {_MEAN_W}",
                 "weight_gradient", _DW_SUM, *_NP_DW),
        Equation("BP2", "001", "BP2", "gradient of the biases",
                 r"\frac{\partial J}{\partial b^l_i} = " + _MEAN_B,
                 "bias_gradient", _DB_SUM, _NP_DB),
        Equation("BP3", "001", "BP3", "back through the weights",
                 r"\frac{\partial C^t}{\partial a^l_i} = " + _BACK,
                 "activation_gradient", _BACK_SUM, *_NP_DA),
        Equation("BP4", "001", "BP4", "back through the activation",
                 r"\delta^l_i = \frac{\partial C^t}{\partial a^l_i} \sigma'(z^l_i)",
                 "delta_from_da", "out_delta[t, i] = da[t, i]", "delta = da * sigma_prime(z)"),
        Equation("product", "002", "Hint 2", "two terms",
                 r"\frac{\partial C^t}{\partial \omega^l_{ij}} = "
                 r"\frac{\partial z^l_i}{\partial \omega^l_{ij}} " + _DELTA,
                 "weight_gradient", _DW_SUM, *_NP_DW),
        Equation("first", "002", "First Term", "first term",
                 r"\frac{\partial z^l_i}{\partial \omega^l_{ij}} = a^{l-1}_j",
                 "weight_gradient", _DW_SUM, *_NP_DW),
        Equation("input", "002", "First Term, l = 1", "first term at the input",
                 r"\frac{\partial z^1_i}{\partial \omega^1_{ij}} = x_j",
                 "weight_gradient", _DW_SUM, *_NP_DW),
        Equation("second", "002", "Second Term", "second term", r"\delta^l_i = " + _DELTA,
                 "hidden_delta", "out_delta[t, i] = out_delta[t, i] * total", *_NP_DELTA),
        Equation("task1", "002", "Task 1", "delta of the output layer",
                 r"\delta^L_i = \sigma'(z^L_i) \frac{\partial C^t}{\partial a^L_i}",
                 "output_delta", "delta_row(", "delta_L = sigma_prime(z_L) * da_L"),
        Equation("task2", "002", "Task 2", "the recurrence",
                 r"\delta^l_i = \sigma'(z^l_i) " + _BACK, "hidden_delta", _BACK_SUM, *_NP_DELTA),
        Equation("mean", "002", "Hint 2, the batch", "mean over the batch",
                 r"\frac{\partial J}{\partial \theta} = \frac{1}{m} \sum_t "
                 r"\frac{\partial C^t}{\partial \theta}",
                 "weight_gradient", "out_dw[i, j] = total / m", *_NP_DW),
        Equation("bias", "002", "the bias", "first term of a bias",
                 r"\frac{\partial z^l_i}{\partial b^l_i} = 1",
                 "bias_gradient", _DB_SUM, _NP_DB),
        Equation("prime", "002", "Task 2, first part", "the activation's own derivative",
                 r"\frac{\partial a^l_i}{\partial z^l_i} = \sigma'(z^l_i)",
                 "delta_from_da", "sigma_prime_row(", "delta = da * sigma_prime(z)"),
        Equation("loss", "002", "Task 1, second part", "the loss's own derivative",
                 r"\frac{\partial C^t}{\partial a^L_i} = \frac{1}{n_L} (a^L_i - y_i)",
                 "output_delta", "delta_row(", "da_L = (a_L - y) / n_L"),
        Equation("jacobian", "002", "Task 1, first part", "softmax: a matrix for sigma'",
                 r"\delta^L_i = \sum_k \frac{\partial C^t}{\partial a^L_k} "
                 r"\frac{\partial a^L_k}{\partial z^L_i}",
                 "output_delta", "delta_row(",
                 "delta_L = a_L * (da_L - (a_L * da_L).sum(axis=1, keepdims=True))"),
        Equation("collapse", "002", "Task 1", "where sigma' cancels",
                 r"\delta^L_i = a^L_i - y_i", "output_delta", "delta_row(", "delta_L = a_L - y"),
        Equation("dA", "000", "dAL", "the loss by the output, without 1/m",
                 r"\frac{\partial C^t}{\partial a^L_i} = "
                 r"-(y_i / a^L_i - (1 - y_i) / (1 - a^L_i))",
                 "output_delta", "delta_row(", "da_L = -(y / a_L - (1 - y) / (1 - a_L))"),
        Equation("late", "000", "1/m in dW and db", "differentiate the loss, average last",
                 f"{_DW} = {_MEAN_W}", "weight_gradient", "out_dw[i, j] = total / m", *_NP_DW),
        Equation("early", "000", "1/m in the first factor", "differentiate the cost",
                 r"\frac{\partial J}{\partial a^L_i} = "
                 r"\frac{1}{m} \frac{\partial C^t}{\partial a^L_i}",
                 "weight_gradient", "out_dw[i, j] = total / m",
                 "dw = (delta / m).T @ a_prev", "dw = a_prev.T @ (delta / m)"),
    )
}  # fmt: skip
"""The equations of the three seeds by a key of their own."""
