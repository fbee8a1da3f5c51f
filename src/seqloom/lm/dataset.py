"""From a named source to what a run trains on: codec, token store, split, batches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqloom.codecs.base import Codec
from seqloom.config import ReadingConfig, TrainingConfig
from seqloom.corpora import open_corpus
from seqloom.corpora.document import Corpus
from seqloom.corpora.table_documents import LEFT_OPEN
from seqloom.data.batch_conditions import ConditionSource, balanced_weights
from seqloom.data.conditions import Conditions
from seqloom.data.contiguous_batches import ContiguousBatches
from seqloom.data.split import Split, split_store
from seqloom.data.store import TokenStore, cached_store
from seqloom.data.window_batches import WindowBatches
from seqloom.errors import ConfigError, SourceError
from seqloom.plural import counted
from seqloom.training.loop import Batches

__all__ = ["Dataset", "load_dataset", "make_batches"]

Note = Callable[[str], None]


@dataclass(frozen=True)
class Dataset:
    """What a run is trained on."""

    corpus: Corpus
    codec: Codec
    store: TokenStore
    split: Split


def load_dataset(
    source: str | Path | Sequence[str | Path],
    reading: ReadingConfig,
    make_codec: Callable[[Corpus], Codec],
    *,
    hold_out: float,
    validation: float,
    note: Note,
    called: str | None = None,
) -> Dataset:
    """Read a source, encode it (once; later runs find it in the cache) and split it.

    Args:
        source: what a person named.
        reading: how it becomes documents.
        make_codec: fits a codec, or extends the one of an earlier run, or gives it back.
        hold_out: share set aside.
        validation: share of the rest that validates.
        note: is told what was read and what was skipped.
        called: what the person named, where the source is that in full.

    Raises:
        SourceError: the source cannot be read, or is too small.
        CodecError: it has symbols that the codec does not.
    """
    corpus = open_corpus(source, reading)
    codec = make_codec(corpus)
    store = cached_store(corpus, codec)
    split = split_store(store, hold_out=hold_out, validation=validation)
    records = f" in {store.num_documents:,} records" if corpus.separate else ""
    found = f"{store.characters:,} characters{records}, {len(codec):,} symbols at level {codec.level}"
    note(f"{called or corpus.name}: {found}")
    for line in corpus.notes:
        note(line)
    for reason, count in store.skipped.items():
        note(f"{'left open' if reason.startswith(LEFT_OPEN) else 'skipped'}: {counted(count, reason)}")
    return Dataset(corpus, codec, store, split)


def make_batches(store: TokenStore, split: Split, training: TrainingConfig, conditions: Conditions) -> Batches:
    """The batches that `training` asks for, rated by `conditions` where there are any.

    Raises:
        SourceError: the text is shorter than one window.
        ConfigError: it has fewer tokens than a batch has lanes.
    """
    usable = split.train.num_records - len(split.train)
    if usable < training.sequence_length:
        raise SourceError(
            f"{split.train.num_records:,} tokens to train on are fewer than one window of {training.sequence_length}: "
            "use more text, or a smaller `sequence_length`"
        )
    values = conditions.values_of(store)
    ratings = (
        ConditionSource(conditions, values, training.condition_dropout, training.seed) if len(conditions) else None
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
            ratings=ratings,
        )
    if training.balance_ratings and ratings is None:
        raise ConfigError(
            "`balance_ratings` reads every rating as often as any other: name the ratings with `rating` COLUMN"
        )
    if usable < training.batch_size * training.sequence_length:
        raise ConfigError(
            f"`batch_size` {training.batch_size} with `sequence_length` {training.sequence_length} need "
            f"{training.batch_size * training.sequence_length:,} tokens and there are {usable:,}: make either smaller"
        )
    return ContiguousBatches(
        store,
        split.train,
        batch_size=training.batch_size,
        sequence_length=training.sequence_length,
        seed=training.seed,
        ratings=ratings,
        shares=balanced_weights(conditions, values) if training.balance_ratings else None,
    )
