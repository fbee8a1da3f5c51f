"""A sampling transform: temperature jitter, a random change of the temperature at every token.

Register it as `"jitter": "examples.extensions.temperature_jitter:JITTER"`.
"""

import numpy as np

from seqloom.errors import ConfigError
from seqloom.sampling.transform import Context, Logits, Settings, Transform, TransformSpec

__all__ = ["JITTER"]

_SALT = 0x4A4954544552
_MAX_SPREAD = 2.0


def _jitter(logits: Logits, spread: float, context: Context) -> Logits:
    """Multiply the logits by a log-normal random number; minus infinity stays."""
    factor = np.exp(spread * context.generator(_SALT).standard_normal())
    return (logits - logits.max()) * factor


def _bind(settings: Settings, vocabulary: int) -> Transform:
    spread = settings["spread"]
    if not 0 <= spread <= _MAX_SPREAD:
        raise ConfigError(f"spread got {spread}: choose from 0 (off) to {_MAX_SPREAD:g}")
    return lambda logits, context: _jitter(logits, spread, context)


JITTER = TransformSpec(
    position=35,
    defaults={"spread": 0.0},
    is_off=lambda settings: settings["spread"] == 0,
    bind=_bind,
)
