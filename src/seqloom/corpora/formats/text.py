"""Text files: one running text, or records."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Self

from seqloom.config import ReadingConfig
from seqloom.corpora.document import Document
from seqloom.corpora.formats.base import DecodedFile
from seqloom.corpora.formats.records import split_records
from seqloom.corpora.normalization import fold_chunks, record_chunks
from seqloom.corpora.payloads import Rereadable, TextPayload
from seqloom.corpora.sources import SourceFile
from seqloom.corpora.table_documents import RatingColumns

__all__ = ["TextFile"]


@dataclass(frozen=True, kw_only=True)
class TextFile(DecodedFile):
    """A file of text."""

    name = "text"

    @classmethod
    def examine(cls, source_file: SourceFile, reading: ReadingConfig) -> Self:
        """Determine the encoding of a text file."""
        return cls.decode(source_file, reading)

    def documents(self, reading: ReadingConfig, ratings: RatingColumns, tally: Counter[str]) -> Iterator[Document]:
        """Yield one document per record, or one for the whole text."""
        if not reading.records:
            yield Document(TextPayload(Rereadable(lambda: fold_chunks(self.text_chunks(), reading))))
            return
        for record in split_records(self.text_chunks(), reading.records, tally):
            yield Document(TextPayload(Rereadable(partial(record_chunks, record, reading))))
