"""Name settings by their flags in the messages that a command shows."""

import re
from functools import cache

from seqloom.config import DecodingConfig, GanConfig, ModelConfig, ReadingConfig, SamplingConfig, TrainingConfig
from seqloom.config.critic import CriticConfig
from seqloom.config.detector import DetectorConfig, DuelConfig, ReportConfig, ScoringConfig
from seqloom.config.flags import cli_flag
from seqloom.config.options import GanOptions, TrainOptions
from seqloom.config.settings import fields_of
from seqloom.rating.request import RatingRequest

__all__ = ["COMMAND_PARAMETERS", "known_settings", "with_flags"]

_CONFIGS = (
    ReadingConfig, ModelConfig, TrainingConfig, TrainOptions, GanConfig, GanOptions, SamplingConfig, DecodingConfig,
    RatingRequest, CriticConfig, DetectorConfig, ScoringConfig, ReportConfig, DuelConfig,
)  # fmt: skip

COMMAND_PARAMETERS = (
    "blocks", "by", "category", "count", "critic", "from_run", "generated", "generator", "generators", "key", "label",
    "methods", "output", "overwrite", "prompt", "rating", "rating_control", "real", "resume", "run", "sliding_window",
    "split", "stride", "texts", "windows",
)  # fmt: skip
"""Settings of commands outside the dataclasses."""

_MARKED = re.compile(r"`([a-z][a-z0-9_]*)`")


@cache
def known_settings() -> frozenset[str]:
    """Return the names that messages may put between backticks."""
    return frozenset(COMMAND_PARAMETERS).union(*(fields_of(config) for config in _CONFIGS))


def with_flags(text: str) -> str:
    """Return a message with the flags of the settings that it names between backticks."""

    def spell(match: re.Match[str]) -> str:
        return cli_flag(match[1]) if match[1] in known_settings() else match[0]

    return _MARKED.sub(spell, text)
