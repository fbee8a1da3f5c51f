"""The compiled reader of hashed patterns."""

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
) -> list[tuple[Int32[np.ndarray, " found"], Int64[np.ndarray, " texts"]]] | None:
    """All patterns of texts, hashed; what they are is said in `text_features/patterns.py`.

    Args:
        codes: of texts, one after another with a blank between them.
        lengths: characters of each.
        kinds: 0 is a mark, 1 of a word, 2 white space, 3 an apostrophe.
        small: small letters.
        bits: of each hash.
        runs: of words: how far each stands from the first.
        stretches: of characters.

    Returns:
        The places of the words, of the runs, of stretches within words and of stretches of characters, and how many
        each text has; None where the compiled kernels are not in use.
    """
    if chosen_kernels() is None:
        return None
    found = 2 + len(runs) + len(stretches)
    room = len(codes) + 2 * len(lengths)
    places, counts = np.empty((found, room), np.int32), np.empty((found, len(lengths)), np.int64)
    steps = np.array([step for run in runs for step in run], np.int32)
    words, characters = np.array([len(run) for run in runs], np.int32), np.array(stretches, np.int32)
    lengths = np.ascontiguousarray(lengths, np.int64)
    _text_library().seqloom_read_patterns(
        *(codes.ctypes.data, len(codes), lengths.ctypes.data, len(lengths), kinds.ctypes.data, small.ctypes.data, bits),
        *(steps.ctypes.data, words.ctypes.data, len(words), characters.ctypes.data, len(characters)),
        *(room, places.ctypes.data, counts.ctypes.data),
    )
    return [(own[: each.sum()], each) for own, each in zip(places, counts, strict=True)]


@cache
def _text_library() -> ctypes.CDLL:
    pointer, large, small = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32
    arguments = (
        *(pointer, large, pointer, large, pointer, pointer, small),
        *(pointer, pointer, small, pointer, small, large, pointer, pointer),
    )
    return declare({"seqloom_read_patterns": arguments}, remedy="close other programs, and try again")
