"""A rated run as a critic: infer the rating from the likelihood of the text under each rating."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from seqloom.data.scale import Scale
from seqloom.errors import ConfigError
from seqloom.evaluation.bayes_inversion import rating_posterior
from seqloom.lm.evaluate import run_scorer
from seqloom.runs.saved_run import SavedRun

__all__ = ["BayesInversionCritic"]


class BayesInversionCritic:
    """Predict the rating of a text by Bayes' rule.

    The prediction is the mean of the posterior over the knots of the scale, some of its ratings in ascending order. The
    prior is each knot's share of the training texts.

    This critic is not an independent judge of texts that the same run generated.

    Args:
        run: run trained with ratings; its first numeric rating is predicted.

    Attributes:
        scale_: scale of the ratings.
        table_rules_: version of the rules by which the table of the run was divided into groups and pools.

    Raises:
        ConfigError: the run has no numeric rating.
    """

    def __init__(self, run: SavedRun) -> None:
        conditions = run.config.conditions
        scale_columns = [column for column, condition in enumerate(conditions) if isinstance(condition, Scale)]
        if not scale_columns:
            raise ConfigError(f"{run.path} was not trained with `rating`, so it cannot rate texts")
        scale = conditions.columns[scale_columns[0]]
        assert isinstance(scale, Scale)
        self.scale_ = scale
        self.table_rules_ = run.config.reading.table_rules
        self._run = run
        # One row for each knot, one column for each condition. NaN leaves the other conditions open.
        condition_values = np.full((len(scale.knots), len(conditions)), np.nan)
        condition_values[:, scale_columns[0]] = scale.knots
        self._features = run.config.features(condition_values)
        self._priors = np.array(scale.shares or np.full(len(scale.knots), 1 / len(scale.knots)))

    def predict(self, texts: Sequence[str]) -> Float[np.ndarray, " texts"]:
        """Return the rating of each text; symbols outside the vocabulary are skipped."""
        if not len(texts):
            return np.zeros(0)
        codec = self._run.text_codec
        encoded = [codec.encode_text(self._run.normalize(text), skip_unknown=True).astype(np.int64) for text in texts]
        # `bos_id`, the codec's boundary or 0, stands before and after each document.
        documents = [np.concatenate([[codec.bos_id], ids, [codec.bos_id]]) for ids in encoded]
        posterior = rating_posterior(run_scorer(self._run), documents, self._features, self._priors)
        return self.scale_.from_unit(posterior @ np.asarray(self.scale_.positions))
