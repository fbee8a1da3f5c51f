import numpy as np

from seqloom.data.batch import IGNORED
from seqloom.evaluation.bayes_inversion import rating_posterior


class ToldScorer:
    """Gives every token the probability that stands in its lane's only feature."""

    def log_probs(self, windows):
        for window in windows:
            yield window, np.where(window.targets == IGNORED, 0.0, np.log(window.features))


def test_it_is_bayes_rule_whatever_the_lengths():
    lengths = [2, 5, 3, 40, 1]
    documents = [np.arange(length) for length in lengths]
    chances, priors = np.array([0.5, 0.4, 0.1]), np.array([0.2, 0.5, 0.3])
    found = rating_posterior(ToldScorer(), documents, chances[:, None].astype(np.float32), priors)
    for row, length in zip(found, lengths, strict=True):
        joint = priors * chances ** (length - 1)
        np.testing.assert_allclose(row, joint / joint.sum(), rtol=1e-3)
