"""Gradient checking: is it the gradient of that loss, and if not, what went wrong?

`check_gradient` checks a network, `check_gradient_function` any pair of functions
``loss(theta)`` and ``gradient(theta)`` over a flat vector.

Where to read first: `check`, then `measurement`.

======================  ==========================================================================
`check` `measurement`   the two checks, and what happens in one
`cost`                  J as a function of theta in float64
`differences`           derivatives from values alone; `complex_loss` where a complex step is good
`noise` `rounding`      how much of a value, or of a gradient, is rounding
`verdicts`              right, wrong or unchecked, entry by entry
`causes` `patterns`     what went wrong
`report`                what was found, as data and text
======================  ==========================================================================
"""

from loopbp.gradcheck.check import check_gradient, check_gradient_function
from loopbp.gradcheck.report import CAUSES, BlockReport, Cause, GradientReport

__all__ = [
    "CAUSES", "BlockReport", "Cause", "GradientReport", "check_gradient",
    "check_gradient_function",
]  # fmt: skip
