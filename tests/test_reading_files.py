"""NPZ, IDX, Parquet, Feather and Excel as people have them, files to predict from, and the CLI."""

import datetime
import gzip
import json
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopbp import cli, datasets

IMAGES = np.arange(6 * 2 * 3, dtype=np.uint8).reshape(6, 2, 3)
LABELS = np.array([0, 1, 2, 0, 1, 2])


# -- NPZ -------------------------------------------------------------------------------------------


@pytest.fixture
def npz(tmp_path):
    def write(**arrays):
        np.savez(tmp_path / "s.npz", **arrays)
        return tmp_path / "s.npz"

    return write


@pytest.mark.parametrize(
    "names",
    [
        ("X", "y", "X_test", "y_test"),
        ("x_train", "y_train", "x_test", "y_test"),
        ("X_train", "y_train", "X_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
    ],
)
def test_npz_by_the_names_of_others(npz, names):
    label = LABELS[:, None]  # MedMNIST's labels are a column
    parts = dict(zip(names, (IMAGES, label, IMAGES[:2], label[:2]), strict=True))
    data = datasets.load(npz(**parts, val_images=IMAGES[:1], val_labels=label[:1]))
    assert data.X.tolist() == IMAGES.reshape(6, 6).tolist()
    assert data.y.tolist() == LABELS.tolist()
    assert data.X_test is not None
    assert data.X_test.shape == (2, 6)
    said = "\n".join(data.notes)
    assert "arrays not used: val_images, val_labels" in said
    assert "flattened to 6 inputs of 0 to 35, not scaled" in said
    assert data.reading["arrays"] == dict(zip(("X", "y", "X_test", "y_test"), names, strict=True))


def test_npz_by_names_as_given(npz):
    path = npz(pictures=IMAGES, kinds=LABELS, more=IMAGES[:2], their=LABELS[:2])
    with pytest.raises(ValueError, match=r"no array 'X' \(it holds pictures.*--arrays X=NAME"):
        datasets.load(path)
    data = datasets.load(path, arrays="X=pictures, y=kinds")
    assert (data.X.shape, data.y.tolist(), data.X_test) == ((6, 6), LABELS.tolist(), None)
    data = datasets.load(path, arrays="X=pictures,y=kinds,X_test=more,y_test=their")
    assert data.X_test is not None


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ("pictures,kinds", "arrays: expected X=NAME,y=NAME"),
        ("x=a,y=b", "arrays: expected .*did you mean X=a"),
        ("X=a,X=b", "arrays: X is given twice"),
        ("X=images", "--arrays does not say which array is y"),
        ("X=image,y=labels", "no array 'image'; did you mean 'images'"),
    ],
)
def test_npz_names_are_checked(npz, arrays, message):
    with pytest.raises(ValueError, match=message):
        datasets.load(npz(images=IMAGES, labels=LABELS), arrays=arrays)


def test_npz_with_two_sets(npz):
    path = npz(X=IMAGES, y=LABELS, x_train=IMAGES, y_train=LABELS)
    with pytest.raises(ValueError, match=r"both could be the data; --arrays"):
        datasets.load(path)
    assert datasets.load(path, arrays="X=x_train,y=y_train").X.shape == (6, 6)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_npz_one_hot(npz, dtype):
    path = npz(X=IMAGES, y=np.eye(3)[LABELS].astype(dtype))
    data = datasets.load(path)
    assert data.task == "classification"
    assert data.y.argmax(axis=1).tolist() == LABELS.tolist()
    assert any("one-hot rows (each row holds a single 1)" in note for note in data.notes)
    assert datasets.load(path, task="regression").task == "regression"


@pytest.mark.parametrize(
    ("y", "task", "said"),
    [
        (np.array([[1.0, 1, 0], [0, 1, 0]] * 3), "multilabel", "several labels"),
        (np.array([[0.5, 0.5, 0], [0, 1, 0]] * 3), "regression", "values (floats)"),
        (np.array([0.0, 1.0] * 3), "regression", "--task classification takes whole ones"),
        (np.array([0.5, 1.0] * 3), "regression", "values (floats)"),
        (LABELS, "classification", "3 labels (whole numbers; --task regression"),
        (LABELS.astype(str), "classification", "3 labels (as they are written)"),
    ],
)
def test_npz_targets_are_named(npz, y, task, said):
    data = datasets.load(npz(X=IMAGES, y=y))
    assert data.task == task
    assert said in "\n".join(data.notes)


def test_npz_refuses_what_is_two_things(npz):
    y = np.eye(3)[LABELS]
    with pytest.raises(ValueError, match="y looks like classification, y_test like multilabel"):
        datasets.load(npz(X=IMAGES, y=y, X_test=IMAGES, y_test=np.ones((6, 3))))
    with pytest.raises(ValueError, match="y has rows that do not hold a single 1"):
        datasets.load(npz(X=IMAGES, y=y * 2), task="classification")


def test_npz_missing(npz):
    X = np.arange(12.0).reshape(6, 2)
    X[1, 0] = np.nan
    path = npz(X=X, y=LABELS)
    with pytest.raises(ValueError, match="nan at row 1, column 0; --missing drop, mean or median"):
        datasets.load(path)
    assert datasets.load(path, missing="drop").y.tolist() == [0, 2, 0, 1, 2]
    data = datasets.load(path, missing="median")
    assert (data.X.dtype, data.missing) == (object, "median")
    assert np.isnan(data.X[1, 0])


# -- IDX -------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    def write(prefix, test="test"):
        for part, count in (("train", 6), (test, 2)):
            for what, array in (("images-idx3", IMAGES), ("labels-idx1", LABELS + 1)):
                held = array[:count].astype(np.uint8)
                head = struct.pack(f">{1 + held.ndim}I", 0x800 | held.ndim, *held.shape)
                name = f"{prefix}{part}-{what}-ubyte.gz"
                (tmp_path / name).write_bytes(gzip.compress(head + held.tobytes()))
        return tmp_path

    return write


@pytest.mark.parametrize("test", ["test", "t10k"])
def test_idx_of_emnist(folder, test):
    data = datasets.load(folder("emnist-letters-", test))
    assert (data.name, data.y.tolist()) == ("emnist-letters", (LABELS + 1).tolist())
    assert data.X_test is not None
    assert data.X_test.shape == (2, 6)
    said = "\n".join(data.notes)
    assert "3 labels 1 to 3 as written" in said
    assert "transposed" in said


def test_idx_with_several_sets(folder):
    path = folder("emnist-letters-")
    assert folder("emnist-digits-") == path
    with pytest.raises(ValueError, match="--arrays 'emnist-digits' or --arrays 'emnist-letters'"):
        datasets.load(path)
    assert datasets.load(path, arrays="emnist-digits").name == "emnist-digits"
    with pytest.raises(ValueError, match="no IDX files that begin with 'mnist'; there are emnist"):
        datasets.load(path, arrays="mnist")


# -- Parquet, Feather, Excel -----------------------------------------------------------------------


@pytest.fixture
def frame(tmp_path):
    pytest.importorskip("pyarrow")

    def write(kind, columns, **settings):
        import pandas as pd

        path = tmp_path / f"f.{kind}"
        made = columns if isinstance(columns, pd.DataFrame) else pd.DataFrame(columns)
        if kind == "xlsx":
            made.to_excel(path, **{"index": False, **settings})
        else:
            getattr(made, f"to_{kind}")(path, **settings)
        return path

    return write


KINDS = ["parquet", "feather", "xlsx"]


@pytest.mark.parametrize("kind", KINDS)
def test_frame(frame, kind):
    path = frame(kind, {"a": [1.5, None, 3.0], "t": [True, False, True], "n": [1, 2, 3],
                        "c": ["red", "blue", None], "a, b": ["u", "v", "u"]})  # fmt: skip
    with pytest.raises(ValueError, match=r"2 cells count as missing, first row 2.*'a'"):
        datasets.load(path)
    data = datasets.load(path, missing="mean")
    assert repr(data.X.tolist()) == repr(
        [[1.5, 1.0, 1.0, "red"], [np.nan, 0.0, 2.0, "blue"], [3.0, 1.0, 3.0, None]]
    )
    assert (data.y.tolist(), data.target_names) == (["u", "v", "u"], ("a, b",))
    assert (data.words, data.reading["booleans"]) == (("c",), ["t"])
    assert len(datasets.read_table(path, "n", missing="drop").X) == 1


@pytest.mark.parametrize("kind", KINDS[:2])
@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([9007199254740992, 9007199254740993], "int64", [9007199254740992, 9007199254740993]),
        ([9007199254740992, 9007199254740993], "Int64", [9007199254740992, 9007199254740993]),
        ([2**64 - 1, 1], "uint64", ["18446744073709551615", "1"]),
        (["007", "7"], "str", ["007", "7"]),
        (["b", "a"], "category", ["b", "a"]),
        ([3, 5], "category", [3, 5]),
        ([True, False], "bool", ["True", "False"]),
        ([0.1, 2.0], "float64", [0.1, 2.0]),
        ([0.1, 2.0], "float32", [float(np.float32(0.1)), 2.0]),
    ],
)
def test_frame_targets_keep_their_digits(frame, kind, values, dtype, expected):
    import pandas as pd

    column = np.array(values, "uint64") if dtype == "uint64" else pd.array(values, dtype)
    path = frame(kind, {"a": [1, 2], "y": column})
    assert datasets.load(path).y.tolist() == expected


@pytest.mark.parametrize("kind", KINDS)
def test_frame_refuses_dates(frame, kind):
    path = frame(kind, {"when": [datetime.datetime(2024, 1, 5)] * 2, "a": [1, 2], "y": [0, 1]})
    with pytest.raises(ValueError, match=r"'when'.*date.*--drop 'when'"):
        datasets.load(path)
    assert datasets.load(path, drop="when").X.tolist() == [[1], [2]]


def test_frame_refuses_lists(frame):
    path = frame("parquet", {"a": [[1], [2, 3]], "b": [1, 2], "y": [0, 1]})
    with pytest.raises(ValueError, match=r"column 'a' holds .*; --drop 'a' leaves it out"):
        datasets.load(path)


def test_frame_text_is_words_even_if_it_looks_like_numbers(frame):
    data = datasets.load(frame("parquet", {"zip": ["01", "1"], "b": [1, 2], "y": [0, 1]}))
    assert (data.X.tolist(), data.words) == ([["01", 1.0], ["1", 2.0]], ("zip",))
    assert any("'zip' holds text that looks like numbers" in note for note in data.notes)


def test_excel_sheets_and_header(frame, tmp_path):
    import pandas as pd

    path = tmp_path / "two.xlsx"
    with pd.ExcelWriter(path) as writer:
        pd.DataFrame({"a": [1.5, 2], "y": ["u", "v"]}).to_excel(writer, sheet_name="p")
        pd.DataFrame([[1, 2, "u"], [3, 4, "v"]]).to_excel(
            writer, sheet_name="q", header=False, index=False
        )
    with pytest.raises(ValueError, match="holds several sheets, p, q; say --sheet"):
        datasets.load(path)
    with pytest.raises(ValueError, match="no sheet 'r'"):
        datasets.load(path, sheet="r")
    assert datasets.load(path, sheet="p").X.tolist() == [[1.5], [2]]  # the index is left out
    with pytest.raises(ValueError, match="--no-header"):
        datasets.load(path, sheet="q")
    assert datasets.load(path, sheet="q", header=False).X.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("kind", KINDS)
def test_frame_damaged_or_missing(tmp_path, kind):
    path = tmp_path / f"f.{kind}"
    with pytest.raises(FileNotFoundError, match="no such file"):
        datasets.load(path)
    path.write_bytes(b"no table")
    with pytest.raises(ValueError, match="damaged or not a"):
        datasets.load(path)


@pytest.mark.parametrize(("kind", "module"), [("parquet", "pandas"), ("feather", "pyarrow"),
                                              ("xlsx", "openpyxl")])  # fmt: skip
def test_frame_without_the_extra(tmp_path, monkeypatch, kind, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"pip install 'loopbp\[data\]'") as caught:
        datasets.load(tmp_path / f"f.{kind}")
    assert "\n" not in str(caught.value)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(
        st.tuples(
            st.floats(allow_nan=False, allow_infinity=False) | st.none(),
            st.integers(-(2**53), 2**53),
            st.sampled_from(["red", "blue", None]),
            st.integers(-(2**63), 2**63 - 1),
        ),
        min_size=1,
        max_size=9,
    ).filter(lambda rows: all(any(row[j] is not None for row in rows) for j in (0, 2)))
)
def test_parquet_and_csv_are_read_the_same(tmp_path, rows):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    made = pd.DataFrame(rows, columns=["f", "n", "c", "y"])
    made["f"] = made["f"].astype("float64")
    made.to_csv(tmp_path / "s.csv", index=False)
    made.to_parquet(tmp_path / "s.parquet", index=False)
    one = datasets.load(tmp_path / "s.csv", missing="mean", header=True, separator=",", decimal=".")
    two = datasets.load(tmp_path / "s.parquet", missing="mean")
    assert repr(one.X.tolist()) == repr(two.X.tolist())
    assert one.y.tolist() == two.y.tolist() == [row[3] for row in rows]
    assert (one.words, one.task) == (two.words, two.task)


# -- files to predict from -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", *KINDS])
def test_inputs_by_name(frame, kind, tmp_path):
    import pandas as pd

    columns = {"more": ["p", "q"], "c": ["7", "07"], "y": ["u", "v"], "b": [4.0, None], "a": [1, 2]}
    if kind == "csv":
        path = tmp_path / "f.csv"
        pd.DataFrame(columns).to_csv(path)
    else:
        path = frame(kind, columns)
    X, y, facts = datasets.read_inputs(path, ["a", "b", "c"], words=["c"], targets=["y"])
    assert repr(X.tolist()) == repr([[1.0, 4.0, "7"], [2.0, np.nan, "07"]])
    assert y is not None
    assert y.tolist() == ["u", "v"]
    assert "'more'" in "\n".join(facts.notes)
    assert facts.facts["columns_ignored"] == ["more"]
    X, y, _ = datasets.read_inputs(path, ["a"], targets=["y", "z"])
    assert (X.tolist(), X.dtype, y) == ([[1.0], [2.0]], np.float64, None)
    with pytest.raises(
        ValueError, match="the model takes it: no column 'mor'; did you mean 'more'"
    ):
        datasets.read_inputs(path, ["mor"])
    with pytest.raises(ValueError, match=r"row 2.*'b'.* trained without missing cells"):
        datasets.read_inputs(path, ["a", "b"], missing=None)
    with pytest.raises(ValueError, match="column 'more': expected a number as in the training"):
        datasets.read_inputs(path, ["more"])


def test_inputs_without_header_or_names(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("1,1,A\n2,30,B\n")
    names = ["column_1", "column_2"]
    X, y, _ = datasets.read_inputs(path, names, targets=["column_3"])
    assert X.tolist() == [[1, 1], [2, 30]]
    assert y is not None
    assert y.tolist() == ["A", "B"]
    with pytest.raises(ValueError, match="--no-header"):
        datasets.read_inputs(path, ["a", "b"])
    assert datasets.read_inputs(path, ["a", "b"], header=False, names="a,b,y").X.shape == (2, 2)
    assert datasets.read_inputs(path, 2, header=False).X.tolist() == [[1, 1], [2, 30]]
    with pytest.raises(ValueError, match="3 columns, the model takes 5"):
        datasets.read_inputs(path, 5, header=False)


def test_inputs_of_other_sources(npz, folder):
    X, y, facts = datasets.read_inputs(npz(X=IMAGES), 6)
    assert (X.shape, y) == ((6, 6), None)
    X, y, facts = datasets.read_inputs(
        npz(x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:2], y_test=LABELS[:2]), 6
    )
    assert (len(X), y is not None and y.tolist()) == (2, [0, 1])
    assert "test part" in "\n".join(facts.notes)
    assert len(datasets.read_inputs(folder("emnist-letters-"), 6).X) == 2
    assert len(datasets.read_inputs("spirals", 2).X) == 192


def test_targets_that_cannot_be_read_leave_no_score(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("a,y\n1,2.5\n2,u\n")
    X, y, facts = datasets.read_inputs(path, ["a"], targets=["y"], task="regression")
    assert (len(X), y) == (2, None)
    assert "no score: " in facts.notes[-1]


# -- command line ----------------------------------------------------------------------------------

QUICK = ("--hidden", "2", "--epochs", "1", "--engine", "numpy", "--no-save", "--test", "0")


@pytest.fixture
def train(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def call(text, *words):
        (tmp_path / "t.csv").write_text(text)
        code = cli.main(["train", "t.csv", *QUICK, *words])
        return code, *capsys.readouterr()

    return call


def test_train_says_what_was_read(train):
    text = ";a, b;c;y\n0;1,5;2;u\n1;2,5;?;v\n2;3,5;5;u\n3;4,5;6;v\n"
    words = ("--missing", "drop", "--separator", ";")
    code, out, err = train(text, *words)
    assert (code, err) == (0, "")
    above = out[: out.index("layer")]
    for said in ("semicolons, decimal commas", "index and left out", "1 of 4 rows left out",
                 "target 'y' (the last column): 2 labels"):  # fmt: skip
        assert said in above
    code, out, _ = train(text, *words, "--json")
    reading = json.loads(out)["reading"]
    assert (reading["rows"], reading["rows_dropped"], reading["separator"]) == (4, 1, ";")
    assert any("decimal commas" in note for note in reading["notes"])


@pytest.mark.parametrize(
    ("text", "words", "features"),
    [
        ("1,1,A\n2,30,B\n3,40,A\n", ["--no-header"], 2),
        ("1,1,A\n2,30,B\n3,40,A\n", ["--no-header", "--names", 'p,"q, r",s', "--target", "s"], 2),
        ("c,1990,1991\n1,1,2\n2,3,5\n", ["--header"], 2),
        ("a:b:y\n1:2:u\n3:4:v\n", ["--separator", ":", "--decimal", "."], 2),
        ('"a, b",c,y\n1,2,u\n3,4,v\n', ["--drop", "a, b"], 1),
        ("a,b,y\n1,2,u\nnix,4,v\n5,6,v\n", ["--na-value", "nix", "--missing", "drop"], 2),
        ("a,b,s,t\n1,2,1.5,2\n3,4,2.5,1\n", ["--target", "s", "--target", "t"], 2),
    ],
)
def test_train_options(train, text, words, features):
    code, out, err = train(text, *words, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["sizes"][0] == features


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        ("1,1,A\n2,30,B\n", [], "say --no-header"),
        ("a,y\n1,u\n", ["--header", "--no-header"], "not allowed with"),
        ("a,y\n1,u\n", ["--na-value", "x", "--separator", "xy"], "--separator: expected one sign"),
        ("a,y\n1,u\n", ["--words", "b"], "no column 'b'"),
        ("a,y\n1,u\n", ["--missing", "avg"], "--missing: expected one of drop, mean, median"),
        ("a,y\n1,u\n", ["--decimal", ":"], "--decimal: expected '.' or ','"),
        ("a,y\n1,u\n", ["--sheet", "p"], "--sheet: only an Excel file"),
    ],
)
def test_train_refuses(train, text, words, message):
    code, out, err = train(text, *words)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_options_of_tables_are_refused_for_other_data(capsys):
    for words in (["--na-value", "x"], ["--no-header"], ["--missing", "drop"], ["--arrays", "X=a"]):
        assert cli.main(["train", "digits", *words]) == 2
        assert f"error: {words[0].replace('no-', '')}: " in capsys.readouterr().err


def test_reading_imports_no_pandas():
    code = (
        "import sys, loopbp.datasets as d; d.load('xor'); "
        "print({'pandas', 'pyarrow', 'openpyxl'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "set()"
