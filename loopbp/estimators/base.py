"""What classifier and regressor have in common: parameters, `fit`, `partial_fit`, outputs."""

from __future__ import annotations

from itertools import pairwise
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from loopbp.estimators import lbfgs, stochastic
from loopbp.estimators.inputs import dense_blocks
from loopbp.estimators.weights import Array, Facts, Packed, as_dtype, pack
from loopbp.machine.threads import at_most
from loopbp.network import evaluation
from loopbp.network import sklearn_names as names
from loopbp.training import Data

SOLVERS_BY_STEPS = ("sgd", "adam")


class BaseMLP(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A fully connected network with scikit-learn's parameters; not for use by itself."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]]
    _validate_input: Any
    _with_class_weight: Any
    _output: Any
    hidden_layer_sizes: Any
    activation: Any
    dropout: Any
    callbacks: Any
    initial_weights: Any
    random_state: Any
    dtype: Any
    solver: str
    loss: str
    alpha: float
    warm_start: bool
    n_threads: int | None
    n_features_in_: int
    coefs_: list[Array]
    intercepts_: list[Array]
    out_activation_: str

    # -- fit ------------------------------------------------------------------------------------

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, validation_data: Any, incremental: bool
    ) -> Any:
        sizes = self._hidden_sizes()
        self._check_extras()
        first = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        labels = y
        X, y = self._validate_input(X, y, incremental, reset=first)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        sample_weight = self._with_class_weight(labels, sample_weight, incremental)
        y = y.reshape(-1, 1) if y.ndim == 1 else y
        self.n_outputs_ = y.shape[1]
        self._random_state = check_random_state(self.random_state)
        if first:
            self._initialize([X.shape[1], *sizes, self.n_outputs_], X.dtype)
        packed = self._own_theta()
        validation = self._validation(validation_data, packed.theta.dtype)
        with at_most(self.n_threads):
            if self.solver == "lbfgs":
                lbfgs.fit(self, packed, X, y, sample_weight)
            else:
                stochastic.fit(self, packed, X, y, sample_weight, validation, incremental)
        if not np.isfinite(self._theta().theta).all():
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                "values and need to be preprocessed."
            )
        return self

    def _check_extras(self) -> None:
        """What only we have, before anything is computed."""
        for call in self.callbacks or ():
            if not callable(call):
                raise ValueError(
                    f"callbacks: expected functions of (epoch, estimator), got {call!r}"
                )
        if self.solver not in SOLVERS_BY_STEPS:
            for name, given in (("dropout", np.any(self.dropout)), ("callbacks", self.callbacks)):
                if given:
                    raise ValueError(
                        f"{name}: solver={self.solver!r} has no epochs; take solver='adam' or "
                        f"'sgd', or leave {name} out"
                    )

    def _hidden_sizes(self) -> list[int]:
        sizes = self.hidden_layer_sizes
        sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        if any(size <= 0 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        return [int(size) for size in sizes]

    def _initialize(self, sizes: list[int], dtype: Any) -> None:
        """Everything that a first `fit` sets before the first epoch."""
        self.n_iter_ = 0
        self.t_ = 0
        self.n_layers_ = len(sizes)
        self.out_activation_ = self._output()
        hidden = names.hidden_activations(self.activation, len(sizes) - 2)
        if self.initial_weights is None:
            # scikit-learn's bounds hang on its one activation; each layer's own is meant here
            of_layers = [*hidden, hidden[-1] if hidden else names.ours(self.activation)]
            self.coefs_, self.intercepts_ = [], []
            for pair, activation in zip(pairwise(sizes), of_layers, strict=True):
                bound = np.sqrt(names.factor_of(activation) / sum(pair))
                draw = self._random_state.uniform
                self.coefs_.append(draw(-bound, bound, pair).astype(dtype, copy=False))
                self.intercepts_.append(draw(-bound, bound, pair[1]).astype(dtype, copy=False))
        else:
            self.coefs_, self.intercepts_ = _given(self.initial_weights, sizes, dtype)
        self._packed = None
        if self.solver in SOLVERS_BY_STEPS:
            stochastic.begin(self)

    def _validation(self, given: Any, dtype: Any) -> Data | None:
        """The validation data of a user as the engine takes them."""
        if given is None:
            return None
        if not isinstance(given, tuple | list) or len(given) not in (2, 3):
            raise ValueError(
                "validation_data: expected a pair (X, y), or (X, y, sample_weight), got "
                f"{type(given).__name__}"
                + (f" of {len(given)}" if isinstance(given, tuple | list) else "")
            )
        if self.solver not in SOLVERS_BY_STEPS:
            raise ValueError(
                f"validation_data: solver={self.solver!r} has no epochs to look between; "
                "take solver='adam' or 'sgd'"
            )
        X, y, *weight = given
        X, y = self._validate_input(X, y, True, reset=False, of_validation=True)
        weight = None if not weight or weight[0] is None else _check_sample_weight(weight[0], X)
        y = y.reshape(-1, 1) if y.ndim == 1 else y
        if y.shape[1] != self.n_outputs_:
            raise ValueError(
                f"validation_data: expected {self.n_outputs_} columns of y, got {y.shape[1]}"
            )
        return stochastic.validation_of(X, y, weight, dtype)

    # -- the weights ----------------------------------------------------------------------------

    def _must_be_fitted(self) -> None:
        if "coefs_" not in self.__dict__:  # at once, where it is: this is half of a prediction
            check_is_fitted(self)

    def _facts(self) -> Facts:
        count = len(self.coefs_) - 1
        rates: Any = self.dropout
        rates = [rates] * count if np.isscalar(rates) else list(rates)
        if len(rates) != count or not all(
            isinstance(r, Real) and 0.0 <= float(r) < 1.0 for r in rates
        ):
            raise ValueError(
                f"dropout: expected a rate in [0, 1), or one for each of {count} hidden layers, "
                f"got {self.dropout!r}"
            )
        return Facts(
            tuple(names.hidden_activations(self.activation, count)),
            str(names.ours(self.out_activation_)),
            names.loss_of(self.loss, self.out_activation_),
            tuple(float(rate) for rate in rates),
            float(self.alpha),
        )

    def _theta(self) -> Packed:
        """theta of what stands in ``coefs_`` and ``intercepts_`` now."""
        made_of = self.activation, self.out_activation_, self.loss, self.dropout, self.alpha
        held = self.__dict__.get("_packed")
        if held is not None and held.holds(self.coefs_, self.intercepts_, made_of):
            return held
        return pack(self.coefs_, self.intercepts_, self._facts(), made_of)

    def _own_theta(self) -> Packed:
        """The same, and ``coefs_`` and ``intercepts_`` are views into it from here on."""
        packed = self._theta()
        self._hold(packed)
        return packed

    def _hold(self, packed: Packed) -> None:
        self._packed = packed
        self.coefs_, self.intercepts_ = list(packed.coefs), list(packed.intercepts)

    def __getstate__(self) -> dict[str, Any]:
        # A copy of a view is no view; the copy packs its own.
        state: Any = super().__getstate__()
        return state | {"_packed": None}

    # -- outputs --------------------------------------------------------------------------------

    def _checked(self, X: Any) -> Any:
        """X as `predict` takes it; an array that is plainly right goes by without a look.

        The engine sees for itself whether its numbers are finite.
        """
        if (
            type(X) is np.ndarray
            and X.ndim == 2
            and X.dtype in (np.float64, np.float32)
            and X.shape[1] == self.n_features_in_
            and len(X) > 0
            and not hasattr(self, "feature_names_in_")
        ):
            return X
        return self._validated(X)

    def _validated(self, X: Any) -> Any:
        return validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)

    def _outputs(self, X: Any, check: bool = True) -> Array:
        """a^L of the rows of X, in the dtype that X and the weights have together."""
        packed = self._theta()
        X = self._checked(X) if check else X
        packed = self._for_inputs(packed, X)
        if isinstance(X, np.ndarray):
            x = np.ascontiguousarray(X, packed.theta.dtype)
            with at_most(self.n_threads):
                out, finite = evaluation.outputs(packed.theta, packed.architecture, x)
            if check and not finite:
                self._validated(X)  # tells
            return out
        out = np.empty((X.shape[0], packed.architecture.sizes[-1]), packed.theta.dtype)
        with at_most(self.n_threads):
            for part, x in dense_blocks(X, packed.theta.dtype):
                out[part] = evaluation.outputs(packed.theta, packed.architecture, x)[0]
        return out

    def _for_inputs(self, packed: Packed, X: Any) -> Packed:
        """theta in the dtype of the outputs: `dtype`, or that of X and the weights together."""
        wanted = packed.theta.dtype if self.dtype is None else np.dtype(self.dtype)
        if self.dtype is None and X.dtype != packed.theta.dtype:
            wanted = np.result_type(X.dtype, packed.theta.dtype)
            wanted = wanted if wanted in (np.float32, np.float64) else np.dtype(np.float64)
        return packed if packed.theta.dtype == wanted else as_dtype(packed, wanted)

    def hidden_activations(self, X: Any) -> list[Array]:
        """What each hidden layer makes of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        list of arrays of shape (n_samples, n_units)
            One for each hidden layer, the first first.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X does not fit.

        Examples
        --------
        >>> from loopbp.estimators import MLPRegressor
        >>> model = MLPRegressor(hidden_layer_sizes=(3, 2), max_iter=300, tol=0.1, random_state=0)
        >>> [a.shape for a in model.fit([[0.0], [1.0]], [0.0, 1.0]).hidden_activations([[0.5]])]
        [(1, 3), (1, 2)]
        """
        self._must_be_fitted()
        X = self._validated(X)
        packed = self._for_inputs(self._theta(), X)
        found: list[list[Array]] = []
        with at_most(self.n_threads):
            for _, x in dense_blocks(X, packed.theta.dtype):
                layers, _ = evaluation.activations(packed.theta, packed.architecture, x)
                found.append(layers[:-1])
        return [np.concatenate(parts) for parts in zip(*found, strict=True)]

    def transform(self, X: Any) -> Any:
        """The activations of the last hidden layer: what the network has made of the features.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        array of shape (n_samples, n_units)
            Or a data frame, by ``set_output``.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X does not fit, or there is no hidden layer.
        """
        self._must_be_fitted()
        if len(self.coefs_) < 2:
            raise ValueError(
                "transform gives the activations of the last hidden layer, and there is none: "
                f"hidden_layer_sizes={self.hidden_layer_sizes!r}"
            )
        return self.hidden_activations(X)[-1]

    @property
    def _n_features_out(self) -> int:
        return self.coefs_[-1].shape[0]

    def _check_solver(self) -> bool:
        if self.solver not in SOLVERS_BY_STEPS:
            raise AttributeError(
                "partial_fit is only available for stochastic optimizers. "
                f"{self.solver} is not stochastic."
            )
        return True

    def _loss_grad_lbfgs(
        self, packed_parameters: Array, X: Any, y: Any, sample_weight: Any, *_unused: Any
    ) -> tuple[float, Array]:
        """J and its gradient at packed ``coefs_`` and ``intercepts_``, as scikit-learn packs them.

        scikit-learn's own tests call it, with lists that it overwrites behind the weights.
        """
        return lbfgs.loss_and_gradient(self, packed_parameters, X, y, sample_weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _given(initial_weights: Any, sizes: list[int], dtype: Any) -> tuple[list[Array], list[Array]]:
    """Copies of a user's first weights.

    Raises
    ------
    ValueError
        If they are not those of a network of these sizes.
    """
    shapes = list(pairwise(sizes))
    try:
        coefs, intercepts = initial_weights
        coefs = [np.array(c, dtype) for c in coefs]
        intercepts = [np.array(i, dtype) for i in intercepts]
    except (TypeError, ValueError):
        raise ValueError(
            "initial_weights: expected a pair (coefs, intercepts) of lists of arrays, as coefs_ "
            f"and intercepts_ are; got {type(initial_weights).__name__}"
        ) from None
    found = [c.shape for c in coefs], [i.shape for i in intercepts]
    if found != (shapes, [(n,) for _, n in shapes]):
        raise ValueError(
            f"initial_weights: expected coefs of shapes {shapes} and intercepts of "
            f"{[(n,) for _, n in shapes]}, got {found[0]} and {found[1]}"
        )
    if not all(np.isfinite(array).all() for array in (*coefs, *intercepts)):
        raise ValueError("initial_weights: expected finite numbers, got a NaN or an infinity")
    return coefs, intercepts
