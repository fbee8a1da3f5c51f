"""How far ratings show in generated texts beside real ones, so that the generator shows them as much and no more."""

from dataclasses import asdict, dataclass

from seqloom.gan.losses import Scores

__all__ = ["ConditionAdherence"]

_PACE = 0.05
"""Of the running means, once they have seen as many rounds."""

_WHOLE = 0.1
"""Share of the real texts' slope that must be lacking for the generator to be pushed with all force."""


@dataclass
class ConditionAdherence:
    """Running means of two slopes, of the ratings that the discriminator reads by those that texts have.

    Real texts are those that both networks learn from: the generator writes what the discriminator has seen there, and
    so it reads more in generated texts than in real ones that it has not seen.

    Attributes:
        real: in real texts.
        generated: in new ones of the generator.
        seen: rounds.
    """

    real: float = 0.0
    generated: float = 0.0
    seen: int = 0

    def update(self, had: Scores, in_real: Scores, in_generated: Scores) -> None:
        """Take account of a round.

        Args:
            had: ratings of texts.
            in_real: what is read in real ones with these ratings.
            in_generated: what is read in those that were written to them.
        """
        away = had - had.mean()
        pace, spread = max(_PACE, 1 / (self.seen + 1)), float(away.square().mean()) + 1e-6
        self.real += pace * (float((away * in_real).mean()) / spread - self.real)
        self.generated += pace * (float((away * in_generated).mean()) / spread - self.generated)
        self.seen += 1

    @property
    def shortfall(self) -> float:
        """How much of the real texts' slope generated ones lack: 1 from a tenth of it on, 0 where they lack none."""
        if self.real <= 0:
            return 0.0
        return min(1.0, max(0.0, (1 - self.generated / self.real) / _WHOLE))

    def to_json(self) -> dict[str, float]:
        """The fields."""
        return asdict(self)
