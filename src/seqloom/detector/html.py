"""Elements of an HTML page that loads nothing from the network. All texts are escaped here."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from math import log2
from pathlib import Path

from seqloom.detector.explanation import Token
from seqloom.percent import format_percent

__all__ = ["bullets", "colored_tokens", "document", "heading", "legend", "paragraph", "picture", "table"]

_NUM_SHADES = 8
"""Number of background shades of tokens, including white."""

_BITS_PER_SHADE = 1.5
"""Surprisal in bits that makes the background of a token one shade darker."""

_MAX_OPACITY = 0.62
"""Opacity of the darkest shade."""

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
    f".s{shade} {{ background: rgba(213, 94, 0, {_MAX_OPACITY * shade / (_NUM_SHADES - 1):.2f}); }}\n"
    for shade in range(1, _NUM_SHADES)
)

_CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def document(title: str, parts: Iterable[str], footer: str) -> str:
    """Return a page.

    Args:
        title: title of the page, as text.
        parts: content of the page, as HTML.
        footer: last line of the page, as text.
    """
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_CONTENT_SECURITY_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>",
            *(part for part in parts if part),
            f"{paragraph(footer, style='grey')}\n</body>\n</html>\n",
        ]
    )


def heading(text: str, level: int = 2) -> str:
    """Return a heading."""
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str, *, style: str = "") -> str:
    """Return a paragraph; its style is "" (plain), "grey", or "note" (highlighted)."""
    opening = f'<p class="{style}">' if style else "<p>"
    return f"{opening}{escape(text)}</p>"


def bullets(lines: Sequence[str]) -> str:
    """Return an unordered list."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; the first cell of each row is its header."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "\n".join(
        f'<tr><th scope="row">{escape(row[0])}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    return (
        f"<table>\n<caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n"
        "</table>"
    )


def picture(path: Path, description: str) -> str:
    """Return a PNG that is embedded into the page.

    Args:
        path: PNG file.
        description: alternative text.
    """
    encoded = base64.b64encode(path.read_bytes()).decode()
    return f'<p><img alt="{escape(description)}" src="data:image/png;base64,{encoded}"></p>'


def colored_tokens(tokens: Iterable[Token], max_characters: int) -> str:
    """Return a text with a darker background for more surprising tokens; tooltips show probability and rank.

    Args:
        tokens: tokens of the text.
        max_characters: maximal number of characters that are shown.
    """
    parts, num_shown, num_omitted = [], 0, 0
    for token in tokens:
        if num_shown >= max_characters:
            num_omitted += len(token.text)
            continue
        text = token.text[: max_characters - num_shown]
        num_omitted += len(token.text) - len(text)
        num_shown += len(text)
        parts.append(_span(text, token))
    more = f" … and {num_omitted:,} more characters" if num_omitted else ""
    return f'<p class="text">{"".join(parts)}{more}</p>'


def legend() -> str:
    """Return a legend that shows the probability of a token for each shade."""
    shades = " ".join(
        f'<span class="s{shade}">&nbsp;{format_percent(2 ** (-_BITS_PER_SHADE * shade))}&nbsp;</span>'
        for shade in range(_NUM_SHADES)
    )
    return (
        f"<p>Probability of a token after the preceding text: {shades} or less. Point at a token to see its "
        "own probability.</p>"
    )


def _span(text: str, token: Token) -> str:
    """Return the text of a token, shaded by its probability.

    Args:
        text: text of the token, perhaps shortened.
        token: token.
    """
    if token.probability is None or token.rank is None:
        return f'<span title="not scored">{escape(text)}</span>'
    shade = min(_NUM_SHADES - 1, int(-log2(max(token.probability, 1e-9)) / _BITS_PER_SHADE))
    title = f"{format_percent(token.probability)}, rank {token.rank + 1}"
    shade_class = f' class="s{shade}"' if shade else ""
    return f'<span{shade_class} title="{title}">{escape(text)}</span>'
