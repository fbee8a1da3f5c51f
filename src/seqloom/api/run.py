"""A run with everything that it can do: generate, score, measure."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from seqloom.api.generating_run import GeneratingRun
from seqloom.api.run_page import describe_likelihood, run_as_html
from seqloom.argument_names import suggests_arguments
from seqloom.config.choices import Rating, SplitName
from seqloom.config.protocol import Protocol
from seqloom.evaluation.likelihood import Likelihood
from seqloom.evaluation.token_scores import TokenScore
from seqloom.gan.layout import describe_gan
from seqloom.generation.prompt_characters import prepare_prompt
from seqloom.lm.evaluate import compare, evaluate, score_source, score_text
from seqloom.lm.plots import PLOT_TEMPERATURES, draw_plots
from seqloom.runs.describe import describe_run, num_parameters
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


class Run(GeneratingRun):
    """A run, ready to generate, score and measure. A run may be used by one thread at a time.

    Args:
        path: run folder.

    Attributes:
        folder: files of the run.
        config: settings and origin of the run.
        codec: conversion of text to tokens and back.
        generators: factory of text generators for any rating.

    Raises:
        RunError: the folder is missing, half-written, damaged, or from a newer format.
    """

    def __repr__(self) -> str:
        model = self.config.model
        shape = f"{model.core} of {' + '.join(map(str, model.hidden_sizes))}, {num_parameters(model):,} parameters"
        measured = describe_likelihood(self.folder)
        return f"<Run {self.path}: {shape}, level {self.config.level}{f', {measured}' if measured else ''}>"

    def _repr_html_(self) -> str:
        """Return the run as a notebook shows it: description, loss curve and sample."""
        return run_as_html(repr(self), self.folder, lambda: self.generate(length=240, temperature=0.7))

    @suggests_arguments
    def next_distribution(
        self, prompt: str = "", temperature: float = 1.0, *, rating: Rating | None = None, skip_unknown: bool = False
    ) -> Float64[np.ndarray, " vocab"]:
        """Return the probability of every token after a prompt, at a temperature; the model computes in float32."""
        generator = self.generator(rating=rating, precision="float32")
        encoded = generator.prompt(prepare_prompt(self, prompt), skip_unknown=skip_unknown)
        return generator.distribution(encoded, temperature)

    @suggests_arguments
    def score(self, text: str, *, skip_unknown: bool = False) -> list[TokenScore]:
        """Return log-probability, rank and entropy of every token of a text, predicted from all tokens before it.

        Raises:
            CodecError: the text has symbols outside the vocabulary, and `skip_unknown` is False.
        """
        return score_text(self, text, skip_unknown=skip_unknown)

    @suggests_arguments
    def score_source(
        self,
        source: str | Path | Sequence[str | Path],
        *,
        skip_unknown: bool = False,
        note: Callable[[str], None] = lambda line: None,
    ) -> Iterator[Iterator[TokenScore]]:
        """Score every document of a source as `score` does, piece by piece; see `seqloom.lm.evaluate.score_source`."""
        return score_source(self, source, skip_unknown=skip_unknown, note=note)

    @suggests_arguments
    def plot(
        self,
        prompt: str = "",
        *,
        temperatures: Sequence[float] = PLOT_TEMPERATURES,
        folder: Path | None = None,
        skip_unknown: bool = False,
    ) -> list[Path]:
        """Draw the loss and the effect of temperature; see `seqloom.lm.plots.draw_plots`."""
        return draw_plots(self, prompt=prompt, temperatures=temperatures, folder=folder, skip_unknown=skip_unknown)

    def find_watermark(self, text: str, key: str) -> WatermarkTest:
        """Test a text for the watermark of a key, without the model's weights; see `seqloom.sampling.watermark`.

        Raises:
            ConfigError: the key is empty.
        """
        return find_watermark(self, text, key)

    @suggests_arguments
    def evaluate(
        self,
        source: str | Path | Sequence[str | Path] | None = None,
        protocol: Protocol | None = None,
        split: SplitName = "all",
        *,
        skip_unknown: bool = False,
        note: Callable[[str], None] = lambda line: None,
    ) -> Likelihood:
        """Measure the likelihood of a text under the model.

        Args:
            source: text to score, read with the settings of the training corpus; or the folder of another run, which
                stands for that run's corpus; None is the training corpus itself.
            protocol: how much context each token has; None scores every token after all tokens before it.
            split: "all", or a part of the corpus of a run: "train", "validation" or "held-out".
            skip_unknown: whether to skip symbols outside the vocabulary; the result's `skipped_symbols` counts them.
            note: receives lines on what makes the figures hard to compare.

        Raises:
            UserError: the source cannot be read or has unknown symbols, or the split is empty.
        """
        return evaluate(self, source, protocol, split, skip_unknown=skip_unknown, note=note)

    @suggests_arguments
    def compare(
        self,
        other: "str | Path | Run",
        source: str | Path | Sequence[str | Path] | None = None,
        protocol: Protocol | None = None,
        split: SplitName = "all",
        *,
        note: Callable[[str], None] = lambda line: None,
    ) -> tuple[Likelihood, Likelihood]:
        """Measure the likelihood of the same text under this run and another one.

        Characters that one of the runs does not know are left out for both, so that the figures are comparable. Runs of
        different levels have different tokens: compare their bits per character.

        Args:
            other: another run, or its folder.
            source: as for `evaluate`.
            protocol: as for `evaluate`.
            split: as for `evaluate`.
            note: as for `evaluate`.

        Raises:
            UserError: the source cannot be read, or the split is empty.
        """
        return compare(self, other if isinstance(other, Run) else Run(other), source, protocol, split, note=note)

    def info(self) -> dict[str, Any]:
        """Return a description of the run, in JSON's types."""
        described = describe_run(self)
        return {**described, "gan": describe_gan(self.folder, described["trained"]["steps"])}
