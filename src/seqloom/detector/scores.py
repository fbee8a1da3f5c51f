"""The scores of a detector, and the outputs of its members."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

__all__ = ["MemberOutputs", "Scores"]


@dataclass(frozen=True)
class Scores:
    """What a detector says of some texts.

    Attributes:
        probabilities: that each was generated.
        abstained: whether it is too short to tell; the probability is given all the same.
        strange: whether it is unlike all texts that the detector knows, as one in another language is.
        learned: whether it is one of those that the detector learned from, or made of such.
    """

    probabilities: Float[np.ndarray, " texts"]
    too_short: Bool[np.ndarray, " texts"]
    out_of_distribution: Bool[np.ndarray, " texts"]
    seen_in_training: Bool[np.ndarray, " texts"]


@dataclass(frozen=True)
class MemberOutputs:
    """What the members say of some texts.

    Attributes:
        light: the `LIGHT_ANSWERS`.
        slow: what the encoder and the language models say, and the light ones of parts; None where nobody was asked.
        words: of each text.
        abstained: see `Scored`.
        strange: see `Scored`.
        learned: see `Scored`.
    """

    light: Float[np.ndarray, "texts answers"]
    slow: Float[np.ndarray, "texts slow_answers"] | None
    words: Int[np.ndarray, " texts"]
    too_short: Bool[np.ndarray, " texts"]
    out_of_distribution: Bool[np.ndarray, " texts"]
    seen_in_training: Bool[np.ndarray, " texts"]

    def some(self, chosen: Bool[np.ndarray, " texts"]) -> "MemberOutputs":
        """The same of some of the texts."""
        slow = None if self.slow is None else self.slow[chosen]
        marks = (self.too_short, self.out_of_distribution, self.seen_in_training)
        return MemberOutputs(self.light[chosen], slow, self.words[chosen], *(mark[chosen] for mark in marks))
