"""Show the current stage of a long command, and the time that is left or has passed."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from seqloom.display import terminal
from seqloom.display.verbosity import stamped

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

__all__ = ["StageDisplay", "clock"]

_TERMINAL_SECONDS, _LINE_SECONDS = 1.0, 15.0
"""Time between two updates in a terminal, and between two lines elsewhere."""


class StageDisplay:
    """Context manager that shows the stage of a command: a status line in a terminal, plain lines elsewhere.

    A thread updates the display while the command computes.

    Args:
        seconds: time budget of the command, counted from now; None without a budget.
        console: output; None for standard error.
        translate: function that a line passes through, such as one that names settings by their flags.
    """

    def __init__(
        self,
        seconds: float | None = None,
        console: "Console | None" = None,
        translate: Callable[[str], str] = str,
    ) -> None:
        self._translate = translate
        self.console = console or terminal.console()
        self._draws = terminal.can_draw_on(self.console)
        self._end_time = None if seconds is None else time.monotonic() + seconds
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._name: str | None = None
        self._status: Status | None = None
        self._stage_start = self._last_line = time.monotonic()

    def __enter__(self) -> Self:
        """Return the display itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the display."""
        self.close()

    def stage(self, name: str) -> None:
        """Show that a stage begins, such as "drawing plots"."""
        with self._lock:
            self._name, self._stage_start = name, time.monotonic()
            if not self._draws:
                self._print(f"{name} ...")
            elif self._status is None:
                self._status = self.console.status(self._line())
                self._status.start()
            else:
                self._status.update(self._line())
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep_updating, daemon=True)
            self._thread.start()

    def note(self, text: str) -> None:
        """Print a line, above the status line if there is one."""
        with self._lock:
            self._print(text)

    def pause(self) -> None:
        """Show no stage, until the next one begins."""
        with self._lock:
            self._name = None
            if self._status is not None:
                self._status.stop()
                self._status = None

    def close(self) -> None:
        """End the display."""
        self.pause()
        self._closed.set()

    def _keep_updating(self) -> None:
        while not self._closed.wait(_TERMINAL_SECONDS):
            self.update()

    def update(self) -> None:
        """Show the time that is left, if the next update is due."""
        with self._lock:
            if self._name is None:
                return
            if self._status is not None:
                self._status.update(self._line())
            elif time.monotonic() - self._last_line >= _LINE_SECONDS:
                self._print(self._line())

    def _line(self) -> str:
        now = time.monotonic()
        if self._end_time is None:
            return f"{self._name}, {clock(now - self._stage_start)} so far"
        return f"{self._name}, {clock(self._end_time - now)} left"

    def _print(self, text: str) -> None:
        line = stamped(terminal.harmless(self._translate(text)))
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)
        self._last_line = time.monotonic()


def clock(seconds: float) -> str:
    """Return a duration as 0:07, 12:34 or 1:02:03; a negative duration as 0:00."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
