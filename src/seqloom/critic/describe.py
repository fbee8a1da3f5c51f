"""Describe a fitted critic, without scikit-learn."""

from pathlib import Path
from typing import Any

from seqloom.critic.storage import CRITIC
from seqloom.errors import RunError

__all__ = ["describe_critic", "holds_critic"]


def holds_critic(folder: str | Path) -> bool:
    """Whether a folder is that of a critic, and of no run."""
    return (Path(folder) / "critic.json").exists() and not (Path(folder) / "config.json").exists()


def describe_critic(folder: str | Path) -> dict[str, Any]:
    """What a critic rates, what it learned from and how well it did, in JSON's types.

    Returns:
        `critic` (the folder), `rating` (the column), `lowest` and `highest` of its ratings, `heavy` (whether they are
        scaled by rank), `source`, `pool` (None for the whole table), `group`, `cut_words`, `texts`, `groups`,
        `readers` (by name, the last of them their blend: `pearson`, and `mean_error` in units of the rating, on texts
        that they had not seen) and `version`.

    Raises:
        RunError: there is no critic, or it is damaged or from a newer format.
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
            "groups": int(origin["groups"]),
            "readers": {
                str(name): {figure: float(found[figure]) for figure in ("pearson", "mean_error")}
                for name, found in report.items()
            },
            "version": origin["version"],
        }
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"the critic in {folder} is damaged ({error!r}): fit it anew, or copy it again") from None
