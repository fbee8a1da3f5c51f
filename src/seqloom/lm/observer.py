"""The interface of training observers, and the data that they receive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqloom.runs.config import RunConfig
from seqloom.runs.saved_run import SavedRun
from seqloom.training.events import Listener

__all__ = ["Report", "ReportSample", "SampleSet", "TrainingObserver", "format_rating"]

SampleSet = list[tuple[float, str]]
"""Pairs of a temperature and a sample."""


@dataclass(frozen=True)
class ReportSample:
    """A sample of a trained model.

    Attributes:
        temperature: softmax temperature.
        text: generated text.
        rating: requested ratings by column; None if no rating was requested.
    """

    temperature: float
    text: str
    rating: Mapping[str, float | str] | None = None

    @property
    def title(self) -> str:
        """Rating and temperature, in words."""
        ratings = [f"{name} {format_rating(value)}" for name, value in (self.rating or {}).items()]
        return ", ".join([*ratings, f"temperature {self.temperature:g}"])


@dataclass(frozen=True)
class Report:
    """The result of a training.

    Attributes:
        run: trained run.
        metrics: content of `metrics.json`.
        samples: one sample per temperature; for a run with ratings, one each for a low, a middle and a high rating.
    """

    run: SavedRun
    metrics: dict[str, Any]
    samples: list[ReportSample]


def format_rating(value: float | str) -> str:
    """Return a rating in the form that the command line accepts."""
    if isinstance(value, str):
        return value
    return str(int(value)) if value.is_integer() else repr(value)


class TrainingObserver:
    """Observer of a training. Subclasses override some of the methods; those of this class ignore what they receive."""

    def note(self, text: str) -> None:
        """Receive one line on the source or the settings."""

    def result(self, text: str) -> None:
        """Receive one line of the results; by default a note like others."""
        self.note(text)

    def begin(
        self, config: RunConfig, units_per_token: float, units: str, earlier_losses: Sequence[float] = ()
    ) -> None:
        """Receive the configuration before the training begins.

        Args:
            config: configuration of the run.
            units_per_token: mean number of `units` per token.
            units: unit in which the codec measures a sequence, in the plural, such as "characters".
            earlier_losses: training loss of each step before a training that continues.
        """

    def samples(self, samples: SampleSet) -> None:
        """Receive the samples that were generated after an epoch."""

    def listener(self) -> Listener:
        """Return a function that receives each training event; see `training.events`."""
        return lambda event: None

    def working(self, activity: str) -> None:
        """Receive the name of an activity before or after the training, such as "drawing plots"."""

    def finished(self, report: Report) -> None:
        """Receive the report, after everything else."""
