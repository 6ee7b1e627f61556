"""Inputs as the engine takes them: dense, C-ordered; sparse ones made dense a block at a time."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

_NUMBERS = 1 << 21
"""of a dense block: 16 MB of float64"""


def dense_blocks(X: Any, dtype: Any, multiple: int = 1) -> Iterator[tuple[slice, NDArray[Any]]]:
    """The rows of X, in one piece if they are dense, else some at a time.

    Parameters
    ----------
    X
        An array or a sparse matrix of shape (m, n_0).
    dtype
        Of the blocks.
    multiple
        The number of rows of a block, but for the last, is a multiple of it.
    """
    m = X.shape[0]
    if not issparse(X):
        yield slice(0, m), np.ascontiguousarray(X, dtype)
        return
    rows = X.tocsr()
    most = max(1, _NUMBERS // (max(1, X.shape[1]) * multiple)) * multiple
    for start in range(0, m, most):
        part = slice(start, min(start + most, m))
        yield part, np.ascontiguousarray(rows[part].toarray(), dtype)


def taken(X: Any, order: NDArray[Any]) -> Any:
    """The rows of a sparse matrix in an order."""
    return X.tocsr()[order]
