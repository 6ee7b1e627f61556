"""`load`: a network from its file."""

import os

import numpy as np

from loopbp.messages.calls import suggests
from loopbp.network import arguments, storage
from loopbp.network.network import Network
from loopbp.preparation import Preprocessing
from loopbp.training import History


@suggests
def load(path: str | os.PathLike[str]) -> Network:
    """A network from a file that `Network.save` wrote.

    Parameters
    ----------
    path
        Of the file.

    Returns
    -------
    Network
        Predicts as the saved one did, and `fit` goes on from where it stood.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, truncated, foreign or newer, or needs an activation of your own
        that has not been registered.
    """
    meta, arrays = storage.read(path)
    try:
        net = Network(
            meta["sizes"], meta["hidden"], meta["output"], meta["loss"],
            initializer="zeros", dropout=meta["dropout"], l2=meta["l2"], dtype=meta["dtype"],
            seed=meta["seed"],
        )  # fmt: skip
        net.initializer = tuple(meta["initializer"])
        net.theta = arrays["theta"]
        net.task, net.metadata = meta["task"], meta["metadata"]
        net.classes = arrays["classes"] if len(arrays["classes"]) else None
        if meta["preprocessing"] is not None:
            prepared = Preprocessing.from_dict(meta["preprocessing"])
            net.preprocessing = arguments.preprocessing(
                prepared, net.sizes, net.output, net.loss_name
            )
        net.history = History(**meta["history"])
        if meta["optimizer"] is not None:
            vectors = np.require(arrays["state"], net.dtype, ["C", "W"])
            net._state = arguments.restore_optimizer(meta["optimizer"], vectors, net.theta.size)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: cannot be restored: {error}") from error
    return net
