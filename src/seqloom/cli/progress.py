"""Shows training to a person while it runs: a live panel in a terminal, now and then a line elsewhere.

Knows the events of training and nothing of what causes them. A step costs a few additions; a picture is drawn
at most four times a second, and so rarely that drawing stays near a hundredth of the time.
"""

import time
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from seqloom.cli import output
from seqloom.cli.live_panel import panel
from seqloom.cli.metrics import Tally, clock
from seqloom.training.events import Event, Finished, RolledBack, Started, Step, Validated

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

__all__ = ["ProgressDisplay"]

_REDRAW_SECONDS = 0.25
_DRAWING_SHARE = 0.01
_LINE_SECONDS = 8.0
_VALIDATION_SECONDS = 2.0
_MOST_SAMPLES = 4
_ECHOED_COLUMNS = 2  # a terminal writes ^C behind the panel; with no room there it would scroll and spoil the picture


class ProgressDisplay:
    """Listener that shows the progress of a training; a context manager.

    On a terminal that can move its cursor it draws a panel with the newest samples. Elsewhere it prints plain
    lines to standard error: at the start, every eight seconds or so, at a validation where the last line is
    two seconds old, where the loss explodes, and at the end; samples are not shown there.

    Args:
        title: what is being trained, for the panel's frame.
        characters_per_token: how many characters a token stands for on average; the speed is counted in them.
        unit: what the speed is counted in ("tokens" with one character a token).
        console: where to show it; standard error unless given.
    """

    def __init__(
        self,
        *,
        title: str = "training",
        characters_per_token: float = 1.0,
        unit: str = "characters",
        console: "Console | None" = None,
    ) -> None:
        self._console = console or output.console()
        self._title = title
        self._tally = Tally(characters_per_token, unit)
        self._samples: dict[float, str] = {}
        self._live: Live | None = None
        self._next_seconds = 0.0
        self._last_line_seconds = 0.0

    def __enter__(self) -> Self:
        """Begin to show."""
        if _can_draw_on(self._console):
            from rich.live import Live

            self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="crop")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the last picture standing, and the cursor below it."""
        if self._live is not None:
            if self._live.is_started:
                self._draw(self._live)
            self._live.stop()
            self._live = None

    def __call__(self, event: Event) -> None:
        """Take note of what training says, and show it where it is time to."""
        self._tally(event)
        match event:
            case Step():
                if time.monotonic() >= self._next_seconds:
                    self._show()
            case Started():
                self._show(_beginning(event))
            case Validated() if time.monotonic() - self._last_line_seconds >= _VALIDATION_SECONDS:
                self._show()
            case RolledBack():
                self.note(
                    f"the loss exploded at step {event.step:,} ({event.loss:.3g}): went back to step"
                    f" {event.to_step:,}, learning rate × {event.rate_factor:g}"
                )
            case Finished():
                self._show(_ending(event))

    def note(self, text: str) -> None:
        """Print a line of its own, above the panel where there is one."""
        self._console.print(text, style="yellow", markup=False, highlight=False, soft_wrap=self._live is None)

    def show_sample(self, temperature: float, text: str) -> None:
        """Show a text that was just written, in place of the one before it at this temperature.

        The four temperatures that were shown last stay.
        """
        self._samples.pop(temperature, None)
        self._samples[temperature] = text
        while len(self._samples) > _MOST_SAMPLES:
            del self._samples[next(iter(self._samples))]

    def show_samples(self, samples: Iterable[tuple[float, str]]) -> None:
        """Show one set of texts in place of the last: the temperature of each, and what was written."""
        self._samples.clear()
        for temperature, text in samples:
            self.show_sample(temperature, text)

    def _show(self, line: str | None = None) -> None:
        began = time.monotonic()
        if self._live is not None:
            self._draw(self._live)
            cost = time.monotonic() - began
            self._next_seconds = began + max(_REDRAW_SECONDS, cost / _DRAWING_SHARE)
            return
        self._console.print(line or _line(self._tally), markup=False, highlight=False, soft_wrap=True)
        self._last_line_seconds = began
        self._next_seconds = began + _LINE_SECONDS

    def _draw(self, live: "Live") -> None:
        if not live.is_started:
            live.start()
        width = self._console.width - _ECHOED_COLUMNS
        live.update(panel(self._tally, self._samples, self._title, width), refresh=True)


def _can_draw_on(console: "Console") -> bool:
    # FORCE_COLOR makes rich call any file a terminal; a log must get no cursor movements all the same.
    is_terminal = console.is_terminal and console.file.isatty() and not console.is_dumb_terminal
    return is_terminal and console.encoding.lower().startswith("utf")


def _beginning(event: Started) -> str:
    steps = f"{event.total_steps:,} steps of {event.tokens_per_step:,} tokens, {event.steps_per_epoch:,} an epoch"
    return f"going on after step {event.step:,} of {steps}" if event.step else f"training: {steps}"


def _line(tally: Tally) -> str:
    left = tally.seconds_left()
    validation = "" if tally.validation is None else f"{tally.validation:.3f}"
    best = f"{tally.best[0]:.3f}" if tally.best else validation
    facts = [
        f"step {tally.step:,} of {tally.total_steps:,} ({100 * tally.share:.0f} %)",
        f"epoch {tally.epoch + 1}",
        "" if tally.loss is None else f"loss {tally.loss:.3f}",
        validation and f"validation {validation}",
        "" if best == validation else f"best {best}",
        tally.speed(),
        "" if left is None else f"{clock(left)} left",
    ]
    return "  ".join(filter(None, facts))


def _ending(event: Finished) -> str:
    best = "" if event.best_loss is None else f", best validation {event.best_loss:.3f} nats a token"
    return f"{event.reason}: {event.step:,} steps in {clock(event.seconds)}{best}"
