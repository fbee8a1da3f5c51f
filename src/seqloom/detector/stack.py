"""Combine the outputs of several members into one probability.

The stack is a multinomial logistic regression (stacking, Wolpert 1992). Its features are the outputs, their squares
(since very high and very low outputs may both indicate a generated text), and their products with the text length
(since evidence grows with the length). The classes are real texts, generated texts, hard negatives (texts of an n-gram
model of the real texts), and generated texts spliced with real ones. The logits of all classes other than real are
combined into one logit: that the text is not real. This logit is calibrated on texts that neither the members nor the
stack has seen (Platt 1999), with a slope that depends on the length.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from seqloom.detector.shrunken_regression import fit_shrunken
from seqloom.errors import ConfigError

__all__ = [
    "GENERATED", "HARD_NEGATIVE", "REAL", "SPLICED", "PlattCalibration", "StackedClassifier", "check_base_rate",
    "probabilities",
]  # fmt: skip

REAL, GENERATED, HARD_NEGATIVE, SPLICED = range(4)
"""Classes of texts. A spliced text joins half of a generated and half of a real text."""

_CLASS_OFFSETS = np.array([0.0, -3.0, -4.0])
"""Offsets that a fit adds to the logits of generated texts, hard negatives and spliced texts.

The last two are negative, because hard negatives and spliced texts are expected less often than generated texts. They
are a compromise: smaller ones separate texts of the known generators better, and larger ones those of others.
"""

_MAX_DEVIATION = 6.0
"""Maximal distance of an output from its mean, in standard deviations; larger distances are clipped."""

_MAX_LOGIT = 12.0
"""Bound of the logits that become probabilities; the calibration has too few texts for more extreme odds."""

_INVERSE_PENALTY = 0.02
"""Inverse strength of the L2 penalty, scikit-learn's C."""

_CALIBRATION_INVERSE_PENALTY = 0.1
"""The same of the calibration, whose slope is shrunk towards 1."""

_LENGTH_KNOTS = (30, 90)
"""Numbers of words at which the influence of the length may change."""

_LENGTH_RANGE = (5, 400)
"""Range of the number of words; beyond it, the length has no further influence."""


@dataclass(frozen=True)
class PlattCalibration:
    """A calibration of logits by logistic regression (Platt 1999), which depends on the length of the text.

    The calibrated logit is `(slope + slope_change * length) * logit + intercept + intercept_change * length`, where
    `length` is a logarithm of the number of words.

    Attributes:
        values: slope, change of the slope with the length, intercept, and change of the intercept with the length.
    """

    values: Float32[np.ndarray, "4"]

    @classmethod
    def fit(
        cls,
        logits: Float[np.ndarray, " texts"],
        num_words: Int[np.ndarray, " texts"],
        generated: Bool[np.ndarray, " texts"],
    ) -> "PlattCalibration":
        """Fit to logits of unseen texts.

        Args:
            logits: logit of each text.
            num_words: number of words of each text.
            generated: whether each text was generated.
        """
        # Column 2 (always 1) is left out, because the regression adds an intercept.
        features = _calibration_features(logits, num_words)[:, [0, 1, 3]]
        labels, weights = generated.astype(np.int64), np.ones(len(logits))
        (slope, slope_change, intercept_change), intercept = _fit_calibration(features, labels, weights)
        if min(slope + slope_change * _scaled_length(np.array(_LENGTH_RANGE))) > 0:
            return cls(np.array([slope, slope_change, intercept, intercept_change], np.float32))
        # The slope is not positive for some length, so calibrate without the length. Only a positive slope keeps the
        # order of the logits.
        (slope,), intercept = _fit_calibration(features[:, :1], labels, weights)
        return cls(np.array([max(slope, 1e-3), 0, intercept, 0], np.float32))

    def __call__(
        self, logits: Float[np.ndarray, " texts"], num_words: Int[np.ndarray, " texts"]
    ) -> Float[np.ndarray, " texts"]:
        """Return the calibrated logits."""
        calibrated: np.ndarray = (_calibration_features(logits, num_words) * self.values).sum(axis=1)
        return calibrated

    def slope(self, num_words: Int[np.ndarray, " texts"]) -> Float[np.ndarray, " texts"]:
        """Return the factor by which the calibration multiplies the logits of texts with these numbers of words."""
        slope: np.ndarray = _calibration_features(np.ones(len(num_words)), num_words)[:, :2] @ self.values[:2]
        return slope

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the parameters by name."""
        return {"values": self.values}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "PlattCalibration":
        """Restore a calibration from the result of `to_arrays`."""
        return cls(arrays["values"])


@dataclass(frozen=True)
class StackedClassifier:
    """A calibrated multinomial logistic regression on the outputs of members.

    Attributes:
        mean: mean of each output.
        std: standard deviation of each output.
        weight: weight of each feature for each class other than real texts.
        bias: bias of each class other than real texts; it contains the offset of the class.
        calibration: calibration of the logit that the text is not real.
    """

    mean: Float32[np.ndarray, " outputs"]
    std: Float32[np.ndarray, " outputs"]
    weight: Float32[np.ndarray, "features classes"]
    bias: Float32[np.ndarray, " classes"]
    calibration: PlattCalibration

    @classmethod
    def fit(
        cls,
        outputs: Float[np.ndarray, "texts outputs"],
        num_words: Int[np.ndarray, " texts"],
        classes: Int[np.ndarray, " texts"],
        calibrating: Bool[np.ndarray, " texts"],
        sample_weights: Float[np.ndarray, " texts"],
        prior: Float[np.ndarray, " outputs"] | None = None,
    ) -> "StackedClassifier":
        """Fit to texts that the members have not seen.

        Args:
            outputs: outputs of the members.
            num_words: number of words of each text.
            classes: class of each text.
            calibrating: whether each text is used for the calibration only; all other texts are used for the regression
                only.
            sample_weights: weight of each text in the fit.
            prior: relative weight of each standardized output in the classifier towards which the regression is shrunk;
                None for zeros.
        """
        training = ~calibrating
        mean, std = outputs[training].mean(axis=0), outputs[training].std(axis=0) + 1e-6
        standardized = (outputs[training] - mean) / std
        features = _features(standardized, num_words[training])
        class_numbers, class_of_text = np.unique(classes[training], return_inverse=True)
        prior_weight = np.zeros((features.shape[1], len(class_numbers) - 1))
        if prior is not None:
            prior_weight[: len(prior), 0] = _scaled_prior(standardized, classes[training], prior)
        weight, bias = fit_shrunken(features, class_of_text, sample_weights[training], prior_weight, _INVERSE_PENALTY)
        bias = bias + _CLASS_OFFSETS[: len(bias)]
        mean, std, weight, bias = (np.asarray(values, np.float32) for values in (mean, std, weight, bias))
        identity = PlattCalibration(np.array([1, 0, 0, 0], np.float32))
        uncalibrated = cls(mean, std, weight, bias, identity)
        in_calibration = calibrating & (classes != HARD_NEGATIVE)
        logits = uncalibrated.logits(outputs[in_calibration], num_words[in_calibration])
        generated = classes[in_calibration] == GENERATED
        return cls(mean, std, weight, bias, PlattCalibration.fit(logits, num_words[in_calibration], generated))

    def logits(
        self, outputs: Float[np.ndarray, "texts outputs"], num_words: Int[np.ndarray, " texts"]
    ) -> Float[np.ndarray, " texts"]:
        """Return the calibrated logit that each text was generated, at a base rate of 0.5."""
        return self.calibration(_not_real_logits(self.class_logits(outputs, num_words)), num_words)

    def class_logits(
        self, outputs: Float[np.ndarray, "texts outputs"], num_words: Int[np.ndarray, " texts"]
    ) -> Float[np.ndarray, "texts classes"]:
        """Return the logit of each class other than real against the real class, in the order of the classes."""
        logits: np.ndarray = _features((outputs - self.mean) / self.std, num_words) @ self.weight + self.bias
        return logits

    def contributions(
        self, outputs: Float[np.ndarray, "texts outputs"], num_words: Int[np.ndarray, " texts"]
    ) -> Float[np.ndarray, "texts outputs"]:
        """Return the contribution of each output to the logit, including its square and its products with the length.

        The weight of a feature is a mean of its weights for the classes other than real, weighted by the probabilities
        of these classes.
        """
        logits = self.class_logits(outputs, num_words)
        class_weights = np.exp(logits - _not_real_logits(logits)[:, None])
        # The last features are lengths alone. The others are blocks with one feature per output, see `_features`.
        num_output_features = len(self.weight) - 1 - len(_LENGTH_KNOTS)
        features = _features((outputs - self.mean) / self.std, num_words)[:, :num_output_features]
        weighted = features * (class_weights @ self.weight[:num_output_features].T)
        by_output = weighted.reshape(len(features), -1, outputs.shape[1]).sum(axis=1)
        contributions: np.ndarray = self.calibration.slope(num_words)[:, None] * by_output
        return contributions

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the parameters by their names in the stored format."""
        return {
            "centre": self.mean,
            "spread": self.std,
            "weight": self.weight,
            "bias": self.bias,
            "calibration": self.calibration.values,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "StackedClassifier":
        """Restore a stack from the result of `to_arrays`."""
        mean, std, weight, bias = (arrays[name] for name in ("centre", "spread", "weight", "bias"))
        return cls(mean, std, weight, bias, PlattCalibration(arrays["calibration"]))


def check_base_rate(base_rate: float) -> None:
    """Check the expected share of generated texts.

    Raises:
        ConfigError: the share is not between 0 and 1.
    """
    if not 0 < base_rate < 1:
        raise ConfigError(f"`base_rate` got {base_rate}: choose a share between 0 and 1, such as 0.02")


def probabilities(logits: Float[np.ndarray, " texts"], base_rate: float) -> Float[np.ndarray, " texts"]:
    """Return the probabilities at a base rate from the logits at a base rate of 0.5.

    The logits are bounded smoothly. Clipping would give different texts the same extreme probability.

    Args:
        logits: logits at a base rate of 0.5.
        base_rate: expected share of generated texts.
    """
    bounded = _MAX_LOGIT * np.tanh(logits / _MAX_LOGIT)
    probability: np.ndarray = 1 / (1 + np.exp(-(bounded + np.log(base_rate / (1 - base_rate)))))
    return probability


def _scaled_prior(
    standardized: Float[np.ndarray, "texts outputs"], classes: Int[np.ndarray, " texts"], prior: np.ndarray
) -> np.ndarray:
    """Return the relative weights, scaled so that the weighted sum of the outputs is a logit of generated texts."""
    from sklearn.linear_model import LogisticRegression

    chosen = (classes == REAL) | (classes == GENERATED)
    sums = standardized[chosen].clip(-_MAX_DEVIATION, _MAX_DEVIATION) @ prior
    regression = LogisticRegression(C=1.0, class_weight="balanced").fit(sums[:, None], classes[chosen])
    scaled: np.ndarray = max(float(regression.coef_[0, 0]), 0.0) * prior
    return scaled


def _scaled_length(num_words: Int[np.ndarray, " texts"]) -> np.ndarray:
    """Return the logarithm of the number of words, shifted to be near 0 for texts of medium length (about 54 words)."""
    length: np.ndarray = np.log1p(np.clip(num_words, *_LENGTH_RANGE)) - 4
    return length


def _features(standardized: Float[np.ndarray, "texts outputs"], num_words: Int[np.ndarray, " texts"]) -> np.ndarray:
    """Return the features of the stack.

    The blocks of columns are: the outputs, a third of their squares, their products with each of the lengths, and the
    lengths alone. The lengths are the scaled length of the text and its excess over each of `_LENGTH_KNOTS`.

    Args:
        standardized: outputs of the members, minus their means, divided by their standard deviations.
        num_words: number of words of each text.
    """
    clipped = standardized.clip(-_MAX_DEVIATION, _MAX_DEVIATION)
    length = _scaled_length(num_words)
    lengths = [length, *(np.maximum(length - knot, 0) for knot in _scaled_length(np.array(_LENGTH_KNOTS)))]
    products = (clipped * scaled_length[:, None] for scaled_length in lengths)
    return np.hstack([clipped, clipped**2 / 3, *products, np.stack(lengths, axis=1)])


def _not_real_logits(logits: Float[np.ndarray, "texts classes"]) -> Float[np.ndarray, " texts"]:
    """Return the logit that each text is not real, from the logits of all classes other than real."""
    combined: np.ndarray = np.logaddexp.reduce(logits, axis=1)
    return combined


def _fit_calibration(
    features: Float[np.ndarray, "texts features"],
    labels: Int[np.ndarray, " texts"],
    weights: Float[np.ndarray, " texts"],
) -> tuple[np.ndarray, float]:
    """Return the weights and the bias of a calibration.

    Few texts leave the slope near 1 and the other weights near 0.
    """
    prior = np.eye(features.shape[1], 1)
    weight, bias = fit_shrunken(features, labels, weights, prior, _CALIBRATION_INVERSE_PENALTY)
    return weight[:, 0], float(bias[0])


def _calibration_features(logits: Float[np.ndarray, " texts"], num_words: Int[np.ndarray, " texts"]) -> np.ndarray:
    """Return the logit, its product with the length, 1, and the length."""
    length = _scaled_length(num_words)
    return np.stack([logits, logits * length, np.ones(len(length)), length], axis=1)
