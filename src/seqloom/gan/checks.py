"""Check a requested GAN training.

A GAN starts from a language model of rated texts, its parent. The parent is trained first (the likelihood training), or
it is an existing run, `from_run`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqloom.config import ModelConfig
from seqloom.config.gan import NO_RATING, GanConfig
from seqloom.config.options import GanOptions, TrainOptions
from seqloom.config.settings import check_range, check_type, fields_of
from seqloom.data.scale import Scale
from seqloom.errors import ConfigError, RunError
from seqloom.gan.dataset import UNSEEN_SHARE
from seqloom.gan.parent import Parent
from seqloom.kernels.cores import core_spec
from seqloom.lm.options import resolve_options
from seqloom.runs.checks import check_likelihood_folder, check_run_folder
from seqloom.runs.layout import RunFolder
from seqloom.runs.saved_run import SavedRun

__all__ = ["check_parent", "check_parent_settings", "check_request"]


def check_request(
    folder: RunFolder,
    gan_settings: Mapping[str, Any],
    likelihood_settings: Mapping[str, Any],
    minutes: float | None,
    noise_size: int,
    from_run: str | Path | None,
    *,
    overwrite: bool,
) -> None:
    """Check settings and folder before anything is read or written; report all invalid settings at once.

    The settings of the likelihood training are checked only without `from_run`, which replaces the likelihood training.

    Args:
        folder: run folder.
        gan_settings: settings of the GAN.
        likelihood_settings: settings of the likelihood training.
        minutes: time of the whole training, or None.
        noise_size: dimension of the noise.
        from_run: run to start from, or None.
        overwrite: whether a run in the folder may be replaced.

    Raises:
        ConfigError: settings are invalid.
        RunError: the folder cannot be used.
    """
    faults = []
    for name, value in (("minutes", minutes), ("noise_size", noise_size)):
        option = fields_of(GanOptions)[name]
        has_right_type, message = check_type(option, value)
        is_valid = has_right_type
        if has_right_type:
            is_valid, message = check_range(option, value)
        if not is_valid:
            faults.append(message)
    if from_run is None and not likelihood_settings.get("rating"):
        faults.append(NO_RATING)
    # `GanConfig` requires both numbers of steps. Where the user gave none, 1 stands for the number planned later.
    try:
        GanConfig(
            **{"adversarial_steps": 1, "pretrain_steps": 1, **gan_settings, "seed": likelihood_settings.get("seed", 0)}
        )
    except ConfigError as error:
        faults += error.faults
    if from_run is None:
        faults += _likelihood_faults(likelihood_settings)
    if faults:
        raise ConfigError(*faults)
    check_run_folder(folder, overwrite=overwrite, from_run=None if from_run is None else Path(from_run))
    if from_run is None:
        check_likelihood_folder(folder)


def _likelihood_faults(settings: Mapping[str, Any]) -> list[str]:
    """Return the faults in settings of the likelihood training."""
    # The seed is left out, because `check_request` has reported its faults already.
    try:
        resolve_options(TrainOptions(**{"level": "word", **settings, "seed": None}))
    except ConfigError as error:
        return list(error.faults)
    core = settings.get("core", ModelConfig.core)
    checks = (
        (core_spec(core).is_recurrent, f"`core` got {core}: a GAN needs lstm or gru"),
        (settings.get("embedding") != 0, "`embedding` got 0: a GAN needs an embedding; choose 1 or more"),
        (
            settings.get("validation", UNSEEN_SHARE) == UNSEEN_SHARE,
            f"`validation` is always {UNSEEN_SHARE:g} for a GAN: leave it out",
        ),
    )
    return [fault for passed, fault in checks if not passed]


def check_parent_settings(parent: SavedRun, settings: Mapping[str, Any]) -> None:
    """Check the settings of the likelihood training that the user chose, although a run to start from replaces it.

    The seed is allowed, because the GAN uses it too. A setting of reading the table is allowed if it has the value with
    which the run's table was read.

    Raises:
        ConfigError: a setting is not allowed or out of range.
    """
    resolve_options(TrainOptions(**settings))  # raises for values out of range
    reading = parent.config.reading.to_json()
    faults = [
        f"`{name}` got {value!r}, but the table of {parent.path} was read with {reading[name]!r}: leave it out"
        if name in reading
        else f"`{name}` is a setting of the likelihood training, which `from_run` replaces: leave it out"
        for name, value in settings.items()
        if name != "seed" and (name not in reading or value != reading[name])
    ]
    if faults:
        raise ConfigError(*faults)


def check_parent(parent: Parent) -> None:
    """Check that a GAN can start from a run.

    Raises:
        RunError: the run was trained without ratings or on running text (a text without boundaries), is a GAN already,
            has no embedding, or its network is not recurrent.
    """
    model, conditions = parent.config.model, parent.config.conditions
    if not len(conditions) or not isinstance(conditions.columns[0], Scale):
        raise RunError(f"{parent.path} was not trained with `rating`: start from a run that was")
    if model.noise_size:
        raise RunError(f"{parent.path} is already a GAN: start from a run of 'seqloom train' with `rating`")
    if not core_spec(model.core).is_recurrent or not model.embedding:
        raise RunError(
            f"{parent.path} has core {model.core} and embedding {model.embedding}: start from a run with core lstm or "
            "gru and an embedding"
        )
    if parent.codec.boundary is None:
        raise RunError(f"{parent.path} was trained on running text: start from a run on separate texts")
