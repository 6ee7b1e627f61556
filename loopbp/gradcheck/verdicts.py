"""The verdict on each entry of a gradient: right, wrong or unchecked, and why unchecked."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loopbp.gradcheck.differences import FLAT, KINK, NOISE, RESOLUTION, UNSETTLED

Array = NDArray[Any]

RIGHT, WRONG, UNCHECKED = "right", "wrong", "unchecked"
ROUNDING, NOT_DRAWN = "rounding", "not drawn"

REASONS = {
    NOISE: "rounding of the loss hides them at every step tried",
    ROUNDING: "of the size of the gradient's own rounding in its dtype",
    KINK: "at a kink: a unit or an error changes side between +h and -h, or stands on it",
    FLAT: "flat: the loss does not change at all along them, and the gradient is 0 there",
    UNSETTLED: "the differences do not settle as h falls, as at a kink",
    NOT_DRAWN: "not in the random sample",
}


class Verdicts(NamedTuple):
    """One verdict per entry, and what was measured where it was not enough for one."""

    names: NDArray[np.str_]
    reasons: NDArray[np.str_]
    """One of ``REASONS`` where unchecked, elsewhere empty."""

    def count(self, name: str) -> int:
        """Entries with this verdict."""
        return int(np.sum(self.names == name))

    def why(self) -> dict[str, int]:
        """How many are unchecked for each reason that occurs."""
        counts = {reason: int(np.sum(self.reasons == reason)) for reason in REASONS}
        return {reason: n for reason, n in counts.items() if n}


def judge(
    analytic: Array,
    numeric: Array,
    error: Array,
    rounding: Array,
    tolerance: float,
    limit: Sequence[str],
) -> Verdicts:
    """A verdict for each entry, earned by what the uncertainty allows to be told apart.

    An entry whose uncertainty is more than `RESOLUTION` of it (of the given or of the numeric
    value, whichever is larger), or than the tolerance where that is larger, is never right:
    agreement would mean nothing.  It is wrong if the two lie further apart than twice the
    uncertainty, and unchecked if not.  Of the others those are wrong that lie further apart than
    tolerance and uncertainty allow, and the rest are right.

    Parameters
    ----------
    analytic, numeric : arrays of shape (n,)
        The gradient given, and what was measured: NaN where nothing could be.
    error, rounding : arrays of shape (n,)
        How wrong the measured may be, and the given by its own rounding.
    tolerance
        Relative.
    limit
        Of each: what kept the measurement from being better, "" if nothing did.
    """
    size = np.fmax(np.abs(analytic), np.abs(numeric))
    uncertainty, finest = error + rounding, max(RESOLUTION, tolerance) * size
    allowed = np.fmax(tolerance * size, uncertainty)
    measured = np.isfinite(numeric) & (np.array(limit) != FLAT)
    known = measured & (uncertainty <= finest)
    known |= measured & ~np.isfinite(analytic)
    with np.errstate(invalid="ignore"):
        apart = np.abs(analytic - numeric)
        right = known & (apart <= allowed)
        known |= measured & (apart > np.fmax(tolerance * size, 2 * uncertainty))
    names = np.where(right, RIGHT, np.where(known, WRONG, UNCHECKED))
    reasons = np.array(limit, dtype="<U12")
    missing = np.isin(reasons, ["", NOISE])
    reasons[missing] = np.where(rounding > np.fmax(error, finest), ROUNDING, NOISE)[missing]
    reasons[missing & ~np.isfinite(numeric)] = UNSETTLED
    reasons[known] = ""
    return Verdicts(names, reasons)
