"""Types of settings: names to choose from, and ratings.

The config dataclasses explain each name, where they describe the setting.
"""

from collections.abc import Mapping
from typing import Literal

__all__ = [
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

Rating = float | str | Mapping[str, float | str]
"""Requested rating: a number or category, or numbers and categories by column."""
