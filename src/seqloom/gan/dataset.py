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
from seqloom.gan.parent import Parent
from seqloom.gan.short_texts import UNKNOWN_WORDS_REASON, ShortTexts, encode_texts, too_long_reason
from seqloom.lm.dataset import Dataset, load_dataset
from seqloom.plural import counted
from seqloom.reporter import Reporter

__all__ = ["UNSEEN_SHARE", "build_dataset", "check_dataset_size", "load_table"]

UNSEEN_SHARE = 0.05
"""Share of the texts that are not trained on, but measure the discriminator's accuracy."""

_MIN_UNSEEN = 16
"""Smallest number of these unseen texts."""

_MIN_BATCHES = 4
"""Smallest number of training texts, in batches."""

_MAX_UNKNOWN_RATIO = 4
"""Largest number of skipped texts with unknown words per usable text."""

_SIZE_MARGIN = 1.05
"""Factor on the required number of texts, because `check_dataset_size` can only estimate the number of usable texts."""

_SINGLE_RATING_MESSAGE = "all texts have the same {}, {:g}: use texts with several ratings"


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
    """Check before any training that a table can have enough texts.

    The number is an estimate: texts with words outside the vocabulary are skipped later, and there is no vocabulary
    before the likelihood training.

    Args:
        source: table.
        settings: settings of the likelihood training and of reading the table.
        config: GAN settings.
        note: receives a line if most texts are too long.

    Raises:
        SourceError: the table has too few usable texts, or all of them have the same rating.
        ConfigError: a reading setting is invalid.
    """
    reading_names = {field.name for field in fields(ReadingConfig)}
    reading = ReadingConfig(**{name: value for name, value in settings.items() if name in reading_names})
    level = settings.get("level", "word")
    counts = _count_texts(source, reading, level, config.max_length)
    if counts.too_long > counts.usable:
        advice = "" if reading.sentences else "; `sentences` splits texts into sentences"
        total = counts.too_long + counts.usable
        note(
            f"skipped: {counts.too_long:,} of {total:,} texts are too long for `max_length` {config.max_length}{advice}"
        )
    if len(counts.ratings) == 1:
        raise SourceError(_SINGLE_RATING_MESSAGE.format(reading.rating[0], *counts.ratings))
    num_not_held_out = int(counts.usable * (1 - settings.get("hold_out", 0.0)))
    if num_not_held_out < _min_texts(config):
        usable_texts = f"{num_not_held_out:,} texts with a rating and of"
        other_texts = f"{counts.too_long:,} longer ones"
        advice = _length_advice(counts.too_long, reading)
        raise SourceError(_too_few_message(usable_texts, other_texts, level, config, advice))


def _count_texts(source: str, reading: ReadingConfig, level: str, max_length: int) -> _TableCounts:
    """Count the texts of a table by length and rating.

    The codec does not exist yet. Therefore lengths are measured in words or characters instead of tokens.
    """
    usable, ratings, too_long = 0, set(), 0
    for document in open_corpus(source, reading):
        rating = document.conditions.get(reading.rating[0])
        for passage in document.text.passages():
            text = "".join(passage)
            length = len(text.split()) if level in ("word", "subword") else len(text)
            if length >= max_length:
                too_long += 1
            elif isinstance(rating, int | float) and math.isfinite(rating):
                usable += 1
                ratings.add(rating)
    return _TableCounts(usable, too_long, ratings)


def load_table(parent: Parent, source: str | list[str], note: Reporter) -> Dataset:
    """Read and encode a table with the reading settings and the codec of a run."""
    return load_dataset(
        source,
        parent.config.reading,
        lambda corpus: parent.codec,
        hold_out=parent.config.training.hold_out,
        validation=UNSEEN_SHARE,
        note=note,
    )


def build_dataset(parent: Parent, dataset: Dataset, config: GanConfig, note: Reporter) -> tuple[ShortTexts, ShortTexts]:
    """Return the training texts and the unseen texts.

    Args:
        parent: language model whose codec and conditions are used.
        dataset: table from `load_table`.
        config: GAN settings.
        note: receives lines about the numbers of skipped and usable texts.

    Raises:
        SourceError: there are too few usable texts, or all training texts have the same rating.
    """
    skipped: Counter[str] = Counter()
    texts, unseen = (
        encode_texts(dataset.store, spans, parent.codec, parent.config.conditions, config.max_length, skipped)
        for spans in (dataset.split.train, dataset.split.validation)
    )
    for reason, count in skipped.items():
        note(f"skipped: {counted(count, reason)}")
    num_usable, num_unknown = len(texts) + len(unseen), skipped[UNKNOWN_WORDS_REASON]
    if num_unknown > _MAX_UNKNOWN_RATIO * num_usable:
        raise SourceError(
            f"{num_unknown:,} of {num_unknown + num_usable:,} texts have words outside the vocabulary of "
            f"{len(parent.codec.token_bytes):,} words: use a larger `vocabulary` or `level` subword, or start from a "
            "run that knows these words"
        )
    if num_unknown > num_usable:
        note("more texts are skipped because of unknown words than are used: `level` subword skips none of them")
    if len(texts) < _MIN_BATCHES * config.batch_size or len(unseen) < _min_unseen(config):
        advice = _length_advice(skipped[too_long_reason(config.max_length)], parent.config.reading)
        usable_texts = f"{len(texts):,} training texts and {len(unseen):,} texts for measuring the discriminator, of"
        other_texts = f"{skipped.total():,} skipped"
        raise SourceError(_too_few_message(usable_texts, other_texts, parent.codec.level, config, advice))
    if len(set(texts.ratings.tolist())) < 2:
        scale = parent.config.conditions.columns[0]
        assert isinstance(scale, Scale)
        raise SourceError(_SINGLE_RATING_MESSAGE.format(scale.name, scale.from_unit(texts.ratings[:1])[0]))
    note(f"{len(texts):,} training texts, {len(unseen):,} for measuring the discriminator")
    return texts, unseen


def _min_unseen(config: GanConfig) -> int:
    return max(_MIN_UNSEEN, 2 * config.pack_size)


def _min_texts(config: GanConfig) -> int:
    """Return the number of texts, with a margin, that suffices for both the training texts and the unseen texts."""
    total_for_training = _MIN_BATCHES * config.batch_size / (1 - UNSEEN_SHARE)
    total_for_unseen = _min_unseen(config) / UNSEEN_SHARE
    return math.ceil(_SIZE_MARGIN * max(total_for_training, total_for_unseen))


def _length_advice(num_too_long: int, reading: ReadingConfig) -> str:
    """Return advice about texts that are too long, as the end of a sentence; empty if no text is too long."""
    if not num_too_long:
        return ""
    return ", or a larger `max_length`" + ("" if reading.sentences else ", or `sentences`")


def _too_few_message(usable_texts: str, other_texts: str, level: str, config: GanConfig, length_advice: str) -> str:
    """Return the message that a table has too few usable texts.

    Args:
        usable_texts: beginning of the message, the number of usable texts, such as "90 texts with a rating and of".
        other_texts: number of the remaining texts of the table, such as "10 longer ones".
        level: level of the codec.
        config: GAN settings.
        length_advice: result of `_length_advice`.
    """
    # Even the smallest batches and packs need `_MIN_UNSEEN` unseen texts. Smaller settings are advised only if the
    # present settings need at least twice as many.
    is_reducible = _min_texts(config) * UNSEEN_SHARE >= 2 * _MIN_UNSEEN
    smaller = ", or a smaller `batch_size` or `pack_size`" if is_reducible else ""
    return (
        f"{usable_texts} at most {config.max_length - 1} tokens of level {level} ({other_texts}) are too few: about "
        f"{_min_texts(config):,} are needed for batches of {config.batch_size} and packs of {config.pack_size}; use "
        f"more texts{length_advice}{smaller}"
    )
