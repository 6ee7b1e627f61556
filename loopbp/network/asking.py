"""`Asking`: what a network answers without being changed."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, NDArray

from loopbp.catalogue import ENGINES
from loopbp.machine.threads import at_most
from loopbp.messages.calls import suggests
from loopbp.network import arguments, evaluation, report, targets
from loopbp.network.definition import Definition
from loopbp.network.gradient import Gradient, gradient
from loopbp.network.report import ClassificationReport
from loopbp.validate import check_choice


@suggests
class Asking(Definition):
    """Predictions, losses, scores and gradients; `loopbp.Network` adds the training."""

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

    def activations(self, X: ArrayLike, *, n_threads: int | None = None) -> list[NDArray[Any]]:
        """The activations of every layer.

        Parameters
        ----------
        X : array_like of shape (m, n_0)
        n_threads
            As in `loopbp.Network.fit`.

        Returns
        -------
        list of arrays
            a^l at [l], shape (m, n_l); a^0 = X, after the preprocessing.

        Raises
        ------
        TypeError, ValueError
            If X does not fit.
        """
        x = self._inputs(X, finite=False)
        with at_most(arguments.threads(n_threads)):
            layers, finite = evaluation.activations(self._theta, self.architecture, x)
        if not finite:
            self._inputs(X)
        return [x, *layers]

    def predict_proba(self, X: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
        """The output activations a^L.

        Parameters
        ----------
        X : array_like of shape (m, n_0)
        n_threads
            As in `loopbp.Network.fit`.

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
        x = self._inputs(X, finite=False)
        with at_most(arguments.threads(n_threads)):
            found, finite = evaluation.outputs(self._theta, self.architecture, x)
        if not finite:
            self._inputs(X)  # tells where
        return found

    def predict(self, X: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
        """Class labels, 0/1 rows for several labels at once, or values for regression.

        Parameters
        ----------
        X : array_like of shape (m, n_0)
        n_threads
            As in `loopbp.Network.fit`.

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
        found = targets.decode(self.predict_proba(X, n_threads=n_threads), task, classes)
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
        n_threads: int | None = None,
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
        n_threads
            As in `loopbp.Network.fit`.

        Returns
        -------
        float
            J.

        Raises
        ------
        TypeError, ValueError
            If an argument does not fit.
        """
        check_choice("engine", engine, ENGINES)
        data, _, _ = self._check_data(X, y, sample_weight, finite=False)
        with at_most(arguments.threads(n_threads)):
            J, _, finite = evaluation.losses(engine, self._theta, self.architecture, data)
        if not finite:
            self._inputs(X)
        return J

    def score(self, X: ArrayLike, y: ArrayLike, *, n_threads: int | None = None) -> float:
        """Accuracy; for several labels the share of rows all right; for regression R**2.

        Parameters
        ----------
        X : array_like of shape (m, n_0)
        y
            As in `fit`.
        n_threads
            As in `loopbp.Network.fit`.

        Returns
        -------
        float
            See `loopbp.network.targets.score`.

        Raises
        ------
        TypeError, ValueError
            If an argument does not fit.
        """
        data, task, _ = self._check_data(X, y, None, finite=False)
        with at_most(arguments.threads(n_threads)):
            found, finite = evaluation.outputs(self._theta, self.architecture, data.X)
        if not finite:
            self._inputs(X)
        return targets.score(found, data.Y, task)

    def report(
        self, X: ArrayLike, y: ArrayLike, *, n_threads: int | None = None
    ) -> ClassificationReport:
        """Precision, recall, F1 and ROC AUC, of all classes and of each.

        Parameters
        ----------
        X : array_like of shape (m, n_0)
        y
            Labels, or 0/1 rows for several at once, as in `fit`.
        n_threads
            As in `loopbp.Network.fit`.

        Returns
        -------
        ClassificationReport
            ``print`` shows a table.

        Raises
        ------
        TypeError, ValueError
            If an argument does not fit, or y holds values.

        Examples
        --------
        >>> import loopbp
        >>> net = loopbp.Network([2, 1], seed=0)
        >>> found = net.report([[0, 1], [1, 0], [1, 1]], [0, 1, 1])
        >>> found.average, found.support.tolist()
        ('binary', [1, 2])
        """
        data, task, classes = self._check_data(X, y, None, finite=False)
        with at_most(arguments.threads(n_threads)):
            found, finite = evaluation.outputs(self._theta, self.architecture, data.X)
        if not finite:
            self._inputs(X)
        return report.report(found, data.Y, task, classes)

    def gradient(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        engine: str = "auto",
        n_threads: int | None = None,
    ) -> Gradient:
        """dJ/dtheta over the whole of X, without dropout.

        Parameters
        ----------
        X : array_like of shape (m, n_0)
        y
            As in `fit`.
        sample_weight : array_like of shape (m,), optional
            s_t, scaled to a mean of 1.
        engine
            Which engine computes it: numpy, loops, or tiled, which is auto, and takes it from a
            step of plain SGD as `fit` makes it; of very many rows, from several.
        n_threads
            As in `loopbp.Network.fit`.

        Returns
        -------
        Gradient
            dJ/dw and dJ/db carry 1/m, the deltas do not (seed 000's question).

        Raises
        ------
        TypeError, ValueError
            If an argument does not fit.
        """
        check_choice("engine", engine, ENGINES)
        data, _, _ = self._check_data(X, y, sample_weight)
        with at_most(arguments.threads(n_threads)):
            return gradient(engine, self._theta, self.architecture, data)
