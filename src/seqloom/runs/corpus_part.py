"""A part of a run's corpus as a corpus of its own, so that another run can be measured on exactly the same text."""

import hashlib
from collections.abc import Iterator, Mapping

from seqloom.config.choices import SplitName
from seqloom.corpora.document import Condition, Corpus, Document
from seqloom.corpora.payloads import Payload, TextPayload
from seqloom.data.split import Spans, split_store
from seqloom.data.store import TokenStore
from seqloom.data.store_cache import cached_store
from seqloom.errors import ConfigError
from seqloom.runs.saved_run import SavedRun
from seqloom.runs.training_corpus import training_corpus

__all__ = ["CorpusPart", "spans_of"]


def spans_of(run: SavedRun, store: TokenStore, split: SplitName) -> Spans:
    """Return the spans of a part of a run's corpus.

    Args:
        run: trained run.
        store: its corpus, encoded by its codec.
        split: the part.

    Raises:
        ConfigError: the part is empty.
    """
    if split == "all":
        return Spans.whole_documents(store).without_copies(store)
    training = run.config.training
    parts = split_store(store, hold_out=training.hold_out, validation=training.validation)
    spans: Spans = getattr(parts, split.replace("-", "_"))
    if spans.num_records < 2:
        setting = "hold_out" if split == "held-out" else split
        raise ConfigError(f"{run.path} has no {split} text: train with `{setting}` above 0")
    return spans


class CorpusPart(Corpus):
    """The validation, held-out or training part of a run's corpus: one document for each of its spans.

    Args:
        owner: run whose corpus and shares define the part.
        split: the part.
        reader: run that will read the part; a text is transformed as that run's corpus was.

    Raises:
        SourceError: the corpus is missing, or has changed since the training.
        ConfigError: the part is empty.
    """

    def __init__(self, owner: SavedRun, split: SplitName, reader: SavedRun) -> None:
        corpus = training_corpus(owner)
        self._owner, self._reader = owner, reader
        self._store = cached_store(corpus, owner.codec)
        self._spans = spans_of(owner, self._store, split)
        self.name = f"{owner.path}, {split}"
        self.has_separate_documents = corpus.has_separate_documents
        self.skipped: Mapping[str, int] = {}
        training, reading = owner.config.training, reader.config.reading
        shares = f"{split} {training.hold_out} {training.validation} {reading.lowercase} {reading.normalize}"
        identity = f"part\n{corpus.fingerprint}\n{owner.codec.fingerprint}\n{shares}"
        self.fingerprint = hashlib.sha256(identity.encode()).hexdigest()

    def __iter__(self) -> Iterator[Document]:
        """Yield a document for each span."""
        spans = self._spans
        for start, stop, document in zip(spans.starts, spans.stops, spans.documents, strict=True):
            payload = self._owner.codec.decode(self._store.records[start:stop])
            yield Document(self._as_reader_reads(payload), self._conditions(int(document)))

    def _as_reader_reads(self, payload: Payload) -> Payload:
        if not isinstance(payload, TextPayload):
            return payload
        return TextPayload.from_text(self._reader.normalize("".join(payload.chunks)))

    def _conditions(self, document: int) -> dict[str, Condition]:
        """Return the ratings and categories of a document of the store."""
        conditions: dict[str, Condition] = {}
        for name, values in self._store.conditions.items():
            value, names = float(values[document]), self._store.categories.get(name)
            is_known = value == value  # not NaN
            conditions[name] = None if not is_known else value if names is None else names[int(value)]
        return conditions
