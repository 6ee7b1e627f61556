"""The pytest-benchmark suites over the table of `loopbp.benchmark.cases`.

    python -m pytest bench --benchmark-enable

They time one library at a time; ``loopbp bench --peers`` times them in turns, which a noisy machine
disturbs less.
"""

import os

import pytest

# Before anything imports NumPy: with them OpenBLAS would choose a slower kernel.
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)

from loopbp.benchmark.cases import make_problem, select, shortened  # noqa: E402


@pytest.fixture(scope="module", params=["float32", "float64"])
def dtype(request):
    """Both."""
    return request.param


@pytest.fixture(scope="module")
def problems(dtype):
    """The problem of a case by its name, made once."""
    made = {}

    def problem(name):
        if name not in made:
            made[name] = make_problem(shortened(select([name], dtype)[0]))
        return made[name]

    return problem
