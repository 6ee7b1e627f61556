"""Reads an explanation as a person would: chains of equal numbers, and tables."""

import math
import re
from typing import Any

import numpy as np

import loopbp
from loopbp import reference

UNBROKEN = 100_000  # nothing is broken
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.])")
_FUNCTIONS = {
    "exp": math.exp, "log": math.log, "tanh": math.tanh, "erf": math.erf, "max": max,
    "sign": lambda v: (v > 0) - (v < 0), "clip": lambda v, low, high: min(max(v, low), high),
}  # fmt: skip
_ARITHMETIC = re.compile(rf"(?:[\d\s.e+\-·/()^,]|{'|'.join(_FUNCTIONS)})+")


def evaluate(expression):
    """The value of an expression as printed, and how far rounding in print may move it."""
    code = re.sub(r"\[\d+ others\]", "", expression).replace("·", "*").replace("^", "**")
    numbers = list(_NUMBER.finditer(code))

    def value(changed=-1, amount=0.0):
        parts, end = [], 0
        for k, match in enumerate(numbers):
            number = float(match[0]) + (amount if k == changed else 0.0)
            parts += [code[end : match.start()], f"({number!r})"]
            end = match.end()
        return float(eval("".join(parts) + code[end:], {"__builtins__": {}}, _FUNCTIONS))

    exact = value()
    room = 0.0
    for k, match in enumerate(numbers):
        half = half_unit(match[0])
        if half:
            room += max(abs(value(k, s * half) - exact) for s in (1, -1))
    return exact, room


def half_unit(text):
    """Half of the last place of a number printed to 6 digits; 0 for a whole one."""
    mantissa, _, exponent = text.lstrip("-").partition("e")
    if "." not in mantissa and not exponent:
        return 0.0
    value = abs(float(text))
    return 0.5 * 10.0 ** (math.floor(math.log10(value)) - 5) if value else 0.0


def is_number(text):
    return re.fullmatch(r"-?" + _NUMBER.pattern, text) is not None


class Reading:
    """What a text of unbroken lines says: chains of equal numbers, and tables."""

    def __init__(self, text, net: Any = None, first=0):
        self.net, self.first = net, first  # the number of the input layer
        self.named = {}  # every printed number that has a name
        self.chains = self.cells = self.units = 0
        self.problems = []
        self.sum = None  # of the table before, which the next line goes on with
        lines = [line for line in text.splitlines() if not line.startswith("      ")]
        table = []
        for line in [*lines, ""]:
            if line.startswith("    "):
                table.append(line)
                continue
            if table:
                self.table(table)
                table = []
            if " = " in line and line.startswith("  "):
                self.chain(line.strip())

    def expect(self, what, found, value, room):
        # 1.01: half a unit is itself rounded
        if abs(found - value) > 1.01 * room + 1e-12 * abs(value):
            self.problems.append(f"{what}: {found!r} is not {value!r} within {room:.1e}")

    def name(self, name, text):
        if self.named.setdefault(name, text) != text:
            self.problems.append(f"{name} is {self.named[name]} and {text}")

    def chain(self, line):
        name, *steps = line.split(" = ")
        if not is_number(steps[-1]):
            return
        self.chains += 1
        self.name(name, steps[-1])
        value, half = float(steps[-1]), half_unit(steps[-1])
        for step in steps[:-1]:
            if _ARITHMETIC.fullmatch(re.sub(r"\[\d+ others\]", "", step)):
                found, room = evaluate(step)
                self.expect(line, found, value, room + half)
            elif " " not in step:
                self.name(step, steps[-1])
        if self.sum is not None and self.sum not in re.split(r"[ ()]", line):
            self.problems.append(f"{line} does not go on with {self.sum}")
        self.sum = None

    def table(self, lines):
        rows = [re.split(r"\s{2,}", line.strip()) for line in lines if set(line) != set(" -")]
        head, *body = rows
        letter = head[0]
        if letter not in ("j", "k", "n", "t") or not is_number(body[0][-1]):
            return
        columns = head[1:]
        if all(name.isdigit() for name in columns):
            self.jacobian([[float(v) for v in row[1:]] for row in body])
            return
        total = room = 0.0
        for row in body:
            label, cells = row[0], row[1:]
            self.cells += len(cells)
            if label.isdigit() and len(cells) == len(columns):
                for column, cell in zip(columns, cells, strict=True):
                    if letter != "t" and column not in ("product", "y_n"):
                        self.name(re.sub(rf"(?<=[_,]){letter}", label, column), cell)
                self.row(columns, cells)
                if self.net is not None and columns[0].startswith("z^"):
                    self.unit(columns, cells)
            if label == "sum":
                self.sum = cells[-1]
                self.expect(f"sum of {columns}", total, float(cells[-1]), room
                            + half_unit(cells[-1]))  # fmt: skip
            else:
                total += float(cells[-1])
                room += half_unit(cells[-1])

    def row(self, columns, cells):
        parts = cells[:-1]
        if columns[-1] != "product":
            slopes = [k for k, name in enumerate(columns) if name.startswith("σ'")]
            if not slopes or slopes[0] == len(columns) - 1:
                return
            parts = [cells[slopes[0]], cells[slopes[0] - 1]]
        found, room = evaluate(" · ".join(f"({cell})" for cell in parts))
        self.expect(str(columns), found, float(cells[-1]), room + half_unit(cells[-1]))

    def unit(self, columns, cells):
        """a and sigma' of a unit, from its z."""
        l = int(columns[0][2:].partition("_")[0]) - self.first
        name = (*self.net.hidden, self.net.output)[l - 1]
        z = np.array([[float(cells[0])]])
        steepest = 3.0 if name != "exp" else max(3.0, math.exp(float(cells[0])))
        room = steepest * half_unit(cells[0])
        functions: list[Any] = [(reference.activation, "a^")] if name != "softmax" else []
        functions += [(reference.delta_from_da, "σ'")]
        for function, start in functions:
            where = [k for k, column in enumerate(columns) if column.startswith(start)]
            if not where:
                continue
            cell, out = cells[where[0]], np.empty((1, 1))
            extra = () if function is reference.activation else (np.ones((1, 1)),)
            function(loopbp.activations.CODES[name], 0, z, *extra, out)
            self.expect(f"{name} {columns}", float(out[0, 0]), float(cell), room
                        + half_unit(cell))  # fmt: skip
            self.units += 1

    def jacobian(self, rows):
        """Symmetric; the outputs sum to 1, so each row sums to 0."""
        matrix = np.array(rows)
        assert np.array_equal(matrix, matrix.T)
        assert np.abs(matrix.sum(axis=1)).max() < 1e-5
