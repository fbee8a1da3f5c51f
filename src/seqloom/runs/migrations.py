"""Read the JSON of older run formats.

`MIGRATIONS` is append-only: its function number n turns format n into format n + 1.
"""

from collections.abc import Callable, Mapping
from typing import Any

from seqloom.errors import RunError

__all__ = ["FORMAT", "MIGRATIONS", "migrate", "scale_to_2"]

Json = dict[str, Any]

_MODEL_2 = {
    "sizes": "hidden_sizes",
    "ahead": "prediction_heads",
    "condition": "num_condition_features",
    "noise": "noise_size",
}
_TRAINING_2 = {
    "lanes": "batch_size",
    "window": "sequence_length",
    "hide_ratings": "condition_dropout",
    "balance": "balance_ratings",
}
_GAN_2 = {
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
_OPTIONS_2 = {**_TRAINING_2, "size": "hidden_size", "ahead": "prediction_heads"}


def _to_2(stored: Json) -> Json:
    """Rename settings of the model, of training and of GANs, and the levels of a rating's scale."""
    migrated = dict(stored)
    if isinstance(stored.get("conditions"), list):
        migrated["conditions"] = [scale_to_2(column) for column in stored["conditions"]]
    for part, renames in (("model", _MODEL_2), ("training", _TRAINING_2), ("gan", _GAN_2), ("own", _GAN_2)):
        if isinstance(stored.get(part), dict):
            migrated[part] = _renamed(stored[part], renames)
    if isinstance(stored.get("others"), dict):
        migrated["others"] = _batching_2(_renamed(stored["others"], _OPTIONS_2))
    if isinstance(migrated.get("training"), dict):
        migrated["training"] = _batching_2(migrated["training"])
    return _renamed(migrated, {"noise": "noise_size"})


def scale_to_2(column: Any) -> Any:
    """Rename the levels of a rating's scale; other conditions stay as they are."""
    return _renamed(column, {"levels": "positions"}) if isinstance(column, dict) else column


def _batching_2(training: Json) -> Json:
    return {**training, "batching": "stateful"} if training.get("batching") == "lanes" else training


MIGRATIONS: tuple[Callable[[Json], Json], ...] = (_to_2,)
"""Steps from one format to the next, oldest first."""

FORMAT = len(MIGRATIONS) + 1
"""Format that this version writes."""


def migrate(stored: Mapping[str, Any], name: str) -> Json:
    """Return stored JSON in the present format, without its format number.

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
        raise RunError(f"{name} has run format {version}, and this seqloom reads up to {FORMAT}: upgrade seqloom")
    migrated = {key: value for key, value in stored.items() if key != "format"}
    for step in MIGRATIONS[version - 1 :]:
        migrated = step(migrated)
    return migrated


def _renamed(settings: Mapping[str, Any], renames: Mapping[str, str]) -> Json:
    return {renames.get(key, key): value for key, value in settings.items()}
