"""`MLPClassifier`: labels and probabilities."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    type_of_target,
    unique_labels,
)
from sklearn.utils.validation import validate_data

from loopbp.estimators import parameters
from loopbp.estimators.base import BaseMLP
from loopbp.estimators.weights import Array
from loopbp.network import sklearn_names as names
from loopbp.own_activation import Activation


class MLPClassifier(ClassifierMixin, BaseMLP):
    """A fully connected network that classifies, in the place of scikit-learn's.

    The parameters up to `max_fun` are those of ``sklearn.neural_network.MLPClassifier`` 1.9, with
    its defaults; with the same ``random_state`` its weights are found.  Those after it only we
    have.

    Parameters
    ----------
    hidden_layer_sizes : array-like of int, default=(100,)
        Units of each hidden layer.
    activation : str, `loopbp.Activation`, or one for each hidden layer, default="relu"
        identity, logistic, tanh, relu, or any other of `loopbp.Network`'s hidden layers, or what
        `loopbp.register_activation` returns.
    solver : {"lbfgs", "sgd", "adam"}, default="adam"
        lbfgs is SciPy's, with the gradient of all examples.
    alpha : float, default=1e-4
        Of the penalty (alpha/2) sum w**2, which a batch divides by the sum of its weights with the
        rest of its loss; biases are not penalised.
    batch_size : int or "auto", default="auto"
        Examples a step of sgd and adam; "auto" is 200, or all where there are fewer.
    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        For sgd.  invscaling: learning_rate_init / (t + 1)**power_t after t examples; adaptive: a
        fifth each time that nothing has improved for `n_iter_no_change` epochs.
    learning_rate_init : float, default=1e-3
        The rate of sgd and adam.
    power_t : float, default=0.5
        Of invscaling.
    max_iter : int, default=200
        Epochs of sgd and adam; iterations of lbfgs.
    shuffle : bool, default=True
        Whether each epoch of sgd and adam has an order of its own.
    random_state : int, RandomState instance or None, default=None
        Of the first weights, the examples held out, the orders and the dropout.
    tol : float, default=1e-4
        What the loss must fall by, or the score rise, to count as better.
    verbose : bool or int, default=False
        Print the loss of each epoch.
    warm_start : bool, default=False
        `fit` goes on from the weights of the last one.
    momentum : float, default=0.9
        Of sgd.
    nesterovs_momentum : bool, default=True
        Whether sgd's momentum looks ahead.
    early_stopping : bool, default=False
        Stop where the score of held-out examples no longer rises, and take the best weights.
    validation_fraction : float, default=0.1
        What is held out for it, unless `fit` is given validation data.
    beta_1, beta_2, epsilon : float, default=0.9, 0.999, 1e-8
        Of adam.
    n_iter_no_change : int or inf, default=10
        Epochs without improvement that are borne.
    max_fun : int, default=15000
        Calls of the loss by lbfgs.
    loss : str, default="log_loss"
        log_loss is the cross-entropy of softmax, or of a sigmoid for two classes or several labels
        at once; or any loss of `loopbp.losses` that fits such an output.
    dropout : float, or one for each hidden layer, default=0.0
        Rate at which hidden activations are zeroed in training by sgd and adam.
    class_weight : dict, list of dicts, "balanced" or None, default=None
        What the weight of an example is multiplied by, by its class.
    callbacks : list of callables or None, default=None
        Each called with (epoch from 0, this estimator) after an epoch of sgd or adam; training
        stops if one returns True.
    initial_weights : pair (coefs, intercepts) or None, default=None
        Where a new training begins, in place of random weights.
    dtype : {"float32", "float64"} or None, default=None
        In what is computed; None: in that of X.
    n_threads : int or None, default=None
        Threads at most; None: as many as there are cores, or as ``threadpool_limits`` allows.

    Attributes
    ----------
    classes_ : array, or list of arrays
        The labels.
    coefs_, intercepts_ : lists of arrays of shapes (n_in, n_out) and (n_out,)
        The weights of each layer.  Arrays of yours put here are used from then on.
    loss_ : float
        The loss of the last epoch, penalty included.
    best_loss_ : float or None
        The smallest; None with early stopping.
    loss_curve_ : list of float
        That of each epoch, of sgd and adam.
    validation_loss_curve_ : list of float or None
        That of the validation data, without penalty.
    validation_scores_ : list of float or None
        Their accuracy after each epoch.
    best_validation_score_ : float or None
        The highest.
    t_, n_iter_, n_layers_, n_outputs_, out_activation_
        Examples seen, epochs of the last fit, layers with the input, outputs, their activation.
    n_features_in_ : int
    feature_names_in_ : array of str
        Where X had names that are all strings.

    See Also
    --------
    loopbp.Network : the same engine with conventions of its own.
    MLPRegressor : for values.

    Notes
    -----
    Not as in scikit-learn: the loss is computed from z and never clipped; nothing else.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from loopbp.estimators import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(max_iter=500, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.9
    True
    """

    _parameter_constraints: ClassVar = parameters.CLASSIFIER
    _by_class = True

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str | Activation | Sequence[str | Activation] = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        loss: str = "log_loss",
        dropout: float | Sequence[float] = 0.0,
        class_weight: Any = None,
        callbacks: Sequence[Callable[[int, Any], Any]] | None = None,
        initial_weights: Any = None,
        dtype: Any = None,
        n_threads: int | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.loss = loss
        self.dropout = dropout
        self.class_weight = class_weight
        self.callbacks = callbacks
        self.initial_weights = initial_weights
        self.dtype = dtype
        self.n_threads = n_threads

    # -- fit ------------------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None
    ) -> "MLPClassifier":
        """Train.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Labels, or rows of 0 and 1 for several at once.
        sample_weight : array-like of shape (n_samples,), optional
        validation_data : (X, y) or (X, y, sample_weight), optional
            Loss and score of these are kept after each epoch, and decide on early stopping.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If an argument does not fit, or training diverged.
        """
        return self._fit(X, y, sample_weight, validation_data, incremental=False)

    @available_if(lambda estimator: estimator._check_solver())
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None
    ) -> "MLPClassifier":
        """One epoch over some data, from where the network and its optimizer are.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array of shape (n_classes,), optional
            All labels that there will be; needed in the first call.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If an argument does not fit.
        """
        if _check_partial_fit_first_call(self, classes):
            several = type_of_target(y).startswith("multilabel")
            self._label_binarizer = LabelBinarizer().fit(y if several else classes)
        return self._fit(X, y, sample_weight, None, incremental=True)

    def _validate_input(
        self, X: Any, y: Any, incremental: bool, reset: bool, of_validation: bool = False
    ) -> tuple[Any, Any]:
        dtype = (np.float64, np.float32) if self.dtype is None else np.dtype(self.dtype)
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, dtype=dtype, reset=reset
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            classes = unique_labels(y)
            if self.warm_start and not of_validation:
                if set(classes) != set(self.classes_):
                    raise ValueError(
                        "warm_start can only be used where `y` has the same classes as in the "
                        f"previous call to fit. Previously got {self.classes_}, `y` has {classes}"
                    )
            elif len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
                raise ValueError(
                    "`y` has classes not in `self.classes_`. "
                    f"`self.classes_` has {self.classes_}. 'y' has {classes}."
                )
        return X, self._label_binarizer.transform(y).astype(bool)

    def _with_class_weight(self, y: Any, sample_weight: Any, incremental: bool) -> Any:
        if self.class_weight is None:
            return sample_weight
        if incremental and self.class_weight == "balanced":
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit: the classes are not "
                "counted before all data are there. Use compute_class_weight('balanced', "
                "classes=classes, y=y) with a large enough sample of y and pass the weights"
            )
        weight = compute_sample_weight(self.class_weight, y)
        return weight if sample_weight is None else weight * sample_weight

    def _output(self) -> str:
        several = self._label_binarizer.y_type_ == "multiclass"
        return names.classifier_output(self.loss, several)

    # -- use ------------------------------------------------------------------------------------

    def predict(self, X: Any) -> Any:
        """The label of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        array of shape (n_samples,) or (n_samples, n_labels)

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X does not fit.
        """
        self._must_be_fitted()
        return self._labels(self._outputs(X))

    def _labels(self, outputs: Array) -> Any:
        one = self.n_outputs_ == 1
        return self._label_binarizer.inverse_transform(outputs.ravel() if one else outputs)

    def _score(self, outputs: Array, Y: Array, weight: Array) -> float:
        """Accuracy, for several labels of whole rows; NaN where the outputs are not finite."""
        if not np.isfinite(outputs).all():
            return np.nan
        if self.out_activation_ == "softmax" or self._label_binarizer.y_type_ == "multiclass":
            right = outputs.argmax(axis=1) == Y.argmax(axis=1)
        else:
            right = ((outputs > 0.5) == (Y > 0.5)).all(axis=1)
        return float(np.average(right, weights=weight))

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        array of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X does not fit.
        """
        self._must_be_fitted()
        found = self._outputs(X)
        return np.hstack([1 - found, found]) if self.n_outputs_ == 1 else found

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        array of shape (n_samples, n_classes)

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X does not fit.
        """
        found = self.predict_proba(X)
        return np.log(found, out=found)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
