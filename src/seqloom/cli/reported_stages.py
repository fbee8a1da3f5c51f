"""Show the stages of a command on standard error, with the flags of the settings that its lines name."""

import contextlib
from collections.abc import Iterator
from typing import Any

from seqloom.cli.flags import with_flags
from seqloom.display.stage_display import StageDisplay
from seqloom.stopwatch import Stopwatch

__all__ = ["reported_stages", "stage_display"]


def stage_display(seconds: float | None = None) -> StageDisplay:
    """Return the display of the stages of a command with a time budget in seconds, or without one."""
    return StageDisplay(seconds, translate=with_flags)


@contextlib.contextmanager
def reported_stages(minutes: float | None) -> Iterator[dict[str, Any]]:
    """Show the stages of a command with a time budget, beginning with "preparing" before its slow imports.

    The context manager yields arguments for the function that does the work: `note`, `stage` and `stopwatch`.
    """
    stopwatch = Stopwatch()
    with stage_display(None if minutes is None else 60 * minutes) as stages:
        stages.stage("preparing")
        yield {"note": stages.note, "stage": stages.stage, "stopwatch": stopwatch}
