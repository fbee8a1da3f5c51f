"""Settings: frozen dataclasses that check themselves and are stored with every run."""

from seqloom.config.base import Stored, check, of_kind
from seqloom.config.gan import GanConfig
from seqloom.config.model import ModelConfig
from seqloom.config.reading import ReadingConfig
from seqloom.config.sampling import SamplingConfig
from seqloom.config.training import TrainingConfig

__all__ = [
    "GanConfig",
    "ModelConfig",
    "ReadingConfig",
    "SamplingConfig",
    "Stored",
    "TrainingConfig",
    "check",
    "of_kind",
]
