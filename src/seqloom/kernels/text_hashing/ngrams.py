"""The compiled counter of hashed n-grams.

An n-gram is a word, a pair of neighbouring words, or a sequence of 3 to 5 characters. It is not stored: its hash
selects one of a fixed number of buckets, and each bucket has a count.
"""

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

_MAX_NGRAMS_PER_CHARACTER = 5
"""Each character starts at most three n-grams (of 3, 4 and 5 characters), and ends at most a word and a word pair."""

_BATCH_CHARACTERS = 1 << 18
"""Approximate number of characters per call of the library, which bounds the memory."""

_WORD, _ALPHANUMERIC, _SPACE, _UNKNOWN = 1, 2, 4, 255
"""Bit flags of a character's class; a character can have several. `_UNKNOWN`: its class is not computed yet."""

_NUM_CODE_POINTS = 0x110000
"""Number of code points of Unicode."""


class HashedCounts(NamedTuple):
    """Counts of hashed n-grams as sparse rows, one per text.

    Attributes:
        buckets: hash buckets that occur in each row, in ascending order. The lower half of the buckets is for words and
            pairs of words, the upper half for character n-grams.
        counts: number of the row's n-grams in each of these buckets.
        starts: index in `buckets` where each row starts, followed by the length of `buckets`.
    """

    buckets: Int32[np.ndarray, " ngrams"]
    counts: Float32[np.ndarray, " ngrams"]
    starts: Int64[np.ndarray, " rows"]


def count_hashed(texts: Sequence[str], num_buckets: int) -> HashedCounts | None:
    """Count words, pairs of words and n-grams of 3 to 5 characters in texts, ignoring case.

    A word that follows a negation is counted in another bucket than the same word elsewhere; see
    `text_features/ngrams.py`.

    Args:
        texts: texts without lone surrogates.
        num_buckets: number of buckets for words and pairs, and equally many for n-grams of characters; a power of two.

    Returns:
        The counts; None if the compiled kernels are off.
    """
    if chosen_kernels() is None:
        return None
    counted_batches = [_count_batch(batch, num_buckets) for batch in _batches([text.lower() for text in texts])]
    if not counted_batches:
        return HashedCounts(np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(1, np.int64))
    buckets, counts, lengths = (np.concatenate(arrays) for arrays in zip(*counted_batches, strict=True))
    return HashedCounts(buckets, counts, starts=np.concatenate([np.zeros(1, np.int64), lengths.cumsum()]))


def _batches(texts: list[str]) -> list[list[str]]:
    """Divide texts into batches of about `_BATCH_CHARACTERS` characters."""
    ends = np.cumsum([len(text) for text in texts])
    cuts = np.flatnonzero(np.diff(ends // _BATCH_CHARACTERS)) + 1
    bounds = [0, *cuts.tolist(), len(texts)]
    return [texts[start:stop] for start, stop in pairwise(bounds) if stop > start]


def _count_batch(texts: list[str], num_buckets: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the buckets and counts of all texts, one text after another, and the number of buckets of each text."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=offsets[1:])
    max_ngrams = _MAX_NGRAMS_PER_CHARACTER * len(codes)
    buckets, counts = np.empty(max_ngrams, np.int32), np.empty(max_ngrams, np.float32)
    lengths = np.zeros(len(texts), np.int64)
    _text_library().seqloom_count_ngrams(
        *(array.ctypes.data for array in (codes, offsets)),
        len(texts),
        _character_classes(codes).ctypes.data,
        num_buckets,
        min(num_usable_processors(), len(texts)),
        *(array.ctypes.data for array in (buckets, counts, lengths)),
    )
    # Each text has space for the maximum number of its n-grams, and the library fills only the beginning of this space.
    # Keep the filled elements.
    starts = _MAX_NGRAMS_PER_CHARACTER * offsets[:-1]
    filled = np.arange(lengths.sum()) + np.repeat(starts - (lengths.cumsum() - lengths), lengths)
    return buckets[filled], counts[filled], lengths


@cache
def _text_library() -> ctypes.CDLL:
    pointer = ctypes.c_void_p
    arguments = (pointer, pointer, ctypes.c_int64, pointer, ctypes.c_int32, ctypes.c_int32, *(pointer,) * 3)
    return declare({"seqloom_count_ngrams": arguments}, remedy="close other programs, and try again")


def _character_classes(codes: UInt32[np.ndarray, " characters"]) -> UInt8[np.ndarray, " code_points"]:
    """Return the table of classes by code point; first fill in the classes of these characters."""
    import regex

    classes = _class_table()
    for code in np.unique(codes[classes[codes] == _UNKNOWN]).tolist():
        character = chr(code)
        word = _WORD if regex.match(r"\w", character) else 0
        alphanumeric = _ALPHANUMERIC if character.isalnum() or character == "_" else 0
        classes[code] = word | alphanumeric | (_SPACE if character.isspace() else 0)
    return classes


@cache
def _class_table() -> UInt8[np.ndarray, " code_points"]:
    """Return the table of classes, which all calls share and fill."""
    return np.full(_NUM_CODE_POINTS, _UNKNOWN, np.uint8)
