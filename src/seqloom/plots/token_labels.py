"""Tokens and prompts as labels that the plots' font can draw."""

import unicodedata
from functools import cache

__all__ = ["drawable", "token_label"]

_SHOWN_AS = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "↵"}
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
        return _code(lacking) + ("…" if len(token) > 1 else "")
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


def drawable(text: str, *, longest: int = 60) -> str:
    """A text as a title's line: signs for line ends, U+65E5 for what the font lacks, only its end if long."""
    signs = {character: sign for character, sign in _SHOWN_AS.items() if character != " "}
    parts: list[str] = []
    for character in text[-longest - 1 :]:
        shown = signs.get(character, character)
        drawn = shown if _has_glyphs(shown) else _code(shown)
        beside_code = bool(parts) and (drawn != shown or len(parts[-1].strip()) > 1)
        parts.append(f" {drawn}" if beside_code and " " not in (drawn, parts[-1]) else drawn)
    kept = len(parts)
    while sum(map(len, parts[-kept:])) > longest - (kept < len(parts)):
        kept -= 1
    return "".join(parts) if kept == len(parts) else "…" + "".join(parts[-kept:])


def _code(character: str) -> str:
    return f"U+{ord(character):04X}"


def _has_glyphs(text: str) -> bool:
    """Whether each character has a glyph and can stand by itself; a lone combining mark cannot."""
    glyphs = _glyphs()
    return all(ord(character) in glyphs and unicodedata.category(character)[0] not in "CM" for character in text)


@cache
def _glyphs() -> frozenset[int]:
    from matplotlib.font_manager import findfont
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(findfont("DejaVu Sans")).get_charmap())
