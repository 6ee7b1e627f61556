"""What makes timings comparable: a clean process, the same threads for all, and its description."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from importlib import metadata
from importlib.util import find_spec
from typing import Any

import numpy as np

from loopbp.machine.cores import usable_cores

# They make OpenBLAS choose a slower kernel than the processor has.
REMOVED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
_THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
PACKAGES = ("loopbp", "numba", "llvmlite", "numpy", "scikit-learn", "torch", "jax")
_PEAK_SIZE = 2048
# The machine is calm while products run at such a share of their highest speed; for how many
# seconds a round may wait for that, what it leaves of them being for later ones, and no one for
# more than so many; the products that tell, 20 ms of them; and how long threads of OpenBLAS spin on
# after them, 2^26 cycles.
CALM, PATIENCE, MOST_PATIENCE = 0.9, 3.0, 30.0
LOOK_SIZE, _LOOK_PRODUCTS, _SPIN_SECONDS = 512, 20, 0.05


def check_threads(threads: int | None) -> int:
    """The number of threads to use; None: one for each core.

    Raises
    ------
    ValueError
        If there are fewer cores.
    """
    cores = usable_cores()
    if threads is not None and not 1 <= threads <= cores:
        raise ValueError(f"threads: expected 1 to {cores}, the cores here, got {threads}")
    return threads or cores


def clean_environment(threads: int) -> dict[str, str]:
    """The environment of a process whose libraries all use `threads` threads.

    Without what would slow OpenBLAS down.
    """
    kept = {name: value for name, value in os.environ.items() if name not in REMOVED}
    kept |= dict.fromkeys(_THREADS, str(threads))
    several = "true" if threads > 1 else "false"
    kept["NPROC"] = str(threads)  # XLA's pool
    kept["XLA_FLAGS"] = (
        f"--xla_cpu_multi_thread_eigen={several} intra_op_parallelism_threads={threads}"
    )
    kept["JAX_PLATFORMS"] = "cpu"
    return kept


def hold_threads(threads: int) -> None:
    """In the process itself: what the environment cannot say."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    if "torch" in sys.modules or find_spec("torch"):
        import torch  # pyright: ignore[reportMissingImports]

        torch.set_num_threads(threads)


def run_job(job: dict[str, Any], threads: int) -> dict[str, Any]:
    """Run a job of `loopbp.benchmark.__main__` in a fresh process.

    Parameters
    ----------
    job
        What JSON can hold.
    threads
        For every library.

    Returns
    -------
    dict
        The results.

    Raises
    ------
    ValueError
        If the process fails; what it said stands on stderr.
    """
    done = subprocess.run(
        [sys.executable, "-m", "loopbp.benchmark"],
        input=json.dumps({**job, "threads": threads}),
        stdout=subprocess.PIPE,
        env=clean_environment(threads),
        text=True,
        check=False,
    )
    if done.returncode:
        raise ValueError(f"the benchmark's process ended with code {done.returncode}")
    return json.loads(done.stdout)


def describe(threads: int) -> dict[str, Any]:
    """Machine, versions, threads, BLAS kernel and date."""
    from loopbp.terminal import computer

    facts = computer.collect()
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "processor": facts["processor"],
        "llvm_target": facts["llvm_target"],
        "system": facts["system"],
        "cores": facts["usable_cores"],
        "threads": threads,
        "threading_layer": facts["threading_layer"],
        "blas": blas_kernel(),
        "versions": {"python": facts["python"], **versions},
        "date": date.today().isoformat(),
    }


def blas_kernel() -> str | None:
    """NumPy's BLAS, its version and the kernel that it chose; None without threadpoolctl."""
    if find_spec("threadpoolctl") is None:
        return None
    from threadpoolctl import threadpool_info

    np.dot(np.ones((2, 2)), np.ones((2, 2)))
    found = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    chosen = [pool for pool in found if "numpy" in pool["filepath"]] or found
    if not chosen:
        return None
    parts = (chosen[0].get(key) for key in ("internal_api", "version", "architecture"))
    return " ".join(str(part) for part in parts if part)


class Product:
    """A matrix product in NumPy, which is timed as those who train are.

    Parameters
    ----------
    dtype
        "float32": sgemm; "float64": dgemm.
    flops
        Operations of an epoch, or as near as so many whole products come; at least one.
    size
        Rows and columns.
    """

    def __init__(self, dtype: str, flops: float = 0.0, size: int = _PEAK_SIZE) -> None:
        self.products = max(1, round(flops / (2.0 * size**3)))
        self.flops = self.products * 2.0 * size**3
        self.a = np.ones((size, size), dtype)
        self.out = np.empty_like(self.a)

    def start(self) -> None:
        """Nothing: one product is as any other."""

    def epoch(self) -> None:
        """All products."""
        for _ in range(self.products):
            np.matmul(self.a, self.a, out=self.out)


def practical_peak(
    dtype: str, size: int = _PEAK_SIZE, clock: Callable[[], float] = time.perf_counter
) -> float:
    """GFLOP/s of a `Product`, the best of a few; `clock` gives seconds."""
    product = Product(dtype, 0.0, size)
    best = float("inf")
    for _ in range(8):
        start = clock()
        product.epoch()
        best = min(best, clock() - start)
    return product.flops / max(best, 1e-9) / 1e9


class Watch:
    """Sees whether others use the host, by how fast matrix products run.

    On a shared Xeon others took a third or half of the speed of a core, now of the one, now of the
    other, for stretches of 0.1 to 10 s.  Timings that agree within a stretch tell nothing of it, so
    rounds begin outside, if that comes soon, and those that also end outside count.  They wait
    `PATIENCE` seconds each, all in all; where most need none, one may sit out a long stretch.

    Parameters
    ----------
    product
        Of ``LOOK_SIZE``.
    clock, sleep
        Seconds; and what waits for so many.
    fastest
        Seconds of a look that an earlier watch had.
    """

    def __init__(
        self,
        product: Product,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
        fastest: float = float("inf"),
    ) -> None:
        self._product = product
        self._clock, self._sleep = clock, sleep
        self.fastest = fastest
        self._left = 0.0

    def look(self) -> bool:
        """Whether products take at most 1 / `CALM` of the shortest time ever.

        Afterwards NumPy's threads sleep.
        """
        self._product.epoch()  # wakes the threads
        start = self._clock()
        for _ in range(_LOOK_PRODUCTS):
            self._product.epoch()
        seconds = self._clock() - start
        self.fastest = min(self.fastest, seconds)
        self._sleep(_SPIN_SECONDS)
        return seconds * CALM <= self.fastest

    def wait(self, calm: bool) -> bool:
        """Unless it is `calm`, look until it is, or the patience is over; whether it is at last."""
        self._left += PATIENCE
        begin, most = self._clock(), min(self._left, MOST_PATIENCE)
        while not calm and self._clock() - begin < most:
            calm = self.look()
        self._left -= min(self._left, self._clock() - begin)
        return calm
