"""Compare how strongly ratings show in generated and in real texts."""

from dataclasses import asdict, dataclass

from seqloom.gan.losses import Scores

__all__ = ["ConditionAdherence"]

_MIN_NEWEST_WEIGHT = 0.05
"""Smallest weight of the newest step in the running means."""

_FULL_SHORTFALL = 0.1
"""The rating loss has its full weight if the generated texts' slope is lower than the real texts' by this share."""


@dataclass
class ConditionAdherence:
    """Running means of two regression slopes, of the predicted rating on the requested rating.

    The discriminator predicts the ratings. A low slope means that the texts depend little on the requested rating.

    The real texts are training texts, because the generator imitates these. Unseen texts would have a lower slope: the
    discriminator has not learned from them and predicts their ratings less clearly.

    Attributes:
        real: slope in real texts.
        generated: slope in generated texts.
        seen: adversarial steps so far.
    """

    real: float = 0.0
    generated: float = 0.0
    seen: int = 0

    def update(self, ratings: Scores, predicted_real: Scores, predicted_generated: Scores) -> None:
        """Update both slopes with one batch.

        Args:
            ratings: requested ratings, the same for real and generated texts.
            predicted_real: discriminator's predictions for real texts with these ratings.
            predicted_generated: discriminator's predictions for texts generated for these ratings.
        """
        centred = ratings - ratings.mean()
        newest_weight, variance = max(_MIN_NEWEST_WEIGHT, 1 / (self.seen + 1)), float(centred.square().mean()) + 1e-6
        self.real += newest_weight * (float((centred * predicted_real).mean()) / variance - self.real)
        self.generated += newest_weight * (float((centred * predicted_generated).mean()) / variance - self.generated)
        self.seen += 1

    @property
    def shortfall(self) -> float:
        """How far the generated texts' slope is below the real texts' slope, from 0 to 1.

        The value is 0 if the slope is not lower, and 1 if it is lower by a tenth or more.
        """
        if self.real <= 0:
            return 0.0
        return min(1.0, max(0.0, (1 - self.generated / self.real) / _FULL_SHORTFALL))

    def to_json(self) -> dict[str, float]:
        """Return the fields."""
        return asdict(self)
