"""How well the words of a text fit together, at short and long distances.

Two measures tell how well two words fit together. The cosine of their vectors is high if the words occur in the same
real texts (latent semantic analysis, Deerwester et al. 1990). Their pointwise mutual information is positive if more
real texts contain the words close together than is expected of independent words; it is the logarithm of the ratio of
the actual to the expected number of texts (Church and Hanks 1990). A model with a short context writes fluent text that
drifts from subject to subject, so its words fit together at short distances only.

Words and word pairs are counted in hash buckets. A word that enough real texts contain has an index from 1. All other
words have index 0 and are ignored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int8, Int32, Int64, UInt8

from seqloom.detector.ngram_novelty import COPY_OF_REAL
from seqloom.kernels.text_hashing.reduce import companion_statistics, mean_cosines
from seqloom.text_features.patterns import (
    NUM_BUCKETS,
    HashedPatterns,
    bucket_of,
    chunk_texts,
    extract_patterns,
    words_with_buckets,
)

__all__ = ["COHERENCE_FEATURES", "EmbeddingCoherence"]

_WIDTH = 50
"""Maximal number of dimensions of the word vectors."""

_MIN_DOCUMENT_FREQUENCY = 3
"""A word in fewer real training texts gets no index and no vector."""

_DISTANCES = ((1, 2), (3, 6), (7, 12), (13, 25), (26, 60))
"""Ranges of the distance between two words."""

_COMMON_SHARE = 0.1
"""A word in at least this share of the real training texts is common: it is not specific to a subject."""

_MAX_PAIR_DISTANCE = 5
"""Maximal distance of a word pair. Common words and words without an index do not count."""

_RARE_BELOW = 3
"""A word pair in fewer texts is rare."""

_MAX_COUNT = 255
"""Bound of the pair counts, which are stored in 8 bits."""

COHERENCE_FEATURES = (
    *(f"coherence over {least} to {most} words" for least, most in _DISTANCES), "coherence of the text",
    "companions, unseen", "companions, rare", "companions, frequency", "companions, information", "companions, drawn",
)  # fmt: skip
"""Names of the features of `EmbeddingCoherence.features`, in order.

- coherence over: mean cosine between the vector of a word and the sum of the vectors of the words at these distances.
- coherence of the text: norm of the sum of all vectors over the sum of their norms.
- companions (pairs of words at short distances): share of pairs in no real training text ("unseen"), share in fewer
  than three ("rare"), mean log of 1 + the number of texts with the pair ("frequency"), mean pointwise mutual
  information ("information"), and share of pairs with positive information ("drawn": the words occur together more
  often than by chance).
"""


class _WordPairs(NamedTuple):
    """Pairs of words at short distances, without common words.

    Attributes:
        buckets: hash bucket of each pair.
        words: index of the first word, and of the second word, of each pair.
        texts: index of the text of each pair.
    """

    buckets: Int64[np.ndarray, " pairs"]
    words: tuple[np.ndarray, np.ndarray]
    texts: Int64[np.ndarray, " pairs"]


@dataclass(frozen=True)
class EmbeddingCoherence:
    """Word vectors and word pair counts of real texts.

    Attributes:
        word_of_bucket: index of the word in each bucket, from 1; 0 for unknown words.
        vectors: vector of each word, weighted by rarity; word 0 has zeros.
        document_frequencies: number of texts with each word.
        num_texts: number of training texts.
        pair_counts: number of texts with a pair in each bucket, up to 255.
    """

    word_of_bucket: Int32[np.ndarray, " buckets"]
    vectors: Float32[np.ndarray, "words width"]
    document_frequencies: Int32[np.ndarray, " words"]
    num_texts: int
    pair_counts: UInt8[np.ndarray, " buckets"]

    @classmethod
    def fit(cls, texts: Sequence[str], seed: int) -> "EmbeddingCoherence":
        """Fit to real texts.

        Args:
            texts: real texts.
            seed: seed of the randomized singular value decomposition.
        """
        from scipy import sparse

        chunks = [extract_patterns(texts[chunk])["words"] for chunk in chunk_texts(texts)]
        word_counts = sparse.vstack([_word_counts(*words) for words in chunks]).tocsr()
        frequencies = np.bincount(word_counts.indices, minlength=NUM_BUCKETS)
        known_buckets = np.flatnonzero(frequencies >= _MIN_DOCUMENT_FREQUENCY)
        word_of_bucket = np.zeros(NUM_BUCKETS, np.int32)
        word_of_bucket[known_buckets] = np.arange(1, len(known_buckets) + 1)
        vectors = _fit_vectors(word_counts[:, known_buckets], frequencies[known_buckets], seed)
        document_frequencies = np.concatenate([[0], frequencies[known_buckets]]).astype(np.int32)
        no_pairs = np.zeros(NUM_BUCKETS, np.uint8)
        # The pair counts come from `_word_pairs`, which needs all other attributes.
        coherence = cls(word_of_bucket, vectors, document_frequencies, len(texts), no_pairs)
        pair_counts = np.zeros(NUM_BUCKETS, np.int64)
        for buckets, counts in chunks:
            pairs = coherence._word_pairs(word_of_bucket[buckets], counts)
            # Several equal pairs in one text count once.
            distinct_in_text = np.unique(pairs.texts * NUM_BUCKETS + pairs.buckets) % NUM_BUCKETS
            pair_counts += np.bincount(distinct_in_text, minlength=NUM_BUCKETS)
        clipped = np.minimum(pair_counts, _MAX_COUNT).astype(np.uint8)
        return cls(word_of_bucket, vectors, document_frequencies, len(texts), clipped)

    def features(
        self, words: HashedPatterns, copy_sources: Int8[np.ndarray, " texts"]
    ) -> Float32[np.ndarray, "texts features"]:
        """Return the `COHERENCE_FEATURES` of texts.

        Args:
            words: hashed words of the texts.
            copy_sources: result of `NGramNovelty.copy_sources`: `COPY_OF_REAL` for a copy of a real training text. The
                document and pair counts for a copy leave its original out.
        """
        indices = self.word_of_bucket[words.buckets]
        pair_features = self._pair_features(indices, words.counts, copy_sources == COPY_OF_REAL)
        return np.hstack([mean_cosines(self.vectors, indices, words.counts, _DISTANCES), pair_features]).astype(
            np.float32
        )

    def common_words(self, text: str) -> set[str]:
        """Return the lower-case words of a text that many real texts contain; they are typical of no subject."""
        words = words_with_buckets(text)
        frequencies = self.document_frequencies[self.word_of_bucket[[bucket for _, bucket in words]]]
        common = frequencies >= _COMMON_SHARE * self.num_texts
        return {word.lower() for (word, _), is_common in zip(words, common.tolist(), strict=True) if is_common}

    def _pair_features(
        self,
        indices: Int32[np.ndarray, " words"],
        counts: Int64[np.ndarray, " texts"],
        is_copy: Bool[np.ndarray, " texts"],
    ) -> np.ndarray:
        """Return the "companions" features of texts, from the compiled kernel if it is available.

        Args:
            indices: index of each word, one text after another.
            counts: number of words of each text.
            is_copy: whether each text is a copy of a real training text. If so, each count is reduced by one, to leave
                the original out.
        """
        compiled = companion_statistics(
            self.pair_counts,
            self.document_frequencies,
            self.num_texts,
            self._without_common(indices),
            counts,
            is_copy,
            max_distance=_MAX_PAIR_DISTANCE,
            rare_below=_RARE_BELOW,
        )
        if compiled is not None:
            return compiled
        pairs = self._word_pairs(indices, counts)
        reduction = is_copy[pairs.texts].astype(np.float64)
        pair_counts = np.maximum(self.pair_counts[pairs.buckets] - reduction, 0)
        first_counts, second_counts = (
            np.maximum(self.document_frequencies[words] - reduction, 0) for words in pairs.words
        )
        # 0.3 and 1 smooth the counts, so that the logarithm of an unseen pair is finite.
        information = np.log((pair_counts + 0.3) * self.num_texts / ((first_counts + 1.0) * (second_counts + 1.0)))
        measures = (
            pair_counts < 1, pair_counts < _RARE_BELOW, np.log1p(pair_counts), information, information > 0,
        )  # fmt: skip
        num_pairs = np.maximum(np.bincount(pairs.texts, minlength=len(counts)), 1)
        return np.stack([np.bincount(pairs.texts, measure, len(counts)) / num_pairs for measure in measures], axis=1)

    def _word_pairs(self, indices: Int32[np.ndarray, " words"], counts: Int64[np.ndarray, " texts"]) -> _WordPairs:
        """Return all pairs of words of a text that are close to each other.

        The distance of two words is at most `_MAX_PAIR_DISTANCE`; common words and words without an index between them
        do not count.
        """
        indices = self._without_common(indices)
        text_of_word = np.repeat(np.arange(len(counts)), counts)[indices > 0]
        words = indices[indices > 0].astype(np.int64)
        firsts, seconds, texts = [], [], []
        for distance in range(1, _MAX_PAIR_DISTANCE + 1):
            same_text = text_of_word[:-distance] == text_of_word[distance:]
            firsts.append(words[:-distance][same_text])
            seconds.append(words[distance:][same_text])
            texts.append(text_of_word[:-distance][same_text])
        first, second = np.concatenate(firsts), np.concatenate(seconds)
        # The order of the two words does not matter.
        pair_hashes = (np.minimum(first, second) * NUM_BUCKETS + np.maximum(first, second)).astype(np.uint64)
        return _WordPairs(bucket_of(pair_hashes), (first, second), np.concatenate(texts))

    def _without_common(self, indices: Int32[np.ndarray, " words"]) -> Int32[np.ndarray, " words"]:
        """Replace the indices of common words by 0, so that they are ignored."""
        return np.where(self.document_frequencies[indices] < _COMMON_SHARE * self.num_texts, indices, np.int32(0))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the vectors and counts by their names in the stored format."""
        return {
            "places": np.flatnonzero(self.word_of_bucket).astype(np.int32),
            "vectors": self.vectors,
            "texts_with": self.document_frequencies,
            "texts": np.array(self.num_texts),
            "companions": self.pair_counts,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "EmbeddingCoherence":
        """Restore from the result of `to_arrays`."""
        word_of_bucket = np.zeros(NUM_BUCKETS, np.int32)
        word_of_bucket[arrays["places"]] = np.arange(1, len(arrays["places"]) + 1)
        return cls(word_of_bucket, arrays["vectors"], arrays["texts_with"], int(arrays["texts"]), arrays["companions"])


def _fit_vectors(
    counts: Any, document_frequencies: Int64[np.ndarray, " words"], seed: int
) -> Float32[np.ndarray, "words width"]:
    """Return the vector of each word by latent semantic analysis, after a row of zeros for index 0.

    Args:
        counts: sparse matrix `[texts, words]` of the number of occurrences; its values are overwritten.
        document_frequencies: number of texts with each word.
        seed: seed of the randomized singular value decomposition.
    """
    from scipy import sparse
    from sklearn.utils.extmath import randomized_svd

    num_texts, num_words = counts.shape
    width = min(_WIDTH, num_words - 1, num_texts - 1)
    vectors = np.zeros((num_words + 1, max(width, 1)), np.float32)
    if width > 1:
        # Inverse document frequency.
        rarity = np.log((1 + num_texts) / (1 + document_frequencies)) + 1
        counts.data = (1 + np.log(counts.data)) * rarity[counts.indices]
        norms = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
        unit_rows = sparse.diags(1 / np.maximum(norms, 1e-9)) @ counts
        _, _, components = randomized_svd(unit_rows, width, random_state=seed)
        vectors[1:] = components.T * rarity[:, None]
    return vectors


def _word_counts(buckets: Int64[np.ndarray, " words"], counts: Int64[np.ndarray, " texts"]) -> Any:
    """Return the number of occurrences of each word in each text as a sparse matrix `[texts, buckets]`.

    Args:
        buckets: bucket of each word, one text after another.
        counts: number of words of each text.
    """
    from scipy import sparse

    text_of_word = np.repeat(np.arange(len(counts)), counts)
    ones = np.ones(len(text_of_word), np.float32)
    word_counts = sparse.csr_matrix((ones, (text_of_word, buckets)), (len(counts), NUM_BUCKETS))
    word_counts.sum_duplicates()
    return word_counts
