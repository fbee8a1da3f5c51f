"""Documents, and the contract of a corpus: an ordered stream of documents."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol, TypeVar, runtime_checkable

from seqloom.corpora.payloads import Payload, TextPayload
from seqloom.errors import SourceError

__all__ = ["Condition", "Corpus", "Document", "skipped_files"]

Condition = float | str | None
"""Value of a document in one column: a rating (a number) or a category (a string); None where it is unknown."""

PayloadT = TypeVar("PayloadT", bound=Payload)


@dataclass(frozen=True)
class Document:
    """A part of a corpus: one record, such as the row of a table, or a whole running text.

    Attributes:
        payload: content of the document: its text, for example.
        conditions: ratings (numbers) and categories (strings) by column name; None where unknown.
        group: label of documents that must stay together when a corpus is divided into training, validation and
            held-out parts, such as all reviews of one business; None for a document without a group.
        row: number of the row in its table, from 1; None for a document that is not a row.
        is_copy: whether the document is an altered copy of the one before it, and only for training.
    """

    payload: Payload
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    group: str | None = None
    row: int | None = None
    is_copy: bool = False

    def payload_as(self, payload_type: type[PayloadT]) -> PayloadT:
        """Return the payload after a check of its type.

        Raises:
            SourceError: the payload has another type.
        """
        if not isinstance(self.payload, payload_type):
            raise SourceError(
                f"the source holds {self.payload.kind}, but must hold {payload_type.kind}: choose another source "
                "or another `level`"
            )
        return self.payload

    @property
    def text(self) -> TextPayload:
        """The payload, which must be text.

        Raises:
            SourceError: the document holds another kind of sequence.
        """
        return self.payload_as(TextPayload)


@runtime_checkable
class Corpus(Protocol):
    """An ordered stream of documents that can be read any number of times.

    Attributes:
        name: name in messages.
        has_separate_documents: True where the documents are separate records (lines, rows, several files), which a
            model must learn to begin and end; False where the corpus is one running sequence.
        fingerprint: sha256, in hexadecimal, of the source's bytes and the reading settings.
        skipped: number of parts (files, rows, lines and so on) that the last full pass skipped, by reason.
    """

    name: str
    has_separate_documents: bool
    fingerprint: str
    skipped: Mapping[str, int]

    def __iter__(self) -> Iterator[Document]:
        """Read the documents from the first to the last."""
        ...


def skipped_files(corpus: Corpus) -> Mapping[str, int]:
    """Return the counts in `skipped` that depend on the source's files and not only on the content that was read.

    A corpus has them in an attribute `skipped_files`; one without it has no such counts.
    """
    counts: Mapping[str, int] = getattr(corpus, "skipped_files", MappingProxyType({}))
    return counts
