"""Beam search: the likeliest allowed texts, by extending the best few unfinished texts."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from seqloom.kernels.decoder import State
from seqloom.sampling.regex_constraint import matches
from seqloom.sampling.request import GenerationRequest, allowed_tokens
from seqloom.sampling.sample import FinishReason, Sample
from seqloom.sampling.stop_strings import find_stop
from seqloom.sampling.transforms import log_softmax

__all__ = ["beam_search"]


@dataclass(frozen=True, eq=False)
class _Hypothesis:
    """An unfinished text.

    Attributes:
        stops_from: byte offset from which stop strings count; None until the minimum length is reached.
        logits: logits of the next token; None until the last token is read.
    """

    tokens: tuple[int, ...]
    text: bytes
    stops_from: int | None
    log_prob: float
    state: State
    logits: Float32[np.ndarray, " vocab"] | None


def beam_search(request: GenerationRequest) -> list[Sample]:
    """Find the likeliest texts by their total log-probability under the model.

    The search ends once `config.beam` finished texts are likelier than every unfinished one. Nothing is drawn: the
    result depends on neither seed nor temperature. Ties are resolved in favour of lower token ids.

    Returns:
        At most `config.beam` samples, best first; those that do not match the pattern come last.
    """
    request, width = request.for_sample(0), request.config.beam
    stops_from = 0 if request.config.min_length == 0 else None
    live = [_Hypothesis((), b"", stops_from, 0.0, request.state, request.logits)]
    finished: list[Sample] = []
    while live:
        ended, live = _extend_all(request, live, width)
        finished = sorted([*finished, *ended], key=_rank)[:width]
        enough = len(finished) == width and finished[-1].matched is not False
        if enough and live and live[0].log_prob <= finished[-1].log_prob:
            break
        live = [_read_last(request, hypothesis) for hypothesis in live]
    return [replace(sample, index=index) for index, sample in enumerate(finished)]


def _rank(sample: Sample) -> tuple[bool, float, tuple[int, ...]]:
    return sample.matched is False, -sample.log_prob, sample.tokens


def _extend_all(
    request: GenerationRequest, live: list[_Hypothesis], width: int
) -> tuple[list[Sample], list[_Hypothesis]]:
    """Extend each hypothesis by one token; return the finished texts and the `width` best unfinished ones."""
    ended: list[Sample] = []
    totals = np.full((len(live), len(request.token_bytes)), -np.inf)
    for row, hypothesis in enumerate(live):
        mask = allowed_tokens(request, hypothesis.text, len(hypothesis.tokens))
        if isinstance(mask, str):
            ended.append(_sample(request, hypothesis, mask, len(hypothesis.text)))
        elif hypothesis.logits is not None:
            scores = hypothesis.log_prob + log_softmax(hypothesis.logits)
            totals[row] = scores if mask is None else np.where(mask, scores, -np.inf)
    unfinished: list[_Hypothesis] = []
    for row, token in _best_first(totals):
        extended = _extend(request, live[row], token, float(totals[row, token]))
        if isinstance(extended, Sample):
            ended.append(extended)
        else:
            unfinished.append(extended)
        if len(unfinished) == width:
            break
    return ended, unfinished


def _best_first(totals: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield row and token of the possible extensions, likeliest first."""
    for place in np.argsort(-totals, axis=None, kind="stable").tolist():
        row, token = divmod(place, totals.shape[1])
        if np.isneginf(totals[row, token]):
            return
        yield row, token


def _extend(request: GenerationRequest, hypothesis: _Hypothesis, token: int, log_prob: float) -> Sample | _Hypothesis:
    """Return the hypothesis with one more token; a sample if that finishes the text."""
    if token == request.boundary:
        return _sample(request, replace(hypothesis, log_prob=log_prob), "end", len(hypothesis.text))
    text = hypothesis.text + request.added_bytes(token, len(hypothesis.tokens))
    tokens = (*hypothesis.tokens, token)
    extended = replace(hypothesis, tokens=tokens, text=text, log_prob=log_prob, logits=None)
    if hypothesis.stops_from is not None:
        cut = find_stop(text, request.stops, hypothesis.stops_from)
        if cut is not None:
            return _sample(request, extended, "stop", cut)
    elif len(tokens) >= request.config.min_length:
        extended = replace(extended, stops_from=len(text))
    if len(tokens) == request.config.length:
        return _sample(request, extended, "length", len(text))
    return extended


def _read_last(request: GenerationRequest, hypothesis: _Hypothesis) -> _Hypothesis:
    logits, state = request.decoder.step(hypothesis.tokens[-1], hypothesis.state)
    return replace(hypothesis, logits=logits, state=state)


def _sample(request: GenerationRequest, hypothesis: _Hypothesis, reason: FinishReason, end: int) -> Sample:
    text = hypothesis.text[:end].decode("utf-8", "replace")
    pattern = request.config.pattern
    return Sample(
        index=0,
        seed=request.config.seed,
        tokens=hypothesis.tokens,
        text=text,
        log_prob=hypothesis.log_prob,
        sampling_log_prob=0.0,
        finish_reason=reason,
        matched=None if pattern is None else matches(pattern, text),
    )
