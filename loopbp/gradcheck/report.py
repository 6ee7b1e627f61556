"""What a gradient check found, as data, as text and as JSON."""

import math
import textwrap
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.messages.calls import suggests

DIRECTIONS = "random directions"
_WIDTH = 100


@dataclass(frozen=True)
class Cause:
    """A named cause of a wrong gradient."""

    name: str
    """One of ``CAUSES``."""
    text: str
    """What is wrong, in one sentence."""
    blocks: tuple[str, ...]
    """The blocks that it explains."""


CAUSES = {
    "m": "times m or 1/m, the number of examples",
    "n_outputs": "times n_outputs or 1/n_outputs",
    "two": "times 2 or 1/2",
    "factor": "times another constant",
    "sign": "times -1",
    "transposed": "a matrix is transposed",
    "swapped": "the right numbers in wrong places",
    "shifted": "the right numbers, each one place off",
    "term": "a term that is the same for each entry is missing",
    "sigma_prime": "sigma' is missing",
    "softmax_cross_terms": "only the diagonal of the Jacobian of softmax is used",
    "bias_zero": "the gradient of a bias is 0",
    "zero": "the gradient of another block is 0",
    "l2_missing": "the penalty is in the loss, not in the gradient",
    "l2_on_biases": "the penalty's gradient is added to the biases",
    "l2_factor": "the penalty's gradient has another factor than the penalty",
    "stale": "each call adds to the gradient of the call before",
    "not_repeatable": "two calls at the same theta differ",
    "not_finite": "a NaN or an infinity",
    "batch": "the gradient of the batch is not the mean over its parts",
    "loss": "the engine's loss is not the loss of the reference",
}


@dataclass(frozen=True)
class BlockReport:
    """One block of parameters, or the random directions."""

    name: str
    ok: bool
    size: int
    """Parameters in it."""
    checked: int
    """Those found right or wrong."""
    skipped: int
    """Those tried for which there is no numeric value."""
    max_relative_error: float
    index: tuple[int, ...] | None
    """The worst one, as an index into the block's array; None if none was checked."""
    analytic: float
    """There."""
    numeric: float
    """There."""
    wrong: int = 0


@suggests
@dataclass(frozen=True)
class GradientReport:
    """What `check_gradient` found.

    Notes
    -----
    The relative error of one parameter is
    ``abs(analytic - numeric) / max(abs(analytic), abs(numeric), floor)``: over the larger of the
    two, as in later copies of the CS231n notes (an earlier one divides by the sum).  ``floor`` is
    the error of the numeric value and the rounding of the analytic one, divided by the tolerance:
    so a difference that rounding explains never exceeds the tolerance, and 0 against 0 is 0.
    Where that error and rounding are more than 3e-4 of the entry (or than the tolerance, if that
    is larger) the entry is unchecked: neither agreement nor disagreement would mean anything.
    """

    ok: bool
    """Nothing is wrong, at least one entry is right, the other checks passed, no block is left
    unchecked (but for those that are flat, or smaller than the gradient's own rounding,
    throughout), and at most a tenth of those tried has no numeric value."""
    max_relative_error: float
    tolerance: float
    checked: int
    """Entries found right or wrong."""
    skipped: int
    """Those tried for which there is no numeric value: at a kink, or not settled."""
    parameters: int
    """P = `right` + `wrong` + `unchecked`."""
    loss: float
    """J at theta."""
    method: str
    """Central differences or complex step, over which parameters."""
    engine: str
    """Whose gradient it is and, of the tiled engine, which way through an epoch gave it; empty for
    a function."""
    blocks: tuple[BlockReport, ...]
    causes: tuple[Cause, ...]
    batch_error: float | None
    """Relative error of the batch's gradient against the mean over its parts; None: not done."""
    notes: tuple[str, ...]
    verdicts: NDArray[np.str_] = field(compare=False)
    """``right``, ``wrong`` or ``unchecked``, shape (P,)."""
    reasons: NDArray[np.str_] = field(compare=False)
    """Why unchecked, shape (P,): ``noise``, ``rounding``, ``kink``, ``flat``, ``unsettled``,
    ``not drawn``; an empty word where checked."""

    @property
    def right(self) -> int:
        """Entries that agree, and whose error would have been seen if it were a thousandth."""
        return int(np.sum(self.verdicts == "right"))

    @property
    def wrong(self) -> int:
        """Entries that differ by more than tolerance, rounding and truncation allow."""
        return int(np.sum(self.verdicts == "wrong"))

    @property
    def unchecked(self) -> int:
        """Entries of which nothing can be said."""
        return int(np.sum(self.verdicts == "unchecked"))

    @property
    def checked_fraction(self) -> float:
        """`checked` over `parameters`."""
        return self.checked / self.parameters

    @property
    def unchecked_because(self) -> dict[str, int]:
        """How many are unchecked for each reason that occurs."""
        words, counts = np.unique(self.reasons[self.reasons != ""], return_counts=True)
        return {str(word): int(n) for word, n in zip(words, counts, strict=True)}

    def as_dict(self) -> dict[str, Any]:
        """The report as what `json.dumps` takes; what is not finite becomes None."""
        counts = {"right": self.right, "wrong": self.wrong, "unchecked": self.unchecked}
        because = {"unchecked_because": self.unchecked_because}
        return _plain({**asdict(self), **counts, **because})

    def __str__(self) -> str:
        verdict = (
            "agrees" if self.ok else "is WRONG" if self.causes or self._failed else "UNCHECKED"
        )
        lines = [
            f"gradient {verdict}: largest relative error {self.max_relative_error:.2e}, "
            f"tolerance {self.tolerance:.1e}",
            *_wrapped(self._counts()),
            *_wrapped(f"method: {self.method}"),
        ]
        if self.engine:
            lines.append(f"engine: {self.engine}")
        if self.batch_error is not None:
            lines.append(f"batch against the mean of its parts: {self.batch_error:.2e}")
        name_width = max([5, *(len(b.name) for b in self.blocks)])
        name_width = min(name_width, 28)
        lines.append("")
        lines.append(
            f"    {'block':{name_width}}  {'checked':>11}  {'rel. error':>10}  {'at':>10}  "
            f"{'analytic':>13}  {'numeric':>13}"
        )
        for b in self.blocks:
            count = f"{b.checked}/{b.size}"
            at = "" if b.index is None else "[" + ", ".join(map(str, b.index)) + "]"
            mark = "BAD" if b.wrong else "ok " if b.checked else " - "
            lines.append(
                f"{mark} {b.name[:name_width]:{name_width}}  {count:>11}  "
                f"{_number(b.max_relative_error, 10, 2)}  {at:>10}  "
                f"{_number(b.analytic, 13, 6)}  {_number(b.numeric, 13, 6)}"
            )
        for cause in self.causes:
            everywhere = set(cause.blocks) >= {b.name for b in self.blocks} - {DIRECTIONS}
            where = "every block" if everywhere else ", ".join(cause.blocks)
            lines += ["", *_wrapped(f"cause: {cause.text} ({where})")]
        if self.notes:
            lines.append("")
            for note in self.notes:
                lines += _wrapped(f"note: {note}")
        return "\n".join(lines)

    def _counts(self) -> str:
        counts = (
            f"checked {self.checked} of {self.parameters} parameters: {self.right} right, "
            f"{self.wrong} wrong, {self.unchecked} unchecked"
        )
        because = ", ".join(f"{n} {word}" for word, n in self.unchecked_because.items())
        return f"{counts} ({because})" if because else counts

    @property
    def _failed(self) -> bool:
        return any(b.wrong for b in self.blocks)


def _number(value: float, width: int, digits: int) -> str:
    return " " * width if math.isnan(value) else f"{value:{width}.{digits}e}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, subsequent_indent="    ")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
