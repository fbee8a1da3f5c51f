"""Beam search: find the likeliest allowed texts by extending only the best few unfinished texts, the beam.

Decoders, tokens and constraints are those of a `GenerationRequest`. The boundary is the token that ends a text.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from seqloom.kernels.decoder import State
from seqloom.sampling.grammar_ends import longest_match
from seqloom.sampling.request import GenerationRequest, allowed_tokens
from seqloom.sampling.sample import FinishReason, Sample
from seqloom.sampling.stop_strings import find_stop
from seqloom.sampling.transforms import log_softmax

__all__ = ["beam_search"]


@dataclass(frozen=True, eq=False)
class _Hypothesis:
    """An unfinished text.

    Attributes:
        tokens: generated token ids.
        text: bytes of the tokens.
        stops_from: byte offset from which stop strings count; None until the minimum length is reached.
        log_prob: log-probability of the tokens in nats.
        log_probs: log-probability of the text after each of the tokens.
        state: state of the decoder after all tokens that it has read.
        logits: logits of the next token; None until the decoder has read the last token.
    """

    tokens: tuple[int, ...]
    text: bytes
    stops_from: int | None
    log_prob: float
    log_probs: tuple[float, ...]
    state: State
    logits: Float32[np.ndarray, " vocab"] | None


def beam_search(request: GenerationRequest) -> list[Sample]:
    """Find the likeliest texts by their total log-probability under the model.

    A further token never makes a text likelier. Therefore the search ends once `config.beam` finished texts are at
    least as likely as every unfinished one. No token is drawn, and the temperature has no effect. The seed matters only
    for a model with noise (a text GAN), which uses the noise of sample 0. Ties are resolved in favour of lower token
    ids.

    Returns:
        At most `config.beam` samples, best first; those that do not belong to the grammar come last.
    """
    request, width = request.for_sample(index=0), request.config.beam
    stops_from = 0 if request.config.min_length == 0 else None
    start = _Hypothesis(
        tokens=(),
        text=b"",
        stops_from=stops_from,
        log_prob=0.0,
        log_probs=(),
        state=request.state,
        logits=request.logits,
    )
    unfinished = [start]
    finished: list[Sample] = []
    while unfinished:
        ended, unfinished = _extend_all(request, unfinished, width)
        different = {sample.tokens: sample for sample in (*ended, *finished)}  # a cut text may be found several times
        finished = sorted(different.values(), key=_rank)[:width]
        # The search goes on while a finished text does not match the grammar: a text that matches would replace it.
        enough = len(finished) == width and finished[-1].matched is not False
        if enough and unfinished and unfinished[0].log_prob <= finished[-1].log_prob:
            break
        unfinished = [_read_last_token(request, hypothesis) for hypothesis in unfinished]
    return [replace(sample, index=index) for index, sample in enumerate(finished)]


def _rank(sample: Sample) -> tuple[bool, float, tuple[int, ...]]:
    """Return a sort key: samples that match the grammar first, then likelier ones, then lower token ids."""
    return sample.matched is False, -sample.log_prob, sample.tokens


def _extend_all(
    request: GenerationRequest, hypotheses: list[_Hypothesis], width: int
) -> tuple[list[Sample], list[_Hypothesis]]:
    """Extend each hypothesis by one token; return the finished texts and the `width` best unfinished ones."""
    ended: list[Sample] = []
    log_probs = np.full((len(hypotheses), len(request.token_bytes)), -np.inf)  # of every text after one more token
    for row, hypothesis in enumerate(hypotheses):
        allowed = allowed_tokens(request, hypothesis.text, len(hypothesis.tokens))
        if isinstance(allowed, str):  # a finish reason: no token is allowed. None allows all, a mask allows some.
            ended.append(_sample(request, hypothesis, allowed, text_bytes=len(hypothesis.text)))
        elif hypothesis.logits is not None:
            extended_log_probs = hypothesis.log_prob + log_softmax(hypothesis.logits)
            log_probs[row] = extended_log_probs if allowed is None else np.where(allowed, extended_log_probs, -np.inf)
    unfinished: list[_Hypothesis] = []
    for row, token in _best_first(log_probs):
        extended = _extend(request, hypotheses[row], token, float(log_probs[row, token]))
        if isinstance(extended, Sample):
            ended.append(extended)
        else:
            unfinished.append(extended)
        if len(unfinished) == width:
            break
    return ended, unfinished


def _best_first(log_probs: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield row and token of the possible extensions, likeliest first."""
    for flat_index in np.argsort(-log_probs, axis=None, kind="stable").tolist():
        row, token = divmod(flat_index, log_probs.shape[1])
        if np.isneginf(log_probs[row, token]):
            return
        yield row, token


def _extend(request: GenerationRequest, hypothesis: _Hypothesis, token: int, log_prob: float) -> Sample | _Hypothesis:
    """Return the hypothesis with one more token; a sample if that token finishes the text.

    Args:
        request: generation request.
        hypothesis: text to extend.
        token: id of the new token.
        log_prob: log-probability of the text with the new token.
    """
    if token == request.boundary:
        return _sample(request, replace(hypothesis, log_prob=log_prob), "end", text_bytes=len(hypothesis.text))
    text = hypothesis.text + request.added_bytes(token, position=len(hypothesis.tokens))
    tokens = (*hypothesis.tokens, token)
    log_probs = (*hypothesis.log_probs, log_prob)
    extended = replace(hypothesis, tokens=tokens, text=text, log_prob=log_prob, log_probs=log_probs, logits=None)
    if hypothesis.stops_from is not None:
        cut = find_stop(text, request.stops, hypothesis.stops_from, request.text_before)
        if cut is not None:
            return _sample(request, extended, "stop", text_bytes=cut)
    elif len(tokens) >= request.config.min_length:
        extended = replace(extended, stops_from=len(text))
    if len(tokens) == request.config.length:
        return _cut_to_match(request, extended)
    return extended


def _cut_to_match(request: GenerationRequest, hypothesis: _Hypothesis) -> Sample:
    """Return a text of maximum length as a sample, up to its longest match of the grammar.

    It is not cut if texts have an end: the text that ends after the longest match was among the texts before.
    """
    count = len(hypothesis.tokens) if request.boundary is not None else longest_match(request, hypothesis.tokens)
    text = b"".join(request.added_bytes(token, position) for position, token in enumerate(hypothesis.tokens[:count]))
    cut = replace(hypothesis, tokens=hypothesis.tokens[:count], log_prob=hypothesis.log_probs[count - 1])
    return _sample(request, cut, "length", text_bytes=len(text))


def _read_last_token(request: GenerationRequest, hypothesis: _Hypothesis) -> _Hypothesis:
    logits, state = request.decoder.step(hypothesis.tokens[-1], hypothesis.state)
    return replace(hypothesis, logits=logits, state=state)


def _sample(request: GenerationRequest, hypothesis: _Hypothesis, reason: FinishReason, *, text_bytes: int) -> Sample:
    """Return a finished text as a sample; only its first `text_bytes` bytes are kept."""
    text = hypothesis.text[:text_bytes].decode("utf-8", "replace")
    sample = Sample(
        index=0,
        seed=request.config.seed,
        tokens=hypothesis.tokens,
        text=text,
        log_prob=hypothesis.log_prob,
        sampling_log_prob=0.0,  # nothing was drawn
        finish_reason=reason,
    )
    return sample.marked(request.matches(text, hypothesis.tokens))
