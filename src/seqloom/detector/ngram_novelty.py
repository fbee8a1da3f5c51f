"""The share of a text's words, word n-grams and character n-grams that occurred in the training texts.

A character-level generator invents words, a word-level generator combines words in new ways, and a large language model
repeats its own phrases. So these shares differ between real and generated texts.

A pattern is a word or an n-gram. Patterns are counted in hash buckets: for each bucket, the number of real and of
generated training texts that contain the pattern. The sides are the real texts (index 0) and the generated texts (index
1). The patterns "pairs", "threes" and "fives" are sequences of two, three and five words.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int, Int8, UInt8, UInt16

from seqloom.kernels.text_hashing.reduce import sum_levels
from seqloom.text_features.distinct_ngrams import distinct_buckets
from seqloom.text_features.patterns import (
    NUM_BUCKETS,
    PATTERN_KINDS,
    HashedPatterns,
    chunk_texts,
    extract_patterns,
    words_with_buckets,
)

__all__ = [
    "COPY_OF_GENERATED", "COPY_OF_REAL", "NOT_A_COPY", "NOVELTY_FEATURES", "NGramNovelty", "count_documents",
]  # fmt: skip

_KINDS = tuple(kind for kind in PATTERN_KINDS if kind not in ("2 characters", "3 characters", "4 characters"))
"""Kinds of patterns that are counted."""

_RARE_BELOW = 3
"""A pattern in fewer training texts is rare."""

_MAX_NEW_SHARE_OF_COPY = 0.4
"""A text is a copy if less than this share of its sequences of five words is new; in unseen real texts, the share is
much higher."""

_MIN_FIVES_OF_COPY = 3
"""Minimal number of sequences of five words in a copy; one or two may be a common phrase."""

NOT_A_COPY, COPY_OF_REAL, COPY_OF_GENERATED = -1, 0, 1
"""Source of a text: no training text, or the side of the training texts that it was copied from."""

_MAX_COUNT = 255
"""Bound of the counts, which are stored in 8 bits."""

_SIDES = ("real", "generated")
_MEASURES = ("unseen", "rare", "frequency")

NOVELTY_FEATURES = tuple(f"{kind}, {measure}, {side}" for kind in _KINDS for side in _SIDES for measure in _MEASURES)
"""Names of the features of `NGramNovelty.features`, in order.

For each kind of pattern and each side: the share of patterns in no training text ("unseen"), the share in fewer than
three ("rare"), and the mean of `log(1 + training texts with the pattern)` ("frequency").
"""


@dataclass(frozen=True)
class NGramNovelty:
    """The number of training texts of each side that contain each pattern.

    Attributes:
        counts: number of real and of generated texts with a pattern in each bucket, up to 255.
    """

    counts: UInt8[np.ndarray, "kinds buckets 2"]

    @classmethod
    def from_counts(cls, counts: UInt16[np.ndarray, "kinds buckets 2"]) -> "NGramNovelty":
        """Create from the result of `count_documents` for one fold, or its sum over several folds."""
        return cls(np.minimum(counts, _MAX_COUNT, out=np.empty(counts.shape, np.uint8), casting="unsafe"))

    def copy_sources(self, patterns: Mapping[str, HashedPatterns]) -> Int8[np.ndarray, " texts"]:
        """Return `NOT_A_COPY`, `COPY_OF_REAL` or `COPY_OF_GENERATED` for each text."""
        num_fives = patterns["fives"].counts
        no_copies = np.full(len(num_fives), NOT_A_COPY, np.int8)
        # `sums[text, side, measure]` are the sums over the sequences of five words of a text. With `no_copies`, the
        # counts are used as they are: no original is left out.
        sums = sum_levels(self.counts[_KINDS.index("fives")], _MEASURES_BY_COUNT, *patterns["fives"], no_copies)
        new_shares = sums[:, :, _MEASURES.index("unseen")] / np.maximum(num_fives, 1)[:, None]
        is_copy = (num_fives >= _MIN_FIVES_OF_COPY) & (new_shares.min(axis=1) < _MAX_NEW_SHARE_OF_COPY)
        return np.where(is_copy, new_shares.argmin(axis=1), NOT_A_COPY).astype(np.int8)

    def features(
        self, patterns: Mapping[str, HashedPatterns], copy_sources: Int8[np.ndarray, " texts"]
    ) -> Float32[np.ndarray, "texts features"]:
        """Return the `NOVELTY_FEATURES` of texts.

        Args:
            patterns: patterns of the texts.
            copy_sources: result of the method `copy_sources`. If a text is a copy, its original does not count: each
                count on the side of the original is reduced by one.
        """
        columns = []
        for number, kind in enumerate(_KINDS):
            num_patterns = patterns[kind].counts
            sums = sum_levels(self.counts[number], _MEASURES_BY_COUNT, *patterns[kind], copy_sources)
            columns.append(sums.reshape(len(num_patterns), -1) / np.maximum(num_patterns, 1)[:, None])
        return np.hstack(columns).astype(np.float32)

    def new_words(self, text: str) -> list[str]:
        """Return the words of a text that occur in no real training text, in their original spelling, each once."""
        buckets = {word: bucket for word, bucket in words_with_buckets(text) if word[0].isalnum()}
        return [word for word, bucket in buckets.items() if self.counts[_KINDS.index("words"), bucket, 0] == 0]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the compressed counts."""
        return {"counts": np.frombuffer(zlib.compress(self.counts.tobytes(), 3), np.uint8)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "NGramNovelty":
        """Restore from the result of `to_arrays`.

        Raises:
            ValueError: the arrays are damaged.
        """
        num_bytes = len(_KINDS) * NUM_BUCKETS * len(_SIDES)
        try:
            decompressed = zlib.decompressobj().decompress(arrays["counts"].tobytes(), num_bytes)
        except zlib.error as error:
            raise ValueError(str(error)) from None
        return cls(np.frombuffer(decompressed, np.uint8).reshape(len(_KINDS), NUM_BUCKETS, len(_SIDES)))


def count_documents(
    texts: Sequence[str],
    generated: Bool[np.ndarray, " texts"],
    folds: Int[np.ndarray, " texts"],
    num_folds: int,
) -> UInt16[np.ndarray, "folds kinds buckets 2"]:
    """Count the texts that contain each pattern, by fold and side.

    Args:
        texts: texts; fewer than 65,536 per side and fold, since the counts have 16 bits.
        generated: whether each text was generated.
        folds: fold of each text, below `num_folds`.
        num_folds: number of folds.
    """
    document_counts = np.zeros((num_folds, len(_KINDS), NUM_BUCKETS, len(_SIDES)), np.uint16)
    for chunk in chunk_texts(texts):
        side, fold = generated[chunk].astype(np.int64), folds[chunk]
        patterns = extract_patterns(texts[chunk])
        for number, kind in enumerate(_KINDS):
            # Several equal patterns in one text count once.
            bucket, counts = distinct_buckets([patterns[kind]], len(side))
            text = np.repeat(np.arange(len(side)), counts)
            flat_index = ((fold[text] * len(_KINDS) + number) * NUM_BUCKETS + bucket) * len(_SIDES) + side[text]
            np.add.at(document_counts.reshape(-1), flat_index, 1)
    return document_counts


def _measures_by_count() -> Float32[np.ndarray, "counts measures"]:
    count = np.arange(_MAX_COUNT + 1)
    return np.stack([count < 1, count < _RARE_BELOW, np.log1p(count)], axis=1).astype(np.float32)


_MEASURES_BY_COUNT = _measures_by_count()
"""Contribution of a pattern to each of `_MEASURES`, by the number of training texts with the pattern."""
