"""Pieces of an HTML page that asks nothing of the network. Every text that is given is escaped here."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from math import log2
from pathlib import Path

from seqloom.detector.explanation import Token

__all__ = ["bullets", "coloured", "document", "heading", "legend", "paragraph", "picture", "table"]

_SHADES = 8
_BITS = 1.5
"""Of surprise between two shades."""

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 56rem; margin: 2rem auto;
  padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; }
h2 { margin-top: 2.5rem; }
h3 { margin-top: 1.8rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: #555; padding-bottom: .3rem; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #e6e6e6; vertical-align: top; }
thead th { border-bottom: 2px solid #c4c4c4; }
th[scope=row] { font-weight: normal; }
img { max-width: 100%; height: auto; }
details { margin: 1rem 0; }
article { border: 1px solid #e6e6e6; border-radius: 6px; padding: .2rem 1rem; margin: 1rem 0; }
.grey { color: #555; }
.note { border-left: 4px solid #d55e00; padding: .4rem 1rem; background: #fff6ef; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; font: 14px/1.7 ui-monospace, monospace; }
""" + "".join(
    f".s{shade} {{ background: rgba(213, 94, 0, {0.62 * shade / (_SHADES - 1):.2f}); }}\n"
    for shade in range(1, _SHADES)
)

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def document(title: str, parts: Iterable[str], footer: str) -> str:
    """A page of parts, which are HTML already."""
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>",
            *(part for part in parts if part),
            f"{paragraph(footer, kind='grey')}\n</body>\n</html>\n",
        ]
    )


def heading(text: str, level: int = 2) -> str:
    """A heading."""
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str, *, kind: str = "") -> str:
    """A paragraph: plain, "grey", or a "note" that nobody should pass over."""
    opening = f'<p class="{kind}">' if kind else "<p>"
    return f"{opening}{escape(text)}</p>"


def bullets(lines: Sequence[str]) -> str:
    """A list."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first cell of a row says what it is of."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "\n".join(
        f'<tr><th scope="row">{escape(row[0])}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    return (
        f"<table>\n<caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n"
        "</table>"
    )


def picture(path: Path, says: str) -> str:
    """A PNG inside the page, and what it shows."""
    held = base64.b64encode(path.read_bytes()).decode()
    return f'<p><img alt="{escape(says)}" src="data:image/png;base64,{held}"></p>'


def coloured(tokens: Iterable[Token], most: int) -> str:
    """A text whose tokens are the darker the less they were expected, each with its probability and rank as title.

    Args:
        tokens: the text.
        most: characters that are shown.
    """
    parts, shown, left_out = [], 0, 0
    for token in tokens:
        if shown >= most:
            left_out += len(token.text)
            continue
        text = token.text[: most - shown]
        left_out += len(token.text) - len(text)
        shown += len(text)
        parts.append(_span(text, token))
    more = f" … and {left_out:,} characters more" if left_out else ""
    return f'<p class="text">{"".join(parts)}{more}</p>'


def legend() -> str:
    """What the shades mean."""
    steps = " ".join(
        f'<span class="s{shade}">&nbsp;{_share(2 ** (-_BITS * shade))}&nbsp;</span>' for shade in range(_SHADES)
    )
    return f"<p>Probability of a token after all before it: {steps} or less. Point at one to read its own.</p>"


def _span(text: str, token: Token) -> str:
    if token.probability is None or token.rank is None:
        return f'<span title="not read">{escape(text)}</span>'
    shade = min(_SHADES - 1, int(-log2(max(token.probability, 1e-9)) / _BITS))
    title = f"{_share(token.probability)}, rank {token.rank + 1}"
    kind = f' class="s{shade}"' if shade else ""
    return f'<span{kind} title="{title}">{escape(text)}</span>'


def _share(probability: float) -> str:
    return f"{100 * probability:.2g} %" if probability < 0.995 else "100 %"
