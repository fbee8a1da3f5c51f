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

_ROOM = 5
"""N-grams of a character at most: it begins three of characters, and ends a word and a pair of words."""

_AT_ONCE = 1 << 18
"""Characters that are counted before the room for them is used again."""

_WORD, _ALPHANUMERIC, _SPACE, _UNKNOWN = 1, 2, 4, 255
_CODE_POINTS = 0x110000


class HashedCounts(NamedTuple):
    """Sparse rows, one for each text.

    Attributes:
        places: of the n-grams that it has, ascending.
        counts: of each.
        starts: where each row begins; and the end.
    """

    places: Int32[np.ndarray, " found"]
    counts: Float32[np.ndarray, " found"]
    starts: Int64[np.ndarray, " rows"]


def count_hashed(texts: Sequence[str], features: int) -> HashedCounts | None:
    """Count the words, pairs of words and 3 to 5 characters of texts, hashed to `features` places for each kind.

    What counts as a word, and how negation is marked, is said in `text_features/ngrams.py`.

    Args:
        texts: without lone surrogates.
        features: a power of two.

    Returns:
        None where the compiled kernels are not in use.
    """
    if chosen_kernels() is None:
        return None
    parts = [_count(some, features) for some in _portions([text.lower() for text in texts])]
    if not parts:
        return HashedCounts(np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(1, np.int64))
    ends = np.concatenate([found for _, _, found in parts]).cumsum()
    return HashedCounts(
        np.concatenate([places for places, _, _ in parts]),
        np.concatenate([counts for _, counts, _ in parts]),
        np.concatenate([np.zeros(1, np.int64), ends]),
    )


def _portions(texts: list[str]) -> list[list[str]]:
    """Texts in portions of some characters."""
    ends = np.cumsum([len(text) for text in texts])
    cuts = np.flatnonzero(np.diff(ends // _AT_ONCE)) + 1
    bounds = [0, *cuts.tolist(), len(texts)]
    return [texts[start:stop] for start, stop in pairwise(bounds) if stop > start]


def _count(texts: list[str], features: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=offsets[1:])
    places, counts = np.empty(_ROOM * len(codes), np.int32), np.empty(_ROOM * len(codes), np.float32)
    found = np.zeros(len(texts), np.int64)
    _text_library().seqloom_count_ngrams(
        *(array.ctypes.data for array in (codes, offsets)),
        len(texts),
        _classes(codes).ctypes.data,
        features,
        min(num_usable_processors(), len(texts)),
        *(array.ctypes.data for array in (places, counts, found)),
    )
    starts = _ROOM * offsets[:-1]
    rows = np.arange(found.sum()) + np.repeat(starts - (found.cumsum() - found), found)
    return places[rows], counts[rows], found


@cache
def _text_library() -> ctypes.CDLL:
    pointer = ctypes.c_void_p
    arguments = (pointer, pointer, ctypes.c_int64, pointer, ctypes.c_int32, ctypes.c_int32, *(pointer,) * 3)
    return declare({"seqloom_count_ngrams": arguments}, remedy="close other programs, and try again")


def _classes(codes: UInt32[np.ndarray, " characters"]) -> UInt8[np.ndarray, " code_points"]:
    """What each character is, by its code point; what no text has had yet is unknown."""
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
