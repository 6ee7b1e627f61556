"""Compile what an epoch needs in two processes at once: a third less to wait for the first fit.

Numba compiles one function at a time, however many threads there are.  Half of the time goes into
functions that most ways through an epoch call, for arguments that are known before (`parts`).
Where their code is not in the cache yet, `start` has a second process compile them, in the order
in which they will be needed.  This one compiles all the rest, and where it comes to one of them it
waits for the file, and meanwhile compiles others from the end of the list.  Whatever becomes of
that process, nobody waits for one that has ended: what it did not write is compiled here.  The
first epoch of digits ends after 0.62 to 0.79 of the time that one process takes, on two cores that
others used too.

``LOOPBP_AHEAD=0`` leaves the second process out, and so do a single core and a cache that is off.
"""

import atexit
import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numba import from_dtype, typeof, types

from loopbp import rng, tiled
from loopbp._jit import EXPECTED, cache_path
from loopbp.cores import usable_cores
from loopbp.optimizers import SGD, update_part
from loopbp.parameters import Architecture
from loopbp.shares import SharesWorkspace, give
from loopbp.team import start_team
from loopbp.tiled_training import penalties
from loopbp.tiled_workspace import TiledWorkspace
from loopbp.views import Borrowed

Part = tuple[Any, tuple[Any, ...]]
_EASY = 6
_LOOK_SECONDS = 0.005
_PATIENCE_SECONDS = 60.0  # a process that was stopped, and not ended, holds nobody up for longer
# Isolated, with the very paths of this one: it imports the same loopbp, and nothing of a folder
# that happens to be the current one.
_COMMAND = (
    "import json, sys; order = json.loads(sys.argv[1]); sys.path[:] = order.pop('sys_path'); "
    "from loopbp.ahead import compile_parts; compile_parts(**order)"
)


def parts(dtype: str, with_softmax: bool) -> list[Part]:
    """The functions that are compiled ahead, each with the types of its arguments.

    Parameters
    ----------
    dtype
        float32 or float64.
    with_softmax
        Whether the output layer is softmax with cross_entropy.

    Returns
    -------
    list of (function, signature)
        What they call comes with them.  The first are needed first and take longest; none of the
        last `_EASY` calls any other.
    """
    real, i, d, yes = from_dtype(np.dtype(dtype)), types.int64, types.float64, types.boolean
    v, m, losses = types.Array(real, 1, "C"), types.Array(real, 2, "C"), types.Array(d, 1, "C")
    integers, table = types.Array(i, 1, "C"), types.Array(i, 2, "C")
    network = _borrowed(Architecture, *[integers] * 7, losses, i, d)
    workspace = _borrowed(
        TiledWorkspace, m, m, v, v, v, v, losses, v, *[integers] * 4, v, m, integers, integers, i
    )
    shares = _borrowed(
        SharesWorkspace, m, integers, table, types.Array(i, 3, "C"), types.Array(d, 2, "C"),
        integers, integers, i, i, i,
    )  # fmt: skip
    outputs: list[Part] = [
        (tiled.activation, (i, i, m, m)),
        (tiled.example_losses, (i, i, m, m, m, v, losses)),
        (tiled.output_delta, (i, i, i, m, m, m, v, m)),
    ]
    return [
        (tiled.weighted_input_packed, (v, v, m, m, i, i, i, i, i, v, i, i)),
        (tiled.weighted_input_dots, (m, v, m, m, i, i, i, i)),
        *([] if with_softmax else outputs),
        (tiled.activation_gradient_block, (v, i, i, m, m, i, i, i, i, i)),
        (tiled.weight_sums, (m, m, i, i, i, i, real, real, v, i, i, v, yes, v)),
        (penalties, (v, network, i, yes, workspace)),
        (give, (v, m, network, yes, shares, i)),
        (start_team, (i, i, integers, i)),
        (tiled.activation_rows, (i, i, v, v, i, i, i, i, yes)),
        (tiled.softmax_cross_entropy, (m, m, v, m, m, losses)),
        (tiled.times_kept_prime_rows, (i, i, v, v, i, i, i, i)),
        (rng.dropout, (m, types.uint64, d, i)),
        (tiled.bias_sums, (m, i, i, real, real, v)),
        (update_part, (typeof(SGD().settings), d, i, v, v, m, i, i, yes)),
    ]


def _borrowed(kind: Any, *fields: Any) -> Borrowed:
    """The type of `loopbp.views.borrow` of such a named tuple."""
    return Borrowed(types.NamedTuple(fields, kind))


class _Helper:
    """The second process, as seen from the first."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", work: list[Part], files: list[Path]
    ) -> None:
        self._process = process
        self._easy = list(zip(work, files, strict=True))[-_EASY:]
        EXPECTED.update(dict.fromkeys(files, self.wait_for))
        self._deadline = time.monotonic() + _PATIENCE_SECONDS
        atexit.register(self._end)

    def wait_for(self, file: Path) -> None:
        """Until the file is there, or will not be; meanwhile compile from the other end."""
        while not file.exists() and self._is_at_work():
            if self._easy:
                (function, signature), own = self._easy.pop()
                EXPECTED.pop(own, None)
                function.compile(signature)
            else:
                time.sleep(_LOOK_SECONDS)

    def _is_at_work(self) -> bool:
        return self._process.poll() is None and time.monotonic() < self._deadline

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()


_READY: set[tuple[str, bool]] = set()  # what need not be looked for on the disk again


def start(dtype: str, with_softmax: bool) -> bool:
    """Begin to compile `parts` in a second process, if they are not in the cache.

    Parameters
    ----------
    dtype, with_softmax
        As in `parts`.

    Returns
    -------
    bool
        Whether the next epoch must wait for a compilation, by whomever; False where no cache tells.
    """
    if (dtype, with_softmax) in _READY:
        return False
    _READY.add((dtype, with_softmax))
    wanted = parts(dtype, with_softmax)
    files = [file for part in wanted if (file := cache_path(*part)) is not None]
    if len(files) < len(wanted) or all(file.exists() for file in files):
        return False
    if os.environ.get("LOOPBP_AHEAD", "1") != "0" and sys.executable and usable_cores() > 1:
        order = {
            "dtype": dtype, "with_softmax": with_softmax, "files": [str(file) for file in files],
            "sys_path": sys.path,
        }  # fmt: skip
        nowhere = subprocess.DEVNULL
        with contextlib.suppress(OSError):  # no second process to be had
            process = subprocess.Popen(
                [sys.executable, "-I", "-c", _COMMAND, json.dumps(order)],
                stdin=nowhere, stdout=nowhere, stderr=nowhere,
            )  # fmt: skip
            _Helper(process, wanted, files)
    return True


def compile_parts(dtype: str, with_softmax: bool, files: list[str]) -> None:
    """What the second process does.

    It stops where its code would go to another file than the one that is waited for: then the two
    are set up differently, and it would compile for nobody.
    """
    for (function, signature), file in zip(parts(dtype, with_softmax), files, strict=True):
        if str(cache_path(function, signature)) != file:
            return
        function.compile(signature)
        if not Path(file).exists():
            return  # it cannot be kept
