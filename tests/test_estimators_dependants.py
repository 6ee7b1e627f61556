"""Packages that train scikit-learn's networks by name, with that name put for ours."""

import numpy as np
import pytest
from cases.estimators import ours, table
from sklearn import neural_network

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore"),  # theirs, at import above all
]
X, Y = table(3, rows=200)
HEIGHT = np.tanh(X[:, 0]) - 0.5 * X[:, 1]
QUICK = {"hidden_layer_sizes": (20, 10), "max_iter": 30}


def module(name, package):
    """A module of a package, or a skip."""
    return pytest.importorskip(name, reason=f"{package} is not installed", exc_type=ImportError)


# -- nautilus: networks as emulators of a likelihood -----------------------------------------------


@pytest.fixture
def neural():
    return module("nautilus.neural", "nautilus-sampler")


def emulator(neural, monkeypatch, networks, **settings):
    """An emulator whose networks are those of a module."""
    monkeypatch.setattr(neural, "MLPRegressor", networks.MLPRegressor)
    trained = neural.NeuralNetworkEmulator.train(
        X, HEIGHT, n_networks=2, neural_network_kwargs=settings
    )
    assert {type(net) for net in trained.neural_networks} == {networks.MLPRegressor}
    return trained


def test_nautilus_finds_the_same_emulator(neural, monkeypatch):
    found, expected = (
        emulator(neural, monkeypatch, networks, **QUICK).predict(X)
        for networks in (ours, neural_network)
    )
    assert np.abs(found - expected).max() < 1e-7


def test_nautilus_trains_by_its_own_settings(neural, monkeypatch):
    errors = [
        np.mean((emulator(neural, monkeypatch, networks).predict(X) - HEIGHT) ** 2)
        for networks in (ours, neural_network)
    ]
    assert max(errors) < 0.05 * np.var(HEIGHT)


def test_nautilus_reads_what_it_wrote(neural, monkeypatch):
    h5py = module("h5py", "h5py")
    written = emulator(neural, monkeypatch, ours, **QUICK)
    with h5py.File("emulator", "w", driver="core", backing_store=False) as file:
        written.write(file)
        read = neural.NeuralNetworkEmulator.read(file)
    assert {type(net) for net in read.neural_networks} == {ours.MLPRegressor}
    assert (read.predict(X) == written.predict(X)).all()


def test_nautilus_samples(neural, monkeypatch):
    import nautilus  # pyright: ignore[reportMissingImports]

    monkeypatch.setattr(neural, "MLPRegressor", ours.MLPRegressor)
    prior = nautilus.Prior()
    for name in "ab":
        prior.add_parameter(name, dist=(-5.0, 5.0))

    def likelihood(point):
        return -0.5 * (point["a"] ** 2 + point["b"] ** 2)

    sampler = nautilus.Sampler(prior, likelihood, n_live=300, n_networks=1, seed=0)
    assert sampler.run(n_eff=500, discard_exploration=False)
    assert sampler.log_z == pytest.approx(np.log(2 * np.pi / 100), abs=0.2)
    trained = [net for b in sampler.bounds for net in networks_of(b)]
    assert trained
    assert {type(net) for net in trained} == {ours.MLPRegressor}


def networks_of(bound):
    """The networks of a bound, which is made of others."""
    inner = [*getattr(bound, "neural_bounds", ()), getattr(bound, "emulator", None)]
    for part in filter(None, inner):
        yield from getattr(part, "neural_networks", None) or networks_of(part)


# -- mljar-supervised: networks among other models -------------------------------------------------

TASKS = {
    "binary_classification": ("MLPAlgorithm", (Y == 1) * 1),
    "multiclass_classification": ("MLPAlgorithm", Y),
    "regression": ("MLPRegressorAlgorithm", HEIGHT),
}


@pytest.fixture
def nn(monkeypatch):
    found = module("supervised.algorithms.nn", "mljar-supervised")
    monkeypatch.setattr(found, "MLPClassifier", ours.MLPClassifier)
    monkeypatch.setattr(found, "MLPRegressor", ours.MLPRegressor)
    return found


@pytest.mark.parametrize("task", TASKS)
def test_mljar_trains_keeps_and_reads(nn, task, tmp_path):
    pandas = module("pandas", "pandas")
    rows = pandas.DataFrame(X, columns=[f"column {k}" for k in range(X.shape[1])])
    name, y = TASKS[task]
    kind = getattr(nn, name)
    algorithm = kind({"ml_task": task, "seed": 1})
    algorithm.model.set_params(random_state=1)  # of a regressor it sets none
    assert not algorithm.is_fitted()
    algorithm.fit(rows, y, log_to_file=tmp_path / "curve")
    assert type(algorithm.model) in (ours.MLPClassifier, ours.MLPRegressor)
    assert algorithm.is_fitted()
    found = algorithm.predict(rows)
    theirs = getattr(neural_network, type(algorithm.model).__name__)
    expected = theirs(**{
        name: value for name, value in algorithm.model.get_params().items()
        if name in theirs().get_params()
    }).fit(rows, y)  # fmt: skip
    assert algorithm.model.n_iter_ == expected.n_iter_
    losses = np.loadtxt(tmp_path / "curve", delimiter=",", usecols=1)
    assert losses == pytest.approx(expected.loss_curve_, rel=1e-8)
    algorithm.save(str(tmp_path / "model"))
    again = kind({"ml_task": task})
    again.load(str(tmp_path / "model"))
    assert (again.predict(rows) == found).all()
    assert (algorithm.copy().predict(rows) == found).all()


@pytest.mark.parametrize("task", TASKS)
def test_mljar_makes_a_whole_report_with_them(nn, task, tmp_path):
    from supervised import AutoML  # pyright: ignore[reportMissingImports]

    automl = AutoML(
        results_path=str(tmp_path / "report"), algorithms=["Neural Network"], ml_task=task,
        mode="Explain", explain_level=0, train_ensemble=False, verbose=0, random_state=1,
    )  # fmt: skip
    _, y = TASKS[task]
    automl.fit(X, y)
    assert automl.score(X, y) > 0.8
    made = {type(learner.model) for model in automl._models for learner in model.learners}
    assert made < {ours.MLPClassifier, ours.MLPRegressor}
    assert (tmp_path / "report" / "README.md").is_file()
