"""List the runs, critics and detectors in a folder."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seqloom.errors import ConfigError, SeqloomError
from seqloom.runs.checks import other_kind
from seqloom.runs.layout import RunFolder

__all__ = ["list_runs"]

_MAX_DEPTH = 3
"""Number of levels of folders that are searched."""


def list_runs(folder: str | Path = "runs") -> list[dict[str, Any]]:
    """Return a summary of each run, critic and detector in a folder and the folders in it.

    Runs are sorted by corpus, and those of one corpus by their bits per character on held-out text, or else on the
    validation text: the best one comes first. A damaged run has the key `fault`.

    Args:
        folder: folder of runs.

    Raises:
        ConfigError: there is no such folder, or it is a run itself.
    """
    path = Path(folder)
    if not path.is_dir():
        raise ConfigError(f"there is no folder {path}: name a folder of runs")
    if RunFolder(path).holds_run or other_kind(RunFolder(path)):
        raise ConfigError(f"{path} is no folder of runs: 'seqloom info {path}' describes what it contains")
    return sorted(map(_summary, _found(path, _MAX_DEPTH)), key=_order)


def _found(folder: Path, depth: int) -> Iterator[RunFolder]:
    """Yield the folders with a run, a critic or a detector; nothing inside of one of them is looked at."""
    try:
        entries = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    for name in entries:
        if name.startswith("."):
            continue
        run = RunFolder(folder / name)
        if run.holds_run or other_kind(run):
            yield run
        elif depth > 1:
            yield from _found(folder / name, depth - 1)


def _summary(folder: RunFolder) -> dict[str, Any]:
    path, kind = str(folder.path), other_kind(folder)
    if kind is not None:
        return {"run": path, "kind": kind}
    try:
        config, metrics = folder.read_config(), folder.read_metrics()
    except SeqloomError as error:
        return {"run": path, "kind": "run", "fault": str(error)}
    return {
        "run": path,
        "kind": "gan" if config.model.noise_size else "run",
        "corpus": config.corpus,
        "level": config.level,
        "core": config.model.core,
        "hidden_sizes": list(config.model.hidden_sizes),
        "steps": metrics.get("steps"),
        "training_seconds": metrics.get("training_seconds"),
        **{name: _likelihood(metrics, name) for name in ("held_out", "validation")},
    }


def _likelihood(metrics: Mapping[str, Any], part: str) -> dict[str, float] | None:
    """Return nats per token and bits per character in full context; None if they were not measured."""
    figures = (metrics.get(part) or {}).get("full_context")
    if figures is None:
        return None
    return {name: value for name, value in figures.items() if name == "nats_per_token" or name.startswith("bits_per_")}


def _order(summary: Mapping[str, Any]) -> tuple[bool, str, float, str]:
    figures = summary.get("held_out") or summary.get("validation") or {}
    bits = min((value for name, value in figures.items() if name.startswith("bits_per_")), default=float("inf"))
    return "corpus" not in summary, summary.get("corpus", ""), bits, summary["run"]
