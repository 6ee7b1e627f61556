"""`MLPRegressor`: values."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from loopbp.estimators import parameters
from loopbp.estimators.base import BaseMLP
from loopbp.estimators.weights import Array
from loopbp.network import sklearn_names as names
from loopbp.own_activation import Activation


class MLPRegressor(RegressorMixin, BaseMLP):
    """A fully connected network that gives values, in the place of scikit-learn's.

    The parameters up to `max_fun` are those of ``sklearn.neural_network.MLPRegressor`` 1.9, with
    its defaults; with the same ``random_state`` its weights are found.  Those after it only we
    have.

    Parameters
    ----------
    loss : str, default="squared_error"
        squared_error is half the squared error, summed over the outputs (see the notes); poisson
        is half the Poisson deviance, of exp outputs, for y of 0 and more; or any loss of
        `loopbp.losses` that is not for classes, with its usual output.
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
    dropout : float, or one for each hidden layer, default=0.0
        Rate at which hidden activations are zeroed in training by sgd and adam.
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
    coefs_, intercepts_ : lists of arrays of shapes (n_in, n_out) and (n_out,)
        The weights of each layer.  Arrays of yours put here are used from then on.
    loss_, best_loss_, loss_curve_, validation_loss_curve_
        As those of `MLPClassifier`.
    validation_scores_, best_validation_score_
        R**2 of the validation data after each epoch, and the highest.
    t_, n_iter_, n_layers_, n_outputs_, out_activation_, n_features_in_, feature_names_in_
        As those of `MLPClassifier`.

    See Also
    --------
    loopbp.Network : the same engine with conventions of its own.
    MLPClassifier : for labels.

    Notes
    -----
    Not as in scikit-learn 1.9: squared_error is summed over several outputs, where scikit-learn
    takes their mean for the loss and their sum for the gradient.  So ``loss_`` is n_outputs times
    theirs but for the penalty, the weights of sgd and adam are the same, and lbfgs, which needs
    both to agree, finds better ones.  Targets below 0 are an error with poisson, not a NaN.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from loopbp.estimators import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressor(solver="lbfgs", max_iter=300, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.5
    True
    """

    _parameter_constraints: ClassVar = parameters.REGRESSOR
    _by_class = False

    def __init__(
        self,
        loss: str = "squared_error",
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
        dropout: float | Sequence[float] = 0.0,
        callbacks: Sequence[Callable[[int, Any], Any]] | None = None,
        initial_weights: Any = None,
        dtype: Any = None,
        n_threads: int | None = None,
    ) -> None:
        self.loss = loss
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
        self.dropout = dropout
        self.callbacks = callbacks
        self.initial_weights = initial_weights
        self.dtype = dtype
        self.n_threads = n_threads

    # -- fit ------------------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None
    ) -> "MLPRegressor":
        """Train.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
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
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> "MLPRegressor":
        """One epoch over some data, from where the network and its optimizer are.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If an argument does not fit.
        """
        return self._fit(X, y, sample_weight, None, incremental=True)

    def _validate_input(
        self, X: Any, y: Any, incremental: bool, reset: bool, of_validation: bool = False
    ) -> tuple[Any, Any]:
        dtype = (np.float64, np.float32) if self.dtype is None else np.dtype(self.dtype)
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, y_numeric=True,
            dtype=dtype, reset=reset,
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if self.loss in ("poisson", "poisson_deviance") and (y < 0).any():
            raise ValueError(
                f"Some value(s) of y are out of the valid range of the loss {self.loss!r}: "
                f"expected 0 and more, got {y.min():g}"
            )
        return X, y

    def _with_class_weight(self, y: Any, sample_weight: Any, incremental: bool) -> Any:
        return sample_weight

    def _output(self) -> str:
        return names.regressor_output(self.loss)

    # -- use ------------------------------------------------------------------------------------

    def predict(self, X: Any) -> Array:
        """The values of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        array of shape (n_samples,) or (n_samples, n_outputs)

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X does not fit.
        """
        self._must_be_fitted()
        found = self._outputs(X)
        return found.ravel() if found.shape[1] == 1 else found

    def _score(self, outputs: Array, Y: Array, weight: Array) -> float:
        """R**2; NaN where the outputs are not finite."""
        if not np.isfinite(outputs).all():
            return np.nan
        return float(r2_score(Y, outputs, sample_weight=weight))
