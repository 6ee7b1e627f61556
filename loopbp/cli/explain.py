"""``loopbp explain``: where one number of a gradient comes from."""

import argparse
from typing import Any

from loopbp.cli.options import Parser, choice, whole
from loopbp.cli.study_options import (
    add_index_options,
    add_output_options,
    add_problem_options,
    problem,
    show,
)


def add_parser(commands: Any) -> Parser:
    """Add ``explain`` to the subcommands."""
    parser = commands.add_parser(
        "explain",
        help="derive one number of a gradient, with every number on the way",
        description="Follow dJ/dw or dJ/db at one index from the loss back to the weight: each "
        "formula, the numbers put in, the loop and the NumPy line that compute it, and at the end "
        "the finite difference. The exit code is 1 where they disagree.",
    )
    add_problem_options(parser)
    add_index_options(parser, required=True)
    group = parser.add_argument_group("notation")
    group.add_argument(
        "--example", type=int, metavar="T",
        help="of the batch, to be followed (default: the one with the largest term)",
    )  # fmt: skip
    group.add_argument(
        "--orientation", type=choice(("ij", "ji")), default="ij", metavar="NAME",
        help="ij: weights unit first; ji: input first (default: ij)",
    )  # fmt: skip
    group.add_argument(
        "--index-base", type=int, default=0, metavar="K",
        help="what units, inputs and examples count from, 0 or 1 (default: 0)",
    )  # fmt: skip
    group.add_argument(
        "--input-layer", type=int, default=0, metavar="K",
        help="number of the input layer, 0 or 1 (default: 0)",
    )  # fmt: skip
    group.add_argument(
        "--terms", type=whole(1), default=8, metavar="N",
        help="how many terms of a sum are written out (default: 8)",
    )  # fmt: skip
    group.add_argument(
        "--digits", type=whole(1), default=6, metavar="N",
        help="significant digits in print (default: 6)",
    )  # fmt: skip
    add_output_options(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Explain and print; 1 where a line or the value is wrong."""
    from loopbp.study import explain

    net, X, y = problem(args)
    explanation = explain(
        net, X, y, layer=args.layer, unit=args.unit, input=args.input, example=args.example,
        convention=args.convention, orientation=args.orientation, index_base=args.index_base,
        input_layer=args.input_layer, terms=args.terms, digits=args.digits,
    )  # fmt: skip
    show(args, explanation)
    return 0 if explanation.ok else 1
