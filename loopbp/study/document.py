"""A page of study material before it is drawn: paragraphs, formulas, tables, code.

Text, LaTeX and HTML are drawn from the same blocks.  Strings called markup are formulas of
`loopbp.study.mathtext`; prose is plain text with such formulas between dollar signs.
"""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Paragraph:
    """Prose."""

    text: str


@dataclass(frozen=True)
class Formula:
    """A chain of equal expressions: ``left = steps[0] = steps[1] = ...``."""

    left: str
    """Markup."""
    steps: tuple[str, ...]
    """Markup."""
    rules: tuple[str, ...] = ()
    """Prose: what allows each step.  Empty, or one for each."""


@dataclass(frozen=True)
class Table:
    """Numbers or words in columns."""

    head: tuple[str, ...]
    """Markup."""
    rows: tuple[tuple[str, ...], ...]
    """Prose; a number is a number."""
    foot: tuple[tuple[str, ...], ...] = ()
    """Rows below a line."""
    words: bool = False
    """Whether the cells are prose to be read, and not numbers."""


@dataclass(frozen=True)
class Code:
    """Source code."""

    caption: str
    source: str
    numbers: tuple[int, ...]
    """The line of the file that each line is."""

    def numbered(self) -> list[str]:
        """The lines with their numbers."""
        digits = len(str(self.numbers[-1]))
        lines = self.source.splitlines()
        return [f"{n:{digits}}  {line}" for n, line in zip(self.numbers, lines, strict=True)]


@dataclass(frozen=True)
class Beside:
    """Two pieces of code, side by side where there is room."""

    left: Code
    right: Code


@dataclass(frozen=True)
class Evidence:
    """Where a line comes from, and its own check."""

    source: str
    """The equation's number in its seed."""
    loop: str
    """Function, file and line of the loop."""
    numpy: str
    """The vectorised line; empty where the evidence before has it."""
    shapes: str
    """The shapes it multiplies."""
    deviation: float
    """From the engines, relative to the size of what is summed."""
    ok: bool
    note: str = ""
    """What is said instead where the engines have no such number."""

    @property
    def verdict(self) -> str:
        """The check in words; empty where there is none."""
        if self.deviation != self.deviation:
            return ""
        size = f"{self.deviation:.0e}" if self.deviation else "0"
        return f"check {'ok' if self.ok else 'WRONG'}, off by {size}"


Block: TypeAlias = Paragraph | Formula | Table | Code | Beside | Evidence


@dataclass(frozen=True)
class Section:
    """A heading and what follows it."""

    title: str
    """Prose."""
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A title and its sections."""

    title: str
    """Prose."""
    sections: tuple[Section, ...]
