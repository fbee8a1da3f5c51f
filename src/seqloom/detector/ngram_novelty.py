"""How much of a text stood in texts of either side before: its words, runs of words, and stretches of characters.

A model that writes letter by letter makes words that nobody has written, and one that writes word by word makes runs of
them; a large language model says what it has said before.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int, Int8, UInt8, UInt16

from seqloom.kernels.text_hashing.reduce import sum_levels
from seqloom.text_features.patterns import KINDS, PLACES, Pattern, patterns, portions, words_with_places

__all__ = ["FAMILIARITY", "GENERATED_BEFORE", "NEW", "REAL_BEFORE", "Familiarity", "count_texts"]

_COUNTED = tuple(kind for kind in KINDS if kind not in ("3 characters", "4 characters"))
_RARE = 3
"""A pattern of fewer texts is rare."""

_COPIED = 0.4
"""A text of whose runs of five words so small a share is new is one that was counted, or made of such: of other real
texts far more are."""

_LEAST_RUNS = 3
"""Runs of five words that a text must have for that: one or two may be a phrase of many."""

NEW, REAL_BEFORE, GENERATED_BEFORE = -1, 0, 1
"""What a text is to those who counted: not known, or copied from one side or the other."""

_MOST = 255
_SIDES = ("real", "generated")
_VALUES = ("unseen", "rare", "frequency")

FAMILIARITY = tuple(f"{kind}, {value}, {side}" for kind in _COUNTED for side in _SIDES for value in _VALUES)
"""What `Familiarity.features` gives, in order: the shares of a text's patterns that no text of a side has, and that
fewer than three have, and the mean logarithm of the number of texts (and one) that have it."""


@dataclass(frozen=True)
class Familiarity:
    """In how many texts of either side each pattern stood.

    Attributes:
        counts: up to 255; real texts, and generated ones.
    """

    counts: UInt8[np.ndarray, "kinds places 2"]

    @classmethod
    def of(cls, counted: UInt16[np.ndarray, "kinds places 2"]) -> "Familiarity":
        """From what `count_texts` gave."""
        return cls(np.minimum(counted, _MOST).astype(np.uint8))

    def sides(self, found: Mapping[str, Pattern]) -> Int8[np.ndarray, " texts"]:
        """`NEW`, `REAL_BEFORE` or `GENERATED_BEFORE` for each text, by its patterns."""
        counts = found["fives"].counts
        new = np.full(len(counts), NEW, np.int8)
        added = sum_levels(self.counts[_COUNTED.index("fives")], _STANDING, *found["fives"], new)
        unseen = added[:, :, _VALUES.index("unseen")] / np.maximum(counts, 1)[:, None]
        copied = (counts >= _LEAST_RUNS) & (unseen.min(axis=1) < _COPIED)
        return np.where(copied, unseen.argmin(axis=1), NEW).astype(np.int8)

    def features(
        self, found: Mapping[str, Pattern], sides: Int8[np.ndarray, " texts"]
    ) -> Float32[np.ndarray, "texts features"]:
        """The `FAMILIARITY` of texts.

        Args:
            found: their patterns.
            sides: of each; what a text that was counted adds to the counts is left out for itself.
        """
        made = []
        for number, kind in enumerate(_COUNTED):
            counts = found[kind].counts
            added = sum_levels(self.counts[number], _STANDING, *found[kind], sides)
            made.append(added.reshape(len(counts), -1) / np.maximum(counts, 1)[:, None])
        return np.hstack(made).astype(np.float32)

    def unheard_words(self, text: str) -> list[str]:
        """The words of a text that no real text has, as they are spelled, each once."""
        words = {spelled: place for spelled, place in words_with_places(text) if spelled[0].isalnum()}
        return [spelled for spelled, place in words.items() if self.counts[_COUNTED.index("words"), place, 0] == 0]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` needs."""
        return {"counts": np.frombuffer(zlib.compress(self.counts.tobytes(), 3), np.uint8)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Familiarity":
        """What `to_arrays` described.

        Raises:
            ValueError: it is damaged.
        """
        try:
            plain = zlib.decompressobj().decompress(arrays["counts"].tobytes(), len(_COUNTED) * PLACES * 2)
        except zlib.error as error:
            raise ValueError(str(error)) from None
        return cls(np.frombuffer(plain, np.uint8).reshape(len(_COUNTED), PLACES, 2))


def count_texts(
    texts: Sequence[str],
    generated: Bool[np.ndarray, " texts"],
    folds: Int[np.ndarray, " texts"],
    number: int,
) -> UInt16[np.ndarray, "folds kinds places 2"]:
    """In how many texts each pattern stands, by fold and side.

    Args:
        texts: fewer than 65,536 of a side in a fold.
        generated: which of them were.
        folds: of each, below `number`.
        number: of folds.
    """
    found = np.zeros((number, len(_COUNTED), PLACES, len(_SIDES)), np.uint16)
    for part in portions(texts):
        side, fold = generated[part].astype(np.int64), folds[part]
        read = patterns(texts[part])
        for at, kind in enumerate(_COUNTED):
            owner = np.repeat(np.arange(len(side)), read[kind].counts)
            once = np.unique(owner * PLACES + read[kind].places)
            owner, places = once // PLACES, once % PLACES
            where = ((fold[owner] * len(_COUNTED) + at) * PLACES + places) * len(_SIDES) + side[owner]
            np.add.at(found.reshape(-1), where, 1)
    return found


def _standing() -> Float32[np.ndarray, "counts values"]:
    count = np.arange(_MOST + 1)
    return np.stack([count < 1, count < _RARE, np.log1p(count)], axis=1).astype(np.float32)


_STANDING = _standing()
"""What a pattern of so many texts adds to each of the values."""
