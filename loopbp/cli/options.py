"""The parser, the types of its values, and the options that commands share."""

import argparse
import csv
import math
import shutil
from collections.abc import Callable, Collection
from typing import Any, NoReturn

from loopbp.catalogue import ACTIVATIONS, HIDDEN, INITIALIZERS, LOSSES
from loopbp.messages.suggestions import hint, nearest

TASKS = ("classification", "multilabel", "regression")
SCALES = ("none", "standard", "minmax")


class _Help(argparse.HelpFormatter):
    def __init__(self, prog: str) -> None:
        width = min(shutil.get_terminal_size().columns, 100) - 2
        super().__init__(prog, max_help_position=min(30, width // 3), width=width)


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` whose errors are one line that suggests the nearest word."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("formatter_class", _Help)
        super().__init__(**settings, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Print one line and leave with code 2."""
        text = message.removeprefix("argument ")
        self.exit(2, f"{self.prog}: error: {text} (see {self.prog} --help)\n")

    def refuse(self, word: str) -> NoReturn:
        """Leave because of a word that no option or argument takes."""
        if not word.startswith("-"):
            self.error(f"one word too many: {word!r}")
        known = [s for action in self._actions for s in action.option_strings]
        near = nearest(word.split("=", maxsplit=1)[0], known)
        self.error(f"no option {word!r}" + (f"; did you mean {near}?" if near else ""))


def whole(at_least: int) -> Callable[[str], int]:
    """The type of a whole number."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = at_least - 1
        if value < at_least:
            raise argparse.ArgumentTypeError(
                f"expected a whole number of at least {at_least}, got {text!r}"
            )
        return value

    return parse


def number(
    *, at_least: float = -math.inf, above: float = -math.inf, below: float = math.inf
) -> Callable[[str], float]:
    """The type of a finite number within bounds."""
    bounds = [
        *([f"at least {at_least:g}"] if at_least > -math.inf else []),
        *([f"above {above:g}"] if above > -math.inf else []),
        *([f"below {below:g}"] if below < math.inf else []),
    ]

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and at_least <= value and above < value < below):
            raise argparse.ArgumentTypeError(
                f"expected a number {' and '.join(bounds)}, got {text!r}".replace("  ", " ")
            )
        return value

    return parse


def several(one: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    """The type of values separated by commas."""
    return lambda text: [one(part.strip()) for part in text.split(",")]


def layer_sizes(text: str) -> list[int]:
    """The type of ``--hidden``: sizes separated by commas, or ``none``."""
    for word in text.split(","):
        if word.strip() in ACTIVATIONS:
            raise argparse.ArgumentTypeError(
                f"expected units such as 64,32, got {text!r}; --activation takes activations"
            )
    return [] if text == "none" else several(whole(1))(text)


def class_weight(text: str) -> str | dict[str, float]:
    """The type of ``--class-weight``: ``balanced``, or label=weight separated by commas."""
    if text == "balanced":
        return text
    found: dict[str, float] = {}
    for part in next(csv.reader([text], skipinitialspace=True), []):
        label, sign, value = part.rpartition("=")
        if not sign:
            raise argparse.ArgumentTypeError(
                f"expected balanced or label=weight,label=weight, got {text!r}"
            )
        if label in found:
            raise argparse.ArgumentTypeError(f"the label {label!r} comes twice")
        found[label] = number(at_least=0.0)(value)
    if not found:
        raise argparse.ArgumentTypeError("expected balanced or label=weight,..., got nothing")
    return found


def choice(names: Collection[str]) -> Callable[[str], str]:
    """The type of one name out of several; the nearest is suggested."""

    def parse(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(
                f"expected one of {', '.join(names)}, got {text!r}{hint(text, names)}"
            )
        return text

    return parse


def add_data_options(parser: Parser, what: str) -> None:
    """DATA and how to read it."""
    parser.add_argument(
        "data",
        metavar="DATA",
        nargs="?",
        default="digits",
        help=f"{what}: digits, xor or spirals, which are embedded; a table (.csv, .parquet, "
        ".feather, .xlsx); an .npz file; or a folder with MNIST's IDX files (default: digits)",
    )
    group = parser.add_argument_group("data")
    group.add_argument(
        "--target",
        action="append",
        metavar="COLUMN",
        help="of a table: the column to predict; repeatable (default: the last)",
    )
    group.add_argument(
        "--drop",
        action="append",
        default=[],
        metavar="COLUMN",
        help="of a table: a column to leave out; repeatable. A,B is one column if there is one of "
        "that name, else two",
    )
    group.add_argument(
        "--task",
        type=choice(TASKS),
        metavar="TASK",
        help="of a table or NPZ: classification, multilabel or regression (default: words and "
        "whole numbers are class labels, other numbers are values)",
    )
    add_missing_options(group)
    group.add_argument(
        "--scale",
        type=choice(SCALES),
        metavar="KIND",
        help="inputs: none, standard (mean 0, deviation 1) or minmax (0 to 1), fitted on the "
        "training part and kept with the model (default: none where all inputs lie in [-1, 1] "
        "already, else standard); values to predict with an identity output are standardised too",
    )
    add_reading_options(parser)


def add_missing_options(group: argparse._ArgumentGroup) -> None:
    """What to do with missing cells and with words."""
    group.add_argument(
        "--missing",
        type=choice(("drop", "mean", "median")),
        metavar="WHAT",
        help="missing cells: drop their rows, or fill those of numbers with mean or median of the "
        "training part and those of words with its commonest word (default: refuse them)",
    )
    group.add_argument(
        "--categorical",
        type=choice(("onehot", "ordinal")),
        metavar="KIND",
        help="columns of words: onehot (an input for each word) or ordinal (numbered in sorted "
        "order) (default: onehot, for up to 50 words a column)",
    )
    group.add_argument(
        "--words",
        action="append",
        metavar="COLUMN",
        help="of a table: a column of words, although they look like numbers; repeatable",
    )


def add_reading_options(parser: Parser) -> None:
    """How a file is read where it does not say it plainly."""
    group = parser.add_argument_group("reading (default: as the file says; refused if unclear)")
    either = group.add_mutually_exclusive_group()
    either.add_argument(
        "--header",
        action="store_true",
        default=None,
        help="of a table: the first row holds the names of the columns",
    )
    either.add_argument(
        "--no-header",
        dest="header",
        action="store_false",
        default=None,
        help="of a table: the first row is data; columns are called column_1, column_2, ...",
    )
    group.add_argument(
        "--names",
        metavar="NAME[,...]",
        help='of a table: names of all columns; "in, quotes" where one holds a comma',
    )
    group.add_argument(
        "--separator", metavar="SIGN", help="of a CSV: , ; | tab, space or another sign"
    )
    group.add_argument("--decimal", metavar="SIGN", help="of a CSV: . or ,")
    group.add_argument(
        "--encoding", metavar="NAME", help="of a CSV: utf-8, cp1252, utf-16, ... (default: utf-8)"
    )
    group.add_argument(
        "--na-value",
        dest="na_values",
        action="append",
        metavar="TEXT",
        help="of a table: a cell that counts as missing, as empty ones do; repeatable (default: "
        "NA, N/A, #N/A, NaN, nan, null, NULL, None, ? and -; '': only empty ones)",
    )
    group.add_argument("--sheet", metavar="NAME", help="of an Excel file")
    group.add_argument(
        "--arrays",
        metavar="X=NAME,y=NAME",
        help="of an NPZ: its arrays, also X_test and y_test (default: X and y, or the names of "
        "Keras and MedMNIST); of an IDX folder: how the files' names begin",
    )


def reading_options(args: argparse.Namespace) -> dict[str, Any]:
    """What was said with `add_reading_options`, as `loopbp.datasets.load` takes it."""
    names = ("header", "names", "separator", "decimal", "encoding", "na_values", "sheet", "arrays")
    return {name: getattr(args, name, None) for name in names}


def add_network_options(parser: Parser) -> argparse._ArgumentGroup:
    """The options of `Network`; returns the group, for its seed and dtype differ by command."""
    group = parser.add_argument_group("network")
    group.add_argument(
        "--hidden",
        type=layer_sizes,
        metavar="N[,N...]",
        help="units of each hidden layer; none: no hidden layer",
    )
    group.add_argument(
        "--activation",
        type=several(choice(HIDDEN)),
        metavar="NAME[,...]",
        help=f"of the hidden layers, one for all or one each: {', '.join(HIDDEN)}",
    )
    group.add_argument(
        "--output",
        type=choice(ACTIVATIONS),
        metavar="NAME",
        help="activation of the output layer (default: softmax for classes, sigmoid for several "
        "labels, identity for values)",
    )
    group.add_argument(
        "--loss",
        type=choice(LOSSES),
        metavar="NAME",
        help=f"{', '.join(LOSSES)} (default: what goes with the output)",
    )
    group.add_argument(
        "--initializer",
        type=several(choice(INITIALIZERS)),
        metavar="NAME[,...]",
        help=f"of the weights, one for all layers or one each: {', '.join(INITIALIZERS)} "
        "(default: by the activation)",
    )
    group.add_argument(
        "--l2",
        type=number(at_least=0.0),
        default=0.0,
        metavar="LAMBDA",
        help="adds LAMBDA/2 times the sum of squared weights to the cost (default: 0)",
    )
    return group


def add_seed(group: argparse._ArgumentGroup) -> None:
    """``--seed``."""
    group.add_argument(
        "--seed", type=whole(0), default=0, metavar="N", help="of all that is random (default: 0)"
    )


def add_threads(group: Parser | argparse._ArgumentGroup) -> None:
    """``--threads``."""
    group.add_argument(
        "--threads",
        type=whole(1),
        metavar="N",
        help="at most so many; they change how long it takes and not what is found (default: as "
        "many as may be used)",
    )


def add_json(group: Parser | argparse._ArgumentGroup) -> None:
    """``--json``."""
    group.add_argument(
        "--json", action="store_true", help="print one JSON object on stdout and nothing else"
    )
