"""The plain loop: one stream, one token at a time. Every faster engine is held to it."""

import math
from collections.abc import Generator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32

from seqloom.sampling.regex_constraint import matches
from seqloom.sampling.request import GenerationRequest, allowed_tokens
from seqloom.sampling.rng import gumbel_argmax, inverse_cdf, uniforms
from seqloom.sampling.sample import FinishReason, Sample
from seqloom.sampling.stop_strings import TextBuffer
from seqloom.sampling.transforms import Context, apply_chain, log_softmax
from seqloom.sampling.watermark import Noise, make_watermark

__all__ = ["generate_reference", "sample_token"]


class Choice(NamedTuple):
    """A drawn token, and its nats under the model and under the distribution that it was drawn from."""

    token: int
    log_prob: float
    sampling_log_prob: float


def generate_reference(job: GenerationRequest, index: int = 0) -> Generator[str, None, Sample]:
    """Write one sample, handing out its text in pieces as soon as nothing can take them back.

    Args:
        job: the request.
        index: which sample; its draws depend on this and the seed alone.

    Yields:
        Pieces of text, none of them empty; together they are the sample's text.

    Returns:
        The sample.
    """
    job = job.of_sample(index)
    text, pieces = TextBuffer(job.stops), []
    chances, mark = uniforms(job.config.seed, index), make_watermark(job.config, index)
    logits, state = job.logits, job.state
    choices: list[Choice] = []
    tokens: list[int] = []
    while True:
        if len(tokens) >= job.config.min_length:
            text.watch()
        mask = allowed_tokens(job, text.written, len(tokens))
        if isinstance(mask, str):
            reason: FinishReason = mask
            break
        uniform = next(chances)
        noise = None if mark is None else mark.noise(tokens, len(logits))
        choice = sample_token(job, logits, tokens, mask, uniform if noise is None else noise)
        choices.append(choice)
        if choice.token == job.boundary:
            reason = "end"
            break
        tokens.append(choice.token)
        piece = text.add(job.spelled(choice.token, len(tokens) - 1))
        if piece:
            pieces.append(piece)
            yield piece
        if text.stopped or len(tokens) == job.config.length:
            reason = "stop" if text.stopped else "length"
            break
        logits, state = job.decoder.step(choice.token, state)
    piece = text.finish()
    if piece:
        pieces.append(piece)
        yield piece
    whole = "".join(pieces)
    return Sample(
        index=index,
        seed=job.config.seed,
        tokens=tuple(tokens),
        text=whole,
        log_prob=math.fsum(choice.log_prob for choice in choices),
        sampling_log_prob=math.fsum(choice.sampling_log_prob for choice in choices),
        finish_reason=reason,
        matched=None if job.config.pattern is None else matches(job.config.pattern, whole),
    )


def sample_token(
    job: GenerationRequest,
    logits: Float32[np.ndarray, " vocab"],
    tokens: list[int],
    mask: Bool[np.ndarray, " vocab"] | None,
    chance: float | Noise,
) -> Choice:
    """Draw a token.

    Args:
        job: the request.
        logits: of the token.
        tokens: that were written before it.
        mask: which ones may come.
        chance: from 0 to 1; or, where the token is marked, such a number for each.
    """
    model = log_softmax(logits)
    drawn_from = log_softmax(apply_chain(job.chain, logits.astype(np.float64), _context(job, tokens, mask)))
    token = inverse_cdf(drawn_from, chance) if isinstance(chance, float) else gumbel_argmax(drawn_from, chance)
    return Choice(token, float(model[token]), float(drawn_from[token]))


def _context(job: GenerationRequest, tokens: list[int], mask: Bool[np.ndarray, " vocab"] | None) -> Context:
    """Recent tokens without the boundary: a text that ends does not repeat the end of the last one."""
    if job.config.repetition_penalty == 1:
        return Context(np.zeros(0, np.int64), mask)
    window = job.config.repetition_window
    recent = (*job.prompt[-window:], *tokens[-window:])[-window:]
    return Context(np.array([token for token in recent if token != job.boundary], np.int64), mask)
