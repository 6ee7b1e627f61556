"""What the study commands share: a network and a batch from the options, and how to print."""

import argparse
from typing import TYPE_CHECKING, Any

from loopbp.cli.options import (
    Parser,
    add_data_options,
    add_network_options,
    add_seed,
    choice,
    number,
    whole,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from loopbp import Network


FORMATS = ("text", "latex", "html")


def add_problem_options(parser: Parser) -> None:
    """DATA, its batch, the network, and how long it is trained first."""
    add_data_options(parser, "where the batch comes from")
    parser.add_argument(
        "--examples", type=whole(1), default=8, metavar="M", help="in the batch (default: 8)"
    )
    group = add_network_options(parser)
    group.add_argument(
        "--model", metavar="FILE", help="a network that loopbp train saved, instead of a new one"
    )
    group.add_argument(
        "--epochs", type=whole(0), default=0, metavar="N",
        help="train a new network so long first, on all of DATA (default: 0)",
    )  # fmt: skip
    group.add_argument(
        "--learning-rate", type=number(above=0.0), default=0.01, metavar="RATE",
        help="of that training, with Adam (default: 0.01)",
    )  # fmt: skip
    add_seed(group)


def add_index_options(parser: Parser, required: bool) -> None:
    """Which number, and in whose notation."""
    group = parser.add_argument_group("which number")
    group.add_argument(
        "--layer", type=int, required=required, metavar="L",
        help="the layer that the weight leads into; the first hidden layer is 1",
    )  # fmt: skip
    group.add_argument("--unit", type=int, required=required, metavar="I", help="of that layer")
    group.add_argument(
        "--input",
        type=_index_or_name,
        metavar="J",
        help="unit of the layer before, or for layer 1 the name of a column (default: the bias)",
    )
    group.add_argument(
        "--convention", type=choice(("loss", "cost")), default="loss", metavar="NAME",
        help="loss: 1/m in dW and db; cost: 1/m in the first factor (default: loss)",
    )  # fmt: skip


def _index_or_name(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:
        return text


def add_output_options(parser: Parser) -> None:
    """Text, LaTeX or HTML, how wide, and where to."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "--format", type=choice(FORMATS), default="text", metavar="NAME",
        help="text, latex or html (default: text)",
    )  # fmt: skip
    group.add_argument(
        "--width", type=whole(40), metavar="COLUMNS",
        help="of the text (default: the terminal's, at most 100)",
    )  # fmt: skip
    group.add_argument("-o", "--out", metavar="FILE", help="write to a file")


def problem(args: argparse.Namespace) -> "tuple[Network, NDArray[Any], NDArray[Any]]":
    """The network and the batch that the options name."""
    import loopbp
    from loopbp.cli.problem import (
        examples_for,
        fit_preprocessing,
        labels,
        load_data,
        make_network,
        shape_of,
    )
    from loopbp.datasets import split_indices

    if args.model is not None:
        net = loopbp.load(args.model)
        X, y, _ = examples_for(net, args.model, args)
        if y is None:
            raise ValueError(f"{args.data}: holds no targets, and without them there is no loss")
    else:
        data = load_data(args)
        X, y = data.X, labels(data.y) if data.task == "classification" else data.y
        args.dtype = "float64"
        shape = shape_of(data, data.y, args.output, args.loss)
        prepared = fit_preprocessing(args, data, X, data.y, shape)
        hidden = [16] if args.hidden is None else args.hidden
        net = make_network(args, prepared, shape, hidden)
        if args.epochs:
            net.fit(
                X, y, epochs=args.epochs, batch_size=min(32, len(X)),
                optimizer=loopbp.Adam(args.learning_rate), verbose=False,
            )  # fmt: skip
    if args.examples < len(X):
        few = split_indices(len(X), args.examples, args.seed)[1]
        X, y = X[few], y[few]
    return net, X, y


def show(args: argparse.Namespace, page: Any) -> None:
    """Print something that has text, latex and html, or write it."""
    from rich.console import Console

    screen = Console(highlight=False, soft_wrap=True)
    width = args.width or min(screen.width, 100)
    if args.format == "text" and args.out is None:
        from loopbp.study.render_text import rich_lines

        for line in rich_lines(page.document(), width):
            screen.print(line)
        return
    text = page.text(width) + "\n" if args.format == "text" else getattr(page, args.format)()
    if args.out is None:
        print(text, end="")
    else:
        with open(args.out, "w", encoding="utf-8") as file:
            file.write(text)
