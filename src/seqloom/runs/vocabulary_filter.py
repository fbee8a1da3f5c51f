"""Remove symbols outside a run's vocabulary from a corpus, and count them."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from seqloom.codecs.text import TextCodec
from seqloom.codecs.unknown_symbols import remove_unknown
from seqloom.corpora.document import Corpus, Document, skipped_files
from seqloom.corpora.payloads import Rereadable, TextPayload

__all__ = ["VocabularyFilter", "skipped_symbols"]

_REASON_PREFIX = "unknown symbol "
"""Beginning of the reason under which an unknown symbol is counted as skipped; the symbol itself follows."""


class VocabularyFilter(Corpus):
    """A corpus without the symbols that a codec cannot encode.

    Args:
        corpus: corpus to filter.
        codec: codec with the vocabulary.

    Attributes:
        skipped: counts of the last full pass, by reason: parts that the corpus skipped, and each unknown symbol that
            the filter removed.
    """

    def __init__(self, corpus: Corpus, codec: TextCodec) -> None:
        self.name, self.has_separate_documents, self.skipped = (
            corpus.name,
            corpus.has_separate_documents,
            corpus.skipped,
        )
        self.skipped_files = skipped_files(corpus)
        identity = f"known part\n{corpus.fingerprint}\n{codec.fingerprint}"
        self.fingerprint = hashlib.sha256(identity.encode()).hexdigest()
        self._corpus, self._codec = corpus, codec

    def __iter__(self) -> Iterator[Document]:
        """Yield the filtered documents."""
        skipped: Counter[str] = Counter()
        for document in self._corpus:
            # A document can be read several times, but its symbols are counted once: the first reading takes the
            # counter from this iterator of one element, and a later reading finds none.
            read = partial(self._without_unknown, document.text.chunks, iter([skipped]))
            yield replace(document, payload=TextPayload(Rereadable(read)))
        self.skipped = {**self._corpus.skipped, **skipped}

    def _without_unknown(self, chunks: Iterable[str], counters: Iterator[Counter[str]]) -> Iterator[str]:
        """Yield the chunks without their unknown symbols.

        An empty chunk separates two passages of a document, so it is kept. A chunk that consists of unknown symbols is
        left out, because it would become empty.

        Args:
            chunks: chunks of one document.
            counters: iterator over one counter of unknown symbols; once it is exhausted, nothing is counted.
        """
        counter = next(counters, Counter())
        for chunk in chunks:
            unknown = self._codec.unknown_symbols(chunk)
            counter.update(_REASON_PREFIX + symbol for _, symbol in unknown)
            known_text = remove_unknown(chunk, unknown)
            if known_text or not chunk:
                yield known_text


def skipped_symbols(skipped: Mapping[str, int]) -> dict[str, int]:
    """Return the count of each unknown symbol, most frequent first, from the skip counts of a store or a corpus."""
    counts = {
        reason.removeprefix(_REASON_PREFIX): count
        for reason, count in skipped.items()
        if reason.startswith(_REASON_PREFIX)
    }
    return dict(Counter(counts).most_common())
