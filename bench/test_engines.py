"""An epoch of each case on each engine."""

import pytest

from loopbp.benchmark.cases import NAMES
from loopbp.benchmark.engines_bench import ENGINES
from loopbp.benchmark.peers import LoopBP
from loopbp.benchmark.runner import TOLERANCE, deviation, reference_theta
from loopbp.engines import pick_training


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", NAMES)
def test_epoch(benchmark, problems, name, engine):
    problem = problems(name)
    case = problem.case
    net, settings = problem.net, case.make_optimizer().settings
    trainer = LoopBP(
        problem, pick_training(engine, net.theta, net.architecture, settings, case.batch)
    )
    trainer.epoch()
    apart = deviation(trainer.theta(), reference_theta(problem), problem.net.theta)
    assert apart <= TOLERANCE[case.dtype]
    benchmark.extra_info["gflop"] = case.flops * case.steps / 1e9
    benchmark.pedantic(trainer.epoch, setup=trainer.start, rounds=5)
