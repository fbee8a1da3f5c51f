"""The dataset of a GAN: short rated texts, and checks that there are enough of them."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NamedTuple

from seqloom.config import ReadingConfig
from seqloom.config.gan import GanConfig
from seqloom.corpora import open_corpus
from seqloom.data.scale import Scale
from seqloom.errors import SourceError
from seqloom.gan.short_texts import ShortTexts, encode_texts, too_long_reason
from seqloom.lm.dataset import Dataset, load_dataset
from seqloom.plural import counted
from seqloom.reporter import Reporter
from seqloom.runs.saved_run import SavedRun

__all__ = ["UNSEEN_SHARE", "build_dataset", "check_dataset_size", "load_table"]

UNSEEN_SHARE = 0.05
"""Share of the texts for measuring the discriminator's accuracy."""

_MIN_UNSEEN = 16

_ONE_RATING = "all texts have the same {}, {:g}: use texts with several ratings"


class _TableCounts(NamedTuple):
    """Counts of the texts of a table.

    Attributes:
        usable: number of short texts with a rating.
        too_long: number of texts above the maximal length.
        ratings: distinct ratings of the usable texts.
    """

    usable: int
    too_long: int
    ratings: set[float]


def check_dataset_size(source: str, settings: Mapping[str, Any], config: GanConfig, note: Reporter) -> None:
    """Check before any training that a table can have enough texts; the exact number depends on the vocabulary.

    Args:
        source: table.
        settings: settings of the likelihood training, with those of reading.
        config: GAN settings.
        note: receives a line if most texts are too long.

    Raises:
        SourceError: the table has too few usable texts, or only one rating.
        ConfigError: a reading setting is invalid.
    """
    names = {field.name for field in fields(ReadingConfig)}
    reading = ReadingConfig(**{name: value for name, value in settings.items() if name in names})
    level = settings.get("level", "word")
    counts = _count_texts(source, reading, level, config.max_length)
    if counts.too_long > counts.usable:
        advice = "" if reading.sentences else "; `sentences` splits texts into sentences"
        total = counts.too_long + counts.usable
        note(
            f"skipped: {counts.too_long:,} of {total:,} texts are too long for `max_length` {config.max_length}{advice}"
        )
    if len(counts.ratings) == 1:
        raise SourceError(_ONE_RATING.format(reading.rating[0], *counts.ratings))
    for_training = int(counts.usable * (1 - settings.get("hold_out", 0.0)))
    if for_training < _min_texts(config):
        usable, others = f"{for_training:,} texts with a rating and of", f"{counts.too_long:,} longer ones"
        raise SourceError(_too_few(usable, others, level, config, _length_advice(counts.too_long, reading)))


def _count_texts(source: str, reading: ReadingConfig, level: str, length: int) -> _TableCounts:
    """Count the texts of a table by length, estimated without a codec, and by rating."""
    usable, ratings, too_long = 0, set(), 0
    for document in open_corpus(source, reading):
        rating = document.conditions.get(reading.rating[0])
        for passage in document.text.passages():
            text = "".join(passage)
            tokens = len(text.split()) if level in ("word", "subword") else len(text)
            if tokens >= length:
                too_long += 1
            elif isinstance(rating, int | float) and math.isfinite(rating):
                usable += 1
                ratings.add(rating)
    return _TableCounts(usable, too_long, ratings)


def load_table(parent: SavedRun, source: str | list[str], note: Reporter) -> Dataset:
    """Read and encode a table with the reading settings and the codec of a run."""
    return load_dataset(
        source,
        parent.config.reading,
        lambda corpus: parent.codec,
        hold_out=parent.config.training.hold_out,
        validation=UNSEEN_SHARE,
        note=note,
    )


def build_dataset(
    parent: SavedRun, dataset: Dataset, config: GanConfig, note: Reporter
) -> tuple[ShortTexts, ShortTexts]:
    """Return the training texts and the unseen texts.

    Args:
        parent: run whose codec and conditions apply.
        dataset: table from `load_table`.
        config: GAN settings.
        note: receives lines on skipped and usable texts.

    Raises:
        SourceError: there are too few usable texts, or only one rating.
    """
    skipped: Counter[str] = Counter()
    texts, unseen = (
        encode_texts(dataset.store, spans, parent.codec, parent.config.conditions, config.max_length, skipped)
        for spans in (dataset.split.train, dataset.split.validation)
    )
    for reason, count in skipped.items():
        note(f"skipped: {counted(count, reason)}")
    usable, outside = len(texts) + len(unseen), skipped["text with words outside the vocabulary"]
    if outside > 4 * usable:
        raise SourceError(
            f"{outside:,} of {outside + usable:,} texts have words outside the vocabulary of {parent.path}: start from "
            "a run with this vocabulary, or use a larger `vocabulary` or `level` subword"
        )
    if outside > usable:
        note("more texts are skipped for unknown words than used: with `level` subword none are")
    if len(texts) < 4 * config.batch_size or len(unseen) < _min_unseen(config):
        advice = _length_advice(skipped[too_long_reason(config.max_length)], parent.config.reading)
        usable_texts = f"{len(texts):,} training texts and {len(unseen):,} texts for measuring the discriminator, of"
        raise SourceError(_too_few(usable_texts, f"{skipped.total():,} skipped", parent.codec.level, config, advice))
    if len(set(texts.ratings.tolist())) < 2:
        scale = parent.config.conditions.columns[0]
        assert isinstance(scale, Scale)
        raise SourceError(_ONE_RATING.format(scale.name, scale.from_unit(texts.ratings[:1])[0]))
    note(f"{len(texts):,} training texts, {len(unseen):,} for measuring the discriminator")
    return texts, unseen


def _min_unseen(config: GanConfig) -> int:
    return max(_MIN_UNSEEN, 2 * config.pack_size)


def _min_texts(config: GanConfig) -> int:
    """Return a number of texts, with a small margin, that fills both parts."""
    return math.ceil(1.05 * max(4 * config.batch_size / (1 - UNSEEN_SHARE), _min_unseen(config) / UNSEEN_SHARE))


def _length_advice(num_too_long: int, reading: ReadingConfig) -> str:
    """Return advice for tables with texts that are too long; empty if there are none."""
    return (", or a larger `max_length`" + ", or `sentences`" * (not reading.sentences)) * bool(num_too_long)


def _too_few(usable: str, others: str, level: str, config: GanConfig, length_advice: str) -> str:
    smaller = (
        "" if _min_texts(config) * UNSEEN_SHARE < 2 * _MIN_UNSEEN else ", or a smaller `batch_size` or `pack_size`"
    )
    return (
        f"{usable} at most {config.max_length - 1} tokens of level {level} ({others}) are too few: about "
        f"{_min_texts(config):,} are needed for batches of {config.batch_size} and packs of {config.pack_size}; use "
        "more texts"
        f"{length_advice}{smaller}"
    )
