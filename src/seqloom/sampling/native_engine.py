"""Writing by the compiled kernels: network, transforms and draws run there, a chunk of tokens at a time.

Text, stop strings and Ctrl-C are looked after between chunks, which grow from one token, so that the first character
comes at once. What hangs on the text (patterns, banned strings of several tokens, guards) is left to the plain loop.
"""

import time
from collections.abc import Callable, Generator, Iterator
from itertools import islice

import numpy as np
from jaxtyping import Float32, Int

from seqloom.errors import ConfigError
from seqloom.kernels.batched_decoder import NOT_FINITE, RUNNING, Chunk, Lanes
from seqloom.kernels.condition_bias import Added
from seqloom.kernels.conditional_decoders import GuidedDecoder, NoisyDecoder
from seqloom.kernels.decoder import Decoder
from seqloom.kernels.decoding_abi import SamplingSettings
from seqloom.kernels.native_decoder import NativeDecoder
from seqloom.sampling.constraints import BannedStrings
from seqloom.sampling.request import GenerationRequest
from seqloom.sampling.sample import FinishReason, Sample, SpeculativeStats
from seqloom.sampling.sample_builder import SampleBuilder, make_detokenizer
from seqloom.sampling.transforms import non_finite_error
from seqloom.sampling.watermark import GROUPS, WIDTH, key_number, variants_of

__all__ = [
    "ENDINGS",
    "check_draft_length",
    "generate_batch",
    "generate_one",
    "sample_streams",
    "start_streams",
    "supports_native",
]

_MOST_LANES = 256
_MOST_TOKENS = 256
_LONG_SECONDS = 0.2
"""More than anyone should wait for Ctrl-C."""

_LARGEST_BIAS = 100.0
"""Larger ones would cost the logits their last digits in single precision."""

ENDINGS: dict[int, FinishReason] = {1: "length", 2: "end"}
"""Why a lane has ended, by the library's number."""


def supports_native(job: GenerationRequest) -> bool:
    """Whether the kernels can write this: the model is theirs, and what is allowed is the same after any text."""
    if _network(job) is None or job.config.pattern is not None or job.config.beam > 1:
        return False
    if job.first_token_prefix:
        return False
    if any(abs(bias) > _LARGEST_BIAS for bias in job.config.bias.values()):
        return False
    return _static_bias(job) is not None


def check_draft_length(job: GenerationRequest) -> None:
    """See that as many tokens as were asked for can be written in a step.

    Raises:
        ConfigError: they cannot.
    """
    wanted = job.config.draft_length or 1
    if wanted == 1:
        return
    if _network(job) is None:
        raise ConfigError(
            f"`draft_length` {wanted} drafts tokens, which needs the compiled kernels, and this run does not use them "
            "('seqloom info RUN' says how): leave it out"
        )
    if not supports_native(job):
        raise ConfigError(
            f"`draft_length` {wanted} drafts tokens, which goes with no `pattern`, `beam`, `max_copy`, `ban` of "
            "several tokens or prompt that ends within a token: leave it out"
        )
    decoder = _of_one(job)
    if not isinstance(decoder, NativeDecoder):
        raise ConfigError(
            f"`draft_length` {wanted} drafts tokens, which goes with no `guidance`: leave out one of the two"
        )
    most = decoder.ahead
    if wanted > most:
        raise ConfigError(f"`draft_length` got {wanted}: {_most_said(most)}")


def _most_said(most: int) -> str:
    if most == 1:
        return "this model was trained without further heads; leave it out, or train with `prediction_heads`"
    return f"this model was trained to predict {most} tokens at once; choose 1 to {most}"


def generate_one(job: GenerationRequest, index: int = 0) -> Generator[str, None, Sample]:
    """Write one sample piece by piece: see `reference.write`."""
    lanes, draft = start_streams(job, 1, index), _drafts(job)(index)
    for chunk in _chunks(lanes, 1):
        piece, reason = _take(draft, chunk, 0)
        if piece:
            yield piece
        if reason is not None:
            piece, sample = draft.finish(reason, _drafting(job, lanes, 0))
            if piece:
                yield piece
            return sample
    raise AssertionError("a lane ends before its chunks do")


def generate_batch(job: GenerationRequest, first_index: int, count: int) -> Iterator[Sample]:
    """Write samples side by side, and give them in order; a lane that has finished takes the next sample."""
    at_once = min(count, _MOST_LANES // _streams(job))
    lanes, new_draft = start_streams(job, at_once, first_index), _drafts(job)
    following = ((index, new_draft(index)) for index in range(first_index, first_index + count))
    drafts = dict(zip(range(at_once), following, strict=False))
    finished: dict[int, Sample] = {}
    given = first_index
    for chunk in _chunks(lanes, _MOST_TOKENS // 4):
        for lane, (index, draft) in list(drafts.items()):
            _, reason = _take(draft, chunk, lane)
            if reason is not None:
                finished[index] = draft.finish(reason, _drafting(job, lanes, lane))[1]
                del drafts[lane]
                lanes.end(lane)
                for drafts[lane] in islice(following, 1):
                    _begin(job, lanes, lane, drafts[lane][0])
        while given in finished:
            yield finished.pop(given)
            given += 1
        if not drafts:
            return


def start_streams(job: GenerationRequest, count: int, first_index: int = 0, threads: int | None = None) -> Lanes:
    """Lanes that have read the prompt, ready to write one sample each."""
    network = _network(job)
    assert network is not None
    lanes = network.lanes(count * _streams(job), threads)
    if isinstance(guided := _of_one(job), GuidedDecoder):
        untold = _told_of(guided)[1]
        lanes.set_added([network.added] * count + [untold] * count)
        lanes.set_guidance(guided.guidance)
    bias = _static_bias(job)
    lanes.set_sampling(_settings(job), bias if bias is not None and bias.any() else None)
    for lane in range(count):
        _begin(job, lanes, lane, first_index + lane)
    return lanes


def _network(job: GenerationRequest) -> NativeDecoder | None:
    """What the kernels would write with; None where they cannot."""
    decoder = _of_one(job)
    if isinstance(decoder, GuidedDecoder) and isinstance(decoder.untold, NativeDecoder):
        decoder = decoder.told
    return decoder if isinstance(decoder, NativeDecoder) else None


def _of_one(job: GenerationRequest) -> Decoder:
    """What decodes one sample; where each has noise, that of the mean stands for all."""
    return job.decoder.mean if isinstance(job.decoder, NoisyDecoder) else job.decoder


def _told_of(decoder: Decoder) -> list[Added | None]:
    """What is added in each lane of a sample."""
    of_lanes = [decoder.told, decoder.untold] if isinstance(decoder, GuidedDecoder) else [decoder]
    return [one.added if isinstance(one, NativeDecoder) else None for one in of_lanes]


def sample_streams(job: GenerationRequest, samples: Int[np.ndarray, " samples"]) -> Int[np.ndarray, " lanes"]:
    """The lanes that `start_lanes` gave to samples: those of guided ones come in two halves."""
    return np.concatenate([samples + half * len(samples) for half in range(_streams(job))])


def _streams(job: GenerationRequest) -> int:
    """Lanes that a sample takes."""
    return 2 if isinstance(_of_one(job), GuidedDecoder) else 1


def _chunks(lanes: Lanes, most: int) -> Iterator[Chunk]:
    """What the lanes write, `most` tokens at first; more as long as that does not take long."""
    while True:
        start = time.perf_counter()
        chunk = lanes.write(most)
        if time.perf_counter() - start < _LONG_SECONDS / 4:
            most = min(2 * most, _MOST_TOKENS)
        elif time.perf_counter() - start > _LONG_SECONDS:
            most = max(most // 2, 1)
        if (chunk.endings == NOT_FINITE).any():
            raise non_finite_error()
        yield chunk


def _take(draft: SampleBuilder, chunk: Chunk, lane: int) -> tuple[str, FinishReason | None]:
    """The text of what a lane wrote, and why its sample ends, if it does."""
    count, ending = int(chunk.counts[lane]), int(chunk.endings[lane])
    reason = None if ending == RUNNING else ENDINGS[ending]
    piece = draft.add(chunk.tokens[lane, : count - (reason == "end")], chunk.nats[:, lane, :count])
    return piece, "stop" if draft.stopped else reason


def _drafts(job: GenerationRequest) -> Callable[[int], SampleBuilder]:
    """What begins the sample of an index."""
    spell, config = make_detokenizer(job.token_bytes, job.boundary), job.config
    return lambda index: SampleBuilder(index, config.seed, job.stops, config.min_length, spell)


def _begin(job: GenerationRequest, lanes: Lanes, lane: int, index: int) -> None:
    # Guidance leaves logits on which a lane and its partner agree as they are.
    partners = range(lane, len(lanes), len(lanes) // _streams(job)) if _streams(job) > 1 else (lane,)
    own = job.of_sample(index)
    for partner, state, added in zip(partners, own.state, _told_of(own.decoder), strict=True):
        lanes.set_state(partner, state)
        lanes.set_logits(partner, own.logits)
        if own is not job and added is not None:
            lanes.set_added_of(partner, added)
    recent = np.array(job.prompt[-job.config.repetition_window :], np.int32)
    variants = () if job.config.watermark is None else variants_of(job.config.seed, index)
    packed = sum(variant << 16 * group for group, variant in enumerate(variants))
    lanes.begin(lane, int(job.config.seed), index, recent, packed)


def _drafting(job: GenerationRequest, lanes: Lanes, lane: int) -> SpeculativeStats | None:
    found = lanes.drafting(lane)
    if _ahead(job) == 1 or found.steps == 0:
        return None
    return SpeculativeStats(
        tokens_per_step=found.tokens / found.steps,
        acceptance=found.accepted / max(found.drafted, 1),
        gain=found.gain or None,
    )


def _settings(job: GenerationRequest) -> SamplingSettings:
    config = job.config
    whole = 2**31 - 1
    return SamplingSettings(
        temperature=config.temperature,
        top_p=config.top_p,
        min_p=config.min_p,
        typical_p=config.typical_p,
        repetition_penalty=min(max(config.repetition_penalty, 1e-30), 1e30),
        top_k=min(config.top_k, len(job.token_bytes)),
        repetition_window=min(config.repetition_window, len(job.prompt) + config.length, whole),
        length=min(config.length, whole),
        min_length=min(config.min_length, whole),
        boundary=-1 if job.boundary is None else job.boundary,
        ahead=_ahead(job),
        mark_width=0 if config.watermark is None else WIDTH,
        mark_groups=GROUPS,
        mark_key=0 if config.watermark is None else key_number(config.watermark),
    )


def _ahead(job: GenerationRequest) -> int:
    """Tokens that a step writes at most."""
    decoder = _of_one(job)
    if not isinstance(decoder, NativeDecoder) or job.config.watermark is not None:
        return 1
    return decoder.usual_ahead if job.config.draft_length is None else job.config.draft_length


def _static_bias(job: GenerationRequest) -> Float32[np.ndarray, " vocab"] | None:
    """What is added to the logits after any text; None where that hangs on the text, or leaves nothing."""
    bias = np.zeros(len(job.token_bytes), np.float32)
    bias[list(job.config.bias)] = list(job.config.bias.values())
    for constraint in job.constraints:
        allowed = constraint.everywhere if isinstance(constraint, BannedStrings) else None
        if allowed is None:
            return None
        allowed = allowed | (np.arange(len(bias)) == job.boundary)
        bias[~allowed] = -np.inf
    possible = bias > -np.inf
    if job.boundary is not None:
        possible[job.boundary] = False
    return bias if possible.any() else None
