"""Why a gradient is wrong: wrong gradients computed on purpose and held against the one given."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loopbp import reference
from loopbp.catalogue import IDENTITY, SOFTMAX
from loopbp.gradcheck.cost import NetworkCost
from loopbp.gradcheck.patterns import Numbers, name_patterns
from loopbp.gradcheck.report import Cause
from loopbp.jit.sources import plain
from loopbp.parameters import biases_of, weights_of

Array = NDArray[Any]
_SLACK = 3.0  # a wrong gradient has its own rounding error


class Block(NamedTuple):
    """A run of theta that belongs together."""

    name: str
    start: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Parameters in it."""
        return int(np.prod(self.shape))

    @property
    def part(self) -> slice:
        """Where it stands in theta."""
        return slice(self.start, self.start + self.size)

    @property
    def matrix(self) -> bool:
        """Whether it has rows and columns: a weight matrix; if not, it counts as biases."""
        return len(self.shape) == 2


class Candidate(NamedTuple):
    """A wrong gradient and what would make it."""

    name: str
    text: str
    theta: Array
    local: bool
    """Whether it may hold in some blocks and not in others."""


class Evidence(NamedTuple):
    """What the check has measured, arrays of shape (P,)."""

    analytic: Array
    numeric: Array
    """NaN where not measured"""
    floor: Array
    """of the relative error"""
    right: Array
    """what the candidates were made from"""
    blocks: Sequence[Block]
    tolerance: float
    theta: Array
    factors: Sequence[tuple[str, float, str]] = ()
    """Constants that parts of a block may be wrong by: name, factor, text."""


def relative_error(analytic: Array, numeric: Array, floor: Array | float) -> Array:
    """abs(analytic - numeric) / max(abs(analytic), abs(numeric), floor); infinite for NaN."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        distance = np.abs(analytic - numeric)
        error = distance / np.maximum(np.maximum(np.abs(analytic), np.abs(numeric)), floor)
    return np.where(distance == 0, 0.0, np.where(np.isfinite(error), error, np.inf))


def backpropagate(
    cost: NetworkCost,
    *,
    without_prime: Iterable[int] = (),
    transposed: Iterable[int] = (),
    cross_terms: bool = True,
) -> Array:
    """dJ/dtheta by seed 001's equations, without the penalty, and wrong in a chosen way.

    Parameters
    ----------
    cost
        The network and the batch.
    without_prime
        Layers at which sigma' is left out of BP4.
    transposed
        Layers l, with as many units as layer l - 1, whose w^l is used in BP3 instead of its
        transpose.
    cross_terms
        False: softmax's Jacobian has its diagonal a (1 - a) only.

    Returns
    -------
    float64 array of shape (P,)
    """
    without_prime, transposed = set(without_prime), set(transposed)
    architecture, theta = cost.architecture, cost.theta
    gradient = np.zeros_like(theta)
    z, a = cost.forward(theta)
    last = cost.last
    code, address = int(architecture.activation[last]), int(architecture.sigma_prime[last])
    softmax = code == SOFTMAX
    # With the identity as output, delta is dC/da.
    plain_output = last in without_prime or (softmax and not cross_terms)
    delta = np.empty_like(a[last])
    reference.output_delta(
        architecture.loss, IDENTITY if plain_output else code, address,
        z[last - 1], a[last], cost.Y, cost.weight, delta,
    )  # fmt: skip
    if softmax and not cross_terms:
        delta *= a[last] * (1 - a[last])
    for l in range(last, 0, -1):
        reference.weight_gradient(delta, a[l - 1], plain(weights_of)(gradient, architecture, l))
        reference.bias_gradient(delta, plain(biases_of)(gradient, architecture, l))
        if l > 1:
            w = plain(weights_of)(theta, architecture, l)
            da = delta @ (w.T if l in transposed else w)
            delta = da
            if l - 1 not in without_prime:
                delta = np.empty_like(da)
                reference.delta_from_da(
                    architecture.activation[l - 1], int(architecture.sigma_prime[l - 1]),
                    z[l - 2], da, delta,
                )  # fmt: skip
    return gradient


def from_network(cost: NetworkCost, penalty: Array) -> list[Candidate]:
    """The wrong gradients that need the network: sigma', transposes, cross terms.

    Parameters
    ----------
    cost
        The network and the batch.
    penalty : array of shape (P,)
        The gradient of the penalty, which these get right.
    """
    last, sizes = cost.last, cost.architecture.sizes
    every = range(1, last + 1)
    hidden = range(1, last)
    found = []
    for layers in filter(None, [*([l] for l in every), list(hidden), list(every)]):
        where = "the output layer" if layers == [last] else _layers(layers)
        wrong = backpropagate(cost, without_prime=layers)
        found.append(Candidate("sigma_prime", f"sigma' is missing in (BP4) at {where}", wrong,
                               False))  # fmt: skip
    square = [l for l in every if l > 1 and sizes[l] == sizes[l - 1]]
    for layers in filter(None, [*([l] for l in square), square]):
        wrong = backpropagate(cost, transposed=layers)
        text = f"w of {_layers(layers)} is transposed the wrong way in (BP3)"
        found.append(Candidate("transposed", text, wrong, False))
    if cost.architecture.activation[last] == SOFTMAX:
        wrong = backpropagate(cost, cross_terms=False)
        text = (
            "softmax without its cross terms: dC/dz_i needs every da_k/dz_i = a_k ([i=k] - a_i), "
            "not k = i alone"
        )
        found.append(Candidate("softmax_cross_terms", text, wrong, False))
    return [c._replace(theta=c.theta + penalty) for c in found]


def _layers(layers: Sequence[int]) -> str:
    return f"layer{'s' if len(layers) > 1 else ''} {', '.join(map(str, layers))}"


def from_numbers(
    true: Array,
    blocks: Sequence[Block],
    theta: Array,
    *,
    m: int | None = None,
    n_outputs: int | None = None,
    l2: float | None = None,
) -> list[Candidate]:
    """The wrong gradients that follow from the right one: factors, signs, transposes, penalty.

    Parameters
    ----------
    true : array of shape (P,)
        The right gradient; NaN where it is not known.
    blocks
        Of theta.
    theta : array of shape (P,)
    m, n_outputs, l2
        Number of examples, number of outputs, weight of a penalty (l2/2) sum w**2 over the
        matrices; those unknown are not tried.
    """
    found = []

    def add(name: str, text: str, wrong: Array) -> None:
        found.append(Candidate(name, text, wrong, True))

    penalty = np.zeros_like(theta)
    for block in blocks:
        if l2 and (block.matrix or len(blocks) == 1):
            penalty[block.part] = l2 * theta[block.part]
    data = true - penalty
    for name, count, much, little in (
        ("m", m, "the sum over the batch is not divided by m", "it is divided by m twice"),
        ("n_outputs", n_outputs, "the loss is a mean over outputs, its gradient a sum",
         "the loss is a sum over outputs, its gradient a mean"),
    ):  # fmt: skip
        if count is not None and count > 1:
            for part in (true, data) if l2 else (true,):
                rest = true - part
                add(name, f"{name} = {count} times too large: {much}", count * part + rest)
                add(name, f"{name} = {count} times too small: {little}", part / count + rest)
    for part in (true, data) if l2 else (true,):
        rest = true - part
        add("two", "twice too large: the 1/2 of the loss is missing, or its 2", 2 * part + rest)
        add("two", "half of what it should be: a 1/2 too many", part / 2 + rest)
        add("sign", "the sign is wrong", rest - part)
    if l2:
        add("l2_missing", "the L2 penalty is in the loss, its gradient l2 * w is missing", data)
        for times in (2.0, 0.5, *((float(m), 1 / m) if m is not None and m > 1 else ())):
            text = f"the gradient of the L2 penalty is {times:g} times that of the loss's penalty"
            add("l2_factor", text, data + times * penalty)
        on_biases = np.full_like(theta, np.nan)
        for block in blocks:
            if not block.matrix:
                on_biases[block.part] = true[block.part] + l2 * theta[block.part]
        add("l2_on_biases", "the gradient of the L2 penalty is added to biases, which the loss "
            "does not penalise", on_biases)  # fmt: skip
    turned = np.full_like(theta, np.nan)
    zero_bias, zero = turned.copy(), turned.copy()
    for block in blocks:
        if block.matrix:
            turned[block.part] = true[block.part].reshape(block.shape).T.ravel()
        (zero if block.matrix or len(blocks) == 1 else zero_bias)[block.part] = 0.0
    add("transposed", "the gradient of the matrix is transposed", turned)
    add("bias_zero", "the gradient of the bias is 0 everywhere", zero_bias)
    add("zero", "the gradient is 0 everywhere", zero)
    return found


def name_causes(evidence: Evidence, candidates: Sequence[Candidate]) -> list[Cause]:
    """The fewest candidates that explain the blocks that fail.

    Candidates that explain equally much are all named: with m = 2, nobody can tell a missing
    1/m from a missing 1/2.

    Parameters
    ----------
    evidence
        Of the check.
    candidates
        A local one may hold in any block; any other must also agree with the blocks that pass.
    """
    failing = [
        b for b in evidence.blocks if _worst(evidence, b, evidence.analytic) > evidence.tolerance
    ]
    passing = [b for b in evidence.blocks if b not in failing]
    causes = []
    while failing:
        ranked: list[tuple[list[Block], Candidate]] = []
        for candidate in candidates:
            explained = [b for b in failing if _explains(evidence, b, candidate.theta)]
            clash = not candidate.local and any(
                _worst(evidence, b, candidate.theta) > evidence.tolerance for b in passing
            )
            if explained and not clash:
                ranked.append((explained, candidate))
        if not ranked:
            break
        most = max(len(explained) for explained, _ in ranked)
        best = [(e, c) for e, c in ranked if len(e) == most]
        first = best[0][0]
        named: dict[str, Cause] = {}
        for explained, candidate in best:
            if explained == first and candidate.name not in named:
                names = tuple(b.name for b in explained)
                named[candidate.name] = Cause(candidate.name, candidate.text, names)
        causes += named.values()
        failing = [b for b in failing if b not in first]
    factors = _factors(evidence, failing)
    explained = {name for cause in factors for name in cause.blocks}
    for block in failing:
        if block.name not in explained:
            causes += name_patterns(_numbers(evidence, block), block.name, evidence.factors)
    return causes + factors


def _numbers(evidence: Evidence, block: Block) -> Numbers:
    part = block.part
    given, numeric = evidence.analytic[part], evidence.numeric[part]
    floor = np.nan_to_num(evidence.floor[part], nan=0.0, posinf=0.0)
    wrong = relative_error(given, numeric, evidence.floor[part]) > evidence.tolerance
    wrong &= np.isfinite(numeric)
    size = np.fmax(np.fmax(np.abs(given), np.abs(numeric)), floor)
    allowed = _SLACK * evidence.tolerance * size
    return Numbers(given, numeric, evidence.theta[part], allowed, wrong)


def factors_of(m: int | None, n_outputs: int | None) -> list[tuple[str, float, str]]:
    """Constants that a part of a gradient may be wrong by, as `name_patterns` takes them."""
    found = [
        ("zero", 0.0, "0, which it is not"), ("sign", -1.0, "the sign is wrong"),
        ("two", 2.0, "twice too large"), ("two", 0.5, "half of what it should be"),
    ]  # fmt: skip
    for name, count in (("m", m), ("n_outputs", n_outputs)):
        if count is not None and count > 1:
            found.append((name, float(count), f"{name} = {count} times too large"))
            found.append((name, 1.0 / count, f"{name} = {count} times too small"))
    return found


def _meaning(factor: float) -> str:
    """What a whole number, or one over it, may be."""
    for count, of in ((factor, "the sum over them is not divided by it"),
                      (1 / factor, "it is divided by it twice")):  # fmt: skip
        if count > 2.5 and abs(count - round(count)) <= 1e-4 * count:
            return f"; if {round(count)} is the number of examples or outputs, {of}"
    return ""


def _measured(evidence: Evidence, block: Block) -> NDArray[np.bool_]:
    return np.isfinite(evidence.numeric[block.part])


def _worst(evidence: Evidence, block: Block, given: Array) -> float:
    """Largest relative error of a gradient against the numeric one in a block."""
    seen, part = _measured(evidence, block), block.part
    error = relative_error(
        given[part][seen], evidence.numeric[part][seen], evidence.floor[part][seen]
    )
    return float(error.max(initial=0.0))


def _explains(evidence: Evidence, block: Block, wrong: Array) -> bool:
    """Whether a wrong gradient is the analytic one of a block, wherever that is measured."""
    part = block.part
    seen = _measured(evidence, block)
    given, wrong, true = (v[part][seen] for v in (evidence.analytic, wrong, evidence.numeric))
    if not np.isfinite(wrong).all() or not np.isfinite(given).all() or not seen.any():
        return False
    if np.array_equal(wrong, evidence.right[part][seen]):
        return False  # what this candidate gets wrong is elsewhere
    largest, size = float(np.abs(true).max()), float(np.abs(given).max())
    if np.abs(given - wrong).max() > _SLACK * evidence.tolerance * size:
        return False
    growth = max(1.0, size / largest) if largest > 0 else 1.0
    error = relative_error(given, wrong, growth * evidence.floor[part][seen])
    apart = relative_error(given, true, evidence.floor[part][seen])
    return bool(error.max() <= min(_SLACK * evidence.tolerance, 0.3 * apart.max()))


def _factors(evidence: Evidence, failing: Sequence[Block]) -> list[Cause]:
    """Blocks that are a constant times what they should be, with that constant."""
    causes: list[Cause] = []
    for block in failing:
        seen, part = _measured(evidence, block), block.part
        given, true = evidence.analytic[part][seen], evidence.numeric[part][seen]
        square = float(true @ true)
        if square == 0 or len(true) < 2 or not np.isfinite(given).all():
            continue
        factor = float(given @ true) / square
        if factor and _explains(evidence, block, factor * evidence.numeric):
            text = f"a constant times what it should be: {factor:.6g}{_meaning(factor)}"
            same = next((k for k, c in enumerate(causes) if c.text == text), None)
            if same is None:
                causes.append(Cause("factor", text, (block.name,)))
            else:
                causes[same] = Cause("factor", text, (*causes[same].blocks, block.name))
    return causes
