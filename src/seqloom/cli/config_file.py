"""Read the settings of a training from a TOML file, or from the `config.json` of a run.

The settings have the names that they have in Python. They may stand in the sections `reading`, `model` and `training`,
as in the configuration of a run. What only describes a run, such as its version, is left out.
"""

import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from seqloom.cli.value_files import read_value
from seqloom.config.options import BUDGETS, TrainOptions
from seqloom.errors import ConfigError
from seqloom.runs.stored_paths import from_stored

__all__ = ["StoredSettings", "read_config_file"]

_SECTIONS = ("reading", "model", "training")

_RENAMED = {"hidden_sizes": "hidden_size", "total_steps": "steps", "sources": "source", "parent": "from_run"}
"""Names in the configuration of a run, and those of the settings."""

_DESCRIPTIONS = frozenset(
    {
        "format", "version", "corpus", "corpus_hash", "separate", "opening", "samples", "kernels", "conditions",
        "repeat_command", "run_id", "sha256", "model.vocabulary", "model.factors",
        "model.num_condition_features", "model.noise_size", "model.noise_width", "reading.table_rules",
    }
)  # fmt: skip
"""Parts of the configuration of a run that are no settings."""

_OUTSIDE_OPTIONS = ("source", "run", "from_run")
"""Arguments of the command that are no fields of `TrainOptions`."""


class StoredSettings(NamedTuple):
    """Settings of a training in a file.

    Attributes:
        settings: settings by name.
        source: sources; None if the file names none.
        run: run folder.
        from_run: run with the initial weights.
    """

    settings: dict[str, Any]
    source: list[str] | None
    run: Path | None
    from_run: Path | None

    def settings_with(self, flags: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings, with those of flags in their place; a budget in flags replaces any other budget."""
        replaced = BUDGETS if flags.keys() & set(BUDGETS) else ()
        return {**{name: value for name, value in self.settings.items() if name not in replaced}, **flags}


def read_config_file(path: Path) -> StoredSettings:
    """Return the settings in a file, without those that have no value.

    Raises:
        ConfigError: the file is neither TOML nor JSON, or has a key that is no setting.
        typer.BadParameter: the file cannot be read.
    """
    known = {*TrainOptions.__dataclass_fields__, *_OUTSIDE_OPTIONS}
    settings: dict[str, Any] = {}
    faults: list[str] = []
    parsed = _parsed(path)
    for key, value in _entries(parsed):
        if key == "reading.records" and value is None:  # a new training would read a list of words by line
            value = "none"
        last = key.rpartition(".")[2]
        name = _RENAMED.get(last, last)
        if key in _DESCRIPTIONS or value is None or value in ([], ""):
            continue
        if name in known:
            settings[name] = tuple(value) if isinstance(value, list) else value
            continue
        nearest = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {nearest[0]}?" if nearest else ": leave it out"
        faults.append(f"{path} has the key {key}, which is not a training setting{hint}")
    if faults:
        raise ConfigError(*faults)
    if "pace" in settings:  # has the number of steps
        settings.pop("steps", None)
    source, run, from_run = (settings.pop(name, None) for name in _OUTSIDE_OPTIONS)
    sources = [source] if isinstance(source, str) else None if source is None else list(source)
    if "run_id" in parsed:  # a run stores paths relative to its folder
        sources = None if sources is None else [from_stored(name, path.parent) for name in sources]
        from_run = None if from_run is None else from_stored(str(from_run), path.parent)
    return StoredSettings(settings, sources, *(None if name is None else Path(str(name)) for name in (run, from_run)))


def _parsed(path: Path) -> Mapping[str, Any]:
    text = read_value(str(path), "--config")
    try:
        parsed = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
        raise ConfigError(f"{path} is not {kind} ({error}): write lines such as hidden_size = 256") from None
    if not isinstance(parsed, dict):
        raise ConfigError(f"{path} holds no settings by name: write lines such as hidden_size = 256")
    return parsed


def _entries(parsed: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield keys and values; those of a section have its name before a dot."""
    for key, value in parsed.items():
        if key in _SECTIONS and isinstance(value, dict):
            yield from ((f"{key}.{name}", cell) for name, cell in value.items())
        else:
            yield key, value
