"""scikit-learn's own tests of its networks, as they are installed, with their import swapped."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from cases.estimators import MODULE, VERSION

pytestmark = pytest.mark.once
IMPORT = "from sklearn.neural_network import MLPClassifier, MLPRegressor"
COUNTS: dict[tuple[int, ...], int] = {(1, 9): 59}  # tests of a version
# What the file takes from scikit-learn's conftest, which is not installed with every build.
_CONFTEST = """
import pytest

@pytest.fixture
def global_random_seed():
    return 42
"""
_BACKWARDS = f"""
from {MODULE} import MLPRegressor
from {MODULE} import MLPClassifier as _Right

class MLPClassifier(_Right):
    def predict(self, X):
        return super().predict(X)[::-1]
"""


def source() -> str:
    """The file of scikit-learn's tests; skips where it is not installed."""
    spec = importlib.util.find_spec("sklearn")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "neural_network" / "tests" / "test_mlp.py"
    if not path.is_file():
        pytest.skip("scikit-learn is installed without its tests")
    return path.read_text("utf-8")


def outcomes(folder: Path, module: str, *options: str) -> dict[str, str]:
    """By test: "passed", or what it said; of scikit-learn's tests of the classes of a module."""
    text = source()
    assert text.count(IMPORT) == 1
    (folder / "test_mlp.py").write_text(
        text.replace(IMPORT, IMPORT.replace("sklearn.neural_network", module)), "utf-8"
    )
    (folder / "conftest.py").write_text(_CONFTEST, "utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    report = folder / "report.xml"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
         f"--junitxml={report}", *options, "test_mlp.py"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr  # all passed, or some failed
    return {case.attrib["name"]: _said(case) for case in ElementTree.parse(report).iter("testcase")}


def _said(case: Any) -> str:
    """ "passed", or the kind and the message of what a test ended with."""
    for kind in ("failure", "error", "skipped"):
        found = case.find(kind)
        if found is not None:
            return f"{kind}: {found.attrib.get('message', '')}"
    return "passed"


def test_scikit_learns_own_tests_pass(tmp_path):
    found = outcomes(tmp_path, MODULE)
    assert {name: said for name, said in found.items() if said != "passed"} == {}
    assert len(found) == COUNTS.get(VERSION, len(found))
    assert len(found) > 40


def test_a_wrong_estimator_fails_them(tmp_path):
    (tmp_path / "backwards.py").write_text(_BACKWARDS, "utf-8")
    found = outcomes(tmp_path, "backwards", "-k", "alpha or (lbfgs_classification and not maxfun)")
    assert found["test_alpha"] == "passed"  # it predicts nothing
    wrong = [said for name, said in found.items() if name.startswith("test_lbfgs")]
    assert wrong
    assert all(said.startswith("failure") for said in wrong)
