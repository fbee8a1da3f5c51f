"""Show the progress of a training: a live panel in a terminal, plain lines elsewhere.

Counting a step takes a few additions. Steps redraw the panel at most four times per second, and so rarely that drawing
takes at most about 1 % of the training time.
"""

import math
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from seqloom.display import terminal
from seqloom.display.live_panel import panel
from seqloom.display.metrics import Tally
from seqloom.display.notebook import NotebookPanel, in_notebook
from seqloom.display.stage_display import clock
from seqloom.display.verbosity import stamped
from seqloom.percent import whole_percent
from seqloom.training.events import Event, Finished, Paused, RolledBack, Started, Step, Validated

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

__all__ = ["ProgressDisplay"]

_REDRAW_SECONDS = 0.25
_DRAWING_SHARE = 0.01
"""Shortest time between two redraws after steps, and largest share of the training time that drawing takes."""

_LINE_SECONDS = 15.0
"""Without a panel, a step prints a line only if this time has passed since the last line."""

_VALIDATION_SECONDS = 5.0
"""Without a panel, a validation prints a line only if this time has passed since the last line."""

_MAX_SAMPLES = 4
"""Largest number of samples in the panel, each at another temperature."""

_ECHOED_COLUMNS = 2
"""Columns left empty on the right, so that a terminal that echoes `^C` does not wrap a line and scroll the panel."""


class ProgressDisplay:
    """Listener that shows the progress of a training; a context manager.

    A terminal with a movable cursor shows a panel with the newest samples. Other outputs get plain lines, without
    samples: at the start, every fifteen seconds, at a validation five seconds or more after the last line, after a
    rollback, and at the end.

    Args:
        title: title of the panel.
        units_per_token: mean number of `unit` per token; 1 if the unit is tokens.
        unit: unit of the speed, such as "characters" or "tokens".
        console: output; None for standard error.
        scope: words after "left", such as " in this stage".
        earlier_losses: training loss of each step before a training that continues, for the curve.
    """

    def __init__(
        self,
        *,
        title: str = "training",
        units_per_token: float = 1.0,
        unit: str = "characters",
        console: "Console | None" = None,
        scope: str = "",
        earlier_losses: Sequence[float] = (),
    ) -> None:
        self._console = console or terminal.console()
        self._title = title
        self._tally = Tally(units_per_token, unit, scope)
        for loss in filter(math.isfinite, earlier_losses):
            self._tally.losses.add(loss)
        self._samples: dict[float, str] = {}
        self._live: Live | NotebookPanel | None = None
        self._next_step_display_time = 0.0
        self._last_line_time = 0.0

    def __enter__(self) -> Self:
        """Return the display; a terminal or a notebook gets a live panel."""
        if in_notebook():
            self._live = NotebookPanel()
        elif terminal.can_draw_on(self._console):
            from rich.live import Live

            self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="crop")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Draw the last state, and leave the cursor below it."""
        if self._live is not None:
            if self._live.is_started:
                self._draw(self._live)
            self._live.stop()
            self._live = None

    def __call__(self, event: Event) -> None:
        """Count an event, and show the new state if it is due."""
        self._tally(event)
        match event:
            case Step():
                if time.monotonic() >= self._next_step_display_time:
                    self._show()
            case Started():
                self._show(_first_line(event))
            case Validated() if time.monotonic() - self._last_line_time >= _VALIDATION_SECONDS:
                self._show()
            case RolledBack():
                self.note(
                    f"the loss exploded at step {event.step:,} ({event.loss:.3g}): went back to step"
                    f" {event.to_step:,}, learning rate × {event.rate_factor:g}"
                )
            case Paused():
                self.note(f"the process did not run for {clock(event.seconds)}; this time does not count")
            case Finished():
                self._show(_last_line(event))

    def note(self, text: str) -> None:
        """Print a line, above the panel if there is one."""
        line, has_panel = stamped(terminal.harmless(text)), self._live is not None
        self._console.print(line, style="yellow", markup=False, highlight=False, soft_wrap=not has_panel)

    def show_sample(self, temperature: float, text: str) -> None:
        """Show a new text in place of the last one at this temperature; texts at the four newest temperatures stay."""
        self._samples.pop(temperature, None)
        self._samples[temperature] = text
        while len(self._samples) > _MAX_SAMPLES:
            del self._samples[next(iter(self._samples))]

    def show_samples(self, samples: Iterable[tuple[float, str]]) -> None:
        """Show pairs of temperature and text in place of the last set."""
        self._samples.clear()
        for temperature, text in samples:
            self.show_sample(temperature, text)

    def _show(self, line: str | None = None) -> None:
        """Redraw the panel or, without a panel, print `line`; None prints the state of the training."""
        start = time.monotonic()
        if self._live is not None:
            self._draw(self._live)
            cost = time.monotonic() - start
            self._next_step_display_time = start + max(_REDRAW_SECONDS, cost / _DRAWING_SHARE)
            return
        text = stamped(terminal.harmless(line or _state_line(self._tally)))
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
        self._last_line_time = start
        self._next_step_display_time = start + _LINE_SECONDS

    def _draw(self, live: "Live | NotebookPanel") -> None:
        if not live.is_started:
            live.start()
        width = self._console.width - _ECHOED_COLUMNS
        live.update(panel(self._tally, self._samples, self._title, width), refresh=True)


def _first_line(event: Started) -> str:
    tokens, per_epoch = f"{event.tokens_per_step:,} tokens", f"{event.steps_per_epoch:,} per epoch"
    if event.step:
        return f"continuing after step {event.step:,} of {event.total_steps:,}: {tokens} per step, {per_epoch}"
    return f"training: {event.total_steps:,} steps of {tokens}, {per_epoch}"


def _state_line(tally: Tally) -> str:
    validation = "" if tally.validation_loss is None else f"{tally.validation_loss:.3f}"
    best = f"{tally.best_loss:.3f}" if tally.best_loss is not None else validation
    facts = [
        f"step {tally.step:,} of {tally.total_steps:,} ({whole_percent(tally.share)})",
        f"epoch {tally.epoch + 1}",
        "" if tally.loss is None else f"loss {tally.loss:.3f}",
        validation and f"validation {validation}",
        "" if best == validation else f"best {best}",
        tally.speed(),
        tally.time_left(),
    ]
    return "  ".join(filter(None, facts))


def _last_line(event: Finished) -> str:
    best = "" if event.best_loss is None else f", best validation {event.best_loss:.3f} nats per token (quick check)"
    return f"{event.reason}: {event.step:,} steps in {clock(event.seconds)}{best}"
