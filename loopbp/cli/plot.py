"""The picture of a training: loss and score by epoch."""

import os
from importlib.util import find_spec
from pathlib import Path

from loopbp.training import History

FORMATS = (".png", ".pdf", ".svg", ".jpg")


def check_plot(path: str | os.PathLike[str]) -> None:
    """Refuse, before anything is trained, what `draw` could not do.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    ValueError
        If the file has another ending than a picture.
    """
    if find_spec("matplotlib") is None:
        raise ImportError("--plot needs Matplotlib: pip install 'loopbp[plot]'")
    if Path(path).suffix.lower() not in FORMATS:
        raise ValueError(f"--plot: expected a name that ends in {', '.join(FORMATS)}, got {path}")


def draw(history: History, path: str | os.PathLike[str], score: str, title: str) -> None:
    """Draw loss and score of training and validation by epoch.

    Parameters
    ----------
    history
        Of a training with `score_training`.
    path
        Its ending names the format.
    score
        What the score is, such as ``accuracy``.
    title
        Above the curves.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    epochs = range(1, history.epochs + 1)
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    figure.suptitle(title, fontsize=11)
    panels = (
        ("loss", history.loss, history.validation_loss),
        (score, history.score, history.validation_score),
    )
    for axes, (name, training, validation) in zip(figure.subplots(1, 2), panels, strict=True):
        marker = "o" if len(training) < 3 else None
        axes.plot(epochs, training, color="#1f5fa8", label="training", marker=marker)
        if validation:
            axes.plot(epochs, validation, color="#d1642a", label="validation", marker=marker)
            axes.legend(frameon=False)
        if history.best_epoch is not None:
            axes.axvline(history.best_epoch + 1, color="0.5", linewidth=0.8, linestyle=":")
        axes.set_xlabel("epoch")
        axes.set_ylabel(name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        axes.grid(color="0.9", linewidth=0.7)
        axes.spines[["top", "right"]].set_visible(False)
        if name == "loss" and min(training) > 0 and max(training) > 50 * min(training):
            axes.set_yscale("log")
    figure.savefig(path, dpi=150)
