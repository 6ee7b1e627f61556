"""Several threads of Python at once, on the layer that allows only one parallel loop at a time."""

from cases import helpers
from cases.helpers import needs_jit

# Each thread does its work several times; that is held against the same work by one thread.
_AT_ONCE = """
import threading
import numpy as np
import loopbp
from loopbp import compiled
from loopbp.binding import loops_engine
from loopbp.engines import pick_training
from loopbp.loops import bias_gradient
from loopbp.jit.settings import threading_layer

rng = np.random.default_rng(0)
X, Y = rng.standard_normal((256, 300)), rng.standard_normal((256, 3))

def network(seed):
    return loopbp.Network([300, 300, 3], "tanh", "identity", "half_mse", seed=seed)

def tiled():
    net = network(1)
    settings = loopbp.SGD().settings
    picked = pick_training("tiled", net.theta, net.architecture, settings, 128)
    assert "alone" not in picked.epoch.__qualname__, "it starts threads"
    return net.fit(X, Y, epochs=2, batch_size=128).loss

def loops():
    net = network(2)
    net.fit(X, Y, epochs=1, batch_size=256, engine="loops")
    parallel, kernel = loops_engine(True), loops_engine(True).kernels.weighted_input
    z = np.empty(256 * 303)
    parallel.forward(net.theta, net.architecture, X, z, np.empty_like(z), 0, False)
    return z.sum(), net.theta.sum()

def many():
    thetas = np.stack([network(seed).theta for seed in range(2)])
    architecture, settings = network(0).architecture, loopbp.SGD(0.01).settings
    seeds = np.arange(2)
    return compiled.train_many(thetas, architecture, X[:32], Y[:32], settings, 1, 8, seeds).tolist()

def kernel():
    out = np.empty(300)
    for _ in range(200):
        bias_gradient(X, out)
    return out.sum()

works = (tiled, loops, many, kernel)
expected = [work() for work in works]
found = [[] for work in works]

def often(k):
    for _ in range(10):
        found[k].append(works[k]())

threads = [threading.Thread(target=often, args=(k,)) for k in range(len(works))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(threading_layer(), all(f == [e] * 10 for f, e in zip(found, expected)))
"""


@needs_jit
def test_threads_of_python_take_turns_where_numba_bears_only_one():
    said = helpers.run_python(_AT_ONCE, NUMBA_THREADING_LAYER="workqueue", NUMBA_NUM_THREADS="2")
    assert said == "workqueue True"
