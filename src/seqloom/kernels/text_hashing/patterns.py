"""The compiled extraction of hashed patterns.

A pattern is a word, several words of a text at fixed distances, or a sequence of characters. Only its hash is used.
"""

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
    classes: UInt8[np.ndarray, " code_points"],
    lower_case: UInt32[np.ndarray, " code_points"],
    *,
    bits: int,
    word_offsets: Sequence[Sequence[int]],
    character_lengths: Sequence[int],
) -> list[tuple[Int32[np.ndarray, " patterns"], Int64[np.ndarray, " texts"]]] | None:
    """Return all hashed patterns of texts; without the kernels, `text_features/patterns.py` computes the same hashes.

    Args:
        codes: code points of the texts, one after another with a blank between them.
        lengths: number of characters of each text.
        classes: class of each code point: 0 punctuation, 1 word character, 2 white space, 3 apostrophe.
        lower_case: lower-case form of each code point.
        bits: number of bits of a hash.
        word_offsets: for each word pattern, the offset of each of its words from the first, such as (0, 2).
        character_lengths: length of each character pattern.

    Returns:
        For each kind of pattern, the hashes, text after text, and their number per text. The kinds are single words,
        one kind for each of `word_offsets`, character patterns within words, and one kind for each of
        `character_lengths`. None if the compiled kernels are off.
    """
    if chosen_kernels() is None:
        return None
    num_kinds = 2 + len(word_offsets) + len(character_lengths)
    # No kind has more patterns in a text than the text has characters, plus the two markers of its begin and end.
    capacity = len(codes) + 2 * len(lengths)
    hashes, counts = np.empty((num_kinds, capacity), np.int32), np.empty((num_kinds, len(lengths)), np.int64)
    flat_offsets = np.array([offset for offsets in word_offsets for offset in offsets], np.int32)
    num_words = np.array([len(offsets) for offsets in word_offsets], np.int32)
    num_characters = np.array(character_lengths, np.int32)
    lengths = np.ascontiguousarray(lengths, np.int64)
    _text_library().seqloom_read_patterns(
        # Each line has the arrays and numbers of one subject, in the order of `_text_library`.
        *(codes.ctypes.data, len(codes), lengths.ctypes.data, len(lengths)),
        *(classes.ctypes.data, lower_case.ctypes.data, bits),
        *(flat_offsets.ctypes.data, num_words.ctypes.data, len(num_words)),
        *(num_characters.ctypes.data, len(num_characters)),
        *(capacity, hashes.ctypes.data, counts.ctypes.data),
    )
    return [(row[: num_per_text.sum()], num_per_text) for row, num_per_text in zip(hashes, counts, strict=True)]


@cache
def _text_library() -> ctypes.CDLL:
    pointer, int64, int32 = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32
    arguments = (
        *(pointer, int64, pointer, int64),
        *(pointer, pointer, int32),
        *(pointer, pointer, int32),
        *(pointer, int32),
        *(int64, pointer, pointer),
    )
    return declare({"seqloom_read_patterns": arguments}, remedy="close other programs, and try again")
