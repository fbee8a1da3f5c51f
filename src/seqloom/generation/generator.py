"""A model and its codec, ready to generate: text in, text out, without torch.

A decoder reads tokens and returns the logits of the next token. The codec converts between text and tokens. The
boundary, if the codec has one, is a token that separates texts: the model reads it before the first token of a text,
and predicts it at the end of the text. A guard is a function that decides whether a token may follow the bytes
generated so far.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Float64

from seqloom.codecs.base import Codec
from seqloom.config import validate
from seqloom.config.settings import is_number
from seqloom.errors import ConfigError
from seqloom.kernels import GuidedDecoder, native_decoder, reference_decoder, sliding_window_decoder
from seqloom.kernels.condition_bias import ConditionBias, condition_bias, noise_features
from seqloom.kernels.conditional_decoders import LatentDecoder
from seqloom.kernels.decoder import Decoder
from seqloom.kernels.reference_decoder import conditioned_reference_decoder
from seqloom.kernels.weights import Weights, checked_weights
from seqloom.runs.config import RunConfig
from seqloom.sampling import Sample, SamplingConfig, generate, next_distribution, reweight, stream
from seqloom.sampling.constraints import TokenPredicate
from seqloom.sampling.request import GenerationRequest, prepare_request, tokens_with_prefix

__all__ = ["GeneratorFactory", "Prompt", "TextGenerator"]


_MAX_GUIDANCE = 20
"""Largest guidance scale that can be requested."""


class Prompt(NamedTuple):
    """An encoded prompt.

    Attributes:
        ids: token ids, at least one.
        first_token_prefix: bytes at the end of the prompt that are not in `ids`. The first generated token must begin
            with them; the generated text starts after them.
        text: bytes of the user's prompt, in which a stop string, a banned string or a copy may begin.
    """

    ids: list[int]
    first_token_prefix: bytes = b""
    text: bytes = b""


@dataclass(frozen=True)
class TextGenerator:
    """A model and its codec, which generate texts that continue a prompt.

    Attributes:
        codec: codec of the prompts and the generated tokens.
        decoder: model, which predicts the next token.
        opening: token ids that replace an empty prompt if the codec has no boundary.
    """

    codec: Codec[Any]
    decoder: Decoder
    opening: tuple[int, ...]

    def prompt(self, text: str, *, skip_unknown: bool = False) -> Prompt:
        """Encode a prompt.

        If the codec's tokens include the space before a word, a final space of the prompt is not encoded: the first
        generated token must begin with that space.

        Raises:
            CodecError: the prompt has symbols outside the vocabulary and `skip_unknown` is False.
        """
        prefix = self.codec.pending_space(text)
        ids = self.codec.encode_text(text.removesuffix(prefix), skip_unknown=skip_unknown)
        spelled = b"".join(self.codec.token_bytes[token] for token in ids.tolist())
        return Prompt(self._with_start(ids.tolist()), prefix.encode(), spelled + prefix.encode())

    def generate(
        self,
        prompt: Prompt,
        config: SamplingConfig,
        *,
        count: int = 1,
        first_index: int = 0,
        guard: TokenPredicate | None = None,
    ) -> Iterator[Sample]:
        """Generate samples that continue a prompt, one after another; see `sampling.generate`.

        Args:
            prompt: encoded prompt.
            config: how tokens are drawn, and constraints on the text.
            count: number of samples.
            first_index: index of the first sample; index and seed determine the random draws of a sample.
            guard: function that decides whether a token may follow the bytes so far; None allows every token.
        """
        return generate(
            self.decoder,
            config,
            prompt=prompt.ids,
            token_bytes=self.codec.token_bytes,
            boundary=self.codec.boundary,
            count=count,
            first_index=first_index,
            guard=guard,
            first_token_prefix=prompt.first_token_prefix,
            text_before=prompt.text,
        )

    def request(self, prompt: Prompt, config: SamplingConfig, guard: TokenPredicate | None = None) -> GenerationRequest:
        """Let the decoder read the prompt, and return what sequential Monte Carlo needs to draw the next tokens."""
        return prepare_request(
            self.decoder,
            config,
            prompt=prompt.ids,
            token_bytes=self.codec.token_bytes,
            boundary=self.codec.boundary,
            guard=guard,
            first_token_prefix=prompt.first_token_prefix,
            text_before=prompt.text,
        )

    def generate_from_ids(self, ids: Sequence[int], config: SamplingConfig, index: int = 0) -> Sample:
        """Generate one sample that continues `ids`, which the model reads without a boundary before them.

        If `ids` is empty, the model reads the boundary instead, or the opening if there is no boundary.
        """
        return next(self.generate(Prompt(list(ids) or self._with_start([])), config, first_index=index))

    def stream(
        self, prompt: Prompt, config: SamplingConfig, *, index: int = 0, guard: TokenPredicate | None = None
    ) -> Generator[str, None, Sample]:
        """Yield the text of the sample with this index piece by piece, then return the sample, as `generate` would."""
        return stream(
            self.decoder,
            config,
            prompt=prompt.ids,
            token_bytes=self.codec.token_bytes,
            boundary=self.codec.boundary,
            index=index,
            guard=guard,
            first_token_prefix=prompt.first_token_prefix,
            text_before=prompt.text,
        )

    def distribution(self, prompt: Prompt, temperature: float = 1.0) -> Float64[np.ndarray, " vocab"]:
        """Return the probability of every token after a prompt, at a temperature."""
        probabilities = next_distribution(self.decoder, prompt.ids)
        is_possible = tokens_with_prefix(prompt.first_token_prefix, self.codec.token_bytes)
        return reweight(np.where(is_possible, probabilities, 0.0), temperature)

    def _with_start(self, ids: Iterable[int]) -> list[int]:
        """Return the boundary followed by `ids`; without a boundary, return `ids`, or the opening if they are empty."""
        ids = list(ids)
        if self.codec.boundary is not None:
            return [self.codec.boundary, *ids]
        return ids or list(self.opening)


class GeneratorFactory:
    """Make generators of a run, with ratings or without; they share the weights that the compiled kernels use.

    Args:
        config: config of the run.
        codec: codec of the run.
        weights: weights by name, as in `model.safetensors`.
        stateful: whether the state is carried from token to token; False reads the last window again from the zero
            state for each token. None means False for a run that was trained on windows, and True for any other run.
        precision: precision of the weights in the compiled kernels: "float32", "bfloat16" or "int8"; None selects the
            fastest that hardly changes the loss. Without the compiled kernels, numpy decodes in float32.

    Attributes:
        is_stateful: whether the state is carried from token to token.

    Raises:
        ConfigError: the precision is unknown, or unavailable for this run.
        RunError: the weights do not match the config.
    """

    def __init__(
        self,
        config: RunConfig,
        codec: Codec[Any],
        weights: Mapping[str, np.ndarray],
        *,
        stateful: bool | None = None,
        precision: str | None = None,
    ) -> None:
        self._config, self._codec, self._weights = config, codec, weights
        self.is_stateful = stateful if stateful is not None else config.training.batching != "windows"
        self._native = native_decoder(config.model, weights, precision) if self.is_stateful else None
        if self._native is None and precision not in (None, "float32"):
            raise ConfigError(
                f"`precision` {precision} needs the compiled kernels, which this run does not use: leave it out"
            )

    @cached_property
    def unconditional(self) -> TextGenerator:
        """The generator without ratings."""
        return self._generator(None)

    def conditioned(self, values: Float64[np.ndarray, " columns"], guidance: float = 1.0) -> TextGenerator:
        """Return a generator conditioned on ratings.

        Args:
            values: requested value of each rating or category of the run; NaN leaves a rating or category open.
            guidance: guidance scale; 1 is off, 0 ignores the ratings.

        Raises:
            ConfigError: `guidance` is out of range.
        """
        validate(
            (
                is_number(guidance) and 0 <= guidance <= _MAX_GUIDANCE,
                f"`guidance` got {guidance!r}: choose from 0 (ignores the rating) to {_MAX_GUIDANCE}; 1 is off, "
                "1.5 is usual",
            )
        )
        return self._generator(values, float(guidance))

    def _generator(self, values: Float64[np.ndarray, " columns"] | None, guidance: float = 1.0) -> TextGenerator:
        """Return a generator. The model of a GAN reads noise; each sample gets noise of its own."""
        noise_size = self._config.model.noise_size

        def make_decoder(noise: Float32[np.ndarray, " noise"]) -> Decoder:
            conditional = self._decoder(values, noise)
            return conditional if guidance == 1 else GuidedDecoder(conditional, self._decoder(None, noise), guidance)

        decoder = LatentDecoder(noise_size, make_decoder) if noise_size else make_decoder(np.zeros(0, np.float32))
        return TextGenerator(self._codec, decoder, self._config.opening)

    def _decoder(self, values: Float64[np.ndarray, " columns"] | None, noise: Float32[np.ndarray, " noise"]) -> Decoder:
        """Return a decoder conditioned on ratings, unless `values` is None, and on noise, unless it is empty."""
        if values is None and not len(noise):
            return self._native or self._reference(None)
        values_or_open = np.full(len(self._config.conditions), np.nan) if values is None else values
        features_of_noise = noise_features(self._checked_weights, noise) if len(noise) else None
        (condition_features,) = self._config.features(values_or_open[None], features_of_noise)  # a batch of one text
        bias = condition_bias(self._config.model, self._checked_weights, condition_features)
        return self._native.conditioned(bias) if self._native is not None else self._reference(bias)

    @cached_property
    def _checked_weights(self) -> Weights:
        return checked_weights(self._config.model, self._weights)

    def _reference(self, bias: ConditionBias | None) -> Decoder:
        """Return a numpy decoder; `bias` is what ratings and noise add to the network, None without both."""
        model, weights = self._config.model, self._weights
        decoder = (
            reference_decoder(model, weights) if bias is None else conditioned_reference_decoder(model, weights, bias)
        )
        return decoder if self.is_stateful else sliding_window_decoder(decoder, self._config.training.sequence_length)
