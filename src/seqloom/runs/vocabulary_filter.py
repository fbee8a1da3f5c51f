"""Remove symbols outside a run's vocabulary from a corpus, and count them."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from seqloom.codecs.text import TextCodec
from seqloom.codecs.unknown_symbols import remove_unknown
from seqloom.corpora.document import Corpus, Document
from seqloom.corpora.payloads import Rereadable, TextPayload

__all__ = ["VocabularyFilter", "format_symbols", "skipped_symbols"]

_UNKNOWN = "unknown symbol "
"""Beginning of the reasons that count unknown symbols; the symbol follows."""


class VocabularyFilter(Corpus):
    """A corpus without the symbols that a codec cannot encode.

    Args:
        corpus: corpus to filter.
        codec: codec with the vocabulary.

    Attributes:
        skipped: number of parts that the corpus skipped, by reason, and of each unknown symbol, in the last full pass.
    """

    def __init__(self, corpus: Corpus, codec: TextCodec) -> None:
        self.name, self.has_documents, self.skipped = corpus.name, corpus.has_documents, corpus.skipped
        identity = f"known part\n{corpus.fingerprint}\n{codec.fingerprint}"
        self.fingerprint = hashlib.sha256(identity.encode()).hexdigest()
        self._corpus, self._codec = corpus, codec

    def __iter__(self) -> Iterator[Document]:
        """Yield the filtered documents."""
        skipped: Counter[str] = Counter()
        for document in self._corpus:
            # The iterator yields the counter only once, so that reading a document again counts nothing twice.
            read = partial(self._known_part, document.text.chunks, iter([skipped]))
            yield replace(document, payload=TextPayload(Rereadable(read)))
        self.skipped = {**self._corpus.skipped, **skipped}

    def _known_part(self, chunks: Iterable[str], counters: Iterator[Counter[str]]) -> Iterator[str]:
        """Yield the chunks without unknown symbols, which the next of `counters` counts, if there is one.

        An empty chunk separates two passages, so it is kept; a chunk of unknown symbols only is left out.
        """
        counter = next(counters, Counter())
        for chunk in chunks:
            unknown = self._codec.unknown_symbols(chunk)
            counter.update(_UNKNOWN + symbol for _, symbol in unknown)
            known = remove_unknown(chunk, unknown)
            if known or not chunk:
                yield known


def skipped_symbols(skipped: Mapping[str, int]) -> dict[str, int]:
    """Return the count of each unknown symbol, most frequent first, from the skip counts of a store or a corpus."""
    symbols = {reason.removeprefix(_UNKNOWN): count for reason, count in skipped.items() if reason.startswith(_UNKNOWN)}
    return dict(sorted(symbols.items(), key=lambda item: -item[1]))


def format_symbols(symbols: Mapping[str, int], max_shown: int = 8) -> str:
    """Return the total and the most frequent unknown symbols, in words."""
    total = sum(symbols.values())
    shown = ", ".join(f"{symbol!r} ({count:,})" for symbol, count in list(symbols.items())[:max_shown])
    more = f" and {len(symbols) - max_shown:,} more" if len(symbols) > max_shown else ""
    return f"{total:,} character{'s' if total != 1 else ''} outside the vocabulary: {shown}{more}"
