"""``loopbp derive``: an equation derived in indices, beside its loop and its matrix form."""

import argparse
from typing import Any

from loopbp.cli.options import Parser, choice
from loopbp.cli.study_options import add_output_options, show

# Written out, so that --help needs no import; a test holds them against the derivations.
NAMES = ("forward", "J", "deltaL", "delta", "BP1", "BP2", "BP3", "BP4")


def add_parser(commands: Any) -> Parser:
    """Add ``derive`` to the subcommands."""
    parser = commands.add_parser(
        "derive",
        help="derive an equation, beside its loop and its matrix form",
        description="Derive one equation step by step in indices, each step with its rule, beside "
        "the loop that computes it, the vectorised form and the dimensions.",
    )
    parser.add_argument(
        "name", type=choice(NAMES), metavar="EQUATION", help=f"one of {', '.join(NAMES)}"
    )
    parser.add_argument(
        "--orientation", type=choice(("ij", "ji")), default="ij", metavar="NAME",
        help="ij: weights unit first; ji: input first (default: ij)",
    )  # fmt: skip
    add_output_options(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Derive and print."""
    from loopbp.study import derive

    show(args, derive(args.name, orientation=args.orientation))
    return 0
