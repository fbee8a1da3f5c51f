"""A rated run as a critic: it knows which rating makes a text likeliest."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from seqloom.data.conditions import Scale
from seqloom.errors import ConfigError
from seqloom.evaluation.bayes_inversion import rating_posterior
from seqloom.lm.evaluate import run_scorer
from seqloom.runs.saved_run import SavedRun

__all__ = ["BayesInversionCritic"]


class BayesInversionCritic:
    """Predicts the rating of a text by Bayes' rule: the mean over what it is trained on, weighed by the text.

    It is no judge of what its own run writes.

    Args:
        run: trained with ratings; the first column of numbers is predicted.

    Attributes:
        scale_: of the ratings.

    Raises:
        ConfigError: the run was not told ratings.
    """

    def __init__(self, run: SavedRun) -> None:
        conditions = run.config.conditions
        places = [place for place, column in enumerate(conditions) if isinstance(column, Scale)]
        if not places:
            raise ConfigError(f"{run.path} was not trained with `rating`, so it tells nothing of ratings")
        column = conditions.columns[places[0]]
        assert isinstance(column, Scale)
        self.scale_ = column
        self._run = run
        values = np.full((len(column.knots), len(conditions)), np.nan)
        values[:, places[0]] = column.knots
        self._features = run.config.features(values)
        self._priors = np.array(column.shares or np.full(len(column.knots), 1 / len(column.knots)))

    def predict(self, texts: Sequence[str]) -> Float[np.ndarray, " texts"]:
        """The rating of each text; symbols that the run does not know are passed over."""
        if not len(texts):
            return np.zeros(0)
        codec = self._run.codec
        read = [codec.encode(self._run.normalize(text), skip_unknown=True).astype(np.int64) for text in texts]
        documents = [np.concatenate([[codec.bos_id], ids, [codec.bos_id]]) for ids in read]
        posterior = rating_posterior(run_scorer(self._run), documents, self._features, self._priors)
        return self.scale_.from_unit(posterior @ np.asarray(self.scale_.positions))
