"""From a table as its user has it to the matrix that a network takes.

Read `frames` first (data frames, arrays and lists as columns), then `columns` (one column: numbers
or words, and what stands for a missing cell), then `preprocessing` (all of it, with the scaling and
the labels, in a form that is saved with the network).
"""

from loopbp.preparation.preprocessing import Preprocessing

__all__ = ["Preprocessing"]
