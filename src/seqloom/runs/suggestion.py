"""The temperature that suits a run, and the file that its samples are usually written to."""

from dataclasses import dataclass
from typing import Final

from seqloom.runs.saved_run import SavedRun

__all__ = ["RATED_TEMPERATURE", "Suggestion"]

RATED_TEMPERATURE: Final = 0.8
"""Temperature for texts with a rating or a category."""

_TEXT_TEMPERATURE = 0.7

_BY_KIND = {
    "music": (0.9, "tune.mid"),
    "tunes": (0.8, "tune.abc"),
    "drawings": (0.3, "drawing.svg"),
}
"""Temperature and file of runs that generate no text."""


@dataclass(frozen=True)
class Suggestion:
    """What suits a run.

    Attributes:
        temperature: softmax temperature.
        file: name of an output file; empty for text, which is printed.
    """

    temperature: float
    file: str

    @classmethod
    def of(cls, run: SavedRun) -> "Suggestion":
        """Return what suits a run."""
        temperature = RATED_TEMPERATURE if len(run.config.conditions) else _TEXT_TEMPERATURE
        return cls(*_BY_KIND.get(run.codec.payload_type.kind, (temperature, "")))
