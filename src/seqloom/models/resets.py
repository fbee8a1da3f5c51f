"""Resets of the state within a sequence that a fused recurrent operator reads in one call.

A batch of short documents has a reset at almost every time step, in one row or another. To stop there would leave the
operator a step or two at a time. Instead, each reset becomes a step of its own, at which the gates are forced to clear
the state. Rows with fewer resets than others are filled at their end with steps that keep the state.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

__all__ = ["FORCED", "ResetSteps"]

FORCED = 1e4
"""Pre-activation that forces a gate: its sigmoid is exactly 1, and that of its negative 0."""


class ResetSteps(NamedTuple):
    """A sequence with further steps that clear or keep the state.

    Attributes:
        places: step of each token.
        forced: for each step, 1 and 0 if it clears the state, 0 and 1 if it keeps it, 0 and 0 if it reads a token.
    """

    places: Int[Tensor, "batch time"]
    forced: Float[Tensor, "batch steps two"]

    @classmethod
    def of(cls, resets: Bool[Tensor, "batch time"], device: torch.device) -> "ResetSteps":
        """Return the steps of sequences whose state is zeroed before the tokens that `resets` marks."""
        batch, time = resets.shape
        places = torch.arange(time) + resets.cumsum(1)
        num_steps = time + int(resets.sum(1).max())
        forced = torch.zeros(batch, num_steps, 2)
        row, column = resets.nonzero(as_tuple=True)
        forced[row, places[row, column] - 1, 0] = 1
        forced[:, :, 1] = (torch.arange(num_steps) > places[:, -1:]).float()
        return cls(places.to(device), forced.to(device))

    def spread(self, values: Float[Tensor, "batch time features"]) -> Float[Tensor, "batch steps features"]:
        """Return what each step reads: the values of its token, or zeros."""
        batch, num_steps, _ = self.forced.shape
        steps = values.new_zeros(batch, num_steps, values.shape[2])
        return steps.scatter(1, self._index(values.shape[2]), values)

    def gather(self, values: Float[Tensor, "batch steps features"]) -> Float[Tensor, "batch time features"]:
        """Return the values at the steps of the tokens."""
        return values.gather(1, self._index(values.shape[2]))

    def last(self, values: Float[Tensor, "batch steps features"]) -> Float[Tensor, "batch features"]:
        """Return the values at the step of the last token."""
        return values[torch.arange(len(values), device=values.device), self.places[:, -1]]

    def _index(self, width: int) -> Int[Tensor, "batch time features"]:
        return self.places.unsqueeze(-1).expand(-1, -1, width)
