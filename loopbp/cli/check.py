"""``loopbp check``: is the gradient right?"""

import argparse

import numpy as np

from loopbp import check_gradient
from loopbp.cli.output import print_json
from loopbp.cli.problem import labels, load_data, make_network, scale_kind, shape_of
from loopbp.datasets import Scaling, split_indices


def run(args: argparse.Namespace) -> int:
    """Check and print; 1 where the gradient is wrong."""
    data = load_data(args)
    y = data.y
    if data.task == "classification":
        y = np.unique(labels(y), return_inverse=True)[1]
    shape = shape_of(data, y, args.output, args.loss)
    net = make_network(args, data, shape, args.hidden if args.hidden is not None else [16])
    X = Scaling.fitted(scale_kind(args.scale, data.X), data.X).apply(data.X)
    if data.task == "regression" and net.output == "identity":
        columns = y.reshape(len(y), -1)
        y = Scaling.fitted("standard", columns).apply(columns).reshape(y.shape)
    if args.examples < len(X):
        few = split_indices(len(X), args.examples, args.seed)[1]
        X, y = X[few], y[few]
    report = check_gradient(net, X, y, engine=args.engine)
    if args.json:
        facts = report.as_dict()
        for each in ("verdicts", "reasons"):  # one word per parameter: their counts are enough
            del facts[each]
        print_json({"data": data.name, "sizes": net.sizes, "examples": len(X), **facts})
    else:
        print(f"{net!r}, {net.theta.size:,} parameters, {len(X)} examples of {data.name}")
        print(report)
    return 0 if report.ok else 1
