"""Derivations in indices, as in seed 001: each step with the rule that allows it, beside the code.

The loop, its vectorised twin and the table of dimensions are taken from the source and from
`loopbp.notation` at run time.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loopbp.messages.calls import suggests
from loopbp.notation import EQUATIONS, GLOSSARY, NIELSEN, dimensions_of
from loopbp.study.document import Beside, Block, Code, Document, Formula, Paragraph, Section, Table
from loopbp.study.naming import Naming
from loopbp.study.sources import loop_source, place_of, reference_source
from loopbp.validate import check_choice

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

Steps = tuple[tuple[str, str], ...]

_DC = r"\frac{\partial C^t}{\partial "
_DW = r"\frac{\partial J}{\partial \omega^l_{ij}}"
_DB = r"\frac{\partial J}{\partial b^l_i}"
_LINEAR = "$J$ is a mean, and the derivative of a mean is the mean of the derivatives"
_MANY = "chain rule for total derivatives: every $z^{l+1}_n$ depends on $a^l_i$, so a sum over $n$"
_ONE = "chain rule, one variable: "


@dataclass(frozen=True)
class _Plan:
    """What a derivation shows."""

    equations: tuple[str, ...]
    """Keys, of which the first one names it."""
    why: str
    chains: tuple[tuple[str, Steps], ...]
    """Left side, then steps and rules."""
    functions: tuple[str, ...]
    """Of `loopbp.loops`."""


_CHAIN_BP3: Steps = (
    (rf"\sum_n {_DC}z^{{l+1}}_n}} \frac{{\partial z^{{l+1}}_n}}{{\partial a^l_i}}",
     f"(7) {_MANY}"),
    (r"\sum_n \delta^{l+1}_n \omega^{l+1}_{ni}",
     r"(8) definition of $\delta$; by (5) only the term with $a^l_i$ is left of $z^{l+1}_n$"),
    (r"\sum_n \omega^{l+1}_{ni} \delta^{l+1}_n",
     "numbers may be swapped; $n$ is now the first index of both, which is the transpose"),
)  # fmt: skip

DERIVATIONS = {
    "forward": _Plan(
        ("5", "1", "2"),
        "The forward pass: what each unit computes, and the same for all units and examples.",
        (
            ("z^l_i", ((r"\sum_j \omega^l_{ij} a^{l-1}_j + b^l_i",
                        "(5) definition: a weight for each input, and a bias"),)),
            ("a^l_i", ((r"\sigma(z^l_i)", "(1) definition: one function of one number"),
                       (r"\sigma(\sum_j \omega^l_{ij} a^{l-1}_j + b^l_i)",
                        "(2) put in; $a^0_j = x_j$ begins"))),
        ),
        ("weighted_input", "activation"),
    ),
    "J": _Plan(
        ("3", "mean"),
        "The cost, and why the gradient of the batch is the mean of the gradients of its examples.",
        (
            ("J", ((r"\frac{1}{m} \sum_t C^t",
                    "(3) definition: the mean of the losses"),)),
            (r"\frac{\partial J}{\partial \theta}", (
                (r"\frac{\partial}{\partial \theta} \frac{1}{m} \sum_t C^t", "(3)"),
                (r"\frac{1}{m} \sum_t \frac{\partial C^t}{\partial \theta}",
                 "$1/m$ is a constant, and the derivative of a sum is the sum of the derivatives"),
            )),
        ),
        ("example_losses",),
    ),
    "deltaL": _Plan(
        ("task1", "collapse", "dA"),
        "Task 1 of seed 002: delta of the output layer, where the loss comes in.",
        (
            (r"\delta^L_i", (
                (rf"{_DC}z^L_i}}", "definition"),
                (rf"\frac{{\partial a^L_i}}{{\partial z^L_i}} {_DC}a^L_i}}",
                 _ONE + r"$z^L_i$ acts on $C^t$ through $a^L_i$ alone (not so for softmax)"),
                (rf"\sigma'(z^L_i) {_DC}a^L_i}}", "$a^L_i = \\sigma(z^L_i)$, by (1)"),
            )),
            (r"\delta^L_i", (
                (r"\sum_k \frac{\partial a^L_k}{\partial z^L_i} " + rf"{_DC}a^L_k}}",
                 "softmax: $z^L_i$ acts on every $a^L_k$, so a sum over $k$"),
                (r"\sum_k a_k ([k = i] - a_i) (-y_k / a_k)",
                 "derivative of softmax, and of the loss $-\\sum_k y_k \\log a_k$"),
                (r"a_i \sum_k y_k - y_i", "the sum split in two, $a_k$ cancels"),
                ("a_i - y_i", "the targets of one example sum to 1"),
            )),
        ),
        ("output_delta",),
    ),
    "delta": _Plan(
        ("task2", "BP3", "BP4"),
        "Task 2 of seed 002: from the delta of layer l+1 to that of layer l.",
        (
            (r"\delta^l_i", (
                (rf"{_DC}z^l_i}}", "definition"),
                (r"\frac{\partial a^l_i}{\partial z^l_i} \sum_n "
                 r"\frac{\partial z^{l+1}_n}{\partial a^l_i} " + rf"{_DC}z^{{l+1}}_n}}",
                 r"chain rule: $z^l_i$ acts through $a^l_i$, and that through every $z^{l+1}_n$"),
                (r"\sigma'(z^l_i) \sum_n \frac{\partial z^{l+1}_n}{\partial a^l_i} "
                 + rf"{_DC}z^{{l+1}}_n}}", "$a^l_i = \\sigma(z^l_i)$, by (1)"),
                (r"\sigma'(z^l_i) \sum_n \omega^{l+1}_{ni} " + rf"{_DC}z^{{l+1}}_n}}",
                 "by (5), only the term with $a^l_i$ is left of $z^{l+1}_n$"),
                (r"\sigma'(z^l_i) \sum_n \omega^{l+1}_{ni} \delta^{l+1}_n",
                 "definition, one layer on"),
            )),
        ),
        ("hidden_delta",),
    ),
    "BP1": _Plan(
        ("BP1", "4", "first"),
        "The gradient of the weights.",
        (
            (_DW, (
                (r"\frac{1}{m} \sum_t \frac{\partial C^t}{\partial \omega^l_{ij}}", _LINEAR),
                (rf"\frac{{1}}{{m}} \sum_t {_DC}z^l_i}} "
                 r"\frac{\partial z^l_i}{\partial \omega^l_{ij}}",
                 f"(4) {_ONE}" + r"$\omega^l_{ij}$ enters $z^l_i$ and no other $z$"),
                (r"\frac{1}{m} \sum_t \delta^l_i \frac{\partial z^l_i}{\partial \omega^l_{ij}}",
                 "definition of $\\delta$"),
                (r"\frac{1}{m} \sum_t \delta^l_i a^{l-1}_j",
                 r"by (5), only the term with $\omega^l_{ij}$ is left of the sum over $j$"),
            )),
        ),
        ("weight_gradient",),
    ),
    "BP2": _Plan(
        ("BP2", "6", "bias"),
        "The gradient of the biases.",
        (
            (_DB, (
                (r"\frac{1}{m} \sum_t \frac{\partial C^t}{\partial b^l_i}", _LINEAR),
                (rf"\frac{{1}}{{m}} \sum_t {_DC}z^l_i}} "
                 r"\frac{\partial z^l_i}{\partial b^l_i}",
                 f"(6) {_ONE}$b^l_i$ enters $z^l_i$ and no other $z$"),
                (r"\frac{1}{m} \sum_t \delta^l_i",
                 "definition of $\\delta$; by (5), $z^l_i$ grows as $b^l_i$ does: the factor is 1"),
            )),
        ),
        ("bias_gradient",),
    ),
    "BP3": _Plan(
        ("BP3", "7", "8"),
        "Back through the weights, from delta to the derivative by the activations before.",
        ((rf"{_DC}a^l_i}}", _CHAIN_BP3),),
        ("activation_gradient",),
    ),
    "BP4": _Plan(
        ("BP4", "prime"),
        "Back through the activation.",
        (
            (r"\delta^l_i", (
                (rf"{_DC}z^l_i}}", "definition"),
                (rf"{_DC}a^l_i}} \frac{{\partial a^l_i}}{{\partial z^l_i}}",
                 _ONE + "$z^l_i$ acts through $a^l_i$ alone"),
                (rf"{_DC}a^l_i}} \sigma'(z^l_i)",
                 "$a^l_i = \\sigma(z^l_i)$, by (1): unit by unit, so the product is element-wise"),
            )),
        ),
        ("delta_from_da",),
    ),
}  # fmt: skip
"""What `derive` can derive."""


@dataclass(frozen=True)
class Derivation:
    """One derivation; printing it shows it, and `text`, `latex` and `html` give it as strings."""

    name: str
    chains: tuple[Formula, ...]
    """Each step with its rule."""
    loops: tuple[Code, ...]
    twins: tuple[Code, ...]
    """The functions of `loopbp.reference`, in the same order."""
    numpy: tuple[str, ...]
    """The NumPy lines."""
    dimensions: Table
    page: Document

    def document(self) -> Document:
        """The derivation as a document, to be drawn."""
        return self.page

    def text(self, width: int = 100) -> str:
        """The derivation as plain text; see `Explanation.text`."""
        from loopbp.study.render_text import text

        return text(self.page, width)

    def latex(self, standalone: bool = True) -> str:
        """The derivation as LaTeX; see `Explanation.latex`."""
        from loopbp.study.render_latex import latex

        return latex(self.page, standalone)

    def html(self, standalone: bool = True) -> str:
        """The derivation as HTML with MathML; see `Explanation.html`."""
        from loopbp.study.render_html import html

        return html(self.page, standalone)

    def _repr_html_(self) -> str:
        return self.html(standalone=False)

    def __str__(self) -> str:
        return self.text()

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from loopbp.study.render_text import rich_lines

        yield from rich_lines(self.page, options.max_width)


@suggests
def derive(name: str, *, orientation: str = "ij") -> Derivation:
    """Derive one equation in indices, beside its loop, its vectorised twin and its dimensions.

    Parameters
    ----------
    name
        One of ``DERIVATIONS``: BP1, BP2, BP3, BP4 (seed 001), deltaL, delta (seed 002), forward, J.
    orientation
        ``ij``: weights are written unit first; ``ji``: input first.  The loop and its twin store
        them unit first in either case.

    Returns
    -------
    Derivation

    Raises
    ------
    ValueError
        If there is no such derivation.

    Examples
    --------
    >>> import loopbp
    >>> from loopbp.study import derive
    >>> print(derive("BP2").numpy[0])
    db = delta.mean(axis=0)
    """
    plan = DERIVATIONS[check_choice("name", name, DERIVATIONS)]
    naming = Naming(orientation)
    equations = [EQUATIONS[key] for key in plan.equations]
    chains = tuple(
        Formula(
            naming.formula(left),
            tuple(naming.formula(step) for step, _ in steps),
            tuple(naming.formula(rule) for _, rule in steps),
        )
        for left, steps in plan.chains
    )
    loops, twins = [], []
    for function in plan.functions:
        for code, source in ((loops, loop_source), (twins, reference_source)):
            file = "loops" if code is loops else "reference"
            code.append(Code(f"{file}.{function}", *source(function)))
    lines = tuple(dict.fromkeys(equation.line(orientation) for equation in equations))
    arrays = tuple(dict.fromkeys(
        array for equation in equations for array in equation.arrays(orientation)
    ))  # fmt: skip
    table = _dimensions(arrays, orientation)
    place = _places(plan)
    nielsen = [f"Nielsen's ({key}) is {text}." for key, text in NIELSEN.items() if _same(name, key)]
    listed = Table(
        (r"\text{seed}", r"\text{equation}"),
        tuple((e.source, f"${naming.formula(e.formula)}$: {e.title}") for e in equations),
        words=True,
    )
    code: list[Block] = []
    for left, right in zip(loops, twins, strict=True):
        code.append(Beside(left, right))
    numpy = Table(
        (r"\text{seed}", r"\text{line}", r"\text{shapes}"),
        tuple((e.source, e.line(orientation), e.shapes(orientation)) for e in equations),
        words=True,
    )
    page = Document(
        f"{name}: {equations[0].title}",
        (
            Section("What is derived", (
                Paragraph(plan.why), listed, *(Paragraph(text) for text in nielsen),
            )),
            Section("Step by step", chains),
            Section("The loop, and the same vectorised", (Paragraph(place), *code)),
            Section("Dimensions", (
                table,
                Paragraph("Over whole arrays, one example a row (seed 001 has one a column: its "
                          "arrays are these transposed, and products turn round):"),
                numpy,
            )),
        ),
    )  # fmt: skip
    return Derivation(name, chains, tuple(loops), tuple(twins), lines, table, page)


def _same(name: str, nielsen: str) -> bool:
    """Whether Nielsen's equation is what a derivation derives."""
    return {"deltaL": "BP1", "delta": "BP2", "BP2": "BP3", "BP1": "BP4"}.get(name) == nielsen


def _places(plan: _Plan) -> str:
    from loopbp import loops

    found = []
    for key in plan.equations:
        equation = EQUATIONS[key]
        if equation.function in plan.functions:
            place = place_of(loops, equation.function, equation.statement)
            found.append(f"{equation.source}: {place}")
    return f"Where the lines are: {'; '.join(dict.fromkeys(found))}."


def _dimensions(arrays: tuple[str, ...], orientation: str) -> Table:
    """Every array of the NumPy lines: shape here, name in seed 001, meaning."""
    symbols = {symbol.array: symbol for symbol in GLOSSARY if symbol.array}
    base = {"a_prev": "a", "w_next": "w", "delta_next": "delta", "da_prev": "da", "z_L": "z",
            "a_L": "a", "da_L": "da", "delta_L": "delta"}  # fmt: skip
    rows = []
    for array in arrays:
        symbol = symbols[base.get(array, array)]
        names = dimensions_of(array, orientation)
        shape = f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})"
        which = {"prev": " (of layer l-1)", "next": " (of layer l+1)", "L": " (of layer L)"}
        suffix = which.get(array.rpartition("_")[2], "") if array in base else ""
        first = symbol.seed_001.split(",")[0].split(" ")[0]
        rows.append((array, shape, first, symbol.meaning + suffix))
    head = (r"\text{array}", r"\text{shape}", r"\text{seed 001}", r"\text{what it is}")
    return Table(head, tuple(rows), words=True)
