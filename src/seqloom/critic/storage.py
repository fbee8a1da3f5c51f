"""Store a critic as arrays and JSON. Reading a critic runs no stored code."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqloom.critic.members import Members
from seqloom.critic.rank_calibration import RankCalibration
from seqloom.critic.stacking import StackedRegressor
from seqloom.data.scale import Scale
from seqloom.errors import RunError
from seqloom.replacement import other_content, settle
from seqloom.runs.migrations import migrate_scale_to_format_2
from seqloom.text_features.config import EncoderSettings
from seqloom.text_features.linear_models import OrdinalRegression, RidgeRegression
from seqloom.text_features.model_archive import ArrayLoader, ModelArchive, StoredArrays
from seqloom.text_features.ngram_network import NGramNetwork
from seqloom.text_features.ngrams import NGrams

if TYPE_CHECKING:
    from seqloom.critic.critic import Critic

__all__ = ["CRITIC", "has_foreign_content", "load_critic", "save_critic", "table_rules_of"]


def _migrate_3_to_4(stored: dict[str, Any]) -> dict[str, Any]:
    """Rename the key "levels" of the scale to "positions", as in runs of format 2."""
    return {**stored, "scale": migrate_scale_to_format_2(stored.get("scale"))}


CRITIC = ModelArchive(
    name="critic",
    format=5,
    oldest_format=3,
    first_checked_format=5,
    fit_command="seqloom critic fit SOURCE --text COLUMN --rating COLUMN",
    migrations=(_migrate_3_to_4, dict),
)
"""File format of critics."""


def save_critic(critic: "Critic", folder: Path, origin: Mapping[str, Any], *, overwrite: bool = True) -> None:
    """Write a fitted critic.

    Args:
        critic: fitted critic.
        folder: folder for the critic.
        origin: description of the training data as JSON values.
        overwrite: whether an older critic is replaced.

    Raises:
        RunError: another process is writing into the folder, or there is a critic, and `overwrite` is not set.
        SeqloomError: the disk is full or the folder is not writable.
    """
    members = critic.members_
    parts: dict[str, StoredArrays] = {
        "ngrams": members.ngrams,
        "ridge": members.ridge,
        "ordinal": members.ordinal,
        "network": members.network,
        "blend": critic.stacking_,
        "ranks": critic.rank_calibration_,
    }
    if members.encoder is not None:
        parts["encoder"] = members.encoder
    stored = {
        "scale": critic.scale_.to_json(),
        "settings": {"encoder": critic.encoder, "folds": critic.folds, "seed": critic.seed},
        "encoder_settings": asdict(critic.encoder_settings or EncoderSettings()),
        "encoder": None if members.encoder is None else members.encoder.to_json(),
        "report": critic.report_,
        "origin": dict(origin),
    }
    CRITIC.save(folder, parts, stored, overwrite=overwrite)


def load_critic(folder: str | Path) -> "Critic":
    """Load the critic in a folder.

    Raises:
        RunError: the folder has no critic, or the critic is damaged or has an unsupported format.
    """
    return CRITIC.load(Path(folder), _restore)


def table_rules_of(stored: Mapping[str, Any]) -> int | None:
    """Return the version of the rules that a critic's table was read with; None if it was not read from a table.

    Args:
        stored: content of the JSON file of a critic; critics of before the rules had a version have version 1.
    """
    reading = stored.get("origin", {}).get("reading")
    return int(reading.get("table_rules", 1)) if isinstance(reading, Mapping) else None


def has_foreign_content(folder: Path) -> bool:
    """Return whether a critic must not be written to a path: it is a file, or a folder with files but without a critic.

    Files that an interrupted write of a critic left do not count, and neither do those of the file system.
    """
    if not os.path.isdir(folder):
        return os.path.exists(folder)
    settle(folder)
    if (folder / CRITIC.settings_file).exists():
        return False
    prefixes_of_leftovers = (CRITIC.arrays_file, f".{CRITIC.arrays_file}.", f".{CRITIC.settings_file}.")
    return not all(name.startswith(prefixes_of_leftovers) for name in other_content(folder))


def _restore(stored: Mapping[str, Any], arrays_of: ArrayLoader) -> "Critic":
    from seqloom.critic.critic import Critic

    settings = EncoderSettings(**stored["encoder_settings"])
    critic = Critic(**stored["settings"], encoder_settings=settings)
    encoder = None
    if stored["encoder"] is not None:
        from seqloom.text_features.encoder import Encoder

        encoder = Encoder.restore(arrays_of("encoder"), stored["encoder"], settings)
    critic.scale_ = Scale.from_json(stored["scale"])
    critic.members_ = Members(
        ngrams=NGrams.from_arrays(arrays_of("ngrams")),
        ridge=RidgeRegression.from_arrays(arrays_of("ridge")),
        ordinal=OrdinalRegression.from_arrays(arrays_of("ordinal")),
        network=NGramNetwork.from_arrays(arrays_of("network")),
        encoder=encoder,
    )
    critic.stacking_ = StackedRegressor.from_arrays(arrays_of("blend"))
    critic.rank_calibration_ = RankCalibration.from_arrays(arrays_of("ranks"))
    critic.report_ = stored["report"]
    critic.table_rules_ = table_rules_of(stored)
    # Predict any text: damaged arrays raise an error here or give a number that is not finite.
    if not np.isfinite(critic.predict(["a text"])).all():
        raise RunError(f"{CRITIC.arrays_file} contains numbers that are not finite")
    return critic
