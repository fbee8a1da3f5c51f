"""Sort the arguments of the methods that generate text by the config that they belong to."""

from collections.abc import Mapping
from typing import Any

from seqloom.config import DecodingConfig, SamplingConfig, validate
from seqloom.config.settings import pick
from seqloom.errors import ConfigError
from seqloom.generation.options import GenerationOptions, count_faults

__all__ = ["generation_options", "sampling_config"]


def generation_options(arguments: Mapping[str, Any]) -> GenerationOptions:
    """Return the options among the arguments of a method (its `locals()`), or report all their faults in one error."""
    return GenerationOptions(
        sampling=sampling_config(arguments, arguments.get("count", 1)),
        decoding=pick(DecodingConfig, arguments),
        rating=arguments["rating"],
        guidance=arguments["guidance"],
        extrapolate=arguments["extrapolate"],
    )


def sampling_config(arguments: Mapping[str, Any], count: int) -> SamplingConfig:
    """Return the sampling settings among the arguments; report their faults and those of `count` in one error."""
    faults = count_faults(count, arguments["beam"])
    try:
        config = pick(SamplingConfig, arguments)
    except ConfigError as error:
        raise ConfigError(*faults, *error.faults) from None
    validate(*[(False, fault) for fault in faults])
    return config
