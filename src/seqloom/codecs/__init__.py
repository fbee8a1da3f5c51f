"""Text to tokens and back, losslessly; a codec owns the vocabulary."""

from collections.abc import Mapping
from typing import Any, cast

from seqloom.codecs.base import Codec
from seqloom.corpora.document import Corpus
from seqloom.errors import CodecError
from seqloom.registry import CODECS, resolve

__all__ = ["Codec", "codec_from_json", "fit_codec"]


def fit_codec(level: str, corpus: Corpus, vocabulary: int | None = None) -> Codec:
    """Learn the codec registered as `level` from a corpus.

    Args:
        level: "char", "byte", "word" or "subword".
        corpus: what to read.
        vocabulary: at most so many ids; None is the level's default.

    Raises:
        ConfigError: no level has that name, or the vocabulary is too small to spell anything.
        SourceError: the corpus holds no text.
    """
    return cast(Codec, resolve("level", level, CODECS).fit(corpus, vocabulary=vocabulary))


def codec_from_json(stored: Any) -> Codec:
    """The codec that `Codec.to_json` described, whatever its level.

    Raises:
        CodecError: the description is damaged.
    """
    level = stored.get("level") if isinstance(stored, Mapping) else None
    if not isinstance(level, str) or level not in CODECS:
        raise CodecError(f"the codec is damaged: its level is {level!r}, not one of {', '.join(CODECS)}")
    return cast(Codec, resolve("level", level, CODECS).from_json(stored))
