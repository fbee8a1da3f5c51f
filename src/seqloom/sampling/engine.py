"""Asking for samples: many of them, one piece by piece, or just the next token's distribution."""

from collections.abc import Generator, Iterator, Sequence

import numpy as np
from jaxtyping import Float64

from seqloom.config.sampling import SamplingConfig
from seqloom.kernels.decoder import Decoder
from seqloom.sampling.beam import beam_search
from seqloom.sampling.constraints import TokenPredicate
from seqloom.sampling.native_engine import check_draft_length, generate_batch, generate_one, supports_native
from seqloom.sampling.reference_engine import generate_reference
from seqloom.sampling.request import GenerationRequest, prepare_request
from seqloom.sampling.sample import Sample
from seqloom.sampling.transforms import log_softmax, reweight

__all__ = ["generate", "next_distribution", "stream"]


def generate(
    decoder: Decoder,
    config: SamplingConfig,
    *,
    prompt: Sequence[int],
    token_bytes: Sequence[bytes],
    boundary: int | None = None,
    count: int = 1,
    first_index: int = 0,
    guard: TokenPredicate | None = None,
    begun: bytes = b"",
) -> Iterator[Sample]:
    """Write samples one after another; each depends on the seed and its own index alone.

    Args:
        decoder: the model, over one stream.
        config: the settings.
        prompt: at least one id: the token that a text begins after, or the ids of the prompt.
        token_bytes: what each id spells.
        boundary: the id between documents, or None for running text.
        count: how many samples; a beam search has at most as many as it is wide.
        first_index: the first sample's index.
        guard: refuses tokens by the bytes written so far; `config.max_copy` needs one.
        begun: how the first token begins; the samples' text does not hold it (see `prepare`).

    Raises:
        ConfigError: the settings ask for a guard that is not there, or for a token that is not in the
        vocabulary.
        RunError: the decoder and the codec disagree on the vocabulary.
        SeqloomError: the model's output is not finite, or the pattern takes too long.
    """
    job = prepare_request(
        decoder, config, prompt=prompt, token_bytes=token_bytes, boundary=boundary, guard=guard, begun=begun
    )
    if config.beam > 1:
        return iter(beam_search(job)[:count])
    check_draft_length(job)
    if supports_native(job):
        return generate_batch(job, first_index, count)
    return (_last(generate_reference(job, index)) for index in range(first_index, first_index + count))


def stream(
    decoder: Decoder,
    config: SamplingConfig,
    *,
    prompt: Sequence[int],
    token_bytes: Sequence[bytes],
    boundary: int | None = None,
    index: int = 0,
    guard: TokenPredicate | None = None,
    begun: bytes = b"",
) -> Generator[str, None, Sample]:
    """Write one sample piece by piece: the same text, and the same arguments, as `generate`.

    Yields:
        Pieces of text; a beam search, which knows its text only at the end, gives one.

    Returns:
        The sample.
    """
    job = prepare_request(
        decoder, config, prompt=prompt, token_bytes=token_bytes, boundary=boundary, guard=guard, begun=begun
    )
    if config.beam > 1:
        return _best(job)
    check_draft_length(job)
    return generate_one(job, index) if supports_native(job) else generate_reference(job, index)


def next_distribution(
    decoder: Decoder, prompt: Sequence[int], temperature: float = 1.0
) -> Float64[np.ndarray, " vocab"]:
    """The probability of each token after a prompt, at a temperature (see `reweight`).

    Raises:
        ConfigError: the temperature is below 0 or NaN.
    """
    logits, _ = decoder.read(prompt, decoder.initial_state())
    return reweight(np.exp(log_softmax(logits)), temperature)


def _last(pieces: Generator[str, None, Sample]) -> Sample:
    while True:
        try:
            next(pieces)
        except StopIteration as ended:
            sample: Sample = ended.value
            return sample


def _best(job: GenerationRequest) -> Generator[str, None, Sample]:
    sample = beam_search(job)[0]
    if sample.text:
        yield sample.text
    return sample
