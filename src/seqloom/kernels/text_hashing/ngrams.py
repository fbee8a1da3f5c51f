"""The compiled counter of hashed n-grams."""

import ctypes
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int32, Int64, UInt8, UInt32

from seqloom.kernels.batched_decoder import num_usable_processors
from seqloom.kernels.library import chosen_kernels, declare

__all__ = ["HashedCounts", "count_hashed"]

_MAX_NGRAMS = 5
"""Maximum number of n-grams per character: it starts three of characters, and ends a word and a pair of words."""

_BATCH_CHARACTERS = 1 << 18
"""Number of characters per call, which bounds the memory."""

_WORD, _ALPHANUMERIC, _SPACE, _UNKNOWN = 1, 2, 4, 255
_CODE_POINTS = 0x110000


class HashedCounts(NamedTuple):
    """Counts of hashed n-grams as sparse rows, one per text.

    Attributes:
        buckets: hash buckets of the n-grams of each row, ascending.
        counts: count of each.
        starts: start of each row, followed by the end.
    """

    buckets: Int32[np.ndarray, " ngrams"]
    counts: Float32[np.ndarray, " ngrams"]
    starts: Int64[np.ndarray, " rows"]


def count_hashed(texts: Sequence[str], features: int) -> HashedCounts | None:
    """Count words, pairs of words and n-grams of 3 to 5 characters, hashed to `features` buckets of each kind.

    `text_features/ngrams.py` defines words and the marking of negation.

    Args:
        texts: texts without lone surrogates.
        features: number of buckets, a power of two.

    Returns:
        None if the compiled kernels are off.
    """
    if chosen_kernels() is None:
        return None
    parts = [_count(batch, features) for batch in _batches([text.lower() for text in texts])]
    if not parts:
        return HashedCounts(np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(1, np.int64))
    ends = np.concatenate([lengths for _, _, lengths in parts]).cumsum()
    return HashedCounts(
        np.concatenate([buckets for buckets, _, _ in parts]),
        np.concatenate([counts for _, counts, _ in parts]),
        np.concatenate([np.zeros(1, np.int64), ends]),
    )


def _batches(texts: list[str]) -> list[list[str]]:
    """Divide texts into batches of about `_BATCH_CHARACTERS` characters."""
    ends = np.cumsum([len(text) for text in texts])
    cuts = np.flatnonzero(np.diff(ends // _BATCH_CHARACTERS)) + 1
    bounds = [0, *cuts.tolist(), len(texts)]
    return [texts[start:stop] for start, stop in pairwise(bounds) if stop > start]


def _count(texts: list[str], features: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=offsets[1:])
    buckets, counts = np.empty(_MAX_NGRAMS * len(codes), np.int32), np.empty(_MAX_NGRAMS * len(codes), np.float32)
    lengths = np.zeros(len(texts), np.int64)
    _text_library().seqloom_count_ngrams(
        *(array.ctypes.data for array in (codes, offsets)),
        len(texts),
        _classes(codes).ctypes.data,
        features,
        min(num_usable_processors(), len(texts)),
        *(array.ctypes.data for array in (buckets, counts, lengths)),
    )
    starts = _MAX_NGRAMS * offsets[:-1]
    rows = np.arange(lengths.sum()) + np.repeat(starts - (lengths.cumsum() - lengths), lengths)
    return buckets[rows], counts[rows], lengths


@cache
def _text_library() -> ctypes.CDLL:
    pointer = ctypes.c_void_p
    arguments = (pointer, pointer, ctypes.c_int64, pointer, ctypes.c_int32, ctypes.c_int32, *(pointer,) * 3)
    return declare({"seqloom_count_ngrams": arguments}, remedy="close other programs, and try again")


def _classes(codes: UInt32[np.ndarray, " characters"]) -> UInt8[np.ndarray, " code_points"]:
    """Return the class of each character, by its code point; classes of characters not met before are computed."""
    import regex

    classes = _known_classes()
    for code in np.unique(codes[classes[codes] == _UNKNOWN]).tolist():
        letter = chr(code)
        word = _WORD if regex.match(r"\w", letter) else 0
        alphanumeric = _ALPHANUMERIC if letter.isalnum() or letter == "_" else 0
        classes[code] = word | alphanumeric | (_SPACE if letter.isspace() else 0)
    return classes


@cache
def _known_classes() -> UInt8[np.ndarray, " code_points"]:
    return np.full(_CODE_POINTS, _UNKNOWN, np.uint8)
