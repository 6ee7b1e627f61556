"""An epoch of each case in each library, once its weights have been compared."""

import pytest

from loopbp.benchmark.cases import NAMES
from loopbp.benchmark.peers import PEERS, LoopBP


@pytest.mark.parametrize("peer", [LoopBP, *PEERS], ids=lambda peer: peer.name)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore")  # those of the other libraries
def test_epoch(benchmark, contest, name, peer):
    if peer.is_missing():
        pytest.skip(f"{peer.name} is not installed ({peer.install})")
    of = contest(name)
    if peer.cannot(of.case):
        pytest.skip(f"{peer.name} {peer.cannot(of.case)}")
    of.run(benchmark, peer(of.problem))
