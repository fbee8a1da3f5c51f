"""Train a small sequence model on your own corpus and write new sequences in its manner."""

import importlib
import os
from typing import TYPE_CHECKING, Any

from seqloom.version import __version__ as __version__

if TYPE_CHECKING:
    from seqloom.api import Run, load, train, train_gan
    from seqloom.corpora import open_corpus
    from seqloom.critic import Critic
    from seqloom.detector.detector import Detector
    from seqloom.detector.language_models import train_language_models
    from seqloom.detector.load import open_detector
    from seqloom.errors import (
        CodecError,
        ConfigError,
        MissingExtraError,
        RunError,
        SeqloomError,
        SourceError,
        TrainingError,
        UserError,
    )
    from seqloom.sampling import Sample, reweight

# Read by OpenMP when torch is first imported. Threads that wait by spinning slow training down several times over on a
# machine that does anything else beside it.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

__all__ = [
    "CodecError",
    "ConfigError",
    "Critic",
    "Detector",
    "MissingExtraError",
    "Run",
    "RunError",
    "Sample",
    "SeqloomError",
    "SourceError",
    "TrainingError",
    "UserError",
    "load",
    "open_corpus",
    "open_detector",
    "reweight",
    "train",
    "train_gan",
    "train_language_models",
]

_PLACES = {
    "Run": "seqloom.api",
    "load": "seqloom.api",
    "train": "seqloom.api",
    "train_gan": "seqloom.api",
    "Critic": "seqloom.critic",
    "Detector": "seqloom.detector.detector",
    "train_language_models": "seqloom.detector.language_models",
    "open_detector": "seqloom.detector.load",
    "open_corpus": "seqloom.corpora",
    "Sample": "seqloom.sampling",
    "reweight": "seqloom.sampling",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for, so that writing does not wait for what only training needs."""
    if name not in __all__:
        raise AttributeError(f"module 'seqloom' has no attribute '{name}'")
    return getattr(importlib.import_module(_PLACES.get(name, "seqloom.errors")), name)
