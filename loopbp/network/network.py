"""`Network`: a checked, thin skin over the engines."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loopbp import optimizers
from loopbp.binding import Engine
from loopbp.catalogue import ENGINES, INITIALIZERS
from loopbp.engines import pick, pick_training
from loopbp.holdout import validation_rows
from loopbp.initial import default_initializer, initial_theta
from loopbp.jit.sources import plain
from loopbp.messages.calls import fixes, suggests
from loopbp.network import arguments, storage, targets
from loopbp.optimizers import Optimizer
from loopbp.own_activation import Activation
from loopbp.parameters import (
    Architecture,
    LayerViews,
    biases_of,
    layer_of,
    make_architecture,
    weights_of,
)
from loopbp.preparation import Preprocessing
from loopbp.preparation.frames import frame_names
from loopbp.training import Callback, Data, EarlyStopping, History, OptimizerState, blocks, run
from loopbp.validate import (
    as_real,
    check_choice,
    check_count,
    check_matrix,
    check_number,
    check_weight,
)

_PREDICT_ROWS = 1024  # rows of one forward pass in predict: bounds its memory


@suggests
@dataclass(frozen=True)
class Gradient:
    """A gradient and what it was computed from."""

    theta: NDArray[Any]
    """dJ/dtheta, shape (P,), laid out as ``net.theta``"""
    weights: list[NDArray[Any]]
    """dJ/dw^l at [l - 1], shape (n_l, n_{l-1}): views into `theta`"""
    biases: list[NDArray[Any]]
    """dJ/db^l at [l - 1], shape (n_l,): views into `theta`"""
    loss: float
    """J, the penalty included"""
    deltas: list[NDArray[Any]]
    """delta^l at [l - 1], shape (m, n_l): per example, without 1/m"""
    activations: list[NDArray[Any]]
    """a^l at [l], a^0 = X: so this list has L + 1 entries"""
    weighted_inputs: list[NDArray[Any]]
    """z^l at [l - 1], shape (m, n_l)"""


@suggests
@fixes("sizes", "dropout", "l2", "dtype", "loss_name", "architecture")
class Network:
    """A fully connected network.

    Parameters
    ----------
    sizes
        n_0, ..., n_L: inputs, hidden units, outputs.
    hidden
        Activation of the hidden layers, one for all or one each: a name or an `Activation`.
    output
        Activation of the output layer.  None: what goes with the loss; without either, softmax,
        or sigmoid for one output.
    loss
        Name of the loss C^t; `loopbp.losses` says what each sums or averages over outputs.
        None: what goes with the output.
    initializer
        Name of the initialiser of the weights, one for all layers or one each.  None: He for
        the rectifier family, Glorot for the others, by the activation of the layer.
    dropout
        Rate at which hidden activations are zeroed in training, one for all or one each.
    l2
        lambda of the penalty (lambda/2) sum w**2 that is added to J; it is not divided by the
        number of examples, and biases are not penalised.  scikit-learn's alpha is lambda times
        the batch size, Nielsen's lambda is this one times the size of the training set.
    dtype
        "float64" or "float32".
    seed
        Of the initial weights, the shuffles and the dropout.  None: another one each time.
    preprocessing
        What is done to X and y before the network sees them: scaling, columns of words, missing
        cells, names and labels.  It is saved with the network, and every method takes X and y as
        they are in the table.  ``theta``, gradients and losses are those of the network behind
        it.  None: X holds numbers, which are taken as they are.

    Raises
    ------
    TypeError, ValueError
        Names the argument, what came and what was expected.

    Examples
    --------
    >>> import loopbp
    >>> net = loopbp.Network([2, 3, 1], hidden="tanh", seed=0)
    >>> net
    Network([2, 3, 1], hidden='tanh', output='sigmoid', loss='binary_cross_entropy')
    """

    def __init__(
        self,
        sizes: Sequence[int],
        hidden: str | Activation | Sequence[str | Activation] = "relu",
        output: str | Activation | None = None,
        loss: str | None = None,
        *,
        initializer: str | Sequence[str] | None = None,
        dropout: float | Sequence[float] = 0.0,
        l2: float = 0.0,
        dtype: str | np.dtype[Any] | type = "float64",
        seed: int | None = None,
        preprocessing: Preprocessing | None = None,
    ) -> None:
        self.sizes: tuple[int, ...] = arguments.layer_sizes(sizes)
        count = len(self.sizes) - 1
        hidden_list = arguments.one_each("hidden", hidden, count - 1, (str, Activation))
        self._hidden = [arguments.activation("hidden", which) for which in hidden_list]
        if "softmax" in self._hidden:
            raise ValueError(
                "hidden: softmax is for the output layer only; its sigma' is not one number a unit"
            )
        self._output, self.loss_name = arguments.output_and_loss(output, loss, self.sizes[-1])
        layer_names = [*self.hidden, self.output]
        if initializer is None:
            self.initializer = tuple(default_initializer(name) for name in layer_names)
        else:
            names = arguments.one_each("initializer", initializer, count, (str,))
            self.initializer = tuple(check_choice("initializer", n, INITIALIZERS) for n in names)
        rates = arguments.one_each("dropout", dropout, count - 1, (int, float, np.number))
        self.dropout = tuple(
            check_number("dropout", rate, at_least=0.0, below=1.0) for rate in rates
        )
        self.l2 = check_number("l2", l2, at_least=0.0)
        self.dtype = arguments.dtype(dtype)
        if seed is None:
            seed = int.from_bytes(os.urandom(4), "little")
        self.seed = check_count("seed", seed, at_least=0)
        if self.seed >= 2**63:
            raise ValueError(f"seed: expected a number below 2**63, got {seed}")
        self.architecture: Architecture = make_architecture(
            self.sizes, self._hidden, self._output, self.loss_name, self.dropout, self.l2
        )
        self._theta = initial_theta(self.architecture, self.initializer, self.seed, self.dtype)
        self.task: str | None = None
        self.classes: NDArray[Any] | None = None
        self.preprocessing = arguments.preprocessing(
            preprocessing, self.sizes, self.output, self.loss_name
        )
        if self.preprocessing is not None and self.preprocessing.labels is not None:
            self.task, self.classes = "classification", np.array(self.preprocessing.labels)
        self.history = History()
        self.metadata: dict[str, Any] = {}
        """Facts of yours that JSON can hold; saved and loaded with the network."""
        self._state: OptimizerState | None = None
        self._made = True  # from here on a new attribute is perhaps a misspelt one

    # -- what it is -----------------------------------------------------------------------------

    @property
    def hidden(self) -> tuple[str, ...]:
        """Names of the activations of the hidden layers."""
        return tuple(arguments.name_of(which) for which in self._hidden)

    @property
    def output(self) -> str:
        """Name of the activation of the output layer."""
        return arguments.name_of(self._output)

    @property
    def theta(self) -> NDArray[Any]:
        """All parameters, shape (P,): layer after layer, w^l row by row, then b^l.  Writable."""
        return self._theta

    @theta.setter
    def theta(self, value: ArrayLike) -> None:
        self._theta[:] = as_real("theta", value, self._theta.shape)

    @property
    def weights(self) -> list[NDArray[Any]]:
        """w^l at [l - 1], shape (n_l, n_{l-1}): views into `theta`, to write to or to assign."""
        return self._per_layer(weights_of, self._theta)

    @property
    def biases(self) -> list[NDArray[Any]]:
        """b^l at [l - 1], shape (n_l,): views into `theta`, to write to or to assign."""
        return self._per_layer(biases_of, self._theta)

    @property
    def input_names(self) -> tuple[str, ...] | None:
        """Names of the inputs, n_0 of them; None where they have none.

        A column of words that is one-hot encoded gives an input for each word, ``colour=red``.
        """
        prepared = self.preprocessing
        return None if prepared is None or None in prepared.names else prepared.input_names

    def _per_layer(self, view: Any, theta: NDArray[Any]) -> list[NDArray[Any]]:
        layers = range(1, len(self.sizes))
        return LayerViews(plain(view)(theta, self.architecture, l) for l in layers)

    def __repr__(self) -> str:
        hidden = self.hidden[0] if len(set(self.hidden)) == 1 else list(self.hidden)
        return (
            f"Network({list(self.sizes)}, hidden={hidden!r}, output={self.output!r}, "
            f"loss={self.loss_name!r})"
        )

    # -- use ------------------------------------------------------------------------------------

    def prepare(
        self, X: ArrayLike, y: ArrayLike | None = None
    ) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """The arrays that `loopbp.compiled` takes, of X and y as they are in the table.

        Parameters
        ----------
        X
            A table: array_like of shape (m, columns), or a data frame whose columns are found by
            their names.
        y
            As in `fit`; None: inputs only.

        Returns
        -------
        X : array of shape (m, n_0)
            Encoded, scaled, of the network's dtype, C-ordered.
        Y : array of shape (m, n_L), or None
            Labels as one-hot rows, values scaled.

        Raises
        ------
        TypeError, ValueError
            If an argument does not fit.

        Examples
        --------
        >>> import loopbp
        >>> net = loopbp.Network([2, 3, 2], seed=0)
        >>> net.prepare([[0, 1]], [1])
        (array([[0., 1.]]), array([[0., 1.]]))
        """
        if y is None:
            return self._inputs(X), None
        data, _, _ = self._check_data(X, y, None)
        return data.X, data.Y

    def activations(self, X: ArrayLike) -> list[NDArray[Any]]:
        """The activations of every layer.

        Parameters
        ----------
        X : array_like of shape (m, n_0)

        Returns
        -------
        list of arrays
            a^l at [l], shape (m, n_l); a^0 = X, after the preprocessing.

        Raises
        ------
        TypeError, ValueError
            If X does not fit.
        """
        x = self._inputs(X)
        engine = self._engine("auto", len(x))
        _, a = self._forward(engine, x)
        return [x, *self._layers(a, len(x))]

    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """The output activations a^L.

        Parameters
        ----------
        X : array_like of shape (m, n_0)

        Returns
        -------
        array of shape (m, n_L)
            With softmax or sigmoid outputs, probabilities.  One sigmoid output gives the
            probability of the second class.  Values come in the network's units; `predict` gives
            them in those of the table.

        Raises
        ------
        TypeError, ValueError
            If X does not fit.
        """
        return self._outputs(self._inputs(X))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Class labels, 0/1 rows for several labels at once, or values for regression.

        Parameters
        ----------
        X : array_like of shape (m, n_0)

        Returns
        -------
        array
            (m,) labels or values; (m, n_L) for several labels or several values, in the units of
            the table.  The task is that of the last `fit` or of the preprocessing; without either,
            softmax and a single cross-entropy output classify.

        Raises
        ------
        TypeError, ValueError
            If X does not fit.
        """
        task, classes = self._task()
        found = targets.decode(self.predict_proba(X), task, classes)
        if task == targets.REGRESSION and self.preprocessing is not None:
            return self.preprocessing.values(found)
        return found

    def loss(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        engine: str = "auto",
    ) -> float:
        """J = (1/m) sum_t s_t C^t + (lambda/2) sum w**2.

        Parameters
        ----------
        X : array_like of shape (m, n_0)
        y
            As in `fit`.
        sample_weight : array_like of shape (m,), optional
            s_t, scaled to a mean of 1.
        engine
            Which engine computes it.

        Returns
        -------
        float
            J.

        Raises
        ------
        TypeError, ValueError
            If an argument does not fit.
        """
        data, _, _ = self._check_data(X, y, sample_weight)
        return self._cost(data, self._engine(engine, len(data.X)))[0]

    def score(self, X: ArrayLike, y: ArrayLike) -> float:
        """Accuracy; for several labels the share of rows all right; for regression R**2.

        Parameters
        ----------
        X : array_like of shape (m, n_0)
        y
            As in `fit`.

        Returns
        -------
        float
            See `loopbp.network.targets.score`.

        Raises
        ------
        TypeError, ValueError
            If an argument does not fit.
        """
        data, task, _ = self._check_data(X, y, None)
        return targets.score(self._outputs(data.X), data.Y, task)

    def gradient(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        engine: str = "auto",
    ) -> Gradient:
        """dJ/dtheta over the whole of X as one batch, without dropout.

        Parameters
        ----------
        X : array_like of shape (m, n_0)
        y
            As in `fit`.
        sample_weight : array_like of shape (m,), optional
            s_t, scaled to a mean of 1.
        engine
            Which engine computes it: auto, numpy, loops or tiled.

        Returns
        -------
        Gradient
            dJ/dw and dJ/db carry 1/m, the deltas do not (seed 000's question).

        Raises
        ------
        TypeError, ValueError
            If an argument does not fit.
        """
        data, _, _ = self._check_data(X, y, sample_weight)
        m = len(data.X)
        chosen = self._engine(engine, m)
        z, a = self._forward(chosen, data.X)
        delta, gradient = np.empty_like(z), np.empty_like(self._theta)
        losses_ = np.empty(m)
        J = chosen.cost(self._theta, self.architecture, data.Y, data.weight, z, a, losses_)
        chosen.backward(
            self._theta, self.architecture, data.X, data.Y, data.weight, z, a, delta, gradient,
            0, False,
        )  # fmt: skip
        return Gradient(
            gradient,
            self._per_layer(weights_of, gradient),
            self._per_layer(biases_of, gradient),
            float(J),
            self._layers(delta, m),
            [data.X, *self._layers(a, m)],
            self._layers(z, m),
        )

    # -- training -------------------------------------------------------------------------------

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        epochs: int = 20,
        batch_size: int | None = None,
        optimizer: Optimizer | str | None = None,
        engine: str = "auto",
        shuffle: bool = True,
        validation: tuple[ArrayLike, ArrayLike] | float | None = None,
        sample_weight: ArrayLike | None = None,
        early_stopping: EarlyStopping | int | None = None,
        callbacks: Iterable[Callback] = (),
        score_training: bool = False,
        verbose: bool | None = None,
    ) -> History:
        """Train, from where the network is: a second call goes on.

        Parameters
        ----------
        X : array_like of shape (examples, n_0)
            Or a table with the columns of the preprocessing.  The column names of a data frame
            are kept: later ones are matched by name.
        y
            Integer labels (class numbers), string labels, one-hot rows, 0/1 rows for several
            labels at once, or values: see `loopbp.network.targets.encode`.
        epochs
            How many more.
        batch_size
            Examples a step; the last batch of an epoch may be smaller.  Default 32, or all of
            them where the optimizer is made for the gradient of all.
        optimizer
            Default ``Adam(1e-3)``; a name gives the optimizer with its defaults.  An equal one
            in a later call goes on with its state, another one starts anew.
        engine
            auto, numpy, loops or tiled; auto is tiled, with threads where the work of a step is
            worth their start (`loopbp.engines.pick_training`).
        shuffle
            A new order of the examples each epoch; the same for the same seed.
        validation
            A pair (X, y), or the fraction of the examples to hold out for it: by class, and a
            class too small for its share stays in training.
        sample_weight : array_like of shape (examples,), optional
            s_t; scaled to a mean of 1, so only ratios count: in a full batch a weight of 2 is
            the example twice.
        early_stopping
            Patience in epochs, or an `EarlyStopping`; needs validation.
        callbacks
            Called with (epoch from 0, History) after each epoch; training stops if one returns
            True.
        score_training
            Also score the training data after each epoch.
        verbose
            Progress bar: True, False, or None for where a person watches.

        Returns
        -------
        History
            Also ``net.history``; goes on over several calls.

        Raises
        ------
        TypeError, ValueError
            Before anything is trained, if an argument does not fit.
        DivergenceError
            If a weight or the loss becomes NaN or infinite: names epoch and layer; the weights
            of the last finite epoch are kept.
        """
        epochs = check_count("epochs", epochs)
        if batch_size is not None:
            batch_size = check_count("batch_size", batch_size)
        check_choice("engine", engine, ENGINES)
        chosen_optimizer = arguments.optimizer(optimizer)
        stopping = arguments.early_stopping(early_stopping, validation is not None)
        callbacks = arguments.callbacks(callbacks)
        shuffle = arguments.switch("shuffle", shuffle)
        score_training = arguments.switch("score_training", score_training)
        if verbose is not None:
            verbose = arguments.switch("verbose", 1 if verbose == 2 else verbose)
        data, task, classes = self._check_data(X, y, sample_weight)
        prepared = self.preprocessing
        names = frame_names(X)
        if prepared is None and names is not None:  # later data frames are matched by these
            prepared = Preprocessing.of_names(names)
        held_out: Data | None = None
        if isinstance(validation, tuple | list):
            if len(validation) != 2:
                raise ValueError(f"validation: expected a pair (X, y), got {len(validation)} items")
            held_out, _, _ = self._check_data(
                validation[0], validation[1], None, classes, "validation ", prepared
            )
        elif validation is not None:
            fraction = check_number("validation", validation, above=0.0, below=1.0)
            data, held_out = self._hold_out(data, fraction, task)
        batch_size = arguments.batch_size(batch_size, chosen_optimizer, len(data.X))
        if self.history.epochs == 0:
            arguments.warn_of_targets(self.output, self.loss_name, data.Y)
        self.task, self.classes, self.preprocessing = task, classes, prepared
        if self._state is None or self._state.optimizer != chosen_optimizer:
            rows = plain(optimizers.state_rows)(chosen_optimizer.settings)
            vectors = np.zeros((rows, self._theta.size), self.dtype)
            self._state = OptimizerState(chosen_optimizer, vectors)
        run(
            self._theta, self.architecture, data,
            engine=pick_training(
                engine, self._theta, self.architecture, chosen_optimizer.settings, batch_size
            ),
            state=self._state,
            seed=self.seed,
            epochs=epochs, batch_size=batch_size, shuffle=shuffle, history=self.history,
            evaluate=self._evaluate, validation=held_out, early_stopping=stopping,
            callbacks=callbacks, score_training=score_training, verbose=verbose,
        )  # fmt: skip
        return self.history

    # -- storage --------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything needed to predict and to go on training, atomically, without pickle.

        Parameters
        ----------
        path
            Of the file; an existing one is replaced only when the new one is complete.

        Raises
        ------
        OSError
            If the path cannot be written.
        """
        state = self._state
        meta = {
            "sizes": self.sizes,
            "hidden": self.hidden,
            "output": self.output,
            "loss": self.loss_name,
            "initializer": self.initializer,
            "dropout": self.dropout,
            "l2": self.l2,
            "dtype": self.dtype.name,
            "seed": self.seed,
            "task": self.task,
            "history": asdict(self.history),
            "metadata": self.metadata,
            "preprocessing": None if self.preprocessing is None else self.preprocessing.as_dict(),
            "optimizer": None if state is None else arguments.describe_optimizer(state),
        }
        vectors = np.zeros((0, 0), self.dtype) if state is None else state.vectors
        classes = np.zeros(0) if self.classes is None else self.classes
        storage.write(path, meta, theta=self._theta, state=vectors, classes=classes)

    # -- inside ---------------------------------------------------------------------------------

    def _task(self) -> tuple[str, NDArray[Any] | None]:
        if self.task is not None:
            return self.task, self.classes
        return arguments.guess_task(self.output, self.loss_name, self.sizes[-1])

    def _engine(self, name: str, batch: int) -> Engine:
        check_choice("engine", name, ENGINES)
        return pick(name, self._theta.size, batch)

    def _layers(self, buffer: NDArray[Any], m: int) -> list[NDArray[Any]]:
        view = plain(layer_of)
        return [view(buffer, self.architecture, l, m) for l in range(1, len(self.sizes))]

    def _forward(self, engine: Engine, x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        z, a = (np.empty(len(x) * sum(self.sizes[1:]), self.dtype) for _ in range(2))
        engine.forward(self._theta, self.architecture, x, z, a, 0, False)
        return z, a

    def _outputs(self, x: NDArray[Any]) -> NDArray[Any]:
        out = np.empty((len(x), self.sizes[-1]), self.dtype)
        engine = self._engine("auto", min(len(x), _PREDICT_ROWS))
        for part in blocks(len(x), _PREDICT_ROWS):
            rows = x[part]
            out[part] = self._layers(self._forward(engine, rows)[1], len(rows))[-1]
        return out

    def _cost(self, data: Data, engine: Engine) -> tuple[float, NDArray[Any]]:
        """J and the output activations of some data."""
        z, a = self._forward(engine, data.X)
        out = np.empty(len(data.X))
        J = engine.cost(self._theta, self.architecture, data.Y, data.weight, z, a, out)
        return float(J), self._layers(a, len(data.X))[-1]

    def _evaluate(self, data: Data) -> tuple[float, float]:
        J, outputs = self._cost(data, self._engine("auto", len(data.X)))
        return J, targets.score(outputs, data.Y, self._task()[0])

    def _inputs(
        self, X: Any, name: str = "X", prepared: Preprocessing | None = None
    ) -> NDArray[Any]:
        """X behind the preprocessing: (m, n_0), finite, of the network's dtype."""
        prepared = prepared or self.preprocessing
        if prepared is None:
            return check_matrix(name, X, self.sizes[0], self.dtype)
        return prepared.inputs(name, X, self.dtype)

    def _check_data(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        classes: NDArray[Any] | None = None,
        prefix: str = "",
        prepared: Preprocessing | None = None,
    ) -> tuple[Data, str, NDArray[Any] | None]:
        x = self._inputs(X, f"{prefix}X", prepared)
        known = self.classes if classes is None else classes
        if self.preprocessing is not None:
            y = self.preprocessing.targets(y)
        encoded = targets.encode(
            f"{prefix}y", y, len(x), self.sizes[-1], self.output, self.loss_name, self.dtype, known
        )
        weight = check_weight(f"{prefix}sample_weight", sample_weight, len(x), self.dtype)
        return Data(x, encoded.Y, weight), encoded.task, encoded.classes

    def _hold_out(self, data: Data, fraction: float, task: str) -> tuple[Data, Data]:
        """Split off a fraction for validation, by class where there are classes."""
        number = None
        if task == targets.CLASSIFICATION:
            one = self.sizes[-1] == 1
            number = (data.Y[:, 0] > 0.5).astype(np.int64) if one else data.Y.argmax(axis=1)
        held = validation_rows(len(data.X), fraction, self.seed, number)
        kept, out = (
            Data(data.X[rows], data.Y[rows], check_weight(
                "validation: sample_weight", data.weight[rows], int(rows.sum()), self.dtype
            ))
            for rows in (~held, held)
        )  # fmt: skip
        return kept, out


@suggests
def load(path: str | os.PathLike[str]) -> Network:
    """A network from a file that `Network.save` wrote.

    Parameters
    ----------
    path
        Of the file.

    Returns
    -------
    Network
        Predicts as the saved one did, and `fit` goes on from where it stood.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, truncated, foreign or newer, or needs an activation of your own
        that has not been registered.
    """
    meta, arrays = storage.read(path)
    try:
        net = Network(
            meta["sizes"], meta["hidden"], meta["output"], meta["loss"],
            initializer="zeros", dropout=meta["dropout"], l2=meta["l2"], dtype=meta["dtype"],
            seed=meta["seed"],
        )  # fmt: skip
        net.initializer = tuple(meta["initializer"])
        net.theta = arrays["theta"]
        net.task, net.metadata = meta["task"], meta["metadata"]
        net.classes = arrays["classes"] if len(arrays["classes"]) else None
        if meta["preprocessing"] is not None:
            prepared = Preprocessing.from_dict(meta["preprocessing"])
            net.preprocessing = arguments.preprocessing(
                prepared, net.sizes, net.output, net.loss_name
            )
        net.history = History(**meta["history"])
        if meta["optimizer"] is not None:
            vectors = np.require(arrays["state"], net.dtype, ["C", "W"])
            net._state = arguments.restore_optimizer(meta["optimizer"], vectors, net.theta.size)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: cannot be restored: {error}") from error
    return net
