"""A document as plain text, or as styled lines for a terminal; no line longer than asked."""

import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from loopbp.study.document import (
    Beside,
    Block,
    Code,
    Document,
    Evidence,
    Formula,
    Paragraph,
    Table,
)
from loopbp.study.mathtext import inline, to_text
from loopbp.validate import check_count

if TYPE_CHECKING:
    from rich.text import Text

_NARROWEST = 40
_CODE_ROOM = 34  # columns that code needs to stand beside other code
_INDENT = "  "
_GAP = "  "
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")
_SHAPE = re.compile(r"\([\w{}+-]+, [\w{}+-]+\)")  # not to be broken
# (style, text); styles are rich's, and plain text leaves them out
Row = tuple[str, str]


def text(document: Document, width: int = 100) -> str:
    """A document as plain text.

    Parameters
    ----------
    document
        What to draw.
    width
        No line is longer; at least 40.

    Raises
    ------
    ValueError
        If the width is smaller.
    """
    return "\n".join(row for _, row in rows(document, check_count("width", width, _NARROWEST)))


def rich_lines(document: Document, width: int) -> "Iterator[Text]":
    """A document for a terminal: the same characters, in colour."""
    from rich.text import Text

    for style, row in rows(document, max(width, _NARROWEST)):
        line = Text(row, style, no_wrap=True)
        line.highlight_regex(r"(?<= )WRONG\b|THEY DISAGREE", "bold red")
        line.highlight_regex(r"(?<=check )ok\b|they agree", "green")
        yield line


def rows(document: Document, width: int) -> Iterator[Row]:
    """The lines of a document, each with its style."""
    yield from (("bold", row) for row in _wrap(prose(document.title), width))
    for number, section in enumerate(document.sections, start=1):
        yield "", ""
        if section.title:
            for row in _wrap(f"{number}  {prose(section.title)}", width, "   "):
                yield "bold cyan", row
        last: Block | None = None
        for block in section.blocks:
            if last is not None and _parted(last, block):
                yield "", ""
            yield from _block(block, width)
            last = block


def prose(source: str) -> str:
    """Prose with formulas as plain text."""
    return inline(source, str, to_text)


def _parted(before: Block, after: Block) -> bool:
    """Whether an empty line stands between two blocks."""
    if isinstance(before, Evidence) or isinstance(after, Paragraph | Code | Beside):
        return True
    if isinstance(before, Table) and isinstance(after, Formula):
        return not after.steps
    if isinstance(before, Formula) and isinstance(after, Formula):
        return bool(before.rules and after.rules)
    return isinstance(before, Paragraph | Code | Beside) and not isinstance(after, Table)


def _block(block: Block, width: int) -> Iterator[Row]:
    if isinstance(block, Paragraph):
        yield from (("", row) for row in _wrap(prose(block.text), width, _INDENT, _INDENT))
    elif isinstance(block, Formula):
        yield from _formula(block, width)
    elif isinstance(block, Table):
        yield from _table(block, width)
    elif isinstance(block, Code):
        yield from _code(block, width)
    elif isinstance(block, Beside):
        yield from _beside(block, width)
    else:
        yield from _evidence(block, width)


def _wrap(source: str, width: int, later: str = "", first: str = "") -> list[str]:
    held = _SHAPE.sub(lambda shape: shape[0].replace(" ", "\xa0"), source)
    lines = textwrap.wrap(
        held, width, initial_indent=first, subsequent_indent=later, break_on_hyphens=False
    )
    return [line.replace("\xa0", " ") for line in lines] or [""]


def _formula(block: Formula, width: int) -> Iterator[Row]:
    left = to_text(block.left)
    if not block.steps:
        yield from (("dim", row) for row in _wrap(left, width, _INDENT * 3, _INDENT))
        return
    steps = [to_text(step) for step in block.steps]
    if block.rules:
        yield from _derivation(left, steps, [prose(rule) for rule in block.rules], width)
        return
    joined = f"{_INDENT}{left} = {' = '.join(steps)}"
    if len(joined) <= width:
        yield "", joined
        return
    yield from (("", row) for row in _wrap(f"{left} = {steps[0]}", width, _INDENT * 4, _INDENT))
    for step in steps[1:]:
        wrapped = _wrap(f"= {step}", width, _INDENT * 4, _INDENT * 2)
        yield from (("", row) for row in wrapped)


def _derivation(left: str, steps: list[str], rules: list[str], width: int) -> Iterator[Row]:
    """Steps on the left, their rules on the right, or below where there is no room."""
    shown = [f"{_INDENT}{left} = {steps[0]}", *(f"{_INDENT * 3}= {step}" for step in steps[1:])]
    column = max(len(row) for row in shown) + 3
    room = width - column
    for row, rule in zip(shown, rules, strict=True):
        if room >= 30:
            notes = _wrap(rule, room)
            yield "", f"{row:{column}}{notes[0]}".rstrip()
            yield from (("", " " * column + note) for note in notes[1:])
        else:
            yield from (("", part) for part in _wrap(row.strip(), width, _INDENT * 4, _INDENT))
            yield from (("italic", note) for note in _wrap(rule, width, _INDENT * 4, _INDENT * 4))


def _aligned(cells: list[str]) -> list[str]:
    """Numbers with their points under each other."""
    parts = []
    for cell in cells:
        if _NUMBER.fullmatch(cell):
            whole = re.split(r"[.e]", cell, maxsplit=1)[0]
            parts.append((len(whole), len(cell) - len(whole)))
        else:
            parts.append((0, 0))
    before, after = (max(part[k] for part in parts) for k in (0, 1))
    return [
        cell.rjust(before + len(cell) - len_whole).ljust(before + after) if len_whole else cell
        for cell, (len_whole, _) in zip(cells, parts, strict=True)
    ]


def _table(block: Table, width: int) -> Iterator[Row]:
    head = [to_text(cell) if cell else "" for cell in block.head]
    body = [[prose(cell) for cell in row] for row in (*block.rows, *block.foot)]
    if block.words:
        yield from _word_table(head, body, width)
        return
    columns = [[row[k] for row in body] for k in range(len(head))]
    columns = [columns[0], *(_aligned(column) for column in columns[1:])]
    widths = [max(len(cell) for cell in (h, *c)) for h, c in zip(head, columns, strict=True)]
    room = width - 2 * len(_INDENT) - widths[0]
    if max(widths[1:]) + len(_GAP) > room:
        yield from _stacked(head, body, width)
        return
    groups: list[list[int]] = [[]]
    used = 0
    for k in range(1, len(head)):
        if groups[-1] and used + widths[k] + len(_GAP) > room:
            groups.append([])
            used = 0
        groups[-1].append(k)
        used += widths[k] + len(_GAP)
    for number, group in enumerate(groups):
        if number:
            yield "", ""
        yield from _columns(head, columns, widths, group, len(block.rows))


def _stacked(head: list[str], body: list[list[str]], width: int) -> Iterator[Row]:
    """A table too wide for two columns: each cell below its row's name."""
    for row in body:
        yield from (("", part) for part in _wrap(row[0], width, _INDENT * 3, _INDENT * 2))
        for name, cell in zip(head[1:], row[1:], strict=True):
            if cell:
                text = f"{name}: {cell}"
                yield from (("", part) for part in _wrap(text, width, _INDENT * 4, _INDENT * 3))


def _columns(
    head: list[str],
    columns: list[list[str]],
    widths: list[int],
    group: list[int],
    body: int,
) -> Iterator[Row]:
    """Some columns of a table beside its first one."""

    def row(cells: Iterable[str]) -> str:
        first, *rest = cells
        fitted = [cell.rjust(widths[k]) for cell, k in zip(rest, group, strict=True)]
        return f"{_INDENT * 2}{first:{widths[0]}}{_GAP}{_GAP.join(fitted)}".rstrip()

    kept = [0, *group]
    yield "dim", row(head[k] for k in kept)
    for n in range(len(columns[0])):
        if n == body and n:
            length = widths[0] + sum(widths[k] + len(_GAP) for k in group)
            yield "dim", _INDENT * 2 + "-" * length
        yield "", row(columns[k][n] for k in kept)


def _word_table(head: list[str], body: list[list[str]], width: int) -> Iterator[Row]:
    """Columns of words, the last one wrapped."""
    widths = [max(len(row[k]) for row in (head, *body)) for k in range(len(head))]
    start = len(_INDENT) + sum(w + len(_GAP) for w in widths[:-1])
    room = width - start
    for number, row in enumerate((head, *body)):
        style = "dim" if number == 0 else ""
        cells = "".join(f"{c:{w}}{_GAP}" for c, w in zip(row[:-1], widths[:-1], strict=True))
        if room >= 16:
            last = _wrap(row[-1], room)
            yield style, f"{_INDENT}{cells}{last[0]}".rstrip()
            yield from ((style, " " * start + part) for part in last[1:])
        else:
            yield from ((style, part) for part in _wrap("  ".join(row), width, "    ", _INDENT))


def _cut(line: str, width: int) -> list[str]:
    """A line of code in pieces that fit, further pieces indented."""
    if len(line) <= width:
        return [line.rstrip()]
    indent = re.match(r"[ \d]*", line)
    deep = min(len(indent[0]) + 4, width // 2) if indent else 4
    return _wrap(line, width, " " * deep)


def _code(block: Code, width: int) -> Iterator[Row]:
    yield from (("dim", row) for row in _wrap(block.caption, width, _INDENT * 2, _INDENT))
    for line in block.numbered():
        yield from (("", _INDENT * 2 + part) for part in _cut(line, width - 2 * len(_INDENT)))


def _beside(block: Beside, width: int) -> Iterator[Row]:
    left = [block.left.caption]
    left += [part for row in block.left.numbered() for part in _cut(row, 3 * width // 5 - 2)]
    column = max(len(row) for row in left)
    room = width - len(_INDENT) - column - 3
    right = [block.right.caption]
    right += [part for row in block.right.numbered() for part in _cut(row, max(room, 1))]
    if room < _CODE_ROOM:
        yield from _code(block.left, width)
        yield "", ""
        yield from _code(block.right, width)
        return
    for k in range(max(len(left), len(right))):
        first = left[k] if k < len(left) else ""
        second = right[k] if k < len(right) else ""
        yield "dim" if k == 0 else "", f"{_INDENT}{first:{column}} | {second}".rstrip()


def _evidence(block: Evidence, width: int) -> Iterator[Row]:
    check = "; ".join(part for part in (block.verdict, block.note) if part)
    parts = [f"{block.source}  |  loop: {block.loop}  |  {check}"]
    if block.numpy:
        parts.append(f"NumPy: {block.numpy}  |  {block.shapes}")
    for part in parts:
        yield from (("dim", row) for row in _wrap(part, width, _INDENT * 4, _INDENT * 3))
