"""Sums and means over the patterns of texts, compiled, with numpy equivalents.

Patterns are indices into tables, text after text; `counts` is the number of patterns of each text.
"""

import ctypes
from collections.abc import Sequence
from functools import cache

import numpy as np
from jaxtyping import Bool, Float, Float32, Int8, Int32, Int64, UInt8

from seqloom.kernels.library import chosen_kernels, declare

__all__ = ["companion_counts", "mean_cosines", "sum_by_text", "sum_levels", "sum_values"]

_SMALL = 1e-6


def sum_by_text(values: np.ndarray, counts: Int64[np.ndarray, " texts"]) -> np.ndarray:
    """Return the sum of each text's values, `[texts, ...]`; the first `counts[0]` rows belong to the first text."""
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
    _call("seqloom_sum_values", values, len(values), indices, len(indices), counts, len(counts), totals)
    return totals


def sum_levels(
    levels: UInt8[np.ndarray, "all 2"],
    values: Float32[np.ndarray, "256 3"],
    indices: Int32[np.ndarray, " patterns"],
    counts: Int64[np.ndarray, " texts"],
    sides: Int8[np.ndarray, " texts"],
) -> Float32[np.ndarray, "texts 2 3"]:
    """Return the sums of the values of both levels at each text's indices.

    For a text with side 0 or 1, that level is reduced by one where it is above 0.
    """
    if chosen_kernels() is None:
        less = np.repeat(sides[:, None] == np.arange(2), counts, axis=0)
        return sum_by_text(values[np.maximum(levels[indices].astype(np.int16) - less, 0)], counts)
    totals = np.empty((len(counts), 2, 3), np.float32)
    texts = indices, len(indices), counts, sides, len(counts)
    _call("seqloom_sum_levels", levels, len(levels), values, *texts, totals)
    return totals


def mean_cosines(
    vectors: Float32[np.ndarray, "words width"],
    rows: Int32[np.ndarray, " patterns"],
    counts: Int64[np.ndarray, " texts"],
    reaches: Sequence[tuple[int, int]],
) -> Float[np.ndarray, "texts answers"]:
    """Return the mean cosines between the vectors of a text's words; row 0, a word without a vector, is skipped.

    Returns:
        For each reach `(first, last)`, the mean cosine between a word and the sum of the words `first` to `last`
        positions after it; finally, the length of the sum of all vectors over the sum of their lengths.
    """
    if chosen_kernels() is None:
        return _cosines(vectors, rows, counts, reaches)
    totals = np.empty((len(counts), len(reaches) + 1), np.float32)
    far = np.array(reaches, np.int64)
    texts = rows, len(rows), counts, len(counts)
    _call("seqloom_cosines", vectors, *vectors.shape, *texts, far, len(far), totals)
    return totals


def companion_counts(
    stood: UInt8[np.ndarray, " indices"],
    alone: Int32[np.ndarray, " words"],
    texts: int,
    rows: Int32[np.ndarray, " patterns"],
    counts: Int64[np.ndarray, " texts"],
    counted: Bool[np.ndarray, " texts"],
    *,
    reach: int,
    rare: int,
) -> Float32[np.ndarray, "texts 5"] | None:
    """Return statistics of pairs of nearby words; `detector/embedding_coherence.py` defines them.

    Args:
        stood: number of texts with a pair in each hash bucket; the number of buckets is a power of two.
        alone: number of texts with each word.
        texts: number of counted texts.
        rows: index of each word; 0 is skipped.
        counts: number of words of each text.
        counted: True for texts that were among the counted ones.
        reach: maximum distance between the words of a pair.
        rare: number of texts below which a pair is rare.

    Returns:
        Five statistics per text; None if the compiled kernels are off.
    """
    if chosen_kernels() is None:
        return None
    statistics = np.empty((len(counts), 5), np.float32)
    logs = np.log1p(np.arange(max(256, int(alone.max(initial=0)) + 1))).astype(np.float32)
    stood_logs = np.log((np.arange(256) + 0.3) * texts).astype(np.float32)
    bits = len(stood).bit_length() - 1
    corpus = stood, bits, alone, len(alone), logs, len(logs), stood_logs
    own = rows, len(rows), counts, counted.astype(np.uint8), len(counts)
    _call("seqloom_companions", *corpus, *own, reach, rare, statistics)
    return statistics


def _cosines(
    vectors: Float32[np.ndarray, "words width"],
    rows: Int32[np.ndarray, " patterns"],
    counts: Int64[np.ndarray, " texts"],
    reaches: Sequence[tuple[int, int]],
) -> Float[np.ndarray, "texts answers"]:
    counts = sum_by_text((rows > 0).astype(np.int64), counts)
    own = vectors[rows[rows > 0]]
    lengths = np.linalg.norm(own, axis=1) + _SMALL
    total = np.vstack([np.zeros((1, own.shape[1])), own.cumsum(axis=0, dtype=np.float64)])
    ends, at = np.repeat(np.cumsum(counts), counts), np.arange(len(own))
    means = np.zeros((len(counts), len(reaches) + 1))
    for number, (nearest, farthest) in enumerate(reaches):
        first, last = np.minimum(at + nearest, ends), np.minimum(at + farthest + 1, ends)
        beyond = total[last] - total[first]
        cosine = np.einsum("ij,ij->i", own, beyond) / (lengths * (np.linalg.norm(beyond, axis=1) + _SMALL))
        reached = sum_by_text((last > first).astype(np.int64), counts)
        means[:, number] = sum_by_text(np.where(last > first, cosine, 0.0), counts) / np.maximum(reached, 1)
    total_length = np.linalg.norm(sum_by_text(own.astype(np.float64), counts), axis=1)
    means[:, -1] = total_length / np.maximum(sum_by_text(lengths.astype(np.float64), counts), _SMALL)
    return means


def _call(name: str, *arguments: np.ndarray | int) -> None:
    """Call a function of the library with contiguous arrays and 64-bit integers."""
    converted = [np.ascontiguousarray(value) if isinstance(value, np.ndarray) else value for value in arguments]
    types = tuple(ctypes.c_void_p if isinstance(value, np.ndarray) else ctypes.c_int64 for value in arguments)
    library = _text_library(name, types)
    getattr(library, name)(*(value.ctypes.data if isinstance(value, np.ndarray) else value for value in converted))


@cache
def _text_library(name: str, types: tuple[type, ...]) -> ctypes.CDLL:
    return declare({name: types}, remedy="close other programs, and try again")
