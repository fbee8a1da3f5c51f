"""A sampling transform: XTC, exclude top choices (p-e-w 2024).

Register it as `"xtc": "examples.extensions.xtc:XTC"`.
"""

import numpy as np

from seqloom.errors import ConfigError
from seqloom.sampling.transform import TransformSpec

SALT = 0x585443


def xtc(logits, threshold, probability, context):
    """With a probability, remove all tokens above the threshold except the least likely of them."""
    if context.generator(SALT).random() >= probability:
        return logits
    weights = np.exp(logits - logits.max())
    above = np.flatnonzero(weights / weights.sum() >= threshold)
    if len(above) < 2:
        return logits
    kept = above[np.argmin(weights[above])]
    removed = np.setdiff1d(above, [kept])
    excluded = logits.copy()
    excluded[removed] = -np.inf
    return excluded


def bind(settings, vocabulary):
    """Return the transform of these settings."""
    threshold, probability = settings["threshold"], settings["probability"]
    if not 0 <= probability <= 1:
        raise ConfigError(f"probability got {probability}: choose from 0 (off) to 1")
    return lambda logits, context: xtc(logits, threshold, probability, context)


XTC = TransformSpec(
    position=80,
    defaults={"threshold": 0.1, "probability": 0.0},
    is_off=lambda settings: settings["probability"] == 0,
    bind=bind,
)
