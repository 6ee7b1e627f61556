"""`explain`: every number is recomputed from the text alone, and held against the engines."""

import dataclasses
import math
import re
from typing import Any, cast

import numpy as np
import pytest
from cases import helpers
from cases.reading_text import UNBROKEN, Reading

import loopbp
from loopbp.catalogue import ACTIVATIONS, LOSSES
from loopbp.gradcheck.differences import Derivatives
from loopbp.notation import EQUATIONS
from loopbp.study import explain, explaining
from loopbp.study.batch import Batch
from loopbp.study.document import Table

PAIRS = [(output, loss) for loss, row in LOSSES.items() for output in sorted(row.outputs)]
KINKED = {name for name, row in ACTIVATIONS.items() if row.corner}


def case(seed):
    """A random network, loss, batch and index, and random options."""
    rng = np.random.default_rng(seed)
    output, loss = PAIRS[seed % len(PAIRS)]
    depth = int(rng.integers(1, 5))
    sizes = [int(n) for n in rng.integers(1, 7, depth + 1)]
    if output == "softmax":
        sizes[-1] = max(sizes[-1], 2)
    hidden = helpers.with_one_exp(list(map(str, rng.choice(helpers.HIDDEN, depth - 1))), output)
    net = loopbp.Network(
        sizes, hidden=hidden, output=output, loss=loss, seed=seed,
        l2=float(rng.choice([0.0, 0.3])),
    )  # fmt: skip
    spread = 0.35 if "exp" in hidden else 0.7  # so that no probability is printed as 1
    net.theta[:] = rng.standard_normal(net.theta.size) * spread
    m = int(rng.integers(1, 7))
    X = rng.standard_normal((m, sizes[0]))
    y = helpers.targets_for(output, loss, m, sizes[-1])
    base, first = (int(k) for k in rng.integers(0, 2, 2))
    l = int(rng.integers(1, depth + 1))
    i = int(rng.integers(sizes[l]))
    j = None if rng.random() < 0.3 else int(rng.integers(sizes[l - 1]))
    options = {
        "layer": l + first, "unit": i + base, "input": None if j is None else j + base,
        "index_base": base, "input_layer": first,
        "orientation": str(rng.choice(["ij", "ji"])),
        "convention": str(rng.choice(["loss", "cost"])),
        "sample_weight": rng.random(m) + 0.1 if rng.random() < 0.3 else None,
        "terms": int(rng.integers(2, 9)),
    }  # fmt: skip
    return net, X, y, (l, i, j), options


def gradient_at(net, X, y, place, weight, engine="loops"):
    l, i, j = place
    g = net.gradient(X, y, sample_weight=weight, engine=engine)
    return g.biases[l - 1][i] if j is None else g.weights[l - 1][i, j]


def _check_batch(e, net, X, y, place, options):
    """The terms of the batch mean are those of the engine, example by example."""
    l, i, j = place
    g = net.gradient(X, y, sample_weight=options["sample_weight"], engine="numpy")
    scale = 1 / len(X) if options["convention"] == "cost" else 1.0
    line = next(line for line in e.lines if line.key in ("BP1", "BP2"))
    assert line.table is not None
    for row in line.table.rows:
        t = int(row[0]) - options["index_base"]
        assert float(row[1]) == pytest.approx(scale * g.deltas[l - 1][t, i], rel=1e-5)
        if j is not None:
            assert float(row[2]) == pytest.approx(g.activations[l - 1][t, j], rel=1e-5)


SEEDS = range(1000 if helpers.LONG else 200)


@pytest.mark.parametrize("seed", SEEDS)
def test_value_is_the_gradient_and_every_number_follows_from_the_text(seed):
    net, X, y, place, options = case(seed)
    e = explain(net, X, y, **options)
    for engine in ("loops", "numpy"):
        expected = gradient_at(net, X, y, place, options["sample_weight"], engine)
        assert e.value == pytest.approx(expected, rel=1e-12, abs=1e-13)
    if math.isnan(e.finite_difference):
        assert KINKED & {*net.hidden, net.output} or LOSSES[net.loss_name].corner
    assert e.ok, [line for line in e.lines if not line.ok]
    saturated = any("held" in line.note for line in e.lines)
    reading = Reading(e.text(UNBROKEN), net, options["input_layer"])
    assert saturated or reading.problems == []
    assert reading.chains >= 6
    if place[0] < len(net.sizes) - 2:
        assert reading.units >= 2
    _check_batch(e, net, X, y, place, options)


def test_the_cases_are_varied():
    """Every activation, loss, depth and option is among them."""
    cases = [case(seed) for seed in SEEDS]
    nets = [c[0] for c in cases]
    assert {name for net in nets for name in net.hidden} == set(helpers.HIDDEN)
    assert {(net.output, net.loss_name) for net in nets} == set(PAIRS)
    assert {len(net.sizes) for net in nets} == {2, 3, 4, 5}
    for name in ("orientation", "convention", "index_base", "input_layer"):
        assert len({c[4][name] for c in cases}) == 2
    assert {c[3][2] is None for c in cases} == {True, False}
    no_difference = sum(math.isnan(explain(*c[:3], **c[4]).finite_difference) for c in cases)
    assert no_difference <= 10


@pytest.mark.parametrize("factor", [1.001, -1.0, 2.0])
def test_reading_finds_a_wrong_number(factor):
    """A mutant of the text: any one number of it changed."""
    net, X, y = small("tanh", "half_mse", sizes=(6, 5, 4), hidden="gelu", m=9)
    text = explain(net, X, y, layer=1, unit=2, input=1, terms=3).text(UNBROKEN)
    assert Reading(text).problems == []
    lines = text.splitlines()
    found = 0
    numbers = 0
    for at, line in enumerate(lines):
        chain = re.match(r"  \S.* = (-?\d\.\d{4,})$", line)
        if chain is None:
            continue
        numbers += 1
        wrong = f"{factor * float(chain[1]):.6g}"
        changed = [*lines[:at], line[: chain.start(1)] + wrong, *lines[at + 1 :]]
        found += bool(Reading("\n".join(changed)).problems)
    assert found == numbers >= 8


# -- the lines ------------------------------------------------------------------------------------


def small(
    output="softmax", loss="cross_entropy", sizes=(4, 3, 3, 2), m=5, hidden: Any = "tanh", **more
):
    net = loopbp.Network(sizes, hidden=hidden, output=output, loss=loss, seed=0, **more)
    net.theta[:] = np.random.default_rng(1).standard_normal(net.theta.size)
    X = np.random.default_rng(2).standard_normal((m, sizes[0]))
    return net, X, helpers.targets_for(output, loss, m, sizes[-1])


def test_every_line_has_its_equation_loop_numpy_line_and_shapes():
    import inspect

    from loopbp import activations, loops, losses

    modules = {"loops.py": loops, "losses.py": losses, "activations.py": activations}
    net, X, y = small()
    e = explain(net, X, y, layer=1, unit=2, input=1)
    assert len(e.lines) > 12
    for line in e.lines:
        assert line.source == EQUATIONS[line.key].source
        source = inspect.getsource(modules[line.file]).splitlines()
        function = getattr(modules[line.file], line.function)
        first = inspect.getsourcelines(getattr(function, "py_func", function))[1]
        last = first + len(inspect.getsource(getattr(function, "py_func", function)).splitlines())
        assert first <= line.line <= last <= len(source) + 1
        assert " = " in line.numpy
        assert re.search(r"\(\d+, ?\d*\)", line.shapes)
        assert line.deviation < 1e-12
        assert line.steps[-1] == rf"\num{{{line.value:.6g}}}"


def test_first_line_of_each_layer_down_to_the_one_asked_for():
    """Task 2 is done for every unit of the layers between, with every term of each sum."""
    net, X, y = small(sizes=(2, 3, 4, 3, 2))
    e = explain(net, X, y, layer=1, unit=0, input=1)
    lefts = [line.left for line in e.lines if line.key == "task2"]
    assert lefts == [
        *(rf"\delta^{{3}}_{{{i}}}" for i in range(3)),
        *(rf"\delta^{{2}}_{{{i}}}" for i in range(4)),
        r"\delta^{1}_{0}",
    ]
    between = next(line for line in e.lines if line.left == r"\delta^{2}_{1}")
    assert between.steps[1].count(r"\cdot") == 1 + 3  # sigma', and three products


def test_softmax_has_the_whole_jacobian_and_its_collapse():
    net, X, y = small()
    e = explain(net, X, y, layer=3, unit=1, input=0, example=2)
    text = e.text(UNBROKEN)
    a = net.predict_proba(X)[2]
    jacobian = np.diag(a) - np.outer(a, a)
    for row in jacobian:
        for value in row:
            assert f"{value:.6g}" in text
    keys = [line.key for line in e.lines]
    assert keys.index("jacobian") < keys.index("collapse")
    jacobian_line, collapse = (next(x for x in e.lines if x.key == k)
                               for k in ("jacobian", "collapse"))  # fmt: skip
    assert jacobian_line.value == pytest.approx(collapse.value, rel=1e-12)


@pytest.mark.parametrize(
    ("output", "loss", "prime"),
    [
        ("sigmoid", "binary_cross_entropy", "σ' = a · (1 - a)"),
        ("exp", "poisson_deviance", "σ' = a "),
    ],
)
def test_a_canonical_pair_says_what_cancels(output, loss, prime):
    net, X, y = small(output, loss)
    text = explain(net, X, y, layer=3, unit=1, input=0).text(UNBROKEN)
    assert f"For {output} with this loss, {prime}" in text


def test_large_jacobian_is_one_column():
    net, X, y = small(sizes=(3, 20))
    text = explain(net, X, y, layer=1, unit=3, input=0).text(UNBROKEN)
    assert "20 rows and columns" in text
    assert "others" in text


def test_two_conventions_end_in_the_same_number():
    net, X, y = small("tanh", "half_mse")
    loss, cost = (
        explain(net, X, y, layer=2, unit=1, input=0, example=3, convention=name)
        for name in ("loss", "cost")
    )
    assert loss.value == pytest.approx(cost.value, rel=1e-14)
    for key in ("loss", "task1", "BP3", "task2"):
        one, other = ([x.value for x in e.lines if x.key == key] for e in (loss, cost))
        assert one == pytest.approx([5 * value for value in other], rel=1e-14)
    for e in (loss, cost):
        rows = next(item for item in e.chapters[-2].items if isinstance(item, Table)).rows
        whole, parts = rows[-2:]
        for _, first, second in rows[:-1]:
            assert float(first) == pytest.approx(5 * float(second), rel=1e-5)
        assert (parts[1], parts[2]) == (whole[2], "not again")
        assert float(parts[1]) == pytest.approx(e.value, rel=1e-5)


def test_bias_lists_the_terms_of_its_sum():
    net, X, y = small()
    e = explain(net, X, y, layer=2, unit=0)
    line = e.lines[-1]
    assert line.key == "BP2"
    assert line.table is not None
    assert [row[0] for row in line.table.rows] == list("01234")
    assert "hence the sum" in e.text(UNBROKEN)
    assert next(x for x in e.lines if x.key == "bias").value == 1.0


def test_penalty_is_a_number_of_its_own():
    net, X, y = small(l2=0.25)
    e = explain(net, X, y, layer=2, unit=1, input=2)
    before, after = e.lines[-2:]
    assert after.value - before.value == pytest.approx(0.25 * net.weights[1][1, 2], rel=1e-12)
    assert f"{0.25 * net.weights[1][1, 2]:.6g}" in e.text(UNBROKEN)
    assert "nothing is added" in explain(net, X, y, layer=2, unit=1).text(UNBROKEN)


def test_orientation_and_indices_follow():
    net, X, y = small()
    plain = explain(net, X, y, layer=1, unit=2, input=1)
    turned = explain(
        net, X, y, layer=2, unit=3, input=2, orientation="ji", index_base=1, input_layer=1
    )
    assert turned.value == plain.value
    assert turned.title.startswith(r"$\frac{\partial J}{\partial \omega^{2}_{2,3}}$")
    text = turned.text(UNBROKEN)
    assert "ω^l_ij" not in text
    assert "ω^{l+1}_ni" not in text
    assert "dw = a_prev.T @ delta / m" in text
    assert "(4, 3) = (4, 5) @ (5, 3) / m" in text


def test_kink_is_marked():
    net, X, y = small("identity", "half_mse", sizes=(2, 3, 2), hidden="relu")
    net.weights[0][1] = 0.0
    net.biases[0][1] = 0.0
    e = explain(net, X, y, layer=1, unit=1, input=0)
    line = next(x for x in e.lines if x.key == "prime" and "z is exactly 0" in x.note)
    assert line.value == 0.0
    assert e.value == 0.0
    assert math.isnan(e.finite_difference)
    assert math.isnan(e.agreement)
    text = e.text()
    assert "There is none here" in text
    assert "convention" in text


def test_users_own_activation(registry):
    own = loopbp.register_activation(
        "softsign_of_the_study", lambda z: z / (1.0 + abs(z)), lambda z: 1.0 / (1.0 + abs(z)) ** 2
    )
    net, X, y = small("identity", "half_mse", hidden=own)
    e = explain(net, X, y, layer=1, unit=0, input=3)
    assert e.ok
    assert e.value == pytest.approx(gradient_at(net, X, y, (1, 0, 3), None), rel=1e-12)
    assert "the user's own activation" in e.text(UNBROKEN)
    assert Reading(e.text(UNBROKEN)).problems == []


def test_saturated_outputs_are_said_and_divide_by_nothing():
    for output, loss in (("sigmoid", "binary_cross_entropy"), ("softmax", "cross_entropy")):
        net, _, _ = small(output, loss, sizes=(2, 2))
        net.theta[:] = [900, 900, -900, -900, 0, 0]
        y = np.array([[0.0, 1.0]] * 5)
        e = explain(net, np.ones((5, 2)), y, layer=1, unit=1, input=0)
        assert e.ok
        assert e.value == pytest.approx(-1.0)
        assert "held" in e.text(UNBROKEN)


def test_float32_network_is_explained_in_float64():
    net, X, y = small(dtype="float32")
    e = explain(net, X, y, layer=1, unit=0, input=0)
    assert e.ok
    assert e.value == pytest.approx(gradient_at(net, X, y, (1, 0, 0), None), rel=1e-4)


def test_network_is_not_changed():
    net, X, y = small()
    before = net.theta.copy()
    explain(net, X, y, layer=1, unit=0, input=0)
    assert np.array_equal(net.theta, before)


# -- mutants: each check of its own finds what it is there for ------------------------------------


def planted(monkeypatch, change):
    """`explain` beside a loops engine whose numbers are wrong."""
    run = Batch._run

    def wrong(self, name):
        passes = run(self, name)
        return change(passes) if name == "loops" else passes

    monkeypatch.setattr(Batch, "_run", wrong)


def _scaled(field, l):
    def change(passes):
        values = list(getattr(passes, field))
        values[l] = values[l] * 1.0001
        return dataclasses.replace(passes, **{field: values})

    return change


MUTANTS = {
    "z": (_scaled("z", 1), {"5"}),
    "a": (_scaled("a", 1), {"1"}),
    "delta of the output": (_scaled("delta", 3), {"jacobian", "collapse", "BP3"} - {"BP3"}),
    "delta between": (_scaled("delta", 2), {"task2", "BP3"}),
    "delta asked for": (_scaled("delta", 1), {"product", "task2"}),
    "dw": (_scaled("dw", 1), {"BP1"}),
}


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_wrong_engine_is_found(monkeypatch, name):
    change, keys = MUTANTS[name]
    planted(monkeypatch, change)
    net, X, y = small()
    e = explain(net, X, y, layer=1, unit=2, input=1)
    assert not e.ok
    assert {line.key for line in e.lines if not line.ok} == keys
    assert "check WRONG" in e.text(UNBROKEN)
    assert 'class="evidence wrong"' in e.html()


def test_wrong_bias_gradient_is_found(monkeypatch):
    planted(monkeypatch, _scaled("db", 2))
    net, X, y = small()
    assert {x.key for x in explain(net, X, y, layer=2, unit=1).lines if not x.ok} == {"BP2"}


@pytest.mark.parametrize("factor", [5.0, 0.2, -1.0, 1.00001])
def test_wrong_value_disagrees_with_the_finite_difference(monkeypatch, factor):
    central = explaining.central

    def wrong(*arguments):
        found = central(*arguments)
        return Derivatives(found.value * factor, *found[1:])

    monkeypatch.setattr(explaining, "central", wrong)
    net, X, y = small()
    e = explain(net, X, y, layer=1, unit=2, input=1)
    assert e.agreement > e.tolerance
    assert not e.ok
    assert "THEY DISAGREE" in e.text()


# -- large networks, widths -----------------------------------------------------------------------


def large():
    rng = np.random.default_rng(0)
    net = loopbp.Network([784, 128, 10], hidden="relu", seed=0)
    return net, rng.random((512, 784)), rng.integers(0, 10, 512)


@helpers.needs_jit
def test_large_network_is_summed_up():
    e = explain(*large(), layer=1, unit=20, input=300)
    assert e.ok
    for width in (60, 100):
        lines = e.text(width).splitlines()
        assert max(map(len, lines)) <= width
        assert len(lines) < 400
    assert "776 others" in e.text()
    assert "504 others" in e.text()
    reading = Reading(e.text(UNBROKEN))
    assert reading.problems == []
    assert reading.cells > 50


@pytest.mark.parametrize("width", [40, 60, 73, 100, 140])
@pytest.mark.parametrize("seed", range(0, 60, 7))
def test_no_line_is_longer_than_asked(seed, width):
    net, X, y, _, options = case(seed)
    e = explain(net, X, y, **options, digits=12 if seed % 2 else 6)
    assert max(len(line) for line in e.text(width).splitlines()) <= width


def test_width_does_not_change_what_is_said():
    """But for tables, whose columns may go below each other, the words are the same."""
    net, X, y = small("identity", "half_mse")
    e = explain(net, X, y, layer=1, unit=0, input=0)
    kept = [
        "".join("".join(line for line in e.text(width).splitlines() if "----" not in line).split())
        for width in (100, UNBROKEN)
    ]
    assert sorted(kept[0]) == sorted(kept[1])


# -- bad input ------------------------------------------------------------------------------------

BAD = [
    ({"layer": 4}, "layer: expected 1 to 3, got 4"),
    ({"layer": 0}, "layer: expected 1 to 3, got 0"),
    ({"layer": 1, "input_layer": 1}, "layer: expected 2 to 4, got 1"),
    ({"unit": 3}, "unit: expected 0 to 2, got 3"),
    ({"unit": -1}, "unit: expected 0 to 2, got -1"),
    ({"unit": 0, "index_base": 1}, "unit: expected 1 to 3, got 0"),
    ({"input": 4}, "input: expected 0 to 3, got 4"),
    ({"example": 5}, "example: expected 0 to 4, got 5, which is not in the batch"),
    ({"convention": "costs"}, "convention: expected one of loss, cost, got 'costs'; did you mean"),
    ({"orientation": "kj"}, "orientation: expected one of ij, ji"),
    ({"index_base": 2}, "index_base: expected 0 or 1, got 2"),
    ({"input_layer": 3}, "input_layer: expected 0 or 1, got 3"),
    ({"terms": 0}, "terms: expected a whole number of at least 1, got 0"),
    ({"digits": 0}, "digits: expected a whole number of at least 1, got 0"),
    ({"sample_weight": [1.0]}, "sample_weight: expected one weight for each of 5 examples"),
]


@pytest.mark.parametrize(("wrong", "message"), BAD)
def test_wrong_argument_is_named(wrong, message):
    net, X, y = small()
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        explain(net, X, y, **({"layer": 1, "unit": 0, "input": 0} | wrong))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"layer": 1.0}, "layer: expected 1 to 3, got 1.0"),
     ({"unit": True}, "unit: expected 0 to 2, got True"),
     ({"input": 1.5}, "input: expected 0 to 3, got 1.5")],
)  # fmt: skip
def test_wrong_type_is_named(wrong, message):
    net, X, y = small()
    with pytest.raises(TypeError, match=f"^{re.escape(message)}"):
        explain(net, X, y, **({"layer": 1, "unit": 0} | wrong))


def test_only_networks_are_explained():
    with pytest.raises(TypeError, match="net: expected a Network, got str"):
        explain(cast(Any, "net"), [[0.0]], [0], layer=1, unit=0)


def test_only_value_of_a_range_of_one():
    net, X, y = small(sizes=(4, 2))
    with pytest.raises(ValueError, match="layer: expected 1, got 2"):
        explain(net, X, y, layer=2, unit=0)


def test_network_that_is_not_finite_is_one_line():
    net, X, y = small()
    net.weights[1][2, 0] = np.nan
    with pytest.raises(ValueError, match=r"got nan in the weights of layer 2 at \[2, 0\]$"):
        explain(net, X, y, layer=1, unit=0)
    net, X, y = small("identity", "half_mse")
    net.theta[:] = 1e200
    with pytest.raises(ValueError, match=r"its numbers overflow in layer [12]"):
        explain(net, X, y, layer=1, unit=0)


def test_too_narrow_a_text_is_refused():
    net, X, y = small()
    with pytest.raises(ValueError, match="width: expected a whole number of at least 40"):
        explain(net, X, y, layer=1, unit=0).text(20)
