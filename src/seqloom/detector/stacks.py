"""The stacks of a detector: one on the light members, one on all members, and one on each member alone.

A stack is a logistic regression on the outputs of members. The light members are fast. The slow members are the
encoder, the language models, and "parts": the highest and lowest logits of the light stack on segments (halves and
quarters) of a text.

No stack may be fitted to outputs of a model that has seen the same texts. So the texts of the training set have roles:
the slow members are fitted to the role `TRAINING`, the full stack to `STACKING`, and the calibrations to `CALIBRATION`.
The light stack is fitted to `TRAINING` and `STACKING`, because the outputs of the light members come from
cross-fitting.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from seqloom.detector.cross_fitting import CrossFittedMembers
from seqloom.detector.members import LIGHT_MEMBERS, LIGHT_OUTPUTS, Members
from seqloom.detector.ngram_regression import REGRESSION_MEMBERS
from seqloom.detector.scores import MemberOutputs
from seqloom.detector.segments import extreme_logits, split_segments
from seqloom.detector.stack import GENERATED, HARD_NEGATIVE, PlattCalibration, StackedClassifier
from seqloom.detector.training_set import CALIBRATION, STACKING, TrainingSet, word_counts
from seqloom.kernels.batched_decoder import num_usable_processors

__all__ = ["BASELINES", "SUM_OF_BASELINES", "Stacks", "fit_stacks"]

BASELINES, SUM_OF_BASELINES = ("word n-grams", "character n-grams"), "word + character n-grams"
"""Members that a detector has to surpass, since a few lines of scikit-learn fit them, and the name of their sum. The
sum adds standardized logits."""


_MIN_RANKING_ERROR = 1e-3
"""Smaller shares of wrongly ranked pairs count as this share."""


@dataclass(frozen=True)
class Stacks:
    """The stacks of a detector.

    The logit of the detector is the mean of the logits of the light and the full stack: the light stack is fitted to
    more texts, and the full stack has more outputs.

    Attributes:
        light: stack on the outputs of the light members.
        full: stack on the class logits of `light` and the outputs of the slow members; None without slow members.
        calibration: calibration of the mean logit; None without slow members.
        members: stack on the outputs of each member alone, by name, except for the regressions on n-grams, whose only
            output is a logit.
    """

    light: StackedClassifier
    full: StackedClassifier | None
    calibration: PlattCalibration | None
    members: Mapping[str, StackedClassifier]

    def logits(self, outputs: MemberOutputs) -> Float[np.ndarray, " texts"]:
        """Return the calibrated logit that each text was generated, at a base rate of 0.5."""
        if self.full is None or self.calibration is None or outputs.slow is None:
            return self.light.logits(outputs.light, outputs.num_words)
        mean = _mean_logits(self.light, self.full, outputs.light, outputs.slow, outputs.num_words)
        return self.calibration(mean, outputs.num_words)

    def member_logits(
        self, outputs: MemberOutputs, slow_slices: Mapping[str, slice]
    ) -> dict[str, Float[np.ndarray, " texts"]]:
        """Return the logit of each member alone, and of the light members together.

        Args:
            outputs: outputs of the members.
            slow_slices: columns of each slow member, see `Members.slow_slices`.
        """
        num_words = outputs.num_words
        logits = self._regression_logits(outputs.light)
        for name, columns in LIGHT_MEMBERS.items():
            if name in self.members:
                logits[name] = self.members[name].logits(outputs.light[:, columns], num_words)
        logits["light members"] = self.light.logits(outputs.light, num_words)
        if outputs.slow is not None:
            for name, columns in slow_slices.items():
                logits[name] = self.members[name].logits(outputs.slow[:, columns], num_words)
        return logits

    def _regression_logits(self, light_outputs: Float[np.ndarray, "texts outputs"]) -> dict[str, np.ndarray]:
        """Return the logits of the regressions on n-grams, and the sum of those on words and characters.

        Detectors of older formats have no such regressions; their outputs are zeros, and have no weight.
        """
        columns = [LIGHT_OUTPUTS.index(name) for name in REGRESSION_MEMBERS]
        if not self.light.weight[columns].any():
            return {}
        logits = {name: light_outputs[:, column] for name, column in zip(REGRESSION_MEMBERS, columns, strict=True)}
        logits[SUM_OF_BASELINES] = sum(
            (light_outputs[:, column] - self.light.mean[column]) / self.light.std[column]
            for column in (LIGHT_OUTPUTS.index(name) for name in BASELINES)
        )
        return logits


def fit_stacks(
    data: TrainingSet, cross_fitted: CrossFittedMembers, members: Members
) -> tuple[Stacks, Float[np.ndarray, "texts slow_outputs"] | None]:
    """Fit the stacks.

    Args:
        data: training set.
        cross_fitted: outputs of the light members for the training set.
        members: fitted members.

    Returns:
        Stacks, and the outputs of the slow members for the training set, or None without slow members. The outputs for
        texts that they did not score, among them those to which they were fitted, are zeros.
        The full stack and these outputs are None, too, if the slow members do not improve the scores.
    """
    light_outputs, num_words = cross_fitted.outputs, word_counts(data.texts)
    calibrating = data.roles == CALIBRATION

    def fit(
        outputs: Float[np.ndarray, "texts outputs"],
        chosen: Bool[np.ndarray, " texts"],
        prior: Float[np.ndarray, " outputs"] | None = None,
    ) -> StackedClassifier:
        return StackedClassifier.fit(
            outputs[chosen],
            num_words[chosen],
            data.classes[chosen],
            calibrating=calibrating[chosen],
            sample_weights=data.weights[chosen],
            prior=prior,
        )

    all_texts = np.ones(len(num_words), bool)
    prior = _regression_weights(data, light_outputs)
    member_columns = {name: columns for name, columns in LIGHT_MEMBERS.items() if name not in REGRESSION_MEMBERS}
    # The full stack must not see class logits of a light stack that was fitted to the same texts.
    light_stack_texts = [all_texts, *([data.roles != STACKING] if members.slow_slices else [])]
    with ThreadPoolExecutor(num_usable_processors()) as pool:
        light_stacks = pool.map(lambda chosen: fit(light_outputs, chosen, prior), light_stack_texts)
        member_stacks = pool.map(lambda columns: fit(light_outputs[:, columns], all_texts), member_columns.values())
        light, *without_stacking = light_stacks
        by_member = dict(zip(member_columns, member_stacks, strict=True))
    if not without_stacking:
        return Stacks(light, full=None, calibration=None, members=by_member), None
    light_without_stacking, scored = without_stacking[0], data.scored_by_slow_members()
    class_logits = light_without_stacking.class_logits(light_outputs, num_words)
    # `light` used the calibration texts only for its calibration, which does not affect its class logits.
    class_logits[calibrating] = light.class_logits(light_outputs[calibrating], num_words[calibrating])
    slow_outputs = _slow_outputs(data, scored, cross_fitted, members, light_without_stacking, light)
    full = fit(np.hstack([class_logits, slow_outputs]), scored)
    measured = scored & calibrating & (data.classes != HARD_NEGATIVE)
    mean = _mean_logits(light, full, light_outputs[measured], slow_outputs[measured], num_words[measured])
    calibration = PlattCalibration.fit(mean, num_words[measured], data.classes[measured] == GENERATED)
    if not _is_better(
        calibration(mean, num_words[measured]),
        light.logits(light_outputs[measured], num_words[measured]),
        data.classes[measured] == GENERATED,
    ):
        return Stacks(light, full=None, calibration=None, members=by_member), None
    by_member |= {name: fit(slow_outputs[:, columns], scored) for name, columns in members.slow_slices.items()}
    return Stacks(light, full, calibration, by_member), slow_outputs


def _is_better(
    logits: Float[np.ndarray, " texts"], others: Float[np.ndarray, " texts"], generated: Bool[np.ndarray, " texts"]
) -> bool:
    """Return whether logits have a lower log loss than others, by more than the standard error of the difference."""
    signs = np.where(generated, 1, -1)
    gains = np.logaddexp(0, -signs * others) - np.logaddexp(0, -signs * logits)
    return bool(gains.mean() > gains.std() / len(gains) ** 0.5)


def _regression_weights(
    data: TrainingSet, light_outputs: Float[np.ndarray, "texts outputs"]
) -> Float[np.ndarray, " outputs"]:
    """Return the relative weight of each light output in the classifier towards which the light stack is shrunk.

    Only the regressions on n-grams have a weight: the inverse square of the share of wrongly ranked pairs of a real and
    a generated text.
    """
    from sklearn.metrics import roc_auc_score

    measured = data.is_original & (data.classes <= GENERATED) & (data.roles != CALIBRATION)
    generated = data.classes[measured] == GENERATED
    weights = np.zeros(len(LIGHT_OUTPUTS))
    for name in REGRESSION_MEMBERS:
        column = LIGHT_OUTPUTS.index(name)
        error = 1 - roc_auc_score(generated, light_outputs[measured, column])
        weights[column] = max(error, _MIN_RANKING_ERROR) ** -2
    normalized: np.ndarray = weights / weights.sum()
    return normalized


def _slow_outputs(
    data: TrainingSet,
    scored: Bool[np.ndarray, " texts"],
    cross_fitted: CrossFittedMembers,
    members: Members,
    light_without_stacking: StackedClassifier,
    light: StackedClassifier,
) -> Float[np.ndarray, "texts slow_outputs"]:
    """Return the outputs of the slow members for the training set; zeros for texts that are not scored.

    Args:
        data: training set.
        scored: which texts are scored; none of them has the role `TRAINING`.
        cross_fitted: light members, with their outputs for segments of the texts.
        members: fitted members.
        light_without_stacking: light stack that was not fitted to the role `STACKING`; it scores the segments of the
            texts with this role.
        light: light stack that was fitted to the roles `TRAINING` and `STACKING`; it scores the segments of the
            calibration texts.
    """
    texts = data.select(scored)
    segment_words = word_counts(split_segments(texts))
    extremes_without_stacking, extremes = (
        extreme_logits(stack.logits(cross_fitted.segment_outputs, segment_words))
        for stack in (light_without_stacking, light)
    )
    unseen_extremes = np.where((data.roles == CALIBRATION)[scored][:, None], extremes, extremes_without_stacking)
    outputs = np.zeros((len(data.texts), max(columns.stop for columns in members.slow_slices.values())))
    outputs[scored] = np.hstack([members.slow_outputs(texts), unseen_extremes])
    return outputs


def _mean_logits(
    light: StackedClassifier,
    full: StackedClassifier,
    light_outputs: Float[np.ndarray, "texts outputs"],
    slow_outputs: Float[np.ndarray, "texts slow_outputs"],
    num_words: Int[np.ndarray, " texts"],
) -> Float[np.ndarray, " texts"]:
    """Return the mean of the logits of the light and the full stack."""
    class_logits = light.class_logits(light_outputs, num_words)
    full_logits = full.logits(np.hstack([class_logits, slow_outputs]), num_words)
    mean: np.ndarray = (light.logits(light_outputs, num_words) + full_logits) / 2
    return mean
