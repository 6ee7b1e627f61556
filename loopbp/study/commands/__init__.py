"""The commands ``loopbp explain``, ``loopbp derive`` and ``loopbp study``, for `loopbp.cli`."""

# First, for its parser imports the modules of this package, and they its options.
import loopbp.cli  # noqa: F401
