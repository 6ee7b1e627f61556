"""`class_weight` of `Network.fit` and of the command line."""

import csv

import numpy as np
import pytest
from cases.commands import QUICK, write_table

import loopbp
from loopbp.network.class_weights import class_weights

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3))
THREE = np.where(X[:, 0] > 0.3, 2, np.where(X[:, 1] > 0.8, 1, 0))
WORDS = np.array(["low", "middle", "high"])[THREE]
FAST = {"epochs": 2, "batch_size": 8, "verbose": False}


def trained(y, outputs=3, **arguments):
    net = loopbp.Network([3, 4, outputs], "tanh", seed=1)
    history = net.fit(X, y, **FAST, **arguments)
    return net, history


@pytest.mark.parametrize("weighted", [False, True])
def test_balanced_weights_are_those_of_scikit_learn(weighted):
    utils = pytest.importorskip("sklearn.utils.class_weight")
    classes = np.array(["high", "low", "middle"])
    number = np.searchsorted(classes, WORDS)
    weight = RNG.random(40) if weighted else np.ones(40)
    extra = {"sample_weight": weight} if weighted else {}
    expected = utils.compute_class_weight("balanced", classes=classes, y=WORDS, **extra)
    assert class_weights("balanced", number, classes, weight) == pytest.approx(expected, rel=1e-14)


def test_balanced_by_hand():
    found = class_weights("balanced", np.array([0, 2, 2, 2]), np.arange(3), np.ones(4))
    assert found == pytest.approx([4 / (2 * 1), 0, 4 / (2 * 3)])  # the class without any counts not


def test_a_weight_of_2_is_the_example_twice_among_balanced_classes():
    weight = np.where(np.arange(40) < 10, 2.0, 1.0)
    rows = np.concatenate([np.arange(40), np.arange(10)])
    nets = [loopbp.Network([3, 4, 3], "tanh", seed=1) for _ in range(2)]
    sgd = {"epochs": 3, "optimizer": loopbp.SGD(0.1), "class_weight": "balanced"}
    nets[0].fit(X, THREE, sample_weight=weight, batch_size=40, **sgd)
    nets[1].fit(X[rows], THREE[rows], batch_size=50, **sgd)
    assert nets[0].theta == pytest.approx(nets[1].theta, rel=1e-12)


MAPPINGS = [
    (THREE, 3, {0: 1, 1: 5, 2: 0.5}),
    (THREE, 3, {0: 1, 1: 5, 2: 0.5, }.items()),
    (THREE, 3, {"0": 1, 1.0: 5, np.int64(2): np.float32(0.5)}),
    (np.eye(3)[THREE], 3, {0: 1, 1: 5, 2: 0.5}),
    (WORDS, 3, {"low": 1, "middle": 5, "high": 0.5}),
    (np.minimum(THREE, 1), 2, {0: 1, 1: 5}),
    (np.minimum(THREE, 1), 1, {0: 1, 1: 5}),
    (THREE > 0, 1, {False: 1, True: 5}),
    (np.where(THREE > 0, "True", "False"), 1, {False: 1, True: 5}),
]  # fmt: skip


@pytest.mark.parametrize(("y", "outputs", "weights"), MAPPINGS)
def test_a_mapping_multiplies_sample_weight_label_by_label(y, outputs, weights):
    weights = dict(weights)
    own = RNG.random(40) + 0.1
    values = np.array([float(value) for value in weights.values()])
    number = THREE if len(values) == 3 else np.minimum(THREE, 1)
    expected, _ = trained(y, outputs, sample_weight=own * values[number])
    found, _ = trained(y, outputs, sample_weight=own, class_weight=weights)
    assert found.theta == pytest.approx(expected.theta, rel=1e-12)
    plain, _ = trained(y, outputs, sample_weight=own)
    assert np.abs(found.theta - plain.theta).max() > 1e-6


def test_balanced_trains_on_the_training_part_and_validation_has_no_class_weights():
    net, history = trained(THREE, class_weight="balanced", validation=(X[:9], THREE[:9]))
    assert history.validation_loss[-1] == net.loss(X[:9], THREE[:9])
    by_hand, _ = trained(
        THREE, sample_weight=40 / (3 * np.bincount(THREE))[THREE], validation=(X[:9], THREE[:9])
    )
    assert net.theta == pytest.approx(by_hand.theta, rel=1e-12)
    held, history = trained(THREE, class_weight={0: 0, 1: 1, 2: 1}, validation=0.3)
    plain, without = trained(THREE, sample_weight=(THREE > 0).astype(float), validation=0.3)
    assert held.theta == pytest.approx(plain.theta, rel=1e-12)
    assert history.validation_loss != without.validation_loss  # its zeros held no example out


def test_a_class_without_examples_needs_no_weight():
    net, _ = trained(THREE)
    some = THREE > 0
    net.fit(X[some], THREE[some], class_weight={1: 1, 2: 2}, **FAST)
    with pytest.raises(ValueError, match="class_weight: has no weight for 0"):
        net.fit(X, THREE, class_weight={1: 1, 2: 2}, **FAST)


@pytest.mark.parametrize(
    ("y", "outputs", "weights", "kind", "message"),
    [
        (THREE, 3, "balance", ValueError, "class_weight: expected 'balanced' or a mapping"),
        (THREE, 3, [1, 2, 3], TypeError, r"class_weight: .*pass \{label: weight"),
        (WORDS, 3, {"low": 1, "middel": 2}, ValueError,
         "class_weight: 'middel' is none of the labels high, low, middle"),
        (WORDS, 3, {"low": 1}, ValueError, "class_weight: has no weight for high, middle; give"),
        (THREE, 3, {0: 1, 1: -2, 2: 1}, ValueError, r"class_weight\[1\]: expected .* at least 0"),
        (THREE, 3, {0: 1, 1: np.nan, 2: 1}, ValueError, r"class_weight\[1\]: .*nan"),
        (THREE, 3, {0: 1, 1: np.inf, 2: 1}, ValueError, r"class_weight\[1\]: .*inf"),
        (THREE, 3, {0: 1, 1: "2", 2: 1}, TypeError, r"class_weight\[1\]: .*'2'"),
        (THREE, 3, {0: 1, 1: 1, 2: 1, "2": 3}, ValueError, "class_weight: has the label '2' twice"),
        (THREE, 3, {0: 0, 1: 0, 2: 0}, ValueError, "class_weight: leaves no example a weight"),
        (np.full((40, 3), 1 / 3), 3, "balanced", ValueError, "y holds probabilities.*row 0"),
        (np.linspace(0, 1, 40), 1, "balanced", ValueError, "y holds probabilities.*row 1"),
    ],
)  # fmt: skip
def test_wrong_class_weights_are_refused(y, outputs, weights, kind, message):
    net = loopbp.Network([3, 4, outputs], "tanh", seed=1)
    before = net.theta.copy()
    with pytest.raises(kind, match=message):
        net.fit(X, y, class_weight=weights, **FAST)
    assert (net.theta == before).all()


@pytest.mark.parametrize(
    ("options", "y", "what"),
    [
        ({"output": "identity"}, X[:, :2], "values"),
        ({"output": "sigmoid"}, (X[:, :2] > 0).astype(int), "several labels at once"),
    ],
)
def test_only_classes_have_class_weights(options, y, what):
    net = loopbp.Network([3, 2], seed=0, **options)
    with pytest.raises(ValueError, match=f"class_weight: .*y holds {what}; pass sample_weight"):
        net.fit(X, y, class_weight="balanced", **FAST)


# -- the command line -----------------------------------------------------------------------------


@pytest.mark.usefixtures("own_folder")
def test_command_line(train, run):
    write_table("t.csv")
    plain = train("t.csv", *QUICK)
    balanced = train("t.csv", *QUICK, "--class-weight", "balanced")
    by_label = train("t.csv", *QUICK, "--class-weight", "left=1, right=8")
    assert len({one["loss"] for one in (plain, balanced, by_label)}) == 3
    code, out, _ = run("train", "t.csv", *QUICK, "--class-weight", "left=1,right=8")
    assert code == 0
    assert "classes weighted (left 1, right 8)" in " ".join(out.split())
    folds = [train("t.csv", *QUICK, "--cv", "2", *more)
             for more in ((), ("--class-weight", "left=1,right=8"))]  # fmt: skip
    assert folds[0]["loss"] != folds[1]["loss"]


@pytest.mark.usefixtures("own_folder")
def test_command_line_takes_labels_with_commas(train):
    with open("t.csv", "w", newline="") as file:
        csv.writer(file).writerows(
            [["a", "y"], *([k, "p,q=" if k % 3 else "r"] for k in range(30))]
        )
    train("t.csv", *QUICK, "--class-weight", '"p,q==2",r=1')


@pytest.mark.usefixtures("own_folder")
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            "balancd",
            "--class-weight: expected balanced or label=weight,label=weight, got 'balancd'",
        ),
        ("left=1,right", "--class-weight: expected balanced or label=weight"),
        ("left=1,right=-1", "--class-weight: expected a number at least 0, got '-1'"),
        ("left=1,right=x", "--class-weight: expected a number at least 0, got 'x'"),
        ("left=1,left=2", "--class-weight: the label 'left' comes twice"),
        ("", "--class-weight: expected balanced or label=weight,..., got nothing"),
        ("left=1,rihgt=2", "--class-weight: 'rihgt' is none of the labels left, right"),
        ("left=1", "--class-weight: has no weight for right"),
    ],
)
def test_command_line_refuses(refused, weights, message):
    write_table("t.csv")
    assert message in refused("train", "t.csv", *QUICK, f"--class-weight={weights}")


@pytest.mark.usefixtures("own_folder")
def test_command_line_refuses_values(refused):
    write_table("t.csv", kind="values")
    said = refused("train", "t.csv", *QUICK, "--class-weight", "balanced")
    assert "--class-weight: is for one class an example, and y holds values" in said
