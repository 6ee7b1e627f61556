"""An epoch of each case on each engine."""

import pytest

from loopbp.benchmark.cases import NAMES
from loopbp.benchmark.engines_bench import ENGINES
from loopbp.benchmark.peers import LoopBP
from loopbp.engines import pick_training

_MOST_FLOPS_OF_LOOPS = 1e9  # of a step: the literal loops take seconds for it


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", NAMES)
def test_epoch(benchmark, contest, name, engine):
    of = contest(name)
    net, settings, batch = of.problem.net, of.case.make_optimizer().settings, of.case.batch
    if engine == "loops" and of.case.flops > _MOST_FLOPS_OF_LOOPS:
        pytest.skip("the literal loops take seconds for a step")
    chosen = pick_training(engine, net.theta, net.architecture, settings, batch)
    of.run(benchmark, LoopBP(of.problem, chosen))
