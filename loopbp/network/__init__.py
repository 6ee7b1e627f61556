"""`Network`: what a user makes, trains and asks.

`network` first, and `definition`, what it stands on; `evaluation` and `gradient` are what it calls
the engines for.  `arguments` checks what it is given, `targets` are y as arrays, `data` holds a
part of them out; `storage` is the model file, `loading` makes a network of one.
"""

from loopbp.network.gradient import Gradient
from loopbp.network.loading import load
from loopbp.network.network import Network

__all__ = ["Gradient", "Network", "load"]
