"""What several tests share: the mode they run in, kernel arguments, comparisons, networks."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from numba import config
from numpy.typing import NDArray

import loopbp
from loopbp import activations, losses
from loopbp.binding import Engine, loops_engine, numpy_engine
from loopbp.catalogue import LOSSES
from loopbp.jit.sources import plain
from loopbp.tiled.engine import tiled_engine

# The mode.  Numba drops what a bounds check raises under `parallel=True`, so that pass is for
# serial code.
JIT = not vars(config)["DISABLE_JIT"]
BOUNDSCHECK = bool(vars(config)["BOUNDSCHECK"])
# More random cases and points, for `.ci/full`.
LONG = os.environ.get("LOOPBP_LONG_TESTS") == "1"
needs_jit = pytest.mark.skipif(not JIT, reason="nothing is compiled under NUMBA_DISABLE_JIT")

UNITS = (1, 2, 7, 33)
BATCHES = (1, 2, 33)
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
DTYPES = tuple(TOLERANCE)

HIDDEN = tuple(name for name in activations.NAMES if name != "softmax")
PAIRS = [(output, loss) for loss in losses.NAMES for output in sorted(LOSSES[loss].outputs)]
# z where exponentials overflow, where a reaches 0 or 1, and on the kinks.
EXTREME_Z = (-1e4, -800.0, -90.0, -40.0, -0.0, 0.0, 40.0, 90.0, 800.0, 1e4)


def within_reach(name: str, z: NDArray[Any]) -> NDArray[Any]:
    """z, cut off at 40 for exp, which alone overflows, and whose square does so first."""
    return np.minimum(z, 40) if name == "exp" else z


def with_one_exp(hidden: list[str], output: str) -> list[str]:
    """Hidden activations with tanh for each exp but the last of a network: exp of exp overflows."""
    names = [*hidden, output]
    return ["tanh" if n == "exp" and "exp" in names[k + 1 :] else n for k, n in enumerate(hidden)]


def engine_id(engine: Engine) -> str:
    """A name that tells the serial and the parallel compile of one engine apart."""
    kernel = engine.kernels.weighted_input
    options = getattr(kernel, "targetoptions", {})
    return f"{engine.name}-parallel" if options.get("parallel") else engine.name


def all_engines() -> list[Engine]:
    """The reference, and what is held against it; making them compiles nothing."""
    both = (False, True)
    return [numpy_engine(), *map(loops_engine, both), *map(tiled_engine, both)]


REFERENCE, *COMPILED = all_engines()


def without_repetition(function_of: Callable[[Engine], Any]) -> list[Engine]:
    """An engine for each function that they have, so that no code is tested twice in a mode.

    Uncompiled, serial and parallel loops are the same code.
    """
    found: dict[int, Engine] = {}
    for engine in COMPILED:
        if not (BOUNDSCHECK and engine_id(engine).endswith("parallel")):
            function = function_of(engine)
            found.setdefault(id(function if JIT else plain(function).__code__), engine)
    return list(found.values())


ENGINES = without_repetition(lambda engine: engine.kernels.weighted_input)
TRAINING_ENGINES = without_repetition(lambda engine: engine.epoch)
each_engine = pytest.mark.parametrize("engine", ENGINES, ids=engine_id)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)
each_pair = pytest.mark.parametrize(("output", "loss"), PAIRS)


def relative_difference(found: Any, expected: Any) -> float:
    """max |found - expected| / max |expected|: relative to the norm of the array, not entrywise.

    A NaN or an infinity must stand in the same places in both.
    """
    found, expected = (np.asarray(array, np.float64) for array in (found, expected))
    if found.shape != expected.shape:
        return np.inf
    finite = np.isfinite(expected)
    if not np.array_equal(found[~finite], expected[~finite], equal_nan=True):
        return np.inf
    if not np.isfinite(found[finite]).all():
        return np.inf
    worst = np.abs(found - expected)[finite].max(initial=0.0)
    return float(worst / np.abs(expected[finite]).max(initial=0.0)) if worst else 0.0


# -- kernels --------------------------------------------------------------------------------------

Case = tuple[tuple[Any, ...], NDArray[Any]]  # what goes in, and an array like what comes out
KERNEL_VARIANTS: dict[str, list[tuple[str, ...]]] = {
    "weighted_input": [()],
    "activation": [(name,) for name in activations.NAMES],
    "example_losses": PAIRS,
    "output_delta": PAIRS,
    "hidden_delta": [(name,) for name in HIDDEN],
    "activation_gradient": [()],
    "delta_from_da": [(name,) for name in HIDDEN],
    "weight_gradient": [()],
    "bias_gradient": [()],
}


def targets_for(output: str, loss: str, m: int, n: int, dtype: str = "float64") -> NDArray[Any]:
    """Targets in the range of a loss and its output; for softmax the rows sum to 1.

    (Other targets may lie on one side of all outputs, and softmax with mae then has delta = 0.)
    """
    rng = np.random.default_rng([m, n])
    if output == "softmax":
        y = rng.random((m, n)) + 0.1
        return (y / y.sum(axis=1, keepdims=True)).astype(dtype)
    if loss in ("binary_cross_entropy", "cross_entropy"):
        return rng.random((m, n)).astype(dtype)
    if loss in ("poisson", "poisson_deviance"):
        return rng.poisson(2.0, (m, n)).astype(dtype)
    return (2.0 * rng.standard_normal((m, n))).astype(dtype)


def kernel_cases(
    kernel: str, variant: tuple[str, ...], dtype: str, units=UNITS, batches=BATCHES
) -> Iterator[Case]:
    """Arguments of a kernel but its output, over all shapes."""
    for m in batches:
        for n in units:
            rng = np.random.default_rng([m, n])

            def normal(*shape: int, rng=rng) -> NDArray[Any]:
                return rng.standard_normal(shape).astype(dtype)

            if kernel in ("example_losses", "output_delta"):
                output, loss = variant
                if output == "softmax" and n == 1:
                    continue  # refused by Network
                codes = (losses.CODES[loss], activations.CODES[output])
                z, weight = normal(m, n), 0.5 + normal(m) ** 2
                y = targets_for(output, loss, m, n, dtype)
                a = np.empty_like(z)
                REFERENCE.kernels.activation(codes[1], 0, z, a)
                if kernel == "example_losses":
                    yield (*codes, z, a, y, weight), np.empty(m)
                else:
                    yield (*codes, 0, z, a, y, weight), z
                continue
            code = (activations.CODES[variant[0]], 0) if variant else ()
            like = np.empty((m, n), dtype)
            if kernel == "activation":
                yield (*code, 3 * normal(m, n)), like
            elif kernel == "delta_from_da":
                yield (*code, 3 * normal(m, n), normal(m, n)), like
            elif kernel == "bias_gradient":
                yield (normal(m, n),), like[0]
            else:
                for other in units:
                    if kernel == "weighted_input":
                        yield (normal(n, other), normal(n), normal(m, other)), like
                    elif kernel == "weight_gradient":
                        yield (normal(m, n), normal(m, other)), np.empty((n, other), dtype)
                    elif kernel == "activation_gradient":
                        yield (normal(other, n), normal(m, other)), like
                    else:
                        assert kernel == "hidden_delta"
                        yield (normal(other, n), normal(m, other), *code, normal(m, n)), like


def run_kernel(function: Callable[..., Any], case: Case) -> NDArray[Any]:
    """What a kernel writes; its output holds other numbers before, so `+=` in it would show."""
    arguments, like = case
    out = np.full_like(like, 7.0)
    function(*arguments, out)
    return out


def kernel_difference(
    function: Callable[..., Any], kernel: str, variant: tuple[str, ...], dtype: str, **shapes: Any
) -> float:
    """The worst relative difference from the reference over all shapes."""
    twin = getattr(REFERENCE.kernels, kernel)
    return max(
        relative_difference(run_kernel(function, case), run_kernel(twin, case))
        for case in kernel_cases(kernel, variant, dtype, **shapes)
    )


# -- networks -------------------------------------------------------------------------------------


def network(
    sizes: Any, hidden: Any = "tanh", output: str = "identity", loss: str = "half_mse", **options
) -> loopbp.Network:
    """A network whose biases are not zero either."""
    net = loopbp.Network(sizes, hidden, output, loss, **{"seed": 1, **options})
    for b in net.biases:
        b[:] = np.random.default_rng(len(b)).standard_normal(len(b)) / 4
    return net


def full_gradient(
    engine: Engine,
    net: loopbp.Network,
    X: NDArray[Any],
    Y: NDArray[Any],
    weight: NDArray[Any] | None = None,
    key: int | None = None,
) -> tuple[float, NDArray[Any]]:
    """J and dJ/dtheta by an engine's own passes; a key switches dropout on."""
    m, drops = len(X), key is not None
    s = np.ones(m, net.dtype) if weight is None else weight
    z = np.empty(m * sum(net.sizes[1:]), net.dtype)
    a, delta, gradient = np.empty_like(z), np.empty_like(z), np.empty_like(net.theta)
    engine.forward(net.theta, net.architecture, X, z, a, key or 0, drops)
    J = engine.cost(net.theta, net.architecture, Y, s, z, a, np.empty(m))
    engine.backward(net.theta, net.architecture, X, Y, s, z, a, delta, gradient, key or 0, drops)
    return float(J), gradient


def central_difference(cost: Callable[[], float], theta: NDArray[Any], step=1e-5) -> NDArray[Any]:
    """dJ/dtheta of a cost that reads theta, one parameter after the other."""
    gradient = np.empty_like(theta)
    for p in range(theta.size):
        held = theta[p]
        theta[p] = held + step
        above = cost()
        theta[p] = held - step
        gradient[p] = (above - cost()) / (2 * step)
        theta[p] = held
    return gradient


def blobs(m: int = 60, dtype: str = "float64") -> tuple[NDArray[Any], NDArray[Any]]:
    """Three classes around three corners, easy to tell apart: X (m, 2), labels (m,)."""
    labels = np.arange(m) % 3
    corners = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
    noise = np.random.default_rng(5).standard_normal((m, 2)) / 2
    return (corners[labels] + noise).astype(dtype), labels


def classifier(**options: Any) -> loopbp.Network:
    """A network for `blobs`."""
    return loopbp.Network([2, 6, 3], **{"hidden": "tanh", "seed": 3, **options})


# -- other processes ------------------------------------------------------------------------------


def finished(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A new Python process that has ended, warnings being errors in it as well."""
    command = [sys.executable, "-W", "error", "-c", code]
    return ended(command, env={**os.environ, **environment})


def ended(
    command: list[str], seconds: float = 300, **options: Any
) -> "subprocess.CompletedProcess[str]":
    """What `subprocess.run` returns; who takes longer fails with what was said until then."""
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, check=False, **options
        )
    except subprocess.TimeoutExpired as error:
        said = [(part or b"").decode(errors="replace") for part in (error.stdout, error.stderr)]
        pytest.fail(f"{command[:3]} has not ended after {seconds} s; it said {said}")


def line_that_begins(process: "subprocess.Popen[str]", start: str, seconds: float = 120) -> str:
    """The first such line that a program prints; if none comes, what it said instead."""
    said: list[str] = []
    found = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if line.startswith(start):
                break
        found.set()

    threading.Thread(target=read, daemon=True).start()
    in_time = found.wait(seconds)
    if in_time and said and said[-1].startswith(start):
        return said[-1]
    process.kill()
    error = process.stderr.read() if process.stderr is not None else ""
    pytest.fail(f"no line {start!r} in {seconds} s (code {process.wait(9)}): {said} {error}")


def said_until_the_end(process: "subprocess.Popen[str]", seconds: float = 120) -> tuple[str, str]:
    """Output and errors of a program that ends; who does not is ended, and fails the test."""
    try:
        return process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        pytest.fail(f"{process.args} has not ended after {seconds} s; it said {out!r} {err!r}")


def run_python(code: str, **environment: str) -> str:
    """What a new Python process prints."""
    done = finished(code, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


_BITS = """
import sys
sys.path.insert(0, {tests!r})
from loopbp.machine import threads
threads.usable_cores = lambda: {threads}  # a team of more than there are cores for
from {module} import bits
print(bits())
"""


def bits_by_threads(bits: Callable[..., str], forsaken: Callable[[], str]) -> set[str]:
    """What a module's `bits` finds with 1, 2, ... threads, and with more than there are cores.

    `forsaken`: the same where one thread waits for another in vain, and then does all of it.
    """
    usable, found = numba.get_num_threads(), set()
    try:
        for threads in range(1, usable + 1):
            numba.set_num_threads(threads)
            found.add(bits())
        numba.set_num_threads(1)
        found.add(forsaken())
    finally:
        numba.set_num_threads(usable)
    for threads in (3, 4):
        tests = str(Path(__file__).parents[1])
        code = _BITS.format(tests=tests, threads=threads, module=bits.__module__)
        found.add(run_python(code, NUMBA_NUM_THREADS=str(threads)))
    return found
