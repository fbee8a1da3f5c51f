"""What the patterns of texts add up to: compiled, or by operations on arrays where there are no compiled kernels.

Places are those of one text after another; `counts` tells how many each text has.
"""

import ctypes
from collections.abc import Sequence
from functools import cache

import numpy as np
from jaxtyping import Bool, Float, Float32, Int8, Int32, Int64, UInt8

from seqloom.kernels.library import chosen_kernels, declare

__all__ = ["companion_counts", "mean_cosines", "sum_levels", "sum_values", "sum_by_text"]

_SMALL = 1e-6


def sum_by_text(values: np.ndarray, counts: Int64[np.ndarray, " texts"]) -> np.ndarray:
    """The sum of each text's values, `[texts, ...]`; of the first axis, the first `counts[0]` are of the first text."""
    found = np.zeros((len(counts), *values.shape[1:]), values.dtype)
    some = counts > 0
    if some.any():
        found[some] = np.add.reduceat(values, (np.cumsum(counts) - counts)[some], axis=0)
    return found


def sum_values(
    values: Float32[np.ndarray, " all"], places: Int32[np.ndarray, " found"], counts: Int64[np.ndarray, " texts"]
) -> Float32[np.ndarray, " texts"]:
    """The sum of the values at each text's places."""
    if chosen_kernels() is None:
        return sum_by_text(values[places], counts)
    found = np.empty(len(counts), np.float32)
    _call("seqloom_sum_values", values, len(values), places, len(places), counts, len(counts), found)
    return found


def sum_levels(
    levels: UInt8[np.ndarray, "all 2"],
    values: Float32[np.ndarray, "256 3"],
    places: Int32[np.ndarray, " found"],
    counts: Int64[np.ndarray, " texts"],
    sides: Int8[np.ndarray, " texts"],
) -> Float32[np.ndarray, "texts 2 3"]:
    """The sums of the values of both levels at each text's places.

    Of a text whose side is 0 or 1, that level counts as one less, where it is above 0.
    """
    if chosen_kernels() is None:
        less = np.repeat(sides[:, None] == np.arange(2), counts, axis=0)
        return sum_by_text(values[np.maximum(levels[places].astype(np.int16) - less, 0)], counts)
    found = np.empty((len(counts), 2, 3), np.float32)
    texts = places, len(places), counts, sides, len(counts)
    _call("seqloom_sum_levels", levels, len(levels), values, *texts, found)
    return found


def mean_cosines(
    vectors: Float32[np.ndarray, "words width"],
    rows: Int32[np.ndarray, " found"],
    counts: Int64[np.ndarray, " texts"],
    reaches: Sequence[tuple[int, int]],
) -> Float[np.ndarray, "texts answers"]:
    """How far the vectors of a text's words point the same way; row 0 is a word without one, and is passed over.

    Returns:
        For each reach, the mean cosine between a word and the sum of those so many words further on, from the one
        number to the other; last, the length of the sum of all over the sum of their lengths.
    """
    if chosen_kernels() is None:
        return _cosines(vectors, rows, counts, reaches)
    found = np.empty((len(counts), len(reaches) + 1), np.float32)
    far = np.array(reaches, np.int64)
    texts = rows, len(rows), counts, len(counts)
    _call("seqloom_cosines", vectors, *vectors.shape, *texts, far, len(far), found)
    return found


def companion_counts(
    stood: UInt8[np.ndarray, " places"],
    alone: Int32[np.ndarray, " words"],
    texts: int,
    rows: Int32[np.ndarray, " found"],
    counts: Int64[np.ndarray, " texts"],
    counted: Bool[np.ndarray, " texts"],
    *,
    reach: int,
    rare: int,
) -> Float32[np.ndarray, "texts 5"] | None:
    """Which words stand near one another; what the numbers are is said in `detector/coherence.py`.

    Args:
        stood: how many texts have the pair that is hashed to each place; a power of two of them.
        alone: how many have each word.
        texts: that were counted.
        rows: the number of each word; 0 is passed over.
        counts: of words of each text.
        counted: which of them were counted themselves.
        reach: how many words further on a companion may stand.
        rare: a pair of fewer texts is.

    Returns:
        The numbers; None where the compiled kernels are not in use.
    """
    if chosen_kernels() is None:
        return None
    found = np.empty((len(counts), 5), np.float32)
    logs = np.log1p(np.arange(max(256, int(alone.max(initial=0)) + 1))).astype(np.float32)
    stood_logs = np.log((np.arange(256) + 0.3) * texts).astype(np.float32)
    bits = len(stood).bit_length() - 1
    corpus = stood, bits, alone, len(alone), logs, len(logs), stood_logs
    own = rows, len(rows), counts, counted.astype(np.uint8), len(counts)
    _call("seqloom_companions", *corpus, *own, reach, rare, found)
    return found


def _cosines(
    vectors: Float32[np.ndarray, "words width"],
    rows: Int32[np.ndarray, " found"],
    counts: Int64[np.ndarray, " texts"],
    reaches: Sequence[tuple[int, int]],
) -> Float[np.ndarray, "texts answers"]:
    counts = sum_by_text((rows > 0).astype(np.int64), counts)
    own = vectors[rows[rows > 0]]
    lengths = np.linalg.norm(own, axis=1) + _SMALL
    total = np.vstack([np.zeros((1, own.shape[1])), own.cumsum(axis=0, dtype=np.float64)])
    ends, at = np.repeat(np.cumsum(counts), counts), np.arange(len(own))
    made = np.zeros((len(counts), len(reaches) + 1))
    for number, (least, most) in enumerate(reaches):
        first, last = np.minimum(at + least, ends), np.minimum(at + most + 1, ends)
        beyond = total[last] - total[first]
        cosine = np.einsum("ij,ij->i", own, beyond) / (lengths * (np.linalg.norm(beyond, axis=1) + _SMALL))
        reached = sum_by_text((last > first).astype(np.int64), counts)
        made[:, number] = sum_by_text(np.where(last > first, cosine, 0.0), counts) / np.maximum(reached, 1)
    whole = np.linalg.norm(sum_by_text(own.astype(np.float64), counts), axis=1)
    made[:, -1] = whole / np.maximum(sum_by_text(lengths.astype(np.float64), counts), _SMALL)
    return made


def _call(name: str, *arguments: np.ndarray | int) -> None:
    """Call a function of the library with contiguous arrays and 64-bit numbers."""
    arrays = [np.ascontiguousarray(one) if isinstance(one, np.ndarray) else one for one in arguments]
    types = tuple(ctypes.c_void_p if isinstance(one, np.ndarray) else ctypes.c_int64 for one in arguments)
    library = _text_library(name, types)
    getattr(library, name)(*(one.ctypes.data if isinstance(one, np.ndarray) else one for one in arrays))


@cache
def _text_library(name: str, types: tuple[type, ...]) -> ctypes.CDLL:
    return declare({name: types}, remedy="close other programs, and try again")
