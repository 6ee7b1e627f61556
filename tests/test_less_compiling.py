"""What our compilations leave out of Numba's, and what they therefore must not take for simple."""

from typing import Any

import numpy as np
import pytest

from loopbp.jit import by_symbol
from loopbp.jit.decorators import inline_jit, inner_jit, jit
from loopbp.jit.mode import is_plain
from loopbp.jit.one_type import OneType
from loopbp.jit.settings import config
from loopbp.machine.views import vector

pytestmark = pytest.mark.skipif(
    is_plain() or bool(config.DISABLE_JIT), reason="nothing is compiled, or by Numba alone"
)


@inner_jit
def two_types(n: int) -> int:
    """Counts n where y is an integer first; as a float it would lose the 1."""
    count, total = 0, 0.0
    for k in range(n):
        y = 9_007_199_254_740_993
        count += y - 9_007_199_254_740_992
        y = 0.5 * k
        total += y
    return count if total >= 0.0 else -1


@inner_jit
def one_type(n: int) -> int:
    y = 0
    for k in range(n):
        y = y + k
    return y


@jit
def calls_both(n):
    return two_types(n), one_type(n)


def test_a_variable_of_two_types_stays_two_variables(monkeypatch):
    refused: list[str] = []
    run_pass = OneType.run_pass

    def noted(self: OneType, state: Any) -> bool:
        try:
            return run_pass(self, state)
        except Exception:
            refused.append(state.func_id.func_name)
            raise

    monkeypatch.setattr(OneType, "run_pass", noted)
    for function in (two_types, one_type, calls_both):
        function._cache.flush()  # type: ignore[attr-defined]
    assert calls_both(3) == (3, 3)
    assert refused == ["two_types"]


def _of_a_view(x):
    return vector(x, 0, 1)[0]


def _view(x):
    return vector(x, 0, 1)


def _of_its_argument(x):
    return x if x[0] > 0.0 else vector(x, 0, 1)


def _of_an_array(x):
    return np.zeros(3)[0] + x[0]


def _of_a_slice(x):
    return x[1:][0]


def _slice(x):
    return x[1:]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (_of_a_view, True), (_view, True), (_of_a_slice, True), (_slice, False),
        (_of_its_argument, False), (_of_an_array, False),
    ],
)  # fmt: skip
def test_who_owns_an_array_counts_references(monkeypatch, source, expected):
    found: list[bool] = []
    owns_nothing = by_symbol.owns_nothing

    def noted(state: Any) -> bool:
        found.append(owns_nothing(state))
        return found[-1]

    monkeypatch.setattr(by_symbol, "owns_nothing", noted)
    inner = inline_jit(source)

    def call(x):
        return inner(x)

    jit(call)(np.arange(1.0, 4.0))
    assert found[0] is expected
