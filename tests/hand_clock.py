"""A clock for stopwatches that tests set by hand."""


class HandClock:
    """Clock that moves only when `advance` is called.

    Args:
        wall_seconds: reading of the wall clock.
        processor_seconds: processor time of the process.
    """

    def __init__(self, wall_seconds: float = 0.0, processor_seconds: float = 0.0) -> None:
        self.wall_seconds, self.processor_seconds = wall_seconds, processor_seconds

    def wall(self) -> float:
        return self.wall_seconds

    def processor(self) -> float:
        return self.processor_seconds

    def advance(self, wall: float, processor: float | None = None) -> None:
        """Pass time, in which the process computes for `processor` seconds; None stands for all of it."""
        self.wall_seconds += wall
        self.processor_seconds += wall if processor is None else processor
