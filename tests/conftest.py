"""What tests share comes from `cases`; activations registered in one test stay in it."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cases import helpers

from loopbp.own_activation import REGISTERED

_OF_THE_PAGE = {"driver", "engine_cases"}  # what browser and Node run, no compiler touches


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of the study page's JavaScript are run once."""
    for item in items:
        if _OF_THE_PAGE & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.once)


@pytest.fixture(scope="session")
def driver(tmp_path_factory):
    """The browser in which pages are tried."""
    from cases.browser import chrome

    browser = chrome(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.quit()


@pytest.fixture
def registry():
    """The registered activations, as they were before the test once it is over."""
    before = dict(REGISTERED)
    yield REGISTERED
    REGISTERED.clear()
    REGISTERED.update(before)


_TRAIN = """
import sys
from numba.core import event
import loopbp
compilations = event.RecordingListener()
event.register("numba:compile", compilations)
heavy = {"rich", "matplotlib", "sklearn", "jax", "pandas", "torch"} & set(sys.modules)
from loopbp.jit.by_symbol import DISPATCHERS
count = lambda: sum(len(d.overloads) for d in DISPATCHERS.values())
after_import = count()
import json
import numpy as np
net = loopbp.Network([3, 5, 2], dropout=0.2, l2=0.01, dtype="float32", seed=1)
after_network = count()
X = np.random.default_rng(0).standard_normal((50, 3))
net.fit(X, np.arange(50) % 2, epochs=2, batch_size=8)
missed = [name for (_, name), d in DISPATCHERS.items() if d.stats.cache_misses]
misses = sum(sum(d.stats.cache_misses.values()) for d in DISPATCHERS.values())
print(json.dumps({"heavy": sorted(heavy), "after_import": after_import,
                  "after_network": after_network, "misses": misses,
                  "missed": missed, "compilations": len(compilations.buffer) // 2,
                  "compiled": count(), "theta": net.theta.tobytes().hex()}))
"""


@pytest.fixture(scope="session")
def processes(tmp_path_factory):
    """What three new processes say of the same training: with a new cache, that cache, and none."""
    folder = str(tmp_path_factory.mktemp("cache"))

    def process(**environment: str) -> dict[str, Any]:
        return json.loads(helpers.run_python(_TRAIN, **environment))

    return SimpleNamespace(
        cold=process(NUMBA_CACHE_DIR=folder),
        warm=process(NUMBA_CACHE_DIR=folder),
        uncached=process(LOOPBP_CACHE="0"),
    )


@pytest.fixture(scope="module")
def in_a_hurry():
    """Times that nobody believes: of small products, and no round waits for others or goes on."""
    from loopbp.benchmark import environment, runner

    class SmallProduct(environment.Product):
        def __init__(self, dtype: str, flops: float = 0.0, size: int = 64) -> None:
            super().__init__(dtype, flops, size)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "Product", SmallProduct)
        patch.setattr(environment, "_LOOK_PRODUCTS", 1)
        patch.setattr(runner, "_PAUSE_SECONDS", 0.0)
        patch.setattr(runner, "_ROUND_SECONDS", (0.0, 0.0))
        patch.setattr(environment, "PATIENCE", 0.0)
        yield


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    """A folder of its own to write to, and a terminal of 100 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def run(capsys):
    """Run a command; exit code, stdout, stderr."""
    from loopbp.cli import main

    def call(*words):
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    return call


@pytest.fixture
def train(run):
    """Train quickly, print JSON, return it."""

    def call(*words):
        code, out, err = run("train", *words, "--json")
        assert (code, err) == (0, "")
        assert out.count("\n") == 1
        return json.loads(out)

    return call


@pytest.fixture
def refused(run):
    """The one line on stderr with which a command ends in code 2."""

    def call(*words):
        code, out, err = run(*words)
        assert code == 2
        assert out == ""
        assert err.count("\n") == 1
        return err.strip()

    return call
