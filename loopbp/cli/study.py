"""``loopbp study``: exercises with blanks, or the interactive page."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from loopbp.cli.options import Parser, add_json, several, whole
from loopbp.cli.study_options import add_index_options, add_problem_options, problem

if TYPE_CHECKING:
    from rich.console import Console

    from loopbp.study.quiz import Exercise, Mark


def add_parser(commands: Any) -> Parser:
    """Add ``study`` to the subcommands."""
    parser = commands.add_parser(
        "study",
        help="exercises with blanks, or a page to play with",
        description="With --quiz: small networks with blanks, from one number to a whole pass; a "
        "wrong answer is told where the mistake entered. With --html: an interactive page about "
        "one network and one batch. The exit code of a quiz is 1 where an answer was wrong.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--quiz", action="store_true", help="ask exercises")
    what.add_argument("--html", metavar="FILE", help="write the page")
    group = parser.add_argument_group("quiz")
    group.add_argument(
        "--level", type=several(whole(1)), metavar="N[,N...]",
        help="which exercises, from 1, the easiest (default: all)",
    )  # fmt: skip
    group.add_argument(
        "--answers", metavar="FILE",
        help="check answers from a JSON file: a list of numbers (null: left out) for each "
        "exercise, in a list",
    )  # fmt: skip
    add_json(group)
    add_problem_options(parser)
    add_index_options(parser, required=False)
    # The page begins with a network that can be taken in at a glance, and has learnt something.
    parser.set_defaults(data="xor", hidden=[3], activation=["tanh"], epochs=40, learning_rate=0.05)
    return parser


def run(args: argparse.Namespace) -> int:
    """Ask, check, or write the page."""
    if args.html is not None:
        return _page(args)
    from loopbp.study import exercises

    asked = exercises(args.seed, args.level)
    if args.answers is not None:
        return _check_file(args, asked)
    if args.json:
        from loopbp.cli.output import print_json

        print_json({"seed": args.seed, "exercises": [exercise.as_dict() for exercise in asked]})
        return 0
    return _ask(asked)


def _page(args: argparse.Namespace) -> int:
    from loopbp.study.page import write_page

    net, X, y = problem(args)
    layer, unit = args.layer or 1, args.unit or 0
    chosen = args.input
    if args.layer is None and chosen is None:
        chosen = 0
    write_page(
        net, X, y, args.html, layer=layer, unit=unit, input=chosen, convention=args.convention
    )
    print(f"wrote {args.html}")
    return 0


def _read(path: str, count: int) -> list[Any]:
    with open(path, encoding="utf-8") as file:
        try:
            found = json.load(file)
        except ValueError as error:
            raise ValueError(f"answers: {path} is no JSON: {error}") from error
    if not isinstance(found, list) or any(not isinstance(part, list) for part in found):
        raise ValueError(f"answers: expected a list of lists in {path}, one for each exercise")
    if len(found) > count:
        raise ValueError(f"answers: expected {count} lists in {path}, got {len(found)}")
    return [*found, *[[]] * (count - len(found))]


def _check_file(args: argparse.Namespace, asked: "list[Exercise]") -> int:
    from rich.console import Console

    from loopbp.cli.output import print_json

    marks = [
        exercise.check(answers)
        for exercise, answers in zip(asked, _read(args.answers, len(asked)), strict=True)
    ]
    good = all(mark.ok for part in marks for mark in part)
    if args.json:
        print_json({
            "ok": good,
            "exercises": [
                {"level": e.level, "marks": [vars(mark) for mark in part]}
                for e, part in zip(asked, marks, strict=True)
            ],
        })  # fmt: skip
        return 0 if good else 1
    screen = Console(highlight=False)
    for exercise, part in zip(asked, marks, strict=True):
        screen.print(f"Exercise {exercise.level}: {exercise.title}", style="bold")
        for mark in part:
            _verdict(screen, mark)
    return 0 if good else 1


def _verdict(screen: "Console", mark: "Mark") -> None:
    from rich.padding import Padding
    from rich.text import Text

    screen.print(Padding(Text(mark.text, "green" if mark.ok else "yellow"), (0, 0, 0, 2)))


def _ask(asked: "list[Exercise]") -> int:
    """Ask one blank after the other; the end of the input ends it."""
    from rich.console import Console

    from loopbp.study.render_text import rich_lines

    screen = Console(highlight=False)
    right = total = 0
    try:
        for exercise in asked:
            for line in rich_lines(exercise.document(), min(screen.width, 100)):
                screen.print(line, soft_wrap=True)
            answers: list[float | None] = []
            for name in exercise.labels:
                answers.append(_number(screen, name))
                mark = exercise.check(answers)[len(answers) - 1]
                _verdict(screen, mark)
                right, total = right + mark.ok, total + 1
            screen.print()
    except (EOFError, KeyboardInterrupt):
        screen.print()
    share = f"{right} of {total} right" if total else "no answers"
    screen.print(f"{share}.", style="bold")
    return 0 if right == total else 1


def _number(screen: "Console", name: str) -> float | None:
    """A number typed in; None for an empty line."""
    while True:
        text = screen.input(f"{name} = ", markup=False).strip()
        if not text:
            return None
        try:
            value = float(text.replace("−", "-"))
        except ValueError:
            value = float("nan")
        if abs(value) < float("inf"):
            return value
        screen.print(f"  expected a number such as -0.25, got {text!r}", markup=False)
