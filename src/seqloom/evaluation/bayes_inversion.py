"""The posterior of a text's rating by Bayes' rule, from a conditional language model (Lipton et al. 2015).

A conditional model reads the features of a rating, and predicts texts of this rating. The posterior of a rating is
proportional to the probability of the text with this rating, times the prior probability of the rating. A piece is a
stretch of tokens that the model reads from the zero state, the state of a model that has read nothing yet.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32, Integer

from seqloom.evaluation.scorer import Scorer
from seqloom.evaluation.scoring_windows import Piece, length_groups, windows

__all__ = ["rating_posterior"]


def rating_posterior(
    scorer: Scorer,
    documents: Sequence[Integer[np.ndarray, " time"]],
    features: Float32[np.ndarray, "ratings features"],
    priors: Float[np.ndarray, " ratings"],
) -> Float[np.ndarray, "documents ratings"]:
    """Return the posterior probabilities of the ratings for each text.

    Args:
        scorer: scorer of a conditional model.
        documents: ids of each text; the first id of each is read but not scored.
        features: features of each rating, as the model reads them.
        priors: prior probability of each rating, summing to 1.
    """
    ends = np.cumsum([len(document) for document in documents]).tolist()
    tokens = np.concatenate(documents)
    pieces = [
        Piece(start=end - len(document), stop=end, first_scored=end - len(document) + 1, document=index)
        for index, (end, document) in enumerate(zip(ends, documents, strict=True))
    ]
    log_joint = np.tile(np.log(np.maximum(priors, 1e-12)), (len(documents), 1))  # the minimum avoids log(0)
    for rating_index, rating_features in enumerate(features):
        features_by_document = np.tile(rating_features, (len(documents), 1))
        # A piece of one id has nothing to score.
        for group in length_groups([piece for piece in pieces if piece.stop - piece.start >= 2]):
            document_indices = [piece.document for piece in group]
            for _window, log_probs in scorer.log_probs(windows(tokens, group, features_by_document)):
                # A row per piece, a column per position of the window; 0 at positions after the end of a piece.
                log_joint[document_indices, rating_index] += log_probs.sum(axis=1)
    posterior = np.exp(log_joint - log_joint.max(axis=1, keepdims=True))
    posterior /= posterior.sum(axis=1, keepdims=True)
    return np.asarray(posterior)
