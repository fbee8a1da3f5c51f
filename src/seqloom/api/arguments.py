"""Sort the arguments of the methods that generate text by the config that they belong to."""

from collections.abc import Mapping
from typing import Any

from seqloom.config import DecodingConfig
from seqloom.config.settings import pick
from seqloom.generation.options import GenerationOptions, sampling_config

__all__ = ["generation_options"]


def generation_options(arguments: Mapping[str, Any]) -> GenerationOptions:
    """Return the options among the arguments of a method (its `locals()`), or report all their faults in one error."""
    return GenerationOptions(
        sampling=sampling_config(arguments, arguments.get("count", 1)),
        decoding=pick(DecodingConfig, arguments),
        rating=arguments["rating"],
        guidance=arguments["guidance"],
        extrapolate=arguments["extrapolate"],
    )
