"""The detector: a calibrated stack of different models, with the interface of a scikit-learn classifier.

A member is one of the models whose outputs the detector combines: the light members are fast, the slow members are a
convolutional encoder and two language models. A stack is a logistic regression on the outputs of members: the light
stack uses the light members, and the full stack uses all members. The real and the generated texts are the two sides.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from seqloom.config import validate
from seqloom.detector.confounds import Confound, find_confounds
from seqloom.detector.cross_fitting import cross_fit
from seqloom.detector.explain import explain
from seqloom.detector.explanation import Explanation
from seqloom.detector.likelihood import LanguageModelPair
from seqloom.detector.members import Members, fit_encoder
from seqloom.detector.out_of_distribution import fit_known_share_limits, is_out_of_distribution
from seqloom.detector.percentiles import OutputPercentiles
from seqloom.detector.scores import MemberOutputs, Scores
from seqloom.detector.segments import extreme_logits, split_segments
from seqloom.detector.stack import GENERATED, HARD_NEGATIVE, REAL, check_base_rate, probabilities
from seqloom.detector.stacks import Stacks, fit_stacks
from seqloom.detector.training_set import (
    CALIBRATION,
    MIN_WORDS,
    TRAINING,
    TrainingSet,
    make_training_set,
    split_groups,
    word_counts,
)
from seqloom.detector.validate_labels import validate_labelled_texts
from seqloom.reporter import Reporter
from seqloom.text_features.config import EncoderSettings
from seqloom.text_features.validate_texts import group_numbers, validate_texts

if TYPE_CHECKING:
    from seqloom.text_features.encoder import Encoder

__all__ = ["Detector", "LanguageModelTrainer", "MemberOutputs", "Scores"]

LanguageModelTrainer = Callable[[Sequence[str], Sequence[str]], LanguageModelPair]
"""Function that receives real texts and generated texts, and returns a language model of each."""


class Detector(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Predict the probability that a text was generated.

    - The light members use patterns of words and characters (see `LightMembers`). They are cross-fitted: in the
      training set, their outputs for a text come from members that were not fitted to that text. The light stack
      combines their outputs.
    - The slow members, a convolutional encoder and two language models, are trained on one part of the texts. The full
      stack is fitted to a second part. It combines the outputs of the slow members with the logits of the light stack.
    - A third part of the texts calibrates the probabilities. It also decides whether the slow members are used.

    All real texts of a group belong to the same part, and so do all generated texts of a group. The training set also
    contains generated texts that are spliced with real texts, and hard negatives: texts of an n-gram model of the real
    texts. The errors in hard negatives differ from those of the given generators.

    Args:
        language_model_trainer: function that trains the language models, or None to omit them.
        encoder: whether to include the convolutional encoder.
        encoder_settings: size and training of the encoder; None for `EncoderSettings()`.
        seed: seed of the split, the weights and the changed versions of texts.
        note: function that receives progress messages, or None.
        stage: function that receives the name of each stage; None for `note`.

    Attributes:
        classes_: 0 for real, 1 for generated.
        members_: fitted members.
        stacks_: fitted stacks.
        confounds_: signs of formatting that separate the two sides.
        known_share_limits_: minimal shares of letter patterns, and of words, that must occur in the training texts; a
            text with a lower share is out of distribution.
        percentiles_: percentiles of the member outputs for real and generated texts.
        report_: area under the ROC curve on the unchanged calibration texts, by member; "light members" is the light
            stack, and "all" is the whole detector.
        interrupted_: whether Ctrl-C ended the training of the slow members. The detector then has only those that were
            finished.
    """

    interrupted_ = False

    def __init__(
        self,
        *,
        language_model_trainer: LanguageModelTrainer | None = None,
        encoder: bool = True,
        encoder_settings: EncoderSettings | None = None,
        seed: int = 0,
        note: Reporter | None = None,
        stage: Reporter | None = None,
    ) -> None:
        self.language_model_trainer = language_model_trainer
        self.encoder = encoder
        self.encoder_settings = encoder_settings
        self.seed = seed
        self.note = note
        self.stage = stage

    def fit(self, X: Sequence[str], y: Any, groups: Any = None) -> Self:
        """Fit to real and generated texts.

        Args:
            X: texts; of a side with more than 12,000 texts, a random selection is used.
            y: label of each text: 1 or True for generated, 0 or False for real.
            groups: group of each text. Neither the real nor the generated texts of a group are divided between parts.
                None makes each text a group.

        Raises:
            ConfigError: a side has too few texts, a text is on both sides, or a label is neither 0 nor 1.
        """
        validate((self.seed >= 0, f"seed got {self.seed}: choose 0 or more"))
        texts, labels = validate_labelled_texts(X, y)
        groups = group_numbers(groups, len(texts))
        self.classes_ = np.array([0, 1])
        sides = [[text for text, label in zip(texts, labels, strict=True) if label == side] for side in (False, True)]
        self.confounds_: list[Confound] = find_confounds(*sides)
        for confound in self.confounds_:
            self._note(f"formatting alone gives many texts away: {confound}")
        split = split_groups(labels, groups, self.seed, self._note)
        data = make_training_set(texts, labels, split, self.seed)
        self._stage(f"training on {len(data.texts):,} texts, including changed versions and hard negatives")
        has_slow_members = self.encoder or self.language_model_trainer is not None
        cross_fitted = cross_fit(data, self.seed, with_segments=has_slow_members)
        encoder, language_models = self._fit_slow_members(data)
        self.members_ = Members(cross_fitted.members, encoder, language_models)
        self._stage("fitting the stack")
        self.stacks_: Stacks
        self.stacks_, slow_outputs = fit_stacks(data, cross_fitted, self.members_)
        if self.members_.slow_slices and self.stacks_.full is None:
            self._note("the language models and the encoder do not improve the scores, and are left out of them")
            self.members_ = self.members_.without_slow_scores()
        self._measure(data, cross_fitted.outputs, slow_outputs)
        return self

    def predict_proba(self, X: Sequence[str], *, light: bool = False) -> Float[np.ndarray, "texts 2"]:
        """Return the probabilities that each text is real and that it was generated, at a base rate of 0.5.

        Args:
            X: texts.
            light: whether to use the light members only, which are much faster.
        """
        generated = self.score_texts(X, light=light).probabilities
        return np.stack([1 - generated, generated], axis=1)

    def predict(self, X: Sequence[str]) -> Int[np.ndarray, " texts"]:
        """Return 1 for texts that are more likely generated than real, at a base rate of 0.5, and 0 for others."""
        check_is_fitted(self, "members_")
        likely = self.predict_proba(X)[:, 1] > 0.5
        classes: np.ndarray = self.classes_[likely.astype(int)]
        return classes

    def score_texts(self, X: Sequence[str], *, base_rate: float = 0.5, light: bool = False) -> Scores:
        """Return the probability that each text was generated, and warnings about unreliable probabilities.

        `score`, which is inherited from scikit-learn, returns the accuracy on labelled texts instead.

        Args:
            X: texts.
            base_rate: expected share of generated texts.
            light: see `predict_proba`.

        Raises:
            ConfigError: the base rate is not between 0 and 1.
        """
        check_base_rate(base_rate)
        outputs = self.member_outputs(X, light=light)
        return Scores(
            probabilities=probabilities(self.logits(outputs), base_rate),
            too_short=outputs.too_short,
            out_of_distribution=outputs.out_of_distribution,
            seen_in_training=outputs.seen_in_training,
        )

    def member_outputs(self, X: Sequence[str], *, light: bool = False) -> MemberOutputs:
        """Return the outputs of the members, the input of `logits` and `member_logits`.

        Args:
            X: texts.
            light: see `predict_proba`.
        """
        check_is_fitted(self, "members_")
        texts = validate_texts(X)
        num_words = word_counts(texts)
        too_short = num_words < MIN_WORDS
        light_outputs, is_copy = self.members_.light.outputs_and_copies(texts)
        return MemberOutputs(
            light=light_outputs,
            slow=None if light or self.stacks_.full is None else self._slow_outputs(texts),
            num_words=num_words,
            too_short=too_short,
            out_of_distribution=is_out_of_distribution(light_outputs, self.known_share_limits_) & ~too_short,
            seen_in_training=is_copy,
        )

    def logits(self, outputs: MemberOutputs) -> Float[np.ndarray, " texts"]:
        """Return the calibrated logit that each text was generated, at a base rate of 0.5."""
        return self.stacks_.logits(outputs)

    def member_logits(self, outputs: MemberOutputs) -> dict[str, Float[np.ndarray, " texts"]]:
        """Return the logits of each member alone, and of the light members together ("light members")."""
        return self.stacks_.member_logits(outputs, self.members_.slow_slices)

    def fingerprint(self) -> str:
        """Return a hash of the light stack and of the stacks of single members.

        The hash differs between detectors that were fitted differently, so an interrupted call of `score_table` can
        check that it is resumed with the same detector.
        """
        check_is_fitted(self, "members_")
        digest = sha256()
        for stack in (self.stacks_.light, *self.stacks_.members.values()):
            for array in stack.to_arrays().values():
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def explain(self, text: str, *, base_rate: float = 0.5) -> Explanation:
        """Explain the score of a text.

        Args:
            text: text.
            base_rate: expected share of generated texts.

        Raises:
            ConfigError: the base rate is not between 0 and 1.
        """
        check_base_rate(base_rate)
        return explain(self, validate_texts([text])[0], base_rate)

    def _slow_outputs(self, texts: Sequence[str]) -> Float[np.ndarray, "texts slow_outputs"]:
        """Return the outputs of the slow members; last, the extreme logits of each text's halves and quarters."""
        segments = split_segments(texts)
        segment_logits = self.stacks_.light.logits(self.members_.light.outputs(segments), word_counts(segments))
        return np.hstack([self.members_.slow_outputs(texts), extreme_logits(segment_logits)])

    def _fit_slow_members(self, data: TrainingSet) -> "tuple[Encoder | None, LanguageModelPair | None]":
        """Fit the encoder and the language models to the texts with the role `TRAINING`.

        Ctrl-C leaves out those that are not finished.
        """
        training = data.roles == TRAINING
        encoder: Encoder | None = None
        language_models = None
        self.interrupted_ = False
        try:
            if self.language_model_trainer is not None:
                self._stage("training two language models")
                sides = (
                    data.select(training & data.is_original & (data.classes == side)) for side in (REAL, GENERATED)
                )
                language_models = self.language_model_trainer(*sides)
            if self.encoder:
                self._stage("training an encoder")
                classified = training & (data.classes != HARD_NEGATIVE)
                # Spliced texts count as generated.
                is_generated = data.classes[classified] != REAL
                encoder = fit_encoder(data.select(classified), is_generated, self.seed, self.encoder_settings)
        except KeyboardInterrupt:
            self.interrupted_ = True
        return encoder, language_models

    def _measure(
        self,
        data: TrainingSet,
        light_outputs: Float[np.ndarray, "texts outputs"],
        slow_outputs: Float[np.ndarray, "texts slow_outputs"] | None,
    ) -> None:
        """Set limits, percentiles and the area under the ROC curve from the unchanged calibration texts.

        Args:
            data: training set.
            light_outputs: outputs of the cross-fitted light members for the training set.
            slow_outputs: outputs of the slow members for the training set; None without slow members.
        """
        measured = (data.roles == CALIBRATION) & data.is_original & (data.classes != HARD_NEGATIVE)
        generated = data.classes[measured] == GENERATED
        light = light_outputs[measured]
        slow = None if slow_outputs is None else slow_outputs[measured]
        self.known_share_limits_ = fit_known_share_limits(light[~generated])
        self.percentiles_ = OutputPercentiles.fit(light if slow is None else np.hstack([light, slow]), generated)
        no_flags = np.zeros(len(light), bool)
        outputs = MemberOutputs(
            light=light,
            slow=slow,
            num_words=word_counts(data.select(measured)),
            too_short=no_flags,
            out_of_distribution=no_flags,
            seen_in_training=no_flags,
        )
        self.report_ = _roc_aucs({"all": self.logits(outputs), **self.member_logits(outputs)}, generated)

    def _note(self, message: str) -> None:
        if self.note is not None:
            self.note(message)

    def _stage(self, name: str) -> None:
        if (report := self.stage or self.note) is not None:
            report(name)


def _roc_aucs(logits: dict[str, np.ndarray], generated: Bool[np.ndarray, " texts"]) -> dict[str, float]:
    """Return the area under the ROC curve of the logits of each member."""
    from sklearn.metrics import roc_auc_score

    return {member: float(roc_auc_score(generated, values)) for member, values in logits.items()}
