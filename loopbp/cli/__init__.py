"""The command line: ``loopbp COMMAND``.

`loopbp.cli.parser` names the commands; the module of a command is imported when it runs.

Exit codes: 0, and 1 where the answer is no (a wrong gradient, a training that diverged), 2 for
wrong use, 130 for Ctrl-C.

Where to read first: `parser`, then `problem`, then the command.

====================  ============================================================================
`parser`              the whole command line; `options` has types and options that commands share
`problem`             from data and options to what is trained
`train`               ``loopbp train``; with it `cross_validation`, `screen` (what people see),
                      `plot` and `warnings`
`predict`             ``loopbp predict``
`check`               ``loopbp check``; `numerics` is ``--numerics``
`bench`               ``loopbp bench``
`explain` `derive`    study on a terminal, with `study_options`
`study`               exercises and the page
`info` `cache`        this computer, compiled code
`output`              what is printed for programs
====================  ============================================================================
"""

import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module

from loopbp.cli.options import Parser
from loopbp.cli.parser import COMMANDS, build_parser
from loopbp.messages.suggestions import hint

# Python arguments whose option has another name.
_OPTIONS = {
    "na_values": "--na-value",
    "hidden": "--activation",
    "sizes": "--hidden",
    "optimizer": "--optimizer",
    "initial": "--learning-rate",
    "factor": "--schedule-factor",
    "every": "--schedule-every",
    "power": "--schedule-power",
    "final": "--schedule-final",
    "patience": "--early-stopping",
    "weight": "--weight",
    "folds": "--cv",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv
        The words after ``loopbp``; None: those of the process.

    Returns
    -------
    int
        The exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except SystemExit as stop:  # argparse's way out
        return stop.code if isinstance(stop.code, int) else 0
    except KeyboardInterrupt:
        print("loopbp: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader has gone (`| head`); whatever Python still flushes at exit goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _run(words: list[str]) -> int:
    parser = build_parser()
    if words and not words[0].startswith("-") and words[0] not in COMMANDS:
        text = f"no command {words[0]!r}{hint(words[0], COMMANDS)}"
        parser.error(f"{text} (commands are {', '.join(COMMANDS)})")
    args, unknown = parser.parse_known_args(words)
    if unknown:
        args.parser.refuse(unknown[0])
    try:
        return import_module(f"loopbp.cli.{args.command}").run(args)
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except OSError as error:
        text = str(error) if error.strerror is None else f"{error.filename}: {error.strerror}"
        return _fail(args.parser, text, 2)
    except (ValueError, TypeError, ImportError) as error:
        diverged = type(error).__name__ == "DivergenceError"
        return _fail(args.parser, _named_by_option(str(error), vars(args)), 1 if diverged else 2)
    except MemoryError as error:
        return _fail(args.parser, f"not enough memory: {error}", 1)


def _fail(parser: Parser, text: str, code: int) -> int:
    print(f"{parser.prog}: error: {' '.join(text.split())}", file=sys.stderr)
    return code


def _named_by_option(text: str, options: dict[str, object]) -> str:
    """A message of the library that begins with a Python argument, with the option instead."""
    match = re.match(r"(\w+)(?:\[\d+\]|\(\d+\))?: ", text)
    if match is None:
        return text
    name = match.group(1)
    option = _OPTIONS.get(name) or (f"--{name.replace('_', '-')}" if name in options else None)
    return text if option is None else f"{option}: {text[match.end() :]}"
