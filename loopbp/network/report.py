"""`ClassificationReport`: precision, recall, F1 and ROC AUC, as scikit-learn defines them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.messages.calls import suggests
from loopbp.messages.suggestions import listed
from loopbp.network.class_weights import class_numbers
from loopbp.network.targets import CLASSIFICATION, MULTILABEL, REGRESSION, score

_MOST_NAMED = 5


@suggests
@dataclass(frozen=True, eq=False)
class ClassificationReport:
    """How well classes are told apart; `loopbp.Network.report` makes one.

    The numbers are those of ``sklearn.metrics``: of two classes, ``average="binary"`` for the
    second one; of more, and of several labels at once, ``average="macro"``, the mean over the
    classes that are in the data or are predicted.  What is 0 divided by 0 counts as 0.0, and
    `undefined` says where.
    """

    task: str
    """``classification`` or ``multilabel``"""
    score: float
    """accuracy, or the share of rows all right"""
    average: str
    """``binary`` or ``macro``"""
    positive: Any
    """the label that `binary` is of; else None"""
    precision: float
    """true positives for each that is predicted"""
    recall: float
    """true positives for each that there is"""
    f1: float
    """the harmonic mean of both, class by class"""
    roc_auc: float | None
    """of two classes the probability that an example of the second has the higher output; of more
    the mean of one against the rest; None where it is not defined"""
    why_no_roc_auc: str
    """why it is not; empty where it is"""
    undefined: tuple[str, ...]
    """what was 0 divided by 0"""
    classes: NDArray[Any]
    """the labels"""
    precisions: NDArray[np.float64]
    """by class"""
    recalls: NDArray[np.float64]
    """by class"""
    f1s: NDArray[np.float64]
    """by class"""
    support: NDArray[np.int64]
    """how many examples of each class there are"""

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold; `roc_auc` is null where it is not defined."""
        return {
            "average": self.average,
            "positive": self.positive,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "roc_auc": self.roc_auc,
            "why_no_roc_auc": self.why_no_roc_auc or None,
            "undefined": list(self.undefined),
            "by_class": [
                dict(zip(("class", "precision", "recall", "f1", "support"), row, strict=True))
                for row in zip(
                    self.classes.tolist(), self.precisions.tolist(), self.recalls.tolist(),
                    self.f1s.tolist(), self.support.tolist(), strict=True,
                )
            ],
        }  # fmt: skip

    def __str__(self) -> str:
        rows: list[tuple[str, ...]] = [("", "precision", "recall", "F1", "examples")]
        for k, label in enumerate(self.classes.tolist()):
            numbers = self.precisions[k], self.recalls[k], self.f1s[k]
            rows.append((str(label), *(f"{n:.4f}" for n in numbers), f"{self.support[k]:,}"))
        numbers = self.precision, self.recall, self.f1
        of = "macro" if self.positive is None else f"of {self.positive}"
        rows.append((of, *(f"{n:.4f}" for n in numbers), f"{self.support.sum():,}"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in rows
        ]
        name = "rows all right" if self.task == MULTILABEL else "accuracy"
        area = self.why_no_roc_auc if self.roc_auc is None else f"{self.roc_auc:.4f}"
        return "\n".join([*lines, f"{name} {self.score:.4f}, ROC AUC {area}", *self.undefined])


def report(
    a: NDArray[Any], Y: NDArray[Any], task: str, classes: NDArray[Any] | None
) -> ClassificationReport:
    """The report of output activations a (m, n_L) on encoded targets Y (m, n_L).

    Parameters
    ----------
    a, Y
        Outputs and targets.
    task, classes
        See `loopbp.network.targets.Targets`.

    Raises
    ------
    ValueError
        For values.
    """
    if task == REGRESSION or classes is None:
        raise ValueError("report: is for classes and labels, and y holds values; use score")
    if task == CLASSIFICATION:
        number = np.arange(len(classes))
        true, found = (class_numbers(rows)[:, None] == number for rows in (Y, a))
        chances = np.column_stack([1 - a, a]) if a.shape[1] == 1 else a
    else:
        true, found, chances = Y > 0.5, a > 0.5, a
    hits, predicted, support = (
        np.count_nonzero(rows, axis=0) for rows in (true & found, found, true)
    )
    precisions, recalls = _ratio(hits, predicted), _ratio(hits, support)
    f1s = _ratio(2 * hits, predicted + support)
    binary = task == CLASSIFICATION and len(classes) == 2
    # As in scikit-learn, a class that is neither there nor predicted is in no mean.
    there = np.arange(len(classes)) == 1 if binary else (predicted > 0) | (support > 0)
    if task == MULTILABEL:
        there[:] = True
    area, why = _roc_auc(true, chances, classes, binary)
    return ClassificationReport(
        task=task,
        score=score(a, Y, task),
        average="binary" if binary else "macro",
        positive=classes[1].item() if binary else None,
        precision=float(np.mean(precisions[there])),
        recall=float(np.mean(recalls[there])),
        f1=float(np.mean(f1s[there])),
        roc_auc=area,
        why_no_roc_auc=why,
        undefined=_undefined(predicted, support, there, classes),
        classes=classes,
        precisions=precisions,
        recalls=recalls,
        f1s=f1s,
        support=support,
    )


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def _undefined(
    predicted: NDArray[np.int64],
    support: NDArray[np.int64],
    there: NDArray[np.bool_],
    classes: NDArray[Any],
) -> tuple[str, ...]:
    """Which precisions, recalls and F1 are 0 only because they are not defined."""
    found = []
    for name, why, empty in (
        ("precision", "is never predicted", predicted == 0),
        ("recall", "has no example here", support == 0),
        ("F1", "has no example and is never predicted", (support == 0) & (predicted == 0)),
    ):
        labels = classes[empty & there].tolist()
        if labels:
            found.append(f"{name} counts as 0 where a class {why}: {_names(labels)}")
    return tuple(found)


def _names(labels: list[Any]) -> str:
    return listed(map(str, labels), _MOST_NAMED)


def _roc_auc(
    true: NDArray[np.bool_], chances: NDArray[Any], classes: NDArray[Any], binary: bool
) -> tuple[float | None, str]:
    """The area, or why there is none."""
    if not np.isfinite(chances).all():
        return None, "outputs are not finite"
    for every, text in ((False, "no example"), (True, "all examples")):
        one_sided = (true == every).all(axis=0)
        if one_sided.any():
            return None, f"not defined: {text} here of class {_names(classes[one_sided].tolist())}"
    columns = [1] if binary else range(len(classes))
    return float(np.mean([roc_auc(true[:, k], chances[:, k]) for k in columns])), ""


def roc_auc(true: NDArray[np.bool_], chance: NDArray[Any]) -> float:
    """How probably one of those that are true has the higher chance; equal ones count half.

    Parameters
    ----------
    true, chance : arrays of shape (m,)
        Some of `true` are, and some are not.

    Examples
    --------
    >>> import numpy as np
    >>> from loopbp.network.report import roc_auc
    >>> roc_auc(np.array([False, True, False, True]), np.array([0.1, 0.4, 0.4, 0.8]))
    0.875
    """
    _, place, counts = np.unique(chance, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[place]  # the mean rank of those that are equal
    positives = np.count_nonzero(true)
    above = rank[true].sum() - positives * (positives + 1) / 2
    return float(above / (positives * (len(true) - positives)))
