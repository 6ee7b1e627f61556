"""What a person may get wrong: refused by name before any loop runs.  And what just works."""

import math
import re

import numpy as np
import pytest
from cases import helpers
from cases.helpers import blobs, classifier

import loopbp
from loopbp.catalogue import LOSSES

X, Y = blobs(12)
NAN, INF = math.nan, math.inf


def check(error, match, function, *arguments, **options):
    """The call raises, and the message begins with the name of the argument."""
    with pytest.raises(error, match=rf"^{match}") as caught:
        function(*arguments, **options)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("sizes", "error", "match"),
    [
        ([], ValueError, "sizes"),
        ([3], ValueError, "sizes"),
        ([3, 0], ValueError, r"sizes\[1\]"),
        ([-3, 2], ValueError, r"sizes\[0\]"),
        ([3, 2.0], TypeError, r"sizes\[1\]"),
        ([3, "2"], TypeError, r"sizes\[1\]"),
        ([3, True], TypeError, r"sizes\[1\]"),
        ([3, None], TypeError, r"sizes\[1\]"),
        ([[3, 2]], TypeError, r"sizes\[0\]"),
        (3, TypeError, "sizes"),
        ("64-10", TypeError, "sizes"),
        (None, TypeError, "sizes"),
    ],
)
def test_sizes(sizes, error, match):
    check(error, match, loopbp.Network, sizes)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        # unknown names, the nearest one suggested
        ({"hidden": "rleu"}, ValueError, "hidden: .*did you mean 'relu'"),
        ({"hidden": "RELU"}, ValueError, "hidden: .*did you mean 'relu'"),
        ({"output": "sotfmax"}, ValueError, "output: .*did you mean 'softmax'"),
        ({"loss": "crossentropy"}, ValueError, "loss: .*did you mean 'cross_entropy'"),
        ({"loss": "zzz"}, ValueError, "loss: expected one of half_mse"),
        ({"initializer": "he_unifrom"}, ValueError, "initializer: .*did you mean 'he_uniform'"),
        ({"hidden": 3}, TypeError, "hidden"),
        ({"hidden": [3, "relu"]}, TypeError, "hidden"),
        ({"output": 3}, TypeError, "output"),
        ({"loss": 3}, TypeError, "loss"),
        ({"initializer": 3}, TypeError, "initializer"),
        # one for each layer
        ({"hidden": ["relu"]}, ValueError, "hidden: expected one value or 2"),
        ({"dropout": [0.1]}, ValueError, "dropout: expected one value or 2"),
        ({"initializer": ["zeros"] * 2}, ValueError, "initializer: expected one value or 3"),
        # what does not fit together
        ({"hidden": "softmax"}, ValueError, "hidden: softmax"),
        ({"hidden": ["relu", "softmax"]}, ValueError, "hidden: softmax"),
        ({"output": "identity", "loss": "cross_entropy"}, ValueError, "loss: 'cross_entropy'"),
        ({"output": "tanh", "loss": "binary_cross_entropy"}, ValueError, "loss: 'binary_cross_e"),
        ({"output": "identity", "loss": "poisson"}, ValueError, "loss: 'poisson' does not fit"),
        # out of range
        ({"dropout": 1.0}, ValueError, "dropout"),
        ({"dropout": -0.1}, ValueError, "dropout"),
        ({"dropout": [0.1, NAN]}, ValueError, "dropout"),
        ({"dropout": "much"}, TypeError, "dropout"),
        ({"dropout": None}, TypeError, "dropout"),
        ({"l2": -1.0}, ValueError, "l2"),
        ({"l2": INF}, ValueError, "l2"),
        ({"l2": "small"}, TypeError, "l2"),
        ({"dtype": "float16"}, ValueError, "dtype"),
        ({"dtype": "int64"}, ValueError, "dtype"),
        ({"dtype": "double32"}, TypeError, "dtype"),
        ({"seed": -1}, ValueError, "seed"),
        ({"seed": 2**63}, ValueError, "seed"),
        ({"seed": 1.5}, TypeError, "seed"),
        ({"seed": "one"}, TypeError, "seed"),
    ],
)
def test_network(options, error, match):
    check(error, match, loopbp.Network, [4, 3, 3, 2], **options)


def test_softmax_of_one_output():
    check(ValueError, "output: softmax of one", loopbp.Network, [4, 1], output="softmax")


@pytest.mark.parametrize(("loss", "output"), [
    (loss, output) for loss, row in LOSSES.items()
    for output in (*helpers.HIDDEN, "softmax") if output not in row.outputs
])  # fmt: skip
def test_output_that_leaves_the_range_of_the_loss(loss, output):
    check(ValueError, "loss", loopbp.Network, [2, 3], output=output, loss=loss)


RAGGED = [[1.0, 2.0], [3.0]]
BAD_X = [
    (np.ones((12, 3)), ValueError, r"expected shape \(examples, 2\)"),
    (np.ones(2), ValueError, r".*pass X\.reshape\(1, -1\)"),
    (np.ones((12, 2, 1)), ValueError, r"expected shape \(examples, 2\)"),
    (1.0, ValueError, r"expected shape"),
    (np.ones((0, 2)), ValueError, "expected at least one example"),
    ([], ValueError, "expected shape"),
    (RAGGED, ValueError, ".*ragged"),
    (np.where(np.arange(24).reshape(12, 2) == 7, NAN, 1.0), ValueError, ".*row 3, column 1"),
    (np.where(np.arange(24).reshape(12, 2) == 4, -INF, 1.0), ValueError, ".*row 2, column 0"),
    (np.ones((12, 2), complex), TypeError, "expected real numbers"),
    (np.full((12, 2), "1.0"), TypeError, "expected real numbers"),
    (np.full((12, 2), "a", object), TypeError, "expected real numbers"),
    (np.full((12, 2), None), ValueError, "expected finite .*row 0, column 0"),
    (np.full((12, 2), np.datetime64("2020-01-01")), TypeError, "expected real numbers"),
    (None, ValueError, "expected shape"),
]


@pytest.mark.parametrize(("bad", "error", "match"), BAD_X)
@pytest.mark.parametrize("method", ["fit", "predict", "predict_proba", "activations", "loss",
                                    "score", "gradient"])  # fmt: skip
def test_x(method, bad, error, match):
    needs_y = method in ("fit", "loss", "score", "gradient")
    check(error, f"X: {match}", getattr(classifier(), method), bad, *([Y] if needs_y else []))


def test_sparse_x():
    sparse = pytest.importorskip("scipy.sparse")
    check(TypeError, "X: expected a dense array", classifier().predict, sparse.eye(2).tocsr())


def test_x_that_overflows_float32():
    bad = np.array([[1.0, 1e300]])
    check(ValueError, "X: .*float32.*row 0, column 1", classifier(dtype="float32").predict, bad)
    assert np.isfinite(classifier().predict_proba(bad)).all()


BAD_Y = [  # all others are in test_targets
    (Y[:-1], ValueError, "expected 12 targets"),
    (np.append(Y, 0), ValueError, "expected 12 targets"),
    (np.where(np.arange(12) == 5, 3, Y), ValueError, ".*got 3 at row 5"),
    (np.where(np.arange(12) == 5, -1, Y), ValueError, ".*got -1 at row 5"),
    (np.where(np.arange(12) == 5, NAN, Y), ValueError, ".*row 5"),
    (np.eye(3)[Y] * 2, ValueError, r".*\[0, 1\]"),
    (np.eye(3)[Y] / 2, ValueError, ".*sum to 1"),
    (np.eye(4)[Y], ValueError, "expected 3 columns"),
    (["a"] * 12, ValueError, "expected 3 different labels"),
    (None, ValueError, "expected 12 targets"),
    ([[0], [1, 2]], ValueError, ".*ragged"),
    (np.full(12, 1j), TypeError, "expected real numbers"),
]


@pytest.mark.parametrize(("bad", "error", "match"), BAD_Y)
@pytest.mark.parametrize("method", ["fit", "loss", "score", "gradient"])
def test_y(method, bad, error, match):
    check(error, f"y: {match}", getattr(classifier(), method), X, bad)


def test_labels_unseen_in_the_first_fit():
    net = classifier()
    net.fit(X, np.array(["a", "b", "c"])[Y], epochs=1)
    check(ValueError, "y: .*got 'd' at row 0", net.fit, X, np.array(["d", "b", "c"])[Y])
    check(ValueError, "y: .*labels a, b, c, got '[0-2]' at row 0", net.score, X, Y)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"epochs": 0}, ValueError, "epochs"),
        ({"epochs": -1}, ValueError, "epochs"),
        ({"epochs": 1.5}, TypeError, "epochs"),
        ({"epochs": "all"}, TypeError, "epochs"),
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"batch_size": -32}, ValueError, "batch_size"),
        ({"batch_size": 32.0}, TypeError, "batch_size"),
        ({"batch_size": "all"}, TypeError, "batch_size"),
        ({"optimizer": "adma"}, ValueError, "optimizer: .*did you mean 'adam'"),
        ({"optimizer": 1e-3}, TypeError, "optimizer"),
        ({"optimizer": loopbp.Adam}, TypeError, "optimizer"),
        ({"engine": "numpi"}, ValueError, "engine: .*did you mean 'numpy'"),
        ({"engine": None}, TypeError, "engine"),
        ({"sample_weight": np.ones(11)}, ValueError, "sample_weight"),
        ({"sample_weight": np.ones((12, 1))}, ValueError, "sample_weight"),
        ({"sample_weight": np.zeros(12)}, ValueError, "sample_weight"),
        ({"sample_weight": -np.ones(12)}, ValueError, "sample_weight"),
        ({"sample_weight": np.full(12, NAN)}, ValueError, "sample_weight"),
        ({"sample_weight": ["a"] * 12}, TypeError, "sample_weight"),
        ({"validation": 0.0}, ValueError, "validation"),
        ({"validation": 1.0}, ValueError, "validation"),
        ({"validation": -0.2}, ValueError, "validation"),
        ({"validation": NAN}, ValueError, "validation"),
        ({"validation": "some"}, TypeError, "validation"),
        ({"validation": True}, TypeError, "validation"),
        ({"validation": (X,)}, ValueError, "validation"),
        ({"validation": (X, Y, Y)}, ValueError, "validation"),
        ({"validation": (X[:, :1], Y)}, ValueError, "validation X"),
        ({"validation": (X, Y[1:])}, ValueError, "validation y"),
        ({"validation": (X, Y + 1)}, ValueError, "validation y"),
        ({"validation": 0.01}, ValueError, "validation: .* leaves the validation set empty"),
        ({"early_stopping": 3}, ValueError, "early_stopping"),
        ({"early_stopping": 0, "validation": 0.25}, ValueError, "early_stopping"),
        ({"early_stopping": "soon", "validation": 0.25}, TypeError, "early_stopping"),
        ({"callbacks": print}, TypeError, "callbacks"),
        ({"callbacks": [3]}, TypeError, "callbacks"),
    ],
)
def test_fit(options, error, match):
    net = classifier()
    before = net.theta.copy()
    check(error, match, net.fit, X, Y, **options)
    assert (net.theta == before).all(), "nothing is trained before all is checked"
    assert net.history.epochs == 0


@pytest.mark.parametrize(("fraction", "side"), [(0.01, "validation"), (0.99, "training")])
def test_a_fraction_that_leaves_a_side_of_a_regression_empty(fraction, side):
    net = loopbp.Network([2, 1], loss="half_mse", seed=0)
    check(ValueError, f"validation: .*{side} set empty", net.fit, X, X[:, 0], validation=fraction)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"patience": 0}, ValueError, "patience"),
        ({"patience": 2.5}, TypeError, "patience"),
        ({"min_delta": -1.0}, ValueError, "min_delta"),
    ],
)
def test_early_stopping(options, error, match):
    check(error, match, loopbp.EarlyStopping, **options)


def test_engine_of_gradient_and_loss():
    for method in (classifier().gradient, classifier().loss):
        check(ValueError, "engine: .*did you mean 'loops'", method, X, Y, engine="loop")


@pytest.mark.parametrize("bad", [np.zeros(38), np.zeros((39, 1)), 0.0])
def test_theta_of_another_shape(bad):
    net = classifier()
    with pytest.raises(ValueError, match=re.escape("theta: expected shape (39,)")):
        net.theta = bad


# -- what just works ------------------------------------------------------------------------------

WHOLE = np.round(2 * X)  # the same in every dtype


def read_only(_):
    array = WHOLE.copy()
    array.flags.writeable = False
    return array


def mapped(folder):
    np.save(folder / "x.npy", WHOLE)
    return np.load(folder / "x.npy", mmap_mode="r")


def strided(_):
    return np.repeat(np.repeat(WHOLE, 3, axis=0), 2, axis=1)[::3, ::2]


def data_frame(_):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    return pandas.DataFrame(WHOLE, columns=["east", "north"])


FORMS = {
    "list": lambda _: WHOLE.tolist(),
    "tuples": lambda _: tuple(map(tuple, WHOLE)),
    "data frame": data_frame,
    "read-only": read_only,
    "Fortran": lambda _: np.asfortranarray(WHOLE),
    "strided": strided,
    "reversed": lambda _: WHOLE[::-1].copy()[::-1],
    "integer": lambda _: WHOLE.astype(np.int16),
    "float16": lambda _: WHOLE.astype(np.float16),
    "float32": lambda _: WHOLE.astype(np.float32),
    "big-endian": lambda _: WHOLE.astype(">f8"),
    "objects": lambda _: WHOLE.astype(object),
    "memory-mapped": mapped,
    "unaligned": lambda _: np.frombuffer(b"x" + WHOLE.tobytes(), "u1")[1:].view(float).reshape(
        WHOLE.shape),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("dtype", helpers.DTYPES)
def test_every_form_of_x_gives_the_numbers_of_the_plain_array(tmp_path, form, dtype):
    plain, other = classifier(dtype=dtype), classifier(dtype=dtype)
    given = form(tmp_path)
    for net, x in ((plain, WHOLE), (other, given)):
        net.fit(x, Y, epochs=2, batch_size=5, validation=(x, Y))
    assert (other.theta == plain.theta).all()
    assert (other.predict_proba(given) == plain.predict_proba(WHOLE)).all()
    assert other.loss(given, Y) == plain.loss(WHOLE, Y)
    assert (other.gradient(given, Y).theta == plain.gradient(WHOLE, Y).theta).all()


@pytest.mark.parametrize("form", [
    Y.tolist(), tuple(Y), Y.astype(np.uint8), Y.astype(float), Y[::-1].copy()[::-1],
    Y.astype(object), Y.reshape(-1, 1)[:, 0], np.eye(3, dtype=int)[Y], np.eye(3)[Y].tolist(),
    np.asfortranarray(np.eye(3)[Y]), np.eye(3, dtype=bool)[Y],
])  # fmt: skip
def test_every_form_of_y_gives_the_numbers_of_the_plain_array(form):
    assert (classifier().gradient(X, form).theta == classifier().gradient(X, Y).theta).all()


def test_series_and_categories_of_pandas():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    names = np.array(["a", "b", "c"])[Y]
    expected = classifier().gradient(X, Y).theta
    for y in (pandas.Series(Y), pandas.Series(names), pandas.Series(names, dtype="category")):
        assert (classifier().gradient(X, y).theta == expected).all()


def test_nothing_given_is_changed():
    given = WHOLE.copy(), Y.copy(), np.full(12, 2.0)
    held = [array.copy() for array in given]
    classifier(dropout=0.5).fit(*given[:2], epochs=2, sample_weight=given[2])
    assert all((array == before).all() for array, before in zip(given, held, strict=True))
