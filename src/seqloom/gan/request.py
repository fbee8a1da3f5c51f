"""A requested GAN training, stored in the run folder until the likelihood training is finished.

Likelihood training is the first stage of a GAN's training: a language model with ratings as input learns to predict the
next token.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from seqloom import disk
from seqloom.config import JsonSerializable
from seqloom.config.gan import DEFAULT_MINUTES, GanConfig
from seqloom.errors import ConfigError, RunError
from seqloom.files import cannot_write, write_checked_json
from seqloom.runs.layout import RunFolder
from seqloom.runs.migrations import FORMAT, migrate
from seqloom.runs.stored_paths import from_stored, source_to_stored, to_stored

__all__ = [
    "DEFAULT_NOISE_SIZE",
    "LIKELIHOOD_SHARE",
    "PendingGanRun",
    "is_of_saved_training",
    "read_pending_run",
    "remove_pending_run",
    "write_pending_run",
]

DEFAULT_NOISE_SIZE = 10
LIKELIHOOD_SHARE = 0.15
"""Share of the time of the whole training that the likelihood training gets."""

_FIRST_FORMAT_OF_ONE_TRAINING = 3
_UNLIMITED_STEPS = 1_000_000
"""Placeholder until `fit_schedule` in `gan/schedule.py` computes the number of steps from the available time."""


@dataclass(frozen=True)
class PendingGanRun(JsonSerializable):
    """A requested GAN training, before the number of its steps is known.

    Attributes:
        source: path or name of the table of rated texts.
        own: settings of the GAN itself that the user chose.
        others: all other settings that the user chose: those of the likelihood training.
        minutes: time of the whole training; None for the default.
        noise_size: dimension of the Gaussian noise.
        parent: run to start from instead of a likelihood training, or None.
    """

    source: str
    own: Mapping[str, Any]
    others: Mapping[str, Any]
    minutes: float | None
    noise_size: int
    parent: str | None = None

    @property
    def seconds(self) -> float:
        """Time of the whole training, chosen or default."""
        return 60 * (self.minutes or DEFAULT_MINUTES)

    @property
    def draft_config(self) -> GanConfig:
        """GAN settings before `fit_schedule` chooses the numbers of steps.

        Numbers of adversarial and of VAE pretraining steps that the user did not choose are large placeholders.
        """
        settings = {"adversarial_steps": _UNLIMITED_STEPS, "pretrain_steps": _UNLIMITED_STEPS, **self.own}
        return GanConfig.from_json({**settings, "seed": self.others.get("seed", 0)})

    @property
    def has_all_steps(self) -> bool:
        """Whether the user chose the numbers of adversarial and of VAE pretraining steps."""
        return {"adversarial_steps", "pretrain_steps"} <= self.own.keys()

    @property
    def likelihood_seconds(self) -> float | None:
        """Time budget of the likelihood training; None if the user chose its steps or epochs."""
        return None if {"steps", "epochs"} & self.others.keys() else LIKELIHOOD_SHARE * self.seconds

    @property
    def likelihood_budget(self) -> dict[str, float]:
        """The option `minutes` of the likelihood training; an empty dict if the user chose its steps or epochs."""
        return {} if self.likelihood_seconds is None else {"minutes": self.likelihood_seconds / 60}


def write_pending_run(folder: RunFolder, request: PendingGanRun) -> None:
    """Store the requested training in a run folder, from which the training starts again until its first checkpoint.

    Raises:
        SeqloomError: the disk is full or the folder cannot be written to.
    """
    parent = None if request.parent is None else to_stored(request.parent, folder.path)
    stored = replace(request, source=source_to_stored(request.source, folder.path), parent=parent)
    write_checked_json(folder.gan_request_file, {"format": FORMAT, **stored.to_json()})


def remove_pending_run(folder: RunFolder) -> None:
    """Remove the requested training from a run folder, if there is one.

    Raises:
        SeqloomError: the folder cannot be written to.
    """
    try:
        disk.unlink(folder.gan_request_file, missing_ok=True)
    except OSError as error:
        raise cannot_write(folder.gan_request_file, error) from error


def is_of_saved_training(folder: RunFolder) -> bool:
    """Return whether the run folder has a state of the requested training.

    The training ended between saving its first state and removing the request. Before format 3, a request could also
    lie next to the state of the GAN that its training was about to replace.
    """
    version = folder.read_json(folder.gan_request_file).get("format", 1)
    return folder.is_resumable and isinstance(version, int) and version >= _FIRST_FORMAT_OF_ONE_TRAINING


def read_pending_run(folder: RunFolder) -> PendingGanRun:
    """Read the requested training from a run folder.

    Raises:
        RunError: the file is damaged.
    """
    # A file that states no format has format 1.
    stored = migrate({"format": 1, **folder.read_json(folder.gan_request_file)}, str(folder.gan_request_file))
    try:
        request = PendingGanRun.from_json(stored)
        # JSON has no tuples and stores them as lists.
        others = {name: tuple(value) if isinstance(value, list) else value for name, value in request.others.items()}
        parent = None if request.parent is None else from_stored(request.parent, folder.path)
        return replace(request, others=others, source=from_stored(request.source, folder.path), parent=parent)
    except (ConfigError, AttributeError) as error:
        raise RunError(f"{folder.gan_request_file} is damaged ({error}): start again with `overwrite`") from None
