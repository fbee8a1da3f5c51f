"""Explain a detector's score: the contribution of each member, typical words, token probabilities, and sentences.

A member is one of the models that the detector combines. The light members use patterns of words and characters. A
stack is a logistic regression on the outputs of members; its classes are real text and kinds of generated text. The
slow members are an encoder, two language models, and "parts": the highest and lowest logits that the light members'
stack computes for segments (halves and quarters) of a text.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from jaxtyping import Float

from seqloom.codecs.text import TextCodec
from seqloom.detector.explanation import Explanation, Token, WordEvidence
from seqloom.detector.explanation_text import explanation_sentences
from seqloom.detector.likelihood import LIKELIHOOD_FEATURES, LanguageModelPair, token_statistics
from seqloom.detector.members import LIGHT_MEMBERS, LIGHT_OUTPUTS, Members
from seqloom.detector.percentiles import OutputPercentiles
from seqloom.detector.scores import MemberOutputs
from seqloom.detector.segments import SEGMENT_OUTPUTS
from seqloom.detector.stack import probabilities
from seqloom.detector.stacks import Stacks

__all__ = ["FittedDetector", "explain"]

_MAX_EVIDENCE = 6
"""Maximal number of words that are listed as evidence of a generated text, and of a real one."""

_MIN_EVIDENCE = 0.02
"""A word with a smaller contribution to the logit is not listed."""

_SLOW_OUTPUTS: Mapping[str, tuple[str, ...]] = {
    "encoder": ("encoder",),
    "language models": LIKELIHOOD_FEATURES,
    "parts": SEGMENT_OUTPUTS,
}
"""Names of the outputs of each slow member."""


class FittedDetector(Protocol):
    """The attributes of a fitted `Detector` that explanations use.

    This module cannot import `Detector`, because the module of `Detector` imports this one.
    """

    members_: Members
    percentiles_: OutputPercentiles
    stacks_: Stacks

    def member_outputs(self, texts: Sequence[str]) -> MemberOutputs:
        """Return the outputs of all members."""
        ...

    def logits(self, outputs: MemberOutputs) -> Float[np.ndarray, " texts"]:
        """Return the logit of every text."""
        ...


def explain(detector: FittedDetector, text: str, base_rate: float) -> Explanation:
    """Explain a fitted detector's score of a text; see `Detector.explain`."""
    outputs = detector.member_outputs([text])
    members = detector.members_
    text_outputs = outputs.light[0] if outputs.slow is None else np.concatenate([outputs.light[0], outputs.slow[0]])
    output_names = [*LIGHT_OUTPUTS, *(name for member in members.slow_slices for name in _SLOW_OUTPUTS[member])]
    shares_of_real_below, shares_of_generated_below = (
        dict(zip(output_names, detector.percentiles_.shares_below(text_outputs, generated=side).tolist(), strict=True))
        for side in (False, True)
    )
    evidence = _word_evidence(members, text)
    language_models = members.language_models
    explanation = Explanation(
        probability=float(probabilities(detector.logits(outputs), base_rate)[0]),
        base_rate=base_rate,
        num_words=int(outputs.num_words[0]),
        too_short=bool(outputs.too_short[0]),
        out_of_distribution=bool(outputs.out_of_distribution[0]),
        contributions=_contributions(detector.stacks_, outputs, members.slow_slices),
        shares_below=shares_of_real_below,
        new_words=tuple(members.light.novelty.new_words(text)),
        generated_evidence=tuple(item for item in evidence if item.logit >= _MIN_EVIDENCE)[:_MAX_EVIDENCE],
        real_evidence=tuple(item for item in evidence if item.logit <= -_MIN_EVIDENCE)[:_MAX_EVIDENCE],
        tokens=() if language_models is None else tuple(_tokens(language_models, text)),
        sentences=(),
    )
    # Language models that are no part of the scores have no outputs to describe.
    level = language_models.codec.level if language_models is not None and members.score_with_slow else None
    return replace(explanation, sentences=tuple(explanation_sentences(explanation, shares_of_generated_below, level)))


def _contributions(stacks: Stacks, outputs: MemberOutputs, slow_slices: Mapping[str, slice]) -> dict[str, float]:
    """Return the contribution of each member to the logit.

    With slow members, the logit is the calibrated mean of the logits of two stacks; the calibration multiplies the mean
    by a slope. The light stack combines the light members. The full stack combines the slow members with the logits
    that the light stack gives to its classes, so the light members contribute to both stacks. In the full stack, each
    light member is credited with the same contribution as in the light stack. The contribution of the class logits to
    the full stack is larger or smaller than the sum of these credits. The light members share the difference in
    proportion to the absolute values of their contributions.
    """
    light = stacks.light.contributions(outputs.light, outputs.num_words)[0]
    contributions = {name: float(light[columns].sum()) for name, columns in LIGHT_MEMBERS.items()}
    if stacks.full is None or stacks.calibration is None or outputs.slow is None:
        return contributions
    class_logits = stacks.light.class_logits(outputs.light, outputs.num_words)
    num_classes = class_logits.shape[1]
    full = stacks.full.contributions(np.hstack([class_logits, outputs.slow]), outputs.num_words)[0]
    remainder = float(full[:num_classes].sum()) - sum(contributions.values())
    total_size = sum(map(abs, contributions.values())) or 1.0
    weight_per_stack = float(stacks.calibration.slope(outputs.num_words)[0]) / 2
    # A light member contributes `value` to the light stack, and `value` and a share of the remainder to the full stack.
    contributions = {
        name: weight_per_stack * (2 * value + remainder * abs(value) / total_size)
        for name, value in contributions.items()
    }
    for name, columns in slow_slices.items():
        contributions[name] = weight_per_stack * float(full[num_classes:][columns].sum())
    return contributions


def _word_evidence(members: Members, text: str) -> list[WordEvidence]:
    """Return the contributions of the words to the logit of the member "wording", strongest first.

    Common words are left out, unless the text has no other words.
    """
    contributions = members.light.classifier.word_contributions(text)
    common = members.light.coherence.common_words(text)
    evidence = [WordEvidence(word, logit) for word, logit in contributions.items() if word[0].isalnum()]
    specific = [item for item in evidence if item.word not in common]
    return sorted(specific or evidence, key=lambda item: (-abs(item.logit), item.word))


def _tokens(pair: LanguageModelPair, text: str) -> Iterator[Token]:
    """Yield all tokens of a text.

    A character outside the vocabulary is a token without a probability. The text after the last scored token, if any,
    is one more token without a probability.
    """
    ids = pair.encode(text)
    (statistics,) = token_statistics(pair.real, pair.generated, [ids])
    unknown = {position for position, _symbol in pair.codec.unknown_symbols(text)}
    # Row 0 of the statistics is the model of real text; the first id only marks the start of the text.
    scored = _merge_partial_characters(
        pair.codec, ids[1:].tolist(), statistics.log_probs[0].tolist(), statistics.ranks[0].tolist()
    )
    position = 0
    for token_text, log_prob, rank in scored:
        while position in unknown:
            yield Token(text[position])
            position += 1
        yield Token(token_text, float(np.exp(log_prob)), rank)
        position += len(token_text)
    if text[position:]:
        yield Token(text[position:])


def _merge_partial_characters(
    codec: TextCodec, ids: list[int], log_probs: list[float], ranks: list[int]
) -> Iterator[tuple[str, float, int]]:
    """Yield text, log-probability and rank of tokens.

    Tokens that are parts of one character are merged: their log-probabilities are added, and the highest rank counts.
    """
    pending_bytes, total_log_prob, max_rank = b"", 0.0, 0
    for token, log_prob, rank in zip(ids, log_probs, ranks, strict=True):
        pending_bytes += codec.token_bytes[token]
        total_log_prob, max_rank = total_log_prob + log_prob, max(max_rank, rank)
        try:
            text = pending_bytes.decode()
        except UnicodeDecodeError:
            continue
        yield text, total_log_prob, max_rank
        pending_bytes, total_log_prob, max_rank = b"", 0.0, 0
