"""Measuring a run on a text: likelihood by a protocol, scores token by token, and what is copied from its corpus."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from seqloom.codecs.base import Codec
from seqloom.corpora import open_corpus
from seqloom.corpora.document import Corpus
from seqloom.data.split import Spans, split_store
from seqloom.data.store import TokenStore, cached_store
from seqloom.errors import CodecError, ConfigError, RunError, SourceError
from seqloom.evaluation.likelihood import Likelihood, block_likelihood, full_likelihood, window_likelihood
from seqloom.evaluation.make_scorer import make_fast_scorer, make_scorer
from seqloom.evaluation.scorer import Scorer, TokenScorer
from seqloom.evaluation.token_scores import TokenScore, document_scores, token_scores
from seqloom.kernels.weights import checked_weights
from seqloom.runs.saved_run import SavedRun
from seqloom.runs.training_corpus import training_corpus
from seqloom.runs.vocabulary_filter import VocabularyFilter, format_symbols, skipped_symbols
from seqloom.sampling.transforms import non_finite_error

__all__ = ["Protocol", "evaluate", "fast_run_scorer", "run_scorer", "score_source", "score_text"]

SPLITS = ("all", "train", "validation", "held-out")


@dataclass(frozen=True)
class Protocol:
    """How a text is scored: with full context, by blocks, or by the last token of windows.

    Attributes:
        blocks: size of blocks that each begin from a zero state; 0 for none.
        windows: size of windows that each give one prediction; 0 for none.
        stride: distance between windows.
    """

    blocks: int = 0
    windows: int = 0
    stride: int = 1

    def __post_init__(self) -> None:
        if self.blocks and self.windows:
            raise ConfigError("`blocks` and `windows` contradict each other: choose one way of scoring")
        for name in ("blocks", "windows"):
            if getattr(self, name) < 0:
                raise ConfigError(f"`{name}` got {getattr(self, name)}: choose 0 (off), or 1 or more")
        if self.stride != 1 and not self.windows:
            raise ConfigError("`stride` is the distance between windows: give `windows` too")
        if self.stride < 1:
            raise ConfigError(f"`stride` got {self.stride}: it must be 1 or more")


def run_scorer(run: SavedRun) -> TokenScorer:
    """What measures a run's best weights in float32; torch is imported only where it is needed.

    Raises:
        RunError: the weights do not fit the config.
    """
    return make_scorer(run.config.model, checked_weights(run.config.model, run.weights), run.model)


def _check_measurable(run: SavedRun) -> None:
    """A text's probability under a GAN is a mean over all noise, and zero where it has a word that it never writes."""
    if run.config.model.noise_size:
        raise RunError(
            f"{run.path} is a GAN, which tells nothing of how likely a text is: measure what it was begun from, "
            f"{run.config.parent}"
        )


def fast_run_scorer(run: SavedRun) -> Scorer:
    """The same for measurements of much text, in bfloat16 where that is faster; see `make_fast_scorer`."""
    return make_fast_scorer(run.config.model, checked_weights(run.config.model, run.weights), run.model)


def evaluate(
    run: SavedRun,
    source: str | Path | Sequence[str | Path] | None,
    protocol: Protocol | None,
    split: str,
    *,
    skip_unknown: bool = False,
) -> Likelihood:
    """See `Run.evaluate`."""
    if split not in SPLITS:
        raise ConfigError(f"`split` got {split!r}: choose from {', '.join(SPLITS)}")
    _check_measurable(run)
    store, spans = _part(run, source, split, skip_unknown=skip_unknown)
    scorer, protocol = run_scorer(run), protocol or Protocol()
    characters = run.codec.characters_per_token
    features = run.config.features_of(store)
    if protocol.blocks:
        scored = block_likelihood(scorer, store, spans, characters, protocol.blocks, features=features)
    elif protocol.windows:
        scored = window_likelihood(
            scorer, store, spans, characters, protocol.windows, protocol.stride, features=features
        )
    else:
        scored = full_likelihood(scorer, store, spans, characters, features=features)
    if scored.tokens == 0:
        raise SourceError(f"nothing to score: {spans.num_records:,} tokens are too few for this protocol")
    if not math.isfinite(scored.nats):
        raise non_finite_error()
    return replace(scored, left_out=skipped_symbols(store.skipped))


def score_text(run: SavedRun, text: str, *, skip_unknown: bool = False) -> list[TokenScore]:
    """See `Run.score`."""
    _check_measurable(run)
    ids = [run.codec.bos_id, *run.codec.encode(run.normalize(text), skip_unknown=skip_unknown).tolist()]
    return list(token_scores(run_scorer(run), np.array(ids)))


def score_source(
    run: SavedRun,
    source: str | Path | Sequence[str | Path],
    *,
    skip_unknown: bool = False,
    note: Callable[[str], None] = lambda line: None,
) -> Iterator[Iterator[TokenScore]]:
    """Score every document of a source, read as the run's corpus was read; no more of it is in memory than a piece.

    Args:
        run: predicts the text.
        source: what to score.
        skip_unknown: pass over symbols that the run does not know.
        note: is told which those were.

    Raises:
        UserError: the source cannot be read, has symbols outside the vocabulary, or the run is a GAN.
    """
    _check_measurable(run)
    scorer = run_scorer(run)
    store = _store(run, _as_run_reads(run, source), skip_unknown=skip_unknown)
    if symbols := skipped_symbols(store.skipped):
        note(f"left out: {format_symbols(symbols)}")
    documents = (store.records[start:stop] for start, stop in itertools.pairwise(store.offsets.tolist()))
    if run.codec.boundary is None:
        documents = (np.insert(document.astype(np.int64), 0, run.codec.bos_id) for document in documents)
    yield from document_scores(scorer, documents)


def _part(
    run: SavedRun, source: str | Path | Sequence[str | Path] | None, split: str, *, skip_unknown: bool
) -> tuple[TokenStore, Spans]:
    corpus = training_corpus(run) if source is None else _as_run_reads(run, source)
    store = _store(run, corpus, skip_unknown=skip_unknown)
    if split == "all":
        return store, Spans.whole(store)
    if corpus.fingerprint != run.config.corpus_hash:
        raise ConfigError(
            f"`split` {split} is a part of the run's own corpus, {run.config.source}: name that as the source"
        )
    training = run.config.training
    parts = split_store(store, hold_out=training.hold_out, validation=training.validation)
    spans: Spans = getattr(parts, split.replace("-", "_"))
    if spans.num_records < 2:
        raise ConfigError(
            f"the run has no {split} text: train with `{'hold-out' if split == 'held-out' else split}` above 0"
        )
    return store, spans


def _as_run_reads(run: SavedRun, source: str | Path | Sequence[str | Path]) -> Corpus:
    """A source, read as the run's corpus was; its encoding is detected anew."""
    reading = run.config.reading
    named = str(source) if isinstance(source, str | Path) else ""
    if run.config.sources in ((named,), (str(Path(named).absolute()),)):
        return open_corpus(source, reading)
    try:
        return open_corpus(source, replace(reading, encoding=None))
    except SourceError as error:
        if not any("`text`" in fault for fault in error.faults):
            raise
        kind = "text" if reading.text is None else f"a table with a column {reading.text!r}"
        raise SourceError(f"{named} is not what the run was trained on, {kind}: name such a source") from None


def _store(run: SavedRun, corpus: Corpus, *, skip_unknown: bool) -> TokenStore:
    codec = _boundary_as(run.codec, corpus)
    try:
        return cached_store(VocabularyFilter(corpus, codec) if skip_unknown else corpus, codec)
    except CodecError as error:
        raise CodecError(*[f"{corpus.name}: {fault}" for fault in error.faults]) from None


def _boundary_as(codec: Codec, corpus: Corpus) -> Codec:
    """The codec, if it can mark the boundaries of a corpus of records.

    Raises:
        ConfigError: the corpus has records and the run knows none.
    """
    if corpus.separate and codec.boundary is None:
        raise ConfigError(
            f"{corpus.name} has separate records and the run was trained on running text: name one text file instead"
        )
    return codec
