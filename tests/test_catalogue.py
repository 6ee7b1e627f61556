"""The catalogue: rows that are whole, and no second list of names or meaning in order elsewhere."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import loopbp
from loopbp import activations, catalogue, losses, optimizers, reference, schedules
from loopbp.formulas import evaluate, functions_of, markup, markup_of_numbers, terms_of, tree
from loopbp.study.scripts import Script

PACKAGE = Path(loopbp.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
CODES = {
    name for name, value in vars(catalogue).items()
    if name.isupper() and isinstance(value, int) and not isinstance(value, bool)
}  # fmt: skip
KINDS = {
    kind: set(getattr(catalogue, kind))
    for kind in ("ACTIVATIONS", "LOSSES", "OPTIMIZERS", "SCHEDULES", "INITIALIZERS", "ENGINES")
}
# What holds a code in a variable or a field.
VARIABLES = {"code", "rule"}
MANY = 3  # names of one kind that make a list


def _name(node):
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", None)


def _is_code(node):
    return _name(node) in CODES | VARIABLES


def order_comparisons(tree):
    """Lines that compare a code with < <= > >=."""
    orders = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
    return [
        node.lineno for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and any(isinstance(op, orders) for op in node.ops)
        and any(map(_is_code, [node.left, *node.comparators]))
    ]  # fmt: skip


def _tests_codes(node):
    return any(
        isinstance(part, ast.Compare) and any(_name(side) in CODES for side in ast.walk(part))
        for part in ast.walk(node.test)
    )


def _tested(node):
    """The variables that are compared with codes."""
    sides = [
        side for part in ast.walk(node.test) if isinstance(part, ast.Compare)
        for side in [part.left, *part.comparators]
    ]  # fmt: skip
    return {_name(side) for side in sides} - CODES - {None}


def guesses(tree):
    """Lines of an else behind two or more tests of a code that takes it to be one of the rest.

    It may hand the code on, or make a NaN or an error of it.
    """
    found, inner = [], set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.If) or node in inner or not _tests_codes(node):
            continue
        tests, last, variables = 1, node, _tested(node)
        while len(last.orelse) == 1 and isinstance(last.orelse[0], ast.If):
            last = last.orelse[0]
            inner.add(last)
            tests += _tests_codes(last)
            variables |= _tested(last)
        rest = ast.Module(last.orelse, [])
        words = {_name(part) for part in ast.walk(rest)} | {type(part) for part in ast.walk(rest)}
        if last.orelse and tests > 1 and not words & {*variables, "nan", ast.Raise}:
            found.append(last.orelse[0].lineno)
    return found


def second_lists(tree):
    """Lines with a tuple, list, set or dictionary of names, or of codes, but a table of functions.

    A function an activation, by name, is no list of names: a test pairs it with the catalogue.
    """
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            functions = (ast.Lambda, ast.Name, ast.Attribute)
            if all(isinstance(value, functions) for value in node.values):
                continue
            parts = node.keys
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            parts = node.elts
        else:
            continue
        words = {part.value for part in parts if isinstance(part, ast.Constant)}
        codes = {_name(part) for part in parts} & CODES
        pairs = [part for part in parts if isinstance(part, ast.Tuple)]
        in_pairs = {_name(side) for pair in pairs for side in pair.elts} & CODES
        named = max(len(words & names) for names in KINDS.values())
        if max(named, len(codes), len(in_pairs)) >= MANY:
            found.append(node.lineno)
    return found


CHECKS = [order_comparisons, guesses, second_lists]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_sources_have_none(check):
    found = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in SOURCES
        if path.name not in ("catalogue.py", "tiles.py")
        for line in check(ast.parse(path.read_text("utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("check", "source"),
    [
        (order_comparisons, "if code <= SILU and code != GELU: pass"),
        (order_comparisons, "two = settings.rule >= catalogue.RULE_ADAM"),
        (order_comparisons, "by_sign = RELU <= which <= LEAKY_RELU"),
        (guesses, "if loss == MAE:\n  a()\nelif loss == HUBER:\n  b()\nelse:\n  poisson()"),
        (guesses, "if r in (RULE_SGD,):\n  a()\nelif r == RULE_RMSPROP:\n  b()\nelse:\n  adam()"),
        (second_lists, 'NAMES = ("identity", "sigmoid", "tanh")'),
        (second_lists, 'KIND = {"sgd": 1, "adam": 2, "rmsprop": 3}'),
        (second_lists, "HIDDEN = {IDENTITY, SIGMOID, TANH}"),
        (second_lists, "PAIRS = {(SIGMOID, QUADRATIC), (TANH, HALF_MSE)}"),
    ],
)
def test_a_source_that_has_one_is_found(check, source):
    assert check(ast.parse(source))


@pytest.mark.parametrize(
    ("check", "source"),
    [
        (order_comparisons, "if code == RELU or code in PRIME_BY_SIGN or size > 3: pass"),
        (guesses, "if code == RELU:\n  a()\nelif code == USER:\n  b()\nelse:\n  out = math.nan"),
        (guesses, "if code == SOFTMAX:\n  rows()\nelse:\n  activation_rows(code)"),
        (second_lists, 'table = {"relu": relu, "elu": lambda z: z, "tanh": np.tanh}'),
        (second_lists, 'if loss in ("cross_entropy", "poisson"): pass'),
    ],
)
def test_a_source_that_has_none_passes(check, source):
    assert not check(ast.parse(source))


# -- the rows -------------------------------------------------------------------------------------


def test_codes_are_unique_and_none_is_the_user_s():
    rules = [rule.code for row in catalogue.OPTIMIZERS.values() for rule in row.rules]
    of_activations = [*catalogue.ACTIVATION_CODES.values(), catalogue.USER]
    for codes in (of_activations, list(catalogue.LOSS_CODES.values()), rules):
        assert len(set(codes)) == len(codes)


def test_every_name_has_its_functions():
    assert set(reference._SIGMA) == set(catalogue.ACTIVATIONS)
    assert set(reference._SIGMA_PRIME) == set(catalogue.HIDDEN)
    assert set(reference._TERM) == set(reference._TERM_PRIME) == set(catalogue.LOSSES)
    for name in catalogue.HIDDEN:
        assert callable(getattr(activations, name))
        assert callable(getattr(activations, f"{name}_prime"))
    for name, row in catalogue.LOSSES.items():
        assert callable(getattr(losses, row.function or name))
        assert callable(getattr(losses, f"{row.function or name}_prime"))


def test_classes_and_their_settings_are_those_of_the_rows():
    for row in catalogue.OPTIMIZERS.values():
        made = optimizers.OPTIMIZERS[row.name]()
        assert made.learning_rate == row.learning_rate
        assert made.settings.rule in {rule.code for rule in row.rules}
        assert {s.name: getattr(made, s.name) for s in row.settings} == {
            s.name: s.default for s in row.settings
        }
        assert row.kind in loopbp.__all__
    for row in catalogue.SCHEDULES.values():
        made = getattr(schedules, row.kind)(0.1)
        assert {s.name: getattr(made, s.name) for s in row.settings} == {
            s.name: s.default for s in row.settings
        }


@pytest.mark.parametrize("module", ["catalogue", "formulas", "reference", "cli.parser"])
def test_module_needs_no_numba(module):
    code = f"import sys, loopbp.{module}; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# -- formulas -------------------------------------------------------------------------------------


def test_a_formula_is_evaluated_and_written_out():
    formula = "-(y * log(a) + (1 - y) * log(1 - a)) / 2"
    assert evaluate("x - 2 * f(x)**2", {"f": abs}, {"x": -3.0}) == -21.0
    assert evaluate("1 if z > 0 else z / 2", {}, {"z": -3.0}) == -1.5
    assert functions_of(formula) == {"log"}
    assert terms_of("p + z * q + (1 - p)") == ["p", "z * q", "1 - p"]
    letters = {"y": "y_i", "a": "a_i"}
    written = markup(formula, lambda part: letters.get(str(part), str(part)))
    assert written == r"-(y_i \cdot \log(a_i) + (1 - y_i) \cdot \log(1 - a_i)) / 2"
    assert tree("exp(-z) if z > 0 else Phi(z)**2") == [
        "if", [">", "z", 0], ["call", "exp", ["neg", "z"]], ["**", ["call", "Phi", "z"], 2],
    ]  # fmt: skip
    numbers = markup_of_numbers("sigmoid(z) * z if z > 0 else Phi(z)", str, {"z": 2.0})
    assert numbers == r"1 / (1 + \exp(-z)) \cdot z"


def test_a_formula_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="has no meaning"):
        evaluate("[z]", {}, {"z": 1.0})
    with pytest.raises(ValueError, match="has no markup"):
        markup("[z]", str)


@pytest.mark.parametrize(
    "body",
    ["for k in (1, 2):\n        z += k\n    return z", "return z[0]", "return unknown(z)"],
    ids=["a loop", "an index", "a name that is not there"],
)
def test_a_function_that_the_page_cannot_have_is_refused(body, tmp_path, monkeypatch):
    (tmp_path / "own_functions.py").write_text(f"def own(z):\n    {body}\n")
    monkeypatch.syspath_prepend(tmp_path)
    import own_functions  # pyright: ignore[reportMissingImports]

    monkeypatch.delitem(sys.modules, "own_functions")  # so that each case imports its own
    with pytest.raises(ValueError, match=r"^own: .* is not translated$"):
        Script().add(own_functions.own)
