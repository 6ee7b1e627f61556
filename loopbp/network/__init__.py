"""`Network`: what a user makes, trains and asks.

`network` first; `arguments` checks what it is given, `targets` are y as arrays, `storage` is the
model file.
"""

from loopbp.network.network import Gradient, Network, load

__all__ = ["Gradient", "Network", "load"]
