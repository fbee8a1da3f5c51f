"""Read the JSON of older run formats.

`MIGRATIONS` is append-only: its function number n, counted from 1, turns format n into format n + 1. The JSON can be
the config of a run, the config of a GAN, or the request to train a GAN, so each function renames only the keys that it
finds.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

from seqloom.errors import RunError

__all__ = ["FIRST_CHECKED_FORMAT", "FORMAT", "MIGRATIONS", "migrate", "migrate_scale_to_format_2"]

Json = dict[str, Any]

# New names in format 2, by the names in format 1.
_MODEL_RENAMES = {
    "sizes": "hidden_sizes",
    "ahead": "prediction_heads",
    "condition": "num_condition_features",
    "noise": "noise_size",
}
_TRAINING_RENAMES = {
    "lanes": "batch_size",
    "window": "sequence_length",
    "hide_ratings": "condition_dropout",
    "balance": "balance_ratings",
}
_GAN_RENAMES = {
    "rounds": "adversarial_steps",
    "awakening": "pretrain_steps",
    "schooling": "warmup_steps",
    "batch": "batch_size",
    "pack": "pack_size",
    "length": "max_length",
    "information": "target_kl_nats",
    "generator_rate": "generator_learning_rate",
    "discriminator_rate": "discriminator_learning_rate",
    "likelihood": "likelihood_weight",
    "last_likelihood": "final_likelihood_share",
    "pressure": "adversarial_weight",
    "last_temperature": "final_temperature",
    "band": "accuracy_band",
    "average": "ema_decay",
    "check_every": "eval_every",
}
_OPTION_RENAMES = {**_TRAINING_RENAMES, "size": "hidden_size", "ahead": "prediction_heads"}
_PART_RENAMES = (
    ("model", _MODEL_RENAMES),
    ("training", _TRAINING_RENAMES),
    ("gan", _GAN_RENAMES),
    ("own", _GAN_RENAMES),
)
"""Renames in each part of the JSON. In the request to train a GAN, "own" holds the settings of the GAN."""


def _migrate_to_2(stored: Json) -> Json:
    """Rename settings of the model, of training and of GANs, and the key "levels" of a rating's scale."""
    migrated = dict(stored)
    if isinstance(stored.get("conditions"), list):
        migrated["conditions"] = [migrate_scale_to_format_2(column) for column in stored["conditions"]]
    for part, renames in _PART_RENAMES:
        if isinstance(stored.get(part), dict):
            migrated[part] = _renamed(stored[part], renames)
    if isinstance(stored.get("others"), dict):  # the options of likelihood training in the request to train a GAN
        migrated["others"] = _rename_batching(_renamed(stored["others"], _OPTION_RENAMES))
    if isinstance(migrated.get("training"), dict):
        migrated["training"] = _rename_batching(migrated["training"])
    return _renamed(migrated, {"noise": "noise_size"})


def migrate_scale_to_format_2(column: Any) -> Any:
    """Rename the key "levels" of a rating's scale in JSON; a category, which has no levels, stays as it is."""
    return _renamed(column, {"levels": "positions"}) if isinstance(column, dict) else column


def _rename_batching(training: Json) -> Json:
    """Rename the batching of training settings: "lanes" becomes "stateful"."""
    return {**training, "batching": "stateful"} if training.get("batching") == "lanes" else training


def _migrate_to_3(stored: Json) -> Json:
    """Make relative sources absolute: in format 3 they are relative to the run, before to the working folder."""
    if not isinstance(stored.get("sources"), list):
        return stored
    return {**stored, "sources": [_absolute_if_relative(source) for source in stored["sources"]]}


def _absolute_if_relative(source: Any) -> Any:
    return os.path.abspath(source) if isinstance(source, str) and source.startswith(("./", "../")) else source


def _migrate_to_4(stored: Json) -> Json:
    """Change nothing: from format 4 on, the files have checksums."""
    return stored


MIGRATIONS: tuple[Callable[[Json], Json], ...] = (_migrate_to_2, _migrate_to_3, _migrate_to_4)
"""Steps from one format to the next, oldest first."""

FIRST_CHECKED_FORMAT = 4
"""First format whose JSON files must have a checksum."""

FORMAT = len(MIGRATIONS) + 1
"""Format that this version writes."""


def migrate(stored: Mapping[str, Any], name: str) -> Json:
    """Return stored JSON in the current format, without its format number.

    Args:
        stored: JSON object of any format, with its number as "format".
        name: file or folder, for messages.

    Raises:
        RunError: the number is missing, or of a later version of seqloom.
    """
    version = stored.get("format")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise RunError(f"{name} has no format number: it was not written by seqloom, or it is damaged")
    if version > FORMAT:
        raise RunError(f"{name} has run format {version}, but this seqloom reads up to {FORMAT}: upgrade seqloom")
    migrated = {key: value for key, value in stored.items() if key != "format"}
    for step in MIGRATIONS[version - 1 :]:
        migrated = step(migrated)
    return migrated


def _renamed(settings: Mapping[str, Any], renames: Mapping[str, str]) -> Json:
    return {renames.get(key, key): value for key, value in settings.items()}
