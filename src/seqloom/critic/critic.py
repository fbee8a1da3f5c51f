"""The critic: a stack of different models of texts, with the interface of a scikit-learn regressor.

The models, called members, predict the ordinal targets of a text: for each of several thresholds, whether the text's
rating exceeds the threshold. The members' logits are combined into one expected rating.

The rating column's scale defines the thresholds. It has knots, some of the column's ratings in ascending order, and a
position from 0 to 1 for each knot. The thresholds lie halfway between neighbouring knots.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from jaxtyping import Bool, Float
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from seqloom.config import validate
from seqloom.config.settings import is_integer
from seqloom.critic.cross_validation import CrossValidation, Fold, RatedTexts
from seqloom.critic.fit_schedule import FitSchedule
from seqloom.critic.members import Members
from seqloom.critic.ordinal_targets import OrdinalTargets
from seqloom.critic.rank_calibration import RankCalibration
from seqloom.critic.stacking import StackedRegressor, pearson_correlations
from seqloom.data.scale import Scale, fit_scale
from seqloom.errors import ConfigError
from seqloom.reporter import Reporter
from seqloom.stopwatch import Stopwatch, TimeBudget
from seqloom.text_features.config import EncoderSettings, NetworkSettings
from seqloom.text_features.linear_models import OrdinalRegression, RidgeRegression
from seqloom.text_features.ngram_network import NGramNetwork
from seqloom.text_features.ngrams import NGrams, count_ngrams
from seqloom.text_features.validate_texts import group_numbers, validate_texts

if TYPE_CHECKING:
    from seqloom.text_features.encoder import Encoder

__all__ = ["Critic"]

_MIN_TEXTS = 20
_MEASURED_TEXTS = 300
"""Number of texts of the fit that measures the speed. A time budget is planned if there are more."""

_TIMED_NETWORK = NetworkSettings(updates=1)
"""Settings of the network in a time budget, in which the number of updates is proportional to that of the texts."""

_NUM_SEEDS = 2**32
"""Seeds below this number are valid in scikit-learn."""


class Critic(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predict the rating of a text.

    The members are ridge regression, ordinal logistic regression and a small neural network, all on n-grams, and
    optionally a convolutional encoder. They are combined by stacking (Wolpert 1992): the weights are fitted by
    cross-validation on texts that the members did not see. Texts of one group are always in the same fold.

    With a time budget, the cross-validation and the final fit use as many texts as there is time for. Ctrl-C after the
    first fold ends the fit with the members of the last finished fold.

    Args:
        encoder: whether to include the convolutional encoder; it doubles the training time and helps little with
            a few thousand texts.
        folds: number of cross-validation folds.
        encoder_settings: size and training of the encoder; None for `EncoderSettings()`.
        seed: seed of the folds, the initial weights and the order of the texts.
        minutes: time budget of the fit; None for no limit.
        note: function that receives progress messages, or None.
        stage: function that receives the name of each stage; None for `note`.

    Attributes:
        scale_: scale of the ratings.
        members_: members, fitted to all texts.
        stacking_: combination of the members.
        rank_calibration_: map from a prediction to the true rating of the same rank.
        report_: accuracy on unseen texts, of each member and of the combination ("blend"): Pearson's correlation and
            the mean absolute error.
        num_fitted_: number of texts to which the members were fitted.
        interrupted_: whether Ctrl-C ended the fit early.
        table_rules_: version of the rules by which the table of the texts was divided into groups and pools; None for
            texts that were passed from Python.
    """

    table_rules_: int | None = None

    def __init__(
        self,
        *,
        encoder: bool = False,
        folds: int = 4,
        encoder_settings: EncoderSettings | None = None,
        seed: int = 0,
        minutes: float | None = None,
        note: Reporter | None = None,
        stage: Reporter | None = None,
    ) -> None:
        self.encoder = encoder
        self.folds = folds
        self.encoder_settings = encoder_settings
        self.seed = seed
        self.minutes = minutes
        self.note = note
        self.stage = stage

    def fit(self, X: Sequence[str], y: Any, groups: Any = None, *, name: str = "rating") -> Self:
        """Fit to rated texts.

        Args:
            X: texts.
            y: rating of each text.
            groups: group of each text; a group stays in one fold. None puts each text into a separate group.
            name: name of the rating.

        Raises:
            ConfigError: there are too few texts, the texts are empty or share no n-grams, a rating is missing, or a
                setting is out of range.
            SourceError: all ratings are equal.
        """
        budget = None if self.minutes is None else TimeBudget(Stopwatch(), 60 * self.minutes)
        texts, ratings = _validate_rated_texts(X, y)
        groups = group_numbers(groups, len(texts))
        self._validate_settings(len(np.unique(groups)))
        self.scale_: Scale = fit_scale(name, ratings)
        self.interrupted_ = False
        data = RatedTexts(np.array(texts, object), ratings, groups)
        targets = OrdinalTargets(self.scale_)
        schedule = None
        chosen, num_folds = np.arange(len(texts)), self.folds
        if budget is not None:
            schedule = FitSchedule(budget, groups, self.seed, self._note)
            if len(texts) > _MEASURED_TEXTS:
                self._measure(data, targets, schedule)
                chosen, num_folds = schedule.cross_validation(self.folds)
        validated = self._cross_validate(data.select(chosen), targets, num_folds, schedule)
        self._fit_stacking(validated, targets)
        self.members_, self.num_fitted_ = validated.members, validated.num_fitted
        if not self.interrupted_:
            self._fit_final_members(data, targets, schedule, num_least=validated.num_fitted)
        return self

    def predict(self, X: Sequence[str]) -> Float[np.ndarray, " texts"]:
        """Return the rating of each text.

        Raises:
            NotFittedError: the critic was not fitted.
            ConfigError: `X` is not a list of texts.
        """
        predicted = self._predict_unit(X)
        return self.scale_.from_unit(predicted)

    def predict_rank(self, X: Sequence[str]) -> Float[np.ndarray, " texts"]:
        """Replace each text's prediction by the true rating of the same rank (quantile mapping).

        Predictions lie closer to the middle than true ratings. This mapping, fitted to the training texts, gives them
        the distribution of the true ratings.

        Raises:
            NotFittedError: the critic was not fitted.
            ConfigError: `X` is not a list of texts.
        """
        predicted = self._predict_unit(X)
        return self.scale_.from_unit(self.rank_calibration_.transform(predicted))

    def _predict_unit(self, X: Sequence[str]) -> Float[np.ndarray, " texts"]:
        """Return the rating of each text, scaled to 0..1."""
        check_is_fitted(self, "members_")
        texts = validate_texts(X)
        targets = OrdinalTargets(self.scale_)
        if not texts:
            return np.zeros(0)
        logits = self.stacking_.logits(list(self.members_.logits(texts, targets).values()))
        return targets.expected_rating(self.stacking_.sharpness * logits)

    def _validate_settings(self, num_groups: int) -> None:
        """Raise an error if a setting is out of range for this number of groups."""
        validate(
            (
                num_groups > 1,
                "all texts belong to one group, and a group cannot be divided into folds: name another group, or none",
            ),
            (
                num_groups < 2 or (is_integer(self.folds, least=2) and self.folds <= num_groups),
                f"folds got {self.folds}: choose 2 up to the number of groups, {num_groups}",
            ),
            (
                is_integer(self.seed, least=0) and self.seed < _NUM_SEEDS,
                f"seed got {self.seed}: choose an integer from 0 to {_NUM_SEEDS - 1:,}",
            ),
        )

    def _measure(self, data: RatedTexts, targets: OrdinalTargets, schedule: FitSchedule) -> None:
        """Measure the duration of a fit to a few texts, after a smaller fit that is not measured."""
        self._stage("measuring the speed")
        for count in (_MEASURED_TEXTS // 10, _MEASURED_TEXTS):
            stopwatch = Stopwatch()
            part = data.select(schedule.first_texts(count))
            counts = count_ngrams(part.texts)
            members = self._fit_members(part, counts, targets, fold=0)
            members.logits_from_ngrams(members.ngrams.transform(counts), part.texts, targets)
        schedule.measure(stopwatch.seconds(), count)

    def _cross_validate(
        self, data: RatedTexts, targets: OrdinalTargets, num_folds: int, schedule: FitSchedule | None
    ) -> CrossValidation:
        """Fit members to all texts but those of a fold, and let them predict the fold, for each fold.

        After the first fold, Ctrl-C and a time budget that is used up end the cross-validation.
        """
        from sklearn.model_selection import GroupKFold

        self._stage("counting n-grams")
        counts = count_ngrams(data.texts)
        splits = GroupKFold(num_folds, shuffle=True, random_state=self.seed).split(data.ratings, groups=data.groups)
        folds: list[Fold] = []
        for number, (train, test) in enumerate(splits, 1):
            if folds and schedule is not None and not schedule.has_time_for(len(train)):
                self._note(f"there is time for {len(folds)} of {num_folds} folds")
                break
            self._stage(f"fold {number} of {num_folds}")
            stopwatch = Stopwatch()
            try:
                members = self._fit_members(data.select(train), counts[train], targets, fold=number)
                ngram_features = members.ngrams.transform(counts[test])
                logits = members.logits_from_ngrams(ngram_features, data.select(test).texts, targets)
            except KeyboardInterrupt:
                if not folds:
                    raise
                self.interrupted_ = True
                break
            folds.append(Fold(data.ratings[test], logits, members, len(train)))
            if schedule is not None:
                schedule.measure(stopwatch.seconds(), len(train))
        return CrossValidation(folds)

    def _fit_final_members(
        self, data: RatedTexts, targets: OrdinalTargets, schedule: FitSchedule | None, num_least: int
    ) -> None:
        """Fit the final members to all texts, or to those for which there is time.

        The members of a fold stay if there is time for fewer texts than their `num_least`, or after Ctrl-C.
        """
        chosen = np.arange(len(data.texts)) if schedule is None else schedule.final_texts(num_least)
        if chosen is None:
            return
        self._stage("fitting to all texts" if len(chosen) == len(data.texts) else f"fitting to {len(chosen):,} texts")
        part = data.select(chosen)
        try:
            self.members_ = self._fit_members(part, count_ngrams(part.texts), targets, fold=0)
            self.num_fitted_ = len(chosen)
        except KeyboardInterrupt:
            self.interrupted_ = True

    def _fit_stacking(self, validated: CrossValidation, targets: OrdinalTargets) -> None:
        """Fit the combination and the rank calibration, and measure the accuracy of members and combination.

        For the measurement, the combination is fitted to all folds but one and predicts the remaining fold, whose texts
        are then unseen. The final combination is fitted to all folds.
        """
        ratings, logits = validated.ratings, validated.logits
        above, unit_ratings = targets.above(ratings), self.scale_.to_unit(ratings)
        member_logits = np.stack(list(logits.values()))
        self.report_ = {
            member: _accuracy(targets.expected_rating(logits_of_member), unit_ratings, self.scale_)
            for member, logits_of_member in logits.items()
        }
        predicted = np.zeros(len(ratings))
        for part in range(validated.num_parts):
            train, test = validated.parts != part, validated.parts == part
            stacking = StackedRegressor.fit(member_logits[:, train], above[train], unit_ratings[train], targets)
            test_logits = stacking.logits(list(member_logits[:, test]))
            predicted[test] = targets.expected_rating(stacking.sharpness * test_logits)
        self.report_["blend"] = _accuracy(predicted, unit_ratings, self.scale_)
        self.rank_calibration_ = RankCalibration.fit(predicted, unit_ratings)
        self.stacking_ = StackedRegressor.fit(member_logits, above, unit_ratings, targets)

    def _fit_members(self, data: RatedTexts, counts: Any, targets: OrdinalTargets, fold: int) -> Members:
        """Fit all members.

        Args:
            data: training texts.
            counts: n-gram counts of the texts.
            targets: thresholds of the ordinal targets.
            fold: number of the excluded fold, from 1; 0 if no fold is excluded. Each fold has another seed.
        """
        ngrams, seed = NGrams.fit(counts), 1000 * self.seed + fold
        if not len(ngrams.buckets):
            raise ConfigError("the texts are empty, or share no n-grams, so nothing can be learned: pass other texts")
        ngram_features, above = ngrams.transform(counts), targets.above(data.ratings)
        network = NetworkSettings() if self.minutes is None else _TIMED_NETWORK
        return Members(
            ngrams=ngrams,
            encoder=self._fit_encoder(data.texts, above, seed) if self.encoder else None,
            ridge=RidgeRegression.fit(ngram_features, self.scale_.to_unit(data.ratings)),
            ordinal=OrdinalRegression.fit(ngram_features, above),
            network=NGramNetwork.fit(ngram_features, above, network, seed),
        )

    def _fit_encoder(self, texts: Sequence[str], above: Bool[np.ndarray, "texts thresholds"], seed: int) -> "Encoder":
        from seqloom.text_features.encoder import Encoder, WordIndex

        settings = self.encoder_settings or EncoderSettings()
        return Encoder(WordIndex.fit(texts), above.shape[1], settings, seed).fit(texts, above)

    def _note(self, line: str) -> None:
        if self.note is not None:
            self.note(line)

    def _stage(self, name: str) -> None:
        if (report := self.stage or self.note) is not None:
            report(name)


def _validate_rated_texts(texts: Any, ratings: Any) -> tuple[list[str], Float[np.ndarray, " texts"]]:
    """Return the texts as strings and the ratings as numbers."""
    texts = validate_texts(texts)
    try:
        numbers = np.asarray(ratings, np.float64)
    except (TypeError, ValueError):
        raise ConfigError(f"the ratings are {ratings!r:.60}: pass a number for each text") from None
    if numbers.shape != (len(texts),):
        raise ConfigError(f"{len(texts)} texts have ratings of shape {list(numbers.shape)}: pass one for each text")
    if not np.isfinite(numbers).all():
        raise ConfigError(
            f"{int((~np.isfinite(numbers)).sum())} ratings are missing or infinite: leave those texts out"
        )
    if len(texts) < _MIN_TEXTS:
        raise ConfigError(f"{len(texts)} rated texts are too few to fit a critic: pass {_MIN_TEXTS} or more")
    return texts, numbers


def _accuracy(
    predicted: Float[np.ndarray, " texts"], true: Float[np.ndarray, " texts"], scale: Scale
) -> dict[str, float]:
    """Return Pearson's correlation, and the mean absolute error in units of the rating.

    Args:
        predicted: predicted ratings, scaled to 0..1.
        true: true ratings, scaled to 0..1.
        scale: scale of the ratings.
    """
    errors = np.abs(scale.from_unit(predicted) - scale.from_unit(true))
    return {
        "pearson": float(pearson_correlations(predicted[None], true)[0]),
        "mean_error": float(errors.mean()),
    }
