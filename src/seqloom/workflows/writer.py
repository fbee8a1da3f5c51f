"""A model and its codec, ready to write: text in, text out. Needs no torch."""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from seqloom.codecs.base import Codec
from seqloom.kernels import plain_decoder, windowed_decoder
from seqloom.kernels.decoder import Decoder
from seqloom.sampling import Sample, SamplingConfig, generate, next_distribution, stream
from seqloom.sampling.constraints import Guard
from seqloom.workflows.folder import RunConfig

__all__ = ["Writer", "make_writer"]


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

    def prompt_ids(self, prompt: str, *, skip_unknown: bool = False) -> list[int]:
        """The ids that are read before the first is written.

        Raises:
            CodecError: the prompt has symbols outside the vocabulary and `skip_unknown` is False.
        """
        return self._begun(self.codec.encode(prompt, skip_unknown=skip_unknown).tolist())

    def write(
        self, prompt: Sequence[int], config: SamplingConfig, *, count: int = 1, guard: Guard | None = None
    ) -> Iterator[Sample]:
        """Samples one after another, after the ids of `prompt_ids`."""
        return generate(
            self.decoder,
            config,
            prompt=prompt,
            token_bytes=self.codec.token_bytes,
            boundary=self.codec.boundary,
            count=count,
            guard=guard,
        )

    def write_ids(self, prompt: Sequence[int], config: SamplingConfig) -> Sample:
        """One sample after ids as they are stored, with or without a beginning."""
        return next(self.write(prompt or self._begun([]), config))

    def stream(
        self, prompt: Sequence[int], config: SamplingConfig, *, index: int = 0, guard: Guard | None = None
    ) -> Generator[str, None, Sample]:
        """The sample of that index piece by piece; the same text as `write` gives."""
        return stream(
            self.decoder,
            config,
            prompt=prompt,
            token_bytes=self.codec.token_bytes,
            boundary=self.codec.boundary,
            index=index,
            guard=guard,
        )

    def distribution(self, prompt: Sequence[int], temperature: float = 1.0) -> Float64[np.ndarray, " vocab"]:
        """The probability of every token after a prompt."""
        return next_distribution(self.decoder, prompt, temperature)

    def _begun(self, ids: Iterable[int]) -> list[int]:
        """A prompt after the boundary where there is one; the opening where there is nothing else."""
        ids = list(ids)
        if self.codec.boundary is not None:
            return [self.codec.boundary, *ids]
        return ids or list(self.opening)


def make_writer(
    config: RunConfig, codec: Codec, weights: Mapping[str, np.ndarray], *, carry: bool | None = None
) -> Writer:
    """A writer of a run's weights.

    Args:
        config: of the run.
        codec: of the run.
        weights: by name, as in `model.safetensors`.
        carry: carry the state from token to token; False reads the last window anew for each token, as runs trained on
            windows are sampled unless asked otherwise. None does as the run was trained.

    Raises:
        RunError: the weights do not fit the config.
    """
    plain = plain_decoder(config.model, weights)
    windows = config.training.batching == "windows"
    if not (carry if carry is not None else not windows):
        return Writer(codec, windowed_decoder(plain, config.training.window), config.opening)
    return Writer(codec, plain, config.opening)
