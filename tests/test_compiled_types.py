"""What `loopbp.compiled` refuses, in one sentence: from Python, in ``@njit`` and in ``prange``."""

import pickle

import numpy as np
import pytest
from cases import helpers
from cases.helpers import needs_jit
from numba import njit, prange, typeof, types
from numba.core.errors import TypingError

import loopbp
from loopbp import compiled, loops
from loopbp.activations import CODES
from loopbp.tiled import kernels
from loopbp.tiled.engine import tiled_engine

NET = loopbp.Network([2, 3], seed=0)
P, M = NET.theta.size, 5
RNG = np.random.default_rng(0)
X, WIDE = RNG.standard_normal((M, 2)), RNG.standard_normal((M, 4))
Y = np.eye(3)[np.arange(M) % 3]
ADAM = loopbp.Adam(0.05)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def arguments(function):
    """Right ones of a function, by name."""
    theta, units = NET.theta.copy(), M * 3
    settings = ADAM.settings
    everything = {
        "theta": theta, "thetas": theta[None].copy(), "architecture": NET.architecture, "X": X,
        "Y": Y, "x": X, "y": Y, "settings": settings, "epochs": 2, "batch_size": 2, "seed": 1,
        "seeds": np.array([1]), "key": 0, "drops": False, "weight": np.ones(M),
        **{name: np.zeros(units) for name in ("z", "a", "delta")}, "gradient": np.zeros(P),
        "losses": np.zeros(M), "examples": M, "learning_rate": 0.05, "step": 0, "number": 0,
        "state": np.zeros((2, P)), "shuffled": True, "workspace": workspace("float64"),
    }  # fmt: skip
    return {name: everything[name] for name in TAKES[function]}


def workspace(dtype):
    make = tiled_engine(False).make_workspace  # uncompiled
    return make(NET.theta.astype(dtype), NET.architecture, M, 2)


TAKES = {
    "predict": "theta architecture X",
    "loss_and_gradient": "theta architecture X Y",
    "train": "theta architecture X Y settings epochs batch_size seed",
    "train_many": "thetas architecture X Y settings epochs batch_size seeds",
    "forward": "theta architecture x z a key drops",
    "cost": "theta architecture y weight z a losses",
    "backward": "theta architecture x y weight z a delta gradient key drops",
    "epoch": "theta architecture X Y weight settings learning_rate state step seed number "
             "batch_size shuffled workspace",
    "make_workspace": "theta architecture examples batch_size",
    "make_state": "theta settings",
}  # fmt: skip
TAKES = {function: names.split() for function, names in TAKES.items()}


# Calls as users write them: none knows the package.
def plainly(function):
    return function


def in_njit(function):
    @njit
    def call(*args):
        return function(*args)

    return call


def in_prange(function):
    @njit(parallel=True)
    def call(*args):
        for _ in prange(1):
            function(*args)

    return call


def in_njit_of_njit(function):
    inner = in_njit(function)

    @njit
    def call(*args):
        return inner(*args)

    return call


FROM = [plainly, in_njit, in_prange, in_njit_of_njit]
from_everywhere = pytest.mark.parametrize("call_from", FROM)


class DataFrame:
    """As pandas has it, as far as Numba sees."""

    def to_numpy(self):
        return X


GAPS = np.zeros((P, 2))[:, 1]
WRONG = [
    # layout
    ("predict", "X", WIDE[:, 1:3], "with gaps", r"np.ascontiguousarray\(X\)"),
    ("predict", "X", WIDE[:, ::2], "with gaps", r"np.ascontiguousarray\(X\)"),
    ("predict", "X", WIDE[:2].T, "in Fortran order", r"np.ascontiguousarray\(X\)"),
    ("predict", "X", np.asfortranarray(X), "in Fortran order", r"np.ascontiguousarray\(X\)"),
    ("predict", "theta", GAPS, "with gaps", r"np.ascontiguousarray\(theta\)"),
    ("loss_and_gradient", "Y", np.asfortranarray(Y), "Fortran", r"np.ascontiguousarray\(Y\)"),
    ("train", "theta", GAPS, "with gaps", "and keep it: theta is overwritten"),
    ("train_many", "thetas", np.zeros((P, 2)).T, "Fortran", "keep it: thetas is overwritten"),
    ("backward", "gradient", GAPS, "with gaps", "keep it: gradient is overwritten"),
    # dtype
    ("predict", "X", X.astype("f4"), "2-d float32 array", r"X.astype\(np.float64\)"),
    ("predict", "X", X.astype(int), "2-d int64 array", r"X.astype\(np.float64\)"),
    ("predict", "X", X > 0, "2-d bool array", r"X.astype\(np.float64\)"),
    ("predict", "X", X * 1j, "complex128", r"X.astype\(np.float64\)"),
    ("predict", "X", WIDE[:, 1:3].astype("f4")[::-1], "float32", r"astype\(np.float64\)"),
    ("predict", "theta", np.zeros(P, int), "1-d int64 array", r"theta.astype\(np.float64\)"),
    ("loss_and_gradient", "Y", Y.astype("f4"), "float32", r"Y.astype\(np.float64\)"),
    ("train", "Y", Y.astype(int), "int64", r"Y.astype\(np.float64\)"),
    ("cost", "losses", np.zeros(M, "f4"), "float32", r"astype\(np.float64\)"),
    ("train_many", "seeds", np.ones(1), "float64", r"seeds.astype\(np.int64\)"),
    ("epoch", "workspace", workspace("float32"), "one for float32", "make_workspace returns"),
    # rank
    ("predict", "X", X[0], "1-d", r"X.reshape\(1, -1\)"),
    ("predict", "theta", NET.theta[None], "2-d", r"theta\[k\]"),
    ("loss_and_gradient", "Y", Y[:, 0].copy(), "1-d", "one-hot rows for class labels"),
    ("train_many", "thetas", NET.theta, "1-d", r"thetas.reshape\(1, -1\)"),
    ("epoch", "state", np.zeros(P), "1-d", "make_state"),
    # other things
    ("predict", "X", DataFrame(), "DataFrame", r"np.ascontiguousarray\(X, dtype=np.float64\)"),
    ("predict", "X", [[0.0, 1.0]], "a list", r"np.array\(X, dtype=np.float64\)"),
    ("predict", "X", ((0.0, 1.0), (2.0, 3.0)), "a tuple", r"np.array\(X, dtype=np.float64\)"),
    ("predict", "X", None, "None", "pass an array"),
    ("predict", "theta", NET, "a Network", "pass net.theta"),
    ("predict", "architecture", NET, "a Network", "pass net.architecture"),
    ("predict", "architecture", tuple(NET.architecture), "a tuple", "pass net.architecture"),
    ("predict", "architecture", NET.architecture._replace(sizes=np.ones(2)), "sizes", "pass net"),
    ("predict", "architecture", NET.architecture._replace(loss=1.5), "loss is", "pass net"),
    ("train", "settings", ADAM, "the optimizer Adam", r"loopbp.Adam\(0.05\).settings"),
    ("train", "settings", NET.architecture, "a tuple Architecture", "settings"),
    ("train", "epochs", 3.0, "float64", r"pass int\(epochs\)"),
    ("train", "batch_size", 8.5, "float64", r"pass int\(batch_size\)"),
    ("train", "seed", None, "None", r"pass int\(seed\)"),
    ("train_many", "seeds", 1, "int64", "pass an array"),
    ("forward", "drops", 0.5, "float64", r"pass bool\(drops\)"),
    ("make_state", "settings", loopbp.SGD(), "the optimizer SGD", r"loopbp.SGD\(0.05\).settings"),
    ("make_workspace", "batch_size", 2.0, "float64", r"pass int\(batch_size\)"),
    # read-only, where something is written
    ("train", "theta", read_only(NET.theta), "read-only", r"pass theta.copy\(\)"),
    ("forward", "a", read_only(np.zeros(M * 3)), "read-only", r"pass a.copy\(\)"),
    ("epoch", "workspace",
     workspace("float64")._replace(z=read_only(np.zeros(6))), "z is read-only", "make_workspace"),
]  # fmt: skip


def refusal(error, name, function):
    """The sentence of an error, which stands in it once and at its start."""
    lines = str(error).splitlines()
    start = f"{name} of compiled.{function}: expected "
    found = [k for k, line in enumerate(lines) if start in line]
    assert len(found) == 1, lines
    assert lines[found[0]].startswith(start)
    assert all(line.startswith("Failed in nopython mode") for line in lines[: found[0]])
    return lines[found[0]]


def name_of(case):
    return case.__name__ if callable(case) else str(case)[:20] if isinstance(case, str) else "-"


@from_everywhere
@pytest.mark.parametrize(("function", "name", "value", "came", "remedy"), WRONG, ids=name_of)
def test_a_wrong_type_is_refused_in_one_sentence(call_from, function, name, value, came, remedy):
    given = arguments(function) | {name: value}
    with pytest.raises((TypingError, TypeError), match=remedy) as caught:
        call_from(getattr(compiled, function))(*given.values())
    sentence = refusal(caught.value, name, function)
    expected, found, what_to_do = sentence.replace("; ", ", got ").split(", got ")
    assert expected
    assert came in found
    assert what_to_do.startswith("pass ")


SWAPPED = [
    ("predict", "theta", "X"), ("predict", "theta", "architecture"),
    ("predict", "architecture", "X"), ("train", "Y", "settings"),
    ("train", "architecture", "settings"), ("make_state", "theta", "settings"),
    ("forward", "key", "drops"),
]  # fmt: skip


@pytest.mark.parametrize("call_from", FROM[:2])
@pytest.mark.parametrize(("function", "first", "second"), SWAPPED)
def test_swapped_arguments_are_told_their_order(call_from, function, first, second):
    given = arguments(function)
    given |= {first: given[second], second: given[first]}
    order = rf"; {first} and {second} are swapped, call {function}\({', '.join(given)}\)"
    with pytest.raises((TypingError, TypeError), match=order) as caught:
        call_from(getattr(compiled, function))(*given.values())
    assert refusal(caught.value, first, function)


@pytest.mark.parametrize("call_from", FROM[:2])
@pytest.mark.parametrize("count", [2, 4])
def test_other_arguments_than_it_takes(call_from, count):
    call = r"call predict\(theta, architecture, X\)"
    with pytest.raises((TypingError, TypeError), match=rf"^[^\n]*\n?compiled.predict: .*; {call}"):
        call_from(compiled.predict)(*[*arguments("predict").values(), 3][:count])


def test_one_exception_is_both_of_pythons_and_of_numbas():
    for kind in (TypeError, TypingError, compiled.ArgumentTypeError):
        with pytest.raises(kind):
            compiled.predict(NET.theta, NET, X)


@needs_jit
def test_a_column_of_thetas_and_a_slice_made_inside_njit():
    @njit
    def of_column(thetas, architecture, X):
        return compiled.predict(thetas[:, 0], architecture, X)

    @njit
    def of_slice(theta, architecture, X):
        return compiled.predict(theta, architecture, X[:, 1:3])

    @njit
    def mended(theta, architecture, X):
        return compiled.predict(theta, architecture, np.ascontiguousarray(X[:, 1:3]))

    with pytest.raises(TypingError, match=r"theta of compiled\.predict: .* with gaps"):
        of_column(NET.theta[:, None], NET.architecture, X)
    with pytest.raises(TypingError, match=r"X of compiled\.predict: .* with gaps"):
        of_slice(NET.theta, NET.architecture, WIDE)
    found = mended(NET.theta, NET.architecture, WIDE)
    assert (found == NET.predict_proba(WIDE[:, 1:3])).all()


@needs_jit
def test_a_type_of_numbers_that_are_not_aligned():
    kinds = [typeof(value) for value in arguments("predict").values()]
    loose = types.Array(types.float64, 2, "C", aligned=False)
    with pytest.raises(TypeError, match=r"array that is not aligned; pass X.copy\(\)$"):
        compiled.predict.get_call_template([*kinds[:-1], loose], {})


@needs_jit
def test_a_network_and_an_optimizer_that_njit_finds_outside():
    @njit
    def of_network(theta, X):
        return compiled.predict(theta, NET, X)

    @njit
    def of_optimizer(theta):
        return compiled.make_state(theta, ADAM)

    with pytest.raises(TypingError, match=r"got a Network; pass net\.architecture"):
        of_network(NET.theta, X)
    with pytest.raises(TypingError, match=r"got the optimizer Adam; pass its settings"):
        of_optimizer(NET.theta)


def test_a_pandas_frame_is_named():
    pandas = pytest.importorskip("pandas")
    for value in (pandas.DataFrame(X), pandas.Series([1.0])):
        with pytest.raises(TypeError, match=f"X of compiled.predict: .* {type(value).__name__};"):
            compiled.predict(NET.theta, NET.architecture, value)


# -- what is taken --------------------------------------------------------------------------------


@pytest.mark.parametrize("call_from", FROM[:2])
def test_read_only_arrays_where_nothing_is_written(call_from):
    frozen = (read_only(NET.theta), NET.architecture, read_only(X), read_only(Y))
    outputs = call_from(compiled.predict)(*frozen[:3])
    J, gradient = call_from(compiled.loss_and_gradient)(*frozen)
    writable = compiled.loss_and_gradient(NET.theta, NET.architecture, X, Y)
    assert (outputs == NET.predict_proba(X)).all()
    assert writable[0] == J
    assert (writable[1] == gradient).all()
    gradient[:] = 0.0  # is the caller's own
    theta = NET.theta.copy()
    call_from(compiled.train)(theta, *frozen[1:], ADAM.settings, 1, M, 1)
    assert (theta != NET.theta).any()


@needs_jit
def test_read_only_arrays_compile_nothing_more():
    given = (NET.theta, NET.architecture, X)
    compiled.predict(*given)
    before = [len(f.overloads) for f in (compiled.predict, compiled.forward)]
    for _ in range(2):
        compiled.predict(read_only(NET.theta), NET.architecture, read_only(X))
        in_njit(compiled.predict)(NET.theta, NET.architecture, read_only(X))
    assert [len(f.overloads) for f in (compiled.predict, compiled.forward)] == before


def test_by_name_and_after_a_refusal():
    with pytest.raises(TypeError):
        compiled.predict(NET.theta, X=WIDE[:, 1:3], architecture=NET.architecture)
    found = compiled.predict(NET.theta, X=X, architecture=NET.architecture)
    assert (found == NET.predict_proba(X)).all()


def test_numbers_of_numpy_are_numbers():
    theta = NET.theta.copy()
    counts = np.int32(2), np.int16(3), np.uint64(1)
    losses = compiled.train(theta, NET.architecture, X, Y, ADAM.settings, *counts)
    assert losses.shape == (2,)


def test_a_compiled_function_is_pickled_by_its_name():
    assert pickle.loads(pickle.dumps(compiled.predict)) is compiled.predict


@needs_jit
def test_objects_keep_their_meaning_in_object_mode():
    from numba import jit

    @jit(forceobj=True)
    def read(frame, net):
        return frame.to_numpy().sum() + net.theta.size

    assert read(DataFrame(), NET) == X.sum() + P


# -- lengths and ranges, from Python --------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "changed", "match"),
    [
        ("predict", {"theta": NET.theta[:-1]}, "theta of .*: expected 9 parameters, got 8; "),
        ("predict", {"X": WIDE}, "X of compiled.predict: expected 2 columns, got 4; "),
        ("loss_and_gradient", {"X": Y, "Y": X}, "X of .*: expected 2 columns, got 3; "),
        ("loss_and_gradient", {"Y": X}, "Y of .*: expected 3 columns, got 2; "),
        ("loss_and_gradient", {"Y": Y[1:]}, "Y of .*: expected 5 rows as in X, got 4; "),
        ("loss_and_gradient", {"X": X[:0], "Y": Y[:0]}, "X of .*: expected at least one example"),
        ("train", {"epochs": -1}, "epochs of compiled.train: expected at least 0, got -1; "),
        ("train", {"batch_size": 0}, "batch_size of .*: expected at least 1, got 0; "),
        ("train_many", {"thetas": np.zeros((1, 3))}, "thetas of .*: expected 9 parameters, got 3"),
        ("train_many", {"seeds": np.arange(2)}, "seeds of .*: expected 1, got 2; "),
    ],
)
def test_lengths_and_ranges_from_python(function, changed, match):
    given = arguments(function)
    with pytest.raises(ValueError, match=f"^{match}"):
        getattr(compiled, function)(*(given | changed).values())
    with pytest.raises(ValueError, match=f"^{match}"):
        getattr(compiled, function)(**(given | changed))


# -- what lies below ------------------------------------------------------------------------------

W, B = RNG.standard_normal((3, 2)), RNG.standard_normal(3)
MIXED = [
    ("A", W, B, WIDE[:, 1:3], "f8"), ("F", np.asfortranarray(W), B, X, "f8"),
    ("dtype", W.astype("f4"), B, X, "f8"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "w", "b", "a_prev", "dtype"), MIXED)
def test_literal_loops_take_any_layout_and_dtype(kind, w, b, a_prev, dtype):
    z = np.empty((3, M), dtype).T
    loops.weighted_input(w, b, a_prev, z)
    assert z == pytest.approx(a_prev @ w.T + b, rel=1e-6)


@needs_jit
@pytest.mark.parametrize(("kind", "w", "b", "a_prev", "dtype"), MIXED)
def test_tiles_refuse_what_they_would_misread(kind, w, b, a_prev, dtype):
    expected = "numbers of one dtype" if kind == "dtype" else "a C-ordered array"
    with pytest.raises(TypingError, match=f"expected {expected}, got "):
        kernels.weighted_input(w, b, a_prev, np.empty((M, 3), dtype))


@needs_jit
def test_tiles_refuse_to_write_to_what_is_read_only():
    with pytest.raises(TypingError, match="expected an array to write to, got a read-only one"):
        kernels.activation(CODES["tanh"], 0, X, read_only(X))


@pytest.mark.parametrize("value", [NET.theta * 1j, ["a"] * P])
def test_theta_of_a_network_is_of_real_numbers(value):
    net = helpers.classifier()
    value = np.resize(np.array(value), net.theta.size)
    before = net.theta.copy()
    with pytest.raises(TypeError, match=r"^theta: expected real numbers, got "):
        net.theta = value
    assert (net.theta == before).all()


def test_a_layer_may_be_assigned():
    net = loopbp.Network([2, 3, 1], seed=0)
    net.weights[0], net.biases[-1] = np.full((3, 2), 7.0), np.array([4.0])
    assert (net.theta[:6] == 7.0).all()
    assert net.theta[-1] == 4.0
    with pytest.raises(ValueError, match="shape"):
        net.weights[0] = np.ones((2, 2))
