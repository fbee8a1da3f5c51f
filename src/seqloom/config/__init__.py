"""Settings: frozen dataclasses that check themselves and are stored with every run."""

from seqloom.config.base import JsonSerializable, check_type, validate
from seqloom.config.gan import GanConfig
from seqloom.config.model import ModelConfig
from seqloom.config.reading import ReadingConfig
from seqloom.config.sampling import SamplingConfig
from seqloom.config.training import TrainingConfig

__all__ = [
    "GanConfig",
    "JsonSerializable",
    "ModelConfig",
    "ReadingConfig",
    "SamplingConfig",
    "TrainingConfig",
    "check_type",
    "validate",
]
