"""The sets that come with the package."""

import gzip
import math
from collections.abc import Callable
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from loopbp.datasets.dataset import CLASSIFICATION, Dataset
from loopbp.validate import check_count, check_number

SPIRAL_TURN = math.pi / 16


def digits() -> Dataset:
    """1,797 handwritten digits, 8 x 8 pixels scaled to [0, 1].

    E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
    Repository, 1998, test part; licence CC BY 4.0.

    Returns
    -------
    Dataset
        X (1797, 64), y (1797,) the digits 0 to 9.
    """
    packed = resources.files("loopbp.datasets").joinpath("digits.csv.gz").read_bytes()
    header, *lines = gzip.decompress(packed).decode("ascii").splitlines()
    table = np.array([line.split(",") for line in lines], dtype=np.uint8)
    names = tuple(header.split(","))
    return Dataset(
        X=table[:, :-1] / 16.0,
        y=table[:, -1].astype(np.int64),
        name="digits",
        source="E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, test part, "
        "UCI Machine Learning Repository, 1998",
        licence="CC BY 4.0",
        task=CLASSIFICATION,
        feature_names=names[:-1],
        target_names=names[-1:],
    )


def xor() -> Dataset:
    """Exclusive or: four examples, two inputs, two classes.  Nothing can be held out of it.

    Returns
    -------
    Dataset
        X (4, 2), y (4,).
    """
    return Dataset(
        X=np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]),
        y=np.array([0, 1, 1, 0]),
        name="xor",
        source="the truth table of exclusive or",
        task=CLASSIFICATION,
        feature_names=("a", "b"),
        target_names=("a xor b",),
    )


def two_spirals(
    density: int = 1, radius: float = 6.5
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The two-spirals benchmark (Lang and Witbrock 1988, Carnegie Mellon's collection).

    Point i = 0 .. 96 of the first spiral has the angle i pi/16 and the radius
    6.5 (104 - i)/104; the second spiral is its mirror image at the origin.

    Parameters
    ----------
    density
        1: the benchmark's 194 points; d: points d times as close along the same curve.
    radius
        Of the outermost point.

    Returns
    -------
    X : array of shape (2 (96 density + 1), 2)
        The two spirals' points in turn, from the outside in.
    y : array of int64
        1 for the first spiral, 0 for the second.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of its range.
    """
    density = check_count("density", density)
    radius = check_number("radius", radius, above=0.0)
    i = np.arange(96 * density + 1) / density
    angle, r = i * SPIRAL_TURN, radius * (104 - i) / 104
    first = np.column_stack([r * np.sin(angle), r * np.cos(angle)])
    X = np.stack([first, -first], axis=1).reshape(-1, 2)
    return X, np.tile([1, 0], len(first))


def spirals() -> Dataset:
    """The 194 points of `two_spirals`; held out are the 192 points halfway between them.

    Returns
    -------
    Dataset
        X (194, 2), y (194,), X_test (192, 2), y_test (192,).
    """
    X, y = two_spirals()
    between, labels = two_spirals(density=2)
    halfway = np.arange(len(between)) // 2 % 2 == 1
    return Dataset(
        X=X,
        y=y,
        X_test=between[halfway],
        y_test=labels[halfway],
        name="spirals",
        source="two-spirals benchmark, K. Lang and M. Witbrock, 1988",
        task=CLASSIFICATION,
        feature_names=("x", "y"),
        target_names=("spiral",),
    )


EMBEDDED: dict[str, Callable[[], Dataset]] = {"digits": digits, "xor": xor, "spirals": spirals}
