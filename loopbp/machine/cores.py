"""How many CPUs this process may use: no team needs more threads, for the others would wait."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

_ALLOWANCES = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")


def usable_cores() -> int:
    """CPUs that the scheduler lets this process on, and no more than a container pays for."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return max(1, min([count, *_allowed()]))


def _allowed() -> Iterator[int]:
    """Whole CPUs that each control group around this process is allowed (Linux, version 2)."""
    try:
        lines = _OWN_GROUP.read_text().splitlines()
        name = next(line[4:] for line in lines if line.startswith("0::/"))
    except (OSError, StopIteration):
        return
    own = _ALLOWANCES / name
    for group in (own, *own.parents):
        try:
            quota, period = (group / "cpu.max").read_text().split()
            if quota != "max":
                yield math.ceil(int(quota) / int(period))
        except (OSError, ValueError, ZeroDivisionError):
            pass
        if group == _ALLOWANCES:
            return
