"""Format tokens and prompts as labels in the font of the plots."""

import unicodedata
from functools import cache

__all__ = ["displayable", "token_label"]

_VISIBLE_SYMBOLS = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "↵"}
_MAX_LABEL_LENGTH = 10


def token_label(token: str) -> str:
    """Return a short label of a token.

    Spaces and line breaks become symbols, and characters without a glyph become codes such as U+65E5. A label is cut to
    ten characters, with an ellipsis.
    """
    if not token:
        return "(end)"
    shown = "".join(_VISIBLE_SYMBOLS.get(character, character) for character in token)
    if not _has_glyphs(shown):
        missing = next(character for character in shown if not _has_glyphs(character))
        return _code_point(missing) + ("…" if len(token) > 1 else "")
    return shown if len(shown) <= _MAX_LABEL_LENGTH else shown[: _MAX_LABEL_LENGTH - 1] + "…"


def displayable(text: str, *, max_length: int = 60) -> str:
    """Return a text as one line of a title.

    Line breaks become symbols, and characters without a glyph become codes such as U+65E5. A long text is cut at its
    beginning.

    Args:
        text: text.
        max_length: largest number of characters in the line.
    """
    symbols = {character: symbol for character, symbol in _VISIBLE_SYMBOLS.items() if character != " "}
    parts: list[str] = []
    for character in text[-max_length - 1 :]:
        shown = symbols.get(character, character)
        label = shown if _has_glyphs(shown) else _code_point(shown)
        # A space separates a code from its neighbours. An entry of `parts` with several characters is a code.
        next_to_code = bool(parts) and (label != shown or len(parts[-1].strip()) > 1)
        parts.append(f" {label}" if next_to_code and " " not in (label, parts[-1]) else label)
    # The last `num_kept` parts are kept. If that is not all, an ellipsis of one character replaces the others.
    num_kept = len(parts)
    while sum(map(len, parts[-num_kept:])) > max_length - (num_kept < len(parts)):
        num_kept -= 1
    return "".join(parts) if num_kept == len(parts) else "…" + "".join(parts[-num_kept:])


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"


def _has_glyphs(text: str) -> bool:
    """Return whether each character has a glyph and can stand alone; a combining mark cannot."""
    glyphs = _glyphs()
    return all(ord(character) in glyphs and unicodedata.category(character)[0] not in "CM" for character in text)


@cache
def _glyphs() -> frozenset[int]:
    from matplotlib.font_manager import findfont
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(findfont("DejaVu Sans")).get_charmap())
