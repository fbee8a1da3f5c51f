"""The pictures of a run: its loss, what temperature does to one choice, and entropy against temperature."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from seqloom.errors import ConfigError
from seqloom.generation.run_generators import RunGenerators
from seqloom.plots.losses import loss_curve
from seqloom.plots.temperatures import entropy_curve, temperature_fan
from seqloom.runs.saved_run import SavedRun
from seqloom.sampling import reweight

__all__ = ["FAN", "draw_losses", "draw_plots"]

FAN = (0.2, 0.5, 1.0, 1.2)
"""Temperatures of the fan."""

_ENTROPY_TEMPERATURES = np.union1d(np.geomspace(0.05, 10, 60), [1.0])
"""With 1 itself, so that the curve and the fan say the same there."""


def draw_plots(
    run: SavedRun,
    *,
    prompt: str = "",
    temperatures: Sequence[float] = FAN,
    folder: Path | None = None,
    skip_unknown: bool = False,
    draw_training: Callable[[SavedRun, Path], Path] | None = None,
) -> list[Path]:
    """Draw every plot of a run; those whose data is not there yet are left out.

    Args:
        run: with weights, or at least a log.
        prompt: what the next token follows.
        temperatures: of the fan.
        skip_unknown: leave out symbols of the prompt that the run does not know.
        folder: where the PNGs go; the run's `plots/` by default.
        draw_training: draws the log of the training; `draw_losses` by default.

    Returns:
        The files written.

    Raises:
        RunError: the run has no weights yet.
        ConfigError: a temperature is below 0, or the folder is a file.
        CodecError: the prompt has symbols outside the vocabulary.
    """
    folder = folder or run.folder.plots_folder
    if folder.is_file():
        raise ConfigError(f"`output` got {folder}, which is a file: name a folder")
    generator = RunGenerators(run).generator(precision="float32")
    probabilities = generator.distribution(generator.prompt(run.normalize(prompt), skip_unknown=skip_unknown))
    fan = np.stack([reweight(probabilities, temperature) for temperature in temperatures])
    entropies = [_entropy_bits(reweight(probabilities, temperature)) for temperature in _ENTROPY_TEMPERATURES]
    drawn = [(draw_training or draw_losses)(run, folder)] if run.folder.read_log() else []
    tokens = ["(end)" if index == run.codec.boundary else run.codec.decode([index]) for index in range(len(run.codec))]
    return [
        *drawn,
        temperature_fan(folder / "temperature.png", tokens, fan, temperatures, prompt=prompt),
        entropy_curve(
            folder / "entropy.png", _ENTROPY_TEMPERATURES.tolist(), entropies, vocabulary=len(run.codec), prompt=prompt
        ),
    ]


def draw_losses(run: SavedRun, folder: Path) -> Path:
    """Draw the training and the validation loss of a run with a log."""
    log, model = run.folder.read_log(), run.config.model
    trained = [line for line in log if "loss" in line]
    validated = [line for line in log if "validation_loss" in line]
    return loss_curve(
        folder / "loss.png",
        [line["step"] for line in trained],
        [line["loss"] for line in trained],
        ([line["step"] for line in validated], [line["validation_loss"] for line in validated]),
        title=f"{Path(run.config.corpus).name}: {model.core} of {' + '.join(map(str, model.hidden_sizes))}",
    )


def _entropy_bits(probabilities: Float[np.ndarray, " vocab"]) -> float:
    possible = probabilities[probabilities > 0]
    return float(-(possible * np.log2(possible)).sum())
