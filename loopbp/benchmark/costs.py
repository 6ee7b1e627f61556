"""What timings of epochs hide: import, compilation, memory, and what the threads bring."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any

from loopbp.benchmark.environment import clean_environment, run_job

SCALING_CASES = ("mnist-deep", "wide")
# Limits that the project set itself, by the name of the figure.
LIMITS = {"first_fit_cold_seconds": 15.0, "first_fit_warm_seconds": 1.0}
LEAST_GAIN = 1.8  # of two threads over one
_EXAMPLES = 60_000
_TRIES, _COLD_TRIES = 3, 2  # of which the fastest counts

_FIT = """
import loopbp
data = loopbp.datasets.load("digits")
net = loopbp.Network([64, 32, 10], dtype="float32", seed=0)
net.fit(data.X / 16, data.y, epochs=1, batch_size=32, verbose=False)
"""
# The clock that two processes share.
_NOW = "\nimport time; print(time.time())"
# ru_maxrss is at least what the parent held when it started the process, VmHWM is not.
_PEAK_MEMORY = """
import resource, sys
try:
    lines = open("/proc/self/status").read().splitlines()
    peak = 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak *= 1 if sys.platform == "darwin" else 1024
print(peak)
"""
_DATA = f"""
import numpy as np
rng = np.random.default_rng(0)
X = rng.standard_normal(({_EXAMPLES}, 784), dtype=np.float32)
y = rng.integers(0, 10, {_EXAMPLES})
"""
_OURS = """
net = loopbp.Network([784, 128, 10], dtype="float32", seed=0)
net.fit(X, y, epochs=1, batch_size=64, optimizer=loopbp.SGD(0.01), verbose=False)
"""
_JAX = """
rate, batch = 0.01, 64
steps = len(X) // batch
w = [rng.standard_normal(s, dtype=np.float32) / 28 for s in ((128, 784), (10, 128))]
initial = [(jnp.asarray(a), jnp.zeros(len(a), np.float32)) for a in w]
def cost(parameters, x, y):
    (w1, b1), (w2, b2) = parameters
    z = jax.nn.relu(x @ w1.T + b1) @ w2.T + b2
    return -jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=1).mean()
X_all, y_all = jnp.asarray(X), jnp.asarray(y)
order = jnp.asarray(rng.permutation(len(X))[: steps * batch].reshape(steps, batch))
@jax.jit
def epoch(parameters, X, y, order):
    def step(parameters, rows):
        g = jax.grad(cost)(parameters, X[rows], y[rows])
        return jax.tree.map(lambda p, g: p - rate * g, parameters, g), None
    return jax.lax.scan(step, parameters, order)[0]
jax.block_until_ready(epoch(initial, X_all, y_all, order))
"""
_IMPORTS = {"loopbp": "import loopbp, loopbp.engines", "jax": "import jax, jax.numpy as jnp"}


def measure(threads: int, advance: Callable[[str], None]) -> dict[str, Any]:
    """Start processes and see what they cost.

    Parameters
    ----------
    threads
        For every library.
    advance
        Called with the name of each figure when it is there.

    Returns
    -------
    dict
        Seconds from the start of a process until its work is done, bytes, and our time by case and
        threads.
    """
    found: dict[str, Any] = {"start_python_seconds": _seconds("", threads)}
    with ExitStack() as stack:
        caches = [stack.enter_context(tempfile.TemporaryDirectory()) for _ in range(_COLD_TRIES)]
        found["first_fit_cold_seconds"] = min(_seconds(_FIT, threads, c) for c in caches)
        advance("first fit, nothing compiled")
        cache = caches[0]
        found["first_fit_warm_seconds"] = _fastest(_FIT, threads, cache)
        advance("first fit, everything in the cache")
        for name, line in _IMPORTS.items():
            if find_spec(name) is None:
                continue
            found[f"import_{name}_seconds"] = _fastest(line, threads, cache)
            advance(f"import {name}")
            work = _OURS if name == "loopbp" else _JAX
            before = f"{line}\n{_DATA}"
            _run(before + work, threads, cache)  # fills the cache
            used = _bytes(before + work, threads, cache) - _bytes(before, threads, cache)
            found[f"memory_{name}_bytes"] = used
            advance(f"memory of {name}")
    found["scaling"] = scaling(threads)
    advance("one thread and all")
    return found


def scaling(threads: int) -> dict[str, dict[str, float]]:
    """Microseconds of our step by case and number of threads, in turns, the fastest of a few."""
    times: dict[str, dict[str, float]] = {name: {} for name in SCALING_CASES}
    job = {
        "kind": "peers", "cases": list(SCALING_CASES), "dtypes": ["float32"], "peers": [],
        "rounds": _TRIES,
    }  # fmt: skip
    for _ in range(_TRIES):
        for count in sorted({1, threads}):
            for row in run_job(job, count)["peers"]:
                known, median = times[row["case"]], row["trainers"]["loopbp"]["median"]
                known[str(count)] = min(known.get(str(count), median), median)
    return times


def _run(code: str, threads: int, cache: str | None = None) -> str:
    environment = clean_environment(threads)
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = cache
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ValueError(f"a process of the benchmark ended with code {done.returncode}")
    return done.stdout


def _seconds(code: str, threads: int, cache: str | None = None) -> float:
    """Until `code` is done: to end the process takes 0.3 s more, with Numba in it."""
    start = time.time()
    return float(_run(code + _NOW, threads, cache).split()[-1]) - start


def _fastest(code: str, threads: int, cache: str) -> float:
    return min(_seconds(code, threads, cache) for _ in range(_TRIES))


def _bytes(code: str, threads: int, cache: str) -> int:
    return int(_run(code + _PEAK_MEMORY, threads, cache))
