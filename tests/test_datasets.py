"""Embedded data, readers and splits: what they give, and what a damaged file says."""

import gzip
import math
import struct
from importlib import resources

import numpy as np
import pytest

from loopbp import datasets

# -- embedded --------------------------------------------------------------------------------------


def test_digits_are_those_of_scikit_learn():
    sklearn = pytest.importorskip("sklearn.datasets")
    data = datasets.load("digits")
    theirs = sklearn.load_digits()
    assert data.X.shape == (1797, 64)
    assert np.array_equal(data.X * 16, theirs.data)
    assert np.array_equal(data.y, theirs.target)
    assert data.task == "classification"
    assert data.feature_names[0] == "pixel_0_0"
    assert data.target_names == ("digit",)
    assert "1797" in repr(data)


def test_digits_name_source_and_licence():
    data = datasets.load("digits")
    assert "Alpaydin" in data.source
    assert data.licence == "CC BY 4.0"
    note = resources.files("loopbp.datasets").joinpath("digits.txt").read_text("utf-8")
    assert "CC BY 4.0" in note
    assert "Alpaydin" in note
    assert "CC BY 4.0" in (datasets.__doc__ or "")


def test_xor():
    data = datasets.load("xor")
    assert data.X.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert data.y.tolist() == [0, 1, 1, 0]


def test_two_spirals_formula():
    X, y = datasets.two_spirals()
    assert X.shape == (194, 2)
    assert y.tolist() == [1, 0] * 97
    for i in (0, 1, 50, 96):
        radius, angle = 6.5 * (104 - i) / 104, i * math.pi / 16
        expected = [radius * math.sin(angle), radius * math.cos(angle)]
        assert X[2 * i] == pytest.approx(expected, abs=1e-14)
        assert X[2 * i + 1] == pytest.approx([-v for v in expected], abs=1e-14)


def test_spirals_hold_out_the_points_between():
    data = datasets.load("spirals")
    assert data.X_test is not None
    assert data.y_test is not None
    assert data.X_test.shape == (192, 2)
    assert np.bincount(data.y_test).tolist() == [96, 96]
    together = np.concatenate([data.X, data.X_test])
    assert len(np.unique(together.round(9), axis=0)) == 194 + 192
    assert "192 more held out" in repr(data)


@pytest.mark.parametrize(
    ("settings", "name"), [({"density": 0}, "density"), ({"radius": -1.0}, "radius")]
)
def test_two_spirals_refuses(settings, name):
    with pytest.raises(ValueError, match=f"^{name}: "):
        datasets.two_spirals(**settings)


# -- scaling ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["none", "standard", "minmax"])
def test_scaling_round_trip(kind):
    X = np.array([[1.0, 7.0, 0.1], [3.0, 7.0, 0.1], [8.0, 7.0, 0.1]])
    scaling = datasets.Scaling.fitted(kind, X)
    again = datasets.Scaling(**scaling.as_dict())
    scaled = again.apply(X)
    assert again.undo(scaled) == pytest.approx(X)
    if kind == "standard":
        assert scaled[:, 0].mean() == pytest.approx(0)
        assert scaled[:, 0].std() == pytest.approx(1)
    if kind == "minmax":
        assert (scaled[:, 0].min(), scaled[:, 0].max()) == (0, 1)
    if kind != "none":  # constant columns stay finite and near 0
        assert np.abs(scaled[:, 1:]).max() < 1e-12


def test_scaling_refuses_an_unknown_kind():
    with pytest.raises(ValueError, match=r"scale: .*did you mean 'standard'"):
        datasets.Scaling.fitted("standart", np.ones((2, 2)))


# -- CSV -------------------------------------------------------------------------------------------


@pytest.fixture
def csv_file(tmp_path):
    def write(text, name="data.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return write


def test_csv_default_target_is_the_last_column(csv_file):
    data = datasets.load(csv_file("a,b,kind\n1,2.5,x\n3,4e1,y\n"))
    assert data.X.tolist() == [[1.0, 2.5], [3.0, 40.0]]
    assert data.y.tolist() == ["x", "y"]
    assert (data.task, data.name) == ("classification", "data")
    assert data.feature_names == ("a", "b")
    assert data.target_names == ("kind",)


@pytest.mark.parametrize(
    ("cells", "task", "expected", "kind"),
    [
        (["1", "0"], None, "classification", "i"),
        (["007", "7"], None, "classification", "U"),
        (["1.0", "0.0"], None, "regression", "f"),
        (["1.5", "2"], None, "regression", "f"),
        (["a", "1"], None, "classification", "U"),
        (["True", "False"], None, "classification", "U"),
        (["1", "0"], "regression", "regression", "f"),
        (["1.0", "2.0"], "classification", "classification", "U"),
        (["1.5", "2.5"], "classification", "classification", "U"),
    ],
)
def test_csv_target_kinds(csv_file, cells, task, expected, kind):
    path = csv_file("a,t\n" + "".join(f"0.5,{cell}\n" for cell in cells))
    data = datasets.load(path, task=task)
    assert (data.task, data.y.dtype.kind) == (expected, kind)


def test_csv_target_drop_and_weight_by_name(csv_file):
    path = csv_file("id,t,a,w,b\nx1,0.5,1,2,3\nx2,1.5,4,1,6\n")
    data = datasets.load(path, "t", drop=["id"], weight="w")
    assert data.X.tolist() == [[1, 3], [4, 6]]
    assert data.y.tolist() == [0.5, 1.5]
    assert data.weight is not None
    assert data.weight.tolist() == [2, 1]


def test_csv_several_targets(csv_file):
    path = csv_file("a,s,t\n1,0,1\n2,1,1\n")
    assert datasets.load(path, ["s", "t"]).task == "multilabel"
    assert datasets.load(path, ["s", "t"], task="regression").y.dtype == np.float64
    path = csv_file("a,s,t\n1,0.5,1\n2,1,2\n")
    data = datasets.load(path, ["s", "t"])
    assert (data.task, data.y.shape) == ("regression", (2, 2))
    with pytest.raises(ValueError, match="needs them to hold 0 and 1"):
        datasets.load(path, ["s", "t"], task="multilabel")


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffa,b,t\n1,2,x\n3,4,y\n",
        "a;b;t\n1;2;x\n3;4;y\n",
        "a\tb\tt\r\n1\t2\tx\r\n3\t4\ty\r\n",
        'a,b,t\n"1","2",x\n\n 3 ,4,"y"\n',
    ],
    ids=["byte-order mark", "semicolons", "tabs and CRLF", "quotes, spaces, blank line"],
)
def test_csv_forms(csv_file, text):
    data = datasets.load(csv_file(text))
    assert data.X.tolist() == [[1, 2], [3, 4]]
    assert data.y.tolist() == ["x", "y"]


def test_csv_gzipped_and_numbered_columns(csv_file):
    text = b"0,1,2,3,4\n5,5,5,5,6\n7,7,7,7,8\n"
    data = datasets.load(csv_file(gzip.compress(text), "packed.csv.gz"))
    assert (data.name, data.X.tolist(), data.y.tolist()) == ("packed", [[5] * 4, [7] * 4], [6, 8])


def test_csv_numbers_too_large_to_add_up(csv_file):
    assert datasets.load(csv_file("a,b,t\n1e308,1e308,0\n1,2,1\n")).X[0, 0] == 1e308


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("", {}, "empty"),
        ("\n", {}, "empty"),
        ("a,b\n", {}, "no rows"),
        ("t\n1\n", {}, "no column is left"),
        ("1,2\n3,4\n", {}, "may be a header or data: say --no-header"),
        ("5,5\n3,4\n", {}, "may be a header or data: say --no-header"),
        ("a,a,t\n1,2,3\n", {}, "two columns are called 'a'"),
        ("a,,t\n1,2,3\n", {}, "column 2 has no name in the header line; --names"),
        ("a,t\n1,0\n1\n", {}, r"row 2 \(line 3\) has 1 columns, the header has 2"),
        ("a,t\n1,0\n1,2,3\n", {}, r"row 2 \(line 3\) has 3 columns"),
        ("a,b,t\n1,2,0\n1,red,0\n", {}, r"row 2 \(line 3\), column 'b': .*got 'red'"),
        ("a,b,t\n1,2,0\n1,,0\n", {}, r"row 2 \(line 3\), column 'b': .*an empty cell"),
        ("a,b,t\n1,2,0\nnan,1,0\n", {}, r"row 2 .*column 'a': 'nan'; --missing drop"),
        ("a,b,t\n1,inf,0\n", {}, "column 'b': .*got 'inf'"),
        ("a,t\n1,\n", {}, r"row 1 \(line 2\), column 't': the target is empty"),
        ("a,t\n1,0.5\n1,?\n", {}, r"row 2 \(line 3\), column 't': the target is '\?', which"),
        ("a,t\n1,0.5\n1,nan\n", {}, r"row 2 \(line 3\), column 't': the target is 'nan', which"),
        ("a,t\n1,x\n", {"task": "regression"}, r"row 1 \(line 2\), column 't': .*got 'x'"),
        ("a,t\n1,x\n", {"task": "regresion"}, "did you mean 'regression'"),
        ("a,t\n1,x\n", {"target": "u"}, "no column 'u'; the columns are a, t"),
        ("a,t\n1,x\n", {"drop": ["u"]}, "no column 'u'"),
        ("a,w,t\n1,-1,x\n", {"weight": "w"}, r"row 1 \(line 2\), column 'w': a weight below 0"),
        (b"a,t\n\xff\xfe,1\n", {}, "not UTF-8 text; --encoding"),
        ('a,t\n"' + "9" * 200_000 + '",1\n', {}, "not a CSV file"),
    ],
)
def test_csv_refuses(csv_file, text, settings, message):
    path = csv_file(text)
    with pytest.raises(ValueError, match=message) as caught:
        datasets.load(path, **settings)
    assert "\n" not in str(caught.value)


def test_csv_damaged_gzip(csv_file):
    packed = gzip.compress(b"a,t\n" + b"1,2\n" * 500)
    for damaged in (packed[:-20], b"no gzip at all"):
        with pytest.raises(ValueError, match="damaged gzip"):
            datasets.load(csv_file(damaged, "data.csv.gz"))


def test_csv_many_columns_are_not_all_listed(csv_file):
    names = ",".join(f"c{k}" for k in range(40))
    with pytest.raises(ValueError, match=r"c9, \.\.\.$"):
        datasets.load(csv_file(f"{names}\n"), "u")


# -- NPZ -------------------------------------------------------------------------------------------


def test_npz(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(
        path,
        X=np.arange(24, dtype=np.uint8).reshape(4, 2, 3),
        y=np.array([b"a", b"b", b"a", b"b"]),
        X_test=np.ones((2, 6), np.float32),
        y_test=np.array([b"a", b"b"]),
    )
    data = datasets.load(path)
    assert (data.X.shape, data.X.dtype, data.name) == ((4, 6), np.float64, "set")
    assert data.y.tolist() == ["a", "b", "a", "b"]
    assert data.X_test is not None
    assert data.X_test.dtype == np.float32


@pytest.mark.parametrize(
    ("y", "task", "expected"),
    [
        (np.array([0, 1]), None, "classification"),
        (np.array([True, False]), None, "classification"),
        (np.array([0.0, 1.0]), None, "regression"),
        (np.array([[0.5], [1.0]]), None, "regression"),
        (np.array([[0, 1], [1, 0]]), None, "classification"),
        (np.array([[1, 1], [1, 0]]), None, "multilabel"),
        (np.array([[3, 1], [1, 0]]), None, "regression"),
        (np.array([0.0, 1.0]), "classification", "classification"),
        (np.array([0.5, 1.0]), "classification", "classification"),
        (np.array([0, 1]), "regression", "regression"),
    ],
)
def test_npz_tasks(tmp_path, y, task, expected):
    np.savez(tmp_path / "set.npz", X=np.ones((2, 3)), y=y)
    data = datasets.load(tmp_path / "set.npz", task=task)
    assert data.task == expected
    floats = task == "regression" or (task is None and y.dtype.kind == "f")
    assert (data.y.dtype.kind == "f") == floats


OK_X, OK_Y = np.ones((3, 2)), np.array([0, 1, 0])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": OK_X}, "no array 'y' .it holds X"),
        ({}, "no array 'X' .it holds nothing"),
        ({"X": OK_X, "y": np.array([{}, 1, 2], dtype=object)}, "'y' holds Python objects"),
        ({"X": OK_X, "y": OK_Y[:2]}, "y has 2 rows"),
        ({"X": np.ones(3), "y": OK_Y}, r"X has shape \(3,\)"),
        ({"X": np.ones((0, 2)), "y": OK_Y[:0]}, r"X has shape \(0, 2\)"),
        ({"X": OK_X.astype(str), "y": OK_Y}, "X holds <U"),
        ({"X": OK_X * np.nan, "y": OK_Y}, "X holds nan at row 0, column 0"),
        ({"X": OK_X, "y": np.array([1.0, np.inf, 0.0])}, "y holds inf at row 1"),
        ({"X": OK_X, "y": OK_Y * 1j}, "expected labels or values"),
        ({"X": OK_X, "y": OK_Y, "X_test": OK_X}, "X_test is there alone"),
        ({"X": OK_X, "y": OK_Y, "X_test": np.ones((1, 3)), "y_test": OK_Y[:1]}, "X_test has 3"),
    ],
)
def test_npz_refuses(tmp_path, arrays, message):
    path = tmp_path / "set.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=message) as caught:
        datasets.load(path)
    assert "\n" not in str(caught.value)


def test_npz_strings_are_no_values(tmp_path):
    np.savez(tmp_path / "set.npz", X=OK_X, y=np.array(["a", "b", "c"]))
    with pytest.raises(ValueError, match="y holds strings"):
        datasets.load(tmp_path / "set.npz", task="regression")


def test_npz_damaged(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, X=np.arange(4000.0).reshape(-1, 2), y=np.zeros(2000, int))
    good = path.read_bytes()
    middle = bytearray(good)
    middle[5000] ^= 0xFF
    for damaged in (b"", b"text", good[:300], good[:-40], bytes(middle)):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"set\.npz") as caught:
            datasets.load(path)
        assert "\n" not in str(caught.value)
    with open(path, "wb") as file:
        np.save(file, OK_X)
    with pytest.raises(ValueError, match="one bare array"):
        datasets.load(path)


# -- IDX -------------------------------------------------------------------------------------------


def idx(array, magic=None):
    magic = 0x800 | array.ndim if magic is None else magic
    head = struct.pack(f">{1 + array.ndim}I", magic, *array.shape)
    return head + array.astype(np.uint8).tobytes()


IMAGES = np.arange(3 * 4 * 4).reshape(3, 4, 4)
LABELS = np.array([2, 0, 1])


@pytest.fixture
def idx_folder(tmp_path):
    def write(**files):
        for name, content in files.items():
            part, what, *packed = name.split("_")
            kind = {"images": "idx3", "labels": "idx1"}[what]
            path = tmp_path / f"{part}-{what}-{kind}-ubyte{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(content) if packed else content)
        return tmp_path

    return write


def test_idx_plain_and_gzipped(idx_folder):
    folder = idx_folder(
        train_images=idx(IMAGES),
        train_labels_gz=idx(LABELS),
        t10k_images_gz=idx(IMAGES[:2]),
        t10k_labels=idx(LABELS[:2]),
    )
    data = datasets.load(folder)
    assert (data.X.shape, data.X.dtype) == ((3, 16), np.float32)
    assert pytest.approx(IMAGES.reshape(3, 16) / 255) == data.X
    assert data.y.tolist() == [2, 0, 1]
    assert data.y_test is not None
    assert data.y_test.tolist() == [2, 0]


def test_idx_without_test_part(idx_folder):
    data = datasets.load(idx_folder(train_images=idx(IMAGES), train_labels=idx(LABELS)))
    assert data.X_test is None


@pytest.mark.parametrize(
    ("files", "error", "message"),
    [
        ({}, FileNotFoundError, "no file train-images"),
        ({"train_images": idx(IMAGES)}, FileNotFoundError, "no file train-labels"),
        ({"train_labels": idx(LABELS)}, FileNotFoundError, "no file train-images"),
        ({"train_images": b"\0\0"}, ValueError, "truncated"),
        ({"train_images": idx(IMAGES)[:-1]}, ValueError, "truncated.*3 x 4 x 4"),
        ({"train_images": idx(IMAGES) + b"!"}, ValueError, "too long"),
        ({"train_images": idx(IMAGES, 0x801)}, ValueError, "magic number 0x00000801, expected"),
        ({"train_images": idx(IMAGES[:2])}, ValueError, "3 labels for 2 images"),
        ({"train_images": idx(IMAGES[:0]), "train_labels": idx(LABELS[:0])}, ValueError, "no im"),
        (
            {"t10k_images": idx(IMAGES[:, :2]), "t10k_labels": idx(LABELS)},
            ValueError,
            "differ in size",
        ),
    ],
)
def test_idx_refuses(idx_folder, files, error, message):
    complete = {"train_images": idx(IMAGES), "train_labels": idx(LABELS)}
    folder = idx_folder(**(files if error is FileNotFoundError else {**complete, **files}))
    with pytest.raises(error, match=message) as caught:
        datasets.load(folder)
    assert "\n" not in str(caught.value)


def test_idx_damaged_gzip(idx_folder):
    folder = idx_folder(train_images_gz=idx(IMAGES), train_labels=idx(LABELS))
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(ValueError, match="damaged gzip"):
        datasets.load(folder)


# -- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("digit", ValueError, "unknown data 'digit'; did you mean 'digits'"),
        ("zzz", ValueError, "unknown data 'zzz' .embedded are digits, xor, spirals"),
        ("none.csv", FileNotFoundError, "none.csv: no such file"),
        ("none.csv.gz", FileNotFoundError, "no such file"),
        ("none.npz", FileNotFoundError, "none.npz: no such file"),
        ("none.txt", FileNotFoundError, "no such file or folder"),
        ("no/folder", FileNotFoundError, "no such file or folder"),
    ],
)
def test_load_refuses_names(name, error, message):
    with pytest.raises(error, match=message):
        datasets.load(name)


def test_load_refuses_other_files(tmp_path):
    (tmp_path / "x.txt").write_text("hello")
    with pytest.raises(ValueError, match=r"expected a \.csv, \.npz"):
        datasets.load(tmp_path / "x.txt")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        datasets.read_idx(tmp_path / "x")


@pytest.mark.parametrize(
    ("settings", "option"),
    [({"target": "a"}, "target"), ({"drop": ["a"]}, "drop"), ({"weight": "a"}, "weight")],
)
def test_load_refuses_columns_of_what_has_none(settings, option):
    with pytest.raises(ValueError, match=f"{option}: only a table has columns"):
        datasets.load("digits", **settings)


def test_load_refuses_a_task_where_it_is_known():
    with pytest.raises(ValueError, match="task: only a table or NPZ"):
        datasets.load("digits", task="regression")
