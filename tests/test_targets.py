"""From y to the target matrix and back."""

import numpy as np
import pytest

from loopbp.network import targets

FLOAT = np.dtype("float64")


def encode(y, n_outputs=3, output="softmax", loss="cross_entropy", classes=None):
    return targets.encode("y", y, len(y), n_outputs, output, loss, FLOAT, classes)


@pytest.mark.parametrize(
    ("y", "n_outputs", "output", "loss", "Y", "task", "classes"),
    [
        ([2, 0], 3, "softmax", "cross_entropy", [[0, 0, 1], [1, 0, 0]], "classification",
         [0, 1, 2]),
        ([2.0, 0.0], 3, "softmax", "half_mse", [[0, 0, 1], [1, 0, 0]], "classification",
         [0, 1, 2]),
        ([[0.5, 0.5, 0]], 3, "softmax", "cross_entropy", [[0.5, 0.5, 0]], "classification",
         [0, 1, 2]),
        (["b", "a", "c"], 3, "softmax", "cross_entropy", [[0, 1, 0], [1, 0, 0], [0, 0, 1]],
         "classification", ["a", "b", "c"]),
        ([1, 0], 1, "sigmoid", "binary_cross_entropy", [[1], [0]], "classification", [0, 1]),
        ([True, False], 1, "sigmoid", "binary_cross_entropy", [[1], [0]], "classification",
         [0, 1]),
        ([[1], [0]], 1, "sigmoid", "binary_cross_entropy", [[1], [0]], "classification", [0, 1]),
        ([0.25, 1.0], 1, "sigmoid", "binary_cross_entropy", [[0.25], [1]], "classification",
         [0, 1]),
        (["no", "yes"], 1, "sigmoid", "binary_cross_entropy", [[0], [1]], "classification",
         ["no", "yes"]),
        ([[1, 0], [1, 1]], 2, "sigmoid", "binary_cross_entropy", [[1, 0], [1, 1]], "multilabel",
         [0, 1]),
        ([1, 2], 2, "sigmoid", "quadratic", None, "", None),
        ([1.5, 2.5], 1, "identity", "half_mse", [[1.5], [2.5]], "regression", None),
        ([0.5, 0.1], 1, "sigmoid", "half_mse", [[0.5], [0.1]], "regression", None),
        ([[1, 2], [3, 4]], 2, "identity", "half_mse", [[1, 2], [3, 4]], "regression", None),
        ([3, 0], 1, "softplus", "poisson", [[3], [0]], "regression", None),
        (np.array([1, 0], object), 1, "identity", "mae", [[1], [0]], "regression", None),
        (np.array(["a", "b"], object), 2, "softmax", "cross_entropy", [[1, 0], [0, 1]],
         "classification", ["a", "b"]),
    ],
)  # fmt: skip
def test_encode(y, n_outputs, output, loss, Y, task, classes):
    if Y is None:  # 2 is no class of two
        with pytest.raises(ValueError, match="class numbers 0 to 1, got 2 at row 1"):
            encode(y, n_outputs, output, loss)
        return
    found = encode(y, n_outputs, output, loss)
    assert found.Y.tolist() == Y
    assert found.Y.dtype == FLOAT
    assert found.task == task
    assert (None if found.classes is None else found.classes.tolist()) == classes


def test_known_labels_keep_their_order_where_some_are_missing():
    known = np.array(["a", "b", "c"])
    assert encode(["c", "a"], classes=known).Y.tolist() == [[0, 0, 1], [1, 0, 0]]


BINARY = {"n_outputs": 1, "output": "sigmoid", "loss": "binary_cross_entropy"}
REGRESSION = {"n_outputs": 2, "output": "identity", "loss": "half_mse"}
LETTERS = {"classes": np.array(["a", "b", "c"])}


@pytest.mark.parametrize(
    ("y", "options", "error", "match"),
    [
        ([0, 3], {}, ValueError, "class numbers 0 to 2, got 3 at row 1"),
        ([0, -1], {}, ValueError, "got -1 at row 1"),
        ([0, 0.5], {}, ValueError, r"got 0\.5 at row 1"),
        ([0, np.nan], {}, ValueError, "finite .* at row 1"),
        ([2, 0], BINARY, ValueError, "class numbers 0 to 1, got 2 at row 0"),
        ([0.5, 1.5], BINARY, ValueError, r"got 0\.5 at row 0"),
        (["a", "b"], {}, ValueError, "expected 3 different labels for 3 outputs, got 2"),
        (["a", "d"], LETTERS, ValueError, "got 'd' at row 1"),
        ([0, 1], LETTERS, ValueError, "labels a, b, c, got '0'"),
        (["a", "b", "c"], {"classes": np.arange(3)}, ValueError, "labels 0, 1, 2, got 'a'"),
        (np.array(["a", 1], object), {}, TypeError, "labels of one kind, got 1 among strings"),
        (np.array([{}, []], object), {}, TypeError, "labels or numbers"),
        ([[1, 0, 1], [0, 0, 1]], {}, ValueError, "rows that sum to 1 .* the sum 2 at row 0"),
        ([[1, 0, 0], [0.5, 0, 0]], {}, ValueError, r"the sum 0\.5 at row 1"),
        ([[2, 0, -1]], {}, ValueError, r"values in \[0, 1\] for cross_entropy"),
        ([[1, 0]], {}, ValueError, "expected 3 columns, got 2"),
        ([[[1]]], {}, ValueError, "one for each row of X"),
        ([[1.5], [0.0]], {**BINARY, "n_outputs": 1}, ValueError, r"got 1\.5 at row 0"),
        ([[0, 2]], {**BINARY, "n_outputs": 2}, ValueError, r"values in \[0, 1\]"),
        (["a", "b"], {**REGRESSION, "n_outputs": 1}, TypeError, "expected numbers for output"),
        ([1.0, 2.0], REGRESSION, ValueError, r"expected shape \(2, 2\) for 2 outputs"),
        ([[1.0, np.inf]], REGRESSION, ValueError, "inf at row 0, column 1"),
        ([[-1.0, 0.0]], {"n_outputs": 2, "output": "softplus", "loss": "poisson"}, ValueError,
         "counts of at least 0"),
    ],
)  # fmt: skip
def test_bad_targets(y, options, error, match):
    with pytest.raises(error, match=rf"^y: .*{match}"):
        encode(y, **options)


def test_number_of_targets():
    with pytest.raises(ValueError, match="y: expected 5 targets"):
        targets.encode("y", [0, 1], 5, 3, "softmax", "cross_entropy", FLOAT)


@pytest.mark.parametrize(
    ("a", "task", "classes", "expected"),
    [
        ([[0.1, 0.9]], "classification", ["a", "b"], ["b"]),
        ([[0.6], [0.5]], "classification", ["no", "yes"], ["yes", "no"]),
        ([[0.6, 0.5]], "multilabel", None, [[1, 0]]),
        ([[1.5], [2.5]], "regression", None, [1.5, 2.5]),
        ([[1.5, 2.5]], "regression", None, [[1.5, 2.5]]),
    ],
)
def test_decode(a, task, classes, expected):
    known = None if classes is None else np.array(classes)
    assert targets.decode(np.array(a), task, known).tolist() == expected


@pytest.mark.parametrize(
    ("a", "Y", "task", "expected"),
    [
        ([[0.1, 0.9], [0.8, 0.2]], [[0, 1], [0, 1]], "classification", 0.5),
        ([[0.6], [0.4], [0.9]], [[1], [1], [1]], "classification", 2 / 3),
        ([[0.6, 0.1], [0.6, 0.6]], [[1, 0], [1, 0]], "multilabel", 0.5),
        # the first output is met, the second is its mean: (1 + 0) / 2
        ([[0.0, 2.0], [1.0, 2.0]], [[0, 1], [1, 3]], "regression", 0.5),
    ],
)
def test_score(a, Y, task, expected):
    assert targets.score(np.array(a), np.array(Y, float), task) == pytest.approx(expected)
