"""Generate with the compiled kernels: network, transforms and draws run there, a chunk of tokens at a time.

A `BatchedDecoder` holds parallel streams, each with the state of one text. With guidance (which amplifies the effect of
a rating), a sample has two streams: one is conditioned on the rating; its partner, in the second half of the streams,
is unconditional. After a chunk, Python appends the tokens to the texts, searches for stop strings and handles Ctrl-C.
If a single text is shown while it grows, its first chunk has one token, so that the first character appears at once.
Constraints that depend on the text (patterns, banned strings of several tokens, guards) and transforms outside
`NATIVE_TRANSFORMS` are left to the reference engine.

Additional prediction heads of a model can draft tokens, which the model verifies in one step (see
`sample.SpeculativeStats`). The draft length is the maximum number of tokens per step; at 1, nothing is drafted.
"""

import sys
import time
from collections.abc import Callable, Generator, Iterator

import numpy as np
from jaxtyping import Float32, Int

from seqloom.errors import ConfigError
from seqloom.kernels.batched_decoder import NOT_FINITE, RUNNING, BatchedDecoder, Chunk
from seqloom.kernels.condition_bias import ConditionBias
from seqloom.kernels.conditional_decoders import GuidedDecoder, LatentDecoder
from seqloom.kernels.decoder import Decoder
from seqloom.kernels.decoding_abi import SamplingSettings
from seqloom.kernels.native_decoder import NativeDecoder
from seqloom.sampling.chain import active_transforms
from seqloom.sampling.constraints import BannedStrings
from seqloom.sampling.request import GenerationRequest
from seqloom.sampling.sample import FinishReason, Sample, SpeculativeStats
from seqloom.sampling.sample_builder import SampleBuilder, make_detokenizer
from seqloom.sampling.transforms import non_finite_error
from seqloom.sampling.watermark import GROUPS, WIDTH, key_number, variants_of

__all__ = [
    "FINISH_REASONS",
    "NATIVE_TRANSFORMS",
    "add_chunk",
    "begin_alone",
    "builder_factory",
    "check_draft_length",
    "generate_batch",
    "generate_one",
    "sample_streams",
    "start_streams",
    "supports_native",
]

NATIVE_TRANSFORMS = frozenset(
    {
        "bias", "bans", "repetition", "frequency", "presence", "dry", "top_n_sigma", "temperature", "top_k", "typical",
        "top_p", "min_p", "xtc", "mirostat",
    }
)  # fmt: skip
"""Transforms that the kernels implement; a request with any other uses the reference engine."""

_MAX_STREAMS = 256
_MAX_CHUNK_TOKENS = 256
_MAX_CHUNK_SECONDS = 0.2
"""Intended maximum duration of a chunk, which is the delay of Ctrl-C."""

_MAX_BIAS = 100.0
"""A larger bias would cost the logits precision in float32, so the reference engine, in float64, applies it."""

_MIN_XTC_THRESHOLD = 1e-6
"""A smaller threshold could concern tokens whose probability single precision cannot hold."""

_MAX_INT32 = 2**31 - 1

FINISH_REASONS: dict[int, FinishReason] = {1: "length", 2: "end"}
"""Finish reasons by the number with which the kernels report the ending of a stream."""


def supports_native(request: GenerationRequest) -> bool:
    """Return whether the kernels can run the model, and implement all requested transforms and constraints."""
    config = request.config
    if _native_decoder(request) is None or config.text_grammar is not None or config.beam > 1:
        return False
    if request.first_token_prefix or not NATIVE_TRANSFORMS.issuperset(active_transforms(config)):
        return False
    if any(abs(bias) > _MAX_BIAS for bias in config.bias.values()):
        return False
    if config.xtc_probability > 0 and config.xtc_threshold < _MIN_XTC_THRESHOLD:
        return False
    return _static_bias(request) is not None


def check_draft_length(request: GenerationRequest) -> None:
    """Check that the model and the other settings allow the requested draft length.

    Raises:
        ConfigError: the model or another setting does not allow it.
    """
    length = request.config.draft_length or 1
    if length == 1:
        return
    if _native_decoder(request) is None:
        raise ConfigError(
            f"`draft_length` {length} drafts tokens, which needs the compiled kernels, and this run does not use them "
            "('seqloom info RUN' shows why): leave it out"
        )
    if not supports_native(request):
        raise ConfigError(
            f"`draft_length` {length} drafts tokens, which cannot be combined with `pattern`, `json_schema`, "
            "`grammar`, `beam`, `max_copy`, transforms, `ban` of several tokens or a prompt that ends within a token: "
            "leave it out"
        )
    decoder = _mean_decoder(request)
    if not isinstance(decoder, NativeDecoder):
        raise ConfigError(f"`draft_length` {length} cannot be combined with `guidance`: leave out one of the two")
    limit = decoder.weights.max_draft_length
    if length > limit:
        raise ConfigError(f"`draft_length` got {length}: {_draft_limit_advice(limit)}")


def _draft_limit_advice(limit: int) -> str:
    if limit == 1:
        return "this model has no further prediction heads; leave it out, or train with `prediction_heads`"
    return f"this model was trained to predict {limit} tokens at once; choose 1 to {limit}"


def generate_one(request: GenerationRequest, index: int = 0) -> Generator[str, None, Sample]:
    """Generate one sample piece by piece; see `generate_reference`."""
    streams, builder = start_streams(request, count=1, first_index=index), builder_factory(request)(index)
    for chunk in _chunks(streams, max_tokens=1):
        piece, reason = add_chunk(builder, chunk, stream=0)
        if piece:
            yield piece
        if reason is not None:
            piece, sample = builder.finish(reason, _speculative_stats(request, streams, stream=0))
            if piece:
                yield piece
            return sample
    raise AssertionError("unreachable: `_chunks` never ends")


def generate_batch(request: GenerationRequest, first_index: int, count: int) -> Iterator[Sample]:
    """Generate samples in parallel streams and yield them in order; a finished stream starts the next sample."""
    num_parallel = min(count, _MAX_STREAMS // _streams_per_sample(request))
    streams, new_builder = start_streams(request, num_parallel, first_index), builder_factory(request)
    pending = ((index, new_builder(index)) for index in range(first_index, first_index + count))
    # Stream -> index and builder of the sample that it generates.
    unfinished = {stream: next(pending) for stream in range(num_parallel)}
    finished: dict[int, Sample] = {}
    next_index = first_index
    for chunk in _chunks(streams, max_tokens=_MAX_CHUNK_TOKENS // 4):
        for stream, (index, builder) in list(unfinished.items()):
            _, reason = add_chunk(builder, chunk, stream)
            if reason is not None:
                _, finished[index] = builder.finish(reason, _speculative_stats(request, streams, stream))
                del unfinished[stream]
                streams.end(stream)
                following = next(pending, None)
                if following is not None:
                    unfinished[stream] = following
                    following_index, _ = following
                    begin_sample(request, streams, stream, following_index)
        while next_index in finished:
            yield finished.pop(next_index)
            next_index += 1
        if not unfinished:
            return


def start_streams(
    request: GenerationRequest, count: int, first_index: int = 0, threads: int | None = None
) -> BatchedDecoder:
    """Return streams that have read the prompt and are ready to generate.

    The first `count` streams generate one sample each. With guidance, `count` unconditional partners follow them.

    Args:
        request: generation request that the kernels support.
        count: number of samples that are generated in parallel.
        first_index: index of the first sample.
        threads: number of threads; None uses one per processor.
    """
    decoder = _native_decoder(request)
    assert decoder is not None
    streams = decoder.streams(count * _streams_per_sample(request), threads)
    if isinstance(guided := _mean_decoder(request), GuidedDecoder):
        conditional_bias, unconditional_bias = _condition_biases(guided)
        streams.set_condition([conditional_bias] * count + [unconditional_bias] * count)
        streams.set_guidance(guided.guidance)
    bias = _static_bias(request)
    has_bias = bias is not None and bias.any()
    streams.set_sampling(_kernel_settings(request), bias if has_bias else None, request.breakers)
    for stream in range(count):
        begin_sample(request, streams, stream, first_index + stream)
    return streams


def begin_alone(request: GenerationRequest, streams: BatchedDecoder, stream: int, index: int) -> None:
    """Begin a sample in one stream, with settings of its own, whatever the other streams do.

    Args:
        request: generation request that the kernels support, without guidance.
        streams: streams of the same weights.
        stream: index of the stream.
        index: index of the sample.
    """
    bias = _static_bias(request)
    has_bias = bias is not None and bias.any()
    streams.set_stream_sampling(stream, _kernel_settings(request), bias if has_bias else None, request.breakers)
    (condition,) = _condition_biases(request.for_sample(index).decoder)
    streams.set_stream_condition(stream, condition)
    begin_sample(request, streams, stream, index)


def sample_streams(request: GenerationRequest, samples: Int[np.ndarray, " samples"]) -> Int[np.ndarray, " streams"]:
    """Return the indices of streams to copy from: those of `samples`, then, with guidance, those of their partners.

    Args:
        request: generation request.
        samples: for each parallel sample, the position of the sample that replaces it, from 0. A position may occur
            several times.
    """
    return np.concatenate([samples + partner * len(samples) for partner in range(_streams_per_sample(request))])


def _native_decoder(request: GenerationRequest) -> NativeDecoder | None:
    """Return the native decoder of the request, or None. With guidance, it is the conditional one of two."""
    decoder = _mean_decoder(request)
    if isinstance(decoder, GuidedDecoder) and isinstance(decoder.unconditional, NativeDecoder):
        decoder = decoder.conditional
    return decoder if isinstance(decoder, NativeDecoder) else None


def _mean_decoder(request: GenerationRequest) -> Decoder:
    """Return the request's decoder; if the texts depend on noise (`LatentDecoder`), the decoder with zero noise.

    The decoder with zero noise has the type and the weights of the decoder of every sample.
    """
    return request.decoder.mean if isinstance(request.decoder, LatentDecoder) else request.decoder


def _condition_biases(decoder: Decoder) -> list[ConditionBias | None]:
    """Return the bias of rating and noise for each stream of a sample (two with guidance); None for an unbiased one."""
    decoders = [decoder.conditional, decoder.unconditional] if isinstance(decoder, GuidedDecoder) else [decoder]
    return [decoder.condition if isinstance(decoder, NativeDecoder) else None for decoder in decoders]


def _streams_per_sample(request: GenerationRequest) -> int:
    return 2 if isinstance(_mean_decoder(request), GuidedDecoder) else 1


def _chunks(streams: BatchedDecoder, max_tokens: int) -> Iterator[Chunk]:
    """Yield chunks without end, at first of up to `max_tokens` tokens per stream.

    That number doubles after a chunk that takes less than a quarter of `_MAX_CHUNK_SECONDS`, and is halved after a
    chunk that takes longer than `_MAX_CHUNK_SECONDS`.
    """
    while True:
        start = time.perf_counter()
        chunk = streams.generate(max_tokens)
        if time.perf_counter() - start < _MAX_CHUNK_SECONDS / 4:
            max_tokens = min(2 * max_tokens, _MAX_CHUNK_TOKENS)
        elif time.perf_counter() - start > _MAX_CHUNK_SECONDS:
            max_tokens = max(max_tokens // 2, 1)
        if (chunk.endings == NOT_FINITE).any():
            raise non_finite_error()
        yield chunk


def add_chunk(builder: SampleBuilder, chunk: Chunk, stream: int) -> tuple[str, FinishReason | None]:
    """Add a stream's tokens to its sample; return the new text, and the finish reason once the sample has ended."""
    count, ending = int(chunk.counts[stream]), int(chunk.endings[stream])
    reason = None if ending == RUNNING else FINISH_REASONS[ending]
    num_text_tokens = count - 1 if reason == "end" else count  # the last token is the boundary, which adds no text
    piece = builder.add(chunk.tokens[stream, :num_text_tokens], chunk.log_probs[:, stream, :count])
    return piece, "stop" if builder.stopped else reason


def builder_factory(request: GenerationRequest) -> Callable[[int], SampleBuilder]:
    """Return a function from a sample's index to its builder."""
    detokenize, config = make_detokenizer(request.token_bytes, request.boundary), request.config
    return lambda index: SampleBuilder(
        index=index,
        seed=config.seed,
        stops=request.stops,
        min_length=config.min_length,
        detokenize=detokenize,
        text_before=request.text_before,
    )


def begin_sample(request: GenerationRequest, streams: BatchedDecoder, stream: int, index: int) -> None:
    """Start the sample `index` in a stream, and in its partner if there is guidance."""
    is_guided = _streams_per_sample(request) > 1
    streams_of_sample = (stream, stream + len(streams) // 2) if is_guided else (stream,)
    sample_request = request.for_sample(index)
    biases = _condition_biases(sample_request.decoder)
    # The state of a sample has one array per stream. `sample_request.logits` already contain the effect of guidance. A
    # stream and its partner both get these logits: guidance leaves logits unchanged where the two streams agree.
    for member, state, bias in zip(streams_of_sample, sample_request.state, biases, strict=True):
        streams.set_state(member, state)
        streams.set_logits(member, sample_request.logits)
        if sample_request is not request and bias is not None:  # the noise of a sample changes its biases
            streams.set_stream_condition(member, bias)
    config = request.config
    recent = np.array(request.prompt[-config.repetition_window :], np.int32)
    noise_variants = () if config.watermark is None else variants_of(config.seed, index)
    packed_variants = sum(variant << 16 * group for group, variant in enumerate(noise_variants))  # 16 bits per group
    streams.begin(stream, int(config.seed), index, recent, packed_variants)


def _speculative_stats(request: GenerationRequest, streams: BatchedDecoder, stream: int) -> SpeculativeStats | None:
    """Return how well the drafts of a stream's sample worked; None without drafts."""
    counts = streams.draft_statistics(stream)
    if _draft_length(request) == 1 or counts.steps == 0:
        return None
    return SpeculativeStats(
        tokens_per_step=counts.tokens / counts.steps,
        acceptance=counts.accepted / max(counts.drafted, 1),
        gain=counts.gain or None,  # the kernels report 0 if they measured too little
    )


def _kernel_settings(request: GenerationRequest) -> SamplingSettings:
    """Return the sampling settings, limited to the ranges of the types that the kernels use."""
    config = request.config
    return SamplingSettings(
        temperature=config.temperature,
        top_p=config.top_p,
        min_p=config.min_p,
        typical_p=config.typical_p,
        repetition_penalty=min(max(config.repetition_penalty, 1e-30), 1e30),
        dynatemp_range=config.dynatemp_range,
        dynatemp_exponent=config.dynatemp_exponent,
        top_n_sigma=_not_denormal(config.top_n_sigma),
        xtc_probability=config.xtc_probability,
        xtc_threshold=config.xtc_threshold,
        mirostat_tau=_not_denormal(config.mirostat_tau),
        mirostat_eta=config.mirostat_eta,
        frequency_penalty=config.frequency_penalty,
        presence_penalty=config.presence_penalty,
        dry_multiplier=_not_denormal(config.dry_multiplier),
        dry_base=config.dry_base,
        dry_allowed_length=min(config.dry_allowed_length, _MAX_INT32),
        top_k=min(config.top_k, len(request.token_bytes)),
        repetition_window=min(config.repetition_window, len(request.prompt) + config.length, _MAX_INT32),
        length=min(config.length, _MAX_INT32),
        min_length=min(config.min_length, _MAX_INT32),
        boundary=-1 if request.boundary is None else request.boundary,
        tokens_per_step=_draft_length(request),
        watermark_width=0 if config.watermark is None else WIDTH,
        watermark_groups=GROUPS,
        watermark_key=0 if config.watermark is None else key_number(config.watermark),
    )


def _not_denormal(setting: float) -> float:
    """Return a setting, at least 0, without a denormal value: the kernels would round that to 0, which is off."""
    return max(setting, sys.float_info.min) if setting > 0 else 0.0


def _draft_length(request: GenerationRequest) -> int:
    """Return the maximum number of tokens per step; 1 with a watermark or guidance, or without the kernels."""
    decoder = _mean_decoder(request)
    if not isinstance(decoder, NativeDecoder) or request.config.watermark is not None:
        return 1
    return decoder.weights.default_draft_length if request.config.draft_length is None else request.config.draft_length


def _static_bias(request: GenerationRequest) -> Float32[np.ndarray, " vocab"] | None:
    """Return the bias that is added to the logits before every draw, minus infinity for banned tokens.

    Returns:
        The bias; None if the constraints depend on the text, or ban every token except the boundary.
    """
    bias = np.zeros(len(request.token_bytes), np.float32)
    bias[list(request.config.bias)] = list(request.config.bias.values())
    for constraint in request.constraints:
        allowed = constraint.static_mask if isinstance(constraint, BannedStrings) else None
        if allowed is None:
            return None
        allowed = allowed | (np.arange(len(bias)) == request.boundary)
        bias[~allowed] = -np.inf
    possible = bias > -np.inf
    if request.boundary is not None:
        possible[request.boundary] = False
    return bias if possible.any() else None
