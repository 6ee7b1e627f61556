"""Exercises: small networks with blanks, from one number to a whole backward pass.

Each blank is one number of a step of seed 002's derivation.  An answer is right if it follows
from the answers before it, so a mistake is named where it entered and not again where it was
carried on; `loopbp.study.mistakes` names what the mistake was.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from loopbp.network.network import Network
from loopbp.notation import EQUATIONS
from loopbp.study.document import Block, Document, Paragraph, Section, Table
from loopbp.study.formulas import ACTIVATIONS, LOSSES
from loopbp.study.mathtext import inline, to_text
from loopbp.study.mistakes import name_mistakes
from loopbp.study.steps import Key, Problem, State, label, solve, source
from loopbp.validate import check_count

DIGITS = 3
"""Significant digits that an answer needs."""
_GIVEN_DIGITS = 5
# Relative: 1.5 times half a unit of the third digit at its worst, 1.00.
_TOLERANCE = 0.0075
_SMALLEST = 0.02  # answers nearer to 0 are mostly rounding
_TRIES = 1000


@dataclass(frozen=True)
class _Level:
    title: str
    sizes: tuple[int, ...]
    output: str
    loss: str
    m: int
    given: tuple[str, ...]
    """Kinds of numbers that are told, each with its layer."""
    blanks: tuple[Key, ...]


_Z1 = tuple(("z", 1, t, i) for t in range(2) for i in range(2))
_A1 = tuple(("a", 1, t, i) for t in range(2) for i in range(2))
_Z2 = tuple(("z", 2, t, i) for t in range(2) for i in range(2))
_A2 = tuple(("a", 2, t, i) for t in range(2) for i in range(2))
_D2 = tuple(("delta", 2, t, i) for t in range(2) for i in range(2))
_D1 = tuple(("delta", 1, t, i) for t in range(2) for i in range(2))
_G = tuple(
    key
    for l in (2, 1)
    for key in (
        *(("dw", l, i, j) for i in range(2) for j in range(2)),
        *(("db", l, i) for i in range(2)),
    )
)

LEVELS = (
    _Level("one product", (2, 1), "identity", "quadratic", 1, ("delta 1",), (("dw", 1, 0, 1),)),
    _Level("delta of the output", (2, 1), "sigmoid", "quadratic", 1, ("z 1", "a 1"),
           (("delta", 1, 0, 0),)),
    _Level("the mean over the batch", (2, 1), "identity", "quadratic", 3, ("delta 1",),
           (("dw", 1, 0, 0), ("db", 1, 0))),
    _Level("back through the weights", (2, 2, 2), "softmax", "cross_entropy", 1, ("a 2",),
           (("delta", 2, 0, 0), ("delta", 2, 0, 1), ("da", 1, 0, 0))),
    _Level("a hidden delta", (2, 2, 2), "identity", "half_mse", 1, ("z 1", "a 1", "a 2"),
           (("delta", 2, 0, 0), ("delta", 2, 0, 1), ("da", 1, 0, 1), ("delta", 1, 0, 1))),
    _Level("one layer", (2, 2, 1), "sigmoid", "binary_cross_entropy", 2, ("z 1", "a 1", "a 2"),
           (("delta", 2, 0, 0), ("delta", 2, 1, 0), ("delta", 1, 0, 0), ("delta", 1, 1, 0),
            ("dw", 1, 0, 1), ("db", 1, 0))),
    _Level("a whole pass", (2, 2, 2), "softmax", "cross_entropy", 2, (),
           (*_Z1, *_A1, *_Z2, *_A2, *_D2, *_D1, *_G)),
)  # fmt: skip


@dataclass(frozen=True)
class Mark:
    """What an answer is worth."""

    label: str
    """Of the blank, as text."""
    answer: float | None
    """None: left out."""
    expected: float
    """What follows from the answers before it."""
    ok: bool
    causes: tuple[str, ...]
    """Names of the mistakes that give this answer: of ``gradcheck.CAUSES`` or ``mistakes.OWN``."""
    text: str
    """The verdict in words."""


@dataclass(frozen=True)
class Exercise:
    """A small network with blanks; made by `exercises`."""

    level: int
    """From 1."""
    title: str
    problem: Problem
    blanks: tuple[Key, ...]
    """The numbers asked for: see `loopbp.study.steps`."""
    given: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the blanks, as text."""
        return tuple(to_text(label(key, self.problem)) for key in self.blanks)

    @property
    def solution(self) -> tuple[float, ...]:
        """The numbers that belong into the blanks."""
        state = solve(self.problem)
        return tuple(state[key] for key in self.blanks)

    def document(self) -> Document:
        """The exercise as a document, to be drawn."""
        return Document(f"Exercise {self.level}: {self.title}", (Section("", _page(self)),))

    def text(self, width: int = 100) -> str:
        """The exercise as plain text; see `Explanation.text`."""
        from loopbp.study.render_text import text

        return text(self.document(), width)

    def as_dict(self) -> dict[str, Any]:
        """The exercise as JSON takes it: what is given, and the names of the blanks."""
        net = self.problem.net
        state = solve(self.problem)
        told = {}
        for word in self.given:
            kind, l = word.split()
            told[f"{kind}{l}"] = getattr(state, kind)[int(l)].round(_GIVEN_DIGITS).tolist()
        return {
            "level": self.level, "title": self.title, "sizes": net.sizes, "hidden": net.hidden,
            "output": net.output, "loss": net.loss_name,
            "weights": [w.tolist() for w in net.weights],
            "biases": [b.tolist() for b in net.biases],
            "X": self.problem.X.tolist(), "y": self.problem.Y.tolist(), "given": told,
            "blanks": list(self.labels), "digits": DIGITS,
        }  # fmt: skip

    def check(self, answers: Sequence[float | None]) -> list[Mark]:
        """Mark answers, each against what follows from those before it.

        Parameters
        ----------
        answers
            A number for each blank, in order; None where it was left out.  Fewer count as left
            out.

        Returns
        -------
        list of Mark

        Raises
        ------
        TypeError, ValueError
            If there are too many answers, or one is no finite number.
        """
        if len(answers) > len(self.blanks):
            raise ValueError(
                f"answers: expected {len(self.blanks)} for exercise {self.level}, "
                f"got {len(answers)}"
            )
        followed: dict[Key, float] = {}  # wrong answers alone: right ones count as exact
        own: dict[Key, float] = {}
        marks = []
        exact = solve(self.problem)
        padded = [*answers, *[None] * (len(self.blanks) - len(answers))]
        for key, given in zip(self.blanks, padded, strict=True):
            answer = None if given is None else _finite(given)
            mark, ok = self._mark(key, answer, exact, followed, own)
            if answer is not None:
                own[key] = answer
                if not ok:
                    followed[key] = answer
            marks.append(mark)
        return marks

    def _mark(
        self,
        key: Key,
        answer: float | None,
        exact: State,
        followed: dict[Key, float],
        own: dict[Key, float],
    ) -> tuple[Mark, bool]:
        problem = self.problem
        name = to_text(label(key, problem))
        expected = (solve(problem, followed) if followed else exact)[key]
        if answer is None:
            text = f"{name}: left out; it is {_short(expected)}"
            return Mark(name, None, expected, False, (), text), False
        # Whoever goes on with rounded answers is right, too.
        if (
            _same(answer, expected)
            or _same(answer, exact[key])
            or _same(answer, solve(problem, own)[key])
        ):
            carried = bool(followed) and not _same(answer, exact[key])
            text = f"{name}: right" + (", given the answers before it" if carried else "")
            return Mark(name, answer, expected, True, (), text), not carried
        equation = EQUATIONS[source(key, problem)]
        found = name_mistakes(problem, followed, key, answer, _TOLERANCE)
        why = [inline(mistake.text, str, to_text) for mistake in found]
        cause = f" {'; or '.join(why)}." if why else " No known mistake gives this number."
        text = (
            f"{name}: {_short(answer)} is wrong; {_short(expected)} follows from what is before "
            f"it.{cause} See {equation.source}: {to_text(equation.formula)}"
        )
        causes = tuple(dict.fromkeys(mistake.name for mistake in found))
        return Mark(name, answer, expected, False, causes, text), False


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"answers: expected numbers, got {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"answers: expected finite numbers, got {value!r}")
    return float(value)


def _same(answer: float, value: float) -> bool:
    """Whether an answer is a number to `DIGITS`, and a little off for what was rounded before."""
    if value == 0:
        return abs(answer) <= 10.0**-DIGITS
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - DIGITS + 1)
    return abs(answer - value) <= 0.75 * unit + 1e-4 * abs(value)


def _short(value: float) -> str:
    return f"{value:.{DIGITS + 1}g}"


def exercises(seed: int = 0, levels: Iterable[int] | None = None) -> list[Exercise]:
    """Exercises whose blanks grow from one number to a whole pass.

    Parameters
    ----------
    seed
        Of the numbers; the same seed gives the same exercises.
    levels
        Which, from 1; None: all.

    Returns
    -------
    list of Exercise

    Raises
    ------
    TypeError, ValueError
        If there is no such level.

    Examples
    --------
    >>> from loopbp.study import exercises
    >>> first = exercises(seed=0)[0]
    >>> first.check(first.solution)[0].ok
    True
    """
    check_count("seed", seed, 0)
    chosen = range(1, len(LEVELS) + 1) if levels is None else levels
    found = []
    for number in chosen:
        if check_count("level", number) > len(LEVELS):
            raise ValueError(f"level: expected 1 to {len(LEVELS)}, got {number}")
        found.append(_make(number, np.random.default_rng([seed, number])))
    return found


def _make(number: int, rng: np.random.Generator) -> Exercise:
    plan = LEVELS[number - 1]
    for _ in range(_TRIES):
        net = Network(plan.sizes, "tanh", plan.output, plan.loss, initializer="zeros", seed=0)
        # One decimal, and no 0: what a person can work with.
        net.theta[:] = rng.integers(1, 10, net.theta.size) * rng.choice([-1, 1], net.theta.size)
        net.theta[:] /= 10
        X = rng.integers(1, 10, (plan.m, plan.sizes[0])) / 10
        problem = Problem(net, X, _targets(plan, rng))
        exercise = Exercise(number, plan.title, problem, plan.blanks, plan.given)
        alike = len(np.unique(X, axis=0)) < plan.m
        if not alike and min(abs(value) for value in exercise.solution) >= _SMALLEST:
            return exercise
    raise RuntimeError(f"no exercise of level {number} in {_TRIES} tries")


def _targets(plan: _Level, rng: np.random.Generator) -> Any:
    n = plan.sizes[-1]
    if plan.output == "softmax":
        return np.eye(n)[rng.integers(0, n, plan.m)]
    if plan.loss == "binary_cross_entropy":
        return rng.integers(0, 2, (plan.m, n)).astype(float)
    return rng.integers(0, 10, (plan.m, n)) / 10


def _page(exercise: Exercise) -> tuple[Block, ...]:
    """What is given, and what is asked."""
    problem, net = exercise.problem, exercise.problem.net
    state = solve(problem)
    layers = "-".join(str(n) for n in net.sizes)
    hidden = "hidden units tanh, " if problem.L > 1 else ""
    blocks: list[Block] = [
        Paragraph(
            f"A network {layers}, {hidden}output {net.output}, loss {net.loss_name}: "
            f"$C^t = {LOSSES[net.loss_name].loss}$, and $J$ is its mean over m = {problem.m} "
            f"example{'s' if problem.m > 1 else ''}. Units, inputs and examples count from 0. "
            f"{_primes(exercise)}"
        )
    ]
    for l in range(1, problem.L + 1):
        n = net.sizes[l - 1]
        rows = tuple(
            (str(i), *(_number(v) for v in net.weights[l - 1][i]), _number(net.biases[l - 1][i]))
            for i in range(net.sizes[l])
        )
        head = (rf"\text{{layer {l}, }} i", *(rf"\omega^{l}_{{i,{j}}}" for j in range(n)),
                f"b^{l}_i")  # fmt: skip
        blocks.append(Table(head, rows))
    blocks.append(Paragraph("The batch, and what is known already:"))
    blocks.append(_known(exercise, state))
    names = ", ".join(f"${label(key, problem)}$" for key in exercise.blanks)
    blocks.append(Paragraph(f"Find, to {DIGITS} significant digits: {names}."))
    return tuple(blocks)


def _primes(exercise: Exercise) -> str:
    """The derivatives that the blanks need."""
    problem = exercise.problem
    kinds = {key[:2] for key in exercise.blanks}
    names = []
    if ("delta", 1) in kinds and problem.L > 1:
        names.append("tanh")
    if ("delta", problem.L) in kinds and problem.net.output in ("sigmoid", "tanh"):
        names.append(problem.net.output)
    return " ".join(
        f"For {name}, $\\sigma'(z) = {ACTIVATIONS[name].prime}$." for name in dict.fromkeys(names)
    )


def _known(exercise: Exercise, state: State) -> Table:
    """One row for each example: inputs, targets, and the numbers that are told."""
    problem = exercise.problem
    head = ["t", *(f"x_{j}" for j in range(problem.X.shape[1])),
            *(f"y_{i}" for i in range(problem.Y.shape[1]))]  # fmt: skip
    columns = [*problem.X.T, *problem.Y.T]
    for word in exercise.given:
        kind, l = word.split()
        symbol = r"\delta" if kind == "delta" else kind
        values = getattr(state, kind)[int(l)]
        head += [f"{symbol}^{l}_{i}" for i in range(values.shape[1])]
        columns += [*values.T]
    rows = tuple((str(t), *(_number(column[t]) for column in columns)) for t in range(problem.m))
    return Table(tuple(head), rows)


def _number(value: float) -> str:
    return f"{value:.{_GIVEN_DIGITS}g}"
