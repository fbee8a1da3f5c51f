"""Tokens and prompts as labels that the plots' font can draw."""

import unicodedata
from functools import cache

__all__ = ["drawable", "token_label"]

_SHOWN_AS = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "↵"}
_MISSING = "□"
_LONGEST = 10


def token_label(token: str) -> str:
    """A short label for one token: spaces and line ends as signs, U+65E5 for what the font lacks.

    A label of more than ten characters is cut, and the cut shown.
    """
    if not token:
        return "(end)"
    shown = "".join(_SHOWN_AS.get(character, character) for character in token)
    if not _has_glyphs(shown):
        lacking = next(character for character in shown if not _has_glyphs(character))
        return f"U+{ord(lacking):04X}" + ("…" if len(token) > 1 else "")
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


def drawable(text: str, *, longest: int = 60) -> str:
    """A text as a title's line: signs for line ends, boxes for what the font lacks, only its end if long."""
    signs = {character: sign for character, sign in _SHOWN_AS.items() if character != " "}
    shown = "".join(signs.get(character, character) for character in text)
    shown = "".join(character if _has_glyphs(character) else _MISSING for character in shown)
    return shown if len(shown) <= longest else "…" + shown[1 - longest :]


def _has_glyphs(text: str) -> bool:
    """Whether each character has a glyph and can stand by itself; a lone combining mark cannot."""
    glyphs = _glyphs()
    return all(ord(character) in glyphs and unicodedata.category(character)[0] not in "CM" for character in text)


@cache
def _glyphs() -> frozenset[int]:
    from matplotlib.font_manager import findfont
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(findfont("DejaVu Sans")).get_charmap())
