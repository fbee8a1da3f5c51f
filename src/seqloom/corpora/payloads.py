"""Payloads: the content of a document, one frozen type for each kind of sequence.

A format produces payloads of one type, and a codec declares the type that it encodes. Text is the kind in use. Another
kind (notes, strokes, a waveform, a series, turns of a dialogue) is a frozen dataclass with a `kind`, a format that
produces it and a codec that encodes it; corpora, token stores and splits work with it unchanged.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self, runtime_checkable

__all__ = ["CHUNK_CHARACTERS", "Payload", "Rereadable", "TextPayload", "bounded_chunks"]

CHUNK_CHARACTERS = 1 << 20
"""Longest chunk of a text, in characters."""


@runtime_checkable
class Payload(Protocol):
    """Content of one document: immutable, and readable any number of times.

    Attributes:
        kind: name of the kind of sequence in messages, such as "text".
    """

    kind: ClassVar[str]


@dataclass(frozen=True)
class Rereadable:
    """Chunks that are produced again at every iteration, so that a long text never has to be in memory.

    Attributes:
        read: function that returns the chunks from the first to the last.
    """

    read: Callable[[], Iterator[str]]

    def __iter__(self) -> Iterator[str]:
        return self.read()


@dataclass(frozen=True)
class TextPayload:
    """A text.

    Attributes:
        chunks: the text in order, in chunks of at most `CHUNK_CHARACTERS` characters; can be iterated any number of
            times. An empty chunk separates two passages, which a model learns to end although the record continues.
    """

    kind: ClassVar[str] = "text"

    chunks: Iterable[str]

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the payload of a text in memory."""
        return cls(tuple(bounded_chunks(text)))

    def passages(self) -> Iterator[Iterator[str]]:
        """Return the chunks of each passage; read one passage before you request the next."""
        return (chunks for is_text, chunks in itertools.groupby(self.chunks, bool) if is_text)

    def __str__(self) -> str:
        return "".join(self.chunks)


def bounded_chunks(text: str) -> Iterator[str]:
    """Yield a text in chunks of at most `CHUNK_CHARACTERS` characters, none of them empty."""
    if 0 < len(text) <= CHUNK_CHARACTERS:
        yield text
        return
    for start in range(0, len(text), CHUNK_CHARACTERS):
        yield text[start : start + CHUNK_CHARACTERS]
