"""An epoch of each case in each library, once its weights have been compared."""

import pytest

from loopbp.benchmark.cases import NAMES
from loopbp.benchmark.peers import PEERS, LoopBP
from loopbp.benchmark.runner import TOLERANCE, deviation, reference_theta


@pytest.mark.parametrize("peer", [LoopBP, *PEERS], ids=lambda peer: peer.name)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore")  # those of the other libraries
def test_epoch(benchmark, problems, name, peer):
    if peer.is_missing():
        pytest.skip(f"{peer.name} is not installed ({peer.install})")
    problem = problems(name)
    case = problem.case
    if peer.cannot(case):
        pytest.skip(f"{peer.name} {peer.cannot(case)}")
    trainer = peer(problem)
    trainer.start()
    trainer.epoch()
    apart = deviation(trainer.theta(), reference_theta(problem), problem.net.theta)
    assert apart <= TOLERANCE[case.dtype]
    benchmark.extra_info["gflop"] = case.flops * case.steps / 1e9
    benchmark.pedantic(trainer.epoch, setup=trainer.start, rounds=5)
