"""How many CPUs this process may use: no team needs more threads, for the others would wait."""

import math
import os
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

_ALLOWANCES = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")


def usable_cores() -> int:
    """CPUs that the scheduler lets this process on, and no more than a container pays for."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return int(max(1, min(count, _paid_for(_ALLOWANCES, _OWN_GROUP, int(time.monotonic())))))


@lru_cache(maxsize=1)
def _paid_for(allowances: Path, own_group: Path, second: int) -> float:
    """The least of `_allowed`, looked up once a second: that takes longer than a prediction."""
    return min(_allowed(allowances, own_group), default=math.inf)


def _allowed(allowances: Path, own_group: Path) -> Iterator[int]:
    """Whole CPUs that each control group around this process is allowed (Linux, version 2)."""
    try:
        lines = own_group.read_text().splitlines()
        name = next(line[4:] for line in lines if line.startswith("0::/"))
    except (OSError, StopIteration):
        return
    own = allowances / name
    for group in (own, *own.parents):
        try:
            quota, period = (group / "cpu.max").read_text().split()
            if quota != "max":
                yield math.ceil(int(quota) / int(period))
        except (OSError, ValueError, ZeroDivisionError):
            pass
        if group == allowances:
            return
