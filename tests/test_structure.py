"""The package as a whole: its files, its flags, its documentation."""

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

import loopbp
from loopbp.optimizers import OPTIMIZERS, Optimizer

PACKAGE = Path(loopbp.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
# What the design names and other parts rely on; more may stand beside them.
DESIGNED = (
    "notation", "jit", "parameters", "activations", "losses", "reference", "loops", "engines",
    "optimizers", "schedules", "training", "compiled", "network", "gradcheck", "validate",
    "datasets", "cli",
)  # fmt: skip
PUBLIC = sorted(set(loopbp.__all__) - {"__version__", "compiled"})


@pytest.mark.parametrize("name", DESIGNED)
def test_module_is_there_and_says_what_it_is_for(name):
    assert import_module(f"loopbp.{name}").__doc__


def test_every_module_is_documented():
    undocumented = [path.name for path in SOURCES if not path.read_text("utf-8").startswith('"""')]
    assert undocumented == []


def test_typed():
    assert (PACKAGE / "py.typed").is_file()


def test_numba_flags_stand_in_one_place():
    flags = re.compile(r"\b(fastmath|error_model|nogil|boundscheck)\s*=|\bcache\s*=\s*True")
    found = [
        p.name for p in SOURCES if p.parent.name != "jit" and flags.search(p.read_text("utf-8"))
    ]
    assert found == []


def test_numba_decorators_are_those_of_jit():
    raw = re.compile(r"^\s*@(?:numba\.)?(?:njit|jit\(|vectorize|guvectorize|stencil)", re.MULTILINE)
    assert [path.name for path in SOURCES if raw.search(path.read_text("utf-8"))] == []


def test_fastmath_keeps_nan_and_infinity():
    from loopbp.jit.settings import EXACT, FASTMATH

    assert {"reassoc", "contract", "nsz", "arcp"} == FASTMATH
    assert not EXACT
    assert all("fastmath=True" not in path.read_text("utf-8") for path in SOURCES)


def test_reference_and_loops_share_no_arithmetic():
    """Of the kernels' modules the reference takes names and constants, no functions."""
    from loopbp import reference

    borrowed = [
        name for name, value in vars(reference).items()
        if callable(value) and getattr(value, "__module__", "").startswith("loopbp.")
        and value.__module__ != reference.__name__
    ]  # fmt: skip
    assert borrowed == []


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_is_documented(name):
    assert inspect.getdoc(getattr(loopbp, name))


MADE_BY_PEOPLE = [loopbp.Network, loopbp.EarlyStopping, Optimizer, *OPTIMIZERS.values()]


@pytest.mark.parametrize("kind", MADE_BY_PEOPLE)
def test_class_says_what_it_takes_and_raises(kind):
    text = inspect.getdoc(kind) or ""
    assert "Parameters\n----------" in text
    for argument in inspect.signature(kind).parameters:
        assert re.search(rf"^.*\b{argument}\b", text, re.MULTILINE), argument


FUNCTIONS = [
    value
    for value in (
        *(method for _, method in inspect.getmembers(loopbp.Network, inspect.isfunction)),
        *(getattr(loopbp, name) for name in PUBLIC),
    )
    if inspect.isfunction(value) and not value.__name__.startswith("_")
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__qualname__)
def test_function_says_what_it_takes_returns_and_raises(function):
    text = inspect.getdoc(function) or ""
    signature = inspect.signature(function)
    arguments = set(signature.parameters) - {"self"}
    for argument in arguments:
        assert re.search(rf"\b{argument}\b", text), argument
    if arguments:
        assert "Parameters\n----------" in text
        assert "Raises\n------" in text
    if signature.return_annotation not in (None, "None"):
        assert "Returns\n-------" in text


def test_all_is_complete_and_there():
    assert len(loopbp.__all__) == len(set(loopbp.__all__))
    assert all(hasattr(loopbp, name) for name in loopbp.__all__)


# -- the tests themselves -------------------------------------------------------------------------

_TEST_IMPORT = re.compile(
    r"^\s*(?:from|import)\s+(?:tests\.)?test_\w+|import_module\(\s*[\"'](?:tests\.)?test_\w+",
    re.MULTILINE,
)


def imports_of_tests(folder):
    """Test modules that are imported, with who does it; also in code for another process."""
    return [
        (path.name, found.group().strip()) for path in sorted(folder.rglob("*.py"))
        for found in _TEST_IMPORT.finditer(path.read_text("utf-8"))
    ]  # fmt: skip


def test_no_test_module_is_imported_by_another():
    """What tests share stands in `cases`."""
    assert imports_of_tests(Path(__file__).parent) == []


@pytest.mark.parametrize(
    "line",
    ["from {0} import bits", "    import {0}", 'CODE = """\nimport {0} as t\n"""',
     'import_module("{0}")'],
)  # fmt: skip
def test_an_import_of_a_test_module_is_found(line, tmp_path):
    (tmp_path / "test_two.py").write_text(line.format("test_one"), encoding="utf-8")
    assert [name for name, _ in imports_of_tests(tmp_path)] == ["test_two.py"]
    (tmp_path / "test_two.py").write_text(line.format("cases.training"), encoding="utf-8")
    assert imports_of_tests(tmp_path) == []
