"""What somebody says about a table, checked; and what was found in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from loopbp.datasets.cells import DECIMALS, MISSING
from loopbp.datasets.dataset import TASKS
from loopbp.datasets.header import split_names
from loopbp.validate import check_choice

MISSING_KINDS = ("drop", "mean", "median")
CATEGORICAL_KINDS = ("onehot", "ordinal")
Names = str | Sequence[str]


@dataclass(frozen=True)
class Options:
    """The arguments of `read_csv` and `read_table`, which document them."""

    target: Names | None = None
    drop: Names = ()
    task: str | None = None
    weight: str | None = None
    header: bool | None = None
    names: Names | None = None
    separator: str | None = None
    decimal: str | None = None
    missing: str | None = None
    na_values: Names | None = None
    categorical: str | None = None
    words: Names = ()
    sheet: str | None = None

    def __post_init__(self) -> None:
        for name, value, kinds in (
            ("task", self.task, TASKS),
            ("missing", self.missing, MISSING_KINDS),
            ("categorical", self.categorical, CATEGORICAL_KINDS),
        ):
            if value is not None:
                check_choice(name, value, kinds)
        if self.decimal is not None and self.decimal not in DECIMALS:
            raise ValueError(f"decimal: expected '.' or ',', got {self.decimal!r}")
        if self.header not in (None, True, False):
            raise TypeError(f"header: expected True, False or None, got {self.header!r}")

    @property
    def na(self) -> frozenset[str]:
        """The cells that count as missing; the empty one always does."""
        if self.na_values is None:
            return frozenset(MISSING)
        given = [self.na_values] if isinstance(self.na_values, str) else self.na_values
        return frozenset({"", *(str(value).strip() for value in given)})

    @property
    def given_names(self) -> list[str] | None:
        """The names of the columns, from a list or from one string."""
        if self.names is None:
            return None
        return split_names(self.names) if isinstance(self.names, str) else [*map(str, self.names)]


@dataclass
class Reading:
    """What was found in a source: for programs, and in sentences for people."""

    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def say(self, text: str, **facts: Any) -> None:
        """Put down a sentence and what it says."""
        self.notes.append(text)
        self.facts.update(facts)
