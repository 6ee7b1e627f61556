"""What machine code is written with of Numba: two modules of its own, and its errors.

The modules are None where they are gone: `loopbp.jit.mode` takes the plain mode then, in which
nobody looks into them.
"""

from typing import Any

from numba.core.errors import NumbaError, NumbaTypeError, TypingError

__all__ = ["NumbaError", "NumbaTypeError", "TypingError", "arrayobj", "cgutils"]

cgutils: Any = None
arrayobj: Any = None
try:
    from numba.core import cgutils as _cgutils
    from numba.np import arrayobj as _arrayobj

    cgutils, arrayobj = _cgutils, _arrayobj
except ImportError:
    pass
