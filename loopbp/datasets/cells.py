"""What a cell of a table is: a number by a strict grammar, a truth value, missing, or a word.

`float` alone takes ``1_1``, ``infinity`` and digits of other scripts, so it is asked only after the
grammar.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

MISSING = ("", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "None", "?", "-")
"""cells that count as missing where nothing else is said; the first is the empty cell"""
MISSING_TEXT = "empty, " + ", ".join(MISSING[1:])
MAX_WORDS = 50
"""a column of more words than this is taken only where an encoding is asked for"""
TRUTH = {
    "True": 1.0, "TRUE": 1.0, "true": 1.0, "False": 0.0, "FALSE": 0.0, "false": 0.0,
}  # fmt: skip
DECIMALS = (".", ",")
EXACT = 2.0**53
"""whole numbers beyond this lose digits in float64"""

_EXPONENT = r"(?:[eE][+-]?[0-9]+)?"
_NUMBER = {
    sign: re.compile(rf"[+-]?(?:[0-9]+(?:[{sign}][0-9]*)?|[{sign}][0-9]+){_EXPONENT}")
    for sign in DECIMALS
}  # fmt: skip
# Rows of these characters alone hold nothing that float() takes and the grammar does not.
_PLAIN = {sign: re.compile(rf"[0-9eE+\- {sign}]*") for sign in DECIMALS}
_WHOLE = re.compile(r"0|-?[1-9][0-9]*")
_GROUPS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:([,.' \u2019\u00a0\u202f])[0-9]{3})(?:\1[0-9]{3})*")
_GROUPS_AND_MORE = re.compile(_GROUPS.pattern + r"(?:[.,][0-9]+)?")
_LIKE_NUMBERS = (
    (re.compile(r"[+-]?[0-9.]+(?:_[0-9.]+)+"), "an underscore among digits"),
    (re.compile(r"[+-]?0[xX][0-9a-fA-F]+"), "a hexadecimal number"),
    (re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE), "an infinity"),
    (re.compile(r"[+-]?[0-9.,]+ ?[%$\u20ac\u00a3]"), "a number with a sign behind it"),
    (re.compile(r"[$\u20ac\u00a3] ?[+-]?[0-9.,]+"), "a number with a sign before it"),
    (re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[T ].*)?"), "a date"),
    (re.compile(r"[0-9]{1,2}([/.])[0-9]{1,2}\1[0-9]{2,4}(?: .*)?"), "a date"),
    (re.compile(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?"), "a time"),
)  # fmt: skip


def number(cell: str, decimal: str = ".") -> float | None:
    """The number that a cell without spaces around it holds, or None; it may be infinite.

    Examples
    --------
    >>> number("1e3"), number("1,5", ","), number("1_0"), number("nan")
    (1000.0, 1.5, None, None)
    """
    if not _NUMBER[decimal].fullmatch(cell):
        return None
    return float(cell if decimal == "." else cell.replace(decimal, "."))


def numbers(cells: Sequence[str], decimal: str) -> list[float] | None:
    """The numbers of a whole row, or None where a cell is none: the quick way."""
    if not _PLAIN[decimal].fullmatch(" ".join(cells)):
        return None
    try:
        if decimal == ".":
            return [float(cell) for cell in cells]
        return [float(cell.replace(decimal, ".")) for cell in cells]
    except ValueError:
        return None


def is_whole(cell: str) -> bool:
    """Whether a cell is a whole number in the form in which it would be printed again."""
    return _WHOLE.fullmatch(cell) is not None


def has_fraction(cell: str, decimal: str) -> bool:
    """Whether a cell is a number with a decimal sign or an exponent."""
    return number(cell, decimal) is not None and not {decimal, "e", "E"}.isdisjoint(cell)


def has_groups(cell: str, decimal: str) -> bool:
    """Whether digits stand in groups of three: ``1,234``, ``1 234 567.8``."""
    return _GROUPS_AND_MORE.fullmatch(cell) is not None and number(cell, decimal) is None


def find_decimal(path: Any, cells: Iterable[str]) -> str:
    """The decimal sign of a table's cells.

    Raises
    ------
    ValueError
        If two readings are plausible.
    """
    point = comma = groups = False
    for cell in cells:
        if "," in cell and _NUMBER[","].fullmatch(cell):
            if _GROUPS.fullmatch(cell):
                groups = True
            else:
                comma = True
        elif "." in cell and not point and _NUMBER["."].fullmatch(cell):
            point = True
    if point and (comma or groups):
        raise ValueError(
            f"{path}: numbers hold points and commas; which is the decimal sign? Say --decimal '.' "
            "or ',' (digits in groups are not read)"
        )
    if groups and not comma:
        raise ValueError(
            f"{path}: do commas stand before decimals or between groups of digits? --decimal ',' "
            "reads 1,234 as 1.234; groups are not read, write 1234 without a comma"
        )
    return "," if comma else "."


def unlike_a_word(cell: str, decimal: str) -> str | None:
    """Why a cell that is no number is hardly meant as a word, or None."""
    other = "," if decimal == "." else "."
    if has_groups(cell, decimal):
        hint = f"; --decimal '{other}' takes it as one sign" if number(cell, other) else ""
        return f"digits in groups are not read, write 1234 without a separator{hint}"
    if number(cell, other) is not None:
        kind = "comma" if other == "," else "point"
        return f"a number with a decimal {kind}? --decimal '{other}' reads it"
    return next((why for pattern, why in _LIKE_NUMBERS if pattern.fullmatch(cell)), None)
