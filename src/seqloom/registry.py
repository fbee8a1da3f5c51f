"""Registered names of interchangeable parts, as "module:attribute", so that only the parts in use are imported."""

import importlib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from seqloom.errors import ConfigError

__all__ = ["CODECS", "CORES", "GAN_LOSSES", "HEADS", "TRANSFORMS", "import_part", "resolve", "unknown_name"]

CODECS: Mapping[str, str] = {
    "char": "seqloom.codecs.chars:CharCodec",
    "byte": "seqloom.codecs.bytes:ByteCodec",
    "word": "seqloom.codecs.words:WordCodec",
    "subword": "seqloom.codecs.subwords:SubwordCodec",
}

CORES: Mapping[str, str] = {
    "lstm": "seqloom.kernels.cores.lstm:SPEC",
    "gru": "seqloom.kernels.cores.gru:SPEC",
    "conv": "seqloom.kernels.cores.conv:SPEC",
}

GAN_LOSSES: Mapping[str, str] = {
    "relativistic": "seqloom.gan.losses:Relativistic",
    "wasserstein": "seqloom.gan.losses:Wasserstein",
    "score": "seqloom.gan.losses:ScoreFunction",
}

HEADS: Mapping[str, str] = {
    "softmax": "seqloom.kernels.heads.softmax:SPEC",
}

TRANSFORMS: dict[str, str] = {
    "bias": "seqloom.sampling.transforms:BIAS",
    "bans": "seqloom.sampling.transforms:BANS",
    "repetition": "seqloom.sampling.transforms:REPETITION",
    "temperature": "seqloom.sampling.transforms:TEMPERATURE",
    "top_k": "seqloom.sampling.transforms:TOP_K",
    "typical": "seqloom.sampling.transforms:TYPICAL",
    "top_p": "seqloom.sampling.transforms:TOP_P",
    "min_p": "seqloom.sampling.transforms:MIN_P",
}
"""Specs of the sampling transforms (see `sampling.transform`), in their order; others add lines of their own."""


def resolve(kind: str, name: str, registered: Mapping[str, str]) -> Any:
    """Import and return the part registered as `name`.

    Args:
        kind: kind of the part in messages ("core", "level").
        name: registered name.
        registered: one of this module's mappings.

    Raises:
        ConfigError: no part has that name.
    """
    if name not in registered:
        raise ConfigError(unknown_name(kind, name, registered))
    return import_part(registered[name])


def import_part(place: str) -> Any:
    """Import and return `attribute` of `module`, for a place "module:attribute"."""
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


def unknown_name(kind: str, name: str, known: Mapping[str, Any]) -> str:
    """Return one line with the unknown name, the choices and the closest one."""
    near = get_close_matches(name, known, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"unknown {kind} '{name}': choose from {', '.join(known)}{hint}"
