"""The members of a detector: readers of different kinds, each of which says something of a text."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from seqloom.detector.embedding_coherence import COHERENCE, Coherence
from seqloom.detector.likelihood import FEATURES, LanguageModelPair
from seqloom.detector.ngram_classifier import Wording
from seqloom.detector.ngram_novelty import FAMILIARITY, NEW, Familiarity
from seqloom.detector.segments import PARTS
from seqloom.kernels.batched_decoder import num_usable_processors
from seqloom.text_features.config import EncoderSettings
from seqloom.text_features.patterns import patterns, portions

if TYPE_CHECKING:
    from seqloom.text_features.encoder import Encoder

__all__ = ["LIGHT", "LIGHT_ANSWERS", "Members", "PatternReaders", "Read", "learned_encoder"]

LIGHT: Mapping[str, slice] = {
    "wording": slice(0, 1),
    "familiarity": slice(1, 1 + len(FAMILIARITY)),
    "coherence": slice(1 + len(FAMILIARITY), 1 + len(FAMILIARITY) + len(COHERENCE)),
}
"""Which answers of `PatternReaders` are of which member."""

LIGHT_ANSWERS = ("wording", *FAMILIARITY, *COHERENCE)
"""What each of those answers is, in order."""


class Read(NamedTuple):
    """What readers of patterns say of some texts.

    Attributes:
        answers: the `LIGHT_ANSWERS`.
        copied: which texts are copies, or nearly, of what was learned from; they are judged by what all others know.
    """

    answers: Float[np.ndarray, "texts answers"]
    copied: Bool[np.ndarray, " texts"]


@dataclass(frozen=True)
class PatternReaders:
    """What reads patterns of words and characters alone.

    Attributes:
        wording: which patterns speak for a generated text.
        familiarity: which of them stood in texts of either side before.
        coherence: whether the words belong together.
    """

    wording: Wording
    familiarity: Familiarity
    coherence: Coherence

    def answers(self, texts: Sequence[str]) -> Float[np.ndarray, "texts answers"]:
        """The `LIGHT_ANSWERS` of each text."""
        return self.read(texts).answers

    def read(self, texts: Sequence[str]) -> Read:
        """The same, and which texts are copies of what was learned from."""
        if not texts:
            return Read(np.zeros((0, len(LIGHT_ANSWERS))), np.zeros(0, np.bool_))
        with ThreadPoolExecutor(num_usable_processors()) as pool:
            parts = list(pool.map(lambda part: self._read(texts[part]), portions(texts)))
        return Read(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _read(self, texts: Sequence[str]) -> Read:
        found = patterns(texts)
        sides = self.familiarity.sides(found)
        wording, familiarity = self.wording.logits(found), self.familiarity.features(found, sides)
        coherence = self.coherence.features(found["words"], sides)
        return Read(np.hstack([wording[:, None], familiarity, coherence]).astype(np.float64), sides != NEW)


@dataclass(frozen=True)
class Members:
    """What reads texts.

    Attributes:
        readers: of patterns.
        encoder: convolutions over words; None where it is left out.
        pair: two language models; None where there are none.
    """

    readers: PatternReaders
    encoder: "Encoder | None"
    pair: LanguageModelPair | None

    @property
    def slow(self) -> Mapping[str, slice]:
        """Which of the slow answers are of which member; "parts" is what the light ones say of parts of a text."""
        parts = {"encoder": 1 * (self.encoder is not None), "language models": len(FEATURES) * (self.pair is not None)}
        parts["parts"] = len(PARTS) * any(parts.values())
        ends = np.cumsum(list(parts.values())).tolist()
        return {name: slice(end - size, end) for (name, size), end in zip(parts.items(), ends, strict=True) if size}

    def slow_answers(self, texts: Sequence[str]) -> Float[np.ndarray, "texts answers"]:
        """What the encoder and the language models say of each text."""
        found = [np.zeros((len(texts), 0))]
        if self.encoder is not None:
            found.append(np.asarray(self.encoder.logits(texts), np.float64))
        if self.pair is not None:
            found.append(self.pair.features(texts).astype(np.float64))
        return np.hstack(found)


def learned_encoder(texts: Sequence[str], generated: Bool[np.ndarray, " texts"], seed: int) -> "Encoder":
    """Convolutions over words that tell the texts apart."""
    from seqloom.text_features.encoder import Encoder, WordIndex

    return Encoder(WordIndex.fit(texts), 1, EncoderSettings(), seed).fit(texts, generated[:, None])
