"""A document as LaTeX: a whole one, or what goes into one that loads the packages below."""

from loopbp.study.document import (
    Beside,
    Block,
    Code,
    Document,
    Evidence,
    Formula,
    Paragraph,
    Table,
)
from loopbp.study.mathtext import inline, to_latex

_PREAMBLE = r"""\documentclass[a4paper,10pt]{article}
\usepackage[margin=2cm]{geometry}
\usepackage{amsmath}
\usepackage{longtable}
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt}
\setcounter{secnumdepth}{1}
\sloppy
\begin{document}
"""
_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "^": r"\^{}", "&": r"\&",
    "%": r"\%", "#": r"\#", "$": r"\$", "~": r"\~{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", "*": r"{*}", '"': r"\textquotedbl{}",
    "'": r"'", "-": "-", "\u00b7": r"$\cdot$", "\u03c3": r"$\sigma$", "\u03b4": r"$\delta$",
    "\u2202": r"$\partial$", "\u03c9": r"$\omega$", "\u03a3": r"$\Sigma$", "\u03b8": r"$\theta$",
}  # fmt: skip
_TERMS_A_LINE = 3
_COLUMNS = 7  # of a table, besides its first


def escape(text: str) -> str:
    """Plain text for LaTeX."""
    return "".join(_SPECIAL.get(letter, letter) for letter in text).replace(
        r"\textquotedbl{}", "''"
    )


def latex(document: Document, standalone: bool = True) -> str:
    """A document as LaTeX.

    Parameters
    ----------
    document
        What to draw.
    standalone
        With preamble; False: only the body, which needs amsmath and longtable.
    """
    body = "\n".join(_parts(document))
    if not standalone:
        return body
    return f"{_PREAMBLE}{body}\n\\end{{document}}\n"


def _parts(document: Document) -> list[str]:
    parts = [rf"{{\Large\bfseries {_prose(document.title)}\par}}"]
    for section in document.sections:
        if section.title:
            parts.append(rf"\section{{{_prose(section.title)}}}")
        parts += [_block(block) for block in section.blocks]
    return parts


def _prose(source: str) -> str:
    return inline(source, escape, lambda formula: f"${to_latex(formula)}$")


def _block(block: Block) -> str:
    if isinstance(block, Paragraph):
        return f"{_prose(block.text)}\\par"
    if isinstance(block, Formula):
        return _formula(block)
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Code):
        return _code(block)
    if isinstance(block, Beside):
        return f"{_code(block.left)}\n{_code(block.right)}"
    return _evidence(block)


def _formula(block: Formula) -> str:
    if not block.steps:
        return rf"\[ {to_latex(block.left)} \]"
    rows = []
    for number, step in enumerate(block.steps):
        left = to_latex(block.left) if number == 0 else ""
        rule = _rule(block.rules[number]) if block.rules else ""
        rows.append(f"{left} &= {_broken(to_latex(step))}{rule}")
    joined = " \\\\\n".join(rows)
    return f"\\begin{{align*}}\n{joined}\n\\end{{align*}}"


def _rule(rule: str) -> str:
    return rf" && \parbox[t]{{6.5cm}}{{\small\raggedright {_prose(rule)}}}"


def _broken(step: str) -> str:
    """A long sum on several lines of an alignment."""
    terms = step.split(" + ")
    if len(terms) <= _TERMS_A_LINE:
        return step
    lines = [" + ".join(terms[k : k + _TERMS_A_LINE]) for k in range(0, len(terms), _TERMS_A_LINE)]
    return " \\\\\n&\\quad + ".join(lines)


def _table(block: Table) -> str:
    last = len(block.head) - 1
    parts = []
    for start in range(1, last + 1, _COLUMNS):
        columns = [0, *range(start, min(start + _COLUMNS, last + 1))]
        if block.words:
            kinds = "l" * (len(columns) - 1) + "p{0.5\\textwidth}"
        else:
            kinds = "l" + "r" * (len(columns) - 1)
        head = " & ".join(f"${to_latex(block.head[k])}$" if block.head[k] else "" for k in columns)
        lines = [rf"\begin{{longtable}}[l]{{{kinds}}}", rf"{head} \\ \hline"]
        for number, row in enumerate((*block.rows, *block.foot)):
            if number == len(block.rows):
                lines.append(r"\hline")
            lines.append(" & ".join(_cell(row[k]) for k in columns) + r" \\")
        parts.append("\n".join([*lines, r"\end{longtable}"]))
    return "\n".join(parts)


def _cell(text: str) -> str:
    try:
        float(text)
    except ValueError:
        return _prose(text)
    number = rf"\num{{{text}}}"
    return f"${to_latex(number)}$"


def _code(block: Code) -> str:
    source = "\n".join(block.numbered())
    caption = rf"\textit{{{_prose(block.caption)}}}"
    return f"{caption}\n{{\\small\n\\begin{{verbatim}}\n{source}\n\\end{{verbatim}}\n}}"


def _evidence(block: Evidence) -> str:
    check = "; ".join(part for part in (block.verdict, _prose(block.note)) if part)
    text = rf"{escape(block.source)}; loop: \texttt{{{escape(block.loop)}}}; {check}."
    if block.numpy:
        text += rf" NumPy: \texttt{{{escape(block.numpy)}}}; \texttt{{{escape(block.shapes)}}}."
    return rf"{{\footnotesize {text}\par}}"
