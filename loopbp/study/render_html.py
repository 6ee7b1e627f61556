"""A document as HTML5 with MathML: a whole one, or one ``<article>``."""

import html as markup

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
from loopbp.study.mathtext import inline, to_mathml, to_text

_STYLE = """
.loopbp { font: 1rem/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 0 1rem }
.loopbp table { border-collapse: collapse; margin: .5rem 0 }
.loopbp th, .loopbp td { padding: .1rem .7rem; text-align: right; vertical-align: top;
  font-variant-numeric: tabular-nums }
.loopbp th:first-child, .loopbp td:first-child, .loopbp .words th, .loopbp .words td {
  text-align: left }
.loopbp thead th { border-bottom: 1px solid; font-weight: normal }
.loopbp tfoot tr:first-child td { border-top: 1px solid }
.loopbp .wide { overflow: auto hidden }
.loopbp .evidence { font-size: .85rem; opacity: .75; margin: .2rem 0 1rem }
.loopbp .beside { display: flex; flex-wrap: wrap; gap: 0 2rem }
.loopbp pre { overflow-x: auto; font-size: .85rem }
.loopbp .wrong { color: #b3261e; font-weight: bold; opacity: 1 }
"""
_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
"""


def html(document: Document, standalone: bool = True) -> str:
    """A document as HTML.

    Parameters
    ----------
    document
        What to draw.
    standalone
        A whole HTML5 document that loads nothing; False: one ``<article>`` with its style.
    """
    sections = "\n".join(
        "<section>\n"
        + (f"<h2>{_prose(section.title)}</h2>\n" if section.title else "")
        + "\n".join(_block(block) for block in section.blocks)
        + "\n</section>"
        for section in document.sections
    )
    article = f'<article class="loopbp">\n<h1>{_prose(document.title)}</h1>\n{sections}\n</article>'
    if not standalone:
        return f"<div>\n<style>{_STYLE}</style>\n{article}\n</div>"
    title = markup.escape(inline(document.title, str, to_text))
    return (
        f"{_HEAD}<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{article}\n"
        "</body>\n</html>\n"
    )


def _prose(source: str) -> str:
    return inline(source, markup.escape, to_mathml)


def _block(block: Block) -> str:
    if isinstance(block, Paragraph):
        return f"<p>{_prose(block.text)}</p>"
    if isinstance(block, Formula):
        return _formula(block)
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Code):
        return _code(block)
    if isinstance(block, Beside):
        return f'<div class="beside">\n{_code(block.left)}\n{_code(block.right)}\n</div>'
    return _evidence(block)


def _formula(block: Formula) -> str:
    if not block.steps:
        return f'<div class="wide">{to_mathml(block.left, display=True)}</div>'
    rows = []
    for number, step in enumerate(block.steps):
        left = to_mathml(block.left) if number == 0 else ""
        rule = f"<td>{_prose(block.rules[number])}</td>" if block.rules else ""
        rows.append(f"<tr><td>{left}</td><td>{to_mathml('= ' + step)}</td>{rule}</tr>")
    inside = "\n".join(rows)
    return f'<div class="wide"><table class="words"><tbody>\n{inside}\n</tbody></table></div>'


def _table(block: Table) -> str:
    head = "".join(f"<th>{to_mathml(cell) if cell else ''}</th>" for cell in block.head)
    body, foot = (
        "\n".join(f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in row)}</tr>" for row in part)
        for part in (block.rows, block.foot)
    )
    kind = ' class="words"' if block.words else ""
    foot = f"\n<tfoot>\n{foot}\n</tfoot>" if foot else ""
    return (
        f'<div class="wide"><table{kind}>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>{foot}\n</table></div>"
    )


def _cell(text: str) -> str:
    return text.replace("-", "−") if text[1:2].isdigit() and text[0] == "-" else _prose(text)


def _code(block: Code) -> str:
    source = markup.escape("\n".join(block.numbered()))
    return f"<figure><figcaption>{_prose(block.caption)}</figcaption>\n<pre>{source}</pre></figure>"


def _evidence(block: Evidence) -> str:
    kind = "evidence" if block.ok else "evidence wrong"
    check = "; ".join(part for part in (block.verdict, _prose(block.note)) if part)
    parts = [markup.escape(block.source), f"loop: <code>{markup.escape(block.loop)}</code>", check]
    if block.numpy:
        parts.append(f"NumPy: <code>{markup.escape(block.numpy)}</code>")
        parts.append(f"<code>{markup.escape(block.shapes)}</code>")
    return f'<p class="{kind}">{"; ".join(parts)}</p>'
