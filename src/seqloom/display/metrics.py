"""Measure a training run: loss, best loss, speed, time left. Draws nothing."""

import math
import time
from collections import deque
from itertools import pairwise
from typing import NamedTuple

from seqloom.display.stage_display import clock
from seqloom.training.events import Epoch, Event, Finished, Paused, Replanned, RolledBack, Started, Step, Validated

__all__ = ["History", "Tally"]

_SMOOTHING = 0.98
"""Decay per step of the running mean of the loss."""

_SPEED_SECONDS = 5.0
"""Training time over which the speed is measured."""


class History:
    """Series of any length in bounded memory.

    The series is stored as means of consecutive values. The longer the series, the more values each mean covers.

    Args:
        max_means: number of stored means at which each pair of neighbours is merged into one mean.
    """

    def __init__(self, max_means: int = 512) -> None:
        self._max_means = max_means
        self._means: list[float] = []
        self._values_per_mean = 1
        self._sum, self._count = 0.0, 0

    def add(self, value: float) -> None:
        """Append a value."""
        self._sum += value
        self._count += 1
        if self._count == self._values_per_mean:
            self._means.append(self._sum / self._count)
            self._sum, self._count = 0.0, 0
            if len(self._means) == self._max_means:
                pairs = zip(self._means[::2], self._means[1::2], strict=False)
                self._means = [(first + second) / 2 for first, second in pairs]
                self._values_per_mean *= 2

    def resampled(self, width: int) -> list[float]:
        """Return the series as at most `width` means, from the first to the last."""
        means = self._means
        if len(means) <= width:
            return list(means)
        edges = [round(column * len(means) / width) for column in range(width + 1)]
        return [sum(means[start:stop]) / (stop - start) for start, stop in pairwise(edges)]


class _SpeedMark(NamedTuple):
    """Training time and number of tokens so far, at one moment."""

    seconds: float
    tokens: int


class Tally:
    """Running summary of the events of a training; cheap enough to update at every step.

    Args:
        units_per_token: mean number of `unit` per token; 1 if the unit is tokens.
        unit: unit of the speed, such as "characters" or "tokens".
        scope: words that follow the remaining time, such as " in this stage".

    Attributes:
        step: updates so far, of `total_steps`.
        epoch: full passes over the training text so far, of `steps_per_epoch` updates each.
        loss: running mean over training batches, in nats per token; None before the first step.
        losses: training losses of all steps.
        validation_loss: newest validation loss, in nats per token; None before the first validation.
        best_loss: lowest validation loss, in nats per token; None before the first validation.
        reason: reason for the end of the training; None while it runs.
        seconds: duration of all updates, without validation and display.
    """

    def __init__(self, units_per_token: float, unit: str, scope: str = "") -> None:
        self._units_per_token, self._unit, self._scope = units_per_token, unit, scope
        self.step = self.total_steps = self.epoch = self.steps_per_epoch = 0
        self.loss: float | None = None
        self.losses = History()
        self.validation_loss: float | None = None
        self.best_loss: float | None = None
        self.reason: str | None = None
        self.seconds = 0.0
        self._tokens = self._updates = 0
        self._loss_weight = 0.0
        self._start_time = time.monotonic()
        self._end_time: float | None = None  # end of the time limit
        self._speed_marks: deque[_SpeedMark] = deque()  # at recent calls of `speed`

    def __call__(self, event: Event) -> None:
        """Count an event."""
        match event:
            case Step(step=step, loss=loss, seconds=seconds, tokens=tokens):
                self.step, self.seconds, self._tokens = step, seconds, tokens
                self._updates += 1
                if math.isfinite(loss):
                    self._add_loss(loss)
            case Started():
                self.step, self.total_steps = event.step, event.total_steps
                self.steps_per_epoch = max(1, event.steps_per_epoch)
                self.epoch = event.step // self.steps_per_epoch
                self._start_time = time.monotonic()
                self._end_time = None if event.seconds_left is None else self._start_time + event.seconds_left
            case Replanned():
                self.total_steps = event.total_steps
            case Paused():
                self._start_time += event.seconds
                if self._end_time is not None:
                    self._end_time += event.seconds
            case Validated(loss=loss):
                self.validation_loss = loss
                if event.best:
                    self.best_loss = loss
            case Epoch():
                self.epoch = event.epoch
            case RolledBack():
                self.step, self.loss = event.to_step, None
                self._speed_marks.clear()
            case Finished():
                self.step, self.seconds, self.reason = event.step, event.seconds, event.reason

    def _add_loss(self, loss: float) -> None:
        # A weighted mean, in which the weight of a loss decays with every later step. At first it is nearly the plain
        # mean, while a moving average with a fixed weight would stay close to the first loss for too long.
        self._loss_weight = self._loss_weight * _SMOOTHING + 1 if self.loss is not None else 1.0
        previous = self.loss if self.loss is not None else loss
        self.loss = previous + (loss - previous) / self._loss_weight
        self.losses.add(loss)

    @property
    def share(self) -> float:
        """Finished share of the training, from 0 to 1."""
        return min(1.0, self.step / self.total_steps) if self.total_steps else 0.0

    def epochs(self) -> str:
        """Return the number of passes over the training text so far in words, such as "3.4 epochs"."""
        passes = self.step / max(1, self.steps_per_epoch)
        shown = f"{passes:.1f}" if passes >= 0.1 else f"{passes:.1g}"
        shown = shown.removesuffix(".0")
        return f"{shown} epoch{'s' if shown != '1' else ''}"

    def seconds_left(self) -> float | None:
        """Return the seconds until the end of the time limit or else, at the mean speed so far, until the last step.

        None without a time limit before the first update.
        """
        if self._end_time is not None:
            return max(0.0, self._end_time - time.monotonic())
        if not self._updates:
            return None
        seconds_per_update = (time.monotonic() - self._start_time) / self._updates
        return seconds_per_update * (self.total_steps - self.step)

    def time_left(self) -> str:
        """Return the remaining time in words, such as "0:12 left"; empty before it is known."""
        seconds = self.seconds_left()
        return "" if seconds is None else f"{clock(seconds)} left{self._scope}"

    def speed(self) -> str:
        """Return units per second over the last five seconds of training; empty at the start."""
        marks = self._speed_marks
        marks.append(_SpeedMark(self.seconds, self._tokens))
        while len(marks) > 2 and marks[1].seconds < self.seconds - _SPEED_SECONDS:
            marks.popleft()
        oldest = marks[0]
        seconds, tokens = self.seconds - oldest.seconds, self._tokens - oldest.tokens
        if seconds <= 0:
            seconds, tokens = self.seconds, self._tokens
        if seconds <= 0:
            return ""
        return f"{_rounded(tokens * self._units_per_token / seconds):,} {self._unit}/s"


def _rounded(number: float) -> int:
    """Round to three digits, because further digits change too fast to be read."""
    digits = max(0, len(str(int(number))) - 3)
    return int(round(number, -digits))
