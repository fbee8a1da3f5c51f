"""The critic: a stack of different models of texts, with the interface of a scikit-learn regressor.

The models, called members, predict the ordinal targets of a text: for each of several thresholds, whether the text's
rating exceeds the threshold. The members' logits are combined into one expected rating.

The rating column's scale defines the thresholds. It has knots, some of the column's ratings in ascending order, and a
position from 0 to 1 for each knot. The thresholds lie halfway between neighbouring knots.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from seqloom.config import validate
from seqloom.config.settings import is_integer
from seqloom.critic.ordinal_targets import OrdinalTargets
from seqloom.critic.rank_calibration import RankCalibration
from seqloom.critic.stacking import StackedRegressor, pearson_correlations
from seqloom.data.scale import Scale, fit_scale
from seqloom.errors import ConfigError
from seqloom.reporter import Reporter
from seqloom.text_features.config import EncoderSettings, NetworkSettings
from seqloom.text_features.linear_models import OrdinalRegression, RidgeRegression
from seqloom.text_features.ngram_network import NGramNetwork
from seqloom.text_features.ngrams import NGrams, count_ngrams
from seqloom.text_features.validate_texts import group_numbers, validate_texts

if TYPE_CHECKING:
    from seqloom.text_features.encoder import Encoder

__all__ = ["Critic", "Members"]

_MIN_TEXTS = 20
_NUM_SEEDS = 2**32
"""Seeds below this number are valid in scikit-learn."""

_RIDGE_SLOPE = 8
"""Factor that turns the ridge regression's distance from a threshold into a logit."""


@dataclass(frozen=True)
class Members:
    """The models that a critic combines; each predicts the ordinal targets of a rating.

    Attributes:
        ngrams: computation of the n-gram features, the input of all members but the encoder.
        ridge: ridge regression.
        ordinal: ordinal logistic regression.
        network: neural network on n-grams.
        encoder: convolutional encoder, or None.
    """

    ngrams: NGrams
    ridge: RidgeRegression
    ordinal: OrdinalRegression
    network: NGramNetwork
    encoder: "Encoder | None"

    def logits(self, texts: Sequence[str], targets: OrdinalTargets) -> dict[str, Float[np.ndarray, "texts thresholds"]]:
        """Return the logits of each member by name."""
        return self.logits_from_ngrams(self.ngrams.transform(count_ngrams(texts)), texts, targets)

    def logits_from_ngrams(
        self, ngram_features: Any, texts: Sequence[str], targets: OrdinalTargets
    ) -> dict[str, Float[np.ndarray, "texts thresholds"]]:
        """Return the logits of each member by name.

        Args:
            ngram_features: n-gram features of the texts, as sparse rows.
            texts: texts, for the encoder.
            targets: thresholds of the ordinal targets.
        """
        positions = np.asarray(targets.scale.positions)
        thresholds = (positions[1:] + positions[:-1]) / 2
        logits = {
            "ridge": _RIDGE_SLOPE * (self.ridge.predict(ngram_features)[:, None] - thresholds),
            "ordinal": self.ordinal.logits(ngram_features),
            "network": np.asarray(self.network.logits(ngram_features), np.float64),
        }
        if self.encoder is not None:
            logits["encoder"] = np.asarray(self.encoder.logits(texts), np.float64)
        return logits


class Critic(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predict the rating of a text.

    The members are ridge regression, ordinal logistic regression and a small neural network, all on n-grams, and
    optionally a convolutional encoder. They are combined by stacking (Wolpert 1992): the weights are fitted by
    cross-validation on texts that the members did not see. Texts of one group are always in the same fold.

    Args:
        encoder: whether to include the convolutional encoder; it doubles the training time and helps little with
            a few thousand texts.
        folds: number of cross-validation folds.
        encoder_settings: size and training of the encoder; None for `EncoderSettings()`.
        seed: seed of the folds, the initial weights and the order of the texts.
        note: function that receives progress messages, or None.

    Attributes:
        scale_: scale of the ratings.
        members_: members, fitted to all texts.
        stacking_: combination of the members.
        rank_calibration_: map from a prediction to the true rating of the same rank.
        report_: accuracy on unseen texts, of each member and of the combination ("blend"): Pearson's correlation and
            the mean absolute error.
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
        note: Reporter | None = None,
    ) -> None:
        self.encoder = encoder
        self.folds = folds
        self.encoder_settings = encoder_settings
        self.seed = seed
        self.note = note

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
        from sklearn.model_selection import GroupKFold

        texts, ratings = _validate_rated_texts(X, y)
        groups = group_numbers(groups, len(texts))
        self._validate_settings(len(np.unique(groups)))
        self.scale_: Scale = fit_scale(name, ratings)
        targets = OrdinalTargets(self.scale_)
        self._note("counting n-grams")
        counts = count_ngrams(texts)
        folds = list(GroupKFold(self.folds, shuffle=True, random_state=self.seed).split(ratings, groups=groups))
        logits = self._cross_validated_logits(texts, counts, ratings, targets, folds)
        self._fit_stacking(logits, ratings, targets, folds)
        self._note("fitting to all texts")
        self.members_ = self._fit_members(texts, counts, ratings, targets, fold=0)
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

    def _cross_validated_logits(
        self,
        texts: Sequence[str],
        counts: Any,
        ratings: Float[np.ndarray, " texts"],
        targets: OrdinalTargets,
        folds: Sequence[tuple[Int[np.ndarray, " train"], Int[np.ndarray, " test"]]],
    ) -> dict[str, Float[np.ndarray, "texts thresholds"]]:
        """Return the logits of each member for every text, from members that were not fitted to the text."""
        logits: dict[str, np.ndarray] = {}
        for number, (train, test) in enumerate(folds, 1):
            self._note(f"fold {number} of {self.folds}")
            members = self._fit_members(
                [texts[index] for index in train], counts[train], ratings[train], targets, fold=number
            )
            ngram_features = members.ngrams.transform(counts[test])
            fold_logits = members.logits_from_ngrams(ngram_features, [texts[index] for index in test], targets)
            for member, logits_of_member in fold_logits.items():
                logits.setdefault(member, np.zeros((len(texts), targets.num_thresholds)))[test] = logits_of_member
        return logits

    def _fit_stacking(
        self,
        logits: dict[str, Float[np.ndarray, "texts thresholds"]],
        ratings: Float[np.ndarray, " texts"],
        targets: OrdinalTargets,
        folds: Sequence[tuple[Int[np.ndarray, " train"], Int[np.ndarray, " test"]]],
    ) -> None:
        """Fit the combination and the rank calibration, and measure the accuracy of members and combination.

        For the measurement, the combination is fitted to all folds but one and predicts the remaining fold, whose texts
        are then unseen. The final combination is fitted to all folds.
        """
        above, unit_ratings = targets.above(ratings), self.scale_.to_unit(ratings)
        member_logits = np.stack(list(logits.values()))
        self.report_ = {
            member: _accuracy(targets.expected_rating(logits_of_member), unit_ratings, self.scale_)
            for member, logits_of_member in logits.items()
        }
        predicted = np.zeros(len(ratings))
        for train, test in folds:
            stacking = StackedRegressor.fit(member_logits[:, train], above[train], unit_ratings[train], targets)
            test_logits = stacking.logits(list(member_logits[:, test]))
            predicted[test] = targets.expected_rating(stacking.sharpness * test_logits)
        self.report_["blend"] = _accuracy(predicted, unit_ratings, self.scale_)
        self.rank_calibration_ = RankCalibration.fit(predicted, unit_ratings)
        self.stacking_ = StackedRegressor.fit(member_logits, above, unit_ratings, targets)

    def _fit_members(
        self,
        texts: Sequence[str],
        counts: Any,
        ratings: Float[np.ndarray, " texts"],
        targets: OrdinalTargets,
        fold: int,
    ) -> Members:
        """Fit all members.

        Args:
            texts: training texts.
            counts: n-gram counts of the texts.
            ratings: rating of each text.
            targets: thresholds of the ordinal targets.
            fold: number of the excluded fold, from 1; 0 if no fold is excluded. Each fold has another seed.
        """
        ngrams, seed = NGrams.fit(counts), 1000 * self.seed + fold
        if not len(ngrams.buckets):
            raise ConfigError("the texts are empty, or share no n-grams, so nothing can be learned: pass other texts")
        ngram_features, above = ngrams.transform(counts), targets.above(ratings)
        return Members(
            ngrams=ngrams,
            encoder=self._fit_encoder(texts, above, seed) if self.encoder else None,
            ridge=RidgeRegression.fit(ngram_features, self.scale_.to_unit(ratings)),
            ordinal=OrdinalRegression.fit(ngram_features, above),
            network=NGramNetwork.fit(ngram_features, above, NetworkSettings(), seed),
        )

    def _fit_encoder(self, texts: Sequence[str], above: Bool[np.ndarray, "texts thresholds"], seed: int) -> "Encoder":
        from seqloom.text_features.encoder import Encoder, WordIndex

        settings = self.encoder_settings or EncoderSettings()
        return Encoder(WordIndex.fit(texts), above.shape[1], settings, seed).fit(texts, above)

    def _note(self, line: str) -> None:
        if self.note is not None:
            self.note(line)


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
