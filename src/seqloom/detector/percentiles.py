"""What the members of a detector say of texts of either side, to hold a single text against."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32

__all__ = ["Reference"]

_LEVELS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class Reference:
    """Percentiles of every answer, 0 to 100, among texts that the members had not seen.

    Attributes:
        real: among real texts.
        generated: among generated ones.
    """

    real: Float32[np.ndarray, "percentiles answers"]
    generated: Float32[np.ndarray, "percentiles answers"]

    @classmethod
    def fit(cls, answers: Float[np.ndarray, "texts answers"], generated: Bool[np.ndarray, " texts"]) -> "Reference":
        """Learn from texts of both sides."""
        sides = (answers[generated == side] for side in (False, True))
        return cls(*(np.quantile(side, _LEVELS, axis=0).astype(np.float32) for side in sides))

    def shares_below(self, answers: Float[np.ndarray, " answers"], *, generated: bool) -> Float[np.ndarray, " answers"]:
        """The share of the texts of one side of which each answer is lower than that of the text at hand."""
        known = self.generated if generated else self.real
        return np.array([np.interp(one, own, _LEVELS) for one, own in zip(answers, known.T, strict=True)])

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` needs."""
        return {"real": self.real, "generated": self.generated}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Reference":
        """The reference that `to_arrays` described."""
        return cls(arrays["real"], arrays["generated"])
