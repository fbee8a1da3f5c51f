"""A model and its codec, ready to write: text in, text out. Needs no torch."""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64

from seqloom.codecs.base import Codec
from seqloom.config import validate
from seqloom.config.settings import is_number
from seqloom.errors import ConfigError
from seqloom.kernels import GuidedDecoder, native_decoder, plain_decoder, windowed_decoder
from seqloom.kernels.condition_bias import Added, added_by, noise_features
from seqloom.kernels.conditional_decoders import NoisyDecoder
from seqloom.kernels.decoder import Decoder
from seqloom.kernels.reference_decoder import told_plain_decoder
from seqloom.kernels.weights import Weights, checked_weights
from seqloom.runs.config import RunConfig
from seqloom.sampling import Sample, SamplingConfig, generate, next_distribution, reweight, stream
from seqloom.sampling.constraints import TokenPredicate
from seqloom.sampling.request import GenerationRequest, prepare_request, tokens_with_prefix

__all__ = ["GeneratorFactory", "Prompt", "TextGenerator"]


_MOST_GUIDANCE = 20


class Prompt(NamedTuple):
    """A prompt as it is read.

    Attributes:
        ids: at least one; read before the first token is written.
        begun: the prompt's last bytes, which are no token: what is written begins with them, and they are not repeated.
    """

    ids: list[int]
    first_token_prefix: bytes = b""


@dataclass(frozen=True)
class TextGenerator:
    """Writes after prompts.

    Attributes:
        codec: spells prompts and tokens.
        decoder: the model, over one stream.
        opening: ids that are read before a text that has no prompt.
    """

    codec: Codec
    decoder: Decoder
    opening: tuple[int, ...]

    def prompt(self, text: str, *, skip_unknown: bool = False) -> Prompt:
        """What is read before the first token is written; a last space that belongs to that token is kept for it.

        Raises:
            CodecError: the prompt has symbols outside the vocabulary and `skip_unknown` is False.
        """
        begun = self.codec.pending_space(text)
        ids = self.codec.encode(text.removesuffix(begun), skip_unknown=skip_unknown)
        return Prompt(self._begun(ids.tolist()), begun.encode())

    def generate(
        self,
        prompt: Prompt,
        config: SamplingConfig,
        *,
        count: int = 1,
        first_index: int = 0,
        guard: TokenPredicate | None = None,
    ) -> Iterator[Sample]:
        """Samples one after another, after a prompt."""
        return generate(
            self.decoder,
            config,
            prompt=prompt.ids,
            token_bytes=self.codec.token_bytes,
            boundary=self.codec.boundary,
            count=count,
            first_index=first_index,
            guard=guard,
            begun=prompt.first_token_prefix,
        )

    def request(self, prompt: Prompt, config: SamplingConfig, guard: TokenPredicate | None = None) -> GenerationRequest:
        """The request that steering works on."""
        return prepare_request(
            self.decoder,
            config,
            prompt=prompt.ids,
            token_bytes=self.codec.token_bytes,
            boundary=self.codec.boundary,
            guard=guard,
            begun=prompt.first_token_prefix,
        )

    def generate_from_ids(self, ids: Sequence[int], config: SamplingConfig) -> Sample:
        """One sample after ids as they are stored, with or without a beginning."""
        return next(self.generate(Prompt(list(ids) or self._begun([])), config))

    def stream(
        self, prompt: Prompt, config: SamplingConfig, *, index: int = 0, guard: TokenPredicate | None = None
    ) -> Generator[str, None, Sample]:
        """The sample of that index piece by piece; the same text as `write` gives."""
        return stream(
            self.decoder,
            config,
            prompt=prompt.ids,
            token_bytes=self.codec.token_bytes,
            boundary=self.codec.boundary,
            index=index,
            guard=guard,
            begun=prompt.first_token_prefix,
        )

    def distribution(self, prompt: Prompt, temperature: float = 1.0) -> Float64[np.ndarray, " vocab"]:
        """The probability of every token after a prompt."""
        probabilities = next_distribution(self.decoder, prompt.ids)
        possible = tokens_with_prefix(prompt.first_token_prefix, self.codec.token_bytes)
        return reweight(np.where(possible, probabilities, 0.0), temperature)

    def _begun(self, ids: Iterable[int]) -> list[int]:
        """A prompt after the boundary where there is one; the opening where there is nothing else."""
        ids = list(ids)
        if self.codec.boundary is not None:
            return [self.codec.boundary, *ids]
        return ids or list(self.opening)


class GeneratorFactory:
    """Makes writers of a run's weights, told of ratings or not; the packed weights are shared.

    Args:
        config: of the run.
        codec: of the run.
        weights: by name, as in `model.safetensors`.
        stateful: whether the state is carried from token to token; False reads the last window again for each token,
            as runs trained on windows are sampled by default. None follows the training.
        precision: of the compiled kernels' weights, "float32", "bfloat16" or "int8"; None is the fastest that keeps
            the loss. What they do not cover is decoded by numpy, in float32.

    Raises:
        ConfigError: the precision is unknown, or not to be had for this run.
        RunError: the weights do not fit the config.
    """

    def __init__(
        self,
        config: RunConfig,
        codec: Codec,
        weights: Mapping[str, np.ndarray],
        *,
        stateful: bool | None = None,
        precision: str | None = None,
    ) -> None:
        self._config, self._codec, self._weights = config, codec, weights
        self._carried = stateful if stateful is not None else config.training.batching != "windows"
        self._native = native_decoder(config.model, weights, precision) if self._carried else None
        if self._native is None and precision not in (None, "float32"):
            raise ConfigError(
                f"`precision` {precision} needs the compiled kernels, which do not write here: leave it out"
            )

    @cached_property
    def unconditional(self) -> TextGenerator:
        """The writer that is told of no ratings."""
        return self._writer(None)

    def conditioned(self, values: Float64[np.ndarray, " columns"], guidance: float = 1.0) -> TextGenerator:
        """A writer that is told of ratings.

        Args:
            values: of the run's conditions, NaN where nothing is wanted.
            guidance: how far to lead away from what would be written without ratings; 1 does not, 0 leaves them out.

        Raises:
            ConfigError: `guidance` is out of range.
        """
        validate(
            (
                is_number(guidance) and 0 <= guidance <= _MOST_GUIDANCE,
                f"`guidance` got {guidance!r}: choose from 0 (the rating is left out) to {_MOST_GUIDANCE}; 1 is plain, "
                "1.5 is usual",
            )
        )
        return self._writer(values, float(guidance))

    def _writer(self, values: Float64[np.ndarray, " columns"] | None, guidance: float = 1.0) -> TextGenerator:
        noise = self._config.model.noise_size

        def decoder(drawn: Float32[np.ndarray, " noise"]) -> Decoder:
            told = self._decoder(values, drawn)
            return told if guidance == 1 else GuidedDecoder(told, self._decoder(None, drawn), guidance)

        one = NoisyDecoder(noise, decoder) if noise else decoder(np.zeros(0, np.float32))
        return TextGenerator(self._codec, one, self._config.opening)

    def _decoder(self, values: Float64[np.ndarray, " columns"] | None, noise: Float32[np.ndarray, " noise"]) -> Decoder:
        """What is told of these ratings, or of none, and of noise."""
        if values is None and not len(noise):
            return self._native or self._plain(None)
        known = np.full(len(self._config.conditions), np.nan) if values is None else values
        features = noise_features(self._checked, noise) if len(noise) else None
        added = added_by(self._config.model, self._checked, self._config.features(known[None], features)[0])
        return self._native.told(added) if self._native is not None else self._plain(added)

    @cached_property
    def _checked(self) -> Weights:
        return checked_weights(self._config.model, self._weights)

    def _plain(self, added: Added | None) -> Decoder:
        model, weights = self._config.model, self._weights
        plain = plain_decoder(model, weights) if added is None else told_plain_decoder(model, weights, added)
        return plain if self._carried else windowed_decoder(plain, self._config.training.sequence_length)
