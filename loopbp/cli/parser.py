"""The whole command line as a parser: no engine is imported for it, so ``--help`` is quick.

A new command is a function here, its name in `COMMANDS`, and a module of that name with
``run(args)``, which returns the exit code.
"""

import argparse
from collections.abc import Iterable
from importlib import metadata
from typing import Any

from loopbp.catalogue import ENGINES, OPTIMIZERS, SCHEDULES, Optimizer, Schedule, Setting
from loopbp.cli import derive, explain, study
from loopbp.cli.options import (
    Parser,
    add_data_options,
    add_json,
    add_network_options,
    add_reading_options,
    add_seed,
    add_threads,
    choice,
    class_weight,
    number,
    several,
    whole,
)

UPDATES = 3000  # the default number of epochs makes about as many updates


def _add_train(commands: Any) -> None:
    parser = commands.add_parser(
        "train",
        help="train a network and save it",
        description="Train a network and save it. Without any option: on the embedded digits. "
        "The defaults of network and optimizer suit the embedded data by name; for your own they "
        "are two relu layers of 64 and 32 units and adam.",
    )
    add_data_options(parser, "what to train on")
    group = parser.add_argument_group("split")
    group.add_argument(
        "--test",
        type=number(at_least=0.0, below=1.0),
        metavar="FRACTION",
        help="share of the examples held out for the final score, classes in proportion; 0: none "
        "(default: the test part that comes with the data, else 0.2)",
    )
    group.add_argument(
        "--split-seed",
        type=whole(0),
        default=0,
        metavar="N",
        help="of the choice of the examples held out (default: 0)",
    )
    group.add_argument(
        "--cv",
        type=whole(2),
        metavar="N",
        help="cross-validation instead of one test part: train N times, each time with another "
        "N-th of the examples held out, and print the scores; no network is saved",
    )
    group.add_argument(
        "--validation",
        type=number(above=0.0, below=1.0),
        metavar="FRACTION",
        help="share of the training examples held out to watch the training",
    )
    group.add_argument(
        "--weight", metavar="COLUMN", help="of a CSV: the weight of each example in the cost"
    )
    group.add_argument(
        "--class-weight",
        type=class_weight,
        metavar="WEIGHTS",
        help="of the classes in the cost of training: balanced, every class the same, or "
        'label=weight,label=weight,...; "a,b=2" where a label holds a comma',
    )

    group = add_network_options(parser)
    group.add_argument(
        "--dropout",
        type=several(number(at_least=0.0, below=1.0)),
        metavar="RATE[,...]",
        help="of the hidden layers, one for all or one each (default: 0)",
    )
    group.add_argument(
        "--dtype",
        type=choice(("float32", "float64")),
        default="float32",
        metavar="NAME",
        help="float32 or float64 (default: float32)",
    )
    add_seed(group)

    group = parser.add_argument_group("training")
    group.add_argument(
        "--epochs",
        type=whole(1),
        metavar="N",
        help=f"(default: enough for about {UPDATES:,} updates, 10 to 500)",
    )
    group.add_argument(
        "--batch-size",
        type=whole(1),
        metavar="N",
        help="examples a step (default: 32; all for an optimizer that is made for all)",
    )
    group.add_argument(
        "--engine",
        type=choice(ENGINES),
        default="auto",
        metavar="NAME",
        help=f"{', '.join(ENGINES)} (default: auto)",
    )
    add_threads(group)
    group.add_argument(
        "--no-shuffle", action="store_true", help="take the examples in their order in every epoch"
    )
    group.add_argument(
        "--early-stopping",
        type=whole(1),
        metavar="PATIENCE",
        help="stop after so many epochs without a lower validation loss and restore the best "
        "weights; needs --validation",
    )
    group.add_argument(
        "--min-delta",
        type=number(at_least=0.0),
        metavar="D",
        help="for --early-stopping: a fall of the loss of no more than D counts as none",
    )

    group = parser.add_argument_group("optimizer")
    group.add_argument(
        "--optimizer",
        type=choice(OPTIMIZERS),
        default="adam",
        metavar="NAME",
        help=f"{', '.join(OPTIMIZERS)} (default: adam)",
    )
    group.add_argument(
        "--learning-rate",
        type=number(above=0.0),
        metavar="RATE",
        help=f"(default: {_rates()})",
    )
    group.add_argument(
        "--clip-norm",
        type=number(above=0.0),
        metavar="C",
        help="scale the gradient down to this norm where it is longer",
    )
    _add_settings(group, "--", OPTIMIZERS.values())
    group.add_argument(
        "--nesterov", action="store_true", default=None, help="sgd: look ahead; needs --momentum"
    )
    group.add_argument(
        "--schedule",
        type=choice(SCHEDULES),
        metavar="NAME",
        help=f"of the learning rate over the epochs: {', '.join(SCHEDULES)} (default: constant)",
    )
    _add_settings(group, "--schedule-", SCHEDULES.values())

    group = parser.add_argument_group("output")
    group.add_argument(
        "--save",
        metavar="PATH",
        help="file for the network (default: loopbp-DATA.npz in the current folder, "
        "loopbp-digits.npz for the digits)",
    )
    group.add_argument("--no-save", action="store_true", help="save nothing")
    group.add_argument(
        "--plot", metavar="PATH", help="picture of loss and score by epoch: .png, .pdf, .svg, .jpg"
    )
    exclusive = group.add_mutually_exclusive_group()
    add_json(exclusive)
    exclusive.add_argument("--quiet", action="store_true", help="print errors only")


def _rates() -> str:
    """The learning rates of the optimizers, where nothing is said."""
    owners: dict[float, list[str]] = {}
    for row in OPTIMIZERS.values():
        owners.setdefault(row.learning_rate, []).append(row.name)
    return "; ".join(f"{rate:g} for {', '.join(names)}" for rate, names in owners.items())


def _add_settings(
    group: argparse._ArgumentGroup, prefix: str, rows: Iterable[Optimizer | Schedule]
) -> None:
    """An option for each setting, with whose it is and its default there."""
    found: dict[str, dict[Setting, list[str]]] = {}
    for row in rows:
        for setting in row.settings:
            found.setdefault(setting.name, {}).setdefault(setting, []).append(row.name)
    for name, owners in found.items():
        setting = next(iter(owners))
        text = f"{setting.text}, " if setting.text else ""
        group.add_argument(
            prefix + name.replace("_", "-"),
            type=whole(1) if isinstance(setting.default, int) else number(**setting.limits),
            metavar="X",
            help="; ".join(
                f"{', '.join(names)}: {text}default {one.default:g}"
                for one, names in owners.items()
            ),
        )


def _add_predict(commands: Any) -> None:
    parser = commands.add_parser(
        "predict",
        help="predict with a saved network",
        description="Predict with a saved network: a CSV with a header, one row for each example. "
        "The columns of a table are found by their names, encoded and scaled as in the training.",
    )
    parser.add_argument("model", metavar="MODEL", help="the file that loopbp train saved")
    parser.add_argument(
        "data",
        metavar="DATA",
        help="as for loopbp train; a CSV or NPZ may lack the target, and of data with a test part "
        "that part is taken",
    )
    parser.add_argument(
        "--proba",
        action="store_true",
        help="the probability of each class, or the activation of each output",
    )
    add_reading_options(parser)
    add_threads(parser)
    parser.add_argument("--output", metavar="FILE", help="write there instead of stdout")
    add_json(parser)


def _add_check(commands: Any) -> None:
    parser = commands.add_parser(
        "check",
        help="check the gradient of a network against finite differences",
        description="Compare the gradient of a network, at its initial weights and on a few "
        "examples, with the numeric derivative of its cost. The exit code is 1 where they differ.",
    )
    add_data_options(parser, "what the network is for")
    parser.add_argument(
        "--examples", type=whole(1), default=8, metavar="N", help="how many (default: 8)"
    )
    group = add_network_options(parser)
    group.add_argument(
        "--dtype",
        type=choice(("float32", "float64")),
        default="float64",
        metavar="NAME",
        help="float32 or float64 (default: float64)",
    )
    group.add_argument(
        "--engine",
        type=choice(ENGINES),
        default="auto",
        metavar="NAME",
        help=f"whose gradient: {', '.join(ENGINES)} (default: auto, the steps that train)",
    )
    group.add_argument(
        "--optimizer",
        type=choice(OPTIMIZERS),
        default="adam",
        metavar="NAME",
        help=f"of the training whose steps are checked: {', '.join(OPTIMIZERS)} (default: adam)",
    )
    group.add_argument(
        "--batch-size",
        type=whole(1),
        metavar="N",
        help="examples a step, repeated where there are fewer (default: all of them)",
    )
    add_seed(group)
    group = parser.add_argument_group("the numbers themselves")
    group.add_argument(
        "--numerics",
        action="store_true",
        help="check no network but every activation, and every output with every loss, against "
        "mpmath, in both dtypes and all engines (or that of --engine)",
    )
    group.add_argument(
        "--points",
        type=whole(1),
        default=1000,
        metavar="N",
        help="for --numerics: how many (default: 1000)",
    )
    add_json(parser)


def _add_info(commands: Any) -> None:
    parser = commands.add_parser(
        "info",
        help="show versions, processor features, threads and the cache folder",
        description="Show versions, processor features, threads, threading layer and cache folder.",
    )
    add_json(parser)


def _add_cache(commands: Any) -> None:
    parser = commands.add_parser(
        "cache",
        help="show where compiled code is kept and how much of it, or remove it",
        description="Show where compiled code is kept, and how much of it there is. What was not "
        "used for a month goes by itself.",
    )
    parser.add_argument(
        "--clear", action="store_true", help="remove it: the next run compiles again"
    )
    add_json(parser)


def _add_bench(commands: Any) -> None:
    parser = commands.add_parser(
        "bench",
        help="time the engines against each other and against other libraries",
        description="Time loopbp against the fastest of NumPy, scikit-learn, PyTorch and JAX that "
        "is installed, on two networks, and its engines numpy, loops and tiled against each other, "
        "phase by phase. With --peers: all eleven networks. Weights are compared before anything "
        "is timed. The work runs in a process of its own.",
    )
    group = parser.add_argument_group("what to time (default: two cases of --peers, and --engines)")
    group.add_argument("--engines", action="store_true", help="the engines against each other")
    group.add_argument("--peers", action="store_true", help="other libraries, the table of cases")
    group.add_argument("--sweep", action="store_true", help="other libraries, 20 random shapes")
    group.add_argument(
        "--costs", action="store_true", help="import, first fit, memory, one thread against all"
    )
    group.add_argument(
        "--modes", action="store_true", help="forward mode against reverse mode by parameters"
    )
    group = parser.add_argument_group("how")
    group.add_argument(
        "--case",
        type=several(str),
        action="extend",
        metavar="NAME[,...]",
        help="of the table of --peers only these (default: all)",
    )
    group.add_argument(
        "--dtype",
        type=choice(("float32", "float64")),
        metavar="NAME",
        help="only this one: float32 or float64 (default: both)",
    )
    group.add_argument(
        "--threads",
        type=whole(1),
        metavar="N",
        help="of every library (default: one for each core; engines also with one)",
    )
    group.add_argument(
        "--rounds",
        type=whole(1),
        metavar="N",
        help="rounds of timings of each library, which wait where others use the machine, 30 "
        "seconds at most and 3 on average, and are up to twice as many there (default: 5 to 15, as "
        "a few seconds a case allow)",
    )
    group.add_argument(
        "--quick", action="store_true", help="fewer and shorter timings, to see that it works"
    )
    group = parser.add_argument_group("output")
    group.add_argument(
        "--json",
        metavar="FILE",
        help="write the results there as well, and until the end what there is of --peers and "
        "--sweep to FILE.part; -: stdout, and no tables",
    )
    group.add_argument(
        "--resume",
        action="store_true",
        help="go on with the same command where it was interrupted: time the cases that FILE.part "
        "does not have",
    )
    group.add_argument("--plot", metavar="PATH", help="picture: .png, .pdf, .svg, .jpg")
    group.add_argument(
        "--from", dest="source", metavar="FILE", help="time nothing: take the results of --json"
    )
    group.add_argument(
        "--readme",
        metavar="PATH",
        help="write the results into this file, between its marks: table and picture, or all the "
        "details; needs --from",
    )


COMMANDS = {
    "train": _add_train,
    "predict": _add_predict,
    "check": _add_check,
    "bench": _add_bench,
    "explain": explain.add_parser,
    "derive": derive.add_parser,
    "study": study.add_parser,
    "info": _add_info,
    "cache": _add_cache,
}


def build_parser() -> Parser:
    """The parser of the whole command line."""
    parser = Parser(
        prog="loopbp",
        description="Backpropagation as explicit loops, compiled by Numba: train, measure, study.",
        epilog="loopbp COMMAND --help shows the options of a command.",
    )
    parser.add_argument(
        "--version", action="version", version=f"loopbp {metadata.version('loopbp')}"
    )
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=Parser
    )
    for add in COMMANDS.values():
        add(commands)
    for sub in commands.choices.values():
        sub.set_defaults(parser=sub)
    return parser
