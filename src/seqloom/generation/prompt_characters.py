"""Write a prompt with the characters that a run knows.

A prompt from a word processor has typographic quotation marks, dashes and accents that a corpus of plain text lacks. A
character that the run does not know is replaced by one of the same meaning that it knows, and the replacements are
reported. Only prompts are changed: a text whose likelihood is measured stays as it is.
"""

import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from seqloom.user_warnings import warn_user

if TYPE_CHECKING:
    from seqloom.codecs.base import Codec
    from seqloom.runs.saved_run import SavedRun

__all__ = ["prepare_prompt", "replace_unknown"]

_SINGLE_QUOTES = "'\u2019\u2018\u201b\u2032\u02bc`\u00b4"
_DOUBLE_QUOTES = '"\u201d\u201c\u201e\u201f\u2033\u00ab\u00bb'
_SAME_MEANING = (
    _SINGLE_QUOTES,
    _DOUBLE_QUOTES,
    "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212",  # hyphens and dashes
    " \u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    ",\u201a\u3001\uff0c",
    ".\u3002\uff0e",
    "*\u2022\u00b7\u2217",
    "/\u2044\u2215",
)  # fmt: skip
"""Characters that stand for each other; the most common one comes first."""

_SPELLINGS = {
    "\u2026": "...", "\u00df": "ss", "\u00e6": "ae", "\u00c6": "AE", "\u0153": "oe", "\u0152": "OE", "\u00f8": "o",
    "\u00d8": "O", "\u0142": "l", "\u0141": "L", "\u0111": "d", "\u0110": "D", "\u00f0": "d", "\u00de": "Th",
    "\u00fe": "th", "\u0131": "i", "\u2192": "->", "\u2190": "<-", "\u00d7": "x", "\u200b": "", "\ufeff": "",
    "\u00ad": "", "\u200e": "", "\u200f": "",
}  # fmt: skip
"""Spelling of characters that Unicode does not decompose; invisible characters become nothing."""


def prepare_prompt(run: "SavedRun", prompt: str) -> str:
    """Return a prompt as the training corpus was transformed, with characters that the run knows.

    Replacements are the subject of a warning. Characters without a known replacement stay.

    Raises:
        ConfigError: `prompt` is not a string.
    """
    text, replaced = replace_unknown(run.normalize(prompt), run.codec)
    if replaced:
        shown = ", ".join(f"{before!r} became {after!r}" for before, after in replaced.items())
        warn_user(f"the prompt has characters that the run does not know: {shown}")
    return text


def replace_unknown(text: str, codec: "Codec[Any]") -> tuple[str, dict[str, str]]:
    """Replace the unknown characters of a text by known ones of the same meaning.

    Args:
        text: text.
        codec: codec of a run; one of labels, such as notes, knows no replacements.

    Returns:
        The text, and the replacement of each replaced character.
    """
    unknown = {symbol for _, symbol in codec.unknown_symbols(text)} if codec.separator == "" else set()
    replaced = {
        symbol: replacement
        for symbol in dict.fromkeys(character for character in text if character in unknown)
        if (replacement := _known_replacement(symbol, codec)) is not None
    }
    return "".join(replaced.get(character, character) for character in text), replaced


def _known_replacement(character: str, codec: "Codec[Any]") -> str | None:
    for candidate in _candidates(character):
        if candidate != character and not codec.unknown_symbols(candidate):
            return candidate
    return None


def _candidates(character: str) -> Iterator[str]:
    """Yield texts that may stand for a character, the best one first."""
    for group in _SAME_MEANING:
        if character in group:
            yield from group
    if character in _DOUBLE_QUOTES:
        yield from _SINGLE_QUOTES
    if character in _SPELLINGS:
        yield _SPELLINGS[character]
    compatible = unicodedata.normalize("NFKC", character)
    yield compatible
    letters = "".join(part for part in unicodedata.normalize("NFKD", compatible) if not unicodedata.combining(part))
    if letters or unicodedata.combining(character):  # an accent alone can be left out
        yield letters
        yield letters.lower()
        yield letters.upper()
