"""One generated sequence."""

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["FinishReason", "Sample", "SpeculativeStats"]

FinishReason = Literal["length", "stop", "end"]


@dataclass(frozen=True, kw_only=True)
class SpeculativeStats:
    """Effect of speculative sampling on one sample.

    Attributes:
        tokens_per_step: mean number of tokens per step; 1 without drafts.
        acceptance: accepted share of the verified drafts; 0 if there were none.
        gain: tokens per second relative to generation without drafts, both measured during this sample; None if the
            sample was too short or generated in a batch without drafts.
    """

    tokens_per_step: float
    acceptance: float
    gain: float | None


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One generated sequence, its log-probability, and its finish reason.

    Attributes:
        index: index of the sample for its seed, from 0; a beam search numbers its results from the likeliest.
        seed: seed of the draws.
        tokens: generated ids, with those of a stop string but without the final boundary.
        text: generated text after the prompt, cut before a stop string; invalid bytes become U+FFFD.
        log_prob: log-probability, in nats, of `tokens` and of a final boundary, under the model at temperature 1.
        sampling_log_prob: the same under the distributions that the tokens were drawn from; 0 for a beam search.
        finish_reason: "length": the maximum length was reached; "stop": a stop string appeared, or constraints rejected
            every token; "end": the model ended the text, or the pattern allows nothing more.
        matched: whether the text matches the pattern; None without a pattern.
        speculative: statistics of speculative sampling; None without drafts.
    """

    index: int
    seed: int
    tokens: tuple[int, ...]
    text: str
    log_prob: float
    sampling_log_prob: float
    finish_reason: FinishReason
    matched: bool | None = None
    speculative: SpeculativeStats | None = field(default=None, compare=False)
