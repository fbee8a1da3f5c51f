"""A corpus without the symbols that a run does not know, each of them counted."""

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


class VocabularyFilter(Corpus):
    """A corpus whose unknown symbols are left out.

    Args:
        corpus: what to read.
        codec: says which symbols are known.

    Attributes:
        skipped: what the corpus left out, and how often each unknown symbol was, in the last full pass.
    """

    def __init__(self, corpus: Corpus, codec: TextCodec) -> None:
        self.name, self.has_documents, self.skipped = corpus.name, corpus.has_documents, corpus.skipped
        told = f"known part\n{corpus.fingerprint}\n{codec.fingerprint}"
        self.fingerprint = hashlib.sha256(told.encode()).hexdigest()
        self._corpus, self._codec = corpus, codec

    def __iter__(self) -> Iterator[Document]:
        """Read the documents from the first to the last."""
        tally: Counter[str] = Counter()
        for document in self._corpus:
            known = partial(self._known, document.text.chunks, iter([tally]))
            yield replace(document, payload=TextPayload(Rereadable(known)))
        self.skipped = {**self._corpus.skipped, **tally}

    def _known(self, chunks: Iterable[str], tallies: Iterator[Counter[str]]) -> Iterator[str]:
        """Yield the chunks without unknown symbols; only the first reading counts them."""
        tally = next(tallies, Counter())
        for chunk in chunks:
            unknown = self._codec.unknown_symbols(chunk)
            tally.update(_UNKNOWN + symbol for _, symbol in unknown)
            if not chunk or (kept := remove_unknown(chunk, unknown)):
                yield chunk and kept


def skipped_symbols(skipped: Mapping[str, int]) -> dict[str, int]:
    """How often each unknown symbol was left out, the most frequent first, by what a store or a corpus skipped."""
    found = {reason.removeprefix(_UNKNOWN): count for reason, count in skipped.items() if reason.startswith(_UNKNOWN)}
    return dict(sorted(found.items(), key=lambda symbol: -symbol[1]))


def format_symbols(symbols: Mapping[str, int], most: int = 8) -> str:
    """Left-out symbols in words: how many in all, and the most frequent."""
    total = sum(symbols.values())
    shown = ", ".join(f"{symbol!r} ({count:,})" for symbol, count in list(symbols.items())[:most])
    more = f" and {len(symbols) - most:,} more" if len(symbols) > most else ""
    return f"{total:,} character{'s' if total != 1 else ''} that the run does not know: {shown}{more}"
