"""A run with everything that it can do: generate, score, measure."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from seqloom.config import DecodingConfig, SamplingConfig, validate
from seqloom.config.choices import DecodingPrecision, Method, Rating, SplitName
from seqloom.config.settings import pick
from seqloom.errors import ConfigError
from seqloom.evaluation.likelihood import Likelihood
from seqloom.evaluation.token_scores import TokenScore
from seqloom.gan.layout import describe_gan
from seqloom.generation.generator import Prompt, TextGenerator
from seqloom.generation.options import GenerationOptions, check_count, count_faults
from seqloom.generation.run_generators import RunGenerators
from seqloom.lm.evaluate import Protocol, evaluate, score_source, score_text
from seqloom.lm.plots import FAN, draw_plots
from seqloom.rating.generate import RatedGeneration, generate_rated
from seqloom.rating.request import RatingRequest
from seqloom.runs.describe import describe_run, num_parameters
from seqloom.runs.saved_run import SavedRun
from seqloom.sampling import Sample
from seqloom.sampling.constraints import TokenPredicate
from seqloom.sampling.watermark import WatermarkTest
from seqloom.watermark.detect import find_watermark

__all__ = ["Run", "load"]


def load(path: str | Path) -> "Run":
    """Open a run folder. Weights are read when they are first needed.

    Raises:
        RunError: the folder is missing, half-written, damaged, or from a newer format.
        ConfigError: `path` is neither a string nor a path.
    """
    return Run(path)


class Run(SavedRun):
    """A run, ready to generate, score and measure.

    Args:
        path: run folder.

    Attributes:
        folder: files of the run.
        config: settings and origin of the run.
        codec: conversion of text to tokens and back.

    Raises:
        RunError: the folder is missing, half-written, damaged, or from a newer format.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self.generators = RunGenerators(self)

    def __repr__(self) -> str:
        model = self.config.model
        shape = f"{model.core} of {' + '.join(map(str, model.hidden_sizes))}, {num_parameters(model):,} parameters"
        return f"<Run {self.path}: {shape}, level {self.config.level}>"

    def generate(
        self,
        prompt: str = "",
        *,
        length: int = 400,
        min_length: int = 0,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        typical_p: float = 1.0,
        repetition_penalty: float = 1.0,
        repetition_window: int = 64,
        stop: Sequence[str] = (),
        ban: Sequence[str] = (),
        bias: Mapping[int, float] | None = None,
        transforms: Mapping[str, Mapping[str, float]] | None = None,
        pattern: str | None = None,
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

        See `SamplingConfig` and `DecodingConfig` for the meaning of the settings.

        Args:
            prompt: text to continue; transformed as the corpus was (lower case, normal form).
            rating: requested rating: a number, or numbers and categories by column; None leaves all open.
            guidance: guidance scale of the rating; 1 is plain, 1.5 is usual.
            extrapolate: whether ratings outside the range of the training data are allowed.

        Returns:
            The generated text, without the prompt.

        Raises:
            ConfigError: a setting is out of range.
            CodecError: the prompt has symbols outside the vocabulary, and `skip_unknown` is not set.
        """
        return next(self.generate_iter(prompt, 1, _generation_options(locals()))).text

    def samples(
        self,
        prompt: str = "",
        count: int = 1,
        *,
        length: int = 400,
        min_length: int = 0,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        typical_p: float = 1.0,
        repetition_penalty: float = 1.0,
        repetition_window: int = 64,
        stop: Sequence[str] = (),
        ban: Sequence[str] = (),
        bias: Mapping[int, float] | None = None,
        transforms: Mapping[str, Mapping[str, float]] | None = None,
        pattern: str | None = None,
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
        """Generate several samples; the same seed gives the same samples at any count. See `generate`."""
        return list(self.generate_iter(prompt, count, _generation_options(locals())))

    def stream(
        self,
        prompt: str = "",
        *,
        length: int = 400,
        min_length: int = 0,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        typical_p: float = 1.0,
        repetition_penalty: float = 1.0,
        repetition_window: int = 64,
        stop: Sequence[str] = (),
        ban: Sequence[str] = (),
        bias: Mapping[int, float] | None = None,
        transforms: Mapping[str, Mapping[str, float]] | None = None,
        pattern: str | None = None,
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
        options = _generation_options(locals())
        generator, read = self._ready(prompt, options)
        return generator.stream(read, options.sampling, guard=self.copy_guard(options.sampling))

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
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        typical_p: float = 1.0,
        repetition_penalty: float = 1.0,
        repetition_window: int = 64,
        stop: Sequence[str] = (),
        ban: Sequence[str] = (),
        bias: Mapping[int, float] | None = None,
        transforms: Mapping[str, Mapping[str, float]] | None = None,
        pattern: str | None = None,
        beam: int = 0,
        seed: int = 0,
        max_copy: int = 0,
        draft_length: int | None = None,
        watermark: str | None = None,
        stateful: bool | None = None,
        precision: DecodingPrecision | None = None,
        skip_unknown: bool = False,
    ) -> RatedGeneration:
        """Generate text for a requested rating, with a critic or without.

        See `RatingRequest`, `SamplingConfig` and `DecodingConfig` for the meaning of the settings.

        Args:
            rating: requested rating: a number, or numbers and categories by column.
            prompt: text to continue.
            count: number of texts.
            methods: methods of rating control; None chooses them.
            guidance: guidance scale.
            critic: folder of a critic or a rated run, a regressor with `predict`, or a function from texts to ratings.
            tolerance: largest difference between the critic's rating and the requested one.
            budget: candidates generated at most for each text of `count`.
            particles: particles of sequential Monte Carlo.
            extrapolate: whether ratings outside the range of the training data are allowed.

        Returns:
            An iterable of texts with the critic's ratings; it records the cost.

        Raises:
            ConfigError: a setting is out of range, or settings contradict one another or the run.
        """
        arguments = locals()
        decoding = pick(DecodingConfig, arguments)
        return generate_rated(
            self.generators,
            pick(RatingRequest, arguments),
            _sampling_config(arguments, count),
            prompt=prompt,
            count=count,
            stateful=decoding.stateful,
            precision=decoding.precision,
            skip_unknown=decoding.skip_unknown,
        )

    def generate_iter(self, prompt: str, count: int, options: GenerationOptions) -> Iterator[Sample]:
        """Yield the samples of `samples`, each as soon as it is complete."""
        check_count(count, options.sampling.beam)
        generator, read = self._ready(prompt, options)
        return generator.generate(read, options.sampling, count=count, guard=self.copy_guard(options.sampling))

    def stream_many(
        self, prompt: str, count: int, options: GenerationOptions
    ) -> Iterator[Generator[str, None, Sample]]:
        """Yield the samples of `samples` as streams of pieces; each generator returns its sample."""
        check_count(count, options.sampling.beam)
        generator, read = self._ready(prompt, options)
        config, guard = options.sampling, self.copy_guard(options.sampling)
        if config.beam > 1:
            return map(_single_piece, generator.generate(read, config, count=count, guard=guard))
        return (generator.stream(read, config, index=index, guard=guard) for index in range(count))

    def next_distribution(
        self, prompt: str = "", temperature: float = 1.0, *, rating: Rating | None = None, skip_unknown: bool = False
    ) -> Float64[np.ndarray, " vocab"]:
        """Return the probability of every token after a prompt, at a temperature, in float32."""
        writer = self.generator(rating=rating, precision="float32")
        return writer.distribution(writer.prompt(self.normalize(prompt), skip_unknown=skip_unknown), temperature)

    def generator(
        self,
        *,
        rating: Rating | None = None,
        guidance: float = 1.0,
        extrapolate: bool = False,
        stateful: bool | None = None,
        precision: DecodingPrecision | None = None,
    ) -> TextGenerator:
        """Return a generator; see `RunGenerators.generator`."""
        return self.generators.generator(
            rating=rating, guidance=guidance, extrapolate=extrapolate, stateful=stateful, precision=precision
        )

    def score(self, text: str, *, skip_unknown: bool = False) -> list[TokenScore]:
        """Return log-probability, rank and entropy of every token of a text, each given all tokens before it.

        Raises:
            CodecError: the text has symbols outside the vocabulary, and `skip_unknown` is False.
        """
        return score_text(self, text, skip_unknown=skip_unknown)

    def score_source(
        self,
        source: str | Path | Sequence[str | Path],
        *,
        skip_unknown: bool = False,
        note: Callable[[str], None] = lambda line: None,
    ) -> Iterator[Iterator[TokenScore]]:
        """Score every document of a source as `score` does, piece by piece; see `seqloom.lm.evaluate.score_source`."""
        return score_source(self, source, skip_unknown=skip_unknown, note=note)

    def plot(
        self,
        prompt: str = "",
        *,
        temperatures: Sequence[float] = FAN,
        folder: Path | None = None,
        skip_unknown: bool = False,
    ) -> list[Path]:
        """Draw the loss and the effect of temperature; see `seqloom.lm.plots.draw_plots`."""
        return draw_plots(self, prompt=prompt, temperatures=temperatures, folder=folder, skip_unknown=skip_unknown)

    def find_watermark(self, text: str, key: str) -> WatermarkTest:
        """Test a text for the watermark of a key; needs no weights. See `seqloom.sampling.watermark.find_mark`.

        Raises:
            ConfigError: the key is empty.
        """
        return find_watermark(self, text, key)

    def evaluate(
        self,
        source: str | Path | Sequence[str | Path] | None = None,
        protocol: Protocol | None = None,
        split: SplitName = "all",
        *,
        skip_unknown: bool = False,
    ) -> Likelihood:
        """Measure the likelihood of a text under the model.

        Args:
            source: text to read, as the training corpus was read; None is the training corpus.
            protocol: full context by default.
            split: "all", or a part of the training corpus: "train", "validation" or "held-out".
            skip_unknown: skip symbols outside the vocabulary; the result's `left_out` counts them.

        Raises:
            UserError: the source cannot be read or has unknown symbols, or the split is empty.
        """
        return evaluate(self, source, protocol, split, skip_unknown=skip_unknown)

    def info(self) -> dict[str, Any]:
        """Return a description of the run, in JSON's types."""
        described = describe_run(self)
        return {**described, "gan": describe_gan(self.folder, described["trained"]["steps"])}

    def copy_guard(self, config: SamplingConfig) -> TokenPredicate | None:
        """Return the constraint against copies from the training corpus; see `RunGenerators.copy_guard`."""
        return self.generators.copy_guard(config)

    def _ready(self, prompt: str, options: GenerationOptions) -> tuple[TextGenerator, Prompt]:
        decoding = options.decoding
        generator = self.generator(
            rating=options.rating,
            guidance=options.guidance,
            extrapolate=options.extrapolate,
            stateful=decoding.stateful,
            precision=decoding.precision,
        )
        return generator, generator.prompt(self.normalize(prompt), skip_unknown=decoding.skip_unknown)


def _single_piece(sample: Sample) -> Generator[str, None, Sample]:
    """Yield a finished sample as a stream of one piece."""
    yield sample.text
    return sample


def _generation_options(arguments: Mapping[str, Any]) -> GenerationOptions:
    """Return the options among the arguments of a method; every fault is reported at once."""
    return GenerationOptions(
        sampling=_sampling_config(arguments, arguments.get("count", 1)),
        decoding=pick(DecodingConfig, arguments),
        rating=arguments["rating"],
        guidance=arguments["guidance"],
        extrapolate=arguments["extrapolate"],
    )


def _sampling_config(arguments: Mapping[str, Any], count: int) -> SamplingConfig:
    faults = count_faults(count, arguments["beam"])
    try:
        config = pick(SamplingConfig, arguments)
    except ConfigError as error:
        raise ConfigError(*faults, *error.faults) from None
    validate(*[(False, fault) for fault in faults])
    return config
