"""What several readers say of a text, made one probability.

A multinomial logistic regression of their answers (stacking, Wolpert 1992), of the squares, as a text may be too likely
or too unlikely, and of the products with its length, as the same sign says more of a longer text. It tells real texts
from generated ones, from decoys (see `detector/decoys.py`) and from generated ones that are spliced with real ones;
what it says is calibrated on texts that neither the readers nor it has seen (Platt 1999), with a slope that may change
with the length.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from seqloom.errors import ConfigError

__all__ = ["DECOY", "GENERATED", "REAL", "SPLICED", "Calibration", "Stack", "check_base_rate", "probabilities"]

REAL, GENERATED, DECOY, SPLICED = range(4)
"""What a text may be."""

_RARER = np.array([0.0, -1.5, -2.5])
"""Added to the logits of a generated text, a decoy and a spliced one: the last two are expected less often."""

_FARTHEST = 6.0
"""Standard deviations from the mean beyond which an answer counts no more."""

_SUREST = 12.0
"""Logit beyond which no text is judged: fewer texts calibrate than such odds would need."""

_STRENGTH = 0.05
"""Of the data against the penalty of the squared weights: scikit-learn's C."""

_BENDS = (30, 90)
"""Numbers of words from which on an answer may count otherwise."""

_WORDS = (5, 400)
"""Numbers of words beyond which the length changes nothing."""


@dataclass(frozen=True)
class Calibration:
    """From a logit to one that is right as often as it says (Platt 1999), for texts of any length.

    Attributes:
        values: slope, its change with the length, shift, and its change.
    """

    values: Float32[np.ndarray, "4"]

    @classmethod
    def fit(
        cls,
        logits: Float[np.ndarray, " texts"],
        words: Int[np.ndarray, " texts"],
        generated: Bool[np.ndarray, " texts"],
    ) -> "Calibration":
        """Learn from logits of texts that those who gave them have not seen."""
        from sklearn.linear_model import LogisticRegression

        platt = LogisticRegression(C=1e3, class_weight="balanced", max_iter=1000)
        beside = _beside(logits, words)[:, [0, 1, 3]]
        slope, change, turn = platt.fit(beside, generated).coef_[0]
        if min(slope + change * _length(np.array(_WORDS))) > 0:
            return cls(np.array([slope, change, platt.intercept_[0], turn], np.float32))
        platt.fit(beside[:, :1], generated)
        return cls(np.array([max(platt.coef_[0, 0], 1e-3), 0, platt.intercept_[0], 0], np.float32))

    def __call__(
        self, logits: Float[np.ndarray, " texts"], words: Int[np.ndarray, " texts"]
    ) -> Float[np.ndarray, " texts"]:
        """The calibrated logits."""
        found: np.ndarray = (_beside(logits, words) * self.values).sum(axis=1)
        return found

    def slope(self, words: Int[np.ndarray, " texts"]) -> Float[np.ndarray, " texts"]:
        """What a logit is multiplied by in texts of some lengths."""
        found: np.ndarray = _beside(np.ones(len(words)), words)[:, :2] @ self.values[:2]
        return found

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` needs."""
        return {"values": self.values}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Calibration":
        """What `to_arrays` described."""
        return cls(arrays["values"])


@dataclass(frozen=True)
class Stack:
    """From answers to a probability.

    Attributes:
        centre: of each answer.
        spread: its standard deviation.
        weight: of all that is made of them, for generated texts, and decoys and spliced ones where there were any,
            against real ones.
        bias: of each.
        calibration: of the logit of any kind that is not real.
    """

    centre: Float32[np.ndarray, " answers"]
    spread: Float32[np.ndarray, " answers"]
    weight: Float32[np.ndarray, "made kinds"]
    bias: Float32[np.ndarray, " kinds"]
    calibration: Calibration

    @classmethod
    def fit(
        cls,
        answers: Float[np.ndarray, "texts answers"],
        words: Int[np.ndarray, " texts"],
        kinds: Int[np.ndarray, " texts"],
        calibrating: Bool[np.ndarray, " texts"],
        weights: Float[np.ndarray, " texts"],
    ) -> "Stack":
        """Learn from texts that the readers have not seen.

        Args:
            answers: of the readers.
            words: of each text.
            kinds: what it is.
            calibrating: which of the texts only calibrate.
            weights: what each of the texts counts.
        """
        from sklearn.linear_model import LogisticRegression

        learning = ~calibrating
        centre, spread = answers[learning].mean(axis=0), answers[learning].std(axis=0) + 1e-6
        made = _made((answers[learning] - centre) / spread, words[learning])
        balanced = LogisticRegression(C=_STRENGTH, class_weight="balanced", solver="newton-cholesky", tol=1e-3)
        found = balanced.fit(made, kinds[learning], weights[learning])
        if len(found.classes_) == 2:
            weight, bias = found.coef_.T, found.intercept_
        else:
            weight, bias = (found.coef_[1:] - found.coef_[0]).T, found.intercept_[1:] - found.intercept_[0]
        parts = {"centre": centre, "spread": spread, "weight": weight, "bias": bias}
        parts = {name: np.asarray(part, np.float32) for name, part in parts.items()}
        raw = cls(**parts, calibration=Calibration(np.array([1, 0, 0, 0], np.float32)))
        last = calibrating & (kinds != DECOY)
        raw_logits = raw.logits(answers[last], words[last])
        return cls(**parts, calibration=Calibration.fit(raw_logits, words[last], kinds[last] == GENERATED))

    def logits(
        self, answers: Float[np.ndarray, "texts answers"], words: Int[np.ndarray, " texts"]
    ) -> Float[np.ndarray, " texts"]:
        """The calibrated logit that each text was generated, where as many are as not."""
        return self.calibration(_joined(self.against_real(answers, words)), words)

    def against_real(
        self, answers: Float[np.ndarray, "texts answers"], words: Int[np.ndarray, " texts"]
    ) -> Float[np.ndarray, "texts kinds"]:
        """The logits of each kind that is not real against a real text, in the order of their numbers."""
        found: np.ndarray = _made((answers - self.centre) / self.spread, words) @ self.weight + self.bias
        return found

    def contributions(
        self, answers: Float[np.ndarray, "texts answers"], words: Int[np.ndarray, " texts"]
    ) -> Float[np.ndarray, "texts answers"]:
        """What each answer, its square, and its product with the length add to the logit.

        All ways of not being real count by how likely each is.
        """
        logits = self.against_real(answers, words)
        likely = np.exp(_against(logits) - _joined(logits)[:, None])
        hangs = len(self.weight) - 1 - len(_BENDS)
        made = _made((answers - self.centre) / self.spread, words)[:, :hangs]
        weighed = made * (likely @ self.weight[:hangs].T)
        slope = self.calibration.slope(words)
        found: np.ndarray = slope[:, None] * weighed.reshape(len(made), -1, answers.shape[1]).sum(axis=1)
        return found

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` needs."""
        parts = {name: getattr(self, name) for name in ("centre", "spread", "weight", "bias")}
        return {**parts, "calibration": self.calibration.values}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Stack":
        """The stack that `to_arrays` described."""
        centre, spread, weight, bias = (arrays[name] for name in ("centre", "spread", "weight", "bias"))
        return cls(centre, spread, weight, bias, Calibration(arrays["calibration"]))


def check_base_rate(base_rate: float) -> None:
    """Make sure that a share of generated texts can be expected.

    Raises:
        ConfigError: it is not between 0 and 1.
    """
    if not 0 < base_rate < 1:
        raise ConfigError(f"`base_rate` got {base_rate}: choose a share between 0 and 1, such as 0.02")


def probabilities(logits: Float[np.ndarray, " texts"], base_rate: float) -> Float[np.ndarray, " texts"]:
    """From logits where as many texts are generated as not, to probabilities where a share of `base_rate` is.

    However large a logit, the odds stay below a bound, which it comes ever nearer to: the order of texts is kept.
    """
    held = _SUREST * np.tanh(logits / _SUREST)
    found: np.ndarray = 1 / (1 + np.exp(-(held + np.log(base_rate / (1 - base_rate)))))
    return found


def _length(words: Int[np.ndarray, " texts"]) -> np.ndarray:
    found: np.ndarray = np.log1p(np.clip(words, *_WORDS)) - 4
    return found


def _made(standing: Float[np.ndarray, "texts answers"], words: Int[np.ndarray, " texts"]) -> np.ndarray:
    """Answers, their squares, their products with the length and with what it exceeds the bends by, and the lengths."""
    held = standing.clip(-_FARTHEST, _FARTHEST)
    length = _length(words)
    lengths = [length, *(np.maximum(length - bend, 0) for bend in _length(np.array(_BENDS)))]
    return np.hstack([held, held**2 / 3, *(held * one[:, None] for one in lengths), np.stack(lengths, axis=1)])


def _against(logits: Float[np.ndarray, "texts kinds"]) -> np.ndarray:
    """With each kind as rare as it is expected."""
    found: np.ndarray = logits + _RARER[: logits.shape[1]]
    return found


def _joined(logits: Float[np.ndarray, "texts kinds"]) -> Float[np.ndarray, " texts"]:
    """The logit of any kind that is not real."""
    found: np.ndarray = np.logaddexp.reduce(_against(logits), axis=1)
    return found


def _beside(logits: Float[np.ndarray, " texts"], words: Int[np.ndarray, " texts"]) -> np.ndarray:
    """What the calibration weighs: the logit, its product with the length, 1, and the length."""
    length = _length(words)
    return np.stack([logits, logits * length, np.ones(len(length)), length], axis=1)
