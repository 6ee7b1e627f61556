"""The plain mode: everything on what Numba documents, slow and not broken."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import numba
import pytest
from cases.helpers import JIT, finished, needs_jit, run_python

import loopbp
from loopbp.jit import mode

ROOT = Path(__file__).parents[1]
PACKAGE = Path(loopbp.__file__).parent
pytestmark = pytest.mark.once

# -- when it is taken ------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["0.63.0", "0.63.1", "0.68.1", "0.68.1+local"])
def test_tested_versions(version):
    assert mode._untested(version) == ""


@pytest.mark.parametrize("version", ["0.62.1", "0.69.0", "0.99.0", "1.0.0", "0+unknown", ""])
def test_other_versions(version):
    assert f"numba {version} is not among the tested versions, 0.63 to 0.68" in (
        mode._untested(version)
    )


def test_tested_versions_are_those_that_are_installed_with_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (needed,) = [line for line in project["dependencies"] if line.startswith("numba")]
    first, beyond = (tuple(map(int, text.split("."))) for text in re.findall(r"\d+\.\d+", needed))
    assert (first, beyond) == mode.TESTED
    assert mode._untested(numba.__version__) == ""


_WHY = """
import logging, sys
logging.basicConfig(format="%(message)s", stream=sys.stdout)
{before}
import json
import loopbp
from loopbp import compiled, engines
from loopbp.jit import mode
from loopbp.jit.registry import signature_count
net = loopbp.Network([3, 4, 2])
settings = loopbp.SGD(0.1).settings
picked = [
    engines.pick("tiled", 10, 10).name,
    engines.pick_training("auto", net.theta, net.architecture, settings, 4).name,
]
print(json.dumps([mode.why_plain(), picked, signature_count()]))
"""


def taken(before: str, **environment: str) -> tuple[str, list[str], str]:
    """In a new process, why the plain mode is taken, the engines it takes, and what is told."""
    *told, last = run_python(_WHY.format(before=before), **environment).splitlines()
    why, picked, count = json.loads(last)
    assert count == 0, "nothing is compiled for it"
    return why, picked, "\n".join(told)


def test_by_itself_it_is_not_taken():
    assert taken("") == ("", ["tiled", "tiled"], "")


def test_it_can_be_asked_for():
    why, picked, told = taken("", LOOPBP_PLAIN_NUMBA="1")
    assert (why, picked, told) == ("LOOPBP_PLAIN_NUMBA", ["loops", "loops"], "")


def test_zero_asks_for_nothing():
    assert taken("", LOOPBP_PLAIN_NUMBA="0") == ("", ["tiled", "tiled"], "")


# Things of Numba that are gone, and one of another kind in each file that needs them.
GONE = [
    "numba.core.caching:FunctionCache", "numba.core.codegen:JITCodeLibrary",
    "numba.core.compiler:_LowerResult", "numba.core.registry:CPUDispatcher",
    "numba.core.typed_passes:NopythonRewrites", "numba.core.untyped_passes:LiteralUnroll",
    "numba.core.compiler_machinery:register_pass",
]  # fmt: skip
_GONE_NAME = "import {module}\ndel {module}.{name}"
_GONE_MODULE = 'import {module}.{name}\nsys.modules["{module}.{name}"] = None\ndel {module}.{name}'
GONE_MODULES = ["numba.core:cgutils", "numba.np:arrayobj", "numba.core:serialize"]


@pytest.mark.parametrize("what", [*GONE, *GONE_MODULES])
def test_what_is_gone_from_numba_breaks_no_import(what):
    module, name = what.split(":")
    gone = _GONE_NAME if what in GONE else _GONE_MODULE
    why, picked, told = taken(gone.format(module=module, name=name))
    assert why.startswith(f"numba {numba.__version__} lacks what loopbp uses of it (")
    assert picked == ["loops", "loops"]
    assert told.count("\n") == 0
    assert told.startswith(f"loopbp: {why}; so the literal loops run under plain Numba")


# Numba's insides that are there and do something else.
CHANGED = {
    "the cache gives nothing back": """
from numba.core import caching
caching.CompileResultCacheImpl.rebuild = lambda *arguments: None
""",
    "an instruction computes something else": """
from llvmlite import ir
ir.IRBuilder.fmul = ir.IRBuilder.fadd
""",
    "a pass fails": """
from numba.core import typed_passes
def run_pass(self, state):
    raise RuntimeError("another Numba")
typed_passes.NativeLowering.run_pass = typed_passes.BaseNativeLowering.run_pass = run_pass
""",
}


@needs_jit
@pytest.mark.parametrize("how", CHANGED)
def test_a_numba_that_has_changed_fails_the_self_test(how, tmp_path):
    why, picked, told = taken(CHANGED[how], NUMBA_CACHE_DIR=str(tmp_path))
    assert why.startswith("the self-test of compiled code failed (")
    assert picked == ["loops", "loops"]
    assert why in told


_COMPILATIONS = """
from numba.core import event
compilations = event.RecordingListener()
event.register("numba:compile", compilations)
import loopbp.jit.decorators
print(len(compilations.buffer))
"""


@needs_jit
def test_the_self_test_runs_once(tmp_path):
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    first, second = (int(run_python(_COMPILATIONS, **environment)) for _ in range(2))
    assert first > 0
    assert second == 0
    assert int(run_python(_COMPILATIONS, **environment, LOOPBP_CACHE="0")) > 0


# -- what it does ----------------------------------------------------------------------------------

_TRAIN = """
import logging, sys
logging.basicConfig(format="%(message)s", stream=sys.stdout)
{before}
import json
import numpy as np
import loopbp
from loopbp.engines import pick
digits = loopbp.datasets.digits()
X, y = digits.X / digits.X.max(), digits.y
net = loopbp.Network([64, 32, 10], dtype="float32", seed=0)
net.fit(
    X[:1500], y[:1500], epochs=20, batch_size=32, optimizer=loopbp.SGD(0.1, 0.9), verbose=False
)
gradient = net.gradient(X[:50], y[:50], engine="tiled").theta
expected = net.gradient(X[:50], y[:50], engine="numpy").theta
print(json.dumps([
    net.score(X[:1500], y[:1500]),
    float(np.abs(gradient - expected).max() / np.abs(expected).max()),
]))
"""


def trained(before: str, **environment: str) -> tuple[list[float], str]:
    *told, last = run_python(_TRAIN.format(before=before), **environment).splitlines()
    return json.loads(last), "\n".join(told)


@needs_jit
def test_an_unknown_numba_learns_the_digits(tmp_path):
    unknown = 'import numba\nnumba.__version__ = "0.99.0"'
    (score, difference), told = trained(unknown, NUMBA_CACHE_DIR=str(tmp_path))
    assert score >= 0.97
    assert difference <= 1e-5
    assert told.count("not among the tested versions") == 1
    kept = [path for path in tmp_path.rglob("*.nbc")]
    assert kept, "Numba keeps it"
    assert not [*PACKAGE.rglob("*.nb[ci]")], "and nothing in the package"


_EVERYTHING = """
import json, sys
import numpy as np
import loopbp
from loopbp import compiled
from numba import njit
rng = np.random.default_rng(0)
X, y = rng.standard_normal((40, 4)), np.arange(40) % 3
Y = np.eye(3)[y]
net = loopbp.Network([4, 5, 3], "tanh", seed=1)
net.fit(X, y, epochs=2, batch_size=8, verbose=False)
found = {"difference": float(np.abs(
    net.gradient(X, y).theta - net.gradient(X, y, engine="numpy").theta
).max())}
found["check"] = bool(loopbp.check_gradient(net, X, y))
start, settings = net.theta.copy(), loopbp.SGD(0.1).settings
theta = start.copy()
losses = compiled.train(theta, net.architecture, X, Y, settings, 3, 8, 5)
found["falls"] = bool(losses[-1] < losses[0])
many = np.tile(start, (2, 1))
all_losses = compiled.train_many(many, net.architecture, X, Y, settings, 3, 8, np.array([5, 6]))
found["many"] = many[0].tobytes() == theta.tobytes() and bool((all_losses[0] == losses).all())

@njit
def around(theta, architecture, X):
    return predict(theta, architecture, X).sum()

predict = compiled.predict
found["around"] = float(around(theta, net.architecture, X))
J, gradient = compiled.loss_and_gradient(start, net.architecture, X, Y)
found["compiled"] = float(np.abs(gradient - net.gradient(X, y, engine="numpy").theta).max())
found["refused"] = []
for wrong in (X.astype("f4"), X[:, :3].copy(), X.T, net):
    try:
        compiled.predict(theta, net.architecture, wrong)
    except (TypeError, ValueError) as error:
        found["refused"].append(f"{type(error).__name__}: {error}")
loopbp.register_activation("own", lambda z: z / (1.0 + abs(z)), lambda z: 1.0 / (1.0 + abs(z)) ** 2)
own = loopbp.Network([4, 5, 3], "own", seed=1)
found["own"] = bool(loopbp.check_gradient(own, X, y))
print(json.dumps(found))
"""


@needs_jit
def test_the_library_in_the_plain_mode():
    found: dict[str, Any] = json.loads(run_python(_EVERYTHING, LOOPBP_PLAIN_NUMBA="1"))
    assert found["difference"] <= 1e-12
    assert found["compiled"] <= 1e-12
    assert found["around"] == pytest.approx(40.0)
    assert [found[name] for name in ("check", "falls", "many", "own")] == [True] * 4
    of_dtype, of_length, of_order, of_kind = found["refused"]
    assert of_dtype.startswith("ArgumentTypeError: X of compiled.predict: expected a C-ordered")
    assert of_length.startswith("ValueError: X of compiled.predict: expected 4 columns, got 3")
    assert "in Fortran order" in of_order
    assert "got a Network" in of_kind


@needs_jit
def test_the_command_line_in_the_plain_mode(tmp_path):
    def run(*arguments: str) -> str:
        code = f"from loopbp.cli import main\nraise SystemExit(main({[*arguments]!r}))"
        done = finished(code, LOOPBP_PLAIN_NUMBA="1")
        assert done.returncode == 0, done.stderr
        return done.stdout

    saved = str(tmp_path / "net.npz")
    report = json.loads(run("train", "--epochs", "3", "--save", saved, "--json"))
    assert report["test_score"] > 0.9
    info = run("info")
    assert (
        f'{numba.__version__} (plain mode, engine="tiled" means loops: LOOPBP_PLAIN_NUMBA)' in info
    )
    facts = json.loads(run("info", "--json"))
    assert facts["plain_mode"] == "LOOPBP_PLAIN_NUMBA"


def test_the_information_names_the_tested_mode():
    done = finished("from loopbp.cli import main\nraise SystemExit(main(['info']))")
    assert f"{numba.__version__} (tested)" in done.stdout


@pytest.mark.skipif(JIT, reason="for the mode without compiler")
def test_without_the_compiler_there_is_no_self_test():
    assert mode._failing() == ""
