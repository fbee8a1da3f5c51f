"""Generate many samples, or one sample piece by piece; or return the distribution of the next token.

The compiled kernels serve every request that they support, and the reference engine serves the others. Beam search has
a separate function, `beam.beam_search`.
"""

from collections.abc import Generator, Iterator, Sequence

import numpy as np
from jaxtyping import Float64

from seqloom.config.sampling import SamplingConfig
from seqloom.kernels.decoder import Decoder
from seqloom.sampling.beam import beam_search
from seqloom.sampling.constraints import TokenPredicate
from seqloom.sampling.native_engine import check_draft_length, generate_batch, generate_one, supports_native
from seqloom.sampling.reference_engine import generate_reference, run_to_end
from seqloom.sampling.request import GenerationRequest, prepare_request
from seqloom.sampling.reweight import reweight
from seqloom.sampling.sample import Sample
from seqloom.sampling.transforms import log_softmax

__all__ = ["generate", "next_distribution", "stream", "stream_request"]


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
    first_token_prefix: bytes = b"",
    text_before: bytes = b"",
) -> Iterator[Sample]:
    """Yield samples in the order of their indices. A sample depends on its index and the seed, not on other samples.

    Args:
        decoder: model that reads tokens and returns logits.
        config: sampling settings.
        prompt: token ids of the prompt; at least one.
        token_bytes: bytes of each token id.
        boundary: id of the token that ends a text; None if texts have no end.
        count: number of samples; a beam search yields at most its width.
        first_index: index of the first sample.
        guard: function that decides whether a token may follow the bytes so far; needed if `config.max_copy`
            limits copies from the corpus.
        first_token_prefix: end of the prompt that belongs to the first generated token, such as the space before a
            word; see `prepare_request`.
        text_before: prompt's text; see `prepare_request`.

    Raises:
        ConfigError: the settings need a guard and there is none, or they name a token outside the vocabulary.
        RunError: the decoder and the codec have different vocabularies.
        SeqloomError: the model's output is not finite, or the pattern takes too long.
    """
    request = prepare_request(
        decoder,
        config,
        prompt=prompt,
        token_bytes=token_bytes,
        boundary=boundary,
        guard=guard,
        first_token_prefix=first_token_prefix,
        text_before=text_before,
    )
    if config.beam > 1:
        return iter(beam_search(request)[:count])
    check_draft_length(request)
    if supports_native(request):
        return generate_batch(request, first_index, count)
    return (run_to_end(generate_reference(request, index)) for index in range(first_index, first_index + count))


def stream(
    decoder: Decoder,
    config: SamplingConfig,
    *,
    prompt: Sequence[int],
    token_bytes: Sequence[bytes],
    boundary: int | None = None,
    index: int = 0,
    guard: TokenPredicate | None = None,
    first_token_prefix: bytes = b"",
    text_before: bytes = b"",
) -> Generator[str, None, Sample]:
    """Generate one sample piece by piece; its text is that of `generate` with the same arguments and this index.

    Yields:
        Pieces of text; a beam search yields only one, since it knows its text only at the end.

    Returns:
        The sample.
    """
    request = prepare_request(
        decoder,
        config,
        prompt=prompt,
        token_bytes=token_bytes,
        boundary=boundary,
        guard=guard,
        first_token_prefix=first_token_prefix,
        text_before=text_before,
    )
    return stream_request(request, index)


def stream_request(request: GenerationRequest, index: int = 0) -> Generator[str, None, Sample]:
    """Generate one sample of a prepared request piece by piece; see `stream`."""
    if request.config.beam > 1:
        return _stream_beam_search(request)
    check_draft_length(request)
    return generate_one(request, index) if supports_native(request) else generate_reference(request, index)


def next_distribution(
    decoder: Decoder, prompt: Sequence[int], temperature: float = 1.0
) -> Float64[np.ndarray, " vocab"]:
    """Return the probability of each token after a prompt at a temperature (see `reweight`).

    Raises:
        ConfigError: the temperature is below 0 or NaN.
    """
    logits, _ = decoder.read(prompt, decoder.initial_state())
    if decoder.distribution is not None:
        logits = decoder.distribution.all_log_probs(logits)
    return reweight(np.exp(log_softmax(logits)), temperature)


def _stream_beam_search(request: GenerationRequest) -> Generator[str, None, Sample]:
    sample, *_ = beam_search(request)
    if sample.text:
        yield sample.text
    return sample
