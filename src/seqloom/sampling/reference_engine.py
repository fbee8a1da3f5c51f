"""The reference engine: one stream, one token at a time. Every faster engine is tested against it."""

import math
from collections.abc import Generator
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Bool, Float32, Int

from seqloom.sampling.chain import apply_chain
from seqloom.sampling.grammar_ends import longest_match, token_choice
from seqloom.sampling.request import GenerationRequest
from seqloom.sampling.rng import gumbel_argmax, inverse_cdf, uniforms
from seqloom.sampling.sample import FinishReason, Sample
from seqloom.sampling.stop_strings import TextBuffer
from seqloom.sampling.transform import Context
from seqloom.sampling.transforms import log_softmax, non_finite_error
from seqloom.sampling.watermark import Noise, make_watermark

__all__ = ["DrawnToken", "generate_reference", "run_to_end", "sample_token"]

ResultT = TypeVar("ResultT")


class DrawnToken(NamedTuple):
    """A token and its log-probabilities.

    Attributes:
        token: id of the token.
        log_prob: log-probability under the model at temperature 1, in nats.
        sampling_log_prob: log-probability, in nats, under the distribution that the token was drawn from.
    """

    token: int
    log_prob: float
    sampling_log_prob: float

    @property
    def surprise(self) -> float:
        """Surprise of the token in bits: the negative binary logarithm of its probability in the draw."""
        return -self.sampling_log_prob / math.log(2)


class _Draft(NamedTuple):
    """A text as it was drawn.

    Attributes:
        tokens: generated ids, without a final boundary.
        draws: draw of each token, and of a final boundary.
        text: text of the tokens, cut before a stop string.
        finish_reason: why the text ended.
    """

    tokens: list[int]
    draws: list[DrawnToken]
    text: str
    finish_reason: FinishReason


def generate_reference(request: GenerationRequest, index: int = 0) -> Generator[str, None, Sample]:
    """Generate one sample and yield its text in pieces.

    A piece is yielded as soon as it is final: no later token can make it a part of a stop string. With a grammar, the
    whole text is one piece, since it may be cut at its end.

    Args:
        request: generation request.
        index: index of the sample; its draws depend only on the index and the seed.

    Yields:
        Non-empty pieces of text; joined, they are the sample's text.

    Returns:
        The sample.
    """
    request = request.for_sample(index)  # differs between samples only if the model has noise
    if request.grammar is None:
        draft = yield from _draw(request, index)
    else:
        draft = _cut_to_match(request, run_to_end(_draw(request, index)))
        if draft.text:
            yield draft.text
    return _sample(request, index, draft)


def _draw(request: GenerationRequest, index: int) -> Generator[str, None, _Draft]:
    """Draw the tokens of one text and yield its pieces; see `generate_reference`."""
    config = request.config
    buffer, pieces = TextBuffer(request.stops, request.text_before), []
    uniform_numbers, watermark = uniforms(config.seed, index), make_watermark(config, index)
    logits, state = request.logits, request.state
    draws: list[DrawnToken] = []
    tokens: list[int] = []
    surprise = 0.0
    while True:
        if len(tokens) >= config.min_length:
            buffer.enable_stops()
        options = token_choice(request, buffer.text, len(tokens))
        if isinstance(options, str):  # a finish reason: no token is allowed
            reason: FinishReason = options
            break
        uniform = next(uniform_numbers)
        noise = None if watermark is None else watermark.noise(tokens, len(logits))
        random = uniform if noise is None else noise
        if request.distribution is None:
            draw = sample_token(request, logits, tokens, options.mask, random, index=index, surprise=surprise)
        else:
            numbers = (uniform, next(uniform_numbers), next(uniform_numbers))
            draw = _sample_choice(request, logits, options.mask, numbers, index=index, num_tokens=len(tokens))
        is_end = options.ends(draw.token)
        if not is_end:
            draws.append(draw)
            surprise += draw.surprise
        if is_end or draw.token == request.boundary:
            reason = "end"
            break
        tokens.append(draw.token)
        piece = buffer.add(request.added_bytes(draw.token, position=len(tokens) - 1))
        if piece:
            pieces.append(piece)
            yield piece
        if buffer.stopped or len(tokens) == config.length:
            reason = "stop" if buffer.stopped else "length"
            break
        logits, state = request.decoder.step(draw.token, state)
    piece = buffer.finish()
    if piece:
        pieces.append(piece)
        yield piece
    return _Draft(tokens, draws, "".join(pieces), reason)


def run_to_end(pieces: Generator[str, None, ResultT]) -> ResultT:
    """Run a generator to its end and return its result."""
    while True:
        try:
            next(pieces)
        except StopIteration as ended:
            result: ResultT = ended.value
            return result


def _cut_to_match(request: GenerationRequest, draft: _Draft) -> _Draft:
    """Return a text of maximum length up to its longest match of the grammar, and any other text as it is."""
    count = len(draft.tokens) if draft.finish_reason != "length" else longest_match(request, draft.tokens)
    if count == len(draft.tokens):
        return draft
    data = b"".join(request.added_bytes(token, position) for position, token in enumerate(draft.tokens[:count]))
    return _Draft(draft.tokens[:count], draft.draws[:count], data.decode("utf-8", "replace"), "length")


def _sample(request: GenerationRequest, index: int, draft: _Draft) -> Sample:
    sample = Sample(
        index=index,
        seed=request.config.seed,
        tokens=tuple(draft.tokens),
        text=draft.text,
        log_prob=math.fsum(draw.log_prob for draw in draft.draws),
        sampling_log_prob=math.fsum(draw.sampling_log_prob for draw in draft.draws),
        finish_reason=draft.finish_reason,
    )
    return sample.marked(request.matches(draft.text, draft.tokens))


def sample_token(
    request: GenerationRequest,
    logits: Float32[np.ndarray, " vocab"],
    tokens: list[int],
    allowed: Bool[np.ndarray, " vocab"] | None,
    random: float | Noise,
    *,
    index: int,
    surprise: float,
) -> DrawnToken:
    """Draw a token.

    Args:
        request: generation request.
        logits: logits of the next token.
        tokens: ids generated so far.
        allowed: False for tokens that must not be drawn; None allows all.
        random: a uniform number in [0, 1), or, for a watermarked token, a number in (0, 1) for each token id.
        index: index of the sample.
        surprise: sum of the surprise of `tokens`, in bits.
    """
    model_log_probs = log_softmax(logits)
    history = _last_tokens(request, tokens)
    context = Context(
        recent=history[history != (-1 if request.boundary is None else request.boundary)],
        allowed=allowed,
        seed=request.config.seed,
        index=index,
        num_tokens=len(tokens),
        history=history,
        breakers=request.breakers,
        surprise=surprise,
    )
    distribution = log_softmax(apply_chain(request.chain, logits.astype(np.float64), context))
    token = inverse_cdf(distribution, random) if isinstance(random, float) else gumbel_argmax(distribution, random)
    return DrawnToken(token, float(model_log_probs[token]), float(distribution[token]))


def _sample_choice(
    request: GenerationRequest,
    outputs: Float32[np.ndarray, " outputs"],
    allowed: Bool[np.ndarray, " choices"] | None,
    uniform_numbers: tuple[float, float, float],
    *,
    index: int,
    num_tokens: int,
) -> DrawnToken:
    """Draw a token from the decoder's own distribution; see `OutputDistribution`."""
    distribution, temperature = request.distribution, request.config.temperature
    assert distribution is not None
    if not np.isfinite(outputs).all():
        raise non_finite_error()
    logits = outputs[: distribution.num_choices]
    context = Context(
        recent=np.zeros(0, np.int64), allowed=allowed, seed=request.config.seed, index=index, num_tokens=num_tokens
    )
    drawn_from = log_softmax(apply_chain(request.chain, logits.astype(np.float64), context))
    choice = inverse_cdf(drawn_from, uniform_numbers[0])
    token = distribution.token(outputs, choice, temperature, uniform_numbers[1:])
    log_prob = distribution.log_prob(outputs, token, log_softmax(logits), temperature=1.0)
    is_certain = temperature == 0
    return DrawnToken(
        token, log_prob, 0.0 if is_certain else distribution.log_prob(outputs, token, drawn_from, temperature)
    )


def _last_tokens(request: GenerationRequest, tokens: list[int]) -> Int[np.ndarray, " window"]:
    """Return the last `repetition_window` tokens of the prompt and the text together, boundaries included.

    One boundary stands before the prompt, and the draw of another ends the text. If the boundary before the prompt
    counted as recent, a repetition penalty would make the end of the text less likely.
    """
    window = request.config.repetition_window
    return np.array((*request.prompt[-window:], *tokens[-window:])[-window:], np.int64)
