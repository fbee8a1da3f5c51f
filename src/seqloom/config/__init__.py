"""Settings: frozen dataclasses that check themselves and are stored with every run."""

from seqloom.config.base import JsonSerializable, validate
from seqloom.config.model import ModelConfig
from seqloom.config.reading import ReadingConfig
from seqloom.config.sampling import DecodingConfig, SamplingConfig
from seqloom.config.training import TrainingConfig

__all__ = [
    "DecodingConfig",
    "JsonSerializable",
    "ModelConfig",
    "ReadingConfig",
    "SamplingConfig",
    "TrainingConfig",
    "validate",
]
