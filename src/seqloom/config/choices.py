"""Types of settings: names to choose from, and ratings.

The config dataclasses explain each name, where they describe the setting.
"""

from collections.abc import Mapping
from typing import Literal, get_args

from seqloom.errors import ConfigError

__all__ = [
    "SPLITS",
    "Batching",
    "ConditionInput",
    "DecodingPrecision",
    "DropoutKind",
    "Loss",
    "Method",
    "Normalization",
    "Optimizer",
    "Precision",
    "Rating",
    "Schedule",
    "SplitName",
    "check_split",
]

Batching = Literal["stateful", "windows"]
ConditionInput = Literal["input", "state", "output"]
DecodingPrecision = Literal["float32", "bfloat16", "int8"]
DropoutKind = Literal["standard", "variational"]
Loss = Literal["all", "last"]
Method = Literal["conditioning", "guidance", "rejection", "smc"]  # of reaching a rating, see `rating.methods`
Normalization = Literal["NFC", "NFD", "NFKC", "NFKD"]
Initialization = Literal["per_gate", "keras"]
"""Initial weights of recurrent layers."""

Optimizer = Literal["adamw", "adam", "rmsprop"]
Precision = Literal["float32", "bfloat16"]
Schedule = Literal["cosine", "constant"]
SplitName = Literal["all", "train", "validation", "held-out"]  # a corpus, or one of its parts
SPLITS: tuple[SplitName, ...] = get_args(SplitName)

Rating = float | str | Mapping[str, float | str]
"""Requested rating: a number or category, or numbers and categories by column."""


def check_split(name: str) -> None:
    """Check the name of a corpus or a part of it.

    Raises:
        ConfigError: there is no part of this name.
    """
    if name not in SPLITS:
        raise ConfigError(f"`split` got {name!r}: choose from {', '.join(SPLITS)}")
