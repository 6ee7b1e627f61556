"""What takes an estimator of scikit-learn takes ours, and finds what it finds with its own."""

import copy
import io
import json
import pickle
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn
from cases import helpers
from cases.estimators import (
    MODULE,
    PAIRS,
    not_themselves,
    ours,
    quietly_fitted,
    table,
    unconverged,
)
from scipy import sparse
from sklearn import neural_network
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.feature_selection import SequentialFeatureSelector
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from loopbp.machine.cores import usable_cores

pytestmark = [pytest.mark.once, unconverged]
TOLERANCE = 1e-6
X, Y = table(3)
NAMES = np.array(["ant", "bee", "cat"])[Y]
TARGETS = np.stack([X[:, 0] - X[:, 1], np.sin(X[:, 2])], axis=1)
GRID = {"alpha": [1e-4, 1.0], "hidden_layer_sizes": [(4,), (8, 4)]}


def classifier(module, **settings):
    common = {"hidden_layer_sizes": (8,), "max_iter": 30, "batch_size": 32, "random_state": 1}
    return module.MLPClassifier(**{**common, "learning_rate_init": 0.02, **settings})


def regressor(module, **settings):
    common = {"hidden_layer_sizes": (8,), "max_iter": 30, "batch_size": 32, "random_state": 1}
    return module.MLPRegressor(**{**common, "learning_rate_init": 0.02, **settings})


def of_classes(work):
    """The work with a classifier, by module."""
    return lambda module: work(classifier(module))


def of_numbers(work):
    """The work with a regressor, by module."""
    return lambda module: work(regressor(module))


def of_search(search):
    """The scores of a search, and what the best one predicts."""
    search.fit(X, NAMES)
    return np.append(search.cv_results_["mean_test_score"], search.predict_proba(X).ravel())


WAYS = {
    "pipeline": of_classes(
        lambda e: make_pipeline(StandardScaler(), e).fit(X, NAMES).predict_proba(X)
    ),
    "grid search in two processes": of_classes(
        lambda e: of_search(GridSearchCV(e, GRID, cv=3, n_jobs=2))
    ),
    "grid search of a pipeline": of_classes(
        lambda e: of_search(
            GridSearchCV(
                make_pipeline(StandardScaler(), e), {"mlpclassifier__alpha": [1e-4, 1.0]}, cv=3
            )
        )
    ),
    "random search": of_classes(
        lambda e: of_search(RandomizedSearchCV(e, GRID, n_iter=3, cv=3, random_state=0))
    ),
    "cross_val_score": of_classes(lambda e: cross_val_score(e, X, NAMES, cv=4)),
    "cross_val_score by ROC AUC, in two processes": of_classes(
        lambda e: cross_val_score(e, X, NAMES, cv=4, n_jobs=2, scoring="roc_auc_ovr")
    ),
    "cross_val_predict": of_classes(
        lambda e: cross_val_predict(e, X, NAMES, cv=3, method="predict_proba")
    ),
    "learning_curve that goes on": of_classes(
        lambda e: learning_curve(
            e.set_params(batch_size=10), X, NAMES, cv=3, train_sizes=np.array([0.4, 0.7, 1.0]),
            exploit_incremental_learning=True,
        )[2]
    ),
    "calibration": of_classes(
        lambda e: CalibratedClassifierCV(e, cv=3).fit(X, NAMES).predict_proba(X)
    ),
    "calibration, isotonic": of_classes(
        lambda e: CalibratedClassifierCV(e, method="isotonic", cv=3).fit(X, NAMES).predict_proba(X)
    ),
    "permutation importance": of_classes(
        lambda e: permutation_importance(e.fit(X, NAMES), X, NAMES, n_repeats=3, random_state=0)[
            "importances"
        ]
    ),
    "partial dependence": of_classes(
        lambda e: partial_dependence(e.fit(X, NAMES), X, [0, (1, 2)][:1], grid_resolution=5)[
            "average"
        ]
    ),
    "stacking": of_classes(
        lambda e: StackingClassifier(
            [("net", e), ("line", LogisticRegression())], cv=3, n_jobs=2
        ).fit(X, NAMES).predict_proba(X)
    ),
    "bagging": of_classes(
        lambda e: BaggingClassifier(e, 4, max_samples=0.7, n_jobs=2, random_state=0)
        .fit(X, NAMES).predict_proba(X)
    ),
    "boosting, by sample weights": of_classes(
        lambda e: AdaBoostClassifier(e, n_estimators=3, random_state=0)
        .fit(X, NAMES).predict_proba(X)
    ),
    "voting": of_classes(
        lambda e: VotingClassifier([("a", e), ("line", LogisticRegression())], voting="soft")
        .fit(X, NAMES).predict_proba(X)
    ),
    "one against the rest": of_classes(
        lambda e: OneVsRestClassifier(e).fit(X, NAMES).predict_proba(X)
    ),
    "selection of features": of_classes(
        lambda e: SequentialFeatureSelector(e, cv=2).fit(X, NAMES).get_support()
    ),
    "regression, cross_val_score": of_numbers(
        lambda e: cross_val_score(e, X, TARGETS[:, 0], cv=3)
    ),
    "regression, partial dependence": of_numbers(
        lambda e: partial_dependence(e.fit(X, TARGETS[:, 0]), X, [0], grid_resolution=5)["average"]
    ),
    "regression, permutation importance": of_numbers(
        lambda e: permutation_importance(
            e.fit(X, TARGETS), X, TARGETS, n_repeats=3, random_state=0
        )["importances"]
    ),
    "regression, stacking": of_numbers(
        lambda e: StackingRegressor([("net", e), ("line", Ridge())], cv=3)
        .fit(X, TARGETS[:, 0]).predict(X)
    ),
    "regression, transformed targets": of_numbers(
        lambda e: TransformedTargetRegressor(e, transformer=StandardScaler())
        .fit(X, TARGETS).predict(X)
    ),
    "regression, one network a target": of_numbers(
        lambda e: MultiOutputRegressor(e, n_jobs=2).fit(X, TARGETS).predict(X)
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_it_finds_what_it_finds_with_scikit_learns_own(way):
    found, expected = (np.asarray(WAYS[way](module)) for module in (ours, neural_network))
    assert found.shape == expected.shape
    assert np.abs(found.astype(float) - expected).max() <= TOLERANCE


# -- copies ----------------------------------------------------------------------------------------


def through_a_file(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


COPIES = {
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "joblib": through_a_file,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("make", [classifier, regressor])
@pytest.mark.parametrize("by", COPIES)
def test_a_copy_predicts_the_same_bits_and_trains_on_alike(by, make):
    y = NAMES if make is classifier else TARGETS
    estimator = make(ours).fit(X, y)
    other = COPIES[by](estimator)
    assert (other.predict(X) == estimator.predict(X)).all()
    assert other.get_params() == estimator.get_params()
    for one in (estimator, other):
        one.partial_fit(X, y)
    pairs = zip(other.coefs_, estimator.coefs_, strict=True)
    assert all((a == b).all() for a, b in pairs)
    assert other.loss_curve_ == estimator.loss_curve_


def test_a_pickle_holds_no_more_than_scikit_learns_own():
    sizes = [
        len(pickle.dumps(classifier(module, hidden_layer_sizes=(200,)).fit(X, NAMES)))
        for module in (ours, neural_network)
    ]
    assert sizes[0] <= 1.1 * sizes[1] + 2000


@pytest.mark.parametrize(("mine", "theirs"), PAIRS)
def test_a_clone_is_unfitted_and_has_the_same_settings(mine, theirs):
    settings = {"alpha": 0.5, "hidden_layer_sizes": (4, 3), "solver": "sgd"}
    estimator = mine(max_iter=2, **settings).fit(X, Y)
    other: Any = clone(estimator)
    assert type(other) is mine
    assert other.get_params() == estimator.get_params()
    assert not hasattr(other, "coefs_")
    defaults = theirs().get_params()
    assert {name: mine().get_params()[name] for name in defaults} == defaults


def test_what_a_notebook_shows():
    assert "alpha=0.5" in repr(classifier(ours, alpha=0.5))
    assert "MLPClassifier" in make_pipeline(StandardScaler(), classifier(ours))._repr_html_()


# -- tables ----------------------------------------------------------------------------------------


def frame(values=X):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    return pandas.DataFrame(values, columns=[f"column {k}" for k in range(values.shape[1])])


def test_columns_in_another_order_are_refused():
    rows = frame()
    estimator = classifier(ours).fit(rows, NAMES)
    assert estimator.feature_names_in_.tolist() == rows.columns.tolist()
    turned = rows[rows.columns[::-1]]
    for method in ("predict", "predict_proba", "predict_log_proba"):
        with pytest.raises(ValueError, match="same order as they were in fit"):
            getattr(estimator, method)(turned)
    with pytest.raises(ValueError, match="same order as they were in fit"):
        estimator.partial_fit(turned, NAMES)
    with pytest.raises(ValueError, match="unseen at fit time"):
        estimator.predict(rows.rename(columns={"column 0": "other"}))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        estimator.predict(X)


def test_output_in_pandas_comes_through_a_pipeline():
    rows = frame()
    pipeline = make_pipeline(StandardScaler(), classifier(ours)).set_output(transform="pandas")
    pipeline.fit(rows, NAMES)
    assert pipeline[-1].feature_names_in_.tolist() == rows.columns.tolist()
    plain = make_pipeline(StandardScaler(), classifier(ours)).fit(X, NAMES)
    apart = np.abs(pipeline.predict_proba(rows) - plain.predict_proba(X)).max()
    assert apart < TOLERANCE  # the tables lie in other orders in memory


@not_themselves
def test_hidden_activations_as_a_table_and_inside_a_pipeline():
    rows = frame()
    estimator = classifier(ours).fit(rows, NAMES)
    hidden = estimator.transform(rows)
    expected = np.maximum(X @ estimator.coefs_[0] + estimator.intercepts_[0], 0)
    assert np.abs(hidden - expected).max() < 1e-12
    shown = estimator.set_output(transform="pandas").transform(rows)
    assert shown.columns.tolist() == estimator.get_feature_names_out().tolist()
    assert (shown.to_numpy() == hidden).all()
    pipeline = make_pipeline(StandardScaler(), classifier(ours), LogisticRegression())
    assert pipeline.fit(rows, NAMES).score(rows, NAMES) > 0.9


@pytest.mark.parametrize("kind", ["csr_array", "csc_array", "csr_matrix", "csc_matrix"])
@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"solver": "lbfgs"}], ids=str)
def test_sparse_rows_are_as_dense_ones(kind, settings):
    thin = np.where(np.abs(X) > 1.5, X, 0.0)
    rows = getattr(sparse, kind)(thin)
    found, expected = (classifier(ours, **settings).fit(rows_, NAMES) for rows_ in (rows, thin))
    pairs = zip(found.coefs_, expected.coefs_, strict=True)
    assert max(np.abs(a - b).max() for a, b in pairs) < TOLERANCE
    assert np.abs(found.predict_proba(rows) - expected.predict_proba(thin)).max() < TOLERANCE
    assert found.score(rows, NAMES) == expected.score(thin, NAMES)
    if "solver" not in settings and not settings:
        for estimator, part in ((found, rows[:50]), (expected, thin[:50])):
            estimator.partial_fit(part, NAMES[:50])
        assert np.abs(found.coefs_[0] - expected.coefs_[0]).max() < TOLERANCE


# -- metadata --------------------------------------------------------------------------------------


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


WEIGHT = np.where(NAMES == "ant", 5.0, 0.5)


def unweighted():
    return StandardScaler().set_fit_request(sample_weight=False)


@pytest.mark.usefixtures("routing")
def test_weights_are_routed_through_a_pipeline():
    routed = classifier(ours).set_fit_request(sample_weight=True)
    pipeline = make_pipeline(unweighted(), routed).fit(X, NAMES, sample_weight=WEIGHT)
    scaled = StandardScaler().fit_transform(X)
    expected, without = (
        classifier(ours).fit(scaled, NAMES, sample_weight=s) for s in (WEIGHT, None)
    )
    assert (pipeline.predict_proba(X) == expected.predict_proba(scaled)).all()
    assert (pipeline.predict_proba(X) != without.predict_proba(scaled)).any()


@pytest.mark.usefixtures("routing")
def test_weights_are_routed_through_a_search():
    settings = {"alpha": [1e-4, 30.0]}

    def scores(module, **weights):
        routed = classifier(module, max_iter=5)
        routed.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(make_pipeline(unweighted(), routed), {
            f"mlpclassifier__{name}": values for name, values in settings.items()
        }, cv=3)  # fmt: skip
        return search.fit(X, NAMES, **weights).cv_results_["mean_test_score"]

    found = scores(ours, sample_weight=WEIGHT)
    assert np.abs(found - scores(neural_network, sample_weight=WEIGHT)).max() < TOLERANCE
    assert (found != scores(ours)).any()


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("make", [classifier, regressor])
def test_weights_that_nobody_asked_for_are_refused(make):
    pipeline = make_pipeline(unweighted(), make(ours))
    with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="sample_weight"):
        pipeline.fit(X, Y, sample_weight=WEIGHT)


@pytest.mark.parametrize(("mine", "theirs"), PAIRS)
def test_what_may_be_routed_is_the_same(mine, theirs):
    for method in ("fit", "partial_fit", "score"):
        found, expected = (
            getattr(kind().get_metadata_routing(), method).requests for kind in (mine, theirs)
        )
        assert expected.items() <= found.items()


# -- who works where -------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
def test_dask_searches_on_a_local_cluster():
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")
    settings = {"alpha": [1e-4, 1.0]}
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    )
    with cluster, distributed.Client(cluster):
        search = GridSearchCV(classifier(ours), settings, cv=3)
        with joblib.parallel_config(backend="dask"):
            search.fit(X, NAMES)
    alone = GridSearchCV(classifier(ours), settings, cv=3).fit(X, NAMES)
    found, expected = (s.cv_results_["mean_test_score"] for s in (search, alone))
    assert found.tolist() == expected.tolist()


_CPU_TIME = """
import json
import time
import warnings
from contextlib import nullcontext
import numpy as np
from threadpoolctl import threadpool_limits
from {module} import MLPClassifier

warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
X, y = rng.standard_normal((4000, 200)), np.arange(4000) % 3

def others(limit, **settings):
    # Seconds of the process that no work of this thread explains, for each of this thread.
    net = MLPClassifier(max_iter=5, hidden_layer_sizes=(128,), random_state=0, **settings)
    with nullcontext() if limit is None else threadpool_limits(limit):
        net.fit(X, y)
        net.predict(X)
        time.sleep(0.3)  # threads that wait for work give up
        all_of_it, this_thread = time.process_time(), time.thread_time()
        net.fit(X, y)
        net.predict(X)
        this_thread = time.thread_time() - this_thread
        return (time.process_time() - all_of_it) / this_thread - 1

print(json.dumps([{calls}]))
"""


def shares_of_others(*calls):
    """For each call of `others`, by its arguments: what other threads worked."""
    code = _CPU_TIME.format(module=MODULE, calls=", ".join(f"others({c})" for c in calls))
    return json.loads(helpers.run_python(code))


@helpers.needs_jit
def test_a_limit_of_threads_is_kept():
    pytest.importorskip("threadpoolctl", reason="threadpoolctl is not installed")
    limited, *free = shares_of_others("1", *["None"] * 5)
    assert limited < 0.1
    if usable_cores() > 1 and ours is not neural_network and max(free) < 0.1:
        pytest.skip("others left no second core to show that there are threads without a limit")


@not_themselves
@helpers.needs_jit
def test_n_threads_are_kept():
    (limited,) = shares_of_others("None, n_threads=1")
    assert limited < 0.1


def test_estimators_in_threads_do_not_disturb_each_other():
    def work(seed):
        return quietly_fitted(classifier(ours, random_state=seed), X, NAMES).predict_proba(X)

    together = joblib.Parallel(n_jobs=4, prefer="threads")(
        joblib.delayed(work)(k) for k in range(8)
    )
    for k, found in enumerate(together):
        assert (found == work(k)).all()
