"""Holds the discriminator's accuracy inside a band, so that the generator always has something to learn from it."""

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["AccuracyController"]

_PACE = 0.2
"""Of the running mean of the accuracy."""

_MOST_UPDATES = 4
_MOST_NOISE = 1.0
_NOISE_STEP = 0.02


@dataclass
class AccuracyController:
    """A controller of one number, the accuracy on texts that the discriminator has not seen, by two others.

    Inside the band's middle half the discriminator has one update a round. Above it, it has none, and the noise on what
    it sees grows; below it, the noise shrinks first, and then it has more updates, and the generator learns less from
    it, so that it may catch up.

    Attributes:
        low: the band's lower edge.
        high: its upper edge; a band from 0 to 1 is never left.
        accuracy: its running mean; half before anything is known.
        noise: standard deviation of what is added to the discriminator's inputs, in units of theirs.
        updates: of the discriminator in the next round.
        inside: rounds in which the accuracy was inside the band.
        rounds: in all.
    """

    low: float
    high: float
    accuracy: float = 0.5
    noise: float = 0.0
    updates: int = 1
    rounds_in_band: int = 0
    rounds: int = 0

    def observe(self, accuracy: float) -> None:
        """Take account of an accuracy from before the rounds, when nothing is held."""
        self.accuracy += _PACE * (accuracy - self.accuracy)

    def update(self, accuracy: float) -> None:
        """Take account of a round's accuracy."""
        self.observe(accuracy)
        self.rounds += 1
        self.rounds_in_band += self.low <= self.accuracy <= self.high
        quarter = (self.high - self.low) / 4
        if (self.low, self.high) == (0, 1):
            return
        if self.accuracy > self.high - quarter:
            self.updates, self.noise = 0, min(self.noise + _NOISE_STEP, _MOST_NOISE)
        elif self.accuracy < self.low + quarter:
            self.updates = min(self.updates + 1, _MOST_UPDATES) if self.noise == 0 else max(self.updates, 1)
            self.noise = max(self.noise - _NOISE_STEP, 0.0)
        else:
            self.updates = 1

    @property
    def generator_weight(self) -> float:
        """How much of the discriminator's verdict the generator learns from, 0 to 1.

        One that hardly tells has little to teach; below the band it is left time to learn.
        """
        if (self.low, self.high) == (0, 1):
            return 1.0
        return min(1.0, max(0.0, 4 * (self.accuracy - self.low) / (self.high - self.low)))

    def to_json(self) -> dict[str, Any]:
        """The fields."""
        return asdict(self)
