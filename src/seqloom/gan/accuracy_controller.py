"""Keep the discriminator's accuracy inside a band, so that the generator can always learn from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["AccuracyController"]

_NEWEST_WEIGHT = 0.2
"""Weight of the newest accuracy in the running mean of the accuracy."""

_MAX_DISCRIMINATOR_STEPS = 4
_MAX_NOISE = 1.0
_NOISE_STEP = 0.02
"""Change of the noise's standard deviation after one adversarial step."""

_STORED_NAMES = {
    "low": "low",
    "high": "high",
    "accuracy": "accuracy",
    "noise": "noise",
    "discriminator_steps": "updates",
    "steps_in_band": "inside",
    "steps": "rounds",
}
"""Key of each field in a stored training state.

The keys are those of the first version, so that old files can be read.
"""


@dataclass
class AccuracyController:
    """Control the discriminator's accuracy on unseen texts by the number of its steps and the noise on its inputs.

    Inside the middle half of the band the discriminator takes one step per adversarial step. If the accuracy is above
    that half, the discriminator takes no step, and the noise grows. If the accuracy is below that half, the noise
    shrinks first; when no noise is left, the discriminator takes more steps. As the accuracy falls towards the lower
    edge of the band, the discriminator's score gets less weight in the generator's loss.

    Attributes:
        low: lower edge of the band.
        high: upper edge of the band; the band from 0 to 1 disables the controller.
        accuracy: running mean of the accuracy; 0.5 at the start.
        noise: standard deviation of the noise on the embeddings that the discriminator reads.
        discriminator_steps: steps of the discriminator in the next adversarial step.
        steps_in_band: adversarial steps with the mean accuracy inside the band.
        steps: adversarial steps so far.
    """

    low: float
    high: float
    accuracy: float = 0.5
    noise: float = 0.0
    discriminator_steps: int = 1
    steps_in_band: int = 0
    steps: int = 0

    def observe(self, accuracy: float) -> None:
        """Update the running mean only, as in the discriminator warm-up, where steps and noise are fixed."""
        self.accuracy += _NEWEST_WEIGHT * (accuracy - self.accuracy)

    def update(self, accuracy: float) -> None:
        """Update the running mean and choose steps and noise for the next adversarial step."""
        self.observe(accuracy)
        self.steps += 1
        self.steps_in_band += self.low <= self.accuracy <= self.high
        quarter = (self.high - self.low) / 4
        if self._is_disabled:
            return
        if self.accuracy > self.high - quarter:
            self.discriminator_steps, self.noise = 0, min(self.noise + _NOISE_STEP, _MAX_NOISE)
        elif self.accuracy < self.low + quarter:
            increased_steps = min(self.discriminator_steps + 1, _MAX_DISCRIMINATOR_STEPS)
            self.discriminator_steps = increased_steps if self.noise == 0 else max(self.discriminator_steps, 1)
            self.noise = max(self.noise - _NOISE_STEP, 0.0)
        else:
            self.discriminator_steps = 1

    @property
    def band_share(self) -> float:
        """Share of the adversarial steps with the mean accuracy inside the band."""
        return self.steps_in_band / max(self.steps, 1)

    @property
    def generator_weight(self) -> float:
        """Weight of the discriminator's score in the generator's loss, from 0 to 1.

        The weight is 0 up to the lower edge of the band. It rises to 1 over the lowest quarter of the band and stays 1
        above: the generator learns little from a discriminator that only guesses.
        """
        if self._is_disabled:
            return 1.0
        return min(1.0, max(0.0, 4 * (self.accuracy - self.low) / (self.high - self.low)))

    @property
    def _is_disabled(self) -> bool:
        return (self.low, self.high) == (0, 1)

    def to_json(self) -> dict[str, Any]:
        """Return the fields under their stored names."""
        return {stored: getattr(self, name) for name, stored in _STORED_NAMES.items()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "AccuracyController":
        """Return the controller described by `to_json`.

        Raises:
            KeyError: a field is missing.
        """
        return cls(**{name: stored[key] for name, key in _STORED_NAMES.items()})
