"""Describe a fitted critic, without scikit-learn."""

from pathlib import Path
from typing import Any

from seqloom.critic.storage import CRITIC
from seqloom.errors import RunError

__all__ = ["describe_critic", "is_critic_folder", "verify_critic"]


def is_critic_folder(folder: str | Path) -> bool:
    """Return whether a folder contains a critic, and not a run."""
    return (Path(folder) / "critic.json").exists() and not (Path(folder) / "config.json").exists()


def describe_critic(folder: str | Path) -> dict[str, Any]:
    """Describe a critic with JSON values: its rating, its training data and its accuracy.

    Returns:
        `critic` (folder), `rating` (column), `lowest` and `highest` rating, `heavy` (whether the ratings have a heavy
        tail and are scaled by rank), `source`, `pool` (the part of the table that was read; None for the whole table),
        `group` (column), `cut_words` (largest number of words of a text), `texts` and `groups` (numbers of texts and of
        groups that were read), `fitted` (number of texts that its models were fitted to), `readers` and `version`.
        `readers` has an entry for each model that the critic combines, by name, and an entry "blend" for the
        combination. Each entry has `pearson` (correlation) and `mean_error` (in units of the rating) on unseen texts.

    Raises:
        RunError: the folder has no critic, or the critic is damaged or has an unsupported format.
    """
    stored = CRITIC.read_settings(Path(folder))
    try:
        scale, origin, report = stored["scale"], stored["origin"], stored["report"]
        reading = origin["reading"]
        return {
            "critic": str(folder),
            "rating": str(scale["name"]),
            "lowest": float(scale["knots"][0]),
            "highest": float(scale["knots"][-1]),
            "heavy": bool(scale["heavy"]),
            "source": str(origin["source"]),
            "pool": reading.get("pool"),
            "group": reading.get("group"),
            "cut_words": int(reading.get("cut_words", 0)),
            "texts": int(origin["texts"]),
            "fitted": int(origin.get("fitted", origin["texts"])),
            "groups": int(origin["groups"]),
            "readers": {
                str(name): {key: float(accuracies[key]) for key in ("pearson", "mean_error")}
                for name, accuracies in report.items()
            },
            "version": origin["version"],
        }
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"the critic in {folder} is damaged ({error!r}): fit it again, or copy it again") from None


def verify_critic(folder: str | Path) -> tuple[str, ...]:
    """Check the checksums of a critic's files, and return their names.

    Raises:
        RunError: the folder has no critic, or a file is damaged.
    """
    return CRITIC.verify(Path(folder))
