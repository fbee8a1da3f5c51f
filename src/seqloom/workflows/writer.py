"""A model and its codec, ready to write: text in, text out. Needs no torch."""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from seqloom.codecs.base import Codec
from seqloom.errors import ConfigError
from seqloom.kernels import native_decoder, plain_decoder, windowed_decoder
from seqloom.kernels.decoder import Decoder
from seqloom.sampling import Sample, SamplingConfig, generate, next_distribution, reweight, stream
from seqloom.sampling.constraints import Guard
from seqloom.sampling.job import begins_with
from seqloom.workflows.folder import RunConfig

__all__ = ["Prompt", "Writer", "make_writer"]


class Prompt(NamedTuple):
    """A prompt as it is read.

    Attributes:
        ids: at least one; read before the first token is written.
        begun: the prompt's last bytes, which are no token: what is written begins with them, and they are not repeated.
    """

    ids: list[int]
    begun: bytes = b""


@dataclass(frozen=True)
class Writer:
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
        begun = self.codec.unfinished(text)
        ids = self.codec.encode(text.removesuffix(begun), skip_unknown=skip_unknown)
        return Prompt(self._begun(ids.tolist()), begun.encode())

    def write(
        self, prompt: Prompt, config: SamplingConfig, *, count: int = 1, guard: Guard | None = None
    ) -> Iterator[Sample]:
        """Samples one after another, after a prompt."""
        return generate(
            self.decoder,
            config,
            prompt=prompt.ids,
            token_bytes=self.codec.token_bytes,
            boundary=self.codec.boundary,
            count=count,
            guard=guard,
            begun=prompt.begun,
        )

    def write_ids(self, ids: Sequence[int], config: SamplingConfig) -> Sample:
        """One sample after ids as they are stored, with or without a beginning."""
        return next(self.write(Prompt(list(ids) or self._begun([])), config))

    def stream(
        self, prompt: Prompt, config: SamplingConfig, *, index: int = 0, guard: Guard | None = None
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
            begun=prompt.begun,
        )

    def distribution(self, prompt: Prompt, temperature: float = 1.0) -> Float64[np.ndarray, " vocab"]:
        """The probability of every token after a prompt."""
        probabilities = next_distribution(self.decoder, prompt.ids)
        possible = begins_with(prompt.begun, self.codec.token_bytes)
        return reweight(np.where(possible, probabilities, 0.0), temperature)

    def _begun(self, ids: Iterable[int]) -> list[int]:
        """A prompt after the boundary where there is one; the opening where there is nothing else."""
        ids = list(ids)
        if self.codec.boundary is not None:
            return [self.codec.boundary, *ids]
        return ids or list(self.opening)


def make_writer(
    config: RunConfig,
    codec: Codec,
    weights: Mapping[str, np.ndarray],
    *,
    carry: bool | None = None,
    precision: str | None = None,
) -> Writer:
    """A writer of a run's weights.

    Args:
        config: of the run.
        codec: of the run.
        weights: by name, as in `model.safetensors`.
        carry: carry the state from token to token; False reads the last window anew for each token, as runs trained on
            windows are sampled unless asked otherwise. None does as the run was trained.
        precision: of the compiled kernels' weights, "float32", "bfloat16" or "int8"; None is the fastest that keeps
            the loss. What they do not cover is decoded by numpy, in float32.

    Raises:
        ConfigError: the precision is unknown, or not to be had for this run.
        RunError: the weights do not fit the config.
    """
    windows = config.training.batching == "windows"
    carried = carry if carry is not None else not windows
    decoder = native_decoder(config.model, weights, precision) if carried else None
    if decoder is not None:
        return Writer(codec, decoder, config.opening)
    if precision not in (None, "float32"):
        raise ConfigError(f"--precision {precision} needs the compiled kernels, which do not write here: leave it out")
    plain = plain_decoder(config.model, weights)
    return Writer(codec, plain if carried else windowed_decoder(plain, config.training.window), config.opening)
