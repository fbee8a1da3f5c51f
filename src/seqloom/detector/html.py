"""Elements of an HTML page that loads nothing from the network. All texts are escaped here."""

import re
from collections.abc import Iterable, Iterator, Sequence
from math import log2
from string import Template
from typing import NamedTuple

from seqloom.detector.explanation import Token
from seqloom.harmless_text import escaped
from seqloom.percent import format_percent
from seqloom.plots.detector import LineStyle
from seqloom.plots.page_colors import DARK_COLORS, LIGHT_COLORS, color_variable

__all__ = [
    "PageSection", "bullets", "colored_words", "document", "heading", "legend", "line_legend", "paragraph", "plots",
    "table",
]  # fmt: skip

_NUM_SHADES = 8
"""Number of background shades of tokens, including none."""

_BITS_PER_SHADE = 2.5
"""Surprisal in bits that makes the background of a word one shade stronger."""

_MAX_OPACITY = 0.6
"""Opacity of the strongest shade."""


def _variables(colors: Iterable[tuple[str, str]]) -> str:
    return " ".join(f"--{name}: {color};" for name, color in colors)


_RULES = Template("""
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: $ink; background: $paper; max-width: 68rem;
  margin: 2rem auto; padding: 0 1rem; overflow-wrap: break-word; }
h1, h2, h3 { line-height: 1.2; text-wrap: balance; }
h2 { margin-top: 2.5rem; }
h3 { margin-top: 1.8rem; }
a { color: inherit; }
nav { border: 1px solid $line; border-radius: 6px; padding: .6rem 1rem; margin: 1.5rem 0; }
nav ul { columns: 14rem; margin: 0; padding-left: 1.2rem; }
figure { margin: 1rem 0; }
figcaption { color: $grey; padding-bottom: .3rem; }
p, ul, figcaption { max-width: 48rem; }
.scroll { overflow-x: auto; background: linear-gradient(to right, $paper 50%, transparent) left / 3rem 100%,
  linear-gradient(to left, $paper 50%, transparent) right / 3rem 100%,
  linear-gradient(to right, rgba(128, 128, 128, .5), transparent) left / .5rem 100%,
  linear-gradient(to left, rgba(128, 128, 128, .5), transparent) right / .5rem 100%;
  background-repeat: no-repeat; background-attachment: local, local, scroll, scroll; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid $line;
  vertical-align: top; min-width: 5.5rem; }
th[scope=row] { min-width: 10rem; max-width: 20rem; overflow-wrap: anywhere; font-weight: normal; }
thead th { border-bottom: 2px solid $grey; }
.number { text-align: right; white-space: nowrap; }
thead .number { white-space: normal; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; }
.plots svg { flex: 1 1 19rem; max-width: 27rem; width: 100%; height: auto; }
.lines { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: 0; margin: .5rem 0; list-style: none; }
.lines svg { width: 40px; height: 10px; margin-right: .4rem; }
article { border: 1px solid $line; border-radius: 6px; padding: .2rem 1rem; margin: 1rem 0; }
ul { padding-left: 1.2rem; }
li { margin: .2rem 0; }
.grey { color: $grey; }
.note { border-left: 4px solid $danger; padding: .4rem 1rem; background: $danger_paper; }
ul.note { padding-left: 2rem; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; font: 14px/1.7 ui-monospace, monospace; }
""")
"""Style of all elements; names after $ are colours."""

_STYLE = "\n".join(
    [
        f":root {{ color-scheme: light dark; {_variables(LIGHT_COLORS.items())} }}",
        f"@media (prefers-color-scheme: dark) {{ :root {{ {_variables(DARK_COLORS.items())} }} }}",
        _RULES.substitute({name: color_variable(name) for name in LIGHT_COLORS}).strip(),
        *(
            f".s{shade} {{ background: rgba(128, 128, 128, {_MAX_OPACITY * shade / (_NUM_SHADES - 1):.2f}); }}"
            for shade in range(1, _NUM_SHADES)
        ),
    ]
)

_CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_NUMBER = re.compile(r"[+-]?[\d.,]+( %| tokens?)?( \(.*\))?")
"""Cell with a number, and perhaps its interval in brackets."""


class PageSection(NamedTuple):
    """A part of a page with a heading.

    Attributes:
        title: heading, as text.
        parts: content, as HTML.
    """

    title: str
    parts: Sequence[str]


def document(title: str, opening: Iterable[str], sections: Sequence[PageSection], footer: str) -> str:
    """Return a page, with a list of its sections after the opening.

    Args:
        title: title of the page, as text.
        opening: content before the first section, as HTML.
        sections: sections of the page.
        footer: last line of the page, as text.
    """
    links = "".join(
        f'<li><a href="#part-{number}">{escaped(section.title)}</a></li>' for number, section in enumerate(sections, 1)
    )
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_CONTENT_SECURITY_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escaped(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{escaped(title)}</h1>",
            *opening,
            *([f'<nav aria-label="Contents"><ul>{links}</ul></nav>'] if sections else []),
            *(_section(number, section) for number, section in enumerate(sections, 1)),
            f"{paragraph(footer, style='grey')}\n</body>\n</html>\n",
        ]
    )


def _section(number: int, section: PageSection) -> str:
    content = "\n".join(section.parts)
    return f'<section id="part-{number}">\n<h2>{escaped(section.title)}</h2>\n{content}\n</section>'


def heading(text: str) -> str:
    """Return a heading within a section."""
    return f"<h3>{escaped(text)}</h3>"


def paragraph(text: str, *, style: str = "") -> str:
    """Return a paragraph; its style is "" (plain), "grey", or "note" (a danger)."""
    opening = f'<p class="{style}">' if style else "<p>"
    return f"{opening}{escaped(text)}</p>"


def bullets(lines: Sequence[str], *, style: str = "") -> str:
    """Return an unordered list; for its style, see `paragraph`."""
    opening = f'<ul class="{style}">' if style else "<ul>"
    return opening + "".join(f"<li>{escaped(line)}</li>" for line in lines) + "</ul>"


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table that scrolls in its own box; the first cell of each row is its header.

    Columns of numbers are aligned to the right.
    """
    rows = list(rows)
    columns = list(zip(*rows, strict=True))[1:] if rows else [() for _ in header[1:]]
    is_number = [False, *(all(not cell or _NUMBER.fullmatch(cell) for cell in column) for column in columns)]
    styles = [' class="number"' if number else "" for number in is_number]
    head = "".join(f'<th scope="col"{style}>{escaped(cell)}</th>' for cell, style in zip(header, styles, strict=True))
    body = "\n".join(
        f'<tr><th scope="row">{escaped(row[0])}</th>'
        + "".join(f"<td{style}>{escaped(cell)}</td>" for cell, style in zip(row[1:], styles[1:], strict=True))
        + "</tr>"
        for row in rows
    )
    return (
        f'<figure><figcaption>{escaped(caption)}</figcaption>\n<div class="scroll" tabindex="0"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div></figure>"
    )


def plots(caption: str, drawn: Iterable[str], legend: str = "") -> str:
    """Return plots side by side, or one below the other on a narrow screen.

    Args:
        caption: text above the plots.
        drawn: plots as SVG; see `seqloom.plots.svg`.
        legend: legend below the plots, as HTML.
    """
    inner = "\n".join(drawn)
    return f'<figure><figcaption>{escaped(caption)}</figcaption>\n<div class="plots">{inner}</div>{legend}</figure>'


def line_legend(styles: Iterable[tuple[str, LineStyle]]) -> str:
    """Return a legend with a piece of each line."""
    return f'<ul class="lines">{"".join(_line_entry(label, style) for label, style in styles)}</ul>'


def _line_entry(label: str, style: LineStyle) -> str:
    dashes = f' stroke-dasharray="{" ".join(f"{length:g}" for length in style.dashes)}"' if style.dashes else ""
    line = (
        f'<line x1="1" y1="5" x2="39" y2="5" stroke="{color_variable(style.color)}" stroke-width="{style.width:g}"'
        f"{dashes}></line>"
    )
    return f'<li><svg aria-hidden="true" viewBox="0 0 40 10">{line}</svg>{escaped(label)}</li>'


def colored_words(tokens: Iterable[Token], max_characters: int) -> str:
    """Return a text with a stronger background for more surprising words; tooltips show their probabilities.

    The probability of a word is the product of those of its tokens. A word includes the space next to it.

    Args:
        tokens: tokens of the text.
        max_characters: maximal number of characters that are shown.
    """
    parts, num_shown, num_omitted = [], 0, 0
    for word in _words(tokens):
        text = "".join(token.text for token in word)
        shown = text[: max(0, max_characters - num_shown)]
        num_omitted += len(text) - len(shown)
        num_shown += len(shown)
        if shown:
            parts.append(_span(shown, word))
    more = f" … and {num_omitted:,} more characters" if num_omitted else ""
    return f'<p class="text">{"".join(parts)}{more}</p>'


def _words(tokens: Iterable[Token]) -> Iterator[list[Token]]:
    """Yield the tokens of each word; a space belongs to the word of its token, else to the word before it."""
    word: list[Token] = []
    for token in tokens:
        opens_word = len(token.text) > 1 and token.text[0].isspace()
        if word and (opens_word or word[-1].text[-1:].isspace()) and not token.text.isspace():
            yield word
            word = []
        word.append(token)
    if word:
        yield word


def legend() -> str:
    """Return a legend that shows the probability of a word for each shade."""
    shades = " ".join(
        f'<span class="s{shade}">&nbsp;{format_percent(2 ** (-_BITS_PER_SHADE * shade))}&nbsp;</span>'
        for shade in range(_NUM_SHADES)
    )
    return (
        f"<p>Probability of a word after the preceding text: {shades} or less. Point at a word to see its own "
        "probability.</p>"
    )


def _span(text: str, word: Sequence[Token]) -> str:
    """Return the text of a word, perhaps shortened, shaded by its probability."""
    known = [token.probability for token in word if token.probability is not None]
    if not known:
        return f'<span title="not scored">{escaped(text)}</span>'
    bits = sum(-log2(max(probability, 1e-9)) for probability in known)
    shade = min(_NUM_SHADES - 1, int(bits / _BITS_PER_SHADE))
    shade_class = f' class="s{shade}"' if shade else ""
    return f'<span{shade_class} title="{format_percent(2**-bits)}">{escaped(text)}</span>'
