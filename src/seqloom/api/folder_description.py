"""Describe what a folder contains: a run, a critic or a detector.

A critic predicts ratings of texts. A detector recognises generated texts.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from seqloom.api.run import Run
from seqloom.critic.describe import describe_critic, verify_critic
from seqloom.runs.checks import other_kind
from seqloom.runs.layout import RunFolder
from seqloom.runs.verify import verify_run

__all__ = ["FolderDescription", "describe"]


class FolderDescription(NamedTuple):
    """Description of a folder.

    Attributes:
        kind: content of the folder.
        values: description in JSON's types.
    """

    kind: Literal["run", "critic", "detector"]
    values: dict[str, Any]


def describe(path: str | Path, *, verify: bool = False) -> FolderDescription:
    """Return a description of a run, a critic or a detector.

    Args:
        path: folder.
        verify: whether to check all files that have a checksum, also those that the description does not need. The
            description then lists them as `verified`.

    Raises:
        RunError: the folder contains none of these, or its content is damaged.
    """
    folder = RunFolder(path)
    folder.settle()
    match other_kind(folder):
        case "critic":
            return _described("critic", describe_critic(path), lambda: verify_critic(path), verify=verify)
        case "detector":
            from seqloom.detector.describe import describe_detector, verify_detector

            return _described("detector", describe_detector(path), lambda: verify_detector(path), verify=verify)
    return _described("run", Run(path).info(), lambda: verify_run(folder), verify=verify)


def _described(
    kind: Literal["run", "critic", "detector"],
    values: dict[str, Any],
    verified_files: Callable[[], Sequence[str]],
    *,
    verify: bool,
) -> FolderDescription:
    return FolderDescription(kind, {**values, "verified": list(verified_files())} if verify else values)
