"""Tokens of ABC notation: the smallest parts of a tune that mean something.

A tune in normal form has the fields M, L and K, one per line, and then its music. Each field is a token. The pitch and
the length of a note are two tokens.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["NOTE", "Token", "tokens_of"]

_NUMBER = "[1-9][0-9]{0,4}"

_KINDS = (
    ("field", r"[A-Za-z]:(?![|:])[^\n]*\n?"),
    ("inline", r"\[[A-Za-z]:[^\]\n]*\]"),
    ("ending", r"\[[1-9](?:[,-][1-9])*"),
    ("bar", r":{1,4}\|{1,4}:{1,4}|::|:{0,4}\|\]|\[\|:{0,4}|:{0,4}\|{1,4}:{0,4}"),
    ("tuplet", r"\([2-9](?::[1-9]?(?::[1-9]?)?)?"),
    ("note", r"(?:\^\^|\^|__|_|=)?[A-Ga-g][,']*"),
    ("rest", r"[zx]"),
    ("bars", r"[ZX]"),
    ("length", rf"{_NUMBER}/{_NUMBER}|{_NUMBER}/{{0,6}}|/{_NUMBER}|/{{1,6}}"),
    ("broken", r">{1,3}|<{1,3}"),
    ("tie", r"-"),
    ("chord", r'"[^"\n]*"'),
    ("decoration", r"![^!\n ]+!|[~.HLMOPSTuv]"),
    ("open", r"[\[({]/?"),
    ("close", r"[\])}]"),
    ("line", r"\n"),
    ("space", r" +"),
)
_TOKEN = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS))
_AT_LINE_START = "field"

NOTE = re.compile(r"(\^\^|\^|__|_|=)?([A-Ga-g])([,']*)")
"""A note token: accidental, letter, octave marks."""


class Token(NamedTuple):
    """A token.

    Attributes:
        kind: name of the kind, or "unknown" for a character that ABC does not define in music.
        text: text of the token.
        position: position of its first character.
    """

    kind: str
    text: str
    position: int


def tokens_of(text: str) -> Iterator[Token]:
    """Yield the tokens of a tune, whose texts joined are the tune."""
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        kind = "unknown" if match is None else str(match.lastgroup)
        is_inside_line = position > 0 and text[position - 1] != "\n"
        if match is not None and kind == _AT_LINE_START and is_inside_line:
            match = _IN_LINE.match(text, position)
            kind = "unknown" if match is None else str(match.lastgroup)
        length = 1 if match is None else match.end() - position
        yield Token(kind, text[position : position + length], position)
        position += length


_IN_LINE = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS[1:]))
