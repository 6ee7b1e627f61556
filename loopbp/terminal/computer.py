"""What computer this is, and what is installed on it."""

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba import threading_layer  # pyright: ignore[reportPrivateImportUsage]

from loopbp.jit import files
from loopbp.jit.mode import why_plain
from loopbp.loops import bias_gradient
from loopbp.machine import processor
from loopbp.machine.cores import usable_cores
from loopbp.terminal.extras import installed

FEATURES = (
    "sse4.2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512bf16",
    "amx-tile", "neon", "sve", "sve2",
)  # fmt: skip


def collect() -> dict[str, Any]:
    """The facts by name."""
    layer = _threading_layer()
    present = processor.features()
    return {
        "loopbp": metadata.version("loopbp"),
        "python": platform.python_version(),
        "numba": numba.__version__,
        "plain_mode": why_plain() or None,
        "llvmlite": metadata.version("llvmlite"),
        "numpy": np.__version__,
        "extras": installed(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "llvm_target": processor.name(),
        "features": [name for name in FEATURES if name in present],
        "cores": os.cpu_count(),
        "usable_cores": usable_cores(),
        "threads": numba.get_num_threads(),
        "threading_layer": layer,
        "compiler": "on" if hasattr(bias_gradient, "stats") else "off (NUMBA_DISABLE_JIT)",
        **cache_facts(),
    }


def cache_facts() -> dict[str, Any]:
    """Where compiled code is kept, how much of it there is, and why it is not, where it is not."""
    on = os.environ.get("LOOPBP_CACHE", "1") != "0"
    why = files.trouble(files.root() / files.stamp()) if on else "LOOPBP_CACHE=0"
    count, size = files.size()
    return {
        "cache_folder": str(files.root()),
        "cache_files": count,
        "cache_bytes": size,
        "cache_off": why or None,
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _threading_layer() -> str | None:
    """The layer that a parallel loop of ours runs on.

    Numba chooses the layer when the first parallel loop runs, not before.
    """
    bias_gradient(np.zeros((1, 1)), np.zeros(1))
    compiled = hasattr(bias_gradient, "stats")  # else nothing runs in parallel
    try:
        return threading_layer() if compiled else None
    except ValueError:  # nothing has run in parallel, for the plain mode wants no workqueue
        return "workqueue"
