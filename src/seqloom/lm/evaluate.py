"""Evaluate a run on a text: likelihood by a protocol, and scores of single tokens.

A protocol decides which earlier tokens the model reads before it predicts a token. The zero state is the state of a
model that has read nothing yet. The records of a store or a span are its tokens.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seqloom.codecs.base import Codec
from seqloom.codecs.text import TextCodec
from seqloom.codecs.unknown_symbols import format_symbols
from seqloom.config.choices import SplitName, check_split
from seqloom.config.protocol import Protocol
from seqloom.corpora import open_corpus
from seqloom.corpora.augmentation import ALTERATIONS
from seqloom.corpora.document import Corpus
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore
from seqloom.data.store_cache import cached_store
from seqloom.errors import CodecError, ConfigError, RunError, SourceError
from seqloom.evaluation.likelihood import (
    Likelihood,
    block_likelihood,
    full_likelihood,
    start_token_of,
    window_likelihood,
)
from seqloom.evaluation.make_scorer import make_fast_scorer, make_scorer
from seqloom.evaluation.scorer import Scorer, TokenScorer
from seqloom.evaluation.token_scores import TokenScore, document_scores, token_scores
from seqloom.kernels.weights import checked_weights
from seqloom.plural import counted
from seqloom.reporter import Reporter, silent
from seqloom.runs.corpus_part import CorpusPart, spans_of
from seqloom.runs.layout import RunFolder
from seqloom.runs.saved_run import SavedRun
from seqloom.runs.stored_paths import same_sources
from seqloom.runs.training_corpus import training_corpus
from seqloom.runs.vocabulary_filter import VocabularyFilter, skipped_symbols
from seqloom.sampling.transforms import non_finite_error
from seqloom.user_warnings import warn_user

__all__ = ["compare", "evaluate", "fast_run_scorer", "run_scorer", "score_source", "score_text"]


def run_scorer(run: SavedRun) -> TokenScorer:
    """Return a float32 scorer with a run's best weights; torch is imported only if no other scorer fits.

    Raises:
        RunError: the weights do not fit the config.
    """
    return make_scorer(run.config.model, checked_weights(run.config.model, run.weights), run.model)


def fast_run_scorer(run: SavedRun) -> Scorer:
    """Return a scorer for long texts, in bfloat16 where that is faster.

    Raises:
        RunError: the weights do not fit the config.
    """
    return make_fast_scorer(run.config.model, checked_weights(run.config.model, run.weights), run.model)


def _check_has_likelihood(run: SavedRun) -> None:
    """Raise a RunError for a GAN: its likelihood is an intractable mean over the noise."""
    if run.config.model.noise_size:
        raise RunError(
            f"{run.path} is a GAN, which has no tractable likelihood: evaluate the run that it started from, "
            f"{run.config.parent}"
        )


def evaluate(
    run: SavedRun,
    source: str | Path | Sequence[str | Path] | None,
    protocol: Protocol | None,
    split: SplitName,
    *,
    skip_unknown: bool = False,
    note: Reporter = silent,
) -> Likelihood:
    """Return the likelihood of a text under the model of a run.

    Args:
        run: trained run.
        source: source to score, or the folder of a run, which stands for its corpus; None for the run's own corpus.
        protocol: evaluation protocol; None for full context.
        split: "all", or a part of the corpus of a run: "train", "validation" or "held-out".
        skip_unknown: whether to skip symbols outside the vocabulary.
        note: receives lines on what makes the figures hard to compare.

    Raises:
        UserError: the source cannot be scored, or the run is a GAN.
    """
    check_split(split)
    _check_has_likelihood(run)
    store, spans = _load_split(run, source, split, skip_unknown=skip_unknown, note=note)
    return _measured(run, store, spans, protocol or Protocol())


def _measured(run: SavedRun, store: TokenStore, spans: Spans, protocol: Protocol) -> Likelihood:
    """Return the likelihood of spans of a store by a protocol."""
    scorer = run_scorer(run)
    units_per_token = run.codec.units_per_token
    features = run.config.features_of(store)
    if protocol.blocks:
        likelihood = block_likelihood(
            scorer, store, spans, units_per_token, block_size=protocol.blocks, features=features
        )
    elif protocol.windows:
        likelihood = window_likelihood(
            scorer,
            store,
            spans,
            units_per_token,
            window_size=protocol.windows,
            stride=protocol.stride,
            features=features,
        )
    else:
        start_token = start_token_of(store, run.codec)
        likelihood = full_likelihood(scorer, store, spans, units_per_token, features=features, start_token=start_token)
    if likelihood.tokens == 0:
        raise SourceError(f"nothing to score: {spans.num_records:,} tokens are too few for this protocol")
    if not math.isfinite(likelihood.nats):
        raise non_finite_error()
    return replace(likelihood, skipped_symbols=skipped_symbols(store.skipped))


def score_text(run: SavedRun, text: str, *, skip_unknown: bool = False) -> list[TokenScore]:
    """Return the scores of each token of a text, predicted from all tokens before it."""
    return list(iter_scores(run, text, skip_unknown=skip_unknown))


def iter_scores(run: SavedRun, text: str, *, skip_unknown: bool = False) -> Iterator[TokenScore]:
    """Return an iterator over the scores of `score_text`, which are computed as it advances."""
    _check_has_likelihood(run)
    ids = [run.codec.bos_id, *run.codec.encode_text(run.normalize(text), skip_unknown=skip_unknown).tolist()]
    return iter(token_scores(run_scorer(run), np.array(ids)))


def score_source(
    run: SavedRun,
    source: str | Path | Sequence[str | Path],
    *,
    skip_unknown: bool = False,
    note: Reporter = silent,
) -> Iterator[Iterator[TokenScore]]:
    """Yield the token scores of each document of a source, which is read with the run's reading settings.

    Memory use is bounded: documents are scored as the iterator advances.

    Args:
        run: trained run.
        source: source to score.
        skip_unknown: whether to skip symbols outside the vocabulary.
        note: receives a line on skipped symbols.

    Raises:
        UserError: the source cannot be read, has symbols outside the vocabulary, or the run is a GAN.
    """
    _check_has_likelihood(run)
    scorer = run_scorer(run)
    store = _encode(run, _open_like_training(run, source), skip_unknown=skip_unknown)
    if symbols := skipped_symbols(store.skipped):
        note(f"skipped: {format_symbols(symbols)}")
    spans = Spans.whole_documents(store).without_copies(store)
    documents = (store.records[start:stop] for start, stop in zip(spans.starts, spans.stops, strict=True))
    # The first token of a document is read but not scored: the boundary, or else the added start token.
    if (start_token := start_token_of(store, run.codec)) is not None:
        documents = (np.insert(document.astype(np.int64), 0, start_token) for document in documents)
    yield from document_scores(scorer, documents)


def _load_split(
    run: SavedRun,
    source: str | Path | Sequence[str | Path] | None,
    split: SplitName,
    *,
    skip_unknown: bool,
    note: Reporter,
) -> tuple[TokenStore, Spans]:
    """Return the store of a source (None for the run's own corpus) and the spans of a split."""
    owner = run if source is None else _as_run(source)
    if owner is not None and owner.path != run.path:
        if split == "all":
            corpus = training_corpus(owner)
        else:
            corpus = CorpusPart(owner, split, reader=run)
        store = _encode(run, corpus, skip_unknown=skip_unknown)
        spans = Spans.whole_documents(store).without_copies(store)
    else:
        corpus = _own_or_other(run, source, split) if owner is None else training_corpus(run)
        store = _encode(run, corpus, skip_unknown=skip_unknown)
        spans = spans_of(run, store, split)
    _note_training_text(run, corpus.fingerprint if owner is None else owner.config.corpus_hash, split, owner, note)
    if num_left_out := sum(skipped_symbols(store.skipped).values()):
        note(
            f"{counted(num_left_out, 'character')} left out: compare the figures only with those of a run that leaves "
            "out the same"
        )
    return store, spans


def _own_or_other(run: SavedRun, source: str | Path | Sequence[str | Path] | None, split: SplitName) -> Corpus:
    """Open a source, which must be the corpus of the run if a part of it is to be measured."""
    corpus = training_corpus(run) if source is None else _open_like_training(run, source)
    if split != "all" and corpus.fingerprint != run.config.corpus_hash:
        raise ConfigError(
            f"`split` {split} is a part of a run's corpus: leave the source out for the corpus of this run "
            f"({run.config.source}), or name the folder of the run whose corpus the text is"
        )
    return corpus


def compare(
    run: SavedRun,
    other: SavedRun,
    source: str | Path | Sequence[str | Path] | None,
    protocol: Protocol | None,
    split: SplitName,
    *,
    note: Reporter = silent,
) -> tuple[Likelihood, Likelihood]:
    """Return the likelihood of the same text under the models of two runs.

    Characters that one of them does not know are left out for both.

    Args:
        run: run whose reading settings are used, and whose corpus is the text if there is no source.
        other: run to compare it with.
        source: as for `evaluate`.
        protocol: as for `evaluate`.
        split: as for `evaluate`.
        note: as for `evaluate`.

    Raises:
        UserError: the source cannot be scored, or a run is a GAN.
    """
    check_split(split)
    for each in (run, other):
        _check_has_likelihood(each)
    owner = _as_run(source) if source is not None else run
    if owner is None:
        corpus = _own_or_other(run, source, split)
        owner = run
    else:
        corpus = training_corpus(owner)
    fingerprint = corpus.fingerprint
    if split != "all":
        corpus = CorpusPart(owner, split, reader=run)
    known: Corpus = corpus
    for each in (run, other):
        _note_training_text(each, fingerprint, split, owner, note)
        if isinstance(each.codec, TextCodec):
            known = VocabularyFilter(known, each.codec)
    first, second = (_likelihood(each, _encode(each, known, skip_unknown=False), protocol) for each in (run, other))
    return first, second


def _likelihood(run: SavedRun, store: TokenStore, protocol: Protocol | None) -> Likelihood:
    """Return the likelihood of all documents of a store that are no altered copies."""
    return _measured(run, store, Spans.whole_documents(store).without_copies(store), protocol or Protocol())


def _as_run(source: str | Path | Sequence[str | Path]) -> SavedRun | None:
    """Return the run whose folder the source is; None if it is no run folder."""
    if not isinstance(source, str | Path) or not RunFolder(source).holds_run:
        return None
    return SavedRun(source)


def _note_training_text(
    run: SavedRun, fingerprint: str, split: SplitName, owner: SavedRun | None, note: Reporter
) -> None:
    """Say so if a run was trained on the measured text, so that the figures look better than they are.

    Args:
        run: run that is measured.
        fingerprint: fingerprint of the corpus that the text is, or is a part of.
        split: part of the corpus.
        owner: run whose shares define the part; None without one.
        note: receives the line.
    """
    if fingerprint != run.config.corpus_hash:
        return
    own, others = (each.config.training for each in (run, owner or run))
    has_same_parts = (own.hold_out, own.validation) == (others.hold_out, others.validation)
    if split in ("validation", "held-out") and has_same_parts:
        return
    held_out = "held-out" if own.hold_out else "validation"
    part = "" if split == "train" and has_same_parts else "most of "
    note(
        f"{run.path} was trained on {part}this text, so its figures are better than on other text; measure it on its "
        f"own `split` {held_out}"
    )


def _open_like_training(run: SavedRun, source: str | Path | Sequence[str | Path]) -> Corpus:
    """Open a source with the run's reading settings.

    The character encoding in these settings belongs to the run's own source; for another source it is detected.
    Altered copies are made of the run's own source only, because they are for training.
    """
    reading = run.config.reading
    is_own = same_sources([source] if isinstance(source, str | Path) else source, run.config.sources)
    try:
        others = {name: type(getattr(reading, name))(0) for name in ALTERATIONS}
        reading = reading if is_own else replace(reading, encoding=None, **others)
        corpus = open_corpus(source, reading, requires_categories=is_own)
    except SourceError as error:
        # Only these faults concern the setting `text`, which names the column that holds the text of a table.
        if not any("`text`" in fault for fault in error.faults):
            raise
        names = ", ".join(map(str, [source] if isinstance(source, str | Path) else source))
        if reading.text is None:
            raise SourceError(f"{names} is a table, but the run was trained on plain text: name a text file") from None
        raise SourceError(
            f"{names} is not a table with a column {reading.text!r}, but the run was trained on one: name such a table"
        ) from None
    for line in corpus.damage_notes:
        warn_user(line)
    return corpus


def _encode(run: SavedRun, corpus: Corpus, *, skip_unknown: bool) -> TokenStore:
    """Return the store of a corpus that is encoded with the run's codec."""
    _check_boundary(run.codec, corpus)
    try:
        return cached_store(VocabularyFilter(corpus, run.text_codec) if skip_unknown else corpus, run.codec)
    except CodecError as error:
        raise CodecError(*[f"{corpus.name}: {fault}" for fault in error.faults]) from None


def _check_boundary(codec: Codec[Any], corpus: Corpus) -> None:
    """Check that a codec can mark the ends of a corpus's documents.

    Raises:
        ConfigError: the corpus has separate records and the codec has no boundary.
    """
    if corpus.has_separate_documents and codec.boundary is None:
        raise ConfigError(
            f"{corpus.name} has separate records, but the run was trained on running text: name one text file instead"
        )
