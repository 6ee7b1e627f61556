"""A progress bar for training, drawn on stderr when a person watches."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress(
    epochs: int, verbose: bool | None, first: str = "", unit: str = "epoch"
) -> Iterator[Callable[[Any], None]]:
    """A function to call with the `History` after each epoch; it draws, or does nothing.

    Parameters
    ----------
    epochs
        How many there will be at most.
    verbose
        True: draw; False: do not; None: draw if stderr is a terminal.
    first
        What stands there until the first epoch is over.
    unit
        What is counted, if not epochs; then the function takes the text to show.
    """
    if verbose is False or (verbose is None and not sys.stderr.isatty()):
        yield lambda history: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn(unit), MofNCompleteColumn(), BarColumn(bar_width=30),
        TextColumn("{task.fields[facts]}"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(unit, total=epochs, facts=first)

        def advance(history: Any) -> None:
            if isinstance(history, str):
                bar.update(task, advance=1, facts=history)
                return
            facts = f"loss {history.loss[-1]:.4f}"
            if history.validation_loss:
                facts += f"  validation {history.validation_loss[-1]:.4f}"
                facts += f"  score {history.validation_score[-1]:.4f}"
            bar.update(task, advance=1, facts=facts)

        yield advance
