"""The members of a detector: readers of different kinds, each of which says something of a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from seqloom.detector.likelihood import FEATURES, LanguagePair
from seqloom.readers.linear import Ordinal
from seqloom.readers.network import NGramNetwork
from seqloom.readers.ngrams import NGrams, count_ngrams
from seqloom.readers.settings import EncoderSettings, NetworkSettings

if TYPE_CHECKING:
    from seqloom.readers.encoder import Encoder

__all__ = ["LIGHT", "Members", "NGramReaders", "answer_names", "learned_encoder"]

LIGHT = 2
"""Answers, from the first on, that need no more than n-grams."""

_STRENGTH = 3.0
"""Of the data against the penalty, in the logistic regression of n-grams."""


def answer_names(*, encoder: bool, pair: bool) -> tuple[str, ...]:
    """What each answer is, in order."""
    return ("n-grams", "network of n-grams", *(("encoder",) * encoder), *(FEATURES * pair))


_MOST_FEATURES = 60_000
"""Of the network: a generator gives texts without end, and what tells them apart is seldom rare."""


@dataclass(frozen=True)
class NGramReaders:
    """What reads n-grams alone.

    Attributes:
        ngrams: what both see.
        linear: logistic regression of words, pairs of words, and characters.
        network: a small neural one.
    """

    ngrams: NGrams
    linear: Ordinal
    network: NGramNetwork

    @classmethod
    def fit(cls, counts: Any, generated: Bool[np.ndarray, " texts"], seed: int) -> "NGramReaders":
        """Learn from what `count_ngrams` gave."""
        ngrams = NGrams.fit(counts)
        rows, answers = ngrams.weigh(counts), generated[:, None]
        network = NGramNetwork.fit(rows, answers, NetworkSettings(most_features=_MOST_FEATURES), seed)
        return cls(ngrams, Ordinal.fit(rows, answers, _STRENGTH), network)

    def answers(self, counts: Any) -> Float[np.ndarray, "texts 2"]:
        """What both say of each text."""
        rows = self.ngrams.weigh(counts)
        return np.hstack([np.asarray(self.linear.logits(rows)), np.asarray(self.network.logits(rows), np.float64)])


@dataclass(frozen=True)
class Members:
    """What reads texts.

    Attributes:
        readers: of n-grams.
        encoder: convolutions over words; None where it is left out.
        pair: two language models; None where there are none.
    """

    readers: NGramReaders
    encoder: "Encoder | None"
    pair: LanguagePair | None

    def answers(
        self, texts: Sequence[str], counts: Any = None, *, light: bool = False
    ) -> Float[np.ndarray, "texts answers"]:
        """What each says of each text, in the order of `answer_names`; only the first `LIGHT` where light."""
        first = self.readers.answers(count_ngrams(texts) if counts is None else counts)
        return first if light else np.hstack([first, self.slow_answers(texts)])

    def slow_answers(self, texts: Sequence[str]) -> Float[np.ndarray, "texts answers"]:
        """The answers after the first `LIGHT`."""
        found = [np.zeros((len(texts), 0))]
        if self.encoder is not None:
            found.append(np.asarray(self.encoder.logits(texts), np.float64))
        if self.pair is not None:
            found.append(self.pair.features(texts).astype(np.float64))
        return np.hstack(found)


def learned_encoder(texts: Sequence[str], generated: Bool[np.ndarray, " texts"], seed: int) -> "Encoder":
    """Convolutions over words that tell the texts apart."""
    from seqloom.readers.encoder import Encoder, WordIndex

    return Encoder(WordIndex.fit(texts), 1, EncoderSettings(), seed).fit(texts, generated[:, None])
