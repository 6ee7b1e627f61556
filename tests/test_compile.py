"""What is compiled when, and the cache on disk."""

import gc
import inspect
import json
import re
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import helpers
from cases.helpers import needs_jit

import loopbp
from loopbp import compiled
from loopbp.jit import by_symbol, compile_room, decorators
from loopbp.jit import files as cache
from loopbp.jit.sources import plain
from loopbp.machine import memory, pieces
from loopbp.tiled import panels

PACKAGE = Path(loopbp.__file__).parent
DECORATOR = re.compile(r"^@(?:sum_|parallel_|inline_|inner_|inner_parallel_)?jit\b", re.MULTILINE)


def test_every_file_with_kernels_is_part_of_the_cache_key():
    with_kernels = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if DECORATOR.search(path.read_text(encoding="utf-8"))
    }
    assert {"loops.py", "study/forward_mode.py"} <= with_kernels, "the search finds them"
    keyed = dict(cache.sources())
    assert with_kernels <= set(keyed)
    assert keyed["loops.py"] == (PACKAGE / "loops.py").read_bytes()
    assert not any(name.startswith(cache.WITHOUT_KERNELS) for name in keyed)


@needs_jit
def test_importing_and_making_a_network_compile_nothing(processes):
    for process in (processes.cold, processes.warm, processes.uncached):
        assert (process["after_import"], process["after_network"]) == (0, 0)
        assert process["compiled"] > 0, "the count counts"


@needs_jit
def test_importing_brings_in_nothing_heavy(processes):
    assert processes.warm["heavy"] == []


@needs_jit
def test_a_warm_process_compiles_nothing(processes):
    assert processes.cold["misses"] > 0
    assert processes.warm["misses"] == 0
    assert processes.warm["compiled"] > 0
    # nor a way in from Python to what is for compiled code, which no cache keeps
    assert processes.cold["compilations"] > processes.cold["misses"]
    assert processes.warm["compilations"] == 0


_WORKSPACES = """
import json
from numba.core import event
import loopbp
from loopbp.tiled import engine as engines, panels
compilations = event.RecordingListener()
event.register("numba:compile", compilations)
for sizes in ([64, 32, 10], [600, 130, 20, 3]):
    net = loopbp.Network(sizes, dtype="float32", seed=1)
    for engine in (
        engines.first_units_engine(), engines.tiled_engine(False),
        engines.tiled_engine(True), engines.registers_engine(8),
    ):
        for batch_size in (8, 32):
            engine.make_workspace(net.theta, net.architecture, 100, batch_size)
found = [len(compilations.buffer)]
panels.panels_size(64, 32, 4)
print(json.dumps([*found, len(compilations.buffer)]))
"""


@needs_jit
def test_the_workspace_of_an_epoch_is_made_without_the_compiler():
    """No cache keeps what Python calls of it: 0.3 s in each process."""
    made, called = json.loads(helpers.run_python(_WORKSPACES))
    assert made == 0
    assert called > 0, "the count counts"


@needs_jit
def test_a_function_that_lies_in_no_file_is_not_kept():
    code = """
from loopbp.jit.decorators import jit
@jit
def twice(x): return 2 * x
print(twice(3), type(twice._cache).__name__)
"""
    assert helpers.run_python(code) == "6 NullCache"


def signatures():
    """How often each function has been compiled."""
    return {name: len(d.signatures) for name, d in by_symbol.DISPATCHERS.items()}


def use(net, **options):
    """All that a person does with a network."""
    m = 9
    X = np.random.default_rng(0).standard_normal((m, net.sizes[0]))
    Y = helpers.targets_for(net.output, net.loss_name, m, net.sizes[-1])
    X.flags.writeable = False  # would be another type to Numba
    net.fit(X, Y, **{"epochs": 2, "batch_size": 4, "validation": (X, Y), **options})
    net.gradient(X, Y)
    net.predict(X)
    net.score(X, Y)
    X, Y = X.astype(net.dtype), Y.astype(net.dtype)
    settings = loopbp.SGD(0.1).settings
    compiled.train(net.theta, net.architecture, X, Y, settings, 1, 4, 0)
    compiled.predict(net.theta, net.architecture, X)
    compiled.loss_and_gradient(net.theta, net.architecture, X, Y)


@needs_jit
@pytest.mark.filterwarnings("ignore:cross_entropy is for outputs")
@pytest.mark.parametrize("dtype", helpers.DTYPES)
def test_other_networks_and_more_epochs_compile_nothing(dtype):
    for output, loss in (("sigmoid", "half_mse"), ("softmax", "cross_entropy")):
        use(helpers.network([3, 4, 2], "tanh", output, loss, dtype=dtype))
    before = signatures()
    assert max(before.values()) > 0, "the count counts"
    use(helpers.network([3, 4, 2], dtype=dtype), epochs=3)
    for output, loss in helpers.PAIRS[::5]:
        hidden = helpers.HIDDEN[len(output) % len(helpers.HIDDEN)]
        net = helpers.network([5, 3, 3, 2], hidden, output, loss, dtype=dtype, dropout=0.1, l2=0.1)
        use(net, optimizer=loopbp.RMSprop(1e-3, clip_norm=1.0), shuffle=False, batch_size=99)
    for optimizer in (loopbp.SGD(0.01, momentum=0.5), loopbp.AdamW()):
        use(helpers.network([1, 1], dtype=dtype), optimizer=optimizer,
            sample_weight=np.arange(1.0, 10.0))  # fmt: skip
    assert signatures() == before


@needs_jit
def test_an_own_activation_compiles_no_kernel(registry):
    use(helpers.network([3, 4, 2]))
    before = signatures()
    loopbp.register_activation("own", lambda z: z + 1.0, lambda z: 1.0)
    use(helpers.network([3, 4, 2], "own"))
    assert signatures() == before


@needs_jit
@pytest.mark.parametrize("function", [memory.width, panels.panel_row, pieces.panel_part])
def test_python_may_call_what_is_compiled_for_compiled_code(function):
    names = inspect.signature(function.py_func).parameters
    arguments = dict(zip(names, range(70, 200, 7), strict=False))
    arguments = {name: 4 if name == "itemsize" else n for name, n in arguments.items()}
    expected = plain(function)(*arguments.values())
    assert function(*arguments.values()) == function(**arguments) == expected
    with pytest.raises(TypeError, match="argument"):
        function(no=1)


@needs_jit
def test_compiling_leaves_the_garbage_collector_as_it_was():
    before = gc.get_threshold()
    room, seen = compile_room._Room(), []

    def compile_and_look(signature):
        seen.append(gc.get_threshold())
        if signature:  # a callee
            room.run(compile_and_look, signature[1:])
            seen.append(gc.get_threshold())

    room.run(compile_and_look, (1, 2))
    assert len(set(seen)) == 1
    assert seen[0] != before
    assert gc.get_threshold() == before

    def fail(signature):
        raise ValueError("not compiled")

    with pytest.raises(ValueError, match="not compiled"):
        room.run(fail, ())
    assert gc.get_threshold() == before


@needs_jit
def test_the_last_thread_that_compiles_sets_the_garbage_collector_back():
    before = gc.get_threshold()
    room, first_is_in, second_is_in = compile_room._Room(), threading.Event(), threading.Event()
    seen = []

    def first(signature):
        first_is_in.set()
        assert second_is_in.wait(10)

    def second(signature):
        second_is_in.set()
        thread.join(10)  # until the first has left
        seen.append(gc.get_threshold())

    thread = threading.Thread(target=room.run, args=(first, ()))
    thread.start()
    assert first_is_in.wait(10)
    room.run(second, ())
    assert seen != [before], "still compiling"
    assert gc.get_threshold() == before


@needs_jit
def test_an_inlined_helper_has_no_machine_code():
    @decorators.inline_jit
    def half(x):
        return x / 2

    assert half(3.0) == 1.5
    (result,) = half.overloads.values()
    assert result.library.get_pointer_to_function(result.fndesc.mangled_name) == 0


def reads_itemsize(function: Any) -> bool:
    """Whether compiled code reads the size of an item from memory: see `memory.item_bytes`."""
    return "itemsize" in plain(function).__code__.co_names


@needs_jit
def test_no_kernel_reads_the_size_of_an_item():
    modules = [m for name, m in sys.modules.items() if name.startswith("loopbp.tiled.")]
    kernels = {id(v): v for m in modules for v in vars(m).values() if hasattr(v, "py_func")}
    assert len(kernels) > 100
    assert [k.py_func.__qualname__ for k in kernels.values() if reads_itemsize(k)] == []
    assert reads_itemsize(lambda array: array.itemsize)
