"""Show the progress of a training that Python starts, where someone can see it."""

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from seqloom.display.notebook import in_notebook
from seqloom.display.stage_display import StageDisplay
from seqloom.display.terminal import can_draw_on, console
from seqloom.display.training_display import TrainingViewer
from seqloom.lm.observer import TrainingObserver

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["progress_viewer"]


@contextlib.contextmanager
def progress_viewer(progress: bool | None, seconds: float | None) -> Iterator[TrainingObserver | None]:
    """Yield an observer that shows a training, or None.

    Args:
        progress: whether to show it; None shows it in a terminal and in a notebook, but not in a log.
        seconds: time budget; None without one.
    """
    is_notebook = in_notebook()
    output = _notebook_console() if is_notebook else console()
    if not (progress or (progress is None and (is_notebook or can_draw_on(output)))):
        yield None
        return
    with (
        StageDisplay(seconds, console=output) as stages,
        TrainingViewer(stages, always_show_texts=None) as viewer,
    ):
        yield viewer


def _notebook_console() -> "Console":
    """Return a console on standard output, since notebooks show standard error as a fault."""
    from rich.console import Console

    return Console(file=sys.stdout, force_terminal=False, force_jupyter=False, width=100)
