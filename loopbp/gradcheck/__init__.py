"""Gradient checking: is it the gradient of that loss, and if not, what went wrong?

`check_gradient` checks a network, `check_gradient_function` any pair of functions
``loss(theta)`` and ``gradient(theta)`` over a flat vector.
"""

from loopbp.gradcheck.check import check_gradient, check_gradient_function
from loopbp.gradcheck.report import CAUSES, BlockReport, Cause, GradientReport

__all__ = [
    "CAUSES", "BlockReport", "Cause", "GradientReport", "check_gradient",
    "check_gradient_function",
]  # fmt: skip
