"""Tables for the command line, and the words that keep its training short."""

import csv

import numpy as np

# Small and uncompiled: these tests are about the command line.
QUICK = ("--engine", "numpy", "--epochs", "3", "--hidden", "4")


def write_table(path, rows=60, kind="class", target=True, offset=100.0):
    """A CSV of two features on wide scales and a target that they determine."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=rows), rng.normal(size=rows)
    if kind == "class":
        y = ["left" if v + w < 0 else "right" for v, w in zip(a, b, strict=True)]
    elif kind == "numbers":
        y = [3 + int(v > 0) * 4 for v in a]
    else:
        y = [f"{offset + 50 * v - 20 * w:.6f}" for v, w in zip(a, b, strict=True)]
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "y"] if target else ["b", "extra", "a"])
        for v, w, label in zip(a, b, y, strict=True):
            cells = [f"{1000 * v:.6f}", f"{0.001 * w:.9f}"]
            writer.writerow([*cells, label] if target else [cells[1], "text", cells[0]])
    return path
