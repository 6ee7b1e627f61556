"""Who trains the cases: loopbp, and one small class for each library that it is held against.

Everybody starts from the same weights, takes the same batches in the same order, and can be asked
for all its parameters as one vector.  A library is imported when its class is made.
"""

from importlib.util import find_spec
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from loopbp.benchmark.cases import Case, Problem
from loopbp.binding import Engine
from loopbp.engines import pick_training
from loopbp.jit.sources import plain
from loopbp.machine.memory import aligned

Vector = NDArray[Any]
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


class Trainer:
    """One library at work on one problem."""

    name: ClassVar[str]
    package: ClassVar[str]
    """what is imported"""
    install: ClassVar[str]
    """the command that installs it"""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.case = problem.case

    @classmethod
    def is_missing(cls) -> bool:
        """Whether the library is not installed."""
        return find_spec(cls.package) is None

    @classmethod
    def cannot(cls, case: Case) -> str | None:
        """Why the library cannot express a case; None if it can."""
        return None

    def start(self) -> None:
        """Go back to the initial weights, in the same arrays."""
        raise NotImplementedError

    def epoch(self) -> None:
        """Train one epoch, to the end."""
        raise NotImplementedError

    def theta(self) -> Vector:
        """All parameters, laid out as those of `loopbp.Network`."""
        raise NotImplementedError


def flat_layers(weights: Any, biases: Any) -> Vector:
    """theta from w^l of shape (n_l, n_{l-1}) and b^l."""
    return np.concatenate(
        [np.ravel(part) for pair in zip(weights, biases, strict=True) for part in pair]
    )


class LoopBP(Trainer):
    """An engine of loopbp: what `Network.fit` calls for each epoch.

    Parameters
    ----------
    problem
        What to train.
    engine
        None: the one that `fit` picks.
    """

    name = "loopbp"
    package = "loopbp"
    install = "pip install loopbp"

    def __init__(self, problem: Problem, engine: Engine | None = None) -> None:
        super().__init__(problem)
        net, case = problem.net, self.case
        self._settings = case.make_optimizer().settings
        self.engine = engine or pick_training(
            "auto", net.theta, net.architecture, self._settings, case.batch
        )
        self._theta = plain(aligned)(net.theta.size, net.theta)  # as that of a network is
        self._theta[:] = net.theta
        self._weight = np.ones(case.examples, case.dtype)
        self._workspace = self.engine.make_workspace(
            self._theta, net.architecture, case.examples, case.batch
        )
        self._state = self.engine.make_state(self._theta, self._settings)
        self._step = 0

    def start(self) -> None:
        self._theta[:] = self.problem.net.theta
        self._state[:] = 0
        self._step = 0

    def epoch(self) -> None:
        p = self.problem
        self.engine.epoch(
            self._theta, p.net.architecture, p.X, p.Y, self._weight, self._settings,
            self.case.learning_rate, self._state, self._step, 0, 0, self.case.batch, False,
            self._workspace,
        )  # fmt: skip
        self._step += self.case.steps

    def theta(self) -> Vector:
        return self._theta.copy()


class NumPy(Trainer):
    """A vectorised training loop as one writes it by hand."""

    name = "numpy"
    package = "numpy"
    install = "pip install numpy"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self._w = [w.copy() for w in problem.net.weights]
        self._b = [b.copy() for b in problem.net.biases]
        self._first = [np.zeros_like(p) for p in (*self._w, *self._b)]
        self._second = [np.zeros_like(p) for p in (*self._w, *self._b)]
        self._k = 0

    def start(self) -> None:
        initial = (*self.problem.net.weights, *self.problem.net.biases)
        for p, value in zip((*self._w, *self._b), initial, strict=True):
            p[:] = value
        for moment in (*self._first, *self._second):
            moment[:] = 0
        self._k = 0

    def epoch(self) -> None:
        batch = self.case.batch
        for start in range(0, self.case.examples, batch):
            rows = slice(start, start + batch)
            self._update(*self._gradient(self.problem.X[rows], self.problem.Y[rows]))

    def _gradient(self, x: Vector, y: Vector) -> tuple[list[Vector], list[Vector]]:
        a = [x]
        for w, b in zip(self._w[:-1], self._b[:-1], strict=True):
            a.append(_sigma(self.case.hidden, a[-1] @ w.T + b))
        out = _sigma(self.case.output, a[-1] @ self._w[-1].T + self._b[-1])
        delta = out - y
        if self.case.loss == "quadratic":
            delta *= _sigma_prime(self.case.output, out)
        delta /= len(x)
        dw, db = [], []
        for l in range(len(self._w) - 1, -1, -1):
            dw.insert(0, delta.T @ a[l])
            db.insert(0, delta.sum(axis=0))
            if l:
                delta = (delta @ self._w[l]) * _sigma_prime(self.case.hidden, a[l])
        return dw, db

    def _update(self, dw: list[Vector], db: list[Vector]) -> None:
        rate = self.case.learning_rate
        self._k += 1
        parameters, gradient = (*self._w, *self._b), (*dw, *db)
        for p, g, u, s in zip(parameters, gradient, self._first, self._second, strict=True):
            if self.case.optimizer == "sgd":
                np.subtract(p, rate * g, out=p)
            else:
                _adam(p, g, u, s, rate, self._k)

    def theta(self) -> Vector:
        return flat_layers(self._w, self._b)


def _adam(p: Vector, g: Vector, u: Vector, s: Vector, rate: float, k: int) -> None:
    u *= _BETA1
    u += (1 - _BETA1) * g
    s *= _BETA2
    s += (1 - _BETA2) * g * g
    p -= (rate / (1 - _BETA1**k)) * u / (np.sqrt(s / (1 - _BETA2**k)) + _EPSILON)


def _sigma(name: str, z: Vector) -> Vector:
    if name == "relu":
        return np.maximum(z, 0)
    if name == "tanh":
        return np.tanh(z)
    if name == "sigmoid":
        return 1 / (1 + np.exp(-z))
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _sigma_prime(name: str, a: Vector) -> Vector:
    """sigma'(z) from a = sigma(z)."""
    if name == "relu":
        return a > 0
    return 1 - a * a if name == "tanh" else a * (1 - a)


class ScikitLearn(Trainer):
    """`MLPClassifier.partial_fit` with all the data: one epoch in its own batches, in order."""

    name = "scikit-learn"
    package = "sklearn"
    install = "pip install scikit-learn"

    @classmethod
    def cannot(cls, case: Case) -> str | None:
        pair = (case.output, case.loss)
        if pair == ("softmax", "cross_entropy"):
            return "has one output for two classes" if case.sizes[-1] == 2 else None
        if pair == ("sigmoid", "binary_cross_entropy"):
            return None
        return f"has no {case.output} output with {case.loss} loss"

    def __init__(self, problem: Problem) -> None:
        from sklearn.neural_network import MLPClassifier

        super().__init__(problem)
        case, Y = self.case, problem.Y
        self._labels = Y[:, 0].astype(int) if Y.shape[1] == 1 else Y.argmax(axis=1)
        self._classes = np.arange(max(Y.shape[1], 2))
        names = {"sigmoid": "logistic"}
        make: Any = MLPClassifier  # its batch_size is annotated as a string
        self._model = make(
            case.sizes[1:-1], activation=names.get(case.hidden, case.hidden),
            solver=case.optimizer, alpha=0.0, batch_size=case.batch,
            learning_rate_init=case.learning_rate, shuffle=False, momentum=0.0,
            nesterovs_momentum=False,
        )  # fmt: skip
        # Makes the arrays and the optimizer; `start` sets them.
        self._model.partial_fit(problem.X, self._labels, classes=self._classes)
        self.start()

    def start(self) -> None:
        net, model = self.problem.net, self._model
        for p, w in zip(model.coefs_, net.weights, strict=True):
            p[:] = w.T
        for p, b in zip(model.intercepts_, net.biases, strict=True):
            p[:] = b
        if self.case.optimizer == "adam":
            optimizer = model._optimizer
            optimizer.t = 0
            for moment in (*optimizer.ms, *optimizer.vs):
                moment[:] = 0

    def epoch(self) -> None:
        self._model.partial_fit(self.problem.X, self._labels)

    def theta(self) -> Vector:
        return flat_layers([p.T for p in self._model.coefs_], self._model.intercepts_)


class Torch(Trainer):
    """PyTorch without compilation: `nn.Linear` layers and `torch.optim` as it comes."""

    name = "torch"
    package = "torch"
    install = "pip install torch --index-url https://download.pytorch.org/whl/cpu"

    def __init__(self, problem: Problem) -> None:
        import torch  # pyright: ignore[reportMissingImports]

        super().__init__(problem)
        self._torch: Any = torch
        case = self.case
        dtype = getattr(torch, case.dtype)
        layer = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "sigmoid": torch.nn.Sigmoid}
        parts: list[Any] = []
        for a, b in pairwise(case.sizes):
            parts += [torch.nn.Linear(a, b, dtype=dtype), layer[case.hidden]()]
        self._model = torch.nn.Sequential(*parts[:-1])
        self._linear: list[Any] = list(self._model)[::2]
        X, Y = torch.from_numpy(problem.X), torch.from_numpy(problem.Y)
        targets = Y.argmax(dim=1) if case.loss == "cross_entropy" else Y
        self._batches = list(zip(X.split(case.batch), targets.split(case.batch), strict=True))
        self._optimizer: Any = None
        self.start()

    def start(self) -> None:
        torch, net = self._torch, self.problem.net
        with torch.no_grad():
            for layer, w, b in zip(self._linear, net.weights, net.biases, strict=True):
                layer.weight.copy_(torch.from_numpy(w))
                layer.bias.copy_(torch.from_numpy(b))
        kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[self.case.optimizer]
        self._optimizer = kind(self._model.parameters(), lr=self.case.learning_rate)

    def _loss(self, z: Any, y: Any) -> Any:
        functional = self._torch.nn.functional
        if self.case.loss == "cross_entropy":
            return functional.cross_entropy(z, y)
        if self.case.loss == "binary_cross_entropy":
            return functional.binary_cross_entropy_with_logits(z, y)
        return functional.mse_loss(z.sigmoid(), y, reduction="sum") / (2 * len(z))

    def epoch(self) -> None:
        for x, y in self._batches:
            self._optimizer.zero_grad()
            self._loss(self._model(x), y).backward()
            self._optimizer.step()

    def theta(self) -> Vector:
        layers = [(p.weight.detach().numpy(), p.bias.detach().numpy()) for p in self._linear]
        return flat_layers(*zip(*layers, strict=True))


class Jax(Trainer):
    """JAX with the whole epoch, a `lax.scan` over the batches, in one jitted function."""

    name = "jax"
    package = "jax"
    install = "pip install jax"

    def __init__(self, problem: Problem) -> None:
        import jax

        super().__init__(problem)
        self._jax: Any = jax
        case, net = self.case, problem.net
        jax.config.update("jax_enable_x64", case.dtype == "float64")
        asarray = jax.numpy.asarray
        shape = (case.steps, case.batch, -1)
        self._batches = asarray(problem.X.reshape(shape)), asarray(problem.Y.reshape(shape))
        layers = [(asarray(w), asarray(b)) for w, b in zip(net.weights, net.biases, strict=True)]
        self._initial = (
            layers,
            (jax.tree.map(jax.numpy.zeros_like, layers),) * (2 * (case.optimizer == "adam")),
            asarray(np.zeros((), case.dtype)),
        )
        self._carry = self._initial
        self._epoch = jax.jit(self._make_epoch())

    def _make_epoch(self) -> Any:
        jax, case = self._jax, self.case
        gradient = jax.grad(self._cost)
        rate = case.learning_rate

        def step(carry: Any, batch: Any) -> Any:
            parameters, moments, k = carry
            g = gradient(parameters, *batch)
            if case.optimizer == "sgd":
                return (jax.tree.map(lambda p, g: p - rate * g, parameters, g), moments, k), None
            k = k + 1
            u = jax.tree.map(lambda u, g: _BETA1 * u + (1 - _BETA1) * g, moments[0], g)
            s = jax.tree.map(lambda s, g: _BETA2 * s + (1 - _BETA2) * g * g, moments[1], g)
            c1, c2 = rate / (1 - _BETA1**k), 1 - _BETA2**k
            sqrt = jax.numpy.sqrt
            parameters = jax.tree.map(
                lambda p, u, s: p - c1 * u / (sqrt(s / c2) + _EPSILON), parameters, u, s
            )
            return (parameters, (u, s), k), None

        return lambda carry, batches: jax.lax.scan(step, carry, batches)[0]

    def _cost(self, parameters: Any, x: Any, y: Any) -> Any:
        jax, case = self._jax, self.case
        jnp = jax.numpy
        sigma = {"relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}[case.hidden]
        a = x
        for w, b in parameters[:-1]:
            a = sigma(a @ w.T + b)
        z = a @ parameters[-1][0].T + parameters[-1][1]
        if case.loss == "cross_entropy":
            return -(y * jax.nn.log_softmax(z)).sum(axis=1).mean()
        if case.loss == "binary_cross_entropy":
            return (jnp.logaddexp(0, z) - y * z).sum(axis=1).mean()
        return ((jax.nn.sigmoid(z) - y) ** 2).sum(axis=1).mean() / 2

    def start(self) -> None:
        self._carry = self._initial

    def epoch(self) -> None:
        self._carry = self._jax.block_until_ready(self._epoch(self._carry, self._batches))

    def theta(self) -> Vector:
        return flat_layers(*zip(*self._carry[0], strict=True))


PEERS: tuple[type[Trainer], ...] = (NumPy, ScikitLearn, Torch, Jax)
