"""The short rated texts that a GAN learns from, and whether there are enough of them."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from seqloom.config import ReadingConfig
from seqloom.config.gan import GanConfig
from seqloom.corpora import open_corpus
from seqloom.data.conditions import Scale
from seqloom.errors import SourceError
from seqloom.gan.short_texts import ShortTexts, encode_texts, too_long_reason
from seqloom.lm.dataset import Dataset, load_dataset
from seqloom.plural import counted
from seqloom.runs.saved_run import SavedRun

__all__ = ["UNSEEN", "build_dataset", "check_dataset_size", "load_table"]

UNSEEN = 0.05
"""Share of the texts that the discriminator is measured on."""

_LEAST_UNSEEN = 16

_ONE_RATING = "all texts have the same {}, {:g}: give texts of several ratings"


def check_dataset_size(
    source: str, settings: Mapping[str, Any], config: GanConfig, note: Callable[[str], None]
) -> None:
    """Whether a table may have enough texts, before anything is trained: as far as that shows without a vocabulary.

    Args:
        source: the table.
        settings: those of training by likelihood, of which some say how it is read.
        config: how the GAN is trained.
        note: is told where most texts are too long.

    Raises:
        SourceError: it has not.
        ConfigError: the settings are not usable.
    """
    known = {field.name for field in fields(ReadingConfig)}
    reading = ReadingConfig(**{name: value for name, value in settings.items() if name in known})
    level = settings.get("level", "word")
    number, ratings, long = 0, set(), 0
    for document in open_corpus(source, reading):
        rating = document.conditions.get(reading.rating[0])
        for passage in document.passages():
            text = "".join(passage)
            tokens = len(text.split()) if level in ("word", "subword") else len(text)
            if tokens >= config.max_length:
                long += 1
            elif isinstance(rating, int | float) and math.isfinite(rating):
                number += 1
                ratings.add(rating)
    shorter = _shorter(long, reading)
    if long > number:
        how = "" if reading.sentences else "; `sentences` reads texts sentence by sentence"
        note(f"{long:,} of {long + number:,} texts are too long for `max_length` {config.max_length} and left out{how}")
    if len(ratings) == 1:
        raise SourceError(_ONE_RATING.format(reading.rating[0], *ratings))
    usable = int(number * (1 - settings.get("hold_out", 0.0)))
    if usable < _needed(config):
        raise SourceError(
            _too_few(f"{usable:,} texts with a rating and of", f"{long:,} longer ones", level, config, shorter)
        )


def load_table(parent: SavedRun, source: str | list[str], note: Callable[[str], None]) -> Dataset:
    """A table, read and coded as a run's."""
    reading = parent.config.reading
    return load_dataset(
        source,
        reading,
        lambda corpus: parent.codec,
        hold_out=parent.config.training.hold_out,
        validation=UNSEEN,
        note=note,
    )


def build_dataset(
    parent: SavedRun, material: Dataset, config: GanConfig, note: Callable[[str], None]
) -> tuple[ShortTexts, ShortTexts]:
    """The texts to learn from, and others.

    Raises:
        SourceError: there are too few.
    """
    tally: Counter[str] = Counter()
    parts = (material.split.train, material.split.validation)
    texts, unseen = (
        encode_texts(material.store, part, parent.codec, parent.config.conditions, config.max_length, tally)
        for part in parts
    )
    for reason, count in tally.items():
        note(f"left out: {counted(count, reason)}")
    found = len(texts) + len(unseen)
    outside = tally["text with words outside the vocabulary"]
    if outside > 4 * found:
        raise SourceError(
            f"{outside:,} of {outside + found:,} texts have words that {parent.path} does not know: begin from a run "
            "of this vocabulary, or give a larger `vocabulary` or `level` subword"
        )
    if outside > found:
        note("more texts are left out for their words than are read: `level` subword leaves none out for them")
    if len(texts) < 4 * config.batch_size or len(unseen) < _least_unseen(config):
        usable = f"{len(texts):,} texts to learn from and {len(unseen):,} to measure the discriminator on, of"
        shorter = _shorter(tally[too_long_reason(config.max_length)], parent.config.reading)
        raise SourceError(_too_few(usable, f"{tally.total():,} left out", parent.codec.level, config, shorter))
    if len(set(texts.levels.tolist())) < 2:
        scale = parent.config.conditions.columns[0]
        assert isinstance(scale, Scale)
        raise SourceError(_ONE_RATING.format(scale.name, scale.from_unit(texts.levels[:1])[0]))
    note(f"{len(texts):,} texts to learn from, {len(unseen):,} to measure the discriminator on")
    return texts, unseen


def _least_unseen(config: GanConfig) -> int:
    return max(_LEAST_UNSEEN, 2 * config.pack_size)


def _needed(config: GanConfig) -> int:
    """Texts of which both shares are large enough, with a little to spare."""
    return math.ceil(1.05 * max(4 * config.batch_size / (1 - UNSEEN), _least_unseen(config) / UNSEEN))


def _shorter(longer: int, reading: ReadingConfig) -> str:
    """What would help where some texts are too long."""
    return (", or a larger `max_length`" + ", or `sentences`" * (not reading.sentences)) * bool(longer)


def _too_few(usable: str, others: str, level: str, config: GanConfig, shorter: str) -> str:
    smaller = "" if _needed(config) * UNSEEN < 2 * _LEAST_UNSEEN else ", or a smaller `batch_size` or `pack_size`"
    return (
        f"{usable} at most {config.max_length - 1} tokens of level {level} ({others}) are too few: about "
        f"{_needed(config):,} are needed for batches of {config.batch_size} and packs of {config.pack_size}; give more "
        f"texts{shorter}{smaller}"
    )
