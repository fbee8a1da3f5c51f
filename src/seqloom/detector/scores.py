"""The scores of a detector, and the outputs of its members."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

__all__ = ["MemberOutputs", "Scores"]


@dataclass(frozen=True)
class Scores:
    """A detector's scores of some texts.

    Attributes:
        probabilities: probability that each text was generated.
        too_short: whether each text is too short for a reliable probability.
        out_of_distribution: whether each text is unlike all training texts, for example in another language.
        seen_in_training: whether each text is a training text, or a near copy of one.
    """

    probabilities: Float[np.ndarray, " texts"]
    too_short: Bool[np.ndarray, " texts"]
    out_of_distribution: Bool[np.ndarray, " texts"]
    seen_in_training: Bool[np.ndarray, " texts"]


@dataclass(frozen=True)
class MemberOutputs:
    """The outputs of a detector's members for some texts.

    Attributes:
        light: outputs of the light members (fast models on patterns of words and characters), in the order of
            `detector.members.LIGHT_OUTPUTS`.
        slow: outputs of the slow members: the encoder, the language models, and the highest and lowest logits of the
            halves and quarters of a text; None if the slow members did not run.
        num_words: number of words of each text.
        too_short: see `Scores`.
        out_of_distribution: see `Scores`.
        seen_in_training: see `Scores`.
    """

    light: Float[np.ndarray, "texts outputs"]
    slow: Float[np.ndarray, "texts slow_outputs"] | None
    num_words: Int[np.ndarray, " texts"]
    too_short: Bool[np.ndarray, " texts"]
    out_of_distribution: Bool[np.ndarray, " texts"]
    seen_in_training: Bool[np.ndarray, " texts"]

    def select(self, chosen: Bool[np.ndarray, " texts"]) -> "MemberOutputs":
        """Return the outputs for the chosen texts."""
        slow = None if self.slow is None else self.slow[chosen]
        flags = (self.too_short, self.out_of_distribution, self.seen_in_training)
        return MemberOutputs(self.light[chosen], slow, self.num_words[chosen], *(flag[chosen] for flag in flags))
