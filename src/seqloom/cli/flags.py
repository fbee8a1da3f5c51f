"""Name settings by their flags in the messages that a command shows.

Messages of the library write the name of a setting between backticks, such as `top_p`; a user must type `--top-p`.
"""

import re
from functools import cache

from seqloom.config import DecodingConfig, ModelConfig, ReadingConfig, SamplingConfig, TrainingConfig
from seqloom.config.critic import CriticConfig
from seqloom.config.detector import DetectorConfig, DuelConfig, ReportConfig, ScoringConfig
from seqloom.config.flags import cli_flag
from seqloom.config.gan import GanConfig
from seqloom.config.options import GanOptions, TrainOptions
from seqloom.config.serving import ServingConfig
from seqloom.config.settings import fields_of
from seqloom.rating.request import RatingRequest

__all__ = ["COMMAND_PARAMETERS", "known_settings", "with_flags"]

_CONFIGS = (
    ReadingConfig, ModelConfig, TrainingConfig, TrainOptions, GanConfig, GanOptions, SamplingConfig, DecodingConfig,
    RatingRequest, CriticConfig, DetectorConfig, ScoringConfig, ReportConfig, DuelConfig, ServingConfig,
)  # fmt: skip

COMMAND_PARAMETERS = (
    "against", "animate", "blocks", "by", "category", "count", "critic", "detector", "from_run", "generated",
    "generator", "generators", "interactive", "json", "jsonl", "key", "label", "methods", "output", "overwrite",
    "prompt", "prompt_file", "rating", "rating_control", "real", "resume", "run", "sliding_window", "soundfont",
    "split", "stride", "texts", "verify", "windows",
)  # fmt: skip
"""Parameters that commands declare themselves, instead of taking them from a dataclass of settings."""

_NAME_IN_BACKTICKS = re.compile(r"`([a-z][a-z0-9_]*)`")


@cache
def known_settings() -> frozenset[str]:
    """Return the names that messages may put between backticks: of all settings and parameters."""
    return frozenset(COMMAND_PARAMETERS).union(*(fields_of(config) for config in _CONFIGS))


def with_flags(text: str) -> str:
    """Return a message in which each name of a setting between backticks is replaced by its flag."""

    def flag_of(match: re.Match[str]) -> str:
        return cli_flag(match[1]) if match[1] in known_settings() else match[0]

    return _NAME_IN_BACKTICKS.sub(flag_of, text)
