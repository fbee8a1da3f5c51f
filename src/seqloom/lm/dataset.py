"""Build the dataset of a training from a source: codec, token store, split and batches.

A codec converts text to tokens and back. A token store is the encoded corpus on disk: one array of token ids, document
after document. The code of the store calls a token id a record; in messages to the user, a record is a document. A
split divides the store into training, validation and held-out spans. A span is a stretch of tokens inside one document.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqloom.codecs import Codec, check_usable
from seqloom.config import ReadingConfig, TrainingConfig
from seqloom.corpora import open_corpus
from seqloom.corpora.document import Corpus, skipped_files
from seqloom.corpora.table_documents import INCOMPLETE_REASONS
from seqloom.data.batch_conditions import ConditionSource, balanced_weights
from seqloom.data.conditions import Conditions
from seqloom.data.contiguous_batches import ContiguousBatches
from seqloom.data.split import Split, split_store
from seqloom.data.store import TokenStore
from seqloom.data.store_cache import cached_store
from seqloom.data.window_batches import WindowBatches
from seqloom.errors import ConfigError, SourceError
from seqloom.plural import counted
from seqloom.reporter import Reporter
from seqloom.training.loop import Batches

__all__ = ["Dataset", "load_dataset", "make_batches", "stored_sources", "user_sources"]


@dataclass(frozen=True)
class Dataset:
    """An encoded and split corpus.

    Attributes:
        corpus: documents.
        reading: settings with which the source was read.
        codec: conversion of text to tokens and back.
        store: encoded documents.
        split: training, validation and held-out spans of the store.
    """

    corpus: Corpus
    reading: ReadingConfig
    codec: Codec[Any]
    store: TokenStore
    split: Split


def user_sources(source: str | Path | Sequence[str | Path]) -> tuple[str, ...]:
    """Return the user's source or sources as a tuple of strings."""
    return tuple(map(str, [source] if isinstance(source, str | Path) else source))


def stored_sources(source: str | Path | Sequence[str | Path]) -> tuple[str, ...]:
    """Return the sources for the config of a run: "-" for a pipe, other names unchanged.

    The path of a pipe (`<(command)` in the shell) stands for something else in the next command.
    """
    return tuple("-" if Path(name).is_fifo() else name for name in user_sources(source))


def load_dataset(
    source: str | Path | Sequence[str | Path],
    reading: ReadingConfig,
    make_codec: Callable[[Corpus], Codec[Any]],
    *,
    hold_out: float,
    validation: float,
    note: Reporter,
    display_name: str | None = None,
    verify: bool = False,
    recognise_lists: bool = False,
) -> Dataset:
    """Read a source, encode it (or take the encoding from the cache) and split it.

    Args:
        source: source named by the user.
        reading: reading settings.
        make_codec: returns the codec for the corpus.
        hold_out: share of the text that only measures the finished model.
        validation: share of the remaining text for validation.
        note: receives lines on what was read and skipped.
        display_name: name of the corpus in these lines; None for the `name` of the corpus.
        verify: whether to compare the checksums of a store in the cache even if its files have not changed.
        recognise_lists: whether the lines of a list of words become records; see `open_corpus`.

    Raises:
        SourceError: the source cannot be read, or is too small.
        CodecError: the source has symbols outside the codec's vocabulary.
    """
    corpus = open_corpus(source, reading, recognise_lists=recognise_lists)
    codec = make_codec(corpus)
    check_usable(codec)
    store = cached_store(corpus, codec, verify=verify)
    split = split_store(store, hold_out=hold_out, validation=validation)
    copies = f", {store.num_copies:,} of them altered copies for the training" if store.num_copies else ""
    documents = f" in {store.num_documents:,} records{copies}" if corpus.has_separate_documents else ""
    sizes = f"{store.num_units:,} {store.unit}s{documents}, {len(codec):,} symbols at level {codec.level}"
    note(f"{display_name or corpus.name}: {sizes}")
    for line in corpus.notes:
        note(line)
    for reason, count in (Counter(skipped_files(corpus)) + Counter(store.skipped)).items():
        # The text of a row with an incomplete rating is used without the rating; other reasons skip the text.
        is_used = reason.startswith(INCOMPLETE_REASONS)
        note(f"{'incomplete, but used' if is_used else 'skipped'}: {counted(count, reason)}")
    return Dataset(corpus, corpus.reading, codec, store, split)


def make_batches(store: TokenStore, split: Split, training: TrainingConfig, conditions: Conditions) -> Batches:
    """Return the training batches; with conditions, the batches contain the ratings and categories of the texts.

    Raises:
        SourceError: the text is shorter than one window.
        ConfigError: the text has too few tokens for one batch, or ratings are to be balanced and there are none.
    """
    num_targets = split.train.num_records - len(split.train)  # the last token of a span has no target
    if num_targets < training.sequence_length:
        raise SourceError(
            f"{split.train.num_records:,} training tokens are fewer than one window of {training.sequence_length}: "
            "use more text, or a smaller `sequence_length`"
        )
    condition_values = conditions.values_of(store)
    condition_source = (
        ConditionSource(conditions, condition_values, training.condition_dropout, training.seed)
        if len(conditions)
        else None
    )
    if training.batching == "windows":
        return WindowBatches(
            store,
            split.train,
            batch_size=training.batch_size,
            sequence_length=training.sequence_length,
            stride=training.stride,
            last_only=training.loss == "last",
            seed=training.seed,
            conditions=condition_source,
        )
    if training.balance_ratings and condition_source is None:
        raise ConfigError(
            "`balance_ratings` needs ratings, but none was named: name a rating column with `rating` COLUMN"
        )
    if num_targets < training.batch_size * training.sequence_length:
        raise ConfigError(
            f"`batch_size` {training.batch_size} with `sequence_length` {training.sequence_length} need "
            f"{training.batch_size * training.sequence_length:,} training tokens, but there are "
            f"{num_targets:,}: choose a smaller value for one of them"
        )
    return ContiguousBatches(
        store,
        split.train,
        batch_size=training.batch_size,
        sequence_length=training.sequence_length,
        seed=training.seed,
        conditions=condition_source,
        weights=balanced_weights(conditions, condition_values) if training.balance_ratings else None,
    )
