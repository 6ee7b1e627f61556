"""The glossary and the equations: each formula, NumPy line and shape against the engines."""

import re

import numpy as np
import pytest
from cases import helpers

import loopbp
from loopbp import loops, reference
from loopbp.notation import DIMENSIONS, EQUATIONS, GLOSSARY, NIELSEN, dimensions_of
from loopbp.study.mathtext import to_latex, to_mathml, to_text
from loopbp.study.sources import place_of

M, SIZES = 5, (4, 3, 6, 2)
NUMBERS = {"m": M, "n_l": 6, "n_{l-1}": 3, "n_{l+1}": 2, "n_L": 2, "n_0": 4}


def arrays(output="sigmoid", loss="binary_cross_entropy"):
    """A network at layer l = 2 of 3: what the NumPy lines name, from the reference engine."""
    net = loopbp.Network(SIZES, hidden="tanh", output=output, loss=loss, seed=3)
    net.theta[:] = np.random.default_rng(1).standard_normal(net.theta.size)
    X = np.random.default_rng(2).standard_normal((M, SIZES[0]))
    y = helpers.targets_for(output, loss, M, SIZES[-1])
    g = net.gradient(X, y, engine="numpy")
    w, a, z, delta = net.weights, g.activations, g.weighted_inputs, g.deltas
    da_L = np.empty_like(a[3])
    none = loopbp.activations.CODES["identity"]
    reference.output_delta(net.architecture.loss, none, 0, z[2], a[3], y, np.ones(M), da_L)
    losses = np.array([net.loss(X[t : t + 1], y[t : t + 1]) for t in range(M)])
    found = {
        "x": X, "y": y, "w": w[1], "b": net.biases[1], "a_prev": a[1], "z": z[1], "a": a[2],
        "delta": delta[1], "w_next": w[2], "delta_next": delta[2], "da": delta[2] @ w[2],
        "da_prev": delta[1] @ w[1], "dw": g.weights[1], "db": g.biases[1], "losses": losses,
        "z_L": z[2], "a_L": a[3], "da_L": da_L, "delta_L": delta[2], "weight": np.ones(M),
        "J": g.loss,
    }  # fmt: skip
    return net, found


@pytest.mark.parametrize("name", sorted(DIMENSIONS))
def test_shape_is_that_of_the_engine(name):
    _, found = arrays()
    assert found[name].shape == tuple(NUMBERS[d] for d in DIMENSIONS[name])


@pytest.mark.parametrize("orientation", ["ij", "ji"])
@pytest.mark.parametrize("key", sorted(EQUATIONS))
def test_numpy_line_computes_what_the_engine_does(key, orientation):
    equation = EQUATIONS[key]
    output, loss = "sigmoid", "binary_cross_entropy"
    if key == "loss":
        output, loss = "identity", "half_mse"
    if key in ("jacobian", "collapse"):
        output, loss = "softmax", "cross_entropy"
    net, found = arrays(output, loss)
    if orientation == "ji":
        found |= {name: found[name].T for name in ("w", "w_next", "dw")}
    code = {"hidden": loopbp.activations.CODES["tanh"], "output": net.architecture.activation[3]}
    which = "output" if "_L" in equation.line() else "hidden"

    def sigma(z):
        out = np.empty_like(z)
        reference.activation(code[which], 0, z, out)
        return out

    def sigma_prime(z):
        out = np.empty_like(z)
        reference.delta_from_da(code[which], 0, z, np.ones_like(z), out)
        return out

    scope = {"np": np, "sigma": sigma, "sigma_prime": sigma_prime, "m": M, "n_L": 2, **found}
    line = equation.line(orientation)
    name, _, right = line.partition(" = ")
    value = eval(right, scope)
    assert value == pytest.approx(found[name], rel=1e-12, abs=1e-14)
    assert 1.001 * value != pytest.approx(found[name], rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("orientation", ["ij", "ji"])
@pytest.mark.parametrize("key", sorted(EQUATIONS))
def test_shapes_multiply(key, orientation):
    """A line with ones of the shapes printed gives an array of the shape printed first."""
    text = EQUATIONS[key].shapes(orientation, NUMBERS)
    left, _, right = text.partition(" = ")
    shape = re.compile(r"\(\d+, \d+\)|\(\d+,\)")
    code = shape.sub(lambda match: f"np.ones({match[0]})", right)
    scope = {"np": np, "sigma": np.array, "sigma_prime": np.array, "m": M, "n_L": 2}
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.asarray(eval(code, scope))
    if left != "J":
        assert value.shape == eval(left)


@pytest.mark.parametrize("key", sorted(EQUATIONS))
def test_place_in_the_loops_is_found(key):
    equation = EQUATIONS[key]
    place = place_of(loops, equation.function, equation.statement)
    with open(str(loops.__file__), encoding="utf-8") as file:
        assert equation.statement in file.read().splitlines()[place.line - 1]


def test_place_that_is_not_there_is_an_error():
    with pytest.raises(LookupError, match="no line with 'nonsense'"):
        place_of(loops, "weight_gradient", "nonsense")


@pytest.mark.parametrize(
    "formula", [*(e.formula for e in EQUATIONS.values()), *(s.formula for s in GLOSSARY)]
)
def test_every_formula_can_be_drawn(formula):
    assert to_text(formula)
    assert "\\num" not in to_latex(formula)
    assert to_mathml(formula).startswith("<math>")


def test_glossary_has_each_symbol_of_the_design_once():
    keys = [symbol.key for symbol in GLOSSARY]
    assert len(keys) == len(set(keys))
    assert {"L", "l", "n_l", "m", "w", "b", "z", "a", "C", "J", "delta", "dw", "db", "theta"} <= {
        *keys
    }
    shapes = {s.array: s.shape for s in GLOSSARY if s.array in DIMENSIONS}
    for array, shape in shapes.items():
        names = dimensions_of(array)
        assert shape == (f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})")


def test_seed_001_and_nielsen_number_four_equations_each():
    assert {key for key in EQUATIONS if key.startswith("BP")} == set(NIELSEN)
    assert [key for key in EQUATIONS if key.isdigit()] == list("12345678")


def test_orientation_turns_matrices_only():
    assert dimensions_of("w", "ji") == dimensions_of("w")[::-1]
    assert dimensions_of("delta", "ji") == dimensions_of("delta")


# -- every equation of the seeds: both sides on random networks -----------------------------------


class Case:
    """A random network as complex-step formulas of its own: no engine computes the right sides."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.sizes = [int(n) for n in rng.integers(2, 6, 4)]
        self.m = int(rng.integers(2, 6))
        self.net = loopbp.Network(
            self.sizes, hidden="tanh", output="sigmoid", loss="binary_cross_entropy", seed=0
        )
        self.net.theta[:] = rng.standard_normal(self.net.theta.size)
        self.X = rng.standard_normal((self.m, self.sizes[0]))
        self.Y = rng.random((self.m, self.sizes[-1]))
        self.g = self.net.gradient(self.X, self.Y, engine="loops")
        self.l = int(rng.integers(1, 3))  # a hidden layer
        self.L = 3
        self.r = int(rng.integers(self.sizes[self.l]))
        self.s = int(rng.integers(self.sizes[self.l - 1]))
        self.t = int(rng.integers(self.m))

    def forward(self, start=None, **replaced):
        """C^t of each example, from z of layer `start` on, or with parameters replaced."""
        w, b = (
            [np.array(v, complex) for v in (self.net.weights, self.net.biases)[k]] for k in (0, 1)
        )
        for (kind, l, *index), value in replaced.get("parameters", {}).items():
            (w if kind == "w" else b)[l - 1][tuple(index)] += value
        a = self.X.astype(complex)
        for l in range(1, self.L + 1):
            z = a @ w[l - 1].T + b[l - 1]
            if ("z", l) in replaced.get("numbers", {}):
                z = z + replaced["numbers"]["z", l]
            a = np.tanh(z) if l < self.L else 1 / (1 + np.exp(-z))
            if ("a", l) in replaced.get("numbers", {}):
                a = a + replaced["numbers"]["a", l]
        return -np.sum(self.Y * np.log(a) + (1 - self.Y) * np.log(1 - a), axis=1)

    def by_number(self, kind, l, i, t=None):
        """dC^t/dz^l_i or dC^t/da^l_i of each example, or of one, by complex step."""
        step = np.zeros((self.m, self.sizes[l]), complex)
        step[:, i] = 1e-20j
        slope = self.forward(numbers={(kind, l): step}).imag / 1e-20
        return slope if t is None else slope[t]

    def by_parameter(self, *key):
        """dC^t by a parameter, of each example, by complex step."""
        return self.forward(parameters={key: 1e-20j}).imag / 1e-20

    def prime(self, l):
        """sigma' of the activation, by complex step."""
        z = self.z(l) + 1e-20j
        return (np.tanh(z) if l < self.L else 1 / (1 + np.exp(-z))).imag / 1e-20

    def z(self, l):
        return self.g.weighted_inputs[l - 1]

    def a(self, l):
        return self.g.activations[l]

    def delta(self, l):
        return self.g.deltas[l - 1]

    def w(self, l):
        return self.net.weights[l - 1]


def _dw(c):
    return c.g.weights[c.l - 1][c.r, c.s]


def _db(c):
    return c.g.biases[c.l - 1][c.r]


def _da(c):
    return c.by_number("a", c.l, c.r)


def _first_factor(c):
    """dW and db from dJ/dA^L, whose 1/m goes through all layers."""
    dz = -(c.Y / c.a(c.L) - (1 - c.Y) / (1 - c.a(c.L))) / c.m * c.prime(c.L)
    for l in range(c.L - 1, c.l - 1, -1):
        dz = dz @ c.w(l + 1) * c.prime(l)
    return (_dw(c), _db(c)), (dz[:, c.r] @ c.a(c.l - 1)[:, c.s], dz[:, c.r].sum())


# Left: what the engine has, or the derivative itself; right: the other side of the equation.
ROWS = {
    ("001", "1"): lambda c: (c.a(c.l), np.tanh(c.z(c.l))),
    ("001", "2"): lambda c: (c.z(c.l).T, c.w(c.l) @ c.a(c.l - 1).T
                             + c.net.biases[c.l - 1][:, None]),
    ("001", "3"): lambda c: (c.net.loss(c.X, c.Y, engine="loops"), c.forward().real.mean()),
    ("001", "4"): lambda c: (_dw(c), np.mean(c.by_number("z", c.l, c.r) * c.a(c.l - 1)[:, c.s])),
    ("001", "5"): lambda c: (
        c.z(c.l)[c.t, c.r],
        sum(c.w(c.l)[c.r, j] * c.a(c.l - 1)[c.t, j] for j in range(c.sizes[c.l - 1]))
        + c.net.biases[c.l - 1][c.r],
    ),
    ("001", "6"): lambda c: (_db(c), np.mean(c.by_number("z", c.l, c.r) * 1.0)),
    ("001", "7"): lambda c: (
        _da(c), sum(c.by_number("z", c.l + 1, k) * c.w(c.l + 1)[k, c.r]
                    for k in range(c.sizes[c.l + 1])),
    ),
    ("001", "8"): lambda c: (
        _da(c), sum(c.delta(c.l + 1)[:, k] * c.w(c.l + 1)[k, c.r]
                    for k in range(c.sizes[c.l + 1])),
    ),
    ("001", "BP1"): lambda c: (c.g.weights[c.l - 1],
                               c.delta(c.l).T @ c.a(c.l - 1) / c.m),
    ("001", "BP2"): lambda c: (_db(c), sum(c.delta(c.l)[:, c.r]) / c.m),
    ("001", "BP3"): lambda c: (_da(c), (c.w(c.l + 1).T @ c.delta(c.l + 1).T)[c.r]),
    ("001", "BP4"): lambda c: (c.delta(c.l)[:, c.r], _da(c) * c.prime(c.l)[:, c.r]),
    ("002", "Hint 2"): lambda c: (
        c.by_parameter("w", c.l, c.r, c.s), c.a(c.l - 1)[:, c.s] * c.delta(c.l)[:, c.r],
    ),
    ("002", "First Term"): lambda c: (
        c.by_parameter("w", 2, c.r % c.sizes[2], 0) / c.delta(2)[:, c.r % c.sizes[2]],
        c.a(1)[:, 0],
    ),
    ("002", "First Term, l = 1"): lambda c: (
        c.by_parameter("w", 1, 0, 1) / c.delta(1)[:, 0], c.X[:, 1],
    ),
    ("002", "Second Term"): lambda c: (c.delta(c.l)[:, c.r], c.by_number("z", c.l, c.r)),
    ("002", "Task 1"): lambda c: (
        c.delta(c.L)[:, 0], c.prime(c.L)[:, 0] * c.by_number("a", c.L, 0),
    ),
    ("002", "Task 1, first part"): lambda c: (
        c.prime(c.L), c.a(c.L) * (1 - c.a(c.L)),
    ),
    ("002", "Task 1, second part"): lambda c: (
        c.by_number("a", c.L, 0),
        (c.a(c.L) - c.Y)[:, 0] / (c.a(c.L) * (1 - c.a(c.L)))[:, 0],
    ),
    ("002", "Task 2"): lambda c: (
        c.delta(c.l)[:, c.r],
        c.prime(c.l)[:, c.r] * sum(c.w(c.l + 1)[n, c.r] * c.delta(c.l + 1)[:, n]
                                   for n in range(c.sizes[c.l + 1])),
    ),
    ("002", "Task 2, first part"): lambda c: (c.prime(c.l), 1 - np.tanh(c.z(c.l)) ** 2),
    ("002", "Hint 2, the batch"): lambda c: (_dw(c), np.mean(c.by_parameter("w", c.l, c.r, c.s))),
    ("002", "the bias"): lambda c: (
        c.by_parameter("b", c.l, c.r) / c.delta(c.l)[:, c.r], np.ones(c.m),
    ),
    ("000", "dAL"): lambda c: (
        c.by_number("a", c.L, 0),
        -(np.divide(c.Y, c.a(c.L)) - np.divide(1 - c.Y, 1 - c.a(c.L)))[:, 0],
    ),
    ("000", "1/m in dW and db"): lambda c: (
        (_dw(c), _db(c)),
        (np.sum(c.delta(c.l)[:, c.r] * c.a(c.l - 1)[:, c.s]) / c.m, np.sum(c.delta(c.l)[:, c.r])
         / c.m),
    ),
    ("000", "1/m in the first factor"): _first_factor,
}  # fmt: skip


def test_every_equation_has_a_row():
    assert {(e.seed, e.number) for e in EQUATIONS.values()} == set(ROWS)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("row", sorted(ROWS), ids=" ".join)
def test_both_sides_of_the_equation(row, seed):
    left, right = (np.asarray(side, float) for side in ROWS[row](Case(seed)))
    assert left == pytest.approx(right, rel=1e-9, abs=1e-12)
    assert np.abs(left).max() > 1e-6
    assert left != pytest.approx(1.001 * right, rel=1e-9, abs=1e-12)
