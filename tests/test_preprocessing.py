"""`Preprocessing`: one table, one meaning, for every method of a network and in its file."""

import json

import numpy as np
import pandas as pd
import pytest
from cases import helpers

import loopbp
from loopbp import Preprocessing, compiled
from loopbp.network import storage

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({
    "size": RNG.normal(50, 10, 60),
    "weight": RNG.normal(0, 1e-3, 60),
    "colour": RNG.choice(["red", "green", "blue"], 60),
})  # fmt: skip
LABEL = np.where((FRAME["size"] > 50) ^ (FRAME["colour"] == "red"), "yes", "no")
PRICE = 1e9 + 1e6 * FRAME["size"].to_numpy()


def trained(X=FRAME, y=LABEL, output=None, **options):
    prepared = Preprocessing.fitted(X, y, **options)
    outputs = 1 if output == "identity" else 2
    net = loopbp.Network(
        [prepared.n_inputs, 6, outputs], output=output, preprocessing=prepared, seed=1
    )
    net.fit(X, y, epochs=60, optimizer=loopbp.Adam(0.02), engine="numpy")
    return net


@pytest.fixture(scope="module")
def labelled():
    return trained()


def test_encoded_scaled_and_in_order():
    prepared = Preprocessing.fitted(FRAME, scale="standard")
    assert prepared.input_names == ("size", "weight", "colour=blue", "colour=green", "colour=red")
    X = prepared.inputs("X", FRAME, np.dtype("float64"))
    for k, name in enumerate(("size", "weight")):
        column = FRAME[name].to_numpy()
        assert X[:, k] == pytest.approx((column - column.mean()) / column.std())
    for k, word in enumerate(("blue", "green", "red"), start=2):
        assert (X[:, k] == (FRAME["colour"] == word)).all()
    ordinal = Preprocessing.fitted(FRAME[["colour"]], categorical="ordinal", scale="none")
    assert ordinal.inputs("X", [["green"], ["blue"]], np.dtype("float32")).tolist() == [[1], [0]]


@pytest.mark.parametrize("form", ["frame", "reordered", "more columns", "objects", "rows"])
def test_every_form_of_a_table_means_the_same(labelled, form):
    X = {
        "frame": FRAME,
        "reordered": FRAME[["colour", "weight", "size"]],
        "more columns": FRAME.assign(other="x")[["other", "colour", "weight", "size"]],
        "objects": FRAME.to_numpy(),
        "rows": FRAME.to_numpy().tolist(),
    }[form]
    assert (labelled.predict_proba(X) == labelled.predict_proba(FRAME)).all()


def test_every_method_takes_the_table(labelled, tmp_path):
    """What each method makes of the table is what the network behind it makes of the arrays."""
    net = labelled
    bare = loopbp.Network(net.sizes, seed=0)
    bare.theta = net.theta
    X, Y = net.prepare(FRAME, LABEL)
    assert Y is not None
    assert net.score(FRAME, LABEL) == bare.score(X, Y) > 0.9
    assert net.loss(FRAME, LABEL) == bare.loss(X, Y)
    assert (net.gradient(FRAME, LABEL).theta == bare.gradient(X, Y).theta).all()
    assert (net.activations(FRAME)[1] == bare.activations(X)[1]).all()
    assert set(net.predict(FRAME)) == {"yes", "no"}
    few, labels = FRAME[:5], LABEL[:5]
    assert loopbp.check_gradient(net, few, labels, engine="numpy").ok
    e = loopbp.explain(net, few, labels, layer=1, unit=2, input="colour=red")
    assert e.value == pytest.approx(net.gradient(few, labels).weights[0][2, 4], rel=1e-9)
    assert e.ok
    forward = loopbp.forward_mode_gradient(net, few, labels, engine="numpy")
    assert forward == pytest.approx(net.gradient(few, labels).theta)
    if helpers.JIT:
        assert compiled.predict(net.theta, net.architecture, X) == pytest.approx(
            net.predict_proba(FRAME)
        )
    net.save(tmp_path / "net.npz")
    loaded = loopbp.load(tmp_path / "net.npz")
    assert (loaded.predict(FRAME) == net.predict(FRAME)).all()
    assert loaded.score(FRAME, LABEL) == net.score(FRAME, LABEL)
    loaded.fit(FRAME, LABEL, epochs=1, engine="numpy", validation=(FRAME[::-1], LABEL[::-1]))
    assert loaded.history.epochs == 61


def test_predicted_values_come_in_their_own_units(tmp_path):
    net = trained(FRAME, PRICE, "identity", target_scale="standard")
    assert net.score(FRAME, PRICE) > 0.98
    assert net.predict(FRAME) == pytest.approx(PRICE, abs=5e6)
    net.save(tmp_path / "net.npz")
    assert (loopbp.load(tmp_path / "net.npz").predict(FRAME) == net.predict(FRAME)).all()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda X: X.drop(columns="weight"), r"X: no column 'weight'; the columns are size, colo"),
        (lambda X: X.rename(columns={"size": "sise"}), "no column 'size'; did you mean 'sise'"),
        (lambda X: X.assign(colour="grey"), "column 'colour': expected one of blue, green, red, "
         "got 'grey' at row 0"),
        (lambda X: X.assign(colour=1), "column 'colour': expected words, got 1 at row 0"),
        (lambda X: X.assign(size="1_0"), "column 'size': expected a number, got '1_0' at row 0"),
        (lambda X: X.assign(size=np.nan), "column 'size': the cell at row 0 is missing"),
        (lambda X: X.assign(size=np.inf), "column 'size': expected a finite number, got inf"),
        (lambda X: X.set_axis(range(3), axis=1), "expected the columns size, weight, colour, got "
         "a data frame without column names"),
        (lambda X: X.to_numpy()[:, :2], r"X: expected shape \(examples, 3\), got \(60, 2\)"),
        (lambda X: X[:0], "X: expected at least one example"),
        (lambda X: pd.concat([X, X["size"]], axis=1), "two columns are called 'size'"),
    ],
)  # fmt: skip
def test_a_table_that_does_not_fit_is_refused(labelled, change, error):
    with pytest.raises((TypeError, ValueError), match=error):
        labelled.predict(change(FRAME))


@pytest.mark.parametrize(("missing", "fill", "word"), [("mean", 4.0, "b"), ("median", 2.0, "b")])
def test_missing_cells(missing, fill, word):
    X = [[1.0, "b"], [None, "b"], [float("nan"), "a"], [2.0, None], [9.0, "b"]]
    with pytest.raises(ValueError, match=r"column 0: the cell at row 1 is missing.*missing="):
        Preprocessing.fitted(X)
    prepared = Preprocessing.fitted(X, missing=missing, scale="none")
    assert (prepared.columns[0].fill, prepared.columns[1].fill) == (fill, word)
    matrix = prepared.inputs("X", [[None, None], [3.0, "a"]], np.dtype("float64"))
    assert matrix.tolist() == [[fill, 0, 1], [3, 1, 0]]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"X": [[1.0, 2.0]], "scale": "standrad"}, "scale: .* did you mean 'standard'"),
        ({"X": [[1.0], [2.0, 3.0]]}, "rows of equal length"),
        ({"X": [1.0, 2.0]}, r"expected shape \(examples, inputs\)"),
        ({"X": [["a"], [1.0]]}, "column 0: expected words, got 1.0 at row 1"),
        ({"X": [[None], [None]], "missing": "mean"}, "every cell is missing"),
        ({"X": [[f"w{k}"] for k in range(51)]}, "holds 51 different words.*categorical"),
        ({"X": [[1.0, 2.0]], "names": ["a"]}, "names: expected 2"),
        ({"X": [[1.0, 2.0]], "names": "ab"}, r"names: expected a list, got 'ab'; pass \['ab'\]"),
        ({"X": FRAME, "words": "colour"}, "words: expected a list, got 'colour'"),
        ({"X": FRAME, "words": ["colr"]}, "words: no column 'colr'; did you mean 'colour'"),
        ({"X": FRAME, "labels": ["a", "a"]}, "labels: expected different ones, got a, a"),
        ({"X": FRAME, "target_names": "price"}, "target_names: expected a list, got 'price'"),
        ({"X": FRAME, "names": ["size", "colr"]}, "no column 'colr'; did you mean 'colour'"),
    ],
)
def test_bad_arguments(arguments, error):
    with pytest.raises((TypeError, ValueError), match=error):
        Preprocessing.fitted(**arguments)


def test_a_network_that_does_not_fit_is_refused():
    prepared = Preprocessing.fitted(FRAME, LABEL)
    for sizes, output, error in (
        ([3, 2], None, "gives 5 inputs, sizes\\[0\\] is 3"),
        ([5, 3], None, "has 2 labels, and sizes\\[-1\\] is 3"),
        ([5, 2], "identity", "has labels, and output 'identity'"),
    ):
        with pytest.raises(ValueError, match=error):
            loopbp.Network(sizes, output=output, preprocessing=prepared)
    with pytest.raises(TypeError, match=r"preprocessing: expected loopbp\.Preprocessing\.fitted"):
        loopbp.Network([5, 2], preprocessing="standard")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"got 'blue' at row \d+, column 2; .*preprocessing="):
        loopbp.Network([3, 2], seed=0).fit(FRAME.to_numpy(), LABEL)


@pytest.mark.parametrize("labels", [[3, 1, 3, 2], ["007", "7", "7", "x"], [2**53, 2**53 + 1] * 2])
def test_labels_are_kept_as_they_are(tmp_path, labels):
    X = np.eye(4)
    prepared = Preprocessing.fitted(X, labels)
    classes = sorted(set(labels))
    assert list(prepared.labels or ()) == classes
    net = loopbp.Network([4, 8, len(classes)], preprocessing=prepared, seed=0)
    net.fit(X, labels, epochs=300, optimizer=loopbp.Adam(0.05), engine="numpy")
    net.save(tmp_path / "net.npz")
    loaded = loopbp.load(tmp_path / "net.npz")
    assert loaded.predict(X).tolist() == labels
    assert loaded.score(X[:1], labels[:1]) == 1.0
    assert loaded.score(X, np.array(labels, str)) == 1.0
    with pytest.raises(ValueError, match=r"y: expected one of the labels .* got '5' at row 0"):
        loaded.score(X[:1], [5])


def test_a_data_frame_is_matched_by_name_without_any_preprocessing(tmp_path):
    X, y = FRAME.drop(columns="colour"), (LABEL == "yes").astype(int)
    net = loopbp.Network([2, 4, 2], seed=0)
    net.fit(X, y, epochs=2, engine="numpy", validation=(X[["weight", "size"]], y))
    turned = FRAME.drop(columns="colour")[["weight", "size"]]
    assert net.input_names == ("size", "weight")
    assert net.history.validation_loss[-1] == net.loss(X, y) == net.loss(turned, y)
    net.save(tmp_path / "net.npz")
    assert (loopbp.load(tmp_path / "net.npz").predict_proba(turned) == net.predict_proba(X)).all()
    with pytest.raises(ValueError, match="no column 'weight'"):
        net.predict(X.rename(columns={"weight": "mass"}))
    fresh = loopbp.Network([2, 4, 2], seed=0)
    with pytest.raises(ValueError, match="no column 'size'"):
        fresh.fit(X, y, validation=(X.drop(columns="size"), y))
    with pytest.raises(ValueError, match="validation"):
        fresh.fit(X, y, validation=2.0)
    assert fresh.input_names is None  # nothing was trained, so nothing is known


@pytest.mark.parametrize(
    "damage",
    [
        {"scale": {"kind": "standard", "shift": [1.0], "unit": [1.0]}},
        {"scale": {"kind": "standard", "shift": [0.0] * 5, "unit": [0.0] * 5}},
        {"scale": {"kind": "other", "shift": [], "unit": []}},
        {"labels": ["yes", "yes"]},
        {"labels": ["yes", 1]},
        {"labels": ["a", "b", "c"]},
        {"columns": []},
        {
            "columns": [
                {
                    "name": "a",
                    "words": ["x", "x"],
                    "encoding": "onehot",
                    "fill": None,
                    "missing": None,
                }
            ]
        },
        {
            "columns": [
                {"name": "a", "words": None, "encoding": None, "fill": "x", "missing": "mean"}
            ]
        },
        {"target_names": None},
    ],
)
def test_a_damaged_preprocessing_is_refused(labelled, tmp_path, damage):
    path = tmp_path / "net.npz"
    labelled.save(path)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    meta = json.loads(str(arrays.pop("meta")))
    meta["preprocessing"] |= damage
    np.savez(path, meta=np.array(json.dumps(meta)), **arrays)
    with pytest.raises(ValueError, match=r"net\.npz: cannot be restored: "):
        loopbp.load(path)


def test_a_file_of_format_1_means_what_it_meant(tmp_path):
    """There, only the command line applied the scaling: Python predicted chance."""
    X, y = FRAME[["size", "weight"]].to_numpy(), (LABEL == "yes").astype(int)
    shift, unit = X.mean(axis=0), X.std(axis=0)
    old = loopbp.Network([2, 4, 2], seed=0)
    old.fit((X - shift) / unit, y, epochs=30, engine="numpy")
    old.metadata = {
        "data": {"name": "x", "source": "x.csv"},
        "features": ["size", "weight"],
        "targets": ["label"],
        "scale": {"kind": "standard", "shift": shift.tolist(), "unit": unit.tolist()},
        "target_scale": {"kind": "none", "shift": [], "unit": []},
    }
    path = tmp_path / "net.npz"
    old.save(path)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    meta = json.loads(str(arrays.pop("meta")))
    assert meta["format"] == storage.FORMAT == 2
    del meta["preprocessing"]
    np.savez(path, meta=np.array(json.dumps(meta | {"format": 1})), **arrays)
    net = loopbp.load(path)
    assert net.predict_proba(X) == pytest.approx(old.predict_proba((X - shift) / unit))
    assert net.metadata == {"data": {"name": "x", "source": "x.csv"}}
    assert net.score(FRAME, y) == net.score(X, y)


def test_refitted_to_a_part():
    """Each fold of a cross-validation is scaled by the part that it trains on."""
    prepared = Preprocessing.fitted(FRAME, LABEL, scale="standard", missing="mean")
    part = prepared.refitted(FRAME[:20], LABEL[:20])
    assert part.names == prepared.names
    assert part.labels == prepared.labels
    assert part.columns[2].words == ("blue", "green", "red")
    assert part.scale.shift[0] == pytest.approx(FRAME["size"][:20].mean())
    assert part.scale.shift[0] != prepared.scale.shift[0]
    assert part.columns[0].fill == pytest.approx(FRAME["size"][:20].mean())
    net = loopbp.Network([5, 4, 2], preprocessing=prepared, seed=0)
    found = loopbp.cross_validate(net, FRAME, LABEL, folds=3, epochs=20, engine="numpy")
    assert found.scores.shape == (3,)
    assert net.preprocessing is prepared


def test_words_that_may_come():
    prepared = Preprocessing.fitted(
        [["a", 1.0], ["b", 2.0]], names=["word", "n"], words={"word": ["a", "b", "c"]}, scale="none"
    )
    assert prepared.inputs("X", [["c", 0.0]], np.dtype("float64")).tolist() == [[0, 0, 1, 0]]
    digits = Preprocessing.fitted([["1", 1.0], ["2", 2.0]], names=["id", "n"], words=["id"])
    assert digits.input_names == ("id=1", "id=2", "n")
