"""The critic: a stack of readers of different kinds, after scikit-learn's conventions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from seqloom.config import validate
from seqloom.config.settings import is_integer
from seqloom.critic.ordinal_targets import OrdinalTargets
from seqloom.critic.rank_calibration import RankCalibration
from seqloom.critic.stacking import StackedRegressor, correlations
from seqloom.data.conditions import Scale, fit_scale
from seqloom.errors import ConfigError
from seqloom.text_features.config import EncoderSettings, NetworkSettings
from seqloom.text_features.linear_models import Ordinal, Ridge
from seqloom.text_features.ngram_network import NGramNetwork
from seqloom.text_features.ngrams import NGrams, count_ngrams
from seqloom.text_features.validate_texts import checked_texts, numbered_groups

if TYPE_CHECKING:
    from seqloom.text_features.encoder import Encoder

__all__ = ["Critic", "Members"]

_LEAST = 20
"""Rated texts that a critic needs at least."""

_SEEDS = 2**32
"""Seeds that there are."""


@dataclass(frozen=True)
class Members:
    """The readers that are blended; each answers the thresholds of the rating.

    Attributes:
        ngrams: what all but the encoder see.
        ridge: least squares.
        ordinal: logistic regression of the answers.
        network: the neural one of n-grams.
        encoder: the convolutional one; None where it is left out.
    """

    ngrams: NGrams
    ridge: Ridge
    ordinal: Ordinal
    network: NGramNetwork
    encoder: "Encoder | None"

    def logits(
        self, texts: Sequence[str], thresholds: OrdinalTargets
    ) -> dict[str, Float[np.ndarray, "texts thresholds"]]:
        """The logits of each, by name."""
        return self.answers(self.ngrams.weigh(count_ngrams(texts)), texts, thresholds)

    def answers(
        self, rows: Any, texts: Sequence[str], thresholds: OrdinalTargets
    ) -> dict[str, Float[np.ndarray, "texts thresholds"]]:
        """The same where the n-grams have been weighed already."""
        levels = np.asarray(thresholds.scale.positions)
        middles = (levels[1:] + levels[:-1]) / 2
        found = {
            "ridge": 8 * (self.ridge.level(rows)[:, None] - middles),
            "ordinal": self.ordinal.logits(rows),
            "network": np.asarray(self.network.logits(rows), np.float64),
        }
        if self.encoder is not None:
            found["encoder"] = np.asarray(self.encoder.logits(texts), np.float64)
        return found


class Critic(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts the rating of a text.

    Ridge regression, ordinal logistic regression and a small neural network of n-grams, perhaps a convolutional
    encoder, each learn the ratings; a blend of them is learned on texts that they did not see (stacking, Wolpert 1992),
    in folds that keep groups whole.

    Args:
        encoder: whether the convolutional encoder is one of them; it takes as long as all others together, and of some
            thousand texts it learns little that they do not know.
        folds: parts that the texts are divided into to learn the blend.
        encoder_settings: how the encoder is built and trained; None is `EncoderSettings()`.
        seed: of folds, weights and order.
        note: is told what is done, a line at a time; None tells nobody.

    Attributes:
        scale_: of the ratings.
        members_: the readers, trained on all texts.
        blend_: how they are made one.
        ranks_: how its predictions are spread, and how ratings are.
        report_: how well each of them, and the blend, predicted texts that they had not seen: by name, Pearson's
            correlation and the mean absolute error.
    """

    def __init__(
        self,
        *,
        encoder: bool = False,
        folds: int = 4,
        encoder_settings: EncoderSettings | None = None,
        seed: int = 0,
        note: Callable[[str], None] | None = None,
    ) -> None:
        self.encoder = encoder
        self.folds = folds
        self.encoder_settings = encoder_settings
        self.seed = seed
        self.note = note

    def fit(self, X: Sequence[str], y: Any, groups: Any = None, *, name: str = "rating") -> Self:
        """Learn from rated texts.

        Args:
            X: texts.
            y: their ratings.
            groups: which texts belong together and stay in one fold; None is each on its own.
            name: of the rating.

        Raises:
            ConfigError: the texts are too few, are none, or have nothing in common; a rating is missing; a setting is
                out of range.
            SourceError: the ratings are all the same.
        """
        from sklearn.model_selection import GroupKFold

        texts, ratings = _checked(X, y)
        groups = numbered_groups(groups, len(texts))
        self._check(len(np.unique(groups)))
        self.scale_: Scale = fit_scale(name, ratings)
        thresholds = OrdinalTargets(self.scale_)
        self._say("counting n-grams")
        counts = count_ngrams(texts)
        unseen: dict[str, np.ndarray] = {}
        folds = list(GroupKFold(self.folds, shuffle=True, random_state=self.seed).split(ratings, groups=groups))
        for number, (known, left) in enumerate(folds, 1):
            self._say(f"fold {number} of {self.folds}")
            members = self._members([texts[at] for at in known], counts[known], ratings[known], thresholds, number)
            rows = members.ngrams.weigh(counts[left])
            for member, logits in members.answers(rows, [texts[at] for at in left], thresholds).items():
                unseen.setdefault(member, np.zeros((len(texts), thresholds.count)))[left] = logits
        above, levels = thresholds.above(ratings), self.scale_.to_unit(ratings)
        answers = np.stack(list(unseen.values()))
        self.report_ = {
            member: _figures(thresholds.level(logits), levels, self.scale_) for member, logits in unseen.items()
        }
        blended = np.zeros(len(texts))
        for known, left in folds:
            blend = StackedRegressor.fit(answers[:, known], above[known], levels[known], thresholds)
            blended[left] = thresholds.level(blend.sharpness * blend.logits(list(answers[:, left])))
        self.report_["blend"] = _figures(blended, levels, self.scale_)
        self.ranks_ = RankCalibration.fit(blended, levels)
        self.blend_ = StackedRegressor.fit(answers, above, levels, thresholds)
        self._say("all texts")
        self.members_ = self._members(texts, counts, ratings, thresholds, 0)
        return self

    def predict(self, X: Sequence[str]) -> Float[np.ndarray, " texts"]:
        """The rating of each text."""
        levels = self._levels(X)
        return self.scale_.from_unit(levels)

    def predict_rank(self, X: Sequence[str]) -> Float[np.ndarray, " texts"]:
        """The rating that stands as high among ratings as each text's among predictions; see `Ranks`."""
        levels = self._levels(X)
        return self.scale_.from_unit(self.ranks_.placed(levels))

    def _levels(self, given: Sequence[str]) -> Float[np.ndarray, " texts"]:
        """The level of each text's rating."""
        check_is_fitted(self, "members_")
        texts = checked_texts(given)
        thresholds = OrdinalTargets(self.scale_)
        if not texts:
            return np.zeros(0)
        logits = self.blend_.logits(list(self.members_.logits(texts, thresholds).values()))
        return thresholds.level(self.blend_.sharpness * logits)

    def _check(self, groups: int) -> None:
        """Refuse settings that cannot be, for so many groups of texts."""
        validate(
            (groups > 1, "all texts are of one group, and folds keep groups whole: name another group, or none"),
            (
                groups < 2 or (is_integer(self.folds, 2) and self.folds <= groups),
                f"folds got {self.folds}: choose 2 up to the number of groups, {groups}",
            ),
            (
                is_integer(self.seed, 0) and self.seed < _SEEDS,
                f"seed got {self.seed}: choose a whole number from 0 up, below {_SEEDS:,}",
            ),
        )

    def _members(
        self,
        texts: Sequence[str],
        counts: Any,
        ratings: Float[np.ndarray, " texts"],
        thresholds: OrdinalTargets,
        number: int,
    ) -> Members:
        ngrams, seed = NGrams.fit(counts), 1000 * self.seed + number
        if not len(ngrams.places):
            raise ConfigError(
                "the texts are empty, or share no characters: nothing that is learned of one tells of others"
            )
        rows, above = ngrams.weigh(counts), thresholds.above(ratings)
        encoder = None
        if self.encoder:
            from seqloom.text_features.encoder import Encoder, WordIndex

            settings = self.encoder_settings or EncoderSettings()
            encoder = Encoder(WordIndex.fit(texts), thresholds.count, settings, seed).fit(texts, above)
        return Members(
            ngrams=ngrams,
            ridge=Ridge.fit(rows, self.scale_.to_unit(ratings)),
            ordinal=Ordinal.fit(rows, above),
            network=NGramNetwork.fit(rows, above, NetworkSettings(), seed),
            encoder=encoder,
        )

    def _say(self, line: str) -> None:
        if self.note is not None:
            self.note(line)


def _checked(given: Any, ratings: Any) -> tuple[list[str], Float[np.ndarray, " texts"]]:
    texts = checked_texts(given)
    try:
        numbers = np.asarray(ratings, np.float64)
    except (TypeError, ValueError):
        raise ConfigError(f"the ratings are {ratings!r:.60}: give a number for each text") from None
    if numbers.shape != (len(texts),):
        raise ConfigError(f"{len(texts)} texts have ratings of shape {list(numbers.shape)}: give one for each")
    if not np.isfinite(numbers).all():
        raise ConfigError(
            f"{int((~np.isfinite(numbers)).sum())} ratings are missing or infinite: leave those texts out"
        )
    if len(texts) < _LEAST:
        raise ConfigError(f"{len(texts)} rated texts are too few to learn from: give {_LEAST} or more")
    return texts, numbers


def _figures(found: Float[np.ndarray, " texts"], levels: Float[np.ndarray, " texts"], scale: Scale) -> dict[str, float]:
    """Correlation on the scale's levels, and the mean error in the rating's own units."""
    off = np.abs(scale.from_unit(found) - scale.from_unit(levels))
    return {
        "pearson": float(correlations(found[None], levels)[0]),
        "mean_error": float(off.mean()),
    }
