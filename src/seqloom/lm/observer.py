"""The contract of training observers, and what they receive."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seqloom.runs.config import RunConfig
from seqloom.runs.saved_run import SavedRun
from seqloom.training.events import Listener

__all__ = ["Report", "ReportSample", "SampleSet", "TrainingObserver", "format_rating"]

SampleSet = list[tuple[float, str]]
"""Temperatures and what was written at each."""


@dataclass(frozen=True)
class ReportSample:
    """A text that shows what a run writes.

    Attributes:
        temperature: that it was drawn at.
        text: what was written.
        rating: that was asked for, by column; None where none was.
    """

    temperature: float
    text: str
    rating: Mapping[str, float | str] | None = None

    @property
    def title(self) -> str:
        """What it was written at, for a person."""
        rated = [f"{name} {format_rating(value)}" for name, value in (self.rating or {}).items()]
        return ", ".join([*rated, f"temperature {self.temperature:g}"])


@dataclass(frozen=True)
class Report:
    """What a training came to.

    Attributes:
        run: what was trained.
        metrics: as in `metrics.json`.
        samples: one a temperature; of a rated run, a low, a middle and a high rating instead.
    """

    run: SavedRun
    metrics: dict[str, Any]
    samples: list[ReportSample]


def format_rating(value: float | str) -> str:
    """A rating as it is typed."""
    if isinstance(value, str):
        return value
    return str(int(value)) if value.is_integer() else repr(value)


class TrainingObserver:
    """Is shown what happens while a run trains; this one looks away."""

    def note(self, text: str) -> None:
        """One line about what was read, chosen or saved."""

    def begin(self, config: RunConfig, characters_per_token: float) -> None:
        """The plan is made and training is about to begin."""

    def samples(self, written: SampleSet) -> None:
        """One sample a temperature was written."""

    def listener(self) -> Listener:
        """What is told every training event."""
        return lambda event: None

    def working(self, at: str) -> None:
        """Training is over, and this is being done now."""

    def finished(self, report: Report) -> None:
        """Training is over, and what it came to is measured."""
