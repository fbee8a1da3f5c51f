"""The posterior of a text's rating by Bayes' rule, from a conditional language model (Lipton et al. 2015)."""

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
    """Return the probability of each rating given each text.

    Args:
        scorer: scorer of a conditional model.
        documents: ids of each text; the first id of each is read but not scored.
        features: features of each rating.
        priors: prior probability of each rating, summing to 1.
    """
    ends = np.cumsum([len(document) for document in documents]).tolist()
    records = np.concatenate(documents)
    pieces = [
        Piece(end - len(document), end, end - len(document) + 1, number)
        for number, (end, document) in enumerate(zip(ends, documents, strict=True))
    ]
    joint = np.tile(np.log(np.maximum(priors, 1e-12)), (len(documents), 1))
    for rating, row in enumerate(features):
        repeated = np.tile(row, (len(documents), 1))
        for group in length_groups([piece for piece in pieces if piece.stop - piece.start >= 2]):
            numbers = [piece.document for piece in group]
            for _, log_probs in scorer.log_probs(windows(records, group, repeated)):
                joint[numbers, rating] += log_probs.sum(axis=1)
    weights = np.exp(joint - joint.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(weights)
