"""Formulas and documents as text, LaTeX and HTML."""

import importlib.util
import io
import re
import shutil
import subprocess

import numpy as np
import pytest

import loopbp
from loopbp.study import DERIVATIONS, derive, exercises, explain
from loopbp.study.document import Document, Evidence, Formula, Paragraph, Section, Table
from loopbp.study.mathtext import parse, to_latex, to_mathml, to_text
from loopbp.study.render_html import html
from loopbp.study.render_latex import escape, latex
from loopbp.study.render_text import rich_lines, text

LOSSES = [
    ("softmax", "cross_entropy"), ("sigmoid", "binary_cross_entropy"), ("tanh", "huber"),
    ("identity", "half_mse"), ("softplus", "poisson"),
]  # fmt: skip
HIDDEN = ("gelu", "silu", "elu", "relu", "leaky_relu")


def pages():
    """Ten explanations, all derivations and an exercise, by name."""
    rng = np.random.default_rng(0)
    found = {}
    for k, (output, loss) in enumerate(LOSSES):
        net = loopbp.Network([3, 4, 12 if k == 0 else 2], HIDDEN[k], output, loss, l2=0.1, seed=k)
        y = rng.random((12, net.sizes[-1]))
        y /= y.sum(axis=1, keepdims=True)
        X = rng.standard_normal((12, 3))
        for convention in ("loss", "cost"):
            found[f"{loss} {convention}"] = explain(
                net, X, y, layer=1, unit=1, input=None if k == 1 else 2, convention=convention,
                sample_weight=rng.random(12) if k == 2 else None,
            )  # fmt: skip
    return {**found, **{name: derive(name) for name in DERIVATIONS}}


PAGES = pages()
each_page = pytest.mark.parametrize("name", sorted(PAGES))


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"\delta^l_i = \sigma'(z^l_i) \sum_n \omega^{l+1}_{ni} \delta^{l+1}_n",
         "δ^l_i = σ'(z^l_i) Σ_n ω^{l+1}_ni δ^{l+1}_n"),
        (r"\frac{\partial J}{\partial \omega^1_{3,7}}", "∂J/∂ω^1_3,7"),
        (r"\frac{1}{2 n_L} \sum_i (a_i - y_i)^2", "(1/(2 n_L)) Σ_i (a_i - y_i)^2"),
        (r"\num{-1.5e-07} \cdot \num{2}", "-1.5e-07 · 2"),
        (r"\exp(-z) \to \text{a word}", "exp(-z) → a word"),
        (r"\omega^{10}_{12,3}", "ω^10_12,3"),
    ],
)  # fmt: skip
def test_formula_as_text(formula, expected):
    assert to_text(formula) == expected


def test_number_in_latex_and_mathml():
    assert to_latex(r"\num{-1.5e-07}") == r"-1.5 \times 10^{-7}"
    assert to_mathml(r"\num{-1.5e-07}") == (
        "<math><mrow><mrow><mn>−1.5</mn><mo>×</mo><msup><mn>10</mn><mn>−7</mn></msup></mrow>"
        "</mrow></math>"
    )


@pytest.mark.parametrize("formula", [r"\nonsense", r"\frac{1}{2", "x_", r"\text{a", r"\num 3"])
def test_formula_that_is_none_is_refused(formula):
    with pytest.raises(ValueError, match="formula"):
        parse(formula)


def test_mathml_escapes():
    assert "<mo>&lt;</mo>" in to_mathml("a < b")
    assert "&amp;" in to_mathml(r"\text{a & b}")


# -- HTML -----------------------------------------------------------------------------------------


def strict_parser():
    if importlib.util.find_spec("html5lib") is None:
        pytest.skip("html5lib is not installed")
    import html5lib

    return html5lib.HTMLParser(strict=True)


@each_page
def test_html_is_valid(name):
    page = PAGES[name]
    parser = strict_parser()
    parser.parse(page.html())
    parser.parseFragment(page.html(standalone=False))


def test_validator_finds_a_wrong_nesting():
    parser = strict_parser()
    wrong = PAGES["BP1"].html().replace("</table></div>", "</div></table>", 1)
    with pytest.raises(Exception, match=r"[Uu]nexpected"):
        parser.parse(wrong)


class Outline:
    """The elements of a page, balanced by a parser of its own: for where html5lib is missing."""

    VOID = ("meta",)

    def __init__(self, source):
        from html.parser import HTMLParser

        self.open, self.math = [], 0
        outline = self

        class Parser(HTMLParser):
            def handle_starttag(self, tag, attrs):
                outline.math += tag == "math"
                if tag not in Outline.VOID:
                    outline.open.append(tag)

            def handle_endtag(self, tag):
                assert outline.open.pop() == tag

        Parser().feed(source)


@each_page
def test_html_is_balanced_self_contained_and_has_mathml(name):
    source = PAGES[name].html()
    outline = Outline(source)
    assert outline.open == []
    assert outline.math > 5
    assert "http" not in source.replace("http-equiv", "")
    assert not re.search(r"\\(frac|num|delta)", source)
    assert PAGES[name]._repr_html_() == PAGES[name].html(standalone=False)


def test_every_number_of_the_text_is_in_the_html():
    page = PAGES["half_mse loss"]
    plain = re.sub(r"<[^>]*>", " ", page.html()).replace("−", "-")
    for line in page.lines:
        assert f"{line.value:.6g}".partition("e")[0] in plain


# -- LaTeX ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(PAGES)[:10] + list(DERIVATIONS))
def test_latex_compiles(name, tmp_path):
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    (tmp_path / "page.tex").write_text(PAGES[name].latex(), encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"],
        cwd=tmp_path, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]


@each_page
def test_latex_is_balanced_ascii(name):
    """What can be seen without a TeX: environments, braces and dollars pair up, and no Unicode."""
    source = PAGES[name].latex()
    outside = re.sub(r"(?s)\\begin\{verbatim\}.*?\\end\{verbatim\}", "", source)
    assert outside.isascii(), sorted({c for c in outside if not c.isascii()})
    stack = []
    for kind, environment in re.findall(r"\\(begin|end)\{(\w+\*?)\}", outside):
        if kind == "begin":
            stack.append(environment)
        else:
            assert stack.pop() == environment
    assert stack == []
    bare = re.sub(r"\\[{}$]", "", outside)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert r"\num" not in outside


def test_latex_fragment_has_no_preamble():
    source = PAGES["BP1"].latex(standalone=False)
    assert "documentclass" not in source
    assert source in PAGES["BP1"].latex()


def test_latex_escapes():
    assert escape(r"a_b & 50% #1 {x} \y ~ ^ <z> *") == (
        r"a\_b \& 50\% \#1 \{x\} \textbackslash{}y \~{} \^{} \textless{}z\textgreater{} {*}"
    )


# -- text -----------------------------------------------------------------------------------------


@each_page
@pytest.mark.parametrize("width", [40, 60, 100])
def test_no_line_is_longer_than_asked(name, width):
    assert max(len(line) for line in PAGES[name].text(width).splitlines()) <= width


@pytest.mark.parametrize("width", [40, 60, 100])
def test_exercises_fit(width):
    for exercise in exercises(1):
        assert max(len(line) for line in exercise.text(width).splitlines()) <= width


def test_rich_shows_the_same_characters():
    page = PAGES["huber cost"]
    shown = [line.plain for line in rich_lines(page.document(), 80)]
    assert shown == page.text(80).splitlines()


def test_printing_is_the_text():
    page = PAGES["BP4"]
    assert str(page) == page.text()
    from rich.console import Console

    console = Console(width=70, record=True, file=io.StringIO())
    console.print(page)
    shown = console.export_text()
    assert [line.rstrip() for line in shown.splitlines()] == page.text(70).splitlines()


def test_a_word_longer_than_the_line_is_broken():
    long = "x" * 95
    block = Table(("", r"\text{" + long + "}"), ((long, "1.5"),))
    page = Document(long, (Section(long, (Paragraph(long), block, Formula("a", (long,)))),))
    assert max(len(line) for line in text(page, 40).splitlines()) <= 40


def test_numbers_stand_with_their_points_under_each_other():
    rows = (("0", "-1.5"), ("1", "10.25"), ("2", "3"), ("3", "2.5e-07"))
    page = Document("t", (Section("", (Table(("n", "x"), rows),)),))
    lines = text(page, 60).splitlines()[-4:]
    assert [line.find(".") for line in lines if "." in line] == [lines[0].find(".")] * 3
    assert lines[2].find("3") + 1 == lines[0].find(".")


def test_a_wrong_line_is_marked_in_every_form():
    block = Evidence("seed 001 (5)", "f, loops.py:1", "z = 1", "(1,)", 0.5, False)
    page = Document("t", (Section("s", (block,)),))
    assert "check WRONG, off by 5e-01" in text(page, 100)
    assert "check WRONG" in latex(page)
    assert "check WRONG" in html(page)
