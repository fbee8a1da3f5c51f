"""Options of a generation, as one object."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seqloom.config import DecodingConfig, SamplingConfig, validate
from seqloom.config.choices import Rating
from seqloom.config.settings import is_integer, pick
from seqloom.errors import ConfigError

__all__ = ["GenerationOptions", "check_count", "sampling_config"]


@dataclass(frozen=True, kw_only=True)
class GenerationOptions:
    """Options of a generation.

    Attributes:
        sampling: how tokens are drawn, and constraints on the text.
        decoding: whether the state is carried from token to token, precision of the weights, and treatment of unknown
            symbols of the prompt.
        rating: requested rating: a number, or numbers and categories by column; None without a request.
        guidance: guidance scale: factor by which the effect of the rating on the logits is multiplied; 1 is off.
        extrapolate: whether ratings outside the range of the training data are allowed.
    """

    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    decoding: DecodingConfig = field(default_factory=DecodingConfig)
    rating: Rating | None = None
    guidance: float = 1.0
    extrapolate: bool = False


def check_count(count: int, beam: int) -> None:
    """Check the number of samples.

    Args:
        count: number of samples.
        beam: number of texts that a beam search returns; 0 or 1 without beam search.

    Raises:
        ConfigError: the number is below 1, or larger than the number of texts of a beam search.
    """
    validate(*[(False, fault) for fault in _count_faults(count, beam)])


def _count_faults(count: Any, beam: Any) -> list[str]:
    """Return messages about a wrong number of samples; no message if it is right. The arguments may have any type."""
    if not is_integer(count, 1):
        return [f"`count` got {count!r}: choose a whole number from 1 up"]
    if is_integer(beam, 2) and beam < count:
        return [f"`count` {count} is more than the {beam} texts of `beam` {beam}: lower `count`, or raise `beam`"]
    return []


def sampling_config(settings: Mapping[str, Any], count: int) -> SamplingConfig:
    """Return the sampling settings among others; report their faults and those of `count` in one error.

    Raises:
        ConfigError: a setting or the number of samples is wrong.
    """
    faults = _count_faults(count, settings.get("beam", 0))
    try:
        config = pick(SamplingConfig, settings)
    except ConfigError as error:
        raise ConfigError(*faults, *error.faults) from None
    validate(*[(False, fault) for fault in faults])
    return config
