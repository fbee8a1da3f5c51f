"""Beam search: the likeliest permitted texts, by way of the best few beginnings of each length."""

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
class _Beginning:
    """A text that is not finished.

    Attributes:
        watched: bytes before which no stop string counts; None until enough tokens are written.
        logits: None until the last token was read.
    """

    tokens: tuple[int, ...]
    written: bytes
    watched: int | None
    log_prob: float
    state: State
    logits: Float32[np.ndarray, " vocab"] | None


def beam_search(job: GenerationRequest) -> list[Sample]:
    """Find the likeliest texts by their total log-probability under the model.

    A beginning that can only get less likely is given up once `config.beam` finished texts are likelier.
    Nothing is
    drawn: the result depends on neither seed nor temperature. Of texts that are equally likely, the one whose
        tokens
    have lower ids comes first.

    Returns:
        At most `config.beam` samples, best first; those that do not match the pattern last.
    """
    job, width = job.of_sample(0), job.config.beam
    live = [_Beginning((), b"", 0 if job.config.min_length == 0 else None, 0.0, job.state, job.logits)]
    finished: list[Sample] = []
    while live:
        ended, live = _extended(job, live, width)
        finished = sorted([*finished, *ended], key=_rank)[:width]
        enough = len(finished) == width and finished[-1].matched is not False
        if enough and live and live[0].log_prob <= finished[-1].log_prob:
            break
        live = [_read(job, beginning) for beginning in live]
    return [replace(sample, index=index) for index, sample in enumerate(finished)]


def _rank(sample: Sample) -> tuple[bool, float, tuple[int, ...]]:
    return sample.matched is False, -sample.log_prob, sample.tokens


def _extended(job: GenerationRequest, live: list[_Beginning], width: int) -> tuple[list[Sample], list[_Beginning]]:
    """Add one token to each beginning: what is finished by that, and the `width` best that are not."""
    ended: list[Sample] = []
    totals = np.full((len(live), len(job.token_bytes)), -np.inf)
    for row, beginning in enumerate(live):
        mask = allowed_tokens(job, beginning.written, len(beginning.tokens))
        if isinstance(mask, str):
            ended.append(_sample(job, beginning, mask, len(beginning.written)))
        elif beginning.logits is not None:
            scores = beginning.log_prob + log_softmax(beginning.logits)
            totals[row] = scores if mask is None else np.where(mask, scores, -np.inf)
    kept: list[_Beginning] = []
    for row, token in _best_first(totals):
        following = _followed(job, live[row], token, float(totals[row, token]))
        if isinstance(following, Sample):
            ended.append(following)
        else:
            kept.append(following)
        if len(kept) == width:
            break
    return ended, kept


def _best_first(totals: np.ndarray) -> Iterator[tuple[int, int]]:
    for place in np.argsort(-totals, axis=None, kind="stable").tolist():
        row, token = divmod(place, totals.shape[1])
        if np.isneginf(totals[row, token]):
            return
        yield row, token


def _followed(job: GenerationRequest, beginning: _Beginning, token: int, log_prob: float) -> Sample | _Beginning:
    if token == job.boundary:
        return _sample(job, replace(beginning, log_prob=log_prob), "end", len(beginning.written))
    written = beginning.written + job.spelled(token, len(beginning.tokens))
    tokens = (*beginning.tokens, token)
    following = replace(beginning, tokens=tokens, written=written, log_prob=log_prob, logits=None)
    if beginning.watched is not None:
        cut = find_stop(written, job.stops, beginning.watched)
        if cut is not None:
            return _sample(job, following, "stop", cut)
    elif len(tokens) >= job.config.min_length:
        following = replace(following, watched=len(written))
    if len(tokens) == job.config.length:
        return _sample(job, following, "length", len(written))
    return following


def _read(job: GenerationRequest, beginning: _Beginning) -> _Beginning:
    logits, state = job.decoder.step(beginning.tokens[-1], beginning.state)
    return replace(beginning, logits=logits, state=state)


def _sample(job: GenerationRequest, beginning: _Beginning, reason: FinishReason, end: int) -> Sample:
    text = beginning.written[:end].decode("utf-8", "replace")
    return Sample(
        index=0,
        seed=job.config.seed,
        tokens=beginning.tokens,
        text=text,
        log_prob=beginning.log_prob,
        sampling_log_prob=0.0,
        finish_reason=reason,
        matched=None if job.config.pattern is None else matches(job.config.pattern, text),
    )
