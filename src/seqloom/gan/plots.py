"""Plot the training of a GAN.

Plots and metrics call an adversarial step a round.
"""

from pathlib import Path

from seqloom.gan.layout import read_gan_config
from seqloom.percent import format_percent
from seqloom.plots.gan import plot_gan_training
from seqloom.runs.saved_run import SavedRun

__all__ = ["draw_gan_training"]


def draw_gan_training(run: SavedRun, folder: Path) -> Path:
    """Draw the training curves of a GAN and return the path of the PNG.

    Args:
        run: run of a GAN; its folder contains a log.
        folder: folder of the PNG.

    Raises:
        RunError: `gan.json` is damaged.
    """
    gan, _ = read_gan_config(run.folder)
    metrics = run.folder.read_metrics()
    band_share = metrics.get("inside_band")
    subtitle = (
        ""
        if band_share is None
        else f"discriminator accuracy inside its band in {format_percent(band_share)} of the rounds"
    )
    return plot_gan_training(
        folder / "gan.png",
        run.folder.read_log(),
        accuracy_band=gan.accuracy_band,
        updates_before_rounds=gan.pretrain_steps + gan.warmup_steps,
        title=f"{Path(run.config.corpus).name}: generator and discriminator",
        subtitle=subtitle,
    )
