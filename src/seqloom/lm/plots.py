"""Plots of a run: the loss, the effect of temperature on one prediction, and entropy against temperature."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from seqloom.corpora.drawings import Drawing
from seqloom.corpora.music import MusicPayload
from seqloom.errors import ConfigError
from seqloom.generation.prompt_characters import prepare_prompt
from seqloom.generation.run_generators import RunGenerators
from seqloom.plots.drawings import draw_sheet
from seqloom.plots.losses import plot_losses
from seqloom.plots.piano_roll import draw_rolls
from seqloom.plots.temperatures import plot_entropy, plot_temperatures
from seqloom.runs.saved_run import SavedRun
from seqloom.sampling import SamplingConfig, reweight

__all__ = ["PLOT_TEMPERATURES", "draw_losses", "draw_plots"]

PLOT_TEMPERATURES = (0.2, 0.5, 1.0, 1.2)
"""Default temperatures of the temperature plot."""

_SHEET_TEMPERATURES = (0.3, 0.5, 0.7, 1.0)
_SHEET_COLUMNS, _SHEET_LENGTH = 8, 1000

_ROLL_TEMPERATURES, _ROLL_LENGTH = (0.5, 0.8, 1.0, 1.2), 600

_ENTROPY_TEMPERATURES = np.union1d(np.geomspace(0.05, 10, 60), [1.0])
"""Temperatures of the entropy curve; 1 is added, so that the marked point of the curve at 1 is exact."""


def draw_plots(
    run: SavedRun,
    *,
    prompt: str = "",
    temperatures: Sequence[float] = PLOT_TEMPERATURES,
    folder: Path | None = None,
    skip_unknown: bool = False,
    draw_training: Callable[[SavedRun, Path], Path] | None = None,
) -> list[Path]:
    """Draw all plots of a run and return the files; a run without a log gets no plot of its training.

    Args:
        run: run with weights.
        prompt: text before the predicted token.
        temperatures: temperatures of the temperature plot.
        folder: folder of the PNGs; None for the run's `plots/`.
        skip_unknown: whether to skip symbols of the prompt outside the vocabulary.
        draw_training: function that draws the training log into a folder; None for `draw_losses`.

    Raises:
        RunError: the run has no weights yet.
        ConfigError: a temperature is below 0, or the folder is a file.
        CodecError: the prompt has symbols outside the vocabulary, and `skip_unknown` is False.
    """
    folder = folder or run.folder.plots_folder
    if folder.is_file():
        raise ConfigError(f"the plots cannot be written into {folder}, which is a file: name a folder")
    generator = RunGenerators(run).generator(precision="float32")
    encoded = generator.prompt(prepare_prompt(run, prompt), skip_unknown=skip_unknown)
    probabilities = generator.distribution(encoded)
    distributions = [reweight(probabilities, temperature) for temperature in temperatures]
    plots = [(draw_training or draw_losses)(run, folder)] if run.folder.read_log() else []
    plots += _sheets(run, folder)
    if generator.decoder.distribution is None:  # the temperature of a mixture does not act on single tokens
        plots += _plots_of_next_token(run, folder, probabilities, distributions, temperatures, prompt)
    return plots


def _plots_of_next_token(
    run: SavedRun,
    folder: Path,
    probabilities: Float[np.ndarray, " vocab"],
    distributions: Sequence[Float[np.ndarray, " vocab"]],
    temperatures: Sequence[float],
    prompt: str,
) -> list[Path]:
    """Draw the distribution of the next token by temperature, and its entropy."""
    entropies = [_entropy_bits(reweight(probabilities, temperature)) for temperature in _ENTROPY_TEMPERATURES]
    token_texts = [
        "(end)" if token == run.codec.boundary else run.codec.decode_text([token]) for token in range(len(run.codec))
    ]
    return [
        plot_temperatures(
            folder / "temperature.png", token_texts, np.stack(distributions), temperatures, prompt=prompt
        ),
        plot_entropy(
            folder / "entropy.png", _ENTROPY_TEMPERATURES.tolist(), entropies, vocabulary=len(run.codec), prompt=prompt
        ),
    ]


def _sheets(run: SavedRun, folder: Path) -> list[Path]:
    """Draw generated drawings or music by temperature, if the run generates one of them."""
    title = Path(run.config.corpus).name
    kind = run.codec.payload_type
    if kind is Drawing:
        rows = _samples(run, _SHEET_TEMPERATURES, _SHEET_LENGTH, _SHEET_COLUMNS)
        subtitle = "generated drawings; each row has a softmax temperature"
        return [draw_sheet(rows, folder / "drawings.png", title=title, subtitle=subtitle)]
    if issubclass(kind, MusicPayload):
        pieces = _samples(run, _ROLL_TEMPERATURES, _ROLL_LENGTH, 1)
        rolls = [(f"temperature {temperature}", music) for temperature, (music,) in pieces]
        return [draw_rolls(rolls, folder / "music.png", title=title, subtitle="beginnings of generated pieces")]
    return []


def _samples(run: SavedRun, temperatures: Sequence[float], length: int, count: int) -> list[tuple[str, list[Any]]]:
    """Return generated payloads by temperature."""
    generator = RunGenerators(run).generator()
    rows = []
    for temperature in temperatures:
        config = SamplingConfig(temperature=temperature, length=length)
        samples = generator.generate(generator.prompt(""), config, count=count)
        rows.append((f"{temperature:g}", [run.codec.decode(sample.tokens) for sample in samples]))
    return rows


def draw_losses(run: SavedRun, folder: Path) -> Path:
    """Draw training and validation loss from a run's log and return the file."""
    log, model = run.folder.read_log(), run.config.model
    training = [line for line in log if "loss" in line]
    validation = [line for line in log if "validation_loss" in line]
    return plot_losses(
        folder / "loss.png",
        steps=[line["step"] for line in training],
        train_losses=[line["loss"] for line in training],
        validation=([line["step"] for line in validation], [line["validation_loss"] for line in validation]),
        title=f"{Path(run.config.corpus).name}: {model.core} of {' + '.join(map(str, model.hidden_sizes))}",
    )


def _entropy_bits(probabilities: Float[np.ndarray, " vocab"]) -> float:
    positive = probabilities[probabilities > 0]
    return float(-(positive * np.log2(positive)).sum())
