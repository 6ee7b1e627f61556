"""Data to train on: three embedded sets, and readers for CSV, NPZ and MNIST's IDX files.

Embedded are

``digits``
    1,797 handwritten digits, 8 x 8 pixels: the test part of "Optical Recognition of Handwritten
    Digits" by E. Alpaydin and C. Kaynak (UCI Machine Learning Repository, 1998), licence CC BY 4.0;
    more in ``digits.txt`` beside the data;
``xor``
    the four rows of exclusive or;
``spirals``
    the two-spirals benchmark, generated.
"""

from loopbp.datasets.dataset import Dataset
from loopbp.datasets.embedded import EMBEDDED, digits, two_spirals, xor
from loopbp.datasets.readers import read_csv, read_idx, read_npz
from loopbp.datasets.scaling import Scaling
from loopbp.datasets.source import load
from loopbp.holdout import split_indices, train_test_split

__all__ = [
    "EMBEDDED",
    "Dataset",
    "Scaling",
    "digits",
    "load",
    "read_csv",
    "read_idx",
    "read_npz",
    "split_indices",
    "train_test_split",
    "two_spirals",
    "xor",
]
