"""The study page: one self-contained HTML file for a network, a batch and a weight.

The page computes everything anew in JavaScript, function for function as `loopbp.loops` does, and
compares itself at load with the numbers of the engine that are embedded here.  Its style and its
scripts stand in ``web/``, a file for each purpose, and are put together in the order given here.
"""

import ast
import html
import inspect
import json
import os
import re
import textwrap
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from loopbp import activations, loops, losses, reference
from loopbp.catalogue import USER
from loopbp.jit.sources import plain
from loopbp.network.network import Network
from loopbp.study.explaining import input_number
from loopbp.study.scripts import catalogue_script
from loopbp.validate import check_choice, check_count

STYLES = (
    "base.css", "layout.css", "controls.css", "derivation.css", "drawing.css", "screens.css",
)  # fmt: skip
# The mathematics, which knows nothing of the page; what becomes of it as markup; the page itself.
# A file may call what stands in a later one, but `state.js` and `app.js` run at load.
CATALOGUE = "catalogue.js"  # written by `loopbp.study.scripts`
MATHEMATICS = (CATALOGUE, "activations.js", "losses.js", "loops.js", "passes.js")
MARKUP = (
    "mathml.js", "formulas.js", "pieces.js", "deltas.js", "parameter.js", "derivation.js",
    "loop_and_matrix.js",
)  # fmt: skip
SCRIPTS = (
    *MATHEMATICS, *MARKUP,
    "drawing.js", "state.js", "steps.js", "choosing.js", "panels.js", "app.js",
)  # fmt: skip
CONVENTIONS = ("loss", "cost")
# Functions of loops.py that the page shows, each beside its twin in reference.py.
FUNCTIONS = (
    "weighted_input", "activation", "example_losses", "output_delta", "hidden_delta",
    "activation_gradient", "delta_from_da", "weight_gradient", "bias_gradient",
)  # fmt: skip
# What they call for one row, and where it stands.
CALLED = (
    ("activations", activations, ("sigma_row", "sigma_prime_row")),
    ("losses", losses, ("loss_row", "delta_row")),
)
MOST_NUMBERS = 4_000_000  # embedded in one page, about 80 MB


def page_html(
    net: Network,
    X: ArrayLike,
    y: ArrayLike,
    *,
    layer: int = 1,
    unit: int = 0,
    input: int | str | None = 0,
    example: int = 0,
    convention: str = "loss",
) -> str:
    """The study page as text.

    Parameters
    ----------
    net
        With built-in activations.  One of float32 is computed in float64, from the same theta.
    X : array_like of shape (m, n_0)
        The batch: a handful of examples reads best.
    y
        As in `Network.fit`.
    layer
        1..L: the layer whose weight is shown first.
    unit, input
        The weight to `unit` of that layer from `input` of the layer before, from 0; for layer 1
        also the name of an input, where the network knows one; with ``input=None`` the bias of
        the unit.
    example
        Row of the batch, from 0.
    convention
        ``loss``: delta is of the loss of one example, the 1/m is in dJ/dw and dJ/db.  ``cost``:
        the 1/m is in the first factor, dJ/da, and so in every delta.

    Returns
    -------
    str
        HTML that needs nothing else: no network, no server, no other file.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit (an index out of range names the valid range), an activation
        is the user's own, a number is not finite, or there are too many numbers for one page.
    """
    start = _check_start(net, layer, unit, input)
    check_choice("convention", convention, CONVENTIONS)
    _check_network(net)
    data, _, _ = net._check_data(X, y, None)
    m = len(data.X)
    start["t"] = _check_index("example", example, 0, m - 1, f"the batch has {m} examples")
    units = m * sum(net.sizes[1:])
    count = 2 * net.theta.size + data.X.size + data.Y.size + 3 * units
    if count > MOST_NUMBERS:
        raise ValueError(
            f"net and X: expected at most {MOST_NUMBERS:,} numbers for one page, got {count:,}; "
            "pass fewer examples or a smaller network"
        )
    facts = {
        "network": {
            "sizes": list(net.sizes),
            "activations": [*net.hidden, net.output],
            "loss": net.loss_name,
            "l2": net.l2,
        },
        "theta": net.theta.tolist(),
        "X": data.X.tolist(),
        "Y": data.Y.tolist(),
        "labels": _labels(net, data.Y),
        "expected": _engine_numbers(net, data.X, data.Y),
        "source": {
            "loops": {name: source_lines(getattr(loops, name)) for name in FUNCTIONS},
            "reference": {name: source_lines(getattr(reference, name)) for name in FUNCTIONS},
            "called": {
                name: {"file": f"loopbp/{home}.py", "lines": source_lines(getattr(module, name))}
                for home, module, names in CALLED
                for name in names
            },
        },
        "start": start,
        "convention": convention,
    }
    return _fill(
        _read("page_template.html"),
        {
            "title": html.escape(f"Backpropagation of a {_shape(net)} network"),
            "subtitle": html.escape(_subtitle(net, m)),
            "style": "\n".join(map(_read, STYLES)).strip(),
            "data": _json_for_script(facts),
            "scripts": "\n".join(f"<script>\n{text_of(name)}</script>" for name in SCRIPTS),
        },
    )


def write_page(
    net: Network,
    X: ArrayLike,
    y: ArrayLike,
    path: str | os.PathLike[str],
    *,
    layer: int = 1,
    unit: int = 0,
    input: int | str | None = 0,
    example: int = 0,
    convention: str = "loss",
) -> Path:
    """Write the study page to a file.

    Parameters
    ----------
    net, X, y, layer, unit, input, example, convention
        As in `page_html`.
    path
        Of the file; it is overwritten.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    TypeError, ValueError
        As in `page_html`; nothing is written then.
    OSError
        If the file cannot be written.
    """
    text = page_html(
        net, X, y, layer=layer, unit=unit, input=input, example=example, convention=convention
    )
    target = Path(path)
    target.write_text(text, encoding="utf-8")
    return target


def text_of(name: str) -> str:
    """A file of the page: one of its folder, or the script of the catalogue.

    Parameters
    ----------
    name
        Of the file.

    Returns
    -------
    str
        JavaScript.
    """
    return catalogue_script() if name == CATALOGUE else _read(name)


def source_lines(function: Any) -> list[tuple[int, str]]:
    """The source of a function as (line number in its file, text), of its docstring the first line.

    Parameters
    ----------
    function
        A Python function, or one that Numba compiled.
    """
    lines, first = inspect.getsourcelines(plain(function))
    text = textwrap.dedent("".join(lines))
    definition = ast.parse(text).body[0]
    assert isinstance(definition, ast.FunctionDef)
    doc = definition.body[0]
    hidden = range(0)
    numbered = dict(enumerate(text.splitlines(), start=1))
    if isinstance(doc, ast.Expr) and doc.end_lineno is not None and doc.end_lineno > doc.lineno:
        numbered[doc.lineno] += '"""'
        hidden = range(doc.lineno + 1, doc.end_lineno + 1)
    return [(first + k - 1, line) for k, line in numbered.items() if k not in hidden]


def _check_start(net: Network, layer: int, unit: int, input: int | str | None) -> dict[str, Any]:
    """The weight or bias shown first, its indices within the network."""
    last = len(net.sizes) - 1
    l = _check_index("layer", layer, 1, last, f"the network has layers 1 to {last}")
    n, p = net.sizes[l], net.sizes[l - 1]
    i = _check_index("unit", unit, 0, n - 1, f"layer {l} has {n} units")
    if input is None:
        return {"kind": "bias", "l": l, "i": i, "j": 0}
    if isinstance(input, str):
        return {"kind": "weight", "l": l, "i": i, "j": input_number(net, input, l)}
    j = _check_index("input", input, 0, p - 1, f"layer {l - 1} has {p} units")
    return {"kind": "weight", "l": l, "i": i, "j": j}


def _check_index(name: str, value: Any, low: int, high: int, reason: str) -> int:
    try:
        number = check_count(name, value, at_least=low)
    except ValueError:
        number = high + 1
    if number > high:
        raise ValueError(f"{name}: expected {low} to {high} ({reason}), got {value!r}")
    return number


def _check_network(net: Network) -> None:
    for l, name in enumerate([*net.hidden, net.output], start=1):
        if net.architecture.activation[l] == USER:
            raise ValueError(
                f"net: the study page knows the built-in activations only, and {name!r} of layer "
                f"{l} is one of your own"
            )
    for l, (w, b) in enumerate(zip(net.weights, net.biases, strict=True), start=1):
        for what, array in (("w", w), ("b", b)):
            wrong = np.argwhere(~np.isfinite(array))
            if len(wrong):
                place = ", ".join(str(k) for k in wrong[0])
                raise ValueError(
                    f"net: expected finite parameters, got {array[tuple(wrong[0])]} "
                    f"at {what}[{place}] of layer {l}"
                )


def _engine_numbers(net: Network, X: np.ndarray, Y: np.ndarray) -> dict[str, Any]:
    """What the engine of the loops gives, in float64: the page checks itself against it."""
    twin = Network(
        net.sizes,
        list(net.hidden),
        net.output,
        net.loss_name,
        initializer="zeros",
        l2=net.l2,
        seed=0,
    )
    twin.theta = net.theta
    x, y = X.astype(np.float64), Y.astype(np.float64)
    with np.errstate(all="ignore"):
        gradient = twin.gradient(x, y, engine="loops")
        example_losses = np.empty(len(x))
        reference.example_losses(
            twin.architecture.loss, twin.architecture.activation[-1],
            gradient.weighted_inputs[-1], gradient.activations[-1], y, np.ones(len(x)),
            example_losses,
        )  # fmt: skip
    if not (np.isfinite(gradient.theta).all() and np.isfinite(gradient.loss)):
        raise ValueError(
            "net: expected a finite loss and gradient on this batch; its weights are too large"
        )
    return {
        "z": [z.tolist() for z in gradient.weighted_inputs],
        "a": [a.tolist() for a in gradient.activations[1:]],
        "delta": [delta.tolist() for delta in gradient.deltas],
        "C": example_losses.tolist(),
        "J": gradient.loss,
        "gradient": gradient.theta.tolist(),
    }


def _labels(net: Network, Y: np.ndarray) -> list[str] | None:
    """The label of each example, where the network has labels that are not just numbers."""
    if net.classes is None or np.array_equal(net.classes, np.arange(len(net.classes))):
        return None
    number = (Y[:, 0] > 0.5).astype(int) if Y.shape[1] == 1 else Y.argmax(axis=1)
    return [str(label) for label in net.classes[number]]


def _shape(net: Network) -> str:
    return "-".join(str(n) for n in net.sizes)


def _subtitle(net: Network, m: int) -> str:
    hidden = ", ".join(dict.fromkeys(net.hidden))
    layers = f"{hidden} hidden layers, " if hidden else ""
    parts = [f"{_shape(net)} network", f"{layers}{net.output} output", f"loss {net.loss_name}"]
    if net.l2:
        parts.append(f"penalty λ = {net.l2:g}")
    if any(net.dropout):
        parts.append("dropout off, as in prediction")
    parts.append(f"a batch of {m} example{'s' if m > 1 else ''}")
    if net.dtype == np.float32:
        parts.append("float32 parameters, computed in float64")
    return "; ".join(parts)


def _read(name: str) -> str:
    return resources.files("loopbp.study").joinpath("web", name).read_text(encoding="utf-8")


def _json_for_script(facts: dict[str, Any]) -> str:
    """JSON that can stand inside a script element, whatever strings are in it."""
    text = json.dumps(facts, allow_nan=False, separators=(",", ":"), ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _fill(template: str, values: dict[str, str]) -> str:
    """Put values into the ``{{places}}`` of a template; what is put in is not searched again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda place: values[place[1]], template)
