"""Payloads: the content of a document, one frozen type for each kind of sequence.

A format (the reader of one type of file) produces payloads of one type. A codec (which turns payloads into token ids)
declares the type of payload that it encodes. Text is the kind that seqloom itself reads. Another kind (notes, strokes,
a waveform, a series, turns of a dialogue) needs a frozen dataclass with a `kind`, a format that produces it and a codec
that encodes it. Corpora, token stores and splits work with it unchanged.
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
        read: function that starts at the first chunk again whenever it is called, and returns all chunks in order.
    """

    read: Callable[[], Iterator[str]]

    def __iter__(self) -> Iterator[str]:
        return self.read()


@dataclass(frozen=True)
class TextPayload:
    """A text.

    Attributes:
        chunks: the text in order, in chunks of at most `CHUNK_CHARACTERS` characters; can be iterated any number of
            times. An empty chunk separates two passages: parts of one record that the codec separates by its boundary
            token, so that a model learns to end each of them.
    """

    kind: ClassVar[str] = "text"

    chunks: Iterable[str]

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the payload of a text in memory."""
        return cls(tuple(bounded_chunks(text)))

    def passages(self) -> Iterator[Iterator[str]]:
        """Yield each passage as an iterator over its chunks; read a passage to its end before you request the next."""
        runs = itertools.groupby(self.chunks, key=bool)  # an empty chunk is False, and ends a run of text
        return (chunks for is_text, chunks in runs if is_text)

    def __str__(self) -> str:
        return "".join(self.chunks)


def bounded_chunks(text: str) -> Iterator[str]:
    """Yield a text in chunks of at most `CHUNK_CHARACTERS` characters, none of them empty."""
    if 0 < len(text) <= CHUNK_CHARACTERS:
        yield text
        return
    for start in range(0, len(text), CHUNK_CHARACTERS):
        yield text[start : start + CHUNK_CHARACTERS]
