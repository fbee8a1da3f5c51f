"""A run that generates text; its methods have the settings of generation as explicit parameters."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom.api.arguments import generation_options
from seqloom.argument_names import suggests_arguments
from seqloom.config import DecodingConfig, SamplingConfig
from seqloom.config.choices import DecodingPrecision, Method, Rating
from seqloom.config.settings import pick
from seqloom.generation.generator import Prompt, TextGenerator
from seqloom.generation.matching_samples import single_piece
from seqloom.generation.options import GenerationOptions, check_count, sampling_config
from seqloom.generation.prompt_characters import prepare_prompt
from seqloom.generation.run_generators import RunGenerators
from seqloom.rating.request import RatingRequest
from seqloom.runs.saved_run import SavedRun
from seqloom.sampling import Sample
from seqloom.sampling.constraints import TokenPredicate
from seqloom.user_warnings import warn_user

if TYPE_CHECKING:
    from seqloom.rating.generate import RatedGeneration

__all__ = ["GeneratingRun"]


class GeneratingRun(SavedRun):
    """A run, ready to generate.

    Args:
        path: run folder.

    Attributes:
        generators: factory of text generators for any rating.

    Raises:
        RunError: the folder is missing, half-written, damaged, or from a newer format.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self.generators = RunGenerators(self)

    @suggests_arguments
    def generate(
        self,
        prompt: str = "",
        *,
        length: int = 400,
        min_length: int = 0,
        temperature: float = 1.0,
        dynatemp_range: float = 0.0,
        dynatemp_exponent: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        typical_p: float = 1.0,
        top_n_sigma: float = 0.0,
        xtc_probability: float = 0.0,
        xtc_threshold: float = 0.1,
        mirostat_tau: float = 0.0,
        mirostat_eta: float = 0.1,
        repetition_penalty: float = 1.0,
        repetition_window: int = 64,
        frequency_penalty: float = 0.0,
        presence_penalty: float = 0.0,
        dry_multiplier: float = 0.0,
        dry_base: float = 1.75,
        dry_allowed_length: int = 2,
        dry_breaker: Sequence[str] = ("\n", ":", '"', "*"),
        stop: Sequence[str] = (),
        ban: Sequence[str] = (),
        bias: Mapping[int, float] | None = None,
        transforms: Mapping[str, Mapping[str, float]] | None = None,
        pattern: str | None = None,
        json_schema: str | Mapping[str, Any] | None = None,
        grammar: str | None = None,
        beam: int = 0,
        seed: int = 0,
        max_copy: int = 0,
        draft_length: int | None = None,
        watermark: str | None = None,
        rating: Rating | None = None,
        guidance: float = 1.0,
        extrapolate: bool = False,
        stateful: bool | None = None,
        precision: DecodingPrecision | None = None,
        skip_unknown: bool = False,
    ) -> str:
        """Generate text that continues a prompt.

        See `SamplingConfig` and `DecodingConfig` for the settings that are not described here.

        Args:
            prompt: text to continue; transformed as the corpus was (lower case, normal form).
            rating: requested rating: a number, or numbers and categories by column; None requests none.
            guidance: factor that amplifies the effect of the rating; 1 does not amplify, 1.5 is usual.
            extrapolate: whether ratings outside the range of the training data are allowed.
            stateful: whether the model's state is carried from token to token; False reads the last window again for
                each token. None means False for a run that was trained on windows, and True for any other run.

        Returns:
            The generated text, without the prompt.

        Raises:
            ConfigError: a setting is out of range.
            CodecError: the prompt has symbols outside the vocabulary, and `skip_unknown` is not set.

        Warns:
            UserWarning: the text ended before it matched `pattern`, `json_schema` or `grammar`.
        """
        options = generation_options(locals())
        generator, encoded = self._prepare(prompt, options)
        sample = next(self._drawn(generator, encoded, options, count=1))
        self._warn_of_unmatched([sample], options)
        return sample.text

    @suggests_arguments
    def samples(
        self,
        prompt: str = "",
        count: int = 1,
        *,
        length: int = 400,
        min_length: int = 0,
        temperature: float = 1.0,
        dynatemp_range: float = 0.0,
        dynatemp_exponent: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        typical_p: float = 1.0,
        top_n_sigma: float = 0.0,
        xtc_probability: float = 0.0,
        xtc_threshold: float = 0.1,
        mirostat_tau: float = 0.0,
        mirostat_eta: float = 0.1,
        repetition_penalty: float = 1.0,
        repetition_window: int = 64,
        frequency_penalty: float = 0.0,
        presence_penalty: float = 0.0,
        dry_multiplier: float = 0.0,
        dry_base: float = 1.75,
        dry_allowed_length: int = 2,
        dry_breaker: Sequence[str] = ("\n", ":", '"', "*"),
        stop: Sequence[str] = (),
        ban: Sequence[str] = (),
        bias: Mapping[int, float] | None = None,
        transforms: Mapping[str, Mapping[str, float]] | None = None,
        pattern: str | None = None,
        json_schema: str | Mapping[str, Any] | None = None,
        grammar: str | None = None,
        beam: int = 0,
        seed: int = 0,
        max_copy: int = 0,
        draft_length: int | None = None,
        watermark: str | None = None,
        rating: Rating | None = None,
        guidance: float = 1.0,
        extrapolate: bool = False,
        stateful: bool | None = None,
        precision: DecodingPrecision | None = None,
        skip_unknown: bool = False,
    ) -> list[Sample]:
        """Generate several samples; see `generate`. Sample `i` depends on the seed and `i`, but not on `count`."""
        options = generation_options(locals())
        samples = list(self.generate_iter(prompt, count, options))
        self._warn_of_unmatched(samples, options)
        return samples

    @suggests_arguments
    def stream(
        self,
        prompt: str = "",
        *,
        length: int = 400,
        min_length: int = 0,
        temperature: float = 1.0,
        dynatemp_range: float = 0.0,
        dynatemp_exponent: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        typical_p: float = 1.0,
        top_n_sigma: float = 0.0,
        xtc_probability: float = 0.0,
        xtc_threshold: float = 0.1,
        mirostat_tau: float = 0.0,
        mirostat_eta: float = 0.1,
        repetition_penalty: float = 1.0,
        repetition_window: int = 64,
        frequency_penalty: float = 0.0,
        presence_penalty: float = 0.0,
        dry_multiplier: float = 0.0,
        dry_base: float = 1.75,
        dry_allowed_length: int = 2,
        dry_breaker: Sequence[str] = ("\n", ":", '"', "*"),
        stop: Sequence[str] = (),
        ban: Sequence[str] = (),
        bias: Mapping[int, float] | None = None,
        transforms: Mapping[str, Mapping[str, float]] | None = None,
        pattern: str | None = None,
        json_schema: str | Mapping[str, Any] | None = None,
        grammar: str | None = None,
        beam: int = 0,
        seed: int = 0,
        max_copy: int = 0,
        draft_length: int | None = None,
        watermark: str | None = None,
        rating: Rating | None = None,
        guidance: float = 1.0,
        extrapolate: bool = False,
        stateful: bool | None = None,
        precision: DecodingPrecision | None = None,
        skip_unknown: bool = False,
    ) -> Iterator[str]:
        """Generate piece by piece; the pieces joined are the result of `generate`."""
        options = generation_options(locals())
        generator, encoded = self._prepare(prompt, options)
        sampling = self.generators.normalized(options.sampling)
        if self.generators.redraws(sampling):  # a text that does not match is drawn again
            sample = next(self._drawn(generator, encoded, options, count=1))
            self._warn_of_unmatched([sample], options)
            return single_piece(sample)
        return generator.stream(encoded, sampling, guard=self.copy_guard(options.sampling))

    @suggests_arguments
    def generate_rated(
        self,
        rating: Rating,
        prompt: str = "",
        count: int = 1,
        *,
        methods: Sequence[Method] | None = None,
        guidance: float | None = None,
        critic: Any = None,
        tolerance: float | None = None,
        budget: int | None = None,
        particles: int | None = None,
        extrapolate: bool = False,
        length: int = 400,
        min_length: int = 0,
        temperature: float = 1.0,
        dynatemp_range: float = 0.0,
        dynatemp_exponent: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        typical_p: float = 1.0,
        top_n_sigma: float = 0.0,
        xtc_probability: float = 0.0,
        xtc_threshold: float = 0.1,
        mirostat_tau: float = 0.0,
        mirostat_eta: float = 0.1,
        repetition_penalty: float = 1.0,
        repetition_window: int = 64,
        frequency_penalty: float = 0.0,
        presence_penalty: float = 0.0,
        dry_multiplier: float = 0.0,
        dry_base: float = 1.75,
        dry_allowed_length: int = 2,
        dry_breaker: Sequence[str] = ("\n", ":", '"', "*"),
        stop: Sequence[str] = (),
        ban: Sequence[str] = (),
        bias: Mapping[int, float] | None = None,
        transforms: Mapping[str, Mapping[str, float]] | None = None,
        pattern: str | None = None,
        json_schema: str | Mapping[str, Any] | None = None,
        grammar: str | None = None,
        beam: int = 0,
        seed: int = 0,
        max_copy: int = 0,
        draft_length: int | None = None,
        watermark: str | None = None,
        stateful: bool | None = None,
        precision: DecodingPrecision | None = None,
        skip_unknown: bool = False,
    ) -> "RatedGeneration":
        """Generate text for a requested rating, with or without a critic, which predicts the rating of a text.

        See `RatingRequest`, `SamplingConfig` and `DecodingConfig` for the settings that are not described here.

        Args:
            rating: requested rating: a number, or numbers and categories by column.
            prompt: text to continue.
            count: number of texts.
            methods: methods of rating control; None chooses them.
            guidance: factor that amplifies the effect of the rating; None chooses it.
            critic: folder of a critic, folder of a run trained with ratings (which rates texts by Bayes' rule),
                regressor with `predict`, or function from texts to ratings; None for no critic.
            tolerance: largest difference between the critic's rating and the requested one.
            budget: largest number of candidates for each of the `count` texts, for the method "rejection".
            particles: candidates that grow in parallel for each text, for the method "smc" (sequential Monte Carlo).
            extrapolate: whether ratings outside the range of the training data are allowed.

        Returns:
            An iterable of texts with the critic's ratings; it also counts generated and accepted texts and tokens.

        Raises:
            ConfigError: a setting is out of range, or settings contradict one another or the run.
        """
        arguments = locals()
        from seqloom.rating.generate import generate_rated

        decoding = pick(DecodingConfig, arguments)
        return generate_rated(
            self.generators,
            pick(RatingRequest, arguments),
            sampling_config(arguments, count),
            prompt=prompt,
            count=count,
            stateful=decoding.stateful,
            precision=decoding.precision,
            skip_unknown=decoding.skip_unknown,
        )

    def generate_iter(self, prompt: str, count: int, options: GenerationOptions) -> Iterator[Sample]:
        """Return an iterator over the results of `samples`; they become available in growing batches."""
        check_count(count, options.sampling.beam)
        generator, encoded = self._prepare(prompt, options)
        temperature = options.sampling.temperature
        samples = (
            replace(sample, prompt=prompt, temperature=temperature)
            for sample in self._drawn(generator, encoded, options, count)
        )
        log_probs = self.generators.model_log_probs(
            encoded,
            rating=options.rating,
            guidance=options.guidance,
            extrapolate=options.extrapolate,
            stateful=options.decoding.stateful,
        )
        return samples if log_probs is None else log_probs.batched(samples)

    def stream_many(
        self, prompt: str, count: int, options: GenerationOptions
    ) -> Iterator[Generator[str, None, Sample]]:
        """Return an iterator over one generator per sample; each yields a text piece by piece and returns the sample.

        The samples are those of `samples` with the same arguments.
        """
        check_count(count, options.sampling.beam)
        generator, encoded = self._prepare(prompt, options)
        config, guard = self.generators.normalized(options.sampling), self.copy_guard(options.sampling)
        if config.beam > 1 or self.generators.redraws(config):  # a text is known only when it is complete
            return map(single_piece, self._drawn(generator, encoded, options, count))
        return (generator.stream(encoded, config, index=index, guard=guard) for index in range(count))

    @suggests_arguments
    def generator(
        self,
        *,
        rating: Rating | None = None,
        guidance: float = 1.0,
        extrapolate: bool = False,
        stateful: bool | None = None,
        precision: DecodingPrecision | None = None,
    ) -> TextGenerator:
        """Return a generator of texts with these settings; see `generation.run_generators.RunGenerators.generator`."""
        return self.generators.generator(
            rating=rating, guidance=guidance, extrapolate=extrapolate, stateful=stateful, precision=precision
        )

    def copy_guard(self, config: SamplingConfig) -> TokenPredicate | None:
        """Return the constraint that `config.max_copy` puts on copies from the training corpus; None if it is 0."""
        return self.generators.copy_guard(config)

    def _drawn(
        self, generator: TextGenerator, prompt: Prompt, options: GenerationOptions, count: int
    ) -> Iterator[Sample]:
        """Return an iterator over samples; their log-probabilities are those of the packed weights."""
        return self.generators.drawn(generator, prompt, options.sampling, count)

    def _warn_of_unmatched(self, samples: Sequence[Sample], options: GenerationOptions) -> None:
        """Warn of samples that ended before they matched their pattern, JSON schema or grammar."""
        message = self.generators.unmatched_message(samples, options.sampling)
        if message is not None:
            warn_user(message)

    def _prepare(self, prompt: str, options: GenerationOptions) -> tuple[TextGenerator, Prompt]:
        """Return a generator for the options, and the normalized and encoded prompt."""
        decoding = options.decoding
        generator = self.generator(
            rating=options.rating,
            guidance=options.guidance,
            extrapolate=options.extrapolate,
            stateful=decoding.stateful,
            precision=decoding.precision,
        )
        return generator, generator.prompt(prepare_prompt(self, prompt), skip_unknown=decoding.skip_unknown)
