"""The Python interface: train, load, generate, score and measure."""

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from seqloom.config import SamplingConfig, validate
from seqloom.config.sampling import is_integer
from seqloom.errors import ConfigError
from seqloom.evaluation.likelihood import Likelihood
from seqloom.evaluation.token_scores import TokenScore
from seqloom.gan.layout import describe_gan
from seqloom.generation.generator import Prompt, TextGenerator
from seqloom.generation.run_generators import RunGenerators
from seqloom.lm.evaluate import Protocol, evaluate, score_text
from seqloom.rating.generate import RatedGeneration, generate_rated
from seqloom.rating.request import RatingRequest
from seqloom.registry import unknown_name
from seqloom.runs.describe import describe_run, num_parameters
from seqloom.runs.saved_run import SavedRun
from seqloom.sampling import Sample
from seqloom.sampling.constraints import TokenPredicate
from seqloom.sampling.watermark import WatermarkTest
from seqloom.watermark.detect import find_watermark

if TYPE_CHECKING:
    from seqloom.lm.observer import TrainingObserver

__all__ = ["Run", "load", "train", "train_gan"]

_OWN = ("carry", "precision", "skip_unknown", "rating", "guidance", "extrapolate")
"""Settings of generation that are none of `SamplingConfig`."""


def load(path: str | Path) -> "Run":
    """Open a run folder. Weights are read when they are first needed.

    Raises:
        RunError: the folder is missing, half-written, damaged, or from a newer format.
        ConfigError: `path` is neither a string nor a path.
    """
    return Run(path)


def train(
    source: str | Path | Sequence[str | Path] | None = None,
    *,
    run: str | Path | None = None,
    preset: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    from_run: str | Path | None = None,
    viewer: "TrainingObserver | None" = None,
    **settings: Any,
) -> "Run":
    """Train a model on a source and return the run; see `seqloom.lm.train.train`."""
    from seqloom.lm import train as training

    saved = training.train(
        source,
        run=run,
        preset=preset,
        resume=resume,
        overwrite=overwrite,
        from_run=from_run,
        viewer=viewer,
        **settings,
    )
    return Run(saved.path)


def train_gan(source: str | Path | None = None, **settings: Any) -> "Run":
    """Train a conditional text GAN and return its run; see `seqloom.gan.train.train_gan`."""
    from seqloom.gan import train as training

    return Run(training.train_gan(source, **settings).path)


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

    def generate(self, prompt: str = "", **settings: Any) -> str:
        """Generate text that continues a prompt.

        Args:
            prompt: text to continue; transformed as the corpus was (lower case, normal form).
            settings: fields of `SamplingConfig`, arguments of `RunGenerators.generator` (`rating`, `guidance` and
                others), and `skip_unknown`.

        Returns:
            The generated text, without the prompt.

        Raises:
            ConfigError: a setting is unknown or out of range.
            CodecError: the prompt has symbols outside the vocabulary, and `skip_unknown` is not set.
        """
        return next(iter(self.samples(prompt, **settings))).text

    def samples(self, prompt: str = "", count: int = 1, **settings: Any) -> list[Sample]:
        """Generate several samples; the same seed gives the same samples at any count. See `generate`."""
        return list(self.generate_iter(prompt, count, **settings))

    def generate_iter(self, prompt: str = "", count: int = 1, **settings: Any) -> Iterator[Sample]:
        """Yield the samples of `samples`, each as soon as it is complete."""
        writer, read, config = self._ready(prompt, count, settings)
        return writer.generate(read, config, count=count, guard=self.copy_guard(config))

    def stream(self, prompt: str = "", **settings: Any) -> Iterator[str]:
        """Generate piece by piece; the pieces joined are the result of `generate`."""
        writer, read, config = self._ready(prompt, 1, settings)
        return writer.stream(read, config, guard=self.copy_guard(config))

    def stream_many(self, prompt: str = "", count: int = 1, **settings: Any) -> Iterator[Generator[str, None, Sample]]:
        """Yield the samples of `samples` as streams of pieces; each generator returns its sample."""
        writer, read, config = self._ready(prompt, count, settings)
        guard = self.copy_guard(config)
        if config.beam > 1:
            return map(_whole, writer.generate(read, config, count=count, guard=guard))
        return (writer.stream(read, config, index=index, guard=guard) for index in range(count))

    def generate_rated(self, rating: Any, prompt: str = "", count: int = 1, **settings: Any) -> RatedGeneration:
        """Generate text for a requested rating, with a critic or without.

        Args:
            rating: a number, or numbers and categories by column.
            prompt: see `generate`.
            count: number of texts.
            settings: fields of `Request` (`methods`, `guidance`, `critic`, `agree`, `budget`, `particles`,
                `extrapolate`) and those of `generate`.

        Returns:
            An iterable of texts with the critic's ratings; it records the cost.

        Raises:
            ConfigError: a setting is unknown or out of range, or they contradict one another or the run.
        """
        asked = {name: settings.pop(name) for name in RatingRequest.__dataclass_fields__ if name in settings}
        own = {name: settings.pop(name) for name in _OWN if name in settings}
        return generate_rated(
            self.generators,
            RatingRequest(rating=rating, **asked),
            _sampling_config(settings, count),
            prompt=prompt,
            count=count,
            stateful=own.get("carry"),
            precision=own.get("precision"),
            skip_unknown=own.get("skip_unknown", False),
        )

    def next_distribution(
        self, prompt: str = "", temperature: float = 1.0, *, rating: Any = None, skip_unknown: bool = False
    ) -> Float64[np.ndarray, " vocab"]:
        """Return the probability of every token after a prompt, at a temperature, in float32."""
        writer = self.generator(rating=rating, precision="float32")
        return writer.distribution(writer.prompt(self.normalize(prompt), skip_unknown=skip_unknown), temperature)

    def generator(
        self,
        *,
        rating: Any = None,
        guidance: float = 1.0,
        extrapolate: bool = False,
        stateful: bool | None = None,
        precision: str | None = None,
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
        split: str = "all",
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

    def _ready(self, prompt: str, count: int, settings: dict[str, Any]) -> tuple[TextGenerator, Prompt, SamplingConfig]:
        own = {name: settings.pop(name) for name in _OWN if name in settings}
        config = _sampling_config(settings, count)
        skip_unknown = own.pop("skip_unknown", False)
        writer = self.generator(**own)
        return writer, writer.prompt(self.normalize(prompt), skip_unknown=skip_unknown), config


def _whole(sample: Sample) -> Generator[str, None, Sample]:
    """Yield a finished sample as a stream of one piece."""
    yield sample.text
    return sample


def _sampling_config(settings: dict[str, Any], count: int) -> SamplingConfig:
    known = dict.fromkeys((*SamplingConfig.__dataclass_fields__, *_OWN, "count"))
    unknown = [unknown_name("setting", name, known) for name in settings if name not in known]
    if unknown:
        raise ConfigError(*unknown)
    beam = settings.get("beam", 0)
    faults = [] if is_integer(count, 1) else [f"--count got {count!r}: it must be a whole number from 1 up"]
    if not faults and is_integer(beam, 2) and beam < count:
        faults.append(
            f"--count {count} is more than the {beam} texts that --beam {beam} finds: lower it, or raise --beam"
        )
    try:
        config = SamplingConfig(**settings)
    except ConfigError as error:
        raise ConfigError(*faults, *error.faults) from None
    validate(*[(False, fault) for fault in faults])
    return config
