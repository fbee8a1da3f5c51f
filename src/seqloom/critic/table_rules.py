"""Refuse to combine a run and a critic whose tables were divided into pools by different rules.

The version of the rules is a part of the reading settings of runs and critics; models of before have version 1.
"""

from pathlib import Path
from typing import Any

from seqloom.critic.describe import is_critic_folder
from seqloom.critic.storage import CRITIC, table_rules_of
from seqloom.errors import ConfigError
from seqloom.runs.saved_run import SavedRun

__all__ = ["check_table_rules", "critic_table_rules"]


def check_table_rules(run: SavedRun, critic: Any) -> None:
    """Check that a run and a critic were read by the same rules, so that their pools are disjoint.

    Args:
        run: run; one that was trained on something other than a table fits every critic.
        critic: critic, or its folder; a function or a regressor of the user has no version and fits every run.

    Raises:
        ConfigError: the versions differ.
        RunError: the folder of the critic is damaged.
    """
    version = critic_table_rules(critic)
    run_version = run.config.reading.table_rules
    if version is None or run.config.reading.text is None or version == run_version:
        return
    name = critic if isinstance(critic, str | Path) else "the critic"
    advice = "train the run again" if run_version < version else "fit the critic again with 'seqloom critic fit'"
    raise ConfigError(
        f"{run.path} was trained with version {run_version} of the rules that divide a table into groups and pools, "
        f"and {name} was fitted with version {version}, so that one may have seen texts of the other: {advice}"
    )


def critic_table_rules(critic: Any) -> int | None:
    """Return the version of the rules that a critic was read with; None where it is unknown.

    Raises:
        RunError: the folder of the critic is damaged.
    """
    if not isinstance(critic, str | Path):
        version = getattr(critic, "table_rules_", None)
        return version if isinstance(version, int) else None
    if not is_critic_folder(critic):
        return SavedRun(critic).config.reading.table_rules if (Path(critic) / "config.json").exists() else None
    return table_rules_of(CRITIC.read_settings(Path(critic)))
