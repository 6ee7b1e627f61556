"""A progress bar for training, drawn on stderr when a person watches."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress(
    epochs: int, verbose: bool | None, first: Callable[[], str] = str, unit: str = "epoch"
) -> Iterator[Callable[..., None]]:
    """A function to call with the `History` after each epoch, or some; it draws, or does nothing.

    Parameters
    ----------
    epochs
        How many there will be at most.
    verbose
        True: draw; False: do not; None: draw if stderr is a terminal.
    first
        What stands there until the first epoch is over; asked for where something is drawn.
    unit
        What is counted, if not epochs; then the function takes the text to show.
    """
    if verbose is False or (verbose is None and not sys.stderr.isatty()):
        yield lambda history, epochs=1: None
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
        task = bar.add_task(unit, total=epochs, facts=first())

        def advance(history: Any, epochs: int = 1) -> None:
            if isinstance(history, str):
                bar.update(task, advance=1, facts=history)
                return
            facts = f"loss {history.loss[-1]:.4f}"
            if history.validation_loss:
                facts += f"  validation {history.validation_loss[-1]:.4f}"
                facts += f"  score {history.validation_score[-1]:.4f}"
            bar.update(task, advance=epochs, facts=facts)

        yield advance
