"""The Python examples of README and docs/estimators.md run as they stand, in a process each."""

import re
import sys
from pathlib import Path

import pytest
from cases import helpers

README = (Path(__file__).parent.parent / "README.md").read_text()
ESTIMATORS = (Path(__file__).parent.parent / "docs" / "estimators.md").read_text()
OF_README, OF_ESTIMATORS = (
    re.findall(r"```python\n(.*?)```", text, re.DOTALL) for text in (README, ESTIMATORS)
)
EXAMPLES = [*OF_README, *OF_ESTIMATORS]


@pytest.mark.once
@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example_runs_and_prints_what_it_says(number: int, tmp_path: Path) -> None:
    code = EXAMPLES[number]
    if "sklearn" in code or "estimators" in code:
        pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    done = helpers.ended([sys.executable, "-W", "error", "-c", code], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    printed = done.stdout.split("\n")
    if "XOR is learnt" in code or "report.max_relative_error" in code:
        assert "False" not in done.stdout
    if "best_score_" in code or "validation_loss_curve_" in code:
        assert printed[0].endswith("True")
    if "again.predict" in code:
        assert printed[:2] == re.findall(r"# (.*)", code)[:2]
    if "homework" in code:
        assert printed[0] == "False ['m']"
    if "history.validation_score" in code:
        assert float(printed[0]) > 0.95


def test_readme_has_examples_for_tables_python_compiled_code_and_the_checker() -> None:
    assert len(OF_README) == 5
    assert len(OF_ESTIMATORS) == 2
    assert any("Preprocessing.fitted" in code for code in EXAMPLES)
    assert any("@njit(parallel=True)" in code for code in EXAMPLES)


@pytest.mark.parametrize("marker", ["train", "test"])
def test_setup_commands_are_there_for_continuous_integration(marker: str) -> None:
    assert re.search(rf"<!-- setup: {marker} -->\n```bash\npython3 -m venv", README)
