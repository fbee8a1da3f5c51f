"""Who is shown what happens while a run trains."""

from typing import TYPE_CHECKING

from seqloom.training.events import Listener
from seqloom.workflows.folder import RunConfig
from seqloom.workflows.listeners import SampleSet

if TYPE_CHECKING:
    from seqloom.workflows.report import Report

__all__ = ["Viewer"]


class Viewer:
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

    def finished(self, report: "Report") -> None:
        """Training is over, and what it came to is measured."""
