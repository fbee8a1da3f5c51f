"""Plot the training of a GAN."""

from pathlib import Path

from seqloom.gan.layout import read_gan_config
from seqloom.plots.gan import game_curves
from seqloom.runs.saved_run import SavedRun

__all__ = ["draw_gan_training"]


def draw_gan_training(run: SavedRun, folder: Path) -> Path:
    """Draw how the training of a GAN went.

    Args:
        run: of a GAN, with a log.
        folder: where the PNG goes.

    Raises:
        RunError: what is kept of the GAN is damaged.
    """
    gan, _ = read_gan_config(run.folder)
    metrics = run.folder.read_metrics()
    inside = f"inside its band in {metrics['inside_band']:.0%} of the rounds" if "inside_band" in metrics else ""
    return game_curves(
        folder / "gan.png",
        run.folder.read_log(),
        gan.accuracy_band,
        gan.pretrain_steps + gan.warmup_steps,
        title=f"{Path(run.config.corpus).name}: generator and discriminator",
        subtitle=inside,
    )
