"""Payloads to tokens and back, losslessly; a codec owns the vocabulary.

A payload is the content of a document, such as a text. A level is a registered kind of token, such as "char" or "word".
"""

import json
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from seqloom.codecs.base import Codec
from seqloom.codecs.text import TextCodec
from seqloom.corpora.document import Corpus
from seqloom.errors import CodecError
from seqloom.registry import CODECS, resolve

__all__ = ["Codec", "TextCodec", "check_usable", "codec_from_json", "default_level", "fit_codec"]


def fit_codec(level: str, corpus: Corpus, vocabulary: int | None = None) -> Codec[Any]:
    """Learn the codec registered as `level` from a corpus.

    Args:
        level: name in `registry.CODECS`, such as "char", "byte", "word" or "subword".
        corpus: training corpus.
        vocabulary: largest number of token ids; None is the level's default.

    Raises:
        ConfigError: no level has that name, or `vocabulary` is too small.
        SourceError: the corpus is empty, or holds a kind of sequence that the level does not encode.
    """
    return cast(Codec[Any], resolve("level", level, CODECS).fit(corpus, vocabulary=vocabulary))


def default_level(corpus: Corpus) -> str:
    """Return the level that suits the kind of a corpus: "char" for text."""
    level: str = getattr(getattr(corpus, "payload_type", None), "default_level", "char")
    return level


def check_usable(codec: Codec[Any]) -> None:
    """Check what a training needs of a codec, which may come from another distribution.

    Raises:
        CodecError: a run with the codec could not be loaded, because the codec does not come back from its description;
            or an attribute has an impossible value.
    """
    _check_can_be_stored(codec)
    size = len(codec)
    if codec.boundary is not None and not 0 <= codec.boundary < size:
        raise CodecError(
            f"the codec of level {codec.level} cannot be used: its boundary is {codec.boundary!r}, which is not an id "
            f"from 0 to {size - 1}"
        )
    units = np.asarray(codec.units_per_token)
    if units.shape != (size,) or units.min() < 0 or units.max() <= 0:
        raise CodecError(
            f"the codec of level {codec.level} cannot be used: units_per_token has the shape {units.shape}; it needs "
            f"one number for each of the {size} ids, none below 0 and not all of them 0"
        )


def _check_can_be_stored(codec: Codec[Any]) -> None:
    try:
        restored = codec_from_json(json.loads(json.dumps(codec.to_json())))
        fault = None if restored.fingerprint == codec.fingerprint else "the restored codec differs"
    except Exception as error:
        fault = f"{type(error).__name__}: {error}"
    if fault is not None:
        raise CodecError(
            f"the codec of level {codec.level} cannot be stored with a run ({fault}): correct the methods "
            "to_json and from_json of the codec"
        )


def codec_from_json(stored: Any) -> Codec[Any]:
    """Return the codec described by `Codec.to_json`, of any level.

    Raises:
        CodecError: the description is damaged.
    """
    level = stored.get("level") if isinstance(stored, Mapping) else None
    if not isinstance(level, str) or level not in CODECS:
        raise CodecError(f"the codec is damaged: its level is {level!r}, not one of {', '.join(CODECS)}")
    return cast(Codec[Any], resolve("level", level, CODECS).from_json(stored))
