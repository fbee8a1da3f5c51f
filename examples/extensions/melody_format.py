"""A format: melodies as text files with one MIDI pitch per line.

Register it as `".melody": "examples.extensions.melody_format:MelodyFile"`.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from seqloom.config import ReadingConfig
from seqloom.corpora import Document
from seqloom.corpora.formats.base import Format
from seqloom.corpora.sources import SourceFile

__all__ = ["MelodyFile", "MelodyPayload"]


@dataclass(frozen=True)
class MelodyPayload:
    """A melody: one MIDI pitch, 0 to 127, per note."""

    kind: ClassVar[str] = "music"
    pitches: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class MelodyFile(Format):
    """One file of a melody."""

    name = "melody"

    @classmethod
    def examine(cls, source_file: SourceFile, reading: ReadingConfig) -> Self:
        content = b"".join(source_file.read_blocks())
        return cls(source_file=source_file, sha256=hashlib.sha256(content).hexdigest())

    def documents(self, reading: ReadingConfig, ratings: Any, tally: Counter[str]) -> Iterator[Document]:
        content = b"".join(self.source_file.read_blocks())
        yield Document(MelodyPayload(tuple(map(int, content.split()))))
