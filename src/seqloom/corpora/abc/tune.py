"""Tunes in ABC notation as payloads, and the normal form of their texts."""

import re
from dataclasses import dataclass
from typing import ClassVar

from seqloom.corpora.abc.keys import parse_key
from seqloom.corpora.abc.parser import parse_tune
from seqloom.corpora.abc.playback import music_of
from seqloom.corpora.abc.tokens import tokens_of
from seqloom.corpora.abc.transposition import transposed_tune
from seqloom.corpora.music import MusicPayload

__all__ = ["HEADER_NAMES", "AbcTune", "normal_tune", "tune_from_text"]

HEADER_NAMES = {"key": "K", "metre": "M", "meter": "M", "rhythm": "R", "unit": "L"}
"""Names of header fields in words."""

_KEPT_FIELDS = "ML"  # before the key, which comes last
_BODY_FIELDS = "KML"
_ENDING = re.compile(r"(\|:?)\s?([1-9](?:[,-][1-9])*)(?![0-9/])")
_CONTINUED = re.compile(r"\\\s*\n")
_INLINE = re.compile(r"\[([A-Za-z]):([^\]\n]*)\]")
_FIELD = re.compile(r"([A-Za-z]):(?![|:])")
_SPACERS = re.compile(r"![^!\n ]+!|\"[^\"\n]*\"|[y`]")
_CLEF = re.compile(r"(?:clef|middle|octave|transpose|staff)")


@dataclass(frozen=True)
class AbcTune(MusicPayload):
    """A tune: its text in normal form, and its music.

    Attributes:
        text: fields M, L and K, one per line, then the music.
    """

    kind: ClassVar[str] = "tunes"
    default_level: ClassVar[str] = "abc"

    text: str = ""

    def altered(self, semitones: int, tempo_factor: float) -> "AbcTune | None":
        """Return the tune in another key, with its tempo unchanged; None if it cannot be spelled."""
        text = transposed_tune(self.text, semitones) if semitones else None
        return None if text is None else tune_from_text(text)


def tune_from_text(text: str) -> AbcTune:
    """Return the tune of a text in normal form."""
    music = music_of(parse_tune(text))
    return AbcTune(music.notes, music.tempos, text)


def normal_tune(header: dict[str, str], body: str) -> str | None:
    """Return the normal form of a tune; None if it has signs that are no ABC, or several voices.

    Titles, comments, lyrics and layout are left out. Fields within the music stay if they change the key, the metre or
    the unit of length.

    Args:
        header: first value of each field of the header.
        body: lines of music.
    """
    key = parse_key(header.get("K", ""))
    if key is None:
        return None
    fields = [f"{name}:{header[name].strip()}\n" for name in _KEPT_FIELDS if header.get(name, "").strip()]
    lines: list[str] = []
    for line in _CONTINUED.sub(" ", body).split("\n"):
        music = _normal_line(line.partition("%")[0].strip())
        if music is None:
            return None
        if music:
            lines.append(f"{music}\n")
    text = f"{''.join(fields)}K:{key}\n{''.join(lines)}"
    return None if any(token.kind == "unknown" for token in tokens_of(text)) else text


def _normal_line(line: str) -> str | None:
    """Return the normal form of a line of music; None if it changes to another voice or to an unknown key."""
    if field := _FIELD.match(line):
        return _kept_field(field[1], line[2:])
    parts = [(match[0], _kept_field(match[1], match[2])) for match in _INLINE.finditer(line)]
    for whole, kept in parts:
        if kept is None:
            return None
        line = line.replace(whole, f"[{kept}]" if kept else "", 1)
    if line.count("!") % 2:  # one sign marks the end of a line in old files, and two enclose a decoration
        line = line.rstrip().removesuffix("!")
    line = _SPACERS.sub(lambda match: match[0] if len(match[0]) > 1 else "", _ENDING.sub(r"\1[\2", line))
    return re.sub(r"\s+", " ", line).strip()


def _kept_field(name: str, value: str) -> str | None:
    """Return a field within the music in normal form; "" if it does not change the notes, None if it is not understood.

    A change of the voice is not understood, and neither is a key with a signature of its own.
    """
    if name == "V":
        return None
    if name not in _BODY_FIELDS or (name == "K" and _CLEF.match(value.strip())):
        return ""
    if name != "K":
        return f"{name}:{value.strip()}"
    key = parse_key(value)
    return None if key is None else f"K:{key}"
