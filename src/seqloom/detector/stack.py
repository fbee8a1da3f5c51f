"""What several members say of a text, made one probability.

A logistic regression of the members' answers (stacking, Wolpert 1992), of their squares, as a text may be too likely or
too unlikely, and of their products with its length, as the same sign says more of a longer text. Its answer is
calibrated on texts that neither the members nor it has seen (Platt 1999).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32

from seqloom.errors import ConfigError

__all__ = ["Stack", "check_prior", "probabilities"]

_FARTHEST = 6.0
"""Standard deviations from the mean beyond which an answer counts no more."""

_STRENGTH = 0.1
"""Of the data against the penalty of the squared weights: scikit-learn's C."""


@dataclass(frozen=True)
class Stack:
    """From answers to a probability.

    Attributes:
        centre: of each answer.
        spread: its standard deviation.
        weight: of all that is made of them.
        bias: the logit of nothing.
        slope: of the calibration.
        shift: of the calibration.
    """

    centre: Float32[np.ndarray, " answers"]
    spread: Float32[np.ndarray, " answers"]
    weight: Float32[np.ndarray, " made"]
    bias: float
    slope: float
    shift: float

    @classmethod
    def fit(
        cls,
        answers: Float[np.ndarray, "texts answers"],
        words: Float[np.ndarray, " texts"],
        generated: Bool[np.ndarray, " texts"],
        calibrating: Bool[np.ndarray, " texts"],
    ) -> "Stack":
        """Learn from texts that the members have not seen.

        Args:
            answers: of the members.
            words: of each text.
            generated: the truth.
            calibrating: which of the texts only calibrate.
        """
        from sklearn.linear_model import LogisticRegression

        learning = ~calibrating
        centre = answers[learning].mean(axis=0)
        spread = answers[learning].std(axis=0) + 1e-6
        made = _made((answers - centre) / spread, words)
        balanced = LogisticRegression(C=_STRENGTH, class_weight="balanced", max_iter=2000)
        found = balanced.fit(made[learning], generated[learning])
        logits = made[calibrating] @ found.coef_[0] + found.intercept_[0]
        platt = LogisticRegression(C=1e3, class_weight="balanced").fit(logits[:, None], generated[calibrating])
        return cls(
            centre.astype(np.float32),
            spread.astype(np.float32),
            found.coef_[0].astype(np.float32),
            float(found.intercept_[0]),
            max(float(platt.coef_[0, 0]), 1e-3),
            float(platt.intercept_[0]),
        )

    def logits(
        self, answers: Float[np.ndarray, "texts answers"], words: Float[np.ndarray, " texts"]
    ) -> Float[np.ndarray, " texts"]:
        """The calibrated logit that each text was generated, where as many are as not."""
        made = _made((answers - self.centre) / self.spread, words)
        logits: np.ndarray = self.slope * (made @ self.weight + self.bias) + self.shift
        return logits

    def contributions(
        self, answers: Float[np.ndarray, "texts answers"], words: Float[np.ndarray, " texts"]
    ) -> Float[np.ndarray, "texts answers"]:
        """What each answer, its square, and its product with the length add to the logit.

        Their sum is the logit but for what hangs on no answer: the biases, and the length by itself.
        """
        made = _made((answers - self.centre) / self.spread, words)[:, :-1] * self.weight[:-1]
        found: np.ndarray = self.slope * made.reshape(len(made), -1, answers.shape[1]).sum(axis=1)
        return found

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` needs."""
        names = ("centre", "spread", "weight", "bias", "slope", "shift")
        return {name: np.asarray(getattr(self, name)) for name in names}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Stack":
        """The stack that `to_arrays` described."""
        numbers = {name: float(arrays[name]) for name in ("bias", "slope", "shift")}
        return cls(arrays["centre"], arrays["spread"], arrays["weight"], **numbers)


def check_prior(prior: float) -> None:
    """Make sure that a share of generated texts can be expected.

    Raises:
        ConfigError: it is not between 0 and 1.
    """
    if not 0 < prior < 1:
        raise ConfigError(f"--prior got {prior}: choose a share between 0 and 1, such as 0.02")


def probabilities(logits: Float[np.ndarray, " texts"], prior: float) -> Float[np.ndarray, " texts"]:
    """From logits where as many texts are generated as not, to probabilities where a share of `prior` is."""
    found: np.ndarray = 1 / (1 + np.exp(-np.clip(logits + np.log(prior / (1 - prior)), -30, 30)))
    return found


def _made(standing: Float[np.ndarray, "texts answers"], words: Float[np.ndarray, " texts"]) -> np.ndarray:
    """Answers, squares, and products with the length, beside the length itself."""
    held = standing.clip(-_FARTHEST, _FARTHEST)
    length = (np.log1p(words) - 4)[:, None]
    return np.hstack([held, held**2 / 3, held * length, length])
