"""From the name of a source to an ordered, re-iterable stream of documents."""

from seqloom.corpora.catalogue import Entry
from seqloom.corpora.corpus import SourceCorpus, open_corpus
from seqloom.corpora.document import Condition, Corpus, Document
from seqloom.corpora.fetch import catalogue, fetch
from seqloom.corpora.payloads import CHUNK_CHARACTERS, Payload, TextPayload

__all__ = [
    "CHUNK_CHARACTERS",
    "Condition",
    "Corpus",
    "Document",
    "Entry",
    "Payload",
    "SourceCorpus",
    "TextPayload",
    "catalogue",
    "fetch",
    "open_corpus",
]
