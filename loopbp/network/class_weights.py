"""Weights of classes as weights of examples."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopbp.messages.suggestions import listed
from loopbp.network.targets import CLASSIFICATION, MULTILABEL
from loopbp.validate import check_number

_REMEDY = "pass sample_weight, one weight for each example"


def class_weights(
    class_weight: Any, number: NDArray[np.int64], classes: NDArray[Any], sample_weight: NDArray[Any]
) -> NDArray[np.float64]:
    """The weight of each class.

    Parameters
    ----------
    class_weight
        ``"balanced"``, or a mapping from label to weight that has every class with an example.
    number : array of shape (m,)
        The class of each example, from 0.
    classes
        The label of each class.
    sample_weight : array of shape (m,)
        s_t.

    Returns
    -------
    array of shape (classes,)
        ``balanced``: sum s / (K sum of s in the class), which with equal s is m / (K m_k) for m_k
        of m examples; K counts the classes that have examples.  0 for a class without any.

    Raises
    ------
    TypeError, ValueError
        Names the label.

    Examples
    --------
    >>> import numpy as np
    >>> from loopbp.network.class_weights import class_weights
    >>> class_weights("balanced", np.array([0, 1, 1, 1]), np.array(["no", "yes"]), np.ones(4))
    array([2.        , 0.66666667])
    """
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(
                f"class_weight: expected 'balanced' or a mapping from label to weight, "
                f"got {class_weight!r}"
            )
        total = np.bincount(number, sample_weight.astype(np.float64), len(classes))
        there = total > 0
        found = np.zeros(len(classes))
        found[there] = total.sum() / (np.count_nonzero(there) * total[there])
        return found
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            f"class_weight: expected 'balanced' or a mapping from label to weight, got "
            f"{class_weight!r}; pass {{label: weight, ...}}"
        )
    places = {_text(label, True): k for k, label in enumerate(classes.tolist())}
    as_words = places.keys() <= {"True", "False"}
    found = np.full(len(classes), np.nan)
    for label, value in class_weight.items():
        k = places.get(_text(label, as_words))
        if k is None:
            raise ValueError(
                f"class_weight: {label!r} is none of the labels {listed(list(places), 12)}"
            )
        if not np.isnan(found[k]):
            raise ValueError(f"class_weight: has the label {label!r} twice")
        found[k] = check_number(f"class_weight[{label!r}]", value, at_least=0.0)
    counts = np.bincount(number, minlength=len(classes))
    missing = [text for text, k in places.items() if np.isnan(found[k]) and counts[k]]
    if missing:
        raise ValueError(
            f"class_weight: has no weight for {listed(missing, 12)}; give one for every label of "
            "y, 1 where nothing should change"
        )
    return np.where(np.isnan(found), 0.0, found)


def _text(label: Any, as_words: bool) -> str:
    """A label as text: 2, 2.0 and "2" are the same one, and so are True and 1, but among words."""
    if isinstance(label, bool | np.bool_):
        return str(bool(label)) if as_words else str(int(label))
    if isinstance(label, float | np.floating) and float(label).is_integer():
        return str(int(label))
    return str(label)


def class_numbers(Y: NDArray[Any]) -> NDArray[np.int64]:
    """The class of each row of encoded targets (m, n_L): of one output by 0.5, else the largest."""
    return (Y[:, 0] > 0.5).astype(np.int64) if Y.shape[1] == 1 else Y.argmax(axis=1)


def weighted(
    class_weight: Any,
    Y: NDArray[Any],
    classes: NDArray[Any] | None,
    task: str,
    sample_weight: NDArray[Any],
) -> NDArray[np.float64]:
    """s_t times the weight of its class; see `class_weights`.

    Parameters
    ----------
    class_weight
        As in `loopbp.Network.fit`.
    Y, classes, task
        See `loopbp.network.targets.Targets`.
    sample_weight : array of shape (m,)
        s_t.

    Raises
    ------
    TypeError, ValueError
        If there are no classes to weigh, or a label or a weight does not fit.
    """
    if task != CLASSIFICATION or classes is None:
        what = "several labels at once" if task == MULTILABEL else "values"
        raise ValueError(
            f"class_weight: is for one class an example, and y holds {what}; {_REMEDY}"
        )
    if not np.isin(Y, (0, 1)).all():
        row = int(np.argmax(~np.isin(Y, (0, 1)).all(axis=1)))
        raise ValueError(
            f"class_weight: y holds probabilities, {Y[row]} at row {row}, and no labels; {_REMEDY}"
        )
    number = class_numbers(Y)
    found = class_weights(class_weight, number, classes, sample_weight)[number] * sample_weight
    if not found.any():
        raise ValueError("class_weight: leaves no example a weight above 0")
    return found
