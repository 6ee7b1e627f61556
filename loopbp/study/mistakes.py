"""What went wrong in a step: the numbers that known mistakes would give.

Names are those of `loopbp.gradcheck.CAUSES`, and for gradients the wrong numbers are those of the
gradient checker; the two that a checker never meets are in `OWN`.
"""

from typing import NamedTuple

import numpy as np

from loopbp.gradcheck.causes import Block, Candidate, from_network, from_numbers
from loopbp.gradcheck.cost import NetworkCost
from loopbp.study.steps import Key, Problem, State, solve

OWN = {
    "bias_missing": "the bias is left out of z",
    "sigma_missing": "sigma is left out",
    "sigma_prime_at_a": "sigma' is taken at a in place of z",
}
"""Mistakes that do not show as a wrong gradient of their own kind."""


class Mistake(NamedTuple):
    """A mistake and the number it gives."""

    name: str
    """Of ``CAUSES``, or of ``OWN``."""
    text: str
    value: float


def mistakes(problem: Problem, state: State, key: Key) -> list[Mistake]:
    """What known mistakes make of one number.

    Parameters
    ----------
    problem
        Network and batch.
    state
        The numbers before it, as the learner has them.
    key
        Which number.
    """
    kind = str(key[0])
    if kind in ("dw", "db"):
        return _of_gradient(problem, state, key)
    steps = {"z": _of_z, "a": _of_a, "da": _of_da, "delta": _of_delta}
    return steps[kind](problem, state, key)


def _place(key: Key) -> tuple[int, int, int]:
    _, l, t, i = key
    return int(l), int(t), int(i)


def _of_z(problem: Problem, state: State, key: Key) -> list[Mistake]:
    l, t, i = _place(key)
    w, b, a = problem.net.weights[l - 1], problem.net.biases[l - 1], state.a[l - 1][t]
    found = [Mistake("bias_missing", "the bias $b$ is missing", float(w[i] @ a))]
    if w.shape[0] == w.shape[1]:
        found.append(Mistake("transposed", "column of $\\omega$ in place of its row",
                             float(w[:, i] @ a + b[i])))  # fmt: skip
    return [*found, Mistake("sign", "the sign is wrong", -state[key])]


def _of_a(problem: Problem, state: State, key: Key) -> list[Mistake]:
    l, t, i = _place(key)
    found = [Mistake("sigma_missing", "$\\sigma$ is missing: this is $z$", state["z", l, t, i])]
    if l == problem.L and problem.softmax:
        e = float(np.exp(state["z", l, t, i]))
        found.append(Mistake("sigma_missing", "softmax without its denominator", e))
    return found


def _of_da(problem: Problem, state: State, key: Key) -> list[Mistake]:
    l, t, i = _place(key)
    w, delta = problem.net.weights[l], state.delta[l + 1][t]
    found = [Mistake("sign", "the sign is wrong", -state[key]),
             Mistake("sigma_prime", "this is multiplied by $\\sigma'$ already, which comes next",
                     state["delta", l, t, i])]  # fmt: skip
    if w.shape[0] == w.shape[1]:
        found.append(Mistake("transposed", "row of $\\omega$ in place of its column, the transpose",
                             float(w[i] @ delta)))  # fmt: skip
    return found


def _of_delta(problem: Problem, state: State, key: Key) -> list[Mistake]:
    l, t, i = _place(key)
    right = state[key]
    found = [
        Mistake("sign", "the sign is wrong: it is $a - y$, not $y - a$" if l == problem.L
                else "the sign is wrong", -right),
    ]  # fmt: skip
    if problem.m > 1:
        found.append(Mistake("m", "divided by m: $\\delta$ belongs to one example, the 1/m comes "
                             "in dW and db", right / problem.m))  # fmt: skip
    if l == problem.L:
        g = problem.loss_gradient(state.z[l], state.a[l])[t, i]
        a, count = state["a", l, t, i], problem.net.sizes[l]
        found.append(Mistake("sigma_prime", "$\\sigma'$ is missing: this is the derivative of the "
                             "loss by $a$ alone", float(g)))  # fmt: skip
        if problem.softmax:
            found.append(Mistake("softmax_cross_terms", "only $k = i$ is taken of the sum over "
                                 "the Jacobian of softmax", float(g * a * (1 - a))))  # fmt: skip
        if problem.net.loss_name == "half_mse":
            found.append(Mistake("n_outputs", f"the loss is a mean over {count} outputs: its 1/n_L "
                                 "is missing", count * right))  # fmt: skip
        found.append(Mistake("two", "twice too large: the 1/2 of the loss cancels the 2 of the "
                             "square", 2 * right))  # fmt: skip
        found.append(Mistake("two", "half of what it should be: a 1/2 too many", right / 2))
        return found
    da = state.da[l][t, i]
    prime = problem.prime(l, state.a[l])[t, i]
    slope = problem.prime(l, state.z[l])[t, i]
    found += [
        Mistake("sigma_prime", "$\\sigma'$ is missing in (BP4)", float(da)),
        Mistake("sigma_prime_at_a", "$\\sigma'$ is taken at $a$ in place of $z$",
                float(da * prime)),
    ]  # fmt: skip
    w, delta = problem.net.weights[l], state.delta[l + 1][t]
    if w.shape[0] == w.shape[1]:
        found.append(Mistake("transposed", "row of $\\omega$ in place of its column, in (BP3)",
                             float(w[i] @ delta * slope)))  # fmt: skip
    return found


def _blocks(problem: Problem) -> list[Block]:
    architecture, sizes = problem.net.architecture, problem.net.sizes
    blocks = []
    for l in range(1, problem.L + 1):
        blocks.append(Block(f"w{l}", int(architecture.w_start[l]), (sizes[l], sizes[l - 1])))
        blocks.append(Block(f"b{l}", int(architecture.b_start[l]), (sizes[l],)))
    return blocks


def _of_gradient(problem: Problem, state: State, key: Key) -> list[Mistake]:
    """The wrong gradients of the checker, at one index."""
    net = problem.net
    kind, l, *where = key
    blocks = _blocks(problem)
    block = blocks[2 * (int(l) - 1) + (kind == "db")]
    index = block.start + int(np.ravel_multi_index([int(k) for k in where], block.shape))
    candidates: list[Candidate] = from_numbers(
        state.theta(problem), blocks, net.theta, m=problem.m, n_outputs=net.sizes[-1]
    )
    ones = np.ones(problem.m)
    cost = NetworkCost(net.theta, net.architecture, problem.X, problem.Y, ones)
    candidates += from_network(cost, np.zeros_like(net.theta))
    found = [
        Mistake(c.name, c.text, float(c.theta[index]))
        for c in candidates
        if np.isfinite(c.theta[index])
        and not (c.name == "transposed" and block.matrix and block.shape[0] != block.shape[1])
    ]
    if kind == "dw":
        i, j = (int(k) for k in where)
        found += [
            Mistake("m", f"the term of example {t} alone: the mean over the batch is missing",
                    float(state.delta[int(l)][t, i] * state.a[int(l) - 1][t, j]))
            for t in range(problem.m) if problem.m > 1
        ]  # fmt: skip
        if int(l) > 1:
            z = state.z[int(l) - 1][:, j]
            found.append(Mistake("sigma_missing", "$z$ in place of $a$ as the first term",
                                 float(state.delta[int(l)][:, i] @ z / problem.m)))  # fmt: skip
    return found


def name_mistakes(
    problem: Problem, given: dict[Key, float], key: Key, answer: float, tolerance: float
) -> list[Mistake]:
    """The known mistakes that give an answer.

    Parameters
    ----------
    problem
        Network and batch.
    given
        The learner's answers to the steps before.
    key, answer
        The step and the wrong answer to it.
    tolerance
        Relative: of the rounding of answers.
    """
    found: dict[str, Mistake] = {}
    # A mistake may also be made with the right numbers after wrong ones were answered.
    for before in (given, {}):
        state = solve(problem, before)
        right = state[key]
        for mistake in mistakes(problem, state, key):
            room = tolerance * max(abs(mistake.value), 1e-6)
            told_apart = abs(mistake.value - right) > room
            if told_apart and abs(answer - mistake.value) <= room:
                found.setdefault(mistake.text, mistake)
        if found:
            break
    return list(found.values())
