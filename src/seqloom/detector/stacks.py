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
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from seqloom.detector.cross_fitting import CrossFittedMembers
from seqloom.detector.members import LIGHT_MEMBERS, Members
from seqloom.detector.scores import MemberOutputs
from seqloom.detector.segments import extreme_logits, split_segments
from seqloom.detector.stack import GENERATED, HARD_NEGATIVE, PlattCalibration, StackedClassifier
from seqloom.detector.training_set import CALIBRATION, STACKING, TRAINING, TrainingSet, word_counts

__all__ = ["Stacks", "fit_stacks"]


@dataclass(frozen=True)
class Stacks:
    """The stacks of a detector.

    The logit of the detector is the mean of the logits of the light and the full stack: the light stack is fitted to
    more texts, and the full stack has more outputs.

    Attributes:
        light: stack on the outputs of the light members.
        full: stack on the class logits of `light` and the outputs of the slow members; None without slow members.
        calibration: calibration of the mean logit; None without slow members.
        members: stack on the outputs of each member alone, by name.
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
        logits = {
            name: self.members[name].logits(outputs.light[:, columns], num_words)
            for name, columns in LIGHT_MEMBERS.items()
        }
        logits["light members"] = self.light.logits(outputs.light, num_words)
        if outputs.slow is not None:
            for name, columns in slow_slices.items():
                logits[name] = self.members[name].logits(outputs.slow[:, columns], num_words)
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
        texts with the role `TRAINING`, to which these members were fitted, are zeros.
    """
    light_outputs, num_words = cross_fitted.outputs, word_counts(data.texts)
    calibrating = data.roles == CALIBRATION

    def fit(outputs: Float[np.ndarray, "texts outputs"], chosen: Bool[np.ndarray, " texts"]) -> StackedClassifier:
        return StackedClassifier.fit(
            outputs[chosen],
            num_words[chosen],
            data.classes[chosen],
            calibrating=calibrating[chosen],
            sample_weights=data.weights[chosen],
        )

    all_texts = np.ones(len(num_words), bool)
    light = fit(light_outputs, all_texts)
    by_member = {name: fit(light_outputs[:, columns], all_texts) for name, columns in LIGHT_MEMBERS.items()}
    if not members.slow_slices:
        return Stacks(light, full=None, calibration=None, members=by_member), None
    held_out = data.roles != TRAINING
    # The full stack must not see class logits of a light stack that was fitted to the same texts.
    light_without_stacking = fit(light_outputs, data.roles != STACKING)
    class_logits = light_without_stacking.class_logits(light_outputs, num_words)
    # `light` used the calibration texts only for its calibration, which does not affect its class logits.
    class_logits[calibrating] = light.class_logits(light_outputs[calibrating], num_words[calibrating])
    slow_outputs = _slow_outputs(data, cross_fitted, members, light_without_stacking, light)
    full = fit(np.hstack([class_logits, slow_outputs]), held_out)
    measured = calibrating & (data.classes != HARD_NEGATIVE)
    mean = _mean_logits(light, full, light_outputs[measured], slow_outputs[measured], num_words[measured])
    calibration = PlattCalibration.fit(mean, num_words[measured], data.classes[measured] == GENERATED)
    by_member |= {name: fit(slow_outputs[:, columns], held_out) for name, columns in members.slow_slices.items()}
    return Stacks(light, full, calibration, by_member), slow_outputs


def _slow_outputs(
    data: TrainingSet,
    cross_fitted: CrossFittedMembers,
    members: Members,
    light_without_stacking: StackedClassifier,
    light: StackedClassifier,
) -> Float[np.ndarray, "texts slow_outputs"]:
    """Return the outputs of the slow members for the training set; zeros for the role `TRAINING`.

    Args:
        data: training set.
        cross_fitted: light members, with their outputs for segments of the texts.
        members: fitted members.
        light_without_stacking: light stack that was not fitted to the role `STACKING`; it scores the segments of the
            texts with this role.
        light: light stack that was fitted to the roles `TRAINING` and `STACKING`; it scores the segments of the
            calibration texts.
    """
    held_out, calibrating = data.roles != TRAINING, data.roles == CALIBRATION
    texts = data.select(held_out)
    segment_words = word_counts(split_segments(texts))
    extremes_without_stacking, extremes = (
        extreme_logits(stack.logits(cross_fitted.segment_outputs, segment_words))
        for stack in (light_without_stacking, light)
    )
    unseen_extremes = np.where(calibrating[held_out][:, None], extremes, extremes_without_stacking)
    outputs = np.zeros((len(data.texts), max(columns.stop for columns in members.slow_slices.values())))
    outputs[held_out] = np.hstack([members.slow_outputs(texts), unseen_extremes])
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
