"""Networks for the study page, the engine's numbers for what it shows, and wrong engines."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import loopbp
from loopbp import losses, reference
from loopbp.activations import NAMES
from loopbp.catalogue import LOSSES
from loopbp.study import page

WEB = Path(page.__file__).with_name("web")
HIDDEN = [name for name in NAMES if name != "softmax"]
PAIRS = [(output, loss) for loss in losses.NAMES for output in sorted(LOSSES[loss].outputs)]


def make(
    sizes: Any = (3, 4, 2),
    hidden: Any = "tanh",
    output="softmax",
    loss="cross_entropy",
    m=6,
    **more,
):
    """A network with every parameter set, and a batch that fits it."""
    net = loopbp.Network(sizes, hidden, output, loss, initializer="normal", seed=3, **more)
    rng = np.random.default_rng(7)
    X = np.round(rng.normal(size=(m, sizes[0])), 2)
    if output == "softmax":
        Y = np.eye(sizes[-1])[rng.integers(0, sizes[-1], m)]
    elif loss in ("binary_cross_entropy", "cross_entropy"):
        Y = rng.integers(0, 2, (m, sizes[-1])).astype(float)
    else:
        Y = np.round(rng.uniform(0.1, 2.0, (m, sizes[-1])), 1)
    return net, X, Y


# -- every number that the page shows names what it is; here that is computed without the page ----


class Engine:
    """The quantities that a ``data-q`` may name, from `Network.gradient` and `reference`."""

    def __init__(self, net, X, Y, at_load=None, moved=None):
        g = net.gradient(X, Y, engine="numpy")
        arch, L, m = net.architecture, len(net.sizes) - 1, len(X)
        names = ["", *net.hidden, net.output]
        z, a, delta = [None, *g.weighted_inputs], g.activations, [None, *g.deltas]
        w = [None, *(v.copy() for v in net.weights)]
        b = [None, *(v.copy() for v in net.biases)]
        prime = [None] + [
            np.zeros_like(z[l]) if names[l] == "softmax" else reference._SIGMA_PRIME[names[l]](z[l])
            for l in range(1, L + 1)
        ]
        da = [None] + [delta[l + 1] @ w[l + 1] for l in range(1, L)]
        da.append(reference._loss_gradient(arch.loss, a[L], Y))
        C = reference._losses(arch.loss, arch.activation[L], z[L], a[L], Y)
        penalty = sum(reference.penalty(v, net.l2) for v in net.weights)
        self.net, self.X, self.Y = net, X, Y
        self.names = {
            "w": w, "b": b, "z": z, "a": a, "delta": delta, "da": da,
            "prime": prime, "dw": [None, *g.weights], "db": [None, *g.biases], "y": Y, "C": C,
            "J": g.loss, "m": m, "l2": net.l2, "penalty": penalty, "term": self._terms(z[L], a[L]),
            "fd": self._finite_difference, "cost": self._cost, "moved": moved,
            "at_load": at_load and SimpleNamespace(**at_load.names),
        }  # fmt: skip

    def _terms(self, z, a):
        """What each output adds to C^t before C^t is averaged over outputs."""
        arch, Y, columns = self.net.architecture, self.Y, range(self.Y.shape[1])
        if self.net.output == "softmax" and self.net.loss_name == "cross_entropy":
            kept = [Y * (np.arange(Y.shape[1]) == i) for i in columns]
            parts = [reference._losses(arch.loss, arch.activation[-1], z, a, y) for y in kept]
        else:
            # one output of a softmax says nothing of its a; behind no known output a is taken as is
            code = -1 if self.net.output == "softmax" else arch.activation[-1]
            parts = [
                reference._losses(arch.loss, code, z[:, [i]], a[:, [i]], Y[:, [i]]) for i in columns
            ]
        return np.stack(parts, axis=1)

    def _cost(self, l, i, j, h):
        place = (self.net.biases[l - 1], i) if j is None else (self.net.weights[l - 1], (i, j))
        kept = place[0][place[1]]
        place[0][place[1]] = kept + h
        try:
            return self.net.loss(self.X, self.Y, engine="numpy")
        finally:
            place[0][place[1]] = kept

    def _finite_difference(self, l, i, j, h=1e-5):
        return (self._cost(l, i, j, h) - self._cost(l, i, j, -h)) / (2 * h)

    def wrong(self, shown):
        """Those of the pairs (expression, text) whose text is not the value to its digits."""
        return [(q, text) for q, text in shown if not self._agrees(q, text)]

    def _agrees(self, q, text):
        value = float(eval(q, {"__builtins__": {}}, self.names))
        text = text.replace("−", "-").strip()
        number = float(text)
        match = re.fullmatch(r"-?\d+(?:\.(\d+))?(?:e(-?\d+))?", text)
        assert match, text
        decimals, exponent = match.groups()
        last_digit = 0.0
        if decimals or exponent:
            last_digit = 10.0 ** (int(exponent or 0) - len(decimals or ""))
        slack = 1e-7 * max(1, abs(value)) if q.startswith("fd") else 1e-12 * max(1, abs(value))
        return abs(number - value) <= 0.5 * last_digit + slack


def embedded(text):
    match = re.search(r'id="data">(.*?)</script>', text, re.S)
    assert match
    return json.loads(match[1])


MUTATIONS = {
    "sigma' of the recurrence": ("= out_delta[t][i] * total;", "= total;"),
    "sigma' of the output": ("out[i] = out[i] * g[i];", "out[i] = g[i];"),
    "1/m of dw": ("out_dw[i][j] = total / m;", "out_dw[i][j] = total;"),
    "1/m of db": ("out_db[i] = total / m;", "out_db[i] = total;"),
    "softmax's cross terms": ("a[i] * (g[i] - dot);", "a[i] * (1 - a[i]) * g[i];"),
    "the transpose": ("total += w_next[n][i] *", "total += w_next[n][0] *"),
    "the mean over outputs": ("return LOSSES[loss].mean ? n : 1;", "return 1;"),
    "the penalty": ("dw[l][i][j] += l2 * value;", ""),
    "the bias": ("let total = b[i];", "let total = 0;"),
}  # fmt: skip
DEEP = {"sizes": (2, 3, 3, 2), "hidden": ["tanh", "relu"], "output": "sigmoid", "loss": "half_mse"}
