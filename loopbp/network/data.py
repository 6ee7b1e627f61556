"""Checked data, held out in part."""

from loopbp.holdout import validation_rows
from loopbp.network import targets
from loopbp.network.class_weights import class_numbers
from loopbp.training import Data
from loopbp.validate import check_weight


def hold_out(data: Data, fraction: float, seed: int, task: str) -> tuple[Data, Data]:
    """Split off a fraction for validation, by class where there are classes.

    Parameters
    ----------
    data
        Of the training.
    fraction
        Above 0 and below 1.
    seed
        Of the drawing.
    task
        See `loopbp.network.targets.Targets`.

    Returns
    -------
    kept, held : Data
        The weights of each with a mean of 1.
    """
    number = None
    if task == targets.CLASSIFICATION:
        number = class_numbers(data.Y)
    held = validation_rows(len(data.X), fraction, seed, number)
    kept, out = (
        Data(data.X[rows], data.Y[rows], check_weight(
            "validation: sample_weight", data.weight[rows], int(rows.sum()), data.X.dtype
        ))
        for rows in (~held, held)
    )  # fmt: skip
    return kept, out
