"""One generated sequence."""

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

__all__ = ["FinishReason", "Sample", "SpeculativeStats"]

FinishReason = Literal["length", "stop", "end", "unmatched"]


@dataclass(frozen=True, kw_only=True)
class SpeculativeStats:
    """Effect of speculative sampling on one sample.

    The model's prediction heads draft several tokens; the model verifies them together in one step, and accepts some.

    Attributes:
        tokens_per_step: mean number of tokens per step; 1 without drafts.
        acceptance: accepted share of the verified drafts; 0 if no draft was verified.
        gain: tokens per second with drafts, divided by tokens per second without; both are measured during this sample.
            None if one of them was not measured: the sample was too short, or generated without drafts in a batch.
    """

    tokens_per_step: float
    acceptance: float
    gain: float | None


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One generated sequence, its log-probability, and its finish reason.

    Attributes:
        index: number of the sample among those with the same seed, from 0; a beam search numbers its results from the
            likeliest.
        seed: seed of the draws.
        tokens: generated ids, including those of a stop string, but without the final boundary, the token that ends a
            text.
        text: generated text after the prompt, cut before a stop string; invalid bytes become U+FFFD.
        log_prob: log-probability, in nats, of `tokens` and of a final boundary, under the model at temperature 1, in
            the precision of the generation; the methods of a run compute it again in float32 (see `ModelLogProbs`).
        sampling_log_prob: log-probability of the same tokens under the distributions that they were drawn from; 0 for a
            beam search, which draws none.
        finish_reason: "length": the maximum length was reached; "stop": a stop string appeared, or constraints rejected
            every token; "end": the model ended the text, or the grammar allows nothing more; "unmatched": the text
            ended before it matched the grammar.
        matched: whether the text matches the pattern, the JSON schema or the grammar; None without any.
        speculative: statistics of speculative sampling; None without drafts.
        prompt: prompt that the text continues; None if unknown.
        temperature: softmax temperature; None if unknown.
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
    prompt: str | None = field(default=None, compare=False)
    temperature: float | None = field(default=None, compare=False)

    def marked(self, matched: bool | None) -> "Sample":
        """Return the sample with this value of `matched`, and the finish reason that follows from it."""
        return replace(self, matched=matched, finish_reason="unmatched" if matched is False else self.finish_reason)

    def to_json(self) -> dict[str, Any]:
        """Return the sample in JSON's types, with the number of its tokens instead of their ids."""
        matched = {} if self.matched is None else {"matched": self.matched}
        drafting = {} if self.speculative is None else {"drafting": asdict(self.speculative)}
        origin: dict[str, Any] = {} if self.prompt is None else {"prompt": self.prompt}
        if self.temperature is not None:
            origin["temperature"] = self.temperature if math.isfinite(self.temperature) else "inf"
        return {
            "text": self.text,
            **origin,
            "log_prob": self.log_prob,
            "sampling_log_prob": self.sampling_log_prob,
            "finish_reason": self.finish_reason,
            "index": self.index,
            "seed": self.seed,
            "tokens": len(self.tokens),
            **matched,
            **drafting,
        }
