"""`Network`: what a user makes, trains and asks.

`network` first, and what it stands on: `asking`, what it answers, and `definition`, what it is;
`evaluation` and `gradient` are what they call the engines for, `report` what is made of outputs.
`arguments` checks what it is given, `targets` are y as arrays, `class_weights` weighs them, `data`
holds a part of them out; `storage` is the model file, `loading` makes a network of one, and
`sklearn_models` of an estimator of scikit-learn, by whose names for things `sklearn_names` goes.
"""

from loopbp.network.gradient import Gradient
from loopbp.network.loading import load
from loopbp.network.network import Network
from loopbp.network.report import ClassificationReport

__all__ = ["ClassificationReport", "Gradient", "Network", "load"]
