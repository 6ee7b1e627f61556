"""Results as JSON."""

import json
import math
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """A value in the types that JSON has; NaN and infinity become null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def json_text(value: dict[str, Any]) -> str:
    """One JSON object on one line."""
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False)
