"""How well the words of a text belong together, near and far.

Words that stand in the same real texts have vectors that point the same way (latent semantic analysis, Deerwester et
al. 1990), and have stood beside one another more often than chance would have it (pointwise mutual information, Church,
Hanks 1990). A model that sees a few words back writes good English that goes from subject to subject.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int8, Int32, Int64, UInt8

from seqloom.detector.ngram_novelty import REAL_BEFORE
from seqloom.kernels.text_hashing.reduce import companion_counts, mean_cosines
from seqloom.text_features.patterns import PLACES, Pattern, patterns, place_of, portions, words_with_places

__all__ = ["COHERENCE", "Coherence"]

_WIDTH = 50
_LEAST_TEXTS = 3
"""That must have a word, for it to be known."""

_REACHES = ((1, 2), (3, 6), (7, 12), (13, 25), (26, 60))

_COMMON = 0.1
"""Words that so large a share of the texts have tell nothing of a subject."""

_NEIGHBOURS = 5
"""Words that tell of a subject, after each of them, that are its companions."""

_RARE = 3
"""A pair of companions of fewer texts is rare."""

_MOST = 255

COHERENCE = (
    *(f"coherence over {least} to {most} words" for least, most in _REACHES), "coherence of the text",
    "companions, unseen", "companions, rare", "companions, frequency", "companions, information", "companions, drawn",
)  # fmt: skip
"""What `Coherence.features` gives, in order.

- coherence over: the mean cosine between the vector of a word and the sum of those so many words further on.
- coherence of the text: the length of the sum of all vectors over the sum of their lengths.
- companions: of the pairs of words that stand near one another, the shares that no real text has and that fewer than
  three have; the mean logarithm of the number that has them; the mean pointwise mutual information, and the share of
  pairs where it is positive.
"""


class _Pairs(NamedTuple):
    """Words that tell of a subject, and the next ones of their kind.

    Attributes:
        places: that the pairs are hashed to.
        rows: of the first and second word of each.
        owners: the text of each.
    """

    places: Int64[np.ndarray, " pairs"]
    rows: tuple[np.ndarray, np.ndarray]
    owners: Int64[np.ndarray, " pairs"]


@dataclass(frozen=True)
class Coherence:
    """What is known of each word that some real texts have.

    Attributes:
        row: the number of the word at each place, from 1 on; 0 is a word that is not known.
        vectors: of each word, weighted by how rare it is; zeros of the first.
        texts_with: how many texts have it.
        texts: how many there were.
        companions: how many texts have each pair of companions, up to 255.
    """

    row: Int32[np.ndarray, " places"]
    vectors: Float32[np.ndarray, "words width"]
    texts_with: Int32[np.ndarray, " words"]
    texts: int
    companions: UInt8[np.ndarray, " places"]

    @classmethod
    def fit(cls, texts: Sequence[str], seed: int) -> "Coherence":
        """Learn from real texts."""
        from scipy import sparse
        from sklearn.utils.extmath import randomized_svd

        read = [patterns(texts[part])["words"] for part in portions(texts)]
        rows = sparse.vstack([_counted(*words) for words in read]).tocsr()
        texts_with = np.bincount(rows.indices, minlength=PLACES)
        known = np.flatnonzero(texts_with >= _LEAST_TEXTS)
        row = np.zeros(PLACES, np.int32)
        row[known] = np.arange(1, len(known) + 1)
        width = min(_WIDTH, len(known) - 1, len(texts) - 1)
        vectors = np.zeros((len(known) + 1, max(width, 1)), np.float32)
        if width > 1:
            rarity = np.log((1 + len(texts)) / (1 + texts_with[known])) + 1
            weighed = rows[:, known]
            weighed.data = (1 + np.log(weighed.data)) * rarity[weighed.indices]
            lengths = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
            unit = sparse.diags(1 / np.maximum(lengths, 1e-9)) @ weighed
            _, _, components = randomized_svd(unit, width, random_state=seed)
            vectors[1:] = components.T * rarity[:, None]
        have = np.concatenate([[0], texts_with[known]]).astype(np.int32)
        coherence = cls(row, vectors, have, len(texts), np.zeros(PLACES, np.uint8))
        together = np.zeros(PLACES, np.int64)
        for places, counts in read:
            pairs = coherence._pairs(row[places], counts)
            together += np.bincount(np.unique(pairs.owners * PLACES + pairs.places) % PLACES, minlength=PLACES)
        return cls(row, vectors, have, len(texts), np.minimum(together, _MOST).astype(np.uint8))

    def features(self, words: Pattern, sides: Int8[np.ndarray, " texts"]) -> Float32[np.ndarray, "texts features"]:
        """The `COHERENCE` of texts.

        Args:
            words: of the texts.
            sides: see `Familiarity.sides`; what a text that was counted adds to the counts is left out for itself.
        """
        rows = self.row[words.places]
        companionship = self._companionship(rows, words.counts, sides == REAL_BEFORE)
        return np.hstack([mean_cosines(self.vectors, rows, words.counts, _REACHES), companionship]).astype(np.float32)

    def common_words(self, text: str) -> set[str]:
        """The words of a text, in small letters, that tell nothing of a subject, as very many texts have them."""
        with_places = words_with_places(text)
        common = self.texts_with[self.row[[place for _, place in with_places]]] >= _COMMON * self.texts
        return {word.lower() for (word, _), held in zip(with_places, common.tolist(), strict=True) if held}

    def _companionship(
        self,
        rows: Int32[np.ndarray, " words"],
        counts: Int64[np.ndarray, " texts"],
        counted: Bool[np.ndarray, " texts"],
    ) -> np.ndarray:
        found = companion_counts(
            *(self.companions, self.texts_with, self.texts, self._telling(rows), counts, counted),
            reach=_NEIGHBOURS,
            rare=_RARE,
        )
        if found is not None:
            return found
        pairs = self._pairs(rows, counts)
        own = counted[pairs.owners].astype(np.float64)
        stood = np.maximum(self.companions[pairs.places] - own, 0)
        one, other = (np.maximum(self.texts_with[part] - own, 0) for part in pairs.rows)
        information = np.log((stood + 0.3) * self.texts / ((one + 1.0) * (other + 1.0)))
        values = (stood < 1, stood < _RARE, np.log1p(stood), information, information > 0)
        number = np.maximum(np.bincount(pairs.owners, minlength=len(counts)), 1)
        return np.stack([np.bincount(pairs.owners, value, len(counts)) / number for value in values], axis=1)

    def _pairs(self, rows: Int32[np.ndarray, " words"], counts: Int64[np.ndarray, " texts"]) -> _Pairs:
        rows = self._telling(rows)
        owners = np.repeat(np.arange(len(counts)), counts)[rows > 0]
        words = rows[rows > 0].astype(np.int64)
        firsts, seconds, whose = [], [], []
        for step in range(1, _NEIGHBOURS + 1):
            same = owners[:-step] == owners[step:]
            firsts.append(words[:-step][same])
            seconds.append(words[step:][same])
            whose.append(owners[:-step][same])
        one, other = np.concatenate(firsts), np.concatenate(seconds)
        pair = (np.minimum(one, other) * PLACES + np.maximum(one, other)).astype(np.uint64)
        return _Pairs(place_of(pair), (one, other), np.concatenate(whose))

    def _telling(self, rows: Int32[np.ndarray, " words"]) -> Int32[np.ndarray, " words"]:
        """The same words, 0 where one tells nothing of a subject."""
        return np.where(self.texts_with[rows] < _COMMON * self.texts, rows, np.int32(0))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` needs."""
        return {
            "places": np.flatnonzero(self.row).astype(np.int32),
            "vectors": self.vectors,
            "texts_with": self.texts_with,
            "texts": np.array(self.texts),
            "companions": self.companions,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Coherence":
        """What `to_arrays` described."""
        row = np.zeros(PLACES, np.int32)
        row[arrays["places"]] = np.arange(1, len(arrays["places"]) + 1)
        return cls(row, arrays["vectors"], arrays["texts_with"], int(arrays["texts"]), arrays["companions"])


def _counted(places: Int64[np.ndarray, " words"], counts: Int64[np.ndarray, " texts"]) -> Any:
    """Sparse rows `[texts, places]`: how often each word stands in each text."""
    from scipy import sparse

    owner = np.repeat(np.arange(len(counts)), counts)
    rows = sparse.csr_matrix((np.ones(len(owner), np.float32), (owner, places)), (len(counts), PLACES))
    rows.sum_duplicates()
    return rows
