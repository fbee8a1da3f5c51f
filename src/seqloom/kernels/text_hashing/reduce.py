"""Compiled sums and means over the patterns of texts; most of these functions have a numpy equivalent, too.

A pattern of a text, such as a word, is the index of a row in a table. The patterns of all texts form one array, one
text after another; `counts` is the number of patterns of each text.
"""

import ctypes
from collections.abc import Sequence
from functools import cache

import numpy as np
from jaxtyping import Bool, Float, Float32, Int8, Int32, Int64, UInt8

from seqloom.errors import SeqloomError
from seqloom.kernels.array_checks import check_array
from seqloom.kernels.library import chosen_kernels, declare

__all__ = ["companion_statistics", "mean_cosines", "sum_by_text", "sum_levels", "sum_values"]

_SMALL = 1e-6
"""Added to the lengths of vectors, so that no cosine divides by zero."""


def sum_by_text(values: np.ndarray, counts: Int64[np.ndarray, " texts"]) -> np.ndarray:
    """Return the sum of each text's values, `[texts, ...]`; the first `counts[0]` values belong to the first text."""
    totals = np.zeros((len(counts), *values.shape[1:]), values.dtype)
    is_filled = counts > 0
    if is_filled.any():
        totals[is_filled] = np.add.reduceat(values, (np.cumsum(counts) - counts)[is_filled], axis=0)
    return totals


def sum_values(
    values: Float32[np.ndarray, " all"], indices: Int32[np.ndarray, " patterns"], counts: Int64[np.ndarray, " texts"]
) -> Float32[np.ndarray, " texts"]:
    """Return the sum of the values at each text's indices."""
    if chosen_kernels() is None:
        return sum_by_text(values[indices], counts)
    totals = np.empty(len(counts), np.float32)
    values = check_array("values", values, np.float32, (None,))
    indices, counts = _checked_texts(indices, counts)
    _call("seqloom_sum_values", values, len(values), indices, len(indices), counts, len(counts), totals)
    return totals


def sum_levels(
    levels: UInt8[np.ndarray, "all 2"],
    values: Float32[np.ndarray, "256 3"],
    indices: Int32[np.ndarray, " patterns"],
    counts: Int64[np.ndarray, " texts"],
    sides: Int8[np.ndarray, " texts"],
) -> Float32[np.ndarray, "texts 2 3"]:
    """Return each text's sums of the values that belong to the two levels of its patterns.

    A level is the number of texts with the pattern in one of two groups of training texts, at most 255. If a text is a
    training text or a copy of one, `sides` takes this training text out of the levels.

    Args:
        levels: levels of each pattern in both groups, such as real and generated texts.
        values: three values of each level from 0 to 255.
        indices: patterns of all texts.
        counts: number of patterns of each text.
        sides: group that contains each text or the original of a copy, 0 or 1: the levels of this group are reduced by
            one where they are above 0. Any other number, for all other texts, leaves both levels as they are.
    """
    if chosen_kernels() is None:
        reduction = np.repeat(sides[:, None] == np.arange(2), counts, axis=0)
        return sum_by_text(values[np.maximum(levels[indices].astype(np.int16) - reduction, 0)], counts)
    totals = np.empty((len(counts), 2, 3), np.float32)
    levels = check_array("levels", levels, np.uint8, (None, 2))
    values = check_array("values", values, np.float32, (256, 3))
    indices, counts = _checked_texts(indices, counts)
    sides = check_array("sides", sides, np.int8, counts.shape)
    texts = indices, len(indices), counts, sides, len(counts)
    _call("seqloom_sum_levels", levels, len(levels), values, *texts, totals)
    return totals


def mean_cosines(
    vectors: Float32[np.ndarray, "words width"],
    rows: Int32[np.ndarray, " patterns"],
    counts: Int64[np.ndarray, " texts"],
    distance_ranges: Sequence[tuple[int, int]],
) -> Float[np.ndarray, "texts columns"]:
    """Return the mean cosines between the vectors of a text's words.

    Args:
        vectors: vectors of words; row 0 stands for words without a vector, which are skipped.
        rows: row in `vectors` of each word of the texts.
        counts: number of words of each text.
        distance_ranges: ranges of distances between words, each as `(nearest, farthest)`.

    Returns:
        For each range, the mean cosine between a word and the sum of the words at these distances after it. The last
        column is the length of the sum of all vectors, divided by the sum of their lengths.
    """
    if chosen_kernels() is None:
        return _mean_cosines(vectors, rows, counts, distance_ranges)
    means = np.empty((len(counts), len(distance_ranges) + 1), np.float32)
    vectors = check_array("vectors", vectors, np.float32, (None, None))
    rows, counts = _checked_texts(rows, counts)
    ranges = np.array(distance_ranges, np.int64)
    texts = rows, len(rows), counts, len(counts)
    _call("seqloom_cosines", vectors, *vectors.shape, *texts, ranges, len(ranges), means)
    return means


def companion_statistics(
    pair_counts: UInt8[np.ndarray, " indices"],
    word_counts: Int32[np.ndarray, " words"],
    num_counted: int,
    rows: Int32[np.ndarray, " patterns"],
    counts: Int64[np.ndarray, " texts"],
    is_counted: Bool[np.ndarray, " texts"],
    *,
    max_distance: int,
    rare_below: int,
) -> Float32[np.ndarray, "texts 5"] | None:
    """Return statistics of the pairs of nearby words in texts, compared with the texts of a corpus.

    Args:
        pair_counts: number of texts of the corpus with a pair, at most 255, by hash bucket of the pair; the number of
            buckets is a power of two.
        word_counts: number of texts of the corpus with each word.
        num_counted: number of texts of the corpus.
        rows: index of each word of the texts; 0 is skipped.
        counts: number of words of each text.
        is_counted: whether each text is in the corpus, or a copy of such a text; its counts are then reduced by one.
        max_distance: maximum distance between the words of a pair.
        rare_below: number of texts below which a pair is rare.

    Returns:
        Five statistics per text: share of pairs in no text of the corpus, share of rare pairs, mean log of 1 + the
        number of texts with the pair, mean pointwise mutual information, and share of pairs with positive information.
        None if the compiled kernels are off.
    """
    if chosen_kernels() is None:
        return None
    statistics = np.empty((len(counts), 5), np.float32)
    pair_counts = check_array("pair_counts", pair_counts, np.uint8, (None,))
    if len(pair_counts).bit_count() != 1:
        raise SeqloomError(f"there are {len(pair_counts)} pair counts, but their number must be a power of two")
    word_counts = check_array("word_counts", word_counts, np.int32, (None,))
    rows, counts = _checked_texts(rows, counts)
    is_counted = check_array("is_counted", is_counted, np.bool_, counts.shape)
    # The library looks up the logarithm of 1 + a count.
    logs = np.log1p(np.arange(max(256, int(word_counts.max(initial=0)) + 1))).astype(np.float32)
    # It also looks up one logarithm for each of the 256 values of a pair count; 0.3 keeps it finite for a count of 0.
    pair_logs = np.log((np.arange(256) + 0.3) * num_counted).astype(np.float32)
    bits = len(pair_counts).bit_length() - 1
    corpus = pair_counts, bits, word_counts, len(word_counts), logs, len(logs), pair_logs
    texts = rows, len(rows), counts, is_counted.astype(np.uint8), len(counts)
    _call("seqloom_companions", *corpus, *texts, max_distance, rare_below, statistics)
    return statistics


def _mean_cosines(
    vectors: Float32[np.ndarray, "words width"],
    rows: Int32[np.ndarray, " patterns"],
    counts: Int64[np.ndarray, " texts"],
    distance_ranges: Sequence[tuple[int, int]],
) -> Float[np.ndarray, "texts columns"]:
    """Return the same as `mean_cosines`, in numpy."""
    counts = sum_by_text((rows > 0).astype(np.int64), counts)  # from here on, words without a vector are left out
    words = vectors[rows[rows > 0]]
    lengths = np.linalg.norm(words, axis=1) + _SMALL
    # The sum of the words from `start` to `stop` is `cumulative[stop] - cumulative[start]`.
    cumulative = np.vstack([np.zeros((1, words.shape[1])), words.cumsum(axis=0, dtype=np.float64)])
    text_ends, positions = np.repeat(np.cumsum(counts), counts), np.arange(len(words))
    means = np.zeros((len(counts), len(distance_ranges) + 1))
    for column, (nearest, farthest) in enumerate(distance_ranges):
        start = np.minimum(positions + nearest, text_ends)
        stop = np.minimum(positions + farthest + 1, text_ends)
        later_words = cumulative[stop] - cumulative[start]
        cosine = np.einsum("ij,ij->i", words, later_words) / (lengths * (np.linalg.norm(later_words, axis=1) + _SMALL))
        num_cosines = sum_by_text((stop > start).astype(np.int64), counts)
        means[:, column] = sum_by_text(np.where(stop > start, cosine, 0.0), counts) / np.maximum(num_cosines, 1)
    total_length = np.linalg.norm(sum_by_text(words.astype(np.float64), counts), axis=1)
    means[:, -1] = total_length / np.maximum(sum_by_text(lengths.astype(np.float64), counts), _SMALL)
    return means


def _checked_texts(indices: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of all texts and their number per text, after checking types and dimensions."""
    return (
        check_array("indices", indices, np.int32, (None,)),
        check_array("counts", counts, np.int64, (None,)),
    )


def _call(name: str, *arguments: np.ndarray | int) -> None:
    """Call a function of the library with contiguous arrays and 64-bit integers."""
    converted = [np.ascontiguousarray(value) if isinstance(value, np.ndarray) else value for value in arguments]
    types = tuple(ctypes.c_void_p if isinstance(value, np.ndarray) else ctypes.c_int64 for value in arguments)
    library = _text_library(name, types)
    getattr(library, name)(*(value.ctypes.data if isinstance(value, np.ndarray) else value for value in converted))


@cache
def _text_library(name: str, types: tuple[type, ...]) -> ctypes.CDLL:
    return declare({name: types}, remedy="close other programs, and try again")
