"""The compiled extraction of hashed patterns."""

import ctypes
from collections.abc import Sequence
from functools import cache

import numpy as np
from jaxtyping import Int32, Int64, UInt8, UInt32

from seqloom.kernels.library import chosen_kernels, declare

__all__ = ["read_patterns"]


def read_patterns(
    codes: UInt32[np.ndarray, " characters"],
    lengths: Int64[np.ndarray, " texts"],
    kinds: UInt8[np.ndarray, " code_points"],
    small: UInt32[np.ndarray, " code_points"],
    *,
    bits: int,
    runs: Sequence[Sequence[int]],
    stretches: Sequence[int],
) -> list[tuple[Int32[np.ndarray, " patterns"], Int64[np.ndarray, " texts"]]] | None:
    """Return all hashed patterns of texts; `text_features/patterns.py` defines them.

    Args:
        codes: code points of the texts, one after another with a blank between them.
        lengths: number of characters of each text.
        kinds: class of each code point: 0 punctuation, 1 word character, 2 white space, 3 apostrophe.
        small: lower-case form of each code point.
        bits: number of bits of a hash.
        runs: offsets of the words of each word pattern from its first word.
        stretches: lengths of the character patterns.

    Returns:
        For words, word patterns, character patterns within words and character patterns, in this order: the hashes,
        text after text, and their number per text. None if the compiled kernels are off.
    """
    if chosen_kernels() is None:
        return None
    num_kinds = 2 + len(runs) + len(stretches)
    room = len(codes) + 2 * len(lengths)
    hashes, counts = np.empty((num_kinds, room), np.int32), np.empty((num_kinds, len(lengths)), np.int64)
    offsets = np.array([step for run in runs for step in run], np.int32)
    words, characters = np.array([len(run) for run in runs], np.int32), np.array(stretches, np.int32)
    lengths = np.ascontiguousarray(lengths, np.int64)
    _text_library().seqloom_read_patterns(
        *(codes.ctypes.data, len(codes), lengths.ctypes.data, len(lengths), kinds.ctypes.data, small.ctypes.data, bits),
        *(offsets.ctypes.data, words.ctypes.data, len(words), characters.ctypes.data, len(characters)),
        *(room, hashes.ctypes.data, counts.ctypes.data),
    )
    return [(own[: num_per_text.sum()], num_per_text) for own, num_per_text in zip(hashes, counts, strict=True)]


@cache
def _text_library() -> ctypes.CDLL:
    pointer, large, small = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32
    arguments = (
        *(pointer, large, pointer, large, pointer, pointer, small),
        *(pointer, pointer, small, pointer, small, large, pointer, pointer),
    )
    return declare({"seqloom_read_patterns": arguments}, remedy="close other programs, and try again")
