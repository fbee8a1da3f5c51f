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
_OLD_LINE_END = re.compile(r"!\s*$", re.MULTILINE)


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
    for line in _OLD_LINE_END.sub("", _CONTINUED.sub(" ", body)).split("\n"):
        music = line.partition("%")[0].strip()
        if re.match(r"[A-Za-z]:", music):
            if music[0] == "V":
                return None
            music = _kept_field(music[0], music[2:]) or ""
        else:
            music = _INLINE.sub(lambda match: f"[{kept}]" if (kept := _kept_field(match[1], match[2])) else "", music)
            music = re.sub(r"[y`]", "", _ENDING.sub(r"\1[\2", music))
            music = re.sub(r"\s+", " ", music).strip()
        if music:
            lines.append(music)
    text = f"{''.join(fields)}K:{key}\n" + "\n".join(lines) + "\n"
    is_known = lines and all(token.kind != "unknown" for token in tokens_of(text))
    return text if is_known else None


def _kept_field(name: str, value: str) -> str | None:
    """Return a field within the music in normal form; None if it does not change the music."""
    if name not in _BODY_FIELDS:
        return None
    key = parse_key(value) if name == "K" else None
    return f"{name}:{key or value.partition('%')[0].strip()}"
