"""The files that a GAN adds to its run folder."""

from pathlib import Path
from typing import Any

from seqloom.config.gan import GanConfig
from seqloom.errors import RunError, UserError
from seqloom.files import write_checked_json
from seqloom.runs.layout import RunFolder
from seqloom.runs.migrations import FORMAT, migrate
from seqloom.runs.stored_paths import from_stored, source_to_stored, to_stored

__all__ = ["describe_gan", "read_gan_config", "update_gan_config", "write_gan_config"]


def read_gan_config(folder: RunFolder) -> tuple[GanConfig, Path]:
    """Return the settings of a GAN, and the path of its parent: the run that its training started from.

    Raises:
        RunError: `gan.json` is missing or damaged, or belongs to another run.
    """
    stored = migrate(folder.read_gan_json(), str(folder.gan_file))
    try:
        return GanConfig.from_json(stored["gan"]), Path(from_stored(stored["parent"], folder.path))
    except (UserError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(f"{folder.gan_file} is damaged ({error}): start again with `overwrite`") from None


def write_gan_config(folder: RunFolder, gan: GanConfig, source: str, parent: Path, run_id: str | None) -> None:
    """Write `gan.json`.

    Args:
        folder: run folder.
        gan: settings of the GAN.
        source: table of rated texts.
        parent: run that the training starts from.
        run_id: identity of the GAN's run.

    Raises:
        SeqloomError: the disk is full or the folder cannot be written to.
    """
    paths = {"source": source_to_stored(source, folder.path), "parent": to_stored(str(parent), folder.path)}
    identity = {} if run_id is None else {"run": run_id}
    write_checked_json(folder.gan_file, {"format": FORMAT, **identity, "gan": gan.to_json(), **paths})


def update_gan_config(folder: RunFolder, gan: GanConfig) -> None:
    """Replace the settings in `gan.json`.

    Raises:
        RunError: `gan.json` is missing or damaged.
        SeqloomError: the disk is full or the folder cannot be written to.
    """
    write_checked_json(folder.gan_file, {**folder.read_gan_json(), "format": FORMAT, "gan": gan.to_json()})


def describe_gan(folder: RunFolder, steps: int) -> dict[str, Any] | None:
    """Return the settings of a GAN and `rounds_done`, its finished adversarial steps; None for any other run.

    Args:
        folder: run folder.
        steps: finished training steps, summed over the three stages after the likelihood training.

    Raises:
        RunError: `gan.json` is damaged.
    """
    if not folder.gan_file.exists():
        return None
    config, _ = read_gan_config(folder)
    return {**config.to_json(), "rounds_done": max(0, steps - config.pretrain_steps - config.warmup_steps)}
