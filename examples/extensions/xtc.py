"""A sampling transform: XTC, exclude top choices (p-e-w 2024).

Register it as `"xtc": "examples.extensions.xtc:XTC"`.
"""

import numpy as np

from seqloom.errors import ConfigError
from seqloom.sampling.transform import Context, Logits, Settings, Transform, TransformSpec

__all__ = ["XTC"]

_SALT = 0x585443


def _exclude_top_choices(logits: Logits, threshold: float, probability: float, context: Context) -> Logits:
    """With a probability, remove all tokens above the threshold except the least likely of them."""
    if context.generator(_SALT).random() >= probability:
        return logits
    weights = np.exp(logits - logits.max())
    above = np.flatnonzero((weights / weights.sum() >= threshold) & (weights > 0))
    excluded = logits.copy()
    excluded[np.setdiff1d(above, above[np.argmin(weights[above])])] = -np.inf
    return excluded if len(above) > 1 else logits


def _bind(settings: Settings, vocabulary: int) -> Transform:
    threshold, probability = settings["threshold"], settings["probability"]
    if not 0 <= threshold <= 0.5:
        raise ConfigError(
            f"threshold got {threshold}: choose from 0 to 0.5, the largest share that two tokens can have"
        )
    if not 0 <= probability <= 1:
        raise ConfigError(f"probability got {probability}: choose from 0 (off) to 1")
    return lambda logits, context: _exclude_top_choices(logits, threshold, probability, context)


XTC = TransformSpec(
    position=80,
    defaults={"threshold": 0.1, "probability": 0.0},
    is_off=lambda settings: settings["probability"] == 0,
    bind=_bind,
)
