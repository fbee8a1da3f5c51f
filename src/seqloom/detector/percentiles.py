"""Percentiles of the member outputs for real and generated texts, for comparison with a single text."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32

__all__ = ["OutputPercentiles"]

_LEVELS = np.linspace(0, 1, 101)
"""Levels of the percentiles 0 to 100, as shares."""


@dataclass(frozen=True)
class OutputPercentiles:
    """Percentiles 0 to 100 of every output, for texts that the members have not seen.

    Attributes:
        real: percentiles for real texts.
        generated: percentiles for generated texts.
    """

    real: Float32[np.ndarray, "percentiles outputs"]
    generated: Float32[np.ndarray, "percentiles outputs"]

    @classmethod
    def fit(
        cls, outputs: Float[np.ndarray, "texts outputs"], generated: Bool[np.ndarray, " texts"]
    ) -> "OutputPercentiles":
        """Compute the percentiles from real and generated texts."""
        sides = (outputs[generated == side] for side in (False, True))
        return cls(*(np.quantile(side, _LEVELS, axis=0).astype(np.float32) for side in sides))

    def shares_below(self, outputs: Float[np.ndarray, " outputs"], *, generated: bool) -> Float[np.ndarray, " outputs"]:
        """Return, for each output of one text, the share of real or generated texts with a lower output."""
        percentiles = self.generated if generated else self.real
        pairs = zip(outputs, percentiles.T, strict=True)
        return np.array([np.interp(output, output_percentiles, _LEVELS) for output, output_percentiles in pairs])

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the percentiles by name."""
        return {"real": self.real, "generated": self.generated}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "OutputPercentiles":
        """Restore percentiles from the result of `to_arrays`."""
        return cls(arrays["real"], arrays["generated"])
