"""Data to train on: three embedded sets, and readers for tables, NPZ and MNIST's IDX files.

Embedded are

``digits``
    1,797 handwritten digits, 8 x 8 pixels: the test part of "Optical Recognition of Handwritten
    Digits" by E. Alpaydin and C. Kaynak (UCI Machine Learning Repository, 1998), licence CC BY 4.0;
    more in ``digits.txt`` beside the data;
``xor``
    the four rows of exclusive or;
``spirals``
    the two-spirals benchmark, generated.

What a reader finds in a file, and what it takes it as, stands in `Dataset.reading` and, in
sentences, in `Dataset.notes`; where two readings are plausible, the file is refused with the option
that settles it.

Where to read first: `dataset`, then `source`, then the reader.

====================  ============================================================================
`dataset` `source`    what every source comes as, and from a name to it
`options`             what somebody says about a table
`text` `cells`        the text of a CSV file as rows, and what a cell is
`header` `columns`    names, numbers and words
`labels` `table`      targets, and a table as data
`frames` `npz` `idx`  Parquet, Feather and Excel; NPZ; MNIST's layout
`inputs`              what a model that is there needs of a file
`scaling` `embedded`  shifting and scaling; the sets of the package
====================  ============================================================================
"""

from loopbp.datasets.dataset import Dataset
from loopbp.datasets.embedded import EMBEDDED, digits, two_spirals, xor
from loopbp.datasets.frames import read_table
from loopbp.datasets.idx import read_idx
from loopbp.datasets.inputs import Inputs, is_table, read_inputs
from loopbp.datasets.npz import read_npz
from loopbp.datasets.scaling import Scaling
from loopbp.datasets.source import load
from loopbp.datasets.table import read_csv
from loopbp.holdout import split_indices, train_test_split

__all__ = [
    "EMBEDDED",
    "Dataset",
    "Inputs",
    "Scaling",
    "digits",
    "is_table",
    "load",
    "read_csv",
    "read_idx",
    "read_inputs",
    "read_npz",
    "read_table",
    "split_indices",
    "train_test_split",
    "two_spirals",
    "xor",
]
