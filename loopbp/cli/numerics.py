"""``loopbp check --numerics``: activations, losses and delta^L against mpmath."""

import argparse
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from loopbp.cli.output import print_json
from loopbp.numerics import measure as numerics


def run(args: argparse.Namespace) -> int:
    """Print both tables as they come; 1 where a number is beyond its bound."""
    engines = numerics.ENGINES if args.engine == "auto" else (args.engine,)
    units = numerics.activation_errors(args.points, engines=engines, seed=args.seed)
    pairs = numerics.pair_errors(args.points, engines=engines, seed=args.seed)
    found: list[numerics.ActivationError | numerics.PairError] = []

    def noted(errors: Iterable[Any]) -> Iterator[Any]:
        for error in errors:
            found.append(error)
            yield error

    above, below = numerics.activation_lines(noted(units)), numerics.pair_lines(noted(pairs))
    for line in chain(above, [""], below):
        if not args.json:
            print(line, flush=True)
    wrong = sum(not error.ok for error in found)
    if args.json:
        facts = [numerics.as_dict(error) for error in found]
        print_json({"points": args.points, "wrong": wrong, "ok": not wrong, "errors": facts})
    else:
        print(f"{len(found) - wrong} of {len(found)} within their bounds")
    return 1 if wrong else 0
