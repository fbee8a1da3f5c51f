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

__all__ = ["LIGHT", "Members", "answer_names"]

LIGHT = 2
"""Answers, from the first on, that need no more than n-grams."""

_STRENGTH = 3.0
"""Of the data against the penalty, in the logistic regression of n-grams."""


def answer_names(*, encoder: bool, pair: bool) -> tuple[str, ...]:
    """What each answer is, in order."""
    return ("n-grams", "network of n-grams", *(("encoder",) * encoder), *(FEATURES * pair))


@dataclass(frozen=True)
class Members:
    """What reads texts.

    Attributes:
        ngrams: what the first two see.
        linear: logistic regression of words, pairs of words, and characters.
        network: the neural one of n-grams.
        encoder: convolutions over words; None where it is left out.
        pair: two language models; None where there are none.
    """

    ngrams: NGrams
    linear: Ordinal
    network: NGramNetwork
    encoder: "Encoder | None"
    pair: LanguagePair | None

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        generated: Bool[np.ndarray, " texts"],
        pair: LanguagePair | None,
        *,
        encoder: bool,
        seed: int,
    ) -> "Members":
        """Learn from texts; the language models have learned already."""
        counts = count_ngrams(texts)
        ngrams = NGrams.fit(counts)
        rows, answers = ngrams.weigh(counts), generated[:, None]
        convolutions = None
        if encoder:
            from seqloom.readers.encoder import Encoder, WordIndex

            settings = EncoderSettings()
            convolutions = Encoder(WordIndex.fit(texts), 1, settings, seed).fit(texts, answers)
        return cls(
            ngrams,
            Ordinal.fit(rows, answers, _STRENGTH),
            NGramNetwork.fit(rows, answers, NetworkSettings(), seed),
            convolutions,
            pair,
        )

    def answers(
        self, texts: Sequence[str], counts: Any = None, *, light: bool = False
    ) -> Float[np.ndarray, "texts answers"]:
        """What each says of each text, in the order of `answer_names`; only the first `LIGHT` where light."""
        rows = self.ngrams.weigh(count_ngrams(texts) if counts is None else counts)
        found = [np.asarray(self.linear.logits(rows)), np.asarray(self.network.logits(rows))]
        if not light and self.encoder is not None:
            found.append(np.asarray(self.encoder.logits(texts)))
        if not light and self.pair is not None:
            found.append(self.pair.features(texts))
        return np.hstack(found).astype(np.float64)
