"""`Preprocessing`: what stands between a table as its user has it and the network's arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loopbp.datasets.options import CATEGORICAL_KINDS
from loopbp.datasets.scaling import KINDS, Scaling
from loopbp.messages.calls import suggests
from loopbp.messages.suggestions import hint, listed
from loopbp.preparation.columns import FILLS, Column, fit_column
from loopbp.preparation.frames import as_table, is_frame, pick_columns, table_names
from loopbp.validate import as_array, as_finite, check_choice, check_matrix

SCALES = ("auto", *KINDS)
_AS_IT_IS = Scaling("none")


@suggests
@dataclass(frozen=True, eq=False)
class Preprocessing:
    """What is done to X and y before a network sees them, and undone after it.

    Make one with `fitted`, from the training part alone, and pass it to `Network`: then every
    method of the network takes X and y as they are in the table, and the saved file holds it.

    Attributes
    ----------
    columns
        One for each column of X: its name, its words, what stands for a missing cell.
    scale
        Of the inputs of the network.
    target_scale
        Of the values to be predicted.
    labels
        The classes in the order of the outputs; None for values.
    target_names
        Names of the target columns.

    Examples
    --------
    >>> import loopbp
    >>> X = [[1.0, "red"], [3.0, "blue"], [5.0, "red"]]
    >>> prepared = loopbp.Preprocessing.fitted(X, ["no", "yes", "no"], scale="standard")
    >>> prepared.input_names
    ('input 0', 'input 1=blue', 'input 1=red')
    >>> net = loopbp.Network([prepared.n_inputs, 4, 2], preprocessing=prepared, seed=0)
    >>> net.prepare(X)[0].round(2).tolist()
    [[-1.22, 0.0, 1.0], [0.0, 1.0, 0.0], [1.22, 0.0, 1.0]]
    """

    columns: tuple[Column, ...]
    scale: Scaling = _AS_IT_IS
    target_scale: Scaling = _AS_IT_IS
    labels: tuple[str | int, ...] | None = None
    target_names: tuple[str, ...] = ()

    @classmethod
    @suggests
    def fitted(
        cls,
        X: Any,
        y: ArrayLike | None = None,
        *,
        scale: str = "auto",
        target_scale: str = "none",
        categorical: str | None = None,
        missing: str | None = None,
        names: Sequence[str] | None = None,
        words: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
        labels: Sequence[str | int] | None = None,
        target_names: Sequence[str] = (),
    ) -> Preprocessing:
        """The preprocessing that fits some examples.

        Parameters
        ----------
        X
            The training examples only, or the test part leaks into the model: a data frame, an
            array of shape (m, n) or a list of rows; its columns hold numbers or words.
        y : array_like of shape (m,) or (m, n_L), optional
            One string or whole number each: labels, whose classes are kept.  Floats, or a
            `target_scale`: values.
        scale
            ``standard``: mean 0, standard deviation 1; ``minmax``: from 0 to 1; ``none``;
            ``auto``: none where all numbers lie in [-1, 1] already, else standard.  One-hot
            inputs stay 0 and 1.
        target_scale
            The same of values to be predicted; predictions come back in their own units.
        categorical
            Columns of words: ``onehot``, an input for each word, or ``ordinal``, the place of the
            word in the alphabet.  None: one-hot up to 50 words, more are refused.
        missing
            ``mean`` or ``median`` of its column stands for a missing number, the commonest word
            for a missing word.  None: missing cells are refused.
        names
            Of the columns of an array; of a data frame, those to take.  None: the frame's own.
        words
            Names of the columns that hold words even where these look like numbers; with the words
            that may come, where X does not hold all of them.  None: every column with a string in
            it.
        labels
            The classes in the order of the outputs.  None: those of y, sorted.
        target_names
            Names of the target columns.

        Raises
        ------
        TypeError, ValueError
            If a cell or an argument does not fit: the message names row and column.
        """
        check_choice("scale", scale, SCALES)
        check_choice("target_scale", target_scale, SCALES)
        if categorical is not None:
            check_choice("categorical", categorical, CATEGORICAL_KINDS)
        if missing is not None:
            check_choice("missing", missing, FILLS)
        for argument, value in (
            ("names", names), ("words", words), ("labels", labels), ("target_names", target_names),
        ):  # fmt: skip
            if isinstance(value, str):
                raise TypeError(f"{argument}: expected a list, got {value!r}; pass [{value!r}]")
        if labels is not None and len(set(labels)) != len(labels):
            raise ValueError(f"labels: expected different ones, got {listed(map(str, labels))}")
        table = as_table(X)
        chosen = table_names(table, names)
        for name in words or ():
            if name not in chosen:
                known = [str(one) for one in chosen if one is not None]
                raise ValueError(f"words: no column {name!r}{hint(str(name), known)}")
        cells = pick_columns("X", table, chosen)
        columns = tuple(
            fit_column(
                name, _where("X", name, k), column, categorical, missing,
                None if words is None else name in words,
                words.get(str(name), ()) if isinstance(words, Mapping) else (),
            )
            for k, (name, column) in enumerate(zip(chosen, cells, strict=True))
        )  # fmt: skip
        if labels is None and y is not None and target_scale == "none":
            labels = _labels(y)
        values = None if y is None or target_scale == "none" else _as_columns(y)
        return cls(
            columns,
            _input_scaling(columns, cells, scale),
            _AS_IT_IS if values is None else _scaling(target_scale, values),
            None if labels is None else tuple(labels),
            tuple(str(name) for name in target_names),
        )

    @classmethod
    def of_names(cls, names: Sequence[str]) -> Preprocessing:
        """Nothing but the order of named columns."""
        return cls(tuple(Column(name) for name in names))

    def refitted(self, X: Any, y: ArrayLike | None = None) -> Preprocessing:
        """The same columns, words and labels; scaling and missing cells fitted to other examples.

        Raises
        ------
        TypeError, ValueError
            As `fitted`.
        """
        cells = pick_columns("X", as_table(X), self.names)
        columns = tuple(
            fit_column(
                old.name, _where("X", old.name, k), part, old.encoding, old.missing,
                old.words is not None, old.words or (),
            )
            for k, (old, part) in enumerate(zip(self.columns, cells, strict=True))
        )  # fmt: skip
        values = None if y is None or self.target_scale.kind == "none" else _as_columns(y)
        return type(self)(
            columns,
            _input_scaling(columns, cells, self.scale.kind),
            self.target_scale if values is None else _scaling(self.target_scale.kind, values),
            self.labels,
            self.target_names,
        )

    # -- what it is -----------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str | None, ...]:
        """Names of the columns of X; None where one has none."""
        return tuple(column.name for column in self.columns)

    @property
    def n_inputs(self) -> int:
        """n_0: how many inputs the network has."""
        return sum(column.width for column in self.columns)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs of the network: of the columns, and of the words of one-hot ones."""
        return tuple(name for k, c in enumerate(self.columns) for name in c.input_names(k))

    @property
    def _takes_any_matrix(self) -> bool:
        """Whether every column holds numbers, and none that may be missing."""
        return all(column.words is None and column.fill is None for column in self.columns)

    def __repr__(self) -> str:
        words = sum(column.words is not None for column in self.columns)
        facts = [
            f"{len(self.columns)} columns",
            *([f"{words} of words"] if words else []),
            f"{self.n_inputs} inputs",
            f"scale {self.scale.kind}",
            *([f"targets {self.target_scale.kind}"] if self.target_scale.kind != "none" else []),
            *([f"{len(self.labels)} labels"] if self.labels else []),
        ]
        return f"Preprocessing({', '.join(facts)})"

    # -- use ------------------------------------------------------------------------------------

    def inputs(self, argument: str, X: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The inputs of the network.

        Parameters
        ----------
        argument
            Of the public function, for messages.
        X
            A table with these columns: a data frame, whose columns are found by their names; an
            array or a list of rows, whose columns stand in the same order.
        dtype
            Of the network; scaling is done in float64.

        Returns
        -------
        array of shape (m, n_inputs)
            C-ordered, finite.

        Raises
        ------
        TypeError, ValueError
            If the table does not fit.
        """
        table = as_table(X)
        if self._takes_any_matrix and (not is_frame(table) or None in self.names):
            given = dtype if self.scale.kind == "none" else np.dtype(np.float64)
            matrix = check_matrix(argument, table, len(self.columns), given)
            return as_finite(argument, self.scale.apply(matrix), dtype)
        cells = pick_columns(argument, table, self.names)
        if not cells or len(cells[0]) == 0:
            raise ValueError(f"{argument}: expected at least one example, got none")
        encoded = [
            column.encode(_where(argument, column.name, k), part)
            for k, (column, part) in enumerate(zip(self.columns, cells, strict=True))
        ]
        return as_finite(argument, self.scale.apply(np.concatenate(encoded, axis=1)), dtype)

    def targets(self, y: Any) -> Any:
        """Values in the network's units; labels as they are."""
        if self.target_scale.kind == "none":
            return y
        array = as_array("y", y)
        columns = _as_columns(array)
        if columns.shape[1] != len(self.target_scale.shift):
            raise ValueError(
                f"y: expected {len(self.target_scale.shift)} columns, got shape {array.shape}"
            )
        return self.target_scale.apply(columns).reshape(array.shape)

    def values(self, predicted: NDArray[Any]) -> NDArray[Any]:
        """Predicted values in the units of the table, in float64 where they were scaled."""
        if self.target_scale.kind == "none":
            return predicted
        columns = predicted.reshape(len(predicted), -1)
        return self.target_scale.undo(columns).reshape(predicted.shape)

    # -- storage --------------------------------------------------------------------------------

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold; `from_dict` is its inverse."""
        return {
            "columns": [asdict(column) for column in self.columns],
            "scale": self.scale.as_dict(),
            "target_scale": self.target_scale.as_dict(),
            "labels": None if self.labels is None else list(self.labels),
            "target_names": list(self.target_names),
        }

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Preprocessing:
        """The reverse of `as_dict`.

        Raises
        ------
        KeyError, TypeError, ValueError
            If something is missing or does not fit together.
        """
        columns = tuple(_column(**column) for column in facts["columns"])
        labels = facts["labels"]
        if labels is not None:
            if not all(type(label) is type(labels[0]) for label in labels):
                raise ValueError("labels: expected strings or whole numbers")
            if not isinstance(labels[0], str | int) or len(set(labels)) != len(labels):
                raise ValueError("labels: expected different strings or whole numbers")
        made = cls(
            columns,
            _restored("scale", facts["scale"], sum(column.width for column in columns)),
            _restored("target_scale", facts["target_scale"], None),
            None if labels is None else tuple(labels),
            tuple(str(name) for name in facts["target_names"]),
        )
        if not columns:
            raise ValueError("columns: expected at least one")
        return made


def _where(argument: str, name: str | None, position: int) -> str:
    return f"{argument}: column {position if name is None else repr(name)}"


def _as_columns(y: Any) -> NDArray[np.float64]:
    array = as_finite("y", as_array("y", y), np.dtype(np.float64))
    if array.ndim not in (1, 2):
        raise ValueError(f"y: expected shape (m,) or (m, targets), got {array.shape}")
    return array.reshape(len(array), -1)


def _labels(y: Any) -> tuple[Any, ...] | None:
    """The classes, if y holds one string, boolean or whole number an example."""
    array = np.asarray(y)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 1 and array.dtype.kind == "O" and all(isinstance(v, str) for v in array):
        array = array.astype(str)
    if array.ndim != 1 or array.dtype.kind not in "iubUST":
        return None
    if array.dtype.kind in "ST":
        array = array.astype(str)
    if array.dtype.kind == "b":
        array = array.astype(np.int64)
    return tuple(np.unique(array).tolist())


def _input_scaling(columns: Sequence[Column], cells: Sequence[NDArray[Any]], kind: str) -> Scaling:
    """The scaling of all inputs; those of one-hot columns are shifted by 0 and divided by 1."""
    shift: list[float] = []
    unit: list[float] = []
    encoded = [
        column.encode(_where("X", column.name, k), part) if column.scaled else None
        for k, (column, part) in enumerate(zip(columns, cells, strict=True))
    ]
    numbers = [part for part in encoded if part is not None]
    if kind == "auto":
        kind = "standard" if any(np.abs(part).max() > 1 for part in numbers) else "none"
    if kind == "none" or not numbers:
        return _AS_IT_IS
    for column, part in zip(columns, encoded, strict=True):
        if part is None:
            shift += [0.0] * column.width
            unit += [1.0] * column.width
        else:
            own = Scaling.fitted(kind, part)
            shift += own.shift
            unit += own.unit
    return Scaling(kind, tuple(shift), tuple(unit))


def _scaling(kind: str, values: NDArray[np.float64]) -> Scaling:
    if kind == "auto":
        kind = "standard" if np.abs(values).max() > 1 else "none"
    return Scaling.fitted(kind, values)


def _column(
    name: str | None,
    words: list[str] | None,
    encoding: str | None,
    fill: float | str | None,
    missing: str | None,
) -> Column:
    """A column from what a file holds, checked."""
    if missing is not None:
        check_choice("missing", missing, FILLS)
    if words is None:
        if fill is not None and not (isinstance(fill, float | int) and np.isfinite(fill)):
            raise ValueError(f"fill: expected a finite number, got {fill!r}")
        return Column(name, fill=fill, missing=missing)
    if encoding not in CATEGORICAL_KINDS or not words or len(set(words)) != len(words):
        raise ValueError(
            f"column {name!r}: expected different words and one of {CATEGORICAL_KINDS}"
        )
    if fill is not None and fill not in words:
        raise ValueError(f"column {name!r}: {fill!r} is none of its words")
    return Column(name, tuple(str(word) for word in words), encoding, fill, missing)


def _restored(name: str, facts: dict[str, Any], width: int | None) -> Scaling:
    """A scaling from what a file holds, checked."""
    scale = Scaling(facts["kind"], tuple(facts["shift"]), tuple(facts["unit"]))
    check_choice(name, scale.kind, KINDS)
    if scale.kind == "none":
        return _AS_IT_IS
    shift, unit = (np.array(part, np.float64) for part in (scale.shift, scale.unit))
    if shift.ndim != 1 or shift.shape != unit.shape or (width is not None and len(shift) != width):
        raise ValueError(f"{name}: expected {width} shifts and units, got {shift.shape}")
    if not (np.isfinite(shift).all() and np.isfinite(unit).all() and (unit > 0).all()):
        raise ValueError(f"{name}: expected finite shifts and positive units")
    return scale
