"""The members of a detector: models of different kinds, whose outputs a stack combines.

The light members look up hashed patterns (n-grams of words and characters) and are fast. The slow members are a
convolutional encoder, which is a neural network, and two language models. A stack is a logistic regression on the
outputs of members; the light stack uses the outputs of the light members only.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from seqloom.detector.embedding_coherence import COHERENCE_FEATURES, EmbeddingCoherence
from seqloom.detector.likelihood import LIKELIHOOD_FEATURES, LanguageModelPair
from seqloom.detector.ngram_classifier import NGramClassifier
from seqloom.detector.ngram_novelty import NOT_A_COPY, NOVELTY_FEATURES, NGramNovelty
from seqloom.detector.ngram_regression import REGRESSION_MEMBERS, ViewRegressions
from seqloom.detector.segments import SEGMENT_OUTPUTS
from seqloom.kernels.batched_decoder import num_usable_processors
from seqloom.text_features.config import EncoderSettings
from seqloom.text_features.patterns import chunk_texts, extract_patterns

if TYPE_CHECKING:
    from seqloom.text_features.encoder import Encoder

__all__ = ["LIGHT_MEMBERS", "LIGHT_OUTPUTS", "LightMembers", "LightOutputs", "Members", "fit_encoder"]

_WORDING = len(REGRESSION_MEMBERS)
"""Column of the member "wording"."""

LIGHT_MEMBERS: Mapping[str, slice] = {
    **{name: slice(column, column + 1) for column, name in enumerate(REGRESSION_MEMBERS)},
    "wording": slice(_WORDING, _WORDING + 1),
    "familiarity": slice(_WORDING + 1, _WORDING + 1 + len(NOVELTY_FEATURES)),
    "coherence": slice(_WORDING + 1 + len(NOVELTY_FEATURES), None),
}
"""Columns of each light member in the outputs of `LightMembers`, by the name of the member."""

LIGHT_OUTPUTS = (*REGRESSION_MEMBERS, "wording", *NOVELTY_FEATURES, *COHERENCE_FEATURES)
"""Names of the outputs of `LightMembers`, in order."""


class LightOutputs(NamedTuple):
    """Outputs of the light members for some texts.

    Attributes:
        outputs: outputs in the order of `LIGHT_OUTPUTS`.
        is_copy: whether each text is a training text or nearly equal to one. The counts behind the outputs for a copy
            leave that training text out.
    """

    outputs: Float[np.ndarray, "texts outputs"]
    is_copy: Bool[np.ndarray, " texts"]


@dataclass(frozen=True)
class LightMembers:
    """The members that need only patterns of words and characters.

    Attributes:
        views: logistic regressions on n-grams of unchanged texts; the members in `REGRESSION_MEMBERS`.
        classifier: logistic regression on patterns of unchanged and changed texts; the member "wording".
        novelty: shares of a text's patterns that are new or rare in the training texts; the member "familiarity".
        coherence: measure of how well the words of a text fit together; the member "coherence".
    """

    views: ViewRegressions
    classifier: NGramClassifier
    novelty: NGramNovelty
    coherence: EmbeddingCoherence

    def outputs(self, texts: Sequence[str]) -> Float[np.ndarray, "texts outputs"]:
        """Return the outputs for each text, in the order of `LIGHT_OUTPUTS`."""
        return self.outputs_and_copies(texts).outputs

    def outputs_and_copies(self, texts: Sequence[str]) -> LightOutputs:
        """Return the outputs for each text, and whether each text is a copy of a training text."""
        if not texts:
            return LightOutputs(np.zeros((0, len(LIGHT_OUTPUTS))), np.zeros(0, np.bool_))
        with ThreadPoolExecutor(num_usable_processors()) as pool:
            chunks = list(pool.map(lambda chunk: self._chunk_outputs(texts[chunk]), chunk_texts(texts)))
        return LightOutputs(*(np.concatenate(column) for column in zip(*chunks, strict=True)))

    def _chunk_outputs(self, texts: Sequence[str]) -> LightOutputs:
        patterns = extract_patterns(texts)
        copy_sources = self.novelty.copy_sources(patterns)
        logits, novelty = self.classifier.logits(patterns), self.novelty.features(patterns, copy_sources)
        coherence = self.coherence.features(patterns["words"], copy_sources)
        outputs = np.hstack([self.views.logits(texts, patterns), logits[:, None], novelty, coherence]).astype(
            np.float64
        )
        return LightOutputs(outputs, copy_sources != NOT_A_COPY)


@dataclass(frozen=True)
class Members:
    """All members of a detector.

    Attributes:
        light: members on patterns of words and characters.
        encoder: convolutional encoder, or None.
        language_models: language models of real and of generated text, or None.
        score_with_slow: whether the slow members are part of the scores. Otherwise, there is no encoder, and the
            language models only serve explanations.
    """

    light: LightMembers
    encoder: "Encoder | None"
    language_models: LanguageModelPair | None
    score_with_slow: bool = True

    def without_slow_scores(self) -> "Members":
        """Return the members without the encoder, and with language models that serve explanations only."""
        return replace(self, encoder=None, score_with_slow=False)

    @property
    def slow_slices(self) -> Mapping[str, slice]:
        """Return the columns of each slow member that is part of the scores, by the name of the member.

        The member "parts" is no model: its outputs are the highest and lowest logits that the light stack computes for
        segments (halves and quarters) of the text.
        """
        if not self.score_with_slow:
            return {}
        widths = {
            "encoder": 0 if self.encoder is None else 1,
            "language models": 0 if self.language_models is None else len(LIKELIHOOD_FEATURES),
        }
        widths["parts"] = len(SEGMENT_OUTPUTS) if any(widths.values()) else 0
        ends = np.cumsum(list(widths.values())).tolist()
        return {name: slice(end - width, end) for (name, width), end in zip(widths.items(), ends, strict=True) if width}

    def slow_outputs(self, texts: Sequence[str]) -> Float[np.ndarray, "texts outputs"]:
        """Return the outputs of the encoder and of the language models.

        The outputs of the member "parts" are missing: they need the light stack, so the caller appends them.
        """
        outputs = [np.zeros((len(texts), 0))]
        if self.encoder is not None:
            outputs.append(np.asarray(self.encoder.logits(texts), np.float64))
        if self.language_models is not None:
            outputs.append(self.language_models.features(texts).astype(np.float64))
        return np.hstack(outputs)


def fit_encoder(
    texts: Sequence[str], generated: Bool[np.ndarray, " texts"], seed: int, settings: EncoderSettings | None = None
) -> "Encoder":
    """Fit a convolutional encoder that separates generated from real texts.

    If the settings limit the number of updates, the encoder sees no more of the texts than these updates need.
    """
    from seqloom.text_features.encoder import Encoder, WordIndex

    settings = settings or EncoderSettings()
    if settings.max_updates is not None and len(texts) > settings.max_updates * settings.batch:
        chosen = np.random.default_rng(seed).permutation(len(texts))[: settings.max_updates * settings.batch]
        texts, generated = [texts[index] for index in chosen], generated[chosen]
    # The encoder predicts ordinal targets, one per threshold; the only target is whether a text was generated.
    encoder = Encoder(WordIndex.fit(texts), num_thresholds=1, settings=settings, seed=seed)
    return encoder.fit(texts, generated[:, None])
