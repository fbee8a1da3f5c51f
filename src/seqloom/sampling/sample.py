"""One generated sequence."""

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["FinishReason", "Sample", "SpeculativeStats"]

FinishReason = Literal["length", "stop", "end"]


@dataclass(frozen=True, kw_only=True)
class SpeculativeStats:
    """What it brought a sample to draft tokens with a model's further heads.

    Attributes:
        tokens_per_step: mean of what a step wrote; 1 without drafts.
        acceptance: share of the drafts that stood, of those that were looked at; 0 where none was.
        gain: tokens a second over those without drafts, both measured while the sample was written; None where it was
            too short, or written side by side with others, a token at a time.
    """

    tokens_per_step: float
    acceptance: float
    gain: float | None


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What was written after a prompt, how likely it was, and why it ended.

    Attributes:
        index: which sample of its seed this is, from 0; a beam search numbers its results from the likeliest.
        seed: of the draws.
        tokens: the ids written, those that spell a stop string included, the boundary that ends a text not.
        text: what was written after the prompt, cut before a stop string; bytes that make no character are
            U+FFFD.
        log_prob: nats of `tokens`, and of the boundary where it ended the text, under the model at
            temperature 1.
        sampling_log_prob: the same under the distributions that were drawn from; 0 where nothing was left to
            chance.
        finish_reason: "length": as many tokens as allowed were written; "stop": a stop string was written, or
            bans and guards refused every token; "end": the model ended the text, or nothing can follow in the
            pattern.
        matched: whether the text matches the pattern; None where there is none.
        drafting: how its drafts fared; None where a step wrote one token.
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
