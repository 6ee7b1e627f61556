"""`Network`: a checked, thin skin over the engines."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from loopbp.catalogue import ENGINES, INITIALIZERS
from loopbp.engines import pick_training
from loopbp.initial import default_initializer, initial_theta
from loopbp.machine.threads import at_most
from loopbp.messages.calls import fixes, suggests
from loopbp.network import arguments, evaluation, sklearn_models, storage, targets
from loopbp.network.asking import Asking
from loopbp.network.class_weights import weighted
from loopbp.network.data import hold_out
from loopbp.optimizers import Optimizer
from loopbp.own_activation import Activation
from loopbp.parameters import make_architecture
from loopbp.preparation import Preprocessing
from loopbp.preparation.frames import frame_names
from loopbp.training import Callback, Data, EarlyStopping, History, OptimizerState, run
from loopbp.validate import check_choice, check_count, check_number, check_weight


@suggests
@fixes("sizes", "dropout", "l2", "dtype", "loss_name", "architecture")
class Network(Asking):
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
        self.sizes = arguments.layer_sizes(sizes)
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
        self.architecture = make_architecture(
            self.sizes, self._hidden, self._output, self.loss_name, self.dropout, self.l2
        )
        self._theta = initial_theta(self.architecture, self.initializer, self.seed, self.dtype)
        self.task = None
        self.classes = None
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
        class_weight: str | Mapping[Any, float] | None = None,
        early_stopping: EarlyStopping | int | None = None,
        callbacks: Iterable[Callback] = (),
        score_training: bool = False,
        n_threads: int | None = None,
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
        class_weight
            ``"balanced"``, or a mapping from each label as it stands in y to its weight, which
            multiplies sample_weight.  Balanced, every class weighs the same: n / (classes * count),
            where with a sample_weight its sums are counted.  ``history.loss`` has it;
            validation, `loss` and `score` have not, so that they stay comparable with other
            trainings and early stopping looks at the data as they are.
        early_stopping
            Patience in epochs, or an `EarlyStopping`; needs validation.
        callbacks
            Called with (epoch from 0, History) after each epoch; training stops if one returns
            True.
        score_training
            Also score the training data after each epoch.
        n_threads
            At most so many threads; None: as many as may be used.  There are no more than CPUs,
            and than ``numba.set_num_threads`` or, where Numba runs on OpenMP,
            ``threadpoolctl.threadpool_limits`` allows.  The same seed gives the same bits for any
            number.  What engine numpy leaves to BLAS has the threads of BLAS.
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
        n_threads = arguments.threads(n_threads)
        shuffle = arguments.switch("shuffle", shuffle)
        score_training = arguments.switch("score_training", score_training)
        if verbose is not None:
            verbose = arguments.switch("verbose", 1 if verbose == 2 else verbose)
        data, task, classes = self._check_data(X, y, sample_weight)
        prepared, names = self.preprocessing, frame_names(X)
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
            data, held_out = hold_out(data, fraction, self.seed, task)
        if class_weight is not None:
            weight = weighted(class_weight, data.Y, classes, task, data.weight)
            weight = check_weight("class_weight", weight, len(weight), self.dtype)
            data = replace(data, weight=weight)
        batch_size = arguments.batch_size(batch_size, chosen_optimizer, len(data.X))
        if self.history.epochs == 0:
            arguments.warn_of_targets(self.output, self.loss_name, data.Y)
        self.task, self.classes, self.preprocessing = task, classes, prepared
        if self._state is None or self._state.optimizer != chosen_optimizer:
            self._state = OptimizerState.of(chosen_optimizer, self._theta)
        with at_most(n_threads):
            run(
                self._theta, self.architecture, data,
                engine=pick_training(
                    engine, self._theta, self.architecture, chosen_optimizer.settings, batch_size
                ),
                state=self._state, seed=self.seed,
                epochs=epochs, batch_size=batch_size, shuffle=shuffle, history=self.history,
                evaluate=self._evaluate, validation=held_out, early_stopping=stopping,
                callbacks=callbacks, score_training=score_training, verbose=verbose,
            )  # fmt: skip
        return self.history

    def _evaluate(self, data: Data) -> tuple[float, float]:
        J, a, _ = evaluation.losses(
            "auto", self._theta, self.architecture, data, wants_outputs=True
        )
        return J, targets.score(a, data.Y, self._task()[0])

    # -- scikit-learn ---------------------------------------------------------------------------

    @classmethod
    @suggests
    def from_sklearn(cls, fitted: Any, *, l2: float = 0.0) -> Network:
        """A network that predicts what a fitted MLP of scikit-learn does.

        Parameters
        ----------
        fitted
            An MLPClassifier, an MLPRegressor or any object with their attributes: ``coefs_``,
            ``intercepts_``, ``activation``, ``out_activation_``, and, where there are,
            ``classes_``, ``loss``, ``feature_names_in_``.
        l2
            For training on: ``alpha`` divided by the batch size.

        Returns
        -------
        Network
            Its squared error is `quadratic`, its Poisson loss `poisson_deviance`, which have the
            same gradient.

        Raises
        ------
        TypeError, ValueError
            If something is missing, or no network is like it.
        """
        return sklearn_models.network_of(cls, fitted, l2)

    def to_sklearn(self) -> Any:
        """A fitted MLPClassifier or MLPRegressor of scikit-learn that predicts what this does.

        Returns
        -------
        sklearn.neural_network.MLPClassifier or MLPRegressor
            ``partial_fit`` trains it on, with ``alpha`` = 200 l2 for batches of 200, without
            dropout and with an optimizer that starts anew.  softmax of two classes becomes one
            logistic output; classes are sorted.

        Raises
        ------
        ImportError
            Without scikit-learn.
        ValueError
            Names what scikit-learn does not have: an activation, several of them, a loss, a
            preprocessing that does more than name columns.
        """
        return sklearn_models.sklearn_of(self)

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
