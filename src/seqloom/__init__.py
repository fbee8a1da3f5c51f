"""Train small sequence models on your own corpus and generate new sequences in its style."""

import importlib
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

_MODULES = {
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
"""Module of each public name; the names that are not listed here are the exceptions in `seqloom.errors`."""


def __dir__() -> list[str]:
    """Return all public names, also those that were not imported yet."""
    return sorted([*__all__, "__version__", "__doc__", "__name__", "__path__", "__file__"])


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that generation does not wait for the imports of training."""
    if name not in __all__:
        raise AttributeError(f"module 'seqloom' has no attribute '{name}'")
    return getattr(importlib.import_module(_MODULES.get(name, "seqloom.errors")), name)
