"""The pictures of a run: its loss, what temperature does to one choice, and entropy against temperature."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from seqloom.errors import ConfigError
from seqloom.plots.game import game_curves
from seqloom.plots.losses import loss_curve
from seqloom.plots.temperatures import entropy_curve, temperature_fan
from seqloom.sampling import reweight
from seqloom.workflows.run import Run

__all__ = ["FAN", "draw_game", "draw_plots"]

FAN = (0.2, 0.5, 1.0, 1.2)
"""Temperatures of the fan."""

_ENTROPY_TEMPERATURES = np.union1d(np.geomspace(0.05, 10, 60), [1.0])
"""With 1 itself, so that the curve and the fan say the same there."""


def draw_plots(
    run: Run,
    *,
    prompt: str = "",
    temperatures: Sequence[float] = FAN,
    folder: Path | None = None,
    skip_unknown: bool = False,
) -> list[Path]:
    """Draw every plot of a run; those whose data is not there yet are left out.

    Args:
        run: with weights, or at least a log.
        prompt: what the next token follows.
        temperatures: of the fan.
        skip_unknown: leave out symbols of the prompt that the run does not know.
        folder: where the PNGs go; the run's `plots/` by default.

    Returns:
        The files written.

    Raises:
        RunError: the run has no weights yet.
        ConfigError: a temperature is below 0, or the folder is a file.
        CodecError: the prompt has symbols outside the vocabulary.
    """
    folder = folder or run.folder.plots_folder
    if folder.is_file():
        raise ConfigError(f"--output got {folder}, which is a file: name a folder")
    probabilities = run.next_distribution(prompt, skip_unknown=skip_unknown)
    fan = np.stack([reweight(probabilities, temperature) for temperature in temperatures])
    entropies = [_entropy_bits(reweight(probabilities, temperature)) for temperature in _ENTROPY_TEMPERATURES]
    draw = draw_game if run.config.model.noise else _draw_losses
    drawn = [draw(run, folder)] if run.folder.read_log() else []
    tokens = ["(end)" if index == run.codec.boundary else run.codec.decode([index]) for index in range(len(run.codec))]
    return [
        *drawn,
        temperature_fan(folder / "temperature.png", tokens, fan, temperatures, prompt=prompt),
        entropy_curve(
            folder / "entropy.png", _ENTROPY_TEMPERATURES.tolist(), entropies, vocabulary=len(run.codec), prompt=prompt
        ),
    ]


def draw_game(run: Run, folder: Path) -> Path:
    """Draw how the training of a GAN went.

    Args:
        run: of a GAN, with a log.
        folder: where the PNG goes.

    Raises:
        RunError: what is kept of the GAN is damaged.
    """
    gan, _ = run.folder.read_gan()
    metrics = run.folder.read_metrics()
    inside = f"inside its band in {metrics['inside_band']:.0%} of the rounds" if "inside_band" in metrics else ""
    return game_curves(
        folder / "gan.png",
        run.folder.read_log(),
        gan.band,
        gan.awakening + gan.schooling,
        title=f"{Path(run.config.corpus).name}: generator and discriminator",
        subtitle=inside,
    )


def _draw_losses(run: Run, folder: Path) -> Path:
    log, model = run.folder.read_log(), run.config.model
    trained = [line for line in log if "loss" in line]
    validated = [line for line in log if "validation_loss" in line]
    return loss_curve(
        folder / "loss.png",
        [line["step"] for line in trained],
        [line["loss"] for line in trained],
        ([line["step"] for line in validated], [line["validation_loss"] for line in validated]),
        title=f"{Path(run.config.corpus).name}: {model.core} of {' + '.join(map(str, model.sizes))}",
    )


def _entropy_bits(probabilities: Float[np.ndarray, " vocab"]) -> float:
    possible = probabilities[probabilities > 0]
    return float(-(possible * np.log2(possible)).sum())
