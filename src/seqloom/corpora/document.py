"""What a corpus is made of."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

__all__ = ["CHUNK_CHARACTERS", "Condition", "Corpus", "Document"]

CHUNK_CHARACTERS = 1 << 20
"""No chunk of a document holds more characters than this."""

Condition = float | str | None
"""A rating, a category, or nothing known."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """One record of a corpus.

    Attributes:
        chunks: the payload in order, in pieces of at most `CHUNK_CHARACTERS` characters; read once. An empty one stands
            between two passages: texts that a model shall learn to end, though the record goes on.
        conditions: ratings (numbers) and categories (strings) by column name; None where the record has none.
        group: records of one group (a business, an author) never stand on both sides of a split.
    """

    chunks: Iterable[str]
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    group: str | None = None

    def passages(self) -> Iterator[Iterator[str]]:
        """The chunks of each passage, to be read before the next passage is asked for."""
        return (chunks for full, chunks in itertools.groupby(self.chunks, bool) if full)


@runtime_checkable
class Corpus(Protocol):
    """An ordered stream of documents that can be read any number of times.

    Attributes:
        name: what a person calls it.
        separate: True where the documents are separate records (lines, rows, several files), which a model must
            learn to begin and end; False where the corpus is one running text.
        fingerprint: sha256, in hexadecimal, over the source's bytes and the way they are read.
        skipped: what was left out in the last full pass, by reason.
    """

    name: str
    separate: bool
    fingerprint: str
    skipped: Mapping[str, int]

    def __iter__(self) -> Iterator[Document]:
        """Read the documents from the first to the last."""
        ...
