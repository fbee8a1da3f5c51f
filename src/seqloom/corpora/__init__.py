"""From a source that a person names to an ordered, re-iterable stream of documents."""

from seqloom.corpora.catalogue import Entry
from seqloom.corpora.corpus import SourceCorpus, open_corpus
from seqloom.corpora.document import CHUNK_CHARACTERS, Condition, Corpus, Document
from seqloom.corpora.fetch import catalogue, fetch

__all__ = [
    "CHUNK_CHARACTERS",
    "Condition",
    "Corpus",
    "Document",
    "Entry",
    "SourceCorpus",
    "catalogue",
    "fetch",
    "open_corpus",
]
