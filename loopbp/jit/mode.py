"""Whether the package may use what Numba does not document, or lives on its documented part.

The first makes code fast and keeps it on disk; all of it stands in `loopbp.jit` and
`loopbp.machine`.  The second, the *plain mode*, is slow and not broken: the literal loops under
Numba's own ``njit``.  It is taken where the installed Numba is not among those that were tried,
where something that is used of it is gone, where the self-test fails, and where
``LOOPBP_PLAIN_NUMBA=1`` asks for it.
"""

import logging
import os
import re
from functools import cache

import numba

from loopbp.jit.settings import config

# The first version that was tried, and the first beyond those that were; as in pyproject.toml.
TESTED = ((0, 63), (0, 69))


@cache
def why_plain() -> str:
    """Why the package lives on what Numba documents; "" where it does not.

    A reason that nobody asked for is told in one line, once.
    """
    if os.environ.get("LOOPBP_PLAIN_NUMBA", "0") not in ("", "0"):
        return "LOOPBP_PLAIN_NUMBA"
    why = _untested(numba.__version__) or _lacking() or _failing()
    if why:
        logging.getLogger("loopbp").warning(
            "loopbp: %s; so the literal loops run under plain Numba, which is slow, and "
            'engine="tiled" means them, too',
            why,
        )
    return why


def is_plain() -> bool:
    """Whether the package lives on what Numba documents."""
    return bool(why_plain())


def _untested(version: str) -> str:
    numbers = re.match(r"(\d+)\.(\d+)", version)
    first, beyond = TESTED
    if numbers and first <= (int(numbers[1]), int(numbers[2])) < beyond:
        return ""
    return (
        f"numba {version} is not among the tested versions, "
        f"{first[0]}.{first[1]} to {beyond[0]}.{beyond[1] - 1}"
    )


def _lacking() -> str:
    """What is gone of that which the package uses of this Numba."""
    try:
        from numba.core import cgutils  # noqa: F401
        from numba.np import arrayobj  # noqa: F401

        from loopbp.jit import dispatchers, instruction_code  # noqa: F401
    except (ImportError, AttributeError, TypeError) as error:
        return f"numba {numba.__version__} lacks what loopbp uses of it ({error})"
    return ""


def _failing() -> str:
    if config.DISABLE_JIT:
        return ""
    from loopbp.jit.self_test import failure

    why = failure()
    return f"the self-test of compiled code failed ({why})" if why else ""
