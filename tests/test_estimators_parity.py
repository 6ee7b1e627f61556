"""The same random_state gives scikit-learn's own training: losses, weights, counts and scores."""

import re
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.estimators import not_themselves, ours, parity, quietly_fitted, table
from sklearn import neural_network
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.preprocessing import minmax_scale, scale

pytestmark = [parity, pytest.mark.once]
EPOCHS, SHORT = 50, 10
LOSSES, WEIGHTS = 1e-8, 1e-7  # how far apart in float64: losses relatively, weights absolutely
SINGLE = 1e-3  # both, in float32


def data_of(name: str) -> tuple[Any, Any]:
    """The table of a name."""
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        return X[:1000] / 16, y[:1000]
    if name == "iris":
        X, y = load_iris(return_X_y=True)
        return scale(X), y
    if name == "two classes":
        X, y = load_iris(return_X_y=True)
        return scale(X), np.where(y == 1, "yes", "no")
    if name == "labels":
        X, y = load_digits(return_X_y=True)
        return X[:500] / 16, np.stack([y[:500] % 2 == 0, y[:500] > 4, y[:500] % 3 == 0], 1) * 1
    X, y = load_diabetes(return_X_y=True)
    targets = {
        "diabetes": scale(y),
        "three targets": np.stack([scale(y), minmax_scale(y), np.sin(scale(y))], 1),
        "counts": np.floor(minmax_scale(y) * 6),
    }
    return scale(X), targets[name]


@dataclass(frozen=True)
class Case:
    """How both are trained."""

    data: str = "digits"
    settings: dict[str, Any] = field(default_factory=dict)
    weighted: bool = False
    stops: bool = False
    """before the last epoch"""

    @property
    def kind(self) -> str:
        """The name of the class."""
        of_classes = ("digits", "iris", "two classes", "labels")
        return "MLPClassifier" if self.data in of_classes else "MLPRegressor"

    def make(self, module: Any, **settings: Any) -> Any:
        """An estimator of a module."""
        common = {"random_state": 3, "max_iter": EPOCHS, "hidden_layer_sizes": (20,)}
        return getattr(module, self.kind)(**{**common, **self.settings, **settings})

    def arrays(self, dtype: str = "float64") -> tuple[Any, Any, dict[str, Any]]:
        """X, y, and what `fit` is told besides."""
        X, y = data_of(self.data)
        s = np.random.default_rng(1).uniform(0.2, 3.0, len(X))
        return X.astype(dtype), y, {"sample_weight": s} if self.weighted else {}


def on(*names: str, **case: Any) -> list[tuple[str, Case]]:
    """A case for each of some tables."""
    return [(name, Case(name, **case)) for name in names]


def by_name(**cases: Any) -> dict[str, Case]:
    """Cases, named by what is tried and the table."""
    return {
        f"{name.replace('_', ' ')}, {data}": case
        for name, found in cases.items()
        for data, case in found
    }


def sgd(**settings: Any) -> dict[str, Any]:
    """Settings of a descent that learns something in so many epochs."""
    return {"solver": "sgd", "learning_rate_init": 0.05, "batch_size": 50, **settings}


BOTH = ("digits", "iris")
STEADY = {"tol": 0.0, "n_iter_no_change": EPOCHS}  # every epoch is trained
CASES = by_name(
    constant=on(*BOTH, settings=sgd(**STEADY)),
    invscaling=on(*BOTH, settings=sgd(learning_rate="invscaling", power_t=0.3, **STEADY)),
    adaptive=on(
        *BOTH, settings=sgd(learning_rate="adaptive", tol=0.02, n_iter_no_change=2), stops=True
    ),
    momentum_only=on(*BOTH, settings=sgd(nesterovs_momentum=False, **STEADY)),
    no_momentum=on(*BOTH, settings=sgd(momentum=0.0, **STEADY)),
    neither=on(*BOTH, settings=sgd(momentum=0.0, nesterovs_momentum=False, **STEADY)),
    adam=on(*BOTH, "two classes", "labels", "diabetes", settings=STEADY),
    adam_with_other_settings=on(
        *BOTH,
        settings={**STEADY, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3, "alpha": 0.1},
    ),
    early_stopping=on(
        *BOTH, "two classes", "labels", "diabetes",
        settings={"early_stopping": True, "learning_rate_init": 0.03, "n_iter_no_change": 3},
        stops=True,
    ),
    early_stopping_by_sgd=on(
        *BOTH,
        settings=sgd(early_stopping=True, learning_rate="adaptive", n_iter_no_change=1),
        stops=True,
    ),
    stopping_by_loss=on(
        *BOTH,
        settings={"tol": 0.05, "n_iter_no_change": 2, "learning_rate_init": 0.01},
        stops=True,
    ),
    weights=on(*BOTH, "two classes", "labels", "diabetes", settings=STEADY, weighted=True),
    weights_and_sgd=on(*BOTH, settings=sgd(**STEADY), weighted=True),
    weights_and_early_stopping=on(
        *BOTH,
        settings={"early_stopping": True, "learning_rate_init": 0.03, "n_iter_no_change": 3},
        weighted=True,
        stops=True,
    ),
    short_last_batch=on(*BOTH, settings={**STEADY, "batch_size": 64, "alpha": 0.5}),
    short_last_batch_weighted=on(
        *BOTH, settings={**STEADY, "batch_size": 64, "alpha": 0.5}, weighted=True
    ),
    last_batch_of_one=on(*BOTH, settings=sgd(batch_size=149, alpha=0.5, **STEADY)),
    batches_of_one=on("iris", settings=sgd(batch_size=1, learning_rate_init=0.01, **STEADY)),
    three_layers=on(*BOTH, settings={**STEADY, "hidden_layer_sizes": (12, 7, 5)}),
    no_hidden_layer=on(*BOTH, settings={**STEADY, "hidden_layer_sizes": ()}),
    in_order=on(*BOTH, settings={**STEADY, "shuffle": False}),
    poisson=on("counts", settings={**STEADY, "loss": "poisson", "learning_rate_init": 0.01}),
    poisson_weighted=on(
        "counts", settings=sgd(loss="poisson", learning_rate_init=0.01, **STEADY), weighted=True
    ),
    logistic=on(*BOTH, settings={**STEADY, "activation": "logistic"}),
    tanh=on(*BOTH, settings={**STEADY, "activation": "tanh"}),
    identity=on(*BOTH, settings={**STEADY, "activation": "identity"}),
)  # fmt: skip
BY_LBFGS = {"solver": "lbfgs", "max_iter": 12}
LBFGS = by_name(
    lbfgs=on(*BOTH, "two classes", "labels", "diabetes", settings=BY_LBFGS),
    lbfgs_weighted=on(*BOTH, "diabetes", settings=BY_LBFGS, weighted=True),
    lbfgs_tanh=on(*BOTH, settings={**BY_LBFGS, "activation": "tanh", "alpha": 0.1}),
    lbfgs_poisson=on("counts", settings={**BY_LBFGS, "loss": "poisson"}),
)


def pair(case: Case, dtype: str = "float64", **settings: Any) -> tuple[Any, Any]:
    """Ours and theirs, fitted."""
    X, y, weights = case.arrays(dtype)
    made = (case.make(module, **settings) for module in (ours, neural_network))
    mine, theirs = (quietly_fitted(estimator, X, y, **weights) for estimator in made)
    return mine, theirs


def parameters(estimator: Any) -> Any:
    """All weights and biases in one vector."""
    return np.concatenate([np.ravel(p) for p in (*estimator.coefs_, *estimator.intercepts_)])


def apart(found: Any, expected: Any, relative: bool = False) -> float:
    """How far two arrays are apart at most."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    assert found.shape == expected.shape
    return float(np.max(np.abs(found - expected) / (np.abs(expected) if relative else 1.0)))


COUNTS = ("n_iter_", "t_", "n_layers_", "n_outputs_", "n_features_in_", "out_activation_")
OF_STOCHASTIC = ("best_loss_", "best_validation_score_", "validation_scores_")


def differences(mine: Any, theirs: Any, losses: float = LOSSES, weights: float = WEIGHTS) -> list:
    """What differs between two trainings, by name; empty where they are the same."""
    found = [name for name in COUNTS if getattr(mine, name) != getattr(theirs, name)]
    if not apart([mine.loss_], [theirs.loss_], relative=True) <= losses:
        found.append("loss_")
    if theirs.solver != "lbfgs":
        if mine._no_improvement_count != theirs._no_improvement_count:
            found.append("_no_improvement_count")
        if len(mine.loss_curve_) != len(theirs.loss_curve_):
            return [*found, "length of loss_curve_"]
        if not apart(mine.loss_curve_, theirs.loss_curve_, relative=True) <= losses:
            found.append("loss_curve_")
        for name in OF_STOCHASTIC:
            a, b = getattr(mine, name), getattr(theirs, name)
            if (a is None) != (b is None) or (b is not None and not apart(a, b) <= losses):
                found.append(name)
        if theirs.solver == "sgd":
            rates = [estimator._optimizer.learning_rate for estimator in (mine, theirs)]
            found += [] if apart(*([r] for r in rates), relative=True) < 1e-12 else ["rate"]
    kinds = [{p.dtype for p in (*e.coefs_, *e.intercepts_)} for e in (mine, theirs)]
    found += [] if kinds[0] == kinds[1] else ["dtype"]
    shapes = [[p.shape for p in (*e.coefs_, *e.intercepts_)] for e in (mine, theirs)]
    if shapes[0] != shapes[1]:
        return [*found, "shapes"]
    return found if apart(parameters(mine), parameters(theirs)) <= weights else [*found, "weights"]


@pytest.mark.parametrize("name", CASES)
def test_a_training_is_scikit_learns_own(name):
    mine, theirs = pair(CASES[name])
    assert differences(mine, theirs) == []
    assert (theirs.n_iter_ < EPOCHS) == CASES[name].stops


@pytest.mark.parametrize("name", CASES)
def test_it_is_in_float32(name):
    mine, theirs = pair(CASES[name], "float32", max_iter=SHORT)
    assert differences(mine, theirs, SINGLE, SINGLE) == []
    assert {p.dtype for p in mine.coefs_} == {np.dtype("float32")}


@pytest.mark.parametrize("name", LBFGS)
def test_lbfgs_takes_the_same_steps(name):
    mine, theirs = pair(LBFGS[name])
    assert differences(mine, theirs) == []


@pytest.mark.parametrize("name", CASES)
def test_predictions_are_scikit_learns_own(name):
    case = CASES[name]
    mine, theirs = pair(case, max_iter=3)
    X, y, _ = case.arrays()
    if case.kind == "MLPClassifier":
        assert (mine.predict(X) == theirs.predict(X)).all()
        assert mine.predict(X).dtype == theirs.predict(X).dtype
        assert apart(mine.predict_proba(X), theirs.predict_proba(X)) < 1e-12
        assert apart(mine.predict_log_proba(X), theirs.predict_log_proba(X)) < 1e-9
    else:
        assert apart(mine.predict(X), theirs.predict(X)) < 1e-11
    assert mine.score(X, y) == pytest.approx(theirs.score(X, y), rel=1e-12)


# -- one call after the other ----------------------------------------------------------------------

SOLVERS = {"sgd": sgd(), "adam": {}, "adam, early": {"early_stopping": True}}
PARTS = (slice(0, 60), slice(60, 75), slice(75, 150))


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("random_state", [3, "shared"])
def test_partial_fits_in_a_row(solver, weighted, random_state):
    case = Case("iris", {**SOLVERS[solver], "batch_size": 12}, weighted)
    X, y, _ = case.arrays()
    rows = np.random.default_rng(0).permutation(len(X))
    s = np.linspace(0.5, 2.0, len(X)) if weighted else None
    pairs = []
    for module in (ours, neural_network):
        state = np.random.RandomState(5) if random_state == "shared" else random_state
        estimator = case.make(module, random_state=state)
        for part in PARTS * 4:
            k = rows[part]
            weights = {} if s is None else {"sample_weight": s[k]}
            estimator.partial_fit(X[k], y[k], classes=np.unique(y), **weights)
        pairs.append(estimator)
    assert differences(*pairs) == []
    assert len(pairs[0].loss_curve_) == 12


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_partial_fits_of_a_regressor(solver):
    case = Case("diabetes", SOLVERS[solver])
    X, y, _ = case.arrays()
    mine, theirs = (case.make(module) for module in (ours, neural_network))
    for _ in range(5):
        for estimator in (mine, theirs):
            estimator.partial_fit(X[:200], y[:200]).partial_fit(X[200:], y[200:])
    assert differences(mine, theirs) == []


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_partial_fit_after_fit_goes_on(solver):
    case = Case("iris", {**SOLVERS[solver], "max_iter": 7})
    X, y, _ = case.arrays()
    mine, theirs = pair(case)
    for estimator in (mine, theirs):
        for _ in range(3):
            estimator.partial_fit(X[:90], y[:90])
    assert differences(mine, theirs) == []


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_warm_start_goes_on(solver):
    case = Case("iris", {**SOLVERS[solver], "max_iter": 6, "warm_start": True})
    X, y, _ = case.arrays()
    mine, theirs = pair(case)
    for estimator in (mine, theirs):
        for _ in range(3):
            quietly_fitted(estimator, X, y)
    assert differences(mine, theirs) == []
    if "early" not in solver:
        assert len(mine.loss_curve_) == 24


def test_a_warm_start_of_lbfgs_goes_on():
    case = Case("iris", {**BY_LBFGS, "max_iter": 4, "warm_start": True})
    mine, theirs = pair(case)
    X, y, _ = case.arrays()
    for estimator in (mine, theirs):
        quietly_fitted(estimator, X, y)
    assert differences(mine, theirs) == []


def test_weights_set_by_hand_are_trained_on():
    case = Case("iris", {"warm_start": True, "max_iter": 3})
    X, y, _ = case.arrays()
    mine, theirs = pair(case)
    for estimator in (mine, theirs):
        estimator.coefs_ = [0.1 * np.sign(w) for w in theirs.coefs_]
        estimator.intercepts_[0][:] = 0.25
    assert apart(mine.predict_proba(X), theirs.predict_proba(X)) < 1e-12
    for estimator in (mine, theirs):
        quietly_fitted(estimator, X, y)
    assert differences(mine, theirs) == []


def test_a_second_fit_begins_anew():
    case = Case("iris", {"max_iter": 4})
    X, y, _ = case.arrays()
    mine, theirs = pair(case)
    assert differences(quietly_fitted(mine, X, y), theirs) == []


def test_one_generator_goes_on_from_estimator_to_estimator():
    case, found = Case("iris", {"max_iter": 4, "early_stopping": True}), []
    X, y, _ = case.arrays()
    for module in (ours, neural_network):
        state = np.random.RandomState(8)
        first, second = (case.make(module, random_state=state) for _ in range(2))
        quietly_fitted(first, X, y)
        found.append((quietly_fitted(second, X, y), state.randint(1 << 30)))
    assert differences(found[0][0], found[1][0]) == []
    assert found[0][1] == found[1][1]


def test_what_verbose_prints(capsys):
    printed = []
    for module in (ours, neural_network):
        settings = {"verbose": True, "early_stopping": True, "n_iter_no_change": 2}
        quietly_fitted(Case("iris", settings).make(module), *Case("iris").arrays()[:2])
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert "Validation score: " in printed[0]
    assert "did not improve more than" in printed[0]


# -- where they are to differ ----------------------------------------------------------------------


GUIDE = Path(__file__).parent.parent / "docs" / "estimators.md"
# By the first cell of a row of "What deviates, on purpose" there: the tests of it, below.
DEVIATIONS = {
    "`squared_error`, several outputs": ["several_outputs", "several_outputs_by_lbfgs"],
    "log_loss and poisson of a very sure network": ["a_very_sure_network"],
    "`poisson` with y below 0": ["targets_below_0"],
    "a training that diverges without early stopping": ["a_training_that_diverges"],
    "`sample_weight` of 0 for a whole batch": ["a_batch_that_weighs_nothing"],
}


def deviations(text: str) -> list[str]:
    """The first cells of the table of deviations."""
    (part,) = re.findall(r"## What deviates, on purpose\n(.*?)\n## ", text, re.DOTALL)
    return re.findall(r"^\| (.+?) \|", part, re.MULTILINE)[1:]


def test_every_deviation_has_its_tests():
    found = deviations(GUIDE.read_text("utf-8"))
    assert found == list(DEVIATIONS)
    for name in chain.from_iterable(DEVIATIONS.values()):
        assert callable(globals()[f"test_{name}"])


def test_another_deviation_would_be_found():
    text = GUIDE.read_text("utf-8")
    last = list(DEVIATIONS)[-1]
    assert deviations(text.replace(f"| {last} |", "| something | a | b |\n| more |")) != list(
        DEVIATIONS
    )


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("weighted", [False, True])
def test_several_outputs(solver, weighted):
    case = Case("three targets", {**SOLVERS[solver], "alpha": 0.0, **STEADY}, weighted)
    mine, theirs = pair(case)
    assert theirs.n_iter_ == EPOCHS
    assert apart(parameters(mine), parameters(theirs)) <= WEIGHTS
    assert mine.n_iter_ == theirs.n_iter_
    outputs = 1 if ours is neural_network else theirs.n_outputs_
    for name in ("loss_", "best_loss_", "loss_curve_"):
        expected = outputs * np.atleast_1d(getattr(theirs, name))
        assert apart(np.atleast_1d(getattr(mine, name)), expected, relative=True) <= LOSSES
    penalised = pair(Case("three targets", {**SOLVERS[solver], **STEADY, "alpha": 0.5}, weighted))
    assert apart(*map(parameters, penalised)) <= WEIGHTS


@pytest.mark.parametrize("weighted", [False, True])
def test_early_stopping_with_several_outputs_is_equal(weighted):
    settings = {"early_stopping": True, "learning_rate_init": 0.03, "alpha": 0.0}
    mine, theirs = pair(Case("three targets", settings, weighted))
    assert theirs.n_iter_ < EPOCHS
    assert set(differences(mine, theirs)) <= {"loss_", "loss_curve_"}


def gradient_error(estimator: Any, X: Any, y: Any) -> float:
    """How far the gradient that lbfgs is given is from the differences of its loss."""
    shapes = [w.shape for w in (*estimator.coefs_, *estimator.intercepts_)]
    layers = len(estimator.coefs_)
    activations, deltas = [X] + [None] * layers, [None] * layers
    grads = [np.empty(shape) for shape in shapes]
    theta = parameters(estimator)

    def at(point: Any) -> tuple[float, Any]:
        loss, gradient = estimator._loss_grad_lbfgs(
            point.copy(), X, y, None, activations, deltas, grads[:layers], grads[layers:]
        )
        return loss, np.array(gradient)

    _, gradient = at(theta)
    steps = 1e-6 * np.eye(len(theta))
    found = np.array([(at(theta + h)[0] - at(theta - h)[0]) / 2e-6 for h in steps])
    return apart(found, gradient) / float(np.max(np.abs(gradient)))


def test_several_outputs_by_lbfgs():
    case = Case("three targets", {**BY_LBFGS, "hidden_layer_sizes": (4,), "max_iter": 400})
    X, y, _ = case.arrays()
    found, scores = [], []
    for module in (ours, neural_network):
        estimator = quietly_fitted(case.make(module, max_iter=3), X, y)
        found.append(gradient_error(estimator, X, y))
        scores.append(quietly_fitted(case.make(module), X, y).score(X, y))
    assert found[1] > 0.1
    if ours is not neural_network:
        assert found[0] < 1e-6
        assert scores[0] > scores[1] - 0.02


def first_loss(kind: str, module: Any, X: Any, y: Any, times: float, **settings: Any) -> float:
    """The loss of weights that are drawn and then made so many times as large."""
    settings = {"hidden_layer_sizes": (), "random_state": 0, "alpha": 0.0, **settings}
    estimator = getattr(module, kind)(max_iter=1, warm_start=True, **settings)
    quietly_fitted(estimator, X, y)
    estimator.coefs_ = [times * np.ones_like(w) for w in estimator.coefs_]
    estimator.intercepts_ = [0.0 * b for b in estimator.intercepts_]
    with np.errstate(all="ignore"):
        return quietly_fitted(estimator, X, y).loss_


@not_themselves
def test_a_very_sure_network():
    x, y = np.array([[1.0], [-1.0], [1.0], [1.0]]), np.array([1, 0, 1, 0])  # the last one is wrong
    found, clipped = (first_loss("MLPClassifier", m, x, y, 200.0) for m in (ours, neural_network))
    assert found == pytest.approx(200.0 / 4, rel=1e-12)
    assert clipped == pytest.approx(-np.log(np.finfo(float).eps) / 4, rel=1e-6)
    counts = np.array([0.0, 2.0, 1.0, 0.0])
    kind, poisson = "MLPRegressor", {"loss": "poisson"}
    x = np.array([[-0.1], [-1.0], [-2.0], [-1.0]])
    found, infinite = (
        first_loss(kind, m, x, counts, 400.0, **poisson) for m in (ours, neural_network)
    )
    # a - y + y log(y / a), where a = exp(-400) and exp(-800) are 0 beside the rest
    expected = np.exp(-40) + (2 * np.log(2) + 2 * 400 - 2) + (800 - 1)
    assert found == pytest.approx(expected / 4, rel=1e-12)
    assert np.isinf(infinite)


@not_themselves
def test_targets_below_0():
    X, y = data_of("counts")
    y = y - 1.0
    settings = {"loss": "poisson", "max_iter": 2, "random_state": 0}
    with np.errstate(all="ignore"):
        theirs = quietly_fitted(neural_network.MLPRegressor(**settings), X, y)
    assert np.isnan(theirs.loss_)
    with pytest.raises(ValueError, match=r"poisson.*-1"):
        ours.MLPRegressor(**settings).fit(X, y)


@not_themselves
def test_a_training_that_diverges():
    X, y = data_of("diabetes")
    settings = {"solver": "sgd", "learning_rate_init": 1e9, "random_state": 0, "max_iter": EPOCHS}
    said, epochs = [], []
    for module in (ours, neural_network):
        estimator = module.MLPRegressor(**settings)
        with np.errstate(all="ignore"), pytest.raises(ValueError) as caught:  # noqa: PT011
            quietly_fitted(estimator, X, y)
        said.append(str(caught.value))
        epochs.append(estimator.n_iter_)
    assert said[0] == said[1]
    assert said[0].startswith("Solver produced non-finite parameter weights.")
    assert epochs[0] < epochs[1]


def test_a_batch_that_weighs_nothing():
    X, y, _ = Case("iris").arrays()
    s = np.r_[np.ones(100), np.zeros(50)]
    settings = {"shuffle": False, "batch_size": 50, "max_iter": 2}
    for module in (ours, neural_network):
        estimator = module.MLPClassifier(**settings)
        with pytest.raises(ZeroDivisionError, match="Weights sum to zero, can't be normalized"):
            quietly_fitted(estimator, X, y, sample_weight=s)
        if module is not neural_network:
            with pytest.raises(ZeroDivisionError, match="a larger batch_size"):
                quietly_fitted(estimator, X, y, sample_weight=s)


# -- what the comparison rejects -------------------------------------------------------------------

SLIPS = {
    "another seed": {"random_state": 4},
    "another order": {"shuffle": False},
    "a penalty that is a little smaller": {"alpha": 0.99e-4},
    "another epsilon": {"epsilon": 1.1e-8},
    "another rate": {"learning_rate_init": 0.00100001},
    "fewer epochs": {"max_iter": EPOCHS - 1},
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_found(slip):
    mine, theirs = pair(Case("digits", STEADY))
    assert differences(mine, theirs) == []
    wrong, _ = pair(Case("digits", {**STEADY, **SLIPS[slip]}))
    assert differences(wrong, theirs) != []


def test_a_wrong_gradient_is_found():
    X, y = table(3)
    Y = np.stack([X[:, 0], X[:, 1], y], 1)

    def error(targets: Any) -> float:
        theirs = neural_network.MLPRegressor(
            hidden_layer_sizes=(4,), random_state=0, max_iter=3, solver="lbfgs"
        )
        return gradient_error(quietly_fitted(theirs, X, targets), X, targets.reshape(len(X), -1))

    assert error(Y) > 0.1
    assert error(Y[:, 0]) < 1e-6
