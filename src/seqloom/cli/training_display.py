"""Show a training in the terminal: notes, the live display, samples, and texts at the end."""

import shlex
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.status import Status

from seqloom.cli.flags import with_flags
from seqloom.cli.output import console, dimmed, shows_terminal, visible
from seqloom.cli.progress import ProgressDisplay
from seqloom.lm.observer import Report, SampleSet, TrainingObserver
from seqloom.runs.config import RunConfig
from seqloom.runs.layout import RunFolder
from seqloom.training.events import Event, Finished, Listener

__all__ = ["TrainingViewer", "interrupted_gan"]

_SECONDS_BETWEEN_SAMPLES = 10.0


class TrainingViewer(TrainingObserver):
    """Show a training on standard error; a context manager, which restores the terminal.

    Args:
        always_show_texts: whether the final texts are printed even if standard output is no terminal.
    """

    def __init__(self, *, always_show_texts: bool = False) -> None:
        self._console = console()
        self._display: ProgressDisplay | None = None
        self._status: Status | None = None
        self._shows_texts = always_show_texts or shows_terminal()
        self._began = self._over = self._was_stopped = False
        self._next_samples = 0.0
        self._kept: list[str] = []

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
        display, status = self._display, self._status
        self._display = self._status = None
        if display is not None:
            display.__exit__(None, None, None)
        if status is not None:
            status.stop()

    def note(self, text: str) -> None:
        """Print a line; lines after training are printed below the final texts."""
        if self._display is not None:
            self._display.note(text)
        elif self._over and self._shows_texts:
            self._kept.append(text)
        else:
            self._print(text)

    def begin(self, config: RunConfig, characters_per_token: float) -> None:
        """Open the display."""
        self._began = True
        sizes = " + ".join(map(str, config.model.hidden_sizes))
        training = config.training
        unit = "windows" if training.batching == "windows" else "sequences"
        self._print(
            f"{training.batch_size} {unit} of {training.sequence_length} tokens, {training.precision}, "
            f"learning rate {training.learning_rate:g}, dropout {config.model.dropout:g}, seed {training.seed}"
        )
        self._display = ProgressDisplay(
            title=f"{config.corpus}: {config.model.core} of {sizes}",
            characters_per_token=characters_per_token,
            console=self._console,
        ).__enter__()

    def samples(self, written: SampleSet) -> None:
        """Show a set of samples, unless the last set was shown seconds ago."""
        if self._display is not None and time.monotonic() >= self._next_samples:
            self._display.show_samples(written)
            self._next_samples = time.monotonic() + _SECONDS_BETWEEN_SAMPLES

    def listener(self) -> Listener:
        """Return the listener of training events."""
        return self._hear

    def working(self, activity: str) -> None:
        """Show the activity after training."""
        if self._status is not None:
            self._status.update(activity)
        else:
            self._print(f"{activity} ...")

    def finished(self, report: Report) -> None:
        """Print the final texts, then the summary."""
        self.close()
        if self._shows_texts:
            for sample in report.samples:
                print(dimmed(f"--- {visible(sample.title)}"), visible(sample.text), "", sep="\n")
            sys.stdout.flush()
        for line in self._kept:
            self._print(line)

    def interrupted(self, path: Path) -> str:
        """Return one line on what Ctrl-C left, and how to continue."""
        folder = RunFolder(path)
        if not self._began:
            return "interrupted before training began; nothing was saved or changed"
        if not folder.state_file.exists():
            return f"interrupted before anything was saved; start again with --overwrite --run {shlex.quote(str(path))}"
        command = f"seqloom train --resume --run {shlex.quote(str(path))}"
        if self._over and not folder.metrics_file.exists() and not self._was_stopped:
            return f"interrupted after the last step; everything is saved but the report, which this writes: {command}"
        return f"interrupted and saved; continue with: {command}"

    def _hear(self, event: Event) -> None:
        if self._display is not None:
            self._display(event)
        if isinstance(event, Finished):
            self._over = True
            self._was_stopped = event.reason == "interrupted"
            self.close()
            if self._shows_texts and self._console.is_terminal and not self._was_stopped:
                self._status = self._console.status("writing samples")
                self._status.start()

    def _print(self, text: str) -> None:
        self._console.print(with_flags(text), markup=False, highlight=False, soft_wrap=True)


def interrupted_gan(run: Path, saved: bool) -> str:
    """Return one line on what Ctrl-C left of a GAN, and how to continue.

    Args:
        run: run folder.
        saved: whether a state was saved.
    """
    if not saved and not RunFolder(run).gan_request_file.exists():
        return "interrupted before anything was saved"
    return f"interrupted and saved; continue with: seqloom gan train --resume --run {shlex.quote(str(run))}"
