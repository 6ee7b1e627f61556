"""The activations and losses of `loopbp.catalogue` as a script of the study page.

Their functions are those of `loopbp.activations` and `loopbp.losses`, translated statement by
statement, and their formulas those of the catalogue, as trees: so a new row needs no JavaScript.
"""

import ast
import builtins
import inspect
import json
import math
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np

from loopbp import activations, losses
from loopbp.catalogue import ACTIVATIONS, HIDDEN, LOSSES
from loopbp.formulas import tree
from loopbp.jit.sources import plain

# What a page has by another name, or in a file of its own: erfc is in activations.js.
_BUILT_IN = {
    abs: "Math.abs", max: "Math.max", min: "Math.min", np.floor: "Math.floor", math.erfc: "erfc",
    math.exp: "Math.exp", math.expm1: "Math.expm1", math.log: "Math.log",
    math.log1p: "Math.log1p", math.sinh: "Math.sinh", math.cosh: "Math.cosh",
    math.tanh: "Math.tanh", math.sqrt: "Math.sqrt", np.float64: "Number",
}  # fmt: skip
_OPERATORS: dict[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**", ast.Lt: "<",
    ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "===", ast.NotEq: "!==",
}  # fmt: skip


class Script:
    """Functions of one number or two, in the order in which they may be written down."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def add(self, function: Callable[..., Any]) -> str:
        """The name of a function, once it and those that it calls are translated.

        Raises
        ------
        ValueError
            If it has what is not translated.
        """
        source = plain(function)
        name = source.__name__
        if name not in self.texts:
            parsed = ast.parse(textwrap.dedent(inspect.getsource(source))).body[0]
            assert isinstance(parsed, ast.FunctionDef)
            translated = _Function(self, source.__globals__, parsed)
            self.texts[name] = translated.text()
        return name


class _Function:
    """One function on its way."""

    def __init__(self, script: Script, scope: dict[str, Any], parsed: ast.FunctionDef) -> None:
        self.script, self.scope, self.parsed = script, scope, parsed
        self.arguments = [argument.arg for argument in parsed.args.args]
        self.known = set(self.arguments)

    def text(self) -> str:
        """The whole of it."""
        lines = [line for node in self.parsed.body for line in self.statement(node)]
        names = sorted(self.known - set(self.arguments))
        if names:
            lines.insert(0, f"let {', '.join(names)};")
        body = "\n".join(f"  {line}" for line in lines)
        return f"function {self.parsed.name}({', '.join(self.arguments)}) {{\n{body}\n}}"

    def statement(self, node: ast.stmt) -> list[str]:
        match node:
            case ast.Expr(value=ast.Constant()):
                return []  # a docstring
            case ast.Return(value=ast.expr() as value):
                return [f"return {self.expression(value)};"]
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                right = self.expression(value)
                self.known.add(name)
                return [f"{name} = {right};"]
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                pairs = zip(names, values, strict=True)
                return [
                    line for name, value in pairs
                    for line in self.statement(ast.Assign(targets=[name], value=value))
                ]  # fmt: skip
            case ast.If(test=test, body=body, orelse=orelse):
                lines = [f"if ({self.expression(test)}) {{"]
                lines += [f"  {line}" for part in body for line in self.statement(part)]
                if orelse:
                    lines.append("} else {")
                    lines += [f"  {line}" for part in orelse for line in self.statement(part)]
                return [*lines, "}"]
        raise ValueError(f"{self.parsed.name}: {ast.unparse(node)!r} is not translated")

    def expression(self, node: ast.expr) -> str:
        match node:
            case ast.Constant(value=int() | float() as value):
                return _number(value)
            case ast.Name() | ast.Attribute():
                return self.value(node)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"(-{self.expression(operand)})"
            case ast.BinOp(left=left, op=op, right=right):
                return f"({self.expression(left)} {_OPERATORS[type(op)]} {self.expression(right)})"
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return f"{self.expression(left)} {_OPERATORS[type(op)]} {self.expression(right)}"
            case ast.IfExp(test=test, body=body, orelse=orelse):
                parts = [self.expression(part) for part in (test, body, orelse)]
                return f"({parts[0]} ? {parts[1]} : {parts[2]})"
            case ast.Call(func=function, args=arguments, keywords=[]):
                given = ", ".join(map(self.expression, arguments))
                return f"{self.callee(function)}({given})"
        raise ValueError(f"{self.parsed.name}: {ast.unparse(node)!r} is not translated")

    def found(self, node: ast.expr) -> Any:
        """What a name of the module stands for."""
        if isinstance(node, ast.Attribute):
            return getattr(self.found(node.value), node.attr)
        assert isinstance(node, ast.Name)
        return self.scope.get(node.id, getattr(builtins, node.id, None))

    def value(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name) and node.id in self.known:
            return node.id
        value = self.found(node)
        if not isinstance(value, int | float):
            raise ValueError(f"{self.parsed.name}: {ast.unparse(node)!r} is not translated")
        return _number(value)

    def callee(self, node: ast.expr) -> str:
        function = self.found(node)
        if function is None:
            raise ValueError(f"{self.parsed.name}: {ast.unparse(node)!r} is not translated")
        return _BUILT_IN[function] if function in _BUILT_IN else self.script.add(function)


def _number(value: float) -> str:
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def _formula(letters: str, text: str, where: dict[str, Any] | None = None) -> str:
    more = "" if not where else f", {json.dumps(where)}"
    return f"({letters}) => formula_of({json.dumps(tree(text))}, {{ {letters} }}{more})"


def _table(name: str, rows: dict[str, dict[str, str]]) -> str:
    lines = [f"const {name} = {{"]
    for key, row in rows.items():
        lines += [f"  {key}: {{", *(f"    {what}: {text}," for what, text in row.items()), "  },"]
    return "\n".join([*lines, "};"])


def catalogue_script() -> str:
    """``ACTIVATIONS`` and ``LOSSES`` of the page, a row each, with their functions."""
    script = Script()
    of_activations, of_losses = {}, {}
    for name in HIDDEN:
        row = ACTIVATIONS[name]
        where = {letter: tree(text) for letter, text in row.where}
        of_activations[name] = {
            "sigma": script.add(getattr(activations, name)),
            "prime": script.add(getattr(activations, f"{name}_prime")),
            "corner": json.dumps(row.corner == "slope"),
            "formula": _formula("z", row.sigma),
            "prime_formula": _formula("z, a", row.prime, where),
        }
    for name, loss in LOSSES.items():
        function = loss.function or name
        halves = " / 2" if loss.halved else ""
        term = script.add(getattr(losses, function))
        prime = script.add(getattr(losses, f"{function}_prime"))
        of_losses[name] = {
            "term": f"(y, a) => {term}(y, a){halves}",
            "prime": f"(y, a) => {prime}(y, a){halves}",
            "mean": json.dumps(loss.mean),
            "corner": json.dumps(loss.corner == "slope"),
            "logarithmic": json.dumps(loss.logarithmic),
            "outputs": json.dumps(loss.outputs),
            "canonical": json.dumps(loss.canonical),
            "formula": _formula("a, y", loss.term),
            "prime_formula": _formula("a, y", loss.prime),
        }
    tables = _table("ACTIVATIONS", of_activations), _table("LOSSES", of_losses)
    return "\n\n".join(['"use strict";', *script.texts.values(), *tables]) + "\n"
