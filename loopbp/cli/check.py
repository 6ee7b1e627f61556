"""``loopbp check``: is the gradient right?"""

import argparse

from loopbp import check_gradient
from loopbp.cli import numerics
from loopbp.cli.output import print_json
from loopbp.cli.problem import fit_preprocessing, labels, load_data, make_network, shape_of
from loopbp.datasets import split_indices


def run(args: argparse.Namespace) -> int:
    """Check and print; 1 where the gradient, or with --numerics a number, is wrong."""
    if args.numerics:
        return numerics.run(args)
    data = load_data(args)
    X, y = data.X, labels(data.y) if data.task == "classification" else data.y
    shape = shape_of(data, data.y, args.output, args.loss)
    prepared = fit_preprocessing(args, data, X, data.y, shape)
    hidden = args.hidden if args.hidden is not None else [16]
    net = make_network(args, prepared, shape, hidden)
    if args.examples < len(X):
        few = split_indices(len(X), args.examples, args.seed)[1]
        X, y = X[few], y[few]
    report = check_gradient(
        net, X, y, engine=args.engine, optimizer=args.optimizer, batch_size=args.batch_size
    )
    if args.json:
        facts = report.as_dict()
        for each in ("verdicts", "reasons"):  # one word per parameter: their counts are enough
            del facts[each]
        reading = {**data.reading, "notes": data.notes}
        print_json(
            {"data": data.name, "reading": reading, "sizes": net.sizes, "examples": len(X), **facts}
        )
    else:
        for note in data.notes:
            print(note)
        print(f"{net!r}, {net.theta.size:,} parameters, {len(X)} examples of {data.name}")
        print(report)
    return 0 if report.ok else 1
