"""Generators of a saved run, for any rating; they share the weights that the compiled kernels use."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from seqloom.codecs.text import TextCodec
from seqloom.config import SamplingConfig, validate
from seqloom.errors import ConfigError
from seqloom.generation.generator import GeneratorFactory, Prompt, TextGenerator
from seqloom.generation.matching_samples import matching
from seqloom.generation.model_log_probs import ModelLogProbs
from seqloom.generation.payload_files import check_payload_files, prompt_of_file, write_payload
from seqloom.generation.sampling_strings import normalize_strings
from seqloom.generation.unmatched_texts import broken_rules_message, unmatched_message
from seqloom.kernels.native_weights import decoding_kernels
from seqloom.runs.saved_run import SavedRun
from seqloom.sampling import Sample
from seqloom.sampling.constraints import TokenPredicate

__all__ = ["RunGenerators"]


class RunGenerators:
    """Make generators of one run.

    Args:
        run: run with weights.
    """

    def __init__(self, run: SavedRun) -> None:
        self.run = run
        self._cached_factory: GeneratorFactory | None = None
        self._cached_settings: tuple[bool | None, str | None, str | None] | None = None

    def generator(
        self,
        *,
        rating: Any = None,
        guidance: float = 1.0,
        extrapolate: bool = False,
        stateful: bool | None = None,
        precision: str | None = None,
    ) -> TextGenerator:
        """Return a generator, conditioned if a rating is requested.

        Args:
            rating: requested rating: a number, or numbers and categories by column; None without a request.
            guidance: guidance scale: the logits are those without the rating plus this multiple of the difference that
                the rating makes; 1 is off, 1.5 is usual.
            extrapolate: allow ratings outside the range of the training data.
            stateful: whether the state is carried from token to token; see `GeneratorFactory`.
            precision: precision of the weights; see `GeneratorFactory`.

        Raises:
            ConfigError: the run has no rating of this form, the rating or the guidance is out of range, an option has
                no effect without a rating, or the precision is unavailable.
            RunError: the weights are missing, damaged or do not fit the config.
        """
        validate(
            (
                rating is not None or (guidance == 1 and not extrapolate),
                f"`{'extrapolate' if extrapolate else 'guidance'}` has no effect without `rating`: leave it out, or "
                "add a rating",
            ),
        )
        values = self._values(rating, extrapolate=extrapolate)
        factory = self.factory(stateful, precision)
        return factory.unconditional if values is None else factory.conditioned(values, guidance)

    def factory(self, stateful: bool | None, precision: str | None) -> GeneratorFactory:
        """Return the factory with these settings; see `GeneratorFactory`. The latest factory is cached."""
        run = self.run
        # The kernels are among the settings: the environment variable `SEQLOOM_KERNELS` can change between calls.
        settings = stateful, precision, decoding_kernels(run.config.model)
        if self._cached_factory is None or self._cached_settings != settings:
            self._cached_factory = GeneratorFactory(
                run.config, run.codec, run.weights, stateful=stateful, precision=precision
            )
            self._cached_settings = settings
        return self._cached_factory

    def model_log_probs(
        self,
        prompt: Prompt,
        *,
        rating: Any = None,
        guidance: float = 1.0,
        extrapolate: bool = False,
        stateful: bool | None = None,
    ) -> ModelLogProbs | None:
        """Return an object that computes the log-probabilities of samples in float32; see `generator` for the settings.

        It is None for samples that are not drawn from the model itself: those with guidance, and those of a model that
        reads the last window again for each token.
        """
        if guidance != 1 or not self.factory(stateful, None).is_stateful:
            return None
        return ModelLogProbs(self.run, prompt, self._values(rating, extrapolate=extrapolate))

    def _values(self, rating: Any, *, extrapolate: bool) -> Float64[np.ndarray, " columns"] | None:
        """Return the value of each rating and category that the model receives; None without a request."""
        return None if rating is None else self.run.config.conditions.encode_request(rating, extrapolate=extrapolate)

    def normalized(self, config: SamplingConfig) -> SamplingConfig:
        """Return sampling settings whose strings are transformed as the training corpus was."""
        return normalize_strings(config, self.run)

    def redraws(self, config: SamplingConfig) -> bool:
        """Return whether a sample is drawn again if it does not match its grammar or breaks a rule of the codec."""
        return config.beam < 2 and (self.run.codec.has_rules or config.text_grammar is not None)

    def drawn(self, generator: TextGenerator, prompt: Prompt, config: SamplingConfig, count: int) -> Iterator[Sample]:
        """Return an iterator over samples; their log-probabilities are those of the packed weights."""
        sampling = self.normalized(config)
        guard = self.copy_guard(sampling)

        def draw(first_index: int, count: int) -> Iterator[Sample]:
            samples = generator.generate(prompt, sampling, count=count, first_index=first_index, guard=guard)
            return map(partial(self._checked, prompt), samples) if self.run.codec.has_rules else samples

        return matching(draw, count) if self.redraws(config) else draw(0, count)

    def _checked(self, prompt: Prompt, sample: Sample) -> Sample:
        """Return a sample, marked as not matching if it breaks a rule of the codec."""
        keeps_rules = not self.run.codec.faults([*prompt.ids, *sample.tokens])
        return sample.marked(keeps_rules and sample.matched is not False)

    def unmatched_message(
        self, samples: Sequence[Sample], config: SamplingConfig, *, redrawn: bool = True
    ) -> str | None:
        """Return how many samples break a rule or do not match the grammar of `config`, and why; None if all match."""
        if all(sample.matched is not False for sample in samples):
            return None
        if config.text_grammar is None:
            return broken_rules_message(samples, self.run.codec.level, config.length)
        return unmatched_message(samples, self.normalized(config), self.run.codec.token_bytes, redrawn=redrawn)

    def check_payload_files(self, path: Path, count: int, *, may_exist: bool, options: Mapping[str, Any]) -> None:
        """Check that samples can be written into files of the run's kind; see `payload_files.check_payload_files`."""
        check_payload_files(self.run.codec, path, count, may_exist=may_exist, options=options)

    def write_payload(self, sample: Sample, prompt: str, path: Path, options: Mapping[str, Any]) -> None:
        """Write the prompt and a sample into a file of the run's kind, such as MIDI; see `payload_files`."""
        write_payload(self.run.codec, sample, prompt, path, options)

    def prompt_of_file(self, path: Path) -> str:
        """Return a file of the run's kind, such as MIDI, as a prompt."""
        return prompt_of_file(self.run.codec, path)

    def copy_guard(self, config: SamplingConfig) -> TokenPredicate | None:
        """Return the guard against copies of the training corpus; None if `config.max_copy` is 0.

        The guard is a function that decides whether a token may follow the bytes generated so far. It refuses tokens
        that would complete a copy of more than `max_copy` characters.

        Raises:
            SourceError: the training corpus is not available.
        """
        if not config.max_copy:
            return None
        if not isinstance(self.run.codec, TextCodec):
            kind = self.run.codec.payload_type.kind
            raise ConfigError(f"`max_copy` compares characters, and this run generates {kind}: leave it out")
        from seqloom.runs.training_corpus import training_copy_index

        return training_copy_index(self.run).constraint(config.max_copy)
