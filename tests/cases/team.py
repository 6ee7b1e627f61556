"""The tiled engine by a team of so many threads, and the bits that any number of them gives."""

import hashlib
import itertools
from dataclasses import replace
from typing import Any

import numpy as np

from loopbp.binding import Engine
from loopbp.tiled import engine as engine_module
from loopbp.tiled.engine import tiled_engine

from . import helpers
from .training import OPTIMIZERS, SGD, TOLERANCE, regression, train

CLIPPED = replace(SGD, clip_norm=0.01)
# Sizes, examples, batch size, rules, dropout: by examples; by units, with far rows in float64; by
# turns, the first with dropout.
BITS = [
    *(([30, 300, 40, 3], *data, [SGD, OPTIMIZERS[4]], 0.1)
      for data in [(150, 70), (40, 33), (600, 520)]),
    ([130, 128, 50, 3], 70, 33, [SGD, CLIPPED], 0.0),
    ([140, 520, 40, 3], 100, 64, [SGD, CLIPPED, OPTIMIZERS[4]], 0.0),
    ([20, 130, 140, 70, 300, 3], 100, 64, [SGD, CLIPPED, OPTIMIZERS[4]], [0.1, 0.0, 0.0, 0.0]),
]  # fmt: skip


def bits(engine: Engine | None = None) -> str:
    """The weights of several trainings with the parallel engine, as one number."""
    text = hashlib.sha256()
    for dtype, (sizes, m, batch_size, rules, dropout) in itertools.product(TOLERANCE, BITS):
        X, Y = regression(m, sizes[0], 3)
        for rule, (l2, shuffled) in itertools.product(rules, [(0.0, True), (0.01, False)]):
            net = helpers.network(sizes, dtype=dtype, dropout=dropout, l2=l2)
            losses, theta = train(
                engine or tiled_engine(True), net, X, Y, batch_size, rule, epochs=2,
                shuffled=shuffled,
            )  # fmt: skip
            text.update(theta.tobytes() + np.array(losses).tobytes())
    return text.hexdigest()


def for_threads(engine: Engine, threads: int) -> Engine:
    """An engine whose workspaces are for so many threads, however many run."""

    def make_workspace(theta: Any, architecture: Any, examples: int, batch_size: int) -> Any:
        return engine_module.team_workspace(theta, architecture, examples, batch_size, threads)

    return replace(engine, make_workspace=make_workspace)
