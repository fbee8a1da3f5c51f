"""Settings of generation that a decoder with a distribution of its own supports.

Such a decoder, with a mixture of Gaussians for example, draws a component before the token. The transforms act on the
components: settings that name tokens or depend on earlier ones have no meaning there.
"""

import math
from dataclasses import fields

from seqloom.config.base import validate
from seqloom.config.sampling import SamplingConfig

__all__ = ["check_choices"]

_OF_TOKENS = (
    "dynatemp_range",
    "mirostat_tau",
    "repetition_penalty",
    "frequency_penalty",
    "presence_penalty",
    "dry_multiplier",
    "ban",
    "bias",
    "transforms",
    "pattern",
    "json_schema",
    "grammar",
    "beam",
    "max_copy",
    "watermark",
)
"""Settings that need the logits of tokens."""


def check_choices(config: SamplingConfig) -> None:
    """Check that all settings act on components.

    Raises:
        ConfigError: a setting needs the logits of tokens, or the temperature is infinite.
    """
    defaults = SamplingConfig()
    names = [field.name for field in fields(config) if field.name in _OF_TOKENS]
    wrong = [name for name in names if getattr(config, name) != getattr(defaults, name)]
    validate(
        *(
            (
                False,
                f"`{name}` acts on the probabilities of tokens, and this run draws from a mixture of Gaussians: leave "
                "it out, or train with `level` strokes",
            )
            for name in wrong
        ),
        (
            math.isfinite(config.temperature),
            "`temperature` inf has no meaning for a mixture of Gaussians, whose spread it multiplies: choose up to 2",
        ),
    )
