"""An explanation: what `loopbp.explain` returns."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from loopbp.study.document import Block, Document, Evidence, Formula, Paragraph, Section, Table

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult


@dataclass(frozen=True)
class Line:
    """One formula, the numbers put in, its value, where it stands, and its check."""

    key: str
    """Of `loopbp.notation.EQUATIONS`."""
    formula: str
    """In letters; markup of `loopbp.study.mathtext`, as `left` and `steps`."""
    left: str
    """What is computed, at its indices."""
    steps: tuple[str, ...]
    """The formula at its indices, then the numbers put in, then the value."""
    value: float
    table: Table | None
    """The terms of a sum, or the numbers of several units."""
    source: str
    """The equation's number in its seed."""
    function: str
    """The function that computes it in the loops."""
    file: str
    line: int
    """Of that file."""
    numpy: str
    """The same over whole arrays."""
    shapes: str
    """The shapes which that line multiplies."""
    deviation: float
    """From both engines, in units of the largest number that went in; NaN where they have none."""
    ok: bool
    """Whether that is rounding."""
    note: str = ""

    def blocks(self, before: "Item | None" = None) -> tuple[Block, ...]:
        """The line as blocks of a document; what the line before it said is not said again."""
        again = isinstance(before, Line) and (before.formula, before.numpy) == (
            self.formula, self.numpy
        )  # fmt: skip
        loop = f"{self.function}, {self.file}:{self.line}"
        evidence = Evidence(
            self.source, loop, "" if again else self.numpy, self.shapes, self.deviation, self.ok,
            self.note,
        )  # fmt: skip
        formula = () if again else (Formula(self.formula, ()),)
        table = () if self.table is None else (self.table,)
        return (*formula, *table, Formula(self.left, self.steps), evidence)


Item: TypeAlias = Line | Paragraph | Table


@dataclass(frozen=True)
class Chapter:
    """A part of an explanation."""

    title: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Explanation:
    """Where one number of the gradient comes from.

    Printing it, or showing it in a notebook, shows all of it; `text`, `latex` and `html` give
    the same as strings.
    """

    title: str
    value: float
    """dJ/dw or dJ/db at the index, the penalty included."""
    finite_difference: float
    """The same from the cost alone; NaN where a kink lies at theta itself."""
    finite_difference_error: float
    """How wrong that may be."""
    agreement: float
    """Relative error of the one against the other, as `loopbp.check_gradient` defines it."""
    tolerance: float
    """The agreement that passes."""
    chapters: tuple[Chapter, ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """Every line, in order."""
        return tuple(item for item in self._items() if isinstance(item, Line))

    @property
    def ok(self) -> bool:
        """Whether every line agrees with the engines, and the value with the finite difference."""
        agrees = not self.agreement > self.tolerance  # NaN: there is none to agree with
        return agrees and all(line.ok for line in self.lines)

    def _items(self) -> Iterator[Item]:
        for chapter in self.chapters:
            yield from chapter.items

    def document(self) -> Document:
        """The explanation as a document, to be drawn."""
        sections = []
        for chapter in self.chapters:
            blocks: list[Block] = []
            before: Item | None = None
            for item in chapter.items:
                blocks += item.blocks(before) if isinstance(item, Line) else (item,)
                before = item
            sections.append(Section(chapter.title, tuple(blocks)))
        return Document(self.title, tuple(sections))

    def text(self, width: int = 100) -> str:
        """The explanation as plain text.

        Parameters
        ----------
        width
            No line is longer; at least 40.

        Raises
        ------
        ValueError
            If the width is smaller.
        """
        from loopbp.study.render_text import text

        return text(self.document(), width)

    def latex(self, standalone: bool = True) -> str:
        """The explanation as LaTeX.

        Parameters
        ----------
        standalone
            A whole document; False: what goes into one that loads amsmath and longtable.
        """
        from loopbp.study.render_latex import latex

        return latex(self.document(), standalone)

    def html(self, standalone: bool = True) -> str:
        """The explanation as HTML with MathML.

        Parameters
        ----------
        standalone
            A whole HTML5 document; False: one ``<article>``.
        """
        from loopbp.study.render_html import html

        return html(self.document(), standalone)

    def _repr_html_(self) -> str:
        return self.html(standalone=False)

    def __str__(self) -> str:
        return self.text()

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from loopbp.study.render_text import rich_lines

        yield from rich_lines(self.document(), options.max_width)
