"""Describe what a folder contains: a run, a critic or a detector.

A critic predicts ratings of texts. A detector recognises generated texts.
"""

from pathlib import Path
from typing import Any, Literal, NamedTuple

from seqloom.api.run import Run
from seqloom.critic.describe import describe_critic
from seqloom.runs.layout import RunFolder

__all__ = ["FolderDescription", "describe"]


class FolderDescription(NamedTuple):
    """Description of a folder.

    Attributes:
        kind: content of the folder.
        values: description in JSON's types.
    """

    kind: Literal["run", "critic", "detector"]
    values: dict[str, Any]


def describe(path: str | Path) -> FolderDescription:
    """Return a description of a run, a critic or a detector.

    Raises:
        RunError: the folder contains none of these, or its content is damaged.
    """
    folder = RunFolder(path)
    folder.settle()
    match folder.other_kind:
        case "critic":
            return FolderDescription("critic", describe_critic(path))
        case "detector":
            from seqloom.detector.describe import describe_detector

            return FolderDescription("detector", describe_detector(path))
    return FolderDescription("run", Run(path).info())
