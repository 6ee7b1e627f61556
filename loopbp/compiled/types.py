"""What the functions of `loopbp.compiled` take, checked while Numba finds out the types.

Layout, dtype, rank and the kind of each argument stand in Numba's types, so they are checked once
for each new combination of types and cost a call nothing: before a call from Python is compiled,
and while the ``@njit`` function around a call is.  A wrong one ends in one sentence that names the
argument, what was expected, what came, and what to pass.  Lengths and ranges are in no type:
`loopbp.compiled.lengths` looks at them at calls from Python.
"""

import inspect
from abc import ABC
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numba import typeof, types
from numba.extending import models, register_model, typeof_impl

from loopbp.compiled.lengths import wrong_length
from loopbp.jit.checked_calls import checked_calls
from loopbp.jit.insides import NumbaError, NumbaTypeError
from loopbp.jit.mode import is_plain
from loopbp.jit.sources import plain
from loopbp.network.network import Network
from loopbp.optimizers import Optimizer, OptimizerSettings
from loopbp.parameters import Architecture
from loopbp.passes import Workspace
from loopbp.tiled.workspace import TiledWorkspace

F = TypeVar("F", bound=Callable[..., Any])
_WORKSPACE = Workspace if is_plain() else TiledWorkspace


class ArgumentTypeError(NumbaTypeError, TypeError):
    """An argument that a compiled function does not take.

    Both a ``TypeError`` and a ``numba.core.errors.TypingError``.  Inside ``@njit`` Numba puts its
    message into a ``TypingError`` of its own, which says where the call stands.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, highlighting=False)


class PythonObject(types.Type):
    """An object that compiled code cannot use, with a type so that an error can name it."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"{what}, which is a Python object,")


@register_model(PythonObject)
class _PythonObjectModel(models.OpaqueModel):
    pass


class _Frame(ABC):  # noqa: B024 (nobody derives from it)
    """Stands for the DataFrame and the Series of pandas and its like, which need not be there."""

    @classmethod
    def __subclasshook__(cls, other: type) -> bool:
        return other.__name__ in ("DataFrame", "Series") and hasattr(other, "to_numpy")


def _type_of_object(value: Any, context: Any) -> PythonObject:
    """What Numba takes for the type of these: it would say "non-precise type pyobject" else."""
    if isinstance(value, Network):
        return PythonObject("a Network")
    if isinstance(value, Optimizer):
        return PythonObject(f"the optimizer {type(value).__name__}")
    return PythonObject(f"a {type(value).__name__}")


for _kind in (Network, Optimizer, _Frame):
    typeof_impl.register(_kind)(_type_of_object)


def type_of(value: Any) -> types.Type:
    """Numba's type of a value; a `PythonObject` where there is none."""
    try:
        return typeof(value)
    except (NumbaError, ValueError, TypeError, NotImplementedError):
        if type(value) is np.ndarray:
            return PythonObject(f"an array of dtype {value.dtype}")
        return PythonObject(f"a {type(value).__name__}")


# What is wrong with an argument: what was expected, what came, what to do.
Problem = tuple[str, str, str]


def _class_of(kind: Any) -> type:
    """Of a named tuple."""
    return kind.instance_class


def _describe(kind: Any) -> str:
    """A type in words."""
    if isinstance(kind, PythonObject):
        return kind.what
    if isinstance(kind, types.Array):
        dtype = "object" if kind.dtype == types.pyobject else kind.dtype
        return f"a {kind.ndim}-d {dtype} array"
    if isinstance(kind, types.BaseNamedTuple):
        return f"a tuple {_class_of(kind).__name__}"
    if isinstance(kind, types.BaseTuple):
        return "a tuple"
    if isinstance(kind, types.List | types.ListType):
        return "a list"
    if isinstance(kind, types.NoneType):
        return "None"
    return f"a value of type {kind}"


@dataclass(frozen=True)
class _Number:
    """A whole number, a real one, or True or False."""

    what: str
    accepts: tuple[type, ...]
    remedy: str

    def problem(self, name: str, kind: Any, real: Any, written: bool) -> Problem | None:
        if isinstance(kind, self.accepts):
            return None
        return self.what, _describe(kind), self.remedy.format(name=name)


_NUMBERS_OF: dict[type, tuple[type, ...]] = {
    bool: (types.Boolean,),
    int: (types.Integer,),
    float: (types.Integer, types.Float),
}


@dataclass(frozen=True)
class _Tuple:
    """A named tuple of arrays and numbers, as the package makes it."""

    of: type
    remedy: str

    def problem(self, name: str, kind: Any, real: Any, written: bool) -> Problem | None:
        what, fields = f"a tuple {self.of.__name__}", inspect.get_annotations(self.of)
        part: Any
        if not isinstance(kind, types.BaseNamedTuple) or _class_of(kind) is not self.of:
            return what, _describe(kind), self.remedy
        for field, part in zip(fields, tuple(kind), strict=True):  # pyright: ignore[reportArgumentType]
            good = _NUMBERS_OF.get(fields[field])
            if good and not isinstance(part, good):
                return what, f"one whose {field} is {_describe(part)}", self.remedy
            if not good and not (
                isinstance(part, types.Array) and part.layout == "C" and part.aligned
            ):
                return what, f"one whose {field} is {_describe(part)}, not C-ordered", self.remedy
            if not good and written and not part.mutable:
                return f"{what} to write to", f"one whose {field} is read-only", self.remedy
        return self._of_other_dtype(kind, real)

    def _of_other_dtype(self, kind: Any, real: Any) -> Problem | None:
        """A workspace has the dtype of its theta, an architecture has 64 bits."""
        dtypes = dict(zip(kind.fields, (getattr(k, "dtype", None) for k in kind), strict=True))
        if self.of is _WORKSPACE:
            if real is not None and dtypes["x"] != real:
                return f"one for {real}, as theta", f"one for {dtypes['x']}", self.remedy
        elif self.of is Architecture:
            for field, dtype in dtypes.items():
                right = types.float64 if field == "dropout" else types.int64
                if dtype not in (None, right):
                    found = f"one whose {field} is of {dtype}"
                    return "a tuple Architecture", found, self.remedy
        return None


@dataclass(frozen=True)
class _Array:
    """An array: of theta's dtype unless `dtype` says otherwise."""

    ndim: int
    dtype: str = "theta"  # or float64, or whole
    shape: str = ""
    of_other_rank: str = ""

    def problem(self, name: str, kind: Any, real: Any, written: bool) -> Problem | None:
        expected, number = self._expected(real), self._number(real)
        found = _describe(kind)
        if not isinstance(kind, types.Array):
            if isinstance(kind, PythonObject) and kind.what == "a Network":
                return expected, found, "pass net.theta" if name == "theta" else "pass an array"
            make = "np.ascontiguousarray" if isinstance(kind, PythonObject) else "np.array"
            if isinstance(kind, PythonObject | types.Sequence):
                return expected, found, f"pass {make}({name}, dtype=np.{number})"
            return expected, found, "pass an array"
        if kind.ndim != self.ndim:
            return expected, found, self.of_other_rank.format(name=name)
        right_type = isinstance(kind.dtype, types.Integer) if self.dtype == "whole" else (
            kind.dtype == real if real is not None else kind.dtype in (types.float32, types.float64)
        )  # fmt: skip
        right_layout = kind.layout == "C" or self.dtype == "whole"
        if right_type and right_layout and kind.aligned and (kind.mutable or not written):
            return None
        how = {"F": "in Fortran order, as a transposed one is",
               "A": "with gaps, as a slice across columns is"}.get(kind.layout, "")  # fmt: skip
        how = how or ("" if kind.aligned else "that is not aligned")
        copy = f"np.ascontiguousarray({name})" if how and kind.aligned else f"{name}.copy()"
        if not right_type:
            copy = copy if how else name
            return expected, f"{found} {how}".strip(), f"pass {copy}.astype(np.{number})"
        if how:
            where = f", and keep it: {name} is overwritten" if written else ""
            return expected, f"{found} {how}", f"pass {copy}{where}"
        return f"{expected} to write to", f"{found} that is read-only", f"pass {name}.copy()"

    def _number(self, real: Any) -> str:
        return "int64" if self.dtype == "whole" else str(real or "float64")

    def _expected(self, real: Any) -> str:
        if self.dtype == "whole":
            return f"a {self.ndim}-d array of whole numbers"
        dtype = "dtype float64 or float32" if real is None else f"dtype {real}"
        theta = "theta's " if self.dtype == "theta" and real is not None else ""
        shape = f"array of shape {self.shape} and" if self.shape else f"{self.ndim}-d array of"
        return f"a C-ordered {shape} {theta}{dtype}"


_VECTOR = _Array(1, of_other_rank="pass {name}.ravel()")
_PARAMETERS = _Array(1, shape="(P,)", of_other_rank="pass one row of it, as {name}[k]")
_INPUTS = _Array(2, shape="(m, n_0)", of_other_rank="pass {name}.reshape(1, -1) for one example")
_TARGETS = _Array(
    2, shape="(m, n_L)",
    of_other_rank="pass {name}.reshape(-1, 1) for one output, one-hot rows for class labels",
)  # fmt: skip
_WHOLE = _Number("a whole number", (types.Integer,), "pass int({name})")
_FLAG = _Number("True or False", (types.Boolean,), "pass bool({name})")
_ROLES: dict[str, _Number | _Tuple | _Array] = {
    "theta": _PARAMETERS,
    "thetas": _Array(2, shape="(networks, P)", of_other_rank="pass {name}.reshape(1, -1)"),
    "architecture": _Tuple(Architecture, "pass net.architecture"),
    **dict.fromkeys(("X", "x"), _INPUTS),
    **dict.fromkeys(("Y", "y"), _TARGETS),
    **dict.fromkeys(("weight", "z", "a", "delta", "gradient"), _VECTOR),
    "losses": _Array(1, "float64", of_other_rank="pass np.empty(m)"),
    "settings": _Tuple(OptimizerSettings, "pass the settings of an optimizer, as Adam().settings"),
    "learning_rate": _Number(
        "a number", (types.Integer, types.Float), "pass settings.learning_rate"
    ),
    "state": _Array(2, of_other_rank="pass what make_state(theta, settings) returns"),
    "workspace": _Tuple(_WORKSPACE, "pass what make_workspace returns for this theta"),
    **dict.fromkeys(("drops", "shuffled"), _FLAG),
    **dict.fromkeys(("epochs", "examples", "batch_size", "seed", "key", "step", "number"), _WHOLE),
    "seeds": _Array(1, "whole", of_other_rank="pass one seed for each network"),
}


def _writable(kind: Any) -> Any:
    """The type of what is only read, as if it could be written: so nothing is compiled twice."""
    if isinstance(kind, types.Array) and not kind.mutable:
        return kind.copy(readonly=False)
    return kind


class _Check:
    """What one function takes."""

    def __init__(self, function: Any, writes: Iterable[str]) -> None:
        self._signature = inspect.signature(function)
        self._name, self._writes = function.__name__.removesuffix("_alone"), set(writes)
        self._names = tuple(self._signature.parameters)
        self._order = f"{self._name}({', '.join(self._names)})"

    def __call__(self, args: Iterable[Any], kws: dict[str, Any]) -> list[types.Type]:
        """The types that the function is compiled for.

        Raises
        ------
        ArgumentTypeError
            If there are other arguments than it takes, or one has a wrong type.
        """
        try:
            given = self._signature.bind(*args, **kws).arguments
        except TypeError as error:
            raise ArgumentTypeError(f"compiled.{self._name}: {error}; call {self._order}") from None
        kinds = {name: types.unliteral(kind) for name, kind in given.items()}
        for name, kind in kinds.items():
            problem = self._problem(name, kinds)
            if problem is not None:
                expected, found, remedy = problem
                swapped = self._swapped(name, kinds)
                if swapped:
                    remedy = f"{name} and {swapped} are swapped, call {self._order}"
                elif isinstance(kind, PythonObject) and "optimizer" in found:
                    remedy = f"pass its settings, as in loopbp.{found.split()[-1]}(0.05).settings"
                raise ArgumentTypeError(
                    f"{name} of compiled.{self._name}: expected {expected}, got {found}; {remedy}"
                )
        return [_writable(kind) for kind in kinds.values()]

    def type_of(self, value: Any) -> types.Type:
        """See `type_of`."""
        return type_of(value)

    def values(self, args: tuple[Any, ...], kws: dict[str, Any]) -> None:
        """Look at lengths and ranges of values, too.

        Raises
        ------
        ArgumentTypeError
            As above, which comes first.
        ValueError
            If a length does not fit, or a number is out of its range.
        """
        try:
            given = self._signature.bind(*args, **kws).args if kws else args
            wrong = wrong_length(self._names, given)
        except (TypeError, ValueError, AttributeError, IndexError):
            wrong = ""  # of a wrong type, or one too few
        if wrong is not None:
            self(map(type_of, args), {name: type_of(value) for name, value in kws.items()})
        if wrong:
            name, _, rest = wrong.partition(": ")
            raise ValueError(f"{name} of compiled.{self._name}: {rest}")

    def _problem(self, name: str, kinds: dict[str, Any]) -> Problem | None:
        """What is wrong with an argument, its dtype next to that of theta."""
        first = "thetas" if "thetas" in kinds else "theta"
        real = None
        if _is_array_of_theta(name) and name != first:
            real = getattr(kinds.get(first), "dtype", None)
        if name == "losses":
            real = types.float64
        return _ROLES[name].problem(name, kinds[name], real, name in self._writes)

    def _swapped(self, name: str, kinds: dict[str, Any]) -> str | None:
        """Another argument that fits here, and would itself fit where this one came."""
        for other, kind in kinds.items():
            exchanged = {**kinds, name: kind, other: kinds[name]}
            if (
                self._problem(other, kinds)
                and not self._problem(name, exchanged)
                and not self._problem(other, exchanged)
            ):
                return other
        return None


def _is_array_of_theta(name: str) -> bool:
    which = _ROLES[name]
    return name == "workspace" or (isinstance(which, _Array) and which.dtype == "theta")


def checked(*writes: str, lengths: bool = False) -> Callable[[F], F]:
    """Make a compiled function refuse arguments of a wrong type, from Python and in ``@njit``.

    Parameters
    ----------
    writes
        The names of the arguments that it overwrites.  Read-only arrays are taken for all others,
        by the same machine code.
    lengths
        Whether calls from Python look at `loopbp.compiled.lengths`, too.

    Returns
    -------
    callable
        A decorator.  Its function's arguments have names out of ``_ROLES``; what it returns is the
        same function, or, without the compiler, one that checks and then calls it.
    """

    def decorate(function: F) -> F:
        return checked_calls(function, _Check(plain(function), writes), lengths)

    return decorate
