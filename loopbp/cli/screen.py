"""What `loopbp train` draws for people; only this module needs rich."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from loopbp import Network
from loopbp.cli.output import SCORE_NAMES, metrics_text
from loopbp.datasets import Dataset

_MATRIX_CLASSES = 20  # more columns than that are no picture
_WORST = 10  # classes that are shown of more


def _console() -> Console:
    return Console(highlight=False)


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)


def print_plan(net: Network, data: Dataset, settings: Sequence[str], facts: dict[str, Any]) -> None:
    """Data, network and settings, before the training."""
    screen = _console()
    held = f"{facts['test_examples']:,}" if facts["test_examples"] else "none"
    screen.print(
        f"[bold]{escape(data.name)}[/]: {facts['train_examples']:,} examples to train on, "
        f"{held} held out"
    )
    licence = f", {data.licence}" if data.licence else ""
    screen.print(f"[dim]{escape(data.source + licence)}[/]")
    print_reading(screen, data)
    screen.print()
    screen.print(network_table(net))
    screen.print(f"\n{', '.join(settings)}")


def print_reading(screen: Console, data: Dataset) -> None:
    """What was found in the file and what it was taken as, a line each."""
    for note in data.notes:
        screen.print(f"  {escape(note)}", soft_wrap=True)


def network_table(net: Network) -> Table:
    """Layer by layer: units, activation, parameters."""
    table = _table()
    for name, side in (
        ("layer", "left"), ("units", "right"), ("activation", "left"), ("parameters", "right"),
    ):  # fmt: skip
        table.add_column(name, justify=side)  # type: ignore[arg-type]
    dropout = any(net.dropout)
    if dropout:
        table.add_column("dropout", justify="right")
    table.add_row("0  input", f"{net.sizes[0]:,}", "", "")
    last = len(net.sizes) - 1
    for l, name in enumerate((*net.hidden, net.output), start=1):
        count = net.sizes[l] * (net.sizes[l - 1] + 1)
        rate = f"{net.dropout[l - 1]:g}" if l < last else ""
        kind = "output" if l == last else "hidden"
        table.add_row(
            f"{l}  {kind}", f"{net.sizes[l]:,}", name, f"{count:,}", *([rate] if dropout else [])
        )
    table.add_section()
    table.add_row("", "", "total", f"{net.theta.size:,}")
    return table


def print_result(result: dict[str, Any]) -> None:
    """Scores, errors by class, and the files written, after the training."""
    screen = _console()
    early = ""
    if result["best_epoch"] is not None:
        stopped = "stopped early" if result["stopped_early"] else "not stopped early"
        early = f", {stopped}; the weights are those of epoch {result['best_epoch']}"
    epochs = f"{result['epochs']:,} epoch{'s' if result['epochs'] != 1 else ''}"
    screen.print(f"{epochs} in {result['seconds']:.1f} s, loss {result['loss']:.4g}{early}\n")
    scores = Table.grid(padding=(0, 2))
    for part in ("train", "test"):
        score, count = result[f"{part}_score"], result[f"{part}_examples"]
        if score is None:
            continue
        name = SCORE_NAMES[result["task"]]
        if result["task"] == "regression":
            scores.add_row(part, name, f"[bold]{score:.4f}[/]", f"on {count:,}")
        else:
            right = f"{round(score * count):,} of {count:,}"
            scores.add_row(part, name, f"[bold]{100 * score:.2f} %[/]", right)
    screen.print(scores)
    shown = "train" if result["test_score"] is None else "test"
    if "rmse" in result:
        screen.print(f"root mean square error ({shown}) [bold]{result['rmse']:.4g}[/]")
    if result["metrics"] is not None:
        print_metrics(screen, result["metrics"], shown)
    screen.print()
    if "confusion" in result:
        print_confusion(screen, result["confusion"], result["classes"].tolist(), shown)
    for name, what in (("model", "network"), ("plot", "picture")):
        if result[name]:
            screen.print(f"{what} saved as [bold]{escape(str(result[name]))}[/]")


def print_metrics(screen: Console, metrics: dict[str, Any], part: str) -> None:
    """Precision, recall, F1 and ROC AUC; by class where there are more than two."""
    screen.print(f"{part}: {escape(metrics_text(metrics))}")
    for text in metrics["undefined"]:
        screen.print(f"  {escape(text)}")
    rows = metrics["by_class"]
    if metrics["average"] != "macro":
        return
    if len(rows) > _MATRIX_CLASSES:
        rows = sorted(rows, key=lambda row: row["f1"])[:_WORST]
        screen.print(f"{part}: the classes with the lowest F1")
    screen.print()
    table = _table()
    table.add_column("class", max_width=30, no_wrap=True)
    for name in ("precision", "recall", "F1", "examples"):
        table.add_column(name, justify="right")
    for row in rows:
        numbers = (f"{row[name]:.4f}" for name in ("precision", "recall", "f1"))
        table.add_row(escape(str(row["class"])), *numbers, f"{row['support']:,}")
    screen.print(table)


def print_confusion(
    screen: Console, counts: NDArray[np.int64], classes: Sequence[Any], part: str
) -> None:
    """The confusion matrix, or its largest errors where there are too many classes for one."""
    names = [str(label) for label in classes]
    width = max(len(str(counts.max())), *(min(len(name), 12) for name in names))
    row_name = min(max(len(name) for name in names), 12)
    if len(names) <= _MATRIX_CLASSES and row_name + 4 + (width + 2) * len(names) <= screen.width:
        screen.print(f"{part}: true class by row, predicted class by column")
        table = _table()
        table.add_column("", style="bold")
        for name in names:
            table.add_column(name, justify="right", max_width=12, no_wrap=True)
        for k, (name, row) in enumerate(zip(names, counts, strict=True)):
            cells = [
                f"[green]{n}[/]" if j == k and n else f"[red]{n}[/]" if n else "[dim].[/]"
                for j, n in enumerate(row)
            ]
            table.add_row(name, *cells)
        screen.print(table)
        screen.print()
        return
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    if not wrong.any():
        return
    screen.print(f"{part}: the most frequent errors")
    table = _table()
    for name in ("true", "predicted", "examples"):
        table.add_column(name, justify="right" if name == "examples" else "left")
    for flat in np.argsort(-wrong, axis=None, kind="stable")[:10]:
        i, j = divmod(int(flat), len(names))
        if wrong[i, j]:
            table.add_row(names[i], names[j], str(wrong[i, j]))
    screen.print(table)
    screen.print()
