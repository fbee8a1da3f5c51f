"""Show a training in the terminal: notes, the live display, samples, and texts at the end."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from seqloom.display.progress import ProgressDisplay
from seqloom.display.stage_display import StageDisplay
from seqloom.display.terminal import console, dimmed, shows_terminal, visible
from seqloom.display.verbosity import is_quiet
from seqloom.lm.observer import Report, SampleSet, TrainingObserver
from seqloom.runs.config import RunConfig
from seqloom.runs.layout import RunFolder
from seqloom.training.events import Event, Finished, Listener

__all__ = ["TrainingViewer"]

_SECONDS_BETWEEN_SAMPLES = 10.0
"""Shortest time for which samples stay visible, so that a person can read them."""


class TrainingViewer(TrainingObserver):
    """Context manager that shows a training on standard error, and restores the terminal at its end.

    Args:
        stages: display of the stages before and after the training; None for a new one.
        always_show_texts: whether the final texts (samples of the trained model) are printed even if standard output is
            no terminal; None never prints them.
        scope: words that follow the remaining time, such as " in this stage".
        replaced: folder whose run, if it has one, is replaced by that of the training; None for none.

    Attributes:
        has_begun: whether the training has begun.
        has_ended: whether it has ended, so that only the report may be missing.
        was_interrupted: whether Ctrl-C has ended it.
        replaces_run: whether an earlier run is replaced.
    """

    def __init__(
        self,
        stages: StageDisplay | None = None,
        *,
        always_show_texts: bool | None = False,
        scope: str = "",
        replaced: str | Path | None = None,
    ) -> None:
        self._scope = scope
        self.replaces_run = replaced is not None and RunFolder(replaced).holds_run
        self._stages = stages or StageDisplay(console=console())
        self._display: ProgressDisplay | None = None
        self._shows_texts = always_show_texts is not None and (always_show_texts or shows_terminal())
        self.has_begun = self.has_ended = self.was_interrupted = False
        self._next_samples_time = 0.0
        self._late_notes: list[str] = []  # notes to print below the final texts

    def __enter__(self) -> Self:
        """Return the viewer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the live display."""
        self.close()

    def close(self) -> None:
        """End the live display, leaving its last state visible."""
        display, self._display = self._display, None
        if display is not None:
            display.__exit__(None, None, None)
        self._stages.pause()

    def note(self, text: str) -> None:
        """Print a line; after the training, keep it until the final texts have been printed."""
        if self._display is not None:
            self._display.note(text)
        elif self.has_ended and self._shows_texts:
            self._late_notes.append(text)
        else:
            self._stages.note(text)

    def result(self, text: str) -> None:
        """Print a line of the results, even if the process is quiet: then on standard output."""
        if is_quiet():
            print(visible(text))
        else:
            self.note(text)

    def begin(
        self, config: RunConfig, units_per_token: float, units: str, earlier_losses: Sequence[float] = ()
    ) -> None:
        """Print the main settings, and open the live display."""
        self.has_begun = True
        sizes = " + ".join(map(str, config.model.hidden_sizes))
        training = config.training
        unit = "windows" if training.batching == "windows" else "sequences"
        self._stages.note(
            f"{training.batch_size} {unit} of {training.sequence_length} tokens, {training.precision}, "
            f"learning rate {training.learning_rate:g}, dropout {config.model.dropout:g}, seed {training.seed}"
        )
        self._stages.pause()
        self._display = ProgressDisplay(
            title=f"{config.corpus}: {config.model.core} of {sizes}",
            units_per_token=units_per_token,
            unit=units,
            console=self._stages.console,
            scope=self._scope,
            earlier_losses=earlier_losses,
        ).__enter__()

    def samples(self, samples: SampleSet) -> None:
        """Show a set of samples, unless the previous set has been visible for less than ten seconds."""
        if self._display is not None and time.monotonic() >= self._next_samples_time:
            self._display.show_samples(samples)
            self._next_samples_time = time.monotonic() + _SECONDS_BETWEEN_SAMPLES

    def listener(self) -> Listener:
        """Return the listener of training events."""
        return self._handle_event

    def working(self, activity: str) -> None:
        """Show the name of an activity before or after the training, such as "drawing plots"."""
        self._stages.stage(activity)

    def finished(self, report: Report) -> None:
        """Print the final texts, then the notes that waited for them."""
        self.close()
        if self._shows_texts:
            for sample in report.samples:
                print(dimmed(f"--- {visible(sample.title)}"), visible(sample.text), "", sep="\n")
            sys.stdout.flush()
        for line in self._late_notes:
            self._stages.note(line)

    def _handle_event(self, event: Event) -> None:
        if self._display is not None:
            self._display(event)
        if isinstance(event, Finished):
            self.has_ended = True
            self.was_interrupted = event.reason == "interrupted"
            display, self._display = self._display, None
            if display is not None:
                display.__exit__(None, None, None)
