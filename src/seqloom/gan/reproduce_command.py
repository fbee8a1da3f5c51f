"""The command that repeats the training of a GAN from its likelihood-trained run."""

import shlex
from typing import Any

from seqloom.config.gan import GanConfig
from seqloom.config.settings import fields_of
from seqloom.gan.layout import read_gan_config
from seqloom.gan.request import DEFAULT_NOISE_SIZE
from seqloom.lm.reproduce_command import command_flags
from seqloom.runs.config import RunConfig
from seqloom.runs.layout import RunFolder

__all__ = ["reproduce_gan_command"]

_PLAN = ("pace", "pretrain_steps", "warmup_steps", "adversarial_steps")
"""Settings that describe the planned numbers of steps."""


def reproduce_gan_command(folder: RunFolder, config: RunConfig, gan: GanConfig) -> str:
    """Return the command line that repeats the three stages of a GAN into another folder, with the same steps.

    Args:
        folder: run folder of the GAN.
        config: configuration of the run.
        gan: settings of the GAN, with the numbers of steps by the last revision.
    """
    _, parent = read_gan_config(folder)
    planned = ("pace",) if gan.pace else ("pretrain_steps", "warmup_steps", "adversarial_steps")
    settings: dict[str, Any] = {"from_run": parent, "run": f"{folder.path}-repeated"}
    for name, info in fields_of(GanConfig).items():
        value = getattr(gan, name)
        if name in planned or (name not in _PLAN and value != info.default):
            settings[name] = value
    if config.model.noise_size != DEFAULT_NOISE_SIZE:
        settings["noise_size"] = config.model.noise_size
    return shlex.join(["seqloom", "gan", "train", *config.sources, *command_flags(settings)])
