"""Formulas, written once in a small part of LaTeX, as Unicode text, LaTeX and MathML.

The part: letters, digits, operators, ``^`` and ``_``, ``'``, ``\\frac``, ``\\text``, the symbols
of `SYMBOLS`, and ``\\num{-1.5e-07}`` for a number.  Spaces mean nothing in LaTeX; here they are
kept in the text, so the writer of a formula decides where its text has them.
"""

import html
import re
from collections.abc import Callable
from typing import NamedTuple

SYMBOLS = {
    "omega": "ω", "delta": "δ", "sigma": "σ", "partial": "∂", "theta": "θ", "lambda": "λ",
    "Phi": "Φ", "varphi": "φ", "Delta": "Δ", "pi": "π", "ell": "ℓ",
}  # fmt: skip
OPERATORS = {
    "cdot": "·", "to": "→", "times": "×", "odot": "*", "dots": "…", "le": "≤", "ge": "≥",
    "ne": "≠", "mid": "|",
}  # fmt: skip
_FUNCTIONS = ("exp", "log", "tanh", "cosh", "abs", "max", "erf", "sign", "clip")
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\s+|.", re.DOTALL)
_SIMPLE_SCRIPT = re.compile(r"[\w,′]+|\d")
_INLINE = re.compile(r"\$([^$]+)\$")


class Node(NamedTuple):
    """A part of a formula."""

    kind: str
    """row, letter, digits, number, operator, space, gap, text, function, sum, frac or script"""
    text: str = ""
    parts: tuple["Node", ...] = ()


_EMPTY = Node("row")


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = _TOKEN.findall(source)
        self.position = 0

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.position += 1
        return token

    def skip_space(self) -> None:
        while self.peek().isspace():
            self.take()

    def row(self, end: str) -> Node:
        parts: list[Node] = []
        while self.peek() != end:
            if not self.peek():
                raise ValueError(f"formula: expected {end!r} in {self.source!r}")
            parts.append(self.item())
        self.take()
        return Node("row", parts=tuple(parts))

    def item(self) -> Node:
        if self.peek().isspace():
            self.take()
            return Node("space")
        base = self.atom()
        sub = sup = _EMPTY
        while self.peek() in ("^", "_", "'"):
            mark = self.take()
            if mark == "'":
                sup = Node("operator", "′")
            elif mark == "^":
                sup = self.atom()
            else:
                sub = self.atom()
        if sub is _EMPTY and sup is _EMPTY:
            return base
        return Node("script", parts=(base, sub, sup))

    def raw_group(self) -> str:
        """The text of a group, unparsed."""
        self.skip_space()
        if self.take() != "{":
            raise ValueError(f"formula: expected '{{' in {self.source!r}")
        text = ""
        while (token := self.take()) != "}":
            if not token:
                raise ValueError(f"formula: expected '}}' in {self.source!r}")
            text += token
        return text

    def atom(self) -> Node:
        token = self.take()
        if token == "{":
            return self.row("}")
        if token == r"\frac":
            self.skip_space()
            above = self.atom()
            self.skip_space()
            return Node("frac", parts=(above, self.atom()))
        if token == r"\num":
            return Node("number", self.raw_group())
        if token == r"\text":
            return Node("text", self.raw_group())
        if token == r"\sum":
            return Node("sum")
        if token == r"\ ":
            return Node("gap")
        if token.startswith("\\"):
            name = token[1:]
            if name in SYMBOLS:
                self.skip_space()
                return Node("letter", SYMBOLS[name])
            if name in OPERATORS:
                return Node("operator", OPERATORS[name])
            if name in _FUNCTIONS:
                return Node("function", name)
            raise ValueError(f"formula: no command {token!r}, in {self.source!r}")
        if token[:1].isdigit():
            return Node("digits", token)
        if token.isalpha():
            return Node("letter", token)
        if not token:
            raise ValueError(f"formula: ends too early: {self.source!r}")
        return Node("operator", token)


def parse(formula: str) -> Node:
    """The tree of a formula.

    Raises
    ------
    ValueError
        If a command is unknown or a brace is missing.
    """
    parser = _Parser(formula)
    parts = []
    while parser.peek():
        parts.append(parser.item())
    return Node("row", parts=tuple(parts))


def to_text(formula: str) -> str:
    """A formula as Unicode text, such as ``δ^l_i = σ'(z^l_i) Σ_n ω^{l+1}_ni δ^{l+1}_n``."""
    return re.sub(r" +", " ", _text(parse(formula))).strip()


def _text(node: Node) -> str:
    if node.kind == "row":
        return "".join(_text(part) for part in node.parts)
    if node.kind in ("space", "gap"):
        return " "
    if node.kind == "sum":
        return "Σ"
    if node.kind == "frac":
        above, below = (_text(part) for part in node.parts)
        if above.startswith("∂"):
            return f"{above}/{f'({below})' if ' ' in below else below}"
        above, below = (f"({part})" if " " in part else part for part in (above, below))
        return f"({above}/{below})"
    if node.kind == "script":
        base, sub, sup = node.parts
        text = _text(base)
        if sup.text == "′":
            return f"{text}'{_script('_', sub)}"
        return f"{text}{_script('^', sup)}{_script('_', sub)}"
    return node.text


def _script(mark: str, node: Node) -> str:
    text = _text(node)
    if not text:
        return ""
    return f"{mark}{text}" if _SIMPLE_SCRIPT.fullmatch(text) else f"{mark}{{{text}}}"


def to_latex(formula: str) -> str:
    """A formula as LaTeX for math mode (needs amsmath)."""
    parse(formula)
    formula = re.sub(r"\\(erf|sign|clip)\b", r"\\operatorname{\1}", formula)
    return re.sub(r"\\num\{([^}]*)\}", lambda match: _latex_number(match[1]), formula)


def _latex_number(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    return mantissa + (rf" \times 10^{{{int(exponent)}}}" if exponent else "")


def to_mathml(formula: str, display: bool = False) -> str:
    """A formula as a MathML element that HTML5 takes as it is."""
    block = ' display="block"' if display else ""
    return f"<math{block}>{_mathml(parse(formula))}</math>"


def _mathml(node: Node) -> str:
    if node.kind == "row":
        return f"<mrow>{''.join(_mathml(part) for part in node.parts)}</mrow>"
    if node.kind == "space":
        return ""
    if node.kind == "gap":
        return '<mspace width="0.5em"></mspace>'
    if node.kind == "letter":
        return f"<mi>{html.escape(node.text)}</mi>"
    if node.kind == "digits":
        return f"<mn>{node.text}</mn>"
    if node.kind == "number":
        mantissa, _, exponent = node.text.replace("-", "−").partition("e")
        if not exponent:
            return f"<mn>{mantissa}</mn>"
        power = str(int(exponent.replace("−", "-"))).replace("-", "−")
        return f"<mrow><mn>{mantissa}</mn><mo>×</mo><msup><mn>10</mn><mn>{power}</mn></msup></mrow>"
    if node.kind == "function":
        return f'<mi>{node.text}</mi><mspace width="0.15em"></mspace>'
    if node.kind == "text":
        return f"<mtext>{html.escape(node.text)}</mtext>"
    if node.kind == "operator":
        return f"<mo>{html.escape('−' if node.text == '-' else node.text)}</mo>"
    if node.kind == "sum":
        return "<mo>∑</mo>"
    if node.kind == "frac":
        return f"<mfrac>{''.join(map(_mathml, node.parts))}</mfrac>"
    base, sub, sup = node.parts
    if base.kind == "sum":
        return f"<munder>{_mathml(base)}{_mathml(sub)}</munder>"
    if sup is _EMPTY:
        return f"<msub>{_mathml(base)}{_mathml(sub)}</msub>"
    if sub is _EMPTY:
        return f"<msup>{_mathml(base)}{_mathml(sup)}</msup>"
    return f"<msubsup>{_mathml(base)}{_mathml(sub)}{_mathml(sup)}</msubsup>"


def inline(text: str, prose: Callable[[str], str], formula: Callable[[str], str]) -> str:
    """Prose with formulas between dollar signs, each part through its own function."""
    parts = _INLINE.split(text)
    return "".join((formula if k % 2 else prose)(part) for k, part in enumerate(parts))
