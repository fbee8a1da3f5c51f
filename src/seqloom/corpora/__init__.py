"""From the name of a source to an ordered, re-iterable stream of documents."""

import importlib
from typing import TYPE_CHECKING, Any

from seqloom.corpora.catalogue import Entry
from seqloom.corpora.document import Condition, Corpus, Document
from seqloom.corpora.fetch import catalogue, fetch
from seqloom.corpora.payloads import CHUNK_CHARACTERS, Payload, TextPayload

if TYPE_CHECKING:
    from seqloom.corpora.corpus import SourceCorpus, open_corpus

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


def __getattr__(name: str) -> Any:
    """Import the readers of files on first use: codecs need documents, but no files."""
    if name not in ("SourceCorpus", "open_corpus"):
        raise AttributeError(f"module 'seqloom.corpora' has no attribute '{name}'")
    return getattr(importlib.import_module("seqloom.corpora.corpus"), name)
