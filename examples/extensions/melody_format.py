"""A format: melodies as text files with one MIDI pitch per line, and an empty line between two melodies.

Register it as `".melody": "examples.extensions.melody_format:MelodyFile"`.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from seqloom.config import ReadingConfig
from seqloom.corpora import Document
from seqloom.corpora.encodings import Refused
from seqloom.corpora.formats.base import Format
from seqloom.corpora.sources import SourceFile

__all__ = ["NUM_PITCHES", "MelodyFile", "MelodyPayload"]

NUM_PITCHES = 128


@dataclass(frozen=True)
class MelodyPayload:
    """A melody: one MIDI pitch, 0 to 127, per note."""

    kind: ClassVar[str] = "music"
    pitches: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class MelodyFile(Format):
    """One file of melodies."""

    name = "melody"
    payload_type = MelodyPayload
    separates_documents = True

    @classmethod
    def examine(cls, source_file: SourceFile, reading: ReadingConfig) -> Self:
        content = b"".join(source_file.read_blocks())
        pitches = content.split()
        if not pitches or not all(pitch.isdigit() and int(pitch) < NUM_PITCHES for pitch in pitches):
            raise Refused(
                "file without melodies",
                f"{source_file.name} is no melody: a line must hold one pitch from 0 to {NUM_PITCHES - 1}",
            )
        return cls(source_file=source_file, sha256=hashlib.sha256(content).hexdigest())

    def documents(self, reading: ReadingConfig, ratings: Any, tally: Counter[str]) -> Iterator[Document]:
        content = b"".join(self.source_file.read_blocks()).strip()
        for melody in re.split(rb"\r?\n\s*\n", content):
            yield Document(MelodyPayload(tuple(map(int, melody.split()))))
