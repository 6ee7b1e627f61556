"""The formulas of the catalogue: Python expressions, evaluated or written out.

They have numbers, names, ``+ - * / **``, one comparison in ``x if z > 0 else y``, and functions.
`evaluate` takes the functions from its caller, so that the same formula serves complex numbers
(`loopbp.gradcheck`) and numbers of 40 digits (`loopbp.numerics`); `markup` writes a formula in the
part of LaTeX that `loopbp.study.mathtext` reads, with letters or with numbers in them.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

# Functions that are written out by others: x is the argument.
SPELT = {
    "sigmoid": "1 / (1 + exp(-x))",
    "softplus": "log(1 + exp(x))",
    "Phi": "0.5 * (1 + erf(x / 1.41421356))",
    "phi": "exp(-0.5 * x**2) / 2.50662827",
}
_SYMBOLS = {"Phi": r"\Phi", "phi": r"\varphi"}
_OPERATORS: dict[type, tuple[Callable[..., Any], str, int]] = {
    ast.Add: (operator.add, " + ", 2),
    ast.Sub: (operator.sub, " - ", 2),
    ast.Mult: (operator.mul, r" \cdot ", 3),
    ast.Div: (operator.truediv, " / ", 3),
    ast.Pow: (operator.pow, "^", 5),
}
_SIGNS: dict[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**", ast.Gt: ">",
    ast.LtE: "≤",
}  # fmt: skip
_COMPARISONS: dict[type, tuple[Callable[..., Any], str]] = {
    ast.Gt: (operator.gt, " > "), ast.LtE: (operator.le, r" \le "),
}  # fmt: skip
_ATOM, _IF = 6, 0


@cache
def parsed(formula: str) -> ast.expr:
    """The tree of a formula."""
    return ast.parse(formula, mode="eval").body


def functions_of(formula: str) -> set[str]:
    """The names of the functions that a formula calls."""
    return {
        node.func.id for node in ast.walk(parsed(formula))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }  # fmt: skip


def terms_of(formula: str) -> list[str]:
    """The formulas whose sum a formula is."""

    def terms(node: ast.expr) -> list[ast.expr]:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return [*terms(node.left), *terms(node.right)]
        return [node]

    return [ast.unparse(node) for node in terms(parsed(formula))]


def evaluate(
    formula: str, functions: Mapping[str, Callable[..., Any]], values: Mapping[str, Any]
) -> Any:
    """The value of a formula.

    Parameters
    ----------
    formula
        An expression.
    functions
        By their names in it.
    values
        By the names of its letters: numbers, or arrays where it has no condition.

    Returns
    -------
    object
        Of the type that the values and functions have.
    """

    def value(node: ast.expr) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return values[node.id]
            case ast.UnaryOp(operand=operand):
                return -value(operand)
            case ast.BinOp(left=left, op=op, right=right):
                return _OPERATORS[type(op)][0](value(left), value(right))
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return functions[name](*map(value, arguments))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return _COMPARISONS[type(op)][0](value(left), value(right))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return value(body if value(test) else orelse)
        raise ValueError(f"formula: {ast.unparse(node)!r} in {formula!r} has no meaning")

    return value(parsed(formula))


def markup(formula: str, written: Callable[[str | float], str]) -> str:
    """A formula with letters, as markup.

    Parameters
    ----------
    formula
        An expression.
    written
        Markup of a letter, or of a number.

    Returns
    -------
    str
        For `loopbp.study.mathtext`.
    """
    return _written(parsed(formula), written, None)[0]


def markup_of_numbers(
    formula: str, written: Callable[[str | float], str], values: Mapping[str, float]
) -> str:
    """The same with the branch chosen that `values` meet, and every function spelt out.

    Parameters
    ----------
    formula, written
        As in `markup`.
    values
        By the names of the letters; what decides a condition.

    Returns
    -------
    str
        For `loopbp.study.mathtext`.
    """
    return _written(parsed(formula), written, values)[0]


def _written(
    node: ast.expr, written: Callable[[str | float], str], values: Mapping[str, float] | None
) -> tuple[str, int]:
    """Markup, and how tightly its outermost operator binds."""

    def within(part: ast.expr, least: int) -> str:
        text, binds = _written(part, written, values)
        return text if binds >= least else f"({text})"

    match node:
        case ast.Constant(value=int() | float() as value):
            return written(value), _ATOM
        case ast.Name():
            return written(node.id), _ATOM
        case ast.UnaryOp(operand=operand):
            return f"-{within(operand, 3)}", 3
        case ast.BinOp(left=left, op=op, right=right):
            _, sign, binds = _OPERATORS[type(op)]
            apart = isinstance(op, ast.Sub | ast.Div | ast.Pow)  # not associative
            text = f"{within(left, binds + isinstance(op, ast.Pow))}{sign}"
            return f"{text}{within(right, binds + apart)}", binds
        case ast.Call(func=ast.Name(id=name), args=arguments):
            if name in SPELT and (values is not None or name not in _SYMBOLS):
                return _written(_spelt(name, arguments[0]), written, values)
            inside = ", ".join(within(part, _IF) for part in arguments)
            return f"{_SYMBOLS.get(name, chr(92) + name)}({inside})", _ATOM
        case ast.IfExp(test=ast.Compare() as test, body=body, orelse=orelse):
            if values is not None:
                met = evaluate(ast.unparse(test), {"abs": abs}, values)
                return _written(body if met else orelse, written, values)
            sign = _COMPARISONS[type(test.ops[0])][1]
            condition = f"{within(test.left, 1)}{sign}{within(test.comparators[0], 1)}"
            words = rf"\text{{ if }} {condition} \text{{ else }}"
            return f"{within(body, 1)} {words} {within(orelse, 1)}", _IF
    raise ValueError(f"formula: {ast.unparse(node)!r} has no markup")


def tree(formula: str) -> Any:
    """A formula as lists that JSON can hold, sigmoid and softplus spelt out.

    Parameters
    ----------
    formula
        An expression.

    Returns
    -------
    list, str or float
        ``[operator, left, right]``, ``["neg", x]``, ``["if", condition, then, else]``,
        ``["call", name, *arguments]``, a letter, or a number.
    """

    def lists(node: ast.expr) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return node.id
            case ast.UnaryOp(operand=operand):
                return ["neg", lists(operand)]
            case ast.BinOp(left=left, op=op, right=right):
                return [_SIGNS[type(op)], lists(left), lists(right)]
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return [_SIGNS[type(op)], lists(left), lists(right)]
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return ["if", *map(lists, (test, body, orelse))]
            case ast.Call(func=ast.Name(id=name), args=arguments):
                if name in SPELT and name not in _SYMBOLS:
                    return lists(_spelt(name, arguments[0]))
                return ["call", name, *map(lists, arguments)]
        raise ValueError(f"formula: {ast.unparse(node)!r} has no tree")

    return lists(parsed(formula))


def _spelt(name: str, argument: ast.expr) -> ast.expr:
    """A function's formula with an argument put in."""

    class _Put(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return argument if node.id == "x" else node

    return _Put().visit(ast.parse(SPELT[name], mode="eval").body)


def with_letters_spelt(formula: str, where: tuple[tuple[str, str], ...]) -> str:
    """A formula with the formulas behind its letters in their place."""
    behind = {letter: parsed(text) for letter, text in where}

    class _Put(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return behind.get(node.id, node)

    return ast.unparse(_Put().visit(ast.parse(formula, mode="eval").body))
