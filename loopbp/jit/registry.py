"""The compiled functions of the package, by module and qualified name."""

from typing import Any

DISPATCHERS: dict[tuple[str, str], Any] = {}


def signature_count() -> int:
    """How many signatures have been compiled or loaded so far; 0 without compiler."""
    return sum(len(getattr(d, "signatures", ())) for d in DISPATCHERS.values())
