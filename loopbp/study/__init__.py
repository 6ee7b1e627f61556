"""To study backpropagation with real numbers: explanations, derivations, both modes, exercises.

`explain` follows one number of a gradient; `derive` derives an equation beside its loop;
`forward_mode_gradient` and `ReversedNetwork` are the other two ways through a network that
seed 002 mentions; `Exercise` has blanks to fill.  Importing this compiles nothing.

Where to read first: `batch`, then `explaining`, then `derivations`.

==================================  ==============================================================
`batch`                             all numbers of a pass
`explaining`                        `explain`, with `output_layer`, `hidden_layers`, `writer`,
                                    `explanation` and `naming`
`derivations`                       `derive`, with `sources` and `formulas`
`forward_mode` `reversed_network`   the other ways, and `mode_costs`
`quiz` `steps` `mistakes`           exercises
`document` `mathtext`               a page before it is drawn, and its formulas
`render_text` `render_latex`        ... as text, LaTeX
`render_html`                       ... and HTML
`page` `scripts`                    the interactive page, of what lies in ``web``
==================================  ==============================================================
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loopbp.study.derivations import DERIVATIONS, Derivation, derive
    from loopbp.study.explaining import explain
    from loopbp.study.explanation import Explanation, Line
    from loopbp.study.forward_mode import forward_mode_gradient
    from loopbp.study.mode_costs import ModeCost, measure_modes, plot_modes
    from loopbp.study.quiz import Exercise, exercises
    from loopbp.study.reversed_network import ReversedNetwork

_LAZY = {
    "DERIVATIONS": "derivations",
    "Derivation": "derivations",
    "Exercise": "quiz",
    "Explanation": "explanation",
    "Line": "explanation",
    "ModeCost": "mode_costs",
    "ReversedNetwork": "reversed_network",
    "derive": "derivations",
    "explain": "explaining",
    "exercises": "quiz",
    "forward_mode_gradient": "forward_mode",
    "measure_modes": "mode_costs",
    "plot_modes": "mode_costs",
}

__all__ = [
    "DERIVATIONS", "Derivation", "Exercise", "Explanation", "Line", "ModeCost", "ReversedNetwork",
    "derive", "exercises", "explain", "forward_mode_gradient", "measure_modes", "plot_modes",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
