"""``loopbp info``: versions, processor, threads, cache: what a report of a fault needs."""

import argparse
import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from llvmlite import binding
from numba.np.ufunc.parallel import threading_layer

from loopbp import cache
from loopbp.cli.extras import installed
from loopbp.cli.output import print_json
from loopbp.cores import usable_cores
from loopbp.loops import bias_gradient

FEATURES = (
    "sse4.2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512bf16",
    "amx-tile", "neon", "sve", "sve2",
)  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Collect and print."""
    facts = collect()
    if args.json:
        print_json(facts)
    else:
        print_facts(facts)
    if facts["threading_layer"] == "workqueue":
        print(
            "loopbp info: warning: Numba found no OpenMP or TBB; its workqueue starts a parallel "
            "loop a hundred times more slowly, and threads of Python take turns at them",
            file=sys.stderr,
        )
    return 0


def collect() -> dict[str, Any]:
    """The facts by name."""
    layer = _threading_layer()
    present = binding.get_host_cpu_features()
    return {
        "loopbp": metadata.version("loopbp"),
        "python": platform.python_version(),
        "numba": numba.__version__,
        "llvmlite": llvmlite.__version__,
        "numpy": np.__version__,
        "extras": installed(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "llvm_target": binding.get_host_cpu_name(),
        "features": [name for name in FEATURES if present.get(name)],
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
    why = cache.trouble(cache.root() / cache.stamp()) if on else "LOOPBP_CACHE=0"
    files, size = cache.size()
    return {
        "cache_folder": str(cache.root()),
        "cache_files": files,
        "cache_bytes": size,
        "cache_off": why or None,
    }


def print_facts(facts: dict[str, Any]) -> None:
    """One line for each, and the number of bytes as people say it."""
    for name, value in facts.items():
        if name == "cache_off" and value is None:
            continue
        if name == "cache_bytes":
            print(f"{'cache size':<17}{value / 1e6:.1f} MB")
        else:
            print(f"{name.replace('_', ' '):<17}{_text(value)}")


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(
            f"{extra}: " + ", ".join(f"{name} {has or 'not installed'}" for name, has in of.items())
            for extra, of in value.items()
        )
    if isinstance(value, list):
        return " ".join(value) or "none of note"
    return "none" if value is None else str(value)


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
    return threading_layer() if compiled else None
