"""`derive`: steps that hold in numbers, and code that is the code."""

import inspect
import re

import numpy as np
import pytest

from loopbp import loops, reference
from loopbp.cli.derive import NAMES
from loopbp.notation import EQUATIONS
from loopbp.study import DERIVATIONS, derive
from loopbp.study.sources import loop_source, source_of

each = pytest.mark.parametrize("name", sorted(DERIVATIONS))


def test_the_names_of_the_command_are_those_there_are():
    assert set(NAMES) == set(DERIVATIONS)


@each
def test_last_step_is_the_equation_itself(name):
    """A derivation ends in what it set out to derive."""
    keys = DERIVATIONS[name].equations
    ends = {f"{chain.left} = {chain.steps[-1]}" for chain in derive(name).chains}
    formulas = {EQUATIONS[key].formula for key in keys}
    assert ends & formulas or name == "forward"
    if name == "forward":
        assert r"z^l_i = \sum_j \omega^l_{ij} a^{l-1}_j + b^l_i" in ends


@each
def test_each_step_has_its_rule(name):
    for chain in derive(name).chains:
        assert len(chain.steps) == len(chain.rules)
        assert all(chain.rules)


@each
def test_code_is_the_code(name):
    """Line by line, with the numbers of the file."""
    found = derive(name)
    for module, codes in ((loops, found.loops), (reference, found.twins)):
        file = inspect.getsource(module).splitlines()
        assert [code.caption.split(".")[1] for code in codes] == list(DERIVATIONS[name].functions)
        for code in codes:
            lines = code.source.splitlines()
            assert [file[n - 1] for n in code.numbers] == lines
            assert lines[0].startswith(f"def {code.caption.split('.')[1]}(")
            assert '"""' not in code.source
    text = found.text(200)
    for equation in (EQUATIONS[key] for key in DERIVATIONS[name].equations):
        assert equation.line() in text


def test_side_by_side_where_there_is_room_and_below_where_there_is_none():
    wide, narrow = (derive("BP1").text(width) for width in (100, 60))
    assert re.search(r"loops\.weight_gradient +\| reference\.weight_gradient", wide)
    assert not re.search(r"loops\.weight_gradient +\|", narrow)


def test_dimensions_are_those_of_the_arrays():
    rows = {row[0]: row[1] for row in derive("BP1").dimensions.rows}
    assert rows == {"dw": "(n_l, n_{l-1})", "delta": "(m, n_l)", "a_prev": "(m, n_{l-1})"}
    turned = {row[0]: row[1] for row in derive("BP1", orientation="ji").dimensions.rows}
    assert turned["dw"] == "(n_{l-1}, n_l)"


def test_orientation_turns_the_formulas():
    text = derive("BP3", orientation="ji").text()
    assert "ω^{l+1}_in" in text
    assert "ω^{l+1}_ni" not in text
    assert "delta_next @ w_next.T" in text


def test_unknown_name_is_refused():
    with pytest.raises(ValueError, match=r"name: expected one of .*, got 'BP5'"):
        derive("BP5")


def test_docstrings_go_and_the_rest_stays():
    def function(x):
        """Goes."""
        return x  # stays

    source, numbers = source_of(function)
    assert source == "def function(x):\n    return x  # stays"
    assert numbers[1] - numbers[0] == 2
    assert "prange" in loop_source("weight_gradient")[0]


# The steps of each derivation in numbers: a one-example network of seed 001's kind, every symbol
# an array, so that a wrong step has another value.


@pytest.mark.parametrize("seed", range(5))
def test_collapse_of_softmax_holds_step_by_step(seed):
    rng = np.random.default_rng(seed)
    z = rng.standard_normal(4)
    a = np.exp(z) / np.exp(z).sum()
    y = rng.random(4)
    y /= y.sum()
    i = int(rng.integers(4))

    def loss(z):
        return -np.sum(y * (z - np.log(np.sum(np.exp(z)))))

    step = z.astype(complex)
    step[i] += 1e-20j
    derivative = loss(step).imag / 1e-20
    sums = sum(a[k] * ((k == i) - a[i]) * (-y[k] / a[k]) for k in range(4))
    split = a[i] * y.sum() - y[i]
    assert derivative == pytest.approx(sums)
    assert sums == pytest.approx(split)
    assert split == pytest.approx(a[i] - y[i])
    steps = derive("deltaL").chains[1].steps
    assert steps == (
        r"\sum_k \frac{\partial a^L_k}{\partial z^L_i} \frac{\partial C^t}{\partial a^L_k}",
        r"\sum_k a_k ([k = i] - a_i) (-y_k / a_k)",
        r"a_i \sum_k y_k - y_i",
        "a_i - y_i",
    )
